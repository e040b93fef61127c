"""The settings page."""

from bocal.models import search
from bocal.ui import problems, shortcuts, tuning
from bocal.ui.html import Html, button, icon, tag
from bocal.ui.shell import set_aside_buttons
from bocal.ui.state import Import, State

MOST_NAMES = 8  # of a file's entries, before "and 3 more"


def page(state: State) -> Html:
    """Language and theme, the list of custom models, and what this is."""
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
        tuning.section(state),
        tag("div", tag("h2", t("settings.writing")), tag("div", shortcuts.sending(state), class_="card sets"),
            class_="section"),
        _conversations(state),
        tag("div", tag("h2", t("settings.models")), tag("div", _hub(state), class_="card sets"), class_="section"),
        _models(state),
        tag("div", tag("h2", t("settings.about")),
            tag("p", t("settings.version", version=state.version), class_="muted"), class_="section"),
        class_="column page",
    )  # fmt: skip


def _conversations(state: State) -> Html:
    t, wrong = state.texts, state.chats_failure
    choose = tag("label", icon("ul", "i s"), tag("span", t("keep.choose")),
                 tag("input", type="file", class_="vh", accept=".json,application/json",
                     data_file="conversations.import", aria_label=t("chats.import")), class_="btn")  # fmt: skip
    export = button([icon("dl", "i s"), tag("span", t("keep.export_now"))], "conversations.export",
                    disabled=not state.side.heads)  # fmt: skip
    return tag("div", tag("h2", t("chats.title")),
        tag("div",
            _action(t("chats.export"), t.count("chats.export_why", len(state.side.heads)), export),
            _action(t("chats.import"), t("chats.import_why"), choose),
            tag("div", problems.card(state, wrong, "chats-import"), class_="set tall") if wrong else None,
            class_="card sets"),
        class_="section", id="settings-conversations",
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


def _models(state: State) -> Html:
    t, file = state.texts, state.importing
    choose = tag("label", icon("ul", "i s"), tag("span", t("keep.choose")),
                 tag("input", type="file", class_="vh", accept=".json,.txt,application/json,text/plain",
                     data_file="models.import", aria_label=t("keep.import")), class_="btn")  # fmt: skip
    export = button([icon("dl", "i s"), tag("span", t("keep.export_now"))], "models.export", disabled=not state.custom)
    return tag("div", tag("h2", t("selector.custom")),
        tag("div",
            _action(t("keep.export"), t("keep.export_why"), export),
            _action(t("keep.import"), t("keep.import_why"), choose),
            _import(state, file) if file else None,
            [_action(t("aside.row", bytes=kept.nbytes), t("aside.why"), set_aside_buttons(state, kept))
             for kept in state.aside],
            class_="card sets"),
        class_="section", id="settings-models",
    )  # fmt: skip


def _import(state: State, file: Import) -> Html:
    """What a file holds, and the question whether to add it."""
    t = state.texts
    if file.failure:
        return tag("div", tag("div", icon("fail"), tag("p", t.failure(file.failure)), class_="note bad"),
                   class_="set tall", role="alert")  # fmt: skip
    lines = [
        (t.count("keep.new", len(file.new)), [state.name(model) for model in file.new]),
        (t.count("keep.known", len(file.known)), [state.name(model) for model in file.known]),
        (t.count("paste.unreadable", len(file.unreadable)),
         [it.name or t("keep.number", number=it.number) for it in file.unreadable]),
    ]  # fmt: skip
    return tag("div",
        tag("strong", t("keep.holds", file=file.file)),
        tag("ul", [tag("li", tag("b", words), f" {_names(state, names)}") for words, names in lines if names],
            class_="holds"),
        tag("p", icon("shield", "i s"), tag("span", t("keep.trust")), class_="trust") if file.new
        else tag("p", t("keep.nothing_new")),
        tag("div",
            button(t.count("keep.add", len(file.new)), "models.import", classes="btn primary") if file.new else None,
            button(t("app.cancel" if file.new else "app.close"), "models.import.cancel", classes="btn quiet"),
            class_="row"),
        class_="set tall", role="status",
    )  # fmt: skip


def _names(state: State, names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    shown = ", ".join(names[:MOST_NAMES])
    return f"{shown}{state.texts('keep.more', count=more)}" if more > 0 else shown


def _action(label: str, why: str, control: Html) -> Html:
    return tag("div", tag("div", tag("strong", label), tag("p", why)), tag("div", control, class_="does"), class_="set")


def _row(label: str, choices: list[Html]) -> Html:
    group = tag("div", choices, class_="seg", role="group", aria_label=label)
    return tag("div", tag("strong", label), group, class_="set")


def _choice(label: str | list[Html], action: str, value: str, *, pressed: bool) -> Html:
    return button(label, action, value, "", aria_pressed=str(pressed).lower(), id=f"choice-{value}")
