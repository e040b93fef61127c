"""Conversations as files: JSON to keep and bring back, Markdown to read.

The JSON is `{"format": "bocal.conversations", "version": 1, "exported": seconds since 1970, "conversations": [...]}`,
each as `chat.document` describes. A later version that only adds fields keeps the number.
"""

import json
import re
import time
from collections.abc import Iterable
from typing import Any

from bocal import strict
from bocal.chat import document, reasoning
from bocal.chat.conversation import Conversation, Message
from bocal.errors import Failure, Problem

FORMAT, VERSION = "bocal.conversations", 1


def write(conversations: Iterable[Conversation], exported: float) -> bytes:
    """Return a file of conversations."""
    told = [document.to_json(it) for it in conversations]
    for each in told:
        each.pop("revision", None)
    whole = {"format": FORMAT, "version": VERSION, "exported": exported, "conversations": told}
    return json.dumps(whole, ensure_ascii=False, indent=1).encode(errors="replace")


def read(content: bytes) -> list[Conversation]:
    """Return the conversations of a file.

    Raises Failure(CHATS_UNREADABLE) when it is none of ours, CHATS_NEWER when a later version wrote it, CHATS_DAMAGED
    with the place of the first field that is wrong.
    """
    try:
        whole = strict.from_bytes(content)
    except ValueError as error:
        raise Failure(Problem.CHATS_UNREADABLE, detail=str(error)) from error
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise Failure(Problem.CHATS_UNREADABLE, detail=f"format: {_shown(whole)}")
    version = whole.get("version")
    if isinstance(version, int) and version > VERSION:
        raise Failure(Problem.CHATS_NEWER, detail=f"version: {version}")
    if version != VERSION or isinstance(version, bool):
        raise Failure(Problem.CHATS_DAMAGED, place="version")
    told = whole.get("conversations")
    if not isinstance(told, list):
        raise Failure(Problem.CHATS_DAMAGED, place="conversations")
    found: dict[str, Conversation] = {}
    try:
        for number, each in enumerate(told):
            conversation = document.read(each, f"conversations[{number}]")
            if conversation.id in found:
                raise ValueError(f"conversations[{number}].id")
            found[conversation.id] = conversation
    except ValueError as error:
        raise Failure(Problem.CHATS_DAMAGED, place=str(error)) from error
    return list(found.values())


def to_markdown(conversation: Conversation, you: str) -> str:
    """Return what is shown of a conversation as Markdown; `you` heads the visitor's own words."""
    parts = [f"# {conversation.title}"]
    for message in conversation.path():
        parts += [f"## {you if message.role == 'user' else message.by}", _words(message)]
    return "\n\n".join(part for part in parts if part) + "\n"


def file_name(title: str, at: float, ending: str) -> str:
    """Return a name for a file that every system takes: the title's words and the day."""
    words = re.sub(r"[^\w]+", "-", title).strip("-_")[:50].rstrip("-_") or "bocal"
    return f"{words}-{time.strftime('%Y-%m-%d', time.localtime(at))}.{ending}"


def _words(message: Message) -> str:
    parts = reasoning.split(message.text)
    thought = "\n".join(f"> {line}".rstrip() for line in parts.thought.splitlines())
    return "\n\n".join(part for part in (thought, parts.answer.strip()) if part)


def _shown(whole: Any) -> str:
    return str(whole.get("format") if isinstance(whole, dict) else type(whole).__name__)[:80]
