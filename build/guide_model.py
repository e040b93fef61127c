"""The built-in model, "the guide": its release in `site/models/guide/`, made from a checkpoint and our compiler.

The release is committed, so that running the page needs neither TVM nor emscripten. `release.json` beside it holds the
hash of each file, and of the sources that made the weights and the library: a test compares them with the tree.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import environment
import steps

NAME = "bocal-guide-q4f32_1-MLC"
FILES = Path("site", "models", "guide", "resolve", "main")  # the path WebLLM makes of any address
RELEASE = Path("site", "models", "guide", "release.json")
# Greedy: a model this small is at its best when it says what it is surest of.
SAMPLING = {"temperature": 0.0, "top_p": 1.0}


def sources(root: Path) -> dict[str, str]:
    """Return the fingerprint of what makes the weights, and of what makes the library."""
    compiler, training = root / "build" / "mlc", root / "build" / "guide"
    shared = [compiler / name for name in ("shape.py", "quantise.py")]
    return {
        "weights": steps.fingerprint(*shared, compiler / "artefacts.py", *_files(training), Path(__file__)),
        "library": steps.fingerprint(*(path for path in _files(compiler) if path.name not in _NOT_COMPILER)),
    }


def files(root: Path) -> dict[str, str]:
    """Return the SHA-256 of each released file, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((root / FILES).iterdir())}


def make(root: Path, checkpoint: Path | None) -> None:
    """Make the library, and from `checkpoint` (weights.npz and tokenizer.json) the weights; write release.json.

    Without a checkpoint the released weights stay, which is right only while their sources are unchanged:
    raises MissingError when they are not.
    """
    import numpy as np
    from mlc.artefacts import write_model
    from mlc.library import compile_library
    from mlc.shape import GUIDE

    folder, release = root / FILES, root / RELEASE
    kept = json.loads(release.read_text())["sources"] if release.exists() else {}
    if checkpoint:
        with np.load(checkpoint / "weights.npz") as arrays:
            weights = {name: arrays[name].astype(np.float32) for name in arrays.files}
        write_model(folder, GUIDE, weights, json.loads((checkpoint / "tokenizer.json").read_text()))
        config = folder / "mlc-chat-config.json"
        config.write_text(
            json.dumps({**json.loads(config.read_text()), **SAMPLING}, ensure_ascii=False, indent=1) + "\n"
        )
    elif kept.get("weights") != sources(root)["weights"]:
        raise environment.MissingError(
            "the guide's weights are older than their sources: train (build/guide/train.py --out DIR), "
            "then run `python3 build model --checkpoint DIR`"
        )
    if kept.get("library") != sources(root)["library"]:
        environment.say("compiling the guide's model library")
        compile_library(GUIDE, folder / f"{NAME}-webgpu.wasm", root / ".cache" / "mlc")
    release.write_text(json.dumps({"files": files(root), "sources": sources(root)}, indent=1) + "\n")


_NOT_COMPILER = {"artefacts.py", "reference.py", "quantise.py", "__main__.py"}


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in steps.files_below(folder) if path.suffix != ".md")
