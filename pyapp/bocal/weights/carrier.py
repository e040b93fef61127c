"""Brings one file after another from its host to the store, however often the way breaks off."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bocal.errors import Failure, Problem, is_page, not_json
from bocal.protocols import Form, Head, OtherLength, Store, Tabs, Transfers
from bocal.weights import answer, retry
from bocal.weights.answer import Validator
from bocal.weights.journal import Journal, PartialNote, SmallNote
from bocal.weights.pace import Pace
from bocal.weights.plan import File

STALL = 20.0  # seconds without a byte after which a request is given up and made anew
MOST_DOUBTS = 5  # times in a row that a host which was read before seems to forbid it, before that is believed
NEAR = 0.95  # of that: an alarm set this far ahead is left as it is, since each setting costs time


async def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Means:
    """What downloads reach the world through.

    `room()` tells how many bytes may still be kept, or None; `clock()` is in seconds; `sleep(seconds)` waits.
    `keeping` is held while a file moves into the store: one at a time, for the memory that takes.
    """

    store: Store
    transfers: Transfers
    journal: Journal
    tabs: Tabs
    room: Callable[[], Awaitable[int | None]]
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    keeping: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class Part:
    """How far one file is: bytes so far, and its length (0 while unknown)."""

    done: int = 0
    total: int = 0
    finished: bool = False


@dataclass
class Carrier:
    """Carries the files of one model, whose key base is `model`; `changed()` is called as bytes arrive.

    `partials` are the partial files that were here when it began; `waiting` is why a file waits, while one does.
    """

    means: Means
    model: str
    changed: Callable[[], None]
    partials: dict[str, PartialNote] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)
    waiting: Failure | None = None
    _not_before: float = 0.0  # on the clock: what a host asked for counts for every file
    _queued: set[asyncio.Timeout] = field(default_factory=set)  # of what waits for its turn, as long as others get on
    _was_read: set[str] = field(default_factory=set)  # hosts that let this page read an answer
    _types: dict[str, str] = field(default_factory=dict)  # Content-Type of the last answer, by URL

    async def bring(self, file: File, part: Part, fetched: Callable[[], Awaitable[None]] = nothing) -> None:
        """Fetch a file, check it and keep it, unless another tab has done so meanwhile.

        `fetched()` is called once its host is asked no more. Raises the Failure that stands in the way for good.
        """
        async with self._alone(file) as waited:
            if not (waited and file.key in await self.means.store.keys(file.shelf, file.key)):
                await self._bring(file, part, fetched)
        part.finished = True
        part.done = part.total = max(part.done, part.total)
        self.changed()

    async def hash(self, file: File) -> str:
        """Return what a small file on its host hashes to now; keeps nothing."""
        async with self._alone(file):
            digest = await self._bring(file, Part())
            await self._drop(file)
        return digest

    async def is_of(self, file: File, version: Validator) -> bool:
        """Whether a file's host still tells of this version; asks for no more than the answer's headers."""
        try:
            head = await self._ask(file, 0, "HEAD")
            await self.means.transfers.abort(head)
            now = answer.start(head, 0, Validator())[1]
            return version.is_exact and now.is_exact and version.allows(now)
        except Failure:
            return False

    async def close(self) -> None:
        """Return once no partial file of the model is open, so that any tab can delete it."""
        await self.means.transfers.close([name for name, note in self.partials.items() if note.model == self.model])

    def not_json(self, file: File, error: Failure) -> Failure:
        """Name what came in the place of a JSON file."""
        return not_json(file.url, error, self._types.get(file.url, ""))

    @asynccontextmanager
    async def _alone(self, file: File) -> AsyncIterator[bool]:
        """Hold a file, among all tabs; yields whether another one held it meanwhile."""
        release = await self.means.tabs.hold(lock(file.partial), wait=False)
        waited = release is None
        release = release or await self.means.tabs.hold(lock(file.partial), wait=True)
        try:
            yield waited
        finally:
            if release:
                release()

    async def _bring(self, file: File, part: Part, fetched: Callable[[], Awaitable[None]] | None = None) -> str:
        """Fetch a file and check it; keep it where `fetched` is given. Returns its hash."""
        tries, wrong, doubts = 0, 0, 0
        short: set[int] = set()  # lengths at which the host has ended the file before its time
        while True:
            before = part.done
            try:
                length, digest = await self._fetch(file, part)
                if file.nbytes is not None and length < file.nbytes:
                    again = length in short
                    short.add(length)
                    raise _cut_short(file, length, file.nbytes, final=again)
                failure = _wrong(file, length, digest)
                if failure is None:
                    if fetched:
                        async with self.means.keeping:
                            await fetched()
                            await _whole(self._keep(file, length, digest))
                    self.waiting = None
                    self.pace.went_well()
                    return digest
            except OtherLength as error:
                failure = Failure(Problem.STORAGE_FAILED, detail=f"{file.partial}: {error}")
            except Failure as error:
                tries = 0 if error.problem is Problem.OFFLINE else 1 if part.done > before else tries + 1
                doubts = doubts + 1 if error.problem is Problem.NO_CORS else 0
                if doubts in range(1, MOST_DOUBTS) and _host(file) in self._was_read:
                    # A connection that breaks before the answer looks the same, and this host has been read before.
                    error = Failure(Problem.UNREACHABLE, detail=error.detail, host=_host(file))
                await self._wait(error, tries)
                continue
            await self._drop(file)
            part.done, wrong = 0, wrong + 1
            self.changed()
            if wrong == 2:
                raise failure

    async def _fetch(self, file: File, part: Part) -> tuple[int, str]:
        """Write the rest of a file into its partial file; returns its length and hash."""
        kept = self.partials.get(file.partial)
        begin = part.done if kept and _may_go_on(file, kept.version) else 0
        if kept and begin and begin == (file.nbytes or kept.version.total):  # it only was not kept yet
            if not file.algorithm:
                return begin, ""
            length, digest = await self.means.transfers.hash(file.partial, file.algorithm)
            if length != begin:
                raise OtherLength(f"{length} bytes are left")
            return length, digest
        asked_to_wait = self._not_before - self.means.clock()
        if asked_to_wait > 0:
            await self.means.sleep(asked_to_wait)
        while True:
            head = await self._ask(file, begin)
            try:
                at, version = answer.start(head, begin, kept.version if kept else Validator())
                self._was_read.add(_host(file))
                media_type = self._types[file.url] = head.headers.get("Content-Type", "")
                if file.small and file.form is Form.BYTES and is_page(media_type):  # JSON is found out when it is read
                    raise Failure(Problem.WEB_PAGE, detail=f"{file.url}: {media_type}", url=file.url)
                if at is None:  # what is kept is of another version, or longer than the file: this file anew
                    await self.means.transfers.abort(head)
                    await self._drop(file)
                    begin, kept, part.done = 0, None, 0
                    continue
                note = PartialNote(self.model, version)
                if note != kept:
                    await self.means.journal.write_partial(file.partial, note)
                    self.partials[file.partial] = note
            except BaseException:
                await self.means.transfers.abort(head)
                raise
            length, digest = await self._take(file, part, head, at)
            if head.status == 206 and file.nbytes is None and length < version.total:  # not all that was asked for
                raise _cut_short(file, length, version.total)
            return length, digest

    async def _ask(self, file: File, begin: int, method: str = "GET") -> Head:
        try:
            async with asyncio.timeout(STALL) as limit:
                self._queued.add(limit)  # the browser asks one host for few files at a time
                return await self.means.transfers.ask(file.url, begin, method)
        except TimeoutError:
            raise _stalled(file) from None
        finally:
            self._queued.discard(limit)

    async def _take(self, file: File, part: Part, head: Head, at: int) -> tuple[int, str]:
        part.done = at
        part.total = file.nbytes or max(part.total, self.partials[file.partial].version.total)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(STALL) as limit:
                self._queued.add(limit)  # what is here already of files before it may be hashed first

                def arrived(done: int) -> None:
                    now = loop.time()
                    self._queued.discard(limit)
                    for one in (limit, *self._queued):
                        if not one.expired() and (one.when() or 0) < now + NEAR * STALL:
                            one.reschedule(now + STALL)
                    self.waiting = None
                    part.done, part.total = done, max(part.total, done)
                    self.changed()

                length, digest = await self.means.transfers.take(
                    head, file.partial, at, file.algorithm, file.nbytes or 0, arrived
                )
        except TimeoutError:
            raise _stalled(file) from None
        finally:
            self._queued.discard(limit)
        part.done, part.total = length, file.nbytes or length
        return length, digest

    async def _keep(self, file: File, nbytes: int, digest: str) -> None:
        if file.small:  # noted before: what is kept without its hash could change on its host unseen
            version = self.partials[file.partial].version
            await self.means.journal.write_small_file(SmallNote(self.model, file.key, digest, nbytes, version))
        try:
            await self.means.transfers.keep(file.partial, nbytes, file.shelf, file.key, file.form)
        except Failure as failure:
            if failure.problem is Problem.NOT_JSON:
                await self._drop(file)
                raise self.not_json(file, failure) from failure
            raise
        self.partials.pop(file.partial, None)
        await self.means.journal.end_partial(file.partial)

    async def _drop(self, file: File) -> None:
        await self.means.transfers.drop(file.partial)
        self.partials.pop(file.partial, None)
        await self.means.journal.end_partial(file.partial)

    async def _wait(self, failure: Failure, tries: int) -> None:
        """Wait until there is a point in trying again; raises the failure when there is none."""
        seconds = retry.wait(failure, tries)
        if seconds is None:
            raise failure
        self.pace.had_trouble()
        self.waiting = failure
        self.changed()
        if failure.problem is Problem.OFFLINE:
            await self.means.transfers.online()
        now = self.means.clock()
        if "seconds" in failure.facts:
            self._not_before = max(self._not_before, now + seconds)
        await self.means.sleep(max(seconds, self._not_before - now))


def lock(partial: str) -> str:
    """Return the name of the lock that whoever writes a partial file holds."""
    return f"bocal:file:{partial}"


async def _whole(work: Coroutine[Any, Any, None]) -> None:
    """Do something to its end, even where it is cancelled meanwhile: what is committed is noted too."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _may_go_on(file: File, version: Validator) -> bool:
    """Whether a file put together from two answers would be found out, were they of different versions."""
    return bool(file.checksum or version.is_exact)


def _wrong(file: File, length: int, digest: str) -> Failure | None:
    too_long = file.nbytes is not None and length > file.nbytes
    if too_long or (file.checksum and digest != file.checksum.value):
        told = f"{file.url}: {length} bytes, {file.algorithm} {digest}, not {file.nbytes}, {file.checksum}"
        return Failure(Problem.WRONG_BYTES, detail=told, host=_host(file), file=file.url.rpartition("/")[2])
    return None


def _cut_short(file: File, length: int, wanted: int, *, final: bool = False) -> Failure:
    problem = Problem.WRONG_LENGTH if final else Problem.CUT_SHORT
    facts = {"bytes": length, "wanted_bytes": wanted}
    return Failure(problem, detail=f"{file.url}: {length} bytes, not {wanted}", host=_host(file), **facts)


def _stalled(file: File) -> Failure:
    return Failure(Problem.STALLED, detail=f"{file.url}: no byte for {STALL:.0f} s", host=_host(file))


def _host(file: File) -> str:
    return urlsplit(file.url).netloc
