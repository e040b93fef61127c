"""Four-bit group quantisation as MLC stores it (`q4f32_1`, `q4f16_1`), and its inverse.

Format: each row of an [output, input] matrix is cut into groups of 32 along the input axis. A group has one
scale, max|w| / 7, and each weight is stored as round(w / scale) + 7, a number from 0 to 14. Eight of them fill
a uint32, the first in the lowest four bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlc.shape import GROUP, PER_WORD

ZERO = 7
"""The stored value that means 0; also the largest step away from it."""

Floats = NDArray[np.floating[Any]]


def quantise(weight: Floats, scale_dtype: str = "float32") -> tuple[NDArray[np.uint32], Floats]:
    """Quantise a matrix [output, input], input a multiple of 32.

    Returns the packed words [output, input / 8] and the scales [output, input / 32] in `scale_dtype`.
    The scale is rounded to its type first, so the steps are those the decoder will see. A group of zeros
    (or one whose scale rounds to zero) is stored as zeros.
    """
    rows, columns = weight.shape
    if columns % GROUP:
        raise ValueError(f"the input axis has {columns} values; it must be a multiple of {GROUP}")
    groups = np.asarray(weight, np.float32).reshape(rows, columns // GROUP, GROUP)
    if not np.isfinite(groups).all():
        raise ValueError("the matrix holds a value that is not finite")
    with np.errstate(over="ignore"):
        scale = (np.abs(groups).max(axis=2) / np.float32(ZERO)).astype(scale_dtype)
    if not np.isfinite(scale).all():
        raise ValueError(f"the matrix holds a weight too large for a {scale_dtype} scale")
    step = scale.astype(np.float32)[:, :, None]
    units = np.divide(groups, step, out=np.zeros_like(groups), where=step > 0)
    stored = (np.clip(np.rint(units), -ZERO, ZERO) + ZERO).astype(np.uint32)
    return pack(stored.reshape(rows, columns)), scale


def dequantise(words: NDArray[np.uint32], scale: Floats) -> NDArray[np.float32]:
    """The matrix [output, input] that `words` and `scale` stand for. Products are rounded to the scale's type."""
    values = unpack(words).astype(scale.dtype) - scale.dtype.type(ZERO)
    groups = values.reshape(scale.shape[0], scale.shape[1], GROUP) * scale[:, :, None]
    return groups.reshape(values.shape).astype(np.float32)


def pack(stored: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Pack numbers of four bits, eight to a word along the last axis."""
    shifts = np.arange(PER_WORD, dtype=np.uint32) * np.uint32(4)
    nibbles = stored.reshape(*stored.shape[:-1], -1, PER_WORD)
    packed: NDArray[np.uint32] = np.bitwise_or.reduce(nibbles << shifts, axis=-1)
    return packed


def unpack(words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The inverse of `pack`."""
    shifts = np.arange(PER_WORD, dtype=np.uint32) * np.uint32(4)
    nibbles: NDArray[np.uint32] = (words[..., None] >> shifts) & np.uint32(15)
    return nibbles.reshape(*words.shape[:-1], -1)
