"""What the browser runs besides our own code: pinned npm packages, with Python's standard library as bytecode."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import steps
from environment import MissingError

PYODIDE_FILES = ("pyodide.mjs", "pyodide.js", "pyodide.asm.mjs", "pyodide.asm.wasm")
# PyScript's editors, terminals, other interpreters and zip reader: megabytes that this page never asks for.
PYSCRIPT_UNUSED = ("codemirror", "xterm", "zip-", "toml", "mpy-", "storage", "service-worker")

# What files are checked with: a manifest tells MD5, Hugging Face SHA-256.
HASHES = ("md5", "sha256")

# The files of other packages that the page loads as they are, by the folder they are served from.
PLAIN = {
    "web-llm": ("@mlc-ai/web-llm/lib/index.js",),
    "hash-wasm": tuple(f"hash-wasm/dist/{name}.umd.min.js" for name in HASHES),
    "idiomorph": ("idiomorph/dist/idiomorph.esm.js",),
    "prose": (
        "markdown-it/dist/browser/markdown-it.esm.min.mjs",
        "@mdit/plugin-tex/dist/index.js",
        "@highlightjs/cdn-assets/es/highlight.min.js",
        "dompurify/dist/purify.es.mjs",
        "katex/dist/katex.mjs",
    ),
}
RENAMED = {"@mdit/plugin-tex/dist/index.js": "plugin-tex.js"}


def install(root: Path, cache: Path) -> Path:
    """Return the folder `node_modules`, as build/package-lock.json pins it.

    Raises MissingError naming the package that could not be fetched.
    """
    manifests = [root / "build" / name for name in ("package.json", "package-lock.json")]

    def work(folder: Path) -> None:
        for manifest in manifests:
            shutil.copy(manifest, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            # npm names the address that failed: .../@scope/name, or .../name/-/name-1.2.3.tgz.
            named = re.search(r"https?://[^/\s]+/((?:@[^/\s]+/)?[^/\s]+)", done.stderr)
            which = f"the npm package {named[1]}" if named else "the npm packages"
            raise MissingError(f"{which} could not be fetched: is the npm registry reachable?")

    return steps.make(cache / "npm", steps.fingerprint(*manifests), work, "fetching npm packages") / "node_modules"


def compile_bytecode(root: Path, modules: Path, *jobs: tuple[str, Path, Path]) -> None:
    """Compile zips of Python source with Pyodide in node; each job is (standard_library | wheel, source, target)."""
    script = root / "build" / "node" / "compile_bytecode.mjs"
    words = [str(word) for job in jobs for word in job]
    done = subprocess.run(
        ["node", str(script), str(modules / "pyodide"), *words],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"Pyodide could not compile {words}:\n{done.stderr}")


def make(root: Path, cache: Path) -> Path:
    """Return a folder with `pyodide/`, `pyscript/` and those of `PLAIN`, ready to be served."""
    modules = install(root, cache)
    key = steps.fingerprint(root / "build" / "package-lock.json", root / "build" / "node", Path(__file__))

    def work(folder: Path) -> None:
        pyodide, pyscript = folder / "pyodide", folder / "pyscript"
        pyodide.mkdir()
        for name in PYODIDE_FILES:
            shutil.copy(modules / "pyodide" / name, pyodide)
        compile_bytecode(
            root, modules,
            ("standard_library", modules / "pyodide" / "python_stdlib.zip", pyodide / "python_stdlib.zip"),
        )  # fmt: skip
        pyscript.mkdir()
        for path in sorted((modules / "@pyscript" / "core" / "dist").iterdir()):
            if path.suffix in {".js", ".css"} and not path.name.startswith(PYSCRIPT_UNUSED):
                shutil.copy(path, pyscript)
        for name, paths in PLAIN.items():
            (folder / name).mkdir()
            for plain in paths:
                shutil.copy(modules / plain, folder / name / RENAMED.get(plain, Path(plain).name))

    return steps.make(cache / "runtime", key, work, "preparing Pyodide, PyScript and WebLLM")


def pyodide_lock_header(modules: Path) -> dict[str, object]:
    """Return the `info` part of Pyodide's own lock: which interpreter and ABI our lock is for."""
    info = json.loads((modules / "pyodide" / "pyodide-lock.json").read_text())["info"]
    assert isinstance(info, dict)  # noqa: S101 - the format of a pinned file
    return info
