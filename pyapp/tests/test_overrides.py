"""What a person may set for one model."""

from typing import Any

import pytest
from bocal.errors import Failure, Problem
from bocal.models.overrides import OPTIONS, Window, window
from bocal.option import read
from hypothesis import given
from hypothesis import strategies as st

BY_NAME = {option.name: option for option in OPTIONS}


@pytest.mark.parametrize(
    ("config", "overrides", "expected"),
    [
        ({"context_window_size": 512}, {}, Window(512)),
        ({"context_window_size": 131072}, {}, Window(4096)),
        ({"context_window_size": 131072}, {"context_window_size": 16384}, Window(16384)),
        ({"context_window_size": 32768, "sliding_window_size": 4096}, {}, Window(4096)),
        ({"context_window_size": -1, "sliding_window_size": 4096, "attention_sink_size": 0}, {}, Window(-1, 4096, 0)),
        ({"context_window_size": -1, "sliding_window_size": 4096}, {}, Window(-1, 4096, 4)),
        ({"context_window_size": 4096}, {"sliding_window_size": 1024, "context_window_size": -1}, Window(-1, 1024, 4)),
        ({"sliding_window_size": 4096}, {"context_window_size": 2048, "sliding_window_size": -1}, Window(2048)),
        ({}, {}, Window(4096)),
        (None, {}, Window(4096)),
        ({"context_window_size": True, "sliding_window_size": "x"}, {}, Window(4096)),
    ],
)
def test_the_window_is_the_one_set_else_the_models_own_within_reason(
    config: Any, overrides: dict[str, Any], expected: Window
) -> None:
    assert window(config, overrides) == expected


numbers = st.one_of(st.none(), st.booleans(), st.text(max_size=3), st.integers(-2, 10**6), st.floats())
fields = st.dictionaries(
    st.sampled_from(["context_window_size", "sliding_window_size", "attention_sink_size"]), numbers
)


@given(config=st.one_of(st.none(), fields), overrides=fields)
def test_webllm_accepts_every_window(config: Any, overrides: dict[str, Any]) -> None:
    settled = window(config, overrides).to_json()
    context, sliding = settled["context_window_size"], settled["sliding_window_size"]
    assert (context > 0) != (sliding > 0)
    assert -1 in {context, sliding}
    assert sliding < 0 or settled["attention_sink_size"] >= 0


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("context_window_size", " 8 192 ", 8192), ("context_window_size", "1,048,576", 1_048_576),
        ("temperature", "0,7", 0.7), ("temperature", "", None),
        ("top_p", "1", 1.0), ("presence_penalty", "-2", -2.0),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(name: str, typed: str, value: float | None) -> None:
    assert read(BY_NAME[name], typed) == value


@pytest.mark.parametrize(
    ("name", "typed"),
    [("context_window_size", "4.5"), ("context_window_size", "10"), ("temperature", "hot"), ("top_p", "0"),
     ("top_p", "nan"), ("frequency_penalty", "3"), ("temperature", "inf")],
)  # fmt: skip
def test_what_is_no_number_within_bounds_is_refused_with_them(name: str, typed: str) -> None:
    with pytest.raises(Failure) as refused:
        read(BY_NAME[name], typed)
    assert refused.value.problem is Problem.NUMBER_UNREADABLE
    assert refused.value.facts["text"] == typed
