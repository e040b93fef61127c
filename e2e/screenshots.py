"""Pictures of every screen, in both themes and languages and at two widths: `python3 build shots`."""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

import conftest
import hub
import person
import random_model
import servers
from faulty import Fault, FaultyHost
from playwright.sync_api import Locator, Page, expect, sync_playwright
from replay import replay

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "screenshots"
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
ANSWER = r"""<think>Two ways: the formula, or adding them up. Both, then a table.</think>
The mean of $n$ numbers is their sum over $n$:

$$\bar{x} = \frac{1}{n} \sum_{i=1}^{n} x_i$$

| Day | Loaves | Flour |
|---|---:|---:|
| Monday | 12 | 6 kg |
| Tuesday | 9 | 4.5 kg |
| Wednesday | 15 | 7.5 kg |

In Python, with the *standard library*:

```python
import statistics

loaves = {"Monday": 12, "Tuesday": 9, "Wednesday": 15}
for day, count in loaves.items():
    print(f"{day:<10}{count:>4}")
print("mean", statistics.mean(loaves.values()))
```
"""
QUESTIONS = ("How many loaves a day do I bake?", "Bread with less salt", "A name for my bakery")
GONE = "https://models.example/labo/Recettes-1B-q4f32_1-MLC/resolve/main/"
FOUND = {
    "mlc-ai/Qwen3-1.7B-q4f16_1-MLC": hub.Card(31_204, files={"a": 968_000_000}),
    "mlc-ai/Qwen3-4B-q4f16_1-MLC": hub.Card(12_031, files={"a": 2_263_000_000}),
    "labo/Qwen3-0.6B-cuisine-q4f32_1-MLC": hub.Card(214, files={"a": 402_000_000}),
    "labo/Qwen3-30B-q4f16_1-MLC": hub.Card(98, gated="manual", files={"a": 17_100_000_000}),
}


@dataclass
class World:
    """The hosts of the models in the pictures; `slow` has one of some megabytes, which takes its time."""

    hub: servers.ModelHost
    slow: FaultyHost


def welcome(page: Page, _world: World) -> None:
    """The first visit."""
    person.wait_until_ready(page, "uide")


def chat(page: Page, _world: World) -> None:
    """A question and its answer."""
    welcome(page, _world)
    page.locator(".guide .chip").nth(1).click()
    page.locator(".stats").wait_for()


def conversation(page: Page, _world: World) -> None:
    """An answer with all that Markdown has, its code run."""
    welcome(page, _world)
    person.ask(page, QUESTIONS[0])
    page.locator("[data-act='code.run']").click()
    expect(page.locator(".out pre")).to_contain_text("mean")
    expect(page.locator(".out button")).to_have_count(0)
    page.locator(".think button").click()


def tuning(page: Page, _world: World) -> None:
    """How the model is to answer in this conversation."""
    welcome(page, _world)
    page.locator("#tuning-button").click()
    page.get_by_role("dialog").wait_for()


def history(page: Page, _world: World) -> None:
    """Looking for a conversation."""
    welcome(page, _world)
    for question in reversed(QUESTIONS):
        person.ask(page, question)
        page.keyboard.press("Control+Shift+O")
        expect(page.locator(".msg")).to_have_count(0)
    page.keyboard.press("Control+Shift+F")
    page.locator("#side-search").fill("flour")
    page.locator(".side-row mark").first.wait_for()


def shortcuts(page: Page, _world: World) -> None:
    """The keys that do something."""
    welcome(page, _world)
    page.keyboard.press("Control+/")
    page.get_by_role("dialog").wait_for()


def selector(page: Page, _world: World) -> None:
    """The list of models."""
    welcome(page, _world)
    person.open_selector(page)


def form(page: Page, _world: World) -> None:
    """Adding a model, with an ID that is taken."""
    welcome(page, _world)
    dialog = person.open_form(page)
    values = ("Llama-3.2-1B-Instruct-q4f32_1-MLC", "Llama", "mlc-ai/Llama-3.2-1B-Instruct-q4f32_1-MLC")
    for name, value in zip(("id", "name", "url"), values, strict=True):
        dialog.locator(f"[name={name}]").fill(value)
    dialog.locator("button[value=add]").click()
    dialog.get_by_role("alert").wait_for()


def search(page: Page, world: World) -> None:
    """Looking for a model by words, in the form."""
    welcome(page, world)
    page.evaluate("(hub) => localStorage.setItem('bocal.hub', hub)", world.hub.origin)
    page.reload()
    welcome(page, world)
    dialog = person.open_form(page)
    dialog.locator("#add-paste").fill("qwen3")
    expect(dialog.locator("#found .hit")).to_have_count(len(FOUND))


def running(page: Page, world: World) -> None:
    """A download on its way."""
    _begin(page, world)


def paused(page: Page, world: World) -> None:
    """A download that was paused."""
    card = _begin(page, world)
    card.locator("[data-act='download.pause']").click()
    card.locator("[data-act='download.resume']").wait_for()


def failed(page: Page, world: World) -> None:
    """A download that cannot go on."""
    world.slow.always["params_shard_3.bin"] = Fault(status=404)
    _begin(page, world, "[role=alert]")


def _begin(page: Page, world: World, until: str = ".shards .d") -> Locator:
    setting = random_model.setting(world.slow.origin)
    setting["customModels"] = json.dumps([{**random_model.entry(world.slow.origin), "name": "Recettes 3B"}])
    page.evaluate("(told) => Object.assign(localStorage, told)", setting)
    page.reload()
    page.locator("[data-act='model.choose'].primary").click()
    card = page.locator(".job")
    card.locator(until).first.wait_for()
    return card


def settings(page: Page, _world: World) -> None:
    """The settings."""
    welcome(page, _world)
    person.open_settings(page)


def storage(page: Page, world: World) -> None:
    """What is on this machine, and whose it is."""
    welcome(page, world)
    paused(page, world)
    person.keep(page, "model", {f"{GONE}params_shard_{number}.bin": 3_000_000 for number in range(4)})
    person.open_storage(page)
    page.locator("#orphans-note summary").click()
    expect(page.locator(".page .list li")).to_have_count(3)


SCREENS: tuple[Callable[[Page, World], None], ...] = (
    welcome, chat, conversation, tuning, history, shortcuts, selector, form, search, running, paused, failed, settings,
    storage,
)  # fmt: skip
REPLAYED = (conversation, history)  # with an engine that says `ANSWER`


def main(wanted: list[str]) -> int:
    """Take the pictures of the screens named (of all, by default)."""
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, servers.site(ROOT / "dist") as site, sync_playwright() as playwright:
        random_model.write(Path(folder), 12, 1_000_000)
        world = World(servers.ModelHost(), FaultyHost(Path(folder), rate=1_500_000))
        world.hub.api.cards |= FOUND
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*conftest.WEBGPU, "--no-sandbox"]
        )
        for width, language, theme in product(WIDTHS, ("en-GB", "fr-FR"), THEMES):
            for screen in SCREENS:
                if wanted and screen.__name__ not in wanted:
                    continue
                x, y = WIDTHS[width]
                world.slow.always.clear()
                with browser.new_context(
                    viewport={"width": x, "height": y}, locale=language, color_scheme=theme, has_touch=width == "phone"
                ) as context:
                    if screen in REPLAYED:
                        replay(context, {question: [ANSWER] for question in QUESTIONS})
                    page = context.new_page()
                    person.open_page(page, site.origin)
                    screen(page, world)
                    page.wait_for_timeout(300)
                    path = OUT / f"{screen.__name__}-{width}-{language[:2]}-{theme}.png"
                    page.screenshot(path=path)
                    print(path.relative_to(ROOT))
        browser.close()
        world.hub.stop()
        world.slow.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
