"""Changing, copying and deleting models of one's own."""

import json
from pathlib import Path
from typing import Any

import pytest
import servers
from person import (
    add_model,
    ask,
    begin_anew,
    fill,
    from_menu,
    open_page,
    open_selector,
    stored,
    until,
    wait_until_ready,
)
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.idle
NAME = "Mine"


@pytest.fixture
def bocal(page: Page, site: servers.Server) -> Page:
    """The page."""
    open_page(page, site.origin)
    return page


@pytest.fixture
def address(bocal: Page, host: servers.ModelHost, small_model: Path) -> str:
    """Where a model of the visitor's own lies; it is here and ready."""
    address = host.add("labo/small", small_model)
    add_model(bocal, "own", NAME, address)
    wait_until_ready(bocal, NAME)
    return address


def custom_models(page: Page) -> list[dict[str, Any]]:
    models = json.loads(page.evaluate("localStorage.customModels"))
    assert isinstance(models, list)
    return models


def files(page: Page, address: str) -> list[str]:
    return [key for key in stored(page, "model") if key.startswith(address)]


def edit(page: Page, name: str) -> Locator:
    from_menu(page, name, "Edit")
    form = page.get_by_role("dialog", name=f"Edit {name}")
    form.get_by_text("Advanced").click()
    return form


def test_a_model_is_renamed_and_given_another_window(bocal: Page, address: str) -> None:
    form = edit(bocal, NAME)
    expect(form.get_by_label("Model ID")).to_have_value("own")
    expect(form.get_by_label("Model URL")).to_have_value(address)
    fill(form, {"Display name": "Better", "Description": "For tests", "Context window": "128"})
    expect(form.locator("[data-check=config]")).to_contain_text("128-token window")
    form.get_by_role("button", name="Save").click()
    expect(bocal.get_by_role("dialog", name="Models").get_by_role("button", name="Better", exact=True)).to_be_visible()
    (kept,) = custom_models(bocal)
    assert (kept["id"], kept["name"], kept["description"]) == ("own", "Better", "For tests")
    assert kept["overrides"] == {"context_window_size": 128}
    bocal.keyboard.press("Escape")
    assert ask(bocal, "Hello")  # ends where the window does
    expect(bocal.locator(".context")).to_contain_text("/ 128 tokens")


def test_a_number_out_of_bounds_is_told_beside_the_form_and_changes_nothing(bocal: Page, address: str) -> None:
    form = edit(bocal, NAME)
    fill(form, {"Context window": "12"})
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("“12” is not a number from 64 to 1,048,576")
    expect(form.get_by_label("Context window")).to_have_attribute("aria-invalid", "true")
    (kept,) = custom_models(bocal)
    assert kept["url"] == address
    assert "overrides" not in kept


def test_a_cold_temperature_is_used(bocal: Page, address: str) -> None:
    form = edit(bocal, NAME)
    fill(form, {"Temperature": "0"})
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    bocal.keyboard.press("Escape")
    assert files(bocal, address)
    first = ask(bocal, "Hello", stop_after=20)
    begin_anew(bocal)
    assert ask(bocal, "Hello", stop_after=20)[:20] == first[:20]  # at temperature 0 nothing is drawn


def test_a_sliding_window_is_refused_where_the_library_has_none(bocal: Page, address: str) -> None:
    form = edit(bocal, NAME)
    fill(form, {"Sliding window": "128"})
    expect(form.locator("[data-check=library]")).to_contain_text("cannot keep a sliding window")
    fill(form, {"Sliding window": ""})
    expect(form.locator("[data-check=library]")).to_contain_text("small-webgpu.wasm fits")
    assert address


def test_a_copy_shares_the_files_which_stay_until_the_last_is_deleted(
    bocal: Page, host: servers.ModelHost, address: str
) -> None:
    from_menu(bocal, NAME, "Duplicate")
    form = bocal.get_by_role("dialog", name="Add custom model")
    expect(form.get_by_label("Model ID")).to_have_value("own-2")
    fill(form, {"Display name": "Copy"})
    host.requests.clear()
    form.locator("button[value=add]").click()
    bocal.get_by_role("dialog", name="Models").get_by_role("button", name="Copy", exact=True).click()
    wait_until_ready(bocal, "Copy")
    assert not [path for _, path in host.requests if path.endswith(".bin")]

    from_menu(bocal, NAME, "Delete")
    question = bocal.get_by_role("dialog", name=f"Delete {NAME}?")
    expect(question).to_contain_text("Its files stay: another model uses them too")
    question.get_by_role("button", name="Delete", exact=True).click()
    notices = bocal.locator("#notices")
    expect(notices).to_contain_text(f"{NAME} was deleted")
    expect(notices).not_to_contain_text(f"{NAME} was deleted")
    assert files(bocal, address)
    assert ask(bocal, "Hello", stop_after=5)


def test_a_deletion_is_taken_back(bocal: Page, host: servers.ModelHost, address: str) -> None:
    before = files(bocal, address)
    from_menu(bocal, NAME, "Delete")
    bocal.get_by_role("dialog", name=f"Delete {NAME}?").get_by_role("button", name="Delete", exact=True).click()
    undo = bocal.locator("#notices").get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    until(bocal, lambda: custom_models(bocal) == [])
    undo.click()
    expect(bocal.locator("#notices")).not_to_contain_text("was deleted")
    until(bocal, lambda: [entry["id"] for entry in custom_models(bocal)] == ["own"])
    bocal.wait_for_timeout(11_000)  # longer than it could have been taken back
    assert files(bocal, address) == before
    host.stop()
    open_selector(bocal).get_by_role("button", name=NAME, exact=True).click()
    wait_until_ready(bocal, NAME)


def test_a_reload_does_not_forget_a_deletion(bocal: Page, address: str) -> None:
    from_menu(bocal, NAME, "Delete")
    bocal.get_by_role("dialog", name=f"Delete {NAME}?").get_by_role("button", name="Delete", exact=True).click()
    notices = bocal.locator("#notices")
    expect(notices).to_contain_text(f"{NAME} was deleted")
    until(bocal, lambda: custom_models(bocal) == [])
    bocal.reload()
    expect(notices).not_to_contain_text(f"{NAME} was deleted")
    wait_until_ready(bocal, "The guide")
    expect(notices).not_to_contain_text(f"{NAME} was deleted")
    bocal.wait_for_timeout(11_000)  # longer than it could have been taken back
    assert files(bocal, address) == []


def test_a_standard_model_is_copied_with_its_own_library(bocal: Page) -> None:
    from_menu(bocal, "Llama 3.2 1B Instruct", "Duplicate")
    form = bocal.get_by_role("dialog", name="Add custom model")
    expect(form.get_by_label("Model URL")).to_have_value(
        "https://huggingface.co/mlc-ai/Llama-3.2-1B-Instruct-q4f32_1-MLC"
    )
    form.get_by_role("button", name="Add anyway").click()  # its host cannot be reached
    expect(form).to_have_count(0)
    (kept,) = custom_models(bocal)
    assert kept["id"] == "Llama-3.2-1B-Instruct-q4f32_1-MLC-2"
    assert kept["library"] == {"key": "Llama-3.2-1B-Instruct-q4f32_1_cs1k-webgpu.wasm"}
