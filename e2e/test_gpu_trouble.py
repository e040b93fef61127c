"""A graphics card that is missing, gives out, or is too small: what the page says, and that nothing said is lost."""

import os
import re
from pathlib import Path
from typing import Any

import servers
from conftest import WEBGPU
from person import PATIENCE, ask, model_button, open_page, open_selector, wait_until_ready
from playwright.sync_api import BrowserType, Page, Worker, expect

ROOT = Path(__file__).resolve().parent.parent
SANDBOX = ["--no-sandbox"] if os.geteuid() == 0 else []
# Keeps the device that WebLLM asks for, to take it away later as a driver does; after being read `left` times (some for
# each token) it gives nothing more until it is taken away.
PRELUDE = """
const ask = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function (...how) { return (self.device = await ask.apply(this, how)); };
const read = GPUBuffer.prototype.mapAsync;
GPUBuffer.prototype.mapAsync = async function (...how) {
  if (self.left-- <= 0) await self.device.lost;
  return await read.apply(this, how);
};
"""
TOKENS = 6  # of an answer that has a few dozen
CHROMIUM = "AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36"
AGENTS = {
    f"Mozilla/5.0 (Windows NT 10.0) {CHROMIUM}": "Switch graphics acceleration on",
    f"Mozilla/5.0 (X11; Linux x86_64) {CHROMIUM}": "enable-unsafe-webgpu",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "dom.webgpu.enabled",
    "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15": "Safari 26",
    "Lynx/2.9": "Chrome or Edge",
}


def test_each_browser_is_told_what_to_do(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], site: servers.Server
) -> None:
    told = {**browser_type_launch_args, "args": [*SANDBOX, "--disable-features=WebGPU"]}
    browser = browser_type.launch(**told)
    for agent, words in AGENTS.items():
        with browser.new_context(user_agent=agent, locale="en-GB") as context:
            page = context.new_page()
            open_page(page, site.origin)
            expect(page.get_by_role("heading", level=1)).to_have_text("This browser cannot run a model yet")
            expect(page.locator(".steps")).to_contain_text(words)
    browser.close()


def test_an_address_without_https_is_named_as_the_cause(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], site: servers.Server
) -> None:
    told = {**browser_type_launch_args, "args": [*SANDBOX, *WEBGPU, "--host-resolver-rules=MAP lan.test 127.0.0.1"]}
    browser = browser_type.launch(**told)
    page = browser.new_page(locale="en-GB")
    open_page(page, site.origin.replace("127.0.0.1", "lan.test"))
    expect(page.locator(".hero")).to_contain_text("Models need a secure page")
    expect(page.locator(".steps")).to_contain_text("localhost")
    browser.close()


def engine(page: Page) -> Worker:
    """The engine's worker; the newest, as one that was ended may be listed for a while."""
    return [worker for worker in page.workers if "engine.js" in worker.url][-1]


def lose_device(page: Page) -> None:
    """Take the graphics card away from the engine."""
    engine(page).evaluate("self.device.destroy()")


def test_a_lost_graphics_card_is_told_and_survived(page: Page, site: servers.Server) -> None:
    script = (ROOT / "site" / "engine.js").read_text()
    page.add_init_script("delete Navigator.prototype.serviceWorker")
    page.route("**/engine.js", lambda route: route.fulfill(body=script + PRELUDE, content_type="text/javascript"))
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    first = ask(page, "How do I add my own model?")

    lose_device(page)  # while nothing is asked: the model is loaded anew
    expect(open_selector(page).locator("[data-selected]")).to_contain_text("On this machine")  # no longer "In use"
    page.keyboard.press("Escape")
    ask(page, "Where does my data go?")

    engine(page).evaluate(f"self.left = {TOKENS}")  # an answer that never ends before its card is lost
    page.get_by_label("Your message").fill("What can this machine run?")
    page.keyboard.press("Enter")
    answer = page.locator(".msg:not(.user)").nth(2)  # not the one before, which is the last for a moment
    expect(answer.locator(".prose")).to_have_text(re.compile(r"\w+"))
    lose_device(page)
    card = answer.get_by_role("alert")
    expect(card).to_contain_text("The graphics card stopped answering")
    expect(card.get_by_role("button", name="Choose a smaller model")).to_be_visible()
    expect(page.locator(".msg:not(.user) .prose").first).to_have_text(first)
    card.get_by_role("button", name="Try again").click()
    expect(answer.locator(".stats")).to_be_visible()
    expect(answer.get_by_role("alert")).to_have_count(0)


def test_a_window_too_wide_for_the_card_can_be_narrowed(page: Page, site: servers.Server) -> None:
    page.add_init_script("""localStorage["bocal.answers"] ??=
        JSON.stringify({"bocal-guide-q4f32_1-MLC": {"context_window_size": 1048576}})""")
    open_page(page, site.origin)
    card = page.get_by_role("alert")
    expect(card).to_contain_text(re.compile("memory|stopped"), timeout=3 * PATIENCE)
    card.get_by_role("button", name="Use a window of 524,288 tokens").click()
    expect(page.locator(".loading")).to_be_visible()
    expect(model_button(page)).to_contain_text("The guide")
