"""localStorage and sessionStorage."""

import js
from pyodide.ffi import JsException

from bocal.errors import Failure, Problem


class LocalStorage:
    """`protocols.Settings` over the page's localStorage, or the tab's sessionStorage."""

    def __init__(self, name: str = "localStorage") -> None:
        self._name = name

    def read(self, key: str) -> str | None:
        """Return the text under `key`; None when there is none, or when the browser forbids storage."""
        try:
            value = getattr(js, self._name).getItem(key)
        except JsException:
            return None
        return value if isinstance(value, str) else None

    def write(self, key: str, value: str) -> None:
        """Keep `value` under `key`; raises Failure(SETTINGS_FULL) when the browser refuses."""
        try:
            getattr(js, self._name).setItem(key, value)
        except JsException as error:
            raise Failure(Problem.SETTINGS_FULL, detail=str(error)) from error
