"""The service worker: the page without a network, and the change to a new release."""

from collections.abc import Callable
from typing import Any

import js
from pyodide.ffi import JsException, create_proxy


class Offline:
    """Registers the service worker and says when a new release of the page is ready."""

    def __init__(self) -> None:
        self._registration: Any = None

    async def start(self, on_update: Callable[[], None]) -> None:
        """Register; `on_update` is called once a new release waits. Does nothing where there are no service workers."""
        workers = getattr(js.navigator, "serviceWorker", None)
        if workers is None:
            return
        try:
            self._registration = registration = await workers.register("sw.js")
        except JsException:
            return  # a private window, or a host that serves it wrongly: the page works all the same

        def installed(_event: Any = None) -> None:
            if registration.waiting and workers.controller:
                on_update()

        def found(_event: Any = None) -> None:
            if registration.installing:
                registration.installing.addEventListener("statechange", create_proxy(installed))

        registration.addEventListener("updatefound", create_proxy(found))
        found()  # one that is being installed already
        installed()

    def take_over(self) -> None:
        """Let the waiting release take over, and reload into it; where another tab has done so, only reload."""
        if self._registration and self._registration.waiting:
            reload = create_proxy(lambda _event: js.location.reload())
            js.navigator.serviceWorker.addEventListener("controllerchange", reload)
            self._registration.waiting.postMessage("take over")
        else:
            js.location.reload()
