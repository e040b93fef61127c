"""Downloads' bytes, moved by a worker (`site/transfers.js`) so that neither Python nor the page ever waits for them.

A request is `{number, name, content}`; the answers with the same number are `{bytes}` while a body arrives, and at the
end `{result}` or `{error: {name, text, network}}`.
"""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import js
from pyodide.ffi import create_once_callable, create_proxy, to_js

from bocal.browser import database, network
from bocal.browser.store import TABLE, IndexedDb, database_name
from bocal.errors import Failure, Problem
from bocal.models import strict
from bocal.protocols import HEADERS, Form, Head, Shelf

EVERY = 100  # milliseconds between two reports of one body
SMALL = 1 << 19  # bytes up to which a file is only held in memory: the next visit fetches it anew, not what is missing


class Worker:
    """`protocols.Transfers`: one worker, made when first needed and made anew should it end."""

    def __init__(self, store: IndexedDb, script: str = "transfers.js") -> None:
        self._store = store
        self._script = script
        self._worker: Any = None
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._on_bytes: dict[int, Callable[[int], None]] = {}

    async def sizes(self) -> Mapping[str, int]:
        """Return the length in bytes of each partial file."""
        try:
            return {str(name): int(size) for name, size in (await self._do("sizes")).items()}
        except _WorkerError as error:
            raise _failure(error) from error

    async def ask(self, url: str, start: int) -> Head:
        """GET `url`, from byte `start` on."""
        number = next(self._numbers)
        asking = asyncio.ensure_future(self._do("ask", number, url=url, **{"from": start}, headers=list(HEADERS)))
        try:
            answer = await asyncio.shield(asking)
        except asyncio.CancelledError:
            asking.cancel()
            self._post("abort", next(self._numbers), {"asked": number})
            raise
        except _WorkerError as error:
            raise await network.no_answer(url, error) from error
        return Head(number, url, int(answer["status"]), bool(answer["redirected"]), answer["headers"])

    async def take(
        self, head: Head, name: str, at: int, algorithm: str, most: int, on_bytes: Callable[[int], None]
    ) -> tuple[int, str]:
        """Write an answer's body into a partial file from byte `at` on."""
        number = next(self._numbers)
        self._on_bytes[number] = on_bytes
        length = str(most or head.headers.get("Content-Length", ""))
        try:
            taken = await self._do(
                "take", number, asked=head.number, name=name, at=at, algorithm=algorithm, most=most, every=EVERY,
                in_memory=not at and length.isdigit() and 0 < int(length) <= SMALL,
            )  # fmt: skip
        except asyncio.CancelledError:
            self._post("abort", next(self._numbers), {"asked": head.number})
            raise
        except _WorkerError as error:
            raise network.unreachable(head.url, error) if error.network else _failure(error) from error
        finally:
            self._on_bytes.pop(number, None)
        return int(taken["bytes"]), str(taken["digest"])

    async def abort(self, head: Head) -> None:
        """Leave an answer's body unread."""
        await self._do("abort", asked=head.number)

    async def keep(self, name: str, shelf: Shelf, key: str, form: Form) -> None:
        """Move a whole partial file into the store."""
        await self._store.open(shelf)  # made here, where there is none
        place = {"database": database_name(shelf), "table": TABLE, "key": key}
        try:
            await self._do("keep", 0, name=name, **place, levels=strict.DEEPEST if form is Form.JSON else 0)
        except _WorkerError as error:
            if error.name == "SyntaxError":
                raise Failure(Problem.NOT_JSON, detail=str(error), url=key) from error
            raise _failure(error) from error

    async def drop(self, name: str) -> None:
        """Delete a partial file, where there is one."""
        await self._do("drop", name=name)

    async def online(self) -> None:
        """Return once the browser says that there is a network."""
        if js.navigator.onLine:
            return
        back: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        once = to_js({"once": True}, dict_converter=js.Object.fromEntries)
        listener = create_once_callable(lambda _event: None if back.done() else back.set_result(None))
        js.addEventListener("online", listener, once)
        await back

    async def _do(self, name: str, number: int = 0, /, **content: Any) -> Any:
        number = number or next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._post(name, number, content)
            return await future
        finally:
            self._waiting.pop(number, None)

    def _post(self, name: str, number: int, content: Mapping[str, Any]) -> None:
        if self._worker is None:
            self._worker = js.Worker.new(self._script, to_js({"type": "module"}, dict_converter=js.Object.fromEntries))
            self._worker.onmessage = create_proxy(self._heard)
            self._worker.onerror = create_proxy(self._failed)
        message = {"number": number, "name": name, "content": content}
        self._worker.postMessage(to_js(message, dict_converter=js.Object.fromEntries))

    def _heard(self, event: Any) -> None:
        message = event.data.to_py()
        number = message["number"]
        if "bytes" in message:
            on_bytes = self._on_bytes.get(number)
            if on_bytes:
                on_bytes(int(message["bytes"]))
            return
        future = self._waiting.get(number)
        if future is None or future.done():
            return
        if "error" in message:
            future.set_exception(_WorkerError(**message["error"]))
        else:
            future.set_result(message.get("result"))

    def _failed(self, event: Any) -> None:
        text = str(getattr(event, "message", None) or "the worker of downloads stopped")
        self._worker.terminate()
        self._worker = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(_WorkerError("Error", text, network=False))


class _WorkerError(Exception):
    def __init__(self, name: str, text: str, network: bool) -> None:
        super().__init__(text)
        self.name = name
        self.network = network


def _failure(error: _WorkerError) -> Failure:
    if error.name == "NoModificationAllowedError":  # another tab, or one that is just ending, has the file open
        return Failure(Problem.STORAGE_BUSY, detail=str(error))
    return database.failure(error.name, str(error))
