"""The browser dies, again and again, at any moment of a download; the next one goes on."""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import random_model
import servers
from faulty import FaultyHost
from person import noted, open_page
from playwright.sync_api import BrowserType, Page
from test_downloads import is_whole

KILLS = 30
SHARD = 4_000_000  # bytes; with the rate below, more than 30 visits can bring
SHARDS = 8
MOST_TWICE = 4_000_000  # bytes that one death may cost
PATIENCE = 180  # seconds, for a browser to start under any load


@contextmanager
def browser(program: str, arguments: list[str], profile: Path, address: str) -> Iterator[None]:
    """A browser that nobody drives, showing one page; killed at the end, with all its processes, without a warning."""
    command = [program, "--headless", "--remote-debugging-port=0", *arguments, f"--user-data-dir={profile}", address]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def shown(browser_type: BrowserType, profile: Path) -> str:
    """Return what the page of a browser that nobody drives shows, and what is noted there."""
    port = (profile / "DevToolsActivePort").read_text().split()[0]
    page: Page = browser_type.connect_over_cdp(f"http://127.0.0.1:{port}").contexts[0].pages[0]
    return f"{page.locator('body').inner_text()}\n{noted(page)}"


@pytest.fixture
def profile() -> Iterator[Path]:
    """The folder of a browser's profile; of one that was killed something may still write into it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def host(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], site: servers.Server, profile: Path,
    tmp_path: Path,
) -> Iterator[FaultyHost]:  # fmt: skip
    """The host of a model whose download was begun in the profile's browser."""
    random_model.write(tmp_path, SHARDS, SHARD)
    host = FaultyHost(tmp_path, rate=500_000)
    with browser_type.launch_persistent_context(profile, **browser_type_launch_args) as context:
        page = context.pages[0]
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(f"{site.origin}/manifest.webmanifest")
        page.evaluate("(told) => Object.assign(localStorage, told)", random_model.setting(host.origin))
        open_page(page, site.origin)
        page.get_by_role("button", name="Download", exact=True).click()
        page.locator(".job .shards").wait_for()
    host.rate = 1_000_000
    yield host
    host.stop()


def visit_and_die(
    browser_type: BrowserType, launch: dict[str, Any], profile: Path, site: servers.Server, host: FaultyHost, more: int
) -> int:
    """Open the page, and kill the browser once it was sent so many bytes more; returns the bytes sent twice."""
    wasted, goal, asked = host.wasted, host.sent + more, len(host.asked)
    program = str(launch.get("executable_path") or browser_type.executable_path)
    with browser(program, launch["args"], profile, site.origin):
        until = time.monotonic() + PATIENCE
        while host.sent < goal or len(host.asked) == asked:
            if time.monotonic() > until:
                pytest.fail(f"the download did not go on: {shown(browser_type, profile)}")
            time.sleep(0.002)
    return host.wasted - wasted


def finish(
    browser_type: BrowserType, launch: dict[str, Any], profile: Path, site: servers.Server, host: FaultyHost
) -> None:
    """Open the page, and find every byte once the download has ended by itself."""
    host.rate = 0
    with browser_type.launch_persistent_context(profile, locale="en-GB", **launch) as context:
        page = context.pages[0]
        open_page(page, site.origin)
        page.set_default_timeout(PATIENCE * 1000)
        is_whole(page, host)


def test_thirty_deaths_cost_little_and_lose_nothing(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], site: servers.Server, profile: Path,
    host: FaultyHost,
) -> None:  # fmt: skip
    chance = random.Random(4)  # noqa: S311 - the same moments each time
    costs = [
        visit_and_die(browser_type, browser_type_launch_args, profile, site, host, chance.randrange(700_000))
        for _ in range(KILLS)
    ]
    assert not all(host.position.get(f"params_shard_{n}.bin", 0) == SHARD for n in range(SHARDS))
    asked = len(host.asked)
    finish(browser_type, browser_type_launch_args, profile, site, host)
    assert any(start for _, start in host.asked[asked:])
    assert max(costs) <= MOST_TWICE, costs
    print(f"\n{KILLS} deaths cost {sum(costs) / KILLS / 1000:.0f} kB each, {max(costs) / 1000:.0f} at most")


def test_a_death_that_costs_the_browser_its_database_does_not_end_the_download(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], site: servers.Server, profile: Path,
    host: FaultyHost,
) -> None:  # fmt: skip
    # Chromium empties a database whose log was cut off in the middle, at the second start after that.
    visit_and_die(browser_type, browser_type_launch_args, profile, site, host, 2_500_000)
    assert not any(host.position.get(f"params_shard_{n}.bin", 0) == SHARD for n in range(SHARDS))
    for database in profile.glob("Default/IndexedDB/*"):
        shutil.rmtree(database)
    asked, sent = len(host.asked), host.position.copy()
    finish(browser_type, browser_type_launch_args, profile, site, host)
    first = dict(reversed(host.asked[asked:]))  # where each file went on; what a connection loses later is no matter
    shards = [name for name in sent if "shard" in name]
    assert any(first[name] for name in shards)
    assert sum(sent[name] - first[name] for name in shards) <= MOST_TWICE, host.asked[asked:]
