"""What lies on this machine: seen, weighed, and taken away again, as one pleases and with no network."""

import json
import re
from pathlib import Path

import pytest
import servers
from person import (
    add_model,
    from_menu,
    keep,
    model_button,
    open_page,
    open_storage,
    stored,
    wait_until_gone,
    wait_until_ready,
)
from playwright.sync_api import Page, expect

OWN_ID = "small-llama-q4f32_1-MLC"
OWN = f"labo/{OWN_ID}"


def row(page: Page, name: str) -> str:
    """The text of a model's row."""
    return page.locator(".page .list li", has_text=name).inner_text()


@pytest.fixture
def with_a_model(page: Page, site: servers.Server, host: servers.ModelHost, small_model: Path) -> str:
    """A page on which a small model was downloaded and used; its address."""
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    address = host.add(OWN, small_model)
    add_model(page, OWN_ID, "My small one", address)
    wait_until_ready(page, "My small one")
    return address


def test_every_model_is_weighed_and_weights_can_leave_alone_then_all_of_it_offline(
    page: Page, site: servers.Server, host: servers.ModelHost, small_model: Path, with_a_model: str
) -> None:
    open_storage(page)
    files = [path for path in small_model.iterdir() if path.name != "tokenizer_config.json"]
    nbytes = sum(path.stat().st_size for path in files)
    expect(page.locator(".page .list li", has_text="My small one")).to_contain_text(f"{nbytes / 1e6:.1f}")
    expect(page.locator(".page .list li", has_text="My small one")).to_contain_text("used today")
    assert "part of the page" in row(page, "The guide")
    expect(page.locator(".total")).to_contain_text("this browser allows")
    host.stop()
    site.stop()

    page.get_by_role("button", name="Delete My small one").click()
    question = page.get_by_role("dialog", name="Delete My small one?")
    shards = sum(path.stat().st_size for path in files if path.name.startswith("params_shard_"))
    expect(question).to_contain_text(f"This frees {nbytes / 1e6:.1f}")
    expect(question).to_contain_text(re.compile(rf"Weights only: frees {shards / 1e3:.0f}"))
    question.get_by_role("button", name="Weights only").click()
    expect(page.locator(".page .list li", has_text="My small one")).not_to_contain_text(f"{nbytes / 1e6:.1f}")
    left = [key for key in stored(page, "model") if key.startswith(with_a_model)]
    assert sorted(key.rpartition("/")[2] for key in left) == ["tensor-cache.json", "tokenizer.json"]
    assert [it["id"] for it in json.loads(page.evaluate("localStorage.customModels"))] == [OWN_ID]

    page.get_by_role("button", name="Delete My small one").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#notices")).to_contain_text("My small one was deleted")
    expect(page.locator("#notices")).to_be_empty()  # once it can no longer be taken back
    wait_until_gone(page, with_a_model)
    assert json.loads(page.evaluate("localStorage.customModels")) == []
    expect(model_button(page)).to_contain_text("The guide")


def test_what_belongs_to_nobody_is_found_weighed_and_cleaned_up(page: Page, site: servers.Server) -> None:
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    gone, elsewhere = "https://models.invalid/gone/resolve/main/", "https://another.invalid/app/"
    keep(page, "model", {f"{gone}params_shard_{n}.bin": 300_000 for n in range(3)})
    keep(page, "config", {f"{gone}mlc-chat-config.json": 1000})
    keep(page, "wasm", {f"{elsewhere}old.wasm": 2_000_000})
    before = stored(page, "model")

    open_storage(page)
    note = page.locator("#orphans-note")
    expect(note).to_contain_text("5 files (2.9 MB) of no known model")
    note.get_by_text("See them").click()
    expect(note.locator("li", has_text=gone)).to_contain_text("901 kB")
    note.get_by_role("button", name=f"Delete {elsewhere}").click()
    question = page.get_by_role("dialog", name="Clean up?")
    expect(question).to_contain_text("This frees 2.0 MB")
    question.get_by_role("button", name="Cancel").click()
    assert f"{elsewhere}old.wasm" in stored(page, "wasm")

    note.get_by_role("button", name=f"Delete {elsewhere}").click()
    question.get_by_role("button", name="Delete them").click()
    expect(note).to_contain_text("4 files (901 kB)")
    assert f"{elsewhere}old.wasm" not in stored(page, "wasm")
    assert stored(page, "model") == before
    note.get_by_role("button", name="Clean up").click()
    question.get_by_role("button", name="Delete them").click()
    expect(note).to_have_count(0)
    assert not [key for key in stored(page, "model") if key.startswith(gone)]
    assert [key for key in stored(page, "model") if key.startswith(site.origin)]  # the guide's stay


def test_a_model_whose_record_another_program_removed_can_still_be_deleted(page: Page, with_a_model: str) -> None:
    page.evaluate("localStorage.removeItem('customModels')")
    page.reload()
    wait_until_ready(page, "The guide")
    open_storage(page)
    note = page.locator("#orphans-note")
    expect(note).to_contain_text("of no known model")
    note.get_by_role("button", name="Clean up").click()
    page.get_by_role("button", name="Delete them").click()
    expect(note).to_have_count(0)
    assert not [key for key in stored(page, "model") if key.startswith(with_a_model)]


def test_a_file_that_vanished_is_fetched_again_when_the_model_is_used(page: Page, with_a_model: str) -> None:
    shard = f"{with_a_model}/resolve/main/params_shard_1.bin"
    page.evaluate(
        """(key) => new Promise((done) => {
            const asked = indexedDB.open("webllm/model", 1);
            asked.onsuccess = () => {
                const transaction = asked.result.transaction("urls", "readwrite");
                transaction.objectStore("urls").delete(key);
                transaction.oncomplete = () => (asked.result.close(), done());
            };
        })""",
        shard,
    )
    open_storage(page)
    expect(page.get_by_role("button", name="Export My small one to a folder")).to_be_disabled()  # it has been looked at
    model_button(page).click()
    page.get_by_role("dialog", name="Models").get_by_role("button", name="My small one", exact=True).click()
    wait_until_ready(page, "My small one")
    assert shard in stored(page, "model")


@pytest.mark.parametrize(
    ("without", "words"),
    [
        ("delete StorageManager.prototype.estimate", "This browser does not tell how much it allows."),
        ("delete StorageManager.prototype.persist", "This browser makes no promise to keep these files"),
        ("delete Navigator.prototype.storage", "This browser does not tell how much it allows."),
        (
            "StorageManager.prototype.estimate = async () => ({ quota: 120e6, usage: 20e6 })",
            "This browser allows this site only 120 MB. A private window",
        ),
    ],
)
def test_a_browser_that_lacks_something_is_told_so_and_works(
    page: Page, site: servers.Server, without: str, words: str
) -> None:
    page.add_init_script(without)
    open_page(page, site.origin)
    open_storage(page)
    expect(page.get_by_text(words)).to_be_visible()
    expect(page.locator(".page .list li", has_text="The guide")).to_be_visible()


def test_a_model_too_large_for_the_room_there_is_is_refused_before_a_byte_is_kept(
    page: Page, site: servers.Server, small_model: Path
) -> None:
    page.add_init_script("StorageManager.prototype.estimate = async () => ({ quota: 20e6, usage: 19.9e6 })")
    open_page(page, site.origin)
    open_storage(page)
    page.locator("#storage-folder").set_input_files(small_model)
    expect(page.locator("#arrival")).to_contain_text("of room are missing for this model")
    assert not [key for key in stored(page, "model") if "local.invalid" in key]


def test_what_a_deletion_frees_is_told_without_a_visit_to_the_storage(
    page: Page, small_model: Path, with_a_model: str
) -> None:
    assert with_a_model
    files = [path for path in small_model.iterdir() if path.name != "tokenizer_config.json"]
    from_menu(page, "My small one", "Delete")
    nbytes = sum(path.stat().st_size for path in files)
    expect(page.get_by_role("dialog", name="Delete My small one?")).to_contain_text(f"This frees {nbytes / 1e6:.1f}")
