"""IndexedDB, in the very layout of WebLLM 0.2.86's `indexeddb` cache: what either keeps, both find.

Databases `webllm/model`, `webllm/config` and `webllm/wasm`, version 1, one store `urls` with key path `url`, records
`{url, data}`.
"""

from typing import Any

import js
from pyodide.ffi import JsBuffer, JsProxy, create_proxy

from bocal import strict
from bocal.browser import database
from bocal.errors import Failure, Problem
from bocal.protocols import Shelf

TABLE = "urls"


class IndexedDb:
    """`protocols.Store` over the page's IndexedDB."""

    def __init__(self) -> None:
        self._open: dict[Shelf, Any] = {}

    async def keys(self, shelf: Shelf, prefix: str = "") -> list[str]:
        """Return the keys that begin with `prefix`; reads no value."""
        table = (await self.transaction(shelf, "readonly")).objectStore(TABLE)
        asked = table.getAllKeys(_beginning_with(prefix)) if prefix else table.getAllKeys()
        return [key for key in (await database.result(asked)).to_py() if isinstance(key, str)]

    async def read_json(self, shelf: Shelf, key: str) -> Any:
        """Return a small record as parsed JSON, or None; raises Failure(NOT_JSON) when its bytes are something else."""
        asked = (await self.transaction(shelf, "readonly")).objectStore(TABLE).get(key)
        data = getattr(await database.result(asked), "data", None)  # another app's record may be anything
        if not isinstance(data, JsBuffer):
            return data.to_py() if isinstance(data, JsProxy) else data
        try:
            return strict.from_bytes(data.to_bytes())
        except ValueError as error:
            raise Failure(Problem.NOT_JSON, detail=str(error), url=key) from error

    async def delete(self, shelf: Shelf, prefix: str) -> None:
        """Delete every record whose key begins with `prefix`; returns once that is committed."""
        transaction = await self.transaction(shelf, "readwrite")
        transaction.objectStore(TABLE).delete(_beginning_with(prefix))
        await database.committed(transaction)

    async def open(self, shelf: Shelf) -> Any:
        """Return a shelf's database, made where there is none; raises Failure when the browser keeps none."""
        if shelf not in self._open:
            opened = await self._make(shelf)
            if not opened.objectStoreNames.contains(TABLE):  # one that was made without it holds nothing
                opened.close()
                await database.result(js.indexedDB.deleteDatabase(database_name(shelf)))
                opened = await self._make(shelf)
            # Another tab may delete or upgrade the database, the visitor all of the site's data: let go of it, and open
            # it anew next time.
            opened.onversionchange = create_proxy(lambda _event: (opened.close(), self._open.pop(shelf, None)))
            opened.onclose = create_proxy(lambda _event: self._open.pop(shelf, None))
            self._open[shelf] = opened
        return self._open[shelf]

    async def transaction(self, shelf: Shelf, mode: str) -> Any:
        """Begin a transaction on a shelf's table, "readonly" or "readwrite"; raises Failure."""
        return await database.transaction(
            database_name(shelf), lambda: self.open(shelf), lambda _opened: self._open.pop(shelf, None), [TABLE], mode
        )

    async def _make(self, shelf: Shelf) -> Any:
        asked = database.ask(database_name(shelf), 1)
        asked.onupgradeneeded = database.once(lambda: database.make_store(asked.result, TABLE, key_path="url"))
        return await database.result(asked)


def database_name(shelf: Shelf) -> str:
    """Return the name of a shelf's database."""
    return f"webllm/{shelf}"


def place(shelf: Shelf, key: str) -> dict[str, str]:
    """Return where a record lies, as the workers are told (`site/records.js`)."""
    return {"database": database_name(shelf), "table": TABLE, "key": key}


def _beginning_with(prefix: str) -> Any:
    return js.IDBKeyRange.bound(prefix, prefix + "\uffff")
