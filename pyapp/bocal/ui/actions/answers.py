"""The answer being written."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast, get_args

from bocal.chat import reasoning, settings
from bocal.chat.conversation import Conversation, Finish, Message, Usage
from bocal.errors import Failure, Problem
from bocal.protocols import Chunk
from bocal.ui import thread
from bocal.ui.actions.desk import Desk
from bocal.ui.state import Phase, Screen

NOTED = 1.0  # seconds between two notes of what is written so far


class Answers:
    """At most one answer at a time; `conversation` is the one it belongs to, which need not be the one shown."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.conversation: Conversation | None = None
        self._writing: asyncio.Task[None] | None = None
        self._shown = ""
        self._alone: set[str] = set()  # conversations (IDs) in which no other tab may write

    async def do_chat_stop(self) -> None:
        """Stop the answer being written; what is there stays."""
        await self.desk.outside.engine.interrupt()

    async def write(self, message: Message, go_on: str = "") -> None:
        """Fill `message` with the model's answer to what was said before it; returns when it has ended.

        With `go_on` the answer goes on where it stopped, these words asking for it.
        """
        state = self.desk.state
        state.phase, state.screen, state.writing = Phase.ANSWERING, Screen.CHAT, message
        self.conversation = state.conversation
        message.failure, message.finish, self._shown = None, "", ""
        self.desk.draw()
        self._writing = asyncio.ensure_future(self._write(message, go_on))
        try:
            await self._writing
        finally:
            self._writing = self.conversation = None

    async def elsewhere(self, conversation: Conversation) -> bool:
        """Whether another tab is writing an answer in a conversation."""
        return conversation.id not in self._alone and await self.desk.outside.tabs.is_held(_lock(conversation))

    @asynccontextmanager
    async def alone(self, conversation: Conversation) -> AsyncIterator[None]:
        """Keep all other tabs from writing in a conversation; raises Failure(CHAT_ELSEWHERE) where one does."""
        tabs, name = self.desk.outside.tabs, _lock(conversation)
        is_kept = conversation.id in self._alone and self.desk.state.writing is None  # this tab's last answer, just now
        release = await tabs.hold(name, wait=is_kept)
        if release is None and not await tabs.is_held(name):  # others have only waited for its end
            release = await tabs.hold(name, wait=True)
        if release is None:
            raise Failure(Problem.CHAT_ELSEWHERE)
        self._alone.add(conversation.id)
        try:
            yield
        finally:
            self._alone.discard(conversation.id)
            release()

    async def ended_elsewhere(self, conversation: Conversation) -> None:
        """Return once no tab writes in a conversation."""
        release = await self.desk.outside.tabs.hold(_lock(conversation), wait=True, shared=True)
        if release:
            release()

    async def end(self) -> None:
        """Stop the answer being written, if there is one; returns once it has ended."""
        if writing := self._writing:
            await self.desk.outside.engine.interrupt()
            await asyncio.wait([writing])

    async def _write(self, message: Message, go_on: str) -> None:
        state, choice, engine = self.desk.state, self.desk.choice, self.desk.outside.engine
        conversation = state.conversation
        chosen, sees = state.settings(), state.selected is not None and state.selected.sees
        noting = self.desk.spawn(self._note(conversation, message))
        try:
            turns = conversation.to_engine(chosen.get(settings.SYSTEM, "").strip(), go_on, sees=sees)
            began = self.desk.outside.clock()
            before, more = message.text, ""
            async for chunk in engine.chat(turns, settings.to_request(chosen)):
                more += chunk.text
                # What a model thinks before it goes on has no place in the middle of an answer.
                self._take(message, chunk, before + reasoning.split(more).answer if go_on else more, began)
            message.finish = message.finish or "stop"
        except Failure as failure:
            message.failure = failure
        finally:
            noting.cancel()
            state.writing = None
        if choice == self.desk.choice:
            kept = {Problem.CONTEXT_FULL, Problem.SCHEMA_UNREADABLE, Problem.SCHEMA_REFUSED}
            lost = message.failure is not None and message.failure.problem not in kept
            state.phase = Phase.IDLE if lost else Phase.READY
            if lost:
                await engine.unload()
        self.desk.draw()

    def _take(self, message: Message, chunk: Chunk, text: str, began: float) -> None:
        was_thinking = reasoning.split(message.text).thinking
        message.text = text
        if chunk.usage:
            message.usage = Usage.read(chunk.usage)
        if chunk.finish:
            message.finish = cast("Finish", chunk.finish) if chunk.finish in get_args(Finish) else "stop"
        if was_thinking and not reasoning.split(message.text).thinking:
            message.thought = round(self.desk.outside.clock() - began, 1)
        self.desk.outside.page.at_next_frame(self._draw)

    async def _note(self, conversation: Conversation, message: Message) -> None:
        noted = ""
        while True:
            await asyncio.sleep(NOTED)
            if message.text != noted:
                noted = message.text
                try:
                    await self.desk.history.note_progress(conversation, message)
                except Failure:
                    return  # nothing can be kept here; the sidebar says so

    def _draw(self) -> None:
        message = self.desk.state.writing
        if message is None or not self.desk.state.answering:
            return
        name, text = thread.written(message)
        if name != self._shown:  # it begins, or has thought and answers now
            self._shown = name
            self.desk.draw("main")
        else:
            self.desk.outside.page.write(name, text)


def _lock(conversation: Conversation) -> str:
    """Return the name of the lock that the tab holds which writes an answer in a conversation."""
    return f"bocal.answer.{conversation.id}"
