"""The conversations that are kept: one small head each, which the list shows, and a body that is read when opened.

Drawers of the database `bocal`: heads, bodies (`chat.document` without pictures), pictures, the words to search, and
the answers that are being written (a page that ends in the middle of one loses at most the last second).
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from itertools import batched
from typing import Any

from bocal.chat import document, reasoning
from bocal.chat.conversation import Conversation, Message
from bocal.errors import Failure, Problem
from bocal.letters import as_typed, fold
from bocal.protocols import Notes, Tabs

DRAWERS = HEADS, BODIES, PICTURES, WORDS, UNFINISHED = "heads", "bodies", "pictures", "words", "unfinished"
UNDO = 10.0  # seconds for which a deleted conversation can be taken back
BATCH = 20  # conversations whose words are read in one go
EXCERPT = 90  # characters around what was found
_MARKS = re.compile(r"[*`#>|$]+|:?-{3,}:?")


@dataclass(frozen=True)
class Head:
    """What the list shows of a conversation: times in seconds since 1970, `deleted` when it was (0: it is not)."""

    id: str
    title: str
    created: float
    updated: float
    pinned: bool = False
    revision: int = 0
    deleted: float = 0


@dataclass(frozen=True)
class Found:
    """A conversation that holds the words: in its title, or in a message, around which `before`, `words`, `after`."""

    head: Head
    message: str = ""
    before: str = ""
    words: str = ""
    after: str = ""


class History:
    """The conversations of this browser; tells the other tabs what it changes."""

    def __init__(self, notes: Notes, tabs: Tabs) -> None:
        self.heads: dict[str, Head] = {}
        self._notes = notes
        self._tabs = tabs
        self._words: dict[str, str] = {}
        self._pictures: dict[str, set[str]] = {}  # names of those that are kept, by conversation

    async def look(self, now: float) -> None:
        """Read the heads, and delete for good what was deleted before; raises Failure where nothing can be kept."""
        heads = [_read_head(told) for told in (await self._notes.read(HEADS)).values()]
        gone = [head.id for head in heads if head.deleted and now - head.deleted > UNDO]
        self.heads = {head.id: head for head in heads if head.id not in gone}
        for each in gone:
            await self.purge(each)

    def listed(self) -> list[Head]:
        """Return the heads of what is not deleted: the pinned ones first, then the latest."""
        there = [head for head in self.heads.values() if not head.deleted]
        return sorted(there, key=lambda head: (not head.pinned, -head.updated))

    async def open(self, conversation_id: str) -> Conversation | None:
        """Return a conversation, with what was written of an answer that was broken off.

        Raises Failure(CHAT_DAMAGED) with the place of the first field that is wrong.
        """
        head, body = self.heads.get(conversation_id), await self._find(BODIES, conversation_id)
        unfinished = await self._find(UNFINISHED, conversation_id)
        if head is None or body is None:
            return None
        conversation = await self._read(body)
        conversation.title, conversation.pinned, conversation.revision = head.title, head.pinned, head.revision
        conversation.created, conversation.updated = head.created, head.updated
        if unfinished and (message := conversation.messages.get(unfinished["message"])):
            message.text = max(message.text, unfinished["text"], key=len)
        return conversation

    async def save(self, conversation: Conversation) -> None:
        """Keep a conversation, with what another tab added to it meanwhile; returns once that is committed."""
        release = await self._tabs.hold(_lock(conversation.id), wait=True)
        try:
            told = await self._find(HEADS, conversation.id)
            kept = _read_head(told) if told else None
            if kept:
                conversation.title, conversation.pinned = kept.title or conversation.title, kept.pinned
                if kept.revision != conversation.revision and (body := await self._find(BODIES, conversation.id)):
                    other = await self._read(body)
                    conversation.absorb(other)
                    settings, since = conversation.kept
                    if conversation.settings == settings:
                        conversation.settings = other.settings
                    if conversation.since == since and other.since in {"", *conversation.messages}:
                        conversation.since = other.since
            conversation.revision = max(conversation.revision, kept.revision if kept else 0) + 1
            await self._keep([conversation], kept.deleted if kept else 0, [(UNFINISHED, conversation.id)])
        finally:
            if release:
                release()

    async def _read(self, body: Any) -> Conversation:
        """Read a body, and the pictures of its messages."""
        try:
            conversation = document.read(body)
        except ValueError as error:
            raise Failure(Problem.CHAT_DAMAGED, place=str(error)) from error
        names = [it for message in conversation.messages.values() for it in message.pictures]
        found = await self._notes.find(PICTURES, [f"{conversation.id}/{it}" for it in names])
        conversation.pictures = {it: url for it, url in zip(names, found, strict=True) if url}
        conversation.kept = dict(conversation.settings), conversation.since
        self._pictures[conversation.id] = set(conversation.pictures)
        return conversation

    async def note_progress(self, conversation: Conversation, message: Message) -> None:
        """Keep what is written so far of an answer."""
        await self._notes.write(UNFINISHED, conversation.id, {"message": message.id, "text": message.text})

    async def rename(self, conversation_id: str, title: str) -> None:
        """Give a conversation another title."""
        await self._change_head(conversation_id, title=title)

    async def pin(self, conversation_id: str, *, pinned: bool) -> None:
        """Keep a conversation at the top of the list, or no longer."""
        await self._change_head(conversation_id, pinned=pinned)

    async def delete(self, conversation_id: str, now: float) -> None:
        """Take a conversation from the list; until `purge` it can be restored."""
        await self._change_head(conversation_id, deleted=now)

    async def restore(self, conversation_id: str) -> None:
        """Take a deletion back."""
        await self._change_head(conversation_id, deleted=0)

    async def purge(self, conversation_id: str) -> None:
        """Delete a conversation for good."""
        body = await self._find(BODIES, conversation_id)
        pictures = [
            (PICTURES, f"{conversation_id}/{it}") for message in _messages(body) for it in message.get("pictures") or []
        ]
        drawers = [(drawer, conversation_id) for drawer in (HEADS, BODIES, WORDS, UNFINISHED)]
        await self._notes.change([], [*drawers, *pictures])
        self._forget(conversation_id)
        self._tabs.say({"conversation": conversation_id})

    async def prepare(self) -> None:
        """Read the words to search, a few conversations at a time: whoever has many has megabytes of them."""
        missing = [it for it in self.heads if it not in self._words]
        for some in batched(missing, BATCH, strict=False):
            found = await self._notes.find(WORDS, some)
            # Earlier versions kept ligatures and apostrophes as they were.
            self._words.update({it: as_typed(words or "") for it, words in zip(some, found, strict=True)})

    async def search(self, text: str, most: int) -> list[Found]:
        """Return the conversations that hold all these words, titles first, then the latest; at most `most` of them."""
        await self.prepare()
        wanted = fold(text).split()
        titles, bodies = [], []
        for head in self.listed():
            title = fold(head.title)
            if all(word in title for word in wanted):
                titles.append(Found(head))
            elif all(word in title or word in self._words.get(head.id, "") for word in wanted):
                bodies.append(head)
        room = max(0, most - len(titles))
        told = await self._notes.find(BODIES, [head.id for head in bodies[:room]])
        return titles[:most] + [_excerpt(head, body, wanted) for head, body in zip(bodies, told, strict=False)]

    async def everything(self) -> list[Conversation]:
        """Return all conversations that are not deleted, whole, in the order of the list, but for damaged ones."""
        found = []
        for head in self.listed():
            with suppress(Failure):
                found.append(await self.open(head.id))
        return [it for it in found if it]

    async def merge(self, conversations: Sequence[Conversation]) -> tuple[int, int]:
        """Take over conversations from a file, in one transaction; returns how many were new, and how many grew."""
        new = grown = 0
        changed: list[Conversation] = []
        for incoming in conversations:
            head = self.heads.get(incoming.id)
            try:
                kept = await self.open(incoming.id) if head else None
            except Failure as failure:
                if failure.problem is not Problem.CHAT_DAMAGED:
                    raise
                kept = None  # mended by the file's
            if kept is None:
                new += 1
                changed.append(incoming)
                continue
            more = kept.absorb(incoming)
            if more or (head and head.deleted):
                grown, kept.revision = grown + 1, kept.revision + 1
                kept.updated = max(kept.updated, incoming.updated)
                changed.append(kept)
        if changed:
            await self._keep(changed, 0, [])
        return new, grown

    async def follow(self, conversation_id: str) -> None:
        """Take over what another tab did to a conversation."""
        told = await self._find(HEADS, conversation_id)
        self._forget(conversation_id)
        if told:
            self.heads[conversation_id] = _read_head(told)

    def _forget(self, conversation_id: str) -> None:
        for known in (self.heads, self._words, self._pictures):
            known.pop(conversation_id, None)

    async def _change_head(self, conversation_id: str, **fields: Any) -> None:
        """Change what is kept of a head, and show it so at once; one that is gone stays gone."""
        release = await self._tabs.hold(_lock(conversation_id), wait=True)
        try:
            told = await self._find(HEADS, conversation_id)
            if told:
                head = self.heads[conversation_id] = replace(_read_head(told), **fields)
                await self._notes.write(HEADS, conversation_id, asdict(head))
        finally:
            if release:
                release()
        self._tabs.say({"conversation": conversation_id})

    async def _keep(self, conversations: Sequence[Conversation], deleted: float, away: list[tuple[str, str]]) -> None:
        """Keep conversations, all or none, and show them so from then on; documents to take `away` go with it."""
        heads: dict[str, Head] = {}
        words: dict[str, str] = {}
        puts: list[tuple[str, str, Any]] = []
        for it in conversations:
            heads[it.id] = Head(it.id, it.title, it.created, it.updated, it.pinned, it.revision, deleted)
            words[it.id] = _words_of(it)
            body = document.to_json(replace(it, pictures={}))
            puts += [(HEADS, it.id, asdict(heads[it.id])), (BODIES, it.id, body), (WORDS, it.id, words[it.id])]
            kept = self._pictures.get(it.id, set())
            puts += [(PICTURES, f"{it.id}/{name}", url) for name, url in it.pictures.items() if name not in kept]
            away += [(PICTURES, f"{it.id}/{name}") for name in kept - it.pictures.keys()]
        await self._notes.change(puts, away)
        for it in conversations:
            it.kept = dict(it.settings), it.since
        self.heads.update(heads)
        self._words.update(words)
        self._pictures.update({it.id: set(it.pictures) for it in conversations})
        for each in heads:
            self._tabs.say({"conversation": each})

    async def _find(self, drawer: str, conversation_id: str) -> Any:
        return (await self._notes.find(drawer, [conversation_id]))[0]


def _lock(conversation_id: str) -> str:
    """Return the name of the lock under which a conversation is changed, in whatever tab."""
    return f"bocal.chat.{conversation_id}"


def _read_head(told: Mapping[str, Any]) -> Head:
    """Read a head; what a later version has added to it is left out."""
    return Head(**{field.name: told[field.name] for field in fields(Head) if field.name in told})


def _words_of(conversation: Conversation) -> str:
    return fold("\n".join(_said(message.text) for message in conversation.messages.values()))


def _said(text: str) -> str:
    return reasoning.split(text).answer


def _excerpt(head: Head, body: Any, wanted: Sequence[str]) -> Found:
    """Find the first message that holds the most of the words, and what stands around one of them."""
    held, best = 0, ("", "", "")
    for message in _messages(body):
        text = " ".join(_said(str(message.get("text", ""))).split())
        folded = fold(text)
        more = sum(word in folded for word in wanted)
        if more > held:
            held, best = more, (str(message.get("id", "")), text, folded)
        if held == len(wanted):
            break
    if not held:
        return Found(head)
    message_id, text, folded = best
    at, word = min((folded.find(word), word) for word in wanted if word in folded)
    end = at + len(word)
    if len(folded) != len(text):  # folding has moved letters: count again, letter by letter
        at, end = _unfolded(text, at), _unfolded(text, end - 1) + 1
    before = _plain(text[max(0, at - 3 * EXCERPT) : at])
    after = _plain(text[end : end + 3 * EXCERPT])
    most = EXCERPT - min(len(before), EXCERPT // 3) - len(word)
    return Found(
        head, message_id,
        "…" + before[-(EXCERPT // 3) :] if len(before) > EXCERPT // 3 else before,
        text[at:end],
        after[:most] + "…" if len(after) > most else after,
    )  # fmt: skip


def _plain(text: str) -> str:
    """Leave out what only gives Markdown its form."""
    return re.sub(r"\s+", " ", _MARKS.sub(" ", text))


def _unfolded(text: str, at: int) -> int:
    """Return the place of the letter that the letter at `at` of the folded text comes from."""
    length = 0
    for place, letter in enumerate(text):
        length += len(fold(letter))
        if length > at:
            return place
    return len(text)


def _messages(body: Any) -> list[dict[str, Any]]:
    """Return what of a kept body are messages, however damaged it is."""
    told = body.get("messages") if isinstance(body, dict) else None
    return [it for it in told if isinstance(it, dict)] if isinstance(told, list) else []
