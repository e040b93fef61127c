"""Deletions that may still be taken back, and whose files are still here: noted, so that no reload forgets them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bocal.errors import Failure
from bocal.models import record, source
from bocal.models.record import Model
from bocal.ui.actions.desk import Desk
from bocal.ui.state import Leaving

KEY = "bocal.leaving"  # of localStorage


class Leavings:
    """`State.leaving` holds those to be taken back here; the note, those of all tabs until their files are gone."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._unnoted: set[str] = set()

    def add(self, leaving: Leaving) -> None:
        """Offer to take a deletion back."""
        model = leaving.model
        self.desk.state.leaving[model.id] = leaving
        entry = {
            "id": model.id,
            "model": record.to_json(model),
            "custom": model.custom,
            "place": leaving.place,
            "nbytes": leaving.nbytes,
            "until": leaving.until,
        }
        try:
            self._write([*(it for it in self._noted() if it["id"] != model.id), entry])
        except Failure:  # no room even for the note: its files leave in this visit, or are nobody's
            self._unnoted.add(model.id)

    def withdraw(self, model_id: str) -> Leaving | None:
        """Forget a deletion that was taken back, or whose model is wanted again; returns it, where it is this tab's."""
        self._forget(model_id)
        self._unnoted.discard(model_id)
        return self.desk.state.leaving.pop(model_id, None)

    def begin(self, leaving: Leaving) -> bool:
        """Whether the files of a model are to be deleted now: no tab has taken that back, and none can any more.

        One that is in the list again is wanted again.
        """
        model_id = leaving.model.id
        if self.desk.state.leaving.get(model_id) is not leaving:
            return False
        del self.desk.state.leaving[model_id]
        if self._is_listed(leaving.model):
            self._forget(model_id)
            self._unnoted.discard(model_id)
        return model_id in self._unnoted or any(entry["id"] == model_id for entry in self._noted())

    def end(self, leaving: Leaving) -> None:
        """The files of a model are gone."""
        self._forget(leaving.model.id)
        self._unnoted.discard(leaving.model.id)

    @asynccontextmanager
    async def alone(self, model: Model) -> AsyncIterator[None]:
        """Keep all tabs from deleting files of a model's address meanwhile, and from bringing any."""
        release = await self.desk.outside.means.tabs.hold(f"bocal:leaving:{source.engine_base(model.url)}", wait=True)
        try:
            yield
        finally:
            if release:
                release()

    def read(self) -> list[Leaving]:
        """Return the deletions that the visit before has left, but for models that are in the list again."""
        found = []
        for entry in self._noted():
            try:
                model = (
                    record.from_json(entry["model"])
                    if entry["custom"]
                    else self.desk.state.catalogue.models.get(entry["id"])
                )
                place, nbytes, until = int(entry["place"]), int(entry["nbytes"]), float(entry["until"])
            except (ValueError, TypeError, OverflowError):
                continue  # nothing that this page has written
            if model and not self._is_listed(model):
                found.append(Leaving(model, place, nbytes, until))
        return found

    def _is_listed(self, model: Model) -> bool:
        return model.custom and self.desk.registry.find(model.id) is not None

    def _forget(self, model_id: str) -> None:
        noted = self._noted()
        left = [entry for entry in noted if entry["id"] != model_id]
        if len(left) < len(noted):
            self._write(left)

    def _noted(self) -> list[dict[str, Any]]:
        return _read(self.desk.outside.settings.read(KEY))

    def _write(self, entries: list[dict[str, Any]]) -> None:
        self.desk.outside.settings.write(KEY, json.dumps(entries))


def _read(text: str | None) -> list[dict[str, Any]]:
    """Read what was noted; anything else is no deletion."""
    try:
        entries = json.loads(text or "[]")
        return [entry for entry in entries if entry.keys() >= {"id", "model", "custom", "place", "nbytes", "until"}]
    except (ValueError, AttributeError, TypeError):
        return []
