"""A worker of this site's own (`site/*.js`) as something to await.

A request is `{number, name, content}`; its answer, `{number, result}` or `{number, error: {name, text, network}}`.
Meanwhile the worker tells how far it is with any of them: `{bytes: [[number, bytes], ...]}`.
"""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import js
from pyodide.ffi import create_proxy, to_js

EVERY = 100  # milliseconds between two reports


class Worker:
    """One worker, made when first needed and made anew should it end."""

    def __init__(self, script: str) -> None:
        self._script = script
        self._worker: Any = None
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._on_bytes: dict[int, Callable[[int], None]] = {}

    async def do(self, name: str, on_bytes: Callable[[int], None] | None = None, /, **content: Any) -> Any:
        """Return what the worker answers, as JavaScript has it (None for undefined); raises WorkerError."""
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        if on_bytes:
            self._on_bytes[number] = on_bytes
        try:
            self._post(number, name, content)
            return await future
        finally:
            self._waiting.pop(number, None)
            self._on_bytes.pop(number, None)

    def tell(self, name: str, /, **content: Any) -> None:
        """Let the worker do something whose answer nobody waits for."""
        self._post(next(self._numbers), name, content)

    def _post(self, number: int, name: str, content: dict[str, Any]) -> None:
        if self._worker is None:
            self._worker = js.Worker.new(self._script, to_js({"type": "module"}, dict_converter=js.Object.fromEntries))
            self._worker.onmessage = create_proxy(self._heard)
            self._worker.onerror = create_proxy(self._failed)
        message = {"number": number, "name": name, "content": content}
        self._worker.postMessage(to_js(message, dict_converter=js.Object.fromEntries))

    def _heard(self, event: Any) -> None:
        message = event.data
        if hasattr(message, "bytes"):
            for number, nbytes in message.bytes.to_py():
                on_bytes = self._on_bytes.get(number)
                if on_bytes:
                    on_bytes(int(nbytes))
            return
        future = self._waiting.get(int(message.number))
        if future is None or future.done():
            return
        if hasattr(message, "error"):
            future.set_exception(WorkerError(**message.error.to_py()))
        else:
            future.set_result(getattr(message, "result", None))

    def _failed(self, event: Any) -> None:
        text = str(getattr(event, "message", None) or f"{self._script} stopped")
        self._worker.terminate()
        self._worker = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(WorkerError("Error", text))


class WorkerError(Exception):
    """What the worker could not do: the name of the browser's error, its text, and whether it came while reading."""

    def __init__(self, name: str, text: str, network: bool = False) -> None:
        super().__init__(text)
        self.name = name
        self.network = network
