"""Downloads, whatever the host, the line, the disk or the visitor does to them."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import random_model
import servers
from faulty import Fault, FaultyHost
from person import (
    ask,
    noted,
    open_page,
    open_selector,
    open_storage,
    service_worker_is_ready,
    stored,
    until,
    wait_until_ready,
)
from playwright.sync_api import BrowserContext, BrowserType, Locator, Page, expect
from replay import replay

SHARD = 3_000_000  # bytes
SHARDS = 4
SLOW = 200_000  # bytes per second: the model takes a minute, in which a slow machine too can do something
FAST = 1_000_000
RATE = re.compile("/s ·")  # what a card says while bytes arrive


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("random")
    random_model.write(folder, SHARDS, SHARD)
    return folder


@pytest.fixture
def faulty(model: Path) -> Iterator[FaultyHost]:
    host = FaultyHost(model)
    yield host
    host.stop()


def visit(page: Page, site: servers.Server, host: FaultyHost, *others: dict[str, object]) -> None:
    """Open the page as someone who has added the model before, besides others, and chosen it."""
    told = json.dumps(random_model.setting(host.origin, *others))
    page.add_init_script(f"if (!localStorage.customModels) Object.assign(localStorage, {told});")
    open_page(page, site.origin)


def begin(page: Page, site: servers.Server, host: FaultyHost) -> Locator:
    """Open the page and start the download; return its card."""
    visit(page, site, host)
    page.get_by_role("button", name="Download", exact=True).click()
    return page.locator(".job")


def begin_slowly(page: Page, site: servers.Server, host: FaultyHost) -> Locator:
    """Open the page and start a download that takes its time; return its card, once bytes arrive."""
    host.rate = SLOW
    card = begin(page, site, host)
    expect(card.get_by_text(RATE)).to_be_visible()
    return card


def kept(page: Page, host: FaultyHost, names: list[str]) -> dict[str, str]:
    """The SHA-256 of what WebLLM's databases hold of the model, by file; "" for what is not there."""
    where = [
        [
            name,
            random_model.database(name),
            f"{host.origin}/files/{'' if name.endswith('.wasm') else 'resolve/main/'}{name}",
        ]
        for name in names
        if name != "tensor-cache.json"
    ]
    found = page.evaluate(
        """async (where) => {
            const hex = (data) =>
                Array.from(new Uint8Array(data), (byte) => byte.toString(16).padStart(2, "0")).join("");
            const found = {};
            for (const [name, database, key] of where) {
                const opened = await new Promise((done, failed) => {
                    const asked = indexedDB.open(database, 1);
                    asked.onupgradeneeded = () => asked.result.createObjectStore("urls", { keyPath: "url" });
                    asked.onsuccess = () => done(asked.result);
                    asked.onerror = () => failed(asked.error);
                });
                const record = await new Promise((done) => {
                    const asked = opened.transaction("urls").objectStore("urls").get(key);
                    asked.onsuccess = () => done(asked.result);
                });
                opened.close();
                found[name] = record ? hex(await crypto.subtle.digest("SHA-256", record.data)) : "";
            }
            return found;
        }""",
        where,
    )
    assert isinstance(found, dict)
    return found


def is_whole(page: Page, host: FaultyHost) -> None:
    """Wait until the download is over, then find every byte where WebLLM looks, and nothing left over."""
    expect(page.locator(".err")).to_be_visible()  # all is here; that random bytes are no library is found when loading
    wanted = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in host.folder.iterdir()
        if path.name != "tensor-cache.json"
    }
    assert kept(page, host, list(wanted)) == wanted
    assert leftovers(page) == 0


def leftovers(page: Page) -> int:
    """How many partial files there are."""
    return len(partials(page))


def partials(page: Page) -> list[int]:
    """The lengths of the partial files."""
    lengths = page.evaluate(
        """async () => {
            const lengths = [];
            if (!navigator.storage.getDirectory) return [];
            const root = await navigator.storage.getDirectory();
            const folder = await root.getDirectoryHandle("partial", { create: true });
            for await (const file of folder.values()) lengths.push((await file.getFile()).size);
            return lengths;
        }"""
    )
    assert isinstance(lengths, list)
    return lengths


def test_every_byte_arrives_and_is_asked_for_once(page: Page, site: servers.Server, faulty: FaultyHost) -> None:
    begin(page, site, faulty)
    is_whole(page, faulty)
    assert len(faulty.asked) == len(set(faulty.asked)) == SHARDS + 4
    assert "OPTIONS" not in faulty.methods


NAME = "params_shard_1.bin"


@pytest.mark.parametrize(
    ("faults", "starts"),
    [
        pytest.param([Fault(cut=1_000_000)], [0, None], id="the connection breaks"),
        pytest.param(
            [Fault(cut=1_000_000), Fault(cut=0), Fault(cut=500_000)], [0, None, None, None], id="it breaks often"
        ),
        pytest.param([Fault(status=503)], [0, 0], id="the host is busy"),
        pytest.param([Fault(status=429, wait=1)], [0, 0], id="the host asks to wait"),
        pytest.param([Fault(flip=77)], [0, 0], id="a byte is wrong"),
        pytest.param([Fault(cut=1_000_000, etag="old")], [0, None, 0], id="the file changes meanwhile"),
        pytest.param([Fault(length=2_000_000)], [0, 2_000_000, 0], id="the file is short at first"),
        pytest.param([Fault(status=403, redirect=True)], [0, 0], id="a signed address expires"),
    ],
)
def test_what_passes_is_passed(
    page: Page, site: servers.Server, faulty: FaultyHost, faults: list[Fault], starts: list[int | None]
) -> None:
    faulty.faults[NAME] = list(faults)
    begin(page, site, faulty)
    is_whole(page, faulty)
    asked = [start for name, start in faulty.asked if name == NAME]
    assert len(asked) == len(starts)
    for start, wanted in zip(asked, starts, strict=True):
        assert start == wanted if wanted is not None else 0 < start <= SHARD


def test_a_host_that_sends_a_few_bytes_now_and_then_is_waited_for(
    page: Page, site: servers.Server, faulty: FaultyHost
) -> None:
    # The library takes longer than a silence may, and the rest is here long before: only its bytes keep the job alive.
    name = next(path for path in faulty.folder.iterdir() if path.suffix == ".wasm")
    faulty.faults[name.name] = [Fault(trickle=name.stat().st_size // 100 + 1)]
    card = begin(page, site, faulty)
    expect(card.locator(".shards .d")).to_have_count(SHARDS + 1)
    line = card.locator(".line")
    before = line.inner_text()
    for _ in range(3):
        expect(line).not_to_have_text(before)  # it goes on
        expect(line).to_have_text(RATE)
        before = line.inner_text()
    is_whole(page, faulty)
    assert [asked for asked, _ in faulty.asked].count(name.name) == 1


def test_a_host_without_ranges_sends_only_that_file_anew(page: Page, site: servers.Server, faulty: FaultyHost) -> None:
    faulty.ranges = False
    faulty.faults[NAME] = [Fault(cut=1_000_000)]
    begin(page, site, faulty)
    is_whole(page, faulty)
    assert [name for name, _ in faulty.asked].count(NAME) == 2
    assert len(faulty.asked) == SHARDS + 5


def test_silence_is_not_waited_for_forever(page: Page, site: servers.Server, faulty: FaultyHost) -> None:
    faulty.faults[NAME] = [Fault(stall=1_000_000)]
    begin(page, site, faulty)
    is_whole(page, faulty)
    assert [name for name, _ in faulty.asked].count(NAME) == 2


@pytest.mark.parametrize(
    ("fault", "words", "requests"),
    [
        pytest.param(Fault(status=404), "does not exist", 1, id="a file is missing"),
        pytest.param(Fault(status=403), "refuses access", 1, id="access is refused"),
        pytest.param(Fault(flip=5), "twice with damaged content", 2, id="the bytes are wrong twice"),
        pytest.param(Fault(length=2_000_000), "has only 2.0 MB of a file of 3.0 MB", 3, id="the file is too short"),
    ],
)
def test_what_cannot_pass_stops_with_its_cause_and_stores_nothing_wrong(
    page: Page, site: servers.Server, faulty: FaultyHost, fault: Fault, words: str, requests: int
) -> None:
    faulty.always[NAME] = fault
    card = begin(page, site, faulty)
    expect(card.get_by_role("alert")).to_contain_text(words)
    assert [name for name, _ in faulty.asked].count(NAME) <= requests
    assert kept(page, faulty, [NAME]) == {NAME: ""}

    faulty.always.clear()
    card.get_by_role("button", name="Try again").click()
    is_whole(page, faulty)


def test_a_host_that_forbids_reading_is_named_at_once(page: Page, site: servers.Server, faulty: FaultyHost) -> None:
    faulty.cors = False
    card = begin(page, site, faulty)
    expect(card.get_by_role("alert")).to_contain_text("does not let web pages read its files (CORS)")


def test_pause_keeps_every_byte_over_a_reload_until_the_visitor_resumes(
    page: Page, site: servers.Server, faulty: FaultyHost
) -> None:
    card = begin_slowly(page, site, faulty)
    card.get_by_role("button", name="Pause").click()
    expect(card).to_contain_text("Paused at")
    until(page, lambda: [job["state"] for job in noted(page)["jobs"]] == ["paused"])
    page.reload()
    expect(card).to_contain_text("Paused at")
    asked = len(faulty.asked)
    faulty.rate = 0
    card.get_by_role("button", name="Resume").click()
    is_whole(page, faulty)
    assert any(start for _, start in faulty.asked[asked:])
    assert faulty.wasted < 4_000_000


def test_what_is_unfinished_is_weighed_and_can_be_deleted(page: Page, site: servers.Server, faulty: FaultyHost) -> None:
    card = begin_slowly(page, site, faulty)
    card.get_by_role("button", name="Pause").click()
    expect(card).to_contain_text("Paused at")
    page.evaluate(
        """async () => {
            const root = await navigator.storage.getDirectory();
            const folder = await root.getDirectoryHandle("partial");
            const stray = await (await folder.getFileHandle("stray", { create: true })).createWritable();
            await stray.write(new ArrayBuffer(7_000_000));
            await stray.close();
        }"""
    )
    open_storage(page)
    row = page.locator(".page .list li", has_text="Random")
    expect(row).to_contain_text(re.compile(r"of which [\d.]+.[kM]B unfinished"))
    note = page.locator("#orphans-note")
    expect(note).to_contain_text("1 file (7.0 MB) of no known model")
    before = leftovers(page)
    note.get_by_role("button", name="Clean up").click()
    page.get_by_role("button", name="Delete them").click()
    expect(note).to_have_count(0)
    assert leftovers(page) == before - 1

    page.get_by_role("button", name="Delete Random").click()
    page.get_by_role("dialog").get_by_role("button", name="Weights only").click()
    expect(row).not_to_contain_text("unfinished")
    assert leftovers(page) == 0
    page.reload()
    expect(page.get_by_role("button", name="Download", exact=True)).to_be_visible()


def test_a_reload_goes_on_by_itself(page: Page, site: servers.Server, faulty: FaultyHost) -> None:
    card = begin_slowly(page, site, faulty)
    page.reload()
    expect(card).to_be_visible()
    faulty.rate = 0
    is_whole(page, faulty)
    assert faulty.wasted < 4_000_000


# Keeps all others from writing into WebLLM's database, until `window.written` is set.
WRITING = """async () => {
    const opened = await new Promise((done) => {
        const asked = indexedDB.open("webllm/model", 1);
        asked.onsuccess = () => done(asked.result);
    });
    const store = opened.transaction("urls", "readwrite").objectStore("urls");
    const again = () => window.written || (store.get("nothing").onsuccess = again);
    again();
}"""


def until_all_arrived(page: Page, faulty: FaultyHost) -> None:
    """Download until every shard is here, and none in WebLLM's database, since somebody else writes there."""
    page.evaluate(WRITING)
    faulty.rate = 0
    until(page, lambda: partials(page).count(SHARD) == SHARDS)


def test_what_was_fetched_whole_but_not_kept_yet_is_not_fetched_again(
    page: Page, site: servers.Server, faulty: FaultyHost
) -> None:
    begin_slowly(page, site, faulty)
    until_all_arrived(page, faulty)
    asked = len(faulty.asked)
    page.reload()
    is_whole(page, faulty)
    assert not [name for name, _ in faulty.asked[asked:] if name.endswith(".bin")]


def test_cancel_leaves_nothing(page: Page, site: servers.Server, faulty: FaultyHost) -> None:
    card = begin_slowly(page, site, faulty)
    card.get_by_role("button", name="Cancel").click()
    expect(card).to_have_count(0)
    names = [path.name for path in faulty.folder.iterdir()]
    expect(page.get_by_role("button", name="Download", exact=True)).to_be_visible()
    until(page, lambda: not any(kept(page, faulty, names).values()) and not leftovers(page))
    page.reload()
    expect(page.get_by_role("button", name="Download", exact=True)).to_be_visible()


@pytest.mark.parametrize("arrived", [False, True])
def test_cancel_in_a_tab_that_only_follows_leaves_nothing_either(
    page: Page, context: BrowserContext, site: servers.Server, faulty: FaultyHost, arrived: bool
) -> None:
    begin_slowly(page, site, faulty)
    other = context.new_page()
    open_page(other, site.origin)
    second = other.locator(".job")
    expect(second.get_by_text(RATE)).to_be_visible()
    if arrived:
        until_all_arrived(page, faulty)
    second.get_by_role("button", name="Cancel").click()
    page.evaluate("window.written = true")
    names = [path.name for path in faulty.folder.iterdir()]
    for tab in (page, other):
        expect(tab.get_by_role("button", name="Download", exact=True)).to_be_visible()
    until(other, lambda: not any(kept(other, faulty, names).values()) and not leftovers(other))
    other.close()
    page.reload()
    expect(page.get_by_role("button", name="Download", exact=True)).to_be_visible()


def test_a_machine_that_goes_offline_goes_on_when_it_is_back(
    page: Page, context: BrowserContext, site: servers.Server, faulty: FaultyHost
) -> None:
    # Playwright's switch tells the page, and leaves the connections of its worker alone: those break here.
    faulty.faults |= {f"params_shard_{number}.bin": [Fault(cut=1_500_000)] for number in range(SHARDS)}
    card = begin_slowly(page, site, faulty)
    context.set_offline(True)
    faulty.rate = FAST
    expect(card).to_contain_text("This machine is offline")
    faulty.rate = 0
    context.set_offline(False)
    is_whole(page, faulty)


def test_a_model_that_changed_on_its_host_is_not_mixed(
    page: Page, site: servers.Server, faulty: FaultyHost, model: Path
) -> None:
    faulty.always[NAME] = Fault(status=404)
    card = begin(page, site, faulty)
    expect(card.get_by_role("alert")).to_contain_text("does not exist")
    config = model / "mlc-chat-config.json"
    before = config.read_text()
    try:
        config.write_text(json.dumps({**json.loads(before), "context_window_size": 1}))
        faulty.always.clear()
        card.get_by_role("button", name="Try again").click()
        expect(card.get_by_role("alert")).to_contain_text("mlc-chat-config.json has changed on")
        card.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Download", exact=True).click()
        is_whole(page, faulty)
    finally:
        config.write_text(before)


@contextmanager
def own_browser(
    browser_type: BrowserType, launch: dict[str, Any], profile: Path, *, honest: bool = True
) -> Iterator[Page]:
    """A browser of its own, its page: an `honest` one tells of the room there is, others tell every page of 10 GiB."""
    arguments = [*launch["args"], "--disable-features=StaticStorageQuota"] if honest else launch["args"]
    told = {**launch, "args": arguments}
    with browser_type.launch_persistent_context(profile, locale="en-GB", **told) as context:
        yield context.pages[0]


@pytest.mark.parametrize("when", ["before", "midway"])
def test_running_out_of_room_says_how_much_is_missing_and_goes_on_after(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], tmp_path: Path, site: servers.Server,
    faulty: FaultyHost, when: str,
) -> None:  # fmt: skip
    with own_browser(browser_type, browser_type_launch_args, tmp_path, honest=when == "before") as page:
        visit(page, site, faulty)
        browser = page.context.new_cdp_session(page)

        def quota(nbytes: int | None) -> None:
            told = {} if nbytes is None else {"quotaSize": nbytes}
            browser.send("Storage.overrideQuotaForOrigin", {"origin": site.origin, **told})

        service_worker_is_ready(page)  # what it keeps takes room too
        used = browser.send("Storage.getUsageAndQuota", {"origin": site.origin})["usage"]
        faulty.rate = SLOW
        if when == "before":
            quota(used + 5_000_000)
        page.get_by_role("button", name="Download", exact=True).click()
        card = page.locator(".job")
        if when == "midway":
            expect(card.get_by_text(RATE)).to_be_visible()
            quota(used + 5_000_000)
            faulty.rate = FAST
        expect(card).to_contain_text(re.compile(r"MB of room are missing"))
        assert any(name == NAME for name, _ in faulty.asked) == (when == "midway")
        faulty.rate = 0
        quota(None)
        card.get_by_role("button", name="Resume").click()
        is_whole(page, faulty)
        assert faulty.wasted < 4_000_000


def test_room_for_one_file_at_a_time_is_enough(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], tmp_path: Path, site: servers.Server,
    faulty: FaultyHost,
) -> None:  # fmt: skip
    with own_browser(browser_type, browser_type_launch_args, tmp_path) as page:
        visit(page, site, faulty)
        service_worker_is_ready(page)
        browser = page.context.new_cdp_session(page)
        used = browser.send("Storage.getUsageAndQuota", {"origin": site.origin})["usage"]
        room = (SHARDS + 1) * SHARD + 500_000  # four open files of 3 MB count as 16.8 MB in Chromium
        browser.send("Storage.overrideQuotaForOrigin", {"origin": site.origin, "quotaSize": used + room})
        faulty.rate = FAST
        page.get_by_role("button", name="Download", exact=True).click()
        is_whole(page, faulty)
        assert len(faulty.asked) > SHARDS + 4  # not at the first try
        assert faulty.wasted < 4_000_000


def test_the_card_of_a_download_without_room_offers_what_to_delete_and_it_goes_on_by_itself(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], tmp_path: Path, site: servers.Server,
    faulty: FaultyHost,
) -> None:  # fmt: skip
    (tmp_path / "old").mkdir()
    random_model.write(tmp_path / "old", SHARDS, SHARD, seed=2)
    old = FaultyHost(tmp_path / "old")
    with own_browser(browser_type, browser_type_launch_args, tmp_path / "profile") as page:
        visit(page, site, faulty, random_model.entry(old.origin, "Old-q4f32_1-MLC", "Old one"))
        open_selector(page).get_by_role("button", name="Old one", exact=True).click()
        is_whole(page, old)

        faulty.rate = SLOW
        open_selector(page).get_by_role("button", name="Random", exact=True).click()
        card = page.locator(".job")
        expect(card.get_by_text(RATE)).to_be_visible()
        browser = page.context.new_cdp_session(page)
        used = browser.send("Storage.getUsageAndQuota", {"origin": site.origin})["usage"]
        browser.send("Storage.overrideQuotaForOrigin", {"origin": site.origin, "quotaSize": used + SHARD})
        faulty.rate = FAST
        expect(card).to_contain_text(re.compile(r"MB of room are missing"))
        card.get_by_role("button", name="Old one, 12").click()
        faulty.rate = 0
        question = page.get_by_role("dialog", name="Delete Old one?")
        question.get_by_role("button", name="Delete", exact=True).click()
        is_whole(page, faulty)
        assert faulty.wasted < 4_000_000
        assert not [key for key in stored(page, "model") if key.startswith(old.origin)]
    old.stop()


def test_a_second_tab_follows_and_takes_over(
    page: Page, context: BrowserContext, site: servers.Server, faulty: FaultyHost
) -> None:
    first = begin_slowly(page, site, faulty)
    other = context.new_page()
    open_page(other, site.origin)
    second = other.locator(".job")
    expect(second.get_by_text(RATE)).to_be_visible()
    assert len(faulty.asked) == len(set(faulty.asked))

    second.get_by_role("button", name="Pause").click()
    expect(second).to_contain_text("Paused at")
    expect(first).to_contain_text("Paused at")
    first.get_by_role("button", name="Resume").click()
    expect(first.get_by_text(RATE)).to_be_visible()
    expect(second.get_by_text(RATE)).to_be_visible()
    asked = len(faulty.asked)
    page.close()
    # The configuration, the manifest, and a shard: the other tab has taken over.
    until(other, lambda: len(faulty.asked) >= asked + 3)
    faulty.rate = 0
    is_whole(other, faulty)
    assert faulty.wasted < 4_000_000


def test_a_browser_that_asks_the_visitor_whether_to_keep_files_is_not_waited_for(
    page: Page, site: servers.Server, faulty: FaultyHost
) -> None:
    page.add_init_script("navigator.storage.persist = () => new Promise(() => {});")  # a question nobody answers
    begin(page, site, faulty)
    is_whole(page, faulty)


def test_a_database_that_lacks_its_table_is_made_anew(page: Page, site: servers.Server, faulty: FaultyHost) -> None:
    page.goto(f"{site.origin}/bocal.css")  # of the same origin, without the app
    page.evaluate(
        """() => Promise.all(["model", "config", "wasm"].map((shelf) => new Promise((done, failed) => {
            const asked = indexedDB.open(`webllm/${shelf}`);
            asked.onsuccess = () => (asked.result.close(), done());
            asked.onerror = () => failed(asked.error);
        })))"""
    )
    begin(page, site, faulty)
    is_whole(page, faulty)


def test_site_data_that_are_cleared_during_a_download_leave_a_page_that_works(
    page: Page, site: servers.Server, faulty: FaultyHost
) -> None:
    begin_slowly(page, site, faulty)
    session = page.context.new_cdp_session(page)
    session.send("Storage.clearDataForOrigin", {"origin": site.origin, "storageTypes": "indexeddb"})
    session.detach()
    faulty.rate = 0
    page.reload()
    resume = page.get_by_role("button", name=re.compile("^(Download|Try again|Resume)$"))
    expect(resume.or_(page.locator(".job").get_by_text(RATE)).first).to_be_visible()
    if resume.count():
        resume.first.click()
    is_whole(page, faulty)


def test_cancelling_brings_back_what_was_here_before(page: Page, site: servers.Server, faulty: FaultyHost) -> None:
    begin(page, site, faulty)
    is_whole(page, faulty)
    names = [path.name for path in faulty.folder.iterdir()]
    whole = kept(page, faulty, names)
    lost = "params_shard_1.bin"
    page.evaluate(
        """async (key) => {
            const opened = await new Promise((done) => {
                const asked = indexedDB.open("webllm/model", 1);
                asked.onsuccess = () => done(asked.result);
            });
            const change = opened.transaction("urls", "readwrite");
            change.objectStore("urls").delete(key);
            await new Promise((done) => (change.oncomplete = done));
            opened.close();
        }""",
        f"{faulty.origin}/files/resolve/main/{lost}",
    )
    faulty.always[lost] = Fault(status=403)
    page.reload()
    page.get_by_role("button", name="Download", exact=True).click()
    card = page.locator(".job")
    expect(card.get_by_role("alert")).to_contain_text("refuses access")
    card.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Download", exact=True)).to_be_visible()
    assert kept(page, faulty, names) == {**whole, lost: ""}
    faulty.always.clear()
    asked = len(faulty.asked)
    page.get_by_role("button", name="Download", exact=True).click()
    is_whole(page, faulty)
    assert {name for name, _ in faulty.asked[asked:]} & {name for name in names if name.endswith(".bin")} == {lost}


def test_a_conversation_is_renamed_while_a_download_is_drawn(
    page: Page, site: servers.Server, faulty: FaultyHost
) -> None:
    faulty.rate = SLOW
    replay(page, {"hello": ["Good day."]})
    visit(page, site, faulty)
    open_selector(page).get_by_role("button", name="The guide", exact=True).click()
    wait_until_ready(page, "The guide")
    ask(page, "hello")
    open_selector(page).get_by_role("button", name="Random", exact=True).click()
    expect(page.locator(".side-foot .badge")).to_be_visible()
    page.get_by_role("button", name="More actions for hello").click()
    page.get_by_role("button", name="Rename").click()
    field = page.get_by_label("Rename")
    page.keyboard.type("Good day")
    share = page.locator(".side-foot .badge").inner_text()
    expect(page.locator(".side-foot .badge")).not_to_have_text(share)
    page.keyboard.type(" to you")
    expect(field).to_have_value("Good day to you")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Good day to you", exact=True)).to_be_visible()


def test_a_browser_that_keeps_no_partial_files_says_so_and_ends_the_download(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], site: servers.Server, faulty: FaultyHost
) -> None:
    arguments = [*browser_type_launch_args["args"], "--disable-blink-features=FileSystemAccessOriginPrivate"]
    browser = browser_type.launch(**{**browser_type_launch_args, "args": arguments})
    page = browser.new_page(locale="en-GB")
    card = begin_slowly(page, site, faulty)
    expect(card).to_contain_text("keeps only whole files")
    asked = len(faulty.asked)
    page.reload()
    expect(card.get_by_text(RATE)).to_be_visible()
    expect(card).to_contain_text("keeps only whole files")
    assert not any(start for _, start in faulty.asked[asked:])
    faulty.rate = 0
    is_whole(page, faulty)
    browser.close()
