"""Files of the visitor's disk: a folder chosen or dropped, and a model written out to one.

The bytes are moved by a worker (`site/disk.js`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

import js
from pyodide.ffi import JsException, create_once_callable, create_proxy, to_js

from bocal.browser import database
from bocal.browser.store import TABLE, IndexedDb, place
from bocal.browser.worker import EVERY, Worker, WorkerError
from bocal.errors import Failure, Problem
from bocal.protocols import Folder, Form, Shelf

PAUSE = 0.3  # seconds between two files handed to the browser's downloads, which drops some that come at once


class Disk:
    """`protocols.Disk` and `protocols.Measures`, over one worker."""

    def __init__(self, store: IndexedDb, script: str = "disk.js") -> None:
        self._store = store
        self._worker = Worker(script)

    @property
    def can_write(self) -> bool:
        """Whether the browser lets a page write into a folder that the visitor chooses."""
        return bool(hasattr(js.window, "showDirectoryPicker"))

    @property
    def can_choose(self) -> bool:
        """Whether the browser lets the visitor choose a whole folder to read; else they choose its files."""
        return bool(js.Reflect.has(js.HTMLInputElement.prototype, "webkitdirectory"))

    def listen(self, on_folder: Callable[[Folder], None], spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        """Hand every folder that the visitor chooses (`input[data-folder]`) or drops on the page to `on_folder`.

        `spawn` lets the reading of a dropped one go on by itself, and tells what goes wrong in it.

        A drop of which somebody else has taken care (pictures: `page.py`) is none.
        """

        def chosen(event: Any) -> None:
            if hasattr(event.target.dataset, "folder"):
                files = list(event.target.files)
                if files:
                    found = {str(getattr(file, "webkitRelativePath", "") or file.name): file for file in files}
                    on_folder(ChosenFolder(self, found))
                event.target.value = ""  # so that the same folder can be chosen again

        def over(event: Any) -> None:
            if _brings_files(event):
                event.preventDefault()

        def dropped(event: Any) -> None:
            if _brings_files(event) and not event.defaultPrevented:
                event.preventDefault()
                spawn(take_dropped(_dropped(list(event.dataTransfer.items))))

        async def take_dropped(found: Awaitable[dict[str, Any]]) -> None:
            on_folder(ChosenFolder(self, await found))

        for name, hear in (("change", chosen), ("dragover", over), ("drop", dropped)):
            js.document.addEventListener(name, create_proxy(hear))

    async def measure(self, shelf: Shelf, key: str) -> int | None:
        """Return a record's length in bytes, or None when there is none, or it cannot be read."""
        await self._store.open(shelf)
        try:
            nbytes = await self._worker.do("measure", **place(shelf, key))
        except WorkerError:
            return None
        return None if nbytes is None else int(nbytes)

    async def delete_keys(self, shelf: Shelf, keys: Sequence[str]) -> None:
        """Delete exactly these records; returns once that is committed."""
        transaction = await self._store.transaction(shelf, "readwrite")
        for key in keys:
            transaction.objectStore(TABLE).delete(key)
        await database.committed(transaction)

    async def keep(
        self, file: Any, path: str, shelf: Shelf, key: str, form: Form, md5: str, on_bytes: Callable[[int], None]
    ) -> None:
        """Keep a file of the disk in the store."""
        await self._store.open(shelf)  # made here, where there is none
        settings = {"json": form is Form.JSON, "md5": md5, "every": EVERY}
        try:
            fits = await self._worker.do("keep", on_bytes, file=file, **settings, place=place(shelf, key))
        except WorkerError as error:
            if error.name in {"NotFoundError", "NotReadableError"}:
                raise Failure(Problem.FILE_UNREADABLE, detail=str(error), file=path) from error
            if error.name == "SyntaxError":
                raise Failure(Problem.NOT_JSON, detail=str(error), url=path) from error
            raise database.failure(error.name, str(error)) from error
        if not fits:
            raise Failure(Problem.FILE_CONTENT, detail=f"{path}: MD5 is not {md5}", file=path)

    async def take_out(
        self, name: str, files: Sequence[tuple[str, Shelf, str]], on_file: Callable[[int], None]
    ) -> bool:
        """Write records into a new folder inside one that the visitor chooses, or hand them to the downloads."""
        folder = await _new_folder(name) if self.can_write else None
        if self.can_write and folder is None:
            return False
        for number, (path, shelf, key) in enumerate(files, 1):
            await self._store.open(shelf)
            try:
                if folder is not None:
                    await self._worker.do("write", folder=folder, path=path, **place(shelf, key))
                else:
                    await _download(path.rpartition("/")[2], await self._worker.do("blob", **place(shelf, key)))
            except WorkerError as error:
                raise Failure(Problem.DISK_FAILED, detail=str(error)) from error
            on_file(number)
        return True


class ChosenFolder:
    """`protocols.Folder` over the browser's File objects, by path; loose files make a folder without a name."""

    def __init__(self, disk: Disk, found: Mapping[str, Any]) -> None:
        first = next(iter(found), "").split("/")[0]
        common = f"{first}/" if all(path.startswith(f"{first}/") for path in found) else ""
        self.name = first if common else ""
        self._disk = disk
        self._files = {path.removeprefix(common): file for path, file in found.items()}
        self.files: Mapping[str, int] = {path: int(file.size) for path, file in self._files.items()}

    async def read(self, path: str, most: int) -> bytes:
        """Return a file of at most `most` bytes."""
        if self.files[path] > most:
            raise Failure(Problem.TOO_LARGE, url=path, bytes=self.files[path])
        try:
            return bytes((await self._files[path].arrayBuffer()).to_bytes())
        except JsException as error:
            raise Failure(Problem.FILE_UNREADABLE, detail=str(error), file=path) from error

    async def keep(
        self, path: str, shelf: Shelf, key: str, form: Form, md5: str, on_bytes: Callable[[int], None]
    ) -> None:
        """Keep a file in the store."""
        await self._disk.keep(self._files[path], path, shelf, key, form, md5, on_bytes)


def _brings_files(event: Any) -> bool:
    return bool(event.dataTransfer and "Files" in list(event.dataTransfer.types))


def _dropped(items: list[Any]) -> Awaitable[dict[str, Any]]:
    """Return the files that were dropped, by path. What was dropped must be asked for before the event has passed."""
    entries, files = [], []
    for item in items:
        entry = item.webkitGetAsEntry() if hasattr(item, "webkitGetAsEntry") else None
        if entry:
            entries.append(entry)
        elif file := item.getAsFile():
            files.append(file)

    async def walk() -> dict[str, Any]:
        found = {str(file.name): file for file in files}
        for entry in entries:
            await _walk(entry, found)
        return found

    return walk()


async def _new_folder(name: str) -> Any:
    """Let the visitor choose a folder, and make one inside it; returns None when they choose none."""
    mode = to_js({"mode": "readwrite"}, dict_converter=js.Object.fromEntries)
    create = to_js({"create": True}, dict_converter=js.Object.fromEntries)
    try:
        chosen = await js.window.showDirectoryPicker(mode)
        return await chosen.getDirectoryHandle(name, create)
    except JsException as error:
        if getattr(error, "name", "") == "AbortError":
            return None
        raise Failure(Problem.DISK_FAILED, detail=str(error)) from error


async def _walk(entry: Any, found: dict[str, Any]) -> None:
    """Add the files of a dropped entry, at any depth, by their paths."""
    path = str(entry.fullPath).lstrip("/")
    if entry.isFile:
        found[path] = await _called_back(entry.file, path)
        return
    reader = entry.createReader()
    while entries := list(await _called_back(reader.readEntries, path)):
        for inner in entries:
            await _walk(inner, found)


async def _called_back(ask: Any, path: str) -> Any:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def fail(error: Any) -> None:
        future.set_exception(Failure(Problem.FILE_UNREADABLE, detail=str(error), file=path))

    ask(create_once_callable(future.set_result), create_once_callable(fail))
    return await future


async def _download(name: str, blob: Any) -> None:
    url = js.URL.createObjectURL(blob)
    link = js.document.createElement("a")
    link.href, link.download = url, name
    link.click()
    await asyncio.sleep(PAUSE)
    js.URL.revokeObjectURL(url)
