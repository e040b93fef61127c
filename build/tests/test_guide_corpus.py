"""The guide's corpus says what it should, in both languages, and the examination is not in the lessons."""

from __future__ import annotations

import re

import pytest
from guide.dialogues import LANGUAGES, NBSP, Corpus, Dialogues, matcher, plain, read_corpus, typeset

CHIPS = {
    "en": {
        "Hello": "hello",
        "Hi": "hello",
        "What can this machine run?": "machine",
        "How do I add my own model?": "add",
        "Where does my data go?": "privacy",
    },
    "fr": {
        "Bonjour": "hello",
        "Que peut faire cette machine ?": "machine",
        "Comment ajouter mon modèle ?": "add",
        "Que faites-vous de mes données ?": "privacy",
    },
}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return read_corpus()


def test_both_languages_cover_the_same_topics_in_the_same_contexts(corpus: Corpus) -> None:
    topics = {language: {(t.name, t.after) for t in corpus.of(language)} for language in LANGUAGES}
    assert topics["en"] == topics["fr"]
    names = {name for name, _ in topics["en"]}
    assert all(set(after) <= names for _, after in topics["en"])


def test_every_topic_can_be_asked_and_examined(corpus: Corpus) -> None:
    for topic in corpus.topics.values():
        assert topic.phrasings, topic.name
        assert topic.held_out, topic.name
        assert topic.canonical or topic.after, topic.name


def test_the_questions_offered_by_the_page_are_canonical(corpus: Corpus) -> None:
    for language, questions in CHIPS.items():
        for question, name in questions.items():
            assert question in corpus.topics[language, name].canonical


def test_answers_are_short_whole_sentences_in_the_house_voice(corpus: Corpus) -> None:
    for topic in corpus.topics.values():
        assert 20 < len(topic.answer) < 270, topic.name
        assert topic.answer[0].isupper(), topic.name
        assert topic.answer.endswith("."), topic.name
        assert not re.search(r"!|'|  |\bjust\b|\bmagic|\boops\b", topic.answer.lower()), topic.answer


def test_french_answers_use_no_break_spaces(corpus: Corpus) -> None:
    for topic in corpus.of("fr"):
        assert not re.search(r" [:;?!»%]", topic.answer), topic.answer
    assert typeset("Quoi ? 1 Go : oui", "fr") == f"Quoi{NBSP}? 1{NBSP}Go{NBSP}: oui"


def test_no_examination_question_can_be_drawn_in_training(corpus: Corpus) -> None:
    dialogues = Dialogues(corpus)
    for language in LANGUAGES:
        words = dialogues.words(language)
        known: dict[str, list[re.Pattern[str]]] = {}
        for topic in corpus.of(language):
            known[topic.name] = [matcher(text, words) for text in (*topic.phrasings, *topic.framed, *topic.canonical)]
        for topic in corpus.of(language):
            for question in topic.held_out:
                assert not any(expression.fullmatch(plain(question)) for expression in known[topic.name]), question


def test_a_question_belongs_to_one_topic(corpus: Corpus) -> None:
    for language in LANGUAGES:
        dialogues = Dialogues(corpus, seed=1)
        owner: dict[str, str] = {}
        clashes = []
        for topic in dialogues.general[language]:
            texts = [*topic.canonical, *topic.held_out]
            texts += [dialogues.say(pattern, language) for pattern in topic.phrasings for _ in range(60)]
            texts += [dialogues.say(pattern, language) for pattern in topic.framed]
            for text in texts:
                said = plain(text)
                if said and owner.setdefault(said, topic.name) != topic.name:
                    clashes.append((said, owner[said], topic.name))
        assert not sorted(set(clashes))


def test_no_canonical_question_belongs_to_both_languages(corpus: Corpus) -> None:
    for language, other in (("en", "fr"), ("fr", "en")):
        words = Dialogues(corpus).words(other)
        patterns = [text for topic in corpus.of(other) for text in (*topic.phrasings, *topic.canonical)]
        theirs = [matcher(text, words) for text in patterns if "{word}" not in text]
        for topic in corpus.of(language):
            for question in topic.canonical:
                assert not any(expression.fullmatch(plain(question)) for expression in theirs), question


def test_every_slot_has_words(corpus: Corpus) -> None:
    for topic in corpus.topics.values():
        for text in (*topic.phrasings, *topic.framed):
            for slot in re.findall(r"\{(\w+)\}", text):
                assert slot == "word" or (topic.language, slot) in corpus.words, (topic.name, slot)


def test_the_same_seed_gives_the_same_conversations(corpus: Corpus) -> None:
    first, second = (Dialogues(corpus, seed=7) for _ in range(2))
    assert [first.conversation(3) for _ in range(50)] == [second.conversation(3) for _ in range(50)]


def test_a_follow_up_takes_its_meaning_from_the_turn_before(corpus: Corpus) -> None:
    dialogues = Dialogues(corpus)
    why = corpus.topics["en", "more"]
    assert dialogues.resolve(why, "Why?", "code").name == "small-why"
    assert dialogues.resolve(why, "Why?", "theme").name == "more"
    assert dialogues.resolve(corpus.topics["en", "wrong"], "Are you sure?", "privacy").name == "privacy-sure"


def test_a_system_prompt_can_set_the_language_and_nothing_else(corpus: Corpus) -> None:
    dialogues = Dialogues(corpus, seed=3)
    answers = {language: {t.answer for t in corpus.of(language)} for language in LANGUAGES}
    french = 0
    for _ in range(2000):
        conversation = dialogues.conversation(2)
        if "in French" in conversation.system or "en français" in conversation.system:
            french += 1
            assert all(turn.answer in answers["fr"] for turn in conversation.turns)
    assert french > 10
