"""Compiles a model's shape into a WebGPU model library: the `.wasm` file that WebLLM loads beside the weights."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import tvm
from tvm import ir, relax

from mlc.llama import Llama, specification
from mlc.runtime import ToolError, build_runtime, run
from mlc.shape import ModelShape

HOST = {"kind": "llvm", "mtriple": "wasm32-unknown-unknown-wasm"}

SMALL = "-O2"  # -O3 takes twice as long for a file 3% smaller
QUICK = "-O1"  # an eighth of the time, for a file that is half as large again

LINK = (
    "--no-entry",
    *("-s", "WASM_BIGINT=1"),
    *("-s", "STANDALONE_WASM=1"),
    *("-s", "ALLOW_MEMORY_GROWTH=1"),
    *("-s", "TOTAL_MEMORY=32MB"),
    # The functions that JavaScript brings (TVMFFIWasmSafeCall and its kind) are only known in the browser.
    *("-s", "ERROR_ON_UNDEFINED_SYMBOLS=0"),
)


def compile_library(shape: ModelShape, out_wasm: Path, cache_dir: Path, link: str = SMALL) -> dict[str, Any]:
    """Write the library for `shape` to `out_wasm`, linked SMALL or QUICK, and return its metadata.

    `cache_dir` keeps the compiled runtime between calls (see `runtime.py`). The file appears whole or not at all.
    """
    runtime = build_runtime(cache_dir)
    executable, metadata = compile_model(shape)
    out_wasm.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".library-", dir=out_wasm.parent) as scratch:
        made = Path(scratch) / "library.wasm"
        executable.export_library(str(made), fcompile=_linker(runtime, link))
        made.replace(out_wasm)
    return metadata


def compile_model(shape: ModelShape) -> tuple[Any, dict[str, Any]]:
    """The model as a TVM executable, not yet linked with the runtime, and its metadata."""
    module, metadata = lower(shape)
    return relax.build(module, target(), relax_pipeline=finish), metadata


def shaders(shape: ModelShape) -> dict[str, str]:
    """The WGSL source of every compute shader in the library, by its name."""
    executable, _ = compile_model(shape)
    found: dict[str, str] = {}
    pending = [executable.mod]
    while pending:
        module = pending.pop()
        pending.extend(module.imports)
        if module.kind == "webgpu":
            for source in module.inspect_source().split("// Function: ")[1:]:
                name, body = source.split("\n", 1)
                found[name] = body
    return found


def target() -> Any:
    """WebGPU, driven by WebAssembly."""
    return tvm.target.Target({"kind": "webgpu"}, host=HOST)


def lower(shape: ModelShape) -> tuple[Any, dict[str, Any]]:
    """The model as a TVM module whose memory is planned and which knows its metadata, and that metadata."""
    module, parameters = Llama(shape).export_tvm(spec=specification(shape))
    declared = {name: (tuple(int(n) for n in tensor.shape), tensor.dtype) for name, tensor in parameters}
    if declared != shape.parameters():
        raise AssertionError("the module's parameters differ from ModelShape.parameters()")
    bounds = {"seq_len": shape.prefill_chunk}
    for variable, function in module.functions.items():
        if isinstance(function, relax.Function):
            module[variable] = function.with_attr("tir_var_upper_bound", bounds)
    with target():
        module = tvm.transform.Sequential(
            [
                relax.transform.LegalizeOps(),
                relax.transform.RewriteDataflowReshape(),
                relax.transform.ToNonDataflow(),
                relax.transform.RemovePurityChecking(),
                relax.transform.CallTIRRewrite(),
                relax.transform.StaticPlanBlockMemory(),
            ]
        )(module)
    metadata = describe(shape, memory_usage(module))
    builder = relax.BlockBuilder(module)
    with builder.function("_metadata", params=[]):
        builder.emit_func_output(ir.StringImm(json.dumps(metadata)))
    return builder.finalize(), metadata


def finish(module: Any) -> Any:
    """From planned memory to what the virtual machine's code generator takes."""
    return tvm.transform.Sequential(
        [
            relax.transform.LowerAllocTensor(),
            relax.transform.KillAfterLastUse(),
            relax.transform.LowerRuntimeBuiltin(),
            relax.transform.ComputePrimValue(),
            relax.transform.VMShapeLower(),
            relax.transform.AttachGlobalSymbol(),
        ]
    )(module)


def memory_usage(module: Any) -> dict[str, int]:
    """Bytes that each function allocates for intermediate results, by the function's name."""
    usage: dict[str, int] = {}
    storage = ir.Op.get("relax.memory.alloc_storage")
    for variable, function in module.functions.items():
        if isinstance(function, relax.Function):
            sizes: list[int] = []

            def visit(node: Any, sizes: list[int] = sizes) -> None:
                if isinstance(node, relax.Call) and node.op.same_as(storage):
                    sizes.extend(int(size) for size in node.args[0].values)

            relax.analysis.post_order_visit(function, visit)
            usage[variable.name_hint] = sum(sizes)
    return usage


def describe(shape: ModelShape, usage: dict[str, int]) -> dict[str, Any]:
    """The library's `_metadata`, with the fields that published MLC libraries have.

    `model_type` comes first, because tools find the text in the file by searching for `{"model_type"`.
    """
    return {
        "model_type": "llama",
        "quantization": shape.quantisation,
        "context_window_size": shape.context,
        "sliding_window_size": -1,
        "attention_sink_size": -1,
        "prefill_chunk_size": shape.prefill_chunk,
        "max_batch_size": 1,
        "tensor_parallel_shards": 1,
        "pipeline_parallel_stages": 1,
        "disaggregation": False,
        "kv_state_kind": "kv_cache",
        "params": [
            {"name": name, "shape": list(dimensions), "dtype": dtype, "preprocs": []}
            for name, (dimensions, dtype) in shape.parameters().items()
        ],
        "memory_usage": usage,
        "kv_cache": {
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "num_key_value_heads": shape.kv_heads,
            "head_dim": shape.head_dim,
        },
    }


def read_metadata(wasm: Path) -> dict[str, Any]:
    """The metadata inside a library's file, which keeps it as plain text."""
    data = wasm.read_bytes()
    start = data.find(b'{"model_type"')
    if start < 0:
        raise ToolError(f"{wasm.name} holds no metadata: it is not a model library.")
    text = data[start:].decode("utf-8", errors="replace")
    metadata: dict[str, Any] = json.JSONDecoder().raw_decode(text)[0]
    return metadata


def _linker(runtime: list[Path], optimisation: str) -> Any:
    """A function that `export_library` calls to turn object files into the library."""

    def link(output: str, objects: list[str], options: list[str] | None = None, **_: Any) -> None:
        run("emcc", optimisation, *LINK, "-o", output, *runtime, *objects, *(options or []))

    link.object_format = "o"  # type: ignore[attr-defined]
    return link
