"""The list of custom models is kept: in files and links, between tabs, and when it is found damaged."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import servers
from person import (
    from_menu,
    model_button,
    open_form,
    open_page,
    open_selector,
    open_settings,
    service_worker_is_ready,
    show_actions,
)
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.idle
PASTE = "Paste a repository, an address, or a list of models"
DAMAGED = "The list of models was damaged. What could be read is here; the original is set aside."


def entry(model_id: str, **more: object) -> dict[str, object]:
    return {"id": model_id, "name": f"Model {model_id}", "url": f"https://h/o/{model_id}", "custom": True, **more}


def put(page: Page, raw: str) -> None:
    """Put a value in the list's place, as from the console."""
    page.evaluate("(raw) => { localStorage.customModels = raw }", raw)


def kept(page: Page) -> list[dict[str, Any]]:
    found = json.loads(page.evaluate("localStorage.customModels"))
    assert isinstance(found, list)
    return found


def ids(page: Page) -> list[str]:
    return [it["id"] for it in kept(page)]


def listed(page: Page) -> list[str]:
    """The IDs of the custom models that the selector lists."""
    selector = open_selector(page)
    expect(selector).to_be_visible()
    rows = selector.locator(".m").evaluate_all("(rows) => rows.map((row) => row.dataset.id)")
    page.keyboard.press("Escape")
    return [row for row in rows if row.startswith("own-")]


def custom_models(page: Page) -> Locator:
    """Open the settings; return the section about custom models."""
    open_settings(page)
    return page.locator("#settings-models")


def downloaded(page: Page, press: Callable[[], None]) -> tuple[str, bytes]:
    """Press something that hands over a file; return its name and what it holds."""
    with page.expect_download() as file:
        press()
    return file.value.suggested_filename, Path(file.value.path()).read_bytes()


@pytest.fixture
def bocal(page: Page, site: servers.Server) -> Page:
    open_page(page, site.origin)
    return page


# As a file


def test_the_list_is_exported_and_imported_elsewhere(bocal: Page, browser: Browser, site: servers.Server) -> None:
    put(bocal, json.dumps([entry("own-1", recommended=True), entry("own-2", size="4 GB", overrides={"top_p": 0.5})]))
    bocal.reload()
    name, content = downloaded(bocal, lambda: custom_models(bocal).get_by_role("button", name="Export").click())
    assert name == "bocal-models.json"
    assert json.loads(content) == kept(bocal)
    assert content.count(b"\n") > 10  # for people to read

    with browser.new_context(locale="en-GB") as elsewhere:
        page = elsewhere.new_page()
        open_page(page, site.origin)
        put(page, json.dumps([entry("own-2", name="Mine")]))
        page.reload()
        section = custom_models(page)
        section.locator("input[type=file]").set_input_files({"name": name, "mimeType": "", "buffer": content})
        expect(section).to_contain_text("1 new model: Model own-1")
        expect(section).to_contain_text("1 already here: Model own-2")
        assert ids(page) == ["own-2"]
        section.get_by_role("button", name="Add 1 model").click()
        expect(page.get_by_text("1 model was added.")).to_be_visible()
        assert kept(page) == [entry("own-2", name="Mine"), entry("own-1", recommended=True)]
        assert listed(page) == ["own-2", "own-1"]


def test_the_entries_of_a_file_that_cannot_be_read_are_named(bocal: Page) -> None:
    section = custom_models(bocal)
    entries = [entry("own-1"), {"name": "No address"}, 7, entry("own-1", name="Second"), entry("own-2", url="::")]
    for text in (json.dumps(entries).encode(), json.dumps(entries).encode("utf-16")):
        section.locator("input[type=file]").set_input_files(
            {"name": "list.json", "mimeType": "application/json", "buffer": text}
        )
        expect(section).to_contain_text("1 new model: Model own-1")
        expect(section).to_contain_text("1 already here: Second")
        expect(section).to_contain_text("3 entries could not be read. No address, number 3, Model own-2")
        section.get_by_role("button", name="Cancel").click()
        expect(section).not_to_contain_text("list.json")
    assert bocal.evaluate("localStorage.customModels") is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "list.json is not a text file"),
        (b"[" * 200_000, "No model can be read in list.json"),
        (b"mlc-ai/Llama-3.2-1B-Instruct-q4f32_1-MLC", "No model can be read in list.json"),
        (b"", "No model can be read in list.json"),
        (b'{"model_type": "llama"}', "No model can be read in list.json"),
        (b" " * 20_000_001, "list.json is too large to be a list of models (20.0\u00a0MB)"),
    ],
    ids=["a picture", "brackets", "an address", "empty", "a configuration", "20 MB"],
)
def test_a_broken_file_changes_nothing_and_says_why(bocal: Page, content: bytes, words: str) -> None:
    put(bocal, json.dumps([entry("own-1")]))
    bocal.reload()
    section = custom_models(bocal)
    section.locator("input[type=file]").set_input_files(
        {"name": "list.json", "mimeType": "application/json", "buffer": content}
    )
    expect(section.get_by_role("alert")).to_contain_text(words)
    assert kept(bocal) == [entry("own-1")]


# By hand


def test_the_console_recipe_brings_the_list_back(bocal: Page) -> None:
    raw = json.dumps([entry("own-1", recommended=False, description="d", size="4 GB")])
    put(bocal, raw)
    bocal.reload()
    expect(model_button(bocal)).to_be_visible()
    copied = bocal.evaluate("localStorage.customModels")
    bocal.evaluate("localStorage.clear()")
    bocal.reload()
    assert listed(bocal) == []
    put(bocal, copied)
    bocal.reload()
    assert listed(bocal) == ["own-1"]
    assert bocal.evaluate("localStorage.customModels") == raw


def test_an_entry_with_a_standard_id_is_ones_own_until_it_is_deleted(bocal: Page) -> None:
    standard = "Llama-3.2-1B-Instruct-q4f32_1-MLC"
    put(bocal, json.dumps([entry(standard, name="My Llama")]))
    bocal.reload()
    selector = open_selector(bocal)
    row = selector.locator(f"[data-id='{standard}']")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("My Llama")
    bocal.keyboard.press("Escape")
    from_menu(bocal, "My Llama", "Delete")
    bocal.get_by_role("dialog", name="Delete My Llama?").get_by_role("button", name="Delete", exact=True).click()
    expect(bocal.get_by_role("dialog")).to_have_count(0)
    expect(open_selector(bocal).locator(f"[data-id='{standard}']")).to_contain_text("Llama 3.2 1B Instruct")
    assert ids(bocal) == []


# Damage


def test_what_can_be_read_of_a_damaged_list_is_kept_and_the_original_can_be_had(bocal: Page) -> None:
    raw = (
        json.dumps([entry("own-1"), 7, entry("own-2"), entry("own-1", name="Second"), {"id": "own-3"}])[:-3] + "\u00e9"
    )
    put(bocal, raw)
    bocal.reload()
    notice = bocal.locator("#notices .note")
    expect(notice).to_contain_text(DAMAGED)
    assert ids(bocal) == ["own-1", "own-2"]
    assert listed(bocal) == ["own-1", "own-2"]

    bocal.reload()
    expect(notice).to_contain_text(DAMAGED)
    _, content = downloaded(bocal, notice.get_by_role("button", name="Download the original").click)
    assert content.decode() == raw

    other = bocal.context.new_page()
    open_page(other, bocal.url)
    expect(custom_models(other)).to_contain_text("Damaged list, ")
    expect(other.locator("#notices .note")).to_have_count(1)
    notice.get_by_role("button", name="Discard").click()
    notice.get_by_role("button", name="Discard for good").click()
    expect(notice).to_have_count(0)
    expect(other.locator("#notices .note")).to_have_count(0)
    expect(other.locator("#settings-models")).not_to_contain_text("Damaged list, ")
    bocal.reload()
    expect(model_button(bocal)).to_be_visible()
    expect(notice).to_have_count(0)
    assert ids(bocal) == ["own-1", "own-2"]


@pytest.mark.parametrize("raw", ["[" * 5_200_000, '{"a":' * 1_000_000, "lorem ipsum " * 430_000, "{", '"text"', "3"])
def test_the_page_starts_whatever_the_value_and_loses_none_of_it(bocal: Page, raw: str) -> None:
    put(bocal, raw)
    bocal.reload()
    expect(bocal.locator("#notices .note")).to_contain_text(DAMAGED)
    assert ids(bocal) == []
    press = bocal.locator("#notices .note").get_by_role("button", name="Download the original").click
    assert downloaded(bocal, press)[1].decode() == raw
    expect(open_selector(bocal).get_by_role("button", name="The guide")).to_be_enabled()


def test_five_megabytes_of_list_with_damage_in_the_middle(bocal: Page) -> None:
    entries = [entry(f"own-{number}", description="d" * 10_000) for number in range(500)]
    raw = json.dumps(entries).replace('"own-250"', '"own-250', 1)
    put(bocal, raw)
    bocal.reload()
    expect(bocal.locator("#notices .note")).to_contain_text(DAMAGED)
    assert kept(bocal) == [it for it in entries if it["id"] != "own-250"]
    press = bocal.locator("#notices .note").get_by_role("button", name="Download the original").click
    assert downloaded(bocal, press)[1].decode() == raw


def test_where_nothing_can_be_set_aside_nothing_is_changed(page: Page, site: servers.Server) -> None:
    page.add_init_script(
        """const open = indexedDB.open.bind(indexedDB);
        IDBFactory.prototype.open = function (name, ...more) {
            if (name !== "bocal") return open(name, ...more);
            const asked = new EventTarget();
            asked.error = new DOMException("refused", "QuotaExceededError");
            setTimeout(() => asked.onerror(new Event("error")));
            return asked;
        };"""
    )
    open_page(page, site.origin)
    raw = json.dumps([entry("own-1"), 7])
    put(page, raw)
    page.reload()
    notice = page.locator("#notices .note")
    expect(notice).to_contain_text("Nothing was changed: what can be read is shown.")
    assert listed(page) == ["own-1"]
    assert downloaded(page, notice.get_by_role("button", name="Download the original").click)[1].decode() == raw
    form = open_form(page)
    form.get_by_label(PASTE).fill(json.dumps(entry("own-2")))
    form.locator("button[value=add]").click()
    expect(form.get_by_role("alert")).to_be_visible()
    assert page.evaluate("localStorage.customModels") == raw


# Between tabs


def test_what_one_tab_does_the_other_shows(bocal: Page) -> None:
    other = bocal.context.new_page()
    open_page(other, bocal.url)
    form = open_form(bocal)
    form.get_by_label(PASTE).fill(json.dumps(entry("own-1")))
    form.locator("button[value=add]").click()
    selector = open_selector(other)
    expect(selector.locator("[data-id=own-1]")).to_be_visible()
    put(bocal, json.dumps([entry("own-1", name="Renamed")]))
    expect(selector.locator("[data-id=own-1]")).to_contain_text("Renamed")


ADD_THIRTY = """async (first) => {
    for (let number = first; number < first + 30; number++) {
        const file = new DataTransfer();
        const models = [{ id: `own-${number}`, name: `Model ${number}`, url: `https://h/o/${number}` }];
        file.items.add(new File([JSON.stringify(models)], `${number}.json`));
        const field = document.querySelector("#settings-models input[type=file]");
        field.files = file.files;
        field.dispatchEvent(new Event("change", { bubbles: true }));
        const until = async (ready) => { while (!ready()) await new Promise((done) => setTimeout(done, 1)); };
        const button = () => document.querySelector("#settings-models .btn.primary");
        await until(() => document.querySelector("#settings-models")?.innerText.includes(`${number}.json`) && button());
        button().click();
        await until(() => !button());
    }
}"""


@pytest.fixture
def same_process(bocal: Page) -> tuple[Page, Page]:
    """Two tabs, the second opened by the first: one process serves both."""
    with bocal.expect_popup() as popup:
        bocal.evaluate("window.open(location.href)")
    return bocal, popup.value


@pytest.fixture
def two_processes(bocal: Page) -> tuple[Page, Page]:
    """Two tabs that know nothing of one another."""
    other = bocal.context.new_page()
    open_page(other, bocal.url)
    return bocal, other


@pytest.mark.parametrize("tabs", ["same_process", "two_processes"])
def test_two_tabs_add_at_once_and_nothing_is_lost(tabs: str, request: pytest.FixtureRequest) -> None:
    pages: tuple[Page, Page] = request.getfixturevalue(tabs)
    for page in pages:
        custom_models(page)
    # Both begin, then both are awaited: Playwright itself does one thing at a time.
    for number, page in enumerate(pages):
        page.evaluate(f"(first) => {{ window.adding = ({ADD_THIRTY})(first) }}", 100 * number)
    for page in pages:
        page.evaluate("() => window.adding")
    expected = {f"own-{100 * number + count}" for number in range(2) for count in range(30)}
    for page in pages:
        assert set(ids(page)) == expected
        expect(open_selector(page).locator("h2 .fold .num")).to_have_text("60")


# A link


def share_link(page: Page, name: str) -> str:
    """Copy the link to a model, and return it."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    selector = open_selector(page)
    selector.get_by_label("Search models").fill(name)
    show_actions(selector, name)
    selector.get_by_role("group", name=name).get_by_text("Copy link", exact=True).click()
    expect(page.locator("#notices .note")).to_contain_text(f"The link to {name} is copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    assert isinstance(link, str)
    return link


def test_a_link_proposes_a_model_which_is_added_only_when_a_person_says_so(
    bocal: Page, browser: Browser, site: servers.Server
) -> None:
    mine = entry("own-1", size="4 GB", overrides={"context_window_size": 2048}, library={"key": "k-webgpu.wasm"})
    put(bocal, json.dumps([{**mine, "private": "stays"}]))
    bocal.reload()
    link = share_link(bocal, "Model own-1")
    assert link.startswith(f"{site.origin}/#add=")

    with browser.new_context(locale="en-GB") as elsewhere:
        page = elsewhere.new_page()
        page.goto(link)
        form = page.get_by_role("dialog", name="Add custom model")
        expect(form).to_contain_text("A link proposes this model. It is added only if you press Add.")
        expect(form.get_by_label("Model ID")).to_have_value("own-1")
        expect(form.get_by_label("Model URL")).to_have_value("https://h/o/own-1")
        assert page.url == f"{site.origin}/"
        assert page.evaluate("localStorage.customModels") is None
        page.keyboard.press("Escape")
        page.reload()
        expect(model_button(page)).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert page.evaluate("localStorage.customModels") is None

        page.evaluate("(link) => { location.href = link }", link)  # the page is open already
        expect(form.get_by_label("Display name")).to_have_value("Model own-1")
        assert page.url == f"{site.origin}/"
        form.locator("button[value=add]").click()
        expect(page.get_by_role("dialog", name="Models").locator("[data-id=own-1]")).to_be_visible()
        assert kept(page) == [mine]


def test_a_standard_model_is_shared_too(bocal: Page) -> None:
    link = share_link(bocal, "Llama 3.2 1B Instruct")
    bocal.goto(link)
    form = bocal.get_by_role("dialog", name="Add custom model")
    expect(form.get_by_label("Display name")).to_have_value("Llama 3.2 1B Instruct")
    form.locator("button[value=add]").click()
    expect(form.get_by_role("alert")).to_contain_text("A model with this ID already exists")


@pytest.mark.parametrize("payload", ["", "eyJpZCI6", "W10", "not*base64", "e30" * 10_000])
def test_a_damaged_link_says_so(page: Page, site: servers.Server, payload: str) -> None:
    page.goto(f"{site.origin}/#add={payload}")
    form = page.get_by_role("dialog", name="Add custom model")
    expect(form.locator(".note")).to_contain_text("This share link is cut short or damaged. Ask for it again.")
    expect(form.get_by_label("Model URL")).to_have_value("")
    assert page.url == f"{site.origin}/"
    service_worker_is_ready(page)  # the site must not be stopped while it is still being read
