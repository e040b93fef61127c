"""Code of an answer, run in the page: what it shows, what ends it, and what it can reach of the world."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import person
import pytest
import server
import servers
from playwright.sync_api import BrowserContext, Locator, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

ROOT = Path(__file__).resolve().parent.parent


class Script:
    """A site whose model answers what it is asked with `answers[question]`; it lists the paths asked of it."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.asked: list[str] = []
        self._dist = server.application(ROOT / "dist")
        self.server = servers.Server(Starlette(routes=[Route("/engine.js", self._engine), Mount("/", self._dist)]))
        self.origin = self.server.origin

    async def _engine(self, _request: Request) -> Response:
        worker = (ROOT / "e2e" / "replay_worker.js").read_text()
        return Response(f"const ANSWERS = {json.dumps(self.answers)};\n{worker}", media_type="text/javascript")


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script()
    yield script
    script.server.stop()


def fence(*codes: str) -> str:
    """An answer with blocks of Python in it."""
    return "".join(f"Try this:\n\n```python\n{code}\n```\n\n" for code in codes)


def show(page: Page, script: Script, *codes: str) -> Locator:
    """Open the page and ask for code; return its blocks."""
    script.answers["code"] = fence(*codes)
    person.open_page(page, script.origin)
    expect(page.get_by_role("button", name=re.compile("^(Send|Envoyer)$"))).to_be_enabled()
    person.ask(page, "code")
    blocks = page.locator("figure.code")
    expect(blocks).to_have_count(len(codes))
    return blocks


def run(block: Locator) -> Locator:
    """Press Run, wait for the end, and return what is shown under the block."""
    block.get_by_role("button", name=re.compile("^(Run|Exécuter)$")).click()
    out = block.locator(".out")
    expect(out.locator(".spin")).to_have_count(0)
    expect(out.get_by_role("status")).to_be_visible()
    return out


def test_output_comes_in_order_with_the_value_of_the_last_line(page: Page, script: Script) -> None:
    code = "import sys\nprint('one')\nprint('two', file=sys.stderr)\nprint('three <b>')\n{'a': 1 + 1}"
    out = run(show(page, script, code).first)
    expect(out.locator("pre")).to_have_text("one\ntwo\nthree <b>\n{'a': 2}")
    expect(out.get_by_role("status")).to_have_text(re.compile(r"^Ran here, in \d+ ms$"))
