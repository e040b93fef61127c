"""The model in NumPy: what a browser must answer, computed from the same files.

It reads a model's folder, with its weights as they are stored, and runs Llama in float32.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlc.quantise import dequantise

Array = NDArray[np.float32]


class Reference:
    """A model read from its folder, with a key-value cache that grows with every call of `forward`."""

    def __init__(self, model_dir: Path) -> None:
        config = json.loads((model_dir / "mlc-chat-config.json").read_text(encoding="utf-8"))["model_config"]
        self.layers: int = config["num_hidden_layers"]
        self.heads: int = config["num_attention_heads"]
        self.kv_heads: int = config["num_key_value_heads"]
        self.head_dim: int = config["head_dim"]
        self.eps: float = config["rms_norm_eps"]
        self.theta: float = config["rope_theta"]
        self.weights = load_weights(model_dir)
        self.reset()

    def reset(self) -> None:
        """Forget what was read so far."""
        empty = np.zeros((0, self.kv_heads, self.head_dim), np.float32)
        self.keys = [empty] * self.layers
        self.values = [empty] * self.layers

    def forward(self, tokens: list[int]) -> Array:
        """Read tokens after those already read; the logits after each, [n, vocabulary]."""
        x: Array = self.weights["model.embed_tokens"][tokens]
        start = len(self.keys[0])
        positions = np.arange(start, start + len(tokens))
        for index in range(self.layers):
            x = x + self._attention(index, self._norm(f"model.layers.{index}.input_layernorm", x), positions)
            x = x + self._mlp(index, self._norm(f"model.layers.{index}.post_attention_layernorm", x))
        logits: Array = self._norm("model.norm", x) @ self.weights["lm_head"].T
        return logits

    def _norm(self, name: str, x: Array) -> Array:
        size = np.linalg.norm(x, axis=-1, keepdims=True)
        normed: Array = (x / np.sqrt(size**2 / x.shape[1] + self.eps) * self.weights[name]).astype(np.float32)
        return normed

    def _attention(self, index: int, x: Array, positions: NDArray[np.int64]) -> Array:
        name = f"model.layers.{index}.self_attn"
        fused = (x @ self.weights[f"{name}.qkv_proj"].T).reshape(len(x), -1, self.head_dim)
        queries, keys, values = np.split(fused, [self.heads, self.heads + self.kv_heads], axis=1)
        self.keys[index] = np.concatenate([self.keys[index], self._rotate(keys, positions)])
        self.values[index] = np.concatenate([self.values[index], values])
        group = self.heads // self.kv_heads
        all_keys = np.repeat(self.keys[index], group, axis=1)
        all_values = np.repeat(self.values[index], group, axis=1)
        scores = np.einsum("qhd,khd->hqk", self._rotate(queries, positions), all_keys)
        scores = scores / np.float32(self.head_dim**0.5)
        hidden = np.arange(len(all_keys))[None, :] > positions[:, None]
        scores = np.where(hidden[None], np.float32(-np.inf), scores)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        mixed = np.einsum("hqk,khd->qhd", shares, all_values).reshape(len(x), -1)
        out: Array = mixed @ self.weights[f"{name}.o_proj"].T
        return out

    def _rotate(self, x: Array, positions: NDArray[np.int64]) -> Array:
        """Rotary embedding, half-split: dimension i turns with dimension i + head_dim / 2."""
        half = self.head_dim // 2
        frequencies = self.theta ** (-np.arange(half) / half)
        angles = positions[:, None] * frequencies[None, :]
        cos = np.cos(angles).astype(np.float32)[:, None]
        sin = np.sin(angles).astype(np.float32)[:, None]
        first, second = x[..., :half], x[..., half:]
        return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)

    def _mlp(self, index: int, x: Array) -> Array:
        name = f"model.layers.{index}.mlp"
        gate, up = np.split(x @ self.weights[f"{name}.gate_up_proj"].T, 2, axis=-1)
        out: Array = (gate / (1 + np.exp(-gate)) * up) @ self.weights[f"{name}.down_proj"].T
        return out


def load_tensors(model_dir: Path) -> dict[str, NDArray[Any]]:
    """Every stored tensor of a model's folder, by name."""
    manifest = json.loads((model_dir / "tensor-cache.json").read_text(encoding="utf-8"))
    tensors: dict[str, NDArray[Any]] = {}
    for shard in manifest["records"]:
        data = (model_dir / shard["dataPath"]).read_bytes()
        for record in shard["records"]:
            flat = np.frombuffer(data[record["byteOffset"] :][: record["nbytes"]], record["dtype"])
            tensors[record["name"]] = flat.reshape(record["shape"])
    return tensors


def load_weights(model_dir: Path) -> dict[str, Array]:
    """The model's weights as float32, by their names without `.weight`."""
    tensors = load_tensors(model_dir)
    weights: dict[str, Array] = {}
    for name, tensor in tensors.items():
        stem, kind = name.rsplit(".", 1)
        if kind == "q_weight":
            weights[stem] = dequantise(tensor, tensors[f"{stem}.q_scale"])
        elif kind == "weight":
            weights[stem] = tensor.astype(np.float32)
    return weights


def greedy(model_dir: Path, prompt_token_ids: list[int], count: int) -> list[int]:
    """The `count` tokens that follow a prompt when the likeliest is always taken; end tokens do not end it."""
    model = Reference(model_dir)
    logits = model.forward(prompt_token_ids)[-1]
    chosen: list[int] = []
    for _ in range(count):
        chosen.append(int(logits.argmax()))
        logits = model.forward(chosen[-1:])[-1]
    return chosen
