"""What a library says of itself, and whether a model's tensors fit it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bocal.errors import Failure
from bocal.models import metadata
from bocal.models.metadata import Kind, Parameter, Tensor, Unreadable, Wrong
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
BY_TYPE = ROOT.parent / "shared" / "data" / "parameters-by-model-type.json"
DOCUMENT: dict[str, Any] = {
    "model_type": "llama",
    "quantization": "q4f16_1",
    "context_window_size": 4096,
    "sliding_window_size": -1,
    "attention_sink_size": -1,
    "prefill_chunk_size": 1024,
    "tensor_parallel_shards": 1,
    "kv_state_kind": "kv_cache",
    "params": [
        {"name": "embed.q_weight", "shape": ["vocab_size", 8], "dtype": "uint32", "preprocs": []},
        {"name": "norm.weight", "shape": [64], "dtype": "float16"},
    ],
    "kv_cache": {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 16},
    "memory_usage": {"prefill": 1_000, "decode": 10},
}
TEXT = json.dumps(DOCUMENT).encode()


def wasm(*contents: bytes) -> bytes:
    """Return a WebAssembly file with one data section for each content."""
    file = b"\0asm\1\0\0\0"
    for content in contents:
        length, size = b"", len(content)
        while size >= 0x80:
            length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
        file += b"\x0b" + length + bytes([size]) + content
    return file


def test_every_field_is_read() -> None:
    read = metadata.read(wasm(b"code", TEXT))
    assert read == metadata.Metadata(
        model_type="llama",
        quantisation="q4f16_1",
        parameters=(
            Parameter("embed.q_weight", ("vocab_size", 8), "uint32"),
            Parameter("norm.weight", (64,), "float16"),
        ),
        context=4096,
        chunk=1024,
        layers=2,
        heads=4,
        kv_heads=1,
        head_dim=16,
        memory={"prefill": 1_000, "decode": 10},
    )


OTHER_ORDER = json.dumps({"kind": {"a": 1}, **{name: DOCUMENT[name] for name in reversed(DOCUMENT)}}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x80" + TEXT + b"\xff\xc3\x28",
        b'{"model_type": "llama", "par' + TEXT,
        b'{"model_type": broken}' * 30 + TEXT,
        b'"model_type": {"model_type":' + TEXT,
        b'{"model_type": "a template", "params": null}' + TEXT,
        b'{"model_type": "cut", "text": "' + TEXT.replace(b'"', b"'") + TEXT,
        TEXT + TEXT,
        json.dumps(DOCUMENT, indent=2).encode(),
        json.dumps(DOCUMENT, separators=(",", ":")).encode(),
        json.dumps(json.dumps(DOCUMENT)).encode(),
        OTHER_ORDER,
        b"{" * 500 + TEXT,
    ],
)
def test_wherever_and_however_the_text_lies(content: bytes) -> None:
    assert metadata.read(wasm(b"\0\1\2", content, b"\xff" * 9)).parameters == metadata.read(wasm(TEXT)).parameters


def test_texts_may_hold_any_character() -> None:
    document = {**DOCUMENT, "params": [{"name": "poids·é", "shape": [1], "dtype": "float16"}]}
    text = json.dumps(document, ensure_ascii=False).encode()
    assert metadata.read(wasm(text)).parameters[0].name == "poids·é"


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in DOCUMENT.items() if key != name}).encode()


def replaced(**values: Any) -> bytes:
    return json.dumps({**DOCUMENT, **values}).encode()


def parameter(**values: Any) -> bytes:
    return replaced(params=[DOCUMENT["params"][1], {**DOCUMENT["params"][0], **values}])


@pytest.mark.parametrize(
    ("file", "wrong", "field"),
    [
        (b"", Wrong.NOT_WASM, ""),
        (b"<!doctype html>", Wrong.NOT_WASM, ""),
        (b"version https://git-lfs", Wrong.NOT_WASM, ""),
        (TEXT, Wrong.NOT_WASM, ""),
        (b"\0asm", Wrong.CUT_SHORT, ""),
        (wasm(TEXT)[:-1], Wrong.CUT_SHORT, ""),
        (wasm(TEXT, b"end")[:-2], Wrong.CUT_SHORT, ""),
        (wasm(TEXT) + b"\1", Wrong.CUT_SHORT, ""),
        (wasm(TEXT) + b"\1\xff\xff\xff\xff\xff\xff", Wrong.CUT_SHORT, ""),
        (wasm(), Wrong.NO_METADATA, ""),
        (wasm(b"another program"), Wrong.NO_METADATA, ""),
        (wasm(TEXT[:-1]), Wrong.NO_METADATA, ""),
        (wasm(b'{"model_type":' * 5_000), Wrong.NO_METADATA, ""),
        (wasm(replaced(model_type=1)), Wrong.BAD_FIELD, "model_type"),
        (wasm(without("quantization")), Wrong.BAD_FIELD, "quantization"),
        (wasm(without("params")), Wrong.BAD_FIELD, "params"),
        (wasm(replaced(params=[])), Wrong.BAD_FIELD, "params"),
        (wasm(replaced(params=[1])), Wrong.BAD_FIELD, "params[0]"),
        (wasm(parameter(name=None)), Wrong.BAD_FIELD, "params[1].name"),
        (wasm(parameter(dtype=16)), Wrong.BAD_FIELD, "params[1].dtype"),
        (wasm(parameter(shape="64")), Wrong.BAD_FIELD, "params[1].shape"),
        (wasm(parameter(shape=[1.5])), Wrong.BAD_FIELD, "params[1].shape"),
        (wasm(parameter(shape=[True])), Wrong.BAD_FIELD, "params[1].shape"),
        (wasm(replaced(prefill_chunk_size="1k")), Wrong.BAD_FIELD, "prefill_chunk_size"),
        (wasm(replaced(kv_cache=[2])), Wrong.BAD_FIELD, "kv_cache"),
        (wasm(replaced(kv_cache={"head_dim": "64"})), Wrong.BAD_FIELD, "kv_cache.head_dim"),
        (wasm(replaced(memory_usage=[2])), Wrong.BAD_FIELD, "memory_usage"),
    ],
)
def test_what_is_wrong_is_named(file: bytes, wrong: Wrong, field: str) -> None:
    with pytest.raises(Unreadable) as raised:
        metadata.read(file)
    assert (raised.value.wrong, raised.value.field) == (wrong, field)


@given(st.integers(0, len(wasm(TEXT)) - 1), st.binary(max_size=6), st.integers(0, 30))
def test_a_damaged_library_is_read_or_refused(at: int, instead: bytes, removed: int) -> None:
    whole = wasm(TEXT)
    read_or_refuse(whole[:at] + instead + whole[at + removed :])
    read_or_refuse(wasm(TEXT[:at] + instead + TEXT[at + removed :]))


@given(st.binary(max_size=200))
def test_anything_is_read_or_refused(content: bytes) -> None:
    read_or_refuse(content)
    read_or_refuse(wasm(content, b'{"model_type":' + content))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(DOCUMENT)), JSON))
def test_any_metadata_is_read_or_refused(values: dict[str, Any]) -> None:
    read_or_refuse(wasm(replaced(**values)))


def read_or_refuse(file: bytes) -> None:
    try:
        metadata.read(file)
    except Unreadable as error:
        assert str(error)


PARAMETERS = (
    Parameter("embed", ("vocab_size", 8), "uint32"),
    Parameter("norm", (64,), "float16"),
    Parameter("head", ("vocab_size", 8), "uint32"),
)
TENSORS = (Tensor("embed", (100, 8), "uint32"), Tensor("norm", (64,), "float16"), Tensor("head", (100, 8), "uint32"))


@pytest.mark.parametrize(
    ("tensors", "kinds"),
    [
        (TENSORS, []),
        (TENSORS[::-1], []),
        (TENSORS[:2], [(Kind.MISSING, "head", "vocab_size x 8 uint32", "")]),
        ((*TENSORS, Tensor("bias", (), "float32")), [(Kind.EXTRA, "bias", "", "a number float32")]),
        ((*TENSORS, TENSORS[1]), [(Kind.REPEATED, "norm", "", "")]),
        ((TENSORS[0], Tensor("norm", (32,), "float16"), TENSORS[2]), [(Kind.SHAPE, "norm", "64", "32")]),
        ((TENSORS[0], Tensor("norm", (64, 1), "float16"), TENSORS[2]), [(Kind.SHAPE, "norm", "64", "64 x 1")]),
        ((TENSORS[0], Tensor("norm", (64,), "float32"), TENSORS[2]), [(Kind.DTYPE, "norm", "float16", "float32")]),
        ((*TENSORS[:2], Tensor("head", (99, 8), "uint32")), [(Kind.SHAPE, "head", "100 x 8", "99 x 8")]),
        ((Tensor("embed", (100, 9), "uint32"), *TENSORS[1:]), [(Kind.SHAPE, "embed", "100 x 8", "100 x 9")]),
    ],
)
def test_differences(tensors: tuple[Tensor, ...], kinds: list[tuple[Kind, str, str, str]]) -> None:
    found = metadata.differences(PARAMETERS, tensors)
    assert [(it.kind, it.name, it.wanted, it.found) for it in found] == kinds
    assert all(it.fatal is (it.kind is not Kind.EXTRA) for it in found)


def test_a_negative_size_is_any_size() -> None:
    assert not metadata.differences([Parameter("a", (-1, 2), "float16")], [Tensor("a", (7, 2), "float16")])


def manifest(**values: Any) -> dict[str, Any]:
    entry = {"name": "norm", "shape": [64], "dtype": "float32", "format": "f32-to-bf16", "nbytes": 128, "byteOffset": 0}
    return {"records": [{"dataPath": "params_shard_0.bin", "nbytes": 128, "records": [{**entry, **values}]}]}


def test_a_manifest_lists_what_is_loaded() -> None:
    assert metadata.read_tensors(manifest()) == (Tensor("norm", (64,), "float32"),)
    assert metadata.read_tensors(manifest(dtype="bfloat16", format="raw")) == (Tensor("norm", (64,), "bfloat16"),)
    assert metadata.read_tensors(manifest(shape=[])) == (Tensor("norm", (), "float32"),)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (None, "records"),
        ({"records": []}, "records"),
        ({"records": [1]}, "records[0].records"),
        ({"records": [{"records": [2]}]}, "records[0].records[0]"),
        (manifest(name=""), "records[0].records[0].name"),
        (manifest(shape=[-1]), "records[0].records[0].shape"),
        (manifest(shape=["vocab_size"]), "records[0].records[0].shape"),
        (manifest(dtype=None), "records[0].records[0].dtype"),
    ],
)
def test_a_bad_manifest_names_its_field(document: Any, field: str) -> None:
    with pytest.raises(Failure) as raised:
        metadata.read_tensors(document)
    assert raised.value.facts == {"field": field}


@given(JSON | st.fixed_dictionaries({"records": JSON}))
def test_any_manifest_is_read_or_refused(document: Any) -> None:
    try:
        metadata.read_tensors(document)
    except Failure as failure:
        assert "field" in failure.facts


# A real parameter list of each model type, taken from published libraries.


def real() -> list[Any]:
    if not BY_TYPE.is_file():
        return [pytest.param("", [], marks=pytest.mark.skip("no published metadata beside the project"))]
    document = json.loads(BY_TYPE.read_text())
    return [
        pytest.param(kind, [Parameter(name, tuple(shape), dtype) for name, shape, dtype in entry["params"]], id=kind)
        for kind, entry in document.items()
    ]


def filled(parameters: list[Parameter], size: int) -> list[Tensor]:
    """Return the tensors of a model whose symbolic sizes are all `size`."""
    return [
        Tensor(it.name, tuple(size if isinstance(number, str) else number for number in it.shape), it.dtype)
        for it in parameters
    ]


Change = Callable[[Tensor], Tensor | None]
CHANGES: list[tuple[Kind, Change]] = [
    (Kind.MISSING, lambda _tensor: None),
    (Kind.SHAPE, lambda tensor: Tensor(tensor.name, (*tensor.shape[:-1], tensor.shape[-1] + 1), tensor.dtype)),
    (Kind.DTYPE, lambda tensor: Tensor(tensor.name, tensor.shape, "int8")),
]


@pytest.mark.parametrize(("model_type", "parameters"), real())
def test_real_parameters_fit_themselves_and_nothing_else(model_type: str, parameters: list[Parameter]) -> None:
    assert model_type
    tensors = filled(parameters, 32_000)
    assert metadata.differences(parameters, tensors) == []
    assert metadata.differences(parameters, reversed(tensors)) == []
    fixed = [number for number, it in enumerate(parameters) if isinstance(it.shape[-1], int)]
    for at in (fixed[0], fixed[len(fixed) // 2], fixed[-1]):
        for kind, change in CHANGES:
            changed = change(tensors[at])
            others = [*tensors[:at], *([changed] if changed else []), *tensors[at + 1 :]]
            found = metadata.differences(parameters, others)
            assert [(it.kind, it.name) for it in found] == [(kind, tensors[at].name)]
    (extra,) = metadata.differences(parameters, [*tensors, Tensor("one more", (1,), "float16")])
    assert (extra.kind, extra.fatal) == (Kind.EXTRA, False)


@pytest.mark.parametrize("content", [b'{\\"model_type\\":', b'"model_type":', b'{"model_type":[0,', b'{"model_type":"'])
def test_a_hostile_file_takes_no_time(content: bytes) -> None:
    begin = time.process_time()
    with pytest.raises(Unreadable):
        metadata.read(wasm(content * 200_000))
    assert time.process_time() - begin < 5
