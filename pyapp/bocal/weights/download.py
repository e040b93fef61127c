"""A download: a job with progress, pause and cancel, that leaves every finished file where WebLLM finds it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from bocal.errors import Failure, Problem
from bocal.protocols import Shelf, Store
from bocal.weights import manifest, plan
from bocal.weights.plan import File, Place

PARALLEL = 4  # files at a time
SHOW_EVERY = 0.1  # seconds between two updates of what is shown
RATE_WINDOW = 5.0  # seconds that the shown rate looks back on


class State(StrEnum):
    """Where a job stands; PAUSED and FAILED can be run again and go on where they stopped."""

    RUNNING = "running"
    PAUSED = "paused"
    FAILED = "failed"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass
class Part:
    """One file on its way: bytes so far, and its length (0 while unknown)."""

    file: File
    done: int = 0
    total: int = 0
    finished: bool = False


@dataclass
class Download:
    """The job of bringing one model here.

    `bases` are the addresses to try for its files, `key` the base of its keys; `find_library(base)` returns the URL and
    the key of its library once the base that answers is known; `package` is the record's `model_manifest`, if any;
    `changed()` is called whenever something can be shown; `clock()` is in seconds.
    """

    model_id: str
    bases: list[str]
    key: str
    store: Store
    find_library: Callable[[str], Awaitable[tuple[str, str]]]
    clock: Callable[[], float]
    changed: Callable[[], None]
    package: str = ""
    state: State = State.RUNNING
    failure: Failure | None = None
    parts: list[Part] = field(default_factory=list)
    _samples: list[tuple[float, int]] = field(default_factory=list)
    _task: "asyncio.Task[None] | None" = None
    _whole: "asyncio.Task[State] | None" = None

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
        if self.state is not State.RUNNING or len(self._samples) < 2:
            return 0.0
        (begin, before), (end, after) = self._samples[0], self._samples[-1]
        return (after - before) / (end - begin) if end > begin else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the end at this rate, or None when that cannot be told."""
        rate = self.rate
        return (self.total - self.done) / rate if rate > 0 else None

    async def run(self) -> State:
        """Bring what is missing; returns DONE, PAUSED, CANCELLED or FAILED (with `failure` set).

        Asking a job that runs already waits for its end with it.
        """
        if self._whole is None or self._whole.done():
            self.state, self.failure = State.RUNNING, None
            self._samples.clear()
            self._task = asyncio.ensure_future(self._bring())
            self._whole = asyncio.ensure_future(self._end(self._task))
        return await asyncio.shield(self._whole)

    async def _end(self, task: "asyncio.Task[None]") -> State:
        try:
            await task
        except asyncio.CancelledError:
            pass  # by pause() or cancel(), which have set the state
        except Failure as failure:
            self.state, self.failure = State.FAILED, failure
        else:
            self.state = State.DONE
        self.changed()
        return self.state

    def pause(self) -> None:
        """Stop; finished files stay, and `run` goes on with the others."""
        self._stop(State.PAUSED)

    def cancel(self) -> None:
        """Stop for good; the caller decides whether what arrived is deleted."""
        self._stop(State.CANCELLED)

    def _stop(self, state: State) -> None:
        running = self.state is State.RUNNING
        self.state = state
        if running and self._task:
            self._task.cancel()
        self.changed()

    async def _bring(self) -> None:
        self.parts = []
        here = {shelf: set(await self.store.keys(shelf)) for shelf in Shelf}
        place = await self._bring_config(here[Shelf.CONFIG])
        settings = await self.store.read_json(Shelf.CONFIG, plan.config(place).key)
        if not isinstance(settings, dict):
            raise Failure(Problem.BAD_CONFIG, field=plan.CONFIG)
        shards = await self._bring_manifest(place, here[Shelf.MODEL])
        url, key = await self.find_library(place.base)
        files = [plan.tokenizer(place, settings), plan.library(url, key), *plan.shards(place, shards)]
        if self.package:
            files.append(plan.package(place, self.package))
        self.parts = [self._part(file, file.key in here[file.shelf]) for file in files]
        self.changed()
        missing = iter([part for part in self.parts if not part.finished])
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(PARALLEL):
                    group.create_task(self._bring_parts(missing))
        except ExceptionGroup as several:
            raise several.exceptions[0] from None

    async def _bring_config(self, here: set[str]) -> Place:
        for number, base in enumerate(self.bases):
            place = Place(base, self.key)
            file = plan.config(place)
            if file.key in here and len(self.bases) == 1:
                return place
            try:
                await self._fetch(file)
            except Failure as failure:
                if failure.problem is not Problem.NOT_FOUND:
                    raise
                if number == len(self.bases) - 1:
                    raise Failure(Problem.NO_MODEL_THERE, detail=failure.detail, url=self.bases[0]) from failure
            else:
                return place
        raise AssertionError("bases is never empty")

    async def _bring_manifest(self, place: Place, here: set[str]) -> list[manifest.Shard]:
        current, old = plan.manifests(place)
        if current.key not in here:
            try:
                await self._fetch(current)
            except Failure as failure:
                if failure.problem is not Problem.NOT_FOUND:
                    raise
                await self._fetch(old)
        try:
            return manifest.read(await self.store.read_json(Shelf.MODEL, current.key))
        except Failure:
            await self.store.delete(Shelf.MODEL, current.key)  # asked for anew next time, not kept broken
            raise

    async def _bring_parts(self, missing: Iterator[Part]) -> None:
        for part in missing:

            def arrived(done: int, total: int, part: Part = part) -> None:
                part.done, part.total = done, max(part.total, total)
                self._sample()

            await self._fetch(part.file, arrived)
            part.finished = True
            part.done = part.total = max(part.done, part.total)
            self._sample(now=True)

    async def _fetch(self, file: File, arrived: Callable[[int, int], None] = lambda _done, _total: None) -> None:
        await self.store.fetch_into(file.shelf, file.key, file.url, file.form, file.nbytes, arrived)

    def _part(self, file: File, here: bool) -> Part:
        known = file.nbytes or 0
        return Part(file, done=known if here else 0, total=known, finished=here)

    def _sample(self, *, now: bool = False) -> None:
        time = self.clock()
        if not now and self._samples and time - self._samples[-1][0] < SHOW_EVERY:
            return
        self._samples = [sample for sample in self._samples if time - sample[0] <= RATE_WINDOW]
        self._samples.append((time, self.done))
        self.changed()
