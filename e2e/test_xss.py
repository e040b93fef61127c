"""What a model writes is hostile: nothing of it runs, loads, sends, or passes for a part of the page."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import conftest
import person
import pytest
import servers
import xss
from playwright.sync_api import Browser, BrowserContext, Page
from replay import replay

TOGETHER = 15  # in one conversation

# Everything that a vector may set off is written down.
LISTEN = """(() => {
    const seen = window.seen = [];
    for (const name of ["alert", "confirm", "prompt", "print"])
        window[name] = (...words) => void seen.push(`${name}(${words})`);
    for (const type of ["securitypolicyviolation", "error"])
        addEventListener(type, (event) => seen.push(
            `${type}: ${event.violatedDirective ?? ""} ${event.blockedURI ?? ""} ${event.message ?? ""}`), true);
    Object.defineProperty(window, "ran", { set: () => seen.push("ran") });
})()"""

# Returns what is in an answer but should not be: elements, attributes or names that only a model can have brought.
AUDIT = """() => {
    const HTML = "p h3 h4 h5 h6 label ul ol li blockquote hr br strong em s a code pre table thead tbody tr th td " +
        "div figure figcaption span button svg use input";
    const MATHML = "math menclose mfrac mi mn mo mover mpadded mphantom mroot mrow ms mspace msqrt mstyle msub msup " +
        "msubsup mtable mtd mtext mtr munder munderover";
    const elements = new Set(`${HTML} ${MATHML}`.split(" "));
    const ours = /^(code|code-head|lang|btn|quiet|sm|i|s|table-wrap|math|math-block|task)$/;
    const colours = /^(hljs.*|language-[a-z]+|[a-z]+_+)$/;
    const values = {
        href: /^(https?:\\/\\/[^\\/]|mailto:.|#(copy|play)$)/, id: /^prose-[0-9a-f]+-code-\\d+(-out)?$/,
        target: /^_blank$/, rel: /^noopener noreferrer$/,
        "data-act": /^code\\.(copy|run)$/, "data-arg": /^prose-[0-9a-f]+-code-\\d+$/,
        type: /^(button|checkbox)$/, tabindex: /^0$/, align: /^(left|center|right)$/, start: /^\\d+$/,
        xmlns: /^http:\\/\\/www\\.w3\\.org\\/1998\\/Math\\/MathML$/,
    };
    const plain = new Set(["title", "class", "aria-hidden", "disabled", "checked"]);
    const strange = [];
    for (const it of document.querySelectorAll(".msg.is-last .prose *")) {
        if (!elements.has(it.localName)) strange.push(it.outerHTML);
        for (const { name, value } of it.attributes) {
            const inFormula = it.namespaceURI.endsWith("MathML") && /^[a-z]+$/.test(name) && !name.startsWith("on");
            const known = values[name]?.test(value) || plain.has(name) || inFormula;
            if (!known || /^(style|src|action)/.test(name)) strange.push(`${name} of ${it.outerHTML}`);
        }
        for (const name of it.classList)
            if (!ours.test(name) && !colours.test(name)) strange.push(`class of ${it.outerHTML}`);
        if (it.localName === "a" && !(it.target === "_blank" && it.rel === "noopener noreferrer" && it.href))
            strange.push(it.outerHTML);
        if (it.localName === "button" && !it.parentElement.matches("figure > figcaption")) strange.push(it.outerHTML);
    }
    return strange;
}"""


# Asks a question, and returns once all of the answer is there: as a person does, without the pauses. Fails with what
# the page says where none comes.
ASK = """async (question) => {
    const pause = () => new Promise((done) => setTimeout(done, 20));
    const field = document.getElementById("ask"), before = document.querySelectorAll(".msg").length;
    field.value = question;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.form.requestSubmit();
    const done = () => document.querySelectorAll(".msg").length === before + 2 &&
        document.querySelector(".msg.is-last .stats") && document.getElementById("send-button");
    for (const until = performance.now() + 60_000; !done(); await pause())
        if (performance.now() > until) throw new Error(
            `no answer to ${question} (${document.visibilityState}): ${document.body.innerText}`);
    await pause();
}"""

# A sanitiser that lets everything through, and HTML that was text with it.
BYPASS = """export default { sanitize: (html) => document.createRange().createContextualFragment(
    new DOMParser().parseFromString(html, "text/html").body.textContent) };"""


@dataclass
class Hostile:
    """A page whose model is hostile, and what it has requested since it was ready."""

    page: Page
    requests: list[str] = field(default_factory=list)


@contextmanager
def hostile(
    context: BrowserContext, origin: str, answers: Mapping[str, Sequence[str]], rate: float = 0
) -> Iterator[Hostile]:
    """Open a page whose model says these things."""
    replay(context, answers, rate)
    context.add_init_script(LISTEN)
    context.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.fulfill(body="elsewhere"))
    page = context.new_page()
    it = Hostile(page)
    page.on("pageerror", lambda error: it.requests.append(f"error: {error}"))
    page.on("dialog", lambda dialog: it.requests.append(f"dialog: {dialog.message}"))
    person.open_page(page, origin)
    person.wait_until_ready(page, "The guide")
    loaded = "performance.getEntriesByType('resource').some(({ name }) => /purify/.test(name))"
    person.until(page, lambda: page.evaluate(loaded))
    page.on("request", lambda request: it.requests.append(request.url))
    yield it
    context.close()


def seen(page: Page) -> list[str]:
    """What the listener of the page has written down."""
    found: list[str] = page.evaluate("window.seen")
    return found


def nothing_else(it: Hostile) -> list[str]:
    """Return what happened that no answer may set off: it is to be nothing."""
    return seen(it.page) + [url for url in it.requests if not url.endswith("/prose/katex.mjs")]


def test_there_are_vectors_enough() -> None:
    vectors = [vector for vectors in xss.TECHNIQUES.values() for vector in vectors]
    assert len(set(vectors)) == len(vectors) >= 200


@pytest.fixture(scope="module", params=["streamed", "whole"])
def shown(browser: Browser, browser_context_args: dict[str, Any], request: pytest.FixtureRequest) -> Iterator[Hostile]:
    """Streamed: bit by bit, under the page's policy, which is not even asked. Whole: without any policy."""
    streamed = request.param == "streamed"
    said = {
        f"{technique} {number}": re.findall(r"[\s\S]{1,4}", vector) if streamed else [vector]
        for technique, vectors in xss.TECHNIQUES.items()
        for number, vector in enumerate(vectors)
    }
    context = browser.new_context(**browser_context_args, bypass_csp=not streamed)
    with servers.site(conftest.ROOT / "dist") as site, hostile(context, site.origin, said, 200 * streamed) as it:
        yield it


@pytest.mark.parametrize("technique", xss.TECHNIQUES)
def test_nothing_that_a_model_writes_does_anything(shown: Hostile, technique: str) -> None:
    shown.requests.clear()
    for number, vector in enumerate(xss.TECHNIQUES[technique]):
        if number % TOGETHER == 0:
            press_every_link(shown)
            person.begin_anew(shown.page)
        shown.page.evaluate(ASK, f"{technique} {number}")
        assert shown.page.evaluate(AUDIT) == [], vector
        assert nothing_else(shown) == [], vector
    press_every_link(shown)


def press_every_link(it: Hostile) -> None:
    """Press all links of the answers: they open pages elsewhere, and this one stays as it is."""
    address = it.page.url
    links = it.page.locator(".prose a")
    for number in range(links.count()):
        if str(links.nth(number).get_attribute("href")).startswith("http"):
            with it.page.expect_popup() as popup:
                links.nth(number).dispatch_event("click")
            assert popup.value.evaluate("window.opener") is None
            popup.value.close()
    assert it.page.url == address
    assert nothing_else(it) == []


@pytest.mark.parametrize("policy", [True, False])
def test_the_listener_would_see_it(
    browser: Browser, browser_context_args: dict[str, Any], site: servers.Server, policy: bool
) -> None:
    context = browser.new_context(**browser_context_args, bypass_csp=not policy)
    context.route("**/purify.es.mjs", lambda route: route.fulfill(body=BYPASS, content_type="text/javascript"))
    said = {"script": ["<img src=x onerror=window.ran=1>"], "beacon": [f"<img src={xss.EVIL}/i.png>"]}
    with hostile(context, site.origin, said) as it:
        person.ask(it.page, "script")
        assert it.page.evaluate(AUDIT) != []
        with nullcontext() if policy else it.page.expect_request(f"{xss.EVIL}/i.png"):
            person.ask(it.page, "beacon")
        assert it.page.evaluate(AUDIT) != []
        if policy:
            reported = "['script-src', 'img-src'].every((it) => window.seen.some((seen) => seen.includes(it)))"
            person.until(it.page, lambda: it.page.evaluate(reported))
        else:
            person.until(it.page, lambda: it.page.evaluate("window.seen.includes('ran')"))
