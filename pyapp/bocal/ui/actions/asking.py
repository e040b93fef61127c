"""The visitor's side of a conversation: asking, in other words, again; answers anew; beginning anew."""

import time
from collections.abc import Callable

from bocal.chat import reasoning
from bocal.chat.conversation import Conversation, Message
from bocal.errors import Failure, Problem
from bocal.models.catalogue import GUIDE_ID
from bocal.ui.actions.answers import Answers
from bocal.ui.actions.desk import CONVERSATION, Desk
from bocal.ui.actions.loading import Loading
from bocal.ui.actions.remembering import Remembering
from bocal.ui.state import FIRST_TURNS, Phase


class Asking:
    """Actions of the composer and of the messages."""

    def __init__(self, desk: Desk, loading: Loading, answers: Answers, remembering: Remembering) -> None:
        self.desk = desk
        self.loading = loading
        self.answers = answers
        self.remembering = remembering

    def do_chat_new(self) -> None:
        """Begin a new conversation; an answer that is being written in another goes on."""
        state = self.desk.state
        settings = {} if state.conversation.messages else state.conversation.settings
        self.remembering.show(Conversation(settings=settings))
        self.desk.close_drawer()
        self.desk.draw()
        self.desk.outside.page.focus("ask")

    async def do_chat_suggest(self, key: str) -> None:
        """Ask one of the questions offered."""
        self.desk.state.draft = self.desk.state.texts(key)
        self.desk.draw("composer")  # where it stays if the model is not ready
        await self.do_chat_send()

    async def do_chat_send(self, _button: str = "") -> None:
        """Send what is written; loads the model first where it only waits on this machine."""
        state = self.desk.state
        if state.pictures and state.selected and not state.selected.sees:
            raise Failure(Problem.NO_VISION, name=self._name())
        text, conversation = state.draft.strip(), state.conversation

        def say() -> Message | None:
            if not state.draft.lstrip().startswith(text):
                return None  # it was sent meanwhile, or is being put in other words
            pictures, state.pictures = state.pictures, {}
            state.draft = state.draft.lstrip().removeprefix(text)  # what was typed while the model was loaded stays
            message = conversation.ask(text, self._name(), time.time(), pictures)
            self.desk.outside.session.write(CONVERSATION, conversation.id)
            return message

        if text:
            await self._answer(say)

    def do_message_edit(self, message_id: str) -> None:
        """Put a question in other words."""
        state = self.desk.state
        state.editing, state.edited = message_id, state.conversation.messages[message_id].text
        self.desk.draw("main")
        self.desk.outside.page.focus("edit")

    def do_message_edit_cancel(self) -> None:
        """Leave a question as it was."""
        self.desk.state.editing = ""
        self.desk.draw("main")

    async def do_message_resend(self, _button: str = "") -> None:
        """Ask a question in other words; the first ones are kept beside it."""
        state = self.desk.state
        text, question = state.edited.strip(), state.editing

        def say() -> Message | None:
            if state.editing != question:
                return None
            state.editing = ""
            return state.conversation.ask_anew(question, text, self._name(), time.time())

        if text:
            await self._answer(say)

    async def do_message_again(self, message_id: str) -> None:
        """Write an answer anew; the one there is kept beside it, unless it is empty."""
        conversation = self.desk.state.conversation

        def begin() -> Message | None:
            message = conversation.messages.get(message_id)
            if message and (message.text or message.id != conversation.leaf):
                message = conversation.answer_anew(message_id, self._name(), time.time())
            if message:
                message.by = self._name()
            return message

        await self._answer(begin)

    async def do_message_continue(self, message_id: str) -> None:
        """Go on with an answer where it stopped; one that stopped while the model was thinking is written anew."""
        state = self.desk.state
        conversation, message = state.conversation, state.conversation.messages.get(message_id)
        if message and not reasoning.split(message.text).answer:
            await self.do_message_again(message_id)
        else:
            await self._answer(lambda: conversation.messages.get(message_id), state.texts("thread.go_on"))

    async def do_message_delete(self, message_id: str) -> None:
        """Delete one message."""
        state = self.desk.state
        state.conversation.delete(message_id)
        self.desk.draw()
        await self.remembering.kept(state.conversation)

    async def do_message_show(self, message_id: str) -> None:
        """Show another version of a question or an answer."""
        state = self.desk.state
        state.conversation.show(message_id)
        self.desk.draw()
        await self.remembering.kept(state.conversation)

    def do_thread_earlier(self) -> None:
        """Draw earlier messages too."""
        self.desk.state.turns += FIRST_TURNS
        self.desk.draw("main")

    def do_fold_toggle(self, name: str) -> None:
        """Open or close a fold."""
        state = self.desk.state
        writing = state.writing
        is_open = bool(writing and name == f"think-{writing.id}" and reasoning.split(writing.text).thinking)
        state.folds[name] = not state.folds.get(name, is_open)
        self.desk.draw("main")

    async def _ready(self) -> bool:
        """Get the chosen model ready; returns whether it is."""
        state = self.desk.state
        if state.selected is None or not state.can_answer:
            return False
        if state.coming:
            await self.loading.settled()
            if state.selected is None or state.phase in {Phase.AWAY, Phase.FAILED}:
                return False
        if state.phase is not Phase.READY:
            # A question downloads no model whose files have gone: that is for the visitor to say.
            await self.loading.get_ready(state.selected, bring=state.selected.id == GUIDE_ID)
        return state.phase is Phase.READY

    async def _answer(self, begin: Callable[[], Message | None], go_on: str = "") -> None:
        """Have the model write the answer that `begin` makes room for, or None, once it and the conversation are free.

        Raises Failure(CHAT_ELSEWHERE) where another tab writes in the conversation.
        """
        state, conversation = self.desk.state, self.desk.state.conversation
        if await self.answers.elsewhere(conversation):  # no model is loaded for nothing
            raise Failure(Problem.CHAT_ELSEWHERE)
        if not await self._ready():
            return
        async with self.answers.alone(conversation):
            if state.conversation is not conversation or state.phase is not Phase.READY:
                return
            message = begin()
            if message is None:
                return
            # Kept before the answer too: a page that ends now has the question.
            self.desk.spawn(self.remembering.kept(conversation))
            await self.answers.write(message, go_on)
            await self.remembering.kept(conversation)

    def _name(self) -> str:
        model = self.desk.state.selected
        return self.desk.state.name(model) if model else ""
