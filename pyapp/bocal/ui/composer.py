"""The place to write."""

from bocal.models.catalogue import GUIDE_ID
from bocal.ui import window
from bocal.ui.html import Html, button, icon, join, tag
from bocal.ui.state import Phase, State


def view(state: State) -> Html:
    """The form one writes in, with the gauge of the context window."""
    t, model = state.texts, state.selected
    job = state.download(model)
    can_run = state.device is None or state.device.can_run
    if model is None:
        placeholder = t("composer.no_model")
    elif job and model.id != GUIDE_ID:
        placeholder = t("composer.wait_download", name=state.name(model))
    else:
        placeholder = t("composer.placeholder")
    can_send = model is not None and (job is None or model.id == GUIDE_ID) and state.can_answer and can_run
    form = tag("form",
        _pictures(state),
        tag("label", t("composer.label"), class_="vh", for_="ask"),
        tag("textarea", state.draft, id="ask", name="ask", rows=1, placeholder=placeholder, data_input="draft",
            data_paste="picture.add", disabled=not can_run, autocomplete="off"),
        tag("div",
            tag("label", icon("picture", "i s"), tag("input", type="file", class_="vh", accept="image/*",
                data_file="picture.add", aria_label=t("picture.add")), class_="icon-btn", title=t("picture.add"))
            if can_run else None,
            button(icon("sliders", "i s"), "tuning.open", classes="icon-btn", aria_label=t("tuning.open"),
                   title=t("tuning.open"), id="tuning-button", aria_haspopup="dialog"),
            window.gauge(state),
            tag("span", class_="grow"),
            tag("span", t("composer.hint" if state.enter_sends else "composer.hint_command"), class_="cap hide-phone"),
            button([icon("stop", "i s"), tag("span", t("composer.stop"))], "chat.stop", classes="send stop",
                   id="stop-button")
            if state.phase is Phase.ANSWERING else
            tag("button", icon("up"), type="submit", class_="send", aria_label=t("composer.send"), id="send-button",
                disabled=not can_send),
            class_="composer-row"),
        class_="composer", data_submit="chat.send", autocomplete="off",
    )  # fmt: skip
    return join([window.warning(state), form])


def _pictures(state: State) -> Html | None:
    t = state.texts
    if not state.pictures:
        return None
    return tag("div", [
        tag("span", tag("img", src=url, alt=t("picture.alt")),
            button(icon("x", "i s"), "picture.remove", name, "icon-btn", aria_label=t("picture.remove")),
            class_="thumb")
        for name, url in state.pictures.items()
    ], class_="thumbs")  # fmt: skip
