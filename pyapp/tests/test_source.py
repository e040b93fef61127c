"""From what people paste to where a model's files are."""

import contextlib

import pytest
from bocal.errors import Failure, Problem
from bocal.models import source
from hypothesis import given
from hypothesis import strategies as st

SITE = "https://bocal.example/app/"
REPOSITORY = "https://huggingface.co/owner/repo-MLC"


@pytest.mark.parametrize(
    ("pasted", "url"),
    [
        ("owner/repo-MLC", REPOSITORY),
        ("  owner/repo-MLC\n", REPOSITORY),
        ("https://huggingface.co/owner/repo-MLC", REPOSITORY),
        ("https://huggingface.co/owner/repo-MLC/", REPOSITORY),
        ("http://huggingface.co/owner/repo-MLC", REPOSITORY),
        ("huggingface.co/owner/repo-MLC", REPOSITORY),
        ("www.huggingface.co/owner/repo-MLC", REPOSITORY),
        ("hf.co/owner/repo-MLC", REPOSITORY),
        ("https://hf.co/owner/repo-MLC", REPOSITORY),
        ("HF://owner/repo-MLC", REPOSITORY),
        ("hf://owner/repo-MLC/", REPOSITORY),
        ("https://huggingface.co/owner/repo-MLC/tree/main", REPOSITORY),
        ("https://huggingface.co/owner/repo-MLC/blob/main/mlc-chat-config.json", REPOSITORY),
        ("https://huggingface.co/owner/repo-MLC/resolve/main/", REPOSITORY),
        ("https://huggingface.co/owner/repo-MLC?library=mlc", REPOSITORY),
        ("https://huggingface.co/owner/repo-MLC#files", REPOSITORY),
        ("https://huggingface.co/owner/repo-MLC/tree/v1", f"{REPOSITORY}/resolve/v1"),
        ("https://huggingface.co/owner/repo-MLC/resolve/abc123/params_shard_0.bin", f"{REPOSITORY}/resolve/abc123"),
        ("https://my.host/models/x/", "https://my.host/models/x"),
        ("https://MY.host/models//x", "https://my.host/models/x"),
        ("my.host/models/x", "https://my.host/models/x"),
        ("https://my.host/x/resolve/v2/", "https://my.host/x/resolve/v2"),
        ("http://localhost:8080/x", "http://localhost:8080/x"),
        ("localhost:8080/x", "http://localhost:8080/x"),
        ("127.0.0.1:8080/x", "http://127.0.0.1:8080/x"),
        ("/models/x", "https://bocal.example/models/x"),
        ("./models/x", "https://bocal.example/app/models/x"),
        ("models/x", "https://bocal.example/app/models/x"),
        ("https://huggingface.co/owner/repo-MLC/tree/main/web", f"{REPOSITORY}/resolve/main/web"),
        ("https://huggingface.co/owner/repo-MLC/blob/v1/web/tokenizer.json", f"{REPOSITORY}/resolve/v1/web"),
        ("https://huggingface.co/owner/repo-MLC/tree/refs/pr/1", f"{REPOSITORY}/resolve/refs%2Fpr%2F1"),
        ("https://huggingface.co/owner/repo-MLC.git", REPOSITORY),
        ("https://huggingface.co/api/models/owner/repo-MLC/tree/main", REPOSITORY),
        ("https://huggingface.co/owner/repo-MLC/blob/main/libs/x.wasm", f"{REPOSITORY}/resolve/main/libs/x.wasm"),
        ("https://my.host/x.wasm", "https://my.host/x.wasm"),
        ("https://my.host/x/mlc-chat-config.json", "https://my.host/x"),
        ("https://user:secret@my.host:443/x", "https://my.host/x"),
        ("https://my.host/a/./b/../é x", "https://my.host/a/%C3%A9x"),
        ("nas.local/x", "http://nas.local/x"),
        ("[::1]:8080/x", "http://[::1]:8080/x"),
        ("example.com/x", "https://example.com/x"),
    ],
)
def test_every_usual_form_gives_one_address(pasted: str, url: str) -> None:
    assert source.read(pasted, SITE).url == url


@pytest.mark.parametrize(
    "pasted",
    ["", "llama", "ftp://host/x", "https://", "https://huggingface.co/owner", "https://huggingface.co/datasets/a/b",
     "http://[bad/x", "https://host:port/x", "javascript:alert(1)", "file:///home/x"],
)  # fmt: skip
def test_what_is_no_address_is_refused(pasted: str) -> None:
    with pytest.raises(Failure) as refused:
        source.read(pasted, SITE)
    assert refused.value.problem is Problem.URL_UNREADABLE


@given(st.text() | st.from_regex(r"(https?://)?[\w.]{1,9}(:\d*)?(/[\w.%?#-]{0,9}){0,4}", fullmatch=True))
def test_anything_gives_an_address_or_a_failure_and_reading_it_again_changes_nothing(pasted: str) -> None:
    with contextlib.suppress(Failure):
        url = source.read(pasted, SITE).url
        assert url.startswith(("http://", "https://"))
        assert source.read(url, SITE).url == url
        assert all(base.endswith("/") for base in source.bases(url))


@pytest.mark.parametrize(
    ("url", "base"),
    [
        (REPOSITORY, f"{REPOSITORY}/resolve/main/"),
        (f"{REPOSITORY}/resolve/v1", f"{REPOSITORY}/resolve/v1/"),
        (f"{REPOSITORY}/resolve/main/web", f"{REPOSITORY}/resolve/main/web/"),
        ("https://my.host/x", "https://my.host/x/resolve/main/"),
    ],
)
def test_the_base_of_webllms_keys_is_its_own_rule(url: str, base: str) -> None:
    assert source.engine_base(url) == base


def test_a_host_that_is_not_hugging_face_may_serve_the_files_directly() -> None:
    assert source.bases("https://my.host/x") == ["https://my.host/x/resolve/main/", "https://my.host/x/"]
    assert source.bases(REPOSITORY) == [f"{REPOSITORY}/resolve/main/"]


@pytest.mark.parametrize("url", [REPOSITORY, f"{REPOSITORY}/resolve/v1", "https://my.host/models/repo-MLC",
                                 "https://huggingface.co/owner/many/resolve/main/repo-MLC"])  # fmt: skip
def test_the_id_suggested_is_the_repositorys_name(url: str) -> None:
    assert source.Source(url).suggested_id == "repo-MLC"


def test_a_host_alone_gives_its_name_as_the_id() -> None:
    assert source.Source("https://my.host/").suggested_id == "my.host"


def test_the_files_of_a_repository_are_listed_by_the_api_of_its_host() -> None:
    api = "https://huggingface.co/api/models/owner/repo-MLC"
    assert source.listings(f"{REPOSITORY}/resolve/v1/") == [f"{api}/tree/v1?recursive=true", f"{api}/revision/v1", api]
    assert source.listings(f"{REPOSITORY}/resolve/main/web/") == source.listings("https://my.host/x/") == []
