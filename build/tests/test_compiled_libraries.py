"""Libraries compiled here, of different shapes and quantisations, are matched with their own model and no other."""

import http.server
import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import compiled
import figures
import pytest
from bocal.models import figures as app
from bocal.models import metadata
from bocal.models.metadata import Tensor, Unreadable, Wrong


def tensors(name: str) -> tuple[Tensor, ...]:
    return metadata.read_tensors(json.loads((compiled.model(name) / "tensor-cache.json").read_text()))


def config(name: str) -> Any:
    return json.loads((compiled.model(name) / "mlc-chat-config.json").read_text())


@pytest.mark.parametrize("name", compiled.SHAPES)
def test_a_library_fits_its_model_and_no_other(name: str) -> None:
    wasm = compiled.library(name).read_bytes()
    read = metadata.read(wasm)
    metadata.check_functions(wasm)
    assert metadata.differences(read.parameters, tensors(name)) == []
    for other in compiled.SHAPES:
        fatal = [it for it in metadata.differences(read.parameters, tensors(other)) if it.fatal]
        assert bool(fatal) is (other != name)


def test_a_library_cut_short_is_told() -> None:
    with pytest.raises(Unreadable) as raised:
        metadata.read(compiled.library("other").read_bytes()[:-1000])
    assert raised.value.wrong is Wrong.CUT_SHORT


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    """A host that has the libraries below v9/base/."""
    folder = tmp_path / "v9" / "base"
    folder.mkdir(parents=True)
    for name in compiled.SHAPES:
        (folder / f"{name}-webgpu.wasm").symlink_to(compiled.library(name))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/v9/base/"
        server.shutdown()


def test_the_table_is_refreshed_from_them_and_finds_each_model_its_library(host: str) -> None:
    keys = [f"{name}-webgpu.wasm" for name in compiled.SHAPES]
    catalogue = {"libraries": host, "models": [{"library": key} for key in keys]}
    table = figures.refresh(catalogue, figures.table({}), 20)
    assert list(table["libraries"]) == sorted(keys)
    assert {row["source"] for row in table["libraries"].values()} == {"metadata"}
    for name in compiled.SHAPES:
        best = app.candidates(app.of_config(config(name)), app.load(table), name)
        assert [it.key for it in best] == [f"{name}-webgpu.wasm"]
