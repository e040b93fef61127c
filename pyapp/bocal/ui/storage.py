"""The storage screen: what each model weighs, what is nobody's, and the ways in from the disk and out to it."""

import time

from bocal.models.catalogue import GUIDE_ID
from bocal.ui import problems
from bocal.ui.dialog import dialog
from bocal.ui.html import Child, Html, button, icon, jar, join, tag
from bocal.ui.state import Arrival, Screen, State
from bocal.weights.storage import Pile

TINY = 1_000_000_000  # bytes: a site that may keep less than that holds hardly any model
SEEN = "orphans"  # name of the fold that lists what is nobody's
DAY = 86_400.0  # seconds
NO_ACTIONS = tag("span", class_="none")  # the room that two buttons take in other rows


def page(state: State) -> Html:
    """The storage page."""
    t, survey = state.texts, state.survey
    return tag("div",
        tag("h1", t("storage.title")),
        _total(state),
        _arrival(state, state.arrival) if state.arrival else None,
        _departure(state),
        tag("div", tag("h2", t("storage.models")),
            tag("ul", [_model(state, pile) for pile in survey.models], _shared(state), class_="card list")
            if survey.models else tag("p", t("storage.empty"), class_="muted"),
            class_="section"),
        _orphans(state) if survey.orphans else None,
        tag("div", tag("h2", t("storage.take")),
            tag("div", tag("div",
                tag("div", tag("strong", t("storage.folder")), tag("p", _folder_words(state))),
                tag("div", choose_folder(state, "storage-folder"), class_="row end"), class_="set"),
                class_="card sets", style="padding-block:4px"),
            class_="section"),
        class_="column page",
    )  # fmt: skip


def choose_folder(state: State, name: str, classes: str = "btn") -> Html:
    """The button that chooses a folder of the disk, where the browser can; else its files. `name` is its unique ID."""
    words = "storage.choose" if state.can_choose_folder else "storage.choose_files"
    return tag("label", icon("ul", "i s"), tag("span", state.texts(words)),
        tag("input", type="file", id=name, class_="vh", multiple=True,
            webkitdirectory=state.can_choose_folder, data_folder=True),
        class_=classes,
    )  # fmt: skip


def clean_up(state: State) -> Html:
    """The question asked before what is nobody's is deleted."""
    t, pile = state.texts, state.survey.orphaned(state.cleaning)
    return dialog(state,
        tag("div", tag("h2", t("clean.title"), id="clean-title"), class_="dialog-head"),
        tag("div",
            tag("p", t("clean.what", files=t.count("storage.files", pile.count))),
            tag("p", state.cleaning, class_="mono small") if state.cleaning else None,
            tag("p", freed(state, pile), class_="muted"),
            class_="dialog-body"),
        tag("div", tag("span", class_="grow"),
            button(t("app.cancel"), "overlay.close", classes="btn quiet", autofocus=True),
            button(t("clean.confirm"), "orphans.delete", classes="btn danger"), class_="dialog-foot"),
        class_="dialog small-dialog", aria_labelledby="clean-title", name="clean",
    )  # fmt: skip


def side_item(state: State, look: Html | None = None) -> Html:
    """The way here, in the sidebar, with the bytes of all models."""
    t = state.texts
    size = tag("span", t.size(state.survey.nbytes), class_="cap num") if state.survey.nbytes else look
    return button([icon("disk"), tag("span", t("side.storage")), size], "storage.open", classes="side-item",
                  aria_current="page" if state.screen is Screen.STORAGE else None)  # fmt: skip


def _total(state: State) -> Html:
    t, survey = state.texts, state.survey
    coming = sum(pile.nbytes for pile in survey.models if not _whole(state, pile))
    orphaned = survey.orphaned().nbytes
    here = survey.nbytes - coming - orphaned
    quota = state.room[1] if state.room else 0
    free = max(0, state.room[1] - state.room[0]) if state.room else 0
    kinds = [("storage.here", here, ""), ("storage.coming", coming, "var(--info)"),
             ("storage.nobody", orphaned, "var(--spark)")]  # fmt: skip
    shown = [(words, nbytes, colour) for words, nbytes, colour in kinds if nbytes]
    whole = max(quota, survey.nbytes, 1)
    legend = [_key(t(words, bytes=nbytes), colour) for words, nbytes, colour in shown]
    if state.room:
        legend.append(_key(t("storage.free", bytes=free), "var(--hover)"))
    of = t("storage.of", bytes=quota) if state.room else t("storage.no_estimate")
    return tag("div",
        tag("div", tag("b", t.size(survey.nbytes), class_="num"), tag("span", of, class_="muted"), class_="total"),
        tag("div", [tag("i", style=_part(nbytes / whole, colour)) for _, nbytes, colour in shown],
            class_="bar wide", aria_hidden="true"),
        tag("div", legend, class_="legend"),
        tag("div", icon("warn"), tag("p", t("storage.tiny", bytes=quota)), class_="note warn")
        if state.room and quota < TINY else None,
        promise(state),
        class_="card stack",
    )  # fmt: skip


def promise(state: State) -> Html | None:
    """Whether the browser has promised to keep these files; nothing while it has not been asked."""
    t = state.texts
    if state.promised is None:
        return tag("div", icon("info"), tag("p", t("storage.no_persist")), class_="note info")
    if state.promised or state.kept:
        return tag("div", icon("shield"), tag("p", t("downloads.kept")), class_="note ok")
    if state.kept is False:
        return tag("div", icon("shield"), tag("p", t("downloads.not_kept")), class_="note warn")
    return tag("div", icon("shield"), tag("p", t("downloads.keep")),
               button(t("downloads.keep_now"), "storage.keep", classes="btn sm"), class_="note info")  # fmt: skip


def _part(share: float, colour: str) -> str:
    return f"--w:{share:.2%}" + (f";--c:{colour}" if colour else "")


def _key(words: str, colour: str) -> Html:
    return tag("span", tag("i", style=f"--c:{colour}" if colour else None), tag("span", words, class_="num"))


def _whole(state: State, pile: Pile) -> bool:
    here = state.presence.get(pile.name)
    return here is not None and here.complete


def _model(state: State, pile: Pile) -> Html:
    t = state.texts
    model = next((it for it in state.models if it.id == pile.name), None)
    leaving = state.leaving.get(pile.name)
    model = model or (leaving.model if leaving else None)
    name = state.name(model) if model else pile.name
    in_use = state.selected is not None and state.selected.id == pile.name and _whole(state, pile)
    largest = max(it.nbytes for it in state.survey.models)
    badge = None
    if in_use:
        badge = tag("span", t("storage.in_use"), class_="badge ok")
    elif model and model.custom:
        badge = tag("span", t("storage.custom"), class_="badge")
    used = t("storage.guide") if pile.name == GUIDE_ID else _used(state, pile.name)
    if pile.unfinished:
        used = f"{used} · {t('storage.unfinished', bytes=pile.unfinished)}"
    actions: Child = NO_ACTIONS
    if model and not leaving and model.id != GUIDE_ID:
        delete, export = t("selector.delete_of", name=name), t("storage.export", name=name)
        actions = [
            button(icon("dl"), "model.export", model.id, "icon-btn", aria_label=export, title=export,
                   disabled=state.departure is not None or not _whole(state, pile)),
            button(icon("trash"), "delete.open", model.id, "icon-btn danger", aria_label=delete, title=delete,
                   id=f"trash-{model.id}"),
        ]  # fmt: skip
    return tag("li",
        tag("div",
            tag("div", tag("strong", name), badge, tag("p", used, class_="cap muted")),
            tag("div", tag("i", style=f"--w:{pile.nbytes / max(1, largest):.1%}"), class_="bar", aria_hidden="true"),
            tag("span", t.size(pile.nbytes) if pile.measured else t("storage.weighing"), class_="num"),
            class_="use"),
        actions, data_id=pile.name,
    )  # fmt: skip


def _shared(state: State) -> Html | None:
    t, shared = state.texts, state.survey.shared
    if not shared:
        return None
    size = t.size(sum(item.nbytes or 0 for item in shared))
    return tag("li", tag("div", tag("div", t.count("storage.shared", len(shared)), class_="muted"),
                         tag("span", size, class_="num"), class_="use"), NO_ACTIONS)  # fmt: skip


def _used(state: State, model_id: str) -> str:
    """When a model was last used, in whole days."""
    t, at = state.texts, state.used.get(model_id)
    if at is None:
        return t("storage.never_used")
    days = int((time.time() - at) // DAY)
    return t("storage.used_today") if days <= 0 else t.count("storage.used", days)


def _orphans(state: State) -> Html:
    t, pile = state.texts, state.survey.orphaned()
    words = t("storage.orphans", files=t.count("storage.files", pile.count), bytes=pile.nbytes)
    rows = [
        tag("li",
            tag("div",
                tag("div", tag("span", each.name, class_="mono small"),
                    tag("p", t.count("storage.files", each.count), class_="cap muted")),
                tag("span", t.size(each.nbytes), class_="num"), class_="use origin"),
            button(icon("trash"), "orphans.ask", each.name, "icon-btn danger", id=f"clean-{each.name}",
                   aria_label=t("selector.delete_of", name=each.name)))
        for each in state.survey.orphans
    ]  # fmt: skip
    return tag("div",
        tag("div", icon("info"), tag("p", words),
            button(t("storage.clean"), "orphans.ask", classes="btn sm", id="clean-all"), class_="note warn"),
        tag("details", tag("summary", icon("chev", "i s flip"), tag("span", t("storage.see"))),
            tag("ul", rows, class_="card list"), class_="details", id=SEEN, open=SEEN in state.opened),
        class_="stack", id="orphans-note",
    )  # fmt: skip


def freed(state: State, pile: Pile) -> str:
    """Say what deleting a pile frees."""
    return state.texts("delete.freed" if pile.measured else "delete.freed_least", bytes=pile.nbytes)


def _folder_words(state: State) -> str:
    t = state.texts
    words = [t("storage.folder_why" if state.can_choose_folder else "storage.no_folder")]
    if not state.can_write_folder:
        words.append(t("storage.no_picker"))
    return " ".join(words)


def _arrival(state: State, arrival: Arrival) -> Html:
    t = state.texts
    close = button(icon("x"), "arrival.close", classes="icon-btn", aria_label=t("app.close"))
    name = state.name(arrival.model) if arrival.model else ""
    if arrival.failure:
        return tag("div", tag("div", icon("fail"), tag("p", t.failure(arrival.failure)), close, class_="note bad"),
                   problems.details(state, arrival.failure, "details-arrival"), class_="stack", role="alert",
                   id="arrival")  # fmt: skip
    if not arrival.running:
        use = button(t("pick.use"), "model.choose", arrival.model.id if arrival.model else "", "btn sm")
        whole = arrival.model is None or state.complete(arrival.model)
        words = t("storage.arrived" if whole else "storage.arrived_part", name=name)
        return tag("div", icon("ok"), tag("p", words), use, close, class_="note ok",
                   role="status", id="arrival")  # fmt: skip
    intake = arrival.intake
    share = intake.done / max(1, intake.total) if intake else 0.0
    line = t("job.progress_plain", done=t.size(intake.done), total=t.size(intake.total)) if intake else ""
    return tag("article",
        jar(share, "jar lg"),
        tag("h3", t("storage.arriving", name=name) if name else t("storage.reading")),
        tag("div", button(t("app.cancel"), "arrival.cancel", classes="btn quiet"), class_="badge-slot"),
        tag("div", line, class_="line"),
        tag("div", tag("div", tag("i", style=f"--w:{share:.1%}"), class_="bar", aria_hidden="true"), class_="full"),
        class_="card job", id="arrival",
    )  # fmt: skip


def _departure(state: State) -> Html | None:
    t, going = state.texts, state.departure
    if going is None:
        return None
    words = t("storage.exporting", name=state.name(going.model), done=going.done, total=going.total)
    return join(tag("div", icon("dl"), tag("p", words), class_="note info", role="status"))
