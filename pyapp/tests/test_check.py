"""`python -m bocal.check`, against a real server."""

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from bocal import check
from bocal.models.catalogue import Catalogue
from test_preflight import config, library, manifest


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "own"
    folder.mkdir()
    for name, content in (
        ("mlc-chat-config.json", config()),
        ("tensor-cache.json", manifest()),
        ("tokenizer.json", {}),
    ):
        (folder / name).write_text(json.dumps(content))
    (folder / "own.wasm").write_bytes(library())
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/own"
        server.shutdown()


def run(*words: str) -> int:
    return check.main([*words, "--language", "en", "--catalogue", "/no/such/file"])


@pytest.fixture(autouse=True)
def no_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = Catalogue({}, "https://libs.invalid/")
    monkeypatch.setattr(check, "standard_models", lambda _path: empty)


def test_a_model_that_is_right(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(address) == 0
    printed = capsys.readouterr().out
    assert "own.wasm fits: 1 of 1 tensors." in printed
    assert "This model can run here" in printed


def test_a_model_that_is_wrong(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"{address}-other") == 1
    assert "There is no MLC model" in capsys.readouterr().out


def test_what_is_no_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("nonsense") == 2
    assert "is not the address of a model" in capsys.readouterr().err


def test_a_host_that_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("http://127.0.0.1:9/x") == 1
    assert "did not answer" in capsys.readouterr().out
