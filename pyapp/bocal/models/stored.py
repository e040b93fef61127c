"""What a stored list of models holds, in whatever state it is: nothing here raises."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bocal import strict
from bocal.models import record, written
from bocal.models.record import Model

_EMPTY = {"", "null", "undefined"}
_OBJECT = re.compile(r'\{\s*"')
_MOST_FAILURES = 200  # before the search for further records ends: each may have read all that follows
_LONGEST_PROGRAM = 200_000  # characters of what is no JSON, to be read as JavaScript or as text around JSON


@dataclass(frozen=True)
class Reading:
    """The entries of `raw` that are records, as they stand, the first of two with one ID, and the models they tell of.

    `damaged`: something in `raw` is not among them.
    """

    raw: str
    entries: tuple[dict[str, Any], ...] = ()
    models: tuple[Model, ...] = ()
    damaged: bool = False


def read(raw: str) -> Reading:
    """Read a value of `customModels`."""
    if raw.strip() in _EMPTY:
        return Reading(raw)
    try:
        value = strict.loads(raw)
    except ValueError:
        value = written.find_json(raw) if len(raw) < _LONGEST_PROGRAM else None
        found = list(_salvage(raw) if value is None else _within(value))
        damaged = True
    else:
        found, damaged = (value, False) if isinstance(value, list) else (list(_within(value)), True)
    entries: dict[str, dict[str, Any]] = {}
    models: dict[str, Model] = {}
    for entry in found:
        try:
            model = record.from_json(entry)
        except ValueError:
            damaged = True
            continue
        damaged = damaged or model.id in models
        entries.setdefault(model.id, entry)
        models.setdefault(model.id, model)
    return Reading(raw, tuple(entries.values()), tuple(models.values()), damaged)


def _within(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects in a JSON value that may be records."""
    todo = [value]
    while todo:
        it = todo.pop()
        if isinstance(it, str):
            todo += [found] if (found := written.find_json(it)) is not None else []
        elif isinstance(it, dict) and "id" in it and "url" in it:
            yield it
        elif isinstance(it, dict):
            todo += reversed([inner for inner in it.values() if isinstance(inner, (dict, list))])
        elif isinstance(it, list):
            todo += reversed([inner for inner in it if isinstance(inner, (dict, list))])


def _salvage(text: str) -> Iterator[dict[str, Any]]:
    """Yield the records of a damaged text that are whole, those after the damage too."""
    start, failures = _OBJECT.search(text), 0
    while start and failures < _MOST_FAILURES:
        try:
            value, end = strict.raw_decode(text, start.start())
        except ValueError:
            failures, end = failures + 1, start.start() + 1
        else:
            yield from _within(value)
        start = _OBJECT.search(text, end)
