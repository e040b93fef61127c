"""What went wrong, in one sentence, with the way out; the raw text is one click away."""

from bocal.errors import Failure
from bocal.ui.html import Child, Html, button, icon, tag
from bocal.ui.state import State


def card(state: State, failure: Failure, name: str, ways_out: Child = None) -> Html:
    """A failure where it happened; `name` is a page-wide unique name for its details."""
    return tag("div",
        tag("h3", icon("fail"), tag("span", state.texts.failure(failure))),
        tag("div", ways_out, class_="row") if ways_out else None,
        details(state, failure, name),
        class_="err", role="alert",
    )  # fmt: skip


def details(state: State, failure: Failure, name: str) -> Html | None:
    """The raw text, folded, with a button that copies it."""
    return fold(state, state.texts("app.details"), failure.detail, name) if failure.detail else None


def fold(state: State, title: str, text: str, name: str) -> Html:
    """A text for those who want to know more, folded, with a button that copies it."""
    return tag("details",
        tag("summary", icon("chev", "i s flip"), tag("span", title)),
        tag("pre", text, tabindex="0"),
        button([icon("copy", "i s"), tag("span", state.texts("app.copy_report"))], "text.copy", text, "btn sm"),
        class_="details", id=name, open=name in state.opened,
    )  # fmt: skip
