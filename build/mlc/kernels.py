"""The model's own compute shaders: embedding, RMS normalisation and matrix products.

They are written by hand, with their threads bound, because what decides how fast a small model loads is the number and
size of its shaders: every one is a pipeline that the browser compiles. Dimensions are therefore arguments where that
lets one shader serve several places, and a prompt and a single token run the same shaders.

Each function returns a PrimFunc, parsed once: a model asks for the same few again in every layer, and TVM takes half a
second to parse one. `dtype` is the type of activations and scales; sums are float32. `quantised` chooses
between a pair of tensors (packed words, scales; see `quantise.py`) and a plain matrix.
"""

# The bodies below are TVMScript: TVM parses their source, so Python's rules on types and loops do not apply to them.
# mypy: disable-error-code="no-untyped-def, untyped-decorator"
# ruff: noqa: ANN001, ANN202, C901, N812

from __future__ import annotations

from functools import cache
from typing import Any

from tvm.script import tirx as T

from mlc.quantise import ZERO
from mlc.shape import GROUP, PER_WORD

LANES = 64
"""Threads of a workgroup: a multiple of every GPU's native width, a quarter of WebGPU's guaranteed limit."""

WORDS = GROUP // PER_WORD


def nibble(word: Any, index: Any) -> Any:
    """The float32 number stored at position `index` (0 to 7) of a packed word, before scaling."""
    stored = T.bitwise_and(T.shift_right(word, T.Cast("uint32", index * 4)), T.uint32(15))
    return T.Cast("float32", stored) - T.float32(ZERO)


@cache
def embed(dtype: str, *, quantised: bool) -> Any:
    """Rows of the embedding: tokens [n] int32 -> [n, width]."""

    @T.prim_func(private=True, s_tir=True)
    def embed_q4(ids: T.handle, words: T.handle, scales: T.handle, result: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        tokens = T.int32()
        rows = T.int32()
        groups = T.int32()
        token = T.match_buffer(ids, (tokens,), "int32")
        word = T.match_buffer(words, (rows, groups * WORDS), "uint32")
        scale = T.match_buffer(scales, (rows, groups), dtype)
        out = T.match_buffer(result, (tokens, groups * GROUP), dtype)
        for t in T.thread_binding(tokens, thread="blockIdx.y"):
            for g in T.thread_binding(groups, thread="blockIdx.x"):
                for lane in T.thread_binding(GROUP, thread="threadIdx.x"):
                    with T.sblock("embed"):
                        T.reads()
                        T.writes()
                        packed: T.let[T.uint32] = word[token[t], g * WORDS + lane // PER_WORD]
                        value: T.let[T.float32] = nibble(packed, lane % PER_WORD)
                        out[t, g * GROUP + lane] = T.Cast(dtype, value * T.Cast("float32", scale[token[t], g]))

    @T.prim_func(private=True, s_tir=True)
    def embed_plain(ids: T.handle, weights: T.handle, result: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        tokens = T.int32()
        rows = T.int32()
        width = T.int32()
        token = T.match_buffer(ids, (tokens,), "int32")
        weight = T.match_buffer(weights, (rows, width), dtype)
        out = T.match_buffer(result, (tokens, width), dtype)
        for t in T.thread_binding(tokens, thread="blockIdx.y"):
            for b in T.thread_binding((width + LANES - 1) // LANES, thread="blockIdx.x"):
                for lane in T.thread_binding(LANES, thread="threadIdx.x"):
                    with T.sblock("embed"):
                        T.reads()
                        T.writes()
                        if b * LANES + lane < width:
                            out[t, b * LANES + lane] = weight[token[t], b * LANES + lane]

    return embed_q4 if quantised else embed_plain


@cache
def rms_norm(width: int, eps: float, dtype: str, *, last_only: bool) -> Any:
    """RMS normalisation: [1, n, width], weight [width] -> the same shape, or [1, 1, width] of the last token."""

    @T.prim_func(private=True, s_tir=True)
    def norm(hidden: T.handle, weights: T.handle, result: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        tokens = T.int32()
        x = T.match_buffer(hidden, (1, tokens, width), dtype)
        weight = T.match_buffer(weights, (width,), dtype)
        out = T.match_buffer(result, (1, 1 if last_only else tokens, width), dtype)
        for t in T.thread_binding(1 if last_only else tokens, thread="blockIdx.x"):
            for lane in T.thread_binding(LANES, thread="threadIdx.x"):
                with T.sblock("norm"):
                    T.reads()
                    T.writes()
                    part = T.sblock_alloc_buffer((LANES,), "float32", scope="shared")
                    total = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    row: T.let[T.int32] = tokens - 1 if last_only else t
                    total[0] = T.float32(0)
                    for i in T.serial((width + LANES - 1) // LANES):
                        if i * LANES + lane < width:
                            value: T.let[T.float32] = T.Cast("float32", x[0, row, i * LANES + lane])
                            total[0] += value * value
                    part[lane] = total[0]
                    T.tvm_storage_sync("shared")
                    total[0] = T.float32(0)
                    for i in T.serial(LANES):
                        total[0] += part[i]
                    total[0] = T.rsqrt(total[0] / T.float32(width) + T.float32(eps))
                    for i in T.serial((width + LANES - 1) // LANES):
                        if i * LANES + lane < width:
                            scaled: T.let[T.float32] = T.Cast("float32", x[0, row, i * LANES + lane]) * total[0]
                            out[0, t, i * LANES + lane] = T.Cast(
                                dtype, scaled * T.Cast("float32", weight[i * LANES + lane])
                            )

    return norm


@cache
def linear(
    dtype: str, out_dtype: str, *, quantised: bool, tile: int = 1, rows_each: int = 1, then: str = "store"
) -> Any:
    """A matrix product: x [1, n, input], matrix [rows, input], result [1, n, output].

    One thread computes `rows_each` rows of the matrix for `tile` tokens, so what it reads of either serves several
    products. `then` says what becomes of a product: "store" keeps it, "add" adds it to what the result holds (a
    residual), and "gate" takes the first half of the rows as a gate for the second: silu(first) * second, and the
    output is half as wide as the matrix has rows.
    """
    factor = 2 if then == "gate" else 1
    block = LANES * rows_each

    @T.macro
    def clear(sums):
        for a in T.unroll(rows_each):
            for j in T.unroll(tile):
                sums[a, j] = T.float32(0)

    @T.macro
    def accumulate(sums, value, weight, x, first, last, k):
        for j in T.unroll(tile):
            # Past the last token, the last one is read again: the result is not stored.
            value[0] = T.Cast("float32", x[0, T.min(first + j, last), k])
            for a in T.unroll(rows_each):
                sums[a, j] += value[0] * weight[a]

    @T.macro
    def dot_q4(total, part, value, weight, x, word, scale, first, last, row, end, groups):
        clear(total)
        for g in T.serial(groups):
            clear(part)
            for w in T.serial(WORDS):
                for i in T.unroll(PER_WORD):
                    for a in T.unroll(rows_each):
                        weight[a] = nibble(word[T.min(row + a * LANES, end - 1), g * WORDS + w], i)
                    accumulate(part, value, weight, x, first, last, g * GROUP + w * PER_WORD + i)
            for a in T.unroll(rows_each):
                weight[a] = T.Cast("float32", scale[T.min(row + a * LANES, end - 1), g])
                for j in T.unroll(tile):
                    total[a, j] += part[a, j] * weight[a]

    @T.macro
    def dot_plain(total, value, weight, x, matrix, first, last, row, end, inner):
        clear(total)
        for b in T.serial(inner // PER_WORD):
            for i in T.unroll(PER_WORD):
                for a in T.unroll(rows_each):
                    weight[a] = T.Cast("float32", matrix[T.min(row + a * LANES, end - 1), b * PER_WORD + i])
                accumulate(total, value, weight, x, first, last, b * PER_WORD + i)

    @T.macro
    def finish(out, total, gate, first, last, row, rows):
        for a in T.unroll(rows_each):
            for j in T.unroll(tile):
                if first + j <= last and row + a * LANES < rows:
                    if then == "store":
                        out[0, first + j, row + a * LANES] = T.Cast(out_dtype, total[a, j])
                    elif then == "add":
                        out[0, first + j, row + a * LANES] = T.Cast(
                            out_dtype, T.Cast("float32", out[0, first + j, row + a * LANES]) + total[a, j]
                        )
                    else:
                        silu: T.let[T.float32] = gate[a, j] / (T.float32(1) + T.exp(T.float32(0) - gate[a, j]))
                        out[0, first + j, row + a * LANES] = T.Cast(out_dtype, silu * total[a, j])

    @T.prim_func(private=True, s_tir=True)
    def linear_q4(hidden: T.handle, words: T.handle, scales: T.handle, result: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        tokens = T.int32()
        rows = T.int32()
        groups = T.int32()
        x = T.match_buffer(hidden, (1, tokens, groups * GROUP), dtype)
        word = T.match_buffer(words, (rows * factor, groups * WORDS), "uint32")
        scale = T.match_buffer(scales, (rows * factor, groups), dtype)
        out = T.match_buffer(result, (1, tokens, rows), out_dtype)
        for t in T.thread_binding((tokens + tile - 1) // tile, thread="blockIdx.y"):
            for b in T.thread_binding((rows + block - 1) // block, thread="blockIdx.x"):
                for lane in T.thread_binding(LANES, thread="threadIdx.x"):
                    with T.sblock("linear"):
                        T.reads()
                        T.writes()
                        total = T.sblock_alloc_buffer((rows_each, tile), "float32", scope="local")
                        gate = T.sblock_alloc_buffer((rows_each, tile), "float32", scope="local")
                        part = T.sblock_alloc_buffer((rows_each, tile), "float32", scope="local")
                        value = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        weight = T.sblock_alloc_buffer((rows_each,), "float32", scope="local")
                        row: T.let[T.int32] = b * block + lane
                        first: T.let[T.int32] = t * tile
                        last: T.let[T.int32] = tokens - 1
                        if then == "gate":
                            dot_q4(gate, part, value, weight, x, word, scale, first, last, row, rows, groups)
                        low: T.let[T.int32] = rows * (factor - 1)
                        dot_q4(total, part, value, weight, x, word, scale, first, last, low + row, low + rows, groups)
                        finish(out, total, gate, first, last, row, rows)

    @T.prim_func(private=True, s_tir=True)
    def linear_plain(hidden: T.handle, weights: T.handle, result: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        tokens = T.int32()
        rows = T.int32()
        inner = T.int32()
        x = T.match_buffer(hidden, (1, tokens, inner), dtype)
        matrix = T.match_buffer(weights, (rows * factor, inner), dtype)
        out = T.match_buffer(result, (1, tokens, rows), out_dtype)
        for t in T.thread_binding((tokens + tile - 1) // tile, thread="blockIdx.y"):
            for b in T.thread_binding((rows + block - 1) // block, thread="blockIdx.x"):
                for lane in T.thread_binding(LANES, thread="threadIdx.x"):
                    with T.sblock("linear"):
                        T.reads()
                        T.writes()
                        total = T.sblock_alloc_buffer((rows_each, tile), "float32", scope="local")
                        gate = T.sblock_alloc_buffer((rows_each, tile), "float32", scope="local")
                        value = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        weight = T.sblock_alloc_buffer((rows_each,), "float32", scope="local")
                        row: T.let[T.int32] = b * block + lane
                        first: T.let[T.int32] = t * tile
                        last: T.let[T.int32] = tokens - 1
                        if then == "gate":
                            dot_plain(gate, value, weight, x, matrix, first, last, row, rows, inner)
                        low: T.let[T.int32] = rows * (factor - 1)
                        dot_plain(total, value, weight, x, matrix, first, last, low + row, low + rows, inner)
                        finish(out, total, gate, first, last, row, rows)

    return linear_q4 if quantised else linear_plain
