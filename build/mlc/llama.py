"""The Llama architecture as a TVM module: the functions that WebLLM 0.2.86 calls, over the shaders of this package.

The residual stream stays in one tensor from the embedding to the last norm: the two products that end a layer's halves
add to it in place. A prompt and a single token run the same functions, with a length of n or 1.
"""

from __future__ import annotations

import math
from typing import Any

from tvm import ir, relax
from tvm.relax.frontend import nn
from tvm.relax.frontend.nn import op
from tvm.relax.frontend.nn.llm.kv_cache import AttnKind, PagedKVCache, RopeMode

from mlc import attention, kernels, sampling
from mlc.shape import ModelShape

PROMPT_TILE = (4, 4)
"""Tokens of a prompt, and rows of the matrix, that one thread of a matrix product computes."""


class Matrix(nn.Module):  # type: ignore[misc]
    """A matrix [rows, columns] under MLC's parameter names: `weight`, or `q_weight` and `q_scale`."""

    def __init__(self, shape: ModelShape, rows: int, columns: int) -> None:
        self.rows = rows
        for name, (dimensions, dtype) in shape.stored("weight", (rows, columns)).items():
            setattr(self, name, nn.Parameter(dimensions, dtype))

    def tensors(self) -> list[Any]:
        """The parameters in the order in which the kernels take them."""
        return [self.q_weight, self.q_scale] if hasattr(self, "q_weight") else [self.weight]


class Norm(nn.Module):  # type: ignore[misc]
    """The weight of one RMS normalisation."""

    def __init__(self, shape: ModelShape) -> None:
        self.weight = nn.Parameter((shape.width,), shape.dtype)


class Attention(nn.Module):  # type: ignore[misc]
    """The matrices around a layer's attention."""

    def __init__(self, shape: ModelShape) -> None:
        self.qkv_proj = Matrix(shape, shape.qkv_width, shape.width)
        self.o_proj = Matrix(shape, shape.width, shape.attention_width)


class Mlp(nn.Module):  # type: ignore[misc]
    """The matrices of a layer's gated feed-forward part."""

    def __init__(self, shape: ModelShape) -> None:
        self.gate_up_proj = Matrix(shape, 2 * shape.intermediate, shape.width)
        self.down_proj = Matrix(shape, shape.width, shape.intermediate)


class Layer(nn.Module):  # type: ignore[misc]
    """One decoder layer."""

    def __init__(self, shape: ModelShape) -> None:
        self.self_attn = Attention(shape)
        self.mlp = Mlp(shape)
        self.input_layernorm = Norm(shape)
        self.post_attention_layernorm = Norm(shape)


class Body(nn.Module):  # type: ignore[misc]
    """Everything below the head; it exists for the `model.` in the parameters' names."""

    def __init__(self, shape: ModelShape) -> None:
        self.embed_tokens = Matrix(shape, shape.vocabulary, shape.width)
        self.layers = nn.ModuleList([Layer(shape) for _ in range(shape.layers)])
        self.norm = Norm(shape)


class Llama(nn.Module):  # type: ignore[misc]
    """The model. Its public methods are the library's functions; `specification` lists them with their types."""

    def __init__(self, shape: ModelShape) -> None:
        self.model = Body(shape)
        self.lm_head = Matrix(shape, shape.vocabulary, shape.width)
        self._shape = shape

    def embed(self, input_ids: Any) -> Any:
        """Token ids [n] -> embeddings [n, width]."""
        shape = self._shape
        out = nn.Tensor.placeholder((input_ids.shape[0], shape.width), shape.dtype)
        kernel = kernels.embed(shape.dtype, quantised=shape.quantised)
        return op.tensor_ir_op(kernel, "embed_rows", [input_ids, *self.model.embed_tokens.tensors()], out)

    def prefill(self, input_embed: Any, paged_kv_cache: Any) -> Any:
        """Embeddings [1, n, width] and the cache -> logits [1, 1, vocabulary] after the last of them, and the cache."""
        shape, stream = self._shape, input_embed
        length = stream.shape[1]
        scale = 1 / math.sqrt(shape.head_dim)
        for index, layer in enumerate(self.model.layers):
            fused = self._linear(layer.self_attn.qkv_proj, self._norm(layer.input_layernorm, stream))
            fused = op.reshape(fused, (1, length, shape.heads + 2 * shape.kv_heads, shape.head_dim))
            mixed = paged_kv_cache.attention_with_fused_qkv(index, fused, shape.heads, scale)
            mixed = op.reshape(mixed, (1, length, shape.attention_width))
            stream = self._add_linear(layer.self_attn.o_proj, mixed, stream)
            gated = self._gate(layer.mlp.gate_up_proj, self._norm(layer.post_attention_layernorm, stream))
            stream = self._add_linear(layer.mlp.down_proj, gated, stream)
        last = self._norm(self.model.norm, stream, last_only=True)
        return self._linear(self.lm_head, last, "float32"), paged_kv_cache

    def decode(self, input_embed: Any, paged_kv_cache: Any) -> Any:
        """The same for a single token."""
        return self.prefill(input_embed, paged_kv_cache)

    def _norm(self, norm: Norm, stream: Any, *, last_only: bool = False) -> Any:
        shape = self._shape
        out = nn.Tensor.placeholder((1, 1 if last_only else stream.shape[1], shape.width), shape.dtype)
        kernel = kernels.rms_norm(shape.width, shape.norm_eps, shape.dtype, last_only=last_only)
        return op.tensor_ir_op(kernel, "norm_last" if last_only else "norm", [stream, norm.weight], out)

    def _linear(self, matrix: Matrix, x: Any, out_dtype: str | None = None) -> Any:
        out = nn.Tensor.placeholder((1, x.shape[1], matrix.rows), out_dtype or self._shape.dtype)
        return op.tensor_ir_op(self._product(x, out, "store"), "linear", [x, *matrix.tensors()], out)

    def _gate(self, matrix: Matrix, x: Any) -> Any:
        out = nn.Tensor.placeholder((1, x.shape[1], matrix.rows // 2), self._shape.dtype)
        return op.tensor_ir_op(self._product(x, out, "gate"), "linear_gate", [x, *matrix.tensors()], out)

    def _add_linear(self, matrix: Matrix, x: Any, stream: Any) -> Any:
        arguments = [x, *matrix.tensors(), stream]
        kernel = self._product(x, stream, "add")
        out = nn.Tensor.placeholder(stream.shape, stream.dtype)
        return op.tensor_ir_inplace_op(kernel, "linear_add", arguments, len(arguments) - 1, out)

    def _product(self, x: Any, out: Any, then: str) -> Any:
        """The shader of a matrix product: one for a single token, one for the several tokens of a prompt."""
        tile, rows_each = (1, 1) if x.shape[1] == 1 else PROMPT_TILE
        return kernels.linear(
            x.dtype, out.dtype, quantised=self._shape.quantised, tile=tile, rows_each=rows_each, then=then
        )

    def create_tir_paged_kv_cache(
        self,
        max_batch_size: Any,
        max_total_seq_len: Any,
        prefill_chunk_size: Any,
        page_size: Any,
        support_sliding_window: Any,
    ) -> PagedKVCache:
        """A cache for `max_total_seq_len` tokens. WebLLM chooses that size, so a context override needs no new library.

        The shaders for sliding windows and trees of tokens are absent: the cache reports so if they are asked for.
        """
        shape = self._shape
        builder = relax.BlockBuilder.current()

        def kernel(function: Any, name: str) -> Any:
            return builder.add_func(function, name)

        def backend(function: Any, name: str) -> Any:
            return relax.Tuple([ir.StringImm("tirx"), kernel(function, name)])

        absent = relax.Tuple([])
        sizes = [max_batch_size, max_total_seq_len, prefill_chunk_size, page_size, support_sliding_window]
        copy_page = kernel(attention.copy_page(shape), "copy_page")
        arguments = [
            relax.ShapeExpr(sizes),
            relax.ShapeExpr([0, shape.layers]),
            relax.prim_value(shape.heads),
            relax.prim_value(shape.kv_heads),
            relax.prim_value(shape.head_dim),
            relax.prim_value(shape.head_dim),
            relax.ShapeExpr([int(AttnKind.MHA)] * shape.layers),
            relax.prim_value(False),  # no transfer between machines
            relax.prim_value(RopeMode.NORMAL),
            relax.prim_value(1),  # rope scale
            relax.prim_value(shape.rope_theta),
            relax.prim_value(0),  # no rope extension factors
            relax.op.zeros((), shape.dtype),  # names the type and the device
            kernel(attention.append(shape), "append"),
            relax.prim_value(0),  # no latent attention
            backend(attention.attend_new(shape), "attention_new"),
            backend(attention.attend_pages(shape, decode=False), "attention_pages"),
            backend(attention.attend_pages(shape, decode=True), "attention_decode"),
            absent,  # prefill, sliding window
            absent,  # decode, sliding window
            absent,  # tree of tokens, pages
            absent,  # tree of tokens
            absent,  # latent attention
            relax.Tuple([kernel(attention.merge(shape), "merge")]),
            kernel(attention.split_rotary(shape), "split_rotary"),
            copy_page,
            copy_page,  # reading the cache back for debugging: never called
            copy_page,  # compacting a tree of tokens: never called
        ]
        create = relax.call_pure_packed(
            "vm.builtin.paged_attention_kv_cache_create", *arguments, ty_args=relax.AnyType()
        )
        return PagedKVCache(_expr=create, _name="paged_kv_cache")

    def softmax_with_temperature(self, logits: Any, temperature: Any) -> Any:
        """Logits [1, 1, vocabulary] and a temperature [1] -> probabilities of the same shape."""
        out = nn.Tensor.placeholder(logits.shape, "float32")
        return op.tensor_ir_op(sampling.softmax_with_temperature(), "softmax", [logits, temperature], out)

    def argsort_probs(self, probs: Any) -> Any:
        """What `sample_with_top_p` needs of the probabilities; see `sampling.py` for why nothing is sorted."""
        return probs, probs

    def sample_with_top_p(
        self,
        sorted_probs: Any,
        sorted_indices: Any,  # noqa: ARG002
        uniform_samples: Any,
        sample_indices: Any,  # noqa: ARG002
        top_p: Any,
    ) -> Any:
        """Probabilities [1, vocabulary], a uniform number [1] and top_p [1] -> a token [1]. The rest is unused."""
        out = nn.Tensor.placeholder((1,), "int32")
        return op.tensor_ir_op(sampling.sample_with_top_p(), "sample", [sorted_probs, uniform_samples, top_p], out)

    def apply_logit_bias_inplace(self, logits: Any, pos2seq_id: Any, token_ids: Any, logit_bias: Any) -> Any:
        """See `sampling.apply_logit_bias`."""
        arguments = [logits, pos2seq_id, token_ids, logit_bias]
        return self._change(sampling.apply_logit_bias(), "logit_bias", arguments)

    def apply_penalty_inplace(
        self, logits: Any, seq_ids: Any, pos2seq_id: Any, token_ids: Any, token_cnt: Any, penalties: Any
    ) -> Any:
        """See `sampling.apply_penalty`."""
        arguments = [logits, seq_ids, pos2seq_id, token_ids, token_cnt, penalties]
        return self._change(sampling.apply_penalty(), "penalty", arguments)

    def apply_bitmask_inplace(self, logits: Any, seq_ids: Any, bitmask: Any) -> Any:
        """See `sampling.apply_bitmask`."""
        return self._change(sampling.apply_bitmask(), "bitmask", [logits, seq_ids, bitmask])

    def _change(self, kernel: Any, name: str, arguments: list[Any]) -> Any:
        out = nn.Tensor.placeholder(arguments[0].shape, "float32")
        return op.tensor_ir_inplace_op(kernel, name, arguments, 0, out)


def specification(shape: ModelShape) -> dict[str, dict[str, Any]]:
    """The library's functions with their arguments' shapes, as `nn.Module.export_tvm` takes them."""

    def tensor(dtype: str, *dimensions: int | str) -> Any:
        return nn.spec.Tensor(list(dimensions), dtype)

    model = {"param_mode": "packed", "effect_mode": "none"}
    plain = {"param_mode": "none", "effect_mode": "none"}
    cache = nn.spec.Object(object_type=PagedKVCache)
    vocabulary = shape.vocabulary
    logits = tensor("float32", 1, vocabulary)
    one, one_index = tensor("float32", 1), tensor("int32", 1)
    some, some_indices = tensor("float32", "count"), tensor("int32", "count")

    def forward(length: int | str) -> dict[str, Any]:
        return {"input_embed": tensor(shape.dtype, 1, length, shape.width), "paged_kv_cache": cache, "$": model}

    return {
        "embed": {"input_ids": tensor("int32", "seq_len"), "$": model},
        "prefill": forward("seq_len"),
        "decode": forward(1),
        "create_tir_paged_kv_cache": {
            "max_batch_size": int,
            "max_total_seq_len": int,
            "prefill_chunk_size": int,
            "page_size": int,
            "support_sliding_window": int,
            "$": plain,
        },
        "softmax_with_temperature": {
            "logits": tensor("float32", 1, 1, vocabulary),
            "temperature": one,
            "$": plain,
        },
        "argsort_probs": {"probs": logits, "$": plain},
        "sample_with_top_p": {
            "sorted_probs": logits,
            "sorted_indices": logits,
            "uniform_samples": one,
            "sample_indices": one_index,
            "top_p": one,
            "$": plain,
        },
        "apply_logit_bias_inplace": {
            "logits": logits,
            "pos2seq_id": some_indices,
            "token_ids": some_indices,
            "logit_bias": some,
            "$": plain,
        },
        "apply_penalty_inplace": {
            "logits": logits,
            "seq_ids": one_index,
            "pos2seq_id": some_indices,
            "token_ids": some_indices,
            "token_cnt": some_indices,
            "penalties": tensor("float32", 1, 3),
            "$": plain,
        },
        "apply_bitmask_inplace": {
            "logits": logits,
            "seq_ids": one_index,
            "bitmask": tensor("int32", 1, (vocabulary + 31) // 32),
            "$": plain,
        },
    }
