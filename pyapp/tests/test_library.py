"""Finding the model library."""

import asyncio
from typing import Any

import pytest
from bocal.errors import Failure, Problem
from bocal.models import figures, library
from bocal.models.catalogue import Catalogue
from bocal.models.metadata import Tensor
from bocal.models.record import Library, Model
from bocal.weights.plan import Listed
from hypothesis import given
from hypothesis import strategies as st
from outside import Web, wasm

BASE = "https://h/owner/repo/resolve/main/"
TREE = "https://h/api/models/owner/repo/tree/main?recursive=true"
STANDARD = Model("std", "Std", "https://huggingface.co/mlc-ai/std", library=Library(key="base/std.wasm"), custom=False)
CATALOGUE = Catalogue({"std": STANDARD}, "https://libs/v1/")


TENSORS = (Tensor("w", (4, 8), "float32"),)
CONFIG = {"model_type": "llama", "quantization": "q0f32", "model_config": {"hidden_size": 8}}


FITS = wasm(("w", [4, 8], "float32"))
DIFFERS = wasm(("w", [4, 16], "float32"))


def choose(documents: dict[str, Any], model: Model | None = None, base: str = BASE) -> library.Choice:
    own = model or Model("own", "Own", "https://h/owner/repo")
    return asyncio.run(_choose(own, base, CONFIG, Web(documents)))


async def _choose(model: Model, base: str, config: Any, web: Web) -> library.Choice:
    files = await library.list_files(base, web)
    return await library.choose(model, base, files, config, TENSORS, web, CATALOGUE)


def test_the_one_given_is_taken_even_if_it_does_not_fit() -> None:
    given = Model("own", "Own", "https://h/owner/repo", library=Library(url="https://x/y.wasm"))
    documents = {TREE: [{"path": "z.wasm"}], f"{BASE}z.wasm": FITS, "https://x/y.wasm": DIFFERS}
    choice = choose(documents, given)
    assert (choice.library, choice.origin) == (Library(url="https://x/y.wasm"), library.Origin.GIVEN)
    assert [it.name for it in choice.fatal] == ["w"]
    assert not choice.may_fit


def test_a_repository_named_like_a_standard_model_uses_its_library() -> None:
    choice = choose({"https://libs/v1/base/std.wasm": FITS}, Model("x", "Mine", "https://huggingface.co/mlc-ai/std"))
    assert choice.library == Library(key="base/std.wasm")
    assert choice.fits


def test_a_wasm_among_the_files_is_verified_and_the_one_that_fits_taken() -> None:
    tree = [{"path": "own-webgpu.wasm"}, {"path": "libs/a b.wasm"}, {"path": "x.bin"}]
    choice = choose({TREE: tree, f"{BASE}own-webgpu.wasm": DIFFERS, f"{BASE}libs/a%20b.wasm": FITS})
    assert choice.library == Library(url=f"{BASE}libs/a%20b.wasm")
    assert choice.fits


def test_the_best_that_does_not_fit_is_returned_with_its_differences() -> None:
    choice = choose({TREE: [{"path": "own.wasm"}], f"{BASE}own.wasm": DIFFERS})
    assert not choice.fits
    assert choice.fatal[0].wanted == "4 x 16"


@pytest.mark.parametrize("content", [b"<html>", b"", FITS[:-3], b"\0asm\1\0\0\0"])
def test_a_file_that_is_no_library_is_told(content: bytes) -> None:
    choice = choose({TREE: [{"path": "own.wasm"}], f"{BASE}own.wasm": content})
    assert choice.unreadable is not None
    assert not choice.may_fit


def test_the_older_answer_of_the_api_is_read_too() -> None:
    siblings = {"siblings": [{"rfilename": "q.wasm"}]}
    documents = {"https://h/api/models/owner/repo": siblings, f"{BASE}q.wasm": FITS}
    assert choose(documents).library == Library(url=f"{BASE}q.wasm")


def test_a_host_that_lists_nothing_is_asked_for_the_usual_names() -> None:
    base = "https://h/files/repo/"
    model = Model("own", "Own", "https://h/files/repo")
    choice = choose({f"{base}repo-webgpu.wasm": FITS}, model, base)
    assert choice.library == Library(url=f"{base}repo-webgpu.wasm")


def test_none_is_said_so_with_the_nearest() -> None:
    with pytest.raises(Failure) as missing:
        choose({TREE: [{"path": "params_shard_0.bin"}]})
    assert missing.value.problem is Problem.NO_LIBRARY
    assert str(missing.value.facts["nearest"]).endswith(".wasm")
    assert "width 8" in str(missing.value.facts["figures"])


def test_a_standard_library_is_matched_by_its_figures() -> None:
    row = next(row for row in figures.standard() if row.key.startswith("Llama-3.2-1B-Instruct-q4f32_1"))
    inner = {
        "hidden_size": row.figures.width, "num_hidden_layers": row.figures.layers, "head_dim": row.figures.head_dim,
        "num_attention_heads": row.figures.heads, "num_key_value_heads": row.figures.kv_heads,
        "intermediate_size": row.figures.intermediate, "vocab_size": 128256, "tie_word_embeddings": True,
        "prefill_chunk_size": row.figures.chunk,
    }  # fmt: skip
    config = {"model_type": "llama", "quantization": "q4f32_1", "model_config": inner}
    model = Model("my-fine-tune", "Mine", "https://h/owner/repo")
    documents = {f"{CATALOGUE.libraries}{row.key}": FITS}
    choice = asyncio.run(_choose(model, BASE, config, Web(documents)))
    assert (choice.library, choice.origin) == (Library(key=row.key), library.Origin.MATCHED)


@pytest.mark.parametrize("odd", [None, 3, "x", [3], [{"path": 4}], {"siblings": 3}])
def test_an_odd_listing_is_no_listing(odd: object) -> None:
    assert library.read_listing(odd) == {}


def test_webllm_finds_a_localhost_library_in_its_cache() -> None:
    assert "localhost" not in library.engine_address("http://localhost:8000/localhost-model/x.wasm").split("/")[2]
    assert library.engine_address("https://h/x.wasm") == "https://h/x.wasm"


def test_large_files_are_listed_with_their_hashes_and_lengths() -> None:
    large = {"oid": "a" * 64, "size": 11_000_000, "pointerSize": 133}
    document = [
        {"type": "file", "path": "tokenizer.json", "size": 11_000_000, "lfs": large},
        {"type": "file", "path": "config.json", "size": 700},
        {"type": "file", "path": "odd.bin", "lfs": {"oid": "sha256:x", "size": 1}},
        {"type": "file", "path": "untold.bin", "lfs": {"oid": "b" * 64, "size": True}},
    ]
    listed = {"tokenizer.json": Listed("a" * 64, 11_000_000), "untold.bin": Listed("b" * 64)}
    assert library.read_large(document) == listed


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["path", "lfs", "oid", "size", "type"]), inner),
    )
)
def test_any_listing_is_read(document: Any) -> None:
    assert all(isinstance(it, Listed) for it in library.read_large(document).values())
