"""For everyone: axe finds nothing on any screen, the keyboard reaches all, small and wide screens hold it."""

from collections.abc import Iterator
from typing import Any, Literal

import person
import pytest
import servers
from conftest import ROOT
from playwright.sync_api import Browser, Page, expect
from replay import replay

AXE = ROOT / ".cache" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ANSWER = """<think>Let me think.</think>
## Heading

Text with **bold**, `code`, [a link](https://example.org) and $x^2$.

| a | b |
|---|--:|
| 1 | 2 |

```python
print("hello")  # a comment
```

- [x] done
- [ ] not done

> quoted
"""


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong with the page as it is, one line an element."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text() + "; null")
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return [
        f"{broken['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for broken in found["violations"]
        for node in broken["nodes"]
    ]


def screens(page: Page) -> Iterator[str]:
    """Bring each screen on, one after another, and name it."""

    def close() -> None:
        page.keyboard.press("Escape")
        expect(page.locator("dialog")).to_have_count(0)

    yield "welcome"
    person.ask(page, "hello")
    yield "conversation"
    page.get_by_role("button", name="More actions for hello").click()
    yield "menu of a conversation"
    page.get_by_role("button", name="Rename").click()
    yield "title"
    close()
    page.locator(".msg.user").hover()
    page.get_by_role("button", name="Edit and ask again").click()
    yield "question in other words"
    close()
    page.locator("#tuning-button").click()
    page.get_by_role("group", name="JSON mode").get_by_role("button", name="On").click()
    yield "settings of a conversation"
    close()
    page.keyboard.press("Control+/")
    yield "shortcuts"
    close()
    person.open_selector(page)
    yield "selector"
    close()
    person.open_form(page)
    yield "form"
    close()
    for name in ("Downloads", "Storage", "Settings"):
        page.locator(".side-foot").get_by_role("button", name=name).click()
        yield name


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_screen(
    browser: Browser, browser_context_args: dict[str, Any], site: servers.Server, theme: Literal["light", "dark"]
) -> None:
    with browser.new_context(**{**browser_context_args, "color_scheme": theme}) as context:
        replay(context, {"hello": [ANSWER]})
        page = context.new_page()
        page.emulate_media(reduced_motion="reduce")
        person.open_page(page, site.origin)
        person.wait_until_ready(page, "The guide")
        found = {name: violations(page) for name in screens(page)}
    wrong = [f"{name}: {line}" for name, lines in found.items() for line in lines]
    assert not wrong, "\n".join(wrong)


def test_axe_finds_nothing_where_no_model_can_run(
    browser: Browser, browser_context_args: dict[str, Any], site: servers.Server
) -> None:
    with browser.new_context(**browser_context_args) as context:
        page = context.new_page()
        page.add_init_script("Object.defineProperty(Navigator.prototype, 'gpu', { value: undefined })")
        person.open_page(page, site.origin)
        expect(page.locator(".steps")).to_be_visible()
        assert not violations(page), "\n".join(violations(page))


@pytest.mark.parametrize("width", [360, 720, 960, 1600])
def test_no_screen_scrolls_sideways(
    browser: Browser, browser_context_args: dict[str, Any], site: servers.Server, width: int
) -> None:
    viewport = {"width": width, "height": 800}
    with browser.new_context(**{**browser_context_args, "viewport": viewport, "locale": "fr-FR"}) as context:
        replay(context, {"hello": [ANSWER, "\n\n", "unbreakable" * 60]})
        page = context.new_page()
        person.open_page(page, site.origin)
        person.wait_until_ready(page, "Le guide")
        person.ask(page, "hello")
        assert _overflow(page) == 0
        page.locator("#tuning-button").click()
        expect(page.locator("dialog")).to_be_visible()
        assert _overflow(page) == 0


def _overflow(page: Page) -> int:
    overflow: int = page.evaluate(
        "Math.max(document.documentElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth)"
    )
    return overflow


def test_shortcuts_do_what_their_list_says(page: Page, site: servers.Server) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    replay(page, {"hello": ["Good day."], "line one\nline two": ["Two lines."]})
    person.open_page(page, site.origin)
    person.wait_until_ready(page, "The guide")
    person.ask(page, "hello")
    page.keyboard.press("Control+Shift+y")
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "Good day."
    expect(page.get_by_role("searchbox", name="Search conversations")).to_be_visible()  # once a conversation is kept
    page.keyboard.press("Control+Shift+f")
    expect(page.get_by_role("searchbox", name="Search conversations")).to_be_focused()
    page.keyboard.press("Control+Shift+l")
    expect(page.get_by_label("Your message")).to_be_focused()
    page.keyboard.press("Control+Shift+b")
    expect(page.locator("html")).to_have_attribute("data-sidebar", "closed")
    page.keyboard.press("Control+Shift+b")
    page.keyboard.press("Control+Shift+e")
    expect(page.get_by_role("dialog", name="This conversation")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Shift+o")
    expect(page.locator(".msg")).to_have_count(0)
    page.keyboard.press("Control+/")
    shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(shortcuts).to_contain_text("New conversation")
    shortcuts.get_by_role("button", name="Ctrl + Enter").click()
    page.keyboard.press("Escape")
    expect(shortcuts).to_have_count(0)
    page.get_by_label("Your message").focus()
    page.keyboard.type("line one")
    page.keyboard.press("Enter")
    page.keyboard.type("line two")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".msg .prose")).to_have_text("Two lines.")


def test_a_screen_reader_hears_an_answer_when_it_is_whole(page: Page, site: servers.Server) -> None:
    replay(page, {"count": [f"{number} " for number in range(2_000)]}, rate=30)
    person.open_page(page, site.origin)
    person.wait_until_ready(page, "The guide")
    page.get_by_label("Your message").fill("count")
    page.keyboard.press("Enter")
    log = page.get_by_role("log")
    expect(log.locator("[aria-busy=true]")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(log.locator("[aria-busy=true]")).to_have_count(0)


def test_reduced_motion_is_honoured(
    browser: Browser, browser_context_args: dict[str, Any], site: servers.Server
) -> None:
    with browser.new_context(**{**browser_context_args, "reduced_motion": "reduce"}) as context:
        page: Page = context.new_page()
        person.open_page(page, site.origin)
        person.open_selector(page)
        moving = page.evaluate("document.getAnimations().filter(it => it.playState === 'running').length")
        assert moving == 0


def test_the_language_changes_without_a_reload(page: Page, site: servers.Server) -> None:
    replay(page, {"hello": [ANSWER]})
    person.open_page(page, site.origin)
    person.wait_until_ready(page, "The guide")
    person.ask(page, "hello")
    page.evaluate("window.same = true")
    page.get_by_label("Your message").fill("a draft")
    person.open_settings(page)
    page.get_by_role("button", name="Français").click()
    page.locator(".side-row .side-item").click()
    expect(page.locator(".think button")).to_have_text("Son raisonnement")
    expect(page.locator("figure.code")).to_contain_text("Copier")
    expect(page.get_by_label("Votre message")).to_have_value("a draft")
    assert page.evaluate("window.same")


def test_the_focus_goes_back_to_where_a_dialog_was_opened(page: Page, site: servers.Server) -> None:
    person.open_page(page, site.origin)
    person.wait_until_ready(page, "The guide")
    for opener in ("#tuning-button", "#shortcuts-button", "#model-button"):
        page.locator(opener).focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(opener)).to_be_focused()
    page.get_by_label("Your message").focus()
    page.keyboard.press("Control+k")
    expect(page.get_by_label("Search models")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Your message")).to_be_focused()
    person.open_settings(page)
    page.get_by_role("button", name="Français").press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.get_by_role("button", name="Français")).to_be_focused()


def test_what_is_said_while_a_dialog_is_open_is_said_in_it(page: Page, site: servers.Server) -> None:
    page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new Error('no'));")
    person.open_page(page, site.origin)
    person.wait_until_ready(page, "The guide")
    person.from_menu(page, "Llama 3.2 1B Instruct", "Copy link")
    said = page.get_by_role("dialog", name="Models").get_by_role("status").filter(has_text="copy")
    expect(said).to_be_visible()
