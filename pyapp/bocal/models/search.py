"""Searching Hugging Face, or a mirror of it, for MLC models: a search at work, what it asks, how it reads answers.

The search goes to `mlc-ai`, who make WebLLM's own models, then to everybody under the tag `mlc-llm`. A listing tells
neither sizes nor what is inside: Hugging Face refuses `usedStorage` there, MLC's shards are not safetensors, and
`siblings` come without sizes. So a hit's size is 0 until `read_size` has read the model's own page of the API.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

from bocal.errors import Failure, Problem
from bocal.models import catalogue, other, source
from bocal.protocols import Network

HUB = f"https://{source.HUGGING_FACE}"
AUTHOR = "mlc-ai"
PAGE = 10  # repositories asked for at a time
MOST_PAGES = 3  # that are read for one list of rows, where few of their entries are new MLC models
AT_ONCE = 4  # requests for sizes
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


@dataclass
class Listing:
    """One list of results: `hits` so far, and the address of the `following` page, "" after the last.

    `failure` says why reading on failed; reading on again may succeed.
    """

    following: str
    hits: list[Hit] = field(default_factory=list)
    running: bool = True
    failure: Failure | None = None


class Search:
    """Words being searched for at `hub`: mlc-ai's models, and beside them everybody else's.

    `sizes` are in bytes, by `size_url`; they are read for the rows as these come, and those known already are not
    asked for. `changed` is called whenever there is something new to show.
    """

    def __init__(
        self, query: str, hub: str, network: Network, sizes: dict[str, int], changed: Callable[[], None] = lambda: None
    ) -> None:
        self.query = query
        self.hub = hub
        self.own = Listing(url(query, base=hub, limit=PAGE))
        self.others = Listing(url(query, author=None, base=hub, limit=PAGE))
        self._network = network
        self._sizes = sizes
        self._untold: set[str] = set()
        self._few = asyncio.Semaphore(AT_ONCE)
        self._asked_to_wait = False
        self._changed = changed

    @property
    def running(self) -> bool:
        """Whether pages are being read."""
        return self.own.running or self.others.running

    @property
    def hits(self) -> list[Hit]:
        """All found so far, each repository once."""
        return [*self.own.hits, *self.others.hits]

    @property
    def failure(self) -> Failure | None:
        """Why not everything could be read, or None."""
        return self.own.failure or self.others.failure

    def size(self, hit: Hit) -> int | None:
        """Return the bytes of a repository: 0 when nobody tells, None while they are being asked for."""
        asked = size_url(hit.id, self.hub)
        return hit.size or self._sizes.get(asked, 0 if asked in self._untold else None)

    async def run(self) -> None:
        """Read the first rows of both lists, and their sizes; what fails is kept in the list's `failure`."""
        await asyncio.gather(self._read(self.own), self._read(self.others))

    async def again(self) -> None:
        """Read on where that failed."""
        await asyncio.gather(*(self._read(listing) for listing in (self.own, self.others) if listing.failure))

    async def read_on(self, listing: Listing) -> None:
        """Add the next rows to a list; their sizes are not read yet."""
        listing.running, listing.failure = True, None
        self._changed()
        try:
            await self._read_pages(listing)
        except Failure as failure:
            listing.failure = failure
        listing.running = False
        self._changed()

    async def read_sizes(self, listing: Listing) -> None:
        """Read the sizes of the rows that lack theirs."""
        await asyncio.gather(*(self._read_size(hit) for hit in listing.hits if self.size(hit) is None))

    async def _read(self, listing: Listing) -> None:
        await self.read_on(listing)
        await self.read_sizes(listing)

    async def _read_pages(self, listing: Listing) -> None:
        known = {hit.id.lower() for hit in listing.hits}
        enough = len(known) + PAGE // 2
        for _page in range(MOST_PAGES):
            if not listing.following or len(known) >= enough:
                return
            hits, listing.following = await self._read_page(listing.following)
            for hit in hits:
                mine = hit.id.lower().startswith(f"{AUTHOR}/")
                if hit.is_mlc and mine is (listing is self.own) and hit.id.lower() not in known:
                    known.add(hit.id.lower())
                    listing.hits.append(hit)
            self._changed()

    async def _read_page(self, address: str) -> tuple[list[Hit], str]:
        host = urlsplit(self.hub).netloc
        try:
            document, link = await self._network.read_page(address)
            return read(document), next_page(link, address) or ""
        except ValueError as error:
            raise Failure(Problem.NO_SEARCH, detail=f"{address}: {error}", host=host) from error
        except Failure as failure:
            if failure.problem in {Problem.NOT_FOUND, Problem.NOT_JSON, Problem.WEB_PAGE, Problem.REFUSED}:
                raise Failure(Problem.NO_SEARCH, detail=failure.detail, host=host) from failure
            raise

    async def _read_size(self, hit: Hit) -> None:
        asked, size = size_url(hit.id, self.hub), 0
        async with self._few:
            if not self._asked_to_wait:
                try:
                    size = read_size(await self._network.read_json(asked))
                except Failure as failure:
                    self._asked_to_wait = failure.problem is Problem.TOO_MANY_REQUESTS
        if size:
            self._sizes[asked] = size
        else:
            self._untold.add(asked)
        self._changed()


def read_hub(text: str) -> str:
    """Return the address of a hub as a person writes it, without a slash at its end; "" stands for Hugging Face's.

    Raises Failure(HUB_UNREADABLE).
    """
    if not text.strip():
        return HUB
    try:
        whole = source.address(text, HUB) or text
        if source.is_hugging_face((urlsplit(whole).hostname or "").rstrip(".")):
            return HUB
        return source.read(whole).url.rstrip("/")
    except (Failure, ValueError) as error:
        raise Failure(Problem.HUB_UNREADABLE, detail=str(error), text=text.strip()[:80]) from error


def address(repository: str, hub: str) -> str:
    """Return what a person would paste for a repository found: its name, or its whole address on another hub."""
    return repository if hub == HUB else f"{hub}/{repository}"


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
