"""`python -m mlc model ...`: compile a random model, library and all, into a folder, for tests of many shapes.

It talks nonsense, and does not end by itself: no token stops it, so that a test decides when.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mlc.artefacts import SHARD_BYTES, byte_tokenizer, conversation, random_weights, write_model
from mlc.library import QUICK, compile_library
from mlc.runtime import ToolError
from mlc.shape import QUANTISATIONS, ModelShape, ShapeError


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m mlc", description="Compile small models for WebLLM.")
    model = top.add_subparsers(dest="command", required=True).add_parser("model", help="a model of random weights")
    model.add_argument("--layers", type=int, default=2)
    model.add_argument("--width", type=int, default=128)
    model.add_argument("--heads", type=int, default=4)
    model.add_argument("--kv-heads", type=int, default=2)
    model.add_argument("--head-dim", type=int, help="default: width / heads")
    model.add_argument("--intermediate", type=int, help="default: twice the width")
    model.add_argument("--vocabulary", type=int, default=512)
    model.add_argument("--context", type=int, default=512)
    model.add_argument("--prefill-chunk", type=int, default=256)
    model.add_argument("--quantisation", choices=QUANTISATIONS, default="q4f32_1")
    model.add_argument("--seed", type=int, default=1)
    model.add_argument("--shard-bytes", type=int, default=SHARD_BYTES, help="small numbers make many shards")
    model.add_argument("--id", help="the library's name before -webgpu.wasm; default: the folder's name")
    model.add_argument("--out", type=Path, required=True, help="the folder to write")
    model.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "bocal" / "mlc")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        shape = ModelShape(
            layers=options.layers,
            width=options.width,
            heads=options.heads,
            kv_heads=options.kv_heads,
            head_dim=options.head_dim or options.width // options.heads,
            intermediate=options.intermediate or 2 * options.width,
            vocabulary=options.vocabulary,
            context=options.context,
            prefill_chunk=options.prefill_chunk,
            quantisation=options.quantisation,
        )
        tokenizer = byte_tokenizer(shape.vocabulary)
        weights = random_weights(shape, options.seed)
        endless = {**conversation(tokenizer), "stop_str": [], "stop_token_ids": []}
        write_model(options.out, shape, weights, tokenizer, template=endless, shard_bytes=options.shard_bytes)
        compile_library(shape, options.out / f"{options.id or options.out.name}-webgpu.wasm", options.cache, QUICK)
    except (ShapeError, ToolError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
