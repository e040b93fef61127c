"""How fast conversations open and are searched with 10,000 messages in 500 of them.

Each figure is the time from an input event in the page to the first frame painted after it with what was asked for in
place, in milliseconds, on the machine it runs on; the bound is that of the product's promise. Searching includes the
pause that waits for the end of typing.
"""

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import person
from bench.measure import Row, browser_page, repeat, site
from playwright.sync_api import expect

CHATS, MESSAGES, BOUND = 500, 10_000, 200  # milliseconds
WORDS = (
    "model", "weights", "shard", "window", "token", "cache", "prefill", "decode", "answer", "question", "garden",
    "bread", "letter", "river", "winter",
)  # fmt: skip


def document() -> bytes:
    """Return a file of conversations as different from one another as people's are, one of them ten times as long."""
    lengths = [200, *[(MESSAGES - 200) // (CHATS - 1) // 2 * 2] * (CHATS - 1)]
    lengths[1] += MESSAGES - sum(lengths)
    return json.dumps({
        "format": "bocal.conversations", "version": 1,
        "conversations": [_conversation(number, length) for number, length in enumerate(lengths)],
    }).encode()  # fmt: skip


def _conversation(number: int, length: int) -> dict[str, object]:
    messages = [
        {
            "id": f"m{number}-{place}", "parent": f"m{number}-{place - 1}" if place else "",
            "role": "assistant" if place % 2 else "user", "text": _text(number * 7919 + place, 90 if place % 2 else 12),
            "at": 1_700_000_000 + number * 60 + place, "by": "A model", "finish": "stop",
        }
        for place in range(length)
    ]  # fmt: skip
    title = f"Conversation {number} on {WORDS[number % len(WORDS)]}" if number else "The longest"
    return {
        "id": f"c{number}", "title": title, "messages": messages,
        "created": 1_700_000_000 + number * 60, "updated": 1_700_000_000 + number * 60, "leaf": messages[-1]["id"],
    }  # fmt: skip


def _text(seed: int, words: int) -> str:
    said = [WORDS[(seed * 31 + place * place) % len(WORDS)] for place in range(words)]
    return " ".join([*said, f"number {seed}."])


def typing(text: str) -> str:
    """Type into the search field as a key press does: its text changes, then the event comes."""
    return f"""const field = document.querySelector('#side-search');
        field.value = {json.dumps(text)}; field.dispatchEvent(new InputEvent('input', {{ bubbles: true }}))"""


def says(start: str) -> str:
    """Whether the search says something that begins so."""
    return f"document.querySelector('.side-list [role=status]')?.textContent.startsWith('{start}')"


def opening(chat: str) -> tuple[str, str]:
    """Open a conversation of the list; whether it is shown, with its last messages."""
    return (
        f"document.querySelector('#c-{chat} .side-item').click()",
        f"document.querySelector('#c-{chat} [aria-current]') && document.querySelectorAll('.msg').length >= 18",
    )


def run() -> Iterator[Row]:
    """Import the conversations as a person does, then do each thing in turns."""
    times: dict[str, list[float]] = {}
    with site({}) as origin, browser_page() as page, TemporaryDirectory() as folder:
        person.open_page(page, origin)
        person.wait_until_ready(page, "The guide")
        path = Path(folder) / "all.json"
        path.write_bytes(document())
        person.open_settings(page)
        page.locator("#settings-conversations").get_by_label("Import").set_input_files(path)
        expect(page.get_by_text("500 conversations added.")).to_be_visible(timeout=600_000)

        def anew() -> None:
            person.begin_anew(page)

        def everything() -> None:
            page.locator("#side-search").fill("")
            expect(page.locator(".side-list [role=status]")).to_have_count(0)

        def longest() -> None:
            page.locator("#side-search").fill("The longest")
            expect(page.locator("#c-c0")).to_be_visible()
            person.begin_anew(page)

        expect(page.locator("#c-c499")).to_be_visible()
        times["open one"] = repeat(page, *opening("c499"), anew)
        times["open one of 200 messages"] = repeat(page, *opening("c0"), longest)
        everything()
        page.reload()  # so that the first search reads what is searched
        expect(page.locator("#side-search")).to_be_visible()
        person.wait_until_ready(page, "The guide")
        times["search for the first time"] = [repeat(page, typing("number 395951."), says("1 "), lambda: None)[0]]
        times["search a rare word"] = repeat(page, typing("number 395951."), says("1 "), everything)
        times["search a common word"] = repeat(page, typing("garden"), says("The first 100 "), everything)
    for name, each in times.items():
        middle = statistics.median(each)
        figures = f"{middle:.0f} ms (best {min(each):.0f}, worst {max(each):.0f})"
        yield Row(f"{MESSAGES:,} messages: {name}", figures, f"at most {BOUND} ms", middle <= BOUND)
