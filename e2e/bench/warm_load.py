"""Loading a model that is on this machine: Bocal's worker against plain WebLLM with `indexeddb` and with the Cache API.

The time is from `reload` to the last shard being on the GPU: what comes after, compiling shaders, is the same for all.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import compiled
from bench.measure import Row, browser_page, ratio, site
from playwright.sync_api import Page

ROUNDS = 5
FILL = Path(__file__).with_name("fill.js").read_text()
LOAD = Path(__file__).with_name("load.js").read_text()


def run() -> Iterator[Row]:
    """Load the model by each way in turns, and compare."""
    folder = compiled.model("heavy")
    with site({"heavy/resolve/main": folder}) as origin, browser_page() as page:
        page.goto(f"{origin}/empty")
        page.evaluate(FILL, [f"{origin}/heavy/resolve/main/", "heavy-webgpu.wasm"])
        seconds: dict[str, list[float]] = {"ours": [], "indexeddb": [], "cache": []}
        for number in range(ROUNDS + 1):
            for way, times in seconds.items():
                took = _load(page, origin, way)
                if number:  # the first round finds cold caches
                    times.append(took)
    what = "warm load, 340 MB"
    yield ratio(what, seconds["ours"], seconds["indexeddb"], "WebLLM with indexeddb", 0.8)
    yield ratio(what, seconds["ours"], seconds["cache"], "WebLLM with the Cache API", 1.05)  # as fast


def _load(page: Page, origin: str, way: str) -> float:
    page.goto(f"{origin}/empty")
    took: Any = page.evaluate(LOAD, [origin, way, "heavy-webgpu.wasm"])
    assert isinstance(took, float)
    return took
