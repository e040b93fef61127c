"""The list of keyboard shortcuts, and how a message is sent."""

from bocal.ui.dialog import dialog as frame
from bocal.ui.html import Html, button, icon, tag
from bocal.ui.state import State

# What each key does (a text), and the keys; "Mod" is Ctrl, or the Command key on a Mac.
KEYS = (
    ("shortcuts.new", "Mod+Shift+O"),
    ("shortcuts.selector", "Mod+K"),
    ("shortcuts.search", "Mod+Shift+F"),
    ("shortcuts.tuning", "Mod+Shift+E"),
    ("shortcuts.sidebar", "Mod+Shift+B"),
    ("shortcuts.write", "Mod+Shift+L"),
    ("shortcuts.copy", "Mod+Shift+Y"),
    ("shortcuts.stop", "Esc"),
    ("shortcuts.list", "Mod+/"),
)


def dialog(state: State) -> Html:
    """What each key does."""
    t = state.texts
    sends = ("Enter", "Shift+Enter") if state.enter_sends else ("Mod+Enter", "Enter")
    listed = (("shortcuts.send", sends[0]), ("shortcuts.line", sends[1]), *KEYS)
    return frame(state,
        tag("div", tag("h2", t("shortcuts.title"), id="shortcuts-title"),
            button(icon("x"), "overlay.close", classes="icon-btn", aria_label=t("app.close"), autofocus=True),
            class_="dialog-head"),
        tag("div",
            tag("dl", [tag("div", tag("dt", t(words)), tag("dd", _keys(state, keys))) for words, keys in listed],
                class_="keys"),
            tag("div", sending(state), class_="sets"), class_="dialog-body"),
        class_="dialog small-dialog", aria_labelledby="shortcuts-title", name="shortcuts",
    )  # fmt: skip


def sending(state: State) -> Html:
    """The choice of the key that sends."""
    t = state.texts
    choice = tag("div", [
        button(_named(state, keys), "sending.choose", word, "", aria_pressed=str(pressed).lower())
        for word, keys, pressed in (("enter", "Enter", state.enter_sends), ("command", "Mod+Enter",
                                                                            not state.enter_sends))
    ], class_="seg", role="group", aria_label=t("shortcuts.sending"))  # fmt: skip
    return tag("div", tag("div", tag("strong", t("shortcuts.sending")), tag("p", t("shortcuts.sending_why"))), choice,
               class_="set")  # fmt: skip


def _keys(state: State, keys: str) -> list[Html]:
    return [tag("kbd", _word(state, key)) for key in keys.split("+")]


def _named(state: State, keys: str) -> str:
    return " + ".join(_word(state, key) for key in keys.split("+"))


def _word(state: State, key: str) -> str:
    """Return what is written on a key."""
    t = state.texts
    if key == "Mod":
        return "⌘" if state.is_mac else t("key.ctrl")
    return {"Enter": t("key.enter"), "Shift": t("key.shift"), "Esc": t("key.esc")}.get(key, key)
