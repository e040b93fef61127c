"""The files a model needs: where each comes from, and under which key WebLLM looks for it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from bocal.errors import Failure, Problem
from bocal.protocols import Form, Shelf
from bocal.weights import manifest

CONFIG = "mlc-chat-config.json"
# What an address answers that may only be the wrong one of several: nothing, no access (where there is nothing, on
# some hosts), or a page for people.
NO_CONFIG = frozenset({Problem.NOT_FOUND, Problem.REFUSED, Problem.WEB_PAGE, Problem.NOT_JSON})
TOKENIZERS = ("tokenizer.json", "tokenizer.model")  # what WebLLM reads, the first of them that is named


@dataclass(frozen=True)
class Place:
    """A model's addresses: files are fetched below `base` and kept below `key` (both end in a slash)."""

    base: str
    key: str


@dataclass(frozen=True)
class Checksum:
    """What a file's content hashes to: `algorithm` is "md5" or "sha256", `value` in hex."""

    algorithm: str
    value: str


@dataclass(frozen=True)
class File:
    """One record to be: fetched from `url`, kept on `shelf` under `key`; `nbytes` and `checksum` where known before.

    A `small` file says what the others are; what it hashed to is noted, so that a later change on the host is seen.
    `model` is the key base of the model it belongs to, "" for a library, which several may have in common.
    """

    shelf: Shelf
    key: str
    url: str
    form: Form = Form.BYTES
    nbytes: int | None = None
    checksum: Checksum | None = None
    small: bool = True
    model: str = ""

    @property
    def partial(self) -> str:
        """The name of its partial file."""
        return mark(self.model) + hashlib.sha256(f"{self.shelf} {self.key}".encode()).hexdigest()

    @property
    def algorithm(self) -> str:
        """What to hash it with while it arrives: "" for a shard of which nothing is known."""
        if self.checksum:
            return self.checksum.algorithm
        return "sha256" if self.small else ""


def mark(model: str) -> str:
    """Return what the names of a model's partial files begin with; `model` is its key base."""
    return f"{hashlib.sha256(model.encode()).hexdigest()[:16]}-"


@dataclass(frozen=True)
class Listed:
    """What a host lists of a file: its SHA-256 in hex, and its length in bytes (None: not told)."""

    sha256: str
    nbytes: int | None = None


def as_listed(file: File, place: Place, listed: Mapping[str, Listed]) -> File:
    """Return a file with what its host lists of it, by path, unless something else is known."""
    told = listed.get(unquote(file.url.removeprefix(place.base))) if file.url.startswith(place.base) else None
    return replace(hashed(file, told.sha256), nbytes=told.nbytes) if told and not file.checksum else file


def hashed(file: File, sha256: str) -> File:
    """Return a file with its SHA-256."""
    return replace(file, checksum=Checksum("sha256", sha256))


def config(place: Place) -> File:
    """Return the file that says what the model is; WebLLM keeps it as bytes."""
    return File(Shelf.CONFIG, f"{place.key}{CONFIG}", f"{place.base}{CONFIG}", model=place.key)


def no_model(failures: list[Failure], url: str) -> Failure:
    """Return why there is no model at any of its addresses: what one of them answered, else that all have nothing."""
    told = next((failure for failure in failures if failure.problem is not Problem.NOT_FOUND), None)
    return told or Failure(Problem.NO_MODEL_THERE, detail=failures[-1].detail, url=url)


def manifests(place: Place) -> list[File]:
    """Return the list of shards under its name, then under its old name; both are kept under the new one, as JSON."""
    key = f"{place.key}{manifest.NAME}"
    return [
        File(Shelf.MODEL, key, place.base + name, Form.JSON, model=place.key)
        for name in (manifest.NAME, manifest.OLD_NAME)
    ]


def tokenizer(place: Place, settings: Mapping[str, Any]) -> File:
    """Return the tokenizer file WebLLM reads: `tokenizer.json`, else `tokenizer.model`.

    `settings` is the parsed mlc-chat-config.json; raises Failure(BAD_CONFIG) when it names neither.
    """
    names = settings.get("tokenizer_files")
    for name in TOKENIZERS:
        if isinstance(names, list) and name in names:
            return File(Shelf.MODEL, place.key + name, place.base + name, model=place.key)
    raise Failure(Problem.BAD_CONFIG, field="tokenizer_files")


def shards(place: Place, listed: Iterable[manifest.Shard]) -> list[File]:
    """Return the files of weights, with their exact lengths and hashes."""
    return [
        File(
            Shelf.MODEL, place.key + it.path, place.base + it.path, nbytes=it.nbytes,
            checksum=Checksum("md5", it.md5) if it.md5 else None, small=False,
            model=place.key,
        )
        for it in listed
    ]  # fmt: skip


def package(place: Place, name: str) -> File:
    """Return the package manifest that a few standard records name (`model_manifest`); WebLLM keeps it as bytes."""
    return File(Shelf.CONFIG, place.key + name, place.base + name, model=place.key)


def library(url: str, key: str) -> File:
    """Return the model library."""
    return File(Shelf.LIBRARY, key, url)
