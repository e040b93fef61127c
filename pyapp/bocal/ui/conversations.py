"""The conversations in the sidebar: searched, renamed, pinned, deleted."""

import datetime
import time
from itertools import groupby

from bocal.chat.history import Found, Head
from bocal.errors import Problem
from bocal.ui.html import Child, Html, button, icon, join, logo, tag
from bocal.ui.state import MOST_FOUND, Screen, State


def search_field(state: State) -> Html | None:
    """The field that searches titles and texts, once there is something to search."""
    t, side = state.texts, state.side
    if not side.heads:
        return None
    return tag("div", icon("search"),
               tag("input", id="side-search", type="search", value=side.query, placeholder=t("side.search"),
                   aria_label=t("side.search"), data_input="side.search", autocomplete="off", spellcheck="false"),
               class_="with-icon side-search")  # fmt: skip


def listed(state: State) -> Html | None:
    """The conversations by day, or what the search found."""
    t, side = state.texts, state.side
    if side.failure:
        words = t("side.full" if side.failure.problem is Problem.STORAGE_FULL else "side.unkept")
        return join([tag("p", words, class_="side-empty", role="alert"), _rows(state)])
    return _rows(state)


def _rows(state: State) -> Html | None:
    t, side = state.texts, state.side
    if side.found is not None:
        rows = [_row(state, it.head, it) for it in side.found[: side.rows]]
        words = t.count("side.found", len(side.found))
        if len(side.found) >= MOST_FOUND:
            words = t("side.found.many", count=MOST_FOUND)
        return join([tag("p", words, class_="side-empty", role="status"), rows])
    if not side.heads:
        return None if side.failure else tag("p", t("side.empty"), class_="side-empty")
    today = datetime.date.fromtimestamp(time.time())
    return join([
        [tag("h2", t(label)), [_row(state, head) for head in heads]]
        for label, heads in groupby(side.heads[: side.rows], lambda head: _day(head, today))
    ])  # fmt: skip


def _day(head: Head, today: datetime.date) -> str:
    if head.pinned:
        return "side.pinned"
    days = (today - datetime.date.fromtimestamp(head.updated)).days
    return "side.today" if days < 1 else "side.yesterday" if days == 1 else "side.week" if days < 7 else "side.earlier"


def _row(state: State, head: Head, found: Found | None = None) -> Html:
    t, side = state.texts, state.side
    title = head.title or t("side.untitled")
    if side.renaming == head.id:
        return tag("form",
            tag("input", id="side-title", value=side.title, data_input="side.title", aria_label=t("side.rename"),
                maxlength=120, autocomplete="off"),
            tag("button", icon("check", "i s"), type="submit", class_="icon-btn", aria_label=t("side.rename_done")),
            class_="side-rename", data_submit="conversation.rename.done", id=f"c-{head.id}",
        )  # fmt: skip
    shown = state.screen is Screen.CHAT and state.conversation.id == head.id
    busy = state.writing is not None and state.writing.id in state.conversation.messages and shown
    opened = side.menu == head.id
    return tag("div",
        button([logo(busy=True) if busy else None, tag("span", title), _excerpt(found) if found else None],
               "conversation.open", f"{head.id} {found.message}" if found and found.message else head.id,
               "side-item is-found" if found and found.words else "side-item", title=title,
               aria_current="page" if shown else None),
        button(icon("dots", "i s"), "conversation.menu", head.id, "icon-btn more", id=f"more-{head.id}",
               aria_label=t("side.more", title=title), aria_expanded=str(opened).lower()),
        _menu(state, head, title) if opened else None,
        class_="side-row is-open" if opened else "side-row", id=f"c-{head.id}",
    )  # fmt: skip


def _excerpt(found: Found) -> Html | None:
    if not found.words:
        return None
    return tag("span", found.before, tag("mark", found.words), found.after, class_="excerpt")


def _menu(state: State, head: Head, title: str) -> Html:
    t = state.texts

    def item(picture: str, label: str, action: str, classes: str = "") -> Child:
        return button([icon(picture, "i s"), tag("span", t(label))], action, head.id, f"menu-item {classes}".strip())

    return tag("div",
        item("pen", "side.rename", "conversation.rename"),
        item("pin", "side.unpin" if head.pinned else "side.pin", "conversation.pin"),
        item("dl", "side.export", "conversation.export"),
        item("dl", "side.markdown", "conversation.markdown"),
        item("trash", "side.delete", "conversation.delete", "danger"),
        class_="side-menu", role="group", aria_label=title,
    )  # fmt: skip
