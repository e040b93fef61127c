"""The part of Hugging Face's API that a search asks, and a host that takes its time.

The API: lists of models, in pages, and what one repository holds.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

# What a listing may be asked to tell; `usedStorage` is refused there.
EXPANDABLE = {"author", "downloads", "gated", "lastModified", "likes", "safetensors", "siblings", "tags"}


@dataclass(frozen=True)
class Card:
    """What is known of a repository: `files` are lengths in bytes, by path."""

    downloads: int = 0
    gated: bool | str = False
    tags: tuple[str, ...] = ("mlc-llm", "web-llm")
    files: Mapping[str, int] = field(default_factory=lambda: {"mlc-chat-config.json": 2_000})


class Api:
    """`cards` by `owner/name`, with those of the folders published; `faults` are answers given instead, by paths."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self.cards: dict[str, Card] = {}
        self.faults: dict[str, Callable[[], Response]] = {}
        self._folders = folders
        self.routes = [
            Route("/api/models", self._list),
            Route("/api/models/{owner}/{repo}", self._show),
        ]

    async def _list(self, request: Request) -> Response:
        """Answer a page of the models that match, the most downloaded first; the `Link` header tells the next."""
        if fault := self.faults.get(request.url.path):
            return fault()
        asked, expand = request.query_params, request.query_params.getlist("expand[]")
        if not EXPANDABLE.issuperset(expand):
            return JSONResponse({"error": "Invalid expand"}, status_code=400)
        words, author, tag = asked.get("search", "").lower().split(), asked.get("author", ""), asked.get("filter", "")
        found = [
            (name, card)
            for name, card in sorted(self._all().items(), key=lambda pair: -pair[1].downloads)
            if all(word in name.lower() for word in words)
            and (not author or name.startswith(f"{author}/"))
            and (not tag or tag in card.tags)
        ]
        start, limit = int(base64.b64decode(asked.get("cursor", "") or b"MA==")), int(asked.get("limit", 1000))
        headers = {}
        if start + limit < len(found):
            cursor = base64.b64encode(str(start + limit).encode()).decode()
            pairs = [pair for pair in asked.multi_items() if pair[0] != "cursor"] + [("cursor", cursor)]
            headers["Link"] = f'<{request.base_url}api/models?{urlencode(pairs)}>; rel="next"'
        page = [_entry(name, card, expand) for name, card in found[start : start + limit]]
        return JSONResponse(page, headers=headers)

    async def _show(self, request: Request) -> Response:
        """Answer what one repository holds; lengths of files only when `blobs` are asked for."""
        if fault := self.faults.get(request.url.path):
            return fault()
        name = f"{request.path_params['owner']}/{request.path_params['repo']}"
        card = self._all().get(name)
        if card is None:
            return JSONResponse({"error": "Invalid username or password."}, status_code=401)
        told = _entry(name, card, ["downloads", "gated", "likes", "tags"])
        blobs = request.query_params.get("blobs") == "true"
        siblings = [{"rfilename": path, **({"size": size} if blobs else {})} for path, size in card.files.items()]
        return JSONResponse({**told, "siblings": siblings, "usedStorage": sum(card.files.values())})

    def _all(self) -> dict[str, Card]:
        folders = {
            name: Card(files={path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()})
            for name, folder in self._folders.items()
        }
        return {**folders, **self.cards}


class Silence:
    """Before an application: never answers an address with one of `pieces` in it, until its asker goes away.

    `waiting` and `abandoned` list such addresses, path and query, as they are asked and as their askers leave.
    """

    def __init__(self, application: ASGIApp) -> None:
        self.pieces: set[str] = set()
        self.waiting: list[str] = []
        self.abandoned: list[str] = []
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = f"{scope['path']}?{scope['query_string'].decode()}"
        if not any(piece in address for piece in self.pieces):
            await self._application(scope, receive, send)
            return
        self.waiting.append(address)
        while (await receive())["type"] != "http.disconnect":
            pass
        self.abandoned.append(address)


def _entry(name: str, card: Card, expand: list[str]) -> dict[str, Any]:
    known = {
        "author": name.partition("/")[0],
        "downloads": card.downloads,
        "gated": card.gated,
        "likes": 0,
        "siblings": [{"rfilename": path} for path in card.files],
        "tags": list(card.tags),
    }
    return {"_id": name.encode().hex()[:24], "id": name, **{key: known[key] for key in expand if key in known}}
