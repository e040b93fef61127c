"""Pictures of every screen, in both themes and languages and at two widths: `python3 build shots`."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Literal

import conftest
import person
import servers
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "screenshots"
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}


def welcome(page: Page) -> None:
    """The first visit."""
    person.wait_until_ready(page, "uide")


def chat(page: Page) -> None:
    """A question and its answer."""
    welcome(page)
    page.locator(".guide .chip").nth(1).click()
    page.locator(".stats").wait_for()


def selector(page: Page) -> None:
    """The list of models."""
    welcome(page)
    person.open_selector(page)


def form(page: Page) -> None:
    """Adding a model, with an ID that is taken."""
    welcome(page)
    dialog = person.open_form(page)
    values = ("Llama-3.2-1B-Instruct-q4f32_1-MLC", "Llama", "mlc-ai/Llama-3.2-1B-Instruct-q4f32_1-MLC")
    for name, value in zip(("id", "name", "url"), values, strict=True):
        dialog.locator(f"[name={name}]").fill(value)
    dialog.locator("button[value=add]").click()
    dialog.get_by_role("alert").wait_for()


def failed(page: Page) -> None:
    """A download whose host does not answer."""
    welcome(page)
    page.locator(".pick .btn").first.click()
    page.locator(".job.is-error").wait_for()


def settings(page: Page) -> None:
    """The settings."""
    welcome(page)
    if page.locator(".only-closed").is_visible():
        page.locator(".only-closed").click()
    page.locator(".side-foot .side-item").last.click()


def storage(page: Page) -> None:
    """What is on this machine, and whose it is."""
    welcome(page)
    person.open_storage(page)
    page.locator(".page .list li").first.wait_for()


SCREENS: tuple[Callable[[Page], None], ...] = (welcome, chat, selector, form, failed, settings, storage)


@contextmanager
def browser_page(width: str, language: str, theme: Literal["light", "dark"]) -> Iterator[Page]:
    """A new visitor's page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*conftest.WEBGPU, "--no-sandbox"]
        )
        x, y = WIDTHS[width]
        context = browser.new_context(
            viewport={"width": x, "height": y}, locale=language, color_scheme=theme, has_touch=width == "phone"
        )
        yield context.new_page()
        browser.close()


def main(wanted: list[str]) -> int:
    """Take the pictures of the screens named (of all, by default)."""
    OUT.mkdir(exist_ok=True)
    with servers.site(ROOT / "dist") as site:
        for width, language, theme in product(WIDTHS, ("en-GB", "fr-FR"), THEMES):
            for screen in SCREENS:
                if wanted and screen.__name__ not in wanted:
                    continue
                with browser_page(width, language, theme) as page:
                    person.open_page(page, site.origin)
                    screen(page)
                    page.wait_for_timeout(300)
                    path = OUT / f"{screen.__name__}-{width}-{language[:2]}-{theme}.png"
                    page.screenshot(path=path)
                    print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
