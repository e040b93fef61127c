"""The list of models: finding one in it, and taking one off it."""

from bocal.ui.actions.desk import Desk
from bocal.ui.actions.downloads import Downloads
from bocal.ui.actions.loading import Loading
from bocal.ui.state import Overlay


class Managing:
    """Actions of the model selector."""

    def __init__(self, desk: Desk, downloads: Downloads, loading: Loading) -> None:
        self.desk = desk
        self.downloads = downloads
        self.loading = loading

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

    def do_delete_open(self, model_id: str) -> None:
        """Ask before deleting."""
        self.desk.state.deleting, self.desk.state.overlay = self.desk.registry.find(model_id), Overlay.DELETE
        self.desk.draw()

    async def do_delete_confirm(self, model_id: str) -> None:
        """Delete a custom model with its files, or a standard model's files."""
        model = self.desk.registry.find(model_id)
        self.desk.close_overlay()
        if not model:
            return
        self.downloads.drop(model_id)
        if self.desk.state.selected and self.desk.state.selected.id == model_id:
            await self.loading.leave(model)
        await self.downloads.forget(model)
        if model.custom:
            self.desk.registry.remove(model_id)
            self.desk.state.custom = self.desk.registry.custom()
        await self.downloads.look()
        self.desk.draw()
