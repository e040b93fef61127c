"""What could not be read, set aside whole until the visitor discards it."""

import time
from dataclasses import dataclass

from bocal.protocols import Notes

DRAWERS = ABOUT, TEXTS = "aside", "aside.texts"  # the texts weigh megabytes, and are read only to be downloaded


@dataclass(frozen=True)
class Kept:
    """A text that was set aside: `nbytes` is its length in UTF-8."""

    key: str
    nbytes: int


class Aside:
    """The texts that were set aside, by a key made from their content."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    async def keep(self, text: str) -> None:
        """Set a text aside, once however often it is met; raises Failure(STORAGE_FULL or STORAGE_FAILED)."""
        import hashlib  # seldom needed: not at every start

        content = encode(text)
        key = hashlib.sha256(content).hexdigest()
        if key in await self._notes.read(ABOUT):
            return
        await self._notes.write(TEXTS, key, text)
        await self._notes.write(ABOUT, key, {"bytes": len(content), "at": time.time()})

    async def list(self) -> list[Kept]:
        """Return what is set aside, the oldest first; raises Failure."""
        about = await self._notes.read(ABOUT)
        return [Kept(key, it["bytes"]) for key, it in sorted(about.items(), key=lambda entry: entry[1]["at"])]

    async def text(self, key: str) -> str | None:
        """Return a text, or None when it has been discarded; raises Failure."""
        text = (await self._notes.read(TEXTS)).get(key)
        return text if isinstance(text, str) else None

    async def discard(self, key: str) -> None:
        """Delete a text; raises Failure."""
        await self._notes.delete(ABOUT, key)
        await self._notes.delete(TEXTS, key)


def encode(text: str) -> bytes:
    """Return a text of localStorage as UTF-8; halves of characters, which it may hold, are kept too."""
    return text.encode("utf-8", "surrogatepass")
