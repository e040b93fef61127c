"""A download: a job with progress, pause and cancel, that leaves every finished file where WebLLM finds it.

One tab does the job, the others follow it. What lasts of it (`journal`, partial files) lets any later visit go on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from bocal.errors import Failure, Problem
from bocal.protocols import Shelf
from bocal.weights import manifest, plan
from bocal.weights.carrier import Carrier, Means, Part
from bocal.weights.journal import JobNote
from bocal.weights.meter import Meter
from bocal.weights.plan import File, Place


class State(StrEnum):
    """Where a job stands; PAUSED and FAILED can be run again and go on where they stopped."""

    RUNNING = "running"
    PAUSED = "paused"
    FAILED = "failed"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass
class Download:
    """The job of bringing one model here.

    `bases` are the addresses to try for its files, `key` the base of its keys; `find_library(base)` returns the URL and
    the key of its library once the base that answers is known, `find_listed(base)` what the host lists of its
    files, by path; `package` is the record's `model_manifest`, if any; `model` is a custom model's entry in the
    list; `changed()` is called whenever something can be shown. A job that is PAUSED with a `failure` waits for room;
    `elsewhere` tells that another tab does the job; `before` are the keys of files that were here when it began (None
    until that is known).
    """

    model_id: str
    bases: list[str]
    key: str
    means: Means
    find_library: Callable[[str], Awaitable[tuple[str, str]]]
    find_listed: Callable[[str], Awaitable[Mapping[str, plan.Listed]]]
    changed: Callable[[], None]
    package: str = ""
    model: Mapping[str, Any] = field(default_factory=dict)
    state: State = State.RUNNING
    failure: Failure | None = None
    parts: list[Part] = field(default_factory=list)
    elsewhere: bool = False
    before: tuple[str, ...] | None = None
    _library: tuple[str, str] = ("", "")
    _base: str = ""
    _carrier: Carrier | None = None
    _told: Failure | None = None
    _left: bool = False  # by an earlier visit, or another tab: what is noted of it may be otherwise by now
    _elsewhere_waiting: Failure | None = None
    _wish: State | None = None  # what was asked of the tab that does the job
    _task: "asyncio.Task[None] | None" = None
    _noting: "asyncio.Task[None] | None" = None
    _whole: "asyncio.Task[State] | None" = None

    def __post_init__(self) -> None:
        self._meter = Meter(self.means.clock)

    @property
    def done(self) -> int:
        """Bytes that have arrived."""
        return sum(part.done for part in self.parts)

    @property
    def total(self) -> int:
        """Bytes in all, as far as is known: exact for the shards from the start."""
        return sum(max(part.total, part.done) for part in self.parts)

    @property
    def rate(self) -> float:
        """Bytes per second over the last seconds; 0 before there is anything to tell."""
        return self._meter.rate if self.state is State.RUNNING else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the end at this rate, or None when that cannot be told."""
        rate = self.rate
        return (self.total - self.done) / rate if rate > 0 else None

    @property
    def waiting(self) -> Failure | None:
        """What the job waits to pass, such as a host that is away; None while bytes arrive."""
        if self.state is not State.RUNNING:
            return None
        if self.elsewhere:
            return self._elsewhere_waiting
        return self._carrier.waiting if self._carrier else None

    # What a person does

    async def run(self) -> State:
        """Bring what is missing; returns DONE, PAUSED, CANCELLED or FAILED (with `failure` set).

        Asking a job that runs already waits for its end with it; one that is just ending ends, and begins anew.
        """
        while self._whole and not self._whole.done() and self.state is not State.RUNNING:
            await asyncio.wait([self._whole])
        if self._whole is None or self._whole.done():
            self.state, self.failure = State.RUNNING, None
            self._meter.restart()
            self._whole = asyncio.ensure_future(self._run())
        return await asyncio.shield(self._whole)

    def pause(self) -> None:
        """Stop; what has arrived stays, and `run` goes on with the rest."""
        self._stop(State.PAUSED)

    def cancel(self) -> None:
        """Stop for good; the caller then waits for the end and decides whether what arrived is deleted."""
        self._stop(State.CANCELLED)

    async def ended(self) -> None:
        """Return once nothing of the job runs any more."""
        if self._whole:
            await asyncio.wait([self._whole])

    async def resume(self, note: JobNote) -> None:
        """Take over what an earlier visit left, and show where it stands; fetches nothing."""
        self._stand(note)
        self._left = self.state is State.RUNNING
        if self._is_of(note):
            self._base, self._library, self.before = note.base, note.library, note.before
        await self._survey()

    def heard(self, message: Mapping[str, Any]) -> None:
        """Take in what another tab says of this job."""
        if "do" in message:
            if not self.elsewhere and self.state is State.RUNNING:
                self._stop(State(message["do"]))
        elif self.elsewhere and "parts" in message:
            self.parts = [Part(*part) for part in message["parts"]]
            was, self._elsewhere_waiting = self._elsewhere_waiting, Failure.from_json(message.get("waiting"))
            if self._meter.sample(self.done, now=(was is None) != (self._elsewhere_waiting is None)):
                self.changed()

    # Its course

    def _stop(self, state: State) -> None:
        if self.elsewhere:
            self._wish = state
            self.means.tabs.say({"job": self.model_id, "do": state})
            return
        running = self.state is State.RUNNING
        self.state = state
        if running and self._task:
            self._task.cancel()
        if running and self.before is not None:  # else it has not begun
            self._noting = asyncio.ensure_future(self._note())  # at once: what is being kept may take its time to end
        self.changed()

    async def _run(self) -> State:
        name = f"bocal:job:{self.key}"
        self._wish = None
        release = await self.means.tabs.hold(name, wait=False)
        self.elsewhere = release is None
        if self.elsewhere:
            self._left = True
            if self.state is not State.RUNNING:  # paused or cancelled before it was known whose job it is
                self._stop(self.state)
            await self._survey()
            release = await self.means.tabs.hold(name, wait=True)
            self.elsewhere = False
        try:
            if not (self._left and await self._ended_elsewhere()):
                self.state = self._wish or self.state  # it was not heard any more
                await self._lead()
        except Failure as failure:  # of the browser's own storage, not of the download
            await self._fail(failure)
        except Exception as error:
            self.state, self.failure = State.FAILED, Failure(Problem.STORAGE_FAILED, detail=repr(error))
            raise  # told in its card, and reported
        finally:
            self._left = False
            if release:
                release()
        self.changed()
        return self.state

    async def _ended_elsewhere(self) -> bool:
        """Whether the tab that did the job ended it; one that merely closed leaves a note that it was running."""
        note = (await self.means.journal.jobs()).get(self.model_id)
        if note is None:
            await self._survey()
            self.state = State.DONE if self._is_whole else State.CANCELLED
        elif note.state != State.RUNNING:
            self._stand(note)
        return note is None or note.state != State.RUNNING

    @property
    def _is_whole(self) -> bool:
        return bool(self.parts) and all(part.finished for part in self.parts)

    def _stand(self, note: JobNote) -> None:
        """Stand where another tab or an earlier visit has left the job: one that failed is tried again when asked."""
        told = note.state == State.RUNNING or (note.state == State.FAILED and note.failure)  # older notes have no cause
        self.state, self.failure = State(note.state) if told else State.PAUSED, note.failure

    def _is_of(self, note: JobNote) -> bool:
        """Whether a note is of a job at these addresses: the model may have been given another one since."""
        return note.base in {"", *self.bases}

    async def _lead(self) -> None:
        if self.before is None:
            self.before = await self._were_here()
        await self._note()
        self.means.tabs.say({"job": self.model_id, "started": True})
        try:
            if self.state is State.RUNNING:  # still
                self._task = asyncio.ensure_future(self._bring())
                await self._task
                self.state = State.DONE
        except asyncio.CancelledError:
            pass  # by pause() or cancel(), which have set the state
        except Failure as failure:
            await self._fail(failure)
        if self._noting:
            await asyncio.wait([self._noting])
        if self._carrier:
            await self._carrier.close()
        if self.state in {State.DONE, State.CANCELLED}:
            await self.means.journal.end_job(self.model_id)
        else:
            await self._note()

    async def _fail(self, failure: Failure) -> None:
        self.state, self.failure = State.FAILED, failure
        if failure.problem in {Problem.STORAGE_FULL, Problem.STORAGE_SHORT}:
            self.state, self.failure = State.PAUSED, await self._short(failure)

    async def _note(self) -> None:
        note = JobNote(self.state, self._base, self._library, self.failure, self.before or (), self.model)
        try:
            await self.means.journal.write_job(self.model_id, note)
        except Failure as failure:
            if failure.problem is not Problem.STORAGE_FULL:
                raise
            # No room even for the note. Files will find none either, and the job pauses for that.

    async def _were_here(self) -> tuple[str, ...]:
        """Return the keys of files that were here before the job began, in this visit or an earlier one."""
        note = (await self.means.journal.jobs()).get(self.model_id)
        if note and self._is_of(note):
            return note.before
        here = await self._here()
        libraries = here.pop(Shelf.LIBRARY)
        return (*libraries, *(key for keys in here.values() for key in keys if key.startswith(self.key)))

    async def _bring(self) -> None:
        if self._library[0]:
            await self._survey()
            if self._is_whole:
                return  # only its end was not noted any more
        here, partials = await asyncio.gather(self._here(), self.means.journal.partials())
        carrier = self._carrier = Carrier(self.means, self.key, self._arrived, partials)
        resumed = plan.config(Place("", self.key)).key in here[Shelf.CONFIG]
        place = await self._bring_config(carrier, here[Shelf.CONFIG])
        listed = await self.find_listed(place.base)
        if not resumed:
            await self._compare_config(carrier, plan.as_listed(plan.config(place), place, listed))
        manifests = [plan.as_listed(file, place, listed) for file in plan.manifests(place)]
        shards = await self._bring_manifest(carrier, manifests, here[Shelf.MODEL])
        self._base, self._library = place.base, await self.find_library(place.base)
        _, files = await asyncio.gather(self._note(), self._files(place, shards))
        files = [plan.as_listed(file, place, listed) for file in files]
        pairs = await self._parts(files)
        self.parts = [part for _, part in pairs]
        self.changed()
        missing = [(file, part) for file, part in pairs if not part.finished]
        if resumed and any(file.url.startswith(place.base) for file, _ in missing):
            await self._look_for_changes(carrier, place, files)
        await self._check_room([part for _, part in missing])
        try:
            await self._bring_together(carrier, missing)
        except Failure as failure:
            if failure.problem is not Problem.STORAGE_FULL:
                raise
            await self._bring_in_turn(carrier, missing, failure)

    async def _bring_config(self, carrier: Carrier, here: set[str]) -> Place:
        """Return where the model's configuration is, once it is here too: the first of its addresses that has one."""
        places = [Place(base, self.key) for base in ([self._base] if self._base else self.bases)]
        key = plan.config(places[0]).key
        if key in here and len(places) == 1:
            return places[0]
        noted = (await self.means.journal.small_files(self.key)).get(key)
        if key in here and noted:
            return await self._find_config(carrier, places, noted.sha256)
        failures = []
        for place in places:
            try:
                await carrier.bring(plan.config(place), Part())
                await self._check_config(carrier, plan.config(place))
            except Failure as failure:
                if failure.problem not in plan.NO_CONFIG:
                    raise
                failures.append(failure)
            else:
                return place
        raise plan.no_model(failures, self.bases[0])

    async def _find_config(self, carrier: Carrier, places: list[Place], sha256: str) -> Place:
        """Return where the configuration came from that is here; where none has it any more, the first that answers."""
        failures, answered = [], []
        for place in places:
            try:
                digest = await carrier.hash(plan.config(place))
            except Failure as failure:
                if failure.problem not in plan.NO_CONFIG:
                    raise
                failures.append(failure)
            else:
                if digest == sha256:
                    return place
                answered.append(place)
        if answered:
            return answered[0]  # another one by now: told when that is looked for
        raise plan.no_model(failures, self.bases[0])

    async def _check_config(self, carrier: Carrier, file: File) -> None:
        """Read what has arrived: it is kept as bytes, whatever it is. What is no JSON is asked for anew next time."""
        try:
            await self.means.store.read_json(file.shelf, file.key)
        except Failure as failure:
            await self.means.store.delete(file.shelf, file.key)
            raise carrier.not_json(file, failure) from failure

    async def _compare_config(self, carrier: Carrier, file: File) -> None:
        """Fetch the configuration again where it is not what its host lists: the list could only be asked for after."""
        if not file.checksum:
            return
        noted = (await self.means.journal.small_files(self.key)).get(file.key)
        if noted and noted.sha256 != file.checksum.value:
            await self.means.store.delete(file.shelf, file.key)
            await carrier.bring(file, Part())
            await self._check_config(carrier, file)

    async def _bring_manifest(self, carrier: Carrier, manifests: list[File], here: set[str]) -> list[manifest.Shard]:
        current, old = manifests
        if current.key not in here:
            try:
                await carrier.bring(current, Part())
            except Failure as failure:
                if failure.problem is not Problem.NOT_FOUND:
                    raise
                await carrier.bring(old, Part())
        try:
            return manifest.read(await self.means.store.read_json(Shelf.MODEL, current.key))
        except Failure:
            await self.means.store.delete(Shelf.MODEL, current.key)  # asked for anew next time, not kept broken
            raise

    async def _bring_together(self, carrier: Carrier, missing: list[tuple[File, Part]]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for file, part in missing:
                    group.create_task(self._bring_one(carrier, file, part))
        except ExceptionGroup as several:
            raise several.exceptions[0] from None

    async def _bring_in_turn(self, carrier: Carrier, missing: list[tuple[File, Part]], full: Failure) -> None:
        """Bring the rest of several files one by one, for which there may be room; raises `full` where there is not.

        Browsers count a file that is open as up to twice as long as it is.
        """
        left = [(file, part) for file, part in missing if not part.finished]
        await self.means.transfers.close([file.partial for file, _ in left])
        short = await self._lacking([part for _, part in left])
        if short is None or short > 0:
            raise full
        for file, part in left:
            await carrier.bring(file, part)
            self._arrived(now=True)

    async def _bring_one(self, carrier: Carrier, file: File, part: Part) -> None:
        async with carrier.pace.place() as leave:
            await carrier.bring(file, part, leave)
        self._arrived(now=True)

    async def _look_for_changes(self, carrier: Carrier, place: Place, files: list[File]) -> None:
        """Raise Failure(CHANGED_ON_HOST) when a small file that is here is another one on the host by now.

        The shards still to come would be of the new version, and those that are here of the old.
        """
        noted = await self.means.journal.small_files(self.key)
        listed = {file.key: file for file in files if file.small and file.checksum}
        for file in (plan.config(place), *plan.manifests(place), *files):
            if file.key in noted and file.key not in listed:
                try:
                    if file in files and await carrier.is_of(file, noted[file.key].version):
                        continue  # large enough not to be fetched again without a reason
                    digest = await carrier.hash(file)
                except Failure as failure:
                    if failure.problem is not Problem.NOT_FOUND:
                        raise
                    continue  # the manifest under the name that this host does not use
                listed[file.key] = plan.hashed(file, digest)
        for key, file in listed.items():
            if key in noted and file.checksum and file.checksum.value != noted[key].sha256:
                told = f"{file.url}: {noted[key].sha256}, now {file.checksum.value}"
                name, host = file.url.rpartition("/")[2], urlsplit(file.url).netloc
                raise Failure(Problem.CHANGED_ON_HOST, detail=told, host=host, file=name)

    async def _survey(self) -> None:
        """Learn what is here from what is here."""
        place = Place(self._base or self.bases[0], self.key)
        try:
            document = await self.means.store.read_json(Shelf.MODEL, plan.manifests(place)[0].key)
            files = await self._files(place, manifest.read(document))
            self.parts = [part for _, part in await self._parts(files)]
        except Failure:
            return  # not even the list of files has arrived

    async def _files(self, place: Place, shards: list[manifest.Shard]) -> list[File]:
        settings = await self.means.store.read_json(Shelf.CONFIG, plan.config(place).key)
        if not isinstance(settings, dict):
            raise Failure(Problem.BAD_CONFIG, field=plan.CONFIG)
        files = [plan.tokenizer(place, settings), *plan.shards(place, shards)]
        if self._library[0]:
            files.insert(1, plan.library(*self._library))
        if self.package:
            files.append(plan.package(place, self.package))
        return files

    async def _parts(self, files: list[File]) -> list[tuple[File, Part]]:
        journal = self.means.journal
        here, sizes, partials, small = await asyncio.gather(
            self._here(), self.means.transfers.sizes(), journal.partials(), journal.small_files(self.key)
        )
        pairs = []
        for file in files:
            total = file.nbytes or (small[file.key].nbytes if file.key in small else 0)
            if file.key in here[file.shelf]:
                pairs.append((file, Part(total, total, finished=True)))
            else:
                noted = partials.get(file.partial)
                done = sizes.get(file.partial, 0) if noted else 0
                pairs.append((file, Part(done, max(total, done, noted.version.total if noted else 0))))
        return pairs

    async def _here(self) -> dict[Shelf, set[str]]:
        keys = await asyncio.gather(*(self.means.store.keys(shelf) for shelf in Shelf))
        return {shelf: set(found) for shelf, found in zip(Shelf, keys, strict=True)}

    # Room

    async def _check_room(self, missing: list[Part]) -> None:
        short = await self._lacking(missing)
        if missing and short is not None and short > 0:
            raise Failure(Problem.STORAGE_SHORT, missing_bytes=short)

    async def _lacking(self, missing: list[Part]) -> int | None:
        """Return how many bytes there are too few for these files, 0 or less where there is room; None: not told."""
        room = await self.means.room()
        return None if room is None else _need(missing) - room

    async def _short(self, failure: Failure) -> Failure:
        """Return a failure for lack of room with the number of bytes that are missing, as far as it can be known.

        A browser that refuses while it tells of room enough (some tell everyone the same) counts as having none.
        """
        if failure.problem is Problem.STORAGE_SHORT:
            return failure
        missing = [part for part in self.parts if not part.finished]
        need = _need(missing)
        if not need:  # no room for the list of files
            return failure
        short = await self._lacking(missing)
        return Failure(
            Problem.STORAGE_SHORT, detail=failure.detail, missing_bytes=short if short and short > 0 else need
        )

    # Progress

    def _arrived(self, *, now: bool = False) -> None:
        now = now or self.waiting is not self._told  # that it waits, or no longer does, is told at once
        self._told = self.waiting
        if self._meter.sample(self.done, now=now):
            parts = [[part.done, part.total, part.finished] for part in self.parts]
            waiting = self.waiting.to_json() if self.waiting else None
            self.means.tabs.say({"job": self.model_id, "parts": parts, "waiting": waiting})
            self.changed()


def _need(missing: list[Part]) -> int:
    """Bytes of room that these files take: a file is there twice for a moment, while it is moved into the store."""
    left = [max(0, part.total - part.done) for part in missing]
    return sum(left) + max((part.total for part in missing), default=0)
