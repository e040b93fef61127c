"""Searching Hugging Face for MLC models: the addresses to ask and how to read the answers.

The search goes to `mlc-ai`, who make WebLLM's own models, then to everybody under the tag `mlc-llm`. A listing tells
neither sizes nor what is inside: Hugging Face refuses `usedStorage` there, MLC's shards are not safetensors, and
`siblings` come without sizes. So a hit's size is 0 until `read_size` has read the model's own page of the API.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from bocal.models import catalogue, other, source

HUB = f"https://{source.HUGGING_FACE}"
AUTHOR = "mlc-ai"
TAG = "mlc-llm"
_TAGS = frozenset({TAG, "mlc", "web-llm", "webllm"})
_EXPAND = ("downloads", "gated", "likes", "safetensors", "siblings", "tags")
_QUANTISATION = re.compile(r"(?<![a-z0-9])q\d+b?f(?:16|32)(?:_\d)?(?![a-z0-9])", re.IGNORECASE)
_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w!#$&+.^`|~*-]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^\s",;]+))?)*)')
_RELATION = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]+))', re.IGNORECASE)


@dataclass(frozen=True)
class Hit:
    """A repository found: `id` is `owner/name`; `size` is in bytes, 0 when unknown; texts are empty when unknown."""

    id: str
    downloads: int = 0
    likes: int = 0
    gated: bool = False
    quantisation: str = ""
    parameters: str = ""
    size: int = 0
    is_mlc: bool = False


def url(query: str, author: str | None = AUTHOR, limit: int = 20, cursor: str = "", base: str = HUB) -> str:
    """Return the address of one page of results, the most downloaded first.

    `author` None asks for everybody's models that carry the tag of MLC. `cursor` is for a first page after a given
    one; `next_page` gives the whole address of the following ones.
    """
    asked = [("search", " ".join(query.split())), ("sort", "downloads"), ("limit", str(limit))]
    asked += [("author", author)] if author else [("filter", TAG)]
    asked += [("cursor", cursor)] if cursor else []
    asked += [("expand[]", name) for name in _EXPAND]
    return f"{base.rstrip('/')}/api/models?{urlencode([pair for pair in asked if pair[1]])}"


def read(document: Any) -> list[Hit]:
    """Read a page of results; entries without an ID are left out. Raises ValueError when it is no list."""
    if not isinstance(document, list):
        raise ValueError("results: not a list")
    return [_hit(entry) for entry in document if isinstance(entry, dict) and _is_id(entry.get("id"))]


def size_url(repository: str, base: str = HUB) -> str:
    """Return the address that tells the sizes of a repository's files."""
    return f"{base.rstrip('/')}/api/models/{quote(repository)}?blobs=true"


def read_size(document: Any) -> int:
    """Return the bytes of a repository: its files' where they tell, else all it ever stored, else 0."""
    if not isinstance(document, dict):
        return 0
    siblings = document.get("siblings")
    files = [entry for entry in siblings if isinstance(entry, dict)] if isinstance(siblings, list) else []
    sizes = [_count(entry.get("size")) for entry in files]
    return sum(sizes) or _count(document.get("usedStorage"))


def next_page(link: str, page: str = HUB) -> str | None:
    """Return the address of the next page that a `Link` header tells (RFC 8288), or None.

    `page` is the address that answered. An address on another host is not followed.
    """
    for found in _LINK.finditer(link):
        relation = _RELATION.search(found[2])
        if relation and "next" in (relation[1] or relation[2] or "").lower().split():
            target = urljoin(page, found[1])
            origin = "/".join(page.split("/")[:3])
            return target if target == origin or target.startswith((f"{origin}/", f"{origin}?")) else None
    return None


def merge(own: Iterable[Hit], others: Iterable[Hit]) -> list[Hit]:
    """Return the hits of mlc-ai, then everybody else's that are MLC models, each once."""
    found = {hit.id.lower(): hit for hit in reversed([*own, *(hit for hit in others if hit.is_mlc)])}
    return list(reversed(found.values()))


def _hit(entry: dict[str, Any]) -> Hit:
    owner, _, name = entry["id"].partition("/")
    tags = entry.get("tags")
    quantisation = _QUANTISATION.search(name)
    tagged = isinstance(tags, list) and any(tag in _TAGS for tag in tags if isinstance(tag, str))
    return Hit(
        id=entry["id"],
        downloads=_count(entry.get("downloads")),
        likes=_count(entry.get("likes")),
        gated=bool(entry.get("gated")),  # false, "auto" or "manual"
        quantisation=quantisation[0].lower() if quantisation else "",
        parameters=catalogue.parameters(name) or _parameters(entry.get("safetensors")),
        size=read_size(entry),
        is_mlc=tagged or other.is_mlc(name) or (owner == AUTHOR and _has_config(entry.get("siblings"))),
    )


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[\w.-]+/[\w.-]+", value, re.ASCII) is not None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _has_config(siblings: Any) -> bool:
    names = (
        [entry.get("rfilename") for entry in siblings if isinstance(entry, dict)] if isinstance(siblings, list) else []
    )
    return "mlc-chat-config.json" in names


def _parameters(safetensors: Any) -> str:
    total = _count(safetensors.get("total")) if isinstance(safetensors, dict) else 0
    if total < 1_000_000:
        return ""
    return f"{total / 1e9:.1f}B" if total >= 1e9 else f"{total / 1e6:.0f}M"
