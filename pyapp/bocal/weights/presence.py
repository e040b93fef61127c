"""Which models are on this machine: answered from keys and manifests, never by reading weights."""

from collections.abc import Iterable
from dataclasses import dataclass

from bocal.errors import Failure
from bocal.protocols import Shelf, Store
from bocal.weights import manifest


@dataclass(frozen=True)
class Presence:
    """How much of a model is here: `done` of `total` bytes of weights; `complete` when it can load with no network."""

    done: int
    total: int
    complete: bool


async def look(store: Store, wanted: Iterable[tuple[str, str, str]]) -> dict[str, Presence]:
    """Return the presence of each model that has at least its manifest here, by ID.

    `wanted` holds (model ID, key base ending in a slash, key of its library or "" when not known yet).
    """
    shelves = {shelf: set(await store.keys(shelf)) for shelf in Shelf}
    found = {}
    for model_id, base, library in wanted:
        if base + manifest.NAME not in shelves[Shelf.MODEL]:
            continue
        try:
            shards = manifest.read(await store.read_json(Shelf.MODEL, base + manifest.NAME))
        except Failure:
            continue
        kept = shelves[Shelf.MODEL]
        done = sum(shard.nbytes for shard in shards if base + shard.path in kept)
        complete = (
            all(base + shard.path in kept for shard in shards)
            and any(base + name in kept for name in ("tokenizer.json", "tokenizer.model"))
            and base + "mlc-chat-config.json" in shelves[Shelf.CONFIG]
            and library in shelves[Shelf.LIBRARY]
        )
        found[model_id] = Presence(done, sum(shard.nbytes for shard in shards), complete)
    return found


async def forget(store: Store, base: str, library: str = "") -> None:
    """Delete the files below `base`, and the library called `library`; "" for one that another model needs."""
    for shelf in (Shelf.MODEL, Shelf.CONFIG) if base else ():
        await store.delete(shelf, base)
    if library:
        await store.delete(Shelf.LIBRARY, library)
