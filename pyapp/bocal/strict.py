"""JSON from outside, as the standard (and so WebLLM) has it, and no deeper than what models are described in.

Python's own reader takes NaN and 1e999, which it writes as no JSON, and in the page a text of nothing but brackets
would overflow the browser's stack, which ends Python there and then.
"""

import json
import math
import re
from typing import Any, NoReturn

LARGEST = 2**53 - 1  # the largest whole number that JSON tells for sure
DEEPEST = 100  # levels; a record or a manifest has five
MOST_STEPS = 300_000  # from one level to another: a list that fills all of localStorage has 50,000

# What changes no depth, in one go: strings, other characters, and lists and objects with none inside them.
_PLAIN = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[^"\[\]{}]++'
_FLAT = re.compile(rf"[\[{{](?:{_PLAIN})*+[\]}}]", re.DOTALL)
_STEP = re.compile(rf"(?:{_PLAIN}|{_FLAT.pattern})*+(.?)", re.DOTALL)
_SPACE = re.compile(r"\s*+")


def loads(text: str) -> Any:
    """Return the value of a JSON text; raises ValueError, also when it is nested too deep."""
    _check(text, 0)
    return json.loads(text, parse_constant=_refuse, parse_float=_number)


def from_bytes(content: bytes) -> Any:
    """Return the value of a JSON file, decoded as a browser does; raises ValueError as `loads` does."""
    return loads(content.decode("utf-8-sig", "replace"))


def raw_decode(text: str, at: int) -> tuple[Any, int]:
    """Return the JSON value that begins at `at`, and where it ends; raises ValueError."""
    _check(text, at)
    return _DECODER.raw_decode(text, at)


def _check(text: str, at: int) -> None:
    first = _SPACE.match(text, at)
    at = first.end() if first else at
    if text[at : at + 1] not in {"[", "{"} or _FLAT.match(text, at):
        return
    at, depth = at + 1, 1
    for _ in range(MOST_STEPS):
        step = _STEP.match(text, at)
        if step is None or not step[1]:
            return
        at, depth = step.end(), depth + (1 if step[1] in "[{" else -1)
        if depth == 0:
            return
        if depth > DEEPEST:
            break
    raise ValueError("nested too deep")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:20]} is too large")
    return value


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_number)
