"""The development server: `dist/` on 127.0.0.1, as a good static host would serve it."""

import errno
import mimetypes
import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

HOST = "127.0.0.1"
MEDIA_TYPES = {
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".whl": "application/zip",
}


class Site(StaticFiles):
    """Static files whose names do not change with their content: kept by the browser, and asked about each time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer one request; an unchanged file costs a 304 (its ETag), never a stale copy."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def application(folder: Path) -> Starlette:
    """The ASGI application that serves `folder`, with index.html for each directory."""
    for suffix, media_type in MEDIA_TYPES.items():
        mimetypes.add_type(media_type, suffix)
    return Starlette(routes=[Mount("/", Site(directory=folder, html=True))])


def free_socket(port: int) -> socket.socket:
    """Return a listening socket on 127.0.0.1 at `port`, or at any free port when that one is busy."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        listener.bind((HOST, 0))
    return listener


def serve(folder: Path, port: int) -> int:
    """Serve until interrupted; prints the address once it can be opened. Returns the exit status."""
    with free_socket(port) as listener:
        chosen = listener.getsockname()[1]
        busy = "" if chosen == port else f"   (port {port} is busy)"
        print(f"Bocal is at http://{HOST}:{chosen}/{busy}   Ctrl+C stops it.", flush=True)
        settings = uvicorn.Config(application(folder), log_level="warning", lifespan="off")
        uvicorn.Server(settings).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 8000))
