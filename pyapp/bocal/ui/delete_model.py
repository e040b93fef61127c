"""The question asked before a model is deleted."""

from bocal.ui import storage
from bocal.ui.dialog import dialog
from bocal.ui.html import Html, button, tag
from bocal.ui.state import State


def view(state: State) -> Html | None:
    """What deleting means for this model, and how many bytes it frees."""
    t, model = state.texts, state.deleting
    if model is None:
        return None
    here = state.presence.get(model.id)
    stay = state.shares_files(model)
    words = t("delete.entry" if stay else "delete.custom") if model.custom else t("delete.files")
    pile = state.freed(model)
    freed = (
        tag("p", t("delete.kept") if stay else storage.freed(state, pile), class_="muted")
        if here or pile.count
        else None
    )
    weights = pile.weights
    keep = model.custom and weights.count > 0
    return dialog(state,
        tag("div", tag("h2", t("delete.title", name=state.name(model)), id="delete-title"), class_="dialog-head"),
        tag("div",
            tag("p", words),
            freed,
            tag("p", t("delete.weights_why", bytes=weights.nbytes), class_="muted small") if keep else None,
            class_="dialog-body"),
        tag("div", tag("span", class_="grow"),
            button(t("app.cancel"), "overlay.close", classes="btn quiet", autofocus=True),
            button(t("delete.weights"), "delete.weights", model.id) if keep else None,
            button(t("delete.confirm"), "delete.confirm", model.id, "btn danger"), class_="dialog-foot"),
        class_="dialog small-dialog", aria_labelledby="delete-title", name="delete",
    )  # fmt: skip
