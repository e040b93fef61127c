"""The conversation: its messages, and what can be done with each."""

from bocal.chat import reasoning
from bocal.chat.conversation import Message, Usage
from bocal.errors import Problem
from bocal.ui import jobs, problems, window
from bocal.ui.html import Child, Html, button, icon, join, logo, tag
from bocal.ui.state import State


def view(state: State) -> Html:
    """The last messages; the page goes on with the answer being written, under the name `written` gives."""
    said, versions = state.conversation.path(), state.conversation.versions()
    earlier = max(0, len(said) - state.turns)
    turns = [
        _question(state, it, versions[it.parent]) if it.role == "user" else _answer(state, it, versions[it.parent])
        for it in said[earlier:]
    ]
    since = next((place for place, it in enumerate(said[earlier:]) if it.id == state.conversation.since), 0)
    if since:
        turns.insert(since, tag("p", tag("span", state.texts("window.line")), class_="since", role="separator"))
    more = button(state.texts.count("thread.earlier", earlier), "thread.earlier", classes="btn sm") if earlier else None
    title = tag("h1", state.conversation.title, class_="vh")
    return tag("div", title, tag("div", more, class_="row earlier") if more else None, turns,
               tag("div", jobs.status(state), class_="thread-status"), class_="column thread", role="log",
               aria_label=state.texts("thread.label"))  # fmt: skip


def written(message: Message) -> tuple[str, str]:
    """Return the ID of the element in which an answer is being written, and its text so far: reasoning comes first."""
    parts = reasoning.split(message.text)
    return (f"thought-{message.id}", parts.thought) if parts.thinking else (f"prose-{message.id}", parts.answer)


def _question(state: State, message: Message, versions: list[str]) -> Html:
    t = state.texts
    if state.editing == message.id:
        return tag("article", _edit(state), class_="msg user is-edited", id=f"m-{message.id}")
    pictures = [tag("img", src=url, alt=t("picture.alt"), class_="picture")
                for it in message.pictures if (url := state.conversation.pictures.get(it))]  # fmt: skip
    tools = tag("div",
        _flip(state, message, versions),
        _tool(state, "pen", "message.edit", message) if not state.locked else None,
        button(icon("copy", "i s"), "text.copy", message.text, "icon-btn", aria_label=t("app.copy"),
               title=t("app.copy")),
        _tool(state, "trash", "message.delete", message) if not state.locked else None,
        class_="tools",
    )  # fmt: skip
    bubble = tag("div", tag("span", t("thread.you"), class_="vh"), tag("div", pictures, class_="pictures") if pictures
                 else None, message.text, class_="bubble")  # fmt: skip
    return tag("article", bubble, tools, class_="msg user", id=f"m-{message.id}")


def _edit(state: State) -> Html:
    t = state.texts
    rows = min(12, max(2, state.edited.count("\n") + 1))
    return tag("form",
        tag("label", t("message.edit"), class_="vh", for_="edit"),
        tag("textarea", state.edited, id="edit", rows=rows, data_input="edit", autocomplete="off"),
        tag("div",
            button(t("app.cancel"), "message.edit.cancel", classes="btn quiet"),
            tag("button", t("message.resend"), type="submit", class_="btn primary",
                disabled=not state.edited.strip() or not state.can_answer),
            class_="row end"),
        class_="edit field", data_submit="message.resend",
    )  # fmt: skip


def _answer(state: State, message: Message, versions: list[str]) -> Html:
    writing, last = message is state.writing, message.id == state.conversation.leaf
    failure = message.failure
    failed = problems.card(state, failure, f"answer-{message.id}", _ways_out(state, message)) if failure else None
    return tag("article",
        tag("div", logo(busy=writing), tag("h2", message.by), class_="who is-busy" if writing else "who"),
        _said(state, message, writing=writing),
        failed,
        _broken_off(state, message) if last and not writing and not failure and _is_asked(state, message) else None,
        _tools(state, message, versions) if not writing else None,
        class_="msg is-last" if last else "msg", id=f"m-{message.id}",
    )  # fmt: skip


def _said(state: State, message: Message, *, writing: bool) -> Html:
    parts = reasoning.split(message.text)
    return join([
        _thought(state, message, parts, writing=writing) if parts.thought or parts.thinking else None,
        tag("span", state.texts("thread.thinking"), class_="vh") if writing and not message.text else None,
        _prose(parts.answer, f"prose-{message.id}", writing=writing and not parts.thinking),
    ])  # fmt: skip


def _prose(text: str, name: str, *, writing: bool) -> Html:
    # The same element holds a text while it is written and after, so that nothing is drawn twice.
    return tag("div", class_="prose", id=name, data_markdown=text, aria_busy="true" if writing else None)


def _thought(state: State, message: Message, parts: reasoning.Parts, *, writing: bool) -> Html:
    """What the model thought: open while it thinks, then folded, unless the visitor has it otherwise."""
    t, name = state.texts, f"think-{message.id}"
    opened = state.folds.get(name, writing and parts.thinking)
    if writing and parts.thinking:
        words = t("thread.reasoning")
    else:
        words = t("thread.thought", seconds=round(message.thought)) if message.thought >= 1 else t("thread.reasoned")
    return tag("div",
        tag("button", icon("chev", "i s flip chev"), tag("span", words), type="button", data_act="fold.toggle",
            data_arg=name, aria_expanded=str(opened).lower(), aria_controls=name),
        tag("div", _prose(parts.thought, f"thought-{message.id}", writing=writing and parts.thinking), id=name,
            hidden=not opened),
        class_="think",
    )  # fmt: skip


def _tools(state: State, message: Message, versions: list[str]) -> Html:
    t, free = state.texts, not state.locked and _is_asked(state, message)
    go_on = free and message.id == state.conversation.leaf and bool(message.text) and message.finish != "stop"
    text = reasoning.split(message.text).answer
    return tag("div",
        _statistics(state, message.usage) if message.usage else None,
        _flip(state, message, versions),
        button(icon("copy", "i s"), "text.copy", text, "icon-btn", aria_label=t("app.copy"), title=t("app.copy"))
        if text else None,
        _tool(state, "redo", "message.again", message) if free else None,
        _tool(state, "play", "message.continue", message) if go_on else None,
        _tool(state, "trash", "message.delete", message) if not state.locked else None,
        class_="tools",
    )  # fmt: skip


def _is_asked(state: State, message: Message) -> bool:
    """Whether the question to an answer is there; it may have been deleted."""
    before = state.conversation.messages.get(message.parent)
    return before is not None and before.role == "user"


def _statistics(state: State, usage: Usage) -> Html:
    t = state.texts

    def rate(value: float) -> str:
        return t.number(value, 1 if value < 10 else 0)

    words = t("thread.stats", first=t.number(usage.first_token, 2), rate=rate(usage.decode_rate))
    more = t("thread.stats_more", tokens=usage.completion_tokens, prompt=usage.prompt_tokens,
             rate=rate(usage.prefill_rate))  # fmt: skip
    return tag("span", words, tag("span", more, class_="opt"), class_="stats")


def _flip(state: State, message: Message, versions: list[str]) -> Html | None:
    """Go to the version before, or the next one."""
    if len(versions) < 2 or state.locked:
        return None
    t, at = state.texts, versions.index(message.id)

    def turn(to: int, label: str, picture: Html) -> Html:
        there = 0 <= to < len(versions)
        return button(picture, "message.show", versions[to] if there else None, "icon-btn", aria_label=t(label),
                      title=t(label), disabled=not there)  # fmt: skip

    return tag("span",
        turn(at - 1, "message.before", icon("chev", "i s back")),
        tag("span", f"{at + 1}/{len(versions)}", class_="num"),
        turn(at + 1, "message.after", icon("chev", "i s flip")),
        class_="versions", role="group", aria_label=t("message.versions"),
    )  # fmt: skip


def _tool(state: State, picture: str, action: str, message: Message) -> Html:
    label = state.texts(action)
    return button(icon(picture, "i s"), action, message.id, "icon-btn", aria_label=label, title=label)


def _broken_off(state: State, message: Message) -> Html | None:
    """Why an answer ends where it does, when that is not its own end."""
    t = state.texts
    if state.locked:
        return tag("div", icon("info"), tag("p", t("thread.elsewhere")), class_="note info", role="status")
    if message.finish == "length" and window.is_full(state, message):
        return tag("div", icon("warn"), tag("p", t("window.full")), tag("div", window.ways_out(state), class_="row"),
                   class_="note warn tall", role="status")  # fmt: skip
    if message.finish == "length" or (message.finish == "" and message.text):
        words = t("thread.too_long" if message.finish else "thread.broken_off")
        go_on = button(t("message.continue"), "message.continue", message.id, "btn sm")
        return tag("div", icon("info"), tag("p", words), go_on, class_="note info")
    if not message.text and message.finish != "stop":
        again = button(t("thread.retry"), "message.again", message.id, "btn sm")
        return tag("div", icon("info"), tag("p", t("thread.nothing")), again, class_="note info")
    return None


def _ways_out(state: State, message: Message) -> list[Child]:
    t = state.texts
    if message.failure and message.failure.problem is Problem.CONTEXT_FULL:
        return [] if state.locked else [*window.ways_out(state)]
    ways = window.lighter(state, message.failure) or [
        button(t("side.new"), "chat.new"), button(t("selector.title"), "selector.open")
    ]  # fmt: skip
    if message.id == state.conversation.leaf and not state.locked and _is_asked(state, message):
        ways.insert(0, button(t("thread.retry"), "message.again", message.id, "btn primary"))
    return ways
