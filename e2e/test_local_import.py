"""People whose models are on their own disk: taken in from a folder, talked with, and written out to one."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
import servers
from person import (
    ask,
    begin_anew,
    open_form,
    open_page,
    open_selector,
    open_storage,
    show_actions,
    stored,
    until,
    wait_until_ready,
)
from playwright.sync_api import Page, expect

NAME = "small-llama-q4f32_1-MLC"
BASE = f"https://local.invalid/{NAME}/resolve/main/"


@pytest.fixture
def folder(small_model: Path, tmp_path: Path) -> Path:
    """A copy of the small model in a folder of its name."""
    return shutil.copytree(small_model, tmp_path / NAME)


def choose(page: Page, folder: Path | list[Path]) -> None:
    """Choose a folder, or files, on the storage screen."""
    page.locator("#storage-folder").set_input_files(folder)


def test_a_folder_becomes_a_model_that_answers_with_no_network_at_all(
    page: Page, site: servers.Server, folder: Path
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    form = open_form(page)
    expect(form.get_by_text("Choose a folder")).to_be_visible()
    page.locator("#add-folder").set_input_files(folder)
    arrival = page.locator("#arrival")
    expect(arrival).to_contain_text("is on this machine.")
    shards = {path.name for path in folder.glob("params_shard_*.bin")}
    assert {f"{BASE}{name}" for name in (*shards, "tensor-cache.json", "tokenizer.json")} <= set(stored(page, "model"))
    assert f"{BASE}mlc-chat-config.json" in stored(page, "config")
    assert f"{BASE}small-webgpu.wasm" in stored(page, "wasm")
    kept = json.loads(page.evaluate("localStorage.customModels"))
    assert [(it["id"], it["url"]) for it in kept] == [(NAME, f"https://local.invalid/{NAME}")]

    arrival.get_by_role("button", name="Use", exact=True).click()
    wait_until_ready(page, "small llama")
    begin_anew(page)
    assert ask(page, "Hello", stop_after=20)
    page.reload()
    wait_until_ready(page, "small llama", "idle")
    assert ask(page, "Hello", stop_after=20)
    assert not [url for url in asked if not url.startswith((site.origin, "blob:"))]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda it: (it / "params_shard_1.bin").unlink(), "params_shard_1.bin is missing from the folder"),
        (lambda it: (it / "params_shard_1.bin").write_bytes(b"short"), "params_shard_1.bin has 5"),
        (lambda it: flip(it / "params_shard_1.bin"), "The content of params_shard_1.bin is not what its manifest"),
        (lambda it: (it / "mlc-chat-config.json").unlink(), "mlc-chat-config.json is missing"),
        (lambda it: (it / "tokenizer.json").unlink(), "tokenizer.json is missing"),
        (lambda it: (it / "tensor-cache.json").write_text("<html>"), "tensor-cache.json is not the file it should be"),
        (lambda it: (it / "small-webgpu.wasm").write_bytes(b"no"), "small-webgpu.wasm is not a model library"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused_by_name_and_leaves_nothing(
    page: Page, site: servers.Server, folder: Path, change: object, words: str
) -> None:
    assert callable(change)
    change(folder)
    open_page(page, site.origin)
    open_storage(page)
    choose(page, folder)
    expect(page.locator("#arrival")).to_contain_text(words)
    for shelf in ("model", "config", "wasm"):
        assert not [key for key in stored(page, shelf) if "local.invalid" in key]
    assert custom_models(page) == []


def test_a_model_on_its_way_in_is_in_the_list_and_cancelling_takes_all_of_it_out_again(
    page: Page, site: servers.Server, folder: Path
) -> None:
    manifest = json.loads((folder / "tensor-cache.json").read_text())
    nbytes = 16_000_000
    md5 = hashlib.md5(bytes(nbytes), usedforsecurity=False).hexdigest()
    for number in range(100, 140):
        path = f"params_shard_{number}.bin"
        with (folder / path).open("wb") as file:
            file.truncate(nbytes)
        manifest["records"].insert(0, {"dataPath": path, "nbytes": nbytes, "md5sum": md5, "records": []})
    (folder / "tensor-cache.json").write_text(json.dumps(manifest))
    open_page(page, site.origin)
    open_storage(page)
    choose(page, folder)
    arrival = page.locator("#arrival")
    expect(arrival).to_contain_text(re.compile(r"\d\sMB of 6\d\d\sMB"))
    assert custom_models(page) == [NAME]
    choose(page, folder)
    expect(page.locator("#notices")).to_contain_text("One model at a time")
    arrival.get_by_role("button", name="Cancel").click()
    expect(arrival).to_have_count(0)
    assert custom_models(page) == []
    assert not [key for key in stored(page, "model") if "local.invalid" in key]


def custom_models(page: Page) -> list[str]:
    """The IDs of the models in the list."""
    return [it["id"] for it in json.loads(page.evaluate("localStorage.customModels") or "[]")]


def flip(path: Path) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_files_dropped_on_the_page_are_taken_in(page: Page, site: servers.Server, folder: Path) -> None:
    open_page(page, site.origin)
    page.evaluate("""() => document.body.append(
        Object.assign(document.createElement("input"), { type: "file", id: "lend", multiple: true }))""")
    page.locator("#lend").set_input_files([path for path in folder.iterdir() if path.is_file()])
    page.evaluate("""() => {
        const carried = new DataTransfer();
        for (const file of document.getElementById("lend").files) carried.items.add(file);
        document.getElementById("main").dispatchEvent(
            new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
    }""")
    expect(page.locator("#arrival")).to_contain_text("small is on this machine.")
    assert "https://local.invalid/small/resolve/main/tensor-cache.json" in stored(page, "model")
    selector = open_selector(page)
    show_actions(selector, "small")
    actions = selector.get_by_role("group", name="small")
    expect(actions.get_by_text("Duplicate")).to_be_visible()
    expect(actions.get_by_text("Copy link")).to_have_count(0)  # to an address that nobody else has


def test_weights_that_left_come_back_from_the_same_folder(page: Page, site: servers.Server, folder: Path) -> None:
    open_page(page, site.origin)
    open_storage(page)
    choose(page, folder)
    expect(page.locator("#arrival")).to_contain_text("small llama is on this machine.")
    page.get_by_role("button", name="Delete small llama").click()
    page.get_by_role("dialog").get_by_role("button", name="Weights only").click()
    expect(page.get_by_role("button", name="Export small llama to a folder")).to_be_disabled()
    assert not [key for key in stored(page, "model") if key.startswith(f"{BASE}params_shard_")]

    open_selector(page).get_by_role("button", name="small llama", exact=True).click()
    expect(page.locator("#notices")).to_contain_text(
        "small llama came from a folder, and its weights are no longer here"
    )
    open_storage(page)
    choose(page, folder)
    expect(page.get_by_role("button", name="Export small llama to a folder")).to_be_enabled()
    assert len(json.loads(page.evaluate("localStorage.customModels"))) == 1


def test_a_model_written_out_is_the_one_that_was_taken_in(page: Page, site: servers.Server, folder: Path) -> None:
    page.add_init_script("window.showDirectoryPicker = () => navigator.storage.getDirectory();")
    open_page(page, site.origin)
    open_storage(page)
    choose(page, folder)
    expect(page.locator("#arrival")).to_contain_text("is on this machine.")
    page.get_by_role("button", name="Export small llama to a folder").click()
    expect(page.get_by_text("small llama is in the folder.")).to_be_visible()
    written = page.evaluate(
        """async (name) => {
            const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(name);
            const files = {};
            for await (const [file, handle] of folder.entries()) {
                const bytes = await (await handle.getFile()).arrayBuffer();
                const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
                files[file] = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
            }
            return files;
        }""",
        NAME,
    )
    here = {path.name: path for path in folder.iterdir() if path.name != "tokenizer_config.json"}
    assert written.keys() == here.keys()
    for name, path in here.items():
        if name != "tensor-cache.json":  # kept parsed: the same document, written anew
            assert written[name] == hashlib.sha256(path.read_bytes()).hexdigest(), name


def test_without_a_folder_picker_files_are_chosen_and_arrive_one_by_one(
    page: Page, site: servers.Server, folder: Path
) -> None:
    page.add_init_script("delete HTMLInputElement.prototype.webkitdirectory; delete window.showDirectoryPicker;")
    open_page(page, site.origin)
    open_storage(page)
    expect(page.get_by_text("This browser cannot choose a folder")).to_be_visible()
    expect(page.get_by_text("Nor can it write into a folder")).to_be_visible()
    choose(page, [path for path in folder.iterdir() if path.is_file()])
    expect(page.locator("#arrival")).to_contain_text("small is on this machine.")
    arrived: dict[str, Path] = {}
    page.on("download", lambda it: arrived.__setitem__(it.suggested_filename, it.path()))
    page.get_by_role("button", name="Export small to a folder").click()
    expect(page.get_by_text("small is in your downloads, file by file.")).to_be_visible()
    wanted = {path.name for path in folder.iterdir() if path.name != "tokenizer_config.json"}
    until(page, lambda: arrived.keys() == wanted)  # the browser takes its time
    shard = "params_shard_0.bin"
    assert arrived[shard].read_bytes() == (folder / shard).read_bytes()
