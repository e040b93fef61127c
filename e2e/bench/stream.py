"""What drawing an answer costs while it is written: 4,000 tokens at 120 a second, recorded, of four kinds of text.

Tasks and tokens are measured in the processor time of the page's main thread, which other work on the machine does not
lengthen, everything included: messages from the worker, Python, rendering, style, layout. A token's cost is taken over
500 tokens early and late in the same answer. Frames are what a person sees, hence in real time: those missed while the
answer comes, beside those that the same page misses when it only waits.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import person
from bench.measure import Row, browser_page, site
from playwright.sync_api import CDPSession, Page
from replay import replay

TOKENS, RATE = 4000, 120  # how many, and how many a second
LONGEST, DROPPED, GROWTH = 50, 0.05, 1.5  # milliseconds; share of frames; late cost of a token over early cost
EARLY, LATE = (250, 750), (3250, 3750)  # tokens between which the cost is measured
IDLE = 10_000  # milliseconds of waiting that frames are compared with

# Counts the frames that came and those that did not, by the time between them.
FRAMES = """() => {
    const seen = window.seen = { frames: 0, missed: 0 };
    let last;
    const frame = (time) => {
        if (seen !== window.seen) return;
        if (last !== undefined) {
            const due = Math.max(1, Math.round((time - last) * 60 / 1000));
            seen.frames += due;
            seen.missed += due - 1;
        }
        last = time;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
}"""

# Counts the tokens as they come from the worker.
COUNT = """(() => {
    const Real = Worker;
    window.tokens = 0;
    window.Worker = class extends Real {
        constructor(...how) {
            super(...how);
            this.addEventListener("message", ({ data }) => { if (data.content?.choices?.length) window.tokens++; });
        }
    };
})()"""


def tokens(text: str) -> list[str]:
    """Cut a text as tokenizers do: words with the space before them, long ones in pieces, signs, line breaks."""
    pieces = (piece for word in re.findall(r" ?\w+|\n+| +|[^\w\s]", text) for piece in re.findall(r"[\s\S]{1,6}", word))
    return list(pieces)[:TOKENS]


def mixed() -> str:
    """Return prose with headings, lists, code, a table and formulas, again and again."""
    return "\n".join(
        f"""## Step {n}

The **dough number {n}** rests for *{n} minutes*, as [the guide](https://example.org/{n}) says, then `fold({n})` is
called. Water is {n % 40 + 50}% of the flour, hence $w = {n} \\cdot f$, and nothing else changes until it has risen.

- Weigh {n} g of flour
- Add the **starter**:
  - {n} g in summer
  - twice as much in winter

| Flour | Water | Salt |
|---|--:|--:|
| {n} g | {n * 7} g | {n % 9} g |

```python
def step_{n}(flour: float) -> dict[str, float]:
    # shares are relative to the flour
    return {{"water": flour * 0.{n}, "salt": round(flour * 0.02, {n})}}
```
"""
        for n in range(10, 60)
    )


def code() -> str:
    """Return one long block of code."""
    return "```python\n" + "".join(
        f"""def step_{n}(flour: float, share: float = 0.{n}) -> dict[str, float]:
    \"\"\"Return the weights for step {n}.\"\"\"
    water = flour * share  # relative to the flour
    return {{"water": round(water, {n % 5}), "salt": flour * 0.02}}


"""
        for n in range(10, 110)
    )


def items() -> str:
    """Return one long list."""
    return "".join(f"{n}. **Point {n}**: fold the dough `{n}` times, then let it rest\n" for n in range(1, 400))


def rows() -> str:
    """Return one long table."""
    head = "| Number | Name | Share | Remark |\n|--:|---|:-:|---|\n"
    return head + "".join(f"| {n} | flour *{n}* | {n % 100}% | rests `{n}` minutes |\n" for n in range(1, 400))


@dataclass(frozen=True)
class Figures:
    """Milliseconds of the longest task, and of a token early and late; shares of frames missed, also when idle."""

    longest: float
    early: float
    late: float
    missed: float
    idle: float


def busy(session: CDPSession) -> float:
    """Return the milliseconds of processor time that the main thread has worked so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(float(metric["value"]) * 1000 for metric in metrics if metric["name"] == "TaskDuration")


def missed(page: Page) -> float:
    """Return the share of frames missed since `FRAMES` was last run."""
    return float(
        page.evaluate("() => { const seen = window.seen; window.seen = null; return seen.missed / seen.frames }")
    )


def longest_task(session: CDPSession, stream: str) -> float:
    """Return the processor time of the longest task in a trace, in milliseconds."""
    text = ""
    while not (part := session.send("IO.read", {"handle": stream}))["eof"]:
        text += part["data"]
    text += part["data"]
    events = json.loads(text)["traceEvents"]
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks = sorted(
        event["tdur"] / 1000
        for event in events
        if event.get("ph") == "X" and "tdur" in event and (event["pid"], event["tid"]) in main
    )
    return float(tasks[-1])


def measure(page: Page, question: str) -> Figures:
    """Ask, and watch the answer come."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.evaluate(FRAMES)
    page.wait_for_timeout(IDLE)
    idle = missed(page)
    page.get_by_label("Your message").fill(question)
    page.evaluate("() => { window.tokens = 0; }")
    ended: list[str] = []
    session.once("Tracing.tracingComplete", lambda event: ended.append(event["stream"]))
    config = {"includedCategories": ["toplevel"], "excludedCategories": ["*"]}
    session.send("Tracing.start", {"transferMode": "ReturnAsStream", "traceConfig": config})
    page.evaluate(FRAMES)
    page.keyboard.press("Enter")
    costs: list[float] = []
    for first, last in (EARLY, LATE):
        page.wait_for_function("(n) => window.tokens >= n", arg=first, polling=100)
        begin, at = busy(session), page.evaluate("window.tokens")
        page.wait_for_function("(n) => window.tokens >= n", arg=last, polling=100)
        costs.append((busy(session) - begin) / (page.evaluate("window.tokens") - at))
    page.locator(".msg.is-last .stats").wait_for()
    lost = missed(page)
    session.send("Tracing.end")
    while not ended:
        page.wait_for_timeout(50)
    longest = longest_task(session, ended[0])
    session.detach()
    return Figures(longest, costs[0], costs[1], lost, idle)


def run() -> Iterator[Row]:
    """Replay each text in a conversation of its own."""
    texts = {"all kinds": mixed(), "one block of code": code(), "one list": items(), "one table": rows()}
    with site({}) as origin, browser_page() as page:
        replay(page, {question: tokens(text) for question, text in texts.items()}, RATE)
        page.add_init_script(COUNT)
        person.open_page(page, origin)
        person.wait_until_ready(page, "The guide")
        for number, question in enumerate(texts):
            if number:
                person.begin_anew(page)
            found = measure(page, question)
            what = f"{TOKENS:,} tokens, {question}"
            longest, aim = f"{found.longest:.0f} ms of processor time", f"at most {LONGEST} ms"
            yield Row(f"{what}: longest task", longest, aim, found.longest <= LONGEST)
            frames, most = f"{found.missed:.1%} ({found.idle:.1%} when idle)", f"at most {DROPPED:.0%} more"
            yield Row(f"{what}: frames missed", frames, most, found.missed - found.idle <= DROPPED)
            costs, most = f"{found.early:.2f} ms early, {found.late:.2f} ms late", f"late at most {GROWTH} of early"
            yield Row(f"{what}: a token costs", costs, most, found.late <= GROWTH * found.early)
