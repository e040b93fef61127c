"""The context window: how full it is, and what can be done when a conversation no longer fits."""

from bocal.chat.conversation import Message
from bocal.errors import Failure, Problem
from bocal.models import listing
from bocal.ui.html import Child, Html, button, icon, jar, tag
from bocal.ui.state import State

HIGH, FULL = 0.8, 0.95  # shares of the window from which on the gauge warns, and the ways out are offered
NARROWEST = 1024  # tokens of a window that still hold a conversation


def gauge(state: State) -> Html | None:
    """The tokens used of the window."""
    used, window = state.conversation.tokens_used, state.context_window
    if not window:
        return None
    share, t = used / window, state.texts
    classes = f"context num {'is-full' if share > FULL else 'is-high' if share > HIGH else ''}".strip()
    return tag("span", jar(share), tag("span", t("composer.tokens", used=used, window=window)), class_=classes,
               title=t("composer.tokens_title"))  # fmt: skip


def warning(state: State) -> Html | None:
    """What is said before the window overflows."""
    window, last = state.context_window, state.conversation.last
    if not window or state.conversation.tokens_used / window <= FULL or state.locked:
        return None
    if last and (last.failure or is_full(state, last)):
        return None  # said at the answer itself
    return tag("div", icon("warn"), tag("p", state.texts("window.nearly")), tag("div", ways_out(state), class_="row"),
               class_="note warn tall", role="status")  # fmt: skip


def is_full(state: State, message: Message) -> bool:
    """Whether an answer has filled the window."""
    window = state.context_window
    return bool(window and message.usage and message.usage.window_tokens >= window - 1)


def ways_out(state: State) -> list[Child]:
    """Drop the oldest turns, widen the window where the model allows it, or begin anew."""
    t, ways = state.texts, []
    if state.conversation.has_room_to_make:
        ways.append(button(t("window.drop"), "window.drop", classes="btn sm"))
    if wider := next_wider(state):
        ways.append(button(t("window.widen", window=wider), "window.widen", classes="btn sm"))
    ways.append(button(t("side.new"), "chat.new", classes="btn sm"))
    return [*ways]


def lighter(state: State, failure: Failure | None) -> list[Child]:
    """What asks less of a graphics card that has failed: half the window, the f32 variant, a smaller model."""
    t, model = state.texts, state.selected
    if model is None or failure is None:
        return []
    if failure.problem is Problem.NO_F16:
        found = listing.without_f16(model, state.catalogue.chat_models())
        take = (
            button(t("window.f32", name=state.name(found)), "model.choose", found.id, "btn primary") if found else None
        )
        return [take] if take else []
    if failure.problem not in {Problem.OUT_OF_MEMORY, Problem.DEVICE_LOST}:
        return []
    half = state.context_window // 2
    narrow = [button(t("window.narrow", window=half), "window.narrow")] if half >= NARROWEST else []
    return [*narrow, button(t("window.smaller"), "selector.open")]


def next_wider(state: State) -> int:
    """Return the next wider window of the model in tokens, 0 when there is none."""
    return min(state.context_window * 2, state.widest) if state.widest > state.context_window > 0 else 0
