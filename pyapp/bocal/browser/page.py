"""The document: draws HTML with the least change (idiomorph), and hands on what the visitor does.

Markup names what an element does: `data-act` (with `data-arg`) for buttons, `data-input` for fields (`data-change` for
those heard once they are left or Enter is pressed), `data-submit` for forms, `data-file` for choosing a file,
`data-paste` for a field that takes pasted files, and pictures that are dropped anywhere,
`data-cancel` for dialogs, `data-grow` for lists that are drawn further as their end comes near. One listener of each
kind, on the document, serves them all. `data-markdown` is a text that is shown rendered (see prose.py).
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import js
from pyodide.ffi import JsException, create_once_callable, create_proxy, to_js
from pyscript.js_modules import morph

from bocal.browser.prose import Prose
from bocal.errors import Failure, Problem
from bocal.protocols import Key

NEAR_END = 80  # CSS pixels from the bottom that still count as reading along
FILE_LIMIT = 100_000_000  # bytes read of a file that was chosen


class Listener(Protocol):
    """Who hears of what the visitor does."""

    def act(self, action: str, arg: str) -> None:
        """A button was pressed."""

    def typed(self, name: str, value: str) -> None:
        """A field's text changed."""

    def submitted(self, action: str, button: str) -> None:
        """A form was sent, by the button with this value."""

    def toggled(self, name: str, opened: bool) -> None:
        """A fold was opened or closed."""

    def pressed(self, key: Key) -> bool:
        """A key was pressed; True when it is dealt with and the browser should do nothing."""

    def changed_elsewhere(self, key: str) -> None:
        """Another tab changed this key of localStorage ("" when it emptied all of it)."""

    def rendered(self) -> None:
        """A text was rendered, with the blocks of code in it."""

    def moved(self) -> None:
        """The end of the page's address changed, from its "#" on."""

    def chose_file(self, action: str, name: str, content: bytes, size: int) -> None:
        """A file was chosen; `content` is its beginning where it is longer than `FILE_LIMIT` (`size` is in bytes)."""


class Document:
    """`protocols.Page` over the real document."""

    def __init__(self) -> None:
        self._drawn: dict[str, str] = {}
        self._works: dict[Callable[[], None], None] = {}  # in the order asked for
        self._prose = Prose(f"{site()}prose/", _steady)

    def listen(self, listener: Listener) -> None:  # noqa: C901 - one small function an event
        """Send what the visitor does to `listener`, for the life of the page."""

        def click(event: Any) -> None:
            target = event.target
            if target.localName == "dialog" and "light" in _data(target):
                listener.act(target.dataset.cancel, "")
                return
            button = target.closest("[data-act]")
            if button and not getattr(button, "disabled", False):
                listener.act(button.dataset.act, getattr(button.dataset, "arg", None) or "")
            fold = target.closest("summary")
            if fold and fold.parentElement.id:  # before its own event comes: what is drawn meanwhile would undo it
                listener.toggled(fold.parentElement.id, not fold.parentElement.open)

        def typed(event: Any) -> None:
            name = getattr(event.target.dataset, event.type, None)  # "input" or "change"
            if name:
                listener.typed(name, event.target.value)

        def submit(event: Any) -> None:
            action = getattr(event.target.dataset, "submit", None)
            if action:
                event.preventDefault()
                listener.submitted(action, getattr(event.submitter, "value", "") if event.submitter else "")

        def cancel(event: Any) -> None:
            if event.target.localName == "dialog":
                event.preventDefault()
                listener.act(event.target.dataset.cancel, "")

        def toggle(event: Any) -> None:
            if event.target.localName == "details" and event.target.id:
                listener.toggled(event.target.id, bool(event.target.open))

        def scroll(event: Any) -> None:
            pane = event.target
            action = getattr(getattr(pane, "dataset", None), "grow", None)
            if action and pane.scrollHeight - pane.scrollTop - pane.clientHeight < pane.clientHeight:
                listener.act(action, "")

        def press(event: Any) -> None:
            focus = js.document.activeElement
            key = Key(
                str(event.key), bool(event.ctrlKey or event.metaKey), bool(event.shiftKey), bool(event.isComposing),
                self.focused(), str(focus.getAttribute("class") or "") if focus else "",
            )  # fmt: skip
            if listener.pressed(key):
                event.preventDefault()

        def stored(event: Any) -> None:
            listener.changed_elsewhere(str(event.key or ""))

        async def take(action: str, file: Any) -> None:
            content = (await file.slice(0, FILE_LIMIT).arrayBuffer()).to_bytes()
            listener.chose_file(action, str(file.name), content, int(file.size))

        def take_soon(action: str, file: Any) -> None:
            asyncio.ensure_future(take(action, file))  # noqa: RUF006 - the loop's own

        async def choose(event: Any) -> None:
            field = event.target
            action = getattr(field.dataset, "file", None)
            if action and field.files.length:
                file = field.files.item(0)
                field.value = ""  # so that the same file may be chosen again
                await take(action, file)

        def paste(event: Any) -> None:
            action, text = getattr(event.target.dataset, "paste", None), event.clipboardData.getData("text/plain")
            if action and event.clipboardData.files.length and not text:  # office programs add a picture of the text
                event.preventDefault()
                take_soon(action, event.clipboardData.files.item(0))

        def drop(event: Any) -> None:
            field, files = js.document.querySelector("[data-paste]"), list(event.dataTransfer.files)
            if field and files and all(str(file.type).startswith("image/") for file in files):
                event.preventDefault()
                for file in files:
                    take_soon(str(field.dataset.paste), file)

        self._prose.rendered = listener.rendered
        js.window.addEventListener("storage", create_proxy(stored))
        js.window.addEventListener("hashchange", create_proxy(lambda _event: listener.moved()))
        for name, hear, capture in (
            ("click", click, False), ("input", typed, False), ("change", typed, False), ("submit", submit, False),
            ("keydown", press, False), ("cancel", cancel, True), ("toggle", toggle, True), ("scroll", scroll, True),
            ("change", choose, False), ("paste", paste, False), ("drop", drop, True),
        ):  # fmt: skip
            js.document.addEventListener(name, create_proxy(hear), capture)

    def draw(self, region: str, html: str, *, stick: bool = False) -> None:
        """Make a region hold `html`."""
        element = js.document.getElementById(region)
        if element is None or (self._drawn.get(region) == html and bool(element.firstChild) == bool(html)):
            return  # a region inside another is empty once that one was drawn anew
        self._drawn[region] = html

        def work() -> None:
            morph.morph(element, html)
            self._prose.take(element)
            for dialog in element.querySelectorAll("dialog"):
                if not dialog.matches(":modal"):
                    dialog.close()
                    dialog.showModal()

        if stick:
            _steady(work)
        else:
            work()

    def write(self, element_id: str, markdown: str) -> None:
        """Go on with a text that is being written."""
        self._prose.write(element_id, markdown)

    def code(self, block_id: str) -> str:
        """Return the text of a block of code, "" where there is no such block."""
        block = js.document.getElementById(block_id)
        text = block.querySelector("pre > code") if block else None
        return str(text.textContent).removesuffix("\n") if text else ""

    def set_words(self, words: Mapping[str, str]) -> None:
        """Take over the labels for blocks of code."""
        self._prose.set_words(words)

    async def load(self) -> None:
        """Load what the page does not need to be drawn."""
        await self._prose.load()

    def draw_frame(self, html: str) -> None:
        """Draw the page's skeleton; every region is drawn anew after it."""
        self._drawn.clear()
        js.document.getElementById("page").innerHTML = html

    def set_language(self, language: str) -> None:
        """Tell the browser and screen readers which language the page is in."""
        js.document.documentElement.lang = language

    def set_theme(self, theme: str) -> None:
        """Set the theme."""
        js.document.documentElement.dataset.theme = theme

    def set_sidebar(self, *, closed: bool, drawer: bool) -> None:
        """Hide or show the sidebar."""
        root = js.document.documentElement.dataset
        root.sidebar, root.drawer = "closed" if closed else "open", "open" if drawer else ""

    def is_narrow(self) -> bool:
        """Whether the sidebar is a drawer."""
        return bool(js.matchMedia("(max-width: 720px)").matches)

    def focus(self, element_id: str) -> None:
        """Move the focus."""
        element = js.document.getElementById(element_id)
        if element:
            element.focus()

    def select(self, element_id: str) -> None:
        """Move the focus to a field, and select what it holds."""
        field = js.document.getElementById(element_id)
        if field:
            field.focus()
            field.select()

    def focused(self) -> str:
        """Return the ID of the element that has the focus, or ""."""
        focus = js.document.activeElement
        return str(focus.id) if focus else ""

    def step(self, selector: str, by: int) -> None:
        """Move the focus among the elements that match."""
        elements = js.Array.from_(js.document.querySelectorAll(selector))
        if not elements.length:
            return
        place = elements.indexOf(js.document.activeElement)
        goal = 0 if place < 0 else max(0, min(elements.length - 1, place + by))
        elements[goal].focus()

    def reveal(self, element_id: str) -> None:
        """Scroll an element into sight, and move the focus to it."""
        element = js.document.getElementById(element_id)
        if element:
            element.scrollIntoView(to_js({"block": "center"}, dict_converter=js.Object.fromEntries))
            element.focus()

    def to_top(self, element_id: str) -> None:
        """Scroll an element's content to its beginning."""
        element = js.document.getElementById(element_id)
        if element:
            element.scrollTop = 0

    def to_end(self, element_id: str) -> None:
        """Scroll an element's content to its end."""
        element = js.document.getElementById(element_id)
        if element:
            element.scrollTop = element.scrollHeight

    def at_next_frame(self, work: Callable[[], None]) -> None:
        """Call `work` once before the next picture; in a hidden tab, soon."""
        if not self._works:
            later = create_once_callable(lambda *_time: self._run_works())
            js.setTimeout(later, 200) if js.document.hidden else js.requestAnimationFrame(later)
        self._works[work] = None

    def _run_works(self) -> None:
        works, self._works = self._works, {}
        for work in works:
            work()

    async def copy(self, text: str) -> None:
        """Put `text` on the clipboard; raises Failure(COPY_REFUSED)."""
        try:
            await js.navigator.clipboard.writeText(text)
        except (JsException, AttributeError) as error:  # an insecure page has no clipboard
            raise Failure(Problem.COPY_REFUSED, detail=str(error)) from error

    def download(self, name: str, content: bytes) -> None:
        """Hand the visitor a file."""
        blob = js.Blob.new(to_js([content]))
        link = js.document.createElement("a")
        link.href, link.download = js.URL.createObjectURL(blob), name
        link.click()
        js.setTimeout(create_once_callable(lambda: js.URL.revokeObjectURL(link.href)), 60_000)

    def fragment(self) -> str:
        """Return the end of the page's address from its "#" on, or ""."""
        return str(js.location.hash)

    def clear_fragment(self) -> None:
        """Take it off the address."""
        js.history.replaceState(None, "", js.location.pathname + js.location.search)


def _steady(work: Callable[[], None]) -> None:
    main = js.document.getElementById("main")
    follow = main is not None and main.scrollHeight - main.scrollTop - main.clientHeight < NEAR_END
    work()
    if follow:
        main.scrollTop = main.scrollHeight


def site() -> str:
    """Return the address of the folder the page is in, ending in a slash."""
    return str(js.URL.new(".", js.document.baseURI).href)


def is_mac() -> bool:
    """Whether the keyboard has a Command key in the place of Ctrl."""
    return "Mac" in str(js.navigator.platform)


def languages() -> list[str]:
    """Return the visitor's languages, the preferred first."""
    return [str(tag) for tag in js.navigator.languages.to_py()]


def _data(element: Any) -> set[str]:
    return {str(name) for name in js.Object.keys(element.dataset).to_py()}
