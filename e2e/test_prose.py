"""What a person sees of an answer in Markdown, while it is written and after."""

import random
import re
from collections.abc import Mapping, Sequence

import person
import pytest
import servers
from playwright.sync_api import BrowserContext, Locator, Page, expect
from replay import replay

# Blocks that Markdown reads differently by what stands around them, or that end in many ways.
BLOCKS = [
    "# Heading", "Heading\n===", "Plain **bold** *slanted* `code` ~~struck~~ text.", "Two\nlines", "---", "* * *",
    "- one\n- two\n  - three\n- four", "- one\n\n- two\n\n  with more\n- three", "* a\n+ b\n- c", "1. a\n2. b\n3) c",
    "7. seven\n8. eight", "-\n- empty", "- ```js\n  let a = 1;\n  ```\n- b", "- [ ] to do\n- [x] done", "text\n- list",
    "> quote\n> goes on\nlazily", "> - list\n> - in a quote\n\n> other", "> ```\n> code\n> ```",
    "```python\ndef f():\n    \"\"\"two\n    lines\"\"\"\n    return 1\n```", "```\nno language\n\n```",
    "~~~html\n<b>x</b>\n~~~",
    "```python\n" + "def f():\n    return 1\n\n" * 25 + "```", "```\n" + "plain\n\n" * 50 + "```",
    "````md\n```\ninside\n```\n````", "```js\nconst a = `x\n${b}`;\n/* y\n*/ c\n```",
    "   ```\n   indented\n   ```", "    indented\n\n    code",
    "| a | b |\n|---|--:|\n| 1 | 2 |\n| 3 | 4 |\n| 5 |", "text\na | b\n-|-\n1 | 2", "a | b\n--|--",
    "| a |\n|:-:|\n| `x` |\nrow without",
    "$$\nx^2\n$$", "$$ y $$", "\\[\n\\frac{a}{b}\n\\]", "$$\nnever closed", "Formulas $a_1$ and \\(b\\), $5 and $6.",
    "[link](https://example.org 'title') <https://example.org> https://example.org", "![image](https://example.org/i.png)",
    "[x]: https://example.org\n\n[x]", "<b>html</b>\n\n<div>\nx\n</div>", "a\\\nb  \nc", "&amp; &copy; &#35;",
    "\U0001f1eb\U0001f1f7 \u2028 text",
    "**open\n\nnot closed**", "- a\n-b", "1) a\n1. b", "a\r\nb\r\n\r\nc", "#no heading\n#  heading #",
]  # fmt: skip


def rendered(page: Page, question: str) -> str:
    """Ask; return what the answer is drawn as, without its number."""
    person.ask(page, question)
    prose = page.locator(".msg.is-last .prose")
    expect(prose).not_to_have_attribute("aria-busy", "true")
    return re.sub(r"prose-[0-9a-f]+-", "", prose.inner_html())


@pytest.fixture
def said(context: BrowserContext, page: Page, site: servers.Server) -> "Said":
    return Said(context, page, site)


class Said:
    """Lets the model say things."""

    def __init__(self, context: BrowserContext, page: Page, site: servers.Server) -> None:
        self.context, self.page, self.site = context, page, site

    def open(self, answers: Mapping[str, Sequence[str]], rate: float = 0) -> Page:
        """Open the page of a model that gives these answers."""
        replay(self.page, answers, rate)
        person.open_page(self.page, self.site.origin)
        person.wait_until_ready(self.page, "The guide")
        return self.page

    def answer(self, text: str) -> Locator:
        """Return the answer of a model that says this."""
        rendered(self.open({"question": [text]}), "question")
        return self.page.locator(".prose")


def cut_anywhere(text: str, chance: random.Random) -> list[str]:
    places = sorted(chance.sample(range(1, len(text)), min(len(text) - 1, 25)))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


def test_an_answer_that_comes_in_pieces_ends_as_one_that_comes_whole(said: Said) -> None:
    chance = random.Random(20)  # noqa: S311 - a test repeats itself
    answers: dict[str, list[str]] = {}
    texts = ["\n\n".join(chance.sample(BLOCKS, 7)) for _ in range(10)]
    texts += ["\n".join(chance.sample(BLOCKS, 7)) for _ in range(10)]
    texts += [block + chance.choice(["", "\n", "\n\n"]) + chance.choice(BLOCKS) for block in BLOCKS[::4]]
    for number, text in enumerate(texts):
        answers[f"whole {number}"] = [text]
        answers[f"pieces {number}"] = cut_anywhere(text, chance)
    page = said.open({"formula": ["$x$"], **answers}, 60)
    rendered(page, "formula")
    expect(page.locator(".prose math")).to_have_count(1)  # what draws formulas comes with the first
    person.begin_anew(page)
    for number, text in enumerate(texts):
        assert rendered(page, f"pieces {number}") == rendered(page, f"whole {number}"), text
        if number % 5 == 4:
            person.begin_anew(page)


def test_all_of_markdown_is_drawn(said: Said) -> None:
    answer = said.answer(
        "# Bread\n\nSome **bold**, *slanted* and ~~struck~~ `code`.\n\n## How\n\n"
        "### Why\n\n1. Weigh\n2. Fold\n   - twice\n\n"
        "> quoted\n\n| Flour | Water |\n|---|--:|\n| 450 g | 324 g |\n\n- [x] done\n- [ ] to do\n\n"
        "$$\n\\frac{1}{2}\n$$\n\nand $a^2$; in main.py. No $\\frac$.\n"
    )
    expect(answer.get_by_role("heading", level=3)).to_have_text(["Bread", "How"])
    expect(answer.get_by_role("heading", level=4)).to_have_text("Why")
    expect(answer.locator("strong, em, s, p > code")).to_have_text(["bold", "slanted", "struck", "code"])
    expect(answer.locator("ol > li")).to_have_count(2)
    expect(answer.locator("ol ul > li")).to_have_text("twice")
    expect(answer.locator("blockquote")).to_have_text("quoted")
    expect(answer.locator(".table-wrap td")).to_have_text(["450 g", "324 g"])
    expect(answer.locator("td").last).to_have_css("text-align", "end")
    expect(answer.get_by_role("checkbox", checked=True)).to_have_count(1)
    expect(answer.get_by_role("checkbox", checked=False)).to_be_disabled()
    expect(answer.locator(".math-block mfrac")).to_have_count(1)
    expect(answer.locator("p .math msup")).to_have_count(1)
    expect(answer.locator("p .math code")).to_have_text(r"\frac")
    expect(answer.locator("a")).to_have_count(0)


def test_links_open_elsewhere_and_images_are_links(said: Said) -> None:
    answer = said.answer(
        "[a](https://example.org/a) https://example.org/b ![a cat](https://example.org/c.png) "
        "[![logo](https://example.org/d.png)](https://example.org/d) [e](/e) [f](javascript:f)"
    )
    links = answer.get_by_role("link")
    expect(links).to_have_text(["a", "https://example.org/b", "a cat", "logo"])
    for link in links.all():
        expect(link).to_have_attribute("target", "_blank")
        expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(answer).to_contain_text("[e](/e) [f](javascript:f)")
    expect(answer.locator("img")).to_have_count(0)


def test_code_is_in_colour_and_can_be_copied(said: Said) -> None:
    said.context.grant_permissions(["clipboard-read", "clipboard-write"])
    code = "def fold(n: int) -> str:\n    return '\u00ab' * n\n\n\nfold(2)"
    answer = said.answer(f"Like this:\n\n```python\n{code}\n```\n\n- in a list:\n  ```\n  plain\n  ```\n")
    block = answer.locator("figure.code").first
    expect(block.locator(".lang")).to_have_text("python")
    expect(block.locator(".hljs-keyword").first).to_have_text("def")
    expect(answer.locator("figure.code").nth(1).locator(".lang")).to_have_text("")
    expect(block.get_by_role("button")).to_have_text(["Copy", "Run"])
    block.get_by_role("button", name="Copy").click()
    expect(said.page.get_by_text("Copied")).to_be_visible()
    assert said.page.evaluate("navigator.clipboard.readText()") == code


def test_long_code_is_copied_by_hand_as_it_was_written(said: Said) -> None:
    code = "\n".join(f"x_{number} = {number}\n" for number in range(60))
    answer = said.answer(f"```python\n{code}\n```\n")
    selected = """(code) => {
        getSelection().selectAllChildren(code);
        return getSelection().toString();
    }"""
    assert answer.locator("figure code").evaluate(selected).strip() == code.strip()


def test_an_answer_is_shown_as_it_comes_and_announced_once_complete(said: Said) -> None:
    pieces = ["Some **bo", "ld", "** text\n\n- one\n- t", "wo\n", "\n```js\nlet a", " = 1;\n", "```\n"]
    page = said.open({"question": [*pieces, *["."] * 500]}, 5)
    page.get_by_label("Your message").fill("question")
    page.keyboard.press("Enter")
    answer = page.locator(".msg .prose")
    expect(answer.locator("strong")).to_have_text(re.compile("^bo"))  # bold from its first letters on
    expect(answer).to_have_attribute("aria-busy", "true")
    expect(answer.locator("figure .hljs-keyword")).to_have_text("let")
    first = answer.locator("p").first.element_handle()
    expect(answer).to_have_attribute("aria-busy", "true")
    page.keyboard.press("Escape")
    expect(answer).not_to_have_attribute("aria-busy", "true")
    assert first.evaluate("(it) => it.isConnected && it.textContent") == "Some bold text"  # never drawn again


def test_an_answer_stays_through_other_screens_and_languages(said: Said) -> None:
    long = "\n\n".join(f"Paragraph **{n}**, with `code`." for n in range(300))
    answer = said.answer(f"{long}\n\n```python\nlast\n```\n")
    page = said.page
    before = answer.inner_html()
    person.open_settings(page)
    expect(answer).to_have_count(0)
    page.locator(".side-row .side-item").first.click()
    expect(answer.locator("strong")).to_have_count(300)
    assert answer.inner_html() == before
    person.open_settings(page)
    page.get_by_role("button", name="Français").click()
    page.locator(".side-row .side-item").first.click()
    expect(answer.locator("strong")).to_have_count(300)
    expect(answer.locator("figure [data-act='code.copy']")).to_have_text("Copier")


def test_markdown_needs_no_network(page: Page, site: servers.Server) -> None:
    person.open_page(page, site.origin)
    person.service_worker_is_ready(page)
    person.wait_until_ready(page, "The guide")
    page.context.set_offline(True)
    page.reload()
    person.wait_until_ready(page, "The guide")
    files = ("markdown-it.esm.min.mjs", "plugin-tex.js", "highlight.min.js", "purify.es.mjs", "katex.mjs")
    for name in files:
        assert page.evaluate("(name) => fetch(`prose/${name}`).then(({ ok }) => ok)", name)
