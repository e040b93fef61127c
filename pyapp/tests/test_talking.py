"""Conversations in several tabs, and several conversations in one, over an engine that says what it is told."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import household
import pytest
from bocal.errors import Failure, Problem
from bocal.models.catalogue import GUIDE_ID
from bocal.models.device import Device
from bocal.models.record import Model
from bocal.protocols import Chunk
from bocal.ui import thread
from bocal.ui.actions import deleting, loading
from bocal.ui.actions.desk import SELECTED
from bocal.ui.actions.downloads import Downloads
from bocal.ui.application import Application
from bocal.ui.state import Phase
from household import ONE, Browser, problems, settled, until
from outside import to_its_end

THE_GUIDE = dataclasses.replace(ONE, id=GUIDE_ID, custom=False)


@pytest.fixture
def go_on(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """An answer's second half comes once this is set."""
    event = asyncio.Event()

    async def chat(*_args: Any) -> AsyncIterator[Chunk]:
        yield Chunk("one ")
        await event.wait()
        yield Chunk("two")

    monkeypatch.setattr(household.Engine, "chat", chat, raising=False)
    return event


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deletion can be taken back for a moment only."""
    monkeypatch.setattr(deleting, "UNDO", 0.05)


async def ready(browser: Browser) -> Application:
    """Open a tab whose model is ready."""
    tab = await browser.tab()
    await tab.loading.do_model_choose("one")
    assert tab.state.phase is Phase.READY
    return tab


async def ask(tab: Application, question: str) -> None:
    """Ask, and wait for the first half of the answer."""
    tab.state.draft = question
    tab.act("chat.send", "")
    await until(lambda: tab.state.writing and tab.state.writing.text)


async def while_another_writes(browser: Browser) -> tuple[Application, Application]:
    """Ask in one tab, and show the conversation in another: return both, once the second knows of the answer."""
    first, second = await ready(browser), await ready(browser)
    await ask(first, "Why?")
    conversation = first.state.conversation
    await until(lambda: conversation.id in second.desk.history.heads)
    await second.remembering.do_conversation_open(conversation.id)
    await until(lambda: second.state.locked)
    return first, second


def test_an_answer_that_another_tab_writes_is_not_taken_for_one_that_broke_off(go_on: asyncio.Event) -> None:
    @to_its_end
    async def story() -> None:
        browser = Browser(ONE)
        first, second = await while_another_writes(browser)
        assert "The answer is being written in another tab." in thread.view(second.state)
        second.state.draft = "And?"
        second.act("chat.send", "")
        await until(lambda: browser.reported)
        assert problems(browser) == [Problem.CHAT_ELSEWHERE]
        assert second.state.draft == "And?"
        go_on.set()
        await until(lambda: not second.state.locked)
        await settled(first, second)
        assert [it.text for it in second.state.conversation.path()] == ["Why?", "one two"]
        second.act("chat.send", "")
        await until(lambda: second.state.phase is Phase.READY and len(second.state.conversation.path()) == 4)

    story()


def test_a_question_sent_while_the_model_is_loaded_is_answered_once(
    go_on: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    @to_its_end
    async def story() -> None:
        tab, loaded = await ready(Browser(ONE)), asyncio.Event()
        monkeypatch.setattr(household.Engine, "load", lambda *_args: loaded.wait())
        go_on.set()
        tab.act("model.choose", "one")
        await until(lambda: tab.state.phase is Phase.LOADING)
        for draft in ("Why?", "Why?", "Why not?"):  # pressed twice, then put in other words
            tab.state.draft = draft
            tab.act("chat.send", "")
            await settled(tab)
        tab.state.draft = "Why not? And"
        assert (tab.state.phase, tab.state.draft) == (Phase.LOADING, "Why not? And")
        loaded.set()
        await until(lambda: tab.state.phase is Phase.READY and tab.state.conversation.messages)
        await settled(tab)
        assert [it.text for it in tab.state.conversation.path()] == ["Why not?", "one two"]
        assert tab.state.draft.strip() == "And"

    story()


def test_the_conversation_that_was_chosen_last_is_shown(go_on: asyncio.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    @to_its_end
    async def story() -> None:
        go_on.set()
        browser = Browser(ONE)
        tab = await ready(browser)
        chosen = []
        for question in ("Why?", "Well?"):
            tab.asking.do_chat_new()
            tab.state.draft = question
            await tab.asking.do_chat_send()
            chosen.append(tab.state.conversation.id)
        tab.asking.do_chat_new()
        tab.remembering._known.clear()
        opened = tab.desk.history.open

        async def slowly(conversation_id: str) -> Any:
            found = await opened(conversation_id)
            if conversation_id == chosen[0]:
                await asyncio.sleep(0.05)
            return found

        monkeypatch.setattr(tab.desk.history, "open", slowly)
        await asyncio.gather(*map(tab.remembering.do_conversation_open, chosen))
        assert tab.state.conversation.id == chosen[1]

    story()


def test_the_version_that_is_shown_stays_where_a_search_finds_its_question(go_on: asyncio.Event) -> None:
    @to_its_end
    async def story() -> None:
        go_on.set()
        tab = await ready(Browser(ONE))
        tab.state.draft = "Why?"
        await tab.asking.do_chat_send()
        said = tab.state.conversation
        first = said.leaf
        await tab.asking.do_message_again(first)
        await tab.asking.do_message_show(first)
        await tab.remembering.do_conversation_open(f"{said.id} {said.path()[0].id}")
        assert said.leaf == first

    story()


def test_room_that_was_made_in_the_window_lasts(go_on: asyncio.Event) -> None:
    @to_its_end
    async def story() -> None:
        go_on.set()
        browser = Browser(ONE)
        tab = await ready(browser)
        for question in ("Why?", "Well?"):
            tab.state.draft = question
            await tab.asking.do_chat_send()
        tab.state.context_window = 100
        tab.act("window.drop", "")
        await settled(tab)
        kept = await tab.desk.history.open(tab.state.conversation.id)
        assert kept
        assert kept.since == kept.path()[2].id

    story()


def test_what_a_tab_wrote_that_was_closed_is_shown_by_the_other(go_on: asyncio.Event) -> None:
    @to_its_end
    async def story() -> None:
        browser = Browser(ONE)
        first, second = await while_another_writes(browser)
        said = first.state.conversation
        assert first.state.writing
        await first.desk.history.note_progress(said, first.state.writing)
        lock = next(lock for name, lock in browser.world.locks.items() if name.startswith("bocal.answer."))
        lock.release()  # as the browser does when the tab is closed
        await until(lambda: not second.state.locked)
        await settled(second)
        assert [it.text for it in second.state.conversation.path()] == ["Why?", "one "]
        await lock.acquire()
        go_on.set()

    story()


def test_the_next_question_waits_for_the_answer_to_be_kept(
    go_on: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    @to_its_end
    async def story() -> None:
        browser = Browser(ONE)
        tab = await ready(browser)
        await ask(tab, "Why?")
        saved = tab.desk.history.save

        async def slowly(conversation: Any) -> None:
            await asyncio.sleep(0.02)
            await saved(conversation)

        monkeypatch.setattr(tab.desk.history, "save", slowly)
        go_on.set()
        await until(lambda: tab.state.phase is Phase.READY)
        tab.state.draft = "And?"
        tab.act("chat.send", "")
        await until(lambda: len(tab.state.conversation.path()) == 4 and tab.state.phase is Phase.READY)
        assert browser.reported == []

    story()


def test_a_question_that_is_refused_loads_no_model(go_on: asyncio.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    @to_its_end
    async def story() -> None:
        browser = Browser(ONE)
        first = await ready(browser)
        await ask(first, "Why?")
        second = await browser.tab()
        second.loading.select(ONE)
        await until(lambda: first.state.conversation.id in second.desk.history.heads)
        await second.remembering.do_conversation_open(first.state.conversation.id)
        loaded: list[object] = []
        monkeypatch.setattr(household.Engine, "load", lambda *_args: loaded.append(_args))
        second.state.draft = "And?"
        second.act("chat.send", "")
        await until(lambda: browser.reported)
        assert (problems(browser), loaded, second.state.phase) == ([Problem.CHAT_ELSEWHERE], [], Phase.IDLE)
        go_on.set()
        await until(lambda: not first.state.writing)

    story()


@to_its_end
async def test_a_full_localstorage_stops_nothing() -> None:
    browser = Browser(ONE)
    tab = await browser.tab()

    def refuse(key: str, value: str) -> None:
        if len(value) >= len(browser.settings.get(key, "")):
            raise Failure(Problem.SETTINGS_FULL)
        browser.settings[key] = value

    browser.settings.write = refuse  # type: ignore[method-assign]
    await tab.loading.do_model_choose("one")
    assert tab.state.phase is Phase.READY
    tab.act("settings.theme", "dark")
    assert tab.state.theme == "dark"
    await tab.deleting.do_delete_confirm("one")
    assert tab.state.custom == []
    await until(lambda: not browser.here())
    await settled(tab)
    assert not tab.state.leaving


@pytest.mark.parametrize("model", [ONE, THE_GUIDE], ids=["own", "guide"])
@pytest.mark.parametrize("answering", [False, True])
def test_a_question_asked_while_the_page_still_starts_is_answered(
    model: Model, answering: bool, go_on: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    @to_its_end
    async def story() -> None:
        browser, known, loaded = Browser(ONE), asyncio.Event(), asyncio.Event()
        first = await browser.tab(THE_GUIDE)
        await first.loading.do_model_choose(model.id)  # its files are here from now on

        async def look() -> Device:
            await known.wait()
            return Device()

        async def load(*_args: Any) -> None:
            await loaded.wait()

        browser.look = look
        monkeypatch.setattr(household.Engine, "load", load)
        tab = await browser.opened(THE_GUIDE)
        tab.desk.outside.settings.write(SELECTED, model.id)
        starting = asyncio.ensure_future(tab.start())
        await until(lambda: tab.state.phase is Phase.IDLE)
        tab.state.draft = "Why?"
        tab.act("chat.send", "")
        await until(lambda: tab.state.phase is Phase.LOADING)
        if answering:
            loaded.set()
            await until(lambda: tab.state.writing and tab.state.writing.text)
        known.set()
        await starting
        assert tab.state.phase is (Phase.ANSWERING if answering else Phase.LOADING)
        loaded.set()
        go_on.set()
        await until(lambda: tab.state.phase is Phase.READY and tab.state.conversation.messages)
        await settled(tab)
        assert [it.text for it in tab.state.conversation.path()] == ["Why?", "one two"]

    story()


@pytest.mark.parametrize("lacking", ["", "files", "storage"])
def test_a_question_asked_before_the_guide_has_come_waits_for_it(
    lacking: str, go_on: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_args: Any) -> None:
        raise Failure(Problem.STORAGE_FAILED)

    @to_its_end
    async def story() -> None:
        browser = Browser()

        async def look() -> Device:
            return Device()

        browser.look = look
        if lacking == "files":
            browser.world.wire.web.documents.clear()
        if lacking == "storage":
            monkeypatch.setattr(Downloads, "bring", refuse)
        go_on.set()
        tab = await browser.opened(THE_GUIDE)
        tab.state.draft = "Why?"
        starting = asyncio.ensure_future(tab.start())
        await until(lambda: tab.state.selected)
        tab.act("chat.send", "")
        await starting
        await until(lambda: tab.state.phase is (Phase.AWAY if lacking else Phase.READY))
        await asyncio.sleep(2 * loading.SOON)
        await settled(tab)
        assert [it.text for it in tab.state.conversation.path()] == ([] if lacking else ["Why?", "one two"])
        assert tab.state.draft == ("Why?" if lacking else "")

    story()
