"""IndexedDB, in the very layout of WebLLM 0.2.86's `indexeddb` cache: what either keeps, both find.

Databases `webllm/model`, `webllm/config` and `webllm/wasm`, version 1, one store `urls` with key path `url`, records
`{url, data}`. Bytes go from `fetch` to the database without passing through Python's memory.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import js
from pyodide.ffi import JsBuffer, JsException, JsProxy, create_once_callable, create_proxy, to_js

from bocal.browser import network
from bocal.errors import Failure, Problem
from bocal.protocols import Form, Shelf

TABLE = "urls"


class IndexedDb:
    """`protocols.Store` over the page's IndexedDB."""

    def __init__(self) -> None:
        self._open: dict[Shelf, Any] = {}

    async def keys(self, shelf: Shelf, prefix: str = "") -> list[str]:
        """Return the keys that begin with `prefix`; reads no value."""
        database = await self.open(shelf)
        table = database.transaction(TABLE, "readonly").objectStore(TABLE)
        asked = table.getAllKeys(_beginning_with(prefix)) if prefix else table.getAllKeys()
        return [str(key) for key in (await _result(asked)).to_py()]

    async def read_json(self, shelf: Shelf, key: str) -> Any:
        """Return a small record as parsed JSON, or None; raises Failure(NOT_JSON) when its bytes are something else."""
        database = await self.open(shelf)
        kept = await _result(database.transaction(TABLE, "readonly").objectStore(TABLE).get(key))
        if kept is None:
            return None
        data = kept.data
        if not isinstance(data, JsBuffer):
            return data.to_py() if isinstance(data, JsProxy) else data
        try:
            return json.loads(data.to_bytes())
        except ValueError as error:
            raise Failure(Problem.NOT_JSON, detail=str(error), url=key) from error

    async def delete(self, shelf: Shelf, prefix: str) -> None:
        """Delete every record whose key begins with `prefix`; returns once that is committed."""
        database = await self.open(shelf)
        transaction = database.transaction(TABLE, "readwrite")
        transaction.objectStore(TABLE).delete(_beginning_with(prefix))
        await _committed(transaction)

    async def fetch_into(
        self, shelf: Shelf, key: str, url: str, form: Form, nbytes: int | None, on_bytes: Callable[[int, int], None]
    ) -> None:
        """Fetch `url` and keep it under `key`; returns once the transaction has committed."""
        controller = js.AbortController.new()
        try:
            data = await self._fetch(url, nbytes, on_bytes, controller.signal)
        except asyncio.CancelledError:
            controller.abort()
            raise
        if form is Form.JSON:
            try:
                data = js.JSON.parse(js.TextDecoder.new().decode(data))
            except JsException as error:
                raise Failure(Problem.NOT_JSON, detail=str(error), url=url) from error
        database = await self.open(shelf)
        try:
            transaction = database.transaction(TABLE, "readwrite")
            record = to_js({"url": key}, dict_converter=js.Object.fromEntries)
            record.data = data
            transaction.objectStore(TABLE).put(record)
            await _committed(transaction)
        except JsException as error:
            raise _storage_failure(error) from error

    async def _fetch(self, url: str, nbytes: int | None, on_bytes: Callable[[int, int], None], signal: Any) -> Any:
        """Return the whole body as an ArrayBuffer, counting bytes as they arrive."""
        response = await network.request(url, signal=signal, fresh=True)
        announced = response.headers.get("Content-Length")
        packed = response.headers.get("Content-Encoding")  # then Content-Length counts other bytes than arrive
        total = nbytes or (int(announced) if announced and announced.isdigit() and not packed else 0)
        pieces, done = js.Array.new(), 0
        reader = response.body.getReader()
        while True:
            try:
                piece = await reader.read()
            except JsException as error:
                raise network.unreachable(url, error) from error
            if piece.done:
                break
            pieces.push(piece.value)
            done += piece.value.byteLength
            on_bytes(done, total)
        if nbytes is not None and done != nbytes:
            raise Failure(Problem.CUT_SHORT, detail=url, host=network.host(url), bytes=done, wanted_bytes=nbytes)
        return await js.Blob.new(pieces).arrayBuffer()

    async def open(self, shelf: Shelf) -> Any:
        """Return a shelf's database, made where there is none; raises Failure when the browser keeps none."""
        if shelf not in self._open:
            asked = js.indexedDB.open(database_name(shelf), 1)

            def upgrade(_event: Any) -> None:
                asked.result.createObjectStore(TABLE, to_js({"keyPath": "url"}, dict_converter=js.Object.fromEntries))

            asked.onupgradeneeded = create_once_callable(upgrade)
            try:
                database = await _result(asked)
            except JsException as error:
                raise _storage_failure(error) from error
            # Another tab may delete or upgrade the database: let go of it, and open it anew next time.
            database.onversionchange = create_proxy(lambda _event: (database.close(), self._open.pop(shelf, None)))
            self._open[shelf] = database
        return self._open[shelf]


def database_name(shelf: Shelf) -> str:
    """Return the name of a shelf's database."""
    return f"webllm/{shelf}"


async def _result(asked: Any) -> Any:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    _settle(asked, "onsuccess", lambda: None if future.done() else future.set_result(asked.result))
    _settle(asked, "onerror", lambda: None if future.done() else future.set_exception(_exception(asked.error)))
    return await future


async def _committed(transaction: Any) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    _settle(transaction, "oncomplete", lambda: None if future.done() else future.set_result(None))
    _settle(
        transaction, "onabort", lambda: None if future.done() else future.set_exception(_exception(transaction.error))
    )
    await future


def _settle(target: Any, event: str, answer: Callable[[], None]) -> None:
    setattr(target, event, create_once_callable(lambda _event: answer()))


def _exception(error: Any) -> Failure:
    return _storage_failure(error)


def _storage_failure(error: Any) -> Failure:
    full = getattr(error, "name", "") == "QuotaExceededError"
    return Failure(Problem.STORAGE_FULL if full else Problem.STORAGE_FAILED, detail=str(error))


def _beginning_with(prefix: str) -> Any:
    return js.IDBKeyRange.bound(prefix, prefix + "\uffff")
