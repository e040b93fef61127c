"""How a model is to answer: what is set reaches the engine, lasts, and is taken back; and a window that is full."""

import json
import re

import servers
from person import ask, open_page, open_settings, wait_until_ready
from playwright.sync_api import Locator, Page, expect
from replay import replay, request_of

GUIDE = "bocal-guide-q4f32_1-MLC"


def open_tuning(page: Page) -> Locator:
    """Open the settings of the conversation; return their dialog."""
    page.get_by_role("button", name="Settings of this conversation").click()
    return page.get_by_role("dialog", name="This conversation")


def test_settings_reach_the_engine_and_last(page: Page, site: servers.Server) -> None:
    replay(page, {})
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    tuning = open_tuning(page)
    tuning.get_by_role("button", name="Translator").click()
    expect(tuning.get_by_role("textbox", name="System prompt")).to_have_value(re.compile("^Translate what I write"))
    for label, value in (
        ("Longest answer", "64"), ("Seed", "7"), ("Top-p", "0,9"), ("Frequency penalty", "0.5"),
        ("Presence penalty", "-0.5"),
    ):  # fmt: skip
        tuning.get_by_label(label, exact=True).last.fill(value)
    temperature = tuning.locator("#tuning-chat-temperature")
    temperature.fill("3")
    expect(tuning.get_by_role("alert")).to_contain_text("0 to 2")
    temperature.fill("0.25")
    expect(tuning.get_by_role("alert")).to_have_count(0)
    tuning.get_by_role("group", name="JSON mode").get_by_role("button", name="On").click()
    tuning.get_by_role("textbox", name="JSON schema").fill("[1")
    expect(tuning.get_by_role("alert")).to_contain_text("not a JSON object")
    tuning.get_by_role("textbox", name="JSON schema").fill('{"type": "object"}')
    tuning.get_by_role("button", name="Done").click()
    request = request_of(page, "Bonjour")
    told = {name: request[name] for name in ("max_tokens", "seed", "top_p", "temperature", "frequency_penalty")}
    assert told == {"max_tokens": 64, "seed": 7, "top_p": 0.9, "temperature": 0.25, "frequency_penalty": 0.5}
    assert request["response_format"] == {"type": "json_object", "schema": '{"type": "object"}'}
    assert request["messages"][0]["role"] == "system"
    assert request["messages"][0]["content"].startswith("Translate what I write")

    expect(page.locator(".side-list")).to_contain_text("Bonjour")  # kept, a moment after it is shown
    page.reload()
    wait_until_ready(page, "The guide")
    expect(page.locator(".msg")).to_have_count(2)
    tuning = open_tuning(page)
    expect(tuning.get_by_label("Seed", exact=True)).to_have_value("7")
    tuning.get_by_role("button", name="Reset: Seed").click()
    expect(tuning.get_by_label("Seed", exact=True)).to_have_value("")
    tuning.get_by_role("button", name="Reset all to default").click()
    tuning.get_by_role("button", name="Done").click()
    request = request_of(page, "Encore")
    assert not request.keys() & {"max_tokens", "seed", "temperature", "response_format"}


def test_a_models_settings_count_for_every_conversation_without_its_own(page: Page, site: servers.Server) -> None:
    replay(page, {})
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    open_settings(page)
    answers = page.locator("#settings-answers")
    answers.get_by_role("textbox", name="System prompt").fill("Be kind.")
    answers.locator("#tuning-model-temperature").fill("0.5")
    page.locator(".side-new").get_by_role("button").click()
    tuning = open_tuning(page)
    expect(tuning.locator("#tuning-chat-temperature")).to_have_attribute("placeholder", "0.5")
    tuning.locator("#tuning-chat-temperature").fill("0.75")
    tuning.get_by_role("button", name="Done").click()
    request = request_of(page, "Hello")
    assert (request["temperature"], request["messages"][0]["content"]) == (0.75, "Be kind.")
    page.locator(".side-new").get_by_role("button").click()
    assert request_of(page, "Hello again")["temperature"] == 0.5


def test_json_mode_and_seed_with_a_real_model(page: Page, site: servers.Server) -> None:
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    tuning = open_tuning(page)
    tuning.locator("#tuning-chat-temperature").fill("1.5")
    tuning.get_by_label("Seed", exact=True).fill("11")
    tuning.get_by_label("Longest answer", exact=True).fill("12")
    tuning.get_by_role("button", name="Done").click()
    first = ask(page, "How do I add my own model?")
    page.locator(".msg").last.hover()
    page.get_by_role("button", name="Write another answer").click()
    expect(page.locator(".msg").last.locator(".versions")).to_have_text("2/2")
    expect(page.locator(".msg").last.locator(".prose")).to_have_text(first)
    expect(page.locator(".msg").last).to_contain_text("The answer reached its longest length.")

    tuning = open_tuning(page)
    tuning.get_by_role("button", name="Reset all to default").click()
    tuning.get_by_role("group", name="JSON mode").get_by_role("button", name="On").click()
    schema = {"type": "object", "properties": {"ready": {"type": "boolean"}}, "required": ["ready"],
              "additionalProperties": False}  # fmt: skip
    tuning.get_by_role("textbox", name="JSON schema").fill(json.dumps(schema))
    tuning.get_by_role("button", name="Done").click()
    ask(page, "Are you ready?")
    assert isinstance(json.loads(page.locator(".msg").last.locator(".prose").inner_text())["ready"], bool)


def test_a_full_window_is_told_and_has_ways_out(page: Page, site: servers.Server) -> None:
    page.add_init_script(f"localStorage['bocal.answers'] ??= '{json.dumps({GUIDE: {'context_window_size': 96}})}'")
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    expect(page.locator(".context")).to_contain_text("0 / 96 tokens")
    ask(page, "How do I add my own model?")
    used = int(re.findall(r"^(\d+) /", page.locator(".context").inner_text())[0])
    assert 20 < used <= 96
    page.get_by_label("Your message").fill("Where does my data go? " * 2)
    page.keyboard.press("Enter")
    note = page.locator(".msg").last.locator(".note, .err")
    expect(note).to_contain_text(re.compile("context window"))
    expect(note.get_by_role("button", name="New conversation")).to_be_visible()
    answer = page.locator(".msg").last
    cut = answer.locator(".prose").inner_text()
    note.get_by_role("button", name="Drop the oldest turns").click()
    expect(page.locator(".since")).to_be_visible()
    expect(answer.locator(".prose")).not_to_have_text(cut)  # it goes on, a moment later
    expect(answer.locator(".stats")).to_be_visible()
    expect(page.locator(".msg")).to_have_count(4)

    page.get_by_label("Your message").fill("Where does my data go? " * 4)
    page.keyboard.press("Enter")
    note = page.locator(".msg").last.locator(".note, .err")
    note.get_by_role("button", name="Widen the window to 192 tokens").click()
    expect(page.locator(".context")).to_contain_text("/ 192 tokens")
    expect(page.locator(".msg").last.locator(".stats")).to_be_visible()
    page.reload()
    wait_until_ready(page, "The guide")
    expect(page.locator(".context")).to_contain_text("/ 192 tokens")
