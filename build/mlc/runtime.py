"""Builds TVM's web runtime: three object files that every model library is linked with.

The wheel of `apache-tvm` carries the runtime as C++ source, short of a few headers; those, and the two translation
units that differ from TVM's own, are in `cpp/`. Compiling takes minutes, so the result is kept in a cache folder
under the hash of everything that went in.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

CPP = Path(__file__).parent / "cpp"
UNITS = ("wasm_runtime", "tvmjs_support", "webgpu_runtime")
COMPILE = ("-O2", "-std=c++17", "-c")


class ToolError(RuntimeError):
    """A tool that the compiler needs is missing or failed."""


def missing(package: str) -> ToolError:
    """The error for a Python package that is not installed."""
    return ToolError(f"The Python package {package} is missing: install it to compile model libraries.")


@dataclass(frozen=True)
class Sources:
    """Where the two wheels keep their C++ sources."""

    tvm: Path
    ffi: Path

    @classmethod
    def find(cls) -> Sources:
        """Locate them without importing the packages, which takes seconds."""
        folders = []
        for module, package in (("tvm", "apache-tvm"), ("tvm_ffi", "apache-tvm-ffi")):
            spec = importlib.util.find_spec(module)
            if spec is None or spec.origin is None:
                raise missing(package)
            folders.append(Path(spec.origin).parent)
        return cls(tvm=folders[0], ffi=folders[1])


def emcc_version() -> str:
    """The first line of `emcc --version`."""
    if shutil.which("emcc") is None:
        raise ToolError("The compiler emcc is missing: install emscripten to compile model libraries.")
    return run("emcc", "--version").splitlines()[0]


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command to its end and return its output; raise ToolError with its last lines if it fails."""
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-40:])
        raise ToolError(f"{Path(command[0]).name} failed with status {done.returncode}:\n{tail}")
    return done.stdout


def fingerprint() -> str:
    """A hash of all that decides the object files: the tools' versions, this file, and our own C++."""
    digest = hashlib.sha256()
    for package in ("apache-tvm", "apache-tvm-ffi"):
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            raise missing(package) from None
        digest.update(f"{package} {version}\n".encode())
    digest.update(f"{emcc_version()}\n".encode() + Path(__file__).read_bytes())
    for path in sorted(CPP.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(CPP)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def build_runtime(cache_dir: Path) -> list[Path]:
    """The three object files, compiled into `cache_dir` unless they are there already.

    The work happens in a temporary folder that is renamed at the end, so an interrupted run leaves nothing behind
    that a later one would take for finished.
    """
    finished = cache_dir / f"runtime-{fingerprint()}"
    if not finished.is_dir():
        cache_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="runtime-", dir=cache_dir) as scratch:
            made = compile_units(Path(scratch))
            try:
                made.rename(finished)
            except OSError:
                # Another process finished first; its files are the same.
                if not finished.is_dir():
                    raise
    return [finished / f"{unit}.o" for unit in UNITS]


def compile_units(scratch: Path) -> Path:
    """Lay out the source tree under `scratch`, compile the units, and return the folder that holds them."""
    sources = Sources.find()
    tree = scratch / "tree"
    lay_out(sources, tree)
    out = scratch / "out"
    out.mkdir()
    # Relative paths from inside the tree: messages then name a source by its place in TVM, not on this machine.
    flags = [f"-I{folder}" for folder in (".", "include", "include-tvm", "include-ffi")]
    for unit in UNITS:
        run("emcc", *COMPILE, *flags, Path("web", "emcc", f"{unit}.cc"), "-o", out / f"{unit}.o", cwd=tree)
    return out


def lay_out(sources: Sources, tree: Path) -> None:
    """Copy the sources to the places where they expect each other.

    Copies, not links: the sources include one another by relative paths such as `../../support/bytes_io.h`, which
    would lead out of the tree through a link.
    """
    unused = shutil.ignore_patterns("extra", "rpc", "cuda", "hexagon")
    shutil.copytree(sources.tvm / "src" / "runtime", tree / "src" / "runtime", ignore=unused)
    shutil.copytree(sources.ffi / "src", tree / "3rdparty" / "tvm-ffi" / "src")
    shutil.copytree(sources.tvm / "include", tree / "include-tvm")
    shutil.copytree(sources.ffi / "include", tree / "include-ffi")
    shutil.copytree(CPP / "src", tree / "src", dirs_exist_ok=True)
    shutil.copytree(CPP / "tvm", tree / "include" / "tvm")
    emcc = tree / "web" / "emcc"
    emcc.mkdir(parents=True)
    shutil.copy(sources.tvm / "web" / "emcc" / "webgpu_runtime.cc", emcc)
    for path in CPP.glob("*.*"):
        shutil.copy(path, emcc)
