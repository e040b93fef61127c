"""The settings page."""

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
        tag("div", tag("h2", t("settings.about")),
            tag("p", t("settings.version", version=state.version), class_="muted"), class_="section"),
        class_="column page",
    )  # fmt: skip


def _row(label: str, choices: list[Html]) -> Html:
    group = tag("div", choices, class_="seg", role="group", aria_label=label)
    return tag("div", tag("strong", label), group, class_="set")


def _choice(label: str | list[Html], action: str, value: str, *, pressed: bool) -> Html:
    return button(label, action, value, "", aria_pressed=str(pressed).lower())
