"""The world outside the page, for tests on CPython: plain fakes of `bocal.protocols`, each a few lines."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bocal.errors import Failure, Problem
from bocal.protocols import Form, Shelf

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
    """The database of our own as dicts; `refused` makes it refuse to keep anything."""

    def __init__(self, *, refused: bool = False) -> None:
        self.drawers: dict[str, dict[str, Any]] = {}
        self.refused = refused

    async def read(self, drawer: str) -> dict[str, Any]:
        await asyncio.sleep(0)
        return dict(self.drawers.get(drawer, {}))

    async def write(self, drawer: str, key: str, value: Any) -> None:
        await asyncio.sleep(0)
        if self.refused:
            raise Failure(Problem.STORAGE_FULL)
        self.drawers.setdefault(drawer, {})[key] = json.loads(json.dumps(value))

    async def delete(self, drawer: str, key: str) -> None:
        self.drawers.get(drawer, {}).pop(key, None)


class Tabs:
    """Locks among the tabs that share this object; nothing is said or heard."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}

    async def hold(self, name: str, *, wait: bool) -> Callable[[], None] | None:
        lock = self._locks.setdefault(name, asyncio.Lock())
        if lock.locked() and not wait:
            return None
        await lock.acquire()
        return lock.release

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
    """The store as dicts, filled from a `Web`; a document that is bytes arrives in two pieces."""

    def __init__(self, web: Web) -> None:
        self.web = web
        self.kept: dict[Shelf, dict[str, Any]] = {shelf: {} for shelf in Shelf}
        self.fetched: list[str] = []
        self.read: list[str] = []
        self.measured: list[str] = []

    async def keys(self, shelf: Shelf, prefix: str = "") -> list[str]:
        return [key for key in self.kept[shelf] if key.startswith(prefix)]

    async def measure(self, shelf: Shelf, key: str) -> int | None:
        self.measured.append(key)
        data = self.kept[shelf].get(key)
        return None if data is None else len(data if isinstance(data, bytes) else json.dumps(data))

    async def delete_keys(self, shelf: Shelf, keys: Sequence[str]) -> None:
        for key in keys:
            self.kept[shelf].pop(key, None)

    async def read_json(self, shelf: Shelf, key: str) -> Any:
        self.read.append(key)
        data = self.kept[shelf].get(key)
        return json.loads(data) if isinstance(data, bytes) else data

    async def delete(self, shelf: Shelf, prefix: str) -> None:
        self.kept[shelf] = {key: data for key, data in self.kept[shelf].items() if not key.startswith(prefix)}

    async def fetch_into(
        self, shelf: Shelf, key: str, url: str, form: Form, nbytes: int | None, on_bytes: Callable[[int, int], None]
    ) -> None:
        content = self.web.get(url)
        self.fetched.append(url)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        for done in (len(data) // 2, len(data)):
            await asyncio.sleep(0)
            on_bytes(done, nbytes or len(data))
        if nbytes is not None and nbytes != len(data):
            raise Failure(Problem.CUT_SHORT, host="", bytes=len(data), wanted_bytes=nbytes)
        self.kept[shelf][key] = json.loads(data) if form is Form.JSON else data


class Drawers:
    """The notes as dicts."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}

    async def read(self, drawer: str) -> dict[str, Any]:
        return dict(self.kept.get(drawer, {}))

    async def write(self, drawer: str, key: str, value: Any) -> None:
        self.kept.setdefault(drawer, {})[key] = json.loads(json.dumps(value))

    async def delete(self, drawer: str, key: str) -> None:
        self.kept.get(drawer, {}).pop(key, None)
