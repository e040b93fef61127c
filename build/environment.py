"""What a machine must have before anything of ours can run: a Python, `.venv`, node, and Debian packages.

Standard library only, and no syntax newer than Python 3.9: this runs before `.venv` exists. What the machine lacks is
installed when that can be done quietly (apt-get as root on Debian), else named in one sentence with what to do.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

OLDEST_PYTHON = (3, 12)


class MissingError(Exception):
    """Something the machine lacks; the message names it and says what to do."""


@dataclass(frozen=True)
class Program:
    """A program from outside Python: any of `names` on the PATH will do."""

    names: tuple[str, ...]
    debian: tuple[str, ...]
    purpose: str


NODE = Program(("node",), ("nodejs", "npm"), "Node.js 18 or newer builds the page's runtime")
NPM = Program(("npm",), ("nodejs", "npm"), "npm fetches what the page's runtime is built from")
OLDEST_NODE = 18
BROWSER = Program(
    ("chromium", "chromium-browser", "google-chrome"),
    ("chromium", "fonts-liberation"),
    "Chromium runs the end-to-end tests",
)
EMSCRIPTEN = Program(("emcc",), ("emscripten",), "emscripten compiles model libraries for the tests")


def find(program: Program) -> str | None:
    """Path of the first of the program's names found on the PATH, or None."""
    return next((path for name in program.names if (path := shutil.which(name))), None)


def need_programs(*programs: Program) -> None:
    """Install the Debian packages of the programs that are missing, or raise MissingError saying how to."""
    missing = [program for program in programs if find(program) is None]
    if not missing:
        return
    packages = [package for program in missing for package in program.debian]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("installing " + ", ".join(packages))
        settings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
        for command in (["apt-get", "update", "-qq"], install):
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=settings, check=False)
        missing = [program for program in missing if find(program) is None]
    if missing:
        wanted = "; ".join(program.purpose for program in missing)
        raise MissingError(f"{wanted}. Install it first (on Debian: sudo apt-get install {' '.join(packages)}).")


def need_node() -> None:
    """Install Node.js and npm where they are missing; raises MissingError where they cannot be, or are too old."""
    need_programs(NODE, NPM)
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    version = re.match(r"v(\d+)", told)
    if not version or int(version[1]) < OLDEST_NODE:
        raise MissingError(f"Node.js {OLDEST_NODE} or newer is needed, and `node --version` says {told or 'nothing'}.")


def find_python() -> str:
    """Path of a Python of at least OLDEST_PYTHON: this one, one on the PATH, or one of pyenv's; else MissingError."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    named = [f"python3.{minor}" for minor in range(OLDEST_PYTHON[1], 20)]
    candidates = [
        sys.executable,
        *(shutil.which(name) for name in named),
        *sorted((str(path) for path in pyenv.glob("3.*/bin/python3")), key=_version_in_path, reverse=True),
    ]
    for candidate in candidates:
        if candidate and _is_new_enough(candidate):
            return candidate
    raise MissingError(
        "Python 3.12 or newer is needed. Install it first "
        "(for example `pyenv install 3.13`, or a python3.13 package), then run the same command again."
    )


def enter(root: Path, group: str) -> None:
    """Make `.venv` hold what `build/requirements/{group}.txt` pins, and continue inside it.

    Does nothing when already running in an up-to-date `.venv`; otherwise replaces this process.
    """
    folder = root / ".venv"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    lock = root / "build" / "requirements" / f"{group}.txt"
    stamp = folder / f"{group}.stamp"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not (python.exists() and _is_new_enough(str(python))):
        say("making .venv")
        _run([find_python(), "-m", "venv", "--clear", str(folder)], "Python's venv module could not make .venv")
    if not stamp.exists() or stamp.read_text() != wanted:
        say(f"installing {lock.relative_to(root)}")
        pip_install(str(python), lock)
        stamp.write_text(wanted)
        if group == "test":  # the test lock holds everything the run lock does
            (folder / "run.stamp").write_text(hashlib.sha256(lock.with_name("run.txt").read_bytes()).hexdigest())
    if Path(sys.prefix).resolve() != folder.resolve():
        sys.stdout.flush()
        os.execv(str(python), [str(python), *sys.argv])  # noqa: S606


def pip_install(python: str, lock: Path) -> None:
    """Install what a lock pins, by hash; raises MissingError naming what could not be fetched."""
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    done = subprocess.run(
        [*install, "-r", str(lock)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        missing = re.search(r"No matching distribution found for (\S+)", done.stderr)
        if missing:
            raise MissingError(f"{missing[1]} could not be fetched: is the Python package registry reachable?")
        raise MissingError(f"pip could not install {lock.name}: {done.stderr.strip()[-500:]}")


def write_locks(root: Path) -> None:
    """Resolve pyproject.toml's groups and build/package.json to exact versions with hashes; names no registry."""
    common = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "compile",
        "pyproject.toml",
        "--quiet",
        "--generate-hashes",
        "--universal",
        "--no-header",
    ]
    for group, version in (("run", "3.12"), ("test", "3.12"), ("lock", "3.12"), ("browser", "3.14")):
        output = f"build/requirements/{group}.txt"
        _run([*common, "--group", group, "--python-version", version, "-o", output], f"{output} was not resolved", root)
    npm = ["npm", "install", "--package-lock-only", "--omit-lockfile-registry-resolved"]
    _run(npm, "build/package-lock.json was not resolved", root / "build")


def say(text: str) -> None:
    """One line on standard error about what takes time."""
    print(f"bocal: {text}", file=sys.stderr, flush=True)


def _run(command: list[str], failure: str, folder: Path | None = None) -> None:
    started = time.monotonic()
    status = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, check=False).returncode
    if status:
        raise MissingError(failure + ".")
    if time.monotonic() - started > 5:
        say(f"done in {time.monotonic() - started:.0f} s")


def _is_new_enough(python: str) -> bool:
    if python == sys.executable:
        return sys.version_info[:2] >= OLDEST_PYTHON
    code = f"import sys, venv, ensurepip; sys.exit(sys.version_info[:2] < {OLDEST_PYTHON})"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, timeout=30, check=False).returncode == 0
    except OSError:
        return False


def _version_in_path(path: str) -> list[int]:
    return [int(part) if part.isdigit() else 0 for part in Path(path).parent.parent.name.split(".")]
