"""Downloads that go on by themselves: from an earlier visit, with another tab, or once there is room."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from bocal.errors import Failure
from bocal.models import record, source
from bocal.models.catalogue import GUIDE_ID
from bocal.models.record import Model
from bocal.ui.actions.desk import Desk
from bocal.ui.actions.downloads import Downloads
from bocal.ui.actions.loading import Loading
from bocal.weights import discard
from bocal.weights.download import State
from bocal.weights.journal import JobNote
from bocal.weights.recovery import recover


class Returning:
    """What nobody pressed a button for."""

    def __init__(self, desk: Desk, downloads: Downloads, loading: Loading) -> None:
        self.desk = desk
        self.downloads = downloads
        self.loading = loading
        desk.outside.means.tabs.hear(self._heard)

    async def restore(self) -> None:
        """Find the jobs that earlier visits, or other tabs, have left unfinished; the ones that ran go on."""
        means, state = self.desk.outside.means, self.desk.state
        with suppress(Failure):  # what is noted goes on in any case
            state.partials_last = await means.transfers.lasts()
            await recover(means, {source.engine_base(model.url): model.id for model in reversed(state.models)})
        notes = await means.journal.jobs()
        for model_id, note in notes.items():
            await self._list_again(model_id, note)
        models = [model for model in state.models if model.id in notes]
        for model in models:
            # The guide is a part of the page, brought anew whenever it is asked for; what this visit has begun is no
            # earlier one's.
            if model.id != GUIDE_ID and model.id not in state.downloads:
                self.desk.spawn(self._resume(model, notes[model.id]))
        self.desk.spawn(discard.sweep(means, {source.engine_base(model.url) for model in models}))

    async def _list_again(self, model_id: str, note: JobNote) -> None:
        """Put a model back into the list that had not got there for good when the browser died."""
        state = self.desk.state
        if note.model and model_id not in state.leaving and self.desk.registry.find(model_id) is None:
            with suppress(ValueError, Failure):  # nothing that this page has written; or no room for it
                await self.desk.registry.add(record.from_json(note.model))
            state.custom = self.desk.registry.custom()

    async def _resume(self, model: Model, note: JobNote) -> None:
        job = self.downloads.job(model)
        await job.resume(note)
        self.desk.draw()
        if job.state is State.RUNNING:
            await self.loading.do_download_resume(model.id)

    def room_was_made(self) -> None:
        """Go on with the jobs that ran out of room."""
        for model in self.desk.state.models:
            job = self.desk.state.downloads.get(model.id)
            if job and job.state is State.PAUSED and job.failure:
                self._go_on(model)

    def _heard(self, message: Mapping[str, Any]) -> None:
        """Another tab tells of a job: hand it over, and follow one that has begun. Or that files have left: look."""
        if "files" in message:
            self.desk.spawn(self._look())
        model_id = str(message.get("job"))
        if model_id == GUIDE_ID:
            return
        job, model = self.desk.state.downloads.get(model_id), self.desk.registry.find(model_id)
        if "ended" in message:
            self.downloads.ended_elsewhere(model_id)
            self.desk.spawn(self._look())
        elif "started" not in message:
            if job:  # its model may have left the list already
                job.heard(message)
        elif model and (job is None or job.state is not State.RUNNING):
            self._go_on(model)

    async def _look(self) -> None:
        await self.downloads.look()
        self.desk.draw()

    def _go_on(self, model: Model) -> None:
        self.desk.spawn(self.loading.do_download_resume(model.id))
