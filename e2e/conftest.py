"""What every end-to-end test stands on: the built site, a model host, models compiled here, and WebGPU."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import compiled
import pytest
import servers
from person import PATIENCE
from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, expect

ROOT = Path(__file__).resolve().parent.parent
# SwiftShader stands in for a graphics card: slow, but WebGPU all the same, and the same on every machine.
WEBGPU = [
    "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan",
    "--disable-background-networking", "--disable-component-update", "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",  # no test asks the world outside
]  # fmt: skip
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium where Playwright has no browser of its own; without a sandbox only for root, who has none."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    arguments = [*WEBGPU, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    return {**browser_type_launch_args, "args": arguments, **({"executable_path": path} if path else {})}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "locale": "en-GB", "viewport": {"width": 1280, "height": 900}}


@pytest.fixture(scope="session")
def site_port() -> int:
    """Where the page is, in every test: the browser then keeps what it has compiled of it."""
    return next(servers.PORTS)


@pytest.fixture
def site(site_port: int) -> Iterator[servers.Server]:
    """The page, served from `dist/`."""
    with servers.site(ROOT / "dist", site_port) as running:
        yield running


@pytest.fixture
def host() -> Iterator[servers.ModelHost]:
    """A model host like Hugging Face."""
    running = servers.ModelHost()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def small_model() -> Path:
    """A model that is in no list; compiled once."""
    return compiled.model("small")


@pytest.fixture(scope="session")
def other_shape() -> Path:
    """A model that differs from it in everything."""
    return compiled.model("other")


# A standard model that is not on this machine.
AWAY = "SmolLM2-360M-Instruct-q4f32_1-MLC"


@pytest.fixture(scope="module")
def profile(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], browser_context_args: dict[str, Any]
) -> Iterator[BrowserContext]:
    """One browser with one profile on the disk, for a file's tests: Pyodide is compiled in it once, not at every visit.

    It is not for all tests: a service worker never ends while Playwright looks at it, and each takes a process.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        told = {**browser_type_launch_args, **browser_context_args}
        with browser_type.launch_persistent_context(folder, **told) as context:
            yield context


@pytest.fixture
def context(profile: BrowserContext, site: servers.Server) -> Iterator[BrowserContext]:
    """A visitor who was never here: nothing of the site's is left of the visitor before."""
    blank = profile.pages[0]
    session = profile.new_cdp_session(blank)
    session.send("Storage.clearDataForOrigin", {"origin": site.origin, "storageTypes": "all"})
    session.detach()
    yield profile
    for page in profile.pages:
        if page != blank:
            page.close()
    profile.set_offline(False)
    profile.clear_permissions()


@pytest.fixture
def page(page: Page, request: pytest.FixtureRequest) -> Page:
    """A page that is patient with SwiftShader.

    Under the mark `idle` its visitor has last chosen a model that is not here, so that none is loaded at the start:
    what takes longest, and many tests are not about it.
    """
    page.set_default_timeout(PATIENCE)
    if request.node.get_closest_marker("idle"):
        page.add_init_script(f"localStorage['bocal.model'] ??= '{AWAY}'")
    return page


@pytest.fixture
def french(browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[BrowserContext]:
    """A browser whose visitor reads French."""
    context = browser.new_context(**{**browser_context_args, "locale": "fr-FR"})
    yield context
    context.close()
