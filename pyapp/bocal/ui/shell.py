"""The frame: sidebar and header."""

from bocal.chat.history import Head
from bocal.models.aside import Kept
from bocal.models.catalogue import GUIDE_ID
from bocal.ui import conversations, dialog, storage
from bocal.ui.html import Html, button, icon, jar, join, logo, tag
from bocal.ui.state import Leaving, Overlay, Screen, State
from bocal.weights.download import State as Job


def sidebar(state: State) -> Html:
    """The conversations' side, a drawer on phones."""
    t = state.texts
    running = [job for job in state.downloads.values() if job.state is Job.RUNNING]
    share = sum(job.done for job in running) / max(1, sum(job.total for job in running))
    return join([
        tag("div", logo(busy=state.busy), tag("strong", "Bocal"),
            button(icon("panel", "i flip"), "sidebar.toggle", classes="icon-btn", aria_label=t("side.close")),
            class_="side-head"),
        tag("div", button([icon("plus", "i s"), tag("span", t("side.new"))], "chat.new"), class_="side-new"),
        conversations.search_field(state),
        tag("div", conversations.listed(state), class_="side-list", id="side-list", data_grow="side.grow"),
        tag("div",
            _item(state, Screen.DOWNLOADS, "dl", t("side.downloads"),
                  tag("span", t.percent(share), class_="badge ok num") if running else None),
            storage.side_item(state),
            _item(state, Screen.SETTINGS, "gear", t("side.settings")),
            class_="side-foot"),
    ])  # fmt: skip


def header(state: State) -> Html:
    """The model in use, and the promise."""
    t = state.texts
    name = state.name(state.selected) if state.selected else t("header.none")
    job = state.download(state.selected) if state.selected and state.selected.id != GUIDE_ID else None
    return join([
        button(icon("menu"), "sidebar.toggle", classes="icon-btn only-closed", aria_label=t("side.open")),
        button([icon("gear"), tag("span", name, class_="name"), icon("down", "i s")], "selector.open",
               classes="model-btn", id="model-button", data_phase=state.phase, aria_haspopup="dialog",
               aria_label=t("header.model", name=name),
               aria_expanded=str(state.overlay is Overlay.SELECTOR).lower()),
        tag("span", class_="grow"),
        tag("span", icon("lock", "i s"), tag("span", t("app.local"), class_="hide-phone"), class_="local",
            title=t("welcome.promise")),
        button(icon("keyboard"), "shortcuts.open", classes="icon-btn hide-phone", aria_label=t("shortcuts.title"),
               title=t("shortcuts.title"), id="shortcuts-button", aria_haspopup="dialog"),
        button(jar(job.done / max(1, job.total)), "screen.show", Screen.DOWNLOADS, "icon-btn accent",
               aria_label=t("side.downloads")) if job else None,
    ])  # fmt: skip


def notices(state: State) -> Html:
    """What the page has to say of itself: a new version, something done."""
    t = state.texts
    return join([
        tag("div", icon("info"), tag("p", t("app.update")), button(t("app.update_now"), "app.update", classes="btn sm"),
            class_="note info") if state.update_ready else None,
        [_leaving(state, it) for it in state.leaving.values()],
        [_gone(state, it) for it in state.side.leaving.values()],
        _set_aside(state),
        dialog.notice(state) if state.overlay is Overlay.NONE else None,
    ])  # fmt: skip


def _leaving(state: State, leaving: Leaving) -> Html:
    t, name = state.texts, state.name(leaving.model)
    words = t("delete.gone", name=name, bytes=leaving.nbytes) if leaving.nbytes else t("delete.gone_plain", name=name)
    undo = button(t("delete.undo"), "delete.undo", leaving.model.id, "btn sm")
    return tag("div", icon("trash"), tag("p", words), undo, class_="note info")


def _gone(state: State, head: Head) -> Html:
    t = state.texts
    words = t("side.gone", title=head.title or t("side.untitled"))
    undo = button(t("delete.undo"), "conversation.undo", head.id, "btn sm")
    return tag("div", icon("trash"), tag("p", words), undo, class_="note info")


def _set_aside(state: State) -> Html | None:
    """What was done with a damaged list of models; it stays until the visitor has dealt with it."""
    t = state.texts
    if state.aside_failure:
        return tag("div", icon("warn"), tag("p", t("aside.failed")),
                   tag("div", button(t("aside.download"), "aside.download", classes="btn sm"), class_="row"),
                   class_="note warn aside")  # fmt: skip
    if state.aside:
        return tag("div", icon("warn"), tag("p", t("aside.done")), set_aside_buttons(state, state.aside[0]),
                   class_="note warn aside")  # fmt: skip
    return None


def set_aside_buttons(state: State, kept: Kept) -> Html:
    """What can be done with a value that was set aside."""
    t, sure = state.texts, state.discarding == kept.key
    return tag("div",
        button([icon("dl", "i s"), tag("span", t("aside.download"))], "aside.download", kept.key, "btn sm"),
        button(t("aside.discard_sure" if sure else "aside.discard"), "aside.discard", kept.key, "btn sm danger"),
        class_="row",
    )  # fmt: skip


def _item(state: State, screen: Screen, picture: str, label: str, more: Html | None = None) -> Html:
    current = "page" if state.screen is screen else None
    return button([icon(picture), tag("span", label), more], "screen.show", screen, "side-item", aria_current=current)
