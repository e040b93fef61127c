"""One file on its way: what is asked again, from where, after how long, and what is given up."""

import asyncio
import dataclasses
import hashlib
from dataclasses import replace
from typing import Any

import pytest
from bocal.errors import Failure, Problem
from bocal.protocols import Shelf
from bocal.weights import carrier as carrier_module
from bocal.weights.answer import Validator
from bocal.weights.carrier import Carrier, Part
from bocal.weights.journal import PartialNote
from bocal.weights.pace import LEAST
from bocal.weights.plan import Checksum, File
from bocal.weights.retry import MOST_TRIES
from outside import Answer, Web, World

URL = "https://h/o/r/resolve/main/params_shard_0.bin"
DATA = bytes(range(250))
OTHER = bytes(reversed(DATA))
SIGNED = Checksum("md5", hashlib.md5(DATA, usedforsecurity=False).hexdigest())
FILE = File(Shelf.MODEL, URL, URL, nbytes=len(DATA), checksum=SIGNED, small=False)


def bring(world: World, *answers: Answer, file: File = FILE, part: Part | None = None) -> Carrier:
    carrier = Carrier(world.means(), "https://h/o/r/resolve/main/", lambda: None)
    world.wire.script["shard_0.bin"] = list(answers)
    asyncio.run(carrier.bring(file, part or Part()))
    return carrier


def world_of(data: bytes = DATA) -> World:
    return World(Web({URL: data}))


def starts(world: World) -> list[int]:
    return [start for _, start in world.wire.asked]


def test_a_connection_that_breaks_is_taken_up_where_it_broke() -> None:
    world = world_of()
    carrier = bring(world, Answer(cut=80), Answer(cut=0))
    assert starts(world) == [0, 80, 80]
    assert world.store.kept[Shelf.MODEL][URL] == DATA
    assert len(world.slept) == 2
    assert LEAST <= carrier.pace.limit < 4
    assert carrier.waiting is None


@pytest.mark.parametrize(("left", "asked"), [(DATA, []), (OTHER, [0])])
def test_a_whole_file_that_was_not_kept_yet_is_checked_where_it_is(left: bytes, asked: list[int]) -> None:
    world = world_of()
    world.wire.files[FILE.partial] = bytearray(left)
    carrier = Carrier(world.means(), "m", lambda: None, {FILE.partial: PartialNote("m", Validator())})
    asyncio.run(carrier.bring(FILE, Part(len(left), len(left))))
    assert starts(world) == asked
    assert world.store.kept[Shelf.MODEL][URL] == DATA
    assert not world.wire.files


def test_a_whole_file_of_which_no_hash_is_known_is_not_fetched_again_either() -> None:
    world = world_of()
    plain = dataclasses.replace(FILE, nbytes=None, checksum=None)
    world.wire.files[FILE.partial] = bytearray(DATA)
    noted = PartialNote("m", Validator('"1"', total=len(DATA)))
    for file in (plain, dataclasses.replace(plain, small=True)):
        carrier = Carrier(world.means(), "m", lambda: None, {FILE.partial: noted})
        asyncio.run(carrier.bring(file, Part(len(DATA), len(DATA))))
        assert world.store.kept[Shelf.MODEL].pop(URL) == DATA
        world.wire.files[FILE.partial] = bytearray(DATA)
    assert starts(world) == []


def test_a_part_of_the_range_that_was_asked_for_is_not_the_whole_file() -> None:
    world = world_of()
    part = {"ETag": '"1"', "Content-Range": f"bytes 80-149/{len(DATA)}", "Content-Length": "70"}
    file = dataclasses.replace(FILE, nbytes=None, checksum=None)
    bring(world, Answer(cut=80), Answer(206, part, DATA[80:150]), file=file)
    assert starts(world) == [0, 80, 150]
    assert world.store.kept[Shelf.MODEL][URL] == DATA


def test_a_file_longer_than_its_manifest_says_is_found_out_at_once_after_a_break_too() -> None:
    world = world_of(DATA + bytes(1000))
    with pytest.raises(Failure) as caught:
        bring(world, Answer(cut=80))
    assert caught.value.problem is Problem.WRONG_BYTES
    assert len(world.wire.asked) == 3


def test_a_weak_etag_does_not_tell_that_two_answers_are_of_the_same_bytes() -> None:
    world = world_of()
    world.wire.etags[URL] = 'W/"1"'
    bring(world, Answer(cut=80), file=dataclasses.replace(FILE, checksum=None))
    assert starts(world) == [0, 0]


def test_a_host_without_ranges_sends_that_file_anew() -> None:
    world = world_of()
    world.wire.ranges = False
    bring(world, Answer(cut=80))
    assert starts(world) == [0, 80]
    assert world.store.kept[Shelf.MODEL][URL] == DATA


def test_a_file_that_changed_meanwhile_is_begun_again() -> None:
    world = world_of()
    bring(world, Answer(body=OTHER, cut=80, headers={"ETag": '"old"'}))
    assert starts(world) == [0, 80, 0]
    assert world.wire.aborted
    assert world.store.kept[Shelf.MODEL][URL] == DATA


def test_a_change_that_no_header_shows_is_found_by_the_hash() -> None:
    world = world_of()
    bring(world, Answer(body=OTHER, cut=80))
    assert starts(world) == [0, 80, 0]
    assert world.store.kept[Shelf.MODEL][URL] == DATA


def test_without_hash_and_version_nothing_is_put_together_from_two_answers() -> None:
    world = world_of()
    world.wire.etags[URL] = ""
    bring(world, Answer(body=DATA, cut=80), file=File(Shelf.MODEL, URL, URL, nbytes=len(DATA), small=False))
    assert starts(world) == [0, 0]


def test_a_file_that_grew_shorter_is_begun_again() -> None:
    world = world_of()
    bring(world, Answer(body=DATA, cut=80), Answer(416))
    assert starts(world) == [0, 80, 0]


def test_a_signed_address_that_expired_is_asked_for_anew() -> None:
    world = world_of()
    bring(world, Answer(403, redirected=True))
    assert world.store.kept[Shelf.MODEL][URL] == DATA


@pytest.mark.parametrize(
    ("headers", "least"),
    [({"Retry-After": "7"}, 7), ({"RateLimit": '"resolve";r=0;t=55'}, 55), ({}, 60)],
)
def test_the_wait_that_a_host_asks_for_is_kept(headers: dict[str, str], least: int) -> None:
    world = world_of()
    bring(world, Answer(429, headers))
    assert least <= sum(world.slept) <= least + 1


def test_a_host_in_trouble_is_asked_ever_more_seldom() -> None:
    world = world_of()
    bring(world, Answer(503), Answer(500), Answer(502))
    first, second, third = world.slept
    assert 0.5 <= first <= 1 <= second <= 2 <= third <= 4


def test_a_host_that_stays_away_is_given_up_with_the_cause() -> None:
    world = world_of()
    with pytest.raises(Failure) as caught:
        bring(world, *[Answer(503)] * (MOST_TRIES + 1))
    assert caught.value.problem is Problem.SERVER_ERROR


def test_offline_waits_for_the_network_however_long() -> None:
    world = world_of()
    bring(world, *[Answer(failure=Failure(Problem.OFFLINE, host="h"))] * 20, *[Answer(503)] * MOST_TRIES)
    assert world.wire.was_online == 20


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(404), Problem.NOT_FOUND),
        (Answer(401), Problem.REFUSED),
        (Answer(403), Problem.REFUSED),
        (Answer(400), Problem.SERVER_ERROR),
        (Answer(failure=Failure(Problem.NO_CORS, host="h")), Problem.NO_CORS),
    ],
)
def test_what_cannot_pass_stops_at_once(answer: Answer, problem: Problem) -> None:
    world = world_of()
    with pytest.raises(Failure) as caught:
        bring(world, answer)
    assert caught.value.problem is problem
    assert len(world.wire.asked) == 1
    assert not world.slept


def test_a_host_read_before_is_not_blamed_for_cors_when_a_connection_breaks_early() -> None:
    world = world_of()
    bring(world, Answer(cut=80), Answer(failure=Failure(Problem.NO_CORS, host="h")))
    assert starts(world) == [0, 80, 80]


def test_a_host_that_forbids_it_again_and_again_is_believed() -> None:
    world = world_of()
    with pytest.raises(Failure) as caught:
        bring(world, Answer(cut=80), *[Answer(failure=Failure(Problem.NO_CORS, host="h"))] * 9)
    assert caught.value.problem is Problem.NO_CORS
    assert len(world.wire.asked) == 6


@pytest.mark.parametrize("left", [b"", DATA[:60], DATA[:-1]])
def test_a_partial_file_shorter_than_it_was_is_fetched_anew(left: bytes) -> None:
    world = world_of()
    world.wire.files[FILE.partial] = bytearray(left)
    noted = {FILE.partial: PartialNote("m", Validator(etag='"1"', total=len(DATA)))}
    carrier = Carrier(world.means(), "m", lambda: None, noted)
    asyncio.run(carrier.bring(FILE, Part(len(left) + 1, len(DATA))))
    assert starts(world)[-1] == 0
    assert world.store.kept[Shelf.MODEL][URL] == DATA


def test_a_file_that_shrinks_before_it_is_kept_is_fetched_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_of()
    keep = world.wire.keep

    async def cut_first(name: str, *rest: Any) -> None:
        if len(world.wire.asked) == 1:
            del world.wire.files[name][100:]
        await keep(name, *rest)

    monkeypatch.setattr(world.wire, "keep", cut_first)
    bring(world)
    assert starts(world) == [0, 0]
    assert world.store.kept[Shelf.MODEL][URL] == DATA


def test_silence_is_given_up_and_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrier_module, "STALL", 0.05)
    world = world_of()
    ask = world.wire.ask

    async def silent_once(url: str, start: int, method: str = "GET") -> object:
        if not world.wire.asked:
            world.wire.asked.append((url, start))
            await asyncio.sleep(3600)
        return await ask(url, start, method)

    monkeypatch.setattr(world.wire, "ask", silent_once)
    bring(world)
    assert starts(world) == [0, 0]
    assert world.store.kept[Shelf.MODEL][URL] == DATA


def test_a_file_that_waits_for_its_turn_on_a_slow_disk_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrier_module, "STALL", 1.0)
    second = replace(FILE, url=URL.replace("_0", "_1"), key=URL.replace("_0", "_1"))
    world = World(Web({URL: DATA, second.url: DATA}))
    take, disk = world.wire.take, asyncio.Lock()

    async def hash_first(head: Any, name: str, at: int, algorithm: str, most: int, on_bytes: Any) -> tuple[int, str]:
        async with disk:
            for _ in range(24):
                await asyncio.sleep(0.05)
                on_bytes(at)
        return await take(head, name, at, algorithm, most, on_bytes)

    async def story() -> None:
        monkeypatch.setattr(world.wire, "take", hash_first)
        carrier = Carrier(world.means(), "m", lambda: None)
        await asyncio.gather(*(carrier.bring(file, Part()) for file in (FILE, second)))

    asyncio.run(story())
    assert sorted(world.wire.asked) == [(URL, 0), (second.url, 0)]
    assert set(world.store.kept[Shelf.MODEL]) == {URL, second.key}


def test_wrong_twice_is_told_and_never_kept() -> None:
    world = world_of(OTHER)
    with pytest.raises(Failure) as caught:
        bring(world)
    assert caught.value.problem is Problem.WRONG_BYTES
    assert starts(world) == [0, 0]
    assert not world.store.kept[Shelf.MODEL]
    assert not world.wire.files


def test_another_tab_that_brings_the_same_file_is_waited_for() -> None:
    async def story() -> None:
        world = world_of()
        one, two = (Carrier(world.means(), "m", lambda: None) for _ in range(2))
        part = Part()
        await asyncio.gather(one.bring(FILE, Part()), two.bring(FILE, part))
        assert len(world.wire.asked) == 1
        assert part.finished

    asyncio.run(story())


def test_a_file_is_only_hashed_while_nobody_brings_it() -> None:
    async def story() -> None:
        world = world_of()
        carrier = Carrier(world.means(), "m", lambda: None)
        release = await world.means().tabs.hold(carrier_module.lock(FILE.partial), wait=False)  # in another tab
        hashing = asyncio.ensure_future(carrier.hash(FILE))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not world.wire.asked
        assert release
        release()
        assert await hashing == SIGNED.value
        assert not world.wire.files
        assert not world.store.kept[Shelf.MODEL]

    asyncio.run(story())


def test_one_file_at_a_time_moves_into_the_store_while_others_are_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    urls = [URL.replace("_0", f"_{n}") for n in range(3)]
    world = World(Web(dict.fromkeys(urls, DATA)))
    keep, moving, most = world.wire.keep, 0, 0

    async def slowly(name: str, *rest: Any) -> None:
        nonlocal moving, most
        moving += 1
        most = max(most, moving)
        await asyncio.sleep(0.01)
        await keep(name, *rest)
        moving -= 1

    async def story() -> None:
        means = world.means()
        one, two = Carrier(means, "m", lambda: None), Carrier(means, "n", lambda: None)
        files = [replace(FILE, url=url, key=url) for url in urls]
        await asyncio.gather(*(it.bring(file, Part()) for it, file in zip((one, two, one), files, strict=True)))

    monkeypatch.setattr(world.wire, "keep", slowly)
    asyncio.run(story())
    assert most == 1
    assert set(world.store.kept[Shelf.MODEL]) == set(urls)
