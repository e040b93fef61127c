"""The table of figures: complete, and refreshed from libraries on a host."""

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import figures
import pytest

ROOT = Path(__file__).resolve().parents[2]

DOCUMENT = {
    "model_type": "llama",
    "quantization": "q4f32_1",
    "context_window_size": 512,
    "prefill_chunk_size": 256,
    "params": [
        {"name": "model.embed_tokens.q_weight", "shape": ["vocab_size", 16], "dtype": "uint32"},
        {"name": "model.layers.0.mlp.gate_up_proj.q_weight", "shape": [512, 16], "dtype": "uint32"},
        {"name": "model.layers.0.input_layernorm.weight", "shape": [128], "dtype": "float32"},
    ],
}


def wasm(document: dict[str, Any]) -> bytes:
    """Return a WebAssembly file with one section that holds a library's metadata."""
    text = json.dumps(document).encode()
    return b"\0asm\1\0\0\0\x0b" + bytes([len(text) & 0x7F | 0x80, len(text) >> 7]) + text


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        pass


@pytest.fixture
def host(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serve a folder like the libraries' host: (the folder, its base URL)."""
    folder = tmp_path / "libraries" / "v9" / "base"
    folder.mkdir(parents=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "libraries")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}/v9/base/"
    server.shutdown()
    thread.join()
    server.server_close()


def catalogue(base: str, *keys: str) -> dict[str, Any]:
    return {"libraries": base, "models": [{"id": f"{number}", "library": key} for number, key in enumerate(keys)]}


def row(**figures_of_row: Any) -> dict[str, Any]:
    return {"model_type": "llama", "quantisation": "q4f32_1", "source": "config", "origin": "a model", **figures_of_row}


def test_every_library_of_the_catalogue_has_a_row() -> None:
    shipped = json.loads(figures.TABLE.read_text())
    figures.check(json.loads((ROOT / "dist" / "catalogue.json").read_text()), shipped)
    assert len(shipped["libraries"]) == 99
    assert shipped == figures.table(shipped["libraries"])


def test_a_missing_row_and_a_row_too_many_are_named() -> None:
    listed = catalogue("", "new.wasm", "known.wasm", "known.wasm")
    figures.check(listed, figures.table({"new.wasm": row(), "known.wasm": row()}))
    with pytest.raises(
        figures.Incomplete, match=r"no row of figures for new\.wasm; rows .* no longer lists: old\.wasm"
    ):
        figures.check(listed, figures.table({"old.wasm": row(), "known.wasm": row()}))


def test_a_refresh_reads_what_it_can_and_keeps_the_rest(host: tuple[Path, str]) -> None:
    folder, base = host
    (folder / "read_cs1k-webgpu.wasm").write_bytes(wasm(DOCUMENT))
    (folder / "page.wasm").write_text("<!doctype html>")
    before = figures.table(
        {
            "read_cs1k-webgpu.wasm": row(width=64, heads=4, vocabulary=32_000, rope_base=5e5),
            "page.wasm": row(width=1),
            "gone.wasm": row(width=2),
            "unlisted.wasm": row(width=3),
        }
    )
    said: list[str] = []
    listed = catalogue(base, "read_cs1k-webgpu.wasm", "page.wasm", "gone.wasm")
    after = figures.refresh(listed, before, 5, said.append)["libraries"]
    assert list(after) == ["gone.wasm", "page.wasm", "read_cs1k-webgpu.wasm"]
    assert after["gone.wasm"] == row(width=2)
    assert after["page.wasm"] == row(width=1)
    read = after["read_cs1k-webgpu.wasm"]
    assert {name: read[name] for name in ("width", "layers", "intermediate", "heads", "chunk", "context")} == {
        "width": 128, "layers": 1, "intermediate": 256, "heads": 4, "chunk": 256, "context": 512,
    }  # fmt: skip
    assert (read["vocabulary"], read["rope_base"], read["tied"]) == (None, 5e5, True)
    assert (read["source"], read["origin"]) == ("metadata", "v9/base/read_cs1k-webgpu.wasm")
    assert len(said) == 2
    assert said[0].startswith("gone.wasm: the host answers 404")
    assert said[1].startswith("page.wasm: the file does not begin")


def test_an_unreachable_host_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
        base = f"http://127.0.0.1:{taken.getsockname()[1]}/v9/base/"
        said: list[str] = []
        before = figures.table({"a.wasm": row(), "b.wasm": row()})
        assert figures.refresh(catalogue(base, "a.wasm", "b.wasm", "c.wasm"), before, 2, said.append) == before
    assert len(said) == 1
    assert "cannot be reached" in said[0]
    assert "3 of 3 rows" in said[0]


def test_a_host_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        base = f"http://127.0.0.1:{silent.getsockname()[1]}/v9/base/"
        said: list[str] = []
        before = figures.table({"a.wasm": row(), "b.wasm": row()})
        assert figures.refresh(catalogue(base, "a.wasm", "b.wasm"), before, 0.2, said.append) == before
    assert len(said) == 1


def test_the_commands_write_one_row_a_line(tmp_path: Path, host: tuple[Path, str]) -> None:
    folder, base = host
    key = "M-q4f32_1_cs2k-webgpu.wasm"
    (folder / key).write_bytes(wasm(DOCUMENT))
    table, settings, listed = tmp_path / "figures.json", tmp_path / "mlc-chat-config.json", tmp_path / "catalogue.json"
    settings.write_text(
        json.dumps({"model_type": "llama", "quantization": "q4f32_1", "model_config": {"hidden_size": 64}})
    )
    listed.write_text(json.dumps(catalogue(base, key)))
    assert figures.main(["--table", str(table), "add", key, str(settings)]) == 0
    (added,) = json.loads(table.read_text())["libraries"].values()
    assert (added["width"], added["chunk"], added["source"]) == (64, 2048, "config")
    assert figures.main(["--table", str(table), "refresh", "--catalogue", str(listed), "--timeout", "5"]) == 0
    (refreshed,) = json.loads(table.read_text())["libraries"].values()
    assert (refreshed["width"], refreshed["source"]) == (128, "metadata")
    assert sum(key in line for line in table.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("key", "size"),
    [
        ("a_cs1k-webgpu.wasm", 1024),
        ("a_cs512-webgpu.wasm", 512),
        ("a-ctx512_cs512_batch4-webgpu.wasm", 512),
        ("a", None),
    ],
)
def test_the_chunk_in_a_name(key: str, size: int | None) -> None:
    assert figures.chunk(key) == size
