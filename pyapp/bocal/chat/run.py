"""A run of a block of code, seen from the page: what was written, how it ended, and how much of it is taken over.

What the sandbox says may come from the code itself, whatever it was written for: nothing of it is believed, only shown.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bocal import strict
from bocal.chat.sandboxed import MOST_FIGURES, MOST_TEXT
from bocal.errors import Failure

MOST_CHARACTERS = 8_000_000  # of all messages; of one that would be beyond, the page hears only that it came
MOST_MESSAGES = 3_000  # one more ends the run
MOST_PIECES = 2_000
MEMORY = 500_000_000  # bytes that Python may take, and its files as much again
START, TIME = 60.0, 30.0  # seconds for Python to start, and for the code to run

_PNG = b"\x89PNG\r\n\x1a\n"
# Terminal colours, and the control characters that a page does not show.
_UNSEEN = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NAME = re.compile(r"[\w.]{1,100}")


class Outcome(StrEnum):
    """How a run ended, as the key of the sentence that says so."""

    DONE = "code.done"
    FAILED = "code.failed"
    STOPPED = "code.stopped"
    TOO_LONG = "code.too_long"
    TOO_MUCH = "code.too_much"
    MEMORY = "code.memory"
    INPUT = "code.input"
    MODULE = "code.module"
    BROKE = "code.broke"


_TOLD = {
    "done": Outcome.DONE, "failed": Outcome.FAILED, "memory": Outcome.MEMORY, "input": Outcome.INPUT,
    "module": Outcome.MODULE,
}  # fmt: skip


@dataclass
class Run:
    """One run of `code`.

    `pieces` are (stream, text) in the order they were written; `cut` tells that there was more. `figures` are PNG
    images in base64. `began` and `ended` are times of the page's clock; `fact` is the name of a module that is not at
    hand, `failure` what kept the sandbox from starting.
    """

    code: str
    pieces: list[tuple[str, str]] = field(default_factory=list)
    cut: bool = False
    figures: list[str] = field(default_factory=list)
    began: float | None = None
    ended: float | None = None
    outcome: Outcome | None = None
    fact: str = ""
    failure: Failure | None = None
    detail: str = ""
    _messages: int = 0
    _length: int = 0

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.outcome is None and self.failure is None

    @property
    def seconds(self) -> float:
        """How long the code ran."""
        return 0.0 if self.began is None or self.ended is None else self.ended - self.began

    def end(self, outcome: Outcome, now: float, fact: str = "") -> None:
        """Take down how it ended; what comes after is not heard."""
        if self.running:
            self.outcome, self.ended, self.fact = outcome, now, fact

    def hear(self, message: str, now: float) -> None:
        """Take over what the sandbox says, as far as it makes sense and is not too much."""
        if not self.running:
            return
        self._messages += 1
        if self._messages > MOST_MESSAGES:
            self.end(Outcome.TOO_MUCH, now)
            return
        match _read(message):
            case {"kind": "began"} if self.began is None:
                self.began = now
            case {"kind": "wrote", "stream": "out" | "err" | "value" as stream, "text": str(text)}:
                self._write(stream, text)
            case {"kind": "figure", "png": str(png)} if len(self.figures) < MOST_FIGURES and _is_png(png):
                self.figures.append(png)
            case {"kind": "ended", "outcome": str(outcome), "fact": str(fact)} if outcome in _TOLD:
                self.end(_TOLD[outcome], now, fact if _NAME.fullmatch(fact) else "")
            case {"kind": "broke", "detail": str(detail)}:
                self.detail = detail[:2000]
                self.end(Outcome.MEMORY if "MemoryError" in detail else Outcome.BROKE, now)

    def _write(self, stream: str, text: str) -> None:
        text, self._length = text[: MOST_TEXT - self._length], self._length + len(text)
        self.cut = self.cut or self._length > MOST_TEXT
        text = _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
        if not text:
            return
        if self.pieces and self.pieces[-1][0] == stream:
            self.pieces[-1] = stream, self.pieces[-1][1] + text
        elif len(self.pieces) < MOST_PIECES:
            self.pieces.append((stream, text))
        else:
            self.cut = True


def _read(message: str) -> Mapping[str, Any]:
    """Return a message's fields, or none."""
    try:
        found = strict.loads(message)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_png(text: str) -> bool:
    try:
        return base64.b64decode(text, validate=True).startswith(_PNG)
    except (ValueError, binascii.Error):
        return False
