"""Turns at changing a text of localStorage: one tab at a time, each seeing what the one before it wrote.

A lock alone does not give that: what one tab writes reaches the other tabs' processes by a way of its own, which may
take longer than the lock. So every change also counts a revision, in localStorage after the text (where a tab sees
both in the order they were written) and in IndexedDB, which shows all tabs the same: a tab whose localStorage is
behind waits until it has caught up.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from bocal.errors import Failure
from bocal.protocols import Notes, Settings, Tabs

DRAWER = "revisions"
PAUSE, PATIENCE = 0.01, 2.0  # seconds between two looks, and until a revision that does not come was deleted by hand


class Turns:
    """The turns at one key of localStorage."""

    def __init__(self, key: str, settings: Settings, tabs: Tabs, notes: Notes) -> None:
        self._key = key
        self._settings = settings
        self._tabs = tabs
        self._notes = notes
        self._revision_key = f"bocal.{key}.revision"

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
        """Hold the key alone; gives the function that writes it, which raises Failure(SETTINGS_FULL)."""
        release = await self._tabs.hold(f"bocal.{self._key}", wait=True)
        try:
            revision = await self._catch_up()

            async def write(text: str) -> None:
                nonlocal revision
                revision += 1
                self._settings.write(self._key, text)
                with suppress(Failure):  # no room for the number, or no IndexedDB: the text itself is kept
                    self._settings.write(self._revision_key, str(revision))
                    await self._notes.write(DRAWER, self._key, revision)

            yield write
        finally:
            if release:
                release()

    async def _catch_up(self) -> int:
        """Return the revision, once localStorage shows it here."""
        try:
            told = int((await self._notes.read(DRAWER)).get(self._key, 0))
        except Failure:
            told = 0
        for _ in range(round(PATIENCE / PAUSE)):
            if self._shown() >= told:
                break
            await asyncio.sleep(PAUSE)
        return max(self._shown(), told)

    def _shown(self) -> int:
        shown = self._settings.read(self._revision_key) or ""
        return int(shown) if shown.isascii() and shown.isdigit() and len(shown) < 16 else 0
