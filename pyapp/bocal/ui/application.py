"""The page at work: starts it, and hands each thing the visitor does to the action that answers it."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from bocal.errors import Failure
from bocal.models import usage
from bocal.models.catalogue import GUIDE_ID
from bocal.models.device import Device
from bocal.models.record import Model
from bocal.models.registry import KEY as REGISTRY
from bocal.protocols import Key
from bocal.ui.actions.adding import Adding
from bocal.ui.actions.answers import Answers
from bocal.ui.actions.asking import Asking
from bocal.ui.actions.deleting import Deleting
from bocal.ui.actions.desk import SELECTED, SENDING, THEME, TUNED, Desk, Outside
from bocal.ui.actions.downloads import Downloads
from bocal.ui.actions.frame import Frame
from bocal.ui.actions.keeping import Keeping
from bocal.ui.actions.leavings import Leavings
from bocal.ui.actions.loading import Loading
from bocal.ui.actions.managing import Managing
from bocal.ui.actions.picturing import Picturing
from bocal.ui.actions.remembering import Remembering
from bocal.ui.actions.returning import Returning
from bocal.ui.actions.running import Running
from bocal.ui.actions.searching import Searching
from bocal.ui.actions.sharing import Sharing
from bocal.ui.actions.storing import Storing
from bocal.ui.actions.tuning import Tuning
from bocal.ui.actions.widening import Widening
from bocal.ui.state import Overlay, Phase, State


class Application:
    """The actions, and the listener (`browser.page.Listener`) that finds the one meant."""

    def __init__(self, outside: Outside, state: State) -> None:
        self.state = state
        self.desk = desk = Desk(outside, state)
        leavings = Leavings(desk)
        self.downloads = Downloads(desk, leavings)
        self.answers = Answers(desk)
        self.loading = Loading(desk, self.downloads, self.answers)
        self.returning = Returning(desk, self.downloads, self.loading)
        self.managing = Managing(desk)
        self.deleting = Deleting(desk, leavings, self.downloads, self.loading, self.returning)
        self.searching = Searching(desk)
        self.adding = Adding(desk, self.downloads, self.loading, self.managing, self.searching)
        self.keeping = Keeping(desk, self.downloads)
        self.sharing = Sharing(desk, self.adding)
        self.storing = Storing(desk, self.downloads, self.loading, self.returning)
        self.running = Running(desk)
        self.remembering = Remembering(desk, self.answers, self.running)
        self.tuning = Tuning(desk, self.loading, self.remembering)
        self.picturing = Picturing(desk)
        self.asking = Asking(desk, self.loading, self.answers, self.remembering)
        subjects = (
            self.downloads, self.answers, self.loading, self.managing, self.deleting, self.searching, self.adding,
            self.keeping, self.sharing, self.storing, self.running, self.remembering, self.tuning, self.picturing,
            self.asking, Widening(desk, self.asking, self.tuning), Frame(desk), self,
        )  # fmt: skip
        self._actions: dict[str, Callable[..., Any]] = {
            name.removeprefix("do_").replace("_", "."): getattr(subject, name)
            for subject in subjects
            for name in dir(subject)
            if name.startswith("do_")
        }

    async def start(self) -> None:
        """Draw the page, look at the machine, and get the last model (at first: the guide) ready."""
        state, desk = self.state, self.desk
        choice = desk.choice
        state.theme = desk.outside.settings.read(THEME) or "auto"
        self.searching.read_hub()
        self.tuning.look()
        state.custom = desk.registry.custom()
        state.used = usage.read(desk.outside.settings)
        state.selected = desk.registry.find(desk.outside.settings.read(SELECTED) or GUIDE_ID)
        state.selected = state.selected or state.catalogue.models[GUIDE_ID]
        self.deleting.resume()
        desk.draw_anew()
        desk.spawn(self.remembering.look())
        desk.spawn(self.keeping.look())
        looking = asyncio.ensure_future(self._look())  # downloads go on without a graphics card
        try:
            await self.returning.restore()
        except Failure as failure:  # of the database that keeps the conversations too: the sidebar tells
            state.failure = failure
        await self.downloads.look()
        state.promised = await desk.outside.quota.promised()
        if state.selected.id == GUIDE_ID and state.phase is Phase.AWAY and desk.choice == choice:
            state.phase = Phase.LOOKING  # it comes by itself, once the machine is known
        desk.draw()
        device = await looking
        self.sharing.look()
        if not device.can_run:
            if state.selected.id == GUIDE_ID:
                state.selected, state.phase = None, Phase.AWAY
        elif desk.choice != choice:
            pass  # a model was chosen meanwhile, or a question asked: it is being loaded for that
        elif state.selected.id == GUIDE_ID:
            desk.spawn(self._get_ready(state.selected))
        else:
            await self.loading.read_window()
        desk.draw()

    async def _get_ready(self, guide: Model) -> None:
        try:
            await self.loading.get_ready(guide)
        finally:
            if self.state.phase is Phase.LOOKING:
                self.state.phase = Phase.AWAY  # nothing is on its way any more
                self.desk.draw()

    async def _look(self) -> Device:
        self.state.device = device = await self.desk.outside.look()
        return device

    async def do_device_look(self) -> None:
        """Look at the machine again."""
        self.state.device = None
        self.desk.draw()
        await self.start()

    # What the visitor does

    def act(self, action: str, arg: str) -> None:
        """Do what a button says: "model.choose" is `do_model_choose(arg)` of one of the actions."""
        try:
            done = self._actions[action](*([arg] if arg else []))
        except Failure as failure:
            self.desk.notice(self.state.texts.failure(failure), bad=True)
            return
        if inspect.iscoroutine(done):
            self.desk.spawn(done)

    def typed(self, name: str, value: str) -> None:
        """Take over what was typed into a field."""
        if name == "draft":
            self.state.draft = value
        elif name == "edit":
            self._edited(value)
        elif name.startswith("side."):
            self.remembering.typed(name.removeprefix("side."), value)
        elif name.startswith("tuning."):
            self.tuning.typed(name.removeprefix("tuning."), value)
        elif name == "settings.hub":
            self.searching.typed_hub(value)
        elif name.startswith("selector."):
            self.managing.typed(name.removeprefix("selector."), value)
        elif name.startswith("add."):
            self.adding.typed(name.removeprefix("add."), value)

    def _edited(self, value: str) -> None:
        state, was_empty = self.state, not self.state.edited.strip()
        state.edited = value
        if was_empty != (not value.strip()):
            self.desk.draw("main")

    def submitted(self, action: str, button: str) -> None:
        """Do what a form says."""
        self.act(action, button)

    def toggled(self, name: str, opened: bool) -> None:
        """Remember which folds are open."""
        (self.state.opened.add if opened else self.state.opened.discard)(name)

    def pressed(self, key: Key) -> bool:
        """Shortcuts; returns whether the key is dealt with."""
        state = self.state
        if key.composing:
            return False
        if key.command and (action := self._shortcut(key)):
            self.act(action, "")
            return True
        if state.overlay is Overlay.SELECTOR:
            to_delete = self.managing.to_delete(key)
            if to_delete:
                self.act("delete.open", to_delete)
            return bool(to_delete) or self.managing.pressed(key)
        if self.searching.pressed(key):
            return True
        if key.name == "Enter" and key.focus_id == "add-paste" and not key.shift:
            self.act("add.submit", "add")
            return True
        if state.overlay is Overlay.NONE and key.name == "Escape":
            if state.drawer_open:
                self.desk.toggle_sidebar()
                return True
            if state.side.renaming or state.side.menu or state.editing:
                state.side.renaming = state.side.menu = state.editing = ""
                self.desk.draw()
                return True
            if state.phase is Phase.ANSWERING:
                self.act("chat.stop", "")
                return True
        if (
            key.name == "Enter"
            and key.focus_id in {"ask", "edit"}
            and (not key.shift if state.enter_sends else key.command)
        ):
            self.act("chat.send" if key.focus_id == "ask" else "message.resend", "")
            return True
        return False

    def _shortcut(self, key: Key) -> str:
        """Return the action of a shortcut with Ctrl or Command, "" when there is none."""
        name, overlay = key.name.lower(), self.state.overlay
        if name == "k" and not key.shift:
            return "overlay.close" if overlay is Overlay.SELECTOR else "selector.open"
        if name == "/":
            return "overlay.close" if overlay is Overlay.SHORTCUTS else "shortcuts.open"
        if not key.shift or overlay not in {Overlay.NONE, Overlay.TUNING}:
            return ""
        return {"o": "chat.new", "f": "side.focus", "e": "tuning.open", "b": "sidebar.toggle", "l": "composer.focus",
                "y": "answer.copy"}.get(name, "")  # fmt: skip

    def rendered(self) -> None:
        """Show again what blocks of code have written."""
        self.running.redraw()

    def moved(self) -> None:
        """Follow a link to this page that proposes a model."""
        self.sharing.look()

    def chose_file(self, action: str, name: str, content: bytes, size: int) -> None:
        """Take over a file."""
        if action == "models.import":
            self.keeping.chose_file(name, content, size)
        elif action == "conversations.import":
            self.desk.spawn(self.remembering.chose_file(name, content, size))
        elif action == "picture.add":
            self.desk.spawn(self.picturing.chose_file(name, content))

    def changed_elsewhere(self, key: str) -> None:
        """Show what another tab did to the list of models."""
        if key in {"", TUNED, SENDING}:
            self.tuning.look()
            self.desk.draw()
        if key in {"", REGISTRY}:
            self.state.custom = self.desk.registry.custom()
            self.desk.spawn(self._follow())

    async def _follow(self) -> None:
        await self.keeping.look()
        selected = self.state.selected
        found = self.desk.registry.find(selected.id) if selected else None
        if selected and found is None:
            await self.downloads.drop([selected])
        if selected and (found is None or found.url != selected.url):
            await self.loading.leave()
        elif found:
            self.state.selected = found
        await self.downloads.look()
        self.desk.draw()
