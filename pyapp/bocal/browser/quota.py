"""What the browser allows this site to keep."""

import js
from pyodide.ffi import JsException


class StorageManager:
    """`protocols.Quota` over `navigator.storage`, parts of which some browsers lack."""

    async def room(self) -> tuple[int, int] | None:
        """Return the bytes in use and the bytes allowed, or None."""
        try:
            told = await js.navigator.storage.estimate()
            return int(told.usage), int(told.quota)
        except (JsException, AttributeError, TypeError):
            return None

    async def promised(self) -> bool | None:
        """Whether the browser keeps this site's files; None: it makes no promises."""
        try:
            if not hasattr(js.navigator.storage, "persist"):
                return None
            return bool(await js.navigator.storage.persisted())
        except (JsException, AttributeError):
            return None
