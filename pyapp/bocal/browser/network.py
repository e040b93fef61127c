"""Requests to a model's host, with every failure named."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import js
from pyodide.ffi import JsException, to_js

from bocal import strict
from bocal.errors import Failure, Problem, not_json, refused
from bocal.weights.carrier import STALL


class Fetch:
    """`protocols.Network` over the page's `fetch`. Cancelling the task that waits for an answer ends its request."""

    async def read_json(self, url: str) -> Any:
        """GET a JSON document; raises Failure when it cannot be had or is something else."""
        return (await self.read_page(url))[0]

    async def read_page(self, url: str) -> tuple[Any, str]:
        """GET a JSON document and its `Link` header, "" when there is none or its host hides it (CORS)."""
        with abortable() as signal:
            response = await request(url, signal=signal)
            content = await _body(url, response)
        try:
            return strict.from_bytes(content), str(response.headers.get("Link") or "")
        except (ValueError, RecursionError) as error:
            raise not_json(url, error, str(response.headers.get("Content-Type") or "")) from error

    async def read_bytes(self, url: str, most: int) -> bytes:
        """GET a file of at most `most` bytes."""
        with abortable() as signal:
            response = await request(url, signal=signal)
            announced = response.headers.get("Content-Length")
            if announced and announced.isdigit() and int(announced) > most:
                raise Failure(Problem.TOO_LARGE, url=url, bytes=int(announced))
            return await _body(url, response, most)

    async def exists(self, url: str) -> bool:
        """Whether a HEAD request finds something at `url`."""
        try:
            with abortable() as signal:
                await request(url, method="HEAD", signal=signal)
        except Failure:
            return False
        return True


@contextmanager
def abortable() -> Iterator[Any]:
    """Give an AbortSignal for requests; they end where the block is left by an exception, as when it is cancelled."""
    controller = js.AbortController.new()
    try:
        yield controller.signal
    except BaseException:
        controller.abort()
        raise


async def request(url: str, *, method: str = "GET", signal: Any = None, fresh: bool = False) -> Any:
    """Return the Response to a request that succeeded; raises Failure naming why there is none.

    No header is added and no referrer sent: a model's host sees a simple request, which needs no preflight.
    """
    options: dict[str, Any] = {"method": method, "referrerPolicy": "no-referrer", "credentials": "omit"}
    if signal is not None:
        options["signal"] = signal
    if fresh:
        options["cache"] = "no-store"  # weights are kept once, in IndexedDB
    try:
        async with _patience(url):
            response = await js.fetch(url, to_js(options, dict_converter=js.Object.fromEntries))
    except JsException as error:
        raise await no_answer(url, error, signal) from error
    if not response.ok:
        raise refused(url, int(response.status), response.headers.get)
    return response


async def _body(url: str, response: Any, most: int | None = None) -> bytes:
    """Return what an answer holds, however slowly it comes; raises Failure when it breaks off, ends or is too long."""
    if response.body is None:
        return b""
    reader, content = response.body.getReader(), bytearray()
    while True:
        try:
            async with _patience(url):
                piece = await reader.read()
        except JsException as error:
            raise unreachable(url, error) from error
        if piece.done:
            return bytes(content)
        content += piece.value.to_bytes()
        if most is not None and len(content) > most:
            raise Failure(Problem.TOO_LARGE, url=url, bytes=len(content))


@asynccontextmanager
async def _patience(url: str) -> AsyncIterator[None]:
    """Raise Failure(STALLED) where a host says nothing for too long."""
    try:
        async with asyncio.timeout(STALL):
            yield
    except TimeoutError:
        raise Failure(Problem.STALLED, detail=f"{url}: no byte for {STALL:.0f} s", host=host(url)) from None


async def no_answer(url: str, error: BaseException, signal: Any = None) -> Failure:
    """Name why a request got no answer that this page may read.

    `fetch` tells a page nothing; but where a request that does not ask to read (`no-cors`) goes through, and one that
    does fails again, the host is there and only its permission (CORS) is missing.
    """
    failure = unreachable(url, error)
    if failure.problem is Problem.OFFLINE or not await _answers(url, "no-cors", signal):
        return failure
    if await _answers(url, "cors", signal):  # a connection that broke
        return failure
    return Failure(Problem.NO_CORS, detail=failure.detail, host=host(url))


async def _answers(url: str, mode: str, signal: Any) -> bool:
    options = {"method": "HEAD", "mode": mode, "referrerPolicy": "no-referrer", "credentials": "omit"}
    if signal is not None:
        options["signal"] = signal
    try:
        async with _patience(url):
            await js.fetch(url, to_js(options, dict_converter=js.Object.fromEntries))
    except (JsException, Failure):
        return False
    return True


def unreachable(url: str, error: BaseException) -> Failure:
    """Name a connection that was not made or broke off: no network at all, or a host that is away."""
    offline = not js.navigator.onLine
    return Failure(Problem.OFFLINE if offline else Problem.UNREACHABLE, detail=f"{url}: {error}", host=host(url))


def host(url: str) -> str:
    """Return the host, and port, of a URL."""
    return str(js.URL.new(url).host)
