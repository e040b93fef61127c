"""What a block of code did, under it."""

from bocal.chat.run import MEMORY, TIME, Outcome, Run
from bocal.ui import problems
from bocal.ui.html import Child, Html, button, icon, join, tag
from bocal.ui.state import State
from bocal.ui.text import Texts


def region(block_id: str) -> str:
    """Return the ID of the element that `view` is drawn into."""
    return f"{block_id}-out"


def view(state: State, block_id: str) -> Html:
    """The run of a block: how it stands, what it wrote, and its figures; nothing where it was not run."""
    run, t = state.runs.get(block_id), state.texts
    if run is None:
        return join(None)
    written = [tag("span", text, class_=None if stream == "out" else f"is-{stream}") for stream, text in run.pieces]
    return tag("div",
        tag("div", _standing(t, run), _stop(t, block_id) if run.running else None, class_="cap"),
        tag("pre", written, tabindex="0", aria_label=t("code.output")) if written else None,
        tag("p", t("code.cut"), class_="cap") if run.cut else None,
        [tag("img", src=f"data:image/png;base64,{png}", alt=t("code.figure", number=number))
         for number, png in enumerate(run.figures, 1)],
        problems.fold(state, t("app.details"), run.detail, f"{block_id}-details") if run.detail else None,
        class_="out",
    )  # fmt: skip


def _standing(t: Texts, run: Run) -> Child:
    if run.failure:
        return [icon("fail", "i s"), tag("span", t.failure(run.failure), role="status")]
    if run.outcome is None:
        words = t("code.starting" if run.began is None else "code.running")
        return [icon("spin", "i s spin"), tag("span", words, role="status")]
    good = run.outcome in {Outcome.DONE, Outcome.STOPPED}
    words = t(run.outcome, time=_time(t, run.seconds), limit=t.duration(TIME), memory=t.size(MEMORY), module=run.fact)
    return [icon("check" if good else "warn", "i s"), tag("span", words, role="status")]


def _stop(t: Texts, block_id: str) -> Html:
    return button([icon("stop", "i s"), tag("span", t("code.stop"))], "code.stop", block_id, "btn quiet sm")


def _time(t: Texts, seconds: float) -> str:
    """Return a time that was measured: 12 ms, or 1.3 s."""
    if seconds < 1:
        return t("time.milliseconds", count=round(seconds * 1000))
    return t("time.exact_seconds", seconds=t.number(seconds, 1))
