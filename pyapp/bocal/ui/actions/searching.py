"""Searching for models by words, and the setting that says where."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from bocal.errors import Failure
from bocal.models import search
from bocal.models.paste import Words
from bocal.models.search import Listing, Search
from bocal.protocols import Key
from bocal.ui.actions.desk import HUB, Desk
from bocal.ui.search_results import FIELD, ROWS, STEPS, row_id
from bocal.ui.state import AddForm, Hub, Overlay

PAUSE = 0.3  # seconds without typing after which words are searched for
SHORTEST = 2  # characters


class Searching:
    """Actions of the results, and of the setting."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._tasks: set[asyncio.Task[None]] = set()
        self._sizes: dict[str, int] = {}

    def follow(self, form: AddForm) -> None:
        """Search for what the first field holds, if it is words, once the visitor pauses; an earlier search ends."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        form.search = None
        self.read_hub()
        if isinstance(form.pasted, Words) and len(form.pasted.query) >= SHORTEST:
            hub, network = self.desk.state.hub.address, self.desk.outside.network
            form.search = Search(form.pasted.query, hub, network, self._sizes, self.desk.draw_soon)
            self._run(self._soon(form.search))

    def do_search_more(self, whose: str) -> None:
        """Show more of mlc-ai's results (`whose` is "own") or of everybody else's."""
        found = self.desk.state.form.search
        listing = (found.own if whose == "own" else found.others) if found else None
        if found and listing and not listing.running:
            self._run(self._more(found, listing))

    def do_search_again(self) -> None:
        """Ask again what was not answered."""
        if found := self.desk.state.form.search:
            self._run(found.again())

    def pressed(self, key: Key) -> bool:
        """Go through the results with the arrows; returns whether the key is dealt with."""
        state = self.desk.state
        in_field = key.focus_id == FIELD
        if state.overlay is not Overlay.ADD or not state.form.search or not (in_field or key.focus_class in ROWS):
            return False
        if key.name in {"ArrowDown", "ArrowUp"} or (key.name == "Enter" and in_field):
            self.desk.outside.page.step(STEPS, -1 if key.name == "ArrowUp" else 1)
            return True
        return False

    def read_hub(self) -> None:
        """Read the setting, which another tab may have changed."""
        try:
            address = search.read_hub(self.desk.outside.settings.read(HUB) or "")
        except Failure:
            address = search.HUB
        if address != self.desk.state.hub.address:
            self.desk.state.hub = Hub(address, address)

    def typed_hub(self, text: str) -> None:
        """Search elsewhere from now on, or say why not."""
        hub = self.desk.state.hub
        try:
            address = search.read_hub(text)
        except Failure as failure:
            hub.text, hub.failure = text, failure
        else:
            self.desk.remember(HUB, address)
            self.desk.state.hub = Hub(address, address)
        self.desk.draw("main")

    def do_hub_reset(self) -> None:
        """Search Hugging Face again."""
        self.typed_hub("")
        self.desk.outside.page.focus("settings-hub")

    async def _soon(self, found: Search) -> None:
        await asyncio.sleep(PAUSE)
        await found.run()

    async def _more(self, found: Search, listing: Listing) -> None:
        """Show more of one list, from its first new row on."""
        before = len(listing.hits)
        await found.read_on(listing)
        self.desk.draw("overlay")
        if len(listing.hits) > before:
            self.desk.outside.page.focus(row_id(listing.hits[before]))
        await found.read_sizes(listing)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.desk.spawn(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
