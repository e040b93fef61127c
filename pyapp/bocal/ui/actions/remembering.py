"""The conversations that are kept: the list, the search, one of them; export and import."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

from bocal.chat import exchange
from bocal.chat.conversation import Conversation
from bocal.chat.history import UNDO, Head
from bocal.errors import Failure, Problem
from bocal.ui.actions.answers import Answers
from bocal.ui.actions.desk import CONVERSATION, Desk
from bocal.ui.actions.running import Running
from bocal.ui.state import FIRST_CHATS, FIRST_TURNS, MOST_FOUND, Screen, Tuning

PAUSE = 0.03  # seconds without typing after which is searched


class Remembering:
    """Actions of the sidebar's list."""

    def __init__(self, desk: Desk, answers: Answers, running: Running) -> None:
        self.desk = desk
        self.answers = answers
        self.running = running
        self._search: asyncio.Task[None] | None = None
        self._shown = object()  # another for each conversation asked for, so that a slow one does not take its place
        # Those that are shown, written or being kept: of each there is one object.
        self._known: WeakValueDictionary[str, Conversation] = WeakValueDictionary()
        desk.outside.tabs.hear(self._heard)

    async def look(self) -> None:
        """Find what earlier visits kept, and show again what this tab showed."""
        try:
            await self.desk.history.look(time.time())
        except Failure as failure:
            self.desk.state.side.failure = failure
        self._list()
        shown = self.desk.outside.session.read(CONVERSATION)
        if shown and shown in self.desk.history.heads and not self.desk.state.conversation.messages:
            await self.do_conversation_open(shown)
        await self.desk.history.prepare()

    async def do_conversation_open(self, which: str) -> None:
        """Show a conversation: "ID", or "ID message" to show that message of it."""
        conversation_id, _, message = which.partition(" ")
        state = self.desk.state
        self._shown = shown = object()
        found = self._known.get(conversation_id) or await self.desk.history.open(conversation_id)
        if found is None:  # another tab has just deleted it
            await self.desk.history.follow(conversation_id)
            self._list()
            return
        if self._shown is not shown:
            return  # another has been asked for meanwhile
        shown_already = message in {it.id for it in found.path()}
        if message in found.messages and not shown_already and found is not self.answers.conversation:
            found.show(message)
        self.show(found)
        if message in found.messages:
            place = next((at for at, it in enumerate(reversed(found.path())) if it.id == message), 0)
            state.turns = max(FIRST_TURNS, place + 1)
        self.desk.spawn(self._look_elsewhere(found))
        self.desk.close_drawer()
        self.desk.draw()
        if message:
            self.desk.outside.page.reveal(f"m-{message}")
        else:
            self.desk.outside.page.to_end("main")

    def show(self, conversation: Conversation) -> None:
        """Make a conversation the one that is shown."""
        state = self.desk.state
        self._shown = object()
        self.running.leave()
        self._known[conversation.id], state.tuning = conversation, Tuning()
        state.conversation, state.screen, state.turns = conversation, Screen.CHAT, FIRST_TURNS
        state.editing, state.side.menu, state.pictures = "", "", {}
        self.desk.outside.session.write(CONVERSATION, conversation.id if conversation.messages else "")

    def do_conversation_menu(self, conversation_id: str) -> None:
        """Open or close what can be done with a conversation."""
        side = self.desk.state.side
        side.menu = "" if side.menu == conversation_id else conversation_id
        self.desk.draw("sidebar")

    def do_conversation_rename(self, conversation_id: str) -> None:
        """Write the title anew."""
        side = self.desk.state.side
        side.menu, side.renaming = "", conversation_id
        side.title = self.desk.history.heads[conversation_id].title
        self.desk.draw("sidebar")
        self.desk.outside.page.select("side-title")

    async def do_conversation_rename_done(self, _button: str = "") -> None:
        """Keep the new title; an empty one changes nothing."""
        side = self.desk.state.side
        title = " ".join(side.title.split())
        conversation_id, side.renaming = side.renaming, ""
        if title and conversation_id in self.desk.history.heads:
            await self.desk.history.rename(conversation_id, title)
            if known := self._known.get(conversation_id):
                known.title = title
        self._list()
        self.desk.outside.page.focus(f"more-{conversation_id}")

    async def do_conversation_pin(self, conversation_id: str) -> None:
        """Keep a conversation at the top, or no longer."""
        pinned = not self.desk.history.heads[conversation_id].pinned
        self.desk.state.side.menu = ""
        await self.desk.history.pin(conversation_id, pinned=pinned)
        if known := self._known.get(conversation_id):
            known.pinned = pinned
        self._list()

    async def do_conversation_delete(self, conversation_id: str) -> None:
        """Take a conversation away; for a while that can be undone."""
        state, history = self.desk.state, self.desk.history
        state.side.menu = ""
        if self.answers.conversation and self.answers.conversation.id == conversation_id:
            await self.answers.end()
        await history.delete(conversation_id, time.time())
        if conversation_id not in history.heads:
            return  # another tab has just deleted it for good
        head = state.side.leaving[conversation_id] = history.heads[conversation_id]
        if state.conversation.id == conversation_id:
            self.show(Conversation())
        self._list()
        self.desk.draw()
        self.desk.spawn(self._purge(head))

    async def do_conversation_undo(self, conversation_id: str) -> None:
        """Take a deletion back."""
        if self.desk.state.side.leaving.pop(conversation_id, None):
            await self.desk.history.restore(conversation_id)
            self._list()
            self.desk.draw("notices")

    async def do_conversation_export(self, conversation_id: str) -> None:
        """Hand over one conversation as JSON."""
        self.desk.state.side.menu = ""
        found = await self.desk.history.open(conversation_id)
        if found:
            self._hand_over([found], exchange.file_name(found.title, time.time(), "json"))
        self.desk.draw("sidebar")

    async def do_conversation_markdown(self, conversation_id: str) -> None:
        """Hand over one conversation as Markdown."""
        self.desk.state.side.menu = ""
        found = await self.desk.history.open(conversation_id)
        if found:
            words = exchange.to_markdown(found, self.desk.state.texts("thread.you"))
            self.desk.outside.page.download(exchange.file_name(found.title, time.time(), "md"), words.encode())
        self.desk.draw("sidebar")

    async def do_conversations_export(self) -> None:
        """Hand over all conversations as JSON."""
        whole = await self.desk.history.everything()
        self._hand_over(whole, exchange.file_name("bocal", time.time(), "json"))
        if damaged := len(self.desk.history.listed()) - len(whole):
            self.desk.notice(self.desk.state.texts.count("chats.left_out", damaged), bad=True)

    async def chose_file(self, name: str, content: bytes, size: int) -> None:
        """Take over the conversations of a file; a file that is damaged anywhere changes nothing."""
        t = self.desk.state.texts
        try:
            if size > len(content):
                raise Failure(Problem.CHATS_TOO_LARGE, name=name, bytes=size)
            new, grown = await self.desk.history.merge(exchange.read(content))
        except Failure as failure:
            self.desk.state.chats_failure = failure
            self.desk.draw()
            return
        self.desk.state.chats_failure = None
        words = [t.count(key, number) for key, number in (("chats.new", new), ("chats.grown", grown)) if number]
        self.desk.notice(" ".join(words) or t("chats.nothing_new"))
        await self._follow(self.desk.state.conversation.id)
        self.desk.draw()

    def typed(self, name: str, value: str) -> None:
        """Take over a title or the words of the search."""
        side = self.desk.state.side
        if name == "title":
            side.title = value
            return
        side.query, side.rows = value, FIRST_CHATS
        if self._search:
            self._search.cancel()
        self._search = self.desk.spawn(self._find(value))

    def do_side_grow(self) -> None:
        """Draw more of the list."""
        side = self.desk.state.side
        if side.rows < len(side.heads if side.found is None else side.found):
            side.rows += FIRST_CHATS
            self.desk.draw("sidebar")

    async def kept(self, conversation: Conversation) -> None:
        """Keep a conversation as it is now, and show that in the list."""
        side = self.desk.state.side
        self._known[conversation.id] = conversation
        try:
            await self.desk.history.save(conversation)
            side.failure = None
        except Failure as failure:  # what was said stays on the page
            side.failure = failure
        self._list()

    def _list(self) -> None:
        side, heads = self.desk.state.side, self.desk.history.heads
        side.heads = self.desk.history.listed()
        there = {head.id: head for head in side.heads}
        if side.found is not None:
            side.found = [replace(it, head=there[it.head.id]) for it in side.found if it.head.id in there]
        side.leaving = {it: head for it, head in side.leaving.items() if it in heads and it not in there}
        self.desk.draw("sidebar")

    async def _find(self, words: str) -> None:
        side = self.desk.state.side
        if words.strip():
            await asyncio.sleep(PAUSE)
            side.found = await self.desk.history.search(words, MOST_FOUND)
        else:
            side.found = None
        self.desk.draw("sidebar")

    async def _purge(self, head: Head) -> None:
        """Delete a conversation for good, unless it was taken back, and perhaps deleted again, meanwhile."""
        await asyncio.sleep(UNDO)
        leaving = self.desk.state.side.leaving
        if leaving.get(head.id) is head:
            del leaving[head.id]
            await self.desk.history.purge(head.id)
            self._list()
            self.desk.draw("notices")

    def _heard(self, message: Mapping[str, Any]) -> None:
        if conversation_id := message.get("conversation"):
            self.desk.spawn(self._follow(str(conversation_id)))

    async def _follow(self, conversation_id: str) -> None:
        """Take over what another tab did to a conversation."""
        state = self.desk.state
        await self.desk.history.follow(conversation_id)
        known = self._known.get(conversation_id)
        if known and self.answers.conversation is not known:
            found = await self.desk.history.open(conversation_id)
            if found:
                known.title, known.pinned = found.title, found.pinned
            if found:  # also what another tab was writing when it was closed, which no revision counts
                known.absorb(found)
            if found and found.revision > known.revision:
                known.revision, known.settings, known.since = found.revision, found.settings, found.since
                known.kept = found.kept
            if known is state.conversation:
                self.desk.draw()
                self.desk.spawn(self._look_elsewhere(known))
        self._list()

    async def _look_elsewhere(self, conversation: Conversation) -> None:
        """Say while another tab writes an answer in a conversation, and show that once it has ended."""
        state = self.desk.state
        if state.elsewhere == conversation.id or not await self.answers.elsewhere(conversation):
            return
        state.elsewhere = conversation.id
        self.desk.draw("main")
        await self.answers.ended_elsewhere(conversation)
        if state.elsewhere == conversation.id:
            state.elsewhere = ""
        await self._follow(conversation.id)

    def _hand_over(self, conversations: list[Conversation], name: str) -> None:
        self.desk.outside.page.download(name, exchange.write(conversations, time.time()))
