"""The dialog of a custom model: adding one, editing one."""

from urllib.parse import urlsplit

from bocal.errors import Problem
from bocal.models import overrides
from bocal.models.paste import NotAModel, Records, Words
from bocal.models.preflight import Verdict
from bocal.ui import checks, problems, search_results, storage
from bocal.ui.dialog import dialog
from bocal.ui.html import Html, button, icon, tag
from bocal.ui.state import State

ADVANCED = "add-advanced"
IN_ADVANCED = {"library", *(option.name for option in overrides.OPTIONS)}


def view(state: State) -> Html:
    """The form, with what stands in the way beside the field it is about."""
    t, form = state.texts, state.form
    editing = form.origin if form.editing else None
    title = t("add.title_edit", name=state.name(editing)) if editing else t("add.title")
    return dialog(state,
        tag("form",
            tag("div", tag("h2", title, id="add-title"),
                button(icon("x"), "overlay.close", classes="icon-btn", aria_label=t("app.close")),
                class_="dialog-head"),
            tag("div",
                None if editing else _paste(state),
                tag("div",
                    _field(state, "id", required=True, fixed=form.editing),
                    _field(state, "name", required=True),
                    None if form.invalid in IN_ADVANCED else _problem(state),
                    _field(state, "url", required=True, wide=True, mono=True),
                    _field(state, "size"),
                    _field(state, "description"),
                    class_="grid2"),
                _advanced(state),
                checks.view(state, form.preflight) if form.preflight else None,
                class_="dialog-body"),
            tag("div",
                tag("span", _summary(state), class_="small muted grow"),
                button(t("app.cancel"), "overlay.close", classes="btn quiet"),
                _buttons(state),
                class_="dialog-foot"),
            data_submit="add.submit", novalidate=True, autocomplete="off", class_="dialog-form",
        ),
        class_="dialog", aria_labelledby="add-title", name="add",
    )  # fmt: skip


def _buttons(state: State) -> list[Html]:
    """What can be done: all, when nothing is wrong; to add in spite of a failure, but not what is no model at all."""
    t, form = state.texts, state.form
    if form.editing:
        return [tag("button", t("add.submit_edit"), type="submit", class_="btn primary", value="add")]
    preflight = form.preflight
    failed = preflight is not None and preflight.done and preflight.count(Verdict.FAILED) > 0
    return [
        tag("button", t("add.submit_anyway" if failed else "add.submit"), type="submit", class_="btn", value="add",
            disabled=preflight is not None and preflight.refusal is not None),
        tag("button", t("add.submit_download"), type="submit", class_="btn primary", value="download",
            disabled=preflight is None or not preflight.done or failed),
    ]  # fmt: skip


def _summary(state: State) -> str:
    t, preflight = state.texts, state.form.preflight
    if preflight is None:
        return t("add.required")
    if preflight.refusal and not state.form.editing:
        return t("add.refused", reason=checks.sentence(state, preflight.refusal))
    if not preflight.done:
        return t("add.checking")
    return t("add.later") if preflight.count(Verdict.FAILED) else checks.verdict(state, preflight)


def _advanced(state: State) -> Html:
    t = state.texts
    numbers = [_field(state, option.name, placeholder=t("add.own_value")) for option in overrides.OPTIONS]
    wrong = _problem(state) if state.form.invalid in IN_ADVANCED else None
    return tag("details",
        tag("summary", icon("chev", "i s flip chev"), tag("span", t("add.advanced"))),
        tag("div", _field(state, "library", wide=True, mono=True, help_=t("add.library_help")), class_="grid2"),
        tag("h3", t("add.overrides"), class_="adv-head"),
        tag("p", t("add.overrides_help"), class_="small muted"),
        tag("div", numbers, wrong, class_="grid2"),
        class_="adv", id=ADVANCED, open=ADVANCED in state.opened or wrong is not None,
    )  # fmt: skip


def _field(
    state: State, name: str, *, required: bool = False, wide: bool = False, mono: bool = False, help_: str = "",
    placeholder: str = "", fixed: bool = False,
) -> Html:  # fmt: skip
    t, form = state.texts, state.form
    invalid = form.invalid == name
    return tag("label",
        tag("span", t(f"add.{name}"), [" ", tag("b", "*", aria_hidden="true")] if required else None),
        tag("input", name=name, id=f"add-{name}", value=form[name], data_input=f"add.{name}",
            class_="mono" if mono else None,
            required=required, aria_invalid="true" if invalid else None, spellcheck="false",
            aria_describedby="add-problem" if invalid else None,
            readonly=fixed, inputmode="decimal" if placeholder else None,
            placeholder=placeholder or (None if required or help_ else t("add.optional"))),
        tag("span", help_, class_="help") if help_ else None,
        class_=" ".join(["field", *(["wide"] if wide else []), *(["invalid"] if invalid else [])]),
    )  # fmt: skip


def _paste(state: State) -> Html:
    t, form = state.texts, state.form
    field = tag("label",
        tag("span", t("paste.label")),
        tag("span", icon("link"),
            tag("textarea", form["paste"], name="paste", id="add-paste", rows=1, data_input="add.paste", class_="big",
                placeholder="owner/model-q4f16_1-MLC", spellcheck="false", autofocus=True),
            class_="with-icon"),
        class_="field",
    )  # fmt: skip
    from_disk = None if form.editing else storage.choose_folder(state, "add-folder", "btn sm")
    return tag("div", field, _found(state), from_disk, class_="stack", style="--gap:8px")


def _found(state: State) -> Html:
    """What the pasted text is, when it is not simply the address of a model."""
    t, pasted = state.texts, state.form.pasted
    if isinstance(pasted, NotAModel):
        return tag("div", icon("info"), tag("p", t(pasted.what, **pasted.facts)), class_="note warn", role="status")
    if isinstance(pasted, Words) and state.form.search:
        return search_results.view(state, state.form.search)
    if isinstance(pasted, Records) and pasted.shared:
        return tag("div", icon("link"), tag("p", t("share.proposed")), class_="note info", role="status")
    if isinstance(pasted, Records) and (len(pasted.models) > 1 or pasted.unreadable):
        words = t.count("paste.records", len(pasted.models))
        if pasted.unreadable:
            words += " " + t.count("paste.unreadable", len(pasted.unreadable))
        add = button(t("paste.add_all"), "add.all", classes="btn sm") if pasted.models else None
        return tag("div", icon("info"), tag("p", words), add, class_="note info", role="status")
    return tag("p", t("paste.lead", host=urlsplit(state.hub.address).netloc), class_="small muted")


def _problem(state: State) -> Html | None:
    t, failure = state.texts, state.form.failure
    if not failure:
        return None
    more, way_out = None, None
    if failure.problem is Problem.ID_TAKEN:
        more = t("problem.id_taken.more", **failure.facts)
        way_out = button(t("add.select"), "add.select", str(failure.facts["id"]), "btn sm")
    return tag("div",
        tag("div", icon("fail"), tag("p", tag("b", t.failure(failure)), [". ", more] if more else None), way_out,
            class_="note bad"),
        problems.details(state, failure, "details-add"),
        class_="wide stack", id="add-problem", role="alert",
    )  # fmt: skip
