"""Where a text that is being written is final, and how it reads for the moment."""

from typing import Any

import pytest
from bocal.chat.markdown import (
    PIECE,
    Cut,
    Fence,
    Highlighting,
    completed,
    cut,
    is_safe,
    language,
    normalise,
    pieces,
)  # fmt: skip
from hypothesis import given
from hypothesis import strategies as st


def token(kind: str, level: int, *lines: int) -> dict[str, Any]:
    return {
        "type": kind,
        "level": level,
        "nesting": -1 if kind.endswith("close") else 1 if kind.endswith("open") else 0,
        "map": list(lines) or None,
    }


PARAGRAPH = [token("paragraph_open", 0, 0, 1), token("inline", 1, 0, 1), token("paragraph_close", 0)]


def test_the_last_block_is_never_final() -> None:
    assert cut([]) == Cut(0)
    assert cut(PARAGRAPH) == Cut(0)
    assert cut([*PARAGRAPH, token("heading_open", 0, 2, 3), token("heading_close", 0)]) == Cut(2)
    assert cut([*PARAGRAPH, token("fence", 0, 4, 9)]) == Cut(4, "fence")


def test_of_a_list_all_items_but_the_last_are_final() -> None:
    def items(*starts: int) -> list[dict[str, Any]]:
        inside = [
            it
            for start in starts
            for it in (token("list_item_open", 1, start, start + 1), token("bullet_list_open", 2, start, start + 1),
                       token("list_item_open", 3, start, start + 1), token("list_item_close", 1))
        ]  # fmt: skip
        return [token("bullet_list_open", 0, starts[0], 9), *inside, token("bullet_list_close", 0)]

    assert cut([*PARAGRAPH, *items(2)]) == Cut(2)
    assert cut([*PARAGRAPH, *items(2, 4, 7)]) == Cut(7, "list")


def test_the_rows_of_a_table_need_its_head() -> None:
    def rows(*starts: int) -> list[dict[str, Any]]:
        head = [token("thead_open", 1, 2, 3), token("tr_open", 2, 2, 3), token("tr_close", 2), token("thead_close", 1)]
        body = [it for start in starts for it in (token("tr_open", 2, start, start + 1), token("tr_close", 2))]
        return [token("table_open", 0, 2, 9), *head, token("tbody_open", 1, 4, 9), *body, token("table_close", 0)]

    assert cut([*PARAGRAPH, *rows()]) == Cut(2)
    assert cut([*PARAGRAPH, *rows(4)]) == Cut(2)
    assert cut([*PARAGRAPH, *rows(4, 5, 6)]) == Cut(6, "table", (2, 4))


def test_every_ending_of_a_line_is_the_same() -> None:
    assert normalise("a\r\nb\rc\n\0", complete=True) == "a\nb\nc\n\ufffd"
    assert normalise("a\r", complete=False) == "a"
    assert normalise("a\r", complete=True) == "a\n"


@given(st.text(alphabet="a\r\n", max_size=12), st.integers(0, 12))
def test_what_was_read_is_read_the_same_later(text: str, at: int) -> None:
    assert normalise(text, complete=True).startswith(normalise(text[:at], complete=False))


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://example.org", True), ("HTTP://example.org/a?b", True), ("mailto:a@b.c", True), ("https://", False),
        ("https:///x", False), ("mailto:", False), ("javascript:alert(1)", False), (" https://example.org", False),
        ("//example.org", False), ("/x", False), ("#x", False), ("data:text/html,x", False), ("", False),
    ],
)  # fmt: skip
def test_links_lead_to_other_sites_or_letters(address: str, safe: bool) -> None:
    assert is_safe(address) is safe


def test_a_fence_is_closed_by_as_long_a_one() -> None:
    fence = Fence.read("````python x\ncode")
    assert fence == Fence("````", "python x", 13)
    assert Fence.read("```python") is None
    assert all(map(fence.closed_by, ("````", "`````  ", "   ````")))
    assert not any(map(fence.closed_by, ("```", "    ````", "\t````", "````x", "")))
    assert [fence.may_be_closed_by(it) for it in ("", " `", "````", "x", "`x")] == [True, True, True, False, False]
    assert [language(it) for it in ("Python x", "", "  ", "c++")] == ["python", "", "", "c++"]


@given(st.text(alphabet="ab\n", max_size=3 * PIECE))
def test_pieces_end_with_lines_and_with_the_text(text: str) -> None:
    places = list(pieces(text))
    assert places == sorted(set(places))
    assert places[-1] == len(text)
    assert all(text[place - 1] == "\n" for place in places[:-1])


@given(st.lists(st.sampled_from(["(\n", ")\n", "x\n"]), max_size=40))
def test_code_is_highlighted_in_parts_where_nothing_is_open(lines: list[str]) -> None:
    parts: list[str] = []

    def highlight(text: str) -> tuple[str, bool]:
        parts.append(text)
        return text, text.count("(") <= text.count(")")

    highlighting = Highlighting(highlight)
    done = "".join(map(highlighting.feed, lines))
    assert done + "".join(highlighting.waiting) == "".join(lines)
    assert done + highlighting.end() == "".join(lines)
    assert sum(map(len, parts)) <= 3 * max(1, sum(map(len, lines)))


def test_code_that_stays_open_is_not_highlighted_again_and_again() -> None:
    asked: list[int] = []

    def highlight(text: str) -> tuple[str, bool]:
        asked.append(text.count("\n"))
        return text, False

    highlighting = Highlighting(highlight)
    for _ in range(1000):
        highlighting.feed("(\n")
    assert max(asked) == 256
    assert sum(asked) <= 2 * 1000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"), ("a **bold", "a **bold**"), ("a **bold** b", "a **bold** b"), ("a **", "a "),
        ("a **bold*", "a **bold**"), ("a **bold *slanted", "a **bold *slanted***"), ("a `code", "a `code`"),
        ("a ``co`de", "a ``co`de``"), ("a `code` **b", "a `code` **b**"), ("a ~~b", "a ~~b~~"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("see [the guide", "see the guide"), ("see [the guide](https://exa", "see the guide"),
        ("see [the guide](https://example.org)", "see [the guide](https://example.org)"), ("![a c", "a c"),
        ("- [ ] task", "- [ ] task"), ("**done\n\nnew", "**done\n\nnew"), ("- ", "- "), ("*", "*"), ("a\n**", "a\n**"),
        (r"a \*b", r"a \*b"), ("``", "``"), ("a **bold ", "a **bold**"),
    ],
)  # fmt: skip
def test_what_is_open_is_closed_for_the_moment(text: str, shown: str) -> None:
    assert completed(text) == shown
