"""What every action works with: the state, the world outside, the drawing of the page, and tasks that end well."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bocal.chat.history import History
from bocal.errors import Failure
from bocal.models import library
from bocal.models.device import Device
from bocal.models.record import Model
from bocal.models.registry import Registry
from bocal.protocols import Disk, Engine, Network, Notes, Page, Quota, Runner, Settings, Store, Tabs
from bocal.ui import screens
from bocal.ui.state import Overlay, Screen, State
from bocal.weights.carrier import Means
from bocal.weights.lengths import Lengths
from bocal.weights.outlines import Outlines

# Keys of localStorage besides the registry's.
LANGUAGE, THEME, SELECTED, HUB = "bocal.language", "bocal.theme", "bocal.model", "bocal.hub"
TUNED, SENDING = "bocal.answers", "bocal.sending"
CONVERSATION = "bocal.conversation"  # of sessionStorage: the one that this tab shows
NOTICE, BAD_NOTICE = 3.0, 12.0  # seconds that a notice stays


@dataclass(frozen=True)
class Outside:
    """What the application reaches the world through; `site` is the page's own address, ending in a slash."""

    page: Page
    settings: Settings
    session: Settings
    network: Network
    store: Store
    disk: Disk
    quota: Quota
    means: Means
    engine: Engine
    runner: Runner
    look: Callable[[], Awaitable[Device]]
    keep: Callable[[], Awaitable[bool]]
    shrink: Callable[[str, bytes], Awaitable[str]]
    clock: Callable[[], float]
    take_over: Callable[[], None]
    is_narrow: Callable[[], bool]
    draw_frame: Callable[[str], None]
    report: Callable[[BaseException], None]
    site: str
    tabs: Tabs
    notes: Notes


class Desk:
    """Shared by all actions. `choice` counts choices of a model, so that a slow one does not undo a later one.

    `when_drawn` is called once the middle of the page was drawn.
    """

    def __init__(self, outside: Outside, state: State) -> None:
        self.outside = outside
        self.state = state
        self.registry = Registry(outside.settings, state.catalogue.models, outside.tabs, outside.notes)
        self.outlines = Outlines(outside.store, outside.notes)
        self.lengths = Lengths(outside.store, outside.notes, self.outlines, outside.disk)
        self.history = History(outside.notes, outside.tabs)
        self.choice = 0
        self.when_drawn: Callable[[], None] = lambda: None
        self._overlay, self._opener = Overlay.NONE, ""  # what was drawn last, and what had the focus before it opened
        self._tasks: set[asyncio.Task[Any]] = set()

    def draw(self, *regions: str) -> None:
        """Draw these regions of the page, or all of them, where something changed."""
        if self._overlay is Overlay.NONE and self.state.overlay is not Overlay.NONE:
            self._opener = self.outside.page.focused()
        self._overlay = self.state.overlay
        follow = self.state.screen is Screen.CHAT and bool(self.state.conversation.messages)
        for region in regions or screens.REGIONS:
            self.outside.page.draw(region, screens.REGIONS[region](self.state), stick=follow and region == "main")
        if not regions or "main" in regions:
            self.when_drawn()

    def draw_soon(self) -> None:
        """Draw the page before the next picture, once however often this is asked."""
        self.outside.page.at_next_frame(self.draw)

    def draw_anew(self) -> None:
        """Draw the frame too: its language or theme changed."""
        self.outside.page.set_language(self.state.texts.language)
        self.outside.page.set_theme(self.state.theme)
        self.outside.page.set_words({"copy": self.state.texts("app.copy"), "run": self.state.texts("code.run")})
        focused = self.outside.page.focused()
        self.outside.draw_frame(screens.frame(self.state))
        self.draw()
        self.outside.page.focus(focused)

    def remember(self, key: str, value: str) -> None:
        """Keep a choice for the next visit; where there is no room for it, it holds for this one."""
        with suppress(Failure):
            self.outside.settings.write(key, value)

    async def look_at_room(self) -> None:
        """See how much the browser still lets this site keep."""
        free = await self.outside.means.room()
        if self.state.device:
            self.state.device = dataclasses.replace(self.state.device, storage_free=free)

    def close_overlay(self) -> None:
        """Put away what lies over the page; the focus goes back to where it was opened from."""
        was_open, self.state.overlay = self.state.overlay is not Overlay.NONE, Overlay.NONE
        self.draw()
        if was_open:
            self.outside.page.focus("model-button")  # where that has gone
            self.outside.page.focus(self._opener)

    def toggle_sidebar(self) -> None:
        """Hide or show the sidebar; on a phone, its drawer."""
        state = self.state
        if self.outside.is_narrow():
            state.drawer_open = not state.drawer_open
        else:
            state.sidebar_closed = not state.sidebar_closed
        self.outside.page.set_sidebar(closed=state.sidebar_closed, drawer=state.drawer_open)

    def close_drawer(self) -> None:
        """Put the drawer away, on a phone."""
        if self.state.drawer_open:
            self.toggle_sidebar()

    def notice(self, text: str, *, bad: bool = False) -> None:
        """Show a sentence for a moment; longer where it says what went wrong (`bad`)."""
        self.spawn(self._notice(text, bad=bad))

    def library_key(self, model: Model) -> str:
        """Return the key of a model's library in the store, "" while it is not known."""
        if not model.library:
            return ""
        return library.address(model.library, self.state.catalogue)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let work go on by itself; what goes wrong in it is told. Returns its task, to cancel it."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def _notice(self, text: str, *, bad: bool) -> None:
        self.state.notice, self.state.notice_is_bad = text, bad
        self.draw("notices", "overlay")
        await asyncio.sleep(BAD_NOTICE if bad else NOTICE)
        if self.state.notice == text:
            self.state.notice = ""
            self.draw("notices", "overlay")

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Failure):
            self.notice(self.state.texts.failure(error), bad=True)
        if error is not None:
            self.outside.report(error)
