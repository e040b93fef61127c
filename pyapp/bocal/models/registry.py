"""The custom models, kept in `localStorage.customModels` as one JSON array."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bocal.errors import Failure, Problem
from bocal.models import record, stored
from bocal.models.aside import Aside
from bocal.models.record import Model
from bocal.models.stored import Reading
from bocal.models.turns import Turns
from bocal.protocols import Notes, Settings, Tabs

KEY = "customModels"

type Entry = dict[str, Any]


class Registry:
    """Reads the list at each question, so that what another tab or a person's console wrote is seen at once.

    Every change reads, changes and writes in one turn among the tabs. A damaged list is set aside whole before what
    can be read of it is written in its place; where that fails, nothing is written.
    """

    def __init__(self, settings: Settings, standard: Mapping[str, Model], tabs: Tabs, notes: Notes) -> None:
        self.aside = Aside(notes)
        self._settings = settings
        self._standard = standard
        self._turns = Turns(KEY, settings, tabs, notes)
        self._last = Reading("")

    def custom(self) -> list[Model]:
        """Return the custom models that can be read, in order; the first of two with one ID."""
        return list(self._read().models)

    def find(self, model_id: str) -> Model | None:
        """Return the model with this ID, or None; a custom one takes the place of a standard one."""
        own = next((model for model in self._read().models if model.id == model_id), None)
        return own or self._standard.get(model_id)

    def raw(self) -> str:
        """Return the stored value as it is."""
        return self._settings.read(KEY) or ""

    def document(self) -> str:
        """Return the list as a file for people: the same array, indented."""
        return json.dumps(self._read().entries, ensure_ascii=False, indent=2) + "\n"

    async def add(self, model: Model, place: int | None = None) -> None:
        """Add a custom model, at the end or at a place counted from 0.

        Raises Failure(ID_TAKEN) when a standard or custom model has its ID already.
        """

        def change(entries: list[Entry]) -> list[Entry]:
            if taken := self.find(model.id):
                raise Failure(Problem.ID_TAKEN, id=model.id, name=taken.name)
            entries.insert(len(entries) if place is None else place, record.to_json(model))
            return entries

        await self._change(change)

    async def add_all(self, models: Iterable[Model]) -> list[Model]:
        """Add those of several models whose ID is free; return them."""
        added: dict[str, Model] = {}

        def change(entries: list[Entry]) -> list[Entry]:
            taken = {entry["id"] for entry in entries} | self._standard.keys()
            for model in models:
                if model.id not in taken:
                    added.setdefault(model.id, model)
            return [*entries, *map(record.to_json, added.values())]

        await self._change(change)
        return list(added.values())

    async def replace(self, model: Model) -> None:
        """Write a custom model anew in its place; does nothing when it is no longer there."""
        await self.amend(model.id, lambda _kept: model)

    async def amend(self, model_id: str, how: Callable[[Model], Model]) -> None:
        """Change a custom model as it stands now, its ID too; does nothing when it is no longer there.

        Raises Failure(ID_TAKEN) when another model has the new ID.
        """

        def change(entries: list[Entry]) -> list[Entry]:
            return [self._amended(entry, how) if entry["id"] == model_id else entry for entry in entries]

        await self._change(change)

    async def remove(self, model_id: str) -> None:
        """Take a custom model off the list."""
        await self._change(lambda entries: [entry for entry in entries if entry["id"] != model_id])

    async def mend(self) -> None:
        """Set a damaged list aside, and leave what can be read of it; does nothing to a sound one.

        Raises Failure when it cannot be set aside or written.
        """
        if self._read().damaged:
            await self._change(lambda entries: entries)

    def _amended(self, entry: Entry, how: Callable[[Model], Model]) -> Entry:
        model = how(record.from_json(entry))
        taken = self.find(model.id) if model.id != entry["id"] else None
        if taken:
            raise Failure(Problem.ID_TAKEN, id=taken.id, name=taken.name)
        return record.to_json(model)

    async def _change(self, change: Callable[[list[Entry]], list[Entry]]) -> None:
        async with self._turns.take() as write:
            reading = self._read()
            entries = change(list(reading.entries))
            if reading.damaged:
                await self.aside.keep(reading.raw)
            elif entries == list(reading.entries):
                return
            await write(json.dumps(entries, ensure_ascii=False, separators=(",", ":")))

    def _read(self) -> Reading:
        raw = self.raw()
        if raw != self._last.raw:
            self._last = stored.read(raw)
        return self._last
