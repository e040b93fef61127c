"""What a model thinks before it answers, told from the answer.

Qwen and others write `<think>…</think>` first. A template may have written the opening tag itself (DeepSeek R1): then
the text begins inside it.
"""

from typing import NamedTuple

OPEN, CLOSE = "<think>", "</think>"


class Parts(NamedTuple):
    """The reasoning, the answer after it, and whether the reasoning still goes on."""

    thought: str
    answer: str
    thinking: bool


def split(text: str) -> Parts:
    """Tell a model's reasoning from its answer; while `<think>` is still being written neither shows."""
    begun = text.lstrip()
    thought, closed, answer = begun.removeprefix(OPEN).partition(CLOSE)
    if begun.startswith(OPEN):
        return Parts(thought.strip(), answer.lstrip(), not closed)
    if closed and OPEN not in thought:
        return Parts(thought.strip(), answer.lstrip(), thinking=False)
    if begun and OPEN.startswith(begun):
        return Parts("", "", thinking=True)
    return Parts("", text, thinking=False)
