"""The standard models."""

import pytest
from bocal.models import catalogue


@pytest.mark.parametrize(
    ("model_id", "name", "parameters"),
    [
        ("Llama-3.2-1B-Instruct-q4f16_1-MLC", "Llama 3.2 1B Instruct", "1B"),
        ("Llama-3.1-8B-Instruct-q4f32_1-MLC-1k", "Llama 3.1 8B Instruct (1k)", "8B"),
        ("Qwen3-1.7B-q4f16_1-MLC", "Qwen3 1.7B", "1.7B"),
        ("Qwen2.5-Coder-0.5B-Instruct-q0f16-MLC", "Qwen2.5 Coder 0.5B Instruct", "0.5B"),
        ("SmolLM2-360M-Instruct-q4f16_1-MLC", "SmolLM2 360M Instruct", "360M"),
        ("stablelm-2-zephyr-1_6b-q4f16_1-MLC", "stablelm 2 zephyr 1.6b", "1.6B"),
        ("Phi-3.5-mini-instruct-q4f16_1-MLC", "Phi 3.5 mini instruct", "3.8B"),
        ("gemma-4-E2B-it-q4f16_1-MLC", "gemma 4 E2B it", "2B"),
        ("phi-2-orange", "phi 2 orange", "2.7B"),
        ("my-model", "my model", ""),
        ("gemma-2-2b-jpn-it-q4f32_1-MLC", "gemma 2 2b jpn it", "2B"),
    ],
)
def test_names(model_id: str, name: str, parameters: str) -> None:
    assert catalogue.display_name(model_id) == name
    assert catalogue.parameters(model_id) == parameters


def test_the_guide_comes_first_and_embeddings_are_not_for_chat() -> None:
    entry = {
        "url": "https://h/m",
        "library": "m.wasm",
        "memory": 1,
        "quantisation": "",
        "features": [],
        "overrides": {},
    }
    document = {
        "libraries": "https://libs/",
        "models": [{**entry, "id": "m", "kind": "llm"}, {**entry, "id": "e", "kind": "embedding"}],
    }
    read = catalogue.read(document, "https://site/")
    assert list(read.models) == [catalogue.GUIDE_ID, "m", "e"]
    assert [model.id for model in read.chat_models()] == [catalogue.GUIDE_ID, "m"]
    assert not any(model.custom for model in read.models.values())
