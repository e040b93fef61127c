"""Downloads that go on by themselves: from an earlier visit, with another tab, or once there is room."""

from collections.abc import Mapping
from typing import Any

from bocal.models import source
from bocal.models.catalogue import GUIDE_ID
from bocal.models.record import Model
from bocal.ui.actions.desk import Desk
from bocal.ui.actions.downloads import Downloads
from bocal.ui.actions.loading import Loading
from bocal.weights import discard
from bocal.weights.download import State


class Returning:
    """What nobody pressed a button for."""

    def __init__(self, desk: Desk, downloads: Downloads, loading: Loading) -> None:
        self.desk = desk
        self.downloads = downloads
        self.loading = loading
        desk.outside.means.tabs.hear(self._heard)

    async def restore(self) -> None:
        """Find the jobs that earlier visits, or other tabs, have left unfinished; the ones that ran go on."""
        means = self.desk.outside.means
        notes = await means.journal.jobs()
        models = [model for model in self.desk.state.models if model.id in notes]
        await discard.sweep(means, {source.engine_base(model.url) for model in models})
        for model in models:
            # The guide is a part of the page, brought anew whenever it is asked for; what this visit has begun is no
            # earlier one's.
            if model.id != GUIDE_ID and model.id not in self.desk.state.downloads:
                job = self.downloads.job(model)
                await job.resume(notes[model.id])
                if job.state is State.RUNNING:
                    self._go_on(model)

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
