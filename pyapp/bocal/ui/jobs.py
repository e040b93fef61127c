"""Downloads: one card a job, the page that lists them, and the line that says where the chosen model stands."""

from bocal.errors import Failure, Problem
from bocal.models.catalogue import GUIDE_ID
from bocal.models.record import Model
from bocal.ui import problems, storage, window
from bocal.ui.html import Html, button, icon, jar, tag
from bocal.ui.state import Phase, State
from bocal.weights.download import Download
from bocal.weights.download import State as Job

MOST_SQUARES = 120  # above that many files, the bar alone tells
MOST_WAYS_OUT = 3  # models offered for deletion


def page(state: State) -> Html:
    """The downloads page."""
    t = state.texts
    cards = [card(state, job) for job in state.downloads.values() if job.state is not Job.CANCELLED]
    return tag("div",
        tag("h1", t("downloads.title")),
        storage.promise(state) if cards else None,
        cards or tag("p", t("downloads.empty"), class_="muted"),
        class_="column page",
    )  # fmt: skip


def card(state: State, job: Download) -> Html:
    """One download."""
    t = state.texts
    model = _model(state, job)
    name = state.name(model) if model else job.model_id
    share = job.done / job.total if job.total else 0.0
    unfinished = job.state is not Job.DONE
    look = {Job.PAUSED: "is-paused", Job.FAILED: "is-error"}.get(job.state, "is-waiting" if job.waiting else "")
    return tag("article",
        jar(share, "jar lg"),
        tag("h3", name),
        tag("div", _buttons(state, job), class_="badge-slot"),
        tag("div", _line(state, job), class_="line", role="alert" if job.state is Job.FAILED else None),
        tag("div",
            tag("div", tag("i", style=f"--w:{share:.1%}"), class_="bar", role="progressbar", aria_valuemin=0,
                aria_valuemax=100, aria_valuenow=int(share * 100), aria_label=t("job.label", name=name)),
            _squares(job),
            tag("p", t("job.whole_only"), class_="small muted") if unfinished and not state.partials_last else None,
            _room(state, job),
            problems.details(state, job.failure, f"details-{job.model_id}") if job.failure else None,
            class_="full stack"),
        class_=f"card job {look}".strip(), id=f"job-{job.model_id}",
    )  # fmt: skip


def status(state: State) -> Html | None:
    """Where the chosen model stands, when it is not simply ready: its download, its loading, or what failed."""
    t, model = state.texts, state.selected
    job = state.download(model)
    if model is None:
        return None
    coming = job is not None and job.state is Job.RUNNING and model.id == GUIDE_ID  # a part of the page, soon here
    if job and not coming:
        return card(state, job)
    if coming or state.phase is Phase.LOADING:
        share = state.load.fraction
        loading = t("thread.waiting", name=state.name(model), percent=t.percent(share))
        words = _waiting(state, job.waiting) if job and job.waiting else loading
        return tag("div", tag("p", words, class_="small muted num"),
                   tag("div", tag("i", style=f"--w:{share:.0%}"), class_="bar", aria_hidden="true"),
                   class_="loading stack", role="status")  # fmt: skip
    if state.phase is Phase.AWAY:
        label = [icon("dl", "i s"), tag("span", t("pick.download"))]
        return tag("div", tag("h2", state.name(model)), tag("p", t("state.away"), class_="muted"),
                   tag("div", button(label, "model.choose", model.id, "btn primary"), class_="row"),
                   class_="card stack")  # fmt: skip
    if state.phase is Phase.FAILED and state.failure:
        ways = window.lighter(state, state.failure) or [button(t("selector.title"), "selector.open")]
        retry = button(t("thread.retry"), "model.choose", model.id, "btn primary")
        return problems.card(state, state.failure, "load-failed", [retry, *ways])
    return None


def _model(state: State, job: Download) -> Model | None:
    return next((model for model in state.models if model.id == job.model_id), None)


def _buttons(state: State, job: Download) -> list[Html]:
    t, model = state.texts, job.model_id
    main = {
        Job.RUNNING: ("pause", "job.pause", "download.pause", "btn"),
        Job.PAUSED: ("play", "job.resume", "download.resume", "btn"),
        Job.FAILED: ("redo", "job.retry", "download.resume", "btn primary"),
    }
    if job.state not in main:
        return []
    picture, words, action, look = main[job.state]
    # An ID of its own: a button never turns into another one under a finger that is already down.
    return [
        button([icon(picture, "i s"), tag("span", t(words))], action, model, look, id=f"{job.state}-{model}"),
        button(t("job.cancel"), "download.cancel", model, "btn quiet"),
    ]


def _line(state: State, job: Download) -> str:
    t = state.texts
    done, total = t.size(job.done), t.size(job.total)
    if job.state is Job.FAILED and job.failure:
        return t.failure(job.failure)
    if job.state is Job.PAUSED and job.failure:
        return t.failure(job.failure)
    if job.state is Job.PAUSED:
        return t("job.paused", done=done, total=total)
    if job.state is Job.DONE:
        return t("job.done", total=total)
    if job.waiting:
        return _waiting(state, job.waiting)
    if not job.parts:
        return t("job.preparing")
    left = job.seconds_left
    if left is None:
        return t("job.progress_plain", done=done, total=total)
    return t("job.progress", done=done, total=total, rate=t.size(job.rate), left=t.duration(left))


def _waiting(state: State, failure: Failure) -> str:
    t, host = state.texts, str(failure.facts.get("host", ""))
    if failure.problem is Problem.OFFLINE:
        return t("job.waits_offline")
    if failure.problem is Problem.TOO_MANY_REQUESTS:
        return t("job.waits_host", host=host, seconds=failure.facts["seconds"])
    if failure.problem is Problem.SERVER_ERROR:
        return t("job.waits_error", host=host)
    return t("job.waits_again", host=host) if host else t("job.preparing")


def _room(state: State, job: Download) -> Html | None:
    """What could be deleted to make room for a job that lacks it."""
    if not (job.state is Job.PAUSED and job.failure):
        return None
    t, survey = state.texts, state.survey
    kept = {GUIDE_ID, *state.leaving}
    models = {model.id: model for model in state.models if model.id not in kept}
    large = [
        pile for pile in survey.models
        if pile.base != job.key and pile.nbytes and pile.name in models and not state.shares_files(models[pile.name])
    ]  # fmt: skip
    ways = [
        button([icon("trash", "i s"), tag("span", t("job.room_of", name=state.name(models[it.name]), bytes=it.nbytes))],
               "delete.open", it.name, "btn sm", id=f"room-{job.model_id}-{it.name}") for it in large[:MOST_WAYS_OUT]
    ]  # fmt: skip
    if orphaned := survey.orphaned().nbytes:
        words = t("job.room_of", name=t("job.room_nobody"), bytes=orphaned)
        ways.append(button([icon("trash", "i s"), tag("span", words)], "orphans.ask", "", "btn sm",
                           id=f"room-{job.model_id}"))  # fmt: skip
    if not ways:
        return None
    return tag("div", tag("p", t("job.room"), class_="small muted"), tag("div", ways, class_="row"), class_="stack")


def _squares(job: Download) -> Html | None:
    if not 1 < len(job.parts) <= MOST_SQUARES:
        return None
    squares = []
    for part in job.parts:
        if part.finished:
            squares.append(tag("i", class_="d"))
        elif part.done:
            squares.append(tag("i", class_="a", style=f"--l:{part.done / max(1, part.total):.0%}"))
        else:
            squares.append(tag("i"))
    return tag("div", squares, class_="shards", aria_hidden="true")
