"""What a model library (.wasm) says of itself, and whether a model's tensors are those it asks for.

MLC's compiler puts a JSON text into every library (mlc-llm's `interface/compile.py`; the library's function `_metadata`
returns it to WebLLM): the model's type and quantisation, sizes it was compiled for, and the name, shape and dtype of
each parameter. In the file it lies in WebAssembly's data section as plain text, so it can be read without running it.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain, islice
from typing import Any

from bocal import strict
from bocal.errors import Failure, Problem

MAGIC = b"\0asm"
# WebLLM's tvmjs calls the library through TVM's FFI, exported by name; LLMChatPipeline asks for the other functions.
_RUNTIME = b"TVMFFIFunctionCall"
_FOR_CHAT = (
    b"embed", b"prefill", b"decode", b"softmax_with_temperature", b"sample_with_top_p", b"argsort_probs",
    b"apply_bitmask_inplace", b"apply_penalty_inplace", b"apply_logit_bias_inplace",
)  # fmt: skip
_BEGINS = re.compile(r'\{\s*"model_type"\s*:')
_BEGINS_ESCAPED = re.compile(r'\{\s*\\"model_type\\"\s*:')
_TYPE = re.compile(r'"model_type"\s*:')
_STRING = re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL)
_LOOK_BACK = 4096  # characters before "model_type" in which its object may begin, when it is not the first key
_ATTEMPTS = 40  # places tried before giving up, so that a hostile file takes no time: real libraries have one
_ATTEMPTS_ESCAPED = 3  # each reads on to the file's end when no string ends


class Wrong(StrEnum):
    """Why a file is no model library that WebLLM could run."""

    NOT_WASM = "not_wasm"  # an HTML page, a Git LFS pointer, anything but WebAssembly
    CUT_SHORT = "cut_short"  # WebAssembly whose end is missing or whose sections are damaged
    NO_METADATA = "no_metadata"  # another program, or a library of another generation
    BAD_FIELD = "bad_field"  # metadata with a field missing or of another kind
    OLD = "old"  # compiled for WebLLM before 0.2.80, whose interface to the runtime was another
    NOT_CHAT = "not_chat"  # without the functions that a conversation needs, such as an embedding model's


class Unreadable(ValueError):
    """A library that cannot be read: `wrong` says why, `field` which field of its metadata where that is the reason."""

    def __init__(self, wrong: Wrong, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.wrong = wrong
        self.field = field


@dataclass(frozen=True)
class Parameter:
    """A tensor that a library asks for; a text (or a negative number) in `shape` stands for any size."""

    name: str
    shape: tuple[int | str, ...]
    dtype: str


@dataclass(frozen=True)
class Metadata:
    """A library's metadata. -1 is the compiler's "not set" for the four sizes; the last fields are None where absent.

    `heads`, `kv_heads` and `head_dim` are the attention's. `memory` is the bytes each function needs for intermediate
    results, by its name. `chunk` is the number of tokens read at a time.
    """

    model_type: str
    quantisation: str
    parameters: tuple[Parameter, ...]
    context: int = -1
    window: int = -1
    sink: int = -1
    chunk: int = -1
    shards: int = 1
    kv_state: str = "kv_cache"
    layers: int | None = None
    heads: int | None = None
    kv_heads: int | None = None
    head_dim: int | None = None
    memory: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Tensor:
    """A tensor that a model has, as WebLLM loads it."""

    name: str
    shape: tuple[int, ...]
    dtype: str


class Kind(StrEnum):
    """How a tensor of the model differs from what the library asks for."""

    MISSING = "missing"
    SHAPE = "shape"
    DTYPE = "dtype"
    REPEATED = "repeated"  # WebLLM 0.2.86 refuses a name that it has already loaded
    EXTRA = "extra"


@dataclass(frozen=True)
class Difference:
    """One difference: what the library asks for and what the model has, as texts for people; "" where there is none."""

    kind: Kind
    name: str
    wanted: str = ""
    found: str = ""

    @property
    def fatal(self) -> bool:
        """Whether the model cannot load; WebLLM asks for tensors by name and ignores those nobody asks for."""
        return self.kind is not Kind.EXTRA


def read(wasm: bytes) -> Metadata:
    """Read the metadata in a library's bytes; raises Unreadable."""
    if not wasm.startswith(MAGIC):
        raise Unreadable(Wrong.NOT_WASM, "the file does not begin as WebAssembly does")
    if not _is_whole(wasm):
        raise Unreadable(Wrong.CUT_SHORT, "the file's sections do not end where the file does")
    first: Unreadable | None = None
    for document in _documents(wasm):
        try:
            return _metadata(document)
        except Unreadable as error:
            first = first or error
    raise first or Unreadable(Wrong.NO_METADATA, "the file holds no metadata of a model library")


def read_usable(wasm: bytes) -> Metadata:
    """Read a library that WebLLM 0.2.86 can use; raises Unreadable, also when it lacks a function."""
    found = read(wasm)
    check_functions(wasm)
    return found


def can_slide(wasm: bytes) -> bool:
    """Whether a library has the shaders of a sliding window, by the names that TVM's paged cache gives them."""
    return re.search(rb"decode\w*_sliding_window", wasm) is not None


def can_see(wasm: bytes) -> bool:
    """Whether a library has the function with which WebLLM 0.2.86 hands it pictures."""
    return b"image_embed" in wasm


def check_functions(wasm: bytes) -> None:
    """Raise Unreadable when a library lacks functions that WebLLM 0.2.86 asks for; their names are plain text in it."""
    if _RUNTIME not in wasm:
        raise Unreadable(Wrong.OLD, f"no {_RUNTIME.decode()}")
    lacking = [name.decode() for name in _FOR_CHAT if name not in wasm]
    if lacking:
        raise Unreadable(Wrong.NOT_CHAT, f"no {', '.join(lacking)}")


def read_tensors(manifest: Any) -> tuple[Tensor, ...]:
    """Read the tensors that a parsed `tensor-cache.json` lists, in order; raises Failure(BAD_MANIFEST) with the field.

    A record's `dtype` is what WebLLM loads: `format: "f32-to-bf16"` says only that the file keeps it as bfloat16.
    """
    tensors = []
    for path, entry in _entries(manifest):
        name, shape, dtype = entry.get("name"), entry.get("shape"), entry.get("dtype")
        if not isinstance(name, str) or not name:
            raise Failure(Problem.BAD_MANIFEST, field=f"{path}.name")
        if not isinstance(shape, list) or not all(_is_integer(size) and size >= 0 for size in shape):
            raise Failure(Problem.BAD_MANIFEST, field=f"{path}.shape")
        if not isinstance(dtype, str) or not dtype:
            raise Failure(Problem.BAD_MANIFEST, field=f"{path}.dtype")
        tensors.append(Tensor(name, tuple(shape), dtype))
    return tuple(tensors)


def differences(parameters: Iterable[Parameter], tensors: Iterable[Tensor]) -> list[Difference]:
    """Compare what a library asks for with what a model has; the fatal differences come first.

    A text in a parameter's shape takes the size it first meets, and must meet the same one everywhere.
    """
    here: dict[str, Tensor] = {}
    found: list[Difference] = []
    for tensor in tensors:
        if tensor.name in here:
            found.append(Difference(Kind.REPEATED, tensor.name))
        here.setdefault(tensor.name, tensor)
    sizes: dict[str, int] = {}
    asked = set()
    for parameter in parameters:
        asked.add(parameter.name)
        there = here.get(parameter.name)
        if there is None:
            found.append(Difference(Kind.MISSING, parameter.name, _describe(parameter.shape, parameter.dtype)))
            continue
        if not _fits(parameter.shape, there.shape, sizes):
            wanted = tuple(sizes.get(size, size) if isinstance(size, str) else size for size in parameter.shape)
            found.append(Difference(Kind.SHAPE, parameter.name, _describe(wanted), _describe(there.shape)))
        if parameter.dtype != there.dtype:
            found.append(Difference(Kind.DTYPE, parameter.name, parameter.dtype, there.dtype))
    extra = [tensor for name, tensor in here.items() if name not in asked]
    found += [Difference(Kind.EXTRA, tensor.name, found=_describe(tensor.shape, tensor.dtype)) for tensor in extra]
    return found


def _is_whole(wasm: bytes) -> bool:
    """Whether the sections (a byte, a length in LEB128, as many bytes) end exactly at the file's end."""
    at = 8  # after the magic and the version
    while 0 <= at < len(wasm):
        at = _after_section(wasm, at)
    return at == len(wasm)


def _after_section(wasm: bytes, at: int) -> int:
    """Return where the section that begins at `at` ends, by its own words; -1 when its length cannot be read."""
    length = 0
    for number, byte in enumerate(wasm[at + 1 : at + 6]):
        length |= (byte & 0x7F) << (7 * number)
        if byte < 0x80:
            return at + 2 + number + length
    return -1


def _documents(wasm: bytes) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in the file that have a `model_type`, the likeliest first."""
    text = wasm.decode("latin-1")  # one character a byte, so that no other byte of the file can be in the way
    plain = ((match.start(), False) for match in _BEGINS.finditer(text))
    inside = ((match.start(), True) for match in islice(_BEGINS_ESCAPED.finditer(text), _ATTEMPTS_ESCAPED))
    for at, escaped in islice(chain(plain, inside, _looser(text)), _ATTEMPTS):
        document = _decode(text, at, escaped)
        if isinstance(document, dict) and "model_type" in document:
            yield document


def _looser(text: str) -> Iterator[tuple[int, bool]]:
    """Yield where an object may begin whose `model_type` is not its first key."""
    for match in _TYPE.finditer(text):
        at = match.start()
        for _ in range(20):
            at = text.rfind("{", max(0, match.start() - _LOOK_BACK), at)
            if at < 0:
                break
            yield at, False


def _decode(text: str, at: int, escaped: bool) -> Any:
    """Return the JSON value at `at`, None when there is none; an escaped one is the content of a JSON string."""
    try:
        if escaped:
            content = _STRING.match(text, at)
            return strict.loads(json.loads(f'"{content[0] if content else ""}"'))
        _, stop = strict.raw_decode(text, at)
        return json.loads(text[at:stop].encode("latin-1").decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _metadata(document: dict[str, Any]) -> Metadata:
    cache = document.get("kv_cache") or {}
    if not isinstance(cache, dict):
        raise _bad("kv_cache")
    memory = document.get("memory_usage") or {}
    if not isinstance(memory, dict):
        raise _bad("memory_usage")
    return Metadata(
        model_type=_text(document, "model_type"),
        quantisation=_text(document, "quantization"),
        parameters=_parameters(document.get("params")),
        context=_integer(document, "context_window_size", -1),
        window=_integer(document, "sliding_window_size", -1),
        sink=_integer(document, "attention_sink_size", -1),
        chunk=_integer(document, "prefill_chunk_size", -1),
        shards=_integer(document, "tensor_parallel_shards", 1),
        kv_state=_text(document, "kv_state_kind", "kv_cache"),
        layers=_optional(cache, "num_hidden_layers"),
        heads=_optional(cache, "num_attention_heads"),
        kv_heads=_optional(cache, "num_key_value_heads"),
        head_dim=_optional(cache, "head_dim"),
        memory={str(name): size for name, size in memory.items() if _is_integer(size)},
    )


def _parameters(listed: Any) -> tuple[Parameter, ...]:
    if not isinstance(listed, list) or not listed:
        raise _bad("params")
    parameters = []
    for number, entry in enumerate(listed):
        path = f"params[{number}]"
        if not isinstance(entry, dict):
            raise _bad(path)
        shape = entry.get("shape")
        if not isinstance(shape, list) or not all(_is_integer(size) or isinstance(size, str) for size in shape):
            raise _bad(f"{path}.shape")
        name, dtype = _text(entry, "name", path=path), _text(entry, "dtype", path=path)
        parameters.append(Parameter(name, tuple(shape), dtype))
    return tuple(parameters)


def _text(entry: dict[str, Any], name: str, default: str = "", path: str = "") -> str:
    value = entry.get(name, default)
    if not isinstance(value, str) or not value:
        raise _bad(f"{path}.{name}" if path else name)
    return value


def _integer(entry: dict[str, Any], name: str, default: int) -> int:
    value = entry.get(name, default)
    if value is None:
        return default
    if not _is_integer(value):
        raise _bad(name)
    return int(value)


def _optional(cache: dict[str, Any], name: str) -> int | None:
    value = cache.get(name)
    if value is not None and not _is_integer(value):
        raise _bad(f"kv_cache.{name}")
    return value


def _bad(path: str) -> Unreadable:
    return Unreadable(Wrong.BAD_FIELD, f"{path}: missing, or not of the expected kind", path)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _entries(manifest: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    shards = manifest.get("records") if isinstance(manifest, dict) else None
    if not isinstance(shards, list) or not shards:
        raise Failure(Problem.BAD_MANIFEST, field="records")
    for number, shard in enumerate(shards):
        records = shard.get("records") if isinstance(shard, dict) else None
        if not isinstance(records, list):
            raise Failure(Problem.BAD_MANIFEST, field=f"records[{number}].records")
        for position, entry in enumerate(records):
            path = f"records[{number}].records[{position}]"
            if not isinstance(entry, dict):
                raise Failure(Problem.BAD_MANIFEST, field=path)
            yield path, entry


def _fits(wanted: tuple[int | str, ...], found: tuple[int, ...], sizes: dict[str, int]) -> bool:
    """Whether a shape is the one wanted, noting in `sizes` what its texts stand for."""
    if len(wanted) != len(found):
        return False
    fits = True
    for want, have in zip(wanted, found, strict=True):
        if isinstance(want, str):
            fits &= sizes.setdefault(want, have) == have
        elif want >= 0:
            fits &= want == have
    return fits


def _describe(shape: tuple[int | str, ...], dtype: str = "") -> str:
    return f"{' x '.join(str(size) for size in shape) or 'a number'} {dtype}".strip()
