"""The page's other tabs: Web Locks and a broadcast channel."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import js
from pyodide.ffi import create_once_callable, create_proxy, to_js


class OpenTabs:
    """`protocols.Tabs`."""

    def __init__(self, channel: str = "bocal") -> None:
        self._channel = js.BroadcastChannel.new(channel)
        self._ending: dict[str, asyncio.Future[Any]] = {}  # locks let go of, which the browser frees a moment later

    async def hold(self, name: str, *, wait: bool, shared: bool = False) -> Callable[[], None] | None:
        """Take a lock; return what lets go of it, or None."""
        answer: asyncio.Future[Callable[[], None] | None] = asyncio.get_running_loop().create_future()
        controller = js.AbortController.new()

        def granted(lock: Any) -> Any:
            if lock is None or answer.cancelled():
                _settle(answer, None)
                return None
            until = js.Promise.withResolvers()

            def release() -> None:
                until.resolve(None)
                self._ending[name] = ending = asyncio.ensure_future(freed)
                ending.add_done_callback(lambda _: self._ending.pop(name, None))

            _settle(answer, release)
            return until.promise

        locks = getattr(js.navigator, "locks", None)
        if locks is None:  # an insecure page: the turns of tabs are left to chance
            return lambda: None
        options: dict[str, Any] = {"signal": controller.signal} if wait else {"ifAvailable": True}
        options["mode"] = "shared" if shared else "exclusive"
        await self._ended(name)
        asked = locks.request(name, to_js(options, dict_converter=js.Object.fromEntries), create_once_callable(granted))
        freed = asked.catch(create_once_callable(lambda _error: None))
        try:
            return await answer
        except asyncio.CancelledError:
            controller.abort()
            if answer.done() and not answer.cancelled() and (release := answer.result()):
                release()  # cancelled when the lock was given, but before this could go on
            raise

    async def is_held(self, name: str) -> bool:
        """Whether a tab holds a lock for itself alone."""
        locks = getattr(js.navigator, "locks", None)
        await self._ended(name)
        held = (await locks.query()).held.to_py() if locks else []
        return any(lock["name"] == name and lock["mode"] == "exclusive" for lock in held)

    async def _ended(self, name: str) -> None:
        """Return once a lock that this tab has let go of is free."""
        if name in self._ending:
            await asyncio.wait([self._ending[name]])

    def say(self, message: Mapping[str, Any]) -> None:
        """Tell the other tabs something."""
        self._channel.postMessage(json.dumps(message))

    def hear(self, listener: Callable[[Mapping[str, Any]], None]) -> None:
        """Call `listener` with all that the other tabs say."""
        self._channel.addEventListener("message", create_proxy(lambda event: listener(json.loads(event.data))))


def _settle(answer: "asyncio.Future[Callable[[], None] | None]", value: Callable[[], None] | None) -> None:
    if not answer.done():
        answer.set_result(value)
