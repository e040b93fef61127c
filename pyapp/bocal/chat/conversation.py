"""A conversation: what was said, in every version, and what each answer cost.

Messages form a tree. A question put anew, or an answer written anew, stands beside the one before it, so that nothing
is lost; the conversation shows the one way through the tree that ends at `leaf`.
"""

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from bocal.chat import reasoning
from bocal.errors import Failure

Role = Literal["user", "assistant"]
Finish = Literal["", "stop", "length", "abort"]  # "": being written, or broken off by the end of the page

TITLE = 60  # characters of a title that is made from a question


def finite(value: float) -> float:
    """Return a number, 0 in the place of NaN and of what has no end."""
    return float(value) if math.isfinite(value) else 0.0


@dataclass(frozen=True)
class Usage:
    """What WebLLM counted for one answer: tokens, seconds, tokens per second.

    `prompt_tokens` are those it had to read anew; `window_tokens` all that fill the context window after the answer.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    window_tokens: int = 0
    first_token: float = 0
    prefill_rate: float = 0
    decode_rate: float = 0

    @classmethod
    def read(cls, usage: Mapping[str, Any]) -> "Usage":
        """Read the `usage` object of a WebLLM chunk; figures it leaves out, or divides by no time (NaN), are 0."""
        extra = usage.get("extra") or {}
        prompt, completion = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
        return cls(
            prompt_tokens=prompt,
            completion_tokens=completion,
            window_tokens=int(extra.get("window_tokens") or prompt + completion),
            first_token=finite(extra.get("time_to_first_token_s") or 0),
            prefill_rate=finite(extra.get("prefill_tokens_per_s") or 0),
            decode_rate=finite(extra.get("decode_tokens_per_s") or 0),
        )


@dataclass
class Message:
    """One turn, after the message `parent` ("": the first).

    `at` is in seconds since 1970; `pictures` are IDs into the conversation's. Of an answer: `by` names the model,
    `failure` says why it ended early, `thought` is for how many seconds the model reasoned first.
    """

    role: Role
    text: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:16])
    parent: str = ""
    at: float = 0
    by: str = ""
    pictures: tuple[str, ...] = ()
    usage: Usage | None = None
    failure: Failure | None = None
    finish: Finish = ""
    thought: float = 0

    def has_more_than(self, other: "Message") -> bool:
        """Whether this copy of a message is further than another: longer, or as long and ended."""
        if len(self.text) != len(other.text):
            return len(self.text) > len(other.text)
        return bool(self.finish and not other.finish) or bool(self.usage and not other.usage)


@dataclass
class Conversation:
    """All that was said. `messages` are in the order they came, each after its parent.

    `settings` are those that differ from the model's (`chat.settings`); `since` is the message from which on the model
    reads ("": from the first); `gone` are the IDs of messages that were deleted; `pictures` are data URLs by ID.
    `revision` counts what was kept of it; `kept` are its settings and `since` as they were kept last.
    """

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    title: str = ""
    created: float = 0
    updated: float = 0
    pinned: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    leaf: str = ""
    since: str = ""
    gone: set[str] = field(default_factory=set)
    pictures: dict[str, str] = field(default_factory=dict)
    revision: int = 0
    kept: tuple[Mapping[str, Any], str] = field(default=({}, ""), compare=False)

    def path(self) -> list[Message]:
        """Return the messages that are shown, the first one first."""
        way, at = [], self.leaf
        while at:
            way.append(self.messages[at])
            at = way[-1].parent
        return way[::-1]

    @property
    def last(self) -> Message | None:
        """The last message shown."""
        return self.messages.get(self.leaf)

    def versions(self) -> dict[str, list[str]]:
        """Return the IDs of the messages that follow each message ("": that begin), in the order they came."""
        following: dict[str, list[str]] = {}
        for message in self.messages.values():
            following.setdefault(message.parent, []).append(message.id)
        return following

    def ask(self, text: str, model_name: str, at: float = 0, pictures: Mapping[str, str] | None = None) -> Message:
        """Append a question and the empty answer to it; return the answer, to be filled."""
        return self._ask(self.leaf, text, model_name, at, pictures or {})

    def ask_anew(self, question_id: str, text: str, model_name: str, at: float = 0) -> Message:
        """Put a question in other words, beside the first ones; return the empty answer."""
        question = self.messages[question_id]
        kept = {it: self.pictures[it] for it in question.pictures if it in self.pictures}
        answer = self._ask(question.parent, text, model_name, at, kept)
        if self.since == question_id:
            self.since = answer.parent
        return answer

    def answer_anew(self, answer_id: str, model_name: str, at: float = 0) -> Message:
        """Return an empty answer beside one there is."""
        return self._add(Message("assistant", "", parent=self.messages[answer_id].parent, by=model_name, at=at))

    def show(self, message_id: str) -> None:
        """Show the way that goes through a message, on to the latest of what follows it."""
        following, at = self.versions(), message_id
        while at in following:
            at = following[at][-1]
        self.leaf = at

    def delete(self, message_id: str) -> None:
        """Delete one message, with pictures that no other has; what followed it moves up.

        Another version of it is shown if there is one, and what followed it follows that; the answers to a question
        that has another version go with it.
        """
        leaving = {message_id}
        if self.messages[message_id].role == "user" and self._beside(message_id):
            leaving |= set(self._answers(message_id))
        self._remove(message_id, leaving)

    def _beside(self, message_id: str) -> list[str]:
        """Return the other versions of a message, the latest last."""
        it = self.messages[message_id]
        return [
            other.id for other in self.messages.values()
            if (other.parent, other.role) == (it.parent, it.role) and other is not it
        ]  # fmt: skip

    def _answers(self, question_id: str) -> list[str]:
        """Return the answers to a question, the latest last."""
        return [it.id for it in self.messages.values() if it.parent == question_id and it.role == "assistant"]

    def _remove(self, message_id: str, leaving: set[str]) -> None:
        """Remove a message, and of its answers those that are `leaving` too."""
        gone, beside = self.messages[message_id], self._beside(message_id)
        way = [it.id for it in self.path()]
        heir = beside[-1] if beside else gone.parent
        if gone.role == "user" and beside:
            heir = (self._answers(heir) or [heir])[-1]
        for message in self.messages.values():
            if message.parent in leaving and message.id not in leaving:
                answers_it = gone.role == "user" and message.role == "assistant" and message.parent == message_id
                message.parent = gone.parent if answers_it else heir  # no answer becomes another question's
        for it in leaving:
            del self.messages[it]
        self.gone |= leaving
        self._put_in_order()
        self._drop_pictures()
        if self.since in leaving:
            after = [it for it in way[way.index(message_id) + 1 :] if it in self.messages] if message_id in way else []
            self.since = beside[-1] if beside else next(iter(after), "")
        if self.leaf in leaving:
            self.leaf = gone.parent
            if beside:
                self.show(beside[-1])
            elif not self.leaf and self.messages:
                self.show(next(iter(self.messages)))

    def _drop_pictures(self) -> None:
        """Drop the pictures that no message shows."""
        named = {it for message in self.messages.values() for it in message.pictures}
        self.pictures = {it: url for it, url in self.pictures.items() if it in named}

    def _put_in_order(self) -> None:
        """Put each message after its parent, and leave it where it is otherwise."""
        ordered: dict[str, Message] = {}
        for message in self.messages.values():
            before = [message]
            while (parent := before[-1].parent) and parent not in ordered:
                before.append(self.messages[parent])
            ordered.update((it.id, it) for it in reversed(before))
        self.messages = ordered

    def forget_before(self, message_id: str) -> None:
        """Let the model read from a message on; what came before stays on the page."""
        self.since = message_id

    def make_room(self, window: int) -> bool:
        """Let the model read only the last turns, about half of a window of so many tokens; whether that drops any.

        The question that comes last is always read. What is dropped no longer counts in the usage of what is left.
        """
        said, questions, used = self._read(), self._droppable(), self.tokens_used
        if not questions:
            return False
        for place in questions:
            counted = next((it.usage.window_tokens for it in reversed(said[:place]) if it.usage), 0)
            if counted and used - counted <= window / 2:
                break
        self.since = said[place].id
        for it in said[place:]:
            if it.usage:
                it.usage = replace(it.usage, window_tokens=max(0, it.usage.window_tokens - counted))
        return True

    @property
    def has_room_to_make(self) -> bool:
        """Whether there are turns that the model could leave unread."""
        return bool(self._droppable())

    def _droppable(self) -> list[int]:
        """The places, in what is read, of questions that it could begin with instead."""
        return [place for place, it in enumerate(self._read()) if it.role == "user" and place]

    def to_engine(self, system: str = "", go_on: str = "", *, sees: bool = True) -> list[dict[str, Any]]:
        """Return the turns in OpenAI's format, up to the last question.

        Answers that failed empty are left out with their question; reasoning is left out, as those who make such
        models advise. With `go_on` the last answer is a part of it, and these words ask for the rest. A model that
        does not see (`sees`) gets no pictures.
        """
        said = self._read()
        if said and said[-1].role == "assistant" and not go_on:
            said = said[:-1]
        turns: list[dict[str, Any]] = []
        for message in _answered(said):
            if message.role == "user":
                _append(turns, "user", self._content(message) if sees else message.text)
            elif turns:
                _append(turns, "assistant", reasoning.split(message.text).answer)
        if go_on:
            _append(turns, "user", go_on)
        return [{"role": "system", "content": system}, *turns] if system else turns

    def absorb(self, other: "Conversation") -> bool:
        """Take over what another copy of this conversation has and this one has not; returns whether there was any.

        That is messages, and more of an answer, or its end.
        """
        self.gone |= other.gone
        for message_id in list(self.messages):
            if message_id in self.gone and message_id in self.messages:
                self._remove(message_id, {message_id, *self._answers(message_id)} & self.gone)
        grown = False
        for message in other.messages.values():
            mine = self.messages.get(message.id)
            if mine is None and message.id not in self.gone:
                self.messages[message.id], grown = message, True
            elif mine is not None and message.has_more_than(mine):
                vars(mine).update(vars(message), parent=mine.parent)
                grown = True
        for message in self.messages.values():
            if message.parent not in self.messages:  # it was deleted here
                message.parent = ""
        self.pictures = {**other.pictures, **self.pictures}
        self._drop_pictures()
        self._put_in_order()
        if self.leaf not in self.messages:
            self.leaf = other.leaf if other.leaf in self.messages else next(reversed(self.messages), "")
        at = other.leaf if other.leaf in self.messages else ""
        while at and at != self.leaf:
            at = self.messages[at].parent
        if at:  # the other copy goes on where this one ends
            self.leaf = other.leaf
        return grown

    @property
    def tokens_used(self) -> int:
        """Tokens of the window taken by the conversation, as the engine last counted them."""
        counted = next((message.usage for message in reversed(self._read()) if message.usage), None)
        return counted.window_tokens if counted else 0

    def _read(self) -> list[Message]:
        said = self.path()
        first = next((number for number, it in enumerate(said) if it.id == self.since), 0)
        return said[first:]

    def _ask(self, parent: str, text: str, model_name: str, at: float, pictures: Mapping[str, str]) -> Message:
        self.pictures.update(pictures)
        self.title = self.title or title_of(text)
        self.created = self.created or at
        question = self._add(Message("user", text, parent=parent, at=at, pictures=tuple(pictures)))
        return self._add(Message("assistant", "", parent=question.id, by=model_name, at=at))

    def _add(self, message: Message) -> Message:
        self.messages[message.id] = message
        self.leaf, self.updated = message.id, max(self.updated, message.at)
        return message

    def _content(self, message: Message) -> str | list[dict[str, Any]]:
        pictures = [self.pictures[it] for it in message.pictures if it in self.pictures]
        if not pictures:
            return message.text
        images = [{"type": "image_url", "image_url": {"url": url}} for url in pictures]
        return [{"type": "text", "text": message.text}, *images]


def title_of(text: str) -> str:
    """Return a title made from a question: its first line of words, cut between words."""
    line = next((words for line in text.splitlines() if (words := " ".join(line.strip("#>*-`_ \t").split()))), "")
    if len(line) <= TITLE:
        return line
    cut = line[:TITLE].rsplit(" ", 1)[0] if " " in line[:TITLE] else line[:TITLE]
    return cut.rstrip(" ,;:.") + "…"


def _answered(said: list[Message]) -> list[Message]:
    """Leave out answers that failed empty, each with its question."""
    kept: list[Message] = []
    for message in said:
        if message.role == "user" or reasoning.split(message.text).answer:
            kept.append(message)
        elif kept and kept[-1].role == "user":
            kept.pop()
    return kept


def _append(turns: list[dict[str, Any]], role: str, content: str | list[dict[str, Any]]) -> None:
    """Append a turn; roles must alternate, so what one side says twice in a row becomes one turn."""
    if not turns or turns[-1]["role"] != role:
        turns.append({"role": role, "content": content})
        return
    before = turns[-1]["content"]
    if isinstance(before, str) and isinstance(content, str):
        turns[-1]["content"] = f"{before}\n\n{content}"
        return
    parts = [*_parts(before), *_parts(content)]
    images = [part for part in parts if part["type"] != "text"]
    text = "\n\n".join(part["text"] for part in parts if part["type"] == "text")
    turns[-1]["content"] = [{"type": "text", "text": text}, *images]


def _parts(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
