"""The model selector: what fits, which version to take, and finding one model among many."""

import json
import re
from typing import Any

import pytest
import servers
from person import fill, open_form, open_page, open_selector, show_actions
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.idle
PHI = "Phi 3.5 mini instruct"
MANY = 300


def own(number: int, **more: str) -> dict[str, Any]:
    return {"id": f"own-{number:03}", "name": f"Own {number:03}", "url": f"https://host/{number}", **more}


def keep(page: Page, models: list[dict[str, Any]]) -> None:
    """Have these custom models from an earlier visit."""
    page.add_init_script(f"localStorage.customModels ??= {json.dumps(json.dumps(models))}")


def on_a_machine_with(page: Page, gigabytes: int | None) -> None:
    """Be on a machine whose browser tells this much memory, or none, as some do."""
    told = "undefined" if gigabytes is None else str(gigabytes)
    page.add_init_script(f"Object.defineProperty(navigator, 'deviceMemory', {{ value: {told} }})")


def row(selector: Locator, name: str) -> Locator:
    """The rows whose model has this name."""
    return selector.locator(".m").filter(has=selector.page.get_by_role("button", name=name, exact=True))


def names(selector: Locator) -> list[str]:
    return selector.locator(".m .name").all_inner_texts()


@pytest.fixture
def selector(page: Page, site: servers.Server) -> Locator:
    """The selector, on a machine with 16 GB and no f16."""
    on_a_machine_with(page, 16)
    keep(page, [own(1, id="Recettes-3B-q4f32_1-MLC", name="Recettes", size="1,8 Go", description="Cuisine"),
                own(2, id="Boreal-70B-q4f32_1-MLC", name="Boreal", size="40 GB"),
                own(3, name="Nameless")])  # fmt: skip
    open_page(page, site.origin)
    expect(page.locator(".facts[aria-busy]")).to_have_count(0)
    return open_selector(page)


def test_a_menu_stays_open_when_the_graphics_card_answers(page: Page, site: servers.Server) -> None:
    page.add_init_script("""const ask = GPU.prototype.requestAdapter, answer = Promise.withResolvers();
        self.answer = answer.resolve;
        GPU.prototype.requestAdapter = async function (how) { return (await answer.promise, ask.call(this, how)); };""")
    open_page(page, site.origin)
    selector = open_selector(page)
    selector.get_by_label("Search models").fill(PHI)
    expect(row(selector, PHI)).to_contain_text("q4f16_1")
    show_actions(selector, PHI)
    page.evaluate("answer()")
    expect(row(selector, PHI).first).to_contain_text("q4f32_1")  # this machine has no f16
    expect(row(selector, PHI)).to_have_count(2)
    expect(row(selector, PHI).last.get_by_role("button", name="Duplicate")).to_be_visible()
    selector.get_by_role("button", name=f"3 other versions of {PHI}").click()
    expect(selector.get_by_role("button", name="Duplicate")).to_have_count(0)


def test_one_row_a_model_with_the_version_to_take_here(selector: Locator) -> None:
    selector.get_by_label("Search models").fill(PHI)  # further down than what is drawn at first
    phi = row(selector, PHI)
    expect(phi).to_have_count(1)
    expect(phi).to_contain_text("q4f32_1")  # this machine has no f16
    expect(phi).to_contain_text("Recommended")
    phi.get_by_role("button", name=f"3 other versions of {PHI}").click()
    expect(phi).to_have_count(2)
    others = selector.locator(".m.is-other")
    expect(others).to_have_count(3)
    assert sorted(others.locator(".q").all_inner_texts()) == ["q4f16_1", "q4f16_1", "q4f32_1"]
    expect(others.filter(has_text="Recommended")).to_have_count(0)
    phi.get_by_role("button", name=f"Fewer versions of {PHI}").click()
    expect(others).to_have_count(0)


def test_a_version_that_was_searched_for_is_not_folded_away(selector: Locator) -> None:
    search = selector.get_by_label("Search models")
    search.fill("phi-3.5-mini q4f16")
    expect(selector.locator(".m")).to_have_count(2)
    search.fill("Phi-3.5-mini-instruct-q4f32_1-MLC-1k")
    expect(selector.locator(".m")).to_have_count(1)
    expect(selector.locator(".m")).to_contain_text(f"{PHI} (1k)")


def test_the_badge_says_whether_a_model_fits_this_machine(selector: Locator) -> None:
    expect(row(selector, "Recettes").locator(".badge")).to_have_text("Fits")
    expect(row(selector, "Boreal").locator(".badge")).to_have_text("Too big")
    expect(row(selector, "Boreal").locator(".badge")).to_have_attribute(
        "title", re.compile("about 50.0.GB of the 17.2.GB")
    )
    expect(row(selector, "Nameless").locator(".badge")).to_have_count(0)
    expect(row(selector, "Llama 3.1 70B Instruct").locator(".badge")).to_have_text("Needs f16")
    selector.get_by_role("button", name="Fits here").click()
    expect(row(selector, "Recettes")).to_be_visible()
    assert not {"Boreal", "Nameless", "Llama 3.1 70B Instruct"} & set(names(selector))
    expect(selector.locator(".badge").filter(has_not_text="Fits")).to_have_count(0)


def test_filters_combine_and_one_button_undoes_them(selector: Locator) -> None:
    selector.get_by_label("Size").select_option("1B to 4B")
    selector.get_by_label("Quantisation").select_option("q4f32_1")
    expect(row(selector, "Recettes")).to_be_visible()
    selector.get_by_label("Family").select_option("Qwen")
    expect(selector.get_by_role("heading", level=3)).to_have_text(["Qwen · Alibaba"])
    expect(row(selector, "Recettes")).to_have_count(0)
    assert set(selector.locator(".q").all_inner_texts()) == {"q4f32_1"}
    selector.get_by_label("Search models").fill("coder")
    assert all("Coder" in name for name in names(selector))
    selector.get_by_label("Family").select_option("Gemma")
    expect(selector).to_contain_text("No model matches these filters.")
    selector.get_by_role("button", name="Show all models").click()
    expect(row(selector, "Recettes")).to_be_visible()
    expect(selector.get_by_label("Search models")).to_have_value("")
    expect(selector.get_by_label("Family")).to_have_value("")
    expect(selector.get_by_label("Search models")).to_be_focused()
    selector.get_by_label("Family").select_option("Other families")
    assert names(selector)[:3] == ["Recettes", "Boreal", "Nameless"]


def test_what_can_be_done_with_a_model_of_ones_own(selector: Locator) -> None:
    show_actions(selector, "Recettes")
    actions = selector.get_by_role("group", name="More actions for Recettes")
    expect(actions.get_by_role("button")).to_have_text(["Edit", "Duplicate", "Copy link", "Delete"])
    show_actions(selector, "Boreal")
    expect(actions).to_have_count(0)
    show_actions(selector, "Boreal")
    expect(selector.get_by_role("group", name=re.compile("More actions"))).to_have_count(0)


def test_the_custom_models_can_be_folded_away(selector: Locator) -> None:
    fold = selector.get_by_role("button", name="Custom models")
    fold.click()
    expect(fold).to_have_attribute("aria-expanded", "false")
    assert names(selector)[0] == "The guide"
    fold.click()
    assert names(selector)[0] == "Recettes"


def test_the_keyboard_moves_along_the_list_and_asks_to_delete(page: Page, selector: Locator) -> None:
    def focused(name: str) -> None:
        expect(row(selector, name).locator(".name").first).to_be_focused()

    page.keyboard.press("ArrowDown")
    focused("Recettes")
    page.keyboard.press("ArrowDown")
    focused("Boreal")
    page.keyboard.press("Home")
    focused("Recettes")
    page.keyboard.press("End")
    expect(selector.locator(".name:not([disabled])").last).to_be_focused()
    page.keyboard.press("Delete")  # a standard model that is not here: nothing to delete
    expect(selector).to_be_visible()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    expect(selector.get_by_label("Search models")).to_be_focused()
    page.keyboard.type("bor")
    page.keyboard.press("Home")  # in the text
    page.keyboard.press("Delete")
    expect(selector.get_by_label("Search models")).to_have_value("or")
    page.keyboard.type("b")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Delete")
    question = page.get_by_role("dialog", name="Delete Boreal?")
    question.get_by_role("button", name="Delete", exact=True).click()
    expect(question).to_have_count(0)
    expect(row(open_selector(page), "Boreal")).to_have_count(0)
    assert "Boreal" not in page.evaluate("localStorage.customModels")


def test_arrows_in_a_filter_choose_its_value(page: Page, selector: Locator) -> None:
    selector.get_by_label("Size").focus()
    page.keyboard.press("ArrowDown")
    expect(selector.get_by_label("Size")).to_have_value("small")
    expect(selector.get_by_label("Size")).to_be_focused()
    expect(row(selector, "Llama 3.1 8B Instruct")).to_have_count(0)


def test_a_small_machine_is_recommended_what_it_can_run(page: Page, site: servers.Server) -> None:
    on_a_machine_with(page, 4)
    open_page(page, site.origin)
    picks = page.locator(".pick")
    expect(picks.locator(".badge")).to_have_text(["Fits", "Fits", "Fits"])
    expect(picks.filter(has_text="8B")).to_have_count(0)
    selector = open_selector(page)
    selector.get_by_label("Search models").fill(PHI)
    short = row(selector, f"{PHI} (1k)")
    expect(short).to_contain_text("Recommended")  # the only version that fits
    expect(short).to_contain_text("q4f32_1")
    selector.get_by_label("Search models").fill("Llama 3.1 8B")
    expect(row(selector, "Llama 3.1 8B Instruct (1k)").or_(row(selector, "Llama 3.1 8B Instruct"))).to_contain_text(
        "Too big"
    )


def test_a_browser_that_tells_no_memory_gets_no_guesses(page: Page, site: servers.Server) -> None:
    on_a_machine_with(page, None)
    open_page(page, site.origin)
    expect(page.locator(".pick")).to_have_count(3)
    selector = open_selector(page)
    expect(selector.get_by_role("button", name="On this machine")).to_be_visible()
    expect(selector.get_by_role("button", name="Fits here")).to_have_count(0)
    expect(selector.locator(".badge").filter(has_not_text="Needs f16")).to_have_count(0)


@pytest.fixture
def long_list(page: Page, site: servers.Server) -> Locator:
    """The selector of someone who has added three hundred models."""
    keep(page, [own(number) for number in range(MANY)])
    open_page(page, site.origin)
    return open_selector(page)


def test_a_long_list_grows_as_one_scrolls(long_list: Locator) -> None:
    rows = long_list.locator(".m")
    expect(long_list.get_by_role("status").filter(has_text="models")).to_have_text(re.compile("^3[0-9][0-9] models$"))
    assert rows.count() < MANY / 2
    for _ in range(MANY):
        if "Own 299" in names(long_list):
            break
        long_list.locator(".pop-list").evaluate("list => list.scrollBy(0, list.clientHeight)")
        long_list.page.wait_for_timeout(20)
    expect(row(long_list, "Own 299")).to_have_count(1)

    long_list.get_by_label("Search models").fill("own-25")
    expect(rows).to_have_count(10)
    long_list.get_by_label("Search models").fill("")
    expect(rows.first).to_be_in_viewport()  # from the beginning again
    assert rows.count() < MANY / 2


def test_the_keyboard_goes_past_what_is_drawn(page: Page, long_list: Locator) -> None:
    drawn = long_list.locator(".m").count()
    for number in range(drawn + 10):
        expect(long_list.locator(".m").nth(number)).to_be_attached()  # more are drawn a moment after one scrolls
        page.keyboard.press("ArrowDown")
    expect(row(long_list, f"Own {drawn + 9:03}").locator(".name")).to_be_focused()
    page.keyboard.press("End")
    expect(long_list.locator(".name:not([disabled])").last).to_be_focused()
    expect(row(long_list, "Own 299")).to_have_count(1)


def test_a_model_just_added_is_in_sight_and_marked(page: Page, long_list: Locator) -> None:
    page.keyboard.press("Escape")
    form = open_form(page)
    fill(form, {"Model ID": "new", "Display name": "Brand new", "Model URL": "https://host/labo/new"})
    form.locator("button[value=add]").click()
    added = row(long_list, "Brand new")
    expect(added).to_be_in_viewport()
    expect(added).to_contain_text("Just added")
    expect(added.locator(".name")).to_be_focused()
    page.keyboard.press("Escape")
    expect(open_selector(page).get_by_text("Just added")).to_have_count(0)
