"""Taking a model off this machine: asked first, and taken back for ten seconds after."""

import asyncio
import json
import time
from typing import Any

from bocal.models import record
from bocal.ui.actions.desk import Desk
from bocal.ui.actions.downloads import Downloads
from bocal.ui.actions.loading import Loading
from bocal.ui.actions.returning import Returning
from bocal.ui.state import Leaving, Overlay

UNDO = 10.0  # seconds in which a deletion can be taken back
KEY = "bocal.leaving"  # of localStorage: deletions that a reload must not forget


class Deleting:
    """A deleted model leaves the list at once; its files leave when it can no longer be taken back."""

    def __init__(self, desk: Desk, downloads: Downloads, loading: Loading, returning: Returning) -> None:
        self.desk = desk
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
        self._note(leaving)  # before the entry goes: a page that is closed now must still know whose files these are
        if model.custom:
            await self.desk.registry.remove(model_id)
            state.custom = self.desk.registry.custom()
        state.leaving[model_id] = leaving
        await self._changed()
        self.desk.spawn(self._finish(leaving))

    async def do_delete_undo(self, model_id: str) -> None:
        """Take a deletion back."""
        leaving = self.desk.state.leaving.pop(model_id, None)
        if leaving is None:
            return
        if leaving.model.custom:
            await self.desk.registry.add(leaving.model, leaving.place)
            self.desk.state.custom = self.desk.registry.custom()
        await self._changed()

    def resume(self) -> None:
        """Go on with the deletions that a reload interrupted."""
        for entry in _read(self.desk.outside.settings.read(KEY)):
            custom = bool(entry["custom"])
            model = record.from_json(entry["model"]) if custom else self.desk.state.catalogue.models.get(entry["id"])
            if model and not (custom and self.desk.registry.find(model.id)):
                leaving = Leaving(model, int(entry["place"]), int(entry["nbytes"]), float(entry["until"]))
                self.desk.state.leaving[model.id] = leaving
                self.desk.spawn(self._finish(leaving))

    async def _finish(self, leaving: Leaving) -> None:
        await asyncio.sleep(max(0.0, leaving.until - time.time()))
        model, state = leaving.model, self.desk.state
        if state.leaving.get(model.id) is not leaving:
            return  # taken back, or used again
        del state.leaving[model.id]
        await self.downloads.forget(model)
        await self._changed()
        self.returning.room_was_made()

    async def _changed(self) -> None:
        self._note()
        await self.downloads.look()
        self.desk.draw()

    def _note(self, *more: Leaving) -> None:
        entries = [
            {
                "id": it.model.id,
                "model": record.to_json(it.model),
                "custom": it.model.custom,
                "place": it.place,
                "nbytes": it.nbytes,
                "until": it.until,
            }
            for it in (*self.desk.state.leaving.values(), *more)
        ]
        self.desk.outside.settings.write(KEY, json.dumps(entries))


def _read(text: str | None) -> list[dict[str, Any]]:
    """Read what `_changed` wrote; anything else is no deletion."""
    try:
        entries = json.loads(text or "[]")
        return [entry for entry in entries if entry.keys() >= {"id", "model", "custom", "place", "nbytes", "until"}]
    except (ValueError, AttributeError, TypeError):
        return []
