"""Models taken in from a folder of the disk: never half, nobody's, or without a word."""

import asyncio
import json
from collections.abc import Callable

import pytest
from bocal.errors import Failure, Problem
from bocal.models.record import Library, Model
from bocal.protocols import Form, Shelf
from bocal.ui.actions import deleting
from bocal.ui.application import Application
from bocal.weights.download import State
from bocal.weights.storage import Item
from household import CONTENT, ONE, Browser, until
from outside import to_its_end
from test_folder import MANIFEST, WHOLE, Folder

BASE = "https://local.invalid/m/resolve/main/"
NAMES = {"mlc-chat-config.json", "tensor-cache.json", "tokenizer.json", "s0.bin", "m-webgpu.wasm"}


class Slow(Folder):
    """A folder whose file `at` is kept only once `go` is set; `failure` is raised instead, where there is one."""

    def __init__(self, browser: Browser, name: str = "m", at: str = "tokenizer.json") -> None:
        super().__init__(name, WHOLE, browser.world.store)
        self.at, self.go, self.reached = at, asyncio.Event(), asyncio.Event()
        self.failure: Exception | None = None

    async def keep(
        self, path: str, shelf: Shelf, key: str, form: Form, md5: str, on_bytes: Callable[[int], None]
    ) -> None:
        if path == self.at:
            self.reached.set()
            await self.go.wait()
            if self.failure:
                raise self.failure
        await super().keep(path, shelf, key, form, md5, on_bytes)

    async def read(self, path: str, most: int) -> bytes:
        if path == self.at:
            self.reached.set()
            await self.go.wait()
            if self.failure:
                raise self.failure
        return await super().read(path, most)


def here(browser: Browser) -> set[str]:
    keys = (key for shelf in Shelf for key in browser.world.store.kept[shelf])
    return {key.removeprefix(BASE) for key in keys}


def listed(tab: Application) -> list[str]:
    return [model.id for model in tab.desk.registry.custom()]


async def ended(tab: Application) -> None:
    await until(lambda: not (tab.state.arrival and tab.state.arrival.running))
    await asyncio.sleep(0.01)


async def midway(browser: Browser) -> tuple[Application, Slow]:
    """Open a tab, and take in a model there; returns with one of its files still to come."""
    tab, folder = await browser.tab(), Slow(browser)
    tab.storing.take_folder(folder)
    await folder.reached.wait()
    return tab, folder


@to_its_end
async def test_a_model_on_its_way_in_is_in_the_list() -> None:
    browser = Browser()
    tab, folder = await midway(browser)
    assert (listed(tab), here(browser) != set()) == (["m"], True)
    folder.go.set()
    await ended(tab)
    assert (listed(tab), here(browser)) == (["m"], NAMES)


@pytest.mark.parametrize(
    ("failure", "problem"),
    [
        (Failure(Problem.FILE_UNREADABLE, file="s"), Problem.FILE_UNREADABLE),
        (Failure(Problem.STORAGE_FULL), Problem.ROOM_SHORT),
        (KeyError("a bug"), Problem.STORAGE_FAILED),
        (None, None),  # cancelled
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_one_that_does_not_arrive_leaves_all_as_it_was(
    failure: Exception | None, problem: Problem | None, known: bool
) -> None:
    async def story() -> None:
        browser = Browser()
        tab, folder = await browser.tab(), Slow(browser)
        if known:
            tab.storing.take_folder(Folder("m", WHOLE, browser.world.store))
            await ended(tab)
            await tab.storing.do_delete_weights("m")
        before, models = here(browser), tab.desk.registry.custom()
        folder.failure = failure
        tab.storing.take_folder(folder)
        await folder.reached.wait()
        if failure is None:
            tab.storing.do_arrival_cancel()
        folder.go.set()
        await ended(tab)
        assert (here(browser), tab.desk.registry.custom()) == (before, models)
        assert not any(it.complete for it in tab.state.presence.values())
        arrival = tab.state.arrival
        told = arrival.failure if arrival else None
        assert (told.problem if told else None) == problem
        assert [type(it) for it in browser.reported] == [KeyError] * isinstance(failure, KeyError)

    to_its_end(story)()


@to_its_end
async def test_a_library_that_is_here_already_stays_as_it_is() -> None:
    browser = Browser()
    shared = Model("m", "M", "https://h/o/m", library=Library(key="shared.wasm"), custom=False)
    browser.world.store.kept[Shelf.LIBRARY]["https://l/shared.wasm"] = b"as it was"
    tab, folder = await browser.tab(shared), Folder("m", WHOLE, browser.world.store)
    folder.broken = "tensor-cache.json"
    tab.storing.take_folder(folder)
    await ended(tab)
    assert browser.world.store.kept[Shelf.LIBRARY] == {"https://l/shared.wasm": b"as it was"}
    tab.storing.take_folder(Folder("m", WHOLE, browser.world.store))
    await ended(tab)
    assert browser.world.store.kept[Shelf.LIBRARY] == {"https://l/shared.wasm": b"as it was"}
    assert tab.state.complete(shared)


@to_its_end
async def test_a_full_disk_is_told_with_the_bytes_that_are_missing() -> None:
    browser = Browser()
    tab, folder = await browser.tab(), Slow(browser)
    folder.failure = Failure(Problem.STORAGE_FULL)
    browser.quota.whole = 10**9  # as the browser tells it
    tab.storing.take_folder(folder)
    await folder.reached.wait()
    folder.go.set()
    await ended(tab)
    assert tab.state.arrival
    assert tab.state.arrival.failure
    whole = sum(it for path, it in folder.files.items() if path != "README.md")
    assert tab.state.arrival.failure.facts == {"missing_bytes": whole - 8 - folder.files["mlc-chat-config.json"]}


@to_its_end
async def test_one_that_is_cancelled_while_it_is_looked_at_touches_nothing() -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    tab.desk.spawn(tab.loading.do_download_resume("one"))
    await until(lambda: (job := tab.state.download(ONE)) and job.done > 150)
    folder = Slow(browser, "one", at="m-webgpu.wasm")
    tab.storing.take_folder(folder)
    await folder.reached.wait()
    tab.storing.do_arrival_cancel()
    folder.go.set()
    await until(lambda: tab.state.arrival is None)
    await until(lambda: tab.state.downloads["one"].state is State.DONE)
    assert browser.here() >= set(CONTENT)


@to_its_end
async def test_a_second_folder_is_told_to_wait() -> None:
    browser = Browser()
    tab, folder = await browser.tab(), Slow(browser)
    tab.storing.take_folder(folder)
    first = tab.state.arrival
    tab.storing.take_folder(Folder("n", WHOLE, browser.world.store))
    await until(lambda: tab.state.notice)
    assert (tab.state.notice, tab.state.arrival) == (tab.state.texts("storage.one_at_a_time"), first)


@to_its_end
async def test_a_model_that_is_deleted_while_it_arrives_does_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deleting, "UNDO", 0.01)
    browser = Browser()
    tab, folder = await midway(browser)
    await tab.deleting.do_delete_confirm("m")
    folder.go.set()
    await ended(tab)
    await until(lambda: not tab.state.leaving)
    assert (listed(tab), here(browser)) == ([], set())


@to_its_end
async def test_a_model_taken_in_while_it_is_leaving_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deleting, "UNDO", 0.02)
    browser = Browser()
    tab = await browser.tab()
    for _ in range(2):
        tab.storing.take_folder(Folder("m", WHOLE, browser.world.store))
        await ended(tab)
        if not tab.state.leaving and "bocal.leaving" not in browser.settings:
            await tab.deleting.do_delete_confirm("m")
    await asyncio.sleep(0.05)
    assert (listed(tab), here(browser), tab.state.leaving) == (["m"], NAMES, {})


@to_its_end
async def test_what_a_download_has_begun_goes_once_the_model_has_arrived() -> None:
    browser = Browser(ONE)
    tab = await browser.tab()
    tab.desk.spawn(tab.loading.do_download_resume("one"))
    await until(lambda: (job := tab.state.download(ONE)) and job.done > 150)
    tab.storing.take_folder(Folder("one", WHOLE, browser.world.store))
    await ended(tab)
    assert (tab.state.download(ONE), browser.world.wire.files, await browser.jobs()) == (None, {}, set())
    assert tab.state.complete(ONE)


@to_its_end
async def test_one_of_another_version_that_does_not_arrive_leaves_no_file_of_its_own() -> None:
    browser = Browser()
    tab = await browser.tab()
    tab.storing.take_folder(Folder("m", WHOLE, browser.world.store))
    await ended(tab)
    await tab.deleting.desk.lengths.delete([Item(Shelf.CONFIG, BASE + "mlc-chat-config.json")])  # incomplete
    folder = Slow(browser)
    other = {"dataPath": "s0.bin", "nbytes": 8, "records": MANIFEST["records"][0]["records"]}
    folder.content["tensor-cache.json"] = json.dumps({"records": [other]}).encode()
    folder.files = {path: len(it) for path, it in folder.content.items()}
    await tab.downloads.look()
    tab.storing.take_folder(folder)
    await folder.reached.wait()
    tab.storing.do_arrival_cancel()
    folder.go.set()
    await ended(tab)
    assert here(browser) == NAMES - {"s0.bin", "mlc-chat-config.json", "tokenizer.json"}


@to_its_end
async def test_a_model_that_another_tab_deletes_while_it_arrives_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deleting, "UNDO", 0.0)
    browser = Browser()
    tab, folder = await midway(browser)
    other = await browser.tab()
    await other.deleting.do_delete_confirm("m")
    await until(lambda: not other.state.leaving)
    folder.go.set()
    await ended(tab)
    assert (listed(tab), here(browser), tab.state.arrival) == ([], set(), None)


@to_its_end
async def test_weights_that_are_deleted_while_they_arrive_are_not_told_to_be_here() -> None:
    browser = Browser()
    tab, folder = await midway(browser)
    await tab.storing.do_delete_weights("m")
    folder.go.set()
    await ended(tab)
    assert (listed(tab), here(browser), tab.state.arrival) == ([], set(), None)
