"""Requests to a host that says nothing: how long they wait, and what ends them."""

import asyncio
import importlib
import sys
from collections.abc import Callable, Coroutine
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from bocal.errors import Failure, Problem

URL = "https://h/o/r/resolve/main/mlc-chat-config.json"


class Host:
    """The browser's `js`, with a host that takes every connection and then says nothing: at all, or after its head."""

    def __init__(self, *, answers: bool) -> None:
        self.answers = answers
        self.asked = 0
        self.aborted = 0
        self.navigator = SimpleNamespace(onLine=True)
        self.AbortController = SimpleNamespace(new=lambda: SimpleNamespace(signal=self, abort=self._abort))
        self.URL = SimpleNamespace(new=lambda url: SimpleNamespace(host=url.split("/")[2]))
        self.Object = SimpleNamespace(fromEntries=dict)

    async def fetch(self, _url: str, _options: Any) -> Any:
        self.asked += 1
        if not self.answers:
            await asyncio.Event().wait()
        body = SimpleNamespace(getReader=lambda: SimpleNamespace(read=asyncio.Event().wait))
        return SimpleNamespace(ok=True, status=200, headers={}, body=body)

    def _abort(self) -> None:
        self.aborted += 1


def network(monkeypatch: pytest.MonkeyPatch, host: Host, stall: float) -> Any:
    module = ModuleType("js")
    module.__dict__.update(vars(host), fetch=host.fetch)
    monkeypatch.setitem(sys.modules, "js", module)
    monkeypatch.delitem(sys.modules, "bocal.browser.network", raising=False)
    found = importlib.import_module("bocal.browser.network")
    monkeypatch.delitem(sys.modules, "bocal.browser.network")  # no other test sees this one
    monkeypatch.setattr(found, "STALL", stall)
    return found.Fetch()


ASK: list[Callable[[Any], Coroutine[Any, Any, Any]]] = [
    lambda fetch: fetch.read_json(URL),
    lambda fetch: fetch.read_page(URL),
    lambda fetch: fetch.read_bytes(URL, 100),
]


@pytest.mark.parametrize("answers", [False, True])
@pytest.mark.parametrize("ask", ASK)
def test_a_host_that_goes_silent_is_given_up(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[Any], Coroutine[Any, Any, Any]], answers: bool
) -> None:
    host = Host(answers=answers)
    fetch = network(monkeypatch, host, 0.01)
    with pytest.raises(Failure) as caught:
        asyncio.run(asyncio.wait_for(ask(fetch), 5))
    assert caught.value.problem is Problem.STALLED
    assert caught.value.facts["host"] == "h"
    assert host.asked == host.aborted == 1


def test_a_silent_host_is_taken_to_have_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(answers=False)
    fetch = network(monkeypatch, host, 0.01)
    assert not asyncio.run(asyncio.wait_for(fetch.exists(URL), 5))
    assert host.aborted == 1


def test_whoever_asks_may_stop_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        host = Host(answers=False)
        asking = asyncio.ensure_future(network(monkeypatch, host, 3600).read_json(URL))
        while not host.asked:  # noqa: ASYNC110 - the request itself is what is waited for
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert host.aborted == 1

    asyncio.run(story())
