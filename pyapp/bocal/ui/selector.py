"""The model selector: custom models, standard models, and the way to add one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from bocal.models import folder, listing, variants
from bocal.models.catalogue import GUIDE_ID, parameters
from bocal.models.fit import read_size
from bocal.models.listing import OTHER, Filters, Group
from bocal.models.record import Model
from bocal.models.variants import Size
from bocal.ui import fit_badge
from bocal.ui.dialog import dialog
from bocal.ui.html import Html, button, icon, jar, tag
from bocal.ui.state import Phase, State
from bocal.weights.download import State as Job

# IDs of elements, and what the IDs of rows' names and of filters begin with.
SEARCH, LIST, ROW, FILTER = "selector-search", "selector-list", "row-", "filter-"
NAMES = "#selector button.name:not([disabled])"
CUSTOM_FOLD = "selector-custom"  # in `State.opened` while the custom models are folded away

_SIZES = {
    Size.SMALL: "selector.size.small",
    Size.MIDDLE: "selector.size.middle",
    Size.LARGE: "selector.size.large",
    Size.LARGEST: "selector.size.largest",
}


@dataclass(frozen=True)
class Line:
    """One line of the list, drawn only when it is among the first ones; all but headings stand in a `ul`."""

    draw: Callable[[], Html]
    heading: bool = False


def view(state: State) -> Html:
    """The selector, as a dialog under the header's button."""
    t = state.texts
    custom, standard = _custom(state), _standard(state)
    lines = [*_custom_lines(state, custom), *_standard_lines(state, standard)]
    return dialog(state,
        tag("div",
            tag("label", icon("search"),
                tag("input", type="search", placeholder=t("selector.search"), aria_label=t("selector.search"),
                    value=state.filters.words, data_input="selector.words", autocomplete="off", spellcheck="false",
                    autofocus=True, id=SEARCH),
                tag("kbd", "Ctrl K", class_="hide-phone"), class_="search"),
            _filters(state),
            class_="pop-head"),
        tag("div", _drawn(lines[: state.rows]), None if custom or standard else _nothing(state), class_="pop-list",
            id=LIST, data_grow="selector.more" if len(lines) > state.rows else None),
        tag("div",
            button([icon("plus", "i s"), tag("span", t("selector.add"))], "add.open", classes="btn primary"),
            tag("span", tag("span", t.count("selector.count", len(custom) + len(standard)), role="status"),
                tag("span", t("selector.keys"), class_="hide-phone"), class_="cap num"),
            class_="pop-foot"),
        class_="pop", aria_label=t("selector.title"), data_light=True, name="selector",
    )  # fmt: skip


def can_delete(state: State, model: Model) -> bool:
    """Whether there is something to delete: a custom model, or a standard one's files."""
    return model.custom or (model.id in state.presence and model.id != GUIDE_ID)


# Filters


def _filters(state: State) -> Html:
    t, wanted = state.texts, state.filters
    known = [variants.family(model.id) for model in state.catalogue.chat_models()]
    families = [(name, name) for name in variants.MAKERS if name in known]
    kinds = {listing.quantisation(model) for model in (*state.catalogue.chat_models(), *state.custom)} - {""}
    return tag("div",
        _chip(t("selector.all"), "", pressed=not wanted.here and not wanted.fits),
        _chip(t("selector.here"), "here", pressed=wanted.here),
        _chip(t("selector.fits"), "fits", pressed=wanted.fits) if state.device and state.device.memory else None,
        _select(t("selector.family"), t("selector.family.any"), "family", wanted.family,
                [*families, (OTHER, t("selector.family.other"))]),
        _select(t("selector.size"), t("selector.size.any"), "size", wanted.size,
                [(size, t(words)) for size, words in _SIZES.items()]),
        _select(t("selector.quantisation"), t("selector.quantisation.any"), "quantisation", wanted.quantisation,
                [(kind, kind) for kind in sorted(kinds)]),
        class_="row filters",
    )  # fmt: skip


def _chip(label: str, arg: str, *, pressed: bool) -> Html:
    return button(label, "selector.filter", arg, "chip", aria_pressed=str(pressed).lower())


def _select(label: str, everything: str, name: str, chosen: str, values: list[tuple[str, str]]) -> Html:
    options = [
        tag("option", words, value=value, selected=value == chosen) for value, words in [("", everything), *values]
    ]
    return tag("span", tag("select", options, aria_label=label, data_input=f"selector.{name}", id=f"{FILTER}{name}"),
               icon("down", "i s"), class_="chip select is-on" if chosen else "chip select")  # fmt: skip


def _nothing(state: State) -> Html:
    t, words = state.texts, state.filters.words.strip()
    only_words = state.filters == Filters(words=state.filters.words)
    told = t("selector.none_found", query=words) if only_words else t("selector.none_filtered")
    return tag("div", tag("p", told), button(t("selector.reset"), "selector.reset"), class_="pop-empty stack")


# The list


def _custom(state: State) -> list[Model]:
    wanted = state.filters
    return [it for it in state.custom if wanted.passes(it, it.name, state.presence, state.fit)]


def _standard(state: State) -> list[Group]:
    models = [(model, state.name(model)) for model in state.standard() if model.kind != "embedding"]

    def used(model: Model) -> bool:
        return model.id in state.presence or _is_selected(state, model) or state.download(model) is not None

    return listing.group(models, state.filters, state.presence, state.fit, used)


def _custom_lines(state: State, models: list[Model]) -> Iterator[Line]:
    t = state.texts
    if not models:
        if state.filters == Filters():
            yield Line(partial(tag, "h2", t("selector.custom")), heading=True)
            yield Line(partial(tag, "p", t("selector.none_custom"), class_="pop-empty"), heading=True)
        return
    folded = CUSTOM_FOLD in state.opened
    label = [icon("chev", "i s chev"), tag("span", t("selector.custom")),
             tag("span", t.number(len(models)), class_="cap num")]  # fmt: skip
    fold = button(label, "selector.fold", CUSTOM_FOLD, "fold", aria_expanded=str(not folded).lower())
    yield Line(partial(tag, "h2", fold), heading=True)
    for model in [] if folded else models:
        yield Line(partial(_row, state, model))


def _standard_lines(state: State, groups: list[Group]) -> Iterator[Line]:
    t = state.texts
    if groups:
        yield Line(partial(tag, "h2", t("selector.standard")), heading=True)
    families: dict[str, list[Group]] = {}
    for group in groups:
        families.setdefault(variants.family(group.stem), []).append(group)
    for name, members in families.items():
        if name:
            maker = variants.MAKERS[name]
            title = f"{name} · {maker}" if maker else name
            yield Line(partial(tag, "h3", title, class_="group"), heading=True)
        for group in members:
            unfolded = [it for it in group.folded if _is_open(state, group) or _menu(state, it)]
            for place, model in enumerate([*group.shown, *unfolded]):
                yield Line(partial(_row, state, model, group, first=place == 0))


def _drawn(lines: list[Line]) -> list[Html]:
    drawn: list[Html] = []
    rows: list[Html] = []
    for line in lines:
        if line.heading and rows:
            drawn.append(tag("ul", rows))
            rows = []
        (drawn if line.heading else rows).append(line.draw())
    return [*drawn, tag("ul", rows)] if rows else drawn


def _is_open(state: State, group: Group) -> bool:
    return _fold_name(group) in state.opened


def _fold_name(group: Group) -> str:
    return f"variants {group.stem}"


def _is_selected(state: State, model: Model) -> bool:
    return state.selected is not None and state.selected.id == model.id


# One row


def _row(state: State, model: Model, group: Group | None = None, *, first: bool = True) -> Html:
    t, name = state.texts, state.name(model)
    blocked = state.device is not None and state.device.lacks(model.features)
    selected = _is_selected(state, model)
    known = model.memory or read_size(model.size)
    size = t.size(known) if known else model.size
    looks = (
        "m",
        "is-blocked" if blocked else "",
        "" if first else "is-other",
        "is-open" if _menu(state, model) else "",
        "is-new" if model.id in state.new else "",
    )
    return tag("li",
        tag("div",
            button(tag("span", name), "model.choose", model.id, "name", aria_current="true" if selected else None,
                   disabled=blocked, title=model.description or model.id, id=f"{ROW}{model.id}"),
            _caption(state, model, group, first) if group else _new(state, model), class_="who-is"),
        tag("span", parameters(model.id), class_="spec num"),
        tag("span", listing.quantisation(model), class_="spec q"),
        tag("span", size, class_="spec sz num", title=t("pick.memory", bytes=model.memory) if model.memory else None),
        fit_badge.view(state, model) or tag("span", class_="badge-none"),
        _state(state, model, selected=selected),
        button(icon("dots"), "selector.menu", model.id, "icon-btn more", aria_label=t("selector.more", name=name),
               title=t("selector.more", name=name), aria_expanded=str(_menu(state, model)).lower())
        if model.id != GUIDE_ID else None,
        _actions(state, model) if _menu(state, model) else None,
        class_=" ".join(filter(None, looks)), data_id=model.id, data_selected="true" if selected else None,
    )  # fmt: skip


def _new(state: State, model: Model) -> Html | None:
    """What stands under the name of a custom model that was just added."""
    mark = tag("span", icon("plus", "i s"), tag("span", state.texts("selector.new")), class_="best")
    return tag("div", mark, class_="variants cap") if model.id in state.new else None


def _caption(state: State, model: Model, group: Group, first: bool) -> Html | None:
    """What stands under a name: that this variant is the recommended one, and the way to the others."""
    t, best, others = state.texts, group.recommended == model, len(group.folded)
    mark = tag("span", icon("check", "i s"), tag("span", t("selector.recommended")), class_="best") if best else None
    fold = None
    if first and others:
        opened = _is_open(state, group)
        words = t("selector.fewer") if opened else t.count("selector.others", others)
        label = t("selector.others_of", words=words, name=state.name(model))
        fold = button([tag("span", words), icon("down", "i s chev")], "selector.fold", _fold_name(group), "fold",
                      aria_expanded=str(opened).lower(), aria_label=label)  # fmt: skip
    return tag("div", mark, fold, class_="variants cap") if mark or fold else None


def _menu(state: State, model: Model) -> bool:
    return state.menu == model.id


def _actions(state: State, model: Model) -> Html:
    t, name = state.texts, state.name(model)

    def action(picture: str, does: str, words: str, of: str, classes: str = "btn quiet sm") -> Html:
        return button([icon(picture, "i s"), tag("span", words)], does, model.id, classes, aria_label=of)

    delete = (t("selector.delete"), t("selector.delete_of", name=name)) if model.custom else (
        t("selector.remove"), t("selector.remove_of", name=name))  # fmt: skip
    return tag("div",
        action("pen", "edit.open", t("selector.edit"), t("selector.edit_of", name=name)) if model.custom else None,
        action("copy", "duplicate.open", t("selector.duplicate"), t("selector.duplicate_of", name=name)),
        action("link", "share.copy", t("selector.share"), t("selector.share_of", name=name))
        if not folder.is_local(model.url) else None,  # nobody else has it
        action("trash", "delete.open", *delete, "btn quiet sm danger del") if can_delete(state, model) else None,
        class_="m-menu", role="group", aria_label=t("selector.more", name=name),
    )  # fmt: skip


def _state(state: State, model: Model, *, selected: bool) -> Html:
    t, job = state.texts, state.download(model)
    if job:
        share = t.percent(job.done / job.total if job.total else 0)
        if job.state is Job.RUNNING:
            picture = jar(job.done / max(1, job.total))
            return tag("span", picture, tag("span", t("state.downloading", percent=share)), class_="state on num")
        key = "state.paused" if job.state is Job.PAUSED else "state.failed"
        return tag("span", icon("pause", "i s"), tag("span", t(key, percent=share)), class_="state num")
    if selected and state.phase in {Phase.READY, Phase.ANSWERING}:
        return tag("span", tag("span", class_="pulse"), tag("span", t("state.in_use")), class_="state on")
    if selected and state.phase is Phase.LOADING:
        return tag("span", jar(state.load.fraction), tag("span", t("state.loading")), class_="state on")
    if state.complete(model):
        return tag("span", icon("check", "i s"), tag("span", t("state.here")), class_="state on")
    here = state.presence.get(model.id)
    if here and here.done:
        words = t("state.partly", percent=t.percent(here.done / here.total))
        return tag("span", icon("pause", "i s"), tag("span", words), class_="state num")
    return tag("span", icon("dl", "i s"), tag("span", t("state.away")), class_="state")
