"""A conversation's tree of messages, and what of it the model reads."""

import copy
import itertools
import math

from bocal.chat import document
from bocal.chat.conversation import Conversation, Message, Usage, title_of
from bocal.errors import Failure, Problem
from hypothesis import given
from hypothesis import strategies as st


def talk(*turns: str) -> Conversation:
    """A conversation of these questions and answers in turn."""
    said = Conversation()
    for question, answer in zip(turns[::2], turns[1::2], strict=True):
        said.ask(question, "m").text = answer
    return said


def shown(said: Conversation) -> list[str]:
    return [message.text for message in said.path()]


def test_a_question_in_other_words_stands_beside_the_first() -> None:
    said = talk("one", "1", "two", "2")
    second = said.path()[2]
    said.ask_anew(second.id, "deux", "m").text = "2!"
    assert shown(said) == ["one", "1", "deux", "2!"]
    said.show(second.id)
    assert shown(said) == ["one", "1", "two", "2"]
    assert len(said.versions()[second.parent]) == 2


def test_answers_written_anew_are_kept_to_flip_between() -> None:
    said = talk("one", "1", "two", "2")
    first = said.path()[1]
    said.answer_anew(first.id, "m").text = "eins"
    assert shown(said) == ["one", "eins"]
    said.show(first.id)
    assert shown(said) == ["one", "1", "two", "2"]


def test_deleting_takes_one_message_away_and_no_other() -> None:
    said = talk("one", "1", "two", "2")
    said.delete(said.path()[1].id)
    assert shown(said) == ["one", "two", "2"]
    assert said.to_engine() == [{"role": "user", "content": "one\n\ntwo"}]


def test_deleting_the_version_shown_shows_another() -> None:
    said = talk("one", "1")
    again = said.answer_anew(said.leaf, "m")
    again.text = "eins"
    said.delete(again.id)
    assert shown(said) == ["one", "1"]
    said.delete(said.leaf)
    said.delete(said.leaf)
    assert shown(said) == []
    said.ask("anew", "m")
    assert shown(said) == ["anew", ""]


def test_what_followed_a_deleted_version_follows_the_one_that_is_shown_then() -> None:
    said = talk("one", "1")
    again = said.answer_anew(said.leaf, "m")
    again.text = "eins"
    said.ask("two", "m").text = "2"
    second = said.path()[2]
    said.delete(again.id)
    assert shown(said) == ["one", "1", "two", "2"]
    assert len(said.versions()[second.parent]) == 1
    said.ask_anew(second.id, "deux", "m").text = "2!"
    said.delete(said.path()[2].id)
    assert shown(said) == ["one", "1", "two", "2"]
    assert [said.messages[it].role for it in said.versions()[second.parent]] == ["user"]
    before: set[str] = {""}
    for message in said.messages.values():
        assert message.parent in before
        before.add(message.id)


def test_no_answer_becomes_the_answer_to_another_question() -> None:
    said = talk("France?", "Paris", "next", "n")
    france = said.path()[0]
    said.ask_anew(france.id, "Italy?", "m").text = "Rome"
    said.show(france.id)
    said.since = france.id
    said.delete(france.id)
    assert shown(said) == ["Italy?", "Rome", "next", "n"]
    assert said.since == said.path()[0].id
    other = talk("France?", "Paris")
    first = other.path()[0].id
    other.ask_anew(first, "Italy?", "m").text = "Rome"
    other.show(first)
    other.delete(first)
    assert shown(other) == ["Italy?", "Rome"]


def test_what_another_copy_deleted_takes_nothing_else_with_it() -> None:
    one = talk("Q1", "A1")
    other = copy.deepcopy(one)
    question = one.path()[0].id
    one.ask_anew(question, "Q2", "m").text = "A2"
    other.delete(question)
    one.absorb(other)
    assert {it.text for it in one.messages.values()} == {"A1", "Q2", "A2"}
    other.absorb(one)
    assert {it.text for it in other.messages.values()} == {"A1", "Q2", "A2"}
    both = talk("Q1", "A1")
    first = both.path()[0].id
    both.ask_anew(first, "Q2", "m")
    second = both.path()[0].id
    both.show(first)
    copied = copy.deepcopy(both)
    both.delete(second)
    both.delete(first)
    copied.absorb(both)
    assert {it.text for it in copied.messages.values()} == {"A1"}


def test_whatever_is_deleted_what_is_left_can_be_read_again() -> None:
    said = talk("Q1", "A1", "Q2", "A2")
    q1, a1, q2, a2 = (it.id for it in said.path())
    said.delete(a1)
    again = said.ask_anew(q1, "Q1'", "m")
    said.show(q1)
    for it in (q1, again.parent, a2, q2):
        if it in said.messages:
            said.delete(it)
        document.read(document.to_json(said))


def test_figures_that_are_no_numbers_are_0() -> None:
    usage = Usage.read(
        {"completion_tokens": 1, "extra": {"decode_tokens_per_s": math.nan, "prefill_tokens_per_s": math.inf}}
    )
    assert (usage.completion_tokens, usage.decode_rate, usage.prefill_rate) == (1, 0, 0)


def test_the_model_reads_neither_reasoning_nor_what_failed() -> None:
    said = talk("one", "<think>hm</think>1", "two", "")
    said.path()[-1].failure = Failure(Problem.ENGINE_FAILED)
    said.ask("three", "m")
    turns = said.to_engine("Be brief.")
    assert [turn["content"] for turn in turns] == ["Be brief.", "one", "1", "three"]


def test_the_oldest_turns_can_be_dropped_for_the_model_alone() -> None:
    said = talk("one", "1", "two", "2")
    said.ask("three", "m")
    said.forget_before(said.path()[2].id)
    assert [turn["content"] for turn in said.to_engine()] == ["two", "2", "three"]
    assert len(said.path()) == 6


def test_room_that_was_made_counts_and_lasts() -> None:
    said = talk("one", "1", "two", "2", "three", "3")
    for message, tokens in zip(said.path()[1::2], (1000, 2000, 2900), strict=True):
        message.usage = Usage(0, 0, tokens)
    assert said.has_room_to_make
    assert said.make_room(3000)
    assert said.tokens_used == 900
    assert not said.has_room_to_make
    assert not said.make_room(3000)
    said.ask_anew(said.path()[4].id, "trois", "m").text = "3!"
    assert [turn["content"] for turn in said.to_engine(go_on="Go on")] == ["trois", "3!", "Go on"]
    said.ask("four", "m").text = "4"
    said.delete(said.since)
    said.ask("five", "m")
    assert [turn["content"] for turn in said.to_engine()] == ["three", "3", "four", "4", "five"]


def test_going_on_asks_for_the_rest() -> None:
    said = talk("count", "1 2 3")
    assert said.to_engine(go_on="Go on.")[-2:] == [
        {"role": "assistant", "content": "1 2 3"},
        {"role": "user", "content": "Go on."},
    ]


def test_pictures_go_with_their_question() -> None:
    said = Conversation()
    said.ask("what is this?", "m", pictures={"p": "data:image/png;base64,AA"})
    content = said.to_engine()[-1]["content"]
    assert content[0] == {"type": "text", "text": "what is this?"}
    assert content[1]["image_url"]["url"].startswith("data:image/png")
    said.ask("and now?", "m")  # the first answer failed empty: its question goes with it
    assert said.to_engine() == [{"role": "user", "content": "and now?"}]


def test_the_window_is_filled_as_the_engine_counts() -> None:
    said = talk("one", "1")
    said.path()[1].usage = Usage.read({"prompt_tokens": 7, "completion_tokens": 3, "extra": {"window_tokens": 90}})
    assert said.tokens_used == 90
    said.path()[1].usage = Usage.read({"prompt_tokens": 7, "completion_tokens": 3})
    assert said.tokens_used == 10


def test_two_copies_become_one() -> None:
    said = talk("one", "1", "two", "2")
    other = talk()
    other.messages, other.leaf = {it.id: Message(**vars(it)) for it in said.messages.values()}, said.leaf
    other.ask("three", "m").text = "3"
    said.delete(said.path()[1].id)
    assert said.absorb(other)
    assert not said.absorb(other)
    assert {message.text for message in said.messages.values()} == {"one", "two", "2", "three", "3"}
    said.show(said.path()[0].id)
    assert shown(said)[-1] == "3"


def test_the_copy_of_an_answer_that_is_further_wins() -> None:
    mine, answer = Conversation(id="c"), "Because it is."
    mine.ask("Why?", "m").text = answer[:7]
    other = copy.deepcopy(mine)
    assert not mine.absorb(other)
    other.path()[1].text, other.path()[1].finish = answer, "stop"
    assert mine.absorb(other)
    assert (mine.path()[1].text, mine.path()[1].finish) == (answer, "stop")


def test_titles_are_cut_between_words() -> None:
    assert title_of("\n\n## Why is the sky blue?\nI wonder.") == "Why is the sky blue?"
    assert title_of("word " * 40).endswith("word…")
    assert title_of("") == ""


@given(st.text())
def test_a_title_is_one_short_line(text: str) -> None:
    title = title_of(text)
    assert len(title) <= 61
    assert title == " ".join(title.split())


@given(st.lists(st.tuples(st.sampled_from("aendsf"), st.integers(0, 99)), max_size=40))
def test_whatever_is_done_what_is_shown_is_a_way_through_the_tree(steps: list[tuple[str, int]]) -> None:
    said = Conversation()
    for what, number in steps:
        known = list(said.messages.values())
        at = known[number % len(known)] if known else None
        if what == "a" or at is None:
            said.ask(f"q{number}", "m").text = "a"
        elif what == "e" and at.role == "user":
            said.ask_anew(at.id, f"e{number}", "m").text = "b"
        elif what == "n" and at.role == "assistant":
            said.answer_anew(at.id, "m").text = "c"
        elif what == "d":
            said.delete(at.id)
        elif what == "s":
            said.show(at.id)
        elif what == "f":
            said.forget_before(at.id)
        path = said.path()
        assert not path or path[0].parent == ""
        assert not path or path[-1].id not in said.versions()
        document.read(document.to_json(said))
        roles = [turn["role"] for turn in said.to_engine("s")]
        assert all(one != two for one, two in itertools.pairwise(roles))
