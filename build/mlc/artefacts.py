"""Writes a model's folder, the part that WebLLM downloads: configuration, weights in shards, tokeniser.

Formats: `mlc-chat-config.json` and `tensor-cache.json` as MLC's tools write them and WebLLM 0.2.86 reads them; a shard
is the tensors' bytes one after another, little-endian.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlc.quantise import quantise
from mlc.shape import ModelShape

Weights = Mapping[str, NDArray[np.float32]]
Json = dict[str, Any]

SHARD_BYTES = 32 * 1024 * 1024
"""Default size above which a shard takes no further tensor; MLC's tools use the same."""

SYSTEM, USER, ASSISTANT, END = "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"
SPECIAL_TOKENS = (SYSTEM, USER, ASSISTANT, END)


class WeightsError(ValueError):
    """The weights do not fit the shape; the message names the tensor."""


def conversation(tokenizer: Json) -> Json:
    """The conversation template: `<|system|>..<|end|><|user|>..<|end|><|assistant|>..<|end|>`, no empty system part."""
    return {
        "name": "bocal",
        "system_template": SYSTEM + "{system_message}" + END,
        "system_message": "",
        "render_empty_system_message": False,
        "system_prefix_token_ids": None,
        "add_role_after_system_message": True,
        "roles": {"user": USER, "assistant": ASSISTANT, "tool": USER},
        "role_templates": {
            "user": "{user_message}",
            "assistant": "{assistant_message}",
            "tool": "{tool_message}",
        },
        "messages": [],
        "seps": [END],
        "role_content_sep": "",
        "role_empty_sep": "",
        "stop_str": [END],
        "stop_token_ids": [token_id(tokenizer, END)],
        "function_string": "",
        "use_function_calling": False,
    }


def write_model(
    folder: Path,
    shape: ModelShape,
    weights: Weights,
    tokenizer: Json,
    *,
    template: Json | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write the whole folder.

    `weights` are float32 under MLC's names before quantisation (`ModelShape.weights` lists them). `tokenizer` is the
    content of a `tokenizer.json`; `template` defaults to `conversation(tokenizer)`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = plain_merges(tokenizer)
    write_shards(folder, stored_tensors(shape, weights), shard_bytes)
    write_json(folder / "tokenizer.json", tokenizer)
    write_json(folder / "tokenizer_config.json", tokenizer_config(shape))
    write_json(folder / "mlc-chat-config.json", chat_config(shape, tokenizer, template or conversation(tokenizer)))


def write_json(path: Path, content: Json) -> None:
    """Write JSON that people can read and that does not change between runs."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def chat_config(shape: ModelShape, tokenizer: Json, template: Json) -> Json:
    """The content of `mlc-chat-config.json`."""
    end = token_id(tokenizer, END)
    return {
        "version": "0.1.0",
        "model_type": "llama",
        "quantization": shape.quantisation,
        "model_config": {
            "hidden_size": shape.width,
            "intermediate_size": shape.intermediate,
            "num_attention_heads": shape.heads,
            "num_hidden_layers": shape.layers,
            "num_key_value_heads": shape.kv_heads,
            "head_dim": shape.head_dim,
            "rms_norm_eps": shape.norm_eps,
            "vocab_size": shape.vocabulary,
            "tie_word_embeddings": False,
            "position_embedding_base": shape.rope_theta,
            "rope_theta": shape.rope_theta,
            "rope_scaling": None,
            "context_window_size": shape.context,
            "prefill_chunk_size": shape.prefill_chunk,
            "tensor_parallel_shards": 1,
            "pipeline_parallel_stages": 1,
            "max_batch_size": 1,
            "disaggregation": False,
        },
        "vocab_size": shape.vocabulary,
        "context_window_size": shape.context,
        "sliding_window_size": -1,
        "prefill_chunk_size": shape.prefill_chunk,
        "attention_sink_size": -1,
        "tensor_parallel_shards": 1,
        "pipeline_parallel_stages": 1,
        "temperature": 0.7,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "repetition_penalty": 1.0,
        "top_p": 0.95,
        "tokenizer_files": ["tokenizer.json", "tokenizer_config.json"],
        "tokenizer_info": {
            "token_postproc_method": "byte_level",
            "prepend_space_in_encode": False,
            "strip_space_in_decode": False,
        },
        "conv_template": template,
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
    }


def tokenizer_config(shape: ModelShape) -> Json:
    """The content of `tokenizer_config.json`, which other tools than WebLLM read."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": shape.context,
        "bos_token": END,
        "eos_token": END,
        "pad_token": END,
        "additional_special_tokens": list(SPECIAL_TOKENS),
    }


def stored_tensors(shape: ModelShape, weights: Weights) -> Iterator[tuple[str, NDArray[Any]]]:
    """The tensors as the shards hold them, in the order of `ModelShape.parameters`."""
    expected = shape.weights()
    for name in (*expected, *weights):
        if name not in weights:
            raise WeightsError(f"{name} is missing from the weights")
        if name not in expected:
            raise WeightsError(f"{name} is not a weight of this shape")
        if weights[name].shape != expected[name]:
            raise WeightsError(f"{name} has the shape {weights[name].shape}; it must be {expected[name]}")
        if not np.isfinite(weights[name]).all():
            raise WeightsError(f"{name} holds a value that is not finite")
    for name in expected:
        stored = shape.stored(name, expected[name])
        if len(stored) == 2:
            yield from zip(stored, quantise(weights[name], shape.dtype), strict=True)
        else:
            yield name, weights[name].astype(shape.dtype)


def write_shards(folder: Path, tensors: Iterator[tuple[str, NDArray[Any]]], shard_bytes: int = SHARD_BYTES) -> None:
    """Write `params_shard_*.bin` and their manifest `tensor-cache.json`.

    A shard is closed when the next tensor would take it over `shard_bytes`; a larger tensor has a shard to itself.
    """
    shards: list[Json] = []
    records: list[Json] = []
    chunks: list[bytes] = []
    offset = 0
    stored_values = 0

    def close() -> None:
        nonlocal records, chunks, offset
        data = b"".join(chunks)
        path = f"params_shard_{len(shards)}.bin"
        (folder / path).write_bytes(data)
        shards.append(
            {
                "dataPath": path,
                "format": "raw-shard",
                "nbytes": len(data),
                "md5sum": hashlib.md5(data, usedforsecurity=False).hexdigest(),
                "records": records,
            }
        )
        records, chunks, offset = [], [], 0

    for name, tensor in tensors:
        data = tensor.astype(tensor.dtype.newbyteorder("<")).tobytes()
        if offset and offset + len(data) > shard_bytes:
            close()
        records.append(
            {
                "name": name,
                "shape": list(tensor.shape),
                "dtype": str(tensor.dtype),
                "format": "raw",
                "nbytes": len(data),
                "byteOffset": offset,
            }
        )
        chunks.append(data)
        offset += len(data)
        stored_values += 1
    if chunks:
        close()
    total = sum(shard["nbytes"] for shard in shards)
    values = sum(_original_size(record) for shard in shards for record in shard["records"])
    metadata = {
        "ParamSize": stored_values,
        "ParamBytes": float(total),
        "BitsPerParam": total * 8 / max(values, 1),
    }
    write_json(folder / "tensor-cache.json", {"metadata": metadata, "records": shards})


def _original_size(record: Json) -> int:
    """How many weights of the model a stored tensor stands for: eight to a packed word, none for scales."""
    size = int(np.prod(record["shape"]))
    if record["name"].endswith("q_scale"):
        return 0
    return size * 8 if record["name"].endswith("q_weight") else size


def random_weights(shape: ModelShape, seed: int) -> dict[str, NDArray[np.float32]]:
    """Weights of a model that talks nonsense, but finite and varied nonsense: for tests.

    Matrices keep the size of what goes through them; the head is larger, so that one token usually stands out.
    """
    generator = np.random.default_rng(seed)
    weights: dict[str, NDArray[np.float32]] = {}
    for name, dimensions in shape.weights().items():
        if len(dimensions) == 1:
            weights[name] = np.ones(dimensions, np.float32)
            continue
        spread = 1.0 if name == "model.embed_tokens.weight" else dimensions[1] ** -0.5
        spread *= 4.0 if name == "lm_head.weight" else 1.0
        weights[name] = (generator.standard_normal(dimensions) * spread).astype(np.float32)
    return weights


def byte_tokenizer(vocabulary: int) -> Json:
    """A byte-level BPE tokeniser of exactly `vocabulary` tokens, for models without one of their own.

    The special tokens come first, then the 256 bytes, then pairs of bytes with their merges, letters first.
    """
    characters = _byte_characters()
    letters = [characters[byte] for byte in b" etaoinshrdlucmfwypvbgkjxqz"]
    ordered = letters + [character for character in characters if character not in letters]
    tokens = [*SPECIAL_TOKENS, *characters]
    limit = len(tokens) + len(ordered) ** 2
    if not len(tokens) <= vocabulary <= limit:
        raise ValueError(f"vocabulary is {vocabulary}; a byte tokeniser has from {len(tokens)} to {limit} tokens")
    square = sorted((max(i, j), i, j) for i in range(len(ordered)) for j in range(len(ordered)))
    pairs = [(ordered[i], ordered[j]) for _, i, j in square[: vocabulary - len(tokens)]]
    tokens += [first + second for first, second in pairs]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": index,
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for index, token in enumerate(SPECIAL_TOKENS)
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {token: index for index, token in enumerate(tokens)},
            "merges": [f"{first} {second}" for first, second in pairs],
        },
    }


def _byte_characters() -> list[str]:
    """The printable character that byte-level BPE writes for each byte: itself, or the next free one from U+0100."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    free = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(free)) for byte in range(256)]


def plain_merges(tokenizer: Json) -> Json:
    """The tokeniser with its merges as "a b" instead of ["a", "b"], which old tokeniser libraries do not read."""
    merges = tokenizer["model"].get("merges", [])
    if any(" " in part for merge in merges if not isinstance(merge, str) for part in merge):
        return tokenizer
    plain = [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]
    return {**tokenizer, "model": {**tokenizer["model"], "merges": plain}}


def token_id(tokenizer: Json, token: str) -> int:
    """The number of a token, special or not."""
    for added in tokenizer.get("added_tokens", []):
        if added["content"] == token:
            return int(added["id"])
    try:
        return int(tokenizer["model"]["vocab"][token])
    except KeyError:
        raise WeightsError(f"the tokeniser has no token {token}") from None
