"""The list of custom models."""

import json

import pytest
from bocal.errors import Failure, Problem
from bocal.models.record import Library, Model
from bocal.models.registry import KEY, Registry
from outside import Settings

STANDARD = {"std": Model("std", "Standard", "https://h/std", custom=False)}


def model(model_id: str = "own") -> Model:
    return Model(model_id, "Own", f"https://h/{model_id}")


def test_what_is_added_is_found_again_by_another_registry() -> None:
    settings = Settings()
    Registry(settings, STANDARD).add(model())
    assert Registry(settings, STANDARD).custom() == [model()]
    assert Registry(settings, STANDARD).find("own") == model()


@pytest.mark.parametrize("taken", ["own", "std"])
def test_a_used_id_is_refused_and_nothing_changes(taken: str) -> None:
    settings = Settings()
    registry = Registry(settings, STANDARD)
    registry.add(model())
    before = dict(settings)
    with pytest.raises(Failure) as refused:
        registry.add(model(taken))
    assert refused.value.problem is Problem.ID_TAKEN
    assert settings == before


def test_a_removed_model_is_gone_and_the_others_stay() -> None:
    registry = Registry(Settings(), STANDARD)
    for model_id in "abc":
        registry.add(model(model_id))
    registry.remove("b")
    assert [it.id for it in registry.custom()] == ["a", "c"]


def test_replacing_keeps_the_place_in_the_list() -> None:
    registry = Registry(Settings(), STANDARD)
    for model_id in "abc":
        registry.add(model(model_id))
    changed = Model("b", "Better", "https://h/b", library=Library(url="https://h/b.wasm"))
    registry.replace(changed)
    assert [it.name for it in registry.custom()] == ["Own", "Better", "Own"]


def test_entries_that_cannot_be_read_are_kept_as_they_are() -> None:
    odd = [7, {"id": "no url"}, {"id": "own", "name": "Own", "url": "https://h/own", "custom": True}]
    settings = Settings({KEY: json.dumps(odd)})
    registry = Registry(settings, STANDARD)
    assert [it.id for it in registry.custom()] == ["own"]
    registry.add(model("new"))
    registry.remove("own")
    assert json.loads(settings[KEY])[:2] == odd[:2]


@pytest.mark.parametrize("raw", ["{not json", '{"id": 1}', "3", '"text"'])
def test_a_damaged_value_is_set_aside_before_it_is_written_over(raw: str) -> None:
    settings = Settings({KEY: raw})
    registry = Registry(settings, STANDARD)
    assert registry.custom() == []
    registry.add(model())
    assert settings[f"{KEY}.unreadable"] == raw
    assert registry.custom() == [model()]
