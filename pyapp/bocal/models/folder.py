"""A model in a folder of the visitor's disk: checked as a download is, then given an address of its own.

The address is below `https://local.invalid/`, a name that can never be a host's (RFC 2606), and looks like any other,
so that WebLLM makes its keys by its usual rule (`source.engine_base`). Nothing is asked of the network.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from bocal import strict
from bocal.errors import Failure, Problem
from bocal.models import catalogue, figures, library, metadata, source
from bocal.models.catalogue import Catalogue
from bocal.models.metadata import Unreadable
from bocal.models.record import Library, Model
from bocal.protocols import Folder, Form, Shelf
from bocal.weights import manifest, plan
from bocal.weights.intake import Item
from bocal.weights.manifest import Shard
from bocal.weights.plan import Place

HOST = "local.invalid"
SMALL = 64_000_000  # bytes: no configuration, manifest, tokenizer or library is larger
_NO_NAME = re.compile(r"main|resolve|snapshots|[0-9a-f]{40}|models?|params|dist|download(s)?", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """A model that was found whole. Its small files come last in `items`: with them it counts as here."""

    model: Model
    items: tuple[Item, ...]
    shards: tuple[Shard, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of all its files."""
        return sum(item.nbytes for item in self.items)


def is_local(url: str) -> bool:
    """Whether a model's address is one that was given to a folder."""
    return urlsplit(url).hostname == HOST


async def inspect(folder: Folder, standard: Catalogue, find: Callable[[str], Model | None]) -> Found:
    """Return the model in a folder. When `find(id)` knows a model of its name, these are taken to be that one's files.

    Raises the Failure that says what is wrong with the folder. A library is taken from the folder, else the standard
    one whose figures are the model's own (fetched when the model is first used).
    """
    root = _root(folder)
    config = await _json(folder, root + plan.CONFIG)
    listed, document = await _manifest(folder, root)
    shards = {_path(folder, root, shard): shard for shard in manifest.read(document)}
    for path, shard in shards.items():
        there = folder.files[path]
        if there != shard.nbytes:
            raise Failure(Problem.FILE_LENGTH, file=shard.path, bytes=there, wanted_bytes=shard.nbytes)
    tokenizer = plan.tokenizer(Place("", ""), config if isinstance(config, dict) else {}).key
    if not folder.files.get(root + tokenizer):  # an empty one is none
        raise Failure(Problem.FILE_MISSING, file=tokenizer)
    name = _name(folder, root, config, tuple(shards.values()))
    url = f"https://{HOST}/{quote(name, safe='', errors='replace')}"
    model = find(name) or Model(name, catalogue.display_name(name), url)
    place = Place("", source.engine_base(model.url))
    chosen, wasm, sees = await _library(folder, place, model, config, document, standard)
    small = [
        Item(root + plan.CONFIG, Shelf.CONFIG, place.key + plan.CONFIG, folder.files[root + plan.CONFIG]),
        Item(root + tokenizer, Shelf.MODEL, place.key + tokenizer, folder.files[root + tokenizer]),
        *wasm,
        Item(listed, Shelf.MODEL, place.key + manifest.NAME, folder.files[listed], Form.JSON),
    ]
    weights = [
        Item(path, Shelf.MODEL, place.key + shard.path, shard.nbytes, md5=shard.md5) for path, shard in shards.items()
    ]
    model = replace(model, library=chosen, kind=model.kind_with(sees=sees))
    return Found(model, (*weights, *small), tuple(shards.values()))


def _root(folder: Folder) -> str:
    """Return the path of the model's own folder, ending in a slash unless it is the folder itself."""
    places = sorted(
        (path.removesuffix(plan.CONFIG) for path in folder.files if f"/{path}".endswith(f"/{plan.CONFIG}")),
        key=lambda path: path.count("/"),
    )
    if not places:
        raise Failure(Problem.NO_MODEL_IN_FOLDER)
    beside = [place for place in places[1:] if not place.startswith(places[0])]
    if beside:
        raise Failure(Problem.SEVERAL_MODELS, count=1 + len(beside))
    return places[0]


def _path(folder: Folder, root: str, shard: Shard) -> str:
    """Return where a shard is in the folder: under its name, or as a browser has written it."""
    for path in (root + unquote(shard.path), root + shard.path):
        if path in folder.files:
            return path
    raise Failure(Problem.FILE_MISSING, file=shard.path)


async def _json(folder: Folder, path: str) -> Any:
    try:
        return strict.from_bytes(await folder.read(path, SMALL))
    except ValueError as error:
        raise Failure(Problem.NOT_JSON, detail=str(error), url=path) from error


async def _manifest(folder: Folder, root: str) -> tuple[str, Any]:
    for name in (manifest.NAME, manifest.OLD_NAME):
        if root + name in folder.files:
            return root + name, await _json(folder, root + name)
    raise Failure(Problem.FILE_MISSING, file=manifest.NAME)


def _name(folder: Folder, root: str, config: Any, shards: tuple[Shard, ...]) -> str:
    """Return the model's ID: its folder's name, else its library's, else what it is and a word from its shards."""
    folders = [*root.rstrip("/").split("/")[::-1], folder.name] if root else [folder.name]
    files = (path.rpartition("/")[2] for path in library.best_first(folder.files))
    libraries = (re.sub(r"(-webgpu)?\.wasm$", "", file) for file in files)
    for name in (*folders, *libraries):
        name = name.removeprefix("models--").split("--")[-1].strip()  # as Hugging Face's own cache calls its folders
        if name and not _NO_NAME.fullmatch(name):
            return name
    read = figures.of_config(config)
    digest = hashlib.sha256(repr(shards).encode()).hexdigest()
    return f"{read.model_type}-{digest[:6]}-{read.quantisation}-MLC"


async def _library(
    folder: Folder, place: Place, model: Model, config: Any, document: Any, standard: Catalogue
) -> tuple[Library, list[Item], bool]:
    """Return the model's library, its file where the folder has it, and whether it is known to take pictures."""
    tensors = metadata.read_tensors(document)
    broken: Failure | None = None
    for path in library.best_first(folder.files, model.id):
        file = path.rpartition("/")[2]
        try:
            wasm = await folder.read(path, library.LARGEST)
            read = metadata.read_usable(wasm)
        except Unreadable as error:
            broken = broken or Failure(Problem.LIBRARY_UNREADABLE, detail=str(error), file=file)
            continue
        fatal = next((it for it in metadata.differences(read.parameters, tensors) if it.fatal), None)
        if fatal is None:
            known = model.library or Library(url=place.key + quote(file))
            key = library.address(known, standard)
            return known, [Item(path, Shelf.LIBRARY, key, folder.files[path])], metadata.can_see(wasm)
        broken = broken or Failure(Problem.LIBRARY_UNFIT, file=file, tensor=fatal.name)
    if model.library:
        return model.library, [], False
    matches = figures.candidates(figures.of_config(config), figures.standard(), model.id)
    if not matches:
        raise broken or Failure(Problem.NO_LIBRARY_IN_FOLDER)
    return Library(key=matches[0].key), [], False
