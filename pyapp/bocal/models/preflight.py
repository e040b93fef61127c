"""Will this model work here? Answered by small requests, before a byte of weights is fetched.

Each check is a row with a verdict and a sentence. They run at once where one does not need another's answer; a failure
leaves those that need it unanswered.
"""

import asyncio
import math
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from bocal.errors import Failure, Problem
from bocal.models import figures, library, metadata, overrides, source, trust
from bocal.models.catalogue import Catalogue
from bocal.models.device import Device
from bocal.models.figures import Figures
from bocal.models.library import Choice, Files, Origin
from bocal.models.overrides import Window
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
    TRUST = "trust"


@dataclass(frozen=True)
class Check:
    """One row: `words` is the key of its sentence, which `facts` fill; after a failed request, `failure` tells.

    `final` marks a failure that nobody can overrule: what is at the address is no MLC model. `detail` is for those who
    want to know more.
    """

    verdict: Verdict = Verdict.RUNNING
    words: str = ""
    facts: Mapping[str, str | float] = field(default_factory=dict)
    failure: Failure | None = None
    final: bool = False
    detail: str = ""


DTYPE_BYTES = {"float32": 4, "uint32": 4, "int32": 4, "float16": 2, "bfloat16": 2, "uint16": 2, "int8": 1, "uint8": 1}
# Of a failed row about a file: the host answered, and what it has is not what a model needs.
FINAL = frozenset({
    Problem.NO_MODEL_THERE, Problem.NOT_FOUND, Problem.NOT_JSON, Problem.WEB_PAGE, Problem.BAD_CONFIG,
    Problem.BAD_MANIFEST,
})  # fmt: skip
MOST_DIFFERENCES = 30  # of which a detail tells


@dataclass
class Preflight:
    """The checks of one model on one machine (`device` None: none to ask, as on a command line).

    `here` is the number of bytes of its weights that are on this machine already; `trusted` holds the authors
    (`trust.author`) whose libraries the visitor has let run before. After `run`, `base` is where the files really are
    and `choice` which library runs it; both are None where that was not found out.
    """

    model: Model
    device: Device | None
    network: Network
    catalogue: Catalogue
    changed: Callable[[], None] = lambda: None
    here: int = 0
    trusted: Container[str] = ()
    checks: dict[Name, Check] = field(default_factory=lambda: dict.fromkeys(Name, Check()))
    base: str | None = None
    choice: Choice | None = None
    figures: Figures | None = None
    config: Any = None
    window: Window | None = None
    nbytes: int = 0
    tensors: int = 0

    @property
    def done(self) -> bool:
        """Whether every check has its verdict."""
        return all(check.verdict is not Verdict.RUNNING for check in self.checks.values())

    def count(self, verdict: Verdict) -> int:
        """Return how many checks have this verdict; trust is for the visitor to judge, and not counted."""
        return sum(check.verdict is verdict for name, check in self.checks.items() if name is not Name.TRUST)

    @property
    def refusal(self) -> Check | None:
        """The failure that nobody can overrule, if there is one."""
        return next((check for check in self.checks.values() if check.final), None)

    @property
    def needed(self) -> int:
        """The bytes of memory it takes while running: weights and key-value cache; 0 while not known."""
        if self.figures is None or self.window is None or not self.nbytes:
            return 0
        return self.nbytes + kv_cache_bytes(self.figures, self.window.tokens)

    async def run(self) -> None:
        """Run every check; never raises for what is wrong with the model."""
        self.config = config = await self._find_config()
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
            self._check_memory()
            self._check_storage(tensors)
            self._check_trust()
        finally:
            for task in (listing, weights, tokenizer):
                task.cancel()
        self._leave_unanswered()

    def use(self, set_by_visitor: Mapping[str, Any]) -> None:
        """Judge the window and the memory anew with other overrides; asks nothing of the host."""
        self.model = replace(self.model, overrides=set_by_visitor)
        if self.config is not None and self.window is not None:
            self._check_config(self.config)
            self._check_memory()
            if self.choice:
                self._judge(self.choice)

    async def _find_config(self) -> Any:
        """Return the parsed mlc-chat-config.json at the first address that has one; sets `base`."""
        failures = []
        for base in source.bases(self.model.url):
            try:
                config = await self.network.read_json(base + plan.CONFIG)
            except Failure as failure:
                failures.append(failure)
                if failure.problem not in plan.NO_CONFIG:
                    break
            else:
                self.base = base
                return config
        told = plan.no_model(failures, self.model.url)
        self._fail(Name.CONFIG if told.problem in FINAL else Name.ADDRESS, told)
        return None

    def _check_config(self, config: Any) -> None:
        try:
            self.figures = read = figures.of_config(config)
        except Failure as failure:
            self._fail(Name.CONFIG, failure)
            return
        if not isinstance(config.get("conv_template"), dict) and not read.model_type.startswith("bert"):
            self._fail(Name.CONFIG, Failure(Problem.BAD_CONFIG, field="conv_template"))
            return
        self.window = overrides.window(config, self.model.overrides)
        kind, quantisation = read.model_type.capitalize(), read.quantisation
        words = "check.config" if self.window.sliding < 0 else "check.config.sliding"
        self._say(Name.CONFIG, Verdict.PASSED, words, kind=kind, quantisation=quantisation, window=self.window.tokens)

    async def _read_manifest(self, listing: "asyncio.Future[Files]") -> tuple[metadata.Tensor, ...] | None:
        assert self.base  # noqa: S101 - set before this is called
        verdict, words = Verdict.PASSED, "check.weights"
        try:
            try:
                document = await self.network.read_json(self.base + manifest.NAME)
            except Failure as failure:
                if failure.problem is not Problem.NOT_FOUND:
                    raise
                document = await self._read_old_manifest(failure)
                verdict, words = Verdict.WARNED, "check.weights.old"
            shards = manifest.read(document)
            tensors = metadata.read_tensors(document)
        except Failure as failure:
            self._fail(Name.WEIGHTS, failure)
            return None
        self.nbytes = sum(shard.nbytes for shard in shards)
        files = await listing
        for shard in shards:
            name = unquote(shard.path)  # as a listing has it
            if files and files.get(name, -1) not in {shard.nbytes, None}:
                there = files.get(name)
                words = "check.weights.missing" if there is None else "check.weights.length"
                self._say(Name.WEIGHTS, Verdict.FAILED, words, file=name, wanted_bytes=shard.nbytes,
                          found_bytes=there or 0)  # fmt: skip
                return tensors
        if len(shards) == 1 and verdict is Verdict.PASSED:
            words = "check.weights.single"
        self._say(Name.WEIGHTS, verdict, words, parts=len(shards), total_bytes=self.nbytes)
        return tensors

    async def _read_old_manifest(self, missing: Failure) -> Any:
        """Return the manifest under its name before WebLLM 0.2.80; raises `missing` when there is none either."""
        try:
            return await self.network.read_json(f"{self.base}{manifest.OLD_NAME}")
        except Failure as failure:
            raise (missing if failure.problem is Problem.NOT_FOUND else failure) from failure

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
        self.tensors = len(tensors)
        try:
            self.choice = choice = await library.choose(
                self.model, self.base, files, config, tensors, self.network, self.catalogue
            )
        except Failure as failure:
            words = "check.library.none" if failure.facts.get("nearest") else ""
            self._set(Name.LIBRARY, Check(Verdict.FAILED, words, failure.facts, failure))
        else:
            self._judge(choice)

    def _judge(self, choice: Choice) -> None:
        name = library.address(choice.library, self.catalogue).rpartition("/")[2]
        if choice.unreadable:
            self._say(Name.LIBRARY, Verdict.FAILED, f"check.library.{choice.unreadable}", name=name)
        elif choice.failure:
            # One that the model's author or its own host was to give must be there; a standard one may be asked later.
            sure = choice.library.key and choice.failure.problem is not Problem.NOT_FOUND
            verdict = Verdict.WARNED if sure else Verdict.FAILED
            self._set(Name.LIBRARY, Check(verdict, "check.library.unasked", {"name": name}, choice.failure))
        elif choice.fatal:
            self._set(Name.LIBRARY, _differing(choice, name, self.tensors))
        elif self.window and self.window.sliding > 0 and not choice.slides:
            self._say(Name.LIBRARY, Verdict.FAILED, "check.library.no_sliding", name=name)
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

    def _check_memory(self) -> None:
        need = self.needed
        if self.device is None or not need:
            return
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

    def _check_trust(self) -> None:
        if self.choice is None:
            return
        author = trust.author(self.choice.library.url) if self.choice.library.url else ""
        if not author:
            self._say(Name.TRUST, Verdict.PASSED, "check.trust.standard")
        elif author in self.trusted:
            self._say(Name.TRUST, Verdict.PASSED, "check.trust.known", author=author)
        else:
            self._say(Name.TRUST, Verdict.WARNED, "check.trust", author=author)

    def _leave_unanswered(self) -> None:
        for name, check in self.checks.items():
            if check.verdict is Verdict.RUNNING:
                self._say(name, Verdict.UNKNOWN, "check.unknown")

    def _fail(self, name: Name, failure: Failure) -> None:
        self._set(name, Check(Verdict.FAILED, failure=failure, final=failure.problem in FINAL))

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


def _differing(choice: Choice, name: str, total: int) -> Check:
    """Return the row of a library that asks for other tensors than there are."""
    first, count = choice.fatal[0], len(choice.fatal)
    lines = [f"{it.name}: {it.kind}, {it.wanted or '-'} / {it.found or '-'}" for it in choice.fatal[:MOST_DIFFERENCES]]
    if count > MOST_DIFFERENCES:
        lines.append(f"+ {count - MOST_DIFFERENCES}")
    facts: dict[str, str | int] = {
        "name": name, "count": count, "total": total, "tensor": first.name, "wanted": first.wanted,
        "found": first.found,
    }  # fmt: skip
    kind = "lacks" if first.kind is metadata.Kind.MISSING else "differs"
    words = f"check.library.nearest_{kind}" if choice.origin is Origin.NEAREST else f"check.library.{kind}"
    return Check(Verdict.FAILED, words, facts, detail="\n".join(lines))


def _nbytes(tensor: metadata.Tensor) -> int:
    return math.prod(tensor.shape) * DTYPE_BYTES.get(tensor.dtype, 4)
