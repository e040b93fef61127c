"""The custom models, kept in `localStorage.customModels` as one JSON array."""

import json
from collections.abc import Mapping
from typing import Any

from bocal.errors import Failure, Problem
from bocal.models import record
from bocal.models.record import Model
from bocal.protocols import Settings

KEY = "customModels"


class Registry:
    """Reads the list at each question, so that what another tab or a person's console wrote is seen at once."""

    def __init__(self, settings: Settings, standard: Mapping[str, Model]) -> None:
        self._settings = settings
        self._standard = standard
        self._read: tuple[str | None, list[Model]] = (None, [])  # what was read last, and what it meant

    def custom(self) -> list[Model]:
        """Return the custom models that can be read, in order; the first of two with one ID."""
        raw = self._settings.read(KEY)
        if raw != self._read[0]:
            self._read = (raw, self._custom())
        return list(self._read[1])

    def _custom(self) -> list[Model]:
        models: dict[str, Model] = {}
        for entry in self._entries():
            try:
                model = record.from_json(entry)
            except ValueError:
                continue
            models.setdefault(model.id, model)
        return list(models.values())

    def find(self, model_id: str) -> Model | None:
        """Return the model with this ID, standard or custom, or None."""
        if model_id in self._standard:
            return self._standard[model_id]
        return next((model for model in self.custom() if model.id == model_id), None)

    def add(self, model: Model, place: int | None = None) -> None:
        """Add a custom model, at the end or at a place counted from 0.

        Raises Failure(ID_TAKEN) when a standard or custom model has its ID already.
        """
        taken = self.find(model.id)
        if taken:
            raise Failure(Problem.ID_TAKEN, id=model.id, name=taken.name)
        entries = self._entries()
        entries.insert(len(entries) if place is None else place, record.to_json(model))
        self._write(entries)

    def replace(self, model: Model) -> None:
        """Write a custom model anew in its place; does nothing when it is no longer there."""
        self._write([record.to_json(model) if _id(entry) == model.id else entry for entry in self._entries()])

    def remove(self, model_id: str) -> None:
        """Take a custom model off the list; entries that cannot be read stay as they are."""
        self._write([entry for entry in self._entries() if _id(entry) != model_id])

    def _entries(self) -> list[Any]:
        try:
            entries = json.loads(self._settings.read(KEY) or "[]")
        except ValueError:
            return []
        return entries if isinstance(entries, list) else []

    def _write(self, entries: list[Any]) -> None:
        self._set_aside_unreadable()
        self._settings.write(KEY, json.dumps(entries, ensure_ascii=False))

    def _set_aside_unreadable(self) -> None:
        raw = self._settings.read(KEY)
        try:
            readable = isinstance(json.loads(raw or "[]"), list)
        except ValueError:
            readable = False
        if raw and not readable:
            self._settings.write(f"{KEY}.unreadable", raw)


def _id(entry: Any) -> Any:
    return entry.get("id") if isinstance(entry, dict) else None
