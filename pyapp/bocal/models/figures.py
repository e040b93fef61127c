"""The figures by which a model and a standard model library recognise each other.

`figures.json` has one row for each library of WebLLM's `prebuiltAppConfig`; `build/figures.py` keeps it. A model's
figures come from its `mlc-chat-config.json`, whose `model_config` holds the fields of the configuration class that
mlc-llm has for the model's type (`python/mlc_llm/model/*`): most use one set of names, the older ones their own.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from importlib import resources
from typing import Any, TypeGuard

from bocal.errors import Failure, Problem
from bocal.models.metadata import Metadata, Parameter

# Where a figure is, in the order in which the names are tried.
_NAMES = {
    "width": ("hidden_size", "n_embd"),
    "layers": ("num_hidden_layers", "n_layer", "num_layers"),
    "heads": ("num_attention_heads", "n_head"),
    "kv_heads": ("num_key_value_heads", "n_head_kv", "multi_query_group_num"),
    "head_dim": ("head_dim", "kv_channels"),
    "intermediate": ("intermediate_size", "n_inner", "ffn_hidden_size"),
    "vocabulary": ("vocab_size", "padded_vocab_size"),
    "context": ("context_window_size",),
    "window": ("sliding_window_size",),
    "chunk": ("prefill_chunk_size",),
}
# Types under two names for one architecture with the same tensors: what `mlc_llm compile` was told, not what it made.
_SAME = {"phi": "phi-msft", "mixformer-sequential": "phi-msft", "gemma3_text": "gemma3", "qwen3_5_text": "qwen3_5"}
# The defaults of mlc-llm's classes where they are not "width / heads" and "as the configuration says".
_HEAD_DIM = {"gemma3": 256, "gemma4": 256, "qwen3_5": 256}
_FOUR_TIMES = {"phi-msft", "gpt2", "gpt_bigcode", "gptj", "bert"}
_ALWAYS_TIED = {"gemma", "gemma2", "gemma3", "gemma4"}
_NEVER_TIED = {"mistral", "gpt_neox", "gpt2", "phi-msft", "phi3_v", "stablelm", "internlm", "internlm2"}
_ROPE_10000 = {"llama", "mistral", "gemma", "gemma2", "phi-msft", "phi3", "phi3_v", "gpt_neox", "olmo2"}

_NOT_A_NAME = re.compile(r"q\d+[fb]\d+(?:_\w+?)?|mlc|webgpu|wasm|(?:ctx|cs|sw)\d+k?|")


@dataclass(frozen=True)
class Figures:
    """What a library was compiled for, or what a model is. None stands for "any size", or for "not known".

    `width` is the hidden size, `chunk` the number of tokens read at a time. `context` and `window` (sliding) are what
    the compiler was told; WebLLM takes both from the model's configuration, so they decide nothing. `tied` says that
    the output layer has no weights of its own. `rope_base` and `rope_scaling` (such as "llama3 8", "" for none) are
    compiled into the library although no tensor shows them: with others a model loads and answers worse.
    """

    model_type: str
    quantisation: str
    width: int | None = None
    layers: int | None = None
    heads: int | None = None
    kv_heads: int | None = None
    head_dim: int | None = None
    intermediate: int | None = None
    vocabulary: int | None = None
    chunk: int | None = None
    context: int | None = None
    window: int | None = None
    tied: bool | None = None
    rope_base: float | None = None
    rope_scaling: str | None = None


# What must be equal for the tensors to fit, and what for the answers to be the model's own.
SHAPE = (
    "model_type", "quantisation", "width", "layers", "heads", "kv_heads", "head_dim", "intermediate", "vocabulary",
    "tied",
)  # fmt: skip
MEANING = ("rope_base", "rope_scaling")


@dataclass(frozen=True)
class Row:
    """One library: `key` is its file name, `source` "metadata" or "config", `origin` which library's or model's."""

    key: str
    figures: Figures
    source: str
    origin: str = ""


@dataclass(frozen=True)
class Differing:
    """A figure that is one thing in the model and another in the library."""

    figure: str
    model: str | float
    library: str | float


@dataclass(frozen=True)
class Candidate:
    """A library that may run a model. No `differing` is a match; `loads` says that the tensors should fit anyway."""

    key: str
    figures: Figures
    differing: tuple[Differing, ...] = ()

    @property
    def loads(self) -> bool:
        """Whether only figures differ that no tensor shows."""
        return all(it.figure in MEANING for it in self.differing)


def standard() -> tuple[Row, ...]:
    """Return the table that Bocal ships."""
    return load(json.loads(resources.files("bocal.models").joinpath("figures.json").read_text("utf-8")))


def load(document: Any) -> tuple[Row, ...]:
    """Read the table (a parsed `figures.json`); raises ValueError naming the library whose row cannot be read."""
    rows = []
    names = {field.name for field in fields(Figures)}
    for key, entry in document["libraries"].items():
        try:
            figures = Figures(**{name: value for name, value in entry.items() if name in names})
            rows.append(Row(key, figures, entry["source"], entry.get("origin", "")))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"{key}: not a row of figures ({error})") from error
    return tuple(rows)


def of_config(config: Any) -> Figures:
    """Read a model's figures in its parsed `mlc-chat-config.json`.

    Raises Failure(BAD_CONFIG) naming the field that is missing or no number. What a configuration leaves out is what
    mlc-llm takes for it, or None.
    """
    if not isinstance(config, dict):
        raise Failure(Problem.BAD_CONFIG, field="mlc-chat-config.json")
    for name in ("model_type", "quantization"):
        if not isinstance(config.get(name), str) or not config[name]:
            raise Failure(Problem.BAD_CONFIG, field=name)
    inner = _inner(config)
    read = {figure: _number(inner, names) for figure, names in _NAMES.items()}
    model_type = architecture(config["model_type"])
    if read["kv_heads"] is None:
        read["kv_heads"] = read["heads"]
    if read["head_dim"] is None:
        width, heads = read["width"], read["heads"]
        read["head_dim"] = _HEAD_DIM.get(model_type) or (width // heads if width and heads else None)
    if read["intermediate"] is None and model_type in _FOUR_TIMES and read["width"]:
        read["intermediate"] = 4 * read["width"]
    return Figures(
        model_type=config["model_type"],
        quantisation=config["quantization"],
        **read,
        tied=_tied(inner, model_type),
        rope_base=_rope_base(inner, model_type),
        rope_scaling=_rope_scaling(inner, model_type),
    )


def of_library(metadata: Metadata) -> Figures:
    """Return what a library's metadata tells of the model it was compiled for; the rest is None."""
    shapes = {parameter.name: parameter.shape for parameter in metadata.parameters}
    return Figures(
        model_type=metadata.model_type,
        quantisation=metadata.quantisation,
        width=_commonest_norm(metadata.parameters),
        layers=_count_layers(shapes) or metadata.layers,
        heads=metadata.heads,
        kv_heads=metadata.kv_heads,
        head_dim=metadata.head_dim,
        intermediate=None if metadata.quantisation.endswith("_0") else _feed_forward(shapes),
        vocabulary=_vocabulary(shapes),
        chunk=metadata.chunk if metadata.chunk > 0 else None,
        context=metadata.context if metadata.context > 0 else None,
        window=metadata.window if metadata.window > 0 else None,
        tied=None if metadata.model_type.startswith("bert") else not _any_named(shapes, "lm_head", "embed_out"),
    )


def architecture(model_type: str) -> str:
    """Return the one name of an architecture that mlc-llm knows under several."""
    return _SAME.get(model_type, model_type)


def differing(model: Figures, library: Figures) -> tuple[Differing, ...]:
    """Return the figures that are known on both sides and differ, those of the tensors first."""
    found = []
    for name in (*SHAPE, *MEANING):
        ours, theirs = getattr(model, name), getattr(library, name)
        if ours is None or theirs is None or ours == theirs:
            continue
        if name == "model_type" and architecture(ours) == architecture(theirs):
            continue
        found.append(Differing(name, ours, theirs))
    return tuple(found)


def candidates(model: Figures, table: Iterable[Row], name: str = "") -> list[Candidate]:
    """Return the libraries whose tensors should fit a model, the best first.

    Best is: no figure that differs at all; then the same prefill chunk, a smaller, a larger; then the library that
    shares most with `name`, the model's ID or repository. [] when nothing fits: see `nearest`.
    """
    fitting = [it for row in table if (it := _candidate(model, row)).loads]
    return sorted(fitting, key=lambda it: (len(it.differing), *_preference(model, it, name)))


def nearest(model: Figures, table: Iterable[Row], name: str = "") -> Candidate | None:
    """Return the library that comes nearest to a model, to tell what differs; None for an empty table."""

    def distance(it: Candidate) -> tuple[Any, ...]:
        shapes = [found for found in it.differing if found.figure in SHAPE]
        other_type = any(found.figure == "model_type" for found in shapes)
        return (other_type, len(shapes), len(it.differing), sum(map(_gap, shapes)), *_preference(model, it, name))

    return min((_candidate(model, row) for row in table), key=distance, default=None)


def _candidate(model: Figures, row: Row) -> Candidate:
    return Candidate(row.key, row.figures, differing(model, row.figures))


def _preference(model: Figures, candidate: Candidate, name: str) -> tuple[bool, int, int, float, str]:
    """Order candidates that fit equally well, the best lowest."""
    ours, theirs = model.chunk or 0, candidate.figures.chunk or 0
    rank = 2 if ours and theirs > ours else int(theirs != ours)
    return (
        model.model_type != candidate.figures.model_type,
        rank,
        abs(ours - theirs) if ours and theirs else 0,
        -likeness(name, candidate.key),
        candidate.key,
    )


def likeness(name: str, key: str) -> float:
    """Return how much of a model's name is in a library's: the number of parts they share, less a bit per stranger."""
    ours, theirs = (
        Counter(part for part in re.split(r"[-_./\s]+", text.lower()) if not _NOT_A_NAME.fullmatch(part))
        for text in (name, key)
    )
    return (ours & theirs).total() - 0.1 * ((ours - theirs).total() + (theirs - ours).total())


def _gap(found: Differing) -> float:
    """Return how far two sizes are apart, from 0 to 1; 1 for what is no size."""
    if isinstance(found.model, str) or isinstance(found.library, str):
        return 1.0
    return abs(found.model - found.library) / max(found.model, found.library, 1)


def _inner(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that hold a model's sizes, flat: the innermost of the same name counts."""
    inner = dict(config)
    for name in ("model_config", "text_config"):
        section = inner.get(name)
        if section is not None and not isinstance(section, dict):
            raise Failure(Problem.BAD_CONFIG, field=name)
        inner.update({key: value for key, value in (section or {}).items() if value is not None})
    return inner


def _number(inner: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """Return the first of these fields that is set; 0, -1 and null are mlc-llm's ways to say "not set"."""
    for name in names:
        value = inner.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            raise Failure(Problem.BAD_CONFIG, field=f"model_config.{name}")
        if value > 0:
            return value
    return None


def _tied(inner: Mapping[str, Any], model_type: str) -> bool | None:
    if model_type in _ALWAYS_TIED:
        return True
    if model_type in _NEVER_TIED:
        return False
    return None if model_type.startswith("bert") else bool(inner.get("tie_word_embeddings"))


def _rope(inner: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in ("rope_scaling", "rope_parameters"):
        if isinstance(inner.get(name), dict):
            section: Mapping[str, Any] = inner[name]
            return section
    return {}


def _rope_base(inner: Mapping[str, Any], model_type: str) -> float | None:
    for value in (inner.get("position_embedding_base"), inner.get("rope_theta"), _rope(inner).get("rope_theta")):
        if _is_real(value):
            return float(value)
    return 10000.0 if model_type in _ROPE_10000 else None


def _rope_scaling(inner: Mapping[str, Any], model_type: str) -> str:
    rope = _rope(inner)
    kind = rope.get("rope_type") or ("" if model_type == "llama" else rope.get("type"))
    if not isinstance(kind, str) or kind in {"", "default", "gptj"}:
        return ""
    factor = rope.get("factor")
    return f"{'longrope' if kind == 'su' else kind}{f' {factor:g}' if _is_real(factor) else ''}"


def _is_real(value: Any) -> TypeGuard[float]:
    """Whether a value is a positive number that a model could have."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e12


def _is_vision(name: str) -> bool:
    return "vision" in name or "image" in name


def _any_named(shapes: Mapping[str, Any], *parts: str) -> bool:
    return any(part in name for name in shapes for part in parts)


def _commonest_norm(parameters: Iterable[Parameter]) -> int | None:
    """Return the hidden size: the length that most normalisations have, which no quantisation touches."""
    lengths: Counter[int] = Counter()
    for parameter in parameters:
        is_norm = re.search(r"norm|\bln", parameter.name, re.IGNORECASE)
        of_heads = re.search(r"[qk]_(?:layer)?norm", parameter.name)
        if len(parameter.shape) == 1 and is_norm and not of_heads and not _is_vision(parameter.name):
            length = parameter.shape[0]
            lengths.update([length] if isinstance(length, int) else [])
    return lengths.most_common(1)[0][0] if lengths else None


def _count_layers(shapes: Mapping[str, Any]) -> int | None:
    found = (re.search(r"\b(?:layers?|h)\.(\d+)\.", name) for name in shapes if not _is_vision(name))
    numbers = {int(match[1]) for match in found if match}
    return max(numbers) + 1 if numbers else None


def _feed_forward(shapes: Mapping[str, tuple[int | str, ...]]) -> int | None:
    """Return the intermediate size of the first layer, whose weights have one row for each output."""
    for part, halves in (
        ("gate_up_proj", 2), ("gate_proj", 1), ("mlp.up_proj", 1), ("mlp.fc1", 1), ("dense_h_to_4h", 1),
        ("mlp.c_fc", 1), ("intermediate.dense", 1),
    ):  # fmt: skip
        for name, shape in shapes.items():
            if part in name and name.endswith("weight") and not _is_vision(name) and isinstance(shape[0], int):
                return shape[0] // halves
    return None


def _vocabulary(shapes: Mapping[str, tuple[int | str, ...]]) -> int | None:
    """Return the number of rows of the embeddings or the output layer, None where it is any."""
    for part in ("embed_tokens.", "wte.", "embd.", "embed_in.", "word_embeddings.", "lm_head.", "embed_out."):
        for name, shape in shapes.items():
            if part in name and name.endswith("weight") and not _is_vision(name) and isinstance(shape[0], int):
                return shape[0]
    return None
