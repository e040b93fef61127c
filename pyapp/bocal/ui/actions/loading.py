"""Using a model: choosing it, getting it ready, leaving it."""

import asyncio
from typing import Any

from bocal.chat import settings
from bocal.errors import Failure, Problem
from bocal.models import library, overrides, source, usage
from bocal.models.catalogue import GUIDE_ID
from bocal.models.overrides import Window
from bocal.models.record import KINDS, Model
from bocal.protocols import Load, Shelf
from bocal.ui.actions.answers import Answers
from bocal.ui.actions.desk import SELECTED, Desk
from bocal.ui.actions.downloads import Downloads
from bocal.ui.state import Overlay, Phase, Screen, Tuning
from bocal.weights import plan
from bocal.weights.download import State as Job

SOON = 0.05  # seconds between two looks at where a model stands


class Loading:
    """The model in use."""

    def __init__(self, desk: Desk, downloads: Downloads, answers: Answers) -> None:
        self.desk = desk
        self.downloads = downloads
        self.answers = answers
        desk.outside.engine.listen(self._lost)

    async def do_model_choose(self, model_id: str) -> None:
        """Use a model: bring its files here if need be, then load it."""
        model = self.desk.registry.find(model_id)
        if not model:
            return
        await self.answers.end()
        self.desk.state.overlay, self.desk.state.screen = Overlay.NONE, Screen.CHAT
        self.select(model)
        self.desk.draw()
        self.desk.outside.page.focus("ask")
        await self.get_ready(model)

    async def do_download_resume(self, model_id: str) -> None:
        """Go on with a download that was paused or failed; then load the model if it is the chosen one."""
        model = self.desk.registry.find(model_id)
        if not model:
            return
        done = await self.downloads.bring(model)
        if done is Job.DONE and self.desk.state.selected and self.desk.state.selected.id == model_id:
            await self.get_ready(model)

    def select(self, model: Model) -> None:
        """Make a model the chosen one, without loading it."""
        self.desk.choice += 1
        state = self.desk.state
        state.selected, state.failure, state.context_window, state.tuning = model, None, 0, Tuning()
        state.phase = Phase.IDLE if state.complete(model) else Phase.AWAY
        self.desk.remember(SELECTED, model.id)

    async def leave(self) -> None:
        """Stop using a model that goes away, and whose job was dropped; the guide takes its place."""
        await self.answers.end()
        await self.desk.outside.engine.unload()
        guide = self.desk.state.catalogue.models[GUIDE_ID]
        self.select(guide)
        self.desk.spawn(self.get_ready(guide))

    async def get_ready(self, model: Model, *, bring: bool = True) -> None:
        """Bring the model here where that is wanted, then load it, unless another is chosen meanwhile."""
        self.desk.choice += 1  # this one counts from now on
        choice = self.desk.choice
        await self.downloads.want(model)
        if choice != self.desk.choice:
            return
        here = self.desk.state.complete(model)
        if not here and not bring:
            self.desk.state.phase = Phase.AWAY
            self.desk.draw()
            return
        if not here and (await self.downloads.bring(model) is not Job.DONE or choice != self.desk.choice):
            return
        model = self.desk.registry.find(model.id) or model  # its library may have been found on the way
        await self._load(model, choice)

    async def settled(self) -> None:
        """Return once the chosen model is on its way no longer."""
        while self.desk.state.coming:  # noqa: ASYNC110 - much can end it
            await asyncio.sleep(SOON)

    async def put_down(self) -> None:
        """Stop using the chosen model, whose weights go; it stays the chosen one."""
        self.desk.choice += 1
        await self.answers.end()
        await self.desk.outside.engine.unload()
        self.desk.state.phase, self.desk.state.failure = Phase.AWAY, None

    async def use_anew(self, model: Model) -> None:
        """Take over what was changed of the chosen model: it is loaded anew when next asked."""
        await self.answers.end()
        await self.desk.outside.engine.unload()
        self.select(model)
        await self.read_window()

    def _lost(self) -> None:
        """The graphics card took the model away: it is loaded anew when next asked."""
        if self.desk.state.phase is Phase.READY:
            self.desk.state.phase = Phase.IDLE
            self.desk.draw()

    async def read_window(self) -> None:
        """Learn how many tokens the chosen model can hold."""
        model = self.desk.state.selected
        if model and self.desk.state.complete(model):
            await self._window(model)

    async def _window(self, model: Model) -> Window:
        """Return a model's window; notes what else it brings."""
        key = plan.config(plan.Place("", source.engine_base(model.url))).key
        try:
            config = await self.desk.outside.store.read_json(Shelf.CONFIG, key)
        except Failure:
            config = None
        state = self.desk.state
        chosen = {it: value for it, value in state.tuned.get(model.id, {}).items() if it == settings.WINDOW.name}
        window = overrides.window(config, {**model.overrides, **chosen})
        if state.selected and state.selected.id == model.id:
            state.context_window = max(0, window.context)
            state.own = settings.own(config, model.overrides)
            state.widest = overrides.widest(config) if window.context > 0 else 0
        return window

    async def _load(self, model: Model, choice: int) -> None:
        state = self.desk.state
        state.phase, state.failure, state.load = Phase.LOADING, None, Load(0, "")
        self.desk.draw()

        def progress(load: Load) -> None:
            state.load = load
            self.desk.draw_soon()

        try:
            window = await self._window(model)
            await self.desk.outside.engine.load(self._engine_record(model, window), progress)
        except Failure as failure:
            if failure.problem is Problem.FILE_GONE:
                await self.downloads.look()  # trying again then brings what is missing
            if choice == self.desk.choice:
                state.phase, state.failure = Phase.FAILED, failure
        else:
            if choice == self.desk.choice:
                state.phase = Phase.READY
                state.used = usage.note(self.desk.outside.settings, model.id)
        if choice == self.desk.choice:
            self.desk.draw()

    def _engine_record(self, model: Model, window: Window) -> dict[str, Any]:
        """Return WebLLM's `ModelRecord` for a model whose files are in the store."""
        assert model.library  # noqa: S101 - known once its files are here
        return {
            "model": source.engine_base(model.url),
            "model_id": model.id,
            "model_lib": library.engine_address(library.address(model.library, self.desk.state.catalogue)),
            "model_type": KINDS[model.kind],
            "overrides": {**model.overrides, **window.to_json()},
            "required_features": list(model.features),
            **({"model_manifest": model.extra["model_manifest"]} if not model.custom and model.extra else {}),
        }
