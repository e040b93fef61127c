"""A conversation as JSON: so it is kept, exported and imported.

Version 1 of the format, field by field:

- `id`: a text of its own for each conversation; `title`; `created`, `updated`: seconds since 1970; `pinned`
- `settings`: those of this conversation (`chat.settings`)
- `messages`: a list; each has an `id`, the `parent` it follows ("" or none: it begins; a parent stands before it), a
  `role` ("user" or "assistant"), its `text`, `at` (seconds since 1970); an answer also `by` (the model's name),
  `finish` ("stop", "length", "abort"; none: broken off), `usage`, `failure`, `thought` (seconds)
- `leaf`: the ID of the last message shown; `since`: of the message from which on the model reads
- `gone`: the IDs of deleted messages
- `pictures`: data URLs by ID, which a message names in its own `pictures`

What may be left out is empty or 0.
"""

import re
from collections.abc import Iterable
from typing import Any, cast, get_args

from bocal import strict
from bocal.chat import settings
from bocal.chat.conversation import Conversation, Finish, Message, Role, Usage, finite
from bocal.chat.fields import Fields
from bocal.errors import Failure, Problem


def to_json(conversation: Conversation) -> dict[str, Any]:
    """Return what `read` takes."""
    it = conversation
    return _told(
        id=it.id, title=it.title, created=it.created, updated=it.updated, pinned=it.pinned, settings=it.settings,
        messages=[_message(message) for message in it.messages.values()], leaf=it.leaf, since=it.since,
        gone=sorted(it.gone), pictures=it.pictures, revision=it.revision,
    )  # fmt: skip


def read(value: Any, place: str = "") -> Conversation:
    """Read a conversation; raises ValueError with the place of the first field that is wrong."""
    told = Fields(value, place)
    messages: dict[str, Message] = {}
    for number, each in enumerate(told.sequence("messages", ())):
        at = told.at(f"messages[{number}]")
        message = _read_message(each, at)
        if message.id in messages:
            raise ValueError(f"{at}.id")
        if message.parent and message.parent not in messages:
            raise ValueError(f"{at}.parent")
        messages[message.id] = message
    leaf, since = told.text("leaf", ""), told.text("since", "")
    if (leaf and leaf not in messages) or (messages and not leaf):
        raise ValueError(told.at("leaf"))
    pictures = told.table("pictures")
    if not all(isinstance(url, str) and url.startswith("data:image/") for url in pictures.values()):
        raise ValueError(told.at("pictures"))
    if re.search(r"\s", told.word("id")):
        raise ValueError(told.at("id"))
    return Conversation(
        id=told.word("id"), title=told.text("title", ""), created=told.time("created"),
        updated=told.time("updated"), pinned=told.flag("pinned"), settings=settings.read(told.table("settings")),
        messages=messages, leaf=leaf, since=since if since in messages else "", gone=set(told.words("gone")),
        pictures=pictures, revision=told.whole("revision", 0),
    )  # fmt: skip


def _message(message: Message) -> dict[str, Any]:
    failure = message.failure
    return _told(
        id=message.id, parent=message.parent, role=message.role, text=message.text, at=message.at, by=message.by,
        pictures=list(message.pictures), finish=message.finish, thought=message.thought,
        usage=_told(**vars(message.usage)) if message.usage else None,
        failure=_told(problem=failure.problem, detail=failure.detail, facts=failure.facts) if failure else None,
    )  # fmt: skip


def _told(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value or name == "role"}


def _read_message(value: Any, place: str) -> Message:
    told = Fields(value, place)
    return Message(
        role=cast("Role", _one_of(told, "role", told.text("role"), get_args(Role))), text=told.text("text", ""),
        id=told.word("id"), parent=told.text("parent", ""), at=told.time("at"), by=told.text("by", ""),
        pictures=told.words("pictures"),
        finish=cast("Finish", _one_of(told, "finish", told.text("finish", ""), get_args(Finish))),
        thought=told.number("thought", 0), usage=_usage(told), failure=_failure(told),
    )  # fmt: skip


def _usage(told: Fields) -> Usage | None:
    if not told.table("usage"):
        return None
    figures = {it: finite(value) if isinstance(value, float) else value for it, value in told.table("usage").items()}
    usage = Fields(figures, told.at("usage"))
    return Usage(
        usage.whole("prompt_tokens", 0), usage.whole("completion_tokens", 0), usage.whole("window_tokens", 0),
        usage.number("first_token", 0), usage.number("prefill_rate", 0), usage.number("decode_rate", 0),
    )  # fmt: skip


def _failure(told: Fields) -> Failure | None:
    if not told.table("failure"):
        return None
    failure = Fields(told.table("failure"), told.at("failure"))
    problem = _one_of(failure, "problem", failure.text("problem"), list(Problem))
    facts = failure.table("facts")
    if not all(map(_is_fact, facts.values())) or facts.keys() & {"self", "problem", "detail"}:
        raise ValueError(failure.at("facts"))
    return Failure(Problem(problem), failure.text("detail", ""), **{str(name): fact for name, fact in facts.items()})


def _is_fact(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, int | float) and abs(value) <= strict.LARGEST)


def _one_of(told: Fields, name: str, value: str, allowed: Iterable[str]) -> str:
    if value not in tuple(allowed):
        raise ValueError(told.at(name))
    return value
