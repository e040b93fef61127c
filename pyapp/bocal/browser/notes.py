"""The database `bocal`: small documents of our own, in drawers (object stores)."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from pyodide.ffi import create_proxy

from bocal.browser import database
from bocal.errors import Failure

NAME = "bocal"


class OwnDatabase:
    """`protocols.Notes` over IndexedDB; a document is kept as its JSON text, in one of these `drawers`."""

    def __init__(self, drawers: Sequence[str]) -> None:
        self._drawers = drawers
        self._opened: Any = None
        self._opening = asyncio.Lock()

    async def read(self, drawer: str) -> dict[str, Any]:
        """Return every document of a drawer."""
        store = (await self._transaction([drawer], "readonly")).objectStore(drawer)
        keys, texts = store.getAllKeys(), store.getAll()
        found = (await database.result(texts)).to_py()
        return {str(key): json.loads(text) for key, text in zip(keys.result.to_py(), found, strict=True)}

    async def find(self, drawer: str, keys: Sequence[str]) -> list[Any]:
        """Return the documents with these keys, None for each that is not there."""
        if not keys:
            return []
        store = (await self._transaction([drawer], "readonly")).objectStore(drawer)
        asked = [store.get(key) for key in keys]
        await database.result(asked[-1])  # requests of one store are answered in order
        return [json.loads(it.result) if isinstance(it.result, str) else None for it in asked]

    async def write(self, drawer: str, key: str, value: Any) -> None:
        """Keep a document; returns once that is committed."""
        await self.change([(drawer, key, value)], [])

    async def delete(self, drawer: str, key: str) -> None:
        """Delete a document, where there is one."""
        await self.change([], [(drawer, key)])

    async def change(self, puts: Sequence[tuple[str, str, Any]], deletes: Sequence[tuple[str, str]]) -> None:
        """Keep documents (drawer, key, value) and delete others, all or none; returns once that is committed."""
        drawers = sorted({it[0] for it in (*puts, *deletes)})
        if not drawers:
            return
        transaction = await self._transaction(drawers, "readwrite")
        for drawer, key, value in puts:
            transaction.objectStore(drawer).put(json.dumps(value, ensure_ascii=False), key)
        for drawer, key in deletes:
            transaction.objectStore(drawer).delete(key)
        await database.committed(transaction)

    async def _transaction(self, drawers: Sequence[str], mode: str) -> Any:
        return await database.transaction(NAME, self._open, self._forget, drawers, mode)

    async def _open(self) -> Any:
        async with self._opening:
            self._opened = self._opened or await self._open_with_drawers()
            return self._opened

    async def _open_with_drawers(self) -> Any:
        """Open the database, with all drawers: those that lack are made in one go."""
        opened = await self._ask()
        while not all(opened.objectStoreNames.contains(drawer) for drawer in self._drawers):
            opened.close()
            try:
                opened = await self._ask(int(opened.version) + 1)
            except Failure:
                opened = await self._ask()  # another tab was faster: what it made may be what is wanted
        return opened

    async def _ask(self, *version: int) -> Any:
        asked = database.ask(NAME, *version)

        def upgrade() -> None:
            for drawer in self._drawers:
                if not asked.result.objectStoreNames.contains(drawer):
                    database.make_store(asked.result, drawer)

        def heed() -> None:  # before anything else is done with it: who is asked to make way and does not blocks all
            asked.result.onversionchange = create_proxy(lambda event: self._forget(event.target))

        asked.onupgradeneeded = database.once(upgrade)
        asked.addEventListener("success", database.once(heed))
        return await database.result(asked)

    def _forget(self, opened: Any) -> None:
        opened.close()
        self._opened = None
