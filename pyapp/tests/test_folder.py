"""A folder on the disk: which model it is, what is missing from it, and how it is taken in."""

import asyncio
import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from bocal.errors import Failure, Problem
from bocal.models import figures, folder, source
from bocal.models.catalogue import Catalogue
from bocal.models.folder import Found
from bocal.models.record import Library, Model
from bocal.protocols import Form, Shelf
from bocal.weights.intake import Intake
from bocal.weights.lengths import Lengths
from bocal.weights.outlines import Outlines
from outside import FUNCTIONS, Notes, Shelves

CONFIG = {
    "model_type": "llama", "quantization": "q4f32_1", "tokenizer_files": ["tokenizer.json"],
    "model_config": {"hidden_size": 7},  # as no standard model has
}  # fmt: skip
TENSORS = [{"name": "w", "shape": [2], "dtype": "float32"}]
MANIFEST = {"records": [{"dataPath": "s0.bin", "nbytes": 8, "md5sum": "0" * 32, "records": TENSORS}]}
EMPTY = Catalogue({}, "https://l/")


def library(dtype: str = "float32", functions: bytes = FUNCTIONS) -> bytes:
    """A library whose metadata asks for one tensor: a custom section of a WebAssembly file."""
    told = {
        "model_type": "llama", "quantization": "q4f32_1", "params": [{"name": "w", "shape": [2], "dtype": dtype}],
        "prefill_chunk_size": 1, "context_window_size": 1,
    }  # fmt: skip
    content = json.dumps(told).encode() + b"TVMFFIWasmSafeCall " + functions
    length = bytes([len(content) & 0x7F | 0x80, len(content) >> 7])
    return b"\0asm\1\0\0\0\0" + length + content


class Folder:
    """A folder as a dict; keeps into `Shelves`."""

    def __init__(self, name: str, content: Mapping[str, Any], store: Shelves | None = None) -> None:
        self.name = name
        self.content = {path: it if isinstance(it, bytes) else json.dumps(it).encode() for path, it in content.items()}
        self.files: Mapping[str, int] = {path: len(it) for path, it in self.content.items()}
        self.store = store or Shelves()
        self.broken = ""

    async def read(self, path: str, most: int) -> bytes:
        assert self.files[path] <= most
        return self.content[path]

    async def keep(
        self, path: str, shelf: Shelf, key: str, form: Form, md5: str, on_bytes: Callable[[int], None]
    ) -> None:
        assert md5 in {"", "0" * 32}
        on_bytes(self.files[path])
        await asyncio.sleep(0)
        if path == self.broken:
            raise Failure(Problem.FILE_CONTENT, file=path)
        content = self.content[path]
        self.store.kept[shelf][key] = json.loads(content) if form is Form.JSON else content


WHOLE = {
    "mlc-chat-config.json": CONFIG, "tensor-cache.json": MANIFEST, "tokenizer.json": {}, "s0.bin": bytes(8),
    "m-webgpu.wasm": library(), "README.md": b"",
}  # fmt: skip


def inspect(it: Folder, standard: Catalogue = EMPTY, known: Model | None = None) -> Found:
    return asyncio.run(folder.inspect(it, standard, lambda name: known if known and known.id == name else None))


def without(*names: str, **more: Any) -> dict[str, Any]:
    return {**{name: it for name, it in WHOLE.items() if name not in names}, **more}


def _standard() -> dict[str, Any]:
    """The configuration of a model that a standard library runs."""
    row = figures.standard()[0]
    inner = {
        "hidden_size": row.figures.width, "num_hidden_layers": row.figures.layers, "head_dim": row.figures.head_dim,
        "num_attention_heads": row.figures.heads, "num_key_value_heads": row.figures.kv_heads,
        "intermediate_size": row.figures.intermediate, "vocab_size": row.figures.vocabulary,
        "tie_word_embeddings": row.figures.tied,
    }  # fmt: skip
    return {
        **CONFIG, "model_type": row.figures.model_type, "quantization": row.figures.quantisation,
        "model_config": {name: value for name, value in inner.items() if value is not None},
    }  # fmt: skip


def test_a_whole_folder_is_a_model_at_an_address_of_its_own() -> None:
    found = inspect(Folder("my model", WHOLE))
    base = "https://local.invalid/my%20model/resolve/main/"
    assert found.model.id == "my model"
    assert source.engine_base(found.model.url) == base
    assert source.bases(found.model.url) == [base]
    assert folder.is_local(found.model.url)
    assert found.model.library == Library(url=f"{base}m-webgpu.wasm")
    assert [(it.shelf, it.key.removeprefix(base)) for it in found.items] == [
        (Shelf.MODEL, "s0.bin"), (Shelf.CONFIG, "mlc-chat-config.json"), (Shelf.MODEL, "tokenizer.json"),
        (Shelf.LIBRARY, "m-webgpu.wasm"), (Shelf.MODEL, "tensor-cache.json"),
    ]  # fmt: skip
    assert found.items[0].md5 == "0" * 32
    assert found.nbytes == sum(len(it) if isinstance(it, bytes) else len(json.dumps(it)) for it in WHOLE.values())


@pytest.mark.parametrize(
    ("name", "inside", "model_id"),
    [
        ("main", "", "m"),  # a folder called so says nothing: the library does
        ("", "", "m"),  # loose files
        ("Downloads", "owner/model-q4f16_1-MLC/", "model-q4f16_1-MLC"),
        ("models--owner--name-MLC", "snapshots/0123456789abcdef0123456789abcdef01234567/", "name-MLC"),
        ("name-MLC", "resolve/main/", "name-MLC"),
    ],
)
def test_a_model_has_the_name_of_its_folder(name: str, inside: str, model_id: str) -> None:
    found = inspect(Folder(name, {inside + path: it for path, it in WHOLE.items()}))
    assert found.model.id == model_id
    assert all(it.path.startswith(inside) for it in found.items)


def test_the_old_name_of_the_manifest_is_kept_under_the_new_one() -> None:
    found = inspect(Folder("m", {**without("tensor-cache.json"), "ndarray-cache.json": MANIFEST}))
    listed = found.items[-1]
    assert (listed.path, listed.key.rpartition("/")[2], listed.form) == (
        "ndarray-cache.json", "tensor-cache.json", Form.JSON,
    )  # fmt: skip


def test_a_model_of_the_list_takes_the_files_as_its_own() -> None:
    known = Model("m", "Known", "https://h/o/m", library=Library(key="m-lib.wasm"), custom=False)
    found = inspect(Folder("m", WHOLE), known=known)
    assert found.model == known
    assert {it.key for it in found.items} >= {"https://h/o/m/resolve/main/s0.bin", "https://l/m-lib.wasm"}
    bare = inspect(Folder("m", without("m-webgpu.wasm")), known=known)
    assert not [it for it in bare.items if it.shelf is Shelf.LIBRARY]  # fetched when it is first used


def test_a_library_that_webllm_cannot_use_is_none() -> None:
    with pytest.raises(Failure) as caught:
        inspect(Folder("m", {**WHOLE, "m-webgpu.wasm": library(functions=b"TVMWasmSafeCall")}))
    assert caught.value.problem is Problem.LIBRARY_UNREADABLE


@pytest.mark.parametrize(("functions", "kind"), [(FUNCTIONS, "llm"), (FUNCTIONS + b"image_embed", "vlm")])
def test_a_model_whose_library_takes_pictures_sees(functions: bytes, kind: str) -> None:
    assert inspect(Folder("m", {**WHOLE, "m-webgpu.wasm": library(functions=functions)})).model.kind == kind


def test_a_file_of_something_else_beside_a_model_of_the_list_is_no_obstacle() -> None:
    known = Model("m", "Known", "https://h/o/m", library=Library(key="m-lib.wasm"), custom=False)
    found = inspect(Folder("m", {**without("m-webgpu.wasm"), "tools/ort.wasm": b"\0asm"}), known=known)
    assert found.model == known
    assert not [it for it in found.items if it.shelf is Shelf.LIBRARY]


def test_loose_files_of_two_models_are_two_models() -> None:
    other = {"records": [{"dataPath": "s0.bin", "nbytes": 8, "md5sum": "1" * 32, "records": TENSORS}]}
    row = without("m-webgpu.wasm", **{"mlc-chat-config.json": _standard()})
    one, two = (inspect(Folder("", {**row, "tensor-cache.json": it})).model.id for it in (MANIFEST, other))
    assert one != two
    assert one.endswith("-MLC")


def test_without_a_library_the_standard_one_of_its_figures_is_taken() -> None:
    found = inspect(Folder("m", {**without("m-webgpu.wasm"), "mlc-chat-config.json": _standard()}))
    assert found.model.library is not None
    assert found.model.library.key


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({}, Problem.NO_MODEL_IN_FOLDER),
        ({f"{name}/{path}": it for name in "ab" for path, it in WHOLE.items()}, Problem.SEVERAL_MODELS),
        (without("tensor-cache.json"), Problem.FILE_MISSING),
        (without("s0.bin"), Problem.FILE_MISSING),
        ({**WHOLE, "s0.bin": bytes(7)}, Problem.FILE_LENGTH),
        (without("tokenizer.json"), Problem.FILE_MISSING),
        ({**WHOLE, "mlc-chat-config.json": b"<html>"}, Problem.NOT_JSON),
        ({**WHOLE, "mlc-chat-config.json": []}, Problem.BAD_CONFIG),
        ({**WHOLE, "tensor-cache.json": {"records": []}}, Problem.BAD_MANIFEST),
        ({**WHOLE, "m-webgpu.wasm": b"no"}, Problem.LIBRARY_UNREADABLE),
        ({**WHOLE, "m-webgpu.wasm": library("float16")}, Problem.LIBRARY_UNFIT),
        (without("m-webgpu.wasm"), Problem.NO_LIBRARY_IN_FOLDER),
    ],
)
def test_what_is_wrong_with_a_folder_is_named(content: dict[str, Any], problem: Problem) -> None:
    with pytest.raises(Failure) as failure:
        inspect(Folder("m", content))
    assert failure.value.problem is problem


def listing(*shards: tuple[str, int]) -> dict[str, Any]:
    """A manifest whose first shard has all tensors."""
    records = [{"dataPath": path, "nbytes": nbytes, "records": []} for path, nbytes in shards]
    return {"records": [{**records[0], "records": TENSORS}, *records[1:]]}


def test_a_model_beside_another_is_never_taken_for_the_only_one() -> None:
    beside = {**{f"a/{path}": it for path, it in WHOLE.items()}, **{f"b/c/{path}": it for path, it in WHOLE.items()}}
    with pytest.raises(Failure) as failure:
        inspect(Folder("m", beside))
    assert failure.value.problem is Problem.SEVERAL_MODELS
    assert failure.value.facts["count"] == 2
    inside = {**{f"a/{path}": it for path, it in WHOLE.items()}, **{f"a/b/{path}": it for path, it in WHOLE.items()}}
    assert inspect(Folder("m", inside)).items[0].path == "a/s0.bin"


@pytest.mark.parametrize(
    ("listed", "file", "key"),
    [
        ("a b é.bin", "a b é.bin", "a%20b%20%C3%A9.bin"),
        ("a%20b.bin", "a b.bin", "a%20b.bin"),
        ("a%20b.bin", "a%20b.bin", "a%20b.bin"),
        ("100%.bin", "100%.bin", "100%.bin"),
        ("part/one.bin", "part/one.bin", "part/one.bin"),
    ],
)
def test_a_shard_has_the_key_that_a_browser_makes_of_its_name(listed: str, file: str, key: str) -> None:
    content = {**without("s0.bin"), "tensor-cache.json": listing((listed, 8)), file: bytes(8)}
    shard = inspect(Folder("été 100%", content)).items[0]
    assert (shard.path, shard.key) == (file, f"https://local.invalid/%C3%A9t%C3%A9%20100%25/resolve/main/{key}")


@pytest.mark.parametrize("path", ["../s0.bin", "a/../../s0.bin", "%2e%2E/s0.bin", "/s0.bin", "//h/s0.bin", "a\\s.bin",
                                  "s0.bin#1", "s0.bin?1", " s0.bin", "s0.bin\n", "https://h/s0.bin"])  # fmt: skip
def test_a_shard_outside_the_folder_is_refused(path: str) -> None:
    with pytest.raises(Failure) as failure:
        inspect(Folder("m", {**WHOLE, "tensor-cache.json": listing((path, 8))}))
    assert (failure.value.problem, failure.value.facts) == (
        Problem.BAD_MANIFEST, {"field": "records[0].dataPath"},
    )  # fmt: skip


def test_a_shard_that_is_listed_twice_is_one_file() -> None:
    found = inspect(Folder("m", {**WHOLE, "tensor-cache.json": listing(("s0.bin", 8), ("s0.bin", 8))}))
    assert [it.path for it in found.items].count("s0.bin") == 1
    with pytest.raises(Failure) as failure:
        inspect(Folder("m", {**WHOLE, "tensor-cache.json": listing(("s0.bin", 8), ("s0.bin", 7))}))
    assert failure.value.facts == {"field": "records[1].dataPath"}


def test_a_shard_may_be_empty_but_no_file_that_is_read() -> None:
    content = {**WHOLE, "tensor-cache.json": listing(("s0.bin", 8), ("s1.bin", 0)), "s1.bin": b""}
    assert [it.nbytes for it in inspect(Folder("m", content)).items[:2]] == [8, 0]
    for name in ("mlc-chat-config.json", "tokenizer.json", "tensor-cache.json", "m-webgpu.wasm"):
        with pytest.raises(Failure):
            inspect(Folder("m", {**WHOLE, name: b""}))


def intake(it: Folder, drawers: Notes) -> Intake:
    lengths = Lengths(it.store, drawers, Outlines(it.store, drawers), it.store)
    return Intake(it, inspect(it).items, lengths, lambda: None)


def test_every_file_is_kept_and_its_length_noted() -> None:
    it, drawers = Folder("m", WHOLE), Notes()
    job = intake(it, drawers)
    assert asyncio.run(job.run())
    assert job.done == job.total
    kept = {key.rpartition("/")[2] for shelf in it.store.kept.values() for key in shelf}
    assert kept == {"s0.bin", "mlc-chat-config.json", "tokenizer.json", "m-webgpu.wasm", "tensor-cache.json"}
    assert it.store.kept[Shelf.MODEL]["https://local.invalid/m/resolve/main/tensor-cache.json"] == MANIFEST
    assert len(drawers.kept["lengths"]) == 5


def test_one_that_fails_or_is_cancelled_leaves_nothing_of_its_own() -> None:
    it, drawers = Folder("m", WHOLE), Notes()
    it.store.kept[Shelf.MODEL]["https://else/x"] = b"x"
    it.broken = "tokenizer.json"
    job = intake(it, drawers)
    assert not asyncio.run(job.run())
    assert job.failure is not None
    assert job.failure.problem is Problem.FILE_CONTENT
    assert {key for shelf in it.store.kept.values() for key in shelf} == {"https://else/x"}

    async def cancelled() -> Intake:
        job = dataclasses.replace(intake_now)
        running = asyncio.ensure_future(job.run())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        job.cancel()
        assert not await running
        return job

    it.broken = ""
    intake_now = intake(it, drawers)
    assert asyncio.run(cancelled()).failure is None
    assert {key for shelf in it.store.kept.values() for key in shelf} == {"https://else/x"}


def test_what_nobody_expected_leaves_nothing_either() -> None:
    it, drawers = Folder("m", WHOLE), Notes()
    job = intake(it, drawers)
    del it.content["tokenizer.json"]  # a KeyError of the fake stands for a bug
    with pytest.raises(KeyError):
        asyncio.run(job.run())
    assert not any(it.store.kept.values())
