"""Deletions that can be taken back: which of them the next visit, or another tab, ends."""

import json
from types import SimpleNamespace
from typing import Any

from bocal.models.record import Model
from bocal.ui.actions.leavings import Leavings
from bocal.ui.state import Leaving
from outside import Settings

OWN = Model("own", "Own", "https://h/o/r")
OTHER = Model("other", "Other", "https://h/o/s")
STANDARD = Model("standard", "Standard", "https://h/o/t", custom=False)


class Tab:
    """What a tab knows of deletions."""

    def __init__(self, settings: Settings, *listed: Model) -> None:
        listing = {model.id: model for model in listed}
        state = SimpleNamespace(leaving={}, catalogue=SimpleNamespace(models={STANDARD.id: STANDARD}))
        desk: Any = SimpleNamespace(
            state=state, outside=SimpleNamespace(settings=settings), registry=SimpleNamespace(find=listing.get)
        )
        self.leavings = Leavings(desk)

    def found(self) -> list[Model]:
        return [leaving.model for leaving in self.leavings.read()]


def leaving(model: Model) -> Leaving:
    return Leaving(model, 0, 5, 1000.0)


def test_a_deletion_is_remembered_until_its_files_are_gone() -> None:
    settings = Settings()
    tab, going = Tab(settings), leaving(OWN)
    tab.leavings.add(going)
    assert Tab(settings).found() == [OWN]
    assert tab.leavings.begin(going)
    assert Tab(settings).found() == [OWN]
    tab.leavings.end(going)
    assert Tab(settings).found() == []


def test_a_model_that_is_wanted_again_stays() -> None:
    settings = Settings()
    tab, going = Tab(settings), leaving(STANDARD)
    tab.leavings.add(going)
    assert tab.leavings.withdraw(STANDARD.id) is going
    assert not tab.leavings.begin(going)
    assert Tab(settings).found() == []
    tab.leavings.add(leaving(OWN))
    assert Tab(settings, OWN).found() == []  # it is in the list again


def test_what_one_tab_takes_back_no_other_tab_deletes() -> None:
    settings = Settings()
    first, second = Tab(settings), Tab(settings)
    first.leavings.add(leaving(OWN))
    first.leavings.add(leaving(OTHER))
    seen = second.leavings.read()
    for it in seen:
        second.leavings.add(it)
    first.leavings.withdraw(OWN.id)
    assert [it.model.id for it in seen if second.leavings.begin(it)] == [OTHER.id]


def test_what_is_no_note_is_no_deletion() -> None:
    model = {"id": "one", "url": "https://h/x"}
    note = {"id": "one", "model": model, "custom": True, "place": 0, "nbytes": 0, "until": 0}
    damaged: list[dict[str, Any]] = [
        {"model": {"id": "one"}},
        {"place": "x"},
        {"nbytes": None},
        {"until": []},
        {"custom": False, "id": []},
    ]
    wild = [json.dumps([{**note, **change}]) for change in damaged]
    wild.append(json.dumps([note]).replace('"nbytes": 0', '"nbytes": 1e999'))
    for text in ("", "{", "[1]", "null", '[{"id": "own"}]', *wild):
        settings = Settings()
        settings.write("bocal.leaving", text)
        assert Tab(settings).found() == []
