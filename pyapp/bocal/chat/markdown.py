"""Markdown that is still being written: which part of it is final, and how the rest reads for the moment.

A document is a row of blocks. Once a block has begun after another, on a line that is complete, nothing that is written
later changes what lies before it; within a list or a table the same holds for items and rows. So only the last block,
item or row is ever rendered again. Two habits of Markdown would break that and are not followed: a link that is
defined further down, and a list whose items look otherwise once a blank line lies between two of them.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

PIECE = 2000  # characters of a finished text that are rendered at once
TOGETHER = 256  # lines of code that are highlighted as one, at most

type Kind = Literal["", "list", "table", "fence"]

_FENCE = re.compile(r"(`{3,}|~{3,})([^\n]*)\n")
_LINK = re.compile(r"!?\[([^\[\]\n]*)(?:\]\([^()\s]*)?\Z")
_RUN = re.compile(r"(?P<code>`+)|(?P<mark>\*+|~~|__)|\\.", re.DOTALL)
_SAFE = re.compile(r"(https?://[^/\s]|mailto:[^\s])", re.IGNORECASE)


def normalise(text: str, *, complete: bool) -> str:
    r"""Return the text with every line ending in \n; of one still being written, a last \r waits for its \n."""
    if not complete:
        text = text.removesuffix("\r")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def is_safe(address: str) -> bool:
    """Whether a link may lead there: another site, or a letter."""
    return _SAFE.match(address) is not None


@dataclass(frozen=True)
class Cut:
    """Where the part that may still change begins: at a line, inside of a block of this kind ("": at its beginning).

    A table's `head` are the lines that its rows need before them to be read as such.
    """

    line: int
    kind: Kind = ""
    head: tuple[int, int] = (0, 0)


def cut(tokens: Sequence[Mapping[str, Any]]) -> Cut:
    """Return where complete lines are final up to; `tokens` are markdown-it's blocks (type, level, nesting, map)."""
    last = next((i for i in range(len(tokens) - 1, -1, -1) if _begins_block(tokens[i])), None)
    if last is None:
        return Cut(0)
    kind, (start, _end) = tokens[last]["type"], tokens[last]["map"]
    if kind == "fence":
        return Cut(start, "fence")
    if kind in {"bullet_list_open", "ordered_list_open"}:
        items = _starts(tokens[last:], "list_item_open", 1)
        return Cut(items[-1], "list") if len(items) > 1 else Cut(start)
    if kind == "table_open":
        rows = _starts(tokens[last:], "tr_open", 2)[1:]  # the first is the head
        return Cut(rows[-1], "table", (start, start + 2)) if len(rows) > 1 else Cut(start)
    return Cut(start)


def _begins_block(token: Mapping[str, Any]) -> bool:
    return bool(token["level"] == 0 and token["nesting"] >= 0)


def _starts(tokens: Sequence[Mapping[str, Any]], kind: str, level: int) -> list[int]:
    return [token["map"][0] for token in tokens if token["type"] == kind and token["level"] == level]


@dataclass(frozen=True)
class Fence:
    """The first line of a block of code, at the margin: `marker` is what it begins with, `info` the rest of it."""

    marker: str
    info: str
    length: int

    @classmethod
    def read(cls, text: str) -> "Fence | None":
        """Read the first line of a text, when that is complete."""
        found = _FENCE.match(text)
        return cls(found[1], found[2].strip(), len(found[0])) if found else None

    def closed_by(self, line: str) -> bool:
        """Whether this line is the block's last."""
        bare = line.strip(" \t\n")
        return (
            len(bare) >= len(self.marker)
            and not bare.strip(self.marker[0])
            and len(line[: line.index(bare[0])].expandtabs(4)) < 4
        )

    def may_be_closed_by(self, beginning: str) -> bool:
        """Whether a line that begins so may yet be the last."""
        return not beginning.strip(" ").strip(self.marker[0])


def language(info: str) -> str:
    """Return the language that a block of code is said to be in, or ""."""
    return info.split(maxsplit=1)[0].lower() if info.strip() else ""


def pieces(text: str) -> Iterator[int]:
    """Return the places, each at the end of a line, up to which a finished text is rendered in turn."""
    at = 0
    while len(text) - at > PIECE:
        at = text.rfind("\n", at, at + PIECE) + 1 or text.find("\n", at) + 1 or len(text)
        if at < len(text):
            yield at
    yield len(text)


class Highlighting:
    """Code in colour, a few lines at a time: each part ends where nothing is open, so that none needs the one before.

    `highlight` returns the HTML of some lines, and whether nothing is open at their end.
    """

    def __init__(self, highlight: Callable[[str], tuple[str, bool]]) -> None:
        self._highlight = highlight
        self._next = 1
        self.waiting: list[str] = []

    def feed(self, line: str) -> str:
        """Take one more complete line; return the HTML that is final by now, or ""."""
        self.waiting.append(line)
        if len(self.waiting) < self._next:
            return ""
        html, whole = self._highlight("".join(self.waiting))
        if not whole and self._next < TOGETHER:
            self._next *= 2
            return ""
        self.waiting, self._next = [], 1
        return html

    def end(self) -> str:
        """Return the HTML of what still waits."""
        waiting, self.waiting = "".join(self.waiting), []
        return self._highlight(waiting)[0] if waiting else ""


def completed(text: str) -> str:
    """Return a text that breaks off as it will probably go on: what is open in its last paragraph is closed.

    So a word becomes bold with its first letter, not with the last; it is for the moment only.
    """
    start = text.rfind("\n\n") + 2 if "\n\n" in text else 0
    before, last = text[:start], text[start:]
    open_marks: list[str] = []
    at = 0
    while found := _RUN.search(last, at):
        at = found.end()
        if code := found["code"]:
            closing = re.compile(f"(?<!`){code}(?!`)").search(last, at)
            if not closing:
                return before + _without_mark(last, found, open_marks) if at == len(last) else f"{text}{code}"
            at = closing.end()
        elif mark := found["mark"]:
            if at == len(last):
                return before + _without_mark(last, found, open_marks)
            if open_marks and open_marks[-1] == mark and not last[found.start() - 1].isspace():
                open_marks.pop()
            elif not last[at].isspace():
                open_marks.append(mark)
    return before + _closed(_LINK.sub(r"\1", last), open_marks)


def _without_mark(text: str, mark: re.Match[str], open_marks: list[str]) -> str:
    # Whether it opens or closes shows with the next letter. At the beginning of a line it may be a list or a fence.
    kept = text[: mark.start()]
    return _closed(kept, open_marks) if kept.rpartition("\n")[2].strip() else text


def _closed(text: str, marks: list[str]) -> str:
    return text.rstrip() + "".join(reversed(marks)) if marks else text
