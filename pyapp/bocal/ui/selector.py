"""The model selector: custom models, standard models, and the way to add one."""

from collections.abc import Iterable
from itertools import groupby

from bocal.models.catalogue import GUIDE_ID, family, parameters
from bocal.models.record import Model
from bocal.ui.html import Html, button, icon, jar, join, tag
from bocal.ui.state import Phase, State
from bocal.weights.download import State as Job


def view(state: State) -> Html:
    """The selector, as a dialog under the header's button."""
    t = state.texts
    custom = _matching(state, state.custom)
    standard = _matching(state, [model for model in state.standard() if model.kind != "embedding"])
    nothing = state.query and not custom and not standard
    return tag("dialog",
        tag("div",
            tag("label", icon("search"),
                tag("input", type="search", placeholder=t("selector.search"), aria_label=t("selector.search"),
                    value=state.query, data_input="selector.query", autocomplete="off", spellcheck="false",
                    autofocus=True),
                tag("kbd", "Ctrl K", class_="hide-phone"), class_="search"),
            tag("div",
                _filter(t("selector.all"), "", pressed=not state.only_here),
                _filter(t("selector.here"), "here", pressed=state.only_here), class_="row filters"),
            class_="pop-head"),
        tag("div",
            None if nothing else tag("h2", t("selector.custom")),
            _list(state, custom),
            None if custom or nothing or state.query or state.only_here
            else tag("p", t("selector.none_custom"), class_="pop-empty"),
            tag("h2", t("selector.standard")) if standard else None,
            _standard(state, standard),
            tag("p", t("selector.none_found", query=state.query), class_="pop-empty") if nothing else None,
            class_="pop-list"),
        tag("div",
            button([icon("plus", "i s"), tag("span", t("selector.add"))], "add.open", classes="btn primary"),
            tag("span", t.count("selector.count", len(custom) + len(standard)), class_="cap num"),
            class_="pop-foot"),
        class_="pop", open=True, aria_label=t("selector.title"), data_cancel="overlay.close", data_light=True,
        id="selector",
    )  # fmt: skip


def _filter(label: str, arg: str, *, pressed: bool) -> Html:
    return button(label, "selector.filter", arg, "chip", aria_pressed=str(pressed).lower())


def _matching(state: State, models: Iterable[Model]) -> list[Model]:
    words = state.query.casefold().split()
    return [
        model
        for model in models
        if (not state.only_here or model.id in state.presence)
        and all(word in f"{model.id} {state.name(model)} {model.description}".casefold() for word in words)
    ]


def _standard(state: State, models: list[Model]) -> Html:
    guide = [model for model in models if model.id == GUIDE_ID]
    groups: dict[str, list[Model]] = {}
    for name, members in groupby((model for model in models if model.id != GUIDE_ID), key=lambda it: family(it.id)):
        groups.setdefault(name, []).extend(members)
    return join([
        _list(state, guide),
        [(tag("h3", name, class_="group"), _list(state, members)) for name, members in groups.items()],
    ])  # fmt: skip


def _list(state: State, models: list[Model]) -> Html | None:
    return tag("ul", [_row(state, model) for model in models]) if models else None


def _row(state: State, model: Model) -> Html:
    t, name = state.texts, state.name(model)
    blocked = state.device is not None and state.device.lacks(model.features)
    selected = state.selected is not None and state.selected.id == model.id
    size = t.size(model.memory) if model.memory else model.size
    can_delete = model.custom or (model.id in state.presence and model.id != GUIDE_ID)
    delete = t("selector.delete" if model.custom else "selector.delete_files", name=name)
    return tag("li",
        button(tag("span", name), "model.choose", model.id, "name", aria_current="true" if selected else None,
               disabled=blocked, title=model.description or model.id),
        tag("span", parameters(model.id), class_="spec num"),
        tag("span", model.quantisation or _quantisation(model.id), class_="spec q"),
        tag("span", size, class_="spec sz num", title=t("pick.memory", bytes=model.memory) if model.memory else None),
        tag("span", t("selector.needs_f16"), class_="badge bad", title=t("selector.needs_f16_why"))
        if blocked else tag("span"),
        _state(state, model, selected=selected),
        button(icon("trash"), "delete.open", model.id, "icon-btn danger del", aria_label=delete, title=delete)
        if can_delete else None,
        class_="m is-blocked" if blocked else "m", data_id=model.id,
        data_selected="true" if selected else None,
    )  # fmt: skip


def _quantisation(model_id: str) -> str:
    return next((part for part in model_id.split("-") if part[:1] == "q" and "f" in part and part[1:2].isdigit()), "")


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
