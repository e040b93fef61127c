"""A model's folder: the manifest tells the truth about the shards, and the tokeniser fits the vocabulary."""

import hashlib
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from mlc.artefacts import SPECIAL_TOKENS, WeightsError, byte_tokenizer, plain_merges, random_weights, write_model
from mlc.quantise import quantise
from mlc.reference import load_tensors
from mlc.shape import QUANTISATIONS, ModelShape
from tokenizers import Tokenizer

SHAPE = ModelShape(layers=2, width=64, heads=4, kv_heads=2, head_dim=16, intermediate=96, vocabulary=300)


@pytest.mark.parametrize("quantisation", QUANTISATIONS)
def test_the_manifest_agrees_with_the_shards(tmp_path: Path, quantisation: str) -> None:
    shape = replace(SHAPE, quantisation=quantisation)
    write_model(tmp_path, shape, random_weights(shape, 1), byte_tokenizer(300), shard_bytes=10_000)
    manifest = json.loads((tmp_path / "tensor-cache.json").read_text())
    found = {}
    for shard in manifest["records"]:
        data = (tmp_path / shard["dataPath"]).read_bytes()
        assert shard["format"] == "raw-shard"
        assert shard["nbytes"] == len(data)
        assert shard["md5sum"] == hashlib.md5(data, usedforsecurity=False).hexdigest()
        records = shard["records"]
        assert len(data) <= 10_000 or len(records) == 1
        assert records[0]["byteOffset"] == 0
        assert all(a["byteOffset"] + a["nbytes"] == b["byteOffset"] for a, b in pairwise(records))
        assert records[-1]["byteOffset"] + records[-1]["nbytes"] == len(data)
        for record in records:
            assert record["nbytes"] == np.prod(record["shape"]) * np.dtype(record["dtype"]).itemsize
            found[record["name"]] = (tuple(record["shape"]), record["dtype"])
    assert found == shape.parameters()
    assert len(manifest["records"]) > 3
    assert manifest["metadata"]["ParamSize"] == len(found)
    assert manifest["metadata"]["ParamBytes"] == sum(shard["nbytes"] for shard in manifest["records"])
    bits = {"q0f32": (32, 32), "q4f32_1": (5, 5.3), "q4f16_1": (4.5, 4.7)}[quantisation]
    assert bits[0] <= manifest["metadata"]["BitsPerParam"] <= bits[1]


def test_one_shard_by_default(tmp_path: Path) -> None:
    write_model(tmp_path, SHAPE, random_weights(SHAPE, 1), byte_tokenizer(300))
    assert [path.name for path in tmp_path.glob("*.bin")] == ["params_shard_0.bin"]


def test_what_is_read_back_is_what_was_quantised(tmp_path: Path) -> None:
    weights = random_weights(SHAPE, 2)
    write_model(tmp_path, SHAPE, weights, byte_tokenizer(300), shard_bytes=5_000)
    tensors = load_tensors(tmp_path)
    words, scale = quantise(weights["lm_head.weight"])
    assert (tensors["lm_head.q_weight"] == words).all()
    assert (tensors["lm_head.q_scale"] == scale).all()
    assert (tensors["model.norm.weight"] == weights["model.norm.weight"]).all()


def test_the_configuration_names_the_dimensions_and_the_conversation(tmp_path: Path) -> None:
    write_model(tmp_path, SHAPE, random_weights(SHAPE, 1), byte_tokenizer(300))
    config = json.loads((tmp_path / "mlc-chat-config.json").read_text())
    assert config["model_config"]["hidden_size"] == 64
    assert config["model_config"]["num_key_value_heads"] == 2
    assert config["vocab_size"] == config["model_config"]["vocab_size"] == 300
    assert config["sliding_window_size"] == config["attention_sink_size"] == -1
    assert all((tmp_path / name).is_file() for name in config["tokenizer_files"])
    template = config["conv_template"]
    assert template["system_template"] == "<|system|>{system_message}<|end|>"
    assert (template["system_message"], template["render_empty_system_message"]) == ("", False)
    assert (template["roles"]["user"], template["seps"]) == ("<|user|>", ["<|end|>"])
    assert template["stop_token_ids"] == [SPECIAL_TOKENS.index("<|end|>")] == [config["eos_token_id"]]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("lm_head.weight", None, "lm_head.weight is missing"),
        ("model.other.weight", np.zeros(1, np.float32), "model.other.weight is not a weight of this shape"),
        ("model.norm.weight", np.zeros(3, np.float32), r"model.norm.weight has the shape \(3,\); it must be \(64,\)"),
        ("model.norm.weight", np.full(64, np.nan, np.float32), "model.norm.weight holds a value that is not finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(
    tmp_path: Path, name: str, value: np.ndarray | None, message: str
) -> None:
    weights = random_weights(SHAPE, 1)
    weights.pop(name, None)
    if value is not None:
        weights[name] = value
    with pytest.raises(WeightsError, match=message):
        write_model(tmp_path, SHAPE, weights, byte_tokenizer(300))


@pytest.mark.parametrize("vocabulary", [260, 512, 2048, 20_000])
def test_the_byte_tokeniser_has_as_many_tokens_as_asked_and_loses_nothing(vocabulary: int) -> None:
    tokenizer = Tokenizer.from_str(json.dumps(byte_tokenizer(vocabulary)))
    assert tokenizer.get_vocab_size() == vocabulary
    for text in ("Hello, world! 12 times.", "Où est l’été ? 猫 🐈\n\tend"):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_special_tokens_are_single_tokens() -> None:
    tokenizer = Tokenizer.from_str(json.dumps(byte_tokenizer(300)))
    ids = tokenizer.encode("<|system|>a<|end|><|user|>a<|end|><|assistant|>").ids
    a = tokenizer.token_to_id("a")
    assert ids == [0, a, 3, 1, a, 3, 2]


def test_a_vocabulary_too_small_for_the_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="from 260 to"):
        byte_tokenizer(259)


def test_merges_written_as_pairs_become_text() -> None:
    tokenizer = byte_tokenizer(262)
    pairs = [merge.split(" ") for merge in tokenizer["model"]["merges"]]
    assert plain_merges({**tokenizer, "model": {**tokenizer["model"], "merges": pairs}}) == tokenizer


def test_random_weights_are_the_same_for_the_same_seed() -> None:
    one, same, other = random_weights(SHAPE, 1), random_weights(SHAPE, 1), random_weights(SHAPE, 2)
    assert all((one[name] == same[name]).all() for name in one)
    assert not (one["lm_head.weight"] == other["lm_head.weight"]).all()
