"""The guide's network: a small Llama in PyTorch, with the four-bit rounding it will live with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows it by
from mlc.quantise import dequantise, quantise
from numpy.typing import NDArray
from torch import Tensor, nn

GROUP = 32
STEPS = 7
Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Shape:
    """The dimensions fixed with the compiled library."""

    layers: int = 4
    width: int = 256
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64
    intermediate: int = 704
    vocabulary: int = 2048
    context: int = 1024
    theta: float = 10000.0
    epsilon: float = 1e-5


def rounded(weight: Tensor, share: Tensor) -> Tensor:
    """The weight rounded as q4f32_1 rounds it, with the gradient of the unrounded one; `share` 0 leaves it as it is."""
    groups = weight.reshape(-1, GROUP)
    scale = (groups.abs().amax(dim=1, keepdim=True) / STEPS).clamp_min(1e-10)
    steps = (groups / scale).round().clamp(-STEPS, STEPS) * scale
    return weight + (share * (steps.view_as(weight) - weight)).detach()


def rotate(values: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary position embedding, the first half of a head paired with the second."""
    first, second = values.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


class Block(nn.Module):  # type: ignore[misc] # torch is not installed where types are checked
    """One layer: attention, then the gated network."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        rows = (shape.heads + 2 * shape.kv_heads) * shape.head_dim
        self.before = nn.Parameter(torch.ones(shape.width))
        self.qkv = nn.Parameter(torch.randn(rows, shape.width) * 0.04)
        self.out = nn.Parameter(torch.randn(shape.width, shape.heads * shape.head_dim) * 0.02)
        self.between = nn.Parameter(torch.ones(shape.width))
        self.gate_up = nn.Parameter(torch.randn(2 * shape.intermediate, shape.width) * 0.04)
        self.down = nn.Parameter(torch.randn(shape.width, shape.intermediate) * 0.02)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], mask: Tensor, share: Tensor, dropout: float) -> Tensor:
        """Values [batch, time, width] in and out; `turn` is the rotation, `mask` what each position may see."""
        shape = self.shape
        batch, time, _ = x.shape
        qkv = F.linear(norm(x, self.before, shape), rounded(self.qkv, share)).view(batch, time, -1, shape.head_dim)
        q, k, v = qkv.transpose(1, 2).split([shape.heads, shape.kv_heads, shape.kv_heads], dim=1)
        repeat = shape.heads // shape.kv_heads
        k = rotate(k, *turn).repeat_interleave(repeat, dim=1)
        seen = F.scaled_dot_product_attention(
            rotate(q, *turn).to(v.dtype), k.to(v.dtype), v.repeat_interleave(repeat, dim=1), attn_mask=mask
        )
        seen = F.linear(seen.transpose(1, 2).reshape(batch, time, -1), rounded(self.out, share))
        x = x + F.dropout(seen, dropout, self.training)
        gate, up = F.linear(norm(x, self.between, shape), rounded(self.gate_up, share)).chunk(2, dim=-1)
        return x + F.dropout(F.linear(F.silu(gate) * up, rounded(self.down, share)), dropout, self.training)


def norm(x: Tensor, weight: Tensor, shape: Shape) -> Tensor:
    """Root mean square normalisation."""
    return F.rms_norm(x.float(), (shape.width,), weight, shape.epsilon)


class Guide(nn.Module):  # type: ignore[misc]
    """The whole network. Call it with tokens and the number of the conversation each belongs to."""

    def __init__(self, shape: Shape, dropout: float = 0.1) -> None:
        super().__init__()
        self.shape = shape
        self.dropout = dropout
        self.embed = nn.Parameter(torch.randn(shape.vocabulary, shape.width) * 0.04)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.final = nn.Parameter(torch.ones(shape.width))
        self.head = nn.Parameter(torch.randn(shape.vocabulary, shape.width) * 0.04)
        frequency = shape.theta ** -(torch.arange(0, shape.head_dim, 2).double() / shape.head_dim)
        angle = torch.arange(shape.context).double()[:, None] * frequency
        self.register_buffer("cosine", angle.cos().float(), persistent=False)
        self.register_buffer("sine", angle.sin().float(), persistent=False)

    def forward(self, tokens: Tensor, segment: Tensor, share: Tensor) -> Tensor:
        """The last hidden values [batch, time, width]. A token sees the earlier tokens of its own segment."""
        time = tokens.shape[1]
        mask = (segment[:, :, None] == segment[:, None, :]).tril()[:, None]
        turn = (self.cosine[:time], self.sine[:time])
        x = F.embedding(tokens, rounded(self.embed, share))
        x = F.dropout(x, self.dropout, self.training)
        for block in self.blocks:
            x = block(x, turn, mask, share, self.dropout)
        return norm(x, self.final, self.shape)

    def logits(self, hidden: Tensor, share: Tensor) -> Tensor:
        """What each hidden value says of the next token."""
        return F.linear(hidden, rounded(self.head, share))

    def names(self) -> dict[str, nn.Parameter]:
        """The parameters under the names MLC gives them."""
        named: dict[str, nn.Parameter] = {"model.embed_tokens.weight": self.embed}
        for number, block in enumerate(self.blocks):
            layer = f"model.layers.{number}."
            named[f"{layer}input_layernorm.weight"] = block.before
            named[f"{layer}self_attn.qkv_proj.weight"] = block.qkv
            named[f"{layer}self_attn.o_proj.weight"] = block.out
            named[f"{layer}post_attention_layernorm.weight"] = block.between
            named[f"{layer}mlp.gate_up_proj.weight"] = block.gate_up
            named[f"{layer}mlp.down_proj.weight"] = block.down
        named["model.norm.weight"] = self.final
        named["lm_head.weight"] = self.head
        return named


def quantised(guide: Guide) -> Weights:
    """The weights after a passage through q4f32_1. Quantising them again gives the same bits, to within a rounding."""
    weights: Weights = {}
    for name, parameter in guide.names().items():
        value: Any = parameter.detach().float().cpu().numpy()
        weights[name] = np.ascontiguousarray(dequantise(*quantise(value)) if value.ndim == 2 else value, np.float32)
    return weights


def load(weights: Weights, device: str = "cpu") -> Guide:
    """A network that answers with the weights given, in evaluation mode."""
    guide = Guide(Shape())
    with torch.no_grad():
        for name, parameter in guide.names().items():
            parameter.copy_(torch.from_numpy(weights[name]))
    guide.to(device).eval()
    return guide
