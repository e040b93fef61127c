"""The dimensions of a model, and whether they can be compiled."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

GROUP = 32
"""Weights that share one scale in the q4 quantisations, along the input axis."""

PER_WORD = 8
"""Four-bit weights that share one uint32."""

QUANTISATIONS = ("q0f32", "q4f32_1", "q4f16_1")
"""MLC's names: q0 is unquantised, q4 is 4 bits a weight; the second half is the type of activations and scales."""

MAX_HEAD_DIM = 128
"""The widest attention head whose tiles fit in WebGPU's default 16 KiB of workgroup memory."""


class ShapeError(ValueError):
    """A model's dimensions do not fit together; the message names the field and the rule."""


@dataclass(frozen=True)
class ModelShape:
    """A Llama-like decoder: every dimension the compiler and the weight writer need.

    Attributes
    ----------
    layers, width, heads, kv_heads, head_dim, intermediate, vocabulary
        The usual dimensions; `heads` query heads share `kv_heads` key-value heads.
    context
        Default context size in tokens. WebLLM may override it; nothing is compiled for it.
    prefill_chunk
        Most tokens of a prompt that go through the model at once. This one is compiled in.
    quantisation
        One of `QUANTISATIONS`.
    rope_theta, norm_eps
        Base of the rotary position embedding, and the epsilon of RMS normalisation.
    """

    layers: int
    width: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    context: int = 1024
    prefill_chunk: int = 256
    quantisation: str = "q4f32_1"
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5

    def __post_init__(self) -> None:
        if self.quantisation not in QUANTISATIONS:
            raise ShapeError(f"quantisation is {self.quantisation!r}; it must be one of {', '.join(QUANTISATIONS)}")
        for name in (field.name for field in fields(self) if field.type == "int"):
            value: Any = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ShapeError(f"{name} is {value!r}; it must be a whole number of at least 1")
        for name in ("rope_theta", "norm_eps"):
            if not getattr(self, name) > 0:
                raise ShapeError(f"{name} is {getattr(self, name)!r}; it must be greater than 0")
        if self.heads % self.kv_heads:
            raise ShapeError(f"heads ({self.heads}) must be a multiple of kv_heads ({self.kv_heads})")
        if self.head_dim % 16 or self.head_dim > MAX_HEAD_DIM:
            raise ShapeError(f"head_dim is {self.head_dim}; it must be a multiple of 16, at most {MAX_HEAD_DIM}")
        for name in ("width", "intermediate", "attention_width"):
            if getattr(self, name) % GROUP:
                raise ShapeError(f"{name} is {getattr(self, name)}; it must be a multiple of {GROUP}")

    @property
    def attention_width(self) -> int:
        """Width of all query heads together, which is what `o_proj` takes in."""
        return self.heads * self.head_dim

    @property
    def qkv_width(self) -> int:
        """Rows of `qkv_proj`: all queries, then all keys, then all values."""
        return (self.heads + 2 * self.kv_heads) * self.head_dim

    @property
    def quantised(self) -> bool:
        """True for the q4 quantisations."""
        return self.quantisation.startswith("q4")

    @property
    def dtype(self) -> str:
        """Type of activations, scales, norms and the key-value cache: `float32` or `float16`."""
        return "float16" if "f16" in self.quantisation else "float32"

    def weights(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every weight before quantisation, in MLC's order. Matrices are [output, input]."""
        table: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (self.vocabulary, self.width)}
        for index in range(self.layers):
            layer = f"model.layers.{index}"
            table[f"{layer}.self_attn.qkv_proj.weight"] = (self.qkv_width, self.width)
            table[f"{layer}.self_attn.o_proj.weight"] = (self.width, self.attention_width)
            table[f"{layer}.mlp.gate_up_proj.weight"] = (2 * self.intermediate, self.width)
            table[f"{layer}.mlp.down_proj.weight"] = (self.width, self.intermediate)
            table[f"{layer}.input_layernorm.weight"] = (self.width,)
            table[f"{layer}.post_attention_layernorm.weight"] = (self.width,)
        table["model.norm.weight"] = (self.width,)
        table["lm_head.weight"] = (self.vocabulary, self.width)
        return table

    def stored(self, name: str, shape: tuple[int, ...]) -> dict[str, tuple[tuple[int, ...], str]]:
        """Name, shape and type of the tensors that hold one weight: itself, or a matrix's packed words and scales."""
        if not self.quantised or len(shape) != 2:
            return {name: (shape, self.dtype)}
        rows, columns = shape
        stem = name.removesuffix("weight")
        return {
            f"{stem}q_weight": ((rows, columns // PER_WORD), "uint32"),
            f"{stem}q_scale": ((rows, columns // GROUP), self.dtype),
        }

    def parameters(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """Name, shape and type of every tensor as stored: what the library declares and the shards hold."""
        table: dict[str, tuple[tuple[int, ...], str]] = {}
        for name, shape in self.weights().items():
            table.update(self.stored(name, shape))
        return table


GUIDE = ModelShape(
    layers=4, width=256, heads=4, kv_heads=2, head_dim=64, intermediate=704, vocabulary=2048, context=1024
)
"""The model that ships with Bocal."""
