"""Whole tabs of the page on CPython: the application over the fakes of `outside`, several tabs in one browser."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, cast

from bocal.errors import Failure
from bocal.models import source
from bocal.models.catalogue import GUIDE_ID, Catalogue
from bocal.models.device import Device
from bocal.models.record import Library, Model
from bocal.protocols import Shelf
from bocal.ui.actions.desk import Outside
from bocal.ui.application import Application
from bocal.ui.state import State
from bocal.ui.text import Texts
from outside import Settings, Web, World

BASE = "https://h/o/r/resolve/main/"
LIBRARY = f"{BASE}r.wasm"
CONTENT = {f"params_shard_{n}.bin": bytes([n]) * 100 for n in range(5)}
SHARDS = [
    {"dataPath": name, "nbytes": len(it), "md5sum": hashlib.md5(it, usedforsecurity=False).hexdigest(), "records": []}
    for name, it in CONTENT.items()
]
ONE = Model("one", "One", "https://h/o/r", library=Library(url=LIBRARY))
TWO = Model("two", "Two", "https://h/o/r", library=Library(url=LIBRARY))  # at the same address
GUIDE = Model(GUIDE_ID, "", "https://site/models/guide/", library=Library(url="https://site/g.wasm"), custom=False)


class Silent:
    """A document, a GPU or a sandbox that does what it is told and tells nothing."""

    def __getattr__(self, _name: str) -> Callable[..., Any]:
        return lambda *_args, **_named: ""


class Engine(Silent):
    """WebLLM with nothing loaded."""

    async def load(self, *_args: Any) -> None:
        pass

    async def unload(self) -> None:
        pass


class Quota:
    """What the browser allows: `whole` bytes; None: it does not tell."""

    whole: int | None = None

    async def room(self) -> tuple[int, int] | None:
        return None if self.whole is None else (0, self.whole)

    async def promised(self) -> bool | None:
        return None


class Browser:
    """One browser: its storage, and its tabs. `reported` is what nobody expected."""

    def __init__(self, *listed: Model) -> None:
        documents: dict[str, Any] = {
            f"{BASE}mlc-chat-config.json": {"tokenizer_files": ["tokenizer.json"]},
            f"{BASE}tensor-cache.json": {"records": SHARDS}, f"{BASE}tokenizer.json": b"{}", LIBRARY: b"\0asm",
            **{BASE + name: data for name, data in CONTENT.items()},
        }  # fmt: skip
        self.world = World(Web(documents))
        self.world.notes.at_once = False
        self.settings, self.quota = Settings(), Quota()
        self.listed = listed
        self.look: Callable[[], Awaitable[Device]] = _no_gpu
        self.reported: list[BaseException] = []

    async def tab(self, *standard: Model) -> Application:
        """Open a tab; returns once it has looked at everything."""
        application = await self.opened(*standard)
        await application.start()
        return application

    async def opened(self, *standard: Model) -> Application:
        """Open a tab that is still to be started."""
        means = self.world.means()
        state = State(Texts("en"), Catalogue({it.id: it for it in (GUIDE, *standard)}, "https://l/"))
        parts = {
            "page": Silent(), "settings": self.settings, "session": Settings(), "network": self.world.wire.web,
            "store": self.world.store, "disk": self.world.store, "quota": self.quota, "means": means,
            "engine": Engine(), "runner": Silent(), "look": self.look, "keep": _kept, "shrink": _kept,
            "clock": lambda: 0.0, "take_over": lambda: None, "is_narrow": lambda: False,
            "draw_frame": lambda _html: None, "report": self.reported.append, "site": "https://site/",
            "tabs": means.tabs, "notes": self.world.notes,
        }  # fmt: skip
        application = Application(Outside(**cast(Any, parts)), state)
        for model in self.listed:
            if application.desk.registry.find(model.id) is None:
                await application.desk.registry.add(model)
        self.listed = ()
        return application

    def here(self, model: Model = ONE) -> set[str]:
        """Return the names of the files that are kept of a model."""
        base = source.engine_base(model.url)
        keys = (key for shelf in Shelf for key in self.world.store.kept[shelf])
        return {key.removeprefix(base) for key in keys if key.startswith(base)}

    async def jobs(self) -> set[str]:
        """Return the models (IDs) whose unfinished jobs are noted."""
        return set(await self.world.means().journal.jobs())


def problems(browser: Browser) -> list[str]:
    """Return what was reported of failures."""
    return [str(it.problem) if isinstance(it, Failure) else repr(it) for it in browser.reported]


async def until(is_so: Callable[[], object]) -> None:
    """Wait for something that comes about by itself."""
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110 - the page's own tasks are what is waited for
            await asyncio.sleep(0)


async def settled(*tabs: Application) -> None:
    """Wait until nothing goes on in some tabs, but for notices that stay."""
    for _ in range(200):
        await asyncio.sleep(0)
    assert tabs


async def _no_gpu() -> Device:
    return Device("no_webgpu")


async def _kept(*_args: Any) -> Any:
    return True
