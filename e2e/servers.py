"""Real servers for the tests: the page's own, and a model host that behaves like Hugging Face.

The host is two origins. The hub answers `/{owner}/{repo}/resolve/{revision}/{path}`: small texts at once, big files
with a redirect to the second origin, a CDN, under a signed address; it lists files under `/api/models/...`, and answers
401 for what does not exist. Both allow every origin to read (CORS); the CDN answers ranges.
"""

import asyncio
import hashlib
import itertools
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import hub
import server
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

TEXT_TYPES = {".json", ".txt", ".md"}
GRACE = 0.5  # seconds; an answer that is cut while its file is being opened leaves that open
BIG = 64 * 1024  # bytes from which a text, too, lies on the CDN
READABLE = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "HEAD"], expose_headers=["*"])


# A port is used once: what the browser has cached from one server must not be taken for another's.
PORTS = itertools.count(10_000 + os.getpid() * 101 % 20_000)


class Server:
    """One application on a free port of 127.0.0.1, in a thread of its own, until stopped.

    `port` is the one to try first, for the same application as before.
    """

    def __init__(self, application: ASGIApp, port: int = 0) -> None:
        self._socket = server.free_socket(port or next(PORTS))
        self.port = int(self._socket.getsockname()[1])
        self.origin = f"http://127.0.0.1:{self.port}"
        self._server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop answering; returns once the port is closed. Answers under way have a moment to end, then are cut."""
        self._server.should_exit = True
        self._thread.join(GRACE)
        self._server.force_exit = True
        self._thread.join(timeout=10)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


class ModelHost:
    """Hugging Face, small: repositories are folders, by `owner/name`.

    `requests` lists (method, path) in order; `delay` is in seconds, before each file of the CDN; `faults` are answers
    given instead of a file's, by the end of its path; `api` is what a search asks,
    `silence` what is never answered.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Path] = {}
        self.requests: list[tuple[str, str]] = []
        self.delay = 0.0
        self.faults: dict[str, Callable[[], Response]] = {}
        self.cdn = Server(self._application(Route("/{owner}/{repo}/{path:path}", self._blob)))
        self.api = hub.Api(self.repositories)
        self.silence = hub.Silence(self._application(
            *self.api.routes,
            Route("/api/models/{owner}/{repo}/tree/{revision}", self._tree),
            Route("/{owner}/{repo}/resolve/{revision}/{path:path}", self._resolve),
        ))  # fmt: skip
        self.hub = Server(self.silence)
        self.origin = self.hub.origin

    def stop(self) -> None:
        """Stop both origins."""
        self.hub.stop()
        self.cdn.stop()

    def add(self, name: str, folder: Path) -> str:
        """Publish a folder as a repository; return the address people paste into the form."""
        self.repositories[name] = folder
        return f"{self.origin}/{name}"

    def _application(self, *routes: Route) -> ASGIApp:
        return Starlette(routes=list(routes), middleware=[READABLE])

    def _folder(self, request: Request) -> Path | None:
        self.requests.append((request.method, request.url.path))
        return self.repositories.get(f"{request.path_params['owner']}/{request.path_params['repo']}")

    async def _tree(self, request: Request) -> Response:
        folder = self._folder(request)
        if folder is None:
            return _unknown()
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return JSONResponse(
            [
                {"type": "file", "path": path.relative_to(folder).as_posix(), "size": path.stat().st_size}
                for path in files
            ]
        )

    async def _resolve(self, request: Request) -> Response:
        folder, name = self._folder(request), request.path_params["path"]
        fault = next((answer for end, answer in self.faults.items() if request.url.path.endswith(end)), None)
        if fault:
            return fault()
        if folder is None or request.path_params["revision"] != "main":
            return _unknown()
        path = folder / name
        if not path.is_file():
            return Response("Entry not found", status_code=404)
        if path.suffix in TEXT_TYPES and path.stat().st_size < BIG:
            return FileResponse(path)
        place = f"{request.path_params['owner']}/{request.path_params['repo']}/{name}"
        return RedirectResponse(f"{self.cdn.origin}/{place}?signature={_sign(place)}", status_code=302)

    async def _blob(self, request: Request) -> Response:
        folder = self._folder(request)
        place = request.url.path.removeprefix("/")
        if folder is None or request.query_params.get("signature") != _sign(place):
            return Response("Forbidden", status_code=403)
        await asyncio.sleep(self.delay)
        return FileResponse(folder / request.path_params["path"])


def site(folder: Path, port: int = 0) -> Server:
    """Serve the page as the development server does."""
    return Server(server.application(folder), port)


def plain_host(folder: Path) -> Server:
    """Serve a folder as any static host with CORS does: no `/resolve/`, no list of files."""
    application = server.application(folder)
    wrap: Callable[..., ASGIApp] = CORSMiddleware
    return Server(wrap(application, allow_origins=["*"]))


def _unknown() -> Response:
    return JSONResponse({"error": "Invalid username or password."}, status_code=401)


def _sign(place: str) -> str:
    return hashlib.sha256(f"a secret of the test's own, {place}".encode()).hexdigest()[:16]
