"""The list of models, and finding one in it."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from bocal.models.listing import Filters
from bocal.protocols import Key
from bocal.ui import selector
from bocal.ui.actions.desk import Desk
from bocal.ui.selector import FILTER, LIST, NAMES, ROW, SEARCH
from bocal.ui.state import FIRST_ROWS, Overlay


class Managing:
    """Actions of the model selector."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def do_selector_open(self) -> None:
        """Open the model selector."""
        self.show([])

    def show(self, new: Sequence[str]) -> None:
        """Open the model selector; models that were just added (IDs) are marked, and the first of them is in sight."""
        state = self.desk.state
        state.custom = self.desk.registry.custom()
        state.filters, state.rows, state.menu, state.overlay = Filters(), FIRST_ROWS, "", Overlay.SELECTOR
        state.new = frozenset(new)
        if new:
            state.rows += next((place for place, model in enumerate(state.custom) if model.id == new[0]), 0)
            state.opened.discard(selector.CUSTOM_FOLD)
        self.desk.close_drawer()
        self.desk.draw("header", "overlay")
        if new:
            self.desk.outside.page.reveal(f"{ROW}{new[0]}")

    def do_selector_filter(self, which: str = "") -> None:
        """Show all models, only those on this machine ("here"), or only those that fit it ("fits")."""
        self._narrow(here=which == "here", fits=which == "fits")

    def do_selector_reset(self) -> None:
        """Show everything again."""
        self._narrow(**dataclasses.asdict(Filters()))
        self.desk.outside.page.focus(SEARCH)

    def do_selector_more(self) -> None:
        """Draw more of the list: its end came near."""
        self.desk.state.rows += max(FIRST_ROWS, self.desk.state.rows // 2)
        self.desk.draw("overlay")

    def do_selector_fold(self, name: str) -> None:
        """Fold or unfold a part of the list: the custom models, or the other variants of a model."""
        self.desk.state.opened ^= {name}
        self.desk.state.menu = ""
        self.desk.draw("overlay")

    def do_selector_menu(self, model_id: str) -> None:
        """Show or hide what can be done with a model."""
        state = self.desk.state
        state.menu = "" if state.menu == model_id else model_id
        self.desk.draw("overlay")

    def typed(self, field: str, value: str) -> None:
        """Narrow the list, by one of the fields of `Filters`."""
        self._narrow(**{field: value})

    def pressed(self, key: Key) -> bool:
        """Move along the list; returns whether the key is dealt with."""
        on_row = key.focus_id.startswith(ROW)
        page = self.desk.outside.page
        if key.name in {"ArrowDown", "ArrowUp"} and not key.focus_id.startswith(FILTER):
            page.step(f"#{SEARCH}, {NAMES}", 1 if key.name == "ArrowDown" else -1)
        elif on_row and key.name in {"Home", "End"}:
            most = 2 * len(self.desk.state.models)  # at least as many as there are lines
            if key.name == "End":
                self.desk.state.rows = most
                self.desk.draw("overlay")
            page.step(NAMES, most if key.name == "End" else -most)
        else:
            return False
        return True

    def to_delete(self, key: Key) -> str:
        """Return the ID of the model that a key asks to delete, "" for any other key."""
        if key.name not in {"Delete", "Backspace"} or not key.focus_id.startswith(ROW):
            return ""
        model = self.desk.registry.find(key.focus_id.removeprefix(ROW))
        return model.id if model and selector.can_delete(self.desk.state, model) else ""

    def _narrow(self, **fields: Any) -> None:
        state = self.desk.state
        state.filters = dataclasses.replace(state.filters, **fields)
        state.rows, state.menu = FIRST_ROWS, ""
        self.desk.draw("overlay")
        self.desk.outside.page.to_top(LIST)
