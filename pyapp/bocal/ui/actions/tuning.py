"""How a model is to answer: what was set for a conversation, or for all with the chosen model."""

import json
from collections.abc import Mapping

from bocal import option
from bocal.chat import settings
from bocal.errors import Failure
from bocal.ui.actions.desk import SENDING, TUNED, Desk
from bocal.ui.actions.loading import Loading
from bocal.ui.actions.remembering import Remembering
from bocal.ui.state import Overlay
from bocal.ui.state import Tuning as Form
from bocal.ui.tuning import CHAT, MODEL, chosen


class Tuning:
    """Actions of the settings for answers."""

    def __init__(self, desk: Desk, loading: Loading, remembering: Remembering) -> None:
        self.desk = desk
        self.loading = loading
        self.remembering = remembering

    def look(self) -> None:
        """Read what was set for each model, and which key sends."""
        self._read()
        self.desk.state.enter_sends = self.desk.outside.settings.read(SENDING) != "command"

    def _read(self) -> None:
        try:
            told = json.loads(self.desk.outside.settings.read(TUNED) or "{}")
            self.desk.state.tuned = {str(model_id): settings.read(value) for model_id, value in told.items()}
        except (ValueError, AttributeError):
            self.desk.state.tuned = {}

    def do_tuning_open(self) -> None:
        """Show the settings of the conversation."""
        self.desk.state.overlay, self.desk.state.tuning = Overlay.TUNING, Form()
        self.desk.draw()
        self.desk.outside.page.focus(f"tuning-{CHAT}-{settings.SYSTEM}")

    def do_shortcuts_open(self) -> None:
        """Show the list of shortcuts."""
        self.desk.state.overlay = Overlay.SHORTCUTS
        self.desk.draw("overlay")

    def do_sending_choose(self, word: str) -> None:
        """Choose the key that sends."""
        self.desk.state.enter_sends = word != "command"
        self.desk.outside.settings.write(SENDING, word)
        self.desk.draw()

    async def do_tuning_json(self, arg: str) -> None:
        """Switch JSON mode on or off."""
        scope, _, word = arg.partition(" ")
        await self._set(scope, {settings.JSON: word == "on"})

    async def do_tuning_preset(self, arg: str) -> None:
        """Take over one of the system prompts offered."""
        scope, _, preset = arg.partition(" ")
        await self._set(scope, {settings.SYSTEM: self.desk.state.texts(f"preset.{preset}.prompt")})

    async def do_tuning_reset(self, arg: str) -> None:
        """Go back to what counts where nothing is set: for one setting, or for all."""
        scope, _, name = arg.partition(" ")
        form = self.desk.state.tuning
        away = [name] if name else list(chosen(self.desk.state, scope))
        for each in away:
            form.typed.pop(f"{scope}.{each}", None)
            form.wrong.pop(f"{scope}.{each}", None)
        await self._set(scope, dict.fromkeys(away))

    def typed(self, name: str, text: str) -> None:
        """Take over what was typed; what is no value yet is told and changes nothing."""
        scope, _, setting = name.partition(".")
        form, place = self.desk.state.tuning, name
        found = next((it for it in (*settings.NUMBERS, settings.WINDOW) if it.name == setting), None)
        value: int | float | str | None = text if text.strip() else None
        form.typed[place] = text
        form.wrong.pop(place, None)
        try:
            if found:
                value = option.read(found, text)
            elif setting == settings.SCHEMA and value:
                settings.check_schema(text)
        except Failure as failure:
            form.wrong[place] = failure
            if found:
                self.desk.draw()
                return
        self.desk.spawn(self._set(scope, {setting: value}))

    async def widen(self, window: int) -> None:
        """Give the chosen model another window, and load it anew."""
        self.desk.state.tuning.typed.pop(f"{MODEL}.{settings.WINDOW.name}", None)
        await self._set(MODEL, {settings.WINDOW.name: window})

    async def _set(self, scope: str, values: Mapping[str, object]) -> None:
        """Set some of the settings, those that are None back to what counts otherwise."""
        state, window = self.desk.state, settings.WINDOW.name
        if scope == CHAT:
            table = state.conversation.settings
        elif state.selected:
            self._read()  # another tab may have set something for another model
            table = state.tuned.setdefault(state.selected.id, {})
        else:
            return
        before = table.get(window)
        for name, value in values.items():
            table.pop(name, None)
            if value is not None:
                table[name] = value
        if scope == CHAT:
            self.desk.draw()
            if state.conversation.messages:
                await self.remembering.kept(state.conversation)
            return
        state.tuned = {model_id: told for model_id, told in state.tuned.items() if told}
        self.desk.outside.settings.write(TUNED, json.dumps(state.tuned, ensure_ascii=False))
        if before != table.get(window) and state.selected:
            await self.loading.use_anew(state.selected)
        self.desk.draw()
