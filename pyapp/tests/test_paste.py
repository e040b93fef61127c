"""Everything people paste into the one field, and what it is."""

import base64
import contextlib
import json
import re
from typing import Any

import pytest
from bocal.errors import Failure, Problem
from bocal.models import paste, record
from bocal.models.paste import Address, NotAModel, Other, Pasted, Records, Unreadable, Words
from bocal.models.record import Library, Model
from bocal.models.source import Source
from hypothesis import example, given
from hypothesis import strategies as st

SITE = "https://bocal.example/app/"
REPO = "https://huggingface.co/owner/repo-MLC"
LLAMA = "https://huggingface.co/mlc-ai/Llama-3.2-1B-Instruct-q4f16_1-MLC"
NBSP, ZERO_WIDTH = "\u00a0", "\u200b"

ADDRESSES = {
    # a repository by its name
    "owner/repo-MLC": REPO,
    "  owner/repo-MLC\r\n": REPO,
    "owner/repo-MLC/": REPO,
    "`owner/repo-MLC`": REPO,
    '"owner/repo-MLC"': REPO,
    "'owner/repo-MLC'": REPO,
    "“owner/repo-MLC”": REPO,
    f"«{NBSP}owner/repo-MLC{NBSP}»": REPO,
    "**owner/repo-MLC**": REPO,
    "(owner/repo-MLC)": REPO,
    "owner/repo-MLC.": REPO,
    "owner/repo-MLC,": REPO,
    f"{ZERO_WIDTH}owner/{ZERO_WIDTH}repo-MLC\ufeff": REPO,
    f"{NBSP}owner/repo-MLC{NBSP}": REPO,
    "```\nowner/repo-MLC\n```": REPO,
    "owner/repo-MLC/tree/main": REPO,
    "owner/repo-MLC/tree/v1": f"{REPO}/resolve/v1",
    "owner/repo-MLC@v1": f"{REPO}/resolve/v1",
    "owner/repo-MLC/mlc-chat-config.json": REPO,
    "models--owner--repo-MLC": REPO,
    # Hugging Face's pages
    "https://huggingface.co/owner/repo-MLC": REPO,
    "https://huggingface.co/owner/repo-MLC/": REPO,
    "http://huggingface.co/owner/repo-MLC": REPO,
    "HTTPS://HuggingFace.co/owner/repo-MLC": REPO,
    "https://www.huggingface.co/owner/repo-MLC": REPO,
    "www.huggingface.co/owner/repo-MLC": REPO,
    "huggingface.co/owner/repo-MLC": REPO,
    "hf.co/owner/repo-MLC": REPO,
    "https://hf.co/owner/repo-MLC": REPO,
    "<https://hf.co/owner/repo-MLC>": REPO,
    "https://huggingface.co:443/owner/repo-MLC": REPO,
    "https://huggingface.co./owner/repo-MLC": REPO,
    "https://huggingface.co//owner//repo-MLC": REPO,
    "https:/huggingface.co/owner/repo-MLC": REPO,
    "https%3A%2F%2Fhuggingface.co%2Fowner%2Frepo-MLC": REPO,
    "https://huggingface.co/owner%2Frepo-MLC": REPO,
    "https://huggingface.co/owner/repo%2DMLC": REPO,
    "https://me:hf_secret@huggingface.co/owner/repo-MLC": REPO,
    "https://huggingface.co/owner/repo-MLC?library=mlc": REPO,
    "https://huggingface.co/owner/repo-MLC#usage": REPO,
    "https://huggingface.co/owner/repo-MLC/tree/main": REPO,
    "https://huggingface.co/owner/repo-MLC/tree/main/": REPO,
    "https://huggingface.co/owner/repo-MLC/tree/main?show_file_info=x": REPO,
    "https://huggingface.co/owner/repo-MLC/tree/v1": f"{REPO}/resolve/v1",
    "https://huggingface.co/owner/repo-MLC/tree/main/web": f"{REPO}/resolve/main/web",
    "https://huggingface.co/owner/repo-MLC/tree/v1/web/small": f"{REPO}/resolve/v1/web/small",
    "https://huggingface.co/owner/repo-MLC/tree/refs%2Fpr%2F1": f"{REPO}/resolve/refs%2Fpr%2F1",
    "https://huggingface.co/owner/repo-MLC/tree/refs/pr/1": f"{REPO}/resolve/refs%2Fpr%2F1",
    "https://huggingface.co/owner/repo-MLC/blob/main/mlc-chat-config.json": REPO,
    "https://huggingface.co/owner/repo-MLC/blob/main/LICENSE": REPO,
    "https://huggingface.co/owner/repo-MLC/blob/main/web/tokenizer.json": f"{REPO}/resolve/main/web",
    "https://huggingface.co/owner/repo-MLC/blob/v1/README.md": f"{REPO}/resolve/v1",
    "https://huggingface.co/owner/repo-MLC/resolve/main/": REPO,
    "https://huggingface.co/owner/repo-MLC/resolve/main/params_shard_0.bin?download=true": REPO,
    "https://huggingface.co/owner/repo-MLC/resolve/abc123/tensor-cache.json": f"{REPO}/resolve/abc123",
    "https://huggingface.co/owner/repo-MLC/raw/main/ndarray-cache.json": REPO,
    "https://huggingface.co/owner/repo-MLC/discussions": REPO,
    "https://huggingface.co/owner/repo-MLC/discussions/3#650": REPO,
    "https://huggingface.co/owner/repo-MLC/commits/main": REPO,
    "https://huggingface.co/owner/repo-MLC/commit/abc123": f"{REPO}/resolve/abc123",
    "https://huggingface.co/owner/repo-MLC/settings": REPO,
    "https://huggingface.co/api/models/owner/repo-MLC": REPO,
    "https://huggingface.co/api/models/owner/repo-MLC/tree/v1?recursive=true": f"{REPO}/resolve/v1",
    "https://huggingface.co/owner/repo-MLC.git": REPO,
    # other ways to name it
    "HF://owner/repo-MLC": REPO,
    "hf://owner/repo-MLC/": REPO,
    "hf:owner/repo-MLC": REPO,
    "git@hf.co:owner/repo-MLC": REPO,
    "git@hf.co:owner/repo-MLC.git": REPO,
    "ssh://git@hf.co/owner/repo-MLC": REPO,
    "[the model](https://huggingface.co/owner/repo-MLC)": REPO,
    "![](https://huggingface.co/owner/repo-MLC)": REPO,
    "[my model, small](https://huggingface.co/owner/repo-MLC).": REPO,
    "https://huggingface.co/owner/\nrepo-MLC": REPO,
    "Look: https://huggingface.co/owner/repo-MLC, it is good.": REPO,
    "Voici le modèle : https://huggingface.co/owner/repo-MLC !": REPO,
    "See https://llm.mlc.ai/docs and https://hf.co/owner/repo-MLC": REPO,
    "try mlc-ai/Llama-3.2-1B-Instruct-q4f16_1-MLC first": LLAMA,
    "URL: owner/repo-MLC": REPO,
    "- **URL :** `https://hf.co/owner/repo-MLC`": REPO,
    '["owner/repo-MLC"]': REPO,
    # commands and code
    "git clone https://huggingface.co/owner/repo-MLC": REPO,
    "$ git clone https://huggingface.co/owner/repo-MLC.git my-folder": REPO,
    "git lfs install\ngit clone git@hf.co:owner/repo-MLC": REPO,
    "git clone -b v1 https://huggingface.co/owner/repo-MLC": f"{REPO}/resolve/v1",
    "git clone --branch v1 https://huggingface.co/owner/repo-MLC": f"{REPO}/resolve/v1",
    "huggingface-cli download owner/repo-MLC": REPO,
    "!huggingface-cli download --resume-download owner/repo-MLC --local-dir x/y": REPO,
    "hf download owner/repo-MLC": REPO,
    "hf download owner/repo-MLC mlc-chat-config.json": REPO,
    "hf download --revision v1 owner/repo-MLC": f"{REPO}/resolve/v1",
    "mlc_llm chat HF://owner/repo-MLC": REPO,
    "mlc_llm serve HF://owner/repo-MLC --device webgpu": REPO,
    "python -m mlc_llm chat HF://owner/repo-MLC": REPO,
    "wget https://huggingface.co/owner/repo-MLC/resolve/main/tokenizer.json": REPO,
    "curl -L https://huggingface.co/owner/repo-MLC/resolve/main/params_shard_3.bin -o x": REPO,
    'snapshot_download(repo_id="owner/repo-MLC")': REPO,
    "MLCEngine('HF://owner/repo-MLC')": REPO,
    # other hosts
    "https://my.host/models/x/": "https://my.host/models/x",
    "https://MY.host/models//x": "https://my.host/models/x",
    "my.host/models/x": "https://my.host/models/x",
    "models.example.com/x": "https://models.example.com/x",
    "example.com": "https://example.com/",
    "https://my.host": "https://my.host/",
    "https://my.host:8443/x": "https://my.host:8443/x",
    "https://my.host/x/resolve/v2/": "https://my.host/x/resolve/v2",
    "https://my.host/x/resolve/main/mlc-chat-config.json": "https://my.host/x/resolve/main",
    "https://my.host/x/mlc-chat-config.json": "https://my.host/x",
    "https://my.host/x/tensor-cache.json?v=2": "https://my.host/x",
    "https://my.host/x/ndarray-cache.json": "https://my.host/x",
    "https://my.host/x/params_shard_0.bin": "https://my.host/x",
    "https://my.host/x/tokenizer.model": "https://my.host/x",
    "https://my.host/a/../x/./": "https://my.host/x",
    "https://my.host/mes%20modèles/x": "https://my.host/mes%20mod%C3%A8les/x",
    "https://modèles.example/x": "https://xn--modles-5ua.example/x",
    "https://hf-mirror.com/owner/repo-MLC/tree/main": "https://hf-mirror.com/owner/repo-MLC/resolve/main",
    "https://raw.githubusercontent.com/me/site/main/model/tokenizer.json":
        "https://raw.githubusercontent.com/me/site/main/model",
    "https://me.github.io/models/x": "https://me.github.io/models/x",
    "https://my.host/model(1)": "https://my.host/model(1)",
    "(https://my.host/x)": "https://my.host/x",
    # one's own machine and network
    "http://localhost:8080/x": "http://localhost:8080/x",
    "localhost:8080/x": "http://localhost:8080/x",
    "localhost/x": "http://localhost/x",
    "http://127.0.0.1:8000": "http://127.0.0.1:8000/",
    "127.0.0.1:8080/x": "http://127.0.0.1:8080/x",
    "http://[::1]:8080/x": "http://[::1]:8080/x",
    "[::1]:8080/x": "http://[::1]:8080/x",
    "192.168.1.20:8080/x": "http://192.168.1.20:8080/x",
    "10.0.0.2/models/x": "http://10.0.0.2/models/x",
    "nas.local/models/x": "http://nas.local/models/x",
    "nas:8080/x": "http://nas:8080/x",
    "http://nas/x": "http://nas/x",
    # a path on our own site
    "/models/x": "https://bocal.example/models/x",
    "./models/x": "https://bocal.example/app/models/x",
    "models/x": "https://bocal.example/app/models/x",
    "https://bocal.example/app/models/guide": "https://bocal.example/app/models/guide",
}  # fmt: skip

ELSEWHERE = {
    # other formats
    "bartowski/Llama-3.2-1B-Instruct-GGUF": Other.GGUF,
    "https://huggingface.co/bartowski/Llama-3.2-1B-Instruct-GGUF": Other.GGUF,
    "hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M": Other.GGUF,
    "bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M": Other.GGUF,
    "ollama run hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF": Other.GGUF,
    "https://huggingface.co/owner/repo/resolve/main/model.Q4_K_M.gguf?download=true": Other.GGUF,
    "https://my.host/x/model.gguf": Other.GGUF,
    "model-q4_0.gguf": Other.GGUF,
    "hf download owner/repo model.gguf": Other.GGUF,
    "https://huggingface.co/owner/repo/blob/main/model.safetensors": Other.WEIGHTS,
    "https://huggingface.co/owner/repo/blob/main/pytorch_model.bin": Other.WEIGHTS,
    "model-00001-of-00004.safetensors": Other.WEIGHTS,
    "https://huggingface.co/onnx-community/Llama-3.2-1B": Other.ONNX,
    "https://huggingface.co/owner/repo/tree/main/onnx/model.onnx": Other.ONNX,
    "mlx-community/Llama-3.2-1B-Instruct-4bit": Other.FORMAT,
    "owner/Llama-2-7B-AWQ": Other.FORMAT,
    "TheBloke/Llama-2-7B-GPTQ": Other.FORMAT,
    "https://my.host/gemma.litertlm": Other.FORMAT,
    # other pages of Hugging Face
    "https://huggingface.co/datasets/owner/data": Other.DATASET,
    "datasets/owner/data": Other.DATASET,
    "hf download owner/data --repo-type dataset": Other.DATASET,
    "https://huggingface.co/spaces/owner/app": Other.SPACE,
    "https://owner-app.hf.space/": Other.SPACE,
    "https://huggingface.co/collections/owner/things-65": Other.COLLECTION,
    "https://huggingface.co/mlc-ai": Other.OWNER,
    "HF://mlc-ai": Other.OWNER,
    "https://huggingface.co/mlc-ai/models": Other.OWNER,
    "huggingface.co": Other.HUB_PAGE,
    "https://huggingface.co/models": Other.HUB_PAGE,
    "https://huggingface.co/docs/hub": Other.HUB_PAGE,
    "https://huggingface.co/papers/2401.1": Other.HUB_PAGE,
    "https://cdn-lfs.huggingface.co/repos/ab/cd?Expires=1": Other.TEMPORARY,
    "https://cas-bridge.xethub.hf.co/x?X-Amz-Expires=3600": Other.TEMPORARY,
    # other programs and places
    "llama3:8b": Other.OLLAMA,
    "mistral:latest": Other.OLLAMA,
    "qwen2.5-coder:7b-instruct-q4_K_M": Other.OLLAMA,
    "ollama run llama3": Other.OLLAMA,
    "$ ollama pull phi3:mini": Other.OLLAMA,
    "https://ollama.com/library/llama3": Other.OLLAMA,
    "https://github.com/mlc-ai/web-llm": Other.CODE,
    "github.com/mlc-ai/web-llm": Other.CODE,
    "git clone git@github.com:mlc-ai/web-llm.git": Other.CODE,
    "https://gist.github.com/me/1": Other.CODE,
    "https://github.com/mlc-ai/binary-mlc-llm-libs/raw/main/x-webgpu.wasm": Other.LIBRARY,
    "https://my.host/x-webgpu.wasm": Other.LIBRARY,
    "https://huggingface.co/owner/repo-MLC/blob/main/libs/x.wasm": Other.LIBRARY,
    "Llama-3.2-1B-Instruct-q4f16_1_cs1k-webgpu.wasm": Other.LIBRARY,
    "https://my.host/picture.png": Other.FILE,
    "https://my.host/model.zip": Other.FILE,
    "https://my.host/paper.pdf": Other.FILE,
    "https://bocal.example/app/": Other.OWN_PAGE,
    "https://bocal.example/app": Other.OWN_PAGE,
    "https://bocal.example/app/#settings": Other.OWN_PAGE,
    r"C:\models\x": Other.LOCAL,
    "C:/models/x": Other.LOCAL,
    r"\\server\share\x": Other.LOCAL,
    "/home/me/models/x": Other.LOCAL,
    "/Users/me/x": Other.LOCAL,
    "~/models/x": Other.LOCAL,
    "file:///home/me/x": Other.LOCAL,
    "mlc_llm chat ./dist/x": Other.LOCAL,
    "me@example.com": Other.EMAIL,
    "mailto:me@example.com": Other.EMAIL,
    "ftp://host/x": Other.SCHEME,
    "s3://bucket/x": Other.SCHEME,
    "javascript:alert(1)": Other.SCHEME,
    "blob:https://my.host/1": Other.SCHEME,
    "hf_" + "a" * 34: Other.SECRET,
    # texts that hold no model
    '{"model_type": "llama", "quantization": "q4f16_1"}': Other.CONFIG,
    '{"metadata": {}, "records": []}': Other.CONFIG,
    "[]": Other.JSON,
    "{}": Other.JSON,
    '{"theme": "dark"}': Other.JSON,
    '[{"id": "x", "url": "https://': Other.JSON_DAMAGED,
    '{"id": "x" "url": }': Other.JSON_DAMAGED,
    "https://bocal.example/app/#add=": Other.SHARE_DAMAGED,
    "https://bocal.example/app/#add=eyJpZCI6": Other.SHARE_DAMAGED,
    "#add=é": Other.SHARE_DAMAGED,
    "blah " * 100: Other.LONG_TEXT,
}  # fmt: skip

WORDS = {
    "": "",
    " \n": "",
    "``": "",
    "llama": "llama",
    "llama 3 8b french": "llama 3 8b french",
    "  llama \n 3  ": "llama 3",
    "«\u00a0petit modèle\u00a0»": "petit modèle",
    "Llama-3.2-1B-Instruct-q4f16_1-MLC": "Llama-3.2-1B-Instruct-q4f16_1-MLC",
    "llama3.2": "llama3.2",
    "llama.cpp": "llama.cpp",
    "llama / qwen": "llama / qwen",
    "llama (small)": "llama small",
    "small: under 2 GB": "small under 2 GB",
    "https://huggingface.co/models?search=phi+3&sort=likes": "phi 3",
    "https://huggingface.co/mlc-ai/models?search=gemma": "gemma",
}


@pytest.mark.parametrize(("pasted", "url"), ADDRESSES.items())
def test_an_address_in_any_form(pasted: str, url: str) -> None:
    assert paste.read(pasted, SITE) == Address(Source(url))
    assert paste.read(url, SITE) == Address(Source(url))


@pytest.mark.parametrize(("pasted", "what"), ELSEWHERE.items())
def test_what_is_no_model_is_said(pasted: str, what: Other) -> None:
    found = paste.read(pasted, SITE)
    assert isinstance(found, NotAModel)
    assert found.what is what


@pytest.mark.parametrize(("pasted", "query"), WORDS.items())
def test_words_are_searched_for(pasted: str, query: str) -> None:
    assert paste.read(pasted, SITE) == Words(query)


@pytest.mark.parametrize("pasted", ["https://", "http://[bad/x", "https://host:port/x", "//[", "//[x/y", "https://h:99999/", "https://h%20/",
                                    "https://huggingface.co/owner/%E9", "https://[::1/x"])  # fmt: skip
def test_a_broken_address_is_refused(pasted: str) -> None:
    with pytest.raises(Failure) as refused:
        paste.read(pasted, SITE)
    assert refused.value.problem is Problem.URL_UNREADABLE


def test_the_tables_are_as_long_as_promised() -> None:
    assert len(ADDRESSES) + len(ELSEWHERE) + len(WORDS) >= 150
    assert set(ELSEWHERE.values()) == set(Other)


def test_a_library_comes_with_its_address() -> None:
    found = paste.read("https://huggingface.co/owner/repo-MLC/blob/main/libs/x.wasm", SITE)
    assert isinstance(found, NotAModel)
    assert found.facts["url"] == f"{REPO}/resolve/main/libs/x.wasm"


def test_a_secret_is_not_repeated() -> None:
    assert paste.read("hf_" + "a" * 34, SITE) == NotAModel(Other.SECRET, {})


def test_several_addresses_are_several_models() -> None:
    found = paste.read("owner/repo-MLC\nhttps://hf.co/owner/other-3B-q4f16_1-MLC\n", SITE)
    assert models(found) == [
        Model("repo-MLC", "repo", REPO),
        Model("other-3B-q4f16_1-MLC", "other 3B", "https://huggingface.co/owner/other-3B-q4f16_1-MLC"),
    ]


MINE = Model("x-MLC", "Mon x", REPO, "1.5 GB", "L'ami “x”, 1/2\nvite")
ENTRY = record.to_json(MINE)
PLAIN = json.dumps([ENTRY], ensure_ascii=False)
QUOTED = PLAIN.replace("\\", "\\\\").replace("'", "\\'")


@pytest.mark.parametrize(
    "pasted",
    [
        json.dumps(ENTRY),
        json.dumps(ENTRY, indent=2),
        PLAIN,
        f"  {PLAIN}\n",
        json.dumps(PLAIN),
        json.dumps(json.dumps(PLAIN)),
        f"'{QUOTED}'",
        f"`{QUOTED}`",
        f"localStorage.customModels = '{QUOTED}'",
        f"localStorage.setItem('customModels', '{QUOTED}');",
        f"customModels: {PLAIN}",
        f"```json\n{PLAIN}\n```",
        f"Here is my list:\n{PLAIN}\nEnjoy.",
        json.dumps({"customModels": [ENTRY]}),
        json.dumps({"customModels": PLAIN, "theme": "dark"}),
        PLAIN.replace("}]", ", }, ]"),
        PLAIN.replace("[{", "[ // mine\n {").replace("}]", "}, /* last */ ]"),
        repr([ENTRY]),
        json.dumps(ENTRY).replace('"custom"', "custom").replace('"id"', "id"),
    ],
)
def test_json_of_a_record_or_list_however_it_was_copied(pasted: str) -> None:
    assert paste.read(pasted, SITE) == Records((MINE,))


def test_the_earlier_apps_entries_and_partial_ones() -> None:
    entries = [
        {"id": "a", "name": "A", "url": "owner/repo-MLC", "size": "~4 GB", "description": "", "recommended": False},
        {"url": f"{REPO}/tree/main"},
        {"id": "Llama-3-8B-q4f16_1-MLC"},
        {"name": "no more"},
        {"id": 3, "url": REPO},
        {"id": "data", "url": "https://huggingface.co/datasets/owner/data"},
        {"id": "gguf", "url": "owner/repo-GGUF"},
        {"id": "l", "url": REPO, "library": "x"},
        "text",
    ]  # fmt: skip
    found = paste.read(json.dumps(entries), SITE)
    assert isinstance(found, Records)
    assert found.models == (
        Model("a", "A", REPO, "~4 GB", extra={"recommended": False}),
        Model("repo-MLC", "repo", REPO),
        Model("Llama-3-8B-q4f16_1-MLC", "Llama 3 8B", ""),
    )
    assert found.unreadable == (
        Unreadable(4, "no more", "id"), Unreadable(5, "", "id"), Unreadable(6, "data", "url"),
        Unreadable(7, "gguf", "url"), Unreadable(8, "l", "library"), Unreadable(9, "", "entry"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("library", "expected"),
    [
        ("https://my.host/x.wasm", Library(url="https://my.host/x.wasm")),
        ("https://raw.githubusercontent.com/mlc-ai/binary-mlc-llm-libs/main/web-llm-models/v0_2_80/base/Llama_cs1k-webgpu.wasm",
         Library(key="Llama_cs1k-webgpu.wasm")),
        ("https://raw.githubusercontent.com/mlc-ai/binary-mlc-llm-libs/main/web-llm-models/v0_2_48/Llama-ctx4k_cs1k-webgpu.wasm",
         Library(key="Llama_cs1k-webgpu.wasm")),
        (None, None),
    ],
)  # fmt: skip
def test_webllms_own_records(library: str | None, expected: Library | None) -> None:
    entry = {"model": f"{LLAMA}/resolve/main/", "model_id": "my-MLC", "model_lib": library, "vram_required_MB": 900,
             "overrides": {"context_window_size": 2048}}  # fmt: skip
    wanted = Model("my-MLC", "my", LLAMA, library=expected, overrides={"context_window_size": 2048})
    assert paste.read(json.dumps(entry), SITE) == Records((wanted,))
    assert paste.read(json.dumps({"model_list": [entry], "cacheBackend": "opfs"}), SITE) == Records((wanted,))


def test_webllms_configuration_as_its_examples_write_it() -> None:
    program = """
    const appConfig: webllm.AppConfig = {
      model_list: [
        {
          model: "https://huggingface.co/mlc-ai/Llama-3.2-1B-Instruct-q4f16_1-MLC", // weights
          model_id: 'my-llama',
          model_lib: webllm.modelLibURLPrefix + webllm.modelVersion + "/Llama_cs1k-webgpu.wasm",
          low_resource_required: true,
        },
      ],
    };"""
    assert models(paste.read(program, SITE)) == [
        Model("my-llama", "my llama", LLAMA, library=Library(key="Llama_cs1k-webgpu.wasm"))
    ]


def test_a_list_cut_short_keeps_what_is_whole() -> None:
    found = paste.read(f'{PLAIN[:-1]}, {{"id": "y", "ur', SITE)
    assert found == Records((MINE,), (Unreadable(2, "", "entry"),))
    assert models(paste.read(f"{json.dumps(ENTRY)}\n{json.dumps(ENTRY)}", SITE)) == [MINE, MINE]


TOLD = "Rapide : très / bien"
GUIDE = Model("x-q4f16_1-MLC", "Mon x", REPO, "~4.2 GB", TOLD)


@pytest.mark.parametrize(
    "pasted",
    [
        f"ID: x-q4f16_1-MLC\nNom: Mon x\nURL: {REPO}\nTaille: ~4.2 GB\nDescription: {TOLD}",
        f"```yaml\nID: x-q4f16_1-MLC\nNom: Mon x\nURL: {REPO}\nTaille: ~4.2 GB\nDescription: {TOLD}\n```",
        f"Name: Mon x\nId: x-q4f16_1-MLC\nurl: {REPO}/tree/main\nSize: ~4.2 GB\ndescription: {TOLD}",
        f"ID: x-q4f16_1-MLC / Nom: Mon x / URL: {REPO} / Taille: ~4.2 GB / Description: {TOLD}",
        f"- **ID:** `x-q4f16_1-MLC`\n- **Nom:** Mon x\n* **URL:** <{REPO}>\n* **Taille:** ~4.2 GB\n> **Description:** {TOLD}",
        f"• ID{NBSP}: x-q4f16_1-MLC\n• Nom d’affichage{NBSP}: Mon x\n• Adresse{NBSP}: [x]({REPO})\n"
         f"• Taille estimée{NBSP}: ~4.2 GB\n• Description{NBSP}: Rapide{NBSP}: très / bien",
        f"1. ID: x-q4f16_1-MLC\n2. Display name: Mon x\n3. Model URL: {REPO}\n4. Size: ~4.2 GB\n5. Desc: {TOLD}",
        f"## Mine\n\nID = x-q4f16_1-MLC\n\nNom = Mon x\n\nURL = {REPO}\n\nTaille = ~4.2 GB\n\nDescription = {TOLD}",
    ],
)  # fmt: skip
def test_labelled_lines_as_guides_print_them(pasted: str) -> None:
    assert models(paste.read(pasted, SITE)) == [GUIDE]


def test_several_labelled_blocks() -> None:
    text = f"### A\nID: a-MLC\nURL: {REPO}\nTaille: 1 GB\n\n### B\nNom: B\nID: b-MLC\nURL: /models/b\n---\nID: c-MLC"
    assert models(paste.read(text, SITE)) == [
        Model("a-MLC", "a", REPO, "1 GB"),
        Model("b-MLC", "B", "https://bocal.example/models/b"),
        Model("c-MLC", "c", ""),
    ]


def test_a_labelled_library() -> None:
    text = f"ID: a-MLC\nURL: {REPO}\nLibrary: https://my.host/x.wasm"
    assert models(paste.read(text, SITE)) == [Model("a-MLC", "a", REPO, library=Library(url="https://my.host/x.wasm"))]


def share(**entry: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(entry).encode()).decode().rstrip("=")


def test_a_share_link_of_any_bocal() -> None:
    model = Model("é", "Été", REPO, "1 Go", "d", Library(key="k.wasm"), {"context_window_size": 2048})
    payload = paste.encode_share(model)
    for link in (f"https://other.example/#add={payload}", f"#add={payload}", f"<{SITE}#add={payload}>.",
                 f"Here: {SITE}index.html#add={payload} enjoy", f"http://localhost:8000/#add%3D{payload}"):  # fmt: skip
        assert paste.read(link, SITE) == Records((model,), shared=True)


def test_a_share_link_leaves_out_what_is_private_and_takes_in_nothing_else() -> None:
    model = Model("x", "X", REPO, extra={"notes": "mine"})
    assert paste.decode_share(paste.encode_share(model)) == Model("x", "X", REPO)
    assert paste.decode_share(share(id="x", name="X", url=REPO, notes="theirs")) == Model("x", "X", REPO)


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ("", "payload"),
        ("%%%", "payload"),
        ("A" * 20_001, "payload"),
        ("A", "payload"),
        (base64.urlsafe_b64encode(b"\xff\xfe").decode(), "payload"),
        (base64.urlsafe_b64encode(b"[" * 9000).decode().rstrip("="), "payload"),
        (base64.urlsafe_b64encode(b"[1]").decode(), "payload"),
        (share(id="x", name="X", url=REPO)[:-4], "payload"),
        (share(name="X", url=REPO), "id"),
        (share(id="x"), "url"),
        (share(id="x", url="javascript:alert(1)"), "url"),
        (share(id="x", url="models/x"), "url"),
        (share(id="x", url="https://h:p/"), "url"),
        (share(id="x", url=REPO, library={"url": "data:,x"}), "library"),
        (share(id="x", url=REPO, overrides=[]), "overrides"),
    ],
)
def test_a_damaged_share_says_what_is_wrong(payload: str, field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}:"):
        paste.decode_share(payload)


@pytest.mark.parametrize(("url", "name"), [(LLAMA, "Llama 3.2 1B Instruct"), ("https://h/x-MLC", "x")])
def test_the_name_suggested_is_for_people(url: str, name: str) -> None:
    assert paste.suggested_name(Source(url)) == name


def models(found: Pasted) -> list[Model]:
    assert isinstance(found, Records)
    assert found.unreadable == ()
    return list(found.models)


TEXT = st.text(min_size=1).filter(lambda text: bool(text.strip()))
FILE = TEXT.filter(lambda text: not re.search(r"[/\\?#:]", text))
URLS = st.from_regex(
    r"https://[a-z]{1,8}\.[a-z]{2,3}(:[1-9]\d{1,3})?(/[\w.~!$&'()*+,;=:@%-]{0,9}){0,4}", fullmatch=True
)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))
MODELS = st.builds(
    Model,
    id=TEXT,
    name=TEXT.map(str.strip),
    url=st.sampled_from([REPO, LLAMA, f"{REPO}/resolve/v1", "https://my.host/x", "http://localhost:8000/é"]).map(
        lambda url: paste.read(url, SITE).source.url  # type: ignore[union-attr]
    ),
    size=st.text(),
    description=st.text(),
    library=st.none() | st.builds(Library, key=FILE) | st.just(Library(url="https://my.host/x.wasm")),
    overrides=st.dictionaries(st.text(), st.integers()),
)
PIECES = st.sampled_from([
    *"[]{}()<>\"'`:;,./\\|=#@+-*_!?$ \n\t~%", "id", "url", "ID: ", "URL: ", "model_id", "customModels", "//", "/*",
    "https://", "HF://", "huggingface.co/", "owner/", "repo-MLC", "tree/", "resolve/main/", "#add=", "git clone ",
    "%2F", "hf download ", "null", "\\u", "é", "\u200b", "localhost:", "8080", "..", ".wasm", ".gguf", "www.", "\ud800",
])  # fmt: skip


@given(st.text() | st.lists(PIECES, max_size=14).map("".join) | URLS)
@example("[" * 100_000)
@example('{"a":' * 50_000)
@example('[{"id": 1' + "1" * 5000)
@example('{"id": "x", "url": "owner/repo", "overrides": {"a": NaN}}')
@example('{"id": "\\ud800", "url": "owner/repo"}')
@example("https://h/x.gguf/tokenizer.json")
@example("https://huggingface.co/a/b?q)")
@example("/*" * 3000 + "{id:")
def test_nothing_but_a_failure_is_ever_raised_and_what_was_read_reads_back(pasted: str) -> None:
    with contextlib.suppress(Failure):
        found = paste.read(pasted, SITE)
        if isinstance(found, Address):
            assert paste.read(found.source.url, SITE) == found


@given(MODELS)
def test_a_model_survives_being_shared(model: Model) -> None:
    assert paste.decode_share(paste.encode_share(model)) == model
    assert paste.read(f"{SITE}#add={paste.encode_share(model)}", SITE) == Records((model,), shared=True)


@given(st.lists(MODELS, min_size=1, max_size=3), st.dictionaries(st.text(), JSON, max_size=2))
def test_models_survive_being_written_as_json(found: list[Model], extra: dict[str, Any]) -> None:
    entries = [{**extra, **record.to_json(model)} for model in found]
    wanted = Records(tuple(record.from_json(entry) for entry in entries))
    for pasted in (json.dumps(entries), json.dumps(entries, ensure_ascii=False), json.dumps(json.dumps(entries))):
        assert paste.read(pasted, SITE) == wanted


@given(st.binary() | st.lists(MODELS, min_size=1, max_size=2), st.data())
def test_damaged_json_is_never_more_than_a_failure(found: bytes | list[Model], data: st.DataObject) -> None:
    if isinstance(found, bytes):
        text = found.decode("utf-8", "replace")
    else:
        text = json.dumps([record.to_json(model) for model in found])
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.text(max_size=2)) + text[at + data.draw(st.integers(0, 3)) :]
    with contextlib.suppress(Failure):
        paste.read(text, SITE)
    with contextlib.suppress(ValueError):
        paste.decode_share(base64.urlsafe_b64encode(text.encode()).decode().rstrip("="))
