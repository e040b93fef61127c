"""Is it here? The time to answer for every model of a long list, in the page's own Python, with a 4 GB model here.

The model has 130 shards by its manifest and by its keys; the values themselves are a byte each, since none is read.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.measure import Row, browser_page, site

SHARDS, CUSTOM, AIM = 130, 1000, 20.0  # milliseconds
KEEP = Path(__file__).with_name("keep.js").read_text()
ASK = """
import statistics, time
from bocal.browser.network import Fetch
from bocal.browser.notes import OwnDatabase
from bocal.browser.store import IndexedDb
from bocal.models import catalogue, library, source
from bocal.weights import outlines, presence
from bocal.weights.outlines import Outlines

async def ask(site, rounds, custom):
    standard = catalogue.read(await Fetch().read_json(f"{site}/catalogue.json"), f"{site}/")
    store = IndexedDb()
    notes = OwnDatabase([outlines.DRAWER])
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        wanted = [(it.id, source.engine_base(it.url), library.address(it.library, standard))
                  for it in standard.models.values()]
        wanted += [(f"own{n}", source.engine_base(f"https://models.invalid/own{n}"), f"https://models.invalid/{n}.wasm")
                   for n in range(custom)]
        found = await presence.look(store, wanted, Outlines(store, notes))  # as a page that was just opened
        times.append(1000 * (time.perf_counter() - began))
        assert found["own7"].complete and len(found) == 1, found
    return [times[0], statistics.median(times[1:]), len(wanted)]

ask
"""
PYTHON = """async ([origin, code, custom]) => {
  const { loadPyodide } = await import(`${origin}/interpreter.js`);
  const python = await loadPyodide({ packages: ["bocal"] });
  const ask = await python.runPythonAsync(code);
  return (await ask(origin, 21, custom)).toJs();
}"""


def run() -> Iterator[Row]:
    """Ask, first with nothing noted (the manifest is read once), then again."""
    with site({}) as origin, browser_page() as page:
        page.goto(f"{origin}/empty")
        page.evaluate(KEEP, ["https://models.invalid/own7", SHARDS])
        told: Any = page.evaluate(PYTHON, [origin, ASK, CUSTOM])
    first, later, models = told
    what = f"is it here? {models:,} models, {SHARDS} shards"
    yield Row(what, f"{later:.1f} ms (the first time, reading a manifest: {first:.1f} ms)", f"at most {AIM:.0f} ms",
              later <= AIM)  # fmt: skip
