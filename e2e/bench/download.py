"""Downloading: Bocal's own (hashes, partial files, commits) against bare parallel `fetch` and IndexedDB, same bytes.

Also how much memory both take at their peak, and how long Bocal ever holds up the page's main thread. One `put` alone
takes three times its length in Chromium: the serialised form, a copy read back for the key, an attempt to compress.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import random_model
from bench.measure import Alone, Row, alone, ratio, site, told
from faulty import FaultyHost
from playwright.sync_api import expect

SHARDS, SHARD = 16, 32_000_000  # bytes, as model conversion makes them: together a small model
LINE = 40_000_000  # bytes per second: 320 Mbit/s
ROUNDS = 3
PATIENCE = 600  # seconds for one download
SETTLE = 3000  # milliseconds in which what starting took is given back
BARE = Path(__file__).with_name("bare.js").read_text()
OURS = """
import asyncio, time
from bocal.browser import gpu
from bocal.browser.notes import OwnDatabase
from bocal.browser.store import IndexedDb
from bocal.browser.tabs import OpenTabs
from bocal.browser.transfers import WorkerTransfers
from bocal.protocols import Shelf
from bocal.weights.carrier import Means
from bocal.weights.download import Download
from bocal.weights.journal import DRAWERS, Journal

async def bring(base, site):
    store = IndexedDb()
    transfers = WorkerTransfers(store, site + "/transfers.js")
    means = Means(store, transfers, Journal(OwnDatabase(DRAWERS)), OpenTabs(), gpu.storage_free, time.monotonic)

    async def library(_base):
        return base + "random-webgpu.wasm", base + "random-webgpu.wasm"

    async def hashes(_base):
        return {}

    # As in the page, where what is here is looked at before anybody can ask for a download.
    await asyncio.gather(*(store.keys(shelf) for shelf in Shelf), transfers.sizes(), means.journal.jobs())
    began = time.perf_counter()
    job = Download("bench", [base], base, means, library, hashes, lambda: None)
    state = await job.run()
    assert state == "done", (state, job.failure)
    return time.perf_counter() - began

bring
"""
PYTHON = """async ([origin, code]) => {
  const { loadPyodide } = await import(`${origin}/interpreter.js`);
  const python = await loadPyodide({ packages: ["bocal"] });
  window.bring = await python.runPythonAsync(code);
}"""
# Calls a function with what is given to it, in a second, and tells the bench what it returns: nobody waits in the page.
CALL = """([code, given]) => {
  const tell = (value) => fetch("/told", { method: "POST", body: JSON.stringify(value) });
  setTimeout(() => (0, eval)(code)(given).then(tell, (error) => tell(String(error))), 1000);
}"""
EMPTY = """async () => {
  for (const { name } of await indexedDB.databases())
    await new Promise((done) => { indexedDB.deleteDatabase(name).onsuccess = done; });
}"""
WATCH = """
if (!localStorage.customModels) Object.assign(localStorage, TOLD);
window.held = [];
new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.held.push([task.startTime, task.duration]);
}).observe({ type: "longtask" });
"""


def run() -> Iterator[Row]:
    """Download by each way in turns, over a fast line and with none between; then watch one download in the page."""
    with TemporaryDirectory() as folder, site({}) as origin:
        names = [name for name in random_model.write(Path(folder), SHARDS, SHARD) if name.endswith(".bin")]
        for rate in (LINE, 0):
            host = FaultyHost(Path(folder), rate=rate)
            yield from _throughput(origin, host, names)
            host.stop()
        host = FaultyHost(Path(folder), rate=LINE)
        with alone() as browser:
            _call(browser, origin, BARE, [f"{host.origin}/", names, "bare"])
            with peak_memory() as bare:
                told.get(timeout=PATIENCE)
        yield from _in_the_page(origin, host, bare)
        host.stop()


def _throughput(origin: str, host: FaultyHost, names: list[str]) -> Iterator[Row]:
    ours: list[float] = []
    bare: list[float] = []
    base = f"{host.origin}/"
    with alone() as browser:
        for _ in range(ROUNDS):
            for times, code, given in (
                (ours, "([base, site]) => bring(base, site)", [base, origin]), (bare, BARE, [base, names, "bare"]),
            ):  # fmt: skip
                _call(browser, origin, code, given)
                took = told.get(timeout=PATIENCE)
                assert isinstance(took, float), took
                times.append(took)
    line = f"{host.rate * 8 / 1e6:.0f} Mbit/s" if host.rate else "this machine alone"
    what = f"download of {SHARDS * SHARD / 1e6:.0f} MB, {line}"
    yield ratio(what, ours, bare, "the time of bare fetch and put", 1 / 0.95)


def _call(browser: Alone, origin: str, code: str, given: list[Any]) -> None:
    """Let a page that has Python and nothing else call a function, soon."""
    with browser.page() as page:
        page.goto(f"{origin}/empty")
        page.evaluate(EMPTY)
        page.evaluate(PYTHON, [origin, OURS])  # whatever is called, so that all begin in the same page
        page.wait_for_timeout(SETTLE)
        page.evaluate(CALL, [code, given])


def _in_the_page(origin: str, host: FaultyHost, bare: list[int]) -> Iterator[Row]:
    host.sent = 0
    with alone() as browser, ExitStack() as watching:
        with browser.page() as page:
            told = random_model.setting(host.origin)
            page.add_init_script(WATCH.replace("TOLD", repr(told)))
            page.goto(origin)
            button = page.get_by_role("button", name="Download", exact=True)
            button.wait_for()
            page.wait_for_timeout(SETTLE)
            began: Any = page.evaluate("performance.now()")
            memory = watching.enter_context(peak_memory())
            button.click()
        give_up = time.monotonic() + PATIENCE
        while host.sent < sum(path.stat().st_size for path in host.folder.iterdir()):
            assert time.monotonic() < give_up, "the download does not end"
            time.sleep(0.1)
        time.sleep(SETTLE / 1000)  # the last shard moves into the store
        watching.close()
        with browser.page() as page:
            expect(page.locator(".job")).to_have_count(0, timeout=PATIENCE * 1000)
            held: Any = page.evaluate("(at) => window.held.filter(([it]) => it > at).map(([, long]) => long)", began)
    extra, plain = ((most - before) / SHARD for before, most in (memory, bare))
    figures = f"{extra:.1f} shards ({extra * SHARD / 1e6:.0f} MB; bare fetch and put: {plain:.1f})"
    yield Row("memory at its peak, above idle", figures, "at most 3.0 shards", extra <= 3)
    longest = max(held, default=0.0)
    figures = f"{longest:.0f} ms ({len(held)} tasks of 50 ms or more)"
    yield Row("main thread held up at most", figures, "below 50 ms", longest < 50)


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """Yield [bytes before, most bytes meanwhile] of the browser's processes, shared pages counted in part (PSS)."""
    seen = [_memory()] * 2
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            seen[1] = max(seen[1], _memory())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def _memory() -> int:
    """The memory of this process's browser and of all processes below it, in bytes; this process has one at a time."""
    parents: dict[int, int] = {}
    browsers = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            words = (process / "cmdline").read_text()
        except OSError:
            continue  # it ended meanwhile
        if "--type=" not in words and "chrom" in words.partition("\0")[0]:
            browsers.append(int(process.name))
    total, family = 0, {it for it in browsers if os.getpid() in _above(it, parents)}
    while family:
        total += sum(_own(process) for process in family)
        family = {child for child, parent in parents.items() if parent in family}
    return total


def _above(process: int, parents: dict[int, int]) -> set[int]:
    found = set()
    while process := parents.get(process, 0):
        found.add(process)
    return found


def _own(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
