"""`python -m bocal.check`, against a real server with real faults."""

import http.server
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from bocal import check
from bocal.models.catalogue import Catalogue
from bocal.models.paste import encode_share
from bocal.models.record import Model
from test_preflight import config, library, manifest

PYAPP = Path(check.__file__).parents[1]


@dataclass
class Host:
    """Files by path; `faults` by the first part of a path answer instead, and `seen` lists the requests."""

    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, Any] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def publish(self, name: str, **changes: bytes) -> str:
        """Publish a model that is right but for `changes` (file names with __ for a dot, _ for a dash)."""
        files = {
            "mlc-chat-config.json": json.dumps(config()).encode(),
            "tensor-cache.json": json.dumps(manifest()).encode(),
            "tokenizer.json": b"{}",
            f"{name}.wasm": library(),
            **{file.replace("__", ".").replace("_", "-"): content for file, content in changes.items()},
        }
        self.files |= {f"/{name}/{file}": content for file, content in files.items()}
        return f"{self.address}/{name}"


@pytest.fixture
def host() -> Iterator[Host]:
    told = Host()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.seen.append(f"{self.command} {self.path}")
            fault = told.faults.get(self.path.split("/")[1])
            if fault:
                fault(self)
                return
            content = told.files.get(self.path)
            answer(self, 200 if content is not None else 404, content or b"")

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_words: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield told
        server.shutdown()


def answer(handler: http.server.BaseHTTPRequestHandler, status: int, content: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content_Length": str(len(content)), "Access_Control_Allow_Origin": "*", **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(content)


def run(*words: str) -> int:
    return check.main([*words, "--language", "en", "--catalogue", "/no/such/file"])


@pytest.fixture(autouse=True)
def no_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = Catalogue({}, "")
    monkeypatch.setattr(check, "standard_models", lambda _path: empty)


def give(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_a_model_that_is_right(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(host.publish("own")) == 0
    printed = capsys.readouterr().out
    assert "own.wasm fits: 1 of 1 tensors." in printed
    assert "This model can run here" in printed


def test_a_model_that_is_wrong(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"{host.publish('own')}-other") == 1
    assert "There is no MLC model" in capsys.readouterr().out


def test_a_host_that_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("http://127.0.0.1:9/x") == 1
    assert "did not answer" in capsys.readouterr().out


# Anything that can be pasted


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nonsense"], "“nonsense” is not an address"),
        (["a", "small", "french", "model"], "“a small french model” is not an address"),
        ([" "], "Give the address"),
        (["https://huggingface.co/x/Llama-3.2-1B-GGUF"], "This is a GGUF model"),
        (["https://huggingface.co/datasets/x/y"], "This is a dataset"),
        (["/home/me/models/llama"], "a place on a disk"),
        (['{"a": 1}'], "This JSON holds no model"),
        (["http://[::1"], "is not the address of a model"),
        (["https://bocal.example/#add=e30"], "This share link is cut short"),
        (["models/guide"], "models/guide is a path on a Bocal page’s own site"),
    ],
)
def test_what_is_no_model_is_explained(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    printed = capsys.readouterr()
    assert told in printed.err
    assert not printed.out


def test_a_record_is_checked_with_its_own_library_and_overrides(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    url = host.publish("own", own__wasm=b"no library")
    host.files["/elsewhere/tuned.wasm"] = library()
    entry = {"id": "x", "name": "Mine", "url": url, "overrides": {"context_window_size": 77},
             "library": {"url": f"{host.address}/elsewhere/tuned.wasm"}}  # fmt: skip
    assert run(json.dumps(entry)) == 0
    printed = capsys.readouterr().out
    assert "tuned.wasm fits" in printed
    assert "77-token window" in printed
    assert "GET /own/own.wasm" not in host.seen


def test_a_library_on_the_command_line_comes_before_a_records(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    url = host.publish("own")
    host.files["/other/other.wasm"] = b"no library"
    assert run(url, "--library", f"{host.address}/other/other.wasm") == 1
    assert "other.wasm is not a WebAssembly file" in capsys.readouterr().out


@pytest.mark.parametrize("url", ["http://[", "x/y.wasm", "ftp://x/y.wasm", "http://x:y/z.wasm", "http://x/\n.wasm"])
def test_an_address_of_no_library_is_told(host: Host, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    own = host.publish("own")
    assert run(json.dumps({"id": "x", "url": own, "library": {"url": url}})) in {1, 2}
    assert run(f"ID: x\nURL: {own}\nLibrary: {url}") in {1, 2}
    assert run(own, "--library", "http://[") == 2
    assert "is not the address" in capsys.readouterr().err


def test_a_list_gives_a_table_each_and_the_worst_exit_status(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    entries: list[Any] = [{"id": name, "name": name.title(), "url": host.publish(name)} for name in ("one", "two")]
    assert run(json.dumps(entries)) == 0
    printed = capsys.readouterr().out
    assert printed.count("This model can run here") == 2
    assert printed.index("One") < printed.index("Two")

    entries.append({"id": "three", "name": "Three", "url": f"{host.address}/nothing"})
    assert run(json.dumps({"customModels": entries})) == 1
    assert capsys.readouterr().out.count("This model can run here") == 2

    entries += [{"id": "four"}, 5]
    assert run(json.dumps(entries)) == 2
    printed, complaints = capsys.readouterr()
    assert printed.count("This model can run here") == 2
    assert "four: Give the address" in complaints
    assert "Entry 5 is no model" in complaints


def test_labelled_text_and_share_links_and_several_addresses(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = host.publish("one"), host.publish("two")
    assert run(f"ID: mine\nNom : Le mien\nURL: {one}\nTaille: 2 Go") == 0
    payload = encode_share(Model("shared", "Shared", two))
    assert run(f"https://bocal.example/#add={payload}") == 0
    assert two in capsys.readouterr().out
    assert run(one, two) == 0
    assert capsys.readouterr().out.count("This model can run here") == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_dash_reads_standard_input(
    host: Host, encoding: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, json.dumps([{"id": "été", "url": host.publish("one")}]).encode(encoding))
    assert run("-") == 0
    assert "can run here" in capsys.readouterr().out


def test_bytes_of_no_encoding_are_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, b"\x93\xe9t\xe9\x94 \xff")
    assert run("-") == 2
    assert "is not an address" in capsys.readouterr().err


# Hosts at fault


def silence(_handler: http.server.BaseHTTPRequestHandler) -> None:
    time.sleep(1)


def rubbish(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x00\xffthis is no HTTP\r\n\r\n")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (lambda it: answer(it, 403), "refuses access"),
        (lambda it: answer(it, 401), "refuses access"),
        (lambda it: answer(it, 429, Retry_After="7"), "asks to wait 7 s"),
        (lambda it: answer(it, 500), "answered with an error (500)"),
        (lambda it: answer(it, 200, b'{"a": "\xe9\xff'), "is not the file it should be"),
        (lambda it: answer(it, 200, b"<html>"), "is not the file it should be"),
        (lambda it: answer(it, 200, b"<html>", Content_Type="text/html; charset=utf-8"), "shows a web page, not"),
        (lambda it: answer(it, 200, b"[" * 100_000), "is not the file it should be"),
        (lambda it: answer(it, 302, Location=it.path), "answered with an error (302)"),
        (lambda it: answer(it, 302, Location="file:///etc/passwd"), "answered with an error (302)"),
        (lambda it: answer(it, 200, b"{", Content_Length="10"), "sent 1 B where 10 B"),
        (rubbish, "did not answer"),
        (silence, "did not answer"),
    ],
)
def test_a_host_at_fault_is_named(
    host: Host, fault: Any, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "TIMEOUT", 0.3)
    host.faults["own"] = fault
    assert run(host.publish("own")) == 1
    assert told in capsys.readouterr().out.replace("\u00a0", " ")


def test_a_host_that_lets_no_page_read_is_found_out(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    url = host.publish("own")
    for allowed, site, status in (
        ("https://else.example", "https://bocal.example/", 1),
        ("https://bocal.example", "https://bocal.example/", 0),
        ("", f"{host.address}/bocal/", 0),  # the page is on the same site
    ):

        def reply(it: http.server.BaseHTTPRequestHandler, allowed: str = allowed) -> None:
            content = host.files.get(it.path)
            answer(it, 404 if content is None else 200, content or b"", Access_Control_Allow_Origin=allowed)

        host.faults["own"] = reply
        assert run(url, "--site", site) == status
        assert ("does not let web pages read" in capsys.readouterr().out) is bool(status)


def test_redirects_are_followed(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.publish("own")
    host.files |= {path.replace("/own/", "/cdn/"): content for path, content in host.files.items()}
    host.faults["own"] = lambda it: answer(it, 307, Location=it.path.replace("/own/", "/cdn/"))
    assert run(f"{host.address}/own") == 0
    assert "own.wasm fits" in capsys.readouterr().out


def test_a_config_in_another_encoding_is_read_as_a_browser_reads_it(host: Host) -> None:
    text = json.dumps({**config(), "note": "@"})
    assert run(host.publish("own", mlc_chat_config__json=text.encode().replace(b"@", b"\xe9"))) == 0
    assert run(host.publish("own", mlc_chat_config__json=b"\xef\xbb\xbf" + text.encode())) == 0


def test_a_library_that_is_cut_short_is_told(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    url = host.publish("own")
    host.faults["libs"] = lambda it: answer(it, 200, library()[:40], Content_Length=str(len(library())))
    assert run(url, "--library", f"{host.address}/libs/x.wasm") == 1
    assert "x.wasm" in capsys.readouterr().out


def test_requests_that_do_not_need_one_another_are_made_at_once(host: Host) -> None:
    meet = threading.Barrier(2, timeout=10)
    host.publish("own")

    def wait_for_the_other(handler: http.server.BaseHTTPRequestHandler) -> None:
        if handler.path.endswith(("tensor-cache.json", "tokenizer.json")):
            meet.wait()  # breaks, and with it the check, when the two are not in flight together
        content = host.files.get(handler.path)
        answer(handler, 200 if content is not None else 404, content or b"")

    host.faults["own"] = wait_for_the_other
    assert run(f"{host.address}/own") == 0


# As a program


def program(*words: str, given: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    return subprocess.run(
        [sys.executable, "-S", "-m", "bocal.check", *words],  # -S: no package beside the standard library
        input=given, capture_output=True, encoding="utf-8", timeout=60, check=False,
        env={**bare, "PYTHONPATH": str(PYAPP), **variables},
    )  # fmt: skip


def test_it_runs_from_a_checkout_with_no_package(host: Host) -> None:
    right = program("-", given=host.publish("own"))
    assert (right.returncode, right.stderr) == (0, "")
    assert "own.wasm" in right.stdout
    assert program("a b c").returncode == 2


def test_a_terminal_of_few_letters_gets_what_it_can_show() -> None:
    told = program("été", "--language", "fr", PYTHONIOENCODING="ascii")
    assert told.returncode == 2
    assert "adresse" in told.stderr
    assert "Traceback" not in told.stderr
