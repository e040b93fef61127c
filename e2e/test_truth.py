"""Truth: the browser says, token for token, what a NumPy reference of the same quantised weights says."""

from pathlib import Path
from typing import Any

import guide_model
import pytest
import servers
from conftest import ROOT
from mlc.reference import greedy
from playwright.sync_api import Page
from tokenizers import Tokenizer

TOKENS = 32
PROMPTS = (
    [{"role": "user", "content": "Hello"}],
    [{"role": "user", "content": "Combien de temps dure un téléchargement ? Et si je le coupe ?"}],
    [
        {"role": "system", "content": "You are the guide."},
        {"role": "user", "content": "Write a long poem about the sea, please."},
        {"role": "assistant", "content": "I would rather not."},
        {"role": "user", "content": "Why?"},
    ],
)
# WebLLM itself, in the page: the worker hands on text only, and this test is about tokens.
LOAD = """async ([model, library]) => {
    const { MLCEngine } = await import("/web-llm/index.js");
    const record = { model, model_id: "m", model_lib: library };
    window.engine = new MLCEngine({ appConfig: { cacheBackend: "indexeddb", model_list: [record] } });
    await engine.reload("m");
}"""
GENERATE = """async ([messages, count]) => {
    await engine.chat.completions.create({ messages, temperature: 0, max_tokens: count, ignore_eos: true });
    return [...engine.loadedModelIdToPipeline.get("m").outputIds];
}"""


def reference(folder: Path, messages: list[dict[str, str]]) -> list[int]:
    """The greedy tokens after a conversation, by NumPy."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    text = "".join(f"<|{turn['role']}|>{turn['content']}<|end|>" for turn in messages) + "<|assistant|>"
    return greedy(folder, tokenizer.encode(text).ids, TOKENS)


def browser(page: Page, address: str, library: str) -> list[list[int]]:
    """The greedy tokens after each of the prompts, by WebLLM on WebGPU."""
    page.evaluate(LOAD, [address, library])
    return [page.evaluate(GENERATE, [messages, TOKENS]) for messages in PROMPTS]


def test_the_guide_says_what_the_reference_says(page: Page, site: servers.Server) -> None:
    folder = ROOT / guide_model.FILES
    page.goto(f"{site.origin}/manifest.webmanifest")
    address = f"{site.origin}/models/guide/resolve/main/"
    said = browser(page, address, f"{address}{guide_model.NAME}-webgpu.wasm")
    assert said == [reference(folder, messages) for messages in PROMPTS]


@pytest.mark.parametrize("model", ["small_model", "other_shape"])
def test_models_of_other_shapes_and_quantisations_do_too(
    page: Page, site: servers.Server, host: servers.ModelHost, request: Any, model: str
) -> None:
    folder = request.getfixturevalue(model)
    page.goto(f"{site.origin}/manifest.webmanifest")
    address = host.add(f"labo/{model}", folder)
    (library,) = folder.glob("*.wasm")
    said = browser(page, address, f"{address}/resolve/main/{library.name}")
    assert said == [reference(folder, messages) for messages in PROMPTS]
