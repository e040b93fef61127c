"""The conversation and the place to write."""

from bocal.chat.conversation import Message
from bocal.ui import jobs, problems
from bocal.ui.html import Html, button, icon, jar, logo, tag
from bocal.ui.state import Phase, State


def view(state: State) -> Html:
    """The turns so far; the page goes on with the answer being written, under its `prose_id`."""
    said = state.conversation.messages
    turns = [_question(state, it) if it.role == "user" else _answer(state, it, last=it is said[-1]) for it in said]
    return tag("div", turns, tag("div", jobs.status(state), class_="thread-status"), class_="column thread", role="log",
               aria_label=state.texts("thread.label"))  # fmt: skip


def prose_id(number: int) -> str:
    """Return the ID of the text of a conversation's message, by its place."""
    return f"prose-{number}"


def composer(state: State) -> Html:
    """The form one writes in, with the gauge of the context window."""
    t, model = state.texts, state.selected
    used, window = state.conversation.tokens_used, state.context_window
    job = state.download(model)
    if model is None:
        placeholder = t("composer.no_model")
    elif job:
        placeholder = t("composer.wait_download", name=state.name(model))
    else:
        placeholder = t("composer.placeholder")
    can_send = model is not None and job is None and state.can_answer and _can_run(state)
    words = t("composer.tokens", used=used, window=window)
    return tag("form",
        tag("label", t("composer.label"), class_="vh", for_="ask"),
        tag("textarea", state.draft, id="ask", name="ask", rows=1, placeholder=placeholder, data_input="draft",
            disabled=not _can_run(state), autocomplete="off"),
        tag("div",
            tag("span", jar(used / window), tag("span", words), title=t("composer.tokens_title"),
                class_=f"context num {_fullness(used / window)}".strip()) if window else None,
            tag("span", class_="grow"),
            tag("span", t("composer.hint"), class_="cap hide-phone"),
            button([icon("stop", "i s"), tag("span", t("composer.stop"))], "chat.stop", classes="send stop",
                   id="stop-button")
            if state.phase is Phase.ANSWERING else
            tag("button", icon("up"), type="submit", class_="send", aria_label=t("composer.send"), id="send-button",
                disabled=not can_send),
            class_="composer-row"),
        class_="composer", data_submit="chat.send", autocomplete="off",
    )  # fmt: skip


def _can_run(state: State) -> bool:
    return state.device is None or state.device.can_run


def _fullness(share: float) -> str:
    return "is-full" if share > 0.95 else "is-high" if share > 0.8 else ""


def _question(state: State, message: Message) -> Html:
    label = tag("span", state.texts("thread.you"), class_="vh")
    return tag("article", tag("div", label, message.text, class_="bubble"), class_="msg user")


def _answer(state: State, message: Message, *, last: bool) -> Html:
    writing = last and state.phase is Phase.ANSWERING
    failure, number = message.failure, state.conversation.messages.index(message)
    failed = problems.card(state, failure, f"answer-{number}", _ways_out(state, message)) if failure else None
    return tag("article",
        tag("div", logo(busy=writing), tag("span", message.by), class_="who is-busy" if writing else "who"),
        tag("span", state.texts("thread.thinking"), class_="vh") if writing and not message.text else None,
        _prose(message, number, writing=writing),
        failed,
        _tools(state, message) if not writing and message.text else None,
        class_="msg is-last" if last else "msg",
    )  # fmt: skip


def _tools(state: State, message: Message) -> Html:
    t, usage = state.texts, message.usage
    stats = None
    if usage:
        first, rate = t.number(usage.first_token, 2), t.number(usage.decode_rate, 1 if usage.decode_rate < 10 else 0)
        stats = tag("span", t("thread.stats", first=first, rate=rate),
                    tag("span", t("thread.stats_tokens", tokens=usage.completion_tokens), class_="opt"),
                    class_="stats")  # fmt: skip
    return tag("div", stats,
               button(icon("copy", "i s"), "text.copy", message.text, "icon-btn", aria_label=t("app.copy")),
               class_="tools")  # fmt: skip


def _ways_out(state: State, message: Message) -> list[Html]:
    t = state.texts
    ways = [button(t("side.new"), "chat.new"), button(t("selector.title"), "selector.open")]
    if message is state.conversation.messages[-1]:
        ways.insert(0, button(t("thread.retry"), "chat.retry", classes="btn primary"))
    return ways


def _prose(message: Message, number: int, *, writing: bool) -> Html:
    # The same element holds the answer while it is written and after, so that nothing is drawn twice.
    return tag("div", class_="prose", id=prose_id(number), data_markdown=message.text,
               aria_busy="true" if writing else None)  # fmt: skip
