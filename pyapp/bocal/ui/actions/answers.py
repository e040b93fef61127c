"""The answer being written."""

import asyncio

from bocal.chat.conversation import Message, Usage
from bocal.errors import Failure, Problem
from bocal.ui import thread
from bocal.ui.actions.desk import Desk
from bocal.ui.state import Phase, Screen


class Answers:
    """At most one answer at a time."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._writing: asyncio.Task[None] | None = None

    async def do_chat_stop(self) -> None:
        """Stop the answer being written; what is there stays."""
        await self.desk.outside.engine.interrupt()

    async def write(self, message: Message) -> None:
        """Fill `message` with the model's answer to what was said before it; returns when it has ended."""
        self.desk.state.phase, self.desk.state.screen = Phase.ANSWERING, Screen.CHAT
        self.desk.draw()
        self._writing = asyncio.ensure_future(self._write(message))
        try:
            await self._writing
        finally:
            self._writing = None

    async def end(self) -> None:
        """Stop the answer being written, if there is one; returns once it has ended."""
        if self._writing:
            await self.desk.outside.engine.interrupt()
            await self._writing

    async def _write(self, message: Message) -> None:
        state, choice, engine = self.desk.state, self.desk.choice, self.desk.outside.engine
        try:
            async for chunk in engine.chat(state.conversation.to_engine(), {}):
                message.text += chunk.text
                if chunk.usage:
                    message.usage = Usage.read(chunk.usage)
                self.desk.outside.page.at_next_frame(self._draw)
        except Failure as failure:
            message.failure = failure
        if choice == self.desk.choice:
            lost = message.failure is not None and message.failure.problem is not Problem.CONTEXT_FULL
            state.phase = Phase.IDLE if lost else Phase.READY
            if lost:
                await engine.unload()
        self.desk.draw()

    def _draw(self) -> None:
        if self.desk.state.phase is Phase.ANSWERING and self.desk.state.conversation.messages:
            said = self.desk.state.conversation.messages
            self.desk.outside.page.write(thread.prose_id(len(said) - 1), said[-1].text)
