"""What every dialog is: a modal one, with its own place for notices, as all that lies outside it is out of reach."""

from bocal.ui.html import Child, Html, icon, tag
from bocal.ui.state import State


def dialog(state: State, *children: Child, name: str, **attributes: str | bool) -> Html:
    """Return a dialog with the ID `name`; Escape closes it."""
    notices = tag("div", notice(state), id=f"{name}-notices", class_="notices", role="status")
    return tag("dialog", *children, notices, id=name, open=True, data_cancel="overlay.close", **attributes)


def notice(state: State) -> Html | None:
    """Return what the page says for a moment."""
    kind = "warn" if state.notice_is_bad else "ok"
    return tag("div", icon(kind), tag("p", state.notice), class_=f"note {kind}") if state.notice else None
