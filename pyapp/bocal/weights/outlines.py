"""Which shards each model has, noted in a few kilobytes: the question "is it here?" then needs keys alone.

A manifest lists every tensor and weighs a hundred times as much; it is read once, when its outline is not noted yet.
"""

from collections.abc import Iterable
from typing import Any

from bocal.errors import Failure
from bocal.protocols import Notes, Shelf, Store
from bocal.weights import manifest
from bocal.weights.manifest import Shard

DRAWER = "outlines"


class Outlines:
    """The shards of models that have a manifest here, by their key base (ending in a slash)."""

    def __init__(self, store: Store, notes: Notes | None = None) -> None:
        self._store = store
        self._notes = notes
        self._known: dict[str, tuple[Shard, ...]] | None = None

    async def of(self, bases: Iterable[str]) -> dict[str, tuple[Shard, ...]]:
        """Return the shards of the models at `bases`; one whose manifest is missing or damaged is left out."""
        if self._known is None:
            noted = await self._notes.read(DRAWER) if self._notes else {}
            self._known = {base: shards for base, value in noted.items() if (shards := _read(value))}
        known = self._known
        for base in bases:
            if base not in known:
                await self.refresh(base)
        return {base: known[base] for base in bases if base in known}

    async def refresh(self, base: str) -> None:
        """Note a model's shards anew: its manifest may have changed."""
        try:
            shards = tuple(manifest.read(await self._store.read_json(Shelf.MODEL, base + manifest.NAME)))
        except Failure:
            await self.forget(base)
            return
        if self._known is not None:
            self._known[base] = shards
        if self._notes:
            await self._notes.write(DRAWER, base, [[shard.path, shard.nbytes] for shard in shards])

    async def forget(self, base: str) -> None:
        """Forget a model that left this machine."""
        if self._known is not None:
            self._known.pop(base, None)
        if self._notes:
            await self._notes.delete(DRAWER, base)


def _read(value: Any) -> tuple[Shard, ...]:
    try:
        return tuple(Shard(str(path), int(nbytes)) for path, nbytes in value)
    except (TypeError, ValueError):
        return ()
