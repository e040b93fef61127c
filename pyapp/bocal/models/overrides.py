"""What a person may set for one model: its window and its sampling, as WebLLM's `ModelRecord.overrides` names them.

WebLLM 0.2.86 lays a record's overrides over `mlc-chat-config.json`; a request that leaves a sampling value out takes
the one found there. It loads a model only when exactly one of `context_window_size` and `sliding_window_size` is
positive and the other is -1, and a sliding window only with an `attention_sink_size` of 0 or more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from bocal.option import Option

DEFAULT_WINDOW = 4096  # tokens; what WebLLM's own records ask for, whatever more a model could hold
ATTENTION_SINK = 4  # tokens kept from the beginning under a sliding window, as in the paper that brought it


OPTIONS = (
    Option("context_window_size", whole=True, low=64, high=1_048_576),
    Option("sliding_window_size", whole=True, low=64, high=1_048_576),
    Option("temperature", whole=False, low=0, high=2),
    Option("top_p", whole=False, low=0.01, high=1),
    Option("frequency_penalty", whole=False, low=-2, high=2),
    Option("presence_penalty", whole=False, low=-2, high=2),
)


@dataclass(frozen=True)
class Window:
    """The tokens that a model reads: all of `context`, or the last `sliding`; the other is -1."""

    context: int
    sliding: int = -1
    sink: int = -1

    @property
    def tokens(self) -> int:
        """The tokens that the key-value cache has room for."""
        return max(self.context, self.sliding)

    def to_json(self) -> dict[str, int]:
        """Return it as overrides."""
        return {
            "context_window_size": self.context,
            "sliding_window_size": self.sliding,
            "attention_sink_size": self.sink,
        }


def window(config: Any, overrides: Mapping[str, Any]) -> Window:
    """Return the window of a model with this parsed mlc-chat-config.json and these overrides.

    What a person set counts first, and as it is; then the configuration's, up to DEFAULT_WINDOW: the cache of a whole
    window of 128 thousand tokens would take more memory than the weights.
    """
    if (sliding := _positive(overrides, "sliding_window_size")) is not None:
        return _sliding(sliding, overrides, config)
    if (context := _positive(overrides, "context_window_size")) is not None:
        return Window(context)
    if (context := _positive(config, "context_window_size")) is not None:
        return Window(min(context, DEFAULT_WINDOW))
    if (sliding := _positive(config, "sliding_window_size")) is not None:
        return _sliding(sliding, overrides, config)
    return Window(DEFAULT_WINDOW)


def widest(config: Any) -> int:
    """Return the tokens of the widest window that a model was made for, 0 when its configuration does not tell."""
    return _positive(config, "context_window_size") or 0


def _sliding(sliding: int, *told: Any) -> Window:
    sinks = (it.get("attention_sink_size") for it in told if isinstance(it, Mapping))
    return Window(-1, sliding, next((sink for sink in sinks if _is_whole(sink) and sink >= 0), ATTENTION_SINK))


def _positive(told: Any, name: str) -> int | None:
    value = told.get(name) if isinstance(told, Mapping) else None
    return value if _is_whole(value) and value > 0 else None


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
