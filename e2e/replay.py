"""The engine's worker replaced where it is fetched: it says, to each question, what was recorded for it.

The page, its messages to the worker and all that it draws are real; only the model is not.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from person import ask
from playwright.sync_api import BrowserContext, Page, Route

SCRIPT = Path(__file__).with_name("replay.js")


def script(answers: Mapping[str, Sequence[str]], rate: float = 0) -> str:
    """Return the worker, which answers with these pieces, by question; `rate` is how many a second (0: at once).

    Any other question is answered with the whole request, in JSON (`request_of`).
    """
    recorded = [{"question": question, "pieces": list(said), "rate": rate} for question, said in answers.items()]
    return SCRIPT.read_text().replace("[/* answers */]", json.dumps(recorded))


def replay(where: Page | BrowserContext, answers: Mapping[str, Sequence[str]], rate: float = 0) -> None:
    """Let a page, or every page of a context, have the worker that `script` makes.

    There are no service workers then: one would hand the page the real engine.
    """
    body = script(answers, rate)

    def fulfil(route: Route) -> None:
        route.fulfill(body=body, content_type="text/javascript")

    where.add_init_script("delete Navigator.prototype.serviceWorker")
    where.route("**/engine.js", fulfil)


def request_of(page: Page, question: str) -> dict[str, Any]:
    """Ask something that was not recorded; return what the engine was asked, in WebLLM's terms."""
    ask(page, question)
    told: dict[str, Any] = json.loads(page.locator(".msg:not(.user)").last.locator("code").inner_text())
    return told
