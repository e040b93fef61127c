"""What a visitor does, in words of the page."""

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from playwright.sync_api import Locator, Page, expect

PATIENCE = 120_000  # milliseconds: an upper bound for a model to load on SwiftShader, not an expectation


def until(page: Page, true: Callable[[], object]) -> None:
    """Wait until something is so, for as long as `expect` waits; in a page whose policy lets no text be run as code."""
    give_up = time.monotonic() + PATIENCE / 1000
    while not true():
        assert time.monotonic() < give_up, "it never came to be"
        page.wait_for_timeout(100)


def open_page(page: Page, address: str) -> None:
    """Open Bocal; returns once Python has drawn it."""
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    expect(model_button(page)).to_be_visible()


def model_button(page: Page) -> Locator:
    """The button in the header that names the model."""
    return page.locator("#model-button")


def wait_until_ready(page: Page, name: str, phase: str = "ready") -> None:
    """Wait until the chosen model is `name`, and is loaded; or "idle": after a reload it is once it is asked."""
    expect(model_button(page)).to_contain_text(name)
    expect(model_button(page)).to_have_attribute("data-phase", phase)
    expect(page.locator(".job, .err")).to_have_count(0)


def open_selector(page: Page) -> Locator:
    """Open the model selector; return its dialog."""
    model_button(page).click()
    return page.get_by_role("dialog", name=re.compile("^(Models|Modèles)$"))


def show_actions(selector: Locator, name: str) -> None:
    """Show what can be done with a model of the selector."""
    selector.get_by_role(
        "button", name=re.compile(f"^(More actions for|Autres actions pour) {re.escape(name)}$")
    ).click()


def from_menu(page: Page, name: str, action: str) -> None:
    """Open the selector, and do something with one of its models: Edit, Duplicate, Copy link or Delete."""
    selector = open_selector(page)
    show_actions(selector, name)
    actions = selector.get_by_role("group", name=name)
    actions.get_by_text(action, exact=True).click()


def open_form(page: Page) -> Locator:
    """Open the form for a custom model; return its dialog."""
    open_selector(page).get_by_role(
        "button", name=re.compile("Add custom model|Ajouter un modèle personnalisé")
    ).click()
    return page.get_by_role("dialog", name=re.compile("Add custom model|Ajouter un modèle personnalisé"))


def fill(form: Locator, fields: Mapping[str, str]) -> None:
    """Type into the fields of a form, by label."""
    for label, text in fields.items():
        form.get_by_label(label).fill(text)


def add_model(page: Page, model_id: str, name: str, url: str, button: str = "Add and download", **more: str) -> Locator:
    """Fill the form for a custom model and send it; `more` are other fields, by their name. Returns the form."""
    form = open_form(page)
    fill(form, {"Model ID": model_id, "Display name": name, "Model URL": url})
    if more and not form.locator("details[open]").count():
        form.get_by_text("Advanced").click()
    for field, text in more.items():
        form.locator(f"[name={field}]").fill(text)
    form.get_by_role("button", name=button, exact=True).click()
    return form


def add_all_the_same(page: Page, model_id: str, name: str, url: str, check: str, words: str) -> None:
    """Add a model that a check finds wrong, with these words, and use it in spite of that."""
    form = open_form(page)
    fill(form, {"Model ID": model_id, "Display name": name, "Model URL": url})
    expect(form.locator(".checks[role=status]")).to_be_visible()
    row = form.locator(f"[data-check={check}]")
    expect(row).to_have_attribute("data-verdict", "failed")
    expect(row).to_contain_text(words)
    expect(form.get_by_role("button", name="Add and download")).to_be_disabled()
    form.get_by_role("button", name="Add anyway").click()
    page.get_by_role("dialog", name="Models").get_by_role("button", name=name, exact=True).click()


def add_by_console(page: Page, model_id: str, name: str, url: str) -> None:
    """Put a model into the list from the browser's console, as guides show, and reload."""
    page.evaluate(
        """entry => localStorage.customModels =
            JSON.stringify([...JSON.parse(localStorage.customModels ?? "[]"), entry])""",
        {"id": model_id, "name": name, "url": url, "custom": True},
    )
    page.reload()
    expect(model_button(page)).to_be_visible()


def ask(page: Page, question: str, *, stop_after: int | None = None) -> str:
    """Ask, and return the answer: all of it, or what is there when stopped after that many characters.

    The models compiled here do not end by themselves.
    """
    answers = page.locator(".msg:not(.user)")
    before = answers.count()
    page.get_by_label(re.compile("Your message|Votre message")).fill(question)
    page.keyboard.press("Enter")
    expect(answers).to_have_count(before + 1)
    prose = answers.last.locator(".prose").last  # the first may be its reasoning
    if stop_after is not None:
        expect(prose).to_have_text(re.compile(rf"[\s\S]{{{stop_after},}}"))
        page.get_by_role("button", name="Stop", exact=True).click()
    expect(answers.last.locator(".stats")).to_be_visible()
    return prose.inner_text()


def wait_until_kept(page: Page) -> None:
    """Wait until the last answer of each conversation is kept, which it is a moment after it is shown."""
    until(page, lambda: all(it["messages"] and it["messages"][-1].get("text") for it in noted(page)["bodies"]))


def begin_anew(page: Page) -> None:
    """Begin a new conversation."""
    new = re.compile("^(New conversation|Nouvelle conversation)$")
    page.get_by_role("navigation").get_by_role("button", name=new).click()
    expect(page.locator(".msg")).to_have_count(0)


def stored(page: Page, shelf: str) -> list[str]:
    """The keys of one of WebLLM's databases (model, config, wasm)."""
    keys = page.evaluate(
        """async (name) => {
            const open = await new Promise((done, failed) => {
                const asked = indexedDB.open(name, 1);
                asked.onupgradeneeded = () => asked.result.createObjectStore("urls", { keyPath: "url" });
                asked.onsuccess = () => done(asked.result);
                asked.onerror = () => failed(asked.error);
            });
            const keys = await new Promise((done) => {
                const asked = open.transaction("urls").objectStore("urls").getAllKeys();
                asked.onsuccess = () => done(asked.result);
            });
            open.close();
            return keys;
        }""",
        f"webllm/{shelf}",
    )
    assert isinstance(keys, list)
    return keys


def wait_until_gone(page: Page, address: str) -> None:
    """Wait until WebLLM's databases hold nothing of an address: a deletion's notice goes a moment before the files."""
    shelves = ("model", "config", "wasm")
    until(page, lambda: not any(key.startswith(address) for shelf in shelves for key in stored(page, shelf)))


def keep(page: Page, shelf: str, lengths: Mapping[str, int]) -> None:
    """Leave records of so many bytes in one of WebLLM's databases, by key, as another page of this site may."""
    page.evaluate(
        """([name, lengths]) => new Promise((done, failed) => {
            const asked = indexedDB.open(name, 1);
            asked.onsuccess = () => {
                const transaction = asked.result.transaction("urls", "readwrite");
                for (const [url, length] of Object.entries(lengths))
                    transaction.objectStore("urls").put({ url, data: new ArrayBuffer(length) });
                transaction.oncomplete = () => (asked.result.close(), done());
                transaction.onabort = () => failed(transaction.error);
            };
        })""",
        [f"webllm/{shelf}", dict(lengths)],
    )


def noted(page: Page) -> dict[str, list[Any]]:
    """What is in the page's own database, by drawer."""
    drawers = page.evaluate(
        """async () => {
            const open = await new Promise((done) => {
                const asked = indexedDB.open("bocal");
                asked.onsuccess = () => done(asked.result);
            });
            const found = {};
            for (const drawer of open.objectStoreNames)
                found[drawer] = await new Promise((done) => {
                    const asked = open.transaction(drawer).objectStore(drawer).getAll();
                    asked.onsuccess = () => done(asked.result);
                });
            open.close();
            return found;
        }"""
    )
    return {drawer: list(map(json.loads, texts)) for drawer, texts in drawers.items()}


def open_settings(page: Page) -> None:
    """Open the settings."""
    _open_screen(page, "Settings|Réglages")


def open_storage(page: Page) -> None:
    """Open the storage screen."""
    _open_screen(page, "Storage|Stockage")


def _open_screen(page: Page, name: str) -> None:
    if page.locator(".only-closed").is_visible():
        page.locator(".only-closed").click()
    page.get_by_role("navigation").get_by_role("button", name=re.compile(f"^({name})")).click()
    expect(page.get_by_role("heading", level=1, name=re.compile(f"^({name})$"))).to_be_visible()


def service_worker_is_ready(page: Page) -> None:
    """Wait until a second visit would need no network."""
    page.evaluate(
        """async (patience) => {
            const late = new Promise((_, fail) => setTimeout(fail, patience, new Error("no service worker in time")));
            await Promise.race([navigator.serviceWorker.ready, late]);
        }""",
        PATIENCE,
    )
