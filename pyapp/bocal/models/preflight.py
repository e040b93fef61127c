"""Will this model work here? Answered by small requests, before a byte of weights is fetched.

Each check is a row with a verdict and a sentence. They run at once where one does not need another's answer; a failure
leaves those that need it unanswered.
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bocal.errors import Failure, Problem
from bocal.models import figures, library, metadata, source
from bocal.models.catalogue import Catalogue
from bocal.models.device import Device
from bocal.models.figures import Figures
from bocal.models.library import Choice, Files
from bocal.models.record import Model
from bocal.protocols import Network
from bocal.weights import manifest, plan


class Verdict(StrEnum):
    """How a check stands. UNKNOWN: it needs another's answer, or a device that is not there."""

    RUNNING = "running"
    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Name(StrEnum):
    """The checks, in the order they are shown."""

    ADDRESS = "address"
    CONFIG = "config"
    WEIGHTS = "weights"
    TOKENIZER = "tokenizer"
    LIBRARY = "library"
    GPU = "gpu"
    MEMORY = "memory"
    STORAGE = "storage"


@dataclass(frozen=True)
class Check:
    """One row: `words` is the key of its sentence, which `facts` fill; after a failed request, `failure` tells."""

    verdict: Verdict = Verdict.RUNNING
    words: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)
    failure: Failure | None = None


DTYPE_BYTES = {"float32": 4, "uint32": 4, "int32": 4, "float16": 2, "bfloat16": 2, "uint16": 2, "int8": 1, "uint8": 1}
TIGHT = 0.8  # share of what there is, above which it is called tight


@dataclass
class Preflight:
    """The checks of one model on one machine (`device` None: none to ask, as on a command line).

    `here` is the number of bytes of its weights that are on this machine already. After `run`, `base` is where the
    files really are and `choice` which library runs it; both are None where that was not found out.
    """

    model: Model
    device: Device | None
    network: Network
    catalogue: Catalogue
    changed: Callable[[], None] = lambda: None
    here: int = 0
    checks: dict[Name, Check] = field(default_factory=lambda: dict.fromkeys(Name, Check()))
    base: str | None = None
    choice: Choice | None = None
    figures: Figures | None = None
    nbytes: int = 0

    @property
    def done(self) -> bool:
        """Whether every check has its verdict."""
        return all(check.verdict is not Verdict.RUNNING for check in self.checks.values())

    def count(self, verdict: Verdict) -> int:
        """Return how many checks have this verdict."""
        return sum(check.verdict is verdict for check in self.checks.values())

    async def run(self) -> None:
        """Run every check; never raises for what is wrong with the model."""
        config = await self._find_config()
        if config is None or self.base is None:
            self._leave_unanswered()
            return
        self._say(Name.ADDRESS, Verdict.PASSED, "check.address", host=self.base.split("/")[2], url=self.base)
        listing = asyncio.ensure_future(library.list_files(self.base, self.network))
        weights = asyncio.ensure_future(self._read_manifest(listing))
        tokenizer = asyncio.ensure_future(self._check_tokenizer(config))
        try:
            self._check_config(config)
            tensors = await weights
            await asyncio.gather(tokenizer, self._check_library(config, await listing, tensors))
            self._check_gpu(tensors)
            self._check_memory(config, tensors)
            self._check_storage(tensors)
        finally:
            for task in (listing, weights, tokenizer):
                task.cancel()
        self._leave_unanswered()

    async def _find_config(self) -> Any:
        """Return the parsed mlc-chat-config.json at the first address that has one; sets `base`."""
        addresses = source.bases(self.model.url)
        for base in addresses:
            try:
                config = await self.network.read_json(base + plan.CONFIG)
            except Failure as failure:
                if failure.problem is not Problem.NOT_FOUND:
                    self._fail(Name.CONFIG if failure.problem is Problem.NOT_JSON else Name.ADDRESS, failure)
                    return None
            else:
                self.base = base
                return config
        self._fail(Name.CONFIG, Failure(Problem.NO_MODEL_THERE, url=self.model.url))
        return None

    def _check_config(self, config: Any) -> None:
        try:
            self.figures = read = figures.of_config(config)
        except Failure as failure:
            self._fail(Name.CONFIG, failure)
            return
        window = _window(config, self.model)
        kind, quantisation = read.model_type.capitalize(), read.quantisation
        self._say(Name.CONFIG, Verdict.PASSED, "check.config", kind=kind, quantisation=quantisation, window=window)

    async def _read_manifest(self, listing: "asyncio.Future[Files]") -> tuple[metadata.Tensor, ...] | None:
        assert self.base  # noqa: S101 - set before this is called
        verdict, words = Verdict.PASSED, "check.weights"
        try:
            try:
                document = await self.network.read_json(self.base + manifest.NAME)
            except Failure as failure:
                if failure.problem is not Problem.NOT_FOUND:
                    raise
                document = await self.network.read_json(self.base + manifest.OLD_NAME)
                verdict, words = Verdict.WARNED, "check.weights.old"
            shards = manifest.read(document)
            tensors = metadata.read_tensors(document)
        except Failure as failure:
            self._fail(Name.WEIGHTS, failure)
            return None
        self.nbytes = sum(shard.nbytes for shard in shards)
        files = await listing
        for shard in shards:
            if files and files.get(shard.path, -1) not in {shard.nbytes, None}:
                there = files.get(shard.path)
                words = "check.weights.missing" if there is None else "check.weights.length"
                self._say(Name.WEIGHTS, Verdict.FAILED, words, file=shard.path, wanted_bytes=shard.nbytes,
                          found_bytes=there or 0)  # fmt: skip
                return tensors
        self._say(Name.WEIGHTS, verdict, words, parts=len(shards), total_bytes=self.nbytes)
        return tensors

    async def _check_tokenizer(self, config: Any) -> None:
        assert self.base  # noqa: S101
        try:
            file = plan.tokenizer(plan.Place(self.base, self.base), config if isinstance(config, dict) else {})
            if not await self.network.exists(file.url):
                raise Failure(Problem.NOT_FOUND, url=file.url)
        except Failure as failure:
            self._fail(Name.TOKENIZER, failure)
        else:
            self._say(Name.TOKENIZER, Verdict.PASSED, "check.tokenizer", file=file.url.rpartition("/")[2])

    async def _check_library(self, config: Any, files: Files, tensors: tuple[metadata.Tensor, ...] | None) -> None:
        assert self.base  # noqa: S101
        if tensors is None or self.figures is None:
            return
        try:
            self.choice = choice = await library.choose(
                self.model, self.base, files, config, tensors, self.network, self.catalogue
            )
        except Failure as failure:
            words = "check.library.none" if failure.facts.get("nearest") else ""
            self._set(Name.LIBRARY, Check(Verdict.FAILED, words, failure.facts, failure))
            return
        name = library.address(choice.library, self.catalogue).rpartition("/")[2]
        if choice.unreadable:
            self._say(Name.LIBRARY, Verdict.FAILED, f"check.library.{choice.unreadable}", name=name)
        elif choice.failure:
            # One that the model's author or its own host was to give must be there; a standard one may be asked later.
            sure = choice.library.key and choice.failure.problem is not Problem.NOT_FOUND
            verdict = Verdict.WARNED if sure else Verdict.FAILED
            self._set(Name.LIBRARY, Check(verdict, "check.library.unasked", {"name": name}, choice.failure))
        elif choice.fatal:
            first = choice.fatal[0]
            words = "check.library.lacks" if first.kind is metadata.Kind.MISSING else "check.library.differs"
            self._say(
                Name.LIBRARY, Verdict.FAILED, words, name=name, count=len(choice.fatal),
                total=len(tensors), tensor=first.name, wanted=first.wanted, found=first.found,
            )  # fmt: skip
        elif choice.answers_differ:
            differ = ", ".join(choice.answers_differ)
            self._say(Name.LIBRARY, Verdict.WARNED, "check.library.worse", name=name, figures=differ)
        else:
            asked = len(choice.metadata.parameters) if choice.metadata else 0
            self._say(Name.LIBRARY, Verdict.PASSED, "check.library.fits", name=name, total=asked)

    def _check_gpu(self, tensors: tuple[metadata.Tensor, ...] | None) -> None:
        if self.device is None or self.figures is None:
            return
        if not self.device.can_run:
            self._fail(Name.GPU, Failure(Problem.NO_WEBGPU))
            return
        needs_f16 = "f16" in self.figures.quantisation or "shader-f16" in self.model.features
        if needs_f16 and not self.device.f16:
            self._fail(Name.GPU, Failure(Problem.NO_F16))
            return
        largest = max(map(_nbytes, tensors or ()), default=0)
        if largest > self.device.largest_buffer:
            self._say(Name.GPU, Verdict.FAILED, "check.gpu.buffer", tensor_bytes=largest,
                      limit_bytes=self.device.largest_buffer)  # fmt: skip
            return
        self._say(Name.GPU, Verdict.PASSED, "check.gpu.f16" if needs_f16 else "check.gpu")

    def _check_memory(self, config: Any, tensors: tuple[metadata.Tensor, ...] | None) -> None:
        if self.device is None or self.figures is None or tensors is None:
            return
        need = self.nbytes + kv_cache_bytes(self.figures, _window(config, self.model))
        room = self.device.memory
        if room is None:
            self._say(Name.MEMORY, Verdict.PASSED, "check.memory.unknown", need_bytes=need)
        elif need > room:
            self._say(Name.MEMORY, Verdict.WARNED, "check.memory.over", need_bytes=need, room_bytes=room)
        else:
            self._say(Name.MEMORY, Verdict.PASSED, "check.memory", need_bytes=need, room_bytes=room)

    def _check_storage(self, tensors: tuple[metadata.Tensor, ...] | None) -> None:
        if self.device is None or tensors is None:
            return
        need, free = max(0, self.nbytes - self.here), self.device.storage_free
        if free is None:
            self._say(Name.STORAGE, Verdict.WARNED, "check.storage.unknown", need_bytes=need)
        elif need > free:
            self._say(Name.STORAGE, Verdict.FAILED, "check.storage.full", need_bytes=need, free_bytes=free)
        else:
            self._say(Name.STORAGE, Verdict.PASSED, "check.storage", need_bytes=need, free_bytes=free)

    def _leave_unanswered(self) -> None:
        for name, check in self.checks.items():
            if check.verdict is Verdict.RUNNING:
                self._say(name, Verdict.UNKNOWN, "check.unknown")

    def _fail(self, name: Name, failure: Failure) -> None:
        self._set(name, Check(Verdict.FAILED, failure=failure))

    def _say(self, name: Name, verdict: Verdict, words: str, /, **facts: str | int) -> None:
        self._set(name, Check(verdict, words, facts))

    def _set(self, name: Name, check: Check) -> None:
        self.checks[name] = check
        self.changed()


def kv_cache_bytes(read: Figures, window: int) -> int:
    """Return the bytes of the key-value cache for a context window in tokens.

    A key and a value for each layer, key-value head, head dimension and token, in the model's own float type. Figures
    that are not known count as nothing.
    """
    width = 2 if "f16" in read.quantisation else 4
    return 2 * (read.layers or 0) * (read.kv_heads or 0) * (read.head_dim or 0) * window * width


def _window(config: Any, model: Model) -> int:
    told = {**(config if isinstance(config, dict) else {}), **model.overrides}.get("context_window_size", 0)
    return told if isinstance(told, int) and told > 0 else 0


def _nbytes(tensor: metadata.Tensor) -> int:
    return math.prod(tensor.shape) * DTYPE_BYTES.get(tensor.dtype, 4)
