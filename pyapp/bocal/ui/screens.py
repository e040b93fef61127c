"""The regions of the page, each drawn by one function of the state."""

from collections.abc import Callable

from bocal.ui import add_model, delete_model, jobs, preferences, shell, shortcuts, storage, thread, tuning, welcome
from bocal.ui import composer as composer_view
from bocal.ui import selector as selector_view
from bocal.ui.html import Html, join, tag
from bocal.ui.state import Overlay, Screen, State


def frame(state: State) -> Html:
    """The page's skeleton, drawn once (and anew when the language changes, for its labels)."""
    t = state.texts
    app = tag("div",
        tag("nav", id="sidebar", class_="sidebar", aria_label=t("side.label")),
        tag("div",
            tag("header", id="header", class_="header"),
            tag("div", id="notices", class_="notices", role="status"),
            tag("main", id="main", class_="scroll", tabindex="-1"),
            tag("section", tag("div", id="composer", class_="column"), id="composer-wrap", class_="composer-wrap",
                aria_label=t("settings.writing")),
            class_="main"),
        class_="app",
    )  # fmt: skip
    return join([app, tag("div", id="overlay")])


def main(state: State) -> Html:
    """The middle of the page."""
    if state.screen is Screen.DOWNLOADS:
        return jobs.page(state)
    if state.screen is Screen.STORAGE:
        return storage.page(state)
    if state.screen is Screen.SETTINGS:
        return preferences.page(state)
    return thread.view(state) if state.conversation.messages else welcome.view(state)


def composer(state: State) -> Html:
    """The place to write, on the conversation's screen."""
    return composer_view.view(state) if state.screen is Screen.CHAT else join(None)


def overlay(state: State) -> Html:
    """What lies over the page."""
    view = {Overlay.SELECTOR: selector_view.view, Overlay.ADD: add_model.view, Overlay.DELETE: delete_model.view,
            Overlay.CLEAN: storage.clean_up, Overlay.TUNING: tuning.dialog,
            Overlay.SHORTCUTS: shortcuts.dialog}  # fmt: skip
    return join(view[state.overlay](state)) if state.overlay in view else join(None)


REGIONS: dict[str, Callable[[State], Html]] = {
    "sidebar": shell.sidebar,
    "header": shell.header,
    "notices": shell.notices,
    "main": main,
    "composer": composer,
    "overlay": overlay,
}
