"""The shaders that TVM's paged key-value cache calls: rotary embedding, appending, attention, and merging.

The cache hands over one sequence, which is all that WebLLM runs, so none of them loops over a batch. Its pages have the
shape [pages, 2, kv_heads, 16, head_dim], keys first, and `page_indices` lists those of the sequence in order. The first
part of a prompt attends to itself, later parts also to the pages before them, and the two results are merged by the
logarithm of their softmax sums. The order of every function's arguments, used or not, is set by `attn_backend.h` and
`paged_kv_cache.cc` in TVM.
"""

# The bodies below are TVMScript: TVM parses their source, so Python's rules on types and loops do not apply to them.
# mypy: disable-error-code="no-untyped-def, untyped-decorator"
# ruff: noqa: ANN001, ANN202, ARG001, B023, N812

from __future__ import annotations

import math
from typing import Any

from tvm.script import tirx as T

from mlc.shape import ModelShape

PAGE = 16
"""Tokens of a page: WebLLM asks for this size and no other."""

LANES = 64
"""Threads of a workgroup, where the head's size does not decide."""

STEP = 8
"""How far the inner loops of attention are unrolled. A round of a loop is what costs most on a GPU played by a CPU."""

LOWEST = -3.4e38

# 2 pi as a short number and the rest: multiples of the short one are exact for any position below 2 to the power of 18.
TURN = 6.28125
TURN_REST = 2 * math.pi - TURN


def split_rotary(shape: ModelShape) -> Any:
    """Cut [n, heads + 2 kv_heads, head_dim] into queries, keys and values, and turn the first two by their position."""
    dtype, heads, kv_heads, dim = shape.dtype, shape.heads, shape.kv_heads, shape.head_dim
    half = dim // 2
    decay = -2 * math.log(shape.rope_theta) / dim

    @T.prim_func(private=True, s_tir=True)
    def rotary(
        fused: T.handle, positions: T.handle, queries: T.handle, keys: T.handle, values: T.handle, apply: T.int32
    ):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        tokens = T.int32()
        offset = T.int32()
        qkv = T.match_buffer(fused, (tokens, heads + 2 * kv_heads, dim), dtype)
        position = T.match_buffer(positions, (tokens,), "int32", elem_offset=offset)
        q = T.match_buffer(queries, (tokens, heads, dim), dtype)
        k = T.match_buffer(keys, (tokens, kv_heads, dim), dtype)
        v = T.match_buffer(values, (tokens, kv_heads, dim), dtype)
        for t in T.thread_binding(tokens, thread="blockIdx.y"):
            for h in T.thread_binding(heads + 2 * kv_heads, thread="blockIdx.x"):
                for d in T.thread_binding(half, thread="threadIdx.x"):
                    with T.sblock("rotary"):
                        T.reads()
                        T.writes()
                        turned = T.sblock_alloc_buffer((2,), "float32", scope="local")
                        angle = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        turns = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        cosine = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        sine = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        angle[0] = T.Cast("float32", position[t]) * T.exp(T.Cast("float32", d) * T.float32(decay))
                        turns[0] = T.floor(angle[0] / T.float32(2 * math.pi) + T.float32(0.5))
                        angle[0] = angle[0] - turns[0] * T.float32(TURN) - turns[0] * T.float32(TURN_REST)
                        cosine[0] = T.cos(angle[0])
                        sine[0] = T.sin(angle[0])
                        a: T.let[T.float32] = T.Cast("float32", qkv[t, h, d])
                        b: T.let[T.float32] = T.Cast("float32", qkv[t, h, d + half])
                        turned[0] = a * cosine[0] - b * sine[0]
                        turned[1] = b * cosine[0] + a * sine[0]
                        if h < heads:
                            q[t, h, d] = T.Cast(dtype, turned[0])
                            q[t, h, d + half] = T.Cast(dtype, turned[1])
                        elif h < heads + kv_heads:
                            k[t, h - heads, d] = T.Cast(dtype, turned[0])
                            k[t, h - heads, d + half] = T.Cast(dtype, turned[1])
                        else:
                            v[t, h - heads - kv_heads, d] = qkv[t, h, d]
                            v[t, h - heads - kv_heads, d + half] = qkv[t, h, d + half]

    return rotary


def append(shape: ModelShape) -> Any:
    """Write new keys and values [n, kv_heads, head_dim] to their slots; slot = page * 16 + place, or -1 for none."""
    dtype, kv_heads, dim = shape.dtype, shape.kv_heads, shape.head_dim

    @T.prim_func(private=True, s_tir=True)
    def transpose_append(pages: T.handle, keys: T.handle, values: T.handle, slots: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        tokens = T.int32()
        page_count = T.int32()
        offset = T.int32()
        page = T.match_buffer(pages, (page_count, 2, kv_heads, PAGE, dim), dtype)
        k = T.match_buffer(keys, (tokens, kv_heads, dim), dtype)
        v = T.match_buffer(values, (tokens, kv_heads, dim), dtype)
        slot = T.match_buffer(slots, (tokens,), "int32", elem_offset=offset)
        for t in T.thread_binding(tokens, thread="blockIdx.y"):
            for h in T.thread_binding(kv_heads, thread="blockIdx.x"):
                for d in T.thread_binding(dim, thread="threadIdx.x"):
                    with T.sblock("append"):
                        T.reads()
                        T.writes()
                        if slot[t] >= 0:
                            page[slot[t] // PAGE, 0, h, slot[t] % PAGE, d] = k[t, h, d]
                            page[slot[t] // PAGE, 1, h, slot[t] % PAGE, d] = v[t, h, d]

    return transpose_append


def _attend(shape: ModelShape) -> Any:
    """The body that the three attention shaders share: one workgroup of `head_dim` threads for a query and a head.

    Keys come in blocks of `head_dim`. A thread first scores one key of the block, then sums one dimension of the
    values, keeping the running maximum, so the scores of a block are all that is ever stored (the "online" softmax).
    """
    dtype, dim = shape.dtype, shape.head_dim

    @T.macro
    def attend(query, score, top, norm, acc, new_top, share, q, out, lse, t, h, d, count, scale, key, value):
        query[d] = T.Cast("float32", q[t, h, d]) * scale
        top[0] = T.float32(LOWEST)
        norm[0] = T.float32(0)
        acc[0] = T.float32(0)
        T.tvm_storage_sync("shared")
        for block in T.serial((count + dim - 1) // dim):
            # The score of key number `block * dim + d`; none past the last.
            new_top[0] = T.float32(LOWEST)
            if block * dim + d < count:
                new_top[0] = T.float32(0)
                for i in T.serial(dim // STEP):
                    for u in T.unroll(STEP):
                        new_top[0] += query[i * STEP + u] * T.Cast("float32", key(block * dim + d, i * STEP + u))
            score[d] = new_top[0]
            T.tvm_storage_sync("shared")
            new_top[0] = top[0]
            for j in T.serial((T.min(dim, count - block * dim) + STEP - 1) // STEP):
                for u in T.unroll(STEP):
                    new_top[0] = T.max(new_top[0], score[j * STEP + u])
            norm[0] = norm[0] * T.exp(top[0] - new_top[0])
            acc[0] = acc[0] * T.exp(top[0] - new_top[0])
            for j in T.serial((T.min(dim, count - block * dim) + STEP - 1) // STEP):
                for u in T.unroll(STEP):
                    share[0] = T.exp(score[j * STEP + u] - new_top[0])
                    norm[0] += share[0]
                    acc[0] += share[0] * T.Cast("float32", value(T.min(block * dim + j * STEP + u, count - 1), d))
            top[0] = new_top[0]
            T.tvm_storage_sync("shared")
        out[t, h, d] = T.Cast(dtype, acc[0] / norm[0])
        if d == 0:
            lse[t, h] = top[0] + T.log(norm[0])

    return attend


def attend_new(shape: ModelShape) -> Any:
    """Causal attention of a prompt's tokens to themselves."""
    dtype, heads, kv_heads, dim = shape.dtype, shape.heads, shape.kv_heads, shape.head_dim
    attend = _attend(shape)

    @T.prim_func(private=True, s_tir=True)
    def attention_new(
        queries: T.handle,
        query_starts: T.handle,
        keys: T.handle,
        values: T.handle,
        key_starts: T.handle,
        query_positions: T.handle,
        key_positions: T.handle,
        result: T.handle,
        logsums: T.handle,
        causal: T.int32,
        rotary_mode: T.int32,
        rope_scale: T.float32,
        rope_theta: T.float32,
        scale: T.float32,
    ):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        tokens = T.int32()
        starts_offset = T.int32()
        key_starts_offset = T.int32()
        positions_offset = T.int32()
        key_positions_offset = T.int32()
        q = T.match_buffer(queries, (tokens, heads, dim), dtype)
        T.match_buffer(query_starts, (2,), "int32", elem_offset=starts_offset)
        k = T.match_buffer(keys, (tokens, kv_heads, dim), dtype)
        v = T.match_buffer(values, (tokens, kv_heads, dim), dtype)
        T.match_buffer(key_starts, (2,), "int32", elem_offset=key_starts_offset)
        T.match_buffer(query_positions, (tokens,), "int32", elem_offset=positions_offset)
        T.match_buffer(key_positions, (1,), "int32", elem_offset=key_positions_offset)
        out = T.match_buffer(result, (tokens, heads, dim), dtype)
        lse = T.match_buffer(logsums, (tokens, heads), "float32")
        for t in T.thread_binding(tokens, thread="blockIdx.y"):
            for h in T.thread_binding(heads, thread="blockIdx.x"):
                for d in T.thread_binding(dim, thread="threadIdx.x"):
                    with T.sblock("attention"):
                        T.reads()
                        T.writes()
                        query = T.sblock_alloc_buffer((dim,), "float32", scope="shared")
                        score = T.sblock_alloc_buffer((dim,), "float32", scope="shared")
                        top = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        norm = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        acc = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        new_top = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        share = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        attend(
                            query, score, top, norm, acc, new_top, share, q, out, lse, t, h, d, t + 1, scale,
                            lambda j, i: k[j, h // (heads // kv_heads), i],
                            lambda j, i: v[j, h // (heads // kv_heads), i],
                        )  # fmt: skip

    return attention_new


def attend_pages(shape: ModelShape, *, decode: bool) -> Any:
    """Attention to all tokens in the pages: of one new token, already among them (decode), or of a prompt's part."""
    dtype, heads, kv_heads, dim = shape.dtype, shape.heads, shape.kv_heads, shape.head_dim
    attend = _attend(shape)

    @T.macro
    def workgroup(t, h, d, q, page, page_index, last_length, used, out, lse, scale):
        with T.sblock("attention"):
            T.reads()
            T.writes()
            query = T.sblock_alloc_buffer((dim,), "float32", scope="shared")
            score = T.sblock_alloc_buffer((dim,), "float32", scope="shared")
            top = T.sblock_alloc_buffer((1,), "float32", scope="local")
            norm = T.sblock_alloc_buffer((1,), "float32", scope="local")
            acc = T.sblock_alloc_buffer((1,), "float32", scope="local")
            new_top = T.sblock_alloc_buffer((1,), "float32", scope="local")
            share = T.sblock_alloc_buffer((1,), "float32", scope="local")
            count: T.let[T.int32] = (used - 1) * PAGE + last_length[0]
            attend(
                query, score, top, norm, acc, new_top, share, q, out, lse, t, h, d, count, scale,
                lambda j, i: page[page_index[j // PAGE], 0, h // (heads // kv_heads), j % PAGE, i],
                lambda j, i: page[page_index[j // PAGE], 1, h // (heads // kv_heads), j % PAGE, i],
            )  # fmt: skip

    @T.prim_func(private=True, s_tir=True)
    def attention_decode(
        queries: T.handle,
        pages: T.handle,
        page_starts: T.handle,
        page_indices: T.handle,
        lengths: T.handle,
        key_positions: T.handle,
        query_positions: T.handle,
        result: T.handle,
        logsums: T.handle,
        rotary_mode: T.int32,
        rope_scale: T.float32,
        rope_theta: T.float32,
        scale: T.float32,
    ):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        tokens = T.int32()
        page_count = T.int32()
        used = T.int32()
        offsets = [T.int32() for _ in range(5)]
        q = T.match_buffer(queries, (tokens, heads, dim), dtype)
        page = T.match_buffer(pages, (page_count, 2, kv_heads, PAGE, dim), dtype)
        T.match_buffer(page_starts, (2,), "int32", elem_offset=offsets[0])
        page_index = T.match_buffer(page_indices, (used,), "int32", elem_offset=offsets[1])
        last_length = T.match_buffer(lengths, (1,), "int32", elem_offset=offsets[2])
        T.match_buffer(key_positions, (1,), "int32", elem_offset=offsets[3])
        T.match_buffer(query_positions, (tokens,), "int32", elem_offset=offsets[4])
        out = T.match_buffer(result, (tokens, heads, dim), dtype)
        lse = T.match_buffer(logsums, (tokens, heads), "float32")
        for t in T.thread_binding(tokens, thread="blockIdx.y"):
            for h in T.thread_binding(heads, thread="blockIdx.x"):
                for d in T.thread_binding(dim, thread="threadIdx.x"):
                    workgroup(t, h, d, q, page, page_index, last_length, used, out, lse, scale)

    @T.prim_func(private=True, s_tir=True)
    def attention_pages(
        queries: T.handle,
        query_starts: T.handle,
        pages: T.handle,
        page_starts: T.handle,
        page_indices: T.handle,
        lengths: T.handle,
        key_positions: T.handle,
        query_positions: T.handle,
        result: T.handle,
        logsums: T.handle,
        causal: T.int32,
        rotary_mode: T.int32,
        rope_scale: T.float32,
        rope_theta: T.float32,
        scale: T.float32,
    ):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        tokens = T.int32()
        page_count = T.int32()
        used = T.int32()
        offsets = [T.int32() for _ in range(6)]
        q = T.match_buffer(queries, (tokens, heads, dim), dtype)
        T.match_buffer(query_starts, (2,), "int32", elem_offset=offsets[0])
        page = T.match_buffer(pages, (page_count, 2, kv_heads, PAGE, dim), dtype)
        T.match_buffer(page_starts, (2,), "int32", elem_offset=offsets[1])
        page_index = T.match_buffer(page_indices, (used,), "int32", elem_offset=offsets[2])
        last_length = T.match_buffer(lengths, (1,), "int32", elem_offset=offsets[3])
        T.match_buffer(key_positions, (1,), "int32", elem_offset=offsets[4])
        T.match_buffer(query_positions, (tokens,), "int32", elem_offset=offsets[5])
        out = T.match_buffer(result, (tokens, heads, dim), dtype)
        lse = T.match_buffer(logsums, (tokens, heads), "float32")
        for t in T.thread_binding(tokens, thread="blockIdx.y"):
            for h in T.thread_binding(heads, thread="blockIdx.x"):
                for d in T.thread_binding(dim, thread="threadIdx.x"):
                    workgroup(t, h, d, q, page, page_index, last_length, used, out, lse, scale)

    return attention_decode if decode else attention_pages


def merge(shape: ModelShape) -> Any:
    """Put two parts of an attention together, into the first: results [n, heads, head_dim], log sums [n, heads].

    The merged log sum is not written back: with one sequence nothing is merged a second time.
    """
    dtype, heads, dim = shape.dtype, shape.heads, shape.head_dim

    @T.prim_func(private=True, s_tir=True)
    def merge_state(results: T.handle, logsums: T.handle, other_results: T.handle, other_logsums: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        tokens = T.int32()
        a = T.match_buffer(results, (tokens, heads, dim), dtype)
        a_lse = T.match_buffer(logsums, (tokens, heads), "float32")
        b = T.match_buffer(other_results, (tokens, heads, dim), dtype)
        b_lse = T.match_buffer(other_logsums, (tokens, heads), "float32")
        for t in T.thread_binding(tokens, thread="blockIdx.y"):
            for h in T.thread_binding(heads, thread="blockIdx.x"):
                for d in T.thread_binding(dim, thread="threadIdx.x"):
                    with T.sblock("merge"):
                        T.reads()
                        T.writes()
                        share = T.sblock_alloc_buffer((1,), "float32", scope="local")
                        share[0] = T.float32(1) / (T.float32(1) + T.exp(b_lse[t, h] - a_lse[t, h]))
                        a[t, h, d] = T.Cast(
                            dtype,
                            T.Cast("float32", a[t, h, d]) * share[0]
                            + T.Cast("float32", b[t, h, d]) * (T.float32(1) - share[0]),
                        )

    return merge_state


def copy_page(shape: ModelShape) -> Any:
    """Copy the first `length` tokens of a page to another. The cache demands it; only forked sequences use it."""
    dtype, kv_heads, dim = shape.dtype, shape.kv_heads, shape.head_dim

    @T.prim_func(private=True, s_tir=True)
    def copy_single_page(pages: T.handle, source: T.int32, copy: T.int32, length: T.int32):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        page_count = T.int32()
        page = T.match_buffer(pages, (page_count, 2, kv_heads, PAGE, dim), dtype)
        for t in T.thread_binding(length, thread="blockIdx.y"):
            for h in T.thread_binding(kv_heads, thread="blockIdx.x"):
                for d in T.thread_binding(dim, thread="threadIdx.x"):
                    with T.sblock("copy"):
                        T.reads()
                        T.writes()
                        page[copy, 0, h, t, d] = page[source, 0, h, t, d]
                        page[copy, 1, h, t, d] = page[source, 1, h, t, d]

    return copy_single_page
