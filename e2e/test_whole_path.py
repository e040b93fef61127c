"""A newcomer's first hour.

The guide answers, a model of their own is added, downloaded and talked with, and all of it still works with every
server stopped.
"""

import json
from pathlib import Path

import pytest
import servers
from person import (
    add_model,
    ask,
    begin_anew,
    fill,
    from_menu,
    model_button,
    open_form,
    open_page,
    open_selector,
    service_worker_is_ready,
    show_actions,
    stored,
    wait_until_gone,
    wait_until_ready,
)
from playwright.sync_api import Page, expect

OWN = "labo/small-llama-q4f32_1-MLC"
OWN_ID = "small-llama-q4f32_1-MLC"


def test_everything_from_the_first_visit_to_the_pulled_cable(
    page: Page, site: servers.Server, host: servers.ModelHost, small_model: Path
) -> None:
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    greeting = ask(page, "Hello")
    assert greeting

    address = host.add(OWN, small_model)
    add_model(page, OWN_ID, "My small one", address)
    wait_until_ready(page, "My small one")
    begin_anew(page)
    assert ask(page, "Hello", stop_after=20)

    shards = [path.name for path in small_model.glob("params_shard_*.bin")]
    assert len(shards) > 3
    base = f"{address}/resolve/main/"
    assert {f"{base}{name}" for name in (*shards, "tensor-cache.json", "tokenizer.json")} <= set(stored(page, "model"))
    assert f"{base}mlc-chat-config.json" in stored(page, "config")
    assert f"{base}small-webgpu.wasm" in stored(page, "wasm")
    kept = json.loads(page.evaluate("localStorage.customModels"))
    assert [(entry["id"], entry["name"], entry["url"], entry["custom"]) for entry in kept] == [
        (OWN_ID, "My small one", address, True)
    ]

    service_worker_is_ready(page)
    host.stop()
    site.stop()
    page.reload()
    wait_until_ready(page, "My small one", "idle")
    assert ask(page, "Hello", stop_after=20)
    open_selector(page).get_by_role("button", name="The guide").click()
    wait_until_ready(page, "The guide")
    begin_anew(page)
    assert ask(page, "Hello") == greeting


@pytest.mark.idle
def test_deleting_a_model_asks_first_and_removes_its_files(
    page: Page, site: servers.Server, host: servers.ModelHost, small_model: Path
) -> None:
    open_page(page, site.origin)
    address = host.add(OWN, small_model)
    add_model(page, OWN_ID, "My small one", address)
    wait_until_ready(page, "My small one")

    from_menu(page, "My small one", "Delete")
    question = page.get_by_role("dialog", name="Delete My small one?")
    expect(question).to_contain_text("This frees")
    question.get_by_role("button", name="Cancel").click()
    assert any(key.startswith(address) for key in stored(page, "model"))

    from_menu(page, "My small one", "Delete")
    page.get_by_role("dialog", name="Delete My small one?").get_by_role("button", name="Delete").click()
    expect(page.locator("#notices")).to_contain_text("My small one was deleted")
    expect(open_selector(page).get_by_role("button", name="My small one")).to_have_count(0)
    expect(page.locator("#notices")).not_to_contain_text("My small one was deleted")  # no longer to be taken back
    wait_until_gone(page, address)
    page.keyboard.press("Escape")
    wait_until_ready(page, "The guide")
    assert json.loads(page.evaluate("localStorage.customModels")) == []


@pytest.mark.idle
def test_standard_models_cannot_be_deleted(page: Page, site: servers.Server) -> None:
    open_page(page, site.origin)
    selector = open_selector(page)
    show_actions(selector, "Llama 3.2 1B Instruct")
    actions = selector.get_by_role("group", name="More actions for Llama 3.2 1B Instruct")
    expect(actions.get_by_role("button")).to_have_text(["Duplicate", "Copy link"])


@pytest.mark.idle
def test_a_used_id_is_refused(page: Page, site: servers.Server, host: servers.ModelHost, small_model: Path) -> None:
    open_page(page, site.origin)
    address = host.add(OWN, small_model)
    add_model(page, OWN_ID, "My small one", address, "Add")
    selector = page.get_by_role("dialog", name="Models")
    expect(selector.get_by_role("button", name="My small one", exact=True)).to_be_visible()
    page.keyboard.press("Escape")

    form = add_model(page, OWN_ID, "My small one", address, "Add")
    expect(form.get_by_role("alert")).to_contain_text("A model with this ID already exists")
    fill(form, {"Model ID": "Llama-3.2-1B-Instruct-q4f32_1-MLC"})
    form.locator("button[value=add]").click()
    expect(form.get_by_role("alert")).to_contain_text("A model with this ID already exists")
    form.get_by_role("button", name="Select it").click()
    expect(model_button(page)).to_contain_text("Llama 3.2 1B Instruct")
    assert len(json.loads(page.evaluate("localStorage.customModels"))) == 1


@pytest.mark.idle
def test_required_fields_are_required(page: Page, site: servers.Server) -> None:
    open_page(page, site.origin)
    form = open_form(page)
    for label, text, words in (
        ("Model ID", "own", "Give the model an ID."),
        ("Display name", "Mine", "Give the model a name."),
        ("Model URL", "nonsense", "Give the address of the model."),
    ):
        form.locator("button[value=add]").click()
        expect(form.get_by_role("alert")).to_contain_text(words)
        fill(form, {label: text})
    form.locator("button[value=add]").click()
    expect(form.get_by_role("alert")).to_contain_text("“nonsense” is not the address of a model")
    assert page.evaluate("localStorage.customModels") is None
