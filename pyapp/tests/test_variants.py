"""What IDs tell: family, class of size, quantisation, and which are variants of one model."""

import pytest
from bocal.models import variants
from bocal.models.variants import Size
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("model_id", "stem", "family", "size", "quantisation"),
    [
        ("Llama-3.2-1B-Instruct-q4f16_1-MLC", "Llama-3.2-1B-Instruct", "Llama", Size.SMALL, "q4f16_1"),
        ("Llama-3.1-8B-Instruct-q4f32_1-MLC-1k", "Llama-3.1-8B-Instruct", "Llama", Size.LARGE, "q4f32_1"),
        ("Llama-3.1-70B-Instruct-q3f16_1-MLC", "Llama-3.1-70B-Instruct", "Llama", Size.LARGEST, "q3f16_1"),
        ("Qwen2.5-Coder-0.5B-Instruct-q0f16-MLC", "Qwen2.5-Coder-0.5B-Instruct", "Qwen", Size.SMALL, "q0f16"),
        ("SmolLM2-135M-Instruct-q0f32-MLC", "SmolLM2-135M-Instruct", "SmolLM", Size.SMALL, "q0f32"),
        ("stablelm-2-zephyr-1_6b-q4f16_1-MLC-1k", "stablelm-2-zephyr-1_6b", "StableLM", Size.MIDDLE, "q4f16_1"),
        ("Phi-3-mini-4k-instruct-q4f16_1-MLC", "Phi-3-mini-4k-instruct", "Phi", Size.MIDDLE, "q4f16_1"),
        ("gemma-2-9b-it-q4f16_1-MLC", "gemma-2-9b-it", "Gemma", Size.LARGE, "q4f16_1"),
        ("Ministral-3-3B-Base-2512-q4f16_1-MLC", "Ministral-3-3B-Base-2512", "Mistral", Size.MIDDLE, "q4f16_1"),
        ("DeepSeek-R1-Distill-Qwen-7B-q4f16_1-MLC", "DeepSeek-R1-Distill-Qwen-7B", "DeepSeek", Size.LARGE, "q4f16_1"),
        ("TinyLlama-1.1B-Chat-v1.0-q4f32_1-MLC", "TinyLlama-1.1B-Chat-v1.0", "TinyLlama", Size.MIDDLE, "q4f32_1"),
        ("CodeLlama-7b-Instruct-hf-q4f16_1-MLC", "CodeLlama-7b-Instruct-hf", "Llama", Size.LARGE, "q4f16_1"),
        ("Boreal-Qwen3-4B", "Boreal-Qwen3-4B", "Qwen", Size.MIDDLE, ""),
        ("sophia", "sophia", "", None, ""),
        ("llamas", "llamas", "", None, ""),
        ("my model", "my model", "", None, ""),
    ],
)
def test_what_an_id_tells(model_id: str, stem: str, family: str, size: Size | None, quantisation: str) -> None:
    assert variants.stem(model_id) == stem
    assert variants.family(model_id) == family
    assert variants.size(model_id) == size
    assert variants.quantisation(model_id) == quantisation


@given(st.text() | st.from_regex(r"\A[A-Za-z0-9._ -]{0,30}-q\d{1,3}f16(_1)?(-MLC)?(-1k)?\Z"))
def test_any_id_can_be_asked(model_id: str) -> None:
    assert variants.family(model_id) in {"", *variants.MAKERS}
    assert variants.size(model_id) in {None, *Size}
    assert bool(variants.stem(model_id)) == bool(model_id)
    found = variants.quantisation(model_id)
    assert found in model_id.lower()


@given(
    st.from_regex(r"\A[A-Za-z][A-Za-z0-9.]{0,12}(-[0-9]{1,2}B)?\Z"),
    st.sampled_from(["q4f16_1", "q4f32_1", "q0f16", "q3f16_1"]),
    st.sampled_from(["", "-1k"]),
)
def test_all_variants_of_a_model_share_its_stem(name: str, quantisation: str, short: str) -> None:
    model_id = f"{name}-{quantisation}-MLC{short}"
    assert variants.stem(model_id) == name
    assert variants.quantisation(model_id) == quantisation
    assert variants.is_short(model_id) == bool(short)
