"""The conversations that are kept."""

import copy
import math

import pytest
from bocal.chat.conversation import Conversation, Usage
from bocal.chat.history import BODIES, PICTURES, UNFINISHED, WORDS, History
from bocal.errors import Failure, Problem
from outside import Notes, Tabs, to_its_end


def talk(question: str, answer: str, at: float) -> Conversation:
    said = Conversation()
    said.ask(question, "m", at=at).text = answer
    return said


async def in_two_tabs(answer: str = "Because.") -> tuple[Notes, History, History, Conversation, Conversation]:
    """Keep a conversation in one tab, and open it in another: what is kept, both tabs, and what each has of it."""
    notes, tabs = Notes(), Tabs()
    one, two = History(notes, tabs), History(notes, tabs)
    said = talk("Why?", answer, 5)
    await one.save(said)
    await two.look(6)
    other = await two.open(said.id)
    assert other is not None
    return notes, one, two, said, other


@to_its_end
async def test_what_is_saved_is_there_on_the_next_visit() -> None:
    notes, tabs = Notes(), Tabs()
    said = talk("Why?", "Because.", 5)
    said.pictures["p"] = "data:image/png;base64,AA"
    said.path()[0].pictures = ("p",)
    await History(notes, tabs).save(said)
    history = History(notes, tabs)
    await history.look(6)
    again = await history.open(said.id)
    assert again == said
    assert [head.title for head in history.listed()] == ["Why?"]


@to_its_end
async def test_a_picture_is_kept_once_and_goes_with_the_last_message_that_shows_it() -> None:
    notes = Notes()
    history, said = History(notes, Tabs()), Conversation()
    question = said.ask("What is this?", "m", at=5, pictures={"p": "data:image/png;base64,AA"}).parent
    await history.save(said)
    notes.kept[PICTURES] = dict.fromkeys(notes.kept[PICTURES], "as it was")
    said.ask_anew(question, "And this?", "m", at=6)
    await history.save(said)
    assert notes.kept[PICTURES] == {f"{said.id}/p": "as it was"}
    said.delete(question)
    await history.save(said)
    assert len(notes.kept[PICTURES]) == 1
    again = await history.open(said.id)
    assert again is not None
    again.delete(again.path()[0].id)
    await history.save(again)
    assert notes.kept[PICTURES] == {}


@to_its_end
async def test_an_answer_that_broke_off_is_kept_so_far() -> None:
    notes, tabs = Notes(), Tabs()
    history, said = History(notes, tabs), talk("Why?", "", 5)
    await history.save(said)
    said.path()[1].text = "Beca"
    await history.note_progress(said, said.path()[1])
    history = History(notes, tabs)
    await history.look(6)
    again = await history.open(said.id)
    assert again is not None
    assert again.path()[1].text == "Beca"
    await history.save(again)
    assert notes.kept[UNFINISHED] == {}


@to_its_end
async def test_two_tabs_lose_nothing_of_each_other() -> None:
    _notes, one, two, said, other = await in_two_tabs()
    other.ask("And?", "m", at=7).text = "So."
    await two.save(other)
    said.ask("Well?", "m", at=8).text = "Hm."
    await one.save(said)
    assert {message.text for message in said.messages.values()} == {"Why?", "Because.", "And?", "So.", "Well?", "Hm."}


@to_its_end
async def test_what_is_deleted_can_be_taken_back_for_a_while() -> None:
    notes, tabs = Notes(), Tabs()
    history, said = History(notes, tabs), talk("Why?", "Because.", 5)
    await history.save(said)
    await history.delete(said.id, 10)
    assert history.listed() == []
    assert await history.search("why", 9) == []
    await history.restore(said.id)
    assert len(history.listed()) == 1
    await history.delete(said.id, 10)
    await History(notes, tabs).look(15)
    assert notes.kept["bodies"]
    await History(notes, tabs).look(25)
    assert not any(notes.kept.values())


@to_its_end
async def test_what_is_kept_of_a_deleted_conversation_does_not_bring_it_back() -> None:
    history, said = History(Notes(), Tabs()), talk("Why?", "Because.", 5)
    await history.save(said)
    await history.delete(said.id, 10)
    await history.save(said)  # its answer has just ended
    assert history.listed() == []


@to_its_end
async def test_search_finds_titles_first_and_shows_where() -> None:
    history = History(Notes(), Tabs())
    await history.save(talk("About bread", "Knead the dough. " * 30 + "Une pâte à l’œuf, bien levée.", 1))
    await history.save(talk("Pate and terrine", "Buy some.", 2))
    await history.save(talk("Nothing", "<think>pâte</think>Of note.", 3))
    found = await history.search("PATE", 9)
    assert [it.head.title for it in found] == ["Pate and terrine", "About bread"]
    assert found[1].words == "pâte"
    assert found[1].before.endswith("Une ")
    assert found[1].after.startswith(" à l’œuf")
    assert [it.head.title for it in await history.search("bread levee", 9)] == ["About bread"]
    assert len(await history.search("", 2)) == 2


@to_its_end
async def test_the_message_with_the_most_of_the_words_is_shown() -> None:
    history = History(Notes(), Tabs())
    await history.save(talk("Which flour?", "Strong flour, with salt.", 1))
    (found,) = await history.search("salt flour", 9)
    assert (found.before, found.words, found.after) == ("Strong ", "flour", ", with salt.")


@to_its_end
async def test_what_is_shown_around_a_word_is_free_of_markdowns_marks() -> None:
    history = History(Notes(), Tabs())
    await history.save(talk("Loaves", "## Days\n\n| Day | **Flour** |\n|:---|---:|\n| Monday | 6 kg |\n" + "x" * 99, 1))
    (found,) = await history.search("flour", 9)
    assert (found.before, found.words) == (" Days Day ", "Flour")
    assert found.after.startswith(" Monday 6 kg xx")
    assert len(found.before + found.words + found.after) == 91
    assert found.after.endswith("x…")


@to_its_end
async def test_importing_merges() -> None:
    history, said = History(Notes(), Tabs()), talk("Why?", "Because.", 5)
    await history.save(said)
    longer = await history.open(said.id)
    assert longer is not None
    longer.ask("And?", "m", at=7).text = "So."
    other = talk("New", "Yes.", 9)
    assert await history.merge([longer, other]) == (1, 1)
    assert await history.merge([longer, other]) == (0, 0)
    assert [head.title for head in history.listed()] == ["New", "Why?"]


@to_its_end
async def test_pinned_ones_come_first_and_names_are_kept() -> None:
    notes, tabs = Notes(), Tabs()
    history, said = History(notes, tabs), talk("Old", "1", 1)
    await history.save(said)
    await history.save(talk("New", "2", 2))
    await history.pin(said.id, pinned=True)
    await history.rename(said.id, "Ancient")
    history = History(notes, tabs)
    await history.look(3)
    assert [head.title for head in history.listed()] == ["Ancient", "New"]
    again = await history.open(said.id)
    assert again is not None
    assert again.pinned
    await history.save(again)
    assert history.listed()[0].title == "Ancient"


@to_its_end
async def test_what_is_done_to_a_title_outlasts_what_is_said_meanwhile() -> None:
    notes, tabs = Notes(), Tabs()
    one, two = History(notes, tabs), History(notes, tabs)
    said = talk("Why?", "Because.", 5)
    await one.save(said)
    await two.look(6)
    await two.rename(said.id, "Reasons")
    await two.pin(said.id, pinned=True)
    said.ask("And?", "m", at=7).text = "So."
    await one.save(said)
    assert [(head.title, head.pinned) for head in one.listed()] == [("Reasons", True)]
    assert (said.title, said.pinned) == ("Reasons", True)


@to_its_end
async def test_a_tab_that_saw_half_an_answer_keeps_all_of_it() -> None:
    _, one, two, said, half = await in_two_tabs("Beca")
    said.path()[1].text, said.path()[1].finish = "Because.", "stop"
    await one.save(said)
    half.ask("And?", "m", at=7)
    await two.save(half)
    again = await two.open(said.id)
    assert again is not None
    assert [message.text for message in again.path()] == ["Why?", "Because.", "And?", ""]


@to_its_end
async def test_what_another_tab_has_set_outlasts_an_answer_and_so_does_its_picture() -> None:
    notes, one, two, said, other = await in_two_tabs()
    other.settings = {"system": "Be brief."}
    other.ask("And this?", "m", at=7, pictures={"p": "data:image/png;base64,AA"})
    await two.save(other)
    said.ask("Well?", "m", at=8).text = "Hm."
    await one.save(said)
    assert said.settings == {"system": "Be brief."}
    assert said.pictures == {"p": "data:image/png;base64,AA"}
    said.settings = {"system": "Be long."}
    await one.save(said)
    assert said.settings == {"system": "Be long."}
    assert notes.kept[PICTURES] == {f"{said.id}/p": "data:image/png;base64,AA"}


@to_its_end
async def test_ligatures_and_apostrophes_are_found_as_they_are_typed() -> None:
    notes = Notes()
    history, said = History(notes, Tabs()), talk("L’œuvre ?", "Au cœur de l’eau.", 5)
    await history.save(said)
    notes.kept[WORDS][said.id] = "au cœur de l’eau."  # as earlier versions kept it
    for words in ("coeur", "cœur", "l'eau", "l’eau", "oeuvre"):
        history = History(notes, Tabs())
        await history.look(6)
        assert [found.head.id for found in await history.search(words, 9)] == [said.id], words


@to_its_end
async def test_a_damaged_conversation_is_told_and_keeps_no_other_from_being_exported() -> None:
    notes = Notes()
    history, good, bad = History(notes, Tabs()), talk("Why?", "Because.", 5), talk("And?", "So.", 6)
    nan = talk("Well?", "Hm.", 7)
    nan.path()[1].usage = Usage(1, 1)
    for it in (good, bad, nan):
        await history.save(it)
    notes.kept[BODIES][bad.id]["messages"][1]["role"] = "nobody"
    notes.kept[BODIES][nan.id]["messages"][1]["usage"]["decode_rate"] = math.nan
    assert {it.id for it in await history.everything()} == {good.id, nan.id}
    with pytest.raises(Failure) as caught:
        await history.open(bad.id)
    assert (caught.value.problem, caught.value.facts) == (Problem.CHAT_DAMAGED, {"place": "messages[1].role"})


@to_its_end
async def test_a_damaged_conversation_can_be_deleted_and_mended_from_a_file() -> None:
    notes = Notes()
    history, said = History(notes, Tabs()), talk("Why?", "Because.", 5)
    whole = copy.deepcopy(said)
    for damage in ([None], ["x"], [{"pictures": None}], None):
        await history.save(copy.deepcopy(whole))
        notes.kept[BODIES][said.id]["messages"] = damage
        await history.search("because", 9)
        new, _ = await history.merge([copy.deepcopy(whole)])
        assert new == 1
        mended = await history.open(said.id)
        assert mended
        assert [it.text for it in mended.path()] == ["Why?", "Because."]
        notes.kept[BODIES][said.id]["messages"] = damage
        await history.purge(said.id)
        assert not notes.kept[BODIES]


@to_its_end
async def test_what_was_found_is_marked_letter_by_letter() -> None:
    history, said = History(Notes(), Tabs()), talk("Menu ?", "Un bœuf aux œufs…", 5)
    await history.save(said)
    for words, marked in (("boeuf", "bœuf"), ("oeuf", "œuf"), ("oeufs", "œufs")):
        (found,) = await history.search(words, 9)
        assert found.words == marked
