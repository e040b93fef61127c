"""Records of custom models, as they stand in localStorage."""

import re

import pytest
from bocal.models import record
from bocal.models.record import Library, Model
from hypothesis import given
from hypothesis import strategies as st

TEXT = st.text(min_size=1).filter(lambda text: bool(text.strip()))
FILE = TEXT.filter(lambda text: not re.search(r"[/\\?#:]", text))
ADDRESS = TEXT.filter(lambda text: "[" not in text and "]" not in text and ":" not in text)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))
MODELS = st.builds(
    Model,
    id=TEXT,
    name=TEXT.map(str.strip),
    url=ADDRESS,
    size=st.text(),
    description=st.text(),
    library=st.none() | st.builds(Library, key=FILE) | st.builds(Library, url=ADDRESS),
    overrides=st.dictionaries(st.text(), st.integers()),
    extra=st.dictionaries(st.text(), JSON).map(
        lambda extra: {key: value for key, value in extra.items() if key not in record._OURS}
    ),
)


@given(MODELS)
def test_a_record_survives_being_written_and_read(model: Model) -> None:
    assert record.from_json(record.to_json(model)) == model


def test_the_earlier_apps_entries_are_read_as_they_are() -> None:
    entry = {
        "id": "x", "name": "X", "url": "https://h/x", "size": "4 GB", "description": "d", "recommended": False,
        "custom": True,
    }  # fmt: skip
    model = record.from_json(entry)
    assert (model.library, dict(model.extra)) == (None, {"recommended": False})
    assert record.to_json(model) == entry


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ("text", "entry"),
        ({}, "id"),
        ({"id": "x"}, "url"),
        ({"id": 3, "url": "u"}, "id"),
        ({"id": "x", "url": "u", "library": "l"}, "library"),
        ({"id": "x", "url": "u", "overrides": []}, "overrides"),
    ],
)
def test_a_damaged_entry_names_its_field(entry: object, field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}:"):
        record.from_json(entry)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://[bad"}, "url"),
        ({"url": "https://h:port/x"}, "url"),
        ({"library": {"key": "//["}}, "library"),
        ({"library": {"key": "../x.wasm"}}, "library"),
        ({"library": {"key": "https://h/x.wasm"}}, "library"),
        ({"library": {"url": "http://[bad"}}, "library"),
    ],
)
def test_what_no_host_can_be_asked_for_is_no_record(change: dict[str, object], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        record.from_json({"id": "x", "name": "X", "url": "https://h/x", **change})


@pytest.mark.parametrize("memory", [10**400, -1, "4 GB", None, 2**53])
def test_a_memory_that_is_none_is_not_known(memory: object) -> None:
    assert record.from_json({"id": "x", "name": "X", "url": "https://h/x", "memory": memory}).memory == 0
