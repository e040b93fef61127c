"""The database `bocal`: small documents of our own, in drawers (object stores) that are made when first needed."""

import json
from typing import Any

import js
from pyodide.ffi import JsException, create_proxy

from bocal.browser import database
from bocal.errors import Failure, Problem

NAME = "bocal"


class OwnDatabase:
    """`protocols.Notes` over IndexedDB; a document is kept as its JSON text."""

    def __init__(self) -> None:
        self._opened: Any = None

    async def read(self, drawer: str) -> dict[str, Any]:
        """Return every document of a drawer."""
        store = (await self._transaction(drawer, "readonly")).objectStore(drawer)
        keys, texts = store.getAllKeys(), store.getAll()
        found = (await database.result(texts)).to_py()
        return {str(key): json.loads(text) for key, text in zip(keys.result.to_py(), found, strict=True)}

    async def write(self, drawer: str, key: str, value: Any) -> None:
        """Keep a document; returns once that is committed."""
        transaction = await self._transaction(drawer, "readwrite")
        transaction.objectStore(drawer).put(json.dumps(value), key)
        await database.committed(transaction)

    async def delete(self, drawer: str, key: str) -> None:
        """Delete a document, where there is one."""
        transaction = await self._transaction(drawer, "readwrite")
        transaction.objectStore(drawer).delete(key)
        await database.committed(transaction)

    async def _transaction(self, drawer: str, mode: str) -> Any:
        for _ in range(3):
            opened = self._opened or await self._open()
            if not opened.objectStoreNames.contains(drawer):
                version = int(opened.version) + 1
                self._forget(opened)
                opened = await self._open(version, drawer)
            try:
                return opened.transaction(drawer, mode)
            except JsException:  # another tab has just closed it, to add a drawer
                self._forget(opened)
        raise Failure(Problem.STORAGE_FAILED, detail=f"{NAME}: {drawer}")

    async def _open(self, version: int = 0, drawer: str = "") -> Any:
        asked = js.indexedDB.open(NAME, version) if version else js.indexedDB.open(NAME)

        def upgrade() -> None:
            if drawer and not asked.result.objectStoreNames.contains(drawer):
                database.make_store(asked.result, drawer)

        def heed() -> None:  # before anything else is done with it: who is asked to make way and does not blocks all
            asked.result.onversionchange = create_proxy(lambda event: self._forget(event.target))

        asked.onupgradeneeded = database.once(upgrade)
        asked.addEventListener("success", database.once(heed))
        try:
            opened = await database.result(asked)
        except Failure:
            if not version:
                raise
            return await self._open()  # another tab was faster: what it made may be what is wanted
        self._opened = opened
        return opened

    def _forget(self, opened: Any) -> None:
        opened.close()
        self._opened = None
