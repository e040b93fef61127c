"""What every end-to-end test stands on: the built site, a model host, models compiled here, and WebGPU."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import compiled
import pytest
import servers
from playwright.sync_api import Browser, BrowserContext, Page, expect

ROOT = Path(__file__).resolve().parent.parent
# SwiftShader stands in for a graphics card: slow, but WebGPU all the same, and the same on every machine.
WEBGPU = [
    "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan",
    "--disable-background-networking", "--disable-component-update", "--no-first-run",
]  # fmt: skip
PATIENCE = 60_000  # milliseconds: an upper bound for a model to load on SwiftShader, not an expectation
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


@pytest.fixture
def site() -> Iterator[servers.Server]:
    """The page, served from `dist/`."""
    with servers.site(ROOT / "dist") as running:
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


@pytest.fixture
def page(page: Page, request: pytest.FixtureRequest) -> Page:
    """A page that is patient with SwiftShader.

    Under the mark `idle` its visitor has last chosen a model that is not here, so that none is loaded at the start:
    what takes longest, and many tests are not about it.
    """
    page.set_default_timeout(PATIENCE)
    if request.node.get_closest_marker("idle"):
        page.context.add_init_script(f"localStorage['bocal.model'] ??= '{AWAY}'")
    return page


@pytest.fixture
def french(browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[BrowserContext]:
    """A browser whose visitor reads French."""
    context = browser.new_context(**{**browser_context_args, "locale": "fr-FR"})
    yield context
    context.close()
