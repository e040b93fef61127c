"""Downloads' bytes, moved by a worker (`site/transfers.js`) so that neither Python nor the page ever waits for them."""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import js
from pyodide.ffi import create_proxy

from bocal import strict
from bocal.browser import database, network
from bocal.browser.store import IndexedDb, place
from bocal.browser.worker import EVERY, Worker, WorkerError
from bocal.errors import Failure, Problem
from bocal.protocols import HEADERS, Form, Head, OtherLength, Shelf

DOUBT = 30.0  # seconds after which a network is tried that the browser does not see: a host may be on this machine
SMALL = 1 << 19  # bytes up to which a file is only held in memory: the next visit fetches it anew, not what is missing


class WorkerTransfers:
    """`protocols.Transfers`, over one worker."""

    def __init__(self, store: IndexedDb, script: str = "transfers.js") -> None:
        self._store = store
        self._worker = Worker(script)
        self._asked = itertools.count(1)

    async def lasts(self) -> bool:
        """Whether partial files outlast the visit."""
        try:
            return bool(await self._worker.do("lasts"))
        except WorkerError as error:
            raise _error(error) from error

    async def sizes(self) -> Mapping[str, int]:
        """Return the length in bytes of each partial file."""
        try:
            return {str(name): int(size) for name, size in (await self._worker.do("sizes")).to_py().items()}
        except WorkerError as error:
            raise _error(error) from error

    async def ask(self, url: str, start: int, method: str = "GET") -> Head:
        """GET (or HEAD) `url`, from byte `start` on."""
        asked = next(self._asked)
        try:
            found = await self._worker.do(
                "ask", asked=asked, url=url, method=method, **{"from": start}, headers=list(HEADERS)
            )
        except asyncio.CancelledError:
            self._worker.tell("abort", asked=asked)
            raise
        except WorkerError as error:
            raise await network.no_answer(url, error) from error
        answer = found.to_py()
        return Head(asked, url, int(answer["status"]), bool(answer["redirected"]), answer["headers"])

    async def take(
        self, head: Head, name: str, at: int, algorithm: str, most: int, on_bytes: Callable[[int], None]
    ) -> tuple[int, str]:
        """Write an answer's body into a partial file from byte `at` on."""
        length = str(most or head.headers.get("Content-Length", ""))
        try:
            taken = await self._worker.do(
                "take", on_bytes, asked=head.number, name=name, at=at, algorithm=algorithm, most=most, every=EVERY,
                in_memory=not at and length.isdigit() and 0 < int(length) <= SMALL,
            )  # fmt: skip
        except asyncio.CancelledError:
            self._worker.tell("abort", asked=head.number)
            raise
        except WorkerError as error:
            raise network.unreachable(head.url, error) if error.network else _error(error) from error
        return int(taken.bytes), str(taken.digest)

    async def hash(self, name: str, algorithm: str) -> tuple[int, str]:
        """Return the length and the hash of a partial file as it is."""
        try:
            found = await self._worker.do("hash", name=name, algorithm=algorithm)
        except WorkerError as error:
            raise _error(error) from error
        return int(found.bytes), str(found.digest)

    async def abort(self, head: Head) -> None:
        """Leave an answer's body unread."""
        self._worker.tell("abort", asked=head.number)

    async def keep(self, name: str, nbytes: int, shelf: Shelf, key: str, form: Form) -> None:
        """Move a whole partial file into the store."""
        await self._store.open(shelf)  # made here, where there is none
        levels = strict.DEEPEST if form is Form.JSON else 0
        try:
            await self._worker.do("keep", name=name, bytes=nbytes, place=place(shelf, key), levels=levels)
        except WorkerError as error:
            if error.name == "SyntaxError":
                raise Failure(Problem.NOT_JSON, detail=str(error), url=key) from error
            raise _error(error) from error

    async def drop(self, name: str) -> None:
        """Delete a partial file, where there is one."""
        try:
            await self._worker.do("drop", name=name)
        except WorkerError as error:
            raise _error(error) from error

    async def close(self, names: Sequence[str]) -> None:
        """Return once these partial files are closed."""
        await self._worker.do("close", names=list(names))

    async def online(self) -> None:
        """Return once the browser says that there is a network, or might have missed one."""
        if js.navigator.onLine:
            return
        back = asyncio.Event()
        listener = create_proxy(lambda _event: back.set())
        js.addEventListener("online", listener)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(back.wait(), DOUBT)
        finally:
            js.removeEventListener("online", listener)
            listener.destroy()


def _error(error: WorkerError) -> Exception:
    if error.name == "OtherLength":
        return OtherLength(str(error))
    if error.name == "NoModificationAllowedError":  # another tab, or one that is just ending, has the file open
        return Failure(Problem.STORAGE_BUSY, detail=str(error))
    return database.failure(error.name, str(error))
