"""The elements with `data-markdown`: their text is rendered where it is looked at, and as it is written.

The text stands in the element until then, so that nothing waits for the libraries, which are loaded once the page is
drawn. An element that is `aria-busy` is being written: of what has come, only the last block (item, row) is rendered
again. Long texts that are complete are rendered piece by piece, aside, and put in place as a whole.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import js
from pyodide.ffi import create_proxy

from bocal.browser.markdown import CodeBlock, Markdown
from bocal.chat import markdown as text_of
from bocal.chat.markdown import Fence

NEAR = "100% 0px"  # how far outside of the view a text is rendered already
REST = 3  # for each millisecond of rendering, this many of rest: a text that is dear to render is rendered less often


class Prose:
    """All of them. `steady` does some work, and keeps the page scrolled to its end where it was there."""

    def __init__(self, folder: str, steady: Callable[[Callable[[], None]], None]) -> None:
        self._folder, self._steady = folder, steady
        self._words: Mapping[str, str] = {"copy": "", "run": ""}
        self._markdown: Markdown | None = None
        self._writers: dict[str, _Writer] = {}
        self._unseen: list[Any] = []  # until the libraries are here
        self._seen: list[Any] = []
        self._work: asyncio.Task[None] | None = None
        self._rested = 0.0
        self.rendered: Callable[[], None] = lambda: None
        self._observer: Any = None

    def set_words(self, words: Mapping[str, str]) -> None:
        """Take over the labels "copy" and "run"; what is drawn with others is forgotten."""
        self._words = words
        self._writers.clear()
        if self._markdown:
            self._markdown.words = words

    async def load(self) -> None:
        """Load the libraries, then render what waits for them."""
        self._markdown = await Markdown.load(self._folder)
        self._markdown.words = self._words
        options = js.Object.fromEntries(js.Array.of(js.Array.of("rootMargin", NEAR)))
        self._observer = js.IntersectionObserver.new(create_proxy(self._look), options)
        unseen, self._unseen = self._unseen, []
        for element in unseen:
            self._take(element)

    def take(self, region: Any) -> None:
        """See to the texts of a region that has been drawn."""
        for element in region.querySelectorAll("[data-markdown]:not([data-shown])"):
            element.dataset.shown = ""
            self._take(element)

    def write(self, element_id: str, text: str) -> None:
        """Show all that has been written of a text so far."""
        writer = self._writers.get(element_id)
        if writer is None or js.performance.now() < self._rested:
            return
        begin = js.performance.now()
        self._steady(lambda: writer.write(text, complete=False))
        end = js.performance.now()
        self._rested = end + REST * (end - begin)

    def _take(self, element: Any) -> None:
        text, busy = str(element.dataset.markdown), element.getAttribute("aria-busy") == "true"
        writer = self._writers.get(str(element.id))
        if writer and (writer.is_in(element) or writer.text == text):
            writer.move_to(element)
            writer.write(text, complete=not busy)
            return
        if self._markdown is None:
            element.textContent = text
            self._unseen.append(element)
        elif busy:
            self._writers[str(element.id)] = writer = _Writer(self._markdown, str(element.id), element)
            writer.write(text, complete=False)
        else:
            element.textContent = text
            self._observer.observe(element)

    def _look(self, entries: Any, _observer: Any) -> None:
        for entry in entries:
            if entry.isIntersecting:
                self._observer.unobserve(entry.target)
                self._seen.append(entry.target)
        if self._seen and self._work is None:
            self._work = asyncio.ensure_future(self._render_seen())

    async def _render_seen(self) -> None:
        try:
            while self._seen:
                await self._render(self._seen.pop(0))
        finally:
            self._work = None

    async def _render(self, element: Any) -> None:
        assert self._markdown is not None  # noqa: S101 - the observer is made after it
        name, text = str(element.id), text_of.normalise(str(element.dataset.markdown), complete=True)
        writer = _Writer(self._markdown, name, js.document.createElement("div"))
        for end in text_of.pieces(text):
            writer.write(text[:end], complete=end == len(text))
            await asyncio.sleep(0)
        if element.isConnected and text_of.normalise(str(element.dataset.markdown), complete=True) == text:
            self._writers[name] = writer
            self._steady(lambda: writer.move_to(element))
            self.rendered()


class _Writer:
    """One text on its way into an element."""

    def __init__(self, markdown: Markdown, name: str, element: Any) -> None:
        self._markdown, self._name, self._element = markdown, name, element
        self.text = ""
        self._begin()

    def _begin(self) -> None:
        self._element.replaceChildren()
        self._done = 0  # characters that are final
        self._looked = (0, 0)
        self._codes = 0
        self._body: Any = None  # of a list or a table that goes on: where its items or rows are
        self._head = ""  # and what its rows need before them, to be read as such
        self._last: list[Any] = []  # what will be rendered again
        self._code: CodeBlock | None = None
        self._fence: Fence | None = None
        self._complete = False

    def is_in(self, element: Any) -> bool:
        """Whether this is where it is written."""
        return bool(self._element.isSameNode(element))

    def move_to(self, element: Any) -> None:
        """Go on in another element."""
        if not self.is_in(element):
            element.replaceChildren(*self._element.childNodes)
            self._element = element

    def write(self, text: str, *, complete: bool) -> None:
        """Show a text, which begins as the one before did, or is another."""
        text = text_of.normalise(text, complete=complete)
        if text == self.text and complete == self._complete:
            return
        if self._complete or not text.startswith(self.text[: self._done]):
            self._begin()
        self.text, self._complete = text, complete
        for node in self._last:
            node.remove()
        self._last = []
        while self._write_code() and self._settle():
            pass
        rest = text[self._done :]
        if self._code is None and rest.strip():
            self._last = self._place(rest if complete else text_of.completed(rest), complete=complete)[0]

    def _settle(self) -> bool:
        """Render for good what is final; returns whether a block of code has begun."""
        rest = self.text[self._done :]
        rest = rest[: rest.rfind("\n") + 1]
        end = self._done + len(rest)
        if self._looked == (self._done, end):
            return False
        head = self._head.count("\n")
        found = text_of.cut(self._markdown.blocks(self._head + rest))
        lines = (self._head + rest).split("\n")
        if found.line > head:
            final = "".join(f"{line}\n" for line in lines[head : found.line])
            _nodes, codes = self._place(final, complete=True)
            self._codes += codes
            self._done += len(final)
            self._body, self._head = None, ""
            if found.kind == "list":
                self._body = self._element.lastElementChild
            elif found.kind == "table":
                self._body = self._element.lastElementChild.querySelector("tbody")
                self._head = "".join(f"{line}\n" for line in lines[found.head[0] : found.head[1]])
        self._looked = (self._done, end)
        fence = Fence.read(self.text[self._done :]) if found.kind == "fence" else None
        if fence:
            self._fence, self._done = fence, self._done + fence.length
            self._codes += 1
            self._code = CodeBlock(self._markdown, f"{self._name}-code-{self._codes}", fence.info)
            self._element.append(self._code.element)
        return fence is not None

    def _place(self, source: str, *, complete: bool) -> tuple[list[Any], int]:
        nodes, codes = self._markdown.render(self._head + source, self._name, self._codes + 1, complete=complete)
        placed = []
        if self._body is not None and nodes:
            items = nodes.pop(0)
            placed += list((items.querySelector("tbody") if self._head else items).children)
            self._body.append(*placed)
        placed += nodes
        self._element.append(*nodes)
        return placed, codes

    def _write_code(self) -> bool:
        """Go on with a block of code; returns whether there is none, or no longer."""
        if self._code is None or self._fence is None:
            return True
        *lines, last = self.text[self._done :].split("\n")
        closed = next((i for i, line in enumerate(lines) if self._fence.closed_by(line)), None)
        added = "".join(f"{line}\n" for line in lines[:closed])
        self._code.add(added)
        self._done += len(added)
        if closed is not None:
            self._done += len(lines[closed]) + 1
        elif not self._complete:
            self._code.show("" if self._fence.may_be_closed_by(last) else last)
            return False
        else:
            closed = 0 if self._fence.closed_by(last) else None
            if closed is None:
                self._code.add(last)
            self._done = len(self.text)
        self._code.end(closed=closed is not None)
        self._code = None
        return True
