"""The first screen: this machine, the guide, and good first models; or why no model can run here."""

from bocal.models import listing, variants
from bocal.models.catalogue import GUIDE_ID
from bocal.models.device import Device
from bocal.models.fit import Fit
from bocal.models.record import Model
from bocal.ui import fit_badge, jobs
from bocal.ui.html import Html, button, icon, join, logo, tag
from bocal.ui.state import Phase, State
from bocal.weights.download import State as Job

# Three sizes to begin with: for each the models to choose from, the best first, by their IDs without quantisation. The
# first that fits is shown; of the largest also one that is tight.
PICKS = (
    ("pick.small", ("Qwen3-1.7B", "Qwen3-0.6B", "SmolLM2-360M-Instruct"), (Fit.FITS,)),
    ("pick.middle", ("Llama-3.2-3B-Instruct", "Llama-3.2-1B-Instruct"), (Fit.FITS,)),
    ("pick.large", ("Llama-3.1-8B-Instruct", "Qwen3-4B", "Qwen2.5-1.5B-Instruct"), (Fit.FITS, Fit.TIGHT)),
)


def view(state: State) -> Html:
    """The welcome, or the way out when this browser cannot run models."""
    if state.device and not state.device.can_run:
        return _no_gpu(state)
    t = state.texts
    return tag("div",
        tag("div", logo(busy=state.busy),
            tag("div", tag("h1", t("welcome.title")),
                tag("p", t("welcome.lead"), " ", tag("strong", t("welcome.promise")))), class_="hero"),
        _facts(state),
        _model(state),
        _picks(state),
        class_="column welcome",
    )  # fmt: skip


def _facts(state: State) -> Html:
    t, device = state.texts, state.device
    free = device.storage_free if device else None
    facts = {
        "welcome.gpu": device and (device.gpu or t("welcome.gpu_unknown")),
        "welcome.f16": device and t("welcome.yes" if device.f16 else "welcome.no"),
        "welcome.buffer": device and t.size(device.largest_buffer),
        "welcome.storage": device and (t("welcome.unknown") if free is None else t.size(free)),
    }
    cells = [tag("div", tag("dt", t(key)), tag("dd", value or "…")) for key, value in facts.items()]
    return tag("dl", cells, class_="facts", aria_busy=None if device else "true")


def _model(state: State) -> Html | None:
    t = state.texts
    if state.selected is None:
        return None
    if state.selected.id != GUIDE_ID:
        return tag("div", jobs.status(state), class_="guide-slot")
    title = {Phase.READY: "guide.ready", Phase.ANSWERING: "guide.ready", Phase.FAILED: "guide.failed"}
    job = state.download(state.selected)
    words = "guide.failed" if job and job.state is Job.FAILED else title.get(state.phase, "guide.loading")
    ready = state.phase in {Phase.READY, Phase.ANSWERING}
    chips = [
        button(t(key), "chat.suggest", key, "chip") for key in ("guide.chip.run", "guide.chip.add", "guide.chip.data")
    ]
    return tag("div",
        tag("div",
            tag("div", tag("span", class_="pulse") if ready else None,
                tag("h2", t(words)), class_="row"),
            tag("p", t("guide.lead"), class_="muted")),
        None if ready else jobs.status(state),
        tag("div", chips, class_="row"),
        class_="guide",
    )  # fmt: skip


def _picks(state: State) -> Html | None:
    known = _variants(state)
    picks = [(model, words) for words, stems, fits in PICKS if (model := _choose(state, known, stems, fits))]
    t = state.texts
    return join([
        tag("div", tag("h2", t("welcome.picks")), button(t("welcome.all"), "selector.open", classes="link"),
            class_="section-head"),
        tag("div", [_pick(state, model, words) for model, words in picks], class_="picks"),
    ]) if picks else None  # fmt: skip


def _pick(state: State, model: Model, words: str) -> Html:
    t = state.texts
    here = state.complete(model)
    verb = t("pick.use" if here else "pick.download")
    return tag("article",
        tag("h3", state.name(model)),
        tag("p", t(words), class_="desc"),
        tag("div",
            tag("span", t.size(model.memory), class_="small muted num", title=t("pick.memory", bytes=model.memory)),
            fit_badge.view(state, model), class_="row"),
        button([icon("play" if here else "dl", "i s"), tag("span", verb)], "model.choose", model.id,
               aria_label=f"{verb} {state.name(model)}"),
        class_="card pick",
    )  # fmt: skip


def _variants(state: State) -> dict[str, list[Model]]:
    wanted = {stem for _, stems, _ in PICKS for stem in stems}
    found: dict[str, list[Model]] = {}
    for model in state.catalogue.chat_models():
        if (stem := variants.stem(model.id)) in wanted:
            found.setdefault(stem, []).append(model)
    return found


def _choose(state: State, known: dict[str, list[Model]], stems: tuple[str, ...], fits: tuple[Fit, ...]) -> Model | None:
    """Return the first model that fits, in its recommended variant; where nothing is known of the fit, the first."""
    for stem in stems:
        model = listing.recommend(known.get(stem, ()), state.fit)
        found = state.fit(model) if model else None
        if model and (found is None or found.fit in fits):
            return model
    return None


def _no_gpu(state: State) -> Html:
    t = state.texts
    why = state.device.why_not if state.device else ""
    steps = _steps(state.device) if state.device else []
    return tag("div",
        tag("div", logo(), tag("div", tag("h1", t("nogpu.title")), tag("p", t(f"nogpu.{why}"))), class_="hero is-out"),
        tag("div", tag("h2", t("nogpu.todo")), class_="section-head"),
        tag("ol", [tag("li", tag("div", tag("strong", t(do)), tag("p", t(why), class_="muted"))) for do, why in steps],
            class_="steps"),
        tag("div",
            button([icon("redo", "i s"), tag("span", t("nogpu.again"))], "device.look", classes="btn primary",
                   id="device-look"), class_="row way-out"),
        class_="column welcome",
    )  # fmt: skip


def _steps(device: Device) -> list[tuple[str, str]]:
    """Return what to do, the likeliest first, and why."""
    if device.why_not == "insecure":
        return [("nogpu.https", "nogpu.https_why")]
    if device.browser == "chromium":
        linux = [("nogpu.linux", "nogpu.linux_why")] if device.system == "linux" else []
        if device.why_not == "no_webgpu":
            return [("nogpu.update", "nogpu.update_chromium"), *linux]
        return [("nogpu.acceleration", "nogpu.acceleration_why"), *linux, ("nogpu.driver", "nogpu.driver_why")]
    chrome = ("nogpu.chrome", "nogpu.chrome_linux")
    if device.browser == "safari":
        return [("nogpu.update", "nogpu.update_safari"), chrome]
    return [chrome, ("nogpu.stay", "nogpu.firefox")] if device.browser == "firefox" else [chrome]
