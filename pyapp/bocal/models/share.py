"""A link that holds one model: `<any Bocal>/#add=<payload>`.

The payload is the model's record as compact UTF-8 JSON in URL-safe base64 without padding. It holds only the fields
below: what else a stored record has stays with its owner.
"""

import base64
import json
import re
from dataclasses import replace
from typing import Any

from bocal import strict
from bocal.errors import Failure
from bocal.models import record, source
from bocal.models.record import Library, Model

_FIELDS = ("id", "name", "url", "size", "description", "library", "overrides", "kind")
_LONGEST = 20_000  # characters; a long description and every override take a tenth
_FRAGMENT = re.compile(r"#add(?:=|%3d)([^\s&#\"'<>`)\]]*)", re.IGNORECASE)


def encode_share(model: Model) -> str:
    """Return the payload of a link to `model`."""
    entry = {name: value for name, value in record.to_json(model).items() if name in _FIELDS}
    text = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode("utf-8", "replace")).decode().rstrip("=")


def decode_share(payload: str) -> Model:
    """Return the model that `encode_share` wrote; raises ValueError saying what is wrong with a damaged payload."""
    entry = _decode(payload)
    model = record.from_json({name: value for name, value in entry.items() if name in _FIELDS})
    library = model.library
    if library and library.url:
        library = Library(url=_address("library", library.url))
    return replace(model, url=_address("url", model.url), library=library)


def find(text: str) -> str | None:
    """Return the payload of the share link in `text`, or None when there is none."""
    found = _FRAGMENT.search(text)
    return source.trim(found[1]) if found else None


def _decode(payload: str) -> dict[str, Any]:
    if len(payload) > _LONGEST:
        raise ValueError("payload: too long")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", payload):
        raise ValueError("payload: empty" if not payload else "payload: not base64")
    try:
        text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
        entry = strict.loads(text)
    except ValueError as error:
        raise ValueError("payload: cut short or altered") from error
    if not isinstance(entry, dict):
        raise ValueError("payload: not a record")
    return entry


def _address(field: str, url: str) -> str:
    if not url.lower().startswith(("https://", "http://")):
        raise ValueError(f"{field}: not a web address")
    try:
        return source.read(url).url
    except Failure as failure:
        raise ValueError(f"{field}: not a web address") from failure
