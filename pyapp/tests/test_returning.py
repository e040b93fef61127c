"""Downloads that go on by themselves at the next visit."""

import asyncio

import pytest
from bocal.models import record
from bocal.models.device import Device
from bocal.protocols import Shelf
from bocal.ui import jobs
from bocal.ui.actions.desk import SELECTED
from bocal.ui.actions.leavings import Leavings
from bocal.ui.state import Phase
from bocal.weights import plan
from bocal.weights.download import State
from bocal.weights.journal import JobNote
from household import BASE, CONTENT, LIBRARY, ONE, Browser, problems, settled, until
from outside import to_its_end


@to_its_end
async def test_a_download_goes_on_while_the_graphics_card_does_not_answer() -> None:
    browser = Browser(ONE)
    await browser.world.means().journal.write_job("one", JobNote(State.RUNNING))
    answers = asyncio.Event()

    async def look() -> Device:
        await answers.wait()
        return Device("no_adapter")

    browser.look = look
    opening = asyncio.ensure_future(browser.tab())
    await until(lambda: browser.here() >= set(CONTENT))
    assert not opening.done()
    answers.set()
    tab = await opening
    await until(lambda: tab.state.complete(ONE))


@to_its_end
async def test_a_download_goes_on_although_the_browser_has_lost_its_notes_and_what_was_kept() -> None:
    browser = Browser(ONE)
    first = await browser.tab()
    running = asyncio.ensure_future(first.loading.do_model_choose("one"))
    await until(lambda: any(part.done == 80 for job in first.state.downloads.values() for part in job.parts))  # of 100
    first.downloads.do_download_pause("one")
    await running
    begun = [name for name, content in browser.world.wire.files.items() if content and name.startswith(plan.mark(BASE))]
    assert begun
    browser.world.notes.kept.clear()
    for shelf in Shelf:
        browser.world.store.kept[shelf].clear()
    asked = len(browser.world.wire.asked)
    tab = await browser.tab()
    await until(lambda: tab.state.complete(ONE))
    anew = [url for url, start in browser.world.wire.asked[asked:] if url.endswith(".bin") and not start]
    assert len(anew) == len(CONTENT) - len(begun)
    assert not browser.world.wire.files
    assert not await browser.jobs()


@to_its_end
async def test_a_model_that_the_list_has_lost_comes_back_with_its_download() -> None:
    browser = Browser()
    note = JobNote(State.PAUSED, model=record.to_json(ONE))
    await browser.world.means().journal.write_job("one", note)
    tab = await browser.tab()
    assert tab.state.custom == [ONE]
    await until(lambda: tab.state.downloads["one"].state is State.PAUSED)


@to_its_end
async def test_a_model_that_was_deleted_does_not_come_back_with_its_download(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(ONE)
    first = await browser.tab()
    monkeypatch.setattr(Leavings, "begin", lambda *_: False)  # the page is closed before its files go
    await first.deleting.do_delete_confirm("one")
    await browser.world.means().journal.write_job("one", JobNote(State.RUNNING, model=record.to_json(ONE)))
    tab = await browser.tab()
    assert tab.state.custom == []


@to_its_end
async def test_a_job_whose_files_are_all_here_ends_without_a_host() -> None:
    browser = Browser(ONE)
    await (await browser.tab()).loading.do_model_choose("one")
    await browser.world.means().journal.write_job("one", JobNote(State.RUNNING, BASE, (LIBRARY, LIBRARY)))
    asked = len(browser.world.wire.asked)
    tab = await browser.tab()
    await settled(tab)
    assert tab.state.download(ONE) is None
    assert not await browser.jobs()
    assert len(browser.world.wire.asked) == asked


@to_its_end
async def test_a_job_that_another_tab_has_ended_meanwhile_does_not_begin_anew() -> None:
    browser = Browser(ONE)
    first = await browser.tab()
    await browser.world.means().journal.write_job("one", JobNote(State.RUNNING))
    tab = await browser.opened()
    read = tab.desk.outside.means.journal.jobs

    async def jobs() -> dict[str, JobNote]:
        found = await read()
        await first.downloads.do_download_cancel("one")
        return found

    object.__setattr__(tab.desk.outside.means.journal, "jobs", jobs)
    await tab.start()
    await settled(tab)
    assert browser.here() == set()
    assert tab.state.phase is Phase.AWAY
    assert problems(browser) == []


@to_its_end
async def test_nothing_is_said_to_be_missing_before_it_is_known_what_is_here() -> None:
    browser = Browser(ONE)
    await (await browser.tab()).loading.do_model_choose("one")
    tab = await browser.opened()
    tab.desk.outside.settings.write(SELECTED, "one")
    said = set()
    starting = asyncio.ensure_future(tab.start())
    while not starting.done():
        said.add("Not downloaded" in str(jobs.status(tab.state)))
        await asyncio.sleep(0)
    assert said == {False}
    assert tab.state.phase is Phase.IDLE
