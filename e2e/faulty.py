"""Files served as the worst hosts do: slowly, in part, wrongly, or only after a while.

A plain host with CORS: files lie below any path. By default it behaves (ranges, ETags); `faults` say how the next
answers for a file do not.
"""

import asyncio
import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from servers import Server
from starlette.types import Receive, Scope, Send

PIECE = 16 * 1024
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "*"}
TRICKLE = 0.5  # seconds between a few bytes and the next
SETTLE = 2.0  # seconds in which a browser reads what was sent before the connection breaks


@dataclass(frozen=True)
class Fault:
    """One answer that is not as it should be; what is not said is as always.

    `cut` closes the connection after that many bytes of body, `stall` falls silent there; `trickle` sends so many bytes
    every half second; `flip` spoils the byte at that place of the file; `length` serves only so much of it, as if that
    were all; `wait` goes into Retry-After.
    """

    status: int = 200
    cut: int | None = None
    stall: int | None = None
    trickle: int = 0
    flip: int | None = None
    length: int | None = None
    wait: int | None = None
    etag: str = ""
    redirect: bool = False


@dataclass
class FaultyHost:
    """A host for one folder. `rate` is in bytes per second over all answers (0: no limit).

    `sent` counts the body bytes of each file, `asked` lists (path, first byte), `position` is how far each file was
    sent, `wasted` counts the bytes that were sent more than once.
    """

    folder: Path
    rate: float = 0
    ranges: bool = True
    cors: bool = True
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    always: dict[str, Fault] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    methods: set[str] = field(default_factory=set)
    position: dict[str, int] = field(default_factory=dict)
    sent: int = 0
    wasted: int = 0
    _next: float = 0

    def __post_init__(self) -> None:
        self.server = Server(self)
        self.origin = self.server.origin

    def stop(self) -> None:
        """Stop answering."""
        self.server.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.methods.add(scope["method"])
        path, signed = self.folder / Path(scope["path"]).name, b"signed" in scope["query_string"]
        if not path.is_file():
            await self._begin(send, 404, {})
            await send({"type": "http.response.body", "body": b""})
            return
        some = self.faults[path.name]
        fault = some[0] if some else self.always.get(path.name, Fault())
        if fault.redirect and not signed:  # to an address that has expired by the time it is asked
            await self._begin(send, 302, {"Location": f"{scope['path']}?signed"})
            await send({"type": "http.response.body", "body": b""})
            return
        if some:
            some.pop(0)
        begin = self._first_byte(scope)
        self.asked.append((path.name, begin))
        if fault.status != 200:
            headers = {} if fault.wait is None else {"Retry-After": str(fault.wait)}
            await self._begin(send, fault.status, headers)
            await send({"type": "http.response.body", "body": b"no"})
            return
        sending = asyncio.ensure_future(self._send_file(path, begin, fault, send))
        leaving = asyncio.ensure_future(_left(receive))
        await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if sending.done():
            sending.result()
        sending.cancel()

    async def _send_file(self, path: Path, begin: int, fault: Fault, send: Send) -> None:
        data = bytearray(self._content(path)[: fault.length])
        if fault.flip is not None:
            data[fault.flip] ^= 1
        if begin > len(data):
            begin = 0
        etag = fault.etag or hashlib.sha256(path.name.encode()).hexdigest()[:8]
        headers = {
            "Content-Length": str(len(data) - begin),
            "ETag": f'"{etag}"',
        }
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        await self._begin(send, 206 if begin else 200, headers)
        self.wasted += max(0, self.position.get(path.name, 0) - begin)
        self.position[path.name] = begin
        sent = 0
        while begin + sent < len(data):
            for limit, act in ((fault.cut, SETTLE), (fault.stall, 3600.0)):
                if limit is not None and sent >= limit:
                    await asyncio.sleep(act)
                    raise ConnectionError("as the test wants it")
            size = min(fault.trickle or PIECE, len(data) - begin - sent)
            await (asyncio.sleep(TRICKLE) if fault.trickle and sent else self._keep_to_rate(size))
            piece = bytes(data[begin + sent : begin + sent + size])
            await send({"type": "http.response.body", "body": piece, "more_body": begin + sent + size < len(data)})
            sent += size
            self.sent += size
            self.position[path.name] = begin + sent

    def _content(self, path: Path) -> bytes:
        return path.read_bytes()

    async def _keep_to_rate(self, size: int) -> None:
        if self.rate:
            now = asyncio.get_running_loop().time()
            self._next = max(now, self._next) + size / self.rate
            await asyncio.sleep(self._next - now)

    async def _begin(self, send: Send, status: int, headers: dict[str, str]) -> None:
        all_headers = {**headers, **(CORS if self.cors else {})}
        coded = [(name.lower().encode(), value.encode()) for name, value in all_headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": coded})

    def _first_byte(self, scope: Scope) -> int:
        for name, value in scope["headers"]:
            told = re.fullmatch(rb"bytes=(\d+)-", value)
            if name == b"range" and told and self.ranges:
                return int(told[1])
        return 0


async def _left(receive: Receive) -> None:
    """Return once the browser has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
