"""Who comes: people who read French, who like the dark, who type, who are offline, and who have no WebGPU."""

import os
from typing import Any

import pytest
import servers
from person import (
    ask,
    begin_anew,
    open_form,
    open_page,
    open_selector,
    open_settings,
    service_worker_is_ready,
    wait_until_ready,
)
from playwright.sync_api import BrowserContext, BrowserType, Page, expect


def test_a_french_visitor_is_greeted_in_french_and_may_switch(french: BrowserContext, site: servers.Server) -> None:
    page = french.new_page()
    open_page(page, site.origin)
    expect(page.get_by_role("heading", level=1)).to_have_text("Bonjour. Voici Bocal.")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    wait_until_ready(page, "Le guide")
    form = open_form(page)
    for label in ("ID du modèle", "Nom affiché", "URL du modèle", "Taille estimée", "Description"):
        expect(form.get_by_label(label)).to_be_visible()
    form.get_by_label("ID du modèle").fill("Llama-3.2-1B-Instruct-q4f16_1-MLC")
    form.get_by_label("Nom affiché").fill("L")
    form.get_by_label("URL du modèle").fill("a/b")
    form.get_by_role("button", name="Ajouter", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("Un modèle avec cet ID existe déjà")
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Réglages", exact=True).click()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Settings")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello. This is Bocal.")


def test_the_theme_is_kept(page: Page, site: servers.Server) -> None:
    open_page(page, site.origin)
    open_settings(page)
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_keyboard_alone_is_enough(page: Page, site: servers.Server) -> None:
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    page.keyboard.press("Control+k")
    selector = page.get_by_role("dialog", name="Models")
    expect(selector.get_by_label("Search models")).to_be_focused()
    page.keyboard.type("guide")
    expect(selector.locator(".m")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(selector.get_by_role("button", name="The guide")).to_be_focused()
    page.keyboard.press("Enter")
    expect(selector).to_have_count(0)
    expect(page.get_by_label("Your message")).to_be_focused()
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    expect(selector).to_have_count(0)
    expect(page.get_by_label("Your message")).to_be_focused()


def test_typing_stays_while_the_page_changes_around_it(page: Page, site: servers.Server) -> None:
    open_page(page, site.origin)
    page.get_by_label("Your message").fill("a question begun at once")
    wait_until_ready(page, "The guide")
    expect(page.get_by_label("Your message")).to_have_value("a question begun at once")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("second line")
    expect(page.get_by_label("Your message")).to_have_value("a question begun at once\nsecond line")


def test_a_suggested_question_is_asked_though_the_guide_is_still_on_its_way(page: Page, site: servers.Server) -> None:
    open_page(page, site.origin)
    page.get_by_role("button", name="How do I add my own model?").click()
    expect(page.locator(".bubble")).to_contain_text("How do I add my own model?")
    expect(page.locator(".msg .stats")).to_be_visible()
    begin_anew(page)
    assert ask(page, "Hi")


def test_searching_narrows_the_list(page: Page, site: servers.Server) -> None:
    open_page(page, site.origin)
    selector = open_selector(page)
    selector.get_by_label("Search models").fill("qwen3 q4f32")
    expect(selector.locator(".m").first).to_contain_text("Qwen3")
    assert all("q4f32_1" in row for row in selector.locator(".m").all_inner_texts())
    selector.get_by_label("Search models").fill("no such model")
    expect(selector).to_contain_text("No model matches “no such model”.")


def test_nothing_is_asked_of_any_other_host(page: Page, site: servers.Server) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    assert ask(page, "Hello")
    assert asked
    assert all(url.startswith((site.origin, "blob:", "data:")) for url in asked)


@pytest.fixture
def without_webgpu(browser_type: BrowserType, browser_type_launch_args: dict[str, Any]) -> Any:
    """A browser whose WebGPU is off, as it still is on some systems."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = browser_type.launch(**{**browser_type_launch_args, "args": [*sandbox, "--disable-features=WebGPU"]})
    yield browser
    browser.close()


def test_a_browser_without_webgpu_is_told_what_to_do(without_webgpu: Any, site: servers.Server) -> None:
    page = without_webgpu.new_page(locale="en-GB")
    open_page(page, site.origin)
    expect(page.get_by_role("heading", level=1)).to_have_text("This browser cannot run a model yet")
    expect(page.get_by_text("Switch graphics acceleration on")).to_be_visible()
    expect(open_selector(page).get_by_role("button", name="Add custom model")).to_be_enabled()


def test_a_guide_that_has_not_arrived_says_what_it_waits_for(
    context: BrowserContext, page: Page, site: servers.Server
) -> None:
    context.route("**/params_shard_*", lambda route: route.abort())
    open_page(page, site.origin)
    service_worker_is_ready(page)
    context.set_offline(True)
    page.reload()
    expect(page.get_by_role("status").filter(has_text="This machine is offline")).to_be_visible()
    context.unroute("**/params_shard_*")
    context.set_offline(False)
    wait_until_ready(page, "The guide")
