"""One field takes what people paste, fills the form, and says what else it is when it is not a model."""

import json
from pathlib import Path

import pytest
import servers
from person import ask, open_form, open_page, wait_until_ready
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.idle
PASTE = "Paste a repository, an address, or a list of models"


def test_an_address_fills_the_form_and_the_model_answers(
    page: Page, site: servers.Server, host: servers.ModelHost, small_model: Path
) -> None:
    open_page(page, site.origin)
    address = host.add("labo/Recettes-3B-q4f32_1-MLC", small_model)
    form = open_form(page)
    expect(form.get_by_label(PASTE)).to_be_focused()
    form.get_by_label(PASTE).fill(f"  {address}/resolve/main/mlc-chat-config.json?download=true \n")
    expect(form.get_by_label("Model ID")).to_have_value("Recettes-3B-q4f32_1-MLC")
    expect(form.get_by_label("Display name")).to_have_value("Recettes 3B")
    expect(form.locator(".checks-head")).to_contain_text("This model can run here")
    form.get_by_role("button", name="Add and download").click()
    wait_until_ready(page, "Recettes 3B")
    assert ask(page, "Hello", stop_after=10)


def test_what_was_typed_stays_when_something_is_pasted_after(page: Page, site: servers.Server) -> None:
    open_page(page, site.origin)
    form = open_form(page)
    form.get_by_label("Display name").fill("My own name")
    form.get_by_label(PASTE).fill("mlc-ai/gemma-2-2b-it-q4f16_1-MLC")
    expect(form.get_by_label("Model URL")).to_have_value("https://huggingface.co/mlc-ai/gemma-2-2b-it-q4f16_1-MLC")
    expect(form.get_by_label("Display name")).to_have_value("My own name")


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ("https://huggingface.co/bartowski/Llama-3.2-1B-Instruct-GGUF", "This is a GGUF model"),
        ("https://huggingface.co/datasets/owner/name", "This is a dataset"),
        ("llama3:8b", "a model’s name in Ollama"),
        ("/home/me/models/llama", "a place on a disk"),
        ("https://h/x-webgpu.wasm", "This is a model library"),
    ],
)
def test_what_is_no_model_is_explained(page: Page, site: servers.Server, pasted: str, words: str) -> None:
    open_page(page, site.origin)
    form = open_form(page)
    form.get_by_label(PASTE).fill(pasted)
    expect(form.locator(".note")).to_contain_text(words)
    expect(form.get_by_label("Model URL")).to_have_value("")


def test_a_whole_list_is_added_at_once(page: Page, site: servers.Server) -> None:
    open_page(page, site.origin)
    entries = [{"id": f"own-{n}", "name": f"Own {n}", "url": f"https://h/own-{n}", "custom": True} for n in range(3)]
    form = open_form(page)
    form.get_by_label(PASTE).fill(json.dumps([*entries, {"id": "no address"}, 7]))
    expect(form.locator(".note")).to_contain_text("models were found")
    form.get_by_role("button", name="Add them").click()
    selector = page.get_by_role("dialog", name="Models")
    for n in range(3):
        expect(selector.get_by_role("button", name=f"Own {n}", exact=True)).to_be_visible()
    assert [entry["id"] for entry in json.loads(page.evaluate("localStorage.customModels"))] == [
        "own-0",
        "own-1",
        "own-2",
    ]


def test_two_tabs_show_the_same_list(page: Page, site: servers.Server) -> None:
    open_page(page, site.origin)
    other = page.context.new_page()
    open_page(other, site.origin)
    form = open_form(page)
    form.get_by_label(PASTE).fill('{"id": "own", "name": "Own", "url": "https://h/own"}')
    form.locator("button[value=add]").click()
    other.locator("#model-button").click()
    expect(other.get_by_role("button", name="Own", exact=True)).to_be_visible()


def test_lines_are_pasted_as_lines(page: Page, site: servers.Server) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, site.origin)
    form = open_form(page)
    lines = "ID : mine\nNom : Mon modèle\nURL : https://h/o/r-MLC\nContext window : 2048\n"
    page.evaluate("text => navigator.clipboard.writeText(text)", lines)
    form.get_by_label(PASTE).press("Control+v")
    expect(form.get_by_label("Model ID")).to_have_value("mine")
    expect(form.get_by_label("Display name")).to_have_value("Mon modèle")
    expect(form.get_by_label("Model URL")).to_have_value("https://h/o/r-MLC")
    commented = '[\n  // mine\n  {"id": "other", "name": "Other", "url": "https://h/o/s-MLC"},\n]'
    page.evaluate("text => navigator.clipboard.writeText(text)", commented)
    form.get_by_label(PASTE).press("Control+a")
    form.get_by_label(PASTE).press("Control+v")
    expect(form.get_by_label("Model URL")).to_have_value("https://h/o/s-MLC")
    form.get_by_label(PASTE).press("Control+a")
    form.get_by_label(PASTE).press("Delete")
    expect(form.get_by_label(PASTE)).to_have_value("")
    expect(form.get_by_label("Model URL")).to_have_value("")
