"""The visitor's side of a conversation: asking, asking again, beginning anew."""

from bocal.chat.conversation import Conversation
from bocal.ui.actions.answers import Answers
from bocal.ui.actions.desk import Desk
from bocal.ui.actions.loading import Loading
from bocal.ui.actions.running import Running
from bocal.ui.state import Phase, Screen


class Asking:
    """Actions of the composer and of the messages."""

    def __init__(self, desk: Desk, loading: Loading, answers: Answers, running: Running) -> None:
        self.desk = desk
        self.loading = loading
        self.answers = answers
        self.running = running

    async def do_chat_new(self) -> None:
        """Begin a new conversation."""
        self.running.leave()
        await self.answers.end()
        self.desk.state.conversation, self.desk.state.screen = Conversation(), Screen.CHAT
        self.desk.close_drawer()
        self.desk.draw()
        self.desk.outside.page.focus("ask")

    async def do_chat_suggest(self, key: str) -> None:
        """Ask one of the questions offered."""
        self.desk.state.draft = self.desk.state.texts(key)
        await self.do_chat_send()

    async def do_chat_send(self, _button: str = "") -> None:
        """Send what is written; loads the model first where it only waits on this machine."""
        state, text = self.desk.state, self.desk.state.draft.strip()
        if not text or state.selected is None or not state.can_answer:
            return
        if state.phase is not Phase.READY:
            await self.loading.get_ready(state.selected)
            if state.phase is not Phase.READY:  # type: ignore[comparison-overlap]  # changed by the line above
                return
        state.draft = ""
        await self.answers.write(state.conversation.ask(text, state.name(state.selected)))

    async def do_chat_retry(self) -> None:
        """Ask the last question again."""
        state = self.desk.state
        if state.selected is None or not state.conversation.messages or state.phase is Phase.ANSWERING:
            return
        self.running.stop()
        if state.phase is not Phase.READY:
            await self.loading.get_ready(state.selected)
        message = state.conversation.messages[-1]
        message.text, message.failure, message.usage, message.by = "", None, None, state.name(state.selected)
        await self.answers.write(message)
