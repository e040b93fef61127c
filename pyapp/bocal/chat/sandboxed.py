"""One run of a block of code, seen from inside: this file's text is executed in the sandbox's own Pyodide.

So it is on its own: the standard library, and nothing of ours. What it says is JSON texts, which `chat/run.py` reads:
`began`; `wrote` with `stream` ("out", "err" or "value") and `text`; `figure` with `png` in base64; `ended` with
`outcome` and `fact`.
"""

import ast
import base64
import gc
import inspect
import io
import json
import linecache
import sys
import time
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

NAME = "<code>"  # what tracebacks call the block
MOST_TEXT = 200_000  # characters said; one more tells that there was more
MOST_FIGURES = 8
AT_ONCE, PACE = 300, 0.05  # messages sent as they come; then one in so many seconds
RESERVE = 2_000_000  # bytes given back when memory ends, to say so with


class NoInput(EOFError):
    """The code asks the person something."""


class Voice:
    """What is said to the page; `say` takes one text."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._left = MOST_TEXT + 1
        self._stream, self._texts = "out", list[str]()
        self._sent, self._last = 0, 0.0

    def tell(self, kind: str, **facts: str) -> None:
        """Say something, after all that was written."""
        self.flush()
        self._say(json.dumps({"kind": kind, **facts}))

    def write(self, stream: str, text: str) -> None:
        """Say what was written: soon, and in order."""
        if stream != self._stream:
            self.flush()
        self._stream, text = stream, text[: self._left]
        self._left -= len(text)
        self._texts.append(text)
        if self._sent < AT_ONCE or time.monotonic() - self._last > PACE:
            self.flush()

    def flush(self) -> None:
        """Say what waits."""
        text, self._texts = "".join(self._texts), []
        if text:
            self._sent, self._last = self._sent + 1, time.monotonic()
            self._say(json.dumps({"kind": "wrote", "stream": self._stream, "text": text}))


class Stream(io.RawIOBase):
    """Standard output or error."""

    def __init__(self, voice: Voice, name: str) -> None:
        self._voice, self._name = voice, name

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Take bytes of UTF-8, whole characters."""
        self._voice.write(self._name, bytes(data).decode(errors="replace"))
        return len(data)


class Nobody(io.TextIOBase):
    """Standard input."""

    def readline(self, _size: int | None = -1) -> str:  # type: ignore[override]
        """There is nobody to answer."""
        raise NoInput

    read = readline


async def run(code: str, say: Callable[[str], object]) -> None:
    """Run a block as `__main__`, in a namespace of its own; `say` is told all of it."""
    voice = Voice(say)
    main = types.ModuleType("__main__")
    before = sys.modules["__main__"], sys.stdin, sys.stdout, sys.stderr
    sys.modules["__main__"], sys.stdin = main, Nobody()
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(Stream(voice, name), "utf-8", "backslashreplace", write_through=True)  # type: ignore[type-var]
        for name in ("out", "err")
    )
    linecache.cache[NAME] = len(code), None, code.splitlines(keepends=True), NAME
    warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")  # what `show()` says
    voice.tell("began")
    try:
        outcome, fact = await _run(code, vars(main), voice)
        voice.tell("ended", outcome=outcome, fact=fact)
    finally:
        sys.modules["__main__"], sys.stdin, sys.stdout, sys.stderr = before


async def _run(code: str, names: dict[str, Any], voice: Voice) -> tuple[str, str]:
    """Return how it ended, and a fact about it."""
    reserve = bytearray(RESERVE)
    outcome, fact = "done", ""
    try:
        value = await _execute(code, names)
        if value is not None:
            voice.write("value", repr(value))
        for png in _figures():
            voice.tell("figure", png=base64.b64encode(png).decode())
    except MemoryError as error:
        del reserve
        error.__traceback__ = None
        outcome = "memory"
    except NoInput:
        outcome = "input"
    except ModuleNotFoundError as error:
        outcome, fact = "module", error.name or ""
    except SystemExit as end:
        if end.code is not None and end.code != 0:
            outcome = "failed"
            voice.write("err", f"{end.code}\n")
    except BaseException as error:  # noqa: BLE001 - whatever a block may raise
        outcome = "failed"
        voice.write("err", _explain(error))
    if outcome == "memory":
        names.clear()
        gc.collect()
    return outcome, fact


async def _execute(code: str, names: dict[str, Any]) -> object:
    """Run the code, which may `await`; return the value of a last line that is an expression."""
    tree = ast.parse(code, NAME)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    await _step(tree, "exec", names)
    return await _step(ast.Expression(last.value), "eval", names) if isinstance(last, ast.Expr) else None


async def _step(tree: ast.Module | ast.Expression, mode: str, names: dict[str, Any]) -> object:
    compiled = compile(tree, NAME, mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    value = eval(compiled, names)  # noqa: S307 - to run code is what this is for
    return await value if compiled.co_flags & inspect.CO_COROUTINE else value


def _explain(error: BaseException) -> str:
    """Return a traceback of the block's own lines."""
    told = traceback.TracebackException.from_exception(error, compact=True)
    _trim(told)
    return "".join(told.format())


def _trim(told: traceback.TracebackException | None) -> None:
    if told is not None:
        told.stack[:] = [frame for frame in told.stack if frame.filename == NAME]
        for other in (told.__cause__, told.__context__, *(told.exceptions or ())):
            _trim(other)


def _figures() -> Iterator[bytes]:
    """Draw matplotlib's open figures, where the code made some."""
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    for number in pyplot.get_fignums()[:MOST_FIGURES] if pyplot else ():
        file = io.BytesIO()
        pyplot.figure(number).savefig(file, format="png")
        yield file.getvalue()
