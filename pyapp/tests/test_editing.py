"""A custom model that is changed while it is being downloaded or used."""

import dataclasses

import pytest
from bocal.errors import Failure, Problem
from bocal.models.record import Library
from bocal.protocols import Key, Shelf
from bocal.ui.application import Application
from bocal.ui.state import Phase
from bocal.weights.download import State
from household import BASE, CONTENT, ONE, Browser, problems, settled, until
from outside import to_its_end

ELSEWHERE = "https://h/o/new"
NEW = f"{ELSEWHERE}/resolve/main/"


async def save(tab: Application, **fields: str) -> None:
    """Edit the model, and save the form."""
    tab.adding.do_edit_open("one")
    tab.state.form.values.update(fields)
    await tab.adding.do_add_submit()


def moved(browser: Browser) -> None:
    """Put the model at another address too."""
    documents = browser.world.wire.web.documents
    documents |= {url.replace(BASE, NEW): content for url, content in documents.items() if url.startswith(BASE)}


@pytest.mark.parametrize("state", [State.RUNNING, State.PAUSED])
def test_a_model_that_is_given_another_address_is_brought_from_there(state: State) -> None:
    @to_its_end
    async def story() -> None:
        browser = Browser(ONE)
        moved(browser)
        tab = await browser.tab()
        tab.desk.spawn(tab.loading.do_download_resume("one"))
        await until(lambda: (job := tab.state.download(ONE)) and job.done >= 150)
        if state is State.PAUSED:
            tab.downloads.do_download_pause("one")
            await until(lambda: (job := tab.state.download(ONE)) and job.state is State.PAUSED)
            await settled(tab)
        await save(tab, url=ELSEWHERE)
        browser.world.wire.asked.clear()
        if state is State.PAUSED:
            tab.desk.spawn(tab.loading.do_download_resume("one"))
        changed = tab.desk.registry.find("one")
        assert changed
        await until(lambda: tab.state.complete(changed))
        assert not [url for url in browser.world.wire.fetched if url.startswith(BASE) and url != f"{BASE}r.wasm"]
        assert set(CONTENT) <= browser.here(changed)
        assert problems(browser) == []

    story()


@to_its_end
async def test_a_library_that_is_given_after_a_failure_is_the_one_that_is_fetched() -> None:
    browser = Browser(ONE)
    web = browser.world.wire.web.documents
    right, web[f"{BASE}r.wasm"] = "https://h/right.wasm", Failure(Problem.NOT_FOUND, url=f"{BASE}r.wasm")
    web[right] = b"\0asm"
    tab = await browser.tab()
    assert await tab.downloads.bring(ONE) is State.FAILED
    await save(tab, library=right)
    changed = tab.desk.registry.find("one")
    assert changed
    assert changed.library == Library(url=right)
    await until(lambda: tab.state.complete(changed))
    assert right in browser.world.store.kept[Shelf.LIBRARY]


@to_its_end
async def test_a_model_that_is_only_renamed_goes_on_as_it_was() -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    tab.desk.spawn(tab.loading.do_model_choose("one"))
    await until(lambda: (job := tab.state.download(ONE)) and job.done >= 150)
    await save(tab, name="Better")
    await until(lambda: tab.state.phase is Phase.READY)
    assert tab.state.selected
    assert tab.state.selected.name == "Better"
    await save(tab, name="Best", description="d")
    assert (tab.state.phase, tab.state.selected.name) == (Phase.READY, "Best")
    await save(tab, context_window_size="64")
    assert tab.state.phase is Phase.IDLE


@to_its_end
async def test_an_id_that_was_taken_is_free_once_another_address_is_pasted() -> None:
    browser = Browser(dataclasses.replace(ONE, id="r"))
    tab = await browser.tab()
    tab.adding.do_add_open()
    tab.typed("add.paste", ONE.url)
    assert tab.state.form.invalid == "id"
    tab.typed("add.paste", ELSEWHERE)
    assert not tab.state.form.failure


@to_its_end
async def test_a_standard_library_stays_one_in_the_form() -> None:
    browser = Browser(dataclasses.replace(ONE, library=Library(key="k.wasm")))
    tab = await browser.tab()
    tab.adding.do_edit_open("one")
    await until(lambda: (preflight := tab.state.form.preflight) and preflight.done)
    preflight = tab.state.form.preflight
    assert preflight
    assert preflight.model.library == Library(key="k.wasm")
    await save(tab, name="Better")
    kept = tab.desk.registry.find("one")
    assert kept
    assert kept.library == Library(key="k.wasm")


@pytest.mark.parametrize("end", ["x.wasm?raw=true", "x.wasm#a", "folder/x.wasm"])
def test_an_address_beside_the_standard_libraries_is_an_address(end: str) -> None:
    @to_its_end
    async def story() -> None:
        browser = Browser(ONE)
        tab = await browser.tab()
        await save(tab, library=f"https://l/{end}")
        (kept,) = tab.desk.registry.custom()
        assert not kept.library or not kept.library.key

    story()


@to_its_end
async def test_an_edit_is_not_undone_by_another_tab_that_uses_the_model() -> None:
    browser = Browser(ONE)
    moved(browser)
    first, second = await browser.tab(), await browser.tab()
    first.desk.spawn(first.loading.do_model_choose("one"))
    second.loading.select(ONE)
    await until(lambda: (job := first.state.download(ONE)) and job.done >= 150)
    await save(first, url=ELSEWHERE)
    changed = first.desk.registry.find("one")
    assert changed
    await until(lambda: (job := first.state.download(changed)) and job.done >= 50)
    second.changed_elsewhere("customModels")
    await until(lambda: first.state.complete(changed))


@to_its_end
async def test_what_is_no_model_is_not_added_by_the_enter_key() -> None:
    browser = Browser()
    tab = await browser.tab()
    tab.adding.do_add_open()
    tab.typed("add.paste", "https://h/nobody/nothing-MLC")
    await until(lambda: (preflight := tab.state.form.preflight) and preflight.refusal)
    assert tab.pressed(Key("Enter", command=False, shift=False, composing=False, focus_id="add-paste", focus_class=""))
    await settled(tab)
    assert tab.desk.registry.custom() == []
