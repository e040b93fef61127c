"""The development server: what a good static host answers."""

import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import server
import uvicorn


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "index.html").write_text("<h1>hello</h1>")
    for name in ("a.mjs", "a.wasm", "a.webmanifest", "a.whl", "a.json"):
        (tmp_path / name).write_text("{}")
    listener = server.free_socket(0)
    running = uvicorn.Server(uvicorn.Config(server.application(tmp_path), log_level="error", lifespan="off"))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield f"http://{server.HOST}:{listener.getsockname()[1]}"
    running.should_exit = True
    thread.join()
    listener.close()


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/a.mjs", "text/javascript; charset=utf-8"),
        ("/a.wasm", "application/wasm"),
        ("/a.webmanifest", "application/manifest+json"),
        ("/a.json", "application/json"),
        ("/a.whl", "application/zip"),
    ],
)
def test_media_types_and_caching(address: str, path: str, media_type: str) -> None:
    with urllib.request.urlopen(address + path) as answer:  # noqa: S310
        assert answer.headers["Content-Type"] == media_type
        assert answer.headers["Cache-Control"] == "no-cache"
        again = urllib.request.Request(address + path, headers={"If-None-Match": answer.headers["ETag"]})  # noqa: S310
    with pytest.raises(urllib.error.HTTPError) as unchanged:
        urllib.request.urlopen(again)  # noqa: S310
    assert unchanged.value.code == 304
    unchanged.value.close()


def test_a_busy_port_is_left_alone() -> None:
    with socket.socket() as busy:
        busy.bind((server.HOST, 0))
        busy.listen()
        with server.free_socket(busy.getsockname()[1]) as other:
            assert other.getsockname()[1] != busy.getsockname()[1]
