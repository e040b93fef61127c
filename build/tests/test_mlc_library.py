"""The compiled library: what it says of itself, how its shaders read, and how its runtime is built once."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from mlc import runtime
from mlc.__main__ import main
from mlc.library import read_metadata, shaders
from mlc.runtime import ToolError, build_runtime, emcc_version
from mlc.shape import QUANTISATIONS, ModelShape

CACHE = Path(__file__).parents[2] / ".cache" / "mlc"

# Words that a shader may not use as names (WGSL, "Reserved Words"), as far as someone might be tempted to.
RESERVED = """active target from get set self super this type filter final import module namespace pass ref shared
static common resource private move match macro new null of precise public read regardless"""


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with its library, made by the command line."""
    if shutil.which("emcc") is None:
        pytest.skip("emcc is not installed")
    folder = tmp_path_factory.mktemp("models") / "tiny"
    options = "--layers 2 --width 64 --heads 4 --kv-heads 2 --vocabulary 300 --context 256 --prefill-chunk 64"
    assert main(["model", *options.split(), "--cache", str(CACHE), "--out", str(folder)]) == 0
    return folder


def test_the_library_declares_exactly_what_the_manifest_holds(model: Path) -> None:
    metadata = read_metadata(model / "tiny-webgpu.wasm")
    declared = {p["name"]: (p["shape"], p["dtype"]) for p in metadata["params"]}
    manifest = json.loads((model / "tensor-cache.json").read_text())
    stored = {r["name"]: (r["shape"], r["dtype"]) for shard in manifest["records"] for r in shard["records"]}
    assert declared == stored


def test_the_library_says_what_published_ones_say(model: Path) -> None:
    metadata = read_metadata(model / "tiny-webgpu.wasm")
    assert metadata["model_type"] == "llama"
    assert metadata["quantization"] == "q4f32_1"
    assert metadata["context_window_size"] == 256
    assert metadata["prefill_chunk_size"] == 64
    assert (metadata["sliding_window_size"], metadata["attention_sink_size"]) == (-1, -1)
    assert metadata["kv_state_kind"] == "kv_cache"
    assert metadata["kv_cache"]["head_dim"] == 16
    assert metadata["memory_usage"]["prefill"] > metadata["memory_usage"]["decode"] > 0


def test_the_library_is_webassembly_without_leftovers(model: Path) -> None:
    assert (model / "tiny-webgpu.wasm").read_bytes()[:4] == b"\0asm"
    assert not [path for path in model.iterdir() if path.name.startswith(".")]


def test_a_file_that_is_no_library_is_named(tmp_path: Path) -> None:
    (tmp_path / "other.wasm").write_bytes(b"\0asm")
    with pytest.raises(ToolError, match=r"other\.wasm holds no metadata"):
        read_metadata(tmp_path / "other.wasm")


def test_the_command_line_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "--width", "100", "--out", str(tmp_path / "x")]) == 1
    assert "head_dim is 25; it must be a multiple of 16" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("quantisation", QUANTISATIONS)
def test_shaders_are_few_and_use_no_forbidden_name(quantisation: str) -> None:
    shape = ModelShape(
        layers=3, width=64, heads=4, kv_heads=2, head_dim=16, intermediate=96, vocabulary=300, quantisation=quantisation
    )
    sources = shaders(shape)
    # Each is a pipeline that the browser compiles before the first token; layers must not multiply them.
    assert len(sources) <= 22
    for name, source in sources.items():
        assert ("enable f16;" in source) == (quantisation == "q4f16_1" and "f16>" in source), name
        names = set(re.findall(r"\b(?:let|var|fn)\s+(?:<[^>]*>\s*)?(\w+)|^\s+(\w+):", source, re.MULTILINE))
        words = {word for pair in names for word in pair if word}
        assert not words & set(RESERVED.split()), name
        assert not {word for word in words if word.startswith("__")}, name


def test_an_interrupted_build_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "emcc_version", lambda: "emcc 0")

    def interrupted(scratch: Path) -> Path:
        (scratch / "out").mkdir()
        (scratch / "out" / "wasm_runtime.o").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(runtime, "compile_units", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build_runtime(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_runtime_is_built_once_for_the_same_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Any] = []

    def pretend(scratch: Path) -> Path:
        built.append(scratch)
        (scratch / "out").mkdir()
        return scratch / "out"

    monkeypatch.setattr(runtime, "compile_units", pretend)
    monkeypatch.setattr(runtime, "emcc_version", lambda: "emcc 1")
    first = build_runtime(tmp_path)
    assert build_runtime(tmp_path) == first
    monkeypatch.setattr(runtime, "emcc_version", lambda: "emcc 2")
    assert build_runtime(tmp_path) != first
    assert len(built) == 2


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ToolError, match="emcc is missing: install emscripten"):
        emcc_version()
