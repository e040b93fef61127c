"""Code of an answer, run in the page: what it shows, what ends it, and what it can reach of the world."""

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import person
import pytest
import replay
import server
import servers
from playwright.sync_api import BrowserContext, Locator, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

ROOT = Path(__file__).resolve().parent.parent


class Script:
    """A site whose model answers what it is asked with `answers[question]`.

    `asked` lists the paths asked of it, `files` are answered instead of its own, by path.
    """

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.asked: list[str] = []
        self.files: dict[str, bytes] = {}
        self._site = Starlette(
            routes=[
                Route("/engine.js", self._engine),
                Route("/sw.js", self._service_worker),
                Mount("/", server.application(ROOT / "dist")),
            ]
        )
        self.server = servers.Server(self)
        self.origin = self.server.origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        file = self.files.get(scope["path"])
        await (self._site if file is None else Response(file))(scope, receive, send)

    async def _engine(self, _request: Request) -> Response:
        worker = replay.script({question: [answer] for question, answer in self.answers.items()})
        return Response(worker, media_type="text/javascript")

    async def _service_worker(self, _request: Request) -> Response:
        """The service worker, without the hashes of files that are others here."""
        text = (ROOT / "dist" / "sw.js").read_text()
        return Response(re.sub('"sha256-[^"]*"', '""', text), media_type="text/javascript")


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script()
    yield script
    script.server.stop()


def show(page: Page, script: Script, *codes: str) -> Locator:
    """Open the page and ask for code; return its blocks."""
    script.answers["code"] = "".join(f"Try this:\n\n```python\n{code}\n```\n\n" for code in codes)
    person.open_page(page, script.origin)
    expect(page.get_by_role("button", name=re.compile("^(Send|Envoyer)$"))).to_be_enabled()
    person.ask(page, "code")
    blocks = page.locator("figure.code")
    expect(blocks).to_have_count(len(codes))
    return blocks


def press(block: Locator) -> Locator:
    """Press Run; return what is shown under the block."""
    block.get_by_role("button", name=re.compile("^(Run|Exécuter)$")).click()
    return block.locator(".out")


def run(block: Locator) -> Locator:
    """Run a block to its end, and return what is shown under it."""
    out = press(block)
    expect(out.get_by_role("button")).to_have_count(0)
    return out


def test_output_errors_and_the_last_value_are_shown(page: Page, script: Script) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    blocks = show(
        page, script,
        "import sys\nprint('one')\nprint('two', file=sys.stderr)\nprint('three <b>')\n{'a': 1 + 1}",
        "import json\ndef read(text):\n    return json.loads(text)\nread('{')",
        "input('Your name? ')",
        "import numpy",
        "for n in range(100_000): print(n)",
    )  # fmt: skip
    expect(page.locator(".out, iframe")).to_have_count(0)
    assert not [address for address in requests if re.search("pyodide.js|runner.js|sandbox.js", address)]

    out = run(blocks.nth(0))
    expect(out.locator("pre")).to_have_text("one\ntwo\nthree <b>\n{'a': 2}")
    expect(out.get_by_role("status")).to_have_text(re.compile(r"^Ran here, in [\d.]+\sm?s$"))

    out = run(blocks.nth(1))
    expect(out.get_by_role("status")).to_contain_text("Ended with an error")
    expect(out.locator("pre")).to_contain_text("    return json.loads(text)")
    expect(out.locator("pre")).to_contain_text("JSONDecodeError: Expecting property name")
    expect(out.locator("pre")).not_to_contain_text("decoder.py")

    expect(run(blocks.nth(2)).get_by_role("status")).to_contain_text("asks for input")
    expect(run(blocks.nth(3)).get_by_role("status")).to_contain_text("numpy is not at hand")

    out = run(blocks.nth(4))
    expect(out).to_contain_text("only the beginning of the output is shown")
    assert len(out.locator("pre").inner_text()) <= 200_000
    expect(blocks.nth(0).locator("pre").last).to_contain_text("three")  # the others stay
    expect(page.locator("iframe")).to_have_count(0)

    person.open_storage(page)
    page.locator(".side-row").get_by_text("code", exact=True).click()
    expect(blocks.nth(0).locator(".out pre")).to_contain_text("three <b>")


def test_code_that_does_not_end_is_stopped(page: Page, script: Script) -> None:
    blocks = show(page, script, "print('begun')\nwhile True: pass", "2 + 2")
    endless, beside = press(blocks.first), press(blocks.last)
    expect(endless).to_contain_text("begun")
    expect(beside.locator("pre")).to_have_text("4")
    endless.get_by_role("button", name="Stop").click()
    expect(endless.get_by_role("status")).to_contain_text("Stopped, after")
    expect(page.locator("iframe")).to_have_count(0)

    expect(press(blocks.first).get_by_role("status")).to_contain_text("Running")
    person.begin_anew(page)
    expect(page.locator("iframe")).to_have_count(0)


def test_time_is_limited(page: Page, script: Script) -> None:
    page.clock.install()
    out = press(show(page, script, "while True: pass").first)
    expect(out.get_by_role("status")).to_contain_text("Running")
    page.clock.fast_forward(15_000)
    expect(out.get_by_role("status")).to_contain_text("Running")
    page.clock.fast_forward(15_000)
    expect(out.get_by_role("status")).to_contain_text("ran for longer than 30 s")
    expect(page.locator("iframe")).to_have_count(0)


def test_memory_is_limited(page: Page, script: Script) -> None:
    blocks = show(
        page, script,
        "bytearray(10**9)",
        "kept = []\nwhile True: kept.append(bytearray(10**6))",
        "with open('file', 'wb') as file:\n    while True: file.write(bytes(10**7))",
        "kept = [bytearray(10**7) for _ in range(20)]\nlen(kept)",
    )  # fmt: skip
    for block in (blocks.nth(0), blocks.nth(1)):
        expect(run(block).get_by_role("status")).to_contain_text("more than the 500 MB of memory")
    expect(run(blocks.nth(2)).locator("pre")).to_contain_text("No space left")
    expect(run(blocks.nth(3)).locator("pre")).to_have_text("20")


REACHING = """
import asyncio, inspect, js, urllib.request
from pyodide.ffi import create_proxy, to_js
from pyodide.http import pyfetch

there = "ADDRESS"
options = to_js({"type": "module"}, dict_converter=js.Object.fromEntries)

def heard(thing):
    ended = asyncio.get_running_loop().create_future()
    thing.onerror = create_proxy(lambda event: ended.done() or ended.set_exception(OSError("error")))
    thing.onopen = thing.onsuccess = create_proxy(lambda event: ended.done() or ended.set_result("opened"))
    thing.onmessage = create_proxy(lambda event: ended.done() or ended.set_result(event.data))
    return ended

def request(kind):
    asked = js.XMLHttpRequest.new()
    asked.open("GET", there + kind, False)
    asked.send()

def nested(text):
    return heard(js.Worker.new("data:text/javascript," + js.encodeURIComponent(text), options))

def told(call):
    return f"{call}.then(() => postMessage('REACHED'), () => postMessage('kept out'))"

attempts = {
    "fetch": lambda: js.fetch(there + "fetch"),
    "no-cors": lambda: js.fetch(there + "no-cors", mode="no-cors"),
    "pyfetch": lambda: pyfetch(there + "pyfetch"),
    "urllib": lambda: urllib.request.urlopen(there + "urllib"),
    "XMLHttpRequest": lambda: request("xhr"),
    "WebSocket": lambda: heard(js.WebSocket.new(there.replace("http", "ws") + "socket")),
    "EventSource": lambda: heard(js.EventSource.new(there + "events")),
    "WebTransport": lambda: js.WebTransport.new(there.replace("http", "https")).ready,
    "FontFace": lambda: js.FontFace.new("x", f"url({there}font)").load(),
    "importScripts": lambda: js.importScripts(there + "scripts"),
    "worker": lambda: heard(js.Worker.new(there + "worker")),
    "worker's import": lambda: nested(told(f"import('{there}import')")),
    "worker's fetch": lambda: nested(told(f"fetch('{there}nested', {{ mode: 'no-cors' }})")),
    "sendBeacon": lambda: js.navigator.sendBeacon(there + "beacon"),
    "RTCPeerConnection": lambda: js.RTCPeerConnection.new(),
    "eval": lambda: js.eval("1"),
    "document": lambda: js.document,
    "parent": lambda: js.parent,
    "localStorage": lambda: js.localStorage,
    "indexedDB": lambda: heard(js.indexedDB.open("bocal")),
    "caches": lambda: js.caches.keys(),
    "files": lambda: js.navigator.storage.getDirectory(),
    "cookies": lambda: js.cookieStore.getAll(),
}
for name, attempt in attempts.items():
    try:
        found = attempt()
        if inspect.isawaitable(found):
            found = await asyncio.wait_for(found, 5)
        print(name, found if str(found) == "kept out" else f"REACHED {found}")
    except Exception as error:
        print(name, "kept out")
js.BroadcastChannel.new("bocal").postMessage("from inside")
print(len(attempts), "attempts,", js.origin)
"""


def test_code_reaches_neither_the_network_nor_what_is_kept(page: Page, script: Script) -> None:
    elsewhere = Script()
    codes = [REACHING.replace("ADDRESS", f"{origin}/reached-") for origin in (script.origin, elsewhere.origin)]
    blocks = show(page, script, *codes)
    page.evaluate(
        """() => {
            window.heard = [];
            new BroadcastChannel("bocal").onmessage = ({ data }) => heard.push(data);
            addEventListener("message", ({ data }) => heard.push(data));
        }"""
    )
    for block in (blocks.nth(0), blocks.nth(1)):
        out = run(block)
        expect(out.locator("pre")).to_contain_text("23 attempts, null")
        shown = out.locator("pre").inner_text()
        assert "REACHED" not in shown
        assert shown.count("kept out") == 23
    assert "from inside" not in page.evaluate("heard")
    assert not [path for path in (*script.asked, *elsewhere.asked) if "reached" in path]
    assert page.evaluate("address => fetch(address).then(({ status }) => status)", f"{script.origin}/reached") == 404
    assert "/reached" in script.asked  # what is asked is seen here
    elsewhere.server.stop()


def test_what_hostile_code_says_is_taken_for_text(page: Page, script: Script) -> None:
    lie = """
import js, json
def say(**fields): js.postMessage(json.dumps(fields))
say(kind="wrote", stream="out", text="<img src=x onerror=alert(1)>")
say(kind="figure", png="PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIj4=")
say(kind="figure", png="\\" onerror=\\"alert(1)")
js.postMessage("x" * 9_000_000)
js.postMessage(js.Object.new())
js.postMessage("{" * 100_000)
print("end")
"""
    blocks = show(page, script, lie, "import js\nwhile True: js.postMessage('{}')")
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    out = run(blocks.first)
    expect(out.locator("pre")).to_have_text("<img src=x onerror=alert(1)>end\n")
    expect(out.locator("img")).to_have_count(0)
    expect(run(blocks.last).get_by_role("status")).to_contain_text("wrote too much")
    expect(page.locator("iframe")).to_have_count(0)


def test_code_runs_without_a_network(page: Page, script: Script, context: BrowserContext) -> None:
    block = show(page, script, "import sqlite3, statistics\nstatistics.mean([1, 3])").first
    person.service_worker_is_ready(page)
    person.until(page, lambda: page.evaluate("!!navigator.serviceWorker.controller"))
    context.set_offline(True)
    script.server.stop()
    expect(run(block).locator("pre")).to_have_text("2")


PYPLOT = """
PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc000"
                    "000301010018dd8db00000000049454e44ae426082")
figures = []
def plot(*points): figures.append(points)
def get_fignums(): return list(range(1, len(figures) + 1))
class Figure:
    def savefig(self, file, format): file.write(PNG)
def figure(number): return Figure()
"""


def test_figures_are_shown_where_the_site_brings_matplotlib(french: BrowserContext, script: Script) -> None:
    packed = io.BytesIO((ROOT / "dist" / "pyodide" / "python_stdlib.zip").read_bytes())
    with zipfile.ZipFile(packed, "a") as library:
        library.writestr("matplotlib/__init__.py", "")
        library.writestr("matplotlib/pyplot.py", PYPLOT)
    script.files["/pyodide/python_stdlib.zip"] = packed.getvalue()
    page = french.new_page()
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.plot([2, 1])"
    out = run(show(page, script, code).first)
    expect(out.get_by_role("status")).to_contain_text("Exécuté ici, en")
    expect(out.get_by_role("img", name="Figure 2")).to_be_visible()
    expect(out.locator("img")).to_have_count(2)
