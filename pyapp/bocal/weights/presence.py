"""Which models are on this machine: answered from keys alone, never by reading what is kept under them."""

from collections.abc import Iterable
from dataclasses import dataclass

from bocal.protocols import Shelf, Store
from bocal.weights import manifest, plan
from bocal.weights.outlines import Outlines


@dataclass(frozen=True)
class Presence:
    """How much of a model is here: `done` of `total` bytes of weights; `complete` when it can load with no network."""

    done: int
    total: int
    complete: bool


async def look(
    store: Store, wanted: Iterable[tuple[str, str, str]], outlines: Outlines | None = None
) -> dict[str, Presence]:
    """Return the presence of each model that has at least its manifest here, by ID.

    `wanted` holds (model ID, key base ending in a slash, key of its library or "" when not known yet). Without
    `outlines`, manifests are read.
    """
    kept = {shelf: set(await store.keys(shelf)) for shelf in Shelf}
    ends = f"/{manifest.NAME}"
    bases = {key.removesuffix(manifest.NAME) for key in kept[Shelf.MODEL] if key.endswith(ends)}
    here = [(model_id, base, library) for model_id, base, library in wanted if base in bases]
    shards = await (outlines or Outlines(store)).of({base for _, base, _ in here})
    found = {}
    for model_id, base, library in here:
        if base not in shards:
            continue
        missing = [shard.nbytes for shard in shards[base] if base + shard.path not in kept[Shelf.MODEL]]
        total = sum(shard.nbytes for shard in shards[base])
        complete = (
            not missing
            and any(base + name in kept[Shelf.MODEL] for name in plan.TOKENIZERS)
            and base + plan.CONFIG in kept[Shelf.CONFIG]
            and library in kept[Shelf.LIBRARY]
        )
        found[model_id] = Presence(total - sum(missing), total, complete)
    return found
