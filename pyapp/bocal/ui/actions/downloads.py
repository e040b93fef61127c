"""Bringing models to this machine, and taking them off it."""

import dataclasses
from collections.abc import Awaitable, Callable, Collection, Iterable

from bocal.errors import Failure, Problem
from bocal.models import folder, library, metadata, record, source
from bocal.models.catalogue import GUIDE_ID
from bocal.models.record import Library, Model
from bocal.protocols import Shelf
from bocal.ui.actions.desk import Desk
from bocal.ui.actions.leavings import Leavings
from bocal.ui.state import Phase
from bocal.weights import discard, manifest, plan, presence
from bocal.weights.download import Download, State
from bocal.weights.storage import Stock

WAITS = (0.2, 1.0, 3.0)  # seconds between the tries to delete a file that another tab has open


class Downloads:
    """The jobs, by model; every one is in `state.downloads` until it is done or given up."""

    def __init__(self, desk: Desk, leavings: Leavings) -> None:
        self.desk = desk
        self.leavings = leavings
        self._asked = False
        self._ending: list[Download] = []

    def do_download_pause(self, model_id: str) -> None:
        """Pause a download."""
        self.desk.state.downloads[model_id].pause()

    async def do_download_cancel(self, model_id: str) -> None:
        """Give a download up, and what it brought; what was here before it stays."""
        model = self.desk.registry.find(model_id)
        if model:
            async with self.leavings.alone(model):
                job = self.desk.state.downloads.get(model_id)
                note = (await self.desk.outside.means.journal.jobs()).get(model_id)
                await self.drop(self.desk.state.losing(model))
                before = job.before if job and job.before is not None else note.before if note else None
                if job and job.failure and job.failure.problem is Problem.CHANGED_ON_HOST:
                    before = ()  # of the old version: what is brought next is to be of the new one
                if before is not None:  # else it had not begun
                    await self.forget(model, but=before)
        else:
            await self._end(model_id)
        await self.look()
        self.desk.draw()

    async def drop(self, models: Iterable[Model]) -> None:
        """End the jobs that models have, here or in another tab; returns once nothing of them runs any more."""
        for model in models:
            await self._end(model.id)

    async def _end(self, model_id: str) -> None:
        means = self.desk.outside.means
        job = self.desk.state.downloads.pop(model_id, None)
        if job:
            job.cancel()
            self._ending.append(job)
            await job.ended()
            self._ending.remove(job)
        if model_id not in self.desk.state.downloads:  # not begun anew meanwhile
            await means.journal.end_job(model_id)
        means.tabs.say({"job": model_id, "ended": True})

    def ended_elsewhere(self, model_id: str) -> None:
        """Put a job away that stands still here, and that another tab has ended."""
        job = self.desk.state.downloads.get(model_id)
        if job and job.state is not State.RUNNING:
            del self.desk.state.downloads[model_id]

    async def take_over(self, model: Model, before: Model) -> bool:
        """Take over what was changed of a model; returns whether its job is to be run again for that."""
        job = self.desk.state.downloads.get(model.id)
        if job is None or (model.url, model.library) == (before.url, before.library):
            return False
        again = job.state in {State.RUNNING, State.FAILED}
        if job.key != source.engine_base(model.url):
            await self.drop([model])
        elif job.state is State.RUNNING:
            job.pause()
            await job.ended()
        return again

    async def want(self, model: Model) -> None:
        """Keep a model that was just deleted; returns once nobody deletes its files any more."""
        self.leavings.withdraw(model.id)
        async with self.leavings.alone(model):
            pass

    async def bring(self, model: Model) -> State:
        """Bring what is missing of a model; returns how its job ended.

        Raises Failure(FROM_FOLDER) for one whose weights no host has.
        """
        state = self.desk.state
        if folder.is_local(model.url) and not state.has_weights(model):
            raise Failure(Problem.FROM_FOLDER, name=model.name)
        self.leavings.withdraw(model.id)
        twin = state.download(model)
        if twin and twin.model_id != model.id:
            done = await twin.run()  # of a model at the same address: its files are these
            if done is not State.DONE and self.desk.registry.find(twin.model_id):
                return done
            if self.desk.registry.find(model.id) is None:  # deleted meanwhile
                return State.CANCELLED
        job = self.job(model)
        begun = job.state
        await self.want(model)
        for ending in [it for it in self._ending if it.key == job.key]:
            await ending.ended()  # it would be taken for another tab's
        if state.downloads.get(model.id) is not job or (begun is State.RUNNING and job.state is not begun):
            return job.state  # given up or paused meanwhile
        if model.id != GUIDE_ID:
            self.ask_to_keep()
        done = await job.run()
        if done is State.DONE:
            await self.desk.outlines.refresh(source.engine_base(model.url))  # its manifest may be another by now
        if model.id == GUIDE_ID and done is State.DONE:
            state.downloads.pop(model.id, None)  # a part of the page, not something the visitor asked for
        await self.look()
        self.desk.draw()
        return done

    def ask_to_keep(self) -> None:
        """Ask the browser once to keep the files; some ask the visitor, and nothing waits for that answer."""
        if not self._asked:
            self._asked = True
            self.desk.spawn(self.do_storage_keep())

    async def do_storage_keep(self) -> None:
        """Ask the browser to keep the files."""
        self.desk.state.kept = await self.desk.outside.keep()
        self.desk.draw()

    def job(self, model: Model) -> Download:
        """Return the unfinished job of a model, or a new one."""
        downloads = self.desk.state.downloads
        job = downloads.get(model.id)
        if job is None or job.state in {State.DONE, State.CANCELLED}:
            job = downloads[model.id] = self._job(model)
        return job

    async def look(self) -> None:
        """See which models are on this machine."""
        state = self.desk.state
        wanted = [
            (it.id, source.engine_base(it.url), self.desk.library_key(it))
            for it in (*state.custom, *state.standard())
            if it.id not in state.leaving
        ]
        try:
            state.presence = await presence.look(self.desk.outside.store, wanted, self.desk.outlines)
            state.stock = await self._stock()
            state.survey = state.stock.survey(state.owners())
            await self.desk.look_at_room()
        except Failure as failure:
            state.failure = failure
        if state.selected and state.phase in {Phase.LOOKING, Phase.AWAY, Phase.IDLE}:
            state.phase = Phase.IDLE if state.complete(state.selected) else Phase.AWAY

    async def forget(self, model: Model, but: Collection[str] = ()) -> None:
        """Delete a model's files, and what its download has begun, `but` these keys and those that another model uses.

        That is: a model at the same address, or with the same library. Its job has been dropped.
        """
        state, means = self.desk.state, self.desk.outside.means
        if not state.shares_files(model):
            await self.patiently(lambda: discard.discard(means, source.engine_base(model.url), but))
        state.stock = await self._stock()
        await self.desk.lengths.delete(item for item in state.freed(model).items if item.key not in but)
        self.tell()

    def tell(self) -> None:
        """Tell the other tabs that files have left."""
        self.desk.outside.means.tabs.say({"files": "gone"})

    async def patiently(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do what another tab, or one that is just ending, may stand in the way of for a moment."""
        for seconds in WAITS:
            try:
                return await work()
            except Failure as failure:
                if failure.problem is not Problem.STORAGE_BUSY:
                    raise
                await self.desk.outside.means.sleep(seconds)
        return await work()

    async def _stock(self) -> Stock:
        begun = await discard.partials(self.desk.outside.means)
        return dataclasses.replace(await self.desk.lengths.stock(), partials=begun)

    def _job(self, model: Model) -> Download:
        catalogue = self.desk.state.catalogue

        async def find_library(base: str) -> tuple[str, str]:
            now = self.desk.registry.find(model.id) or model  # the visitor may have given another one since
            found = now.library or await self._choose_library(now, base)
            await self._remember_library(now, found)
            address = library.address(found, catalogue)
            return address, address

        async def find_listed(base: str) -> dict[str, plan.Listed]:
            at_home = base.startswith(self.desk.outside.site)  # this page's own files: its host has no such list
            return {} if at_home else await library.list_large(base, self.desk.outside.network)

        return Download(
            model.id, source.bases(model.url), source.engine_base(model.url), self.desk.outside.means, find_library,
            find_listed, self.desk.draw_soon,
            package=str(model.extra.get("model_manifest", "")) if not model.custom else "",
            model=record.to_json(model) if model.custom else {},
        )  # fmt: skip

    async def _choose_library(self, model: Model, base: str) -> Library:
        """Choose the library of a model that came without one, such as one of the earlier app."""
        network, store, key = self.desk.outside.network, self.desk.outside.store, source.engine_base(model.url)
        tensors = metadata.read_tensors(await store.read_json(Shelf.MODEL, key + manifest.NAME))
        config = await store.read_json(Shelf.CONFIG, key + plan.CONFIG)
        files = await library.list_files(base, network)
        choice = await library.choose(model, base, files, config, tensors, network, self.desk.state.catalogue)
        if not choice.may_fit:  # told before the weights come, not after
            raise Failure(Problem.LIBRARY_MISMATCH, detail=library.address(choice.library, self.desk.state.catalogue))
        return choice.library

    async def _remember_library(self, model: Model, found: Library) -> None:
        if model.custom and model.library != found:
            await self.desk.registry.amend(model.id, lambda kept: dataclasses.replace(kept, library=found))
            self.desk.state.custom = self.desk.registry.custom()
