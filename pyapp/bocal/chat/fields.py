"""A JSON object being read: every getter names the field that is not as it should be."""

import sys
from collections.abc import Sequence
from typing import Any

LARGEST = sys.float_info.max
YEAR_10000 = 253_402_214_400  # seconds since 1970, less a day for whatever time zone


class Fields:
    """The fields of one object; `place` says where it stands in its document, such as "conversations[2]"."""

    def __init__(self, value: Any, place: str = "") -> None:
        self.place = place
        if not isinstance(value, dict):
            raise ValueError(place or "{}")
        self._value = value

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text; raises ValueError with the field's place when it is none, or missing without a default."""
        value = self._value.get(name, default)
        return value if isinstance(value, str) else self._fail(name)

    def word(self, name: str) -> str:
        """Return a text that is not empty."""
        return self.text(name) or str(self._fail(name))

    def number(self, name: str, default: float | None = None) -> float:
        """Return a finite number of 0 or more."""
        value: Any = self._value.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LARGEST:
            self._fail(name)
        return float(value)

    def whole(self, name: str, default: int | None = None) -> int:
        """Return a whole number of 0 or more."""
        value = self.number(name, default)
        return int(value) if value.is_integer() else self._fail(name)

    def time(self, name: str) -> float:
        """Return a time in seconds since 1970, before the year 10000; 0 where there is none."""
        value = self.number(name, 0)
        return value if value < YEAR_10000 else float(self._fail(name))

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return true or false."""
        value = self._value.get(name, default)
        return value if isinstance(value, bool) else self._fail(name)

    def sequence(self, name: str, default: Sequence[Any] | None = None) -> Sequence[Any]:
        """Return a list."""
        value = self._value.get(name, default)
        return value if isinstance(value, list | tuple) else self._fail(name)

    def words(self, name: str) -> tuple[str, ...]:
        """Return a list of texts, empty where there is none."""
        values = self.sequence(name, ())
        return tuple(value if isinstance(value, str) else self._fail(name) for value in values)

    def table(self, name: str) -> dict[str, Any]:
        """Return an object, empty where there is none."""
        value = self._value.get(name, {})
        return value if isinstance(value, dict) else self._fail(name)

    def at(self, name: str) -> str:
        """Return where a field stands in the document."""
        return f"{self.place}.{name}" if self.place else name

    def _fail(self, name: str) -> Any:
        raise ValueError(self.at(name))
