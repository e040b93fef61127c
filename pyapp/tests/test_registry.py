"""The list of custom models: changed by several tabs, and read in whatever state it is found."""

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest
from bocal.errors import Failure, Problem
from bocal.models import paste, stored, turns
from bocal.models.record import Library, Model, from_json
from bocal.models.registry import KEY, Registry
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from outside import Notes, Settings, SharedSettings, Tabs

STANDARD = {"std": Model("std", "Standard", "https://h/std", custom=False)}


def registry(settings: Settings, notes: Notes | None = None, tabs: Tabs | None = None) -> Registry:
    return Registry(settings, STANDARD, tabs or Tabs(), notes or Notes())


def model(model_id: str = "own") -> Model:
    return Model(model_id, "Own", f"https://h/{model_id}")


def entry(model_id: str, **more: object) -> dict[str, object]:
    return {"id": model_id, "name": "Own", "url": f"https://h/{model_id}", "custom": True, **more}


def do(*works: Coroutine[Any, Any, Any]) -> None:
    async def all_of_them() -> None:
        for work in works:
            await work

    asyncio.run(all_of_them())


def ids(models: list[Model]) -> list[str]:
    return [model.id for model in models]


# What is done to the list


def test_what_is_added_is_found_again_by_another_registry() -> None:
    settings = Settings()
    do(registry(settings).add(model()))
    assert registry(settings).custom() == [model()]
    assert registry(settings).find("own") == model()


@pytest.mark.parametrize("taken", ["own", "std"])
def test_a_used_id_is_refused_and_nothing_changes(taken: str) -> None:
    settings = Settings()
    models = registry(settings)
    do(models.add(model()))
    before = dict(settings)
    with pytest.raises(Failure) as refused:
        do(models.add(model(taken)))
    assert refused.value.problem is Problem.ID_TAKEN
    assert settings == before


def test_of_several_those_with_a_free_id_are_added_once() -> None:
    settings = Settings({KEY: json.dumps([entry("a")])})
    models = registry(settings)
    added: list[Model] = []

    async def add() -> None:
        added.extend(await models.add_all([model("a"), model("std"), model("b"), replace(model("b"), name="Second")]))

    do(add())
    assert added == [model("b")]
    assert models.custom() == [model("a"), model("b")]


def test_a_removed_model_is_gone_and_the_others_stay() -> None:
    models = registry(Settings())
    do(*(models.add(model(model_id)) for model_id in "abc"), models.remove("b"))
    assert ids(models.custom()) == ["a", "c"]


def test_replacing_keeps_the_place_in_the_list() -> None:
    models = registry(Settings())
    changed = Model("b", "Better", "https://h/b", library=Library(url="https://h/b.wasm"))
    do(*(models.add(model(model_id)) for model_id in "abc"), models.replace(changed))
    assert [it.name for it in models.custom()] == ["Own", "Better", "Own"]


def test_amending_changes_a_model_as_it_stands_and_refuses_the_id_of_another() -> None:
    settings = Settings({KEY: json.dumps([entry("a", note="kept"), entry("b")])})
    models = registry(settings)
    do(models.amend("a", lambda it: replace(it, id="c", size="4 GB")))
    assert json.loads(settings[KEY])[0] == entry("c", url="https://h/a", note="kept", size="4 GB")
    for taken in ("b", "std"):
        with pytest.raises(Failure):
            do(models.amend("c", lambda it, taken=taken: replace(it, id=taken)))  # type: ignore[misc]


def test_entries_of_the_earlier_app_load_and_stay_as_they_are() -> None:
    earlier = {
        "id": "x", "name": "X", "url": "https://h/x", "size": None, "description": "d", "recommended": True,
        "custom": True,
    }  # fmt: skip
    settings = Settings({KEY: json.dumps([earlier])})
    models = registry(settings)
    assert models.custom() == [
        Model("x", "X", "https://h/x", description="d", extra={"recommended": True}),
    ]
    do(models.mend(), models.add(model()))
    assert json.loads(settings[KEY])[0] == earlier


def test_an_entry_with_a_standard_id_takes_the_standard_models_place_until_it_is_removed() -> None:
    models = registry(Settings({KEY: json.dumps([entry("std")])}))
    assert models.find("std") == model("std")
    do(models.remove("std"))
    assert models.find("std") == STANDARD["std"]


def test_what_is_written_by_hand_is_seen_at_once() -> None:
    settings = Settings()
    models = registry(settings)
    assert models.custom() == []
    settings[KEY] = json.dumps([entry("a")])
    assert ids(models.custom()) == ["a"]


def test_the_exported_file_is_read_back_by_the_field_that_takes_lists() -> None:
    settings = Settings({KEY: json.dumps([entry("a", recommended=True), entry("b", library={"key": "k.wasm"})])})
    found = paste.read(registry(settings).document(), "https://site/")
    assert isinstance(found, paste.Records)
    assert list(found.models) == registry(settings).custom()


# Several tabs


@pytest.mark.parametrize("lag", [0.0, 0.005, 0.02])
def test_tabs_that_see_each_others_changes_late_lose_none(lag: float) -> None:
    shared, tabs, notes = SharedSettings(lag), Tabs(), Notes()
    processes = [shared.view() for _ in range(3)]

    async def add(number: int) -> None:
        models = registry(processes[number], notes, tabs)
        for count in range(30):
            await models.add(model(f"{number}-{count}"))
            if count % 4 == number:
                await models.remove(f"{number}-{count}")
                await models.add(model(f"{number}-{count}"))

    async def all_at_once() -> None:
        await asyncio.gather(*map(add, range(3)))
        await asyncio.sleep(lag * 3)

    asyncio.run(all_at_once())
    expected = {f"{number}-{count}" for number in range(3) for count in range(30)}
    for process in processes:
        assert set(ids(registry(process).custom())) == expected


def test_a_list_brought_back_without_its_revision_can_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.02)
    settings, notes = Settings(), Notes()
    do(registry(settings, notes).add(model("a")))
    backup = settings[KEY]
    settings.clear()
    settings[KEY] = backup
    do(registry(settings, notes).add(model("b")))
    assert ids(registry(settings).custom()) == ["a", "b"]


def test_two_tabs_mend_a_damaged_list_once() -> None:
    shared, tabs, notes = SharedSettings(0.005), Tabs(), Notes()
    raw = json.dumps([entry("a"), 7])
    processes = [shared.view(), shared.view()]
    for process in processes:
        process[KEY] = raw

    async def both() -> None:
        await asyncio.gather(*(registry(process, notes, tabs).mend() for process in processes))

    do(both())
    assert list(notes.kept["aside.texts"].values()) == [raw]


# Damage


def mend(raw: str) -> tuple[list[Model], list[str]]:
    """Mend a list; return its models and what was set aside."""
    settings, notes = Settings({KEY: raw}), Notes()
    models = registry(settings, notes)
    before = models.custom()
    do(models.mend())
    assert models.custom() == before
    assert not stored.read(settings[KEY]).damaged
    return before, list(notes.kept.get("aside.texts", {}).values())


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("{not json", []),
        ("3", []),
        ('"text"', []),
        ('{"id": 1}', []),
        (json.dumps([7, {"id": "no url"}, entry("a"), None]), ["a"]),
        (json.dumps([entry("a"), entry("a", name="Second"), entry("b")]), ["a", "b"]),
        (json.dumps([entry("a"), entry("b"), entry("c")])[:-30], ["a", "b"]),
        (json.dumps([entry("a"), entry("b"), entry("c")]).replace('"b",', '"b,', 1), ["a", "c"]),
        (json.dumps({"models": [entry("a")]}), ["a"]),
        (json.dumps({"x": entry("a"), "y": entry("b")}), ["a", "b"]),
        (json.dumps(json.dumps([entry("a")])), ["a"]),
        (json.dumps(entry("a")), ["a"]),
        (json.dumps([entry("a"), entry("b", overrides={"temperature": float("inf")})]), ["a", "b"]),
        (json.dumps([entry("a"), entry("b", overrides={"temperature": 5})]).replace("5}", "1e999}"), ["a"]),
        ("[" * 100_000, []),
        ('{"a":' * 100_000, []),
        (json.dumps([entry("a")]) + "\0" * 10, ["a"]),
        ("\ufeff" + json.dumps([entry("a")]), ["a"]),
        (f"[{json.dumps(entry('a'))},{'9' * 5000}]", ["a"]),
    ],
)
def test_what_is_readable_is_kept_and_the_whole_value_is_set_aside(raw: str, kept: list[str]) -> None:
    models, aside = mend(raw)
    assert ids(models) == kept
    assert aside == [raw]


@pytest.mark.parametrize("raw", ["", " ", "null", "undefined", "[]"])
def test_an_empty_value_is_no_damage(raw: str) -> None:
    settings, notes = Settings({KEY: raw}), Notes()
    do(registry(settings, notes).mend())
    assert (settings[KEY], notes.kept) == (raw, {"revisions": {}} if notes.kept else {})


def test_a_sound_list_is_left_as_it_is() -> None:
    raw = json.dumps([entry("a", extra=[1, {"deep": None}])], indent=3)
    settings, notes = Settings({KEY: raw}), Notes()
    do(registry(settings, notes).mend())
    assert (settings, notes.kept) == ({KEY: raw}, {})


def test_where_nothing_can_be_set_aside_nothing_is_written() -> None:
    raw = json.dumps([entry("a"), 7])
    settings, notes = Settings({KEY: raw}), Notes(refused=True)
    models = registry(settings, notes)
    for change in (models.mend, lambda: models.add(model("b")), lambda: models.remove("a")):
        with pytest.raises(Failure):
            do(change())
    assert settings == {KEY: raw}
    assert ids(models.custom()) == ["a"]


def test_a_change_sets_a_damaged_list_aside_first() -> None:
    settings, notes = Settings({KEY: "{not json"}), Notes()
    models = registry(settings, notes)
    do(models.add(model()))
    assert list(notes.kept["aside.texts"].values()) == ["{not json"]
    assert models.custom() == [model()]


def test_what_is_set_aside_stays_until_it_is_discarded() -> None:
    notes = Notes()
    raws = ["{not json", "neither is \ud800 this"]
    for raw in (*raws, raws[0]):
        do(registry(Settings({KEY: raw}), notes).mend())
    aside = registry(Settings(), notes).aside

    async def look() -> None:
        first, second = await aside.list()
        assert [await aside.text(first.key), await aside.text(second.key)] == raws
        assert first.nbytes == len(raws[0])
        await aside.discard(first.key)
        assert await aside.list() == [second]
        assert await aside.text(first.key) is None

    asyncio.run(look())
    assert len(notes.kept["aside.texts"]) == 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
TEXT = st.text(min_size=1, max_size=20).filter(lambda text: bool(text.strip()))
ENTRIES = st.fixed_dictionaries(
    {"id": TEXT, "url": TEXT, "custom": st.just(True)},
    optional={
        "name": st.text(), "size": st.text() | st.none(), "description": st.text(), "recommended": st.booleans(),
        "library": st.none() | st.fixed_dictionaries({"url": TEXT}), "overrides": st.dictionaries(st.text(), VALUES),
        "odd": VALUES,
    },
)  # fmt: skip
LISTS = st.lists(ENTRIES, max_size=6, unique_by=lambda it: it["id"])
SMALL = st.lists(ENTRIES, min_size=1, max_size=4, unique_by=lambda it: it["id"])


def written(entries: list[dict[str, Any]]) -> tuple[str, list[tuple[int, int]]]:
    """Return a list as JSON, and where each entry stands in it."""
    text, places = "[", []
    for number, it in enumerate(entries):
        text += ", " if number else ""
        piece = json.dumps(it, ensure_ascii=False)
        places.append((len(text), len(text) + len(piece)))
        text += piece
    return text + "]", places


@how(deadline=None)
@given(st.text() | VALUES.map(json.dumps) | st.lists(VALUES | ENTRIES).map(json.dumps))
def test_whatever_the_value_it_is_read_and_mended_without_loss(raw: str) -> None:
    reading = stored.read(raw)
    models, aside = mend(raw)
    assert ids(models) == list(dict.fromkeys(ids(models)))
    assert [from_json(it) for it in reading.entries] == models
    assert aside == ([raw] if reading.damaged else [])
    if not reading.damaged and raw.strip() not in {"", "null"}:
        assert json.loads(raw) == list(reading.entries)


@how(deadline=None)
@given(LISTS)
def test_a_sound_list_is_read_whole(entries: list[dict[str, Any]]) -> None:
    reading = stored.read(json.dumps(entries))
    assert (list(reading.entries), reading.damaged) == (entries, False)


@how(deadline=None)
@given(SMALL, st.data())
def test_cut_anywhere_the_entries_before_the_cut_are_kept(entries: list[dict[str, Any]], data: st.DataObject) -> None:
    raw, places = written(entries)
    cut = data.draw(st.integers(1, len(raw) - 1))
    reading = stored.read(raw[:cut])
    whole = [it for it, (_, end) in zip(entries, places, strict=True) if end <= cut]
    assert list(reading.entries)[: len(whole)] == whole
    assert reading.damaged


@how(deadline=None)
@given(SMALL, st.data())
def test_damage_in_one_entry_leaves_those_before_it(entries: list[dict[str, Any]], data: st.DataObject) -> None:
    raw, places = written(entries)
    number = data.draw(st.integers(0, len(entries) - 1))
    start, end = places[number]
    at = data.draw(st.integers(start, end - 1))
    length = data.draw(st.integers(0, end - at))
    damaged = raw[:at] + data.draw(st.text(max_size=5)) + raw[at + length :]
    reading = stored.read(damaged)
    assert list(reading.entries)[:number] == entries[:number]
    assert reading.damaged or isinstance(json.loads(damaged), list)
