"""The sandbox for Python code: a worker with its own Pyodide, in a frame that has nothing of this page.

The boundary is the browser's. The frame's origin is opaque (`sandbox` without `allow-same-origin`): no storage,
database or cache of this site can be opened from it, nor this page be reached. Its policy allows no request whatever,
and its worker, made from a `data:` address, inherits it. So the page brings all that Pyodide needs, as bytes; and what
comes back is texts over a channel of their own, read by `chat/run.py` as those of a stranger.

The frame is written here (`srcdoc`) instead of loaded: the service worker does not serve a frame of opaque origin,
which would need the network. Each run has a new frame: nothing of one run is there in the next, and removing the frame
ends everything in it, whatever it is doing.
"""

import asyncio
import base64
import hashlib
import inspect
import json
from collections.abc import AsyncGenerator
from typing import Any

import js
from pyodide.ffi import create_once_callable, create_proxy, to_js

from bocal.browser.network import request
from bocal.chat import sandboxed
from bocal.chat.run import MEMORY, MOST_CHARACTERS, MOST_MESSAGES

# One module of these in turn: a policy without network lets no script import another.
_SCRIPT = ("pyodide/pyodide.asm.mjs", "pyodide/pyodide.js", "runner.js")
_FILES = ("pyodide/pyodide.asm.wasm", "pyodide/python_stdlib.zip")
_POLICY = "default-src 'none'; script-src 'wasm-unsafe-eval' 'sha256-{hash}'; worker-src data:"


class Sandbox:
    """`protocols.Runner`; `site` is the page's own address, ending in a slash."""

    def __init__(self, site: str) -> None:
        self._site = site

    async def run(self, code: str) -> AsyncGenerator[str]:
        """Run a block of code in a new sandbox, and yield what it says."""
        frame, channel = js.document.createElement("iframe"), js.MessageChannel.new()
        said: asyncio.Queue[str] = asyncio.Queue()
        hear = create_proxy(lambda event: said.put_nowait(event.data))
        channel.port1.onmessage = hear
        try:
            brought, script = await asyncio.gather(self._bring(code), self._text("sandbox.js"))
            await _open(frame, script)
            message = to_js(brought, dict_converter=js.Object.fromEntries)
            frame.contentWindow.postMessage(message, "*", to_js([channel.port2, *js.Object.values(message.files)]))
            while True:
                yield await said.get()
        finally:
            frame.remove()
            channel.port1.close()
            hear.destroy()

    async def _bring(self, code: str) -> dict[str, Any]:
        """Return what the frame is sent: see sandbox.js and runner.js."""
        names = (*_SCRIPT, *_FILES)
        *buffers, lock = await asyncio.gather(*map(self._buffer, names), self._text("pyodide/pyodide-lock.json"))
        scripts, files = buffers[: len(_SCRIPT)], buffers[len(_SCRIPT) :]
        return {
            "script": scripts,
            "files": {name.rpartition("/")[2]: buffer for name, buffer in zip(_FILES, files, strict=True)},
            "job": {
                "code": code, "program": inspect.getsource(sandboxed), "memory": MEMORY,
                "lock": json.dumps({**json.loads(lock), "packages": {}}),
            },
            "characters": MOST_CHARACTERS, "messages": MOST_MESSAGES,
        }  # fmt: skip

    async def _buffer(self, name: str) -> Any:
        return await (await request(self._site + name)).arrayBuffer()

    async def _text(self, name: str) -> str:
        return str(await (await request(self._site + name)).text())


async def _open(frame: Any, script: str) -> None:
    """Put the frame into the page; returns once its script listens."""
    policy = _POLICY.format(hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode())
    loaded = asyncio.get_running_loop().create_future()
    frame.onload = create_once_callable(lambda _event: loaded.set_result(None))
    frame.setAttribute("sandbox", "allow-scripts")
    frame.hidden, frame.title = True, "Python"
    frame.srcdoc = f'<meta http-equiv="Content-Security-Policy" content="{policy}"><script>{script}</script>'
    js.document.body.append(frame)
    await loaded
