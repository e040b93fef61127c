"""A link that proposes one model: making it, and opening it."""

import dataclasses

from bocal.models import share
from bocal.ui.actions.adding import Adding
from bocal.ui.actions.desk import Desk


class Sharing:
    """Actions of share links."""

    def __init__(self, desk: Desk, adding: Adding) -> None:
        self.desk = desk
        self.adding = adding

    async def do_share_copy(self, model_id: str) -> None:
        """Copy the link that proposes a model, standard or custom."""
        model, state = self.desk.registry.find(model_id), self.desk.state
        if model is None:
            return
        name = state.name(model)
        payload = share.encode_share(dataclasses.replace(model, name=name))
        await self.desk.outside.page.copy(f"{self.desk.outside.site}#add={payload}")
        self.desk.close_overlay()
        self.desk.notice(state.texts("share.copied", name=name))

    def look(self) -> None:
        """Open the form with the model that the page's own address proposes; nothing is added before a person says so.

        The proposal is taken off the address: a reload or a bookmark does not repeat it.
        """
        page = self.desk.outside.page
        payload = share.find(page.fragment())
        if payload is None:
            return
        page.clear_fragment()
        self.adding.do_add_open()
        self.adding.typed("paste", f"{self.desk.outside.site}#add={payload}")
