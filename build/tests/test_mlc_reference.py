"""The NumPy model against a second one, written the slow and obvious way."""

import cmath
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mlc.artefacts import byte_tokenizer, random_weights, write_model
from mlc.reference import Reference, greedy
from mlc.shape import QUANTISATIONS, ModelShape

SHAPE = ModelShape(
    layers=2, width=64, heads=4, kv_heads=2, head_dim=16, intermediate=96, vocabulary=300, quantisation="q0f32"
)
TOKENS = [1, 40, 77, 200, 3, 2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("model")
    write_model(made, SHAPE, random_weights(SHAPE, 5), byte_tokenizer(300))
    return made


def test_reading_token_by_token_gives_what_reading_at_once_gives(folder: Path) -> None:
    model = Reference(folder)
    at_once = model.forward(TOKENS)
    model.reset()
    in_parts = np.concatenate([model.forward(TOKENS[:3]), *(model.forward([token]) for token in TOKENS[3:])])
    assert np.allclose(at_once, in_parts, atol=1e-4)


def test_it_agrees_with_a_model_of_loops_and_complex_numbers(folder: Path) -> None:
    assert np.allclose(Reference(folder).forward(TOKENS)[-1], slow_logits(TOKENS), atol=1e-3)


@pytest.mark.parametrize("quantisation", QUANTISATIONS)
def test_every_quantisation_answers_and_repeats_itself(tmp_path: Path, quantisation: str) -> None:
    shape = replace(SHAPE, quantisation=quantisation)
    write_model(tmp_path, shape, random_weights(shape, 5), byte_tokenizer(300))
    answer = greedy(tmp_path, TOKENS, 20)
    assert answer == greedy(tmp_path, TOKENS, 20)
    assert len(set(answer)) > 5


def slow_logits(tokens: list[int]) -> np.ndarray:
    """Logits after the last token, in float64, one head and one position at a time, without a cache."""
    weights = {name: weight.astype(np.float64) for name, weight in random_weights(SHAPE, 5).items()}
    dim, heads, kv_heads = SHAPE.head_dim, SHAPE.heads, SHAPE.kv_heads

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        return x / math.sqrt(float(x @ x) / len(x) + SHAPE.norm_eps) * weights[name]

    def turn(x: np.ndarray, position: int) -> np.ndarray:
        half = dim // 2
        turned = [
            complex(x[i], x[i + half]) * cmath.exp(1j * position * SHAPE.rope_theta ** (-2 * i / dim))
            for i in range(half)
        ]
        return np.array([z.real for z in turned] + [z.imag for z in turned])

    stream = [weights["model.embed_tokens.weight"][token] for token in tokens]
    for index in range(SHAPE.layers):
        layer = f"model.layers.{index}"
        rows = [
            (weights[f"{layer}.self_attn.qkv_proj.weight"] @ norm(x, f"{layer}.input_layernorm.weight")).reshape(
                -1, dim
            )
            for x in stream
        ]
        mixed = []
        for here, row in enumerate(rows):
            parts = []
            for head in range(heads):
                group = heads + head // (heads // kv_heads)
                query = turn(row[head], here)
                scores = np.array([query @ turn(rows[k][group], k) / math.sqrt(dim) for k in range(here + 1)])
                shares = np.exp(scores - scores.max())
                values = [share * rows[k][group + kv_heads] for k, share in enumerate(shares / shares.sum())]
                parts.append(sum(values, np.zeros(dim)))
            mixed.append(np.concatenate(parts))
        stream = [x + weights[f"{layer}.self_attn.o_proj.weight"] @ m for x, m in zip(stream, mixed, strict=True)]
        for here, x in enumerate(stream):
            both = weights[f"{layer}.mlp.gate_up_proj.weight"] @ norm(x, f"{layer}.post_attention_layernorm.weight")
            gate, up = both[: SHAPE.intermediate], both[SHAPE.intermediate :]
            stream[here] = x + weights[f"{layer}.mlp.down_proj.weight"] @ (gate / (1 + np.exp(-gate)) * up)
    logits: np.ndarray = weights["lm_head.weight"] @ norm(stream[-1], "model.norm.weight")
    return logits
