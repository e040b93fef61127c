"""Which models a person sees: those that match, and the variants of one model under the one to take here."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from bocal.letters import fold
from bocal.models import variants
from bocal.models.fit import Estimate, Fit
from bocal.models.record import Model

OTHER = "other"  # stands for every family that is not of the standard list

# The quantisations to take, the best first; a device without f16 passes over half of them.
_PREFERRED = ("q4f16_1", "q4f32_1", "q3f16_1", "q0f16", "q0f32")

type Judge = Callable[[Model], Estimate | None]


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to; empty fields let everything pass.

    `family` is one of `variants.MAKERS` or OTHER, `size` a `variants.Size`; `fits` leaves what fits well.
    """

    words: str = ""
    here: bool = False
    fits: bool = False
    family: str = ""
    size: str = ""
    quantisation: str = ""

    def passes(self, model: Model, name: str, here: Collection[str], judge: Judge) -> bool:
        """Whether a model matches; `name` is its name for people, `here` the IDs of models on this machine."""
        return self.means(model, name, here) and self.accepts(model, judge)

    def means(self, model: Model, name: str, here: Collection[str]) -> bool:
        """Whether a model is one of those asked for, on whatever machine."""
        if self.here and model.id not in here:
            return False
        if self.quantisation and self.quantisation != quantisation(model):
            return False
        if self.family and self.family != (variants.family(model.id) or OTHER):
            return False
        if self.size and self.size != variants.size(model.id):
            return False
        if self.words.strip():
            text = fold(f"{model.id} {name} {model.description}")
            return all(word in text for word in fold(self.words).split())
        return True

    def accepts(self, model: Model, judge: Judge) -> bool:
        """Whether a model fits, where only those that do are asked for."""
        return not self.fits or _fit(model, judge) is Fit.FITS


@dataclass(frozen=True)
class Group:
    """The variants of one model that match: `shown` at once, the best first, and `folded` away.

    `recommended` is the one to take on this machine, None where there is no choice or none runs.
    """

    stem: str
    shown: tuple[Model, ...]
    folded: tuple[Model, ...]
    recommended: Model | None


def without_f16(model: Model, others: Iterable[Model]) -> Model | None:
    """Return the variant of a model that needs no f16 shaders, the full window first; None when there is none."""
    stem = variants.stem(model.id)
    found = [it for it in others if variants.stem(it.id) == stem and "f32" in quantisation(it)]
    return min(found, key=lambda it: variants.is_short(it.id), default=None)


def quantisation(model: Model) -> str:
    """Return a model's quantisation, "" when it is not known."""
    return model.quantisation or variants.quantisation(model.id)


def group(
    models: Iterable[tuple[Model, str]],
    filters: Filters,
    here: Collection[str],
    judge: Judge,
    pinned: Callable[[Model], bool],
) -> list[Group]:
    """Gather what matches of `models`, each with its name for people, in the order in which each first appears.

    A group shows its best variant and the `pinned` ones (such as the one in use); where what was searched for tells
    its variants apart, all that match.
    """
    by_stem: dict[str, list[tuple[Model, str]]] = {}
    for model, name in models:
        by_stem.setdefault(variants.stem(model.id), []).append((model, name))
    found = []
    for stem, members in by_stem.items():
        meant = [model for model, name in members if filters.means(model, name, here)]
        matched = sorted((it for it in meant if filters.accepts(it, judge)), key=lambda it: _rank(it, judge))
        if matched:
            told_apart = len(meant) < len(members)
            shown = [it for place, it in enumerate(matched) if told_apart or place == 0 or pinned(it)]
            folded = [it for it in matched if it not in shown]
            best = recommend((model for model, _ in members), judge) if len(members) > 1 else None
            found.append(Group(stem, tuple(shown), tuple(folded), best))
    return found


def recommend(members: Iterable[Model], judge: Judge) -> Model | None:
    """Return the variant to take on this machine: the best that is not known not to run; None when there is none.

    A short context window is taken only where no other variant runs.
    """
    runs = [model for model in members if (fit := _fit(model, judge)) is None or fit.runs]
    return min(runs, key=lambda it: _rank(it, judge), default=None)


def _rank(model: Model, judge: Judge) -> tuple[bool, bool, bool, int, str]:
    fit = _fit(model, judge)
    kind = quantisation(model)
    place = _PREFERRED.index(kind) if kind in _PREFERRED else len(_PREFERRED)
    return fit is Fit.NEEDS_F16, fit is Fit.TOO_BIG, variants.is_short(model.id), place, model.id


def _fit(model: Model, judge: Judge) -> Fit | None:
    found = judge(model)
    return found.fit if found else None
