"""What lies in this site's storage: whose it is, how much it weighs, and what deleting would free.

Everything is told from keys and noted lengths; nothing here reads what is kept.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bocal.protocols import Shelf

_BASE = re.compile(r".+/resolve/[^/]+/")
UNKNOWN = "partial/"  # where partial files come from that nothing is noted of: the folder they are in


@dataclass(frozen=True)
class Item:
    """One record; `nbytes` is None until it is measured, `weights` tells a shard from the small files."""

    shelf: Shelf
    key: str
    nbytes: int | None = None
    weights: bool = False


@dataclass(frozen=True)
class Partial:
    """A file that has not arrived whole: its name, the key base of the model it is for ("": unknown), its bytes."""

    name: str
    model: str
    nbytes: int


@dataclass(frozen=True)
class Owner:
    """A known model: its key base, ending in a slash, and the key of its library ("" while not known)."""

    model_id: str
    base: str
    library: str


@dataclass(frozen=True)
class Pile:
    """What belongs together: all of a model (`name` is its ID), or of nobody (where it came from)."""

    name: str
    items: tuple[Item, ...]
    base: str = ""
    partials: tuple[Partial, ...] = ()

    @property
    def nbytes(self) -> int:
        """What is known of its bytes."""
        return sum(item.nbytes or 0 for item in self.items) + self.unfinished

    @property
    def unfinished(self) -> int:
        """Bytes of files that have not arrived whole."""
        return sum(partial.nbytes for partial in self.partials)

    @property
    def count(self) -> int:
        """How many files it has."""
        return len(self.items) + len(self.partials)

    @property
    def measured(self) -> bool:
        """Whether every record's length is known."""
        return all(item.nbytes is not None for item in self.items)

    @property
    def weights(self) -> "Pile":
        """The shards among them, with what is unfinished."""
        return Pile(self.name, tuple(item for item in self.items if item.weights), self.base, self.partials)


@dataclass(frozen=True)
class Survey:
    """All there is. A library that several models here use is in `shared`, and in no model's pile."""

    models: tuple[Pile, ...] = ()
    shared: tuple[Item, ...] = ()
    orphans: tuple[Pile, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes of everything."""
        return sum(pile.nbytes for pile in (*self.models, *self.orphans)) + sum(it.nbytes or 0 for it in self.shared)

    @property
    def unmeasured(self) -> tuple[Item, ...]:
        """The records whose length nobody has noted."""
        piles = (item for pile in (*self.models, *self.orphans) for item in pile.items)
        return tuple(item for item in (*piles, *self.shared) if item.nbytes is None)

    def pile(self, base: str) -> Pile | None:
        """Return what is here of the models at a key base, or None when nothing is."""
        return next((pile for pile in self.models if pile.base == base), None)

    def orphaned(self, name: str = "") -> Pile:
        """Return what belongs to no model: all of it, or only what came from `name`."""
        piles = [pile for pile in self.orphans if name in {"", pile.name}]
        items = tuple(item for pile in piles for item in pile.items)
        return Pile(name, items, partials=tuple(partial for pile in piles for partial in pile.partials))


@dataclass(frozen=True)
class Stock:
    """What is here: keys by shelf, lengths in bytes where known, the keys that manifests list, and partial files."""

    keys: Mapping[Shelf, Sequence[str]] = field(default_factory=dict)
    lengths: Mapping[tuple[Shelf, str], int] = field(default_factory=dict)
    shards: Collection[str] = ()
    partials: Collection[Partial] = ()

    def survey(self, owners: Iterable[Owner]) -> Survey:
        """Sort every file by whose it is.

        Of two models with one key base, the first names the pile; the longest base that fits a key counts.
        """
        known = tuple(owners)
        bases: dict[str, Owner] = {}
        for owner in known:
            bases.setdefault(owner.base, owner)
        piles: dict[str, list[Item]] = {}
        nobody: dict[str, list[Item]] = {}
        for shelf in (Shelf.MODEL, Shelf.CONFIG):
            for key in self.keys.get(shelf, ()):
                item = Item(shelf, key, self.lengths.get((shelf, key)), key in self.shards or key.endswith(".bin"))
                base = _owning_base(key, bases)
                if base:
                    piles.setdefault(base, []).append(item)
                else:
                    nobody.setdefault(_origin(key), []).append(item)
        begun: dict[str, list[Partial]] = {}
        for partial in self.partials:
            place = partial.model or UNKNOWN
            begun.setdefault(place, []).append(partial)
            (piles if place in bases else nobody).setdefault(place, [])
        users: dict[str, dict[str, None]] = {}
        for owner in known:
            if owner.base in piles and owner.library:
                users.setdefault(owner.library, {})[owner.base] = None
        shared = []
        for key in self.keys.get(Shelf.LIBRARY, ()):
            item, of = Item(Shelf.LIBRARY, key, self.lengths.get((Shelf.LIBRARY, key))), list(users.get(key, ()))
            if len(of) > 1:
                shared.append(item)
            elif of:
                piles[of[0]].append(item)
            else:
                nobody.setdefault(_origin(key), []).append(item)
        models = [Pile(bases[it].model_id, tuple(items), it, tuple(begun.get(it, ()))) for it, items in piles.items()]
        orphans = [Pile(name, tuple(items), name, tuple(begun.get(name, ()))) for name, items in nobody.items()]
        return Survey(_heaviest_first(models), tuple(shared), _heaviest_first(orphans))

    def freed(self, owner: Owner, others: Iterable[Owner]) -> Pile:
        """Return what deleting a model takes away: what was its own, and would be nobody's but for it."""
        left = self.survey(others).orphaned()
        mine = (item for item in left.items if item.key.startswith(owner.base) or item.key == owner.library)
        begun = (partial for partial in left.partials if partial.model == owner.base)
        return Pile(owner.model_id, tuple(mine), owner.base, tuple(begun))


def _owning_base(key: str, bases: Mapping[str, Owner]) -> str:
    """Return the longest known base that `key` is below, or ""."""
    end = key.rfind("/")
    while end > 0:
        if key[: end + 1] in bases:
            return key[: end + 1]
        end = key.rfind("/", 0, end)
    return ""


def _origin(key: str) -> str:
    """Return the base a key was made from, or the folder it is in."""
    found = _BASE.match(key)
    return found[0] if found else key[: key.rfind("/") + 1] or key


def _heaviest_first(piles: Iterable[Pile]) -> tuple[Pile, ...]:
    return tuple(sorted(piles, key=lambda pile: -pile.nbytes))
