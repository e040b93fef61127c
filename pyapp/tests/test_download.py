"""A download job: what is fetched, what is kept, how it ends, and how the next visit goes on."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from bocal.errors import Failure, Problem
from bocal.protocols import Shelf
from bocal.weights import discard, presence
from bocal.weights.answer import Validator
from bocal.weights.download import Download, State
from bocal.weights.journal import JobNote, PartialNote
from bocal.weights.plan import Listed
from outside import Answer, Web, World

BASE = "https://h/o/r/resolve/main/"
LIBRARY = "https://h/o/r/resolve/main/r.wasm"
CONTENT = {f"params_shard_{n}.bin": bytes([n]) * (100 + n) for n in range(9)}
SHARDS = [
    {
        "dataPath": name,
        "nbytes": len(data),
        "md5sum": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "records": [],
    }
    for name, data in CONTENT.items()
]


@pytest.fixture(autouse=True)
def one_loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a page: what a test runs, it runs in one loop."""
    with asyncio.Runner() as runner:
        monkeypatch.setattr(asyncio, "run", runner.run)
        yield


def web(**changes: Any) -> Web:
    documents: dict[str, Any] = {
        f"{BASE}mlc-chat-config.json": {"tokenizer_files": ["tokenizer.json"]},
        f"{BASE}tensor-cache.json": {"records": SHARDS},
        f"{BASE}tokenizer.json": b"{}",
        LIBRARY: b"\0asm",
        **{BASE + name: data for name, data in CONTENT.items()},
    }
    return Web({**documents, **{BASE + name.replace("__", "."): value for name, value in changes.items()}})


def job(world: World, bases: list[str] | None = None, hashes: Mapping[str, str] | None = None) -> Download:
    async def find_library(_base: str) -> tuple[str, str]:
        return LIBRARY, LIBRARY

    async def find_listed(_base: str) -> Mapping[str, Listed]:
        return {name: Listed(sha256) for name, sha256 in (hashes or {}).items()}

    means = world.means()
    download = Download("m", bases or [BASE], BASE, means, find_library, find_listed, lambda: None)
    means.tabs.hear(download.heard)
    return download


def failure_of(download: Download) -> Problem | None:
    return download.failure.problem if download.failure else None


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 - the job's own progress is what is waited for
        await asyncio.sleep(0)


async def until_half(download: Download) -> None:
    await until(lambda: download.done >= 300)


async def half_way(world: World) -> tuple[Download, "asyncio.Task[State]"]:
    """Run a job, in a tab of its own; return it once half of it has arrived."""
    download = job(world)
    running = asyncio.ensure_future(download.run())
    await until_half(download)
    return download, running


async def follower(world: World) -> tuple[Download, "asyncio.Task[State]"]:
    """Run the same job in another tab; return it once it follows."""
    download = job(world)
    running = asyncio.ensure_future(download.run())
    await until(lambda: download.elsewhere)
    return download, running


def test_all_files_arrive_under_the_keys_webllm_asks_for() -> None:
    world = World(web())
    download = job(world)
    assert asyncio.run(download.run()) is State.DONE
    kept = world.store.kept
    assert set(kept[Shelf.CONFIG]) == {f"{BASE}mlc-chat-config.json"}
    assert set(kept[Shelf.LIBRARY]) == {LIBRARY}
    assert set(kept[Shelf.MODEL]) == {BASE + name for name in ("tensor-cache.json", "tokenizer.json", *CONTENT)}
    assert kept[Shelf.MODEL][f"{BASE}tensor-cache.json"] == {"records": SHARDS}
    assert all(kept[Shelf.MODEL][BASE + name] == data for name, data in CONTENT.items())
    assert download.done == download.total > sum(len(data) for data in CONTENT.values())
    assert not world.wire.files
    assert not world.notes.kept["jobs"]
    assert not world.notes.kept["partials"]
    found = asyncio.run(presence.look(world.store, [("m", BASE, LIBRARY), ("n", "https://h/n/", "")]))
    assert set(found) == {"m"}
    assert found["m"].complete


def test_a_second_run_fetches_only_what_is_missing() -> None:
    world = World(web(params_shard_4__bin=Failure(Problem.NOT_FOUND)))
    download = job(world)
    assert asyncio.run(download.run()) is State.FAILED
    assert failure_of(download) is Problem.NOT_FOUND
    kept = set(world.store.kept[Shelf.MODEL]) - {f"{BASE}tensor-cache.json"}
    assert not asyncio.run(presence.look(world.store, [("m", BASE, LIBRARY)]))["m"].complete

    world.wire.web.documents[f"{BASE}params_shard_4.bin"] = CONTENT["params_shard_4.bin"]
    world.wire.asked.clear()
    assert asyncio.run(download.run()) is State.DONE
    assert not kept & set(world.wire.fetched)


def test_pausing_keeps_every_byte_and_running_again_goes_on_from_there() -> None:
    async def story() -> None:
        world = World(web())
        download, running = await half_way(world)
        download.pause()
        assert await running is State.PAUSED
        assert 0 < download.done < download.total
        begun = [len(content) for content in world.wire.files.values()]
        whole = {len(content) for content in (*CONTENT.values(), b"{}", b"\0asm")}  # these were only not kept yet
        world.wire.asked.clear()
        assert await download.run() is State.DONE
        assert sorted(start for _, start in world.wire.asked if start) == sorted(set(begun) - whole - {0})

    asyncio.run(story())


def test_a_later_visit_finds_the_job_where_it_was() -> None:
    async def story() -> None:
        world = World(web())
        first, running = await half_way(world)
        assert (await world.means().journal.jobs())["m"].state == State.RUNNING  # what a crash would leave
        first.pause()
        await running
        done = first.done

        note = (await world.means().journal.jobs())["m"]
        second = job(world)
        await second.resume(note)
        assert second.state is State.PAUSED
        assert done == second.done < second.total == first.total
        assert await second.run() is State.DONE
        assert all(world.store.kept[Shelf.MODEL][BASE + name] == data for name, data in CONTENT.items())

    asyncio.run(story())


def test_a_job_that_an_earlier_version_noted_as_failed_without_a_cause_is_paused() -> None:
    async def story() -> None:
        download = job(World(web()))
        await download.resume(JobNote("failed"))
        assert (download.state, download.failure) == (State.PAUSED, None)

    asyncio.run(story())


def test_two_who_run_one_job_share_it() -> None:
    async def story() -> list[str]:
        world = World(web())
        download = job(world)
        assert set(await asyncio.gather(download.run(), download.run())) == {State.DONE}
        return world.wire.fetched

    fetched = asyncio.run(story())
    assert len(fetched) == len(set(fetched))


def test_a_second_tab_follows_the_first() -> None:
    async def story() -> None:
        world = World(web())
        first, leading = await half_way(world)
        second = job(world)
        following = asyncio.ensure_future(second.run())
        await asyncio.sleep(0)
        await until(lambda: second.done >= first.done or first.done == first.total)
        assert second.elsewhere
        assert len(second.parts) == len(first.parts)
        assert await leading is await following is State.DONE
        assert len(world.wire.fetched) == len(set(world.wire.fetched))

    asyncio.run(story())


@pytest.mark.parametrize("state", [State.PAUSED, State.CANCELLED])
def test_what_is_said_in_the_second_tab_is_done_in_the_first(state: State) -> None:
    async def story() -> None:
        world = World(web())
        _, leading = await half_way(world)
        second, following = await follower(world)
        (second.pause if state is State.PAUSED else second.cancel)()
        assert await leading is state
        assert await following is state

    asyncio.run(story())


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("state", [State.PAUSED, State.CANCELLED])
def test_what_is_said_before_a_tab_knows_that_it_follows_is_done_too(state: State, closed: bool) -> None:
    async def story() -> None:
        world = World(web())
        first, leading = await half_way(world)
        second = job(world)
        if closed:
            world.tabs[0].listeners.clear()
        following = asyncio.ensure_future(second.run())
        await asyncio.sleep(0)
        assert not second.elsewhere
        (second.pause if state is State.PAUSED else second.cancel)()
        if closed:
            await asyncio.sleep(0)
            assert first._task
            first._task.cancel()
        await leading
        assert await following is state
        notes = await second.means.journal.jobs()
        assert {note.state for note in notes.values()} == ({State.PAUSED} if state is State.PAUSED else set())

    asyncio.run(story())


def test_a_job_that_has_stopped_leaves_no_file_open_for_another_tab_to_stumble_over() -> None:
    async def story() -> None:
        world = World(web())
        first, leading = await half_way(world)
        first.cancel()
        await leading
        assert world.wire.files
        assert not world.wire.open

    asyncio.run(story())


def test_a_second_tab_takes_over_when_the_first_ends() -> None:
    async def story() -> None:
        world = World(web())
        first, leading = await half_way(world)
        _, following = await follower(world)
        assert first._task
        first.state = State.RUNNING
        first._task.cancel()
        await leading
        assert await following is State.DONE

    asyncio.run(story())


def test_a_job_that_failed_in_one_tab_is_not_tried_again_by_the_other_nor_by_the_next_visit() -> None:
    async def story() -> None:
        world = World(web(params_shard_8__bin=Failure(Problem.NOT_FOUND)))
        first, leading = await half_way(world)
        second = job(world)
        following = asyncio.ensure_future(second.run())
        assert await leading is State.FAILED
        asked = len(world.wire.asked)
        assert await following is State.FAILED
        third = job(world)
        await third.resume((await third.means.journal.jobs())["m"])
        assert third.state is State.FAILED
        assert first.failure
        for other in (second, third):
            assert other.failure
            assert other.failure.to_json() == first.failure.to_json()
        assert len(world.wire.asked) == asked

    asyncio.run(story())


@pytest.mark.parametrize("state", [State.PAUSED, State.CANCELLED])
def test_a_job_ends_where_that_is_said_before_it_has_begun(state: State) -> None:
    async def story(chance: int) -> None:
        world = World(web())
        download = job(world)
        running = asyncio.ensure_future(download.run())
        for _ in range(chance):
            await asyncio.sleep(0)
        (download.pause if state is State.PAUSED else download.cancel)()
        assert await running is state
        assert (await download.means.journal.jobs()).keys() == ({"m"} if state is State.PAUSED else set())

    for chance in range(1, 12):
        asyncio.run(story(chance))


def test_a_job_that_is_just_ending_is_begun_anew_by_who_asks_for_it() -> None:
    async def story() -> None:
        download = job(World(web()))
        running = asyncio.ensure_future(download.run())
        await until_half(download)
        download.pause()
        assert await download.run() is State.DONE
        await running

    asyncio.run(story())


def test_a_pause_while_a_file_is_kept_lets_that_be_noted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        world = World(web())
        download = job(world)
        keep = world.wire.keep

        async def slow(name: str, nbytes: int, *rest: Any) -> None:
            await keep(name, nbytes, *rest)
            if nbytes == len(CONTENT["params_shard_3.bin"]):
                download.pause()
                await asyncio.sleep(0.01)

        monkeypatch.setattr(world.wire, "keep", slow)
        assert await download.run() is State.PAUSED
        assert BASE + "params_shard_3.bin" in world.store.kept[Shelf.MODEL]
        assert world.wire.files.keys() == (await download.means.journal.partials()).keys()

    asyncio.run(story())


def test_a_cancelled_job_ends_as_such_and_leaves_nothing() -> None:
    async def story() -> None:
        world = World(web())
        download, running = await half_way(world)
        download.cancel()
        assert await running is State.CANCELLED
        assert world.wire.files
        await discard.discard(download.means, BASE)
        assert not world.wire.files
        assert not any(world.notes.kept.values())

    asyncio.run(story())


def test_what_no_model_will_ask_for_is_swept_away() -> None:
    async def story() -> None:
        world = World(web())
        download, running = await half_way(world)
        download.pause()
        await running
        begun = set(world.wire.files)
        world.wire.files["unknown"] = bytearray(3)
        found = {it.name: (it.model, it.nbytes) for it in await discard.partials(download.means)}
        sizes = {name: len(content) for name, content in world.wire.files.items() if content}
        assert found == {name: (BASE if name in begun else "", nbytes) for name, nbytes in sizes.items()}
        assert "unknown" in found
        await discard.sweep(download.means, {BASE})
        assert set(world.wire.files) == begun
        writing = next(iter(begun))
        release = await download.means.tabs.hold(f"bocal:file:{writing}", wait=False)  # in another tab
        await discard.sweep(download.means, set())
        assert set(world.wire.files) == {writing}
        assert release
        release()
        await discard.sweep(download.means, set())
        assert not world.wire.files

    asyncio.run(story())


def test_what_another_tab_begins_while_one_sweeps_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        world = World(web())
        means = world.means()
        sizes, partials = world.wire.sizes, means.journal.partials

        async def begin() -> None:
            world.wire.files["begun"] = bytearray(3)
            await means.journal.write_partial("begun", PartialNote(BASE, Validator()))

        async def sizes_then_begun() -> Mapping[str, int]:
            found = await sizes()
            await begin()
            return found

        async def notes_then_begun() -> dict[str, PartialNote]:
            found = await partials()
            await begin()
            return found

        for one, other in ((sizes_then_begun, partials), (sizes, notes_then_begun)):
            monkeypatch.setattr(world.wire, "sizes", one)
            monkeypatch.setattr(means.journal, "partials", other)
            world.wire.files.clear()
            world.notes.kept.clear()
            await discard.sweep(means, {BASE})
            assert "begun" in world.wire.files
            world.wire.files.clear()
            world.notes.kept.clear()
            assert {it.model for it in await discard.partials(means)} <= {BASE}

    asyncio.run(story())


def test_a_file_that_cannot_be_swept_now_keeps_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        world = World(web())
        drop = world.wire.drop

        async def busy(name: str) -> None:
            if name == "busy":
                raise Failure(Problem.STORAGE_BUSY)
            await drop(name)

        monkeypatch.setattr(world.wire, "drop", busy)
        world.wire.files.update(busy=bytearray(3), free=bytearray(3), other=bytearray(3))
        await discard.sweep(world.means(), set())
        assert set(world.wire.files) == {"busy"}

    asyncio.run(story())


def test_the_older_manifest_is_kept_under_the_new_name() -> None:
    world = World(web(**{"tensor-cache__json": Failure(Problem.NOT_FOUND), "ndarray-cache__json": {"records": SHARDS}}))
    assert asyncio.run(job(world).run()) is State.DONE
    assert f"{BASE}tensor-cache.json" in world.store.kept[Shelf.MODEL]
    assert f"{BASE}ndarray-cache.json" not in world.store.kept[Shelf.MODEL]


def test_files_served_directly_are_kept_under_webllms_keys_all_the_same() -> None:
    plain = "https://h/files/"
    moved = Web({url.replace(BASE, plain): content for url, content in web().documents.items()} | {LIBRARY: b"\0asm"})
    world = World(moved)
    assert asyncio.run(job(world, [BASE, plain]).run()) is State.DONE
    assert f"{BASE}params_shard_0.bin" in world.store.kept[Shelf.MODEL]
    assert f"{plain}params_shard_0.bin" in world.wire.fetched


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"mlc-chat-config__json": Failure(Problem.NOT_FOUND)}, Problem.NO_MODEL_THERE),
        ({"mlc-chat-config__json": {}}, Problem.BAD_CONFIG),
        ({"mlc-chat-config__json": []}, Problem.BAD_CONFIG),
        ({"mlc-chat-config__json": {"tokenizer_files": ["vocab.json"]}}, Problem.BAD_CONFIG),
        ({"tensor-cache__json": {"records": []}}, Problem.BAD_MANIFEST),
        ({"mlc-chat-config__json": b"<html>"}, Problem.NOT_JSON),
        ({"tensor-cache__json": b"<html>"}, Problem.NOT_JSON),
        ({"tensor-cache__json": {"records": [{"dataPath": "../x", "nbytes": 1}]}}, Problem.BAD_MANIFEST),
        ({"tensor-cache__json": {"records": [{"dataPath": "//[x", "nbytes": 1}]}}, Problem.BAD_MANIFEST),
        ({"tensor-cache__json": {"records": [{"dataPath": "x", "nbytes": "1"}]}}, Problem.BAD_MANIFEST),
        ({"params_shard_3__bin": bytes(5)}, Problem.WRONG_LENGTH),
        ({"params_shard_3__bin": bytes(500)}, Problem.WRONG_BYTES),
        ({"params_shard_3__bin": bytes(103)}, Problem.WRONG_BYTES),
        ({"tokenizer__json": Failure(Problem.NOT_FOUND)}, Problem.NOT_FOUND),
        ({"params_shard_3__bin": Failure(Problem.SERVER_ERROR)}, Problem.SERVER_ERROR),
        ({"params_shard_3__bin": Failure(Problem.NO_CORS)}, Problem.NO_CORS),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], problem: Problem) -> None:
    world = World(web(**changes))
    download = job(world)
    assert asyncio.run(download.run()) is State.FAILED
    assert failure_of(download) is problem
    assert f"{BASE}params_shard_3.bin" not in world.store.kept[Shelf.MODEL]


@pytest.mark.parametrize("name", ["mlc-chat-config.json", "tensor-cache.json"])
def test_a_web_page_in_the_place_of_a_file_is_named_and_not_kept(name: str) -> None:
    world = World(web())
    world.wire.script[name] = [
        Answer(body=b"<html>", headers={"ETag": '"1"', "Content-Type": "text/html; charset=utf-8"})
    ]
    download = job(world)
    assert asyncio.run(download.run()) is State.FAILED
    assert failure_of(download) is Problem.WEB_PAGE
    assert asyncio.run(download.run()) is State.DONE


def test_a_file_that_came_wrong_is_fetched_once_more() -> None:
    world = World(web())
    world.wire.script["shard_3.bin"] = [Answer(body=bytes(103), headers={"ETag": '"1"'})]
    assert asyncio.run(job(world).run()) is State.DONE
    assert world.wire.asked.count((f"{BASE}params_shard_3.bin", 0)) == 2
    assert world.store.kept[Shelf.MODEL][f"{BASE}params_shard_3.bin"] == CONTENT["params_shard_3.bin"]


def test_the_hash_that_the_host_lists_is_checked_too() -> None:
    world = World(web())
    assert asyncio.run(job(world, hashes={"r.wasm": hashlib.sha256(b"\0asm").hexdigest()}).run()) is State.DONE
    world = World(web())
    download = job(world, hashes={"r.wasm": "0" * 64})
    assert asyncio.run(download.run()) is State.FAILED
    assert failure_of(download) is Problem.WRONG_BYTES
    assert not world.store.kept[Shelf.LIBRARY]


@pytest.mark.parametrize("refusal", [Answer(403, body=b""), Answer(body=b"<html>", headers={"ETag": '"1"'})])
def test_an_address_that_refuses_or_shows_a_page_does_not_keep_the_next_one_from_being_asked(refusal: Answer) -> None:
    plain = "https://h/files/"
    moved = {url.replace(BASE, plain): content for url, content in web().documents.items()} | {LIBRARY: b"\0asm"}
    world = World(Web(moved))
    world.wire.script[f"{BASE}mlc-chat-config.json"] = [refusal]
    assert asyncio.run(job(world, [BASE, plain]).run()) is State.DONE
    world = World(Web({}))
    world.wire.script[f"{BASE}mlc-chat-config.json"] = [Answer(403, body=b"")]
    download = job(world, [BASE, plain])
    assert asyncio.run(download.run()) is State.FAILED
    assert failure_of(download) is Problem.REFUSED


@pytest.mark.parametrize("changed", [False, True])
def test_a_configuration_that_is_here_is_compared_with_the_one_of_its_own_address(changed: bool) -> None:
    plain = "https://h/files/"
    moved = {url.replace(BASE, plain): content for url, content in web().documents.items()} | {LIBRARY: b"\0asm"}
    world = World(Web(moved))
    assert asyncio.run(job(world, [BASE, plain]).run()) is State.DONE
    kept = world.store.kept[Shelf.CONFIG][f"{BASE}mlc-chat-config.json"]
    del world.store.kept[Shelf.MODEL][f"{BASE}params_shard_0.bin"]  # as "weights only" does
    if changed:
        world.wire.web.documents[f"{plain}mlc-chat-config.json"] = {"tokenizer_files": ["tokenizer.json"], "more": 1}
    download = job(world, [BASE, plain])
    assert asyncio.run(download.run()) is (State.FAILED if changed else State.DONE)
    assert failure_of(download) is (Problem.CHANGED_ON_HOST if changed else None)
    assert world.store.kept[Shelf.CONFIG][f"{BASE}mlc-chat-config.json"] == kept


def test_a_configuration_of_another_app_is_not_looked_for_in_a_web_page() -> None:
    plain = "https://h/files/"
    moved = {url.replace(BASE, plain): content for url, content in web().documents.items()} | {LIBRARY: b"\0asm"}
    world = World(Web(moved))
    page = Answer(body=b"<html>", headers={"ETag": '"1"', "Content-Type": "text/html"})
    world.wire.script[f"{BASE}mlc-chat-config.json"] = [page] * 3
    world.store.kept[Shelf.CONFIG][f"{BASE}mlc-chat-config.json"] = b'{"tokenizer_files": ["tokenizer.json"]}'
    assert asyncio.run(job(world, [BASE, plain]).run()) is State.DONE


def test_what_is_noted_of_another_address_is_not_gone_on_with() -> None:
    async def story() -> None:
        world = World(web())
        download = job(world, ["https://h/new/"])
        await download.resume(JobNote(State.PAUSED, BASE, (LIBRARY, LIBRARY), before=("x",)))
        assert await download.run() is State.FAILED
        assert failure_of(download) is Problem.NO_MODEL_THERE

    asyncio.run(story())


@pytest.mark.parametrize("anew", [True, False])
@pytest.mark.parametrize("url", [f"{BASE}tokenizer.json", LIBRARY])
def test_a_large_file_is_only_fetched_again_where_its_host_tells_of_another_version(url: str, anew: bool) -> None:
    world = World(web(params_shard_8__bin=Failure(Problem.NOT_FOUND)))
    assert asyncio.run(job(world).run()) is State.FAILED
    world.wire.web.documents[f"{BASE}params_shard_8.bin"] = CONTENT["params_shard_8.bin"]
    world.wire.asked.clear()
    if anew:
        world.wire.web.documents[url] = b"another"
    world.wire.etags[url] = '"2"'
    download = job(world)
    assert asyncio.run(download.run()) is (State.FAILED if anew else State.DONE)
    assert failure_of(download) is (Problem.CHANGED_ON_HOST if anew else None)
    assert url in world.wire.fetched


@pytest.mark.parametrize("changed", ["mlc-chat-config.json", "tensor-cache.json", "r.wasm"])
def test_a_model_that_changed_on_its_host_meanwhile_is_not_mixed(changed: str) -> None:
    world = World(web(params_shard_8__bin=Failure(Problem.NOT_FOUND)))
    assert asyncio.run(job(world).run()) is State.FAILED
    assert LIBRARY in world.store.kept[Shelf.LIBRARY]
    world.wire.web.documents[f"{BASE}params_shard_8.bin"] = CONTENT["params_shard_8.bin"]
    if changed == "r.wasm":
        hashes = {"r.wasm": hashlib.sha256(b"\0asm, anew").hexdigest()}
    else:
        hashes = {}
        world.wire.web.documents[BASE + changed] = {**world.wire.web.documents[BASE + changed], "more": 1}
    download = job(world, hashes=hashes)
    assert asyncio.run(download.run()) is State.FAILED
    assert failure_of(download) is Problem.CHANGED_ON_HOST
    assert download.failure is not None
    assert download.failure.facts["file"] == changed


def test_room_is_looked_at_before_anything_large_is_fetched() -> None:
    world = World(web())
    world.room = 500
    download = job(world)
    assert asyncio.run(download.run()) is State.PAUSED
    assert failure_of(download) is Problem.STORAGE_SHORT
    assert download.failure is not None
    assert int(download.failure.facts["missing_bytes"]) == sum(100 + n for n in range(9)) + 108 - 500
    assert not any("shard" in url for url in world.wire.fetched)
    world.room = None  # a browser that does not tell
    assert asyncio.run(download.run()) is State.DONE


def test_running_out_of_room_pauses_and_says_how_much_is_missing() -> None:
    world = World(web())
    world.wire.room = 1100
    download = job(world)
    assert asyncio.run(download.run()) is State.PAUSED
    assert failure_of(download) is Problem.STORAGE_SHORT
    assert download.failure is not None
    assert 0 < int(download.failure.facts["missing_bytes"]) < download.total
    world.room = world.wire.room = 10
    assert asyncio.run(download.run()) is State.PAUSED
    assert failure_of(download) is Problem.STORAGE_SHORT
    world.room = world.wire.room = 10**6
    assert asyncio.run(download.run()) is State.DONE


def test_room_for_one_file_at_a_time_is_enough() -> None:
    world = World(web())
    world.room = world.wire.left
    world.wire.room = sum(100 + n for n in range(9)) + 108 + 10  # the shards, one more, and the small files
    download = job(world)
    assert asyncio.run(download.run()) is State.DONE, download.failure
    assert 0 < world.wire.refused < 9


def test_what_was_asked_of_a_tab_that_ends_before_it_hears_it_holds_all_the_same() -> None:
    async def story() -> None:
        world = World(web())
        first, leading = await half_way(world)
        second, following = await follower(world)
        world.tabs[0].listeners.clear()
        second.pause()
        assert first._task
        first._task.cancel()
        await leading
        assert await following is State.PAUSED
        assert {note.state for note in (await second.means.journal.jobs()).values()} == {State.PAUSED}

    asyncio.run(story())


def test_only_a_library_that_is_missing_is_brought_whatever_has_changed_where_the_weights_came_from() -> None:
    world = World(web())
    assert asyncio.run(job(world).run()) is State.DONE
    world.wire.web.documents |= {f"{BASE}mlc-chat-config.json": {"tokenizer_files": []}, "https://l/new.wasm": b"\0asm"}
    again = job(world)

    async def find_library(_base: str) -> tuple[str, str]:
        return "https://l/new.wasm", "https://l/new.wasm"

    again.find_library = find_library
    assert asyncio.run(again.run()) is State.DONE
    assert "https://l/new.wasm" in world.store.kept[Shelf.LIBRARY]


def test_a_configuration_that_is_not_what_its_host_lists_is_fetched_again() -> None:
    world = World(web())
    config, name = f"{BASE}mlc-chat-config.json", "mlc-chat-config.json"
    right = json.dumps(world.wire.web.documents[config]).encode()
    world.wire.script[name] = [Answer(body=right.replace(b" ", b"  "))]
    assert asyncio.run(job(world, hashes={name: hashlib.sha256(right).hexdigest()}).run()) is State.DONE
    assert world.store.kept[Shelf.CONFIG][config] == right
    assert world.wire.fetched.count(config) == 2


def test_a_web_page_in_the_place_of_a_file_is_never_kept() -> None:
    world = World(web())
    page = Answer(headers={"Content-Type": "text/html; charset=utf-8"}, body=b"<html>Sign in</html>")
    world.wire.script["tokenizer.json"] = [page]
    download = job(world)
    assert asyncio.run(download.run()) is State.FAILED
    assert failure_of(download) is Problem.WEB_PAGE
    assert f"{BASE}tokenizer.json" not in world.store.kept[Shelf.MODEL]
    assert asyncio.run(download.run()) is State.DONE


def test_a_change_that_a_host_does_not_tell_of_is_found_all_the_same() -> None:
    world = World(web(params_shard_4__bin=Failure(Problem.NOT_FOUND)))
    world.wire.etags[f"{BASE}tokenizer.json"] = ""
    assert asyncio.run(job(world).run()) is State.FAILED
    world.wire.web.documents |= {
        f"{BASE}params_shard_4.bin": CONTENT["params_shard_4.bin"],
        f"{BASE}tokenizer.json": b"[]",
    }
    download = job(world)
    assert asyncio.run(download.run()) is State.FAILED
    assert failure_of(download) is Problem.CHANGED_ON_HOST


def test_a_second_tab_tells_what_the_first_one_waits_for() -> None:
    async def story() -> None:
        world = World(web())
        _, leading = await half_way(world)
        second, following = await follower(world)
        world.wire.script[".bin"] = [Answer(503)] * 6
        await until(lambda: second.waiting is not None)
        assert second.waiting
        assert second.waiting.problem is Problem.SERVER_ERROR
        assert await leading is await following is State.DONE
        assert second.waiting is None

    asyncio.run(story())


def test_the_length_that_a_host_lists_of_a_large_file_counts_from_the_start_and_is_checked() -> None:
    world = World(web())
    right = hashlib.sha256(b"{}").hexdigest()
    download = job(world)

    async def find_listed(_base: str) -> Mapping[str, Listed]:
        return {"tokenizer.json": Listed(right, 2)}

    download.find_listed = find_listed
    world.wire.script["tokenizer.json"] = [Answer(body=b"{")]
    world.room = sum(map(len, CONTENT.values()))  # too little, with the file of the last shard there twice
    assert asyncio.run(download.run()) is State.PAUSED
    assert download.failure
    assert download.failure.facts["missing_bytes"] == 2 + max(map(len, CONTENT.values()))
    world.room = None
    assert asyncio.run(download.run()) is State.DONE
    assert world.store.kept[Shelf.MODEL][f"{BASE}tokenizer.json"] == b"{}"
