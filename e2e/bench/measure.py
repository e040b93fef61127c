"""What every bench stands on: a browser with a fresh profile, a site with an empty page, and the table of ratios.

A bench compares two ways of doing the same work with the same bytes, in one run, in turns, and tells their ratio: the
machine's own speed, and what else it is doing, weigh on both alike.
"""

import queue
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import conftest
import servers
from playwright.sync_api import Page, sync_playwright
from server import application
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route

ROOT = conftest.ROOT
TIMES = 15  # repetitions of one thing a person does

# Does what a person does, then waits for the frame that shows it: the first task after an animation frame runs once
# that frame has been painted.
MEASURE = """async ({act, ready}) => {
    const doIt = new Function(act), isReady = new Function(`return ${ready}`);
    const start = performance.now();
    doIt();
    while (!isReady()) {
        if (performance.now() > start + 60_000) throw new Error(`never there: ${ready}`);
        await new Promise(requestAnimationFrame);
    }
    await new Promise((done) => requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = done;
        channel.port2.postMessage(null);
    }));
    return performance.now() - start;
}"""

told: "queue.Queue[Any]" = queue.Queue()


@dataclass(frozen=True)
class Row:
    """One line of the table: what was compared, the figures as people read them, and whether the aim was reached."""

    what: str
    figures: str
    aim: str
    reached: bool


def ratio(what: str, ours: Sequence[float], others: Sequence[float], name: str, at_most: float) -> Row:
    """Compare two lists of seconds by the best of each, which other work delays least; `name` is the other way."""
    mine, theirs = min(ours), min(others)
    figures = f"{mine / theirs:.2f} of {name} ({mine:.3f} s, {theirs:.3f} s)"
    return Row(what, figures, f"at most {at_most:.2f}", mine / theirs <= at_most)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as text, aligned."""
    wide = max(len(row.what) for row in rows)
    long = max(len(row.figures) for row in rows)
    return "\n".join(
        f"{'ok  ' if row.reached else 'MISS'}  {row.what:<{wide}}  {row.figures:<{long}}  {row.aim}" for row in rows
    )


@contextmanager
def site(folders: Mapping[str, Path]) -> Iterator[str]:
    """Serve `dist/`, `folders` by name, and an empty page at `/empty` that no policy holds back; yield the origin.

    What a page posts to `/told`, in JSON, goes into `told`.
    """

    async def empty(_request: Request) -> Response:
        return HTMLResponse("<!doctype html><title>bench</title>")

    async def hear(request: Request) -> Response:
        told.put(await request.json())
        return JSONResponse(None)

    mounts = [Mount(f"/{name}", application(folder)) for name, folder in folders.items()]
    routes = [
        Route("/empty", empty),
        Route("/told", hear, methods=["POST"]),
        *mounts,
        Mount("/", application(ROOT / "dist")),
    ]
    with servers.Server(Starlette(routes=routes)) as running:
        yield running.origin


class Alone:
    """A browser that has never been used, and that nobody watches but inside `page()`.

    One that is driven keeps copies of what its pages fetch and tells of every piece: a visitor's does not.
    """

    def __init__(self, profile: Path) -> None:
        self._port = profile / "DevToolsActivePort"

    @contextmanager
    def page(self) -> Iterator[Page]:
        """The browser's page, driven until the end of this."""
        until = time.monotonic() + 60
        while not self._port.exists() or not self._port.read_text().strip():
            assert time.monotonic() < until, "the browser did not start"
            time.sleep(0.1)
        with sync_playwright() as playwright:
            address = f"http://127.0.0.1:{self._port.read_text().split()[0]}"
            browser = playwright.chromium.connect_over_cdp(address)
            page = browser.contexts[0].pages[0]
            page.set_default_timeout(600_000)
            yield page
            browser.close()  # only lets go of it


@contextmanager
def alone() -> Iterator[Alone]:
    """Start a browser that nobody watches; it ends with this."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        program = shutil.which("chromium")
        assert program
        command = [
            program, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}", "--no-first-run",
            "--no-sandbox", "--lang=en-GB", "--window-size=1280,900", *conftest.WEBGPU, "about:blank",
        ]  # fmt: skip
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield Alone(Path(profile))
        finally:
            process.terminate()
            process.wait()


@contextmanager
def browser_page() -> Iterator[Page]:
    """A page of a browser that has never been used; what it keeps lies on the disk, as a visitor's does."""
    with TemporaryDirectory() as profile, sync_playwright() as playwright:
        arguments = [*conftest.WEBGPU, "--no-sandbox"]
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=shutil.which("chromium"), args=arguments, locale="en-GB",
            viewport={"width": 1280, "height": 900},
        )  # fmt: skip
        page = browser.pages[0]
        page.set_default_timeout(600_000)
        yield page
        browser.close()


def repeat(page: Page, act: str, ready: str, before: Callable[[], None]) -> list[float]:
    """Return the times of one thing a person does, in milliseconds; `before` each puts the page back.

    `act` does it, `ready` tells whether its effect is there, both in JavaScript.
    """
    times = []
    for _ in range(TIMES):
        before()
        page.wait_for_timeout(100)
        times.append(float(page.evaluate(MEASURE, {"act": act, "ready": ready})))
    return times
