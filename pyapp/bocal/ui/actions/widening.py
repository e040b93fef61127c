"""A context window that is full, or too wide for this machine."""

from bocal.ui import window
from bocal.ui.actions.asking import Asking
from bocal.ui.actions.desk import Desk
from bocal.ui.actions.tuning import Tuning


class Widening:
    """The ways out of a full window; each goes on with what the window was too small for."""

    def __init__(self, desk: Desk, asking: Asking, tuning: Tuning) -> None:
        self.desk = desk
        self.asking = asking
        self.tuning = tuning

    async def do_window_drop(self) -> None:
        """Let the model read only the last turns."""
        state = self.desk.state
        conversation = state.conversation
        if conversation.make_room(state.context_window):
            self.desk.draw()
            await self.asking.remembering.kept(conversation)
            if conversation is state.conversation:
                await self._go_on()

    async def do_window_widen(self) -> None:
        """Give the model its next wider window."""
        if wider := window.next_wider(self.desk.state):
            await self.tuning.widen(wider)
            await self._go_on()

    async def do_window_narrow(self) -> None:
        """Give the model half its window, which takes less memory."""
        await self.tuning.widen(self.desk.state.context_window // 2)
        await self._go_on()

    async def _go_on(self) -> None:
        state, last = self.desk.state, self.desk.state.conversation.last
        if last is None or last.role != "assistant":
            if state.selected:
                await self.asking.loading.get_ready(state.selected)
            return
        if last.failure:
            await self.asking.do_message_again(last.id)
        elif last.finish == "length":
            await self.asking.do_message_continue(last.id)
