"""`dist/`: what a static host serves, put together from `site/`, the runtime, the wheels and the catalogue."""

import base64
import hashlib
import json
import os
import shutil
from pathlib import Path

import catalogue
import figures
import runtime
import steps
import wheels
from environment import MissingError

# Changes seldom and weighs megabytes: cached apart, so that a new release of the page does not fetch it again.
RUNTIME_FOLDERS = (
    "pyodide/pyodide.", "pyodide/python_stdlib.zip", "pyscript/", *(f"{name}/" for name in runtime.PLAIN),
)  # fmt: skip
# Never part of the offline copy of the page: weights have their own place, the worker is the browser's to keep,
# and micropip is fetched when a person's code first asks for a package.
NOT_PRECACHED = ("models/", "sw.js", "pyodide/micropip-")


def build_dist(root: Path) -> Path:
    """Make `dist/` where something it is made from has changed; return it."""
    cache = root / ".cache"
    runtime_folder = runtime.make(root, cache)
    wheel_folder = wheels.make(root, cache)
    catalogue_folder = catalogue.make(root, cache)
    check_figures(catalogue_folder)
    site = root / "site"
    key = steps.fingerprint(
        *(cache / f"{name}.stamp" for name in ("runtime", "wheels", "catalogue")), site, Path(__file__)
    )

    def work(folder: Path) -> None:
        _link_tree(runtime_folder, folder)
        _link_tree(wheel_folder, folder / "pyodide")
        _link_tree(catalogue_folder, folder)
        _link_tree(site, folder)
        write_service_worker(folder)

    return steps.make(root / "dist", key, work, "putting dist/ together")


def check_figures(folder: Path) -> None:
    """Raise MissingError when a library of the catalogue has no row in the table that models are matched with."""
    listed = json.loads((folder / "catalogue.json").read_text())
    try:
        figures.check(listed, json.loads(figures.TABLE.read_text()))
    except figures.Incomplete as incomplete:
        raise MissingError(str(incomplete)) from incomplete


def write_service_worker(folder: Path) -> None:
    """Fill the service worker's placeholder with the two caches: a `name`, and `files` as (address, integrity).

    The page itself has no integrity (""): some hosts write into every page they serve.
    """
    groups: dict[str, list[Path]] = {"runtime": [], "app": []}
    for path in steps.files_below(folder):
        name = path.relative_to(folder).as_posix()
        if not name.startswith(NOT_PRECACHED):
            groups["runtime" if name.startswith(RUNTIME_FOLDERS) else "app"].append(path)
    caches = [
        {
            "name": f"bocal-{group}-{steps.fingerprint(*paths)[:12]}",
            "files": [_entry(path, path.relative_to(folder).as_posix()) for path in paths],
        }
        for group, paths in groups.items()
    ]
    worker = folder / "sw.js"
    text = worker.read_text()
    worker.unlink()  # a hard link of site/sw.js: replaced, never written through
    worker.write_text(text.replace("[/* caches */]", json.dumps(caches)))


def _entry(path: Path, name: str) -> tuple[str, str]:
    if name == "index.html":
        return "./", ""
    return name, "sha256-" + base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()


def _link_tree(source: Path, target: Path) -> None:
    for path in steps.files_below(source):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, copy)
        except OSError:
            shutil.copy(path, copy)
