"""Which model library runs a model: chosen, then verified, before a byte of weights is fetched.

A library given by the user comes first, then that of the standard model of the same name, then a `*.wasm` among the
model's files, then the standard libraries whose figures are the model's own. The first whose metadata asks for exactly
the tensors that the manifest lists is the one.
"""

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urljoin

from bocal.errors import Failure, Problem
from bocal.models import figures, source
from bocal.models.catalogue import Catalogue
from bocal.models.metadata import (
    Difference,
    Metadata,
    Tensor,
    Unreadable,
    Wrong,
    can_see,
    can_slide,
    differences,
    read_usable,
)
from bocal.models.record import Library, Model
from bocal.protocols import Network
from bocal.weights.plan import Listed

LARGEST = 64_000_000  # bytes; published libraries weigh 3 to 7 million
MOST_MATCHES = 3  # standard libraries of equal figures that are tried


class Origin(StrEnum):
    """How a library came to be considered."""

    GIVEN = "given"
    SAME_NAME = "same_name"
    BESIDE = "beside"  # among the model's own files
    MATCHED = "matched"  # by its figures
    NEAREST = "nearest"  # by its figures, of which some differ


@dataclass(frozen=True)
class Choice:
    """A library and what is known of it.

    `metadata` is None when the library could not be read, for the reason in `failure` (its host) or `unreadable` (the
    file itself). `slides` says that it can keep a sliding window, `sees` that it takes pictures. `fatal` are the
    differences with which the model cannot load; `answers_differ` names figures that no tensor shows, and with which it
    answers worse.
    """

    library: Library
    origin: Origin
    metadata: Metadata | None = None
    fatal: tuple[Difference, ...] = ()
    answers_differ: tuple[str, ...] = ()
    failure: Failure | None = None
    unreadable: Wrong | None = None
    slides: bool = False
    sees: bool = False

    @property
    def fits(self) -> bool:
        """Whether the library was read and asks for what the model has."""
        return self.metadata is not None and not self.fatal

    @property
    def may_fit(self) -> bool:
        """Whether nothing speaks against it: it fits, or its host could not be asked."""
        return self.fits or self.failure is not None


type Files = Mapping[str, int | None]


async def choose(
    model: Model, base: str, files: Files, config: Any, tensors: Iterable[Tensor], network: Network,
    catalogue: Catalogue,
) -> Choice:  # fmt: skip
    """Return the best library for a model whose files are below `base`.

    `files` are those that `list_files` found there, `config` is its parsed mlc-chat-config.json, `tensors` what its
    manifest lists. A choice that does not fit is
    returned when none does: the best of those considered, else the standard library that comes nearest. Raises
    Failure(NO_LIBRARY) when that one's host cannot be asked for the tensors that differ, with its name as `nearest` and
    the `figures` that differ as facts.
    """
    wanted = tuple(tensors)
    best: Choice | None = None
    async for library, origin, differ in _candidates(model, base, files, config, network, catalogue):
        choice = await _verify(library, origin, differ, wanted, network, catalogue)
        if choice.fits or origin is Origin.GIVEN:
            return choice
        if best is None or (choice.may_fit and not best.may_fit):
            best = choice
    return best or await _nearest(model, config, wanted, network, catalogue)


def address(library: Library, catalogue: Catalogue) -> str:
    """Return the URL of a library; a key is resolved against the running version of WebLLM."""
    return urljoin(catalogue.libraries, library.key) if library.key else library.url


def engine_address(url: str) -> str:
    """Return the URL to give WebLLM for the library that is kept under `url`.

    WebLLM 0.2.86 never looks in its cache for a library whose URL contains "localhost", which would break offline use
    of a self-hosted model; host names are not case-sensitive, its test is, and a Request has them in lower case again.
    """
    return url.replace("//localhost", "//LOCALHOST", 1)


async def list_files(base: str, network: Network) -> Files:
    """Return a repository's files, by path, with their sizes in bytes (None where it does not tell).

    Asks Hugging Face's API on the model's own host; {} where there is none.
    """
    for url in source.listings(base):
        try:
            files = read_listing(await network.read_json(url))
        except Failure:
            continue
        if files:
            return files
    return {}


def read_listing(document: Any) -> Files:
    """Read what Hugging Face's API lists: `tree/{revision}` is a list, the model itself has `siblings`."""
    entries = document.get("siblings", []) if isinstance(document, dict) else document
    files: dict[str, int | None] = {}
    for entry in entries if isinstance(entries, list) else []:
        name = (entry.get("path") or entry.get("rfilename")) if isinstance(entry, dict) else None
        if isinstance(name, str) and entry.get("type", "file") == "file":
            size = entry.get("size")
            files[name] = size if isinstance(size, int) else None
    return files


async def list_large(base: str, network: Network) -> dict[str, Listed]:
    """Return what is listed of a repository's big files, by path, by Hugging Face's API; {} without one."""
    for url in source.listings(base)[:1]:
        try:
            return read_large(await network.read_json(url))
        except Failure:
            return {}
    return {}


def read_large(document: Any) -> dict[str, Listed]:
    """Read the SHA-256 and the length of what is kept as large files (`lfs`) in `tree/{revision}`."""
    found = {}
    for entry in document if isinstance(document, list) else []:
        path, lfs = (entry.get("path"), entry.get("lfs")) if isinstance(entry, dict) else (None, None)
        oid, size = (lfs.get("oid"), lfs.get("size")) if isinstance(lfs, dict) else (None, None)
        if isinstance(path, str) and isinstance(oid, str) and re.fullmatch("[0-9a-f]{64}", oid):
            told = isinstance(size, int) and not isinstance(size, bool) and size > 0
            found[path] = Listed(oid, size if told else None)
    return found


def best_first(paths: Iterable[str], *names: str) -> list[str]:
    """Return the `.wasm` files among `paths`: those called like the model first, then those for WebGPU."""

    def rank(path: str) -> tuple[bool, bool, int, str]:
        file = path.rpartition("/")[2]
        return (not any(name and name in file for name in names), "webgpu" not in file, path.count("/"), path)

    return sorted((path for path in paths if path.lower().endswith(".wasm")), key=rank)


async def _candidates(
    model: Model, base: str, files: Files, config: Any, network: Network, catalogue: Catalogue
) -> AsyncIterator[tuple[Library, Origin, tuple[str, ...]]]:
    if model.library:
        yield model.library, Origin.GIVEN, ()
        return
    repository = source.Source(model.url).suggested_id
    for name in dict.fromkeys((model.id, repository)):
        standard = catalogue.models.get(name)
        if standard and standard.library:
            yield standard.library, Origin.SAME_NAME, ()
    beside = best_first(files, model.id, repository)
    for path in beside:
        yield Library(url=urljoin(base, quote(path))), Origin.BESIDE, ()
    matches = figures.candidates(figures.of_config(config), figures.standard(), repository)
    for match in matches[:MOST_MATCHES]:
        yield Library(key=match.key), Origin.MATCHED, tuple(it.figure for it in match.differing)
    if not beside:
        for name in dict.fromkeys((model.id, repository)):
            for guess in (f"{name}-webgpu.wasm", f"{name}.wasm"):
                url = urljoin(base, quote(guess))
                if await network.exists(url):
                    yield Library(url=url), Origin.BESIDE, ()


async def _verify(
    library: Library, origin: Origin, differ: tuple[str, ...], tensors: tuple[Tensor, ...], network: Network,
    catalogue: Catalogue,
) -> Choice:  # fmt: skip
    try:
        wasm = await network.read_bytes(address(library, catalogue), LARGEST)
        read = read_usable(wasm)
    except Failure as failure:
        return Choice(library, origin, answers_differ=differ, failure=failure)
    except Unreadable as error:
        return Choice(library, origin, unreadable=error.wrong)
    fatal = tuple(it for it in differences(read.parameters, tensors) if it.fatal)
    return Choice(library, origin, read, fatal, differ, slides=can_slide(wasm), sees=can_see(wasm))


async def _nearest(
    model: Model, config: Any, wanted: tuple[Tensor, ...], network: Network, catalogue: Catalogue
) -> Choice:
    """Return the standard library that comes nearest, with what differs, where it can be read."""
    repository = source.Source(model.url).suggested_id
    nearest = figures.nearest(figures.of_config(config), figures.standard(), repository)
    if nearest is None:
        raise Failure(Problem.NO_LIBRARY, name=model.name, url=model.url)
    choice = await _verify(Library(key=nearest.key), Origin.NEAREST, (), wanted, network, catalogue)
    if choice.metadata:
        return choice
    differing = ", ".join(f"{it.figure} {it.model} ≠ {it.library}" for it in nearest.differing)
    raise Failure(Problem.NO_LIBRARY, name=model.name, url=model.url, nearest=nearest.key, figures=differing)
