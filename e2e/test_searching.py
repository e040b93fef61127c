"""Words in the field search a hub: its results are shown, gone through, and taken; and what can go wrong is said."""

import re
from collections.abc import Callable
from pathlib import Path

import hub
import pytest
import servers
from person import ask, open_form, open_page, open_settings, until, wait_until_ready
from playwright.sync_api import Locator, Page, expect
from starlette.responses import JSONResponse, Response

pytestmark = pytest.mark.idle
PASTE = "Paste a repository, an address, or a list of models"


@pytest.fixture
def form(page: Page, site: servers.Server, host: servers.ModelHost) -> Locator:
    """The form for a custom model, of a visitor whose searches go to the model host."""
    open_page(page, site.origin)
    page.evaluate("(hub) => localStorage.setItem('bocal.hub', hub)", host.origin)
    return open_form(page)


def rows(form: Locator) -> Locator:
    return form.locator("#found .hit")


def search_for(form: Locator, words: str) -> None:
    form.get_by_label(PASTE).fill(words)


def publish(host: servers.ModelHost, *names: str) -> None:
    """List repositories, each downloaded less than the one before."""
    for number, name in enumerate(names):
        host.api.cards[name] = hub.Card(downloads=9_000 - number)


def test_a_model_is_found_by_words_and_answers(
    page: Page, form: Locator, host: servers.ModelHost, small_model: Path
) -> None:
    host.add("mlc-ai/Tiny-Recipes-3B-q4f32_1-MLC", small_model)
    publish(host, "mlc-ai/Llama-3.2-1B-q4f16_1-MLC")
    search_for(form, "tiny recipes")
    expect(rows(form)).to_have_count(1)
    rows(form).get_by_role("button", name="Tiny-Recipes-3B-q4f32_1-MLC").click()
    expect(form.get_by_label(PASTE)).to_have_value(f"{host.origin}/mlc-ai/Tiny-Recipes-3B-q4f32_1-MLC")
    expect(form.get_by_label(PASTE)).to_be_focused()
    expect(form.get_by_label("Model ID")).to_have_value("Tiny-Recipes-3B-q4f32_1-MLC")
    expect(form.locator("#found")).to_have_count(0)
    expect(form.locator(".checks-head")).to_contain_text("This model can run here")
    form.get_by_role("button", name="Add and download").click()
    wait_until_ready(page, "Tiny Recipes 3B")
    assert ask(page, "Hello", stop_after=10)


def test_each_row_says_what_one_chooses_by(form: Locator, host: servers.ModelHost) -> None:
    host.api.cards |= {
        "mlc-ai/Llama-3.2-1B-Instruct-q4f16_1-MLC": hub.Card(12_345, files={"a": 600_000_000, "b": 95_000_000}),
        "labo/Llama-Tuned-8B-q4f32_1-MLC": hub.Card(7, gated="manual", files={"a": 5_100_000_000}),
    }
    search_for(form, "llama")
    expect(rows(form)).to_have_count(2)
    first, second = rows(form).first, rows(form).last
    for words in ("Llama-3.2-1B-Instruct-q4f16_1-MLC", "mlc-ai", "1B", "q4f16_1", "695 MB", "12,345", "Needs f16"):
        expect(first).to_contain_text(words)
    for words in ("Llama-Tuned-8B-q4f32_1-MLC", "labo", "8B", "q4f32_1", "5.1 GB", "7", "Gated"):
        expect(second).to_contain_text(words)
    expect(first).not_to_contain_text("Gated")
    expect(second).not_to_contain_text("Needs f16")
    expect(form.locator(".found-head")).to_contain_text("2 models")


def test_mlc_ais_come_first_then_everybodys_each_once_and_page_by_page(form: Locator, host: servers.ModelHost) -> None:
    own = [f"mlc-ai/Llama-{number}B-q4f32_1-MLC" for number in range(1, 13)]
    others = [f"labo-{number}/Llama-{number}B-q4f32_1-MLC" for number in range(1, 16)]
    publish(host, *others[:3], *own, *others[3:])
    host.api.cards["labo/Llama-GGUF"] = hub.Card(9_999, tags=("gguf",))
    search_for(form, "llama")
    sections = form.locator("#found section")
    expect(sections).to_have_count(2)
    expect(sections.first.get_by_role("heading")).to_have_text("mlc-ai")
    expect(sections.first.locator(".hit")).to_have_count(10)
    sections.first.get_by_role("button", name="More results").click()
    expect(sections.first.locator(".hit")).to_have_count(12)
    expect(sections.first.locator(".hit").nth(10).get_by_role("button")).to_be_focused()
    expect(sections.first.get_by_role("button", name="More results")).to_have_count(0)

    more = sections.last.get_by_role("button", name="More results")
    while more.count():
        before = sections.last.locator(".hit").count()
        more.click()
        expect(sections.last.locator(".hit").nth(before)).to_be_visible()
        expect(sections.last.get_by_role("button", name="Searching…")).to_have_count(0)
    assert rows(form).evaluate_all("rows => rows.map(row => row.dataset.id)") == [*own, *others]


def test_the_results_are_gone_through_with_the_keyboard(page: Page, form: Locator, host: servers.ModelHost) -> None:
    publish(host, "mlc-ai/One-1B-q4f32_1-MLC", "labo/One-2B-q4f32_1-MLC")
    search_for(form, "one")
    expect(rows(form)).to_have_count(2)
    page.keyboard.press("Enter")  # goes to the results, and does not send a form that is empty
    expect(rows(form).first.get_by_role("button")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(form.get_by_label(PASTE)).to_be_focused()
    for _step in range(5):
        page.keyboard.press("ArrowDown")
    expect(rows(form).last.get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(form.get_by_label(PASTE)).to_have_value(f"{host.origin}/labo/One-2B-q4f32_1-MLC")
    expect(form.get_by_role("alert")).to_have_count(0)


def test_sizes_fill_in_as_they_come(form: Locator, host: servers.ModelHost) -> None:
    publish(host, "mlc-ai/Slow-1B-q4f32_1-MLC", "mlc-ai/Quick-1B-q4f32_1-MLC")
    host.silence.pieces.add("Slow-1B-q4f32_1-MLC?blobs")
    search_for(form, "1b")
    expect(rows(form).last.locator(".sz")).to_have_text(re.compile(r"2\skB"))
    expect(rows(form).first.locator(".sz")).to_have_text("…")


def test_other_words_end_a_search_and_its_answer_is_never_shown(form: Locator, host: servers.ModelHost) -> None:
    publish(host, "mlc-ai/Llama-1B-q4f32_1-MLC", "mlc-ai/Qwen-1B-q4f32_1-MLC")
    host.silence.pieces.add("search=llama")
    search_for(form, "llama")
    expect(form.locator(".found-head")).to_contain_text("Searching…")
    until(form.page, lambda: len(host.silence.waiting) == 2)  # mlc-ai's and everybody's
    search_for(form, "qwen")
    expect(rows(form)).to_have_count(1)
    expect(rows(form)).to_contain_text("Qwen-1B")
    until(form.page, lambda: len(host.silence.abandoned) == 2)
    assert all("search=llama" in address for address in host.silence.abandoned)


@pytest.mark.parametrize("piece", ["mlc-chat-config.json", "tensor-cache.json", "tokenizer.json", "tree/main"])
def test_another_address_ends_the_checks_of_the_one_before(
    form: Locator, host: servers.ModelHost, small_model: Path, piece: str
) -> None:
    slow, quick = host.add("labo/Slow-q4f32_1-MLC", small_model), host.add("labo/Quick-q4f32_1-MLC", small_model)
    host.silence.pieces |= {f"Slow-q4f32_1-MLC/{between}{piece}" for between in ("", "resolve/main/")}
    form.get_by_label(PASTE).fill(slow)
    until(form.page, lambda: host.silence.waiting)
    assert not host.silence.abandoned
    form.get_by_label(PASTE).fill(quick)
    expect(form.locator(".checks-head")).to_contain_text("This model can run here")
    expect(form.get_by_label("Model ID")).to_have_value("Quick-q4f32_1-MLC")
    until(form.page, lambda: host.silence.abandoned == host.silence.waiting)


def test_a_pasted_page_of_results_is_searched_for(form: Locator, host: servers.ModelHost) -> None:
    publish(host, "labo/Gemma-2B-q4f32_1-MLC")
    search_for(form, "https://huggingface.co/models?search=gemma+2b")
    expect(rows(form)).to_contain_text("Gemma-2B")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: Response(status_code=429, headers={"Retry-After": "40"}), "asks to wait 40 s"),
        (lambda: Response(status_code=503), "answered with an error (503)"),
        (lambda: Response(status_code=404), "does not answer searches as Hugging Face does"),
        (lambda: Response("<html>"), "does not answer searches as Hugging Face does"),
        (lambda: JSONResponse({"error": "no"}), "does not answer searches as Hugging Face does"),
    ],
)
def test_a_search_that_fails_is_explained_once_and_can_be_tried_again(
    form: Locator, host: servers.ModelHost, answer: Callable[[], Response], words: str
) -> None:
    publish(host, "mlc-ai/Llama-1B-q4f32_1-MLC")
    host.api.faults["/api/models"] = answer
    search_for(form, "llama")
    expect(form.get_by_role("alert")).to_have_count(1)
    expect(form.get_by_role("alert")).to_contain_text(words)
    expect(form.locator(".found-head .spin")).to_have_count(0)
    host.api.faults.clear()
    form.get_by_role("button", name="Try again").click()
    expect(rows(form)).to_have_count(1)
    expect(form.get_by_role("alert")).to_have_count(0)


def test_nothing_found_and_no_network_are_said(page: Page, form: Locator, host: servers.ModelHost) -> None:
    search_for(form, "no such thing")
    expect(form.locator("#found")).to_contain_text("has no MLC model with these words")
    page.context.set_offline(True)
    search_for(form, "llama")
    expect(form.get_by_role("alert")).to_contain_text("This machine is offline")
    page.context.set_offline(False)
    publish(host, "mlc-ai/Llama-1B-q4f32_1-MLC")
    form.get_by_role("button", name="Try again").click()
    expect(rows(form)).to_have_count(1)


def test_where_models_are_searched_is_a_setting(page: Page, site: servers.Server, host: servers.ModelHost) -> None:
    open_page(page, site.origin)
    open_settings(page)
    field = page.get_by_label("Where models are searched")
    expect(field).to_have_value("https://huggingface.co")
    expect(page.get_by_role("button", name="Use Hugging Face")).to_have_count(0)

    field.fill("a mirror of mine")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("“a mirror of mine” is not an address")
    assert page.evaluate("localStorage.getItem('bocal.hub')") is None

    field.fill(f" {host.origin}/ ")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(field).to_have_value(host.origin)
    page.reload()
    publish(host, "mlc-ai/Llama-1B-q4f32_1-MLC")
    form = open_form(page)
    search_for(form, "llama")
    expect(form.locator("#found")).to_contain_text(re.compile(rf"“llama” on {re.escape(host.origin[7:])}"))
    expect(rows(form)).to_have_count(1)

    page.keyboard.press("Escape")
    open_settings(page)
    page.get_by_role("button", name="Use Hugging Face").click()
    expect(page.get_by_label("Where models are searched")).to_have_value("https://huggingface.co")
    assert page.evaluate("localStorage.getItem('bocal.hub')") == "https://huggingface.co"


def test_what_was_typed_into_the_form_stays_through_a_search(form: Locator, host: servers.ModelHost) -> None:
    publish(host, "mlc-ai/Llama-1B-q4f32_1-MLC")
    form.get_by_label("Display name").fill("My own name")
    search_for(form, "llama")
    rows(form).get_by_role("button").click()
    expect(form.get_by_label("Model ID")).to_have_value("Llama-1B-q4f32_1-MLC")
    expect(form.get_by_label("Display name")).to_have_value("My own name")
