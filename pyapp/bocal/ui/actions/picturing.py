"""Pictures that go with a message."""

import uuid

from bocal.errors import Failure, Problem
from bocal.ui.actions.desk import Desk


class Picturing:
    """Actions of the pictures beside the draft."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def chose_file(self, name: str, content: bytes) -> None:
        """Put a picture beside the draft, if the chosen model can see; raises Failure, which is told."""
        state, model = self.desk.state, self.desk.state.selected
        if model and not model.sees:
            raise Failure(Problem.NO_VISION, name=state.name(model))
        state.pictures[uuid.uuid4().hex[:16]] = await self.desk.outside.shrink(name, content)
        self.desk.draw("composer")
        self.desk.outside.page.focus("ask")

    def do_picture_remove(self, picture_id: str) -> None:
        """Take a picture away again."""
        self.desk.state.pictures.pop(picture_id, None)
        self.desk.draw("composer")
        self.desk.outside.page.focus("ask")
