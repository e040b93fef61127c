"""The catalogue extracted from WebLLM."""

import json
from pathlib import Path

import catalogue
import pytest

ROOT = Path(__file__).resolve().parents[2]
BASE = {"modelVersion": "v9/base", "modelLibURLPrefix": "https://libs/"}


def test_a_record_is_taken_over() -> None:
    model = {
        "model": "https://huggingface.co/mlc-ai/M-q4f16_1-MLC", "model_id": "M-q4f16_1-MLC-1k", "vram_required_MB": 2.5,
        "model_lib": "https://libs/v9/base/M_cs1k-webgpu.wasm", "overrides": {"context_window_size": 1024},
    }  # fmt: skip
    assert catalogue.convert({**BASE, "models": [model]}) == {
        "libraries": "https://libs/v9/base/",
        "models": [
            {
                "id": "M-q4f16_1-MLC-1k",
                "url": "https://huggingface.co/mlc-ai/M-q4f16_1-MLC",
                "library": "M_cs1k-webgpu.wasm",
                "kind": "llm",
                "memory": 2_621_440,
                "quantisation": "q4f16_1",
                "features": ["shader-f16"],
                "overrides": {"context_window_size": 1024},
            }
        ],
    }


def test_a_library_elsewhere_stops_the_build() -> None:
    model = {"model": "u", "model_id": "m", "model_lib": "https://other/m.wasm", "vram_required_MB": 1}
    with pytest.raises(ValueError, match="m: its library"):
        catalogue.convert({**BASE, "models": [model]})


def test_the_built_catalogue_holds_all_of_webllms_models() -> None:
    document = json.loads((ROOT / "dist" / "catalogue.json").read_text())
    assert len(document["models"]) == 165
    assert len({entry["library"] for entry in document["models"]}) == 99
    assert len({entry["id"] for entry in document["models"]}) == 165
