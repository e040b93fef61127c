"""The shaders between logits and the next token, under the names by which WebLLM asks for them.

WebLLM 0.2.86 gives what `argsort_probs` returns straight to `sample_with_top_p` and looks at neither, so nothing is
sorted: `argsort_probs` hands its input on, and `sample_with_top_p` searches for the probability that a token must have
to be among the likeliest that make up `top_p`. One workgroup does each job, for one sequence.
"""

# The bodies below are TVMScript: TVM parses their source, so Python's rules on types and loops do not apply to them.
# mypy: disable-error-code="no-untyped-def, untyped-decorator"
# ruff: noqa: ANN202, B007, N812

from __future__ import annotations

from typing import Any

from tvm.script import tirx as T

LANES = 64
"""Threads of each workgroup."""

LOWEST = -3.4e38
"""Stands for minus infinity, which WGSL has no literal for."""

LEAST = 1e-37
"""A token less likely than this is never drawn; smaller floats may count as 0 on a GPU."""

HIGHEST_BIT = 1 << 29
ROUNDS = 31
"""Floats from 0 to 1 order like their bit patterns, all below 2 to the power of 30: a round a bit, and one more."""


def softmax_with_temperature() -> Any:
    """Probabilities of logits divided by a temperature: [n, 1, v] and [n] -> [n, 1, v], all float32."""

    @T.prim_func(private=True, s_tir=True)
    def softmax(logits: T.handle, temperatures: T.handle, result: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        batch = T.int32()
        vocabulary = T.int32()
        logit = T.match_buffer(logits, (batch, 1, vocabulary), "float32")
        temperature = T.match_buffer(temperatures, (batch,), "float32")
        out = T.match_buffer(result, (batch, 1, vocabulary), "float32")
        for b in T.thread_binding(batch, thread="blockIdx.x"):
            for lane in T.thread_binding(LANES, thread="threadIdx.x"):
                with T.sblock("softmax"):
                    T.reads()
                    T.writes()
                    part = T.sblock_alloc_buffer((LANES,), "float32", scope="shared")
                    largest = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    total = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    largest[0] = T.float32(LOWEST)
                    for i in T.serial((vocabulary + LANES - 1) // LANES):
                        if i * LANES + lane < vocabulary:
                            largest[0] = T.max(largest[0], logit[b, 0, i * LANES + lane])
                    part[lane] = largest[0]
                    T.tvm_storage_sync("shared")
                    for i in T.serial(LANES):
                        largest[0] = T.max(largest[0], part[i])
                    T.tvm_storage_sync("shared")
                    total[0] = T.float32(0)
                    for i in T.serial((vocabulary + LANES - 1) // LANES):
                        if i * LANES + lane < vocabulary:
                            total[0] += T.exp((logit[b, 0, i * LANES + lane] - largest[0]) / temperature[b])
                    part[lane] = total[0]
                    T.tvm_storage_sync("shared")
                    total[0] = T.float32(0)
                    for i in T.serial(LANES):
                        total[0] += part[i]
                    for i in T.serial((vocabulary + LANES - 1) // LANES):
                        if i * LANES + lane < vocabulary:
                            out[b, 0, i * LANES + lane] = (
                                T.exp((logit[b, 0, i * LANES + lane] - largest[0]) / temperature[b]) / total[0]
                            )

    return softmax


def sample_with_top_p() -> Any:
    """Draw a token: probabilities [1, v], a uniform number [1] in [0, 1), top_p [1] -> [1] int32.

    The likeliest tokens whose probabilities reach `top_p` together are found by their least probability: bit by bit,
    the largest float for which the tokens at or above it still reach `top_p`. Equal tokens are all in or all out.
    """

    @T.prim_func(private=True, s_tir=True)
    def sample(probabilities: T.handle, draws: T.handle, limits: T.handle, result: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        vocabulary = T.int32()
        p = T.match_buffer(probabilities, (1, vocabulary), "float32")
        draw = T.match_buffer(draws, (1,), "float32")
        top_p = T.match_buffer(limits, (1,), "float32")
        out = T.match_buffer(result, (1,), "int32")
        for block in T.thread_binding(1, thread="blockIdx.x"):
            for lane in T.thread_binding(LANES, thread="threadIdx.x"):
                with T.sblock("sample"):
                    T.reads()
                    T.writes()
                    part = T.sblock_alloc_buffer((LANES,), "float32", scope="shared")
                    least = T.sblock_alloc_buffer((1,), "uint32", scope="local")
                    bit = T.sblock_alloc_buffer((1,), "uint32", scope="local")
                    total = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    chosen = T.sblock_alloc_buffer((1,), "int32", scope="local")
                    left = T.sblock_alloc_buffer((1,), "float32", scope="local")
                    # The last round adds no bit: it only measures the tokens that were found.
                    least[0] = T.uint32(0)
                    bit[0] = T.uint32(HIGHEST_BIT)
                    for turn in T.serial(ROUNDS):
                        bound: T.let[T.float32] = T.reinterpret("float32", T.bitwise_or(least[0], bit[0]))
                        total[0] = T.float32(0)
                        for i in T.serial((vocabulary + LANES - 1) // LANES):
                            if i * LANES + lane < vocabulary and p[0, i * LANES + lane] >= bound:
                                total[0] += p[0, i * LANES + lane]
                        part[lane] = total[0]
                        T.tvm_storage_sync("shared")
                        total[0] = T.float32(0)
                        for i in T.serial(LANES):
                            total[0] += part[i]
                        T.tvm_storage_sync("shared")
                        if total[0] >= top_p[0]:
                            least[0] = T.bitwise_or(least[0], bit[0])
                        bit[0] = T.shift_right(bit[0], T.uint32(1))
                    if lane == 0:
                        limit: T.let[T.float32] = T.reinterpret("float32", least[0])
                        left[0] = draw[0] * total[0]
                        chosen[0] = -1
                        for i in T.serial(vocabulary):
                            if p[0, i] >= T.max(limit, T.float32(LEAST)) and left[0] >= T.float32(0):
                                chosen[0] = i
                                left[0] = left[0] - p[0, i]
                        out[0] = chosen[0]

    return sample


def apply_logit_bias() -> Any:
    """Add biases to logits in place: logits [batch, v], and for each bias its row, token and value, [n] each."""

    @T.prim_func(private=True, s_tir=True)
    def apply_logit_bias_inplace(logits: T.handle, rows: T.handle, ids: T.handle, biases: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        batch = T.int32()
        vocabulary = T.int32()
        count = T.int32()
        logit = T.match_buffer(logits, (batch, vocabulary), "float32")
        row = T.match_buffer(rows, (count,), "int32")
        token = T.match_buffer(ids, (count,), "int32")
        bias = T.match_buffer(biases, (count,), "float32")
        for b in T.thread_binding((count + LANES - 1) // LANES, thread="blockIdx.x"):
            for lane in T.thread_binding(LANES, thread="threadIdx.x"):
                with T.sblock("bias"):
                    T.reads()
                    T.writes()
                    i: T.let[T.int32] = b * LANES + lane
                    if i < count:
                        logit[row[i], token[i]] = logit[row[i], token[i]] + bias[i]

    return apply_logit_bias_inplace


def apply_penalty() -> Any:
    """Make tokens that have appeared less likely, in place.

    Logits [batch, v]; the rows' numbers [n]; for each token that appeared its row, id and count, [m] each; and for each
    row its presence, frequency and repetition penalty [n, 3].
    """

    @T.prim_func(private=True, s_tir=True)
    def apply_penalty_inplace(
        logits: T.handle, numbers: T.handle, rows: T.handle, ids: T.handle, counts: T.handle, penalties: T.handle
    ):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        batch = T.int32()
        vocabulary = T.int32()
        sequences = T.int32()
        appeared = T.int32()
        logit = T.match_buffer(logits, (batch, vocabulary), "float32")
        number = T.match_buffer(numbers, (sequences,), "int32")
        row = T.match_buffer(rows, (appeared,), "int32")
        token = T.match_buffer(ids, (appeared,), "int32")
        count = T.match_buffer(counts, (appeared,), "int32")
        penalty = T.match_buffer(penalties, (sequences, 3), "float32")
        for b in T.thread_binding((appeared + LANES - 1) // LANES, thread="blockIdx.x"):
            for lane in T.thread_binding(LANES, thread="threadIdx.x"):
                with T.sblock("penalty"):
                    T.reads()
                    T.writes()
                    i: T.let[T.int32] = b * LANES + lane
                    if i < appeared:
                        less: T.let[T.float32] = (
                            logit[number[row[i]], token[i]]
                            - penalty[row[i], 0]
                            - penalty[row[i], 1] * T.Cast("float32", count[i])
                        )
                        logit[number[row[i]], token[i]] = T.if_then_else(
                            less < T.float32(0), less * penalty[row[i], 2], less / penalty[row[i], 2]
                        )

    return apply_penalty_inplace


def apply_bitmask() -> Any:
    """Forbid tokens in place: logits [batch, v], the rows' numbers [n], and a bit for each token, 1 if it may come."""

    @T.prim_func(private=True, s_tir=True)
    def apply_bitmask_inplace(logits: T.handle, numbers: T.handle, masks: T.handle):
        T.func_attr({"tirx.is_scheduled": True, "tirx.noalias": True})
        batch = T.int32()
        vocabulary = T.int32()
        sequences = T.int32()
        logit = T.match_buffer(logits, (batch, vocabulary), "float32")
        number = T.match_buffer(numbers, (sequences,), "int32")
        mask = T.match_buffer(masks, (sequences, (vocabulary + 31) // 32), "int32")
        for s in T.thread_binding(sequences, thread="blockIdx.y"):
            for b in T.thread_binding((vocabulary + LANES - 1) // LANES, thread="blockIdx.x"):
                for lane in T.thread_binding(LANES, thread="threadIdx.x"):
                    with T.sblock("bitmask"):
                        T.reads()
                        T.writes()
                        v: T.let[T.int32] = b * LANES + lane
                        if v < vocabulary and T.bitwise_and(T.shift_right(mask[s, v // 32], v % 32), 1) == 0:
                            logit[number[s], v] = T.float32(LOWEST)

    return apply_bitmask_inplace
