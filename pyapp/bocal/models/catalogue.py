"""The standard models: Bocal's own guide, and those of WebLLM as the build extracted them into `catalogue.json`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bocal.models.record import Library, Model

GUIDE_ID = "bocal-guide-q4f32_1-MLC"
GUIDE_FOLDER = "models/guide/"

# What a model's name is not: the quantisation, the format, the chunk of prefill.
_QUANTISATION = re.compile(r"[-_]q\d+f(?:16|32)(?:_\d)?(?=-|$)")
_MLC = re.compile(r"-MLC(?=-|$)")
_SIZE = re.compile(r"(?<![\w.])e?(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", re.IGNORECASE)
# The parameters of models whose IDs do not tell them, by what those begin with.
_UNTOLD = {
    "phi-1_5-": "1.3B",
    "phi-2-": "2.7B",
    "phi-3-mini-": "3.8B",
    "phi-3.5-mini-": "3.8B",
    "phi-3.5-vision-": "4.2B",
    "phi-4-mini-": "3.8B",
}


@dataclass(frozen=True)
class Catalogue:
    """`models` by ID, in WebLLM's order with the guide first; `libraries` is the base URL of library keys."""

    models: Mapping[str, Model]
    libraries: str

    def chat_models(self) -> list[Model]:
        """Return the models one can talk with: all but those that only make embeddings."""
        return [model for model in self.models.values() if model.kind != "embedding"]


def read(document: Any, site: str) -> Catalogue:
    """Read `catalogue.json`, which the build wrote; `site` is the page's own address, ending in a slash."""
    guide = Model(
        id=GUIDE_ID,
        name="",  # worded in each language
        url=f"{site}{GUIDE_FOLDER}",
        library=Library(url=f"{site}{GUIDE_FOLDER}resolve/main/{GUIDE_ID}-webgpu.wasm"),
        custom=False,
        quantisation="q4f32_1",
    )
    models = {GUIDE_ID: guide}
    for entry in document["models"]:
        models[entry["id"]] = Model(
            id=entry["id"],
            name=display_name(entry["id"]),
            url=entry["url"],
            library=Library(key=entry["library"]),
            overrides=entry["overrides"],
            custom=False,
            kind=entry["kind"],
            memory=entry["memory"],
            buffer=entry.get("buffer", 0),
            quantisation=entry["quantisation"],
            features=tuple(entry["features"]),
            extra={"model_manifest": entry["package"]} if "package" in entry else {},
        )
    return Catalogue(models, document["libraries"])


def display_name(model_id: str) -> str:
    """Return a name for people: `Llama-3.2-1B-Instruct-q4f16_1-MLC-1k` gives `Llama 3.2 1B Instruct (1k)`."""
    name = _MLC.sub("", _QUANTISATION.sub("", model_id))
    short = name.endswith("-1k")
    name = name.removesuffix("-1k").replace("-", " ").replace("_", ".").strip()
    return f"{name} (1k)" if short else name


@lru_cache(maxsize=8192)
def parameters(model_id: str) -> str:
    """Return the number of parameters of a model, such as "1.7B" or "360M"; "" when its ID does not tell."""
    found = _SIZE.search(model_id.replace("_", "."))
    if found:
        return f"{found[1]}{found[2].upper()}"
    name = model_id.lower()
    return next((told for beginning, told in _UNTOLD.items() if name.startswith(beginning)), "")
