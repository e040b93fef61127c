"""Whose programs run in this page: a model library that is none of WebLLM's own is warned of once for each author."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

KEY = "bocal.trusted"  # of localStorage


def author(url: str) -> str:
    """Return who answers for the library at `url`: "host/owner" on a hub such as Hugging Face, else the host."""
    try:
        parts = urlsplit(url)
    except ValueError:  # no address at all: nobody answers for it
        return url
    owner = re.match(r"/([^/]+)/[^/]+/resolve/", parts.path)
    return f"{parts.netloc}/{owner[1]}" if owner else parts.netloc


def read(text: str | None) -> frozenset[str]:
    """Read the authors warned of before, one a line."""
    return frozenset((text or "").split())


def write(authors: Iterable[str]) -> str:
    """Write them, for `read`."""
    return "\n".join(sorted(authors))
