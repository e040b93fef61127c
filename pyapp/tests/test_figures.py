"""Which standard library fits a model, by its figures."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bocal.errors import Failure
from bocal.models import figures
from bocal.models.figures import Figures, Row
from bocal.models.metadata import Metadata, Parameter
from hypothesis import given
from hypothesis import strategies as st

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
LIBRARIES = DATA / "libraries.json"
BY_TYPE = DATA / "parameters-by-model-type.json"
TABLE = figures.standard()
ROWS = {row.key: row for row in TABLE}

LLAMA = {
    "hidden_size": 2048, "intermediate_size": 8192, "num_attention_heads": 32, "num_hidden_layers": 16,
    "vocab_size": 128256, "tie_word_embeddings": True, "position_embedding_base": 500000, "num_key_value_heads": 8,
    "rope_scaling": {"factor": 32.0, "rope_type": "llama3"}, "head_dim": 64, "prefill_chunk_size": 8192,
    "context_window_size": 131072,
}  # fmt: skip


def config(model_type: str, quantisation: str, **fields: Any) -> dict[str, Any]:
    return {"model_type": model_type, "quantization": quantisation, "model_config": fields}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.key)
def test_a_row_says_what_its_name_says_and_finds_its_library(row: Row) -> None:
    it = row.figures
    assert f"-{it.quantisation}" in row.key
    assert row.source in {"metadata", "config"}
    assert row.origin
    assert it.chunk == (512 if "_cs512" in row.key else 4096 if "_cs4k" in row.key else 1024)
    assert it.width and it.layers and it.heads and it.kv_heads and it.head_dim and it.intermediate
    assert it.heads % it.kv_heads == 0
    assert figures.candidates(it, TABLE, row.key)[0].key == row.key
    assert figures.candidates(it, TABLE, row.key)[0].differing == ()


def test_quantisations_of_one_model_have_the_same_figures() -> None:
    families: dict[str, set[Figures]] = {}
    for row in TABLE:
        name = row.key.split(f"-{row.figures.quantisation}")[0]
        families.setdefault(name, set()).add(replace(row.figures, quantisation="", chunk=None, context=None))
    assert {name for name, them in families.items() if len(them) > 1} == set()


@pytest.mark.parametrize(
    ("document", "key"),
    [
        (config("llama", "q4f16_1", **LLAMA), "Llama-3.2-1B-Instruct-q4f16_1_cs1k-webgpu.wasm"),
        (config("llama", "q4f32_1", **LLAMA), "Llama-3.2-1B-Instruct-q4f32_1_cs1k-webgpu.wasm"),
        (
            config(
                "qwen2", "q4f16_1", hidden_size=896, intermediate_size=4864, num_attention_heads=14,
                num_hidden_layers=24, num_key_value_heads=2, rope_theta=1000000.0, vocab_size=151936,
                tie_word_embeddings=True, head_dim=64, rms_norm_eps=1e-06,
            ),
            "Qwen2-0.5B-Instruct-q4f16_1_cs1k-webgpu.wasm",
        ),
        (
            config(
                "phi-msft", "q4f16_1", n_embd=2560, n_layer=32, n_inner=0, n_head=32, n_head_kv=0, vocab_size=51200,
                rotary_dim=32, position_embedding_base=0,
            ),
            "phi-2-q4f16_1_cs1k-webgpu.wasm",
        ),
        (
            config(
                "phi", "q4f32_1", hidden_size=2048, num_hidden_layers=24, intermediate_size=8192,
                num_attention_heads=32, vocab_size=51200, num_key_value_heads=0, head_dim=0,
            ),
            "phi-1_5-q4f32_1_cs1k-webgpu.wasm",
        ),
        (
            config(
                "gpt_neox", "q4f16_1", hidden_size=2560, intermediate_size=10240, num_attention_heads=32,
                num_hidden_layers=32, vocab_size=50432, rotary_pct=1.0,
            ),
            "RedPajama-INCITE-Chat-3B-v1-q4f16_1_cs1k-webgpu.wasm",
        ),
        (
            config(
                "gemma3_text", "q4f16_1", vocab_size=262144, context_window_size=8192,
                text_config={
                    "hidden_size": 1152, "intermediate_size": 6912, "num_hidden_layers": 26, "num_attention_heads": 4,
                    "num_key_value_heads": 1, "head_dim": 256, "position_embedding_base": 1000000, "rope_scaling": 0,
                },
            ),
            "gemma3-1b-it-q4f16_1_cs1k-webgpu.wasm",
        ),
        (
            config(
                "qwen3_5", "q4f16_1",
                text_config={
                    "hidden_size": 1024, "intermediate_size": 3584, "num_hidden_layers": 24, "num_attention_heads": 8,
                    "num_key_value_heads": 2, "vocab_size": 248320, "tie_word_embeddings": True,
                    "rope_parameters": {"rope_theta": 10000000, "rope_type": "default"},
                },
            ),
            "Qwen3.5-0.8B-q4f16_1_cs1k-webgpu.wasm",
        ),
        (
            config(
                "phi3", "q4f32_1", hidden_size=3072, vocab_size=32064, num_hidden_layers=32, num_attention_heads=32,
                intermediate_size=8192, num_key_value_heads=32, rope_scaling={"type": "su", "long_factor": [1.0]},
            ),
            "Phi-3.5-mini-instruct-q4f32_1_cs1k-webgpu.wasm",
        ),
        (
            config(
                "ministral3", "q4f32_1", hidden_size=3072, intermediate_size=9216, num_attention_heads=32,
                num_hidden_layers=26, num_key_value_heads=8, head_dim=128, vocab_size=131072, tie_word_embeddings=True,
                position_embedding_base=1000000, rope_parameters={"type": "yarn", "factor": 16.0},
            ),
            "Ministral-3-3B-Base-2512-q4f32_1_cs1k-webgpu.wasm",
        ),
        (
            config(
                "bert", "q0f32", hidden_size=384, num_hidden_layers=12, num_attention_heads=12, intermediate_size=1536,
                vocab_size=30522,
            ),
            "snowflake-arctic-embed-s-q0f32-ctx512_cs512_batch32-webgpu.wasm",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_model_finds_its_library(document: dict[str, Any], key: str) -> None:
    best = figures.candidates(figures.of_config(document), TABLE)[0]
    assert (best.key, best.differing) == (key, ())


def llama8b(**changed: Any) -> Figures:
    known = ROWS["Llama-3-8B-Instruct-q4f16_1_cs1k-webgpu.wasm"].figures
    return replace(known, chunk=2048, **changed)


def test_another_rope_loads_but_is_told() -> None:
    old, new = figures.candidates(llama8b(), TABLE)
    assert (old.key, old.differing) == ("Llama-3-8B-Instruct-q4f16_1_cs1k-webgpu.wasm", ())
    assert [it.figure for it in new.differing] == ["rope_scaling"]
    assert new.loads
    best, _ = figures.candidates(llama8b(rope_scaling="llama3 8"), TABLE, "Llama-3-8B-finetuned")
    assert best.key == "Llama-3_1-8B-Instruct-q4f16_1_cs1k-webgpu.wasm"
    code = replace(ROWS["Llama-2-7b-chat-hf-q4f16_1_cs1k-webgpu.wasm"].figures, rope_base=1e6)  # CodeLlama 7B
    (only,) = figures.candidates(code, TABLE)
    assert [(it.figure, it.model, it.library) for it in only.differing] == [("rope_base", 1e6, 1e4)]


@pytest.mark.parametrize(
    "changed",
    [
        {"model_type": "internlm2"}, {"quantisation": "q4f16_0"}, {"width": 4064}, {"layers": 33}, {"heads": 64},
        {"kv_heads": 32}, {"head_dim": 64}, {"intermediate": 11008}, {"tied": True},
    ],
    ids=str,
)  # fmt: skip
def test_one_other_figure_and_nothing_fits(changed: dict[str, Any]) -> None:
    model = llama8b(**changed)
    assert figures.candidates(model, TABLE) == []
    nearest = figures.nearest(model, TABLE, "Llama-3-8B")
    assert nearest
    assert not nearest.loads
    assert [it.figure for it in nearest.differing] == list(changed)


def test_mistral_and_llama_of_one_shape_stay_apart() -> None:
    mistral = ROWS["Mistral-7B-Instruct-v0.3-q4f16_1_cs1k-webgpu.wasm"].figures
    assert [it.key for it in figures.candidates(mistral, TABLE)] == [
        "Mistral-7B-Instruct-v0.3-q4f16_1_cs1k-webgpu.wasm"
    ]
    assert figures.candidates(replace(mistral, model_type="llama"), TABLE)[0].figures.model_type == "llama"


def test_the_vocabulary_counts_where_it_is_compiled_in() -> None:
    assert figures.candidates(llama8b(vocabulary=1), TABLE)
    qwen = ROWS["Qwen2-7B-Instruct-q4f16_1_cs1k-webgpu.wasm"].figures
    assert figures.candidates(replace(qwen, vocabulary=151936), TABLE) == []


def chunks(model: int | None, *libraries: int | None) -> list[int | None]:
    rows = [Row(f"L_cs{size}-webgpu.wasm", llama8b(), "config") for size in libraries]
    rows = [replace(row, figures=replace(row.figures, chunk=size)) for row, size in zip(rows, libraries, strict=True)]
    found = figures.candidates(replace(llama8b(), chunk=model), rows)
    return [it.figures.chunk for it in found]


def test_the_same_chunk_first_then_smaller_then_larger() -> None:
    assert chunks(2048, 512, 4096, 1024, 2048, 8192) == [2048, 1024, 512, 4096, 8192]
    assert chunks(256, 2048, 1024) == [1024, 2048]
    assert set(chunks(None, 2048, 1024)) == {1024, 2048}


@pytest.mark.parametrize(
    ("name", "quantisation", "expected"),
    [
        ("Ministral-3-3B-Reasoning-2512-q4f16_1-MLC", "q4f16_1", "Ministral-3-3B-Reasoning-2512"),
        ("someone/Ministral-3-3B-Instruct-mine", "q4f32_1", "Ministral-3-3B-Instruct-2512-BF16"),
        ("gemma-2-2b-jpn-it-q4f16_1-MLC", "q4f16_1", "gemma-2-2b-jpn-it"),
        ("gemma-2-2b-it-q4f16_1-MLC", "q4f16_1", "gemma-2-2b-it"),
        ("TinyLlama-1.1B-Chat-v0.4-q4f32_1-MLC", "q4f32_1", "TinyLlama-1.1B-Chat-v0.4"),
        ("TinyLlama-1.1B-Chat-v1.0-q4f32_1-MLC", "q4f32_1", "TinyLlama-1.1B-Chat-v1.0"),
    ],
)
def test_among_equals_the_name_decides(name: str, quantisation: str, expected: str) -> None:
    row = next(row for row in TABLE if row.key.startswith(f"{expected}-{quantisation}"))
    assert len(figures.candidates(row.figures, TABLE)) > 1
    assert figures.candidates(row.figures, TABLE, name)[0].key == row.key


def test_the_nearest_has_the_same_type_then_the_closest_size() -> None:
    model = figures.of_config(config("llama", "q4f16_1", **{**LLAMA, "hidden_size": 2112, "num_hidden_layers": 15}))
    nearest = figures.nearest(model, TABLE)
    assert nearest
    assert nearest.key == "Llama-3.2-1B-Instruct-q4f16_1_cs1k-webgpu.wasm"
    assert [(it.figure, it.model, it.library) for it in nearest.differing] == [
        ("width", 2112, 2048),
        ("layers", 15, 16),
    ]
    assert figures.nearest(model, []) is None


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "mlc-chat-config.json"),
        ({}, "model_type"),
        ({"model_type": 1}, "model_type"),
        ({"model_type": "llama"}, "quantization"),
        ({"model_type": "llama", "quantization": "q4f16_1", "model_config": []}, "model_config"),
        (config("gemma3", "q4f16_1", text_config="x"), "text_config"),
        (config("llama", "q4f16_1", hidden_size="2048"), "model_config.hidden_size"),
        (config("llama", "q4f16_1", num_hidden_layers=True), "model_config.num_hidden_layers"),
    ],
)
def test_a_bad_configuration_names_its_field(document: Any, field: str) -> None:
    with pytest.raises(Failure) as raised:
        figures.of_config(document)
    assert raised.value.facts == {"field": field}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["hidden_size", "n_embd", "num_attention_heads", "head_dim", "rope_theta", "rope_scaling", "tie_word_embeddings"]
)
ROPE = st.fixed_dictionaries({"rope_type": JSON, "factor": JSON, "rope_theta": JSON})


@given(st.sampled_from(["llama", "gpt2", "bert", "gemma3", "?"]), st.dictionaries(FIELDS, JSON | ROPE), JSON)
def test_any_configuration_is_read_or_refused(model_type: str, fields: dict[str, Any], inner: Any) -> None:
    document = config(model_type, "q4f16_1", **fields)
    for it in (document, {**document, "model_config": inner}):
        try:
            model = figures.of_config(it)
        except Failure as failure:
            assert "field" in failure.facts
        else:
            assert figures.nearest(model, TABLE) or not TABLE
            assert all(found.loads for found in figures.candidates(model, TABLE))


@pytest.mark.parametrize(
    "entry", [None, [], {}, {"source": "config"}, {"model_type": "llama", "quantisation": "q0f32"}]
)
def test_a_row_that_cannot_be_read_is_named(entry: Any) -> None:
    with pytest.raises(ValueError, match="some-library"):
        figures.load({"libraries": {"some-library": entry}})


def test_a_librarys_parameters_tell_its_figures() -> None:
    layer = "model.layers.{}.mlp.gate_up_proj.q_weight"
    parameters = (
        Parameter("model.embed_tokens.q_weight", ("vocab_size", 205 * 4), "uint32"),
        *(Parameter(layer.format(number), (2 * 28672, 820), "uint32") for number in range(3)),
        *(Parameter(f"model.layers.{number}.input_layernorm.weight", (8192,), "float16") for number in range(3)),
        *(Parameter(f"model.layers.{number}.self_attn.q_norm.weight", (128,), "float16") for number in range(3)),
        *(Parameter(f"vision_model.layers.{number}.layer_norm1.weight", (1024,), "float16") for number in range(24)),
        Parameter("lm_head.q_weight", ("vocab_size", 820), "uint32"),
    )
    read = figures.of_library(Metadata("llama", "q3f16_1", parameters, context=4096, chunk=1024, heads=64))
    assert read == Figures(
        "llama", "q3f16_1", width=8192, layers=3, heads=64, intermediate=28672, chunk=1024, context=4096, tied=False
    )  # fmt: skip


# Against the metadata of published libraries of older generations, of which many are still in the list.


def published() -> list[Any]:
    if not LIBRARIES.is_file():
        return [pytest.param({}, marks=pytest.mark.skip("no published metadata beside the project"))]
    return [
        pytest.param(it, id=f"{it['library']}-{it['version']}") for it in json.loads(LIBRARIES.read_text())["libraries"]
    ]


def current(library: str) -> str | None:
    """Return the key of today's library that was compiled from the same model."""
    name, _, sizes = library.rpartition("-")
    old = f"{library}-webgpu.wasm"
    new = f"{name}_{sizes.partition('_')[2] or 'cs1k'}-webgpu.wasm"
    return next((key for key in (old, new) if key in ROWS), None)


def of_published(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration that a published library's facts imply."""
    cache = entry["kv_cache"] or {}
    return {
        **{name: entry[name] for name in ("model_type", "quantization", "prefill_chunk_size")},
        "model_config": {
            "hidden_size": entry["embedding"][1][1] * (1 if entry["quantization"].startswith("q0") else 8),
            "num_hidden_layers": entry["layers"],
            **{name: cache.get(name) for name in ("num_attention_heads", "num_key_value_heads", "head_dim")},
            "vocab_size": entry["embedding"][1][0] if isinstance(entry["embedding"][1][0], int) else None,
        },
    }


@pytest.mark.parametrize("entry", published())
def test_a_published_library_finds_its_heir(entry: dict[str, Any]) -> None:
    key = current(entry["library"])
    model = figures.of_config(of_published(entry))
    # What the facts do not tell is not compared.
    model = replace(model, tied=None, intermediate=None, rope_base=None, rope_scaling=None)
    if key is None:
        assert not [it for it in figures.candidates(model, TABLE) if it.key.startswith(entry["library"])]
        return
    best = figures.candidates(model, TABLE, entry["library"])[0]
    assert (best.key, best.differing) == (key, ())


def test_most_published_libraries_have_an_heir() -> None:
    if not LIBRARIES.is_file():
        pytest.skip("no published metadata beside the project")
    found = {current(it["library"]) for it in json.loads(LIBRARIES.read_text())["libraries"]}
    assert len(found - {None}) >= 35


Entry = dict[str, Any]
CHECKS: list[tuple[str, Callable[[Entry], Any]]] = [
    ("layers", lambda entry: entry["layers"]),
    ("heads", lambda entry: (entry["kv_cache"] or {}).get("num_attention_heads")),
    ("width", lambda entry: entry["embedding"][1][1] * (1 if entry["quantization"].startswith("q0") else 8)),
    ("vocabulary", lambda entry: size if isinstance(size := entry["embedding"][1][0], int) else None),
]


def test_published_parameters_tell_the_figures() -> None:
    if not BY_TYPE.is_file():
        pytest.skip("no published metadata beside the project")
    facts = {it["library"]: it for it in json.loads(LIBRARIES.read_text())["libraries"]}
    for model_type, listed in json.loads(BY_TYPE.read_text()).items():
        entry = facts[listed["library"]]
        cache = entry["kv_cache"] or {}
        parameters = tuple(Parameter(name, tuple(shape), dtype) for name, shape, dtype in listed["params"])
        metadata = Metadata(model_type, entry["quantization"], parameters, heads=cache.get("num_attention_heads"))
        read = figures.of_library(metadata)
        assert read.intermediate
        for name, expected in CHECKS:
            if name != "layers" or expected is not None:
                assert getattr(read, name) == expected(entry) or (name, model_type) == ("layers", "bert"), model_type
