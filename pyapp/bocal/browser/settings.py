"""localStorage."""

import js
from pyodide.ffi import JsException

from bocal.errors import Failure, Problem


class LocalStorage:
    """`protocols.Settings` over the page's localStorage."""

    def read(self, key: str) -> str | None:
        """Return the text under `key`; None when there is none, or when the browser forbids storage."""
        try:
            value = js.localStorage.getItem(key)
        except JsException:
            return None
        return value if isinstance(value, str) else None

    def write(self, key: str, value: str) -> None:
        """Keep `value` under `key`; raises Failure(SETTINGS_FULL) when the browser refuses."""
        try:
            js.localStorage.setItem(key, value)
        except JsException as error:
            raise Failure(Problem.SETTINGS_FULL, detail=str(error)) from error
