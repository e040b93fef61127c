"""Taking a model off this machine: asked first, and taken back for ten seconds after."""

import asyncio
import time

from bocal.errors import Failure
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

    async def do_delete_open(self, model_id: str) -> None:
        """Ask before deleting; what of its files has an unknown length is weighed meanwhile."""
        model = self.desk.registry.find(model_id)
        if model is None:
            return
        self.desk.state.deleting, self.desk.state.overlay = model, Overlay.DELETE
        self.desk.draw()
        unknown = [item for item in self.desk.state.freed(model).items if item.nbytes is None]
        if unknown:
            await self.desk.lengths.measure(unknown)
            await self._changed()

    async def do_delete_confirm(self, model_id: str) -> None:
        """Delete a custom model with its files, or a standard model's files."""
        model, state = self.desk.registry.find(model_id), self.desk.state
        self.desk.close_overlay()
        if not model:
            return
        place = next((at for at, it in enumerate(state.custom) if it.id == model_id), 0)
        freed = state.freed(model).nbytes
        leaving = Leaving(model, place, freed, time.time() + UNDO)
        self.leavings.add(leaving)  # before its entry goes: a page that is closed now must know whose files these are
        if model.custom:
            await self.desk.registry.remove(model_id)
            state.custom = self.desk.registry.custom()
        if state.arrival and state.arrival.model and state.arrival.model.id == model_id:
            state.arrival.cancel()
        await self._changed()
        self.desk.spawn(self._finish(leaving))

    async def do_delete_undo(self, model_id: str) -> None:
        """Take a deletion back."""
        if model_id not in self.desk.state.leaving:
            return  # its files are being deleted
        leaving = self.leavings.withdraw(model_id)
        if leaving and leaving.model.custom and self.desk.registry.find(model_id) is None:
            await self.desk.registry.add(leaving.model, leaving.place)
            self.desk.state.custom = self.desk.registry.custom()
        await self._changed()

    def resume(self) -> None:
        """Go on with the deletions that a reload interrupted."""
        for leaving in self.leavings.read():
            self.leavings.add(leaving)
            self.desk.spawn(self._finish(leaving))

    async def _finish(self, leaving: Leaving) -> None:
        """End what a model does here, and delete its files, unless that is taken back or the model is used again.

        Where that fails, the deletion stays noted: the next visit ends it.
        """
        model, state = leaving.model, self.desk.state
        try:
            losing = state.losing(model)
            await self.downloads.drop(losing)
            if state.selected and any(it.id == state.selected.id for it in losing):
                await self.loading.leave()
            await self._changed()
            await asyncio.sleep(min(UNDO, leaving.until - time.time()))
            async with self.leavings.alone(model):
                if self.leavings.begin(leaving):
                    await self.downloads.drop(state.losing(model))
                    await self.downloads.forget(model)
                    self.leavings.end(leaving)
        except Failure as failure:
            state.leaving.pop(model.id, None)
            self.desk.notice(state.texts.failure(failure), bad=True)
        await self._changed()
        self.returning.room_was_made()

    async def _changed(self) -> None:
        await self.downloads.look()
        self.desk.draw()
