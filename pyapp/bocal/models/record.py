"""One model, standard or custom, and how a custom one is written in `localStorage.customModels`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bocal import strict


@dataclass(frozen=True)
class Library:
    """Which model library (.wasm) runs a model: a standard one by `key` (its file name), or any by `url`."""

    key: str = ""
    url: str = ""


@dataclass(frozen=True)
class Model:
    """A model as the selector lists it.

    `url` is where its files are, as `source.read` gives it. `memory` is in bytes, 0 when unknown; `buffer` is what it
    binds at once, in bytes, 0 when unknown; `features` are WebGPU's names. `kind` is "llm", "vlm" (it sees images) or
    "embedding". `size` is the free text of the form
    ("3.8 GB"). `extra` holds fields of a stored record that are not ours: they survive a round trip.
    """

    id: str
    name: str
    url: str
    size: str = ""
    description: str = ""
    library: Library | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    custom: bool = True
    kind: str = "llm"
    memory: int = 0
    buffer: int = 0
    quantisation: str = ""
    features: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sees(self) -> bool:
        """Whether it takes pictures: a vision model, or one whose package declares its inputs (Gemma 4)."""
        return self.kind == "vlm" or "model_manifest" in self.extra

    def kind_with(self, *, sees: bool) -> str:
        """Return its kind, given whether its library takes pictures."""
        return "vlm" if sees and self.kind == "llm" else self.kind


_TEXTS = ("id", "name", "url", "size", "description")
KINDS = {"llm": 0, "embedding": 1, "vlm": 2}  # WebLLM's ModelType
_OURS = {*_TEXTS, "library", "overrides", "custom", "kind", "memory"}


def from_json(entry: Any) -> Model:
    """Read one entry of `customModels`; also the earlier app's, which has no library.

    Raises ValueError naming the field that cannot be read. A missing name becomes the ID; null is like missing.
    """
    if not isinstance(entry, dict):
        raise ValueError("entry: not an object")
    texts = {name: "" if entry.get(name) is None else entry[name] for name in _TEXTS}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise ValueError(f"{name}: not a text")
    for name in ("id", "url"):
        if not texts[name].strip():
            raise ValueError(f"{name}: missing")
    _check_address("url", texts["url"])
    overrides = {} if entry.get("overrides") is None else entry["overrides"]
    if not isinstance(overrides, dict):
        raise ValueError("overrides: not an object")
    return Model(
        id=texts["id"],
        name=texts["name"].strip() or texts["id"],
        url=texts["url"],
        size=texts["size"],
        description=texts["description"],
        library=_library(entry.get("library")),
        overrides=overrides,
        kind=entry["kind"] if entry.get("kind") in tuple(KINDS) else "llm",
        memory=memory if isinstance(memory := entry.get("memory"), int) and 0 < memory <= strict.LARGEST else 0,
        extra={name: value for name, value in entry.items() if name not in _OURS},
    )


def to_json(model: Model) -> dict[str, Any]:
    """Write a custom model as an entry of `customModels`, leaving out what is empty."""
    entry: dict[str, Any] = {"id": model.id, "name": model.name, "url": model.url}
    if model.size:
        entry["size"] = model.size
    if model.description:
        entry["description"] = model.description
    if model.library:
        entry["library"] = {"key": model.library.key} if model.library.key else {"url": model.library.url}
    if model.overrides:
        entry["overrides"] = dict(model.overrides)
    if model.kind != "llm":
        entry["kind"] = model.kind
    if model.memory:
        entry["memory"] = model.memory
    return {**entry, **model.extra, "custom": True}


def _check_address(name: str, text: str) -> None:
    """Raise ValueError for what no part of the app could ask for, such as "https://[x"."""
    try:
        urlsplit(text).port  # noqa: B018 - reading it is the check
    except ValueError as error:
        raise ValueError(f"{name}: no address") from error


def _library(value: Any) -> Library | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(value.get(name, ""), str) for name in ("key", "url")):
        raise ValueError("library: not an object with a key or a url")
    key, url = value.get("key", ""), value.get("url", "")
    if re.search(r"[/\\?#:]", key):
        raise ValueError("library: its key is no file name")
    _check_address("library", url)
    return Library(key=key, url="" if key else url) if key or url else None
