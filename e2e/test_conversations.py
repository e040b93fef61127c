"""The conversations in the sidebar: they last, are found, renamed, pinned, deleted, exported and imported."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import servers
from person import ask, begin_anew, open_page, open_settings, wait_until_kept, wait_until_ready
from playwright.sync_api import BrowserContext, Locator, Page, expect
from replay import replay

pytestmark = pytest.mark.usefixtures("recorded")
SAID = {
    "Why is bread sour?": ["Acids, made by ", "bacteria in the pâte."],
    "Three titles, please": ["1. One\n", "2. Two\n", "3. Three"],
    "Proofread my letter": ["Dear *landlord*,"],
}


@pytest.fixture
def recorded(page: Page) -> None:
    replay(page, SAID)


def rows(page: Page) -> Locator:
    """The conversations in the list."""
    return page.locator(".side-row")


def talk(page: Page, site: servers.Server) -> None:
    """Have three conversations."""
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    for question in SAID:
        ask(page, question)
        begin_anew(page)
    wait_until_kept(page)
    expect(rows(page)).to_have_count(len(SAID))


def from_row(page: Page, title: str, action: str) -> None:
    """Do something with a conversation of the list."""
    page.get_by_role("button", name=f"More actions for {title}").click()
    page.get_by_role("group", name=title).get_by_role("button", name=action, exact=True).click()


def export_all(page: Page, path: Path) -> Any:
    """Export all conversations; return what the file holds."""
    open_settings(page)
    with page.expect_download() as download:
        page.locator("#settings-conversations").get_by_role("button", name="Export").click()
    download.value.save_as(path)
    return json.loads(path.read_bytes())


def bring_in(page: Page, path: Path) -> None:
    """Choose a file to import."""
    page.locator("#settings-conversations").get_by_label("Import").set_input_files(path)


def test_conversations_last_and_are_opened_again(page: Page, site: servers.Server) -> None:
    talk(page, site)
    expect(rows(page)).to_have_text(["Proofread my letter", "Three titles, please", "Why is bread sour?"])
    expect(page.locator(".side-list h2")).to_have_text(["Today"])
    page.reload()
    rows(page).last.get_by_text("Why is bread sour?").click()
    expect(page.locator(".msg .prose")).to_have_text("Acids, made by bacteria in the pâte.")
    expect(rows(page).last.locator("[aria-current=page]")).to_have_count(1)
    page.reload()
    expect(page.locator(".msg .prose")).to_have_text("Acids, made by bacteria in the pâte.")


def test_search_covers_titles_and_texts(page: Page, site: servers.Server) -> None:
    talk(page, site)
    search = page.get_by_role("searchbox", name="Search conversations")
    search.fill("PATE bacteria")
    expect(rows(page)).to_have_count(1)
    expect(rows(page).locator("mark")).to_have_text("bacteria")
    rows(page).locator("mark").click()
    expect(page.locator(".msg .prose")).to_contain_text("Acids")
    search.fill("titles")
    expect(rows(page)).to_have_text(["Three titles, please"])
    search.fill("nowhere to be found")
    expect(page.get_by_text("0 conversations found")).to_be_visible()
    search.fill("")
    expect(rows(page)).to_have_count(3)


def test_a_conversation_is_renamed_and_pinned(page: Page, site: servers.Server) -> None:
    talk(page, site)
    from_row(page, "Why is bread sour?", "Rename")
    page.get_by_label("Rename").fill("Sourdough")
    page.keyboard.press("Enter")
    expect(rows(page).last).to_have_text("Sourdough")
    from_row(page, "Sourdough", "Pin")
    expect(rows(page).first).to_have_text("Sourdough")
    expect(page.locator(".side-list h2")).to_have_text(["Pinned", "Today"])
    page.reload()
    expect(rows(page).first).to_have_text("Sourdough")


def test_a_deletion_can_be_taken_back_and_lasts(page: Page, site: servers.Server) -> None:
    talk(page, site)
    from_row(page, "Three titles, please", "Delete")
    expect(rows(page)).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    expect(rows(page)).to_have_count(3)
    from_row(page, "Three titles, please", "Delete")
    expect(rows(page)).to_have_count(2)
    page.reload()
    expect(rows(page)).to_have_count(2)


def test_what_is_exported_comes_back_elsewhere_without_doubles(
    page: Page, site: servers.Server, french: BrowserContext, tmp_path: Path
) -> None:
    talk(page, site)
    told = export_all(page, tmp_path / "all.json")
    assert (told["format"], told["version"], len(told["conversations"])) == ("bocal.conversations", 1, 3)
    bring_in(page, tmp_path / "all.json")
    expect(page.get_by_text("All of it is here already.")).to_be_visible()

    other = french.new_page()
    open_page(other, site.origin)
    open_settings(other)
    other.locator("#settings-conversations").get_by_label("Importer").set_input_files(tmp_path / "all.json")
    expect(other.get_by_text("3 conversations ajoutées.")).to_be_visible()
    expect(rows(other)).to_have_count(3)
    rows(other).first.get_by_text("Proofread my letter").click()
    expect(other.locator(".msg .prose")).to_have_text("Dear landlord,")
    other.reload()
    expect(rows(other)).to_have_count(3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not JSON", "This file holds no conversations of Bocal."),
        (b'{"format": "bocal.conversations", "version": 99}', "A later version of Bocal wrote this file."),
        (None, "This file is damaged at conversations[2].messages[1].role."),
    ],
)
def test_a_damaged_file_changes_nothing_and_says_why(
    page: Page, site: servers.Server, tmp_path: Path, content: bytes | None, words: str
) -> None:
    talk(page, site)
    told = export_all(page, tmp_path / "all.json")
    for conversation in told["conversations"]:
        conversation["id"] = f"other-{conversation['id']}"
    told["conversations"][2]["messages"][1]["role"] = "system"
    (tmp_path / "bad.json").write_bytes(json.dumps(told).encode() if content is None else content)
    bring_in(page, tmp_path / "bad.json")
    expect(page.locator("#settings-conversations").get_by_role("alert")).to_contain_text(words)
    expect(rows(page)).to_have_count(3)


def test_one_conversation_is_exported_as_markdown_and_as_json(page: Page, site: servers.Server, tmp_path: Path) -> None:
    talk(page, site)
    with page.expect_download() as download:
        from_row(page, "Proofread my letter", "Export as Markdown")
    assert re.fullmatch(r"Proofread-my-letter-[\d-]+\.md", download.value.suggested_filename)
    download.value.save_as(tmp_path / "one.md")
    assert (tmp_path / "one.md").read_text() == (
        "# Proofread my letter\n\n## You\n\nProofread my letter\n\n## The guide\n\nDear *landlord*,\n"
    )
    with page.expect_download() as download:
        from_row(page, "Proofread my letter", "Export as JSON")
    download.value.save_as(tmp_path / "one.json")
    told = json.loads((tmp_path / "one.json").read_bytes())
    assert [it["title"] for it in told["conversations"]] == ["Proofread my letter"]


def test_two_tabs_show_and_keep_what_each_says(page: Page, site: servers.Server) -> None:
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    ask(page, "Why is bread sour?")
    other = page.context.new_page()
    replay(other, SAID)
    open_page(other, site.origin)
    rows(other).get_by_text("Why is bread sour?").click()
    expect(other.locator(".msg .prose")).to_contain_text("Acids")
    wait_until_ready(other, "The guide")
    ask(other, "Proofread my letter")
    expect(page.locator(".msg .prose").last).to_contain_text("landlord")
    expect(page.locator("[data-act='message.again']")).to_have_count(2)  # the conversation is free again
    ask(page, "Three titles, please")
    expect(other.locator(".msg")).to_have_count(6)


def test_an_answer_being_written_in_another_tab_is_told_and_then_shown(page: Page, site: servers.Server) -> None:
    replay(page, {"count": [f"{number} " for number in range(4000)]}, rate=4)
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    page.get_by_label("Your message").fill("count")
    page.keyboard.press("Enter")
    expect(page.locator(".msg .prose").last).to_contain_text("0 1")
    other = page.context.new_page()
    replay(other, SAID)
    open_page(other, site.origin)
    wait_until_ready(other, "The guide")
    rows(other).get_by_text("count").click()
    expect(other.get_by_text("The answer is being written in another tab.")).to_be_visible()
    expect(other.get_by_role("button", name="Continue")).to_have_count(0)
    other.get_by_label("Your message").fill("Proofread my letter")
    other.keyboard.press("Enter")
    expect(other.locator("#notices")).to_contain_text("Another tab is writing an answer here.")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(other.get_by_text("The answer is being written in another tab.")).to_have_count(0)
    expect(other.get_by_label("Your message")).to_have_value("Proofread my letter")
    other.get_by_role("button", name="Send").click()
    expect(other.locator(".msg .prose").last).to_contain_text("landlord")
    expect(page.locator(".msg")).to_have_count(4)
