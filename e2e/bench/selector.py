"""How fast the selector opens and filters with 1,000 custom models.

Each figure is the time from an input event in the page to the first frame painted after it with
the list in place, in milliseconds, on the machine it runs on; the bound is that of the product's promise.
"""

import json
import statistics
from collections.abc import Iterator

import person
from bench.measure import Row, browser_page, repeat, site
from playwright.sync_api import Page

MODELS, BOUND = 1000, 100  # custom models; milliseconds

OPEN = "document.querySelector('#model-button').click()"
IS_OPEN = "document.querySelectorAll('#selector .m').length > 20"
IS_CLOSED = "!document.querySelector('#selector')"


def typing(text: str) -> str:
    """Type into the search field as a key press does: its text changes, then the event comes."""
    return f"""const field = document.querySelector('#selector-search');
        field.value = {json.dumps(text)}; field.dispatchEvent(new InputEvent('input', {{ bubbles: true }}))"""


def count(number: str) -> str:
    """Whether the list says that this many models match."""
    return f"document.querySelector('#selector span[role=status]')?.textContent.startsWith({json.dumps(number + ' ')})"


def models() -> str:
    """Return `customModels` with a thousand entries, as different from one another as people's are."""
    sizes, kinds, families = (1, 3, 7, 13), ("q4f16_1", "q4f32_1", "q0f16"), ("Qwen", "Llama", "Boreal", "Recettes")
    return json.dumps([
        {
            "id": f"{families[n % 4]}-{n}-{sizes[n % 3]}B-{kinds[n % 3]}-MLC", "name": f"{families[n % 4]} of mine {n}",
            "url": f"https://huggingface.co/someone/model-{n}", "size": f"{sizes[n % 4]}.5 GB",
            "description": f"Fine-tuned for the purpose number {n}, and for nothing else", "custom": True,
        }
        for n in range(MODELS)
    ])  # fmt: skip


def measure(page: Page) -> dict[str, list[float]]:
    """Return the times of opening and of each kind of filtering."""

    def closed() -> None:
        page.keyboard.press("Escape")
        page.wait_for_function(IS_CLOSED)

    def everything() -> None:
        page.locator("#selector-search").fill("")
        page.locator("#filter-family").select_option("")

    def one() -> None:
        page.locator("#selector-search").fill("number 987,")

    opening = repeat(page, OPEN, IS_OPEN, closed)
    closed()
    person.open_selector(page)
    words = page.locator("#selector span[role=status]").inner_text().split()[0]
    family = """const field = document.querySelector('#filter-family');
        field.value = 'Qwen'; field.dispatchEvent(new InputEvent('input', { bubbles: true }))"""
    return {
        "open": opening,
        "type a letter (most match)": repeat(page, typing("r"), f"!({count(words)})", everything),
        "type a word (250 match)": repeat(page, typing("boreal"), count("250"), everything),
        "type a number (1 matches)": repeat(page, typing("number 987,"), count("1"), everything),
        "delete what was typed (all match)": repeat(page, typing(""), count(words), one),
        "choose a family": repeat(page, family, f"!({count(words)})", everything),
    }


def run() -> Iterator[Row]:
    """Do each thing in turns, and compare the median with the bound."""
    with site({}) as origin, browser_page() as page:
        page.add_init_script(f"localStorage.customModels = {json.dumps(models())}")
        person.open_page(page, origin)
        person.wait_until_ready(page, "The guide")
        found = measure(page)
    for name, times in found.items():
        middle = statistics.median(times)
        figures = f"{middle:.0f} ms (best {min(times):.0f}, worst {max(times):.0f})"
        yield Row(f"selector, {MODELS:,} models: {name}", figures, f"at most {BOUND} ms", middle <= BOUND)
