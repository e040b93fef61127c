"""The preflight tells the truth: for each model, library and host fault, its verdict is what happens when forced.

One page serves all combinations, as a visitor's would: the model is added in spite of what the checks say, and chosen.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import servers
from compiled import library, model
from conftest import AWAY, ROOT
from person import add_by_console, begin_anew, fill, open_form, open_page, open_selector, wait_until_ready
from playwright.sync_api import Browser, Page, expect
from starlette.responses import HTMLResponse, JSONResponse, Response


@dataclass(frozen=True)
class Case:
    """One combination: a model's shape, what is done to its copy, and what its host answers instead."""

    model: str
    spoil: Callable[[Path], object] = lambda _folder: None
    faults: dict[str, Callable[[], Response]] = field(default_factory=dict)
    plain: bool = False  # served by a static host that lists nothing
    whole: bool = False  # what goes wrong shows only once the window is full


def library_of(shape: str) -> Callable[[Path], object]:
    """Put another shape's library in the place of the model's own."""
    return lambda folder: shutil.copy(library(shape), next(folder.glob("*.wasm")))


def cut(name: str, keep: float) -> Callable[[Path], object]:
    """Keep the first part of each file with this name."""

    def spoil(folder: Path) -> None:
        for path in folder.glob(name):
            path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])

    return spoil


def drop(name: str) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        for path in folder.glob(name):
            path.unlink()

    return spoil


def write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: [path.write_bytes(content) for path in folder.glob(name)]


def swap(name: str, old: bytes, new: bytes) -> Callable[[Path], object]:
    assert len(old) == len(new)
    return lambda folder: [path.write_bytes(path.read_bytes().replace(old, new)) for path in folder.glob(name)]


def rename(old: str, new: str) -> Callable[[Path], object]:
    return lambda folder: (folder / old).rename(folder / new)


def edit(name: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """Change a JSON file in place."""

    def spoil(folder: Path) -> None:
        document = json.loads((folder / name).read_text())
        change(document)
        (folder / name).write_text(json.dumps(document))

    return spoil


def change_tensor(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    return edit("tensor-cache.json", lambda document: change(document["records"][0]["records"][0]))


def both(*steps: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda folder: [step(folder) for step in steps]


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def status(code: int, **headers: str) -> Callable[[], Response]:
    return lambda: JSONResponse({"error": "no"}, status_code=code, headers=headers)


def page_instead() -> Response:
    return HTMLResponse("<!doctype html><title>Sign in</title>")


CONFIG, MANIFEST, TOKENIZER = "mlc-chat-config.json", "tensor-cache.json", "tokenizer.json"
CASES = {
    # Models that are right, in every way they may be published.
    "q4f32 right": Case("small"),
    "q0f32 right": Case("other"),
    "wider right": Case("wider"),
    "q4f32 on a plain host": Case("small", plain=True),
    "q0f32 on a plain host": Case("other", plain=True),
    "only the old manifest": Case("small", rename(MANIFEST, "ndarray-cache.json")),
    "both manifests": Case("small", lambda it: shutil.copy(it / MANIFEST, it / "ndarray-cache.json")),
    "a library of another name": Case("small", rename("small-webgpu.wasm", "lib.wasm")),
    "a library in a folder": Case("small", lambda it: (it / "small-webgpu.wasm").rename(_folder(it / "l") / "x.wasm")),
    "a bad library beside the good one": Case("small", lambda it: (it / "a-webgpu.wasm").write_bytes(b"no")),
    "another shape's library beside the good one": Case(
        "small", lambda it: shutil.copy(library("wider"), it / "a-webgpu.wasm")
    ),
    "more files than needed": Case("other", lambda it: (it / "README.md").write_text("hello")),
    "a shorter window": Case("small", edit(CONFIG, lambda it: it.update(context_window_size=128))),
    "a window longer than can be kept": Case("small", edit(CONFIG, lambda it: it.update(context_window_size=10**6))),
    "a sliding window": Case("small", edit(CONFIG, lambda it: it.update(
        context_window_size=-1, sliding_window_size=128, attention_sink_size=4)), whole=True),
    "both windows": Case("small", edit(CONFIG, lambda it: it.update(sliding_window_size=128))),
    "no window": Case("other", edit(CONFIG, lambda it: [it.pop(name) for name in (
        "context_window_size", "sliding_window_size", "attention_sink_size")])),
    "an extra tensor": Case("other", edit(MANIFEST, lambda it: it["records"][0]["records"].append(
        {**it["records"][0]["records"][0], "name": "unused"}))),
    "no tokenizer_config.json": Case("small", drop("tokenizer_config.json")),
    # A graphics card without f16.
    "q4f16 without shader-f16": Case("half"),
    "q4f16 on a plain host": Case("half", plain=True),
    # Libraries that are not the model's.
    "q4f32 with the wider library": Case("small", library_of("wider")),
    "q4f32 with q0f32's library": Case("small", library_of("other")),
    "q0f32 with q4f32's library": Case("other", library_of("small")),
    "wider with q4f32's library": Case("wider", library_of("small")),
    "q0f32 with q4f16's library": Case("other", library_of("half")),
    "no library": Case("small", drop("*.wasm")),
    "no library on a plain host": Case("small", drop("*.wasm"), plain=True),
    "a library cut short": Case("small", cut("*.wasm", 0.6)),
    "a library cut at its end": Case("other", cut("*.wasm", 0.999)),
    "an empty library": Case("small", cut("*.wasm", 0)),
    "a page for a library": Case("small", write("*.wasm", b"<!doctype html>")),
    "a library of an older WebLLM": Case("small", swap("*.wasm", b"TVMFFIFunctionCall", b"TVMFuncCallOlder__")),
    "a library that cannot sample": Case("small", swap("*.wasm", b"sample_with_top_p", b"sample_with_top_q")),
    "other WebAssembly": Case("small", write("*.wasm", b"\0asm\1\0\0\0")),
    # Files that are missing or damaged.
    "no config": Case("small", drop(CONFIG)),
    "a damaged config": Case("small", cut(CONFIG, 0.5)),
    "a config nested too deep": Case("small", write(CONFIG, b"[" * 50_000 + b"]" * 50_000)),
    "an empty config": Case("small", write(CONFIG, b"{}")),
    "a config without a conversation": Case("small", edit(CONFIG, lambda it: it.pop("conv_template"))),
    "no manifest": Case("small", drop(MANIFEST)),
    "a damaged manifest": Case("small", cut(MANIFEST, 0.5)),
    "a manifest without records": Case("small", write(MANIFEST, b'{"records": []}')),
    "no tokenizer": Case("small", drop(TOKENIZER)),
    "no tokenizer named": Case("small", edit(CONFIG, lambda it: it.update(tokenizer_files=["vocab.txt"]))),
    "a shard missing": Case("small", drop("params_shard_1.bin")),
    "a shard cut short": Case("small", cut("params_shard_1.bin", 0.5)),
    "a tensor renamed": Case("small", change_tensor(lambda it: it.update(name="other"))),
    "a tensor of another shape": Case("other", change_tensor(lambda it: it.update(shape=it["shape"][::-1]))),
    # Hosts that refuse or fail.
    "401 for all": Case("small", faults={"": status(401)}),
    "403 for the config": Case("small", faults={CONFIG: status(403)}),
    "429 for the manifest": Case("small", faults={MANIFEST: status(429, **{"Retry-After": "30"})}),
    "503 for the manifest": Case("other", faults={MANIFEST: status(503)}),
    "a page for the config": Case("small", faults={CONFIG: page_instead}),
    "a page for the manifest": Case("small", faults={MANIFEST: page_instead}),
    "500 for the tokenizer": Case("small", faults={TOKENIZER: status(500)}),
    "500 for the library": Case("small", faults={".wasm": status(500)}),
}  # fmt: skip


@pytest.fixture(scope="module")
def bocal(browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[Page]:
    """One visitor's page, with the guide ready."""
    with servers.site(ROOT / "dist") as site:
        context = browser.new_context(**browser_context_args)
        page = context.new_page()
        open_page(page, site.origin)
        wait_until_ready(page, "The guide")
        yield page
        context.close()


@pytest.mark.parametrize("name", CASES)
def test_the_verdict_is_what_happens(bocal: Page, host: servers.ModelHost, tmp_path: Path, name: str) -> None:
    case, model_id = CASES[name], f"case-{list(CASES).index(name)}"
    folder = shutil.copytree(model(case.model), tmp_path / "labo" / model_id)
    library = next(folder.glob("*.wasm"))
    if case.plain:
        library.rename(folder / f"{model_id}.wasm")
    case.spoil(folder)
    if case.plain:
        with servers.plain_host(tmp_path) as plain:
            _judge(bocal, model_id, f"{plain.origin}/labo/{model_id}", whole=case.whole)
    else:
        address = host.add(f"labo/{model_id}", folder)
        host.faults = case.faults
        _judge(bocal, model_id, address, whole=case.whole)


def _ask(page: Page, *, whole: bool) -> list[str]:
    """Ask something of a model that was loaded; return what failed. Sizes that differ show only now."""
    page.get_by_label("Your message").fill("Hello")
    page.keyboard.press("Enter")
    answer = page.locator(".msg:not(.user)").last
    expect(answer.locator(".prose:not(:empty), .err").first).to_be_attached()
    if not whole:
        page.keyboard.press("Escape")  # stops an answer that is still being written
    expect(page.locator("#stop-button")).to_have_count(0)
    failed = page.locator(".err").all_inner_texts()
    begin_anew(page)
    return failed


def _judge(page: Page, model_id: str, address: str, *, whole: bool) -> None:
    form = open_form(page)
    fill(form, {"Model ID": model_id, "Display name": model_id, "Model URL": address})
    expect(form.locator(".checks[role=status]")).to_be_visible()  # a status once every check has its verdict
    expect(form.locator(".check")).to_have_count(9)
    failed = form.locator("[data-verdict=failed]")
    told = failed.all_inner_texts()
    add = form.locator("button[value=add]")
    if add.is_enabled():
        add.click()
    else:  # forced by the console, which nobody can forbid
        page.keyboard.press("Escape")
        page.evaluate("(away) => { localStorage['bocal.model'] = away }", AWAY)  # the last model need not load again
        add_by_console(page, model_id, model_id, address)
        open_selector(page)
    selector = page.get_by_role("dialog", name="Models")
    selector.get_by_label("Search models").fill(model_id)  # the list may be long by now
    selector.get_by_role("button", name=model_id, exact=True).click()
    expect(page.locator("#model-button")).to_contain_text(model_id)
    trouble, ready = page.locator(".job.is-error, .job.is-waiting, .err"), page.locator("[data-phase=ready]")
    while not (happened := trouble.all_inner_texts()) and not ready.count():
        page.wait_for_timeout(100)  # what it waits for may pass while one looks again
    happened = happened or _ask(page, whole=whole)
    waiting = page.locator(".job:not(.is-error)").get_by_role("button", name="Cancel")
    if waiting.count():
        waiting.click()
    assert bool(told) == bool(happened), (told, happened)
