"""What CI asks of a change: style, types, the arrows between rooms, then the tests."""

import os
import subprocess
import sys
from pathlib import Path

SOURCES = ("pyapp", "build", "e2e")
# Each has a browser, which plays a graphics card on the processor.
WORKERS = ("--numprocesses=auto", "--maxprocesses=4", "--dist=worksteal")


def run_all(root: Path, pytest_arguments: list[str]) -> int:
    """Run every check, pytest last; return 0 when all passed, else the first failure's exit status."""
    settings = {**_settings(root), "PYTHONUNBUFFERED": "1"}
    tools = Path(sys.executable).parent
    commands = [
        [str(tools / "ruff"), "check", "--quiet", *SOURCES],
        [str(tools / "ruff"), "format", "--check", "--quiet", *SOURCES],
        [str(tools / "mypy"), "--no-error-summary", *SOURCES],
        [str(tools / "lint-imports"), "--no-cache"],
        [sys.executable, "-m", "pytest", *WORKERS, *pytest_arguments],
    ]
    statuses = []
    # The models that some tests need take a minute or more to compile: begun now, awaited by those tests.
    with subprocess.Popen([sys.executable, "-m", "compiled"], cwd=root, env=settings, stdin=subprocess.DEVNULL):
        for command in commands:
            quiet = subprocess.PIPE if "lint-imports" in command[0] else None  # its banner says nothing if all is well
            done = subprocess.run(
                command, cwd=root, env=settings, stdin=subprocess.DEVNULL, stdout=quiet, text=True, check=False
            )
            if done.returncode:
                name = f"{Path(command[0]).name} {' '.join(command[1:3])}"
                print(f"{done.stdout or ''}bocal: {name} failed", file=sys.stderr)
            statuses.append(done.returncode)
    return next((status for status in statuses if status), 0)


def take_screenshots(root: Path, pytest_arguments: list[str]) -> int:
    """Write pictures of every screen into `screenshots/`."""
    script = [sys.executable, str(root / "e2e" / "screenshots.py"), *pytest_arguments]
    return subprocess.run(script, cwd=root, env=_settings(root), check=False).returncode


def measure(root: Path, benches: list[str]) -> int:
    """Run the benches named, or all of them; return 0 when every aim was reached."""
    command = [sys.executable, "-m", "bench", *benches]
    return subprocess.run(command, cwd=root, env=_settings(root), check=False).returncode


def _settings(root: Path) -> dict[str, str]:
    """Return the environment in which our own folders are found."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(root / name) for name in SOURCES)}
