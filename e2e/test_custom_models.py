"""Custom models from hosts of several kinds, and what is said when one cannot be had."""

import re
import shutil
from pathlib import Path

import pytest
import servers
from person import (
    add_all_the_same,
    add_by_console,
    add_model,
    ask,
    begin_anew,
    fill,
    from_menu,
    open_form,
    open_page,
    open_selector,
    service_worker_is_ready,
    stored,
    wait_until_gone,
    wait_until_ready,
)
from playwright.sync_api import Page, expect
from starlette.responses import HTMLResponse, Response

pytestmark = pytest.mark.idle
NAME = "Mine"


@pytest.fixture
def copy(small_model: Path, tmp_path: Path) -> Path:
    """A copy of the small model that a test may spoil."""
    return shutil.copytree(small_model, tmp_path / "copy")


@pytest.fixture
def bocal(page: Page, site: servers.Server) -> Page:
    """The page."""
    open_page(page, site.origin)
    return page


def test_a_static_host_without_a_list_of_files(bocal: Page, small_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(small_model, tmp_path / "files" / "plain-model")
    (folder / "small-webgpu.wasm").rename(folder / "plain-model-webgpu.wasm")
    with servers.plain_host(tmp_path / "files") as host:
        add_model(bocal, "plain", NAME, f"{host.origin}/plain-model")
        wait_until_ready(bocal, NAME)
        assert ask(bocal, "Hello", stop_after=10)
    base = f"{host.origin}/plain-model/resolve/main/"  # where WebLLM looks, whatever the host's own paths
    assert f"{base}tensor-cache.json" in stored(bocal, "model")


def test_a_library_given_by_its_address(bocal: Page, host: servers.ModelHost, copy: Path, tmp_path: Path) -> None:
    (tmp_path / "libraries").mkdir()
    (copy / "small-webgpu.wasm").rename(tmp_path / "libraries" / "elsewhere.wasm")
    with servers.plain_host(tmp_path / "libraries") as other:
        address = host.add("labo/without-library", copy)
        form = open_form(bocal)
        fill(form, {"Model ID": "own", "Display name": NAME, "Model URL": address})
        row = form.locator("[data-check=library]")
        expect(row).to_contain_text("None fits. The nearest, ")
        row.get_by_role("button", name="Give the address").click()
        expect(form.locator("[name=library]")).to_be_focused()
        form.locator("[name=library]").fill(f"{other.origin}/elsewhere.wasm")
        expect(row).to_contain_text("elsewhere.wasm fits")
        form.get_by_role("button", name="Add and download").click()
        wait_until_ready(bocal, NAME)
        assert ask(bocal, "Hello", stop_after=10)
    assert stored(bocal, "wasm") == sorted([f"{other.origin}/elsewhere.wasm", *_guide(stored(bocal, "wasm"))])


def test_a_model_on_localhost_answers_offline_too(
    bocal: Page, site: servers.Server, host: servers.ModelHost, small_model: Path
) -> None:
    address = host.add("labo/local", small_model).replace("127.0.0.1", "localhost")
    add_model(bocal, "local", NAME, address)
    wait_until_ready(bocal, NAME)
    service_worker_is_ready(bocal)
    host.stop()
    site.stop()
    bocal.reload()
    wait_until_ready(bocal, NAME, "idle")
    assert ask(bocal, "Hello", stop_after=10)


def test_a_missing_shard_is_named_and_the_rest_is_kept(bocal: Page, host: servers.ModelHost, copy: Path) -> None:
    shard = copy / "params_shard_8.bin"
    content = shard.read_bytes()
    shard.unlink()
    address = host.add("labo/incomplete", copy)
    add_all_the_same(bocal, "own", NAME, address, "weights", "params_shard_8.bin is listed in the manifest")
    job = bocal.locator(".job")
    expect(job.get_by_role("alert")).to_contain_text("params_shard_8.bin does not exist")
    _the_guide_still_answers(bocal)

    shard.write_bytes(content)
    host.requests.clear()
    open_selector(bocal).get_by_role("button", name=NAME, exact=True).click()
    wait_until_ready(bocal, NAME)
    fetched = {path for method, path in host.requests if method == "GET" and "/resolve/" in path}
    assert "/labo/incomplete/resolve/main/params_shard_8.bin" in fetched
    assert "/labo/incomplete/resolve/main/params_shard_0.bin" not in fetched


def test_a_shard_of_the_wrong_length_is_never_kept(bocal: Page, host: servers.ModelHost, copy: Path) -> None:
    shard = copy / "params_shard_1.bin"
    shard.write_bytes(shard.read_bytes()[:-10])
    address = host.add("labo/short", copy)
    add_all_the_same(bocal, "own", NAME, address, "weights", "in the manifest")
    expect(bocal.locator(".job").get_by_role("alert")).to_contain_text("of a file of")
    assert f"{address}/resolve/main/params_shard_1.bin" not in stored(bocal, "model")


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\0asm not really", "is damaged"), (b"<html>", "is not a WebAssembly file")],
    ids=["garbage", "a page"],
)
def test_a_broken_library_is_said_so_before_and_after_and_the_guide_still_answers(
    bocal: Page, host: servers.ModelHost, copy: Path, content: bytes, words: str
) -> None:
    (copy / "small-webgpu.wasm").write_bytes(content)
    add_all_the_same(bocal, "own", NAME, host.add("labo/broken", copy), "library", words)
    expect(bocal.locator(".err")).to_contain_text("could not be loaded")
    _the_guide_still_answers(bocal)


def test_weights_of_another_model_are_told_from_the_library(
    bocal: Page, host: servers.ModelHost, copy: Path, other_shape: Path
) -> None:
    shutil.copy(other_shape / "other-webgpu.wasm", copy / "small-webgpu.wasm")
    add_all_the_same(bocal, "own", NAME, host.add("labo/mixed", copy), "library", "does not fit")
    expect(bocal.locator(".err")).to_contain_text("does not fit these weights")
    _the_guide_still_answers(bocal)


def test_another_shape_and_quantisation_answers(bocal: Page, host: servers.ModelHost, other_shape: Path) -> None:
    add_model(bocal, "other", NAME, host.add("labo/other", other_shape))
    wait_until_ready(bocal, NAME)
    assert ask(bocal, "Hello", stop_after=10)


def test_a_model_that_cannot_be_had_now_can_be_added_all_the_same(bocal: Page, host: servers.ModelHost) -> None:
    add_all_the_same(bocal, "own", NAME, f"{host.origin}/nobody/nothing", "address", "refuses access")
    expect(bocal.locator(".job").get_by_role("alert")).to_contain_text("refuses access")


def test_what_is_no_model_cannot_be_added_and_the_reason_is_told(
    bocal: Page, host: servers.ModelHost, tmp_path: Path
) -> None:
    address = host.add("labo/empty", tmp_path)
    form = open_form(bocal)
    fill(form, {"Model ID": "own", "Display name": NAME, "Model URL": address})
    expect(form.locator("[data-check=config]")).to_contain_text("There is no MLC model at")
    expect(form.locator(".dialog-foot")).to_contain_text("It cannot be added: There is no MLC model at")
    for name in ("Add and download", re.compile("^Add( anyway)?$")):
        expect(form.get_by_role("button", name=name)).to_be_disabled()
    bocal.keyboard.press("Escape")

    add_by_console(bocal, "own", NAME, address)  # a record from elsewhere is listed all the same
    open_selector(bocal).get_by_role("button", name=NAME, exact=True).click()
    expect(bocal.locator(".job").get_by_role("alert")).to_contain_text("There is no MLC model at")


def test_a_web_page_in_the_place_of_a_file_is_said_to_be_one(
    bocal: Page, host: servers.ModelHost, small_model: Path
) -> None:
    address = host.add("labo/signed-in-only", small_model)
    host.faults["mlc-chat-config.json"] = lambda: HTMLResponse("<!doctype html><title>Sign in</title>")
    form = open_form(bocal)
    fill(form, {"Model ID": "own", "Display name": NAME, "Model URL": address})
    expect(form.locator("[data-check=config]")).to_contain_text("mlc-chat-config.json shows a web page, not a model’s")
    bocal.keyboard.press("Escape")
    add_by_console(bocal, "own", NAME, address)
    open_selector(bocal).get_by_role("button", name=NAME, exact=True).click()
    expect(bocal.locator(".job").get_by_role("alert")).to_contain_text("shows a web page, not a model’s file")


def test_a_host_that_forbids_reading_is_told_from_one_that_is_away(bocal: Page, small_model: Path) -> None:
    form = open_form(bocal)
    row = form.locator("[data-check=address]")
    with servers.site(small_model) as silent:  # no CORS
        fill(form, {"Model URL": silent.origin})
        expect(row).to_contain_text("does not let web pages read its files (CORS)")
    fill(form, {"Model URL": f"{silent.origin}/again"})
    expect(row).to_contain_text("did not answer")


def test_what_a_host_could_not_answer_is_asked_again(bocal: Page, host: servers.ModelHost, small_model: Path) -> None:
    address = host.add("labo/soon", small_model)
    host.faults["mlc-chat-config.json"] = lambda: Response("busy", status_code=503)
    form = open_form(bocal)
    fill(form, {"Model ID": "own", "Display name": NAME, "Model URL": address})
    expect(form.locator("[data-check=address]")).to_have_attribute("data-verdict", "failed")
    host.faults.clear()
    expect(form.locator(".checks-head")).to_contain_text("This model could not be checked")
    form.get_by_role("button", name="Check again").press("Enter")
    expect(form.locator(".checks")).to_be_focused()
    expect(form.locator("[data-check=library]")).to_have_attribute("data-verdict", "passed")
    form.get_by_role("button", name="Add and download").click()
    wait_until_ready(bocal, NAME)


def test_a_download_is_paused_resumed_and_cancelled(bocal: Page, host: servers.ModelHost, small_model: Path) -> None:
    host.silence.pieces.add("params_shard_8.bin")  # so that it is not over before the button is pressed
    address = host.add("labo/slow", small_model)
    add_model(bocal, "slow", NAME, address)
    job = bocal.locator(".job")
    expect(job.locator(".shards .d").nth(2)).to_be_attached()
    job.get_by_role("button", name="Pause").click()
    expect(job).to_contain_text("It resumes where it stopped")
    kept = stored(bocal, "model")
    assert any(key.startswith(address) for key in kept)
    job.get_by_role("button", name="Resume").click()
    expect(job).not_to_contain_text("It resumes where it stopped")
    job.get_by_role("button", name="Cancel").click()
    expect(job).to_have_count(0)
    wait_until_gone(bocal, address)


def test_a_reload_in_the_middle_goes_on_with_what_is_missing(
    bocal: Page, host: servers.ModelHost, small_model: Path
) -> None:
    host.delay = 0.5
    add_model(bocal, "slow", NAME, host.add("labo/slow", small_model))
    expect(bocal.locator(".job .shards .d").nth(3)).to_be_attached()
    host.requests.clear()
    bocal.reload()
    host.delay = 0
    wait_until_ready(bocal, NAME)
    shards = {path.name for path in small_model.glob("params_shard_*.bin")}
    again = {path.rpartition("/")[2] for _, path in host.requests if path.endswith(".bin")}
    assert again < shards


def test_a_library_that_two_models_share_stays_with_the_other(
    bocal: Page, host: servers.ModelHost, small_model: Path
) -> None:
    library = f"{host.add('labo/one', small_model)}/resolve/main/small-webgpu.wasm"
    two = host.add("labo/two", small_model)
    for name in ("one", "two"):
        add_model(bocal, name, name, f"{host.origin}/labo/{name}", library=library)
        wait_until_ready(bocal, name)
    from_menu(bocal, "one", "Delete")
    bocal.get_by_role("dialog", name="Delete one?").get_by_role("button", name="Delete", exact=True).click()
    expect(bocal.locator("#notices")).to_contain_text("one was deleted")
    expect(open_selector(bocal).locator("[data-id=one]")).to_have_count(0)
    expect(bocal.locator("#notices")).not_to_contain_text("one was deleted")  # after ten seconds, its files go
    assert library in stored(bocal, "wasm")
    assert any(key.startswith(two) for key in stored(bocal, "model"))


def _the_guide_still_answers(page: Page) -> None:
    open_selector(page).get_by_role("button", name="The guide").click()
    wait_until_ready(page, "The guide")
    if page.locator(".msg").count():
        begin_anew(page)
    assert ask(page, "Hello")


def _guide(keys: list[str]) -> list[str]:
    return [key for key in keys if "/models/guide/" in key]
