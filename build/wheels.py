"""Our wheel and micropip's, with the small Pyodide lock that names them by hash."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import runtime
import steps
from environment import MissingError


def fetch_micropip(root: Path, cache: Path) -> Path:
    """Return a folder with the wheels that build/requirements/browser.txt pins for Pyodide's Python."""
    lock = root / "build" / "requirements" / "browser.txt"

    def work(folder: Path) -> None:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        target = ["--only-binary=:all:", "--python-version", "3.14", "--require-hashes", "-r", str(lock)]
        done = subprocess.run(
            [*command, *target, "--dest", str(folder)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise MissingError("micropip could not be fetched: is the Python package registry reachable?")

    return steps.make(cache / "micropip", steps.fingerprint(lock), work, "fetching micropip")


def make(root: Path, cache: Path) -> Path:
    """Return a folder with our wheel (sources and bytecode), micropip's, and `pyodide-lock.json` naming both."""
    modules = runtime.install(root, cache)
    micropip = fetch_micropip(root, cache)
    sources = [root / "pyproject.toml", root / "README.md", root / "pyapp" / "bocal"]
    key = steps.fingerprint(*sources, micropip, root / "build" / "node", Path(__file__))

    def work(folder: Path) -> None:
        plain = folder / "plain"
        _run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(plain), str(root)])
        (wheel,) = plain.glob("bocal-*.whl")
        runtime.compile_bytecode(root, modules, ("wheel", wheel, folder / wheel.name))
        shutil.rmtree(plain)
        for path in micropip.glob("*.whl"):
            shutil.copy(path, folder)
        empty = folder / "empty.json"
        empty.write_text(json.dumps({"info": runtime.pyodide_lock_header(modules), "packages": {}}))
        names = sorted(str(path) for path in folder.glob("*.whl"))
        lock = folder / "pyodide-lock.json"
        pyodide = [str(Path(sys.executable).with_name("pyodide")), "lockfile", "add-wheels"]
        _run([*pyodide, "--input", str(empty), "--output", str(lock), "--base-path", str(folder), *names])
        empty.unlink()

    return steps.make(cache / "wheels", key, work, "building the wheel and compiling it with Pyodide")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
