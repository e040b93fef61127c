"""The page's own small database, in a real browser."""

import servers
from person import open_page
from playwright.sync_api import Page
from test_tabs import RUN

# Writes into drawers that are not there yet, from tabs of several versions at once; returns what cannot be read again.
DRAWERS = """
import asyncio
from bocal.browser.notes import OwnDatabase

async def lost():
    names = [f"drawer {number}" for number in range(12)]
    tabs = [OwnDatabase(names[:end]) for end in (4, 8, 12, 12)]
    writing = [tab.write(name, "key", name) for tab in tabs for name in tab._drawers]
    await asyncio.gather(*writing, return_exceptions=True)
    found = await asyncio.gather(*(OwnDatabase(names).read(name) for name in names), return_exceptions=True)
    return [str(it) for name, it in zip(names, found) if it != {"key": name}]

"\\n".join(await lost())
"""


def test_drawers_are_made_whoever_else_makes_some(page: Page, site: servers.Server) -> None:
    open_page(page, site.origin)
    assert page.evaluate(RUN, [site.origin, DRAWERS]) == ""
