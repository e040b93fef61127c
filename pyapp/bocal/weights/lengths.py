"""The length of each record here, in bytes: from manifests for shards, from a ledger of our own for the rest."""

from collections.abc import Iterable, Mapping

from bocal.protocols import Measures, Notes, Shelf, Store
from bocal.weights import manifest
from bocal.weights.outlines import Outlines
from bocal.weights.storage import Item, Stock

DRAWER = "lengths"


class Lengths:
    """The ledger: `measures` weighs what nobody has noted, one record at a time."""

    def __init__(self, store: Store, notes: Notes, outlines: Outlines, measures: Measures) -> None:
        self._store = store
        self._notes = notes
        self._outlines = outlines
        self._measures = measures

    async def stock(self) -> Stock:
        """Return what is here, as far as it is noted; reads no record."""
        keys = {shelf: await self._store.keys(shelf) for shelf in Shelf}
        ends = f"/{manifest.NAME}"
        bases = [key.removesuffix(manifest.NAME) for key in keys[Shelf.MODEL] if key.endswith(ends)]
        lengths = {
            (Shelf(shelf), key): int(nbytes)
            for name, nbytes in (await self._notes.read(DRAWER)).items()
            for shelf, _, key in [name.partition(" ")]
        }
        shards = {
            base + shard.path: shard.nbytes
            for base, listed in (await self._outlines.of(bases)).items()
            for shard in listed
        }
        lengths.update({(Shelf.MODEL, key): nbytes for key, nbytes in shards.items()})
        return Stock(keys, lengths, shards.keys())

    async def measure(self, items: Iterable[Item]) -> None:
        """Weigh records that nobody has noted, one after the other."""
        for item in items:
            nbytes = await self._measures.measure(item.shelf, item.key)
            if nbytes is not None:
                await self.note({(item.shelf, item.key): nbytes})

    async def note(self, lengths: Mapping[tuple[Shelf, str], int]) -> None:
        """Keep the lengths of records that have just been stored or weighed."""
        for (shelf, key), nbytes in lengths.items():
            await self._notes.write(DRAWER, f"{shelf} {key}", nbytes)

    async def delete(self, items: Iterable[Item]) -> None:
        """Delete records and what is noted of them; returns once that is committed."""
        by_shelf: dict[Shelf, list[str]] = {}
        for item in items:
            by_shelf.setdefault(item.shelf, []).append(item.key)
        noted = await self._notes.read(DRAWER)
        for shelf, keys in by_shelf.items():
            await self._measures.delete_keys(shelf, keys)
            for key in keys:
                if f"{shelf} {key}" in noted:
                    await self._notes.delete(DRAWER, f"{shelf} {key}")
                if shelf is Shelf.MODEL and key.endswith(f"/{manifest.NAME}"):
                    await self._outlines.forget(key.removesuffix(manifest.NAME))
