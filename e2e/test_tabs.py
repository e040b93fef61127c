"""Locks that tabs hold, in a real browser."""

import servers
from person import open_page
from playwright.sync_api import Page

# Cancels a task that asks for a lock, at each of many moments; counts the times after which the lock was not free.
CANCELLED = """
import asyncio
from bocal.browser.tabs import OpenTabs

async def stuck():
    tabs, count = OpenTabs("test"), 0
    for moment in range(300):
        task = asyncio.ensure_future(tabs.hold(f"test:{moment}", wait=bool(moment % 2)))
        for _ in range(moment // 2 % 30):
            await asyncio.sleep(0)
        cancelled = task.cancel()
        await asyncio.wait([task])
        if not cancelled and (release := task.result()):
            release()
        await asyncio.sleep(0.02)  # until the browser has heard of it
        release = await tabs.hold(f"test:{moment}", wait=False)
        count += release is None
        if release:
            release()
    return count

await stuck()
"""


def test_a_lock_is_free_whenever_who_asks_for_it_is_cancelled(page: Page, site: servers.Server) -> None:
    open_page(page, site.origin)
    run = """async ([origin, code]) => {
        const { loadPyodide } = await import(`${origin}/interpreter.js`);
        return (await loadPyodide({ packages: ["bocal"] })).runPythonAsync(code);
    }"""
    assert page.evaluate(run, [site.origin, CANCELLED]) == 0
