"""Incremental steps: each makes one folder, anew only when what it reads has changed."""

import hashlib
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import environment
from filelock import FileLock


def fingerprint(*inputs: str | Path) -> str:
    """SHA-256 (hex) over texts, files, and folders (every file below, by relative name and content)."""
    digest = hashlib.sha256()
    for item in inputs:
        if isinstance(item, str):
            _add(digest, "text", item.encode())
        elif item.is_dir():
            for path in files_below(item):
                _add(digest, path.relative_to(item).as_posix(), path.read_bytes())
        else:
            _add(digest, item.name, item.read_bytes())
    return digest.hexdigest()


def files_below(folder: Path) -> Iterable[Path]:
    """Every file under `folder`, sorted, without Python's caches."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def up_to_date(folder: Path, key: str) -> bool:
    """Whether `folder` was made whole from inputs with this fingerprint."""
    stamp = _stamp(folder)
    return folder.is_dir() and stamp.is_file() and stamp.read_text() == key


def make(folder: Path, key: str, work: Callable[[Path], None], what: str) -> Path:
    """Return `folder` as `work(folder)` makes it, calling it only when `key` is not the one it was made from.

    The work happens in a folder beside it that takes its place when complete, so an interruption leaves no half. Who
    asks for the same folder meanwhile, in another process, waits until it is there.
    """
    if up_to_date(folder, key):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(folder.name + ".lock")):
        if up_to_date(folder, key):
            return folder
        environment.say(what)
        draft = folder.with_name(folder.name + ".draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        work(draft)
        _stamp(folder).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
        _stamp(folder).write_text(key)
        return folder


def _stamp(folder: Path) -> Path:
    return folder.with_name(folder.name + ".stamp")


def _add(digest: "hashlib._Hash", name: str, content: bytes) -> None:
    digest.update(f"{name}\0{len(content)}\0".encode())
    digest.update(content)
