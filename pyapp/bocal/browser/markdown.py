"""Markdown as elements: the libraries that render it, and what is allowed to come out of them.

What a model writes is hostile until proven otherwise. markdown-it shows HTML as text; DOMPurify lets through the few
elements and attributes that Markdown needs, without any id, class, style or data-*; everything else (frames of code
blocks, buttons, the targets of links, formulas) is added here, to what is clean already. Nothing is fetched: an image
is a link to it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any

import js
from pyodide.ffi import JsException, create_proxy, to_js
from pyscript import js_import

from bocal.chat.markdown import Highlighting, is_safe, language

# pre, var and div stand for code and formulas until those are put in their place.
_TAGS = [
    "p", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "hr", "br", "strong", "em", "s", "a", "code",
    "table", "thead", "tbody", "tr", "th", "td", "pre", "var", "div",
]  # fmt: skip
_ATTRIBUTES = ["href", "title", "align", "start"]
_TOKEN = ["type", "level", "nesting", "map"]
_TEX = {"output": "mathml", "throwOnError": False, "trust": False, "strict": "ignore", "maxSize": 20, "maxExpand": 500}
_TEX_SOURCE = re.compile(r"<annotation.*?</annotation>", re.DOTALL)
_BETWEEN = re.compile(r">\n+<")  # blocks; text has no bare > or <
_TASK = re.compile(r"\[([ xX])\] ")
_LINE = re.compile(r".*\n|.+")
PART = 32  # lines


def _object(values: Mapping[str, Any]) -> Any:
    return to_js(values, dict_converter=js.Object.fromEntries)


@dataclass(frozen=True)
class _Code:
    info: str
    text: str
    closed: bool


class Markdown:
    """Renders pieces of Markdown; `words` are the labels "copy" and "run" ("": no such button)."""

    def __init__(self, folder: str, modules: Sequence[Any]) -> None:
        markdown_it, tex, highlight, purify = modules
        self.words: Mapping[str, str] = {"copy": "", "run": ""}
        self.hljs = highlight.default
        self._folder, self._katex = folder, None
        self._purify = purify.default
        self._codes: list[_Code] = []
        self._formulas: list[tuple[str, bool]] = []
        self._late: list[tuple[Any, str, bool]] = []  # formulas that wait for KaTeX: their places, too
        self._open, self._closed = _object({"open": True}), _object({})
        self._allowed = _object({"ALLOWED_TAGS": _TAGS, "ALLOWED_ATTR": _ATTRIBUTES, **_STRICT})
        self._colours = _object({"ALLOWED_TAGS": ["span"], "ALLOWED_ATTR": ["class"], **_STRICT})
        self._maths = _object({"USE_PROFILES": {"mathMl": True}, "FORBID_ATTR": ["style", "class", "id"], **_STRICT})
        self._md = self._configure(markdown_it.default, tex.tex)
        self.is_same = getattr(js.Object, "is")

    @classmethod
    async def load(cls, folder: str) -> "Markdown":
        """Fetch the libraries from the site's `folder`; KaTeX follows with the first formula."""
        names = ("markdown-it.esm.min.mjs", "plugin-tex.js", "highlight.min.js", "purify.es.mjs")
        return cls(folder, await js_import(*(folder + name for name in names)))

    def blocks(self, source: str) -> list[dict[str, Any]]:
        """Return the blocks of a text that may go on, as `bocal.chat.markdown.cut` reads them."""
        tokens = js.Array.new()
        self._md.block.parse(source, self._md, self._open, tokens)
        found: list[dict[str, Any]] = json.loads(js.JSON.stringify(tokens, to_js(_TOKEN)))
        return found

    def render(self, source: str, name: str, first_code: int, *, complete: bool) -> tuple[list[Any], int]:
        """Return a text's elements, one a block, and how many blocks of code are in them.

        Those are called `name`-code-1 and so on, from `first_code` on. A text that is not `complete` may go on.
        """
        self._codes, self._formulas = [], []
        html = str(self._md.render(source, self._closed if complete else self._open))
        fragment = self._purify.sanitize(_BETWEEN.sub("><", html), self._allowed)
        if self._formulas:
            for place, (text, display) in zip(fragment.querySelectorAll("var, div"), self._formulas, strict=True):
                self._put_formula(place, text, display=display)
        if self._codes:
            for number, (place, code) in enumerate(zip(fragment.querySelectorAll("pre"), self._codes, strict=True)):
                block = CodeBlock(self, f"{name}-code-{first_code + number}", code.info)
                block.add(code.text)
                block.end(closed=code.closed)
                place.replaceWith(block.element)
        if "<a " in html:
            for link in fragment.querySelectorAll("a"):
                _open_safely(link)
        if "<table" in html:
            for table in fragment.querySelectorAll("table"):
                _wrap(table)
        if "<li>" in html:
            for item in fragment.querySelectorAll("li > p:first-child"):
                _tick(item)
        return list(fragment.children), len(self._codes)

    def colour(self, html: str) -> Any:
        """Return highlighted code as a clean fragment."""
        return self._purify.sanitize(html, self._colours)

    def _configure(self, markdown_it: Any, tex: Any) -> Any:
        md = markdown_it.new(_object({"html": False, "linkify": True, "breaks": True}))
        md.linkify.set(_object({"fuzzyLink": False, "fuzzyEmail": False}))  # main.py is a file, not a site in Paraguay
        md.disable("reference")
        md.validateLink = create_proxy(lambda address: is_safe(address))
        md.use(tex, _object({"delimiters": "all", "render": create_proxy(self._formula)}))
        md.block.ruler.disable("math_block_bracket")
        alt = {"alt": ["paragraph", "reference", "blockquote", "list"]}
        md.block.ruler.at("math_block_dollar", create_proxy(_formula_block), _object(alt))
        for name, rule in {
            "fence": self._fence, "code_block": self._fence, "image": _image, "paragraph_open": lambda *_: "<p>",
            "paragraph_close": lambda *_: "</p>\n", "heading_open": _heading, "heading_close": _heading,
            "th_open": _cell, "td_open": _cell, "math_open": _unfinished,
        }.items():  # fmt: skip
            setattr(md.renderer.rules, name, create_proxy(rule))
        return md

    def _fence(self, tokens: Any, at: int, *_more: Any) -> str:
        token = tokens[at]
        text, (start, end) = str(token.content), token.map.to_py()
        fenced = token.type == "fence"
        closed = fenced and end - start - 1 > text.count("\n") + (not text.endswith("\n") and text != "")
        self._codes.append(_Code(str(token.info).strip() if fenced else "", text, closed))
        return "<pre></pre>\n"

    def _formula(self, text: str, display: bool, *_more: Any) -> str:
        self._formulas.append((str(text), bool(display)))
        return "<div></div>\n" if display else "<var></var>"

    def _put_formula(self, place: Any, text: str, *, display: bool) -> None:
        element = js.document.createElement("div" if display else "span")
        element.className = "math-block" if display else "math"
        place.replaceWith(element)
        if self._katex is None:
            element.textContent = text
            if not self._late:
                js_import(f"{self._folder}katex.mjs").then(create_proxy(self._have_katex))
            self._late.append((element, text, display))
        else:
            self._fill_formula(element, text, display=display)

    def _have_katex(self, modules: Any) -> None:
        self._katex = modules[0].default
        late, self._late = self._late, []
        for element, text, display in late:
            self._fill_formula(element, text, display=display)

    def _fill_formula(self, element: Any, text: str, *, display: bool) -> None:
        html = self._set(text, display)
        if html:
            element.replaceChildren(self._purify.sanitize(html, self._maths))
        else:
            code = js.document.createElement("code")
            code.textContent = text
            element.replaceChildren(code)

    @lru_cache(maxsize=256)  # noqa: B019 - as long-lived as the page
    def _set(self, text: str, display: bool) -> str:
        assert self._katex is not None  # noqa: S101 - asked only once it is here
        try:
            html = self._katex.renderToString(text, _object({**_TEX, "displayMode": display}))
        except JsException:  # nested too deeply
            return ""
        # KaTeX's own errors have a `length`, and so arrive in Python as something that is no JsException: not thrown.
        return "" if str(html).startswith('<span class="katex-error"') else _TEX_SOURCE.sub("", str(html))


_STRICT = {
    "ALLOW_DATA_ATTR": False, "ALLOW_ARIA_ATTR": False, "ALLOW_UNKNOWN_PROTOCOLS": False, "RETURN_DOM_FRAGMENT": True,
}  # fmt: skip


class CodeBlock:
    """A block of code on the page, which may grow: `<figure class="code">` with a label, buttons, and room for output.

    Its lines stand in parts, of which browsers lay out again only the last when it grows.
    The page's own buttons carry its id as their `data-arg`; what running it brings goes into `<id>-out`.
    """

    def __init__(self, markdown: Markdown, block_id: str, info: str) -> None:
        self._markdown, self._id = markdown, block_id
        self._language = language(info)
        known = bool(self._language) and bool(markdown.hljs.getLanguage(self._language))
        self._lines = Highlighting(self._highlight) if known else None
        self._options = _object({"language": self._language, "ignoreIllegals": True})
        self.element = js.document.createElement("figure")
        self.element.id, self.element.className = block_id, "code"
        copy = _button("code.copy", block_id, "copy", markdown.words["copy"])
        label = escape(self._language[:40])
        self.element.innerHTML = (
            f'<figcaption class="code-head"><span class="lang">{label}</span>{copy}</figcaption>'
            f'<pre tabindex="0"><code class="hljs"></code></pre><div id="{escape(block_id)}-out"></div>'
        )
        self._code = self.element.querySelector("code")
        self._rest = js.document.createTextNode("")
        self._code.append(self._rest)
        self._part: Any = None  # the part that is being filled
        self._length = 0  # its lines

    def add(self, text: str) -> None:
        """Append complete lines."""
        ready = ""
        for line in _LINE.findall(text):
            more = self._lines.feed(line) if self._lines else line
            ready += more
            self._length += more.count("\n")
            if self._length >= PART:
                self._append(ready)
                self._part, self._length, ready = None, 0, ""
        self._append(ready)
        self.show("")

    def _append(self, ready: str) -> None:
        """Append highlighted code, or text where nothing is highlighted, to the part that is being filled."""
        if not ready:
            return
        if self._part is None:
            self._part = js.document.createElement("span")
            self._rest.before(self._part)
        self._part.append(self._markdown.colour(ready) if self._lines else ready)

    def show(self, beginning: str) -> None:
        """Show the beginning of the next line."""
        waiting = "".join(self._lines.waiting) if self._lines else ""
        self._rest.data = waiting + beginning

    def end(self, *, closed: bool) -> None:
        """Nothing more comes; `closed`: the writer said so, it does not just break off."""
        if self._lines:
            self._append(self._lines.end())
        self._rest.remove()
        self._code.normalize()
        run = self._markdown.words["run"]
        if closed and run and self._language in {"python", "py"}:
            button = _button("code.run", self._id, "play", run)
            self.element.querySelector("figcaption").insertAdjacentHTML("beforeend", button)

    def _highlight(self, text: str) -> tuple[str, bool]:
        result = self._markdown.hljs.highlight(text, self._options)
        nothing_open = self._markdown.is_same(result._top, self._markdown.hljs.getLanguage(self._language))
        return str(result.value), nothing_open


def _button(action: str, block_id: str, icon: str, label: str) -> str:
    return (
        f'<button type="button" class="btn quiet sm" data-act="{action}" data-arg="{escape(block_id)}">'
        f'<svg class="i s" aria-hidden="true"><use href="#{icon}"></use></svg><span>{escape(label)}</span></button>'
    )


def _formula_block(state: Any, start: int, end: int, silent: bool) -> bool:
    r"""The rule for `$$ … $$` and `\[ … \]`: as in TeX, no blank line is inside of a formula."""
    line, rest = start, str(state.getLines(start, start + 1, state.blkIndent, False)).strip()
    closing = {"$$": "$$", "\\[": "\\]"}.get(rest[:2])
    if closing is None:
        return False
    if silent:  # it ends a paragraph whatever follows, as a fence does: what is final must not depend on later lines
        return True
    lines, rest = [], rest[2:]
    while not rest.rstrip().endswith(closing):
        lines.append(rest)
        line += 1
        if line >= end:
            if not getattr(state.env, "open", False):
                return False
            break
        if state.isEmpty(line) or state.sCount[line] < state.blkIndent:
            return False
        rest = str(state.getLines(line, line + 1, state.blkIndent, False))
    closed = line < end
    state.line = line + 1 if closed else end
    token = state.push("math_block" if closed else "math_open", "math", 0)
    token.block, token.map = True, to_js([start, state.line])
    token.content = "\n".join([*lines, rest.rstrip().removesuffix(closing)] if closed else lines).strip()
    return True


def _unfinished(tokens: Any, at: int, *_more: Any) -> str:
    return f"<p><code>{escape(str(tokens[at].content))}</code></p>\n"


def _image(tokens: Any, at: int, *_more: Any) -> str:
    token = tokens[at]
    address = str(token.attrGet("src"))
    words = escape(str(token.content) or address)
    in_link = sum(tokens[i].nesting for i in range(at) if tokens[i].tag == "a")
    return words if in_link else f'<a href="{escape(address)}">{words}</a>'


def _heading(tokens: Any, at: int, *_more: Any) -> str:
    token = tokens[at]
    level = min(6, max(3, int(token.tag[1]) + 1))  # below the page's own heading, and the model's name
    return f"<h{level}>" if token.nesting == 1 else f"</h{level}>\n"


def _cell(tokens: Any, at: int, *_more: Any) -> str:
    token = tokens[at]
    side = re.search(r"left|center|right", str(token.attrGet("style") or ""))
    return f'<{token.tag} align="{side[0]}">' if side else f"<{token.tag}>"


def _open_safely(link: Any) -> None:
    if is_safe(str(link.getAttribute("href") or "")):
        link.target, link.rel = "_blank", "noopener noreferrer"
    else:
        link.replaceWith(*link.childNodes)


def _wrap(table: Any) -> None:
    around = js.document.createElement("div")
    around.className = "table-wrap"
    table.replaceWith(around)
    around.append(table)


def _tick(paragraph: Any) -> None:
    first = paragraph.firstChild
    found = _TASK.match(str(first.data)) if first and first.nodeType == js.Node.TEXT_NODE else None
    if found:
        first.data = str(first.data)[found.end() :]
        box = js.document.createElement("input")
        box.type, box.disabled = "checkbox", True
        box.toggleAttribute("checked", found[1] != " ")
        label = js.document.createElement("label")
        label.append(box, *paragraph.childNodes)
        paragraph.append(label)
        paragraph.parentElement.className = "task"
