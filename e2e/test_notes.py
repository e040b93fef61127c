"""The page's own small database, in a real browser."""

import servers
from person import open_page
from playwright.sync_api import Page
from test_tabs import RUN

# Writes into many drawers that are not there yet, from two tabs at once; returns what cannot be read again.
DRAWERS = """
import asyncio
from bocal.browser.notes import OwnDatabase

async def lost():
    tabs = OwnDatabase(), OwnDatabase()
    names = [f"drawer {number}" for number in range(12)]
    await asyncio.gather(*(tab.write(name, "key", name) for tab in tabs for name in names), return_exceptions=True)
    found = await asyncio.gather(*(OwnDatabase().read(name) for name in names), return_exceptions=True)
    return [str(it) for name, it in zip(names, found) if it != {"key": name}]

"\\n".join(await lost())
"""


def test_many_drawers_are_made_at_once(page: Page, site: servers.Server) -> None:
    open_page(page, site.origin)
    assert page.evaluate(RUN, [site.origin, DRAWERS]) == ""
