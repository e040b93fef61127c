"""The preflight: what each row says of what it finds."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from bocal.errors import Failure, Problem
from bocal.models import trust
from bocal.models.catalogue import Catalogue
from bocal.models.device import Device
from bocal.models.figures import Figures
from bocal.models.preflight import Name, Preflight, Verdict, kv_cache_bytes
from bocal.models.record import Model
from outside import FUNCTIONS, Web, wasm

BASE = "https://huggingface.co/labo/own/resolve/main/"
MODEL = Model("own", "Own", "https://huggingface.co/labo/own")
DEVICE = Device(gpu="G", f16=False, largest_buffer=2**30, memory=8 * 2**30, storage_free=10**9)
NOTHING = Failure(Problem.NOT_FOUND)


def library(dtype: str = "float32") -> bytes:
    """A library that asks for one tensor `w`, 4 x 8."""
    return wasm(("w", [4, 8], dtype))


def config(**changes: Any) -> dict[str, Any]:
    inner = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_size": 64}
    told = {"model_type": "llama", "quantization": "q0f32", "context_window_size": 100, "model_config": inner}
    told["conv_template"] = {"seps": ["\n"]}
    return {**told, "tokenizer_files": ["tokenizer.json"], **changes}


def manifest(nbytes: int = 128, dtype: str = "float32") -> dict[str, Any]:
    tensor = {"name": "w", "shape": [4, 8], "dtype": dtype, "nbytes": nbytes, "byteOffset": 0}
    return {"records": [{"dataPath": "params_shard_0.bin", "nbytes": nbytes, "records": [tensor]}]}


def look(
    device: Device | None = DEVICE, model: Model = MODEL, trusted: frozenset[str] = frozenset(), **changes: Any
) -> Preflight:
    """Run the preflight on a model that is right but for `changes` (file names with __ for a dot, a dash as _)."""
    files = {
        "mlc-chat-config.json": config(),
        "tensor-cache.json": manifest(),
        "tokenizer.json": {},
        "own.wasm": library(),
        "params_shard_0.bin": b"",  # listed, never fetched
        **changes,
    }
    documents = {BASE + name: content for name, content in files.items()}
    listing = "https://huggingface.co/api/models/labo/own/tree/main?recursive=true"
    web = Web({listing: [{"path": name} for name in files if files[name] is not NOTHING], **documents})
    preflight = Preflight(model, device, web, Catalogue({}, "https://libs/"), trusted=trusted)
    asyncio.run(preflight.run())
    assert preflight.done
    return preflight


def verdicts(preflight: Preflight) -> dict[Name, Verdict]:
    return {name: check.verdict for name, check in preflight.checks.items()}


def test_a_model_that_is_right_passes_everything() -> None:
    preflight = look()
    assert {name for name, verdict in verdicts(preflight).items() if verdict is not Verdict.PASSED} == {Name.TRUST}
    assert preflight.choice is not None
    assert preflight.choice.library.url == f"{BASE}own.wasm"


def test_without_a_device_only_the_model_is_judged() -> None:
    found = verdicts(look(device=None))
    assert {name for name, verdict in found.items() if verdict is Verdict.UNKNOWN} == {
        Name.GPU, Name.MEMORY, Name.STORAGE,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "name", "verdict"),
    [
        ({"mlc-chat-config.json": NOTHING}, Name.CONFIG, Verdict.FAILED),
        ({"mlc-chat-config.json": {}}, Name.CONFIG, Verdict.FAILED),
        ({"mlc-chat-config.json": Failure(Problem.NOT_JSON, url="u")}, Name.CONFIG, Verdict.FAILED),
        ({"mlc-chat-config.json": Failure(Problem.WEB_PAGE, url="u")}, Name.CONFIG, Verdict.FAILED),
        ({"mlc-chat-config.json": Failure(Problem.REFUSED, host="h")}, Name.ADDRESS, Verdict.FAILED),
        ({"mlc-chat-config.json": Failure(Problem.NO_CORS, host="h")}, Name.ADDRESS, Verdict.FAILED),
        ({"tensor-cache.json": NOTHING}, Name.WEIGHTS, Verdict.FAILED),
        ({"tensor-cache.json": NOTHING, "ndarray-cache.json": manifest()}, Name.WEIGHTS, Verdict.WARNED),
        ({"tensor-cache.json": {"records": 3}}, Name.WEIGHTS, Verdict.FAILED),
        ({"params_shard_0.bin": NOTHING}, Name.WEIGHTS, Verdict.FAILED),
        ({"tokenizer.json": NOTHING}, Name.TOKENIZER, Verdict.FAILED),
        ({"mlc-chat-config.json": config(tokenizer_files=["x"])}, Name.TOKENIZER, Verdict.FAILED),
        ({"own.wasm": NOTHING}, Name.LIBRARY, Verdict.FAILED),
        ({"own.wasm": b"<html>"}, Name.LIBRARY, Verdict.FAILED),
        ({"own.wasm": library("float16")}, Name.LIBRARY, Verdict.FAILED),
        ({"own.wasm": Failure(Problem.SERVER_ERROR, host="h", status=500)}, Name.LIBRARY, Verdict.FAILED),
        ({"mlc-chat-config.json": config(quantization="q4f16_1")}, Name.GPU, Verdict.FAILED),
        ({"tensor-cache.json": manifest(2 * 10**9)}, Name.STORAGE, Verdict.FAILED),
        ({"mlc-chat-config.json": config(conv_template=None)}, Name.CONFIG, Verdict.FAILED),
    ],
)
def test_what_is_wrong_shows_in_its_own_row(changes: dict[str, Any], name: Name, verdict: Verdict) -> None:
    preflight = look(**changes)
    assert preflight.checks[name].verdict is verdict
    assert preflight.checks[name].words or preflight.checks[name].failure


def test_the_device_is_asked_what_it_has() -> None:
    assert look(Device(why_not="no_webgpu")).checks[Name.GPU].verdict is Verdict.FAILED
    assert look(Device(largest_buffer=10)).checks[Name.GPU].words == "check.gpu.buffer"
    f16 = Device(f16=True, largest_buffer=2**30)
    half: dict[str, Any] = {"mlc-chat-config.json": config(quantization="q4f16_1")}
    assert look(f16, **half).checks[Name.GPU].verdict is Verdict.PASSED


def test_the_key_value_cache_is_computed_from_the_figures() -> None:
    # Llama 3.2 1B at 4,096 tokens: 16 layers, 8 key-value heads of 64, half precision.
    figures = Figures("llama", "q4f16_1", layers=16, kv_heads=8, head_dim=64)
    assert kv_cache_bytes(figures, 4096) == 2 * 16 * 8 * 64 * 4096 * 2
    assert kv_cache_bytes(Figures("llama", "q4f32_1", layers=16, kv_heads=8, head_dim=64), 4096) == 268_435_456


def test_a_window_set_by_the_visitor_counts_for_the_memory() -> None:
    assert look().checks[Name.MEMORY].verdict is Verdict.PASSED
    preflight = look(model=replace(MODEL, overrides={"context_window_size": 10**8}))
    assert preflight.checks[Name.MEMORY].verdict is Verdict.WARNED
    preflight.use({"context_window_size": 100})
    assert preflight.checks[Name.MEMORY].verdict is Verdict.PASSED
    assert preflight.checks[Name.CONFIG].facts["window"] == 100


def test_what_is_no_model_cannot_be_overruled_and_what_may_pass_can() -> None:
    changes: dict[str, Any]
    for gone in ("mlc-chat-config.json", "tensor-cache.json", "tokenizer.json"):
        changes = {gone: NOTHING}
        refusal = look(**changes).refusal
        assert refusal is not None
        assert refusal.failure is not None
    for changes in ({"own.wasm": NOTHING}, {"tensor-cache.json": manifest(2 * 10**9)}, {"params_shard_0.bin": NOTHING},
                    {"mlc-chat-config.json": Failure(Problem.TOO_MANY_REQUESTS, host="h", seconds=9)}):  # fmt: skip
        preflight = look(**changes)
        assert preflight.count(Verdict.FAILED)
        assert preflight.refusal is None


def test_the_author_of_a_library_is_warned_of_once() -> None:
    first = look()
    assert first.checks[Name.TRUST].verdict is Verdict.WARNED
    assert first.checks[Name.TRUST].facts["author"] == "huggingface.co/labo"
    assert not first.count(Verdict.WARNED)  # it does not make the model any less able to run
    again = look(trusted=trust.read(trust.write(["huggingface.co/labo", "other"])))
    assert again.checks[Name.TRUST].verdict is Verdict.PASSED


@pytest.mark.parametrize(("functions", "words"), [(b"", "old"), (b"TVMFFIFunctionCall prefill", "not_chat")])
def test_a_library_that_webllm_cannot_use_is_told(functions: bytes, words: str) -> None:
    changes: dict[str, Any] = {"own.wasm": wasm(("w", [4, 8], "float32"), functions=functions)}
    preflight = look(**changes)
    assert preflight.checks[Name.LIBRARY].words == f"check.library.{words}"
    assert preflight.checks[Name.LIBRARY].verdict is Verdict.FAILED


def test_tensors_that_differ_are_listed() -> None:
    changes: dict[str, Any] = {"own.wasm": library("float16")}
    check = look(**changes).checks[Name.LIBRARY]
    assert check.detail == "w: dtype, float16 / float32"


def test_a_sliding_window_asks_for_a_library_that_has_one() -> None:
    slides = wasm(("w", [4, 8], "float32"), functions=FUNCTIONS + b" batch_decode_paged_kv_sliding_window")
    for content, verdict in ((slides, Verdict.PASSED), (library(), Verdict.FAILED)):
        changes: dict[str, Any] = {"own.wasm": content}
        preflight = look(model=replace(MODEL, overrides={"sliding_window_size": 64}), **changes)
        assert preflight.checks[Name.LIBRARY].verdict is verdict
        preflight.use({})
        assert preflight.checks[Name.LIBRARY].verdict is Verdict.PASSED
