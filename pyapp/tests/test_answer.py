"""What a host's answer means, whatever it says."""

import time
from datetime import UTC, datetime

import pytest
from bocal.errors import Failure, Problem
from bocal.protocols import HEADERS, Head
from bocal.weights import answer
from bocal.weights.answer import Validator
from hypothesis import given
from hypothesis import strategies as st


def head(status: int = 206, /, **headers: str) -> Head:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Head(1, "https://h/x", status, False, {name: told.get(name, "") for name in HEADERS})


def test_a_range_goes_on_where_the_kept_bytes_end() -> None:
    kept = Validator('"a"', "", 100)
    version = Validator('"a"', "", 100)
    told = {"ETag": '"a"', "Content_Range": "bytes 40-99/100", "Content_Length": "60"}
    assert answer.start(head(206, **told), 40, kept) == (40, version)


def test_where_the_range_cannot_be_read_the_length_must_add_up() -> None:
    assert answer.start(head(Content_Length="60"), 40, Validator(total=100))[0] == 40
    assert answer.start(head(Content_Length="61"), 40, Validator(total=100))[0] is None


@pytest.mark.parametrize(
    "told",
    [
        {"ETag": '"b"', "Content_Range": "bytes 40-99/100"},
        {"Last_Modified": "tomorrow", "Content_Range": "bytes 40-99/100"},
        {"Content_Range": "bytes 40-98/99"},
        {"Content_Range": "bytes 41-99/100"},
    ],
)
def test_another_version_does_not_go_on(told: dict[str, str]) -> None:
    assert answer.start(head(206, **told), 40, Validator('"a"', "today", 100))[0] is None


def test_a_whole_file_begins_at_its_beginning_whatever_was_asked() -> None:
    assert answer.start(head(200, ETag='"b"', Content_Length="9"), 40, Validator('"a"')) == (0, Validator('"b"', "", 9))


@pytest.mark.parametrize(
    ("status", "told", "seconds"),
    [
        (429, {"Retry_After": "Tue, 01 Dec 2026 12:05:00 GMT"}, 300),
        (429, {"Retry_After": "Tue, 01 Dec 2026 11:55:00 GMT"}, 1),
        (429, {"Retry_After": "17"}, 17),
        (429, {"Retry_After": "²"}, 60),
        (429, {"RateLimit": '"api";r=0;t=42'}, 42),
        (429, {}, 60),
        (503, {"Retry_After": "120"}, 120),
        (503, {}, None),
    ],
)
def test_a_host_says_how_long_to_wait(
    status: int, told: dict[str, str], seconds: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp())
    with pytest.raises(Failure) as caught:
        answer.start(head(status, **told), 0, Validator())
    assert caught.value.facts.get("seconds") == seconds


@given(
    st.integers(100, 599), st.booleans(), st.integers(0, 10**6), st.dictionaries(st.sampled_from(HEADERS), st.text()),
    st.builds(Validator, st.text(max_size=3), st.text(max_size=3), st.integers(0, 100)),
)  # fmt: skip
def test_no_answer_surprises(
    status: int, redirected: bool, asked_from: int, headers: dict[str, str], kept: Validator
) -> None:
    try:
        begin, _ = answer.start(Head(1, "https://h/x", status, redirected, headers), asked_from, kept)
    except Failure as failure:
        assert failure.problem in set(Problem)
    else:
        assert begin in {None, 0, asked_from}
        assert begin is not None or asked_from
