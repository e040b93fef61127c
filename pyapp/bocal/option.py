"""A number that a person may set: its name, its bounds, and how what was typed is read."""

import re
from dataclasses import dataclass

from bocal.errors import Failure, Problem


@dataclass(frozen=True)
class Option:
    """One value that can be set: WebLLM's name, whether it is a whole number, and its bounds."""

    name: str
    whole: bool
    low: float
    high: float


def read(option: Option, text: str) -> int | float | None:
    """Read what was typed for an option (a decimal comma will do, and commas between thousands); None for nothing.

    Raises Failure(NUMBER_UNREADABLE) with the bounds.
    """
    typed = "".join(text.split())
    if option.whole and re.fullmatch(r"\d{1,3}(,\d{3})+", typed):
        typed = typed.replace(",", "")
    typed = typed.replace(",", ".")
    if not typed:
        return None
    try:
        value = int(typed) if option.whole else float(typed)
    except ValueError:
        value = None
    if value is None or not option.low <= value <= option.high:
        raise Failure(Problem.NUMBER_UNREADABLE, text=text.strip()[:40], low=option.low, high=option.high)
    return value
