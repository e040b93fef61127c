"""WebLLM in a dedicated worker, spoken to in the messages of its own handler (web-llm 0.2.86, `web_worker.ts`).

A request is `{kind, uuid, content}`; the answer with the same uuid has kind `return` or `throw`. A stream is opened by
`chatCompletionStreamInit` and read by `completionStreamNextChunk` until it returns nothing.
"""

import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import js
from pyodide.ffi import create_proxy, to_js

from bocal.errors import Failure, Problem
from bocal.protocols import Chunk, Load

# What WebLLM, TVM and the browser say, and what it means. The first fragment found decides.
LOST = ("Device was lost", "Device lost, calling Instance.dispose")  # WebLLM’s words, and TVM’s
_CAUSES = (
    ("GrammarMatcherInit", Problem.SCHEMA_REFUSED),
    ("shader-f16", Problem.NO_F16),
    ("ShaderF16", Problem.NO_F16),
    ("WebGPU is not supported", Problem.NO_WEBGPU),
    ("WebGPUNotAvailable", Problem.NO_WEBGPU),
    ("Unable to find a compatible GPU", Problem.NO_WEBGPU),
    ("ContextWindowSizeExceeded", Problem.CONTEXT_FULL),
    ("exceeds context window", Problem.CONTEXT_FULL),
    ("Prompt tokens exceed", Problem.CONTEXT_FULL),
    ("Cannot find parameter in cache", Problem.LIBRARY_MISMATCH),
    ("out of memory", Problem.OUT_OF_MEMORY),
    ("Out of memory", Problem.OUT_OF_MEMORY),
    ("OutOfMemory", Problem.OUT_OF_MEMORY),
    ("Device was lost", Problem.DEVICE_LOST),
    ("Device lost", Problem.DEVICE_LOST),
    ("Failed to execute 'mapAsync'", Problem.DEVICE_LOST),  # what it wrote can no longer be read
    ("external Instance reference", Problem.DEVICE_LOST),
    ("DeviceLost", Problem.DEVICE_LOST),
    ("device lost", Problem.DEVICE_LOST),
    ("WebAssembly", Problem.LIBRARY_BROKEN),
    ("LinkError", Problem.LIBRARY_BROKEN),
    ("CompileError", Problem.LIBRARY_BROKEN),
    ("QuotaExceededError", Problem.STORAGE_FULL),
    ("is not on this machine", Problem.FILE_GONE),
)


def cause(text: str) -> Failure:
    """Name the problem behind an error's text; the text itself is kept as its detail."""
    problem = next((problem for words, problem in _CAUSES if words in text), Problem.ENGINE_FAILED)
    return Failure(problem, detail=text, host="")


class WebLlm:
    """`protocols.Engine`: one worker, made when first needed and made anew after a failure."""

    def __init__(self, script: str = "engine.js") -> None:
        self._script = script
        self._worker: Any = None
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._on_progress: Callable[[Load], None] | None = None
        self._model = ""
        self._interrupted = False
        self._ended = Failure(Problem.ENGINE_FAILED, detail="no worker")  # why there is no worker, while there is none
        self._on_lost: Callable[[], None] = lambda: None
        self._said: deque[str] = deque(maxlen=20)  # the last lines of the worker's console
        self._hear = create_proxy(self._heard)
        self._fail = create_proxy(self._failed)

    def listen(self, on_lost: Callable[[], None]) -> None:
        """Call `on_lost` whenever the graphics card has taken the model away."""
        self._on_lost = on_lost

    async def load(self, record: Mapping[str, Any], on_progress: Callable[[Load], None]) -> None:
        """Load a model that is in the store; a failed load ends the worker, so that the next one starts clean."""
        if self._on_progress:  # another model is still on its way: WebLLM would end with both
            await self.unload()
        self._on_progress, self._model = on_progress, record["model_id"]
        self._said.clear()
        try:
            await self._start()
            self._post("setAppConfig", {"model_list": [record], "cacheBackend": "cache"})  # see site/shelves.js
            await self._ask("reload", {"modelId": [self._model]})
        except (Failure, asyncio.CancelledError):
            if self._on_progress is on_progress:  # not when a later choice has taken the worker's place
                await self.unload()
            raise
        finally:
            if self._on_progress is on_progress:
                self._on_progress = None

    async def chat(self, messages: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> AsyncIterator[Chunk]:
        """Answer a conversation; the last piece carries the usage."""
        stream, self._interrupted = str(uuid.uuid4()), False
        options = {"stream": True, "stream_options": {"include_usage": True}}
        request = {**settings, **options, "messages": [dict(message) for message in messages]}
        await self._ask("chatCompletionStreamInit", {
            "request": request, "selectedModelId": self._model, "streamId": stream, "modelId": [self._model],
        })  # fmt: skip
        while True:
            answer = await self._ask("completionStreamNextChunk", {"streamId": stream})
            if not isinstance(answer, dict):
                return
            if self._interrupted:  # WebLLM forgets what it was told before it had begun
                await self.interrupt()
            choices = answer.get("choices") or [{}]
            yield Chunk(
                text=(choices[0].get("delta") or {}).get("content") or "",
                finish=choices[0].get("finish_reason"),
                usage=answer.get("usage"),
            )

    async def interrupt(self) -> None:
        """Stop the answer being written."""
        self._interrupted = True
        if self._worker:
            await self._ask("interruptGenerate", None)

    async def unload(self) -> None:
        """End the worker: the surest way to give the GPU's memory back."""
        self._end(Failure(Problem.ENGINE_FAILED, detail="unloaded"))

    async def _start(self) -> None:
        if self._worker:
            return
        self._worker = js.Worker.new(self._script, to_js({"type": "module"}, dict_converter=js.Object.fromEntries))
        self._worker.onmessage = self._hear
        self._worker.onerror = self._fail
        await self._expect("started")

    def _post(self, kind: str, content: Any, number: str = "") -> None:
        message = {"kind": kind, "uuid": number or str(uuid.uuid4()), "content": content}
        self._worker.postMessage(to_js(message, dict_converter=js.Object.fromEntries))

    async def _ask(self, kind: str, content: Any) -> Any:
        if not self._worker:
            raise self._ended  # what ended it may have happened just before this was asked
        number = str(uuid.uuid4())
        self._post(kind, content, number)
        return await self._expect(number)

    async def _expect(self, number: str) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            return await future
        finally:
            self._waiting.pop(number, None)

    def _heard(self, event: Any) -> None:
        message = event.data.to_py()
        kind, content = message["kind"], message.get("content")
        if kind == "said":
            self._said.append(str(content))
            if any(
                words in str(content) for words in LOST
            ):  # WebLLM has unloaded the model, and what was asked of it is never answered
                self._end(cause(str(content)))
                self._on_lost()
            return
        if kind == "initProgressCallback":
            if self._on_progress:
                self._on_progress(Load(float(content.get("progress") or 0), str(content.get("text") or "")))
            return
        future = self._waiting.get("started" if kind == "started" else message.get("uuid", ""))
        if future and not future.done():
            if kind == "throw":
                future.set_exception(cause("\n".join([str(content), *self._said])))
                self._said.clear()
            else:
                future.set_result(content)

    def _failed(self, event: Any) -> None:
        self._end(cause(str(getattr(event, "message", None) or "the engine's worker stopped")))

    def _end(self, failure: Failure) -> None:
        self._ended = failure
        if self._worker:
            self._worker.terminate()
            self._worker = None
        waiting, self._waiting = list(self._waiting.values()), {}
        for future in waiting:
            if not future.done():
                future.set_exception(failure)
