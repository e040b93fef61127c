"""What a download that lacks room offers to delete."""

from bocal.models.record import Model
from bocal.protocols import Shelf
from bocal.ui import jobs, storage
from bocal.ui.application import Application
from bocal.weights.download import State
from household import CONTENT, ONE, TWO, Browser, until
from outside import to_its_end

OTHER = Model("other", "Other", "https://h/o/other", library=ONE.library)
BASE = "https://h/o/other/resolve/main/"


async def lacking(browser: Browser) -> Application:
    """Open a tab, and begin a download for the rest of which there is no room."""
    tab = await browser.tab()
    await tab.loading.do_model_choose("one")
    lost = next(key for key in browser.world.store.kept[Shelf.MODEL] if key.endswith("shard_3.bin"))
    del browser.world.store.kept[Shelf.MODEL][lost]
    browser.world.room = 0
    await tab.downloads.look()
    await tab.loading.do_model_choose("one")
    assert tab.state.downloads["one"].state is State.PAUSED
    return tab


@to_its_end
async def test_neither_its_own_files_nor_those_of_another_model_at_its_address() -> None:
    tab = await lacking(Browser(ONE, TWO))
    assert "makes room" not in jobs.card(tab.state, tab.state.downloads["one"])


@to_its_end
async def test_other_models_and_what_is_nobodys() -> None:
    browser = Browser(ONE, OTHER)
    browser.world.store.kept[Shelf.MODEL] |= {f"{BASE}tokenizer.json": b"{}", "https://h/x/tokenizer.json": b"{}"}
    tab = await lacking(browser)
    await tab.storing.do_storage_open()  # weighs what nobody has noted
    card = jobs.card(tab.state, tab.state.downloads["one"])
    assert "Other, 2\xa0B" in card
    assert "Files of no known model, 2\xa0B" in card


@to_its_end
async def test_the_files_of_two_models_bear_the_name_of_the_one_in_use() -> None:
    browser = Browser(ONE, TWO)
    tab = await browser.tab()
    await tab.loading.do_model_choose("two")
    await until(lambda: browser.here() >= set(CONTENT))
    await tab.storing.do_storage_open()
    page = storage.page(tab.state)
    assert "<strong>Two</strong>" in page
    assert "<strong>One</strong>" not in page
