"""Conversations to files and back."""

import contextlib
import json
from typing import Any

import pytest
from bocal.chat import document, exchange, settings
from bocal.chat.conversation import Conversation, Usage
from bocal.errors import Failure, Problem
from hypothesis import given
from hypothesis import strategies as st

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6)


def some() -> Conversation:
    """A conversation with everything in it."""
    said = Conversation(pinned=True, settings={"temperature": 0.2, "system": "Soyez bref."})
    answer = said.ask("Qu’est-ce ?", "Le guide", at=1_700_000_000.5, pictures={"p1": "data:image/png;base64,AA"})
    answer.text, answer.finish, answer.thought = "<think>voyons\nbien</think>Une image.", "stop", 1.5
    answer.usage = Usage(3, 4, 7, 0.1, 20, 30)
    again = said.answer_anew(answer.id, "Le guide", at=1_700_000_001)
    again.failure = Failure(Problem.TOO_MANY_REQUESTS, detail="raw", host="h", seconds=3)
    return said


def same(one: Conversation, two: Conversation) -> bool:
    return document.to_json(one) == document.to_json(two)


def test_what_is_exported_comes_back() -> None:
    said = [some(), Conversation()]
    back = exchange.read(exchange.write(said, 5.0))
    assert all(same(one, two) for one, two in zip(said, back, strict=True))
    failure = next(message.failure for message in back[0].messages.values() if message.failure)
    assert failure.facts == {"host": "h", "seconds": 3}


def test_the_file_is_one_that_people_can_read() -> None:
    told = json.loads(exchange.write([some()], 5.0))
    assert (told["format"], told["version"], told["exported"]) == ("bocal.conversations", 1, 5.0)
    assert "Qu’est-ce ?".encode() in exchange.write([some()], 5.0)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", Problem.CHATS_UNREADABLE),
        (b"[]", Problem.CHATS_UNREADABLE),
        (b"\xff\xfe{", Problem.CHATS_UNREADABLE),
        (b"[" * 100_000, Problem.CHATS_UNREADABLE),
        (b'{"format": "bocal.conversations", "version": 2, "conversations": []}', Problem.CHATS_NEWER),
        (b'{"format": "bocal.conversations", "conversations": []}', Problem.CHATS_DAMAGED),
        (b'{"format": "bocal.conversations", "version": 1}', Problem.CHATS_DAMAGED),
    ],
)
def test_what_is_no_export_is_told(content: bytes, problem: Problem) -> None:
    with pytest.raises(Failure) as caught:
        exchange.read(content)
    assert caught.value.problem is problem


def _broken(told: Any, place: tuple[str | int, ...], value: Any) -> bytes:
    at = told["conversations"][0]
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    return json.dumps(told).encode()


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("messages", 1, "role"), "system", "conversations[0].messages[1].role"),
        (("messages", 1, "parent"), "nobody", "conversations[0].messages[1].parent"),
        (("messages", 0, "id"), "", "conversations[0].messages[0].id"),
        (("messages", 1, "usage", "prompt_tokens"), -1, "conversations[0].messages[1].usage.prompt_tokens"),
        (("messages", 1), 7, "conversations[0].messages[1]"),
        (("leaf",), "nobody", "conversations[0].leaf"),
        (("created",), "long ago", "conversations[0].created"),
        (("pictures",), {"p1": "https://example.org/a.png"}, "conversations[0].pictures"),
        (("updated",), 1.7e12, "conversations[0].updated"),  # in milliseconds
        (
            ("messages", 1, "failure"),
            {"problem": "problem.no_vision", "facts": {"detail": "x"}},
            "conversations[0].messages[1].failure.facts",
        ),
        (("pinned",), "yes", "conversations[0].pinned"),
        (("id",), None, "conversations[0].id"),
        (("id",), "a b", "conversations[0].id"),
        (("created",), 10**400, "conversations[0].created"),
        (
            ("messages", 1, "failure"),
            {"problem": "problem.cut_short", "facts": {"bytes": 10**400}},
            "conversations[0].messages[1].failure.facts",
        ),
    ],
)
def test_damage_is_told_by_its_place(place: tuple[str | int, ...], value: Any, words: str) -> None:
    told = json.loads(exchange.write([some()], 5.0))
    with pytest.raises(Failure) as caught:
        exchange.read(_broken(told, place, value))
    assert (caught.value.problem, caught.value.facts) == (Problem.CHATS_DAMAGED, {"place": words})


@given(st.sampled_from(["id", "title", "messages", "leaf", "settings", "pictures", "gone", "since", "updated"]), VALUES)
def test_wild_values_are_read_or_refused(name: str, value: Any) -> None:
    told = document.to_json(some())
    told[name] = value
    try:
        back = document.read(told)
    except ValueError:
        return
    assert same(document.read(json.loads(json.dumps(document.to_json(back)))), back)


@given(VALUES)
def test_wild_messages_are_read_or_refused(value: Any) -> None:
    told = document.to_json(some())
    told["messages"].append(value)
    with contextlib.suppress(ValueError):
        document.read(told).path()


def test_settings_of_a_file_that_are_none_are_left_out() -> None:
    told = document.to_json(some())
    told["settings"] = {"system": 5, "temperature": "hot", "seed": 7}
    assert document.read(told).settings == {"seed": 7}


def test_markdown_is_what_is_shown() -> None:
    said = some()
    said.show(said.path()[1].id if said.path()[1].text else list(said.messages)[1])
    words = exchange.to_markdown(said, "Vous")
    assert words == "# Qu’est-ce ?\n\n## Vous\n\nQu’est-ce ?\n\n## Le guide\n\n> voyons\n> bien\n\nUne image.\n"


def test_file_names_suit_every_system() -> None:
    assert exchange.file_name("A/B: what?", 0, "md").startswith("A-B-what-19")
    assert exchange.file_name("???", 0, "json").startswith("bocal-")


@given(VALUES)
def test_settings_are_read_within_their_bounds(value: Any) -> None:
    kept = settings.read(value)
    assert settings.read(json.loads(json.dumps(kept))) == kept
    settings.to_request({name: it for name, it in kept.items() if name != settings.SCHEMA})


def test_settings_become_a_request() -> None:
    told = {"temperature": 0, "seed": 7, "json": True, "schema": '{"type": "object"}', "system": "x", "top_p": 9}
    assert settings.to_request(settings.read(told)) == {
        "temperature": 0,
        "seed": 7,
        "response_format": {"type": "json_object", "schema": '{"type": "object"}'},
    }
    with pytest.raises(Failure) as caught:
        settings.to_request({"json": True, "schema": "[1]"})
    assert caught.value.problem is Problem.SCHEMA_UNREADABLE


def test_what_a_model_brings_shows_under_what_is_set() -> None:
    own = settings.own({"temperature": 0.6, "top_p": 0.9, "max_tokens": 5}, {"top_p": 0.5})
    assert own == {"temperature": 0.6, "top_p": 0.5, "frequency_penalty": 0.0, "presence_penalty": 0.0}


def test_half_a_character_does_not_keep_a_conversation_from_being_exported() -> None:
    said = Conversation()
    said.ask("half \ud83d", "m", at=5).text = "Yes."
    (back,) = exchange.read(exchange.write([said], 6.0))
    assert back.path()[0].text == "half ?"
