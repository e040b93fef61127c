"""How a model is to answer: the settings of one conversation, and those of the model for all of them."""

from typing import Any

from bocal.chat import settings
from bocal.option import Option
from bocal.ui.dialog import dialog as frame
from bocal.ui.html import Html, button, icon, tag
from bocal.ui.state import State
from bocal.ui.text import Texts

CHAT, MODEL = "chat", "model"  # whose settings: the conversation's, or the model's
STEPS = {"temperature": 0.05, "top_p": 0.01, "frequency_penalty": 0.1, "presence_penalty": 0.1}
PRESETS = ("brief", "teacher", "editor", "translator", "coder")


def dialog(state: State) -> Html:
    """The settings of the conversation that is shown."""
    t = state.texts
    return frame(state,
        tag("div", tag("h2", t("tuning.title"), id="tuning-title"),
            button(icon("x"), "overlay.close", classes="icon-btn", aria_label=t("app.close")), class_="dialog-head"),
        tag("div", tag("p", t("tuning.lead"), class_="muted"), tag("div", rows(state, CHAT), class_="sets"),
            class_="dialog-body"),
        tag("div", button(t("tuning.reset_all"), "tuning.reset", CHAT, "btn quiet",
                          disabled=not state.conversation.settings),
            tag("span", class_="grow"), button(t("tuning.done"), "overlay.close", classes="btn primary"),
            class_="dialog-foot"),
        class_="dialog", aria_labelledby="tuning-title", name="tuning",
    )  # fmt: skip


def section(state: State) -> Html | None:
    """The settings of the chosen model, on the settings page."""
    t, model = state.texts, state.selected
    if model is None:
        return None
    tuned = state.tuned.get(model.id)
    return tag("div", tag("h2", t("tuning.model", name=state.name(model))),
        tag("p", t("tuning.model_lead"), class_="muted"),
        tag("div", rows(state, MODEL), class_="card sets"),
        tag("div", button(t("tuning.reset_all"), "tuning.reset", MODEL), class_="row end") if tuned else None,
        class_="section", id="settings-answers",
    )  # fmt: skip


def chosen(state: State, scope: str) -> dict[str, Any]:
    """Return what was set of a conversation, or of the chosen model."""
    if scope == CHAT:
        return state.conversation.settings
    return state.tuned.get(state.selected.id, {}) if state.selected else {}


def rows(state: State, scope: str) -> list[Html]:
    """One row for each setting: its name, what it does in a sentence, its control, and a way back."""
    numbers = [_number(state, scope, option) for option in settings.NUMBERS]
    window = [_number(state, scope, settings.WINDOW)] if scope == MODEL and state.context_window else []
    return [_system(state, scope), *numbers, *window, *_json(state, scope)]


def _under(state: State, scope: str) -> dict[str, Any]:
    """What counts where nothing is set."""
    own = {**settings.FALLBACK, **state.own, settings.WINDOW.name: state.context_window}
    return own if scope == MODEL else {**own, **chosen(state, MODEL)}


def _system(state: State, scope: str) -> Html:
    t, name = state.texts, settings.SYSTEM
    presets = tag("div", tag("span", t("tuning.presets"), class_="cap"), [
        button(t(f"preset.{each}"), "tuning.preset", f"{scope} {each}", "chip") for each in PRESETS
    ], class_="row presets")  # fmt: skip
    field = tag("textarea", chosen(state, scope).get(name, ""), rows=3, **_field(scope, name),
                placeholder=_under(state, scope).get(name) or t("tuning.system_none"))  # fmt: skip
    return _set(state, scope, name, tag("div", field, presets, class_="field"), tall=True)


def _number(state: State, scope: str, option: Option) -> Html:
    t, name = state.texts, option.name
    value, under = chosen(state, scope).get(name), _under(state, scope).get(name)
    typed = state.tuning.typed.get(f"{scope}.{name}", _written(t, value))
    wrong = state.tuning.wrong.get(f"{scope}.{name}")
    waits = option is settings.WINDOW  # loads the model anew: heard once the field is left
    box = tag("input", value=typed, inputmode="numeric" if option.whole else "decimal", autocomplete="off",
              class_="box num", placeholder=_written(t, under) or t(f"tuning.{name}.none"),
              aria_invalid="true" if wrong else None, **_field(scope, name, waits=waits))  # fmt: skip
    control = box
    if name in STEPS:
        at = value if value is not None else under or 0
        share = (at - option.low) / (option.high - option.low)
        slider = tag("input", type="range", min=str(option.low), max=str(option.high), step=str(STEPS[name]),
                     value=f"{at:g}", style=f"--v:{share:.0%}", data_input=f"tuning.{scope}.{name}",
                     aria_label=t(f"tuning.{name}"), tabindex="-1")  # fmt: skip
        control = tag("div", slider, box, class_="slider")
    told = tag("p", t.failure(wrong), class_="wrong", role="alert") if wrong else None
    return _set(state, scope, name, tag("div", control, told, class_="field"))


def _json(state: State, scope: str) -> list[Html]:
    t, told = state.texts, {**_under(state, scope), **chosen(state, scope)}
    on = bool(told.get(settings.JSON))
    choice = tag("div", [
        button(t(f"tuning.json.{word}"), "tuning.json", f"{scope} {word}", "", aria_pressed=str(pressed).lower())
        for word, pressed in (("off", not on), ("on", on))
    ], class_="seg", role="group", aria_label=t("tuning.json"))  # fmt: skip
    found = [_set(state, scope, settings.JSON, choice)]
    if on:
        wrong = state.tuning.wrong.get(f"{scope}.{settings.SCHEMA}")
        field = tag("textarea", told.get(settings.SCHEMA, ""), rows=4, class_="mono", spellcheck="false",
                    placeholder='{"type": "object", "properties": {"name": {"type": "string"}}}',
                    aria_invalid="true" if wrong else None, **_field(scope, settings.SCHEMA))  # fmt: skip
        told_wrong = tag("p", t.failure(wrong), class_="wrong", role="alert") if wrong else None
        found.append(_set(state, scope, settings.SCHEMA, tag("div", field, told_wrong, class_="field"), tall=True))
    return found


def _set(state: State, scope: str, name: str, control: Html, *, tall: bool = False) -> Html:
    t = state.texts
    reset = button(icon("redo", "i s"), "tuning.reset", f"{scope} {name}", "icon-btn reset",
                   aria_label=t("tuning.reset", name=t(f"tuning.{name}")), title=t("tuning.reset",
                   name=t(f"tuning.{name}"))) if name in chosen(state, scope) else None  # fmt: skip
    label = tag("label", tag("strong", t(f"tuning.{name}")), for_=f"tuning-{scope}-{name}")
    if name == settings.JSON:
        label = tag("strong", t(f"tuning.{name}"))
    return tag("div",
        tag("div", tag("div", label, reset, class_="row"), tag("p", t(f"tuning.{name}.why"),
            id=f"tuning-{scope}-{name}-why")),
        control, class_="set tall" if tall else "set",
    )  # fmt: skip


def _field(scope: str, name: str, *, waits: bool = False) -> dict[str, str]:
    heard = "data_change" if waits else "data_input"
    return {"id": f"tuning-{scope}-{name}", heard: f"tuning.{scope}.{name}",
            "aria_describedby": f"tuning-{scope}-{name}-why"}  # fmt: skip


def _written(t: Texts, value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text.replace(".", ",") if t.language == "fr" else text
