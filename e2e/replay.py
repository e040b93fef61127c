"""The engine's worker replaced where it is fetched: it says, to each question, what was recorded for it.

The page, its messages to the worker and all that it draws are real; only the model is not.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from playwright.sync_api import BrowserContext, Route

SCRIPT = Path(__file__).with_name("replay.js")


def replay(context: BrowserContext, answers: Mapping[str, Sequence[str]], rate: float = 0) -> None:
    """Let every page of `context` answer with these pieces, by question; `rate` is how many a second (0: at once).

    The browser has no service workers then: one would hand the page the real engine.
    """
    recorded = [{"question": question, "pieces": list(said), "rate": rate} for question, said in answers.items()]
    body = SCRIPT.read_text().replace("[/* answers */]", json.dumps(recorded))

    def fulfil(route: Route) -> None:
        route.fulfill(body=body, content_type="text/javascript")

    context.add_init_script("delete Navigator.prototype.serviceWorker")
    context.route("**/engine.js", fulfil)
