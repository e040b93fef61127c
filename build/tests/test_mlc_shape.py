"""Which dimensions can be compiled, and what tensors they lead to."""

from dataclasses import replace

import pytest
from mlc.shape import GUIDE, ModelShape, ShapeError


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 250}, "width is 250; it must be a multiple of 32"),
        ({"intermediate": 100}, "intermediate is 100; it must be a multiple of 32"),
        ({"heads": 3}, "heads (3) must be a multiple of kv_heads (2)"),
        ({"head_dim": 24}, "head_dim is 24; it must be a multiple of 16, at most 128"),
        ({"head_dim": 256}, "head_dim is 256; it must be a multiple of 16, at most 128"),
        ({"heads": 1, "kv_heads": 1, "head_dim": 16}, "attention_width is 16; it must be a multiple of 32"),
        ({"layers": 0}, "layers is 0; it must be a whole number of at least 1"),
        ({"context": 1.5}, "context is 1.5; it must be a whole number of at least 1"),
        ({"prefill_chunk": True}, "prefill_chunk is True; it must be a whole number of at least 1"),
        ({"rope_theta": 0.0}, "rope_theta is 0.0; it must be greater than 0"),
        ({"quantisation": "q3f16_1"}, "quantisation is 'q3f16_1'; it must be one of q0f32, q4f32_1, q4f16_1"),
    ],
)
def test_dimensions_that_do_not_fit_are_refused_by_name(change: dict[str, object], message: str) -> None:
    with pytest.raises(ShapeError) as refused:
        replace(GUIDE, **change)  # type: ignore[arg-type]
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("quantisation", "expected"),
    [
        ("q0f32", {"weight": ((512, 256), "float32")}),
        ("q4f32_1", {"q_weight": ((512, 32), "uint32"), "q_scale": ((512, 8), "float32")}),
        ("q4f16_1", {"q_weight": ((512, 32), "uint32"), "q_scale": ((512, 8), "float16")}),
    ],
)
def test_a_matrix_is_stored_as_its_quantisation_says(
    quantisation: str, expected: dict[str, tuple[tuple[int, ...], str]]
) -> None:
    shape = replace(GUIDE, quantisation=quantisation)
    stored = {name: value for name, value in shape.parameters().items() if "layers.0.self_attn.qkv_proj" in name}
    assert stored == {f"model.layers.0.self_attn.qkv_proj.{name}": value for name, value in expected.items()}


def test_norms_are_never_quantised() -> None:
    parameters = replace(GUIDE, quantisation="q4f16_1").parameters()
    assert parameters["model.norm.weight"] == ((256,), "float16")
    assert parameters["model.layers.3.post_attention_layernorm.weight"] == ((256,), "float16")


def test_grouped_heads_make_a_narrower_qkv() -> None:
    shape = ModelShape(
        layers=1, width=64, heads=4, kv_heads=1, head_dim=16, intermediate=96, vocabulary=300, quantisation="q0f32"
    )
    assert shape.weights()["model.layers.0.self_attn.qkv_proj.weight"] == (96, 64)
    assert shape.weights()["model.layers.0.self_attn.o_proj.weight"] == (64, 64)
