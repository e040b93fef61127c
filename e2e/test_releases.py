"""The page as it is published: several on one origin, a new release over an old one, and one that does not start."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import assemble
import pytest
import server
import servers
from conftest import ROOT
from person import model_button, open_page, service_worker_is_ready, until
from playwright.sync_api import BrowserContext, Page, expect
from starlette.applications import Starlette
from starlette.routing import Mount

pytestmark = pytest.mark.idle
DIST = ROOT / "dist"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A copy of the site, to be changed as a release changes it."""
    return Path(shutil.copytree(DIST, tmp_path / "published", copy_function=os.link))


@pytest.fixture
def site(published: Path, site_port: int) -> Iterator[servers.Server]:
    """The page, served from that copy."""
    with servers.site(published, site_port) as running:
        yield running


def replace(path: Path, text: str) -> None:
    """Write a file anew: what it was is a hard link of the build's."""
    path.unlink()
    path.write_text(text)


def release(folder: Path) -> None:
    """Make another release in the place of what is in a folder."""
    replace(folder / "bocal.css", (folder / "bocal.css").read_text() + "\n/* anew */\n")
    replace(folder / "sw.js", (ROOT / "site" / "sw.js").read_text())
    assemble.write_service_worker(folder)


def test_two_on_one_origin_work_without_a_network(page: Page, site_port: int, context: BrowserContext) -> None:
    both = Starlette(routes=[Mount(f"/{name}", server.application(DIST)) for name in "ab"])
    with servers.Server(both, site_port) as running:
        for name in "ab":
            open_page(page, f"{running.origin}/{name}/")
            service_worker_is_ready(page)
    for name in "ab":
        open_page(page, f"{running.origin}/{name}/")
    assert context.pages


def test_a_new_release_is_taken_over_in_every_tab(page: Page, site: servers.Server, published: Path) -> None:
    open_page(page, site.origin)  # not reloaded: it began without a service worker
    service_worker_is_ready(page)
    other = page.context.new_page()
    open_page(other, site.origin)
    release(published)
    page.evaluate("async () => { await (await navigator.serviceWorker.ready).update(); }")
    for tab in (page, other):
        expect(tab.get_by_text("A new version of Bocal is ready.")).to_be_visible()
    for tab in (page, other):
        tab.evaluate("window.before = true")
        tab.get_by_role("button", name="Use it now").click()
        expect(tab.get_by_text("A new version of Bocal is ready.")).to_have_count(0)
        expect(model_button(tab)).to_be_visible()
        assert not tab.evaluate("window.before === true")


def test_a_release_that_is_half_there_is_not_kept(page: Page, site: servers.Server, published: Path) -> None:
    open_page(page, site.origin)
    service_worker_is_ready(page)
    page.reload()
    # Listened for before there is a release: the browser may look for one by itself.
    page.evaluate(
        """async () => {
            const registration = await navigator.serviceWorker.ready;
            registration.addEventListener("updatefound", () => {
                const worker = registration.installing;
                worker.addEventListener("statechange", () => { window.became = worker.state; }, { once: true });
            }, { once: true });
        }"""
    )
    before = (published / "bocal.css").read_text()
    release(published)
    replace(published / "bocal.css", before)  # the new service worker is there, this file is not yet
    page.evaluate("navigator.serviceWorker.ready.then((it) => { it.update().catch(() => {}); })")
    until(page, lambda: page.evaluate("window.became === 'redundant'"))
    site.stop()
    open_page(page, site.origin)


@pytest.mark.parametrize("lost", ["boot.js", "pyscript/core.js"])
def test_a_page_that_cannot_start_says_so(page: Page, site: servers.Server, published: Path, lost: str) -> None:
    (published / lost).unlink()
    page.goto(site.origin)
    expect(page.locator("#boot-message")).to_have_text(re.compile("Bocal could not start. Reload the page."))
