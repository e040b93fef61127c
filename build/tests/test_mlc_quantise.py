"""Four-bit quantisation keeps every weight within half a step, and its format is MLC's."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from mlc.quantise import dequantise, pack, quantise, unpack
from numpy.typing import NDArray

MATRICES = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 3).map(lambda groups: groups * 32)),
    elements=st.floats(-1000, 1000, width=32, allow_subnormal=False),
)


@given(MATRICES, st.sampled_from(["float32", "float16"]))
def test_no_weight_moves_by_more_than_half_a_step(weight: NDArray[np.float32], dtype: str) -> None:
    words, scale = quantise(weight, dtype)
    step = np.repeat(scale.astype(np.float32), 32, axis=1)
    # A scale in float16 may be rounded down, so the largest weight of a group may lie past the last step; a tiny scale
    # may even be rounded to nothing.
    slack = {"float32": 1e-6, "float16": 4e-3}[dtype] * np.abs(weight) + (1e-6 if dtype == "float16" else 0)
    assert (np.abs(dequantise(words, scale) - weight) <= step * 0.5001 + slack).all()


@given(MATRICES)
def test_quantising_again_changes_nothing(weight: NDArray[np.float32]) -> None:
    words, scale = quantise(weight)
    again, scale_again = quantise(dequantise(words, scale))
    assert np.allclose(scale_again, scale, rtol=1e-6)
    assert (again == words).all()


@given(arrays.arrays(np.uint32, st.tuples(st.integers(1, 3), st.just(16)), elements=st.integers(0, 15)))
def test_packing_is_undone_by_unpacking(stored: NDArray[np.uint32]) -> None:
    assert (unpack(pack(stored)) == stored).all()


def test_the_first_weight_lies_in_the_lowest_bits_and_zero_is_stored_as_seven() -> None:
    row = np.zeros((1, 32), np.float32)
    row[0, 0], row[0, 1] = 7.0, -7.0
    words, scale = quantise(row)
    assert scale.tolist() == [[1.0]]
    assert words.shape == (1, 4)
    assert hex(int(words[0, 0])) == "0x7777770e"
    assert words.dtype == np.uint32


def test_a_group_of_zeros_stays_zero() -> None:
    words, scale = quantise(np.zeros((2, 64), np.float32))
    assert (dequantise(words, scale) == 0).all()


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [(np.nan, "float32", "not finite"), (np.inf, "float32", "not finite"), (1e6, "float16", "too large")],
)
def test_what_cannot_be_stored_is_refused(value: Any, dtype: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quantise(np.full((1, 32), value, np.float32), dtype)


def test_an_input_axis_that_is_no_multiple_of_the_group_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 32"):
        quantise(np.zeros((1, 40), np.float32))
