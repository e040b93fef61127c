"""A download job: what is fetched, what is kept, how it ends."""

import asyncio
import itertools
from typing import Any

import pytest
from bocal.errors import Failure, Problem
from bocal.protocols import Shelf
from bocal.weights import presence
from bocal.weights.download import Download, State
from outside import Shelves, Web

BASE = "https://h/o/r/resolve/main/"
LIBRARY = "https://h/o/r/resolve/main/r.wasm"
SHARDS = [{"dataPath": f"params_shard_{n}.bin", "nbytes": 100 + n, "records": []} for n in range(9)]


def web(**changes: Any) -> Web:
    documents: dict[str, Any] = {
        f"{BASE}mlc-chat-config.json": {"tokenizer_files": ["tokenizer.json"]},
        f"{BASE}tensor-cache.json": {"records": SHARDS},
        f"{BASE}tokenizer.json": b"{}",
        LIBRARY: b"\0asm",
        **{f"{BASE}{shard['dataPath']}": bytes(shard["nbytes"]) for shard in SHARDS},  # type: ignore[call-overload]
    }
    return Web({**documents, **{BASE + name.replace("__", "."): value for name, value in changes.items()}})


def job(store: Shelves, bases: list[str] | None = None) -> Download:
    async def find_library(_base: str) -> tuple[str, str]:
        return LIBRARY, LIBRARY

    ticks = itertools.count()
    return Download("m", bases or [BASE], BASE, store, find_library, lambda: float(next(ticks)), lambda: None)


def test_all_files_arrive_under_the_keys_webllm_asks_for() -> None:
    store = Shelves(web())
    download = job(store)
    assert asyncio.run(download.run()) is State.DONE
    assert set(store.kept[Shelf.CONFIG]) == {f"{BASE}mlc-chat-config.json"}
    assert set(store.kept[Shelf.LIBRARY]) == {LIBRARY}
    wanted = {"tensor-cache.json", "tokenizer.json", *(str(shard["dataPath"]) for shard in SHARDS)}
    assert set(store.kept[Shelf.MODEL]) == {BASE + name for name in wanted}
    assert store.kept[Shelf.MODEL][f"{BASE}tensor-cache.json"] == {"records": SHARDS}
    assert download.done == download.total > sum(100 + n for n in range(9))
    found = asyncio.run(presence.look(store, [("m", BASE, LIBRARY), ("n", "https://h/n/", "")]))
    assert set(found) == {"m"}
    assert found["m"].complete


def test_a_second_run_fetches_only_what_is_missing() -> None:
    store = Shelves(web(params_shard_4__bin=Failure(Problem.SERVER_ERROR, status=500, host="h")))
    download = job(store)
    assert asyncio.run(download.run()) is State.FAILED
    assert download.failure is not None
    assert download.failure.problem is Problem.SERVER_ERROR
    kept = set(store.kept[Shelf.MODEL])
    found = asyncio.run(presence.look(store, [("m", BASE, LIBRARY)]))["m"]
    assert 0 < found.done < found.total
    assert not found.complete

    store.web.documents[f"{BASE}params_shard_4.bin"] = bytes(104)
    store.fetched.clear()
    assert asyncio.run(download.run()) is State.DONE
    assert not kept & set(store.fetched)


def test_pausing_keeps_what_is_finished_and_running_again_ends_it() -> None:
    async def story() -> tuple[Download, Shelves]:
        store = Shelves(web())
        download = job(store)
        running = asyncio.ensure_future(download.run())
        while download.done < 300:  # noqa: ASYNC110 - the job's own progress is what is waited for
            await asyncio.sleep(0)
        download.pause()
        assert await running is State.PAUSED
        assert 0 < download.done < download.total
        assert await download.run() is State.DONE
        return download, store

    download, store = asyncio.run(story())
    assert len(store.fetched) < 2 * len(download.parts)


def test_two_who_run_one_job_share_it() -> None:
    async def story() -> Shelves:
        store = Shelves(web())
        download = job(store)
        assert set(await asyncio.gather(download.run(), download.run())) == {State.DONE}
        return store

    fetched = asyncio.run(story()).fetched
    assert len(fetched) == len(set(fetched))


def test_a_cancelled_job_ends_as_such() -> None:
    async def story() -> State:
        download = job(Shelves(web()))
        running = asyncio.ensure_future(download.run())
        await asyncio.sleep(0)
        download.cancel()
        return await running

    assert asyncio.run(story()) is State.CANCELLED


def test_the_older_manifest_is_kept_under_the_new_name() -> None:
    store = Shelves(
        web(**{"tensor-cache__json": Failure(Problem.NOT_FOUND), "ndarray-cache__json": {"records": SHARDS}})
    )
    assert asyncio.run(job(store).run()) is State.DONE
    assert f"{BASE}tensor-cache.json" in store.kept[Shelf.MODEL]
    assert f"{BASE}ndarray-cache.json" not in store.kept[Shelf.MODEL]


def test_files_served_directly_are_kept_under_webllms_keys_all_the_same() -> None:
    plain = "https://h/files/"
    moved = Web({url.replace(BASE, plain): content for url, content in web().documents.items()} | {LIBRARY: b"\0asm"})
    store = Shelves(moved)
    assert asyncio.run(job(store, [BASE, plain]).run()) is State.DONE
    assert f"{BASE}params_shard_0.bin" in store.kept[Shelf.MODEL]
    assert f"{plain}params_shard_0.bin" in store.fetched


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"mlc-chat-config__json": Failure(Problem.NOT_FOUND)}, Problem.NO_MODEL_THERE),
        ({"mlc-chat-config__json": {}}, Problem.BAD_CONFIG),
        ({"mlc-chat-config__json": []}, Problem.BAD_CONFIG),
        ({"mlc-chat-config__json": {"tokenizer_files": ["vocab.json"]}}, Problem.BAD_CONFIG),
        ({"tensor-cache__json": {"records": []}}, Problem.BAD_MANIFEST),
        ({"tensor-cache__json": {"records": [{"dataPath": "../x", "nbytes": 1}]}}, Problem.BAD_MANIFEST),
        ({"tensor-cache__json": {"records": [{"dataPath": "x", "nbytes": "1"}]}}, Problem.BAD_MANIFEST),
        ({"params_shard_3__bin": bytes(5)}, Problem.CUT_SHORT),
        ({"tokenizer__json": Failure(Problem.NOT_FOUND)}, Problem.NOT_FOUND),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], problem: Problem) -> None:
    download = job(Shelves(web(**changes)))
    assert asyncio.run(download.run()) is State.FAILED
    assert download.failure is not None
    assert download.failure.problem is problem
