"""The settings page."""

from bocal.models import search
from bocal.ui.html import Html, button, icon, tag
from bocal.ui.state import State


def page(state: State) -> Html:
    """Language and theme, and what this is."""
    t = state.texts
    languages = [_choice(name, "settings.language", code, pressed=t.language == code)
                 for code, name in (("en", "English"), ("fr", "Français"))]  # fmt: skip
    themes = [_choice([icon(picture, "i s"), tag("span", t(f"settings.{code}"))], "settings.theme", code,
                      pressed=state.theme == code)
              for code, picture in (("auto", "auto"), ("light", "sun"), ("dark", "moon"))]  # fmt: skip
    return tag("div",
        tag("h1", t("settings.title")),
        tag("div", tag("h2", t("settings.appearance")),
            tag("div", _row(t("settings.language"), languages), _row(t("settings.theme"), themes), class_="card sets"),
            class_="section"),
        tag("div", tag("h2", t("settings.models")), tag("div", _hub(state), class_="card sets"), class_="section"),
        tag("div", tag("h2", t("settings.about")),
            tag("p", t("settings.version", version=state.version), class_="muted"), class_="section"),
        class_="column page",
    )  # fmt: skip


def _hub(state: State) -> Html:
    t, hub = state.texts, state.hub
    wrong = t.failure(hub.failure) if hub.failure else ""
    reset = button(t("settings.hub_reset"), "hub.reset", classes="btn sm") if hub.text != search.HUB else None
    return tag("div",
        tag("div", tag("strong", tag("label", t("settings.hub"), for_="settings-hub")),
            tag("p", t("settings.hub_help"), id="settings-hub-help")),
        tag("div",
            tag("input", id="settings-hub", value=hub.text, data_change="settings.hub", class_="mono", type="url",
                inputmode="url", spellcheck="false", autocomplete="off", aria_invalid="true" if wrong else None,
                aria_describedby="settings-hub-wrong" if wrong else "settings-hub-help"),
            tag("p", wrong, class_="wrong", id="settings-hub-wrong", role="alert") if wrong else None,
            tag("div", reset, class_="row end") if reset else None,
            class_="field invalid stack" if wrong else "field stack", style="--gap:8px"),
        class_="set",
    )  # fmt: skip


def _row(label: str, choices: list[Html]) -> Html:
    group = tag("div", choices, class_="seg", role="group", aria_label=label)
    return tag("div", tag("strong", label), group, class_="set")


def _choice(label: str | list[Html], action: str, value: str, *, pressed: bool) -> Html:
    return button(label, action, value, "", aria_pressed=str(pressed).lower())
