"""Models that leave this machine, whole, whichever tab asks and whatever goes on meanwhile: a few tabs in a browser."""

import asyncio
import dataclasses

import pytest
from bocal.errors import Failure, Problem
from bocal.models.record import Model
from bocal.protocols import Form, Shelf
from bocal.ui.actions import deleting
from bocal.ui.actions.leavings import KEY
from bocal.ui.application import Application
from bocal.ui.state import Phase
from bocal.weights.download import State
from household import BASE, CONTENT, ONE, TWO, Browser, problems, settled, until
from outside import to_its_end

NAMES = {"mlc-chat-config.json", "tensor-cache.json", "tokenizer.json", "r.wasm", *CONTENT}
STANDARD = dataclasses.replace(ONE, id="standard", custom=False)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deletion can be taken back for a moment only."""
    monkeypatch.setattr(deleting, "UNDO", 0.05)


async def begin(tab: Application, model: Model = ONE, nbytes: int = 150) -> None:
    """Begin a download in a tab, and wait for some of it."""
    tab.desk.spawn(tab.loading.do_download_resume(model.id))
    await until(lambda: (job := tab.state.download(model)) and job.done >= nbytes)


async def follows(tab: Application) -> None:
    """Wait until a tab knows that another one does the job."""
    await until(lambda: (job := tab.state.downloads.get("one")) and job.elsewhere)


async def gone(browser: Browser) -> None:
    await until(lambda: browser.settings.get(KEY, "[]") == "[]")


@to_its_end
async def test_a_model_deleted_while_it_downloads_leaves_nothing() -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    await begin(tab)
    await tab.deleting.do_delete_confirm("one")
    await gone(browser)
    await settled(tab)
    assert (browser.here(), browser.world.wire.files, await browser.jobs()) == (set(), {}, set())
    assert (tab.state.downloads, tab.state.survey.models, browser.reported) == ({}, (), [])


@to_its_end
async def test_a_model_deleted_in_one_tab_while_another_downloads_it_leaves_both_lists() -> None:
    browser = Browser(ONE)
    first, second = await browser.tab(), await browser.tab()
    await begin(first)
    await follows(second)
    await second.deleting.do_delete_confirm("one")
    await gone(browser)
    await settled(first, second)
    assert (browser.here(), browser.world.wire.files, await browser.jobs()) == (set(), {}, set())
    assert [tab.state.survey.models for tab in (first, second)] == [(), ()]
    assert [tab.state.download(ONE) for tab in (first, second)] == [None, None]


@to_its_end
async def test_a_model_can_be_deleted_with_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    offline = asyncio.Event()

    async def online() -> None:
        offline.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(browser.world.wire, "online", online)
    browser.world.wire.web.documents[f"{BASE}params_shard_4.bin"] = Failure(Problem.OFFLINE)
    tab.desk.spawn(tab.loading.do_download_resume("one"))
    await offline.wait()
    await tab.deleting.do_delete_confirm("one")
    await gone(browser)
    assert (browser.here(), browser.world.wire.files, await browser.jobs()) == (set(), {}, set())


@to_its_end
async def test_a_deletion_is_noted_before_anything_else_is_done() -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    await begin(tab)
    tab.desk.spawn(tab.deleting.do_delete_confirm("one"))
    await asyncio.sleep(0)
    assert '"one"' in browser.settings[KEY]
    assert tab.state.downloads["one"].state is State.RUNNING


@to_its_end
async def test_a_file_that_another_tab_has_open_is_deleted_by_the_next_visit(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    await begin(tab)
    tries = []

    async def busy(name: str) -> None:
        tries.append(name)
        raise Failure(Problem.STORAGE_BUSY)

    with monkeypatch.context() as patch:
        patch.setattr(browser.world.wire, "drop", busy)
        await tab.deleting.do_delete_confirm("one")
        await until(lambda: tab.state.notice)
        assert tries.count(tries[-1]) >= 4
        assert tab.state.notice == tab.state.texts("problem.storage_busy")
        assert (problems(browser), '"one"' in browser.settings[KEY]) == ([], True)
    await browser.tab()
    await gone(browser)
    assert (browser.here(), browser.world.wire.files) == (set(), {})


@to_its_end
async def test_a_model_added_anew_while_it_is_leaving_keeps_its_files() -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    await tab.downloads.bring(ONE)
    await tab.deleting.do_delete_confirm("one")
    await tab.desk.registry.add(ONE)
    tab.changed_elsewhere("customModels")
    await until(lambda: not tab.state.leaving)
    await settled(tab)
    assert browser.here() == NAMES
    assert tab.state.complete(ONE)


@to_its_end
async def test_taking_back_a_deletion_of_a_model_that_was_added_anew_changes_nothing() -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    await tab.deleting.do_delete_confirm("one")
    await tab.desk.registry.add(ONE)
    await tab.deleting.do_delete_undo("one")
    await settled(tab)
    assert ([it.id for it in tab.desk.registry.custom()], tab.state.leaving) == (["one"], {})


@to_its_end
async def test_a_model_wanted_again_comes_although_its_old_job_still_keeps_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    keep, keeping, kept = browser.world.wire.keep, asyncio.Event(), asyncio.Event()

    async def slowly(name: str, nbytes: int, shelf: Shelf, key: str, form: Form) -> None:
        if key.endswith(".bin"):
            keeping.set()
            await kept.wait()
        await keep(name, nbytes, shelf, key, form)

    monkeypatch.setattr(browser.world.wire, "keep", slowly)
    tab.desk.spawn(tab.loading.do_download_resume("one"))
    await keeping.wait()
    await tab.deleting.do_delete_confirm("one")
    await until(lambda: not tab.state.downloads)
    await tab.deleting.do_delete_undo("one")
    again = asyncio.ensure_future(tab.downloads.bring(ONE))
    await asyncio.sleep(0.02)
    kept.set()
    assert await again is State.DONE
    await settled(tab)
    assert tab.state.complete(ONE)
    assert (await browser.jobs(), browser.world.wire.files) == (set(), {})


@to_its_end
async def test_a_download_waits_until_the_old_files_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(ONE)
    tab = await browser.tab(STANDARD)
    await tab.downloads.bring(STANDARD)
    delete = browser.world.store.delete_keys
    going, may_go = asyncio.Event(), asyncio.Event()

    async def slowly(*args: object) -> None:
        going.set()
        await may_go.wait()
        await delete(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(browser.world.store, "delete_keys", slowly)
    await tab.deleting.do_delete_confirm("standard")
    await going.wait()
    bringing = asyncio.ensure_future(tab.downloads.bring(STANDARD))
    await settled(tab)
    may_go.set()
    assert await bringing is State.DONE
    assert browser.here() == NAMES


@to_its_end
async def test_what_is_cancelled_in_a_tab_that_follows_is_gone_from_both_lists() -> None:
    browser = Browser(ONE)
    first, second = await browser.tab(), await browser.tab()
    await begin(first)
    await follows(second)
    await second.downloads.do_download_cancel("one")
    await settled(first, second)
    assert (browser.here(), browser.world.wire.files, await browser.jobs()) == (set(), {}, set())
    for tab in (first, second):
        assert (tab.state.download(ONE), dict(tab.state.presence), tab.state.survey.models) == (None, {}, ())


@to_its_end
async def test_what_was_here_before_a_download_stays_when_it_is_cancelled() -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    assert await tab.downloads.bring(ONE) is State.DONE
    for lost in ("params_shard_2.bin", "r.wasm"):
        for records in browser.world.store.kept.values():
            records.pop(BASE + lost, None)
        browser.world.wire.web.documents[BASE + lost] = Failure(Problem.REFUSED, host="h")
    await tab.downloads.look()
    for visits in (1, 2, 3):  # in the visit that began it, in one that found it failed, in one that tried it again
        assert await tab.downloads.bring(ONE) is State.FAILED
        if visits > 1:
            tab = await browser.tab()
            assert "one" in tab.state.downloads
        if visits > 2:
            assert await tab.downloads.bring(ONE) is State.FAILED
        assert browser.here() == NAMES - {"params_shard_2.bin", "r.wasm"}
        await tab.downloads.do_download_cancel("one")
        assert browser.here() == NAMES - {"params_shard_2.bin", "r.wasm"}
        assert (await browser.jobs(), tab.state.downloads) == (set(), {})
        tab = await browser.tab()


@pytest.mark.parametrize("turns", range(1, 12))
def test_what_was_here_stays_however_soon_a_download_is_cancelled(turns: int) -> None:
    @to_its_end
    async def story() -> None:
        browser = Browser(ONE)
        tab = await browser.tab()
        assert await tab.downloads.bring(ONE) is State.DONE
        browser.world.store.kept[Shelf.MODEL].pop(f"{BASE}params_shard_2.bin")
        await tab.downloads.look()
        tab.desk.spawn(tab.loading.do_download_resume("one"))
        for _ in range(turns):
            await asyncio.sleep(0)
        await tab.downloads.do_download_cancel("one")
        await settled(tab)
        assert browser.here() >= NAMES - {"params_shard_2.bin"}

    story()


@to_its_end
async def test_what_was_here_stays_where_there_is_no_room_for_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    assert await tab.downloads.bring(ONE) is State.DONE
    browser.world.store.kept[Shelf.MODEL].pop(f"{BASE}params_shard_2.bin")
    await tab.downloads.look()
    monkeypatch.setattr(browser.world.notes, "refused", True)
    browser.world.room = 0
    assert await tab.downloads.bring(ONE) is State.PAUSED
    await tab.downloads.do_download_cancel("one")
    assert browser.here() == NAMES - {"params_shard_2.bin"}


@to_its_end
async def test_cancelling_a_download_of_what_has_changed_lets_the_new_version_come() -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    assert await tab.downloads.bring(ONE) is State.DONE
    await tab.storing.do_delete_weights("one")
    web = browser.world.wire.web.documents
    web[f"{BASE}mlc-chat-config.json"] = {"tokenizer_files": ["tokenizer.json"], "context_window_size": 64}
    assert await tab.downloads.bring(ONE) is State.FAILED
    job = tab.state.download(ONE)
    assert job
    assert job.failure
    assert job.failure.problem is Problem.CHANGED_ON_HOST
    await tab.downloads.do_download_cancel("one")
    assert await tab.downloads.bring(ONE) is State.DONE


@to_its_end
async def test_a_cancelled_download_leaves_no_hash_of_what_is_gone() -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    browser.world.store.kept[Shelf.LIBRARY]["https://l/other.wasm"] = b""
    await begin(tab)
    await tab.downloads.do_download_cancel("one")
    assert (browser.here(), await browser.world.means().journal.small_files(BASE)) == (set(), {})


@pytest.mark.parametrize("how", ["cancelled", "deleted"])
def test_a_job_that_stands_still_leaves_every_tab_that_shows_it(how: str) -> None:
    @to_its_end
    async def story() -> None:
        browser = Browser(ONE)
        first = await browser.tab()
        await begin(first)
        first.downloads.do_download_pause("one")
        await until(lambda: (job := first.state.download(ONE)) and job.state is State.PAUSED)
        await settled(first)
        second = await browser.tab()
        if how == "cancelled":
            await second.downloads.do_download_cancel("one")
        else:
            await second.deleting.do_delete_confirm("one")
            await gone(browser)
        await settled(first, second)
        assert (first.state.downloads, second.state.downloads, browser.here()) == ({}, {}, set())

    story()


@to_its_end
async def test_a_job_without_a_model_can_be_put_away() -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    await begin(tab)
    tab.downloads.do_download_pause("one")
    await tab.desk.registry.remove("one")
    await tab.downloads.do_download_cancel("one")
    assert (tab.state.downloads, await browser.jobs()) == ({}, set())


@to_its_end
async def test_a_model_whose_files_left_in_another_tab_is_away_here_too() -> None:
    browser = Browser(ONE)
    first, second = await browser.tab(), await browser.tab()
    assert await first.downloads.bring(ONE) is State.DONE
    await settled(first, second)
    await second.downloads.look()
    second.loading.select(ONE)
    phases = [second.state.phase]
    await first.storing.do_delete_weights("one")
    await settled(first, second)
    assert [*phases, second.state.phase] == [Phase.IDLE, Phase.AWAY]


@to_its_end
async def test_a_question_downloads_no_model_whose_files_have_gone() -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    await tab.loading.do_model_choose("one")
    browser.world.store.kept[Shelf.MODEL].pop(f"{BASE}params_shard_2.bin")
    await tab.downloads.look()
    tab.state.phase, tab.state.failure = Phase.FAILED, Failure(Problem.FILE_GONE)
    browser.world.wire.asked.clear()
    tab.state.draft = "Hello"
    tab.act("chat.send", "")
    await settled(tab)
    assert (tab.state.phase, tab.state.draft, browser.world.wire.asked) == (Phase.AWAY, "Hello", [])


@to_its_end
async def test_a_question_asked_while_the_weights_are_deleted_does_not_bring_them_back() -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    await tab.loading.do_model_choose("one")
    browser.world.wire.asked.clear()
    deleting_now = asyncio.ensure_future(tab.storing.do_delete_weights("one"))
    for turn in range(40):
        await asyncio.sleep(0)
        tab.state.draft = f"Hello {turn}"
        tab.act("chat.send", "")
    await deleting_now
    await settled(tab)
    assert (browser.here() & set(CONTENT), browser.world.wire.asked) == (set(), [])


@to_its_end
async def test_deleting_the_weights_of_the_model_in_use_says_that_it_is_away() -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    await tab.loading.do_model_choose("one")
    assert tab.state.phase is Phase.READY
    tab.loading.desk.choice += 1
    loading = asyncio.ensure_future(tab.loading.get_ready(ONE))
    await tab.storing.do_delete_weights("one")
    await loading
    await settled(tab)
    assert (tab.state.phase, tab.state.failure) == (Phase.AWAY, None)


@to_its_end
async def test_a_job_is_ended_by_another_tab_though_its_model_has_left_the_list() -> None:
    browser = Browser(ONE)
    first, second = await browser.tab(), await browser.tab()
    await begin(first)
    await first.desk.registry.remove("one")
    second.desk.outside.means.tabs.say({"job": "one", "do": State.CANCELLED})
    await until(lambda: first.state.download(ONE) is None)


@to_its_end
async def test_deleting_the_weights_ends_the_job_for_the_next_visit_too() -> None:
    for elsewhere in (False, True):
        browser = Browser(ONE)
        first, second = await browser.tab(), await browser.tab()
        await begin(first)
        await follows(second)
        await (second if elsewhere else first).storing.do_delete_weights("one")
        await settled(first, second)
        assert not browser.here() & set(CONTENT)
        assert "mlc-chat-config.json" in browser.here()
        assert (browser.world.wire.files, await browser.jobs()) == ({}, set())
        third = await browser.tab()
        assert third.state.downloads == {}
        assert [tab.state.presence["one"].done for tab in (first, second, third)] == [0, 0, 0]


@to_its_end
async def test_weights_of_a_paused_job_go_with_what_it_has_begun() -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    await begin(tab)
    tab.downloads.do_download_pause("one")
    await until(lambda: not [job for job in tab.state.downloads.values() if job.state is State.RUNNING])
    await settled(tab)
    await tab.storing.do_delete_weights("one")
    assert (browser.here() & set(CONTENT), browser.world.wire.files, await browser.jobs()) == (set(), {}, set())


@to_its_end
async def test_two_models_at_one_address_share_a_job() -> None:
    browser = Browser(ONE, TWO)
    tab = await browser.tab()
    await begin(tab)
    second = asyncio.ensure_future(tab.downloads.bring(TWO))
    running = []

    def ended() -> bool:
        running.append([job.model_id for job in tab.state.downloads.values() if job.state is State.RUNNING])
        return second.done()

    await until(ended)
    assert await second is State.DONE
    assert ["one", "two"] not in running
    assert browser.here() == NAMES
    assert all(browser.world.wire.fetched.count(BASE + name) == 1 for name in CONTENT)


@to_its_end
async def test_the_second_of_two_models_at_one_address_goes_on_where_the_first_is_deleted() -> None:
    browser = Browser(ONE, TWO)
    tab = await browser.tab()
    await begin(tab)
    second = asyncio.ensure_future(tab.downloads.bring(TWO))
    await asyncio.sleep(0)
    await tab.deleting.do_delete_confirm("one")
    assert await second is State.DONE
    await gone(browser)
    assert browser.here() == NAMES


@to_its_end
async def test_the_second_of_two_models_is_not_brought_once_it_is_deleted() -> None:
    browser = Browser(ONE, TWO)
    tab = await browser.tab()
    await begin(tab)
    second = asyncio.ensure_future(tab.downloads.bring(TWO))
    await asyncio.sleep(0)
    await tab.deleting.do_delete_confirm("two")
    assert await second is State.CANCELLED
    await gone(browser)
    assert (browser.here(), list(tab.state.downloads)) == (NAMES, ["one"])


@to_its_end
async def test_a_cancelled_job_leaves_what_another_model_uses() -> None:
    browser = Browser(ONE, TWO)
    tab = await browser.tab()
    await begin(tab)
    await tab.downloads.do_download_cancel("one")
    kept = browser.here()
    assert "tensor-cache.json" in kept
    assert await browser.jobs() == set()
    browser.world.wire.asked.clear()
    assert await tab.downloads.bring(TWO) is State.DONE
    assert not {url.removeprefix(BASE) for url in browser.world.wire.fetched} & (kept & set(CONTENT))


@to_its_end
async def test_a_standard_model_takes_the_job_of_its_copy_with_its_files() -> None:
    browser = Browser(ONE)
    tab = await browser.tab(STANDARD)
    await begin(tab)
    await tab.deleting.do_delete_confirm("standard")
    await gone(browser)
    await settled(tab)
    assert (browser.here(), browser.world.wire.files, await browser.jobs()) == (set(), {}, set())
    assert tab.state.download(ONE) is None
