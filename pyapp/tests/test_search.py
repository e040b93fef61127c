"""Searching Hugging Face: what is asked, and what is made of the answers."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from bocal.models import search
from bocal.models.search import Hit
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
FIELDS = st.sampled_from(["downloads", "likes", "gated", "tags", "siblings", "safetensors", "usedStorage"])


def asked(url: str) -> list[tuple[str, str]]:
    return [pair for pair in parse_qsl(urlsplit(url).query) if pair[0] != "expand[]"]


def test_mlc_ais_models_are_asked_for_by_author_and_everybodys_by_tag() -> None:
    own = search.url("  llama 3\n8b ", limit=10)
    assert own.startswith("https://huggingface.co/api/models?")
    assert asked(own) == [("search", "llama 3 8b"), ("sort", "downloads"), ("limit", "10"), ("author", "mlc-ai")]
    everybody = search.url("é&x", author=None, base="https://mirror.example/")
    assert everybody.startswith("https://mirror.example/api/models?")
    assert asked(everybody) == [("search", "é&x"), ("sort", "downloads"), ("limit", "20"), ("filter", "mlc-llm")]
    assert asked(search.url("", cursor="abc=="))[-1] == ("cursor", "abc==")
    assert "search" not in dict(asked(search.url("")))


def test_a_listing_is_asked_for_nothing_that_hugging_face_refuses_there() -> None:
    expanded = {value for name, value in parse_qsl(urlsplit(search.url("x")).query) if name == "expand[]"}
    assert not expanded & {"usedStorage", "baseModels", "childrenModelCount"}


def test_a_page_of_results_is_read() -> None:
    page = [
        {"id": "mlc-ai/Llama-3.2-1B-Instruct-q4f16_1-MLC", "downloads": 5, "likes": 2, "gated": False,
         "tags": ["mlc-llm", "web-llm"], "siblings": [{"rfilename": "mlc-chat-config.json"}]},
        {"id": "me/tuned", "gated": "auto", "tags": ["mlc"], "safetensors": {"total": 1_540_000_000}},
        {"id": "me/SmolLM2-360M-q0f32-MLC", "usedStorage": 724},
        {"id": "mlc-ai/plain", "siblings": [{"rfilename": "mlc-chat-config.json"}, {"rfilename": "a", "size": 7}]},
        {"id": "mlc-ai/a-paper", "siblings": [{"rfilename": "README.md"}]},
        {"id": "../../x"},
        {"name": "no ID"},
        "text",
    ]  # fmt: skip
    assert search.read(page) == [
        Hit("mlc-ai/Llama-3.2-1B-Instruct-q4f16_1-MLC", 5, 2, False, "q4f16_1", "1B", 0, True),
        Hit("me/tuned", gated=True, parameters="1.5B", is_mlc=True),
        Hit("me/SmolLM2-360M-q0f32-MLC", quantisation="q0f32", parameters="360M", size=724, is_mlc=True),
        Hit("mlc-ai/plain", size=7, is_mlc=True),
        Hit("mlc-ai/a-paper"),
    ]


@pytest.mark.parametrize("document", [None, {"error": "x"}, "text", 3])
def test_an_answer_that_is_no_list_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="results: not a list"):
        search.read(document)


def test_the_size_of_a_repository_is_that_of_its_files() -> None:
    assert search.size_url("me/x") == "https://huggingface.co/api/models/me/x?blobs=true"
    assert search.read_size({"siblings": [{"size": 3}, {"size": 4}, {}, "x"], "usedStorage": 100}) == 7
    assert search.read_size({"siblings": [{"rfilename": "x"}], "usedStorage": 100}) == 100
    assert search.read_size({}) == search.read_size([]) == 0


PAGE = "https://huggingface.co/api/models?search=x"
NEXT = "https://huggingface.co/api/models?search=x&cursor=ab%3D"


@pytest.mark.parametrize(
    ("header", "url"),
    [
        (f'<{NEXT}>; rel="next"', NEXT),
        (f"<{NEXT}>;rel=next", NEXT),
        (f'<{NEXT}> ; title="a, b; c" ; REL="last next"', NEXT),
        (f'<{PAGE}>; rel="prev", <{NEXT}>; rel="next"', NEXT),
        (f'<{PAGE}>; rel="prev";, <{NEXT}>; rel="next"', NEXT),
        ('</api/models?cursor=a,b;c>; rel="next"', "https://huggingface.co/api/models?cursor=a,b;c"),
        ("<?cursor=a>; rel=next", "https://huggingface.co/api/models?cursor=a"),
        (f'<{NEXT}>; rel="prev"', None),
        (f'<{NEXT}>; title="rel=next"', None),
        (f"<{NEXT}>", None),
        ('<https://elsewhere.example/x>; rel="next"', None),
        ('<https://huggingface.co.evil.example/x>; rel="next"', None),
        ('<javascript:alert(1)>; rel="next"', None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_the_next_page_is_told_by_the_link_header(header: str, url: str | None) -> None:
    assert search.next_page(header, PAGE) == url


def test_mlc_ais_own_come_first_and_nothing_twice() -> None:
    own = [Hit("mlc-ai/b", is_mlc=True), Hit("mlc-ai/a", 9)]
    others = [Hit("me/x", is_mlc=True), Hit("mlc-ai/A", is_mlc=True), Hit("me/not"), Hit("me/X", is_mlc=True)]
    assert search.merge(own, others) == [own[0], own[1], others[0]]


@given(st.lists(st.dictionaries(FIELDS, JSON).map(lambda entry: {"id": "a/b-1B", **entry})) | JSON)
def test_any_answer_is_read_or_refused(document: Any) -> None:
    try:
        hits = search.read(document)
    except ValueError:
        assert not isinstance(document, list)
    else:
        assert all(hit.size >= 0 and hit.downloads >= 0 for hit in hits)


@given(st.text() | st.from_regex(r'(<[a-z/?=]*>(; ?rel="?(next|prev)"?)?,? ?)*', fullmatch=True))
def test_any_link_header_is_read(header: str) -> None:
    found = search.next_page(header, PAGE)
    assert found is None or found.startswith("https://huggingface.co")
