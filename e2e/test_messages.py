"""What can be done with the messages of a conversation, and what of them lasts."""

import contextlib
import json
import re
from pathlib import Path

import pytest
import servers
from person import ask, noted, open_page, open_settings, until, wait_until_ready
from playwright.sync_api import Error, Locator, Page, expect
from replay import replay, request_of

THOUGHT = ["<think>", "Two and ", "two.", "</think>", "\n\nIt is ", "**four**."]
LONG = [f"word{number} " for number in range(2_000)]


def answer(page: Page) -> Locator:
    """The last answer."""
    return page.locator(".msg:not(.user)").last


def question(page: Page) -> Locator:
    """The last question."""
    return page.locator(".msg.user").last


def press(message: Locator, name: str) -> None:
    """Press one of the buttons under a message."""
    message.hover()
    message.get_by_role("button", name=name, exact=True).click()


def open_replayed(page: Page, site: servers.Server, answers: dict[str, list[str]], rate: float = 0) -> None:
    """Open the page with an engine that says what was recorded."""
    replay(page, answers, rate)
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")


def test_questions_and_answers_have_versions_that_last(page: Page, site: servers.Server) -> None:
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    first = ask(page, "How do I add my own model?")
    press(question(page), "Edit and ask again")
    page.get_by_label("Edit and ask again").fill("Where does my data go?")
    page.get_by_role("button", name="Ask again").click()
    expect(answer(page).locator(".stats")).to_be_visible()
    expect(question(page)).to_contain_text("Where does my data go?")
    expect(question(page).locator(".versions")).to_have_text("2/2")
    press(answer(page), "Write another answer")
    expect(answer(page).locator(".versions")).to_have_text("2/2")
    expect(answer(page).locator(".stats")).to_contain_text(re.compile(r"first token [\d.]+\ss · [\d.]+\stokens/s"))
    press(question(page), "Previous version")
    expect(question(page)).to_contain_text("How do I add my own model?")
    expect(answer(page).locator(".prose")).to_have_text(first)
    expect(page.locator(".side-row")).to_have_text("How do I add my own model?")
    shown = str(answer(page).locator(".prose").get_attribute("id")).removeprefix("prose-")
    until(page, lambda: noted(page)["bodies"][0]["leaf"] == shown)  # it is kept a moment after it is shown
    page.reload()
    expect(answer(page).locator(".prose")).to_have_text(first)
    press(question(page), "Next version")
    expect(answer(page).locator(".versions")).to_have_text("2/2")


def test_a_message_can_be_copied_and_deleted(page: Page, site: servers.Server) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_replayed(page, site, {"one": ["# First", "\n\nWords"], "two": ["second"]})
    ask(page, "one")
    ask(page, "two")
    press(page.locator(".msg:not(.user)").first, "Copy")
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "# First\n\nWords"
    press(page.locator(".msg:not(.user)").first, "Delete this message")
    expect(page.locator(".msg")).to_have_count(3)
    until(page, lambda: len(noted(page)["bodies"][0]["messages"]) == 3)  # it is kept a moment after it is shown
    page.reload()
    expect(page.locator(".msg")).to_have_count(3)
    wait_until_ready(page, "The guide")
    told = request_of(page, "three")
    assert [turn["content"] for turn in told["messages"]] == ["one\n\ntwo", "second", "three"]


def test_reasoning_is_folded_and_not_told_again(page: Page, site: servers.Server) -> None:
    open_replayed(page, site, {"add": THOUGHT}, rate=1)
    page.get_by_label("Your message").fill("add")
    page.keyboard.press("Enter")
    think = answer(page).locator(".think")
    expect(think.get_by_role("button")).to_have_attribute("aria-expanded", "true")
    expect(think.locator(".prose")).to_have_text("Two and two.")
    expect(answer(page).locator(".stats")).to_be_visible()
    expect(think.get_by_role("button")).to_have_attribute("aria-expanded", "false")
    expect(think.locator(".prose")).to_be_hidden()
    expect(answer(page).locator(".prose").last).to_have_text("It is four.")
    think.get_by_role("button").click()
    expect(think.locator(".prose")).to_be_visible()
    told = request_of(page, "again")
    assert told["messages"][1] == {"role": "assistant", "content": "It is **four**."}


def test_an_answer_that_was_stopped_goes_on(page: Page, site: servers.Server) -> None:
    open_replayed(page, site, {"count": LONG}, rate=30)
    ask(page, "count", stop_after=30)
    expect(answer(page).get_by_role("button", name="Continue")).to_be_visible()
    stopped = answer(page).locator(".prose").inner_text()
    press(answer(page), "Continue")
    expect(answer(page).locator(".prose")).to_contain_text("Go on exactly where you stopped")
    assert answer(page).locator(".prose").inner_text().startswith(stopped[:30])
    expect(page.locator(".msg")).to_have_count(2)


def test_a_crash_in_mid_answer_keeps_what_was_written(page: Page, site: servers.Server) -> None:
    open_replayed(page, site, {"count": LONG}, rate=20)
    page.get_by_label("Your message").fill("count")
    page.keyboard.press("Enter")
    expect(answer(page).locator(".prose")).to_contain_text("word60")
    until(page, lambda: any("word20" in it["text"] for it in noted(page)["unfinished"]))  # noted each second
    crash(page)
    page = page.context.new_page()
    replay(page, {"count": LONG}, rate=20)
    open_page(page, site.origin)
    page.locator(".side-row").get_by_text("count", exact=True).click()
    expect(answer(page).locator(".prose")).to_contain_text("word20")
    expect(answer(page)).to_contain_text("broke off")
    wait_until_ready(page, "The guide")
    answer(page).locator(".note").get_by_role("button", name="Continue").click()
    expect(answer(page).locator(".prose")).to_contain_text("Go on exactly")


def crash(page: Page) -> None:
    """End the page's process there and then."""
    with page.expect_event("crash"), contextlib.suppress(Error):
        page.goto("chrome://crash")


def test_many_messages_are_shown_from_the_end(page: Page, site: servers.Server, tmp_path: Path) -> None:
    messages = [
        {"id": f"m{number}", "parent": f"m{number - 1}" if number else "", "text": f"words {number}", "finish": "stop",
         "role": "assistant" if number % 2 else "user"}
        for number in range(48)
    ]  # fmt: skip
    one = {"id": "one", "title": "Long", "leaf": "m47", "messages": messages}
    told = {"format": "bocal.conversations", "version": 1, "conversations": [one]}
    open_page(page, site.origin)
    open_settings(page)
    (tmp_path / "one.json").write_text(json.dumps(told))
    page.locator("#settings-conversations").get_by_label("Import").set_input_files(tmp_path / "one.json")
    page.locator(".side-row").get_by_text("Long", exact=True).click()
    expect(page.locator(".msg")).to_have_count(40)
    expect(page.locator(".msg").last).to_be_in_viewport()
    page.get_by_role("button", name="Show 8 earlier messages").click()
    expect(page.locator(".msg")).to_have_count(48)


@pytest.mark.parametrize("hostile", ["<img src=x onerror=alert(1)>", "</textarea><script>alert(1)</script>"])
def test_the_visitors_own_words_are_shown_as_they_are(page: Page, site: servers.Server, hostile: str) -> None:
    open_replayed(page, site, {hostile: ["ok"]})
    ask(page, hostile)
    expect(question(page).locator(".bubble")).to_contain_text(hostile)
    expect(page.locator(".side-row")).to_contain_text(hostile[:10])
