"""Markup: what is text can never become markup."""

from html.parser import HTMLParser

from bocal.ui.html import Html, icon, jar, join, tag
from hypothesis import given
from hypothesis import strategies as st


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""
        self.attributes: dict[str, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(alphabet=st.characters(exclude_characters="\r\0")), st.text())
def test_texts_and_attributes_come_out_as_they_went_in(text: str, title: str) -> None:
    reader = Reader()
    reader.feed(tag("p", text, title=title))
    reader.close()
    assert (reader.tags, reader.text) == (["p"], text)
    assert reader.attributes == {"title": title}


def test_children_are_flattened_and_markup_kept() -> None:
    assert tag("p", ["a", [None, tag("b", "<")]], Html("<i>")) == "<p>a<b>&lt;</b><i></p>"
    assert join(None) == ""


def test_attributes() -> None:
    assert tag("input", class_="x", data_act="y", disabled=True, hidden=False, id=None) == (
        '<input class="x" data-act="y" disabled>'
    )


def test_the_gauge_never_overflows() -> None:
    assert "100%" in jar(3)
    assert "0%" in jar(-1)
    assert 'href="#gear"' in icon("gear")
