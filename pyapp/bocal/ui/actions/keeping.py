"""Keeping the list of models: as a file, from a file, and what of a damaged one was set aside."""

import codecs
from collections.abc import Mapping
from typing import Any

from bocal.errors import Failure, Problem
from bocal.models import paste
from bocal.models.aside import encode
from bocal.models.paste import NotAModel, Records, Unreadable
from bocal.ui.actions.desk import Desk
from bocal.ui.actions.downloads import Downloads
from bocal.ui.state import Import

FILE, ORIGINAL = "bocal-models.json", "bocal-models-original.txt"
_DISCARDED = "aside"  # what the tabs tell one another

LARGEST = 20_000_000  # bytes of a file of models


class Keeping:
    """Actions of the settings' section "Custom models", and of the notice about a damaged list."""

    def __init__(self, desk: Desk, downloads: Downloads) -> None:
        self.desk = desk
        self.downloads = downloads
        desk.outside.tabs.hear(self._hear)

    async def look(self) -> None:
        """Read the list; mend a damaged one, and show what is set aside."""
        desk, state = self.desk, self.desk.state
        state.aside_failure = None
        try:
            await desk.registry.mend()
        except Failure as failure:
            state.aside_failure = failure
        state.custom = desk.registry.custom()
        await self._look_aside()

    def do_models_export(self) -> None:
        """Hand the visitor the list as a file."""
        self.desk.outside.page.download(FILE, encode(self.desk.registry.document()))

    def chose_file(self, name: str, content: bytes, size: int) -> None:
        """Say what a file holds; nothing is added yet. `size` is the file's, `content` may be its beginning only."""
        state = self.desk.state
        try:
            if size > LARGEST:
                raise Failure(Problem.LIST_TOO_LARGE, name=name, bytes=size)
            found = self._read_list(name, decode(name, content))
        except Failure as failure:
            state.importing = Import(name, failure=failure)
        else:
            free = {model.id: model for model in reversed(found.models) if self.desk.registry.find(model.id) is None}
            new = tuple(model for model in found.models if free.get(model.id) is model)
            known = tuple(model for model in found.models if free.get(model.id) is not model)
            state.importing = Import(name, new, known, found.unreadable)
        self.desk.draw("main")

    async def do_models_import(self) -> None:
        """Add what the file holds and the list does not."""
        desk, file = self.desk, self.desk.state.importing
        if file is None:
            return
        added = await desk.registry.add_all(file.new)
        desk.state.importing = None
        desk.state.custom = desk.registry.custom()
        await self.downloads.look()
        desk.draw()
        desk.notice(desk.state.texts.count("paste.added", len(added)))

    def do_models_import_cancel(self) -> None:
        """Leave the file alone."""
        self.desk.state.importing = None
        self.desk.draw("main")

    async def do_aside_download(self, key: str = "") -> None:
        """Hand the visitor a value that was set aside; without a key, the stored one as it is."""
        text = await self.desk.registry.aside.text(key) if key else self.desk.registry.raw()
        if text is None:
            await self._look_aside()
        else:
            self.desk.outside.page.download(ORIGINAL, encode(text))

    async def do_aside_discard(self, key: str) -> None:
        """Discard a value that was set aside: the first time, ask; the second, do it."""
        state = self.desk.state
        if state.discarding != key:
            state.discarding = key
            self.desk.draw("notices", "main")
            return
        state.discarding = ""
        await self.desk.registry.aside.discard(key)
        await self._look_aside()
        self.desk.outside.tabs.say({_DISCARDED: key})

    def _read_list(self, name: str, text: str) -> Records:
        found = paste.read(text, self.desk.outside.site)
        if isinstance(found, NotAModel) or not isinstance(found, Records):
            raise Failure(Problem.LIST_EMPTY, name=name)
        nameless = [(number, model) for number, model in enumerate(found.models, start=1) if not model.url]
        unreadable = (*found.unreadable, *(Unreadable(number, model.name, "url") for number, model in nameless))
        return Records(tuple(model for model in found.models if model.url), unreadable)

    def _hear(self, told: Mapping[str, Any]) -> None:
        if _DISCARDED in told:
            self.desk.spawn(self._look_aside())

    async def _look_aside(self) -> None:
        state = self.desk.state
        try:
            state.aside = await self.desk.registry.aside.list()
        except Failure:
            state.aside = []  # no IndexedDB: nothing was ever set aside
        self.desk.draw("notices", "main")


def decode(name: str, content: bytes) -> str:
    """Return a file's text, in the encodings that editors and shells write; raises Failure(LIST_NOT_TEXT)."""
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise Failure(Problem.LIST_NOT_TEXT, detail=str(error), name=name) from error
    if "\0" in text:
        raise Failure(Problem.LIST_NOT_TEXT, name=name)
    return text
