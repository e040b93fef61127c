"""The preflight's checks: one row each, failures first once all are known."""

import re

from bocal.models import figures
from bocal.models.preflight import Check, Name, Preflight, Verdict
from bocal.ui import problems
from bocal.ui.html import Html, button, icon, tag
from bocal.ui.state import State
from bocal.weights import retry

_LOOKS = {
    Verdict.RUNNING: ("is-run", "spin", "i spin"),
    Verdict.PASSED: ("", "ok", "i"),
    Verdict.WARNED: ("is-warn", "warn", "i"),
    Verdict.FAILED: ("is-fail", "fail", "i"),
    Verdict.UNKNOWN: ("is-wait", "wait", "i"),
}
_FILES = {Name.CONFIG: "mlc-chat-config.json", Name.WEIGHTS: "tensor-cache.json"}
CHECKS = "checks"
_WORST_FIRST = (Verdict.FAILED, Verdict.WARNED, Verdict.PASSED, Verdict.UNKNOWN)


def view(state: State, preflight: Preflight) -> Html:
    """All rows, with the verdict above them."""
    t = state.texts
    rows = list(preflight.checks.items())
    if preflight.done:
        rows.sort(key=lambda row: _WORST_FIRST.index(row[1].verdict))
    return tag("div",
        tag("div", tag("span", verdict(state, preflight)),
            tag("span", counted(state, preflight), class_="cap num"), class_="checks-head"),
        [_row(state, name, check) for name, check in rows],
        _again(state) if preflight.done and _may_change(preflight) else None,
        class_="checks", role="status" if preflight.done else None, aria_label=t("check.title"), id=CHECKS, tabindex=-1,
    )  # fmt: skip


def _again(state: State) -> Html:
    words = [icon("redo", "i s"), tag("span", state.texts("nogpu.again"))]
    return tag("div", button(words, "add.check", classes="btn sm"), class_="check-again")


def _may_change(preflight: Preflight) -> bool:
    """Whether something is wrong that may be otherwise when it is looked at again."""
    return any(check.failure or check.verdict is Verdict.FAILED for check in preflight.checks.values())


def verdict(state: State, preflight: Preflight) -> str:
    """The whole in one sentence."""
    t = state.texts
    if not preflight.done:
        return t("check.title")
    if failed := [check for check in preflight.checks.values() if check.verdict is Verdict.FAILED]:
        passes = all(check.failure and check.failure.problem in retry.PASSING for check in failed)
        return t("check.unasked" if passes else "check.cannot")
    return t("check.perhaps") if preflight.count(Verdict.WARNED) else t("check.can")


def counted(state: State, preflight: Preflight) -> str:
    """How many checks stand how."""
    t, total = state.texts, len(preflight.checks) - (Name.TRUST in preflight.checks)
    failed, warned = preflight.count(Verdict.FAILED), preflight.count(Verdict.WARNED)
    if not preflight.done:
        return t("check.so_far", done=total - preflight.count(Verdict.RUNNING), total=total)
    told = [t.count("check.failed", failed)] if failed else []
    told += [t.count("check.warned", warned)] if warned else []
    return ", ".join(told) or t("check.so_far", done=preflight.count(Verdict.PASSED), total=total)


def sentence(state: State, check: Check) -> str:
    """What one check found."""
    if check.words:
        facts = dict(check.facts)
        if "figures" in facts:
            facts["figures"] = _figures(state, str(facts["figures"]))
        return state.texts(check.words, **facts)
    return state.texts.failure(check.failure) if check.failure else state.texts("check.running")


def _figures(state: State, text: str) -> str:
    """Return a list of figures with their names in the visitor's language."""
    names = {*figures.SHAPE, *figures.MEANING}
    return re.sub(r"\w+", lambda word: state.texts(f"figure.{word[0]}") if word[0] in names else word[0], text)


def label(state: State, name: Name) -> str:
    """What one check is about."""
    return _FILES.get(name) or state.texts(f"check.name.{name}")


def _row(state: State, name: Name, check: Check) -> Html:
    t = state.texts
    look, picture, classes = _LOOKS[check.verdict]
    way_out = None
    if name is Name.LIBRARY and check.verdict is Verdict.FAILED:
        way_out = [
            tag("p", t("check.library.todo"), class_="todo"),
            tag("div", button(t("check.library.give"), "add.library", classes="btn sm"), class_="row"),
        ]
    details = problems.details(state, check.failure, f"check-{name}") if check.failure else None
    if check.detail:
        details = problems.fold(state, t("check.differences"), check.detail, f"check-{name}")
    return tag("div",
        icon(picture, classes),
        tag("strong", label(state, name), class_="mono" if name in _FILES else None),
        tag("p", sentence(state, check)),
        way_out,
        tag("div", details, class_="row") if details else None,
        class_=f"check {look}".strip(), data_check=name, data_verdict=check.verdict,
    )  # fmt: skip
