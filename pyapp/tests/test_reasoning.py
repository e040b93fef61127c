"""Telling reasoning from the answer."""

from bocal.chat.reasoning import Parts, split
from hypothesis import given
from hypothesis import strategies as st


def test_reasoning_is_told_from_the_answer() -> None:
    assert split("<think>\nhm\n</think>\n\nYes.") == Parts("hm", "Yes.", thinking=False)
    assert split("<think>\nstill") == Parts("still", "", thinking=True)
    assert split("<thi") == Parts("", "", thinking=True)
    assert split("as a template began\n</think>\nYes.") == Parts("as a template began", "Yes.", thinking=False)
    assert split("Write <think> like this") == Parts("", "Write <think> like this", thinking=False)
    assert split("") == Parts("", "", thinking=False)


@given(st.text(), st.text())
def test_nothing_is_lost(thought: str, answer: str) -> None:
    parts = split(f"<think>{thought}</think>{answer}")
    first, _, rest = f"{thought}</think>{answer}".partition("</think>")
    assert parts == Parts(first.strip(), rest.lstrip(), thinking=False)
