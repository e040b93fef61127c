"""Models of random weights, compiled here: one for each shape and quantisation that a test depends on.

`python -m compiled` compiles all of them; else each is when it is first asked for.
"""

import os
import subprocess
import sys
from pathlib import Path

import steps

ROOT = Path(__file__).resolve().parent.parent
# Options of `python -m mlc model`. Small shards make many of them.
SHAPES = {
    # In no list, like nothing else: grouped heads, several shards.
    "small": "--layers 2 --width 128 --heads 4 --kv-heads 2 --vocabulary 512 --context 512 --quantisation q4f32_1 "
    "--shard-bytes 40000",
    # Everything differs: no grouped heads, not quantised.
    "other": "--layers 1 --width 64 --heads 2 --kv-heads 2 --vocabulary 384 --context 256 --prefill-chunk 128 "
    "--quantisation q0f32 --seed 2 --shard-bytes 60000",
    # Half precision, which not every graphics card has.
    "half": "--layers 1 --width 64 --heads 2 --kv-heads 1 --vocabulary 384 --context 256 --prefill-chunk 128 "
    "--quantisation q4f16_1 --shard-bytes 60000",
    # As small, but wider.
    "wider": "--layers 2 --width 192 --heads 6 --kv-heads 2 --vocabulary 512 --context 512 --prefill-chunk 128 "
    "--quantisation q4f32_1 --shard-bytes 60000",
}
# 340 MB of float32 weights for the benches: few layers and few kernels, so that a processor can run it.
HEAVY = {
    "heavy": "--layers 2 --width 2048 --heads 16 --kv-heads 16 --vocabulary 512 --context 256 --prefill-chunk 64 "
    "--quantisation q0f32",
}


def model(name: str) -> Path:
    """Return the folder of a model, compiled anew only when the compiler or its shape has changed.

    The compiler runs in a process of its own: TVM looks through the whole stack and every module, and pytest has many.
    """
    cache, options = ROOT / ".cache", {**SHAPES, **HEAVY}[name]

    def work(folder: Path) -> None:
        told = ["model", *options.split(), "--id", name, "--out", str(folder), "--cache", str(cache / "mlc")]
        settings = {**os.environ, "PYTHONPATH": str(ROOT / "build")}
        subprocess.run([sys.executable, "-m", "mlc", *told], env=settings, stdout=subprocess.DEVNULL, check=True)

    key = steps.fingerprint(ROOT / "build" / "mlc", name, options)
    return steps.make(cache / "models" / name, key, work, f"compiling the test model {name}")


def library(name: str) -> Path:
    """Return a model's library."""
    return model(name) / f"{name}-webgpu.wasm"


if __name__ == "__main__":
    for each in SHAPES:
        model(each)
