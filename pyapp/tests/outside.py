"""The world outside the page, for tests on CPython: plain fakes of `bocal.protocols`, each a few lines."""

import asyncio
import functools
import hashlib
import itertools
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bocal.errors import Failure, Problem
from bocal.protocols import Form, Head, OtherLength, Shelf
from bocal.weights.carrier import Means
from bocal.weights.journal import Journal

# The functions of a library that WebLLM asks for, as their names stand in it.
FUNCTIONS = (
    b"TVMFFIFunctionCall embed prefill decode softmax_with_temperature sample_with_top_p argsort_probs "
    b"apply_bitmask_inplace apply_penalty_inplace apply_logit_bias_inplace"
)


def wasm(*parameters: tuple[str, list[int], str], quantisation: str = "q0f32", functions: bytes = FUNCTIONS) -> bytes:
    """A library: WebAssembly with one custom section, its metadata, and the names of its functions."""
    params = [{"name": name, "shape": shape, "dtype": dtype} for name, shape, dtype in parameters]
    text = json.dumps({"model_type": "llama", "quantization": quantisation, "params": params}).encode()
    content = b"\x01x" + text + functions
    assert len(content) < 2**14
    return b"\0asm\1\0\0\0\0" + bytes([len(content) & 127 | 128, len(content) >> 7]) + content


def to_its_end[**P](test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make a test of a coroutine function."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


class Settings(dict[str, str]):
    """localStorage as a dict."""

    def read(self, key: str) -> str | None:
        return self.get(key)

    def write(self, key: str, value: str) -> None:
        self[key] = value


class SharedSettings:
    """localStorage of several processes: what one writes, the others see `lag` seconds later, in the same order."""

    def __init__(self, lag: float) -> None:
        self.lag = lag
        self.views: list[Settings] = []

    def view(self) -> "ProcessSettings":
        """Return one more process's."""
        return ProcessSettings(self)


class ProcessSettings(Settings):
    """localStorage as one process sees it."""

    def __init__(self, shared: SharedSettings) -> None:
        super().__init__(shared.views[0] if shared.views else {})
        self._shared = shared
        shared.views.append(self)

    def write(self, key: str, value: str) -> None:
        self[key] = value
        for view in self._shared.views:
            if view is not self:
                asyncio.get_running_loop().call_later(self._shared.lag, view.__setitem__, key, value)


class Notes:
    """The database of our own as dicts; `refused` makes it refuse to keep anything, `at_once` not pause."""

    def __init__(self, *, refused: bool = False, at_once: bool = False) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.refused = refused
        self.at_once = at_once

    async def read(self, drawer: str) -> dict[str, Any]:
        await self._pause()
        return dict(self.kept.get(drawer, {}))

    async def write(self, drawer: str, key: str, value: Any) -> None:
        await self._pause()
        if self.refused:
            raise Failure(Problem.STORAGE_FULL)
        self.kept.setdefault(drawer, {})[key] = json.loads(json.dumps(value))

    async def find(self, drawer: str, keys: Sequence[str]) -> list[Any]:
        found = await self.read(drawer)
        return [found.get(key) for key in keys]

    async def delete(self, drawer: str, key: str) -> None:
        self.kept.get(drawer, {}).pop(key, None)

    async def change(self, puts: Sequence[tuple[str, str, Any]], deletes: Sequence[tuple[str, str]]) -> None:
        await self._pause()
        if self.refused:
            raise Failure(Problem.STORAGE_FULL)
        for drawer, key, value in puts:
            self.kept.setdefault(drawer, {})[key] = json.loads(json.dumps(value))
        for drawer, key in deletes:
            self.kept.get(drawer, {}).pop(key, None)

    async def _pause(self) -> None:
        if not self.at_once:
            await asyncio.sleep(0)


class Tabs:
    """Locks among the tabs that share this object; nothing is said or heard."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}

    async def hold(self, name: str, *, wait: bool, shared: bool = False) -> Callable[[], None] | None:
        assert wait or not shared
        lock = self._locks.setdefault(name, asyncio.Lock())
        if lock.locked() and not wait:
            return None
        await lock.acquire()
        return lock.release

    async def is_held(self, name: str) -> bool:
        return name in self._locks and self._locks[name].locked()

    def say(self, message: Mapping[str, Any]) -> None:
        pass

    def hear(self, listener: Callable[[Mapping[str, Any]], None]) -> None:
        pass


class Web:
    """Documents by URL; anything else is not found. `links` are their Link headers, `asked` lists the requests."""

    def __init__(self, documents: Mapping[str, Any]) -> None:
        self.documents = dict(documents)
        self.links: dict[str, str] = {}
        self.asked: list[str] = []

    async def read_page(self, url: str) -> tuple[Any, str]:
        return await self.read_json(url), self.links.get(url, "")

    async def read_json(self, url: str) -> Any:
        self.asked.append(url)
        return self.get(url)

    async def read_bytes(self, url: str, most: int) -> bytes:
        self.asked.append(url)
        content = self.get(url)
        assert isinstance(content, bytes)
        if len(content) > most:
            raise Failure(Problem.TOO_LARGE, url=url, bytes=len(content))
        return content

    async def exists(self, url: str) -> bool:
        self.asked.append(url)
        return not isinstance(self.documents.get(url, Failure(Problem.NOT_FOUND)), Failure)

    def get(self, url: str) -> Any:
        found = self.documents.get(url, Failure(Problem.NOT_FOUND, url=url))
        if isinstance(found, Failure):
            raise found
        return found


class Shelves:
    """The store as dicts."""

    def __init__(self) -> None:
        self.kept: dict[Shelf, dict[str, Any]] = {shelf: {} for shelf in Shelf}
        self.read: list[str] = []
        self.measured: list[str] = []

    async def measure(self, shelf: Shelf, key: str) -> int | None:
        self.measured.append(key)
        data = self.kept[shelf].get(key)
        return None if data is None else len(data if isinstance(data, bytes) else json.dumps(data))

    async def delete_keys(self, shelf: Shelf, keys: Sequence[str]) -> None:
        for key in keys:
            self.kept[shelf].pop(key, None)

    async def keys(self, shelf: Shelf, prefix: str = "") -> list[str]:
        return [key for key in self.kept[shelf] if key.startswith(prefix)]

    async def read_json(self, shelf: Shelf, key: str) -> Any:
        self.read.append(key)
        data = self.kept[shelf].get(key)
        try:
            return json.loads(data) if isinstance(data, bytes) else data
        except ValueError as error:
            raise Failure(Problem.NOT_JSON, url=key) from error

    async def delete(self, shelf: Shelf, prefix: str) -> None:
        self.kept[shelf] = {key: data for key, data in self.kept[shelf].items() if not key.startswith(prefix)}


@dataclass
class Answer:
    """One answer of a host to come: `cut` is after how many bytes of body the connection breaks."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cut: int | None = None
    redirected: bool = False
    failure: Failure | None = None


LEAST_OPEN = 200  # bytes that a browser sets aside for a file while it is open


class Wire:
    """`protocols.Transfers` over a `Web`: a body arrives in pieces of `piece` bytes, partial files are byte arrays.

    `script` holds, by the end of a URL, the answers to its next requests; after those it is served as it should be,
    with `etags` and, when `ranges`, by range. `asked` lists (URL, start), `looked_at` those of which only the headers
    were wanted; `refused` counts what lacked room.
    """

    def __init__(self, web: Web, store: Shelves, piece: int = 40) -> None:
        self.web, self.store, self.piece = web, store, piece
        self.files: dict[str, bytearray] = {}
        self.script: dict[str, list[Answer]] = {}
        self.etags: dict[str, str] = {}
        self.ranges = True
        self.asked: list[tuple[str, int]] = []
        self.looked_at: list[tuple[str, int]] = []
        self.aborted: list[int] = []
        self.room = 10**9
        self.open: set[str] = set()
        self.refused = 0
        self.was_online = 0
        self._answers: dict[int, Answer] = {}
        self._numbers = itertools.count(1)

    @property
    def fetched(self) -> list[str]:
        return [url for url, _ in self.asked]

    async def lasts(self) -> bool:
        return True

    async def sizes(self) -> Mapping[str, int]:
        return {name: len(content) for name, content in self.files.items()}

    async def ask(self, url: str, start: int, method: str = "GET") -> Head:
        (self.asked if method == "GET" else self.looked_at).append((url, start))
        number = next(self._numbers)
        await asyncio.sleep(0)
        answer = next((some.pop(0) for end, some in self.script.items() if url.endswith(end) and some), None)
        served = self._serve(url, start)
        if answer is None:
            answer = served
        elif answer.body is None and answer.status == 200:
            answer = replace(served, cut=answer.cut, failure=answer.failure or served.failure)
        if answer.failure:
            raise answer.failure
        self._answers[number] = answer
        return Head(number, url, answer.status, answer.redirected, answer.headers)

    def _serve(self, url: str, start: int) -> Answer:
        try:
            content = self.web.get(url)
        except Failure as failure:
            status = {Problem.NOT_FOUND: 404, Problem.SERVER_ERROR: 500}.get(failure.problem)
            return Answer(status, body=b"") if status else Answer(failure=failure)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        tag = {"ETag": self.etags[url]} if url in self.etags else {"ETag": '"1"'}
        if not start or not self.ranges:
            return Answer(200, {**tag, "Content-Length": str(len(data))}, data)
        if start >= len(data):
            return Answer(416, body=b"")
        told = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}", "Content-Length": str(len(data) - start)}
        return Answer(206, {**tag, **told}, data[start:])

    async def hash(self, name: str, algorithm: str) -> tuple[int, str]:
        return len(self.files[name]), hashlib.new(algorithm, self.files[name]).hexdigest()

    async def take(
        self, head: Head, name: str, at: int, algorithm: str, most: int, on_bytes: Callable[[int], None]
    ) -> tuple[int, str]:
        answer = self._answers.pop(head.number)
        file = self.files.setdefault(name, bytearray())
        if len(file) < at:
            raise OtherLength
        del file[at:]
        on_bytes(at)
        body = answer.body or b""
        for begin in range(0, len(body), self.piece):
            await asyncio.sleep(0)
            if answer.cut is not None and begin >= answer.cut:
                raise Failure(Problem.UNREACHABLE, host="h")
            piece = body[begin : begin + self.piece]
            self.open.add(name)
            file += piece
            if self.left() < 0:
                del file[-len(piece) :]
                self._refuse()
            on_bytes(len(file))
            if most and len(file) > most:
                break
        return len(file), hashlib.new(algorithm, file).hexdigest() if algorithm else ""

    async def abort(self, head: Head) -> None:
        self._answers.pop(head.number, None)
        self.aborted.append(head.number)

    async def keep(self, name: str, nbytes: int, shelf: Shelf, key: str, form: Form) -> None:
        self.open.discard(name)
        if form is not Form.JSON and self.left() < nbytes:
            self._refuse()
        data = bytes(self.files[name])
        if len(data) != nbytes:
            raise OtherLength
        try:
            self.store.kept[shelf][key] = json.loads(data) if form is Form.JSON else data
        except ValueError as error:
            raise Failure(Problem.NOT_JSON, url=key) from error
        await self.drop(name)

    async def close(self, names: Sequence[str]) -> None:
        self.open -= set(names)

    def _refuse(self) -> None:
        self.refused += 1
        raise Failure(Problem.STORAGE_FULL)

    def left(self) -> int:
        """How many bytes there is room for: a file that is open counts as `LEAST_OPEN` bytes or more."""
        begun = sum(max(len(file), LEAST_OPEN * (name in self.open)) for name, file in self.files.items())
        kept = sum(len(value) for value in self.store.kept[Shelf.MODEL].values() if isinstance(value, bytes))
        return self.room - begun - kept

    async def drop(self, name: str) -> None:
        self.open.discard(name)
        self.files.pop(name, None)

    async def online(self) -> None:
        self.was_online += 1


class Window:
    """`protocols.Tabs`: one tab of a browser; all tabs made with the same `locks` and `tabs` hear each other."""

    def __init__(self, locks: dict[str, asyncio.Lock] | None = None, tabs: list["Window"] | None = None) -> None:
        self.locks = {} if locks is None else locks
        self.tabs = [] if tabs is None else tabs
        self.tabs.append(self)
        self.listeners: list[Callable[[Mapping[str, Any]], None]] = []

    async def hold(self, name: str, *, wait: bool, shared: bool = False) -> Callable[[], None] | None:
        assert wait or not shared
        lock = self.locks.setdefault(name, asyncio.Lock())
        if lock.locked() and not wait:
            return None
        await lock.acquire()
        return lock.release

    async def is_held(self, name: str) -> bool:
        return name in self.locks and self.locks[name].locked()

    def say(self, message: Mapping[str, Any]) -> None:
        for tab in self.tabs:
            if tab is not self:
                for listener in tab.listeners:
                    listener(json.loads(json.dumps(message)))

    def hear(self, listener: Callable[[Mapping[str, Any]], None]) -> None:
        self.listeners.append(listener)


class World:
    """All that a download needs: a `Wire` to a `Web`, a store, notes, one tab, and time that passes at once."""

    def __init__(self, web: Web) -> None:
        self.store = Shelves()
        self.wire = Wire(web, self.store)
        self.notes = Notes(at_once=True)
        self.locks: dict[str, asyncio.Lock] = {}
        self.tabs: list[Window] = []
        self.room: int | Callable[[], int] | None = None
        self.slept: list[float] = []
        self.now = 0.0

    def means(self) -> Means:
        """Return what one tab has."""
        return Means(
            self.store,
            self.wire,
            Journal(self.notes),
            Window(self.locks, self.tabs),
            self._room,
            self._clock,
            self._sleep,
        )

    async def _room(self) -> int | None:
        return self.room() if callable(self.room) else self.room

    def _clock(self) -> float:
        self.now += 0.2
        return self.now

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)
