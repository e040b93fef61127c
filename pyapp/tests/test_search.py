"""Searching Hugging Face: what is asked, and what is made of the answers."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from bocal.errors import Failure, Problem
from bocal.models import search
from bocal.models.search import Hit, Search
from hypothesis import given
from hypothesis import strategies as st
from outside import Web

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


HUB = "https://hub.example"


def models(*names: str) -> list[dict[str, Any]]:
    return [{"id": name, "downloads": 5, "tags": ["mlc-llm"]} for name in names]


def first(author: str | None = search.AUTHOR) -> str:
    return search.url("llama", author=author, base=HUB, limit=search.PAGE)


def find(documents: dict[str, Any], links: dict[str, str] | None = None) -> tuple[Search, Web]:
    web = Web(documents)
    web.links = links or {}
    return Search("llama", HUB, web, {}), web


def names(listing: search.Listing) -> list[str]:
    return [hit.id for hit in listing.hits]


def test_mlc_ais_own_and_everybody_elses_are_found_each_once() -> None:
    found, _ = find({
        first(): models("mlc-ai/b", "mlc-ai/a"),
        first(None): models("me/x", "mlc-ai/A", "mlc-ai/c", "ME/X", "me/y"),
    })  # fmt: skip
    asyncio.run(found.run())
    assert names(found.own) == ["mlc-ai/b", "mlc-ai/a"]
    assert names(found.others) == ["me/x", "me/y"]
    assert not found.running
    assert found.failure is None


def test_what_is_no_mlc_model_is_left_out() -> None:
    found, _ = find({first(): [{"id": "mlc-ai/a-paper"}], first(None): [{"id": "me/gguf", "tags": ["gguf"]}]})
    asyncio.run(found.run())
    assert found.hits == []


def test_pages_are_read_on_until_there_is_something_to_show_and_then_when_asked() -> None:
    pages = [f"{HUB}/api/models?cursor={number}" for number in range(5)]
    rows = [f"me/{letter}" for letter in "abcdefgh"]
    found, web = find(
        {first(): [], first(None): models("mlc-ai/popular"), pages[0]: models(*rows[:5]), pages[1]: models(rows[5])},
        {first(None): f'<{pages[0]}>; rel="next"', pages[0]: f'<{pages[1]}>; rel="next"'},
    )
    asyncio.run(found.run())
    assert names(found.others) == rows[:5]
    assert pages[1] not in web.asked
    asyncio.run(found.read_on(found.others))
    assert names(found.others) == rows[:6]
    assert not found.others.following


def test_a_hub_that_goes_on_and_on_is_not_read_for_ever() -> None:
    found, web = find({first(): [], first(None): []}, {first(None): f'<{first(None)}>; rel="next"'})
    asyncio.run(found.run())
    assert web.asked.count(first(None)) == search.MOST_PAGES


def test_sizes_come_after_the_rows_and_are_asked_for_once() -> None:
    sizes: dict[str, int] = {}
    one, two = search.size_url("mlc-ai/one", HUB), search.size_url("me/two", HUB)
    documents = {first(): models("mlc-ai/one"), first(None): models("me/two"), one: {"siblings": [{"size": 7}]}}
    for asked in (1, 0):
        web = Web(documents)
        shown: list[list[int | None]] = []
        found = Search("llama", HUB, web, sizes, lambda: shown.append([found.size(hit) for hit in found.hits]))  # noqa: B023
        asyncio.run(found.run())
        assert web.asked.count(one) == asked
        assert web.asked.count(two) == 1
        assert ([None] in shown) is bool(asked)
        assert shown[-1] == [7, 0]


def test_sizes_are_asked_for_a_few_at_a_time_and_no_longer_once_the_host_asks_to_wait() -> None:
    at_once, most, asked = 0, 0, 0

    class Busy(Web):
        async def read_json(self, url: str) -> Any:
            nonlocal at_once, most, asked
            if not url.endswith("?blobs=true"):
                return await super().read_json(url)
            at_once, asked = at_once + 1, asked + 1
            most = max(most, at_once)
            await asyncio.sleep(0)
            at_once -= 1
            raise Failure(Problem.TOO_MANY_REQUESTS, host="hub.example", seconds=9)

    found = Search("llama", HUB, Busy({first(): models(*(f"mlc-ai/{n}" for n in range(20))), first(None): []}), {})
    asyncio.run(found.run())
    assert most == asked == search.AT_ONCE
    assert [found.size(hit) for hit in found.hits] == [0] * 20


@pytest.mark.parametrize("problem", [Problem.NOT_FOUND, Problem.NOT_JSON, Problem.WEB_PAGE, Problem.REFUSED])
def test_a_host_that_knows_no_search_is_told_as_such(problem: Problem) -> None:
    found, _ = find({first(): Failure(problem, url="x", host="x"), first(None): {"error": "x"}})
    asyncio.run(found.run())
    for listing in (found.own, found.others):
        assert listing.failure
        assert listing.failure.problem is Problem.NO_SEARCH
        assert listing.failure.facts == {"host": "hub.example"}


def test_what_failed_can_be_asked_again_and_the_rest_stays() -> None:
    busy = Failure(Problem.TOO_MANY_REQUESTS, host="hub.example", seconds=9)
    found, web = find({first(): models("mlc-ai/a"), first(None): busy})
    asyncio.run(found.run())
    assert found.failure is busy
    assert names(found.own) == ["mlc-ai/a"]
    web.documents[first(None)] = models("me/b")
    asyncio.run(found.again())
    assert found.failure is None
    assert [hit.id for hit in found.hits] == ["mlc-ai/a", "me/b"]
    assert web.asked.count(first()) == 1


@pytest.mark.parametrize(
    ("text", "hub"),
    [
        ("", search.HUB),
        (" https://huggingface.co/ ", search.HUB),
        ("huggingface.co", search.HUB),
        ("https://hf.co/models", search.HUB),
        ("https://Mirror.example/", "https://mirror.example"),
        ("mirror.com", "https://mirror.com"),
        ("https://mirror.example/hub/", "https://mirror.example/hub"),
        ("localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:81", "http://127.0.0.1:81"),
        ("ftp://x.example", None),
        ("a mirror", None),
        ("mirror", None),
        ("https://", None),
        ("http://[::1", None),
        ("http://x:port", None),
        ("javascript:alert(1)", None),
    ],
)
def test_a_hub_is_read_as_people_write_it(text: str, hub: str | None) -> None:
    if hub:
        assert search.read_hub(text) == hub
        assert search.read_hub(hub) == hub
        return
    with pytest.raises(Failure) as told:
        search.read_hub(text)
    assert told.value.problem is Problem.HUB_UNREADABLE


@given(st.text())
def test_any_text_is_a_hub_or_is_not(text: str) -> None:
    try:
        hub = search.read_hub(text)
    except Failure as failure:
        assert failure.problem is Problem.HUB_UNREADABLE
    else:
        assert search.read_hub(hub) == hub


def test_a_found_repository_is_pasted_by_its_name_or_by_its_address_elsewhere() -> None:
    assert search.address("me/x", search.HUB) == "me/x"
    assert search.address("me/x", HUB) == "https://hub.example/me/x"


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
