"""What lies on this machine: looking at it, making room, taking models in from the disk and out to it."""

import re
from contextlib import suppress
from urllib.parse import unquote

from bocal.errors import Failure, Problem
from bocal.models import folder as folders
from bocal.models import source
from bocal.models.folder import Found
from bocal.models.record import Model
from bocal.protocols import Folder, Shelf
from bocal.ui.actions.desk import Desk
from bocal.ui.actions.downloads import Downloads
from bocal.ui.actions.loading import Loading
from bocal.ui.actions.returning import Returning
from bocal.ui.state import Arrival, Departure, Overlay, Screen
from bocal.weights import discard, manifest
from bocal.weights.intake import Intake
from bocal.weights.storage import Pile


class Storing:
    """Actions of the storage screen."""

    def __init__(self, desk: Desk, downloads: Downloads, loading: Loading, returning: Returning) -> None:
        self.desk = desk
        self.downloads = downloads
        self.loading = loading
        self.returning = returning

    async def do_storage_open(self) -> None:
        """Show what is here; what nobody has noted the length of is weighed meanwhile, one record at a time."""
        self.desk.state.screen = Screen.STORAGE
        self.desk.close_drawer()
        self.desk.draw()
        await self._look()
        await self.desk.lengths.measure(self.desk.state.survey.unmeasured)
        await self._look()

    async def do_delete_weights(self, model_id: str) -> None:
        """Delete a model's shards; the model stays in the list, and its small files here."""
        state = self.desk.state
        self.desk.close_overlay()
        model = self.desk.registry.find(model_id)
        if model is None:
            return
        base = source.engine_base(model.url)
        if state.arrival and state.arrival.model and source.engine_base(state.arrival.model.url) == base:
            state.arrival.cancel()
        async with self.downloads.leavings.alone(model):
            await self.downloads.drop(state.at_address(model))
            await self.downloads.look()  # what the job has brought until now
            if state.selected and source.engine_base(state.selected.url) == base:
                await self.loading.put_down()
            await self.downloads.patiently(lambda: discard.drop_partials(self.desk.outside.means, base))
            if pile := state.survey.pile(base):
                await self._delete(pile.weights)

    def do_orphans_ask(self, name: str = "") -> None:
        """Say what cleaning up would free: everything that is nobody's, or only what came from `name`."""
        self.desk.state.cleaning, self.desk.state.overlay = name, Overlay.CLEAN
        self.desk.draw()

    async def do_orphans_delete(self) -> None:
        """Delete what belongs to no model."""
        pile = self.desk.state.survey.orphaned(self.desk.state.cleaning)
        self.desk.close_overlay()
        await self._delete(pile)

    async def _delete(self, pile: Pile) -> None:
        partials = [partial.name for partial in pile.partials]
        try:
            await self.desk.lengths.delete(pile.items)
            await self.downloads.patiently(lambda: discard.drop(self.desk.outside.means, partials))
        finally:
            await self._look()
            self.downloads.tell()
        self.returning.room_was_made()

    # In from the disk

    def take_folder(self, folder: Folder) -> None:
        """Take in the model of a folder that was chosen or dropped."""
        state = self.desk.state
        if state.arrival and state.arrival.running:  # one at a time: the disk is the limit
            self.desk.notice(state.texts("storage.one_at_a_time"), bad=True)
            return
        state.arrival = Arrival()
        state.overlay, state.screen = Overlay.NONE, Screen.STORAGE
        self.desk.close_drawer()
        self.desk.draw()
        self.desk.spawn(self._take(folder, state.arrival))

    def do_arrival_cancel(self) -> None:
        """Stop taking a model in."""
        arrival = self.desk.state.arrival
        if arrival:
            arrival.cancel()

    def do_arrival_close(self) -> None:
        """Put away what was said about the model taken in."""
        self.desk.state.arrival = None
        self.desk.draw()

    async def _take(self, folder: Folder, arrival: Arrival) -> None:
        state = self.desk.state
        arrived = False
        try:
            found = await folders.inspect(folder, state.catalogue, self.desk.registry.find)
            arrival.model = model = found.model
            if state.complete(model):
                raise Failure(Problem.ALREADY_HERE, name=state.name(model))
            await self._need_room(found.nbytes)
            arrived = not arrival.cancelled and await self._keep(folder, found, arrival)
        except Failure as failure:
            arrival.failure = None if arrival.cancelled else failure
        except Exception as error:
            arrival.failure = Failure(Problem.STORAGE_FAILED, detail=str(error))
            raise  # told in the page, and reported
        finally:
            arrival.running = False
            if not arrived and not arrival.failure:
                state.arrival = None  # cancelled
            await self._look()

    async def _keep(self, folder: Folder, found: Found, arrival: Arrival) -> bool:
        """Keep a model's files; it is in the list meanwhile, so that they are somebody's if the page is closed."""
        state, model = self.desk.state, found.model
        before = self.desk.registry.find(model.id)
        await self.downloads.want(model)
        await self.downloads.drop(state.at_address(model))
        await self.downloads.look()
        if arrival.cancelled:
            return False
        here = await self._same_here(found)
        # A library that is here already, and others may use, stays as it is.
        there = state.stock.keys.get(Shelf.LIBRARY, ())
        own = source.engine_base(model.url)
        items = tuple(
            it for it in found.items if it.shelf is not Shelf.LIBRARY or it.key not in there or it.key.startswith(own)
        )
        arrival.intake = intake = Intake(folder, items, self.desk.lengths, self.desk.draw_soon, here)
        self.downloads.ask_to_keep()
        await self._list(model)
        arrived = False
        try:
            arrived = await intake.run()
            if arrived and model.custom and self.desk.registry.find(model.id) is None:  # deleted in another tab
                arrived = False
                await intake.drop()
        finally:
            if not arrived and before and before.custom:
                await self.desk.registry.replace(before)  # unless it was deleted meanwhile
            elif not arrived and model.custom:
                await self.desk.registry.remove(model.id)
            state.custom = self.desk.registry.custom()
        if intake.failure and intake.failure.problem is Problem.STORAGE_FULL:
            # A browser that refuses while it tells of room enough counts as having none.
            await self._need_room(intake.total)
            raise Failure(Problem.ROOM_SHORT, detail=intake.failure.detail, missing_bytes=intake.total - intake.done)
        if intake.failure:
            raise intake.failure
        if arrived:
            await self.desk.outlines.refresh(source.engine_base(model.url))
            with suppress(Failure):  # what a download had begun of it: no more than room
                await discard.discard(self.desk.outside.means, source.engine_base(model.url))
        return arrived

    async def _same_here(self, found: Found) -> set[tuple[Shelf, str]]:
        """Return what is here that a model's files only repeat; none where what is here is of another version."""
        try:
            key = source.engine_base(found.model.url) + manifest.NAME
            shards = manifest.read(await self.desk.outside.store.read_json(Shelf.MODEL, key))
        except Failure:  # not even the list of files is here
            return set()
        kept = self.desk.state.stock.keys
        return {(shelf, key) for shelf in kept for key in kept[shelf]} if tuple(shards) == found.shards else set()

    async def _need_room(self, nbytes: int) -> None:
        """Raise Failure(ROOM_SHORT) where the browser tells of less room."""
        room = await self.desk.outside.quota.room()
        missing = nbytes - (room[1] - room[0]) if room else 0
        if missing > 0:
            raise Failure(Problem.ROOM_SHORT, missing_bytes=missing)

    async def _list(self, model: Model) -> None:
        if model.custom and self.desk.registry.find(model.id) is None:
            await self.desk.registry.add(model)
        elif model.custom:
            await self.desk.registry.replace(model)
        self.desk.state.custom = self.desk.registry.custom()

    # Out to the disk

    async def do_model_export(self, model_id: str) -> None:
        """Write a model's files into a folder of the visitor's."""
        state, model = self.desk.state, self.desk.registry.find(model_id)
        if model is None or state.departure:
            return
        base, library = source.engine_base(model.url), self.desk.library_key(model)
        pile = state.survey.pile(base)
        items = [it for it in (pile.items if pile else ()) if it.shelf is not Shelf.LIBRARY]
        files: list[tuple[str, Shelf, str]] = [(unquote(it.key.removeprefix(base)), it.shelf, it.key) for it in items]
        if library in state.stock.keys.get(Shelf.LIBRARY, ()):
            files.append((unquote(library.rpartition("/")[2]), Shelf.LIBRARY, library))
        state.departure = departure = Departure(model, len(files))

        def written(number: int) -> None:
            departure.done = number
            self.desk.draw_soon()

        try:
            out = await self.desk.outside.disk.take_out(_folder_name(model.id), files, written)
        finally:
            state.departure = None
            self.desk.draw()
        if out:
            words = "storage.exported" if state.can_write_folder else "storage.exported_files"
            self.desk.notice(state.texts(words, name=state.name(model)))

    async def _look(self) -> None:
        self.desk.state.room = await self.desk.outside.quota.room()
        self.desk.state.promised = await self.desk.outside.quota.promised()
        await self.downloads.look()
        self.desk.draw()


def _folder_name(model_id: str) -> str:
    """Return a name that browsers and systems let a folder have."""
    return re.sub(r'[\x00-\x1f/\\:?*"<>|~]|^[. ]+|[. ]+$', "_", model_id)
