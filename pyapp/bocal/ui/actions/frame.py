"""The page around the conversation: sidebar, screens, language, theme."""

from bocal.chat import reasoning
from bocal.ui.actions.desk import LANGUAGE, THEME, Desk
from bocal.ui.state import Screen
from bocal.ui.text import LANGUAGES, Texts


class Frame:
    """Actions of the frame."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def do_sidebar_toggle(self) -> None:
        """Hide or show the sidebar; on a phone, its drawer."""
        self.desk.toggle_sidebar()

    def do_screen_show(self, screen: str) -> None:
        """Show a page in the middle."""
        self.desk.state.screen = Screen(screen)
        self.desk.close_drawer()
        self.desk.draw()

    def do_overlay_close(self) -> None:
        """Put away what lies over the page."""
        self.desk.close_overlay()

    def do_app_update(self) -> None:
        """Use the new release that waits."""
        self.desk.outside.take_over()

    async def do_text_copy(self, text: str) -> None:
        """Copy a text."""
        await self.desk.outside.page.copy(text)
        self.desk.notice(self.desk.state.texts("app.copied"))

    def do_composer_focus(self) -> None:
        """Go to where one writes."""
        self.desk.outside.page.focus("ask")

    def do_side_focus(self) -> None:
        """Go to the search of the conversations."""
        if self.desk.state.sidebar_closed or (self.desk.outside.is_narrow() and not self.desk.state.drawer_open):
            self.desk.toggle_sidebar()
        self.desk.outside.page.focus("side-search")

    async def do_answer_copy(self) -> None:
        """Copy the last answer."""
        said = [it for it in self.desk.state.conversation.path() if it.role == "assistant" and it.text]
        if said:
            await self.do_text_copy(reasoning.split(said[-1].text).answer)

    async def do_code_copy(self, block_id: str) -> None:
        """Copy a block of code."""
        await self.do_text_copy(self.desk.outside.page.code(block_id))

    def do_settings_language(self, language: str) -> None:
        """Change the language, at once."""
        if language in LANGUAGES:
            self.desk.remember(LANGUAGE, language)
            self.desk.state.texts = Texts(language)
            self.desk.draw_anew()

    def do_settings_theme(self, theme: str) -> None:
        """Change the theme."""
        self.desk.remember(THEME, theme)
        self.desk.state.theme = theme
        self.desk.outside.page.set_theme(theme)
        self.desk.draw()
