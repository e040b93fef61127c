"""Taking a model in from the visitor's disk: a job with progress and an end, like a download."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from bocal.errors import Failure
from bocal.protocols import Folder, Form, Shelf
from bocal.weights.lengths import Lengths
from bocal.weights.storage import Item as Kept


@dataclass(frozen=True)
class Item:
    """One file to keep: `path` in the folder, where it goes, and its MD5 in hex where the manifest tells it."""

    path: str
    shelf: Shelf
    key: str
    nbytes: int
    form: Form = Form.BYTES
    md5: str = ""


@dataclass
class Intake:
    """The job: `done` and `total` in bytes; `failure` says why it ended, where it did not end well.

    Files are moved one at a time, so that never more than one is in memory. What was kept of a model that is not taken
    in whole is deleted again, but for what was `here` before.
    """

    folder: Folder
    items: tuple[Item, ...]
    lengths: Lengths
    changed: Callable[[], None]
    here: Collection[tuple[Shelf, str]] = ()
    done: int = 0
    failure: Failure | None = None
    _kept: list[Kept] = field(default_factory=list)
    _cancelled: bool = False

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(item.nbytes for item in self.items)

    async def run(self) -> bool:
        """Keep every file; returns whether all are kept. Sets `failure` unless it was cancelled."""
        whole = False
        try:
            whole = await self._keep()
        except Failure as failure:
            self.failure = failure
        finally:  # whatever went wrong
            if not whole:
                await self.drop()
        return whole

    async def drop(self) -> None:
        """Delete what was kept."""
        await self.lengths.delete(self._kept)

    def cancel(self) -> None:
        """Stop after the file that is being moved, and delete what was kept."""
        self._cancelled = True

    async def _keep(self) -> bool:
        for item in self.items:
            if self._cancelled:
                return False
            before = self.done

            def read(nbytes: int, before: int = before) -> None:
                self.done = before + nbytes
                self.changed()

            await self.folder.keep(item.path, item.shelf, item.key, item.form, item.md5, read)
            if (item.shelf, item.key) not in self.here:
                self._kept.append(Kept(item.shelf, item.key))
            await self.lengths.note({(item.shelf, item.key): item.nbytes})
            self.done = before + item.nbytes
            self.changed()
        return True
