"""The list of models, and finding one in it."""

from bocal.ui.actions.desk import Desk
from bocal.ui.state import Overlay


class Managing:
    """Actions of the model selector."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def do_selector_open(self) -> None:
        """Open the model selector."""
        state = self.desk.state
        state.custom = self.desk.registry.custom()
        state.query, state.only_here, state.overlay = "", False, Overlay.SELECTOR
        self.desk.close_drawer()
        self.desk.draw()

    def do_selector_filter(self, which: str = "") -> None:
        """Show all models, or only those on this machine."""
        self.desk.state.only_here = which == "here"
        self.desk.draw("overlay")

    def typed_query(self, query: str) -> None:
        """Narrow the list to what matches."""
        self.desk.state.query = query
        self.desk.draw("overlay")
