"""A model of random bytes: everything a download needs, nothing that a GPU could run."""

import hashlib
import json
import random
from pathlib import Path

LIBRARY = "random-webgpu.wasm"
MODEL_ID = "Random-1M-q4f32_1-MLC"


def write(folder: Path, shards: int, nbytes: int, seed: int = 1) -> dict[str, bytes]:
    """Write a model of that many shards of `nbytes` bytes; return its files by name."""
    source = random.Random(seed)  # noqa: S311 - the same bytes each time
    files = {f"params_shard_{n}.bin": source.randbytes(nbytes) for n in range(shards)}
    records = [
        {"dataPath": name, "format": "raw-shard", "nbytes": nbytes, "records": [],
         "md5sum": hashlib.md5(data, usedforsecurity=False).hexdigest()}
        for name, data in files.items()
    ]  # fmt: skip
    files |= {
        "tensor-cache.json": json.dumps({"metadata": {}, "records": records}).encode(),
        "mlc-chat-config.json": json.dumps({"model_type": "llama", "tokenizer_files": ["tokenizer.json"]}).encode(),
        "tokenizer.json": json.dumps({"random": source.randbytes(20_000).hex()}).encode(),
        LIBRARY: b"\0asm" + source.randbytes(50_000),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return files


def entry(origin: str, model_id: str = MODEL_ID, name: str = "Random") -> dict[str, object]:
    """The model's entry in the list, from a host at `origin`."""
    return {
        "id": model_id, "name": name, "url": f"{origin}/files/", "custom": True,
        "library": {"url": f"{origin}/files/{LIBRARY}"},
    }  # fmt: skip


def setting(origin: str, *others: dict[str, object]) -> dict[str, str]:
    """What localStorage holds once the model was added, besides `others`, from a host at `origin`, and chosen."""
    return {"customModels": json.dumps([entry(origin), *others]), "bocal.model": MODEL_ID}


def database(name: str) -> str:
    """The database that WebLLM looks for a file in."""
    if name == LIBRARY:
        return "webllm/wasm"
    return "webllm/config" if name == "mlc-chat-config.json" else "webllm/model"
