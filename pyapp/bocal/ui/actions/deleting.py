"""Taking a model off this machine: asked first, and taken back for ten seconds after."""

import asyncio
import time

from bocal.ui.actions.desk import Desk
from bocal.ui.actions.downloads import Downloads
from bocal.ui.actions.leavings import Leavings
from bocal.ui.actions.loading import Loading
from bocal.ui.actions.returning import Returning
from bocal.ui.state import Leaving, Overlay

UNDO = 10.0  # seconds in which a deletion can be taken back


class Deleting:
    """A deleted model leaves the list at once; its files leave when it can no longer be taken back."""

    def __init__(
        self, desk: Desk, leavings: Leavings, downloads: Downloads, loading: Loading, returning: Returning
    ) -> None:
        self.desk = desk
        self.leavings = leavings
        self.downloads = downloads
        self.loading = loading
        self.returning = returning

    def do_delete_open(self, model_id: str) -> None:
        """Ask before deleting."""
        self.desk.state.deleting, self.desk.state.overlay = self.desk.registry.find(model_id), Overlay.DELETE
        self.desk.draw()

    async def do_delete_confirm(self, model_id: str) -> None:
        """Delete a custom model with its files, or a standard model's files."""
        model, state = self.desk.registry.find(model_id), self.desk.state
        self.desk.close_overlay()
        if not model:
            return
        await self.downloads.drop(model_id)
        if state.selected and state.selected.id == model_id:
            await self.loading.leave(model)
        place = next((at for at, it in enumerate(state.custom) if it.id == model_id), 0)
        freed = state.freed(model).nbytes
        leaving = Leaving(model, place, freed, time.time() + UNDO)
        self.leavings.add(leaving)  # before its entry goes: a page that is closed now must know whose files these are
        if model.custom:
            await self.desk.registry.remove(model_id)
            state.custom = self.desk.registry.custom()
        await self._changed()
        self.desk.spawn(self._finish(leaving))

    async def do_delete_undo(self, model_id: str) -> None:
        """Take a deletion back."""
        leaving = self.leavings.withdraw(model_id)
        if leaving is None:
            return
        if leaving.model.custom:
            await self.desk.registry.add(leaving.model, leaving.place)
            self.desk.state.custom = self.desk.registry.custom()
        await self._changed()

    def resume(self) -> None:
        """Go on with the deletions that a reload interrupted."""
        for leaving in self.leavings.read():
            self.leavings.add(leaving)
            self.desk.spawn(self._finish(leaving))

    async def _finish(self, leaving: Leaving) -> None:
        await asyncio.sleep(max(0.0, leaving.until - time.time()))
        if not self.leavings.begin(leaving):
            return  # taken back, or used again
        await self.downloads.forget(leaving.model)
        self.leavings.end(leaving)
        await self._changed()
        self.returning.room_was_made()

    async def _changed(self) -> None:
        await self.downloads.look()
        self.desk.draw()
