"""Locks that tabs hold, in a real browser."""

import pytest
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
        try:
            async with asyncio.timeout(60):  # the browser hears of it a moment later
                (await tabs.hold(f"test:{moment}", wait=True))()
        except TimeoutError:
            count += 1
    return count

await stuck()
"""

# Lets go of a lock and asks at once whether it is free; counts the times when it was not.
LET_GO = """
from bocal.browser.tabs import OpenTabs

async def still_held():
    tabs, count = OpenTabs("test"), 0
    for _ in range(300):
        (await tabs.hold("test:again", wait=True))()
        count += await tabs.is_held("test:again")
        release = await tabs.hold("test:again", wait=False)
        if release:
            release()
        count += release is None
    return count

await still_held()
"""
RUN = """async ([origin, code]) => {
    const { loadPyodide } = await import(`${origin}/interpreter.js`);
    return (await loadPyodide({ packages: ["bocal"] })).runPythonAsync(code);
}"""


@pytest.mark.parametrize("code", [CANCELLED, LET_GO], ids=["cancelled", "let go"])
def test_a_lock_is_free_when_its_holder_lets_go_of_it_or_who_asks_for_it_is_cancelled(
    page: Page, site: servers.Server, code: str
) -> None:
    open_page(page, site.origin)
    assert page.evaluate(RUN, [site.origin, code]) == 0
