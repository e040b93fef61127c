"""From the corpus to conversations: what visitors may write, and what the guide answers.

`read_corpus` reads `corpus/`; a `Dialogues` then draws training conversations and examination questions from it.
Nothing here depends on PyTorch. The corpus format is told in README.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

CORPUS = Path(__file__).parent / "corpus"
LANGUAGES = ("en", "fr")
NBSP = "\u00a0"

SHORT = frozenset({"hello", "howareyou", "thanks", "bye", "ok", "wrong", "more", "small-why", "privacy-sure"})
"""Topics whose messages stay short: no polite opening is put before them."""

WEIGHTS = {"unknown": 14.0, "code": 2.0, "maths": 2.0, "write": 2.0, "live": 1.5, "translate": 1.5, "privacy": 1.5}
"""How often a topic is drawn; 1 where nothing is said."""


FRAMES = {"*": "about", "+": "action", "&": "request"}
"""The marks of key words, and the word list that holds their sentences."""

FRAMED = 0.35
"""How often a question comes from key words in a frame rather than from a phrasing of its own."""

CHOICE = re.compile(r"\[([^\]]*)\]")
SLOT = re.compile(r"\{(\w+)\}")


class CorpusError(ValueError):
    """A corpus file is not in the format; the message names the file and the line."""


@dataclass(frozen=True)
class Topic:
    """One thing the guide can be asked.

    Attributes
    ----------
    name, language
        The same name in both languages.
    after
        Topics it may directly follow; empty when it can be asked at any time.
    canonical, phrasings, held_out
        Questions that must always work, patterns to draw from, and questions kept for the examination.
    framed
        More patterns: the topic's key words in sentences that serve every topic.
    answer
        What the guide says, with its final typography.
    """

    name: str
    language: str
    after: tuple[str, ...] = ()
    canonical: tuple[str, ...] = ()
    phrasings: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()
    framed: tuple[str, ...] = ()
    answer: str = ""


@dataclass(frozen=True)
class Turn:
    """A question, the topic it belongs to where it is asked, and the answer expected."""

    question: str
    topic: str
    answer: str


@dataclass(frozen=True)
class Conversation:
    """Turns in order, and the system prompt that opens them ("" for none)."""

    turns: tuple[Turn, ...]
    system: str = ""


@dataclass
class Corpus:
    """Everything in `corpus/`: topics by (language, name), word lists by (language, slot), system prompts by kind."""

    topics: dict[tuple[str, str], Topic] = field(default_factory=dict)
    words: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    systems: dict[str, list[str]] = field(default_factory=dict)

    def of(self, language: str) -> list[Topic]:
        """The topics of a language, in the order of the files."""
        return [topic for topic in self.topics.values() if topic.language == language]


def typeset(text: str, language: str) -> str:
    """An answer as it is shown: curly apostrophes, and no-break spaces where French or a unit wants them."""
    text = text.replace("'", "’")
    text = re.sub(r"(\d) (GB|Go|Mbit)\b", rf"\1{NBSP}\2", text)
    if language == "fr":
        text = re.sub(r" ([:;?!%»])", rf"{NBSP}\1", text).replace("« ", f"«{NBSP}")
    return text


def read_sections(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (title, mark, text) for each line of a corpus file; word lists come as ("", "{slot}", "a | b")."""
    title = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("## "):
            title = line[3:].strip()
        elif line.startswith("{"):
            slot, separator, rest = line.partition("} = ")
            if not separator:
                raise CorpusError(f"{path.name}:{number}: a word list is written {{name}} = a | b")
            yield "", slot[1:], rest
        elif line.strip() and not line.startswith("# "):
            if line[0] not in "!?~=*+&" or line[1] != " " or not title:
                raise CorpusError(
                    f"{path.name}:{number}: a line starts with '## ', or in a topic with ! ? ~ = * + or &"
                )
            yield title, line[0], line[2:].strip()


def framed(marks: dict[str, list[str]], frames: dict[str, list[str]], language: str) -> Iterator[str]:
    """The patterns that a topic's key words make in the sentences of `frames`; French elides "de" where it must."""
    for mark, slot in FRAMES.items():
        for words in marks.get(mark, ()):
            for word in words.split("|"):
                for frame in frames[slot]:
                    text = frame.replace("_", word.strip())
                    yield re.sub(r"\bde ([aeéêiouh])", r"d'\1", text) if language == "fr" else text


def read_corpus(folder: Path = CORPUS) -> Corpus:
    """Read the corpus files of a folder: `{language}.txt`, `unknown.{language}.txt` and `system.txt`."""
    corpus = Corpus()
    for language in LANGUAGES:
        lines: dict[str, dict[str, list[str]]] = {}
        for name in (f"{language}.txt", f"unknown.{language}.txt"):
            for title, mark, text in read_sections(folder / name):
                if title:
                    lines.setdefault(title, {}).setdefault(mark, []).append(text)
                else:
                    corpus.words[language, mark] = [word.strip() for word in text.split("|")]
        for title, marks in lines.items():
            name, *after = title.split()
            if len(marks.get("=", [])) != 1:
                raise CorpusError(f"topic {name!r} ({language}) must have one answer, a line that starts with '= '")
            corpus.topics[language, name] = Topic(
                name=name,
                language=language,
                after=tuple(mark.removeprefix("@") for mark in after),
                canonical=tuple(marks.get("!", ())),
                phrasings=tuple(marks.get("?", ())),
                held_out=tuple(marks.get("~", ())),
                framed=tuple(framed(marks, {slot: corpus.words[language, slot] for slot in FRAMES.values()}, language)),
                answer=typeset(marks["="][0], language),
            )
    for title, _, text in read_sections(folder / "system.txt"):
        corpus.systems.setdefault(title, []).append(text)
    return corpus


def plain(text: str) -> str:
    """A question reduced to its lower-case letters and figures, to compare two of them."""
    letters = unicodedata.normalize("NFD", text.lower().replace("œ", "oe").replace("’", "'"))
    letters = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^a-z0-9+*/=]+", " ", letters).split())


def matcher(pattern: str, words: dict[str, list[str]]) -> re.Pattern[str]:
    """A regular expression for every text a pattern can say, in `plain` form. Word lists are given by slot."""

    def alternatives(options: list[str]) -> str:
        return "(?:" + "|".join(expression(option) for option in options) + ")"

    def expression(text: str) -> str:
        found = SLOT.search(text)
        if found is None:
            return "".join(f"{re.escape(word)} *" for word in plain(text).split())
        inner = alternatives(words[found[1]]) if found[1] in words else "[a-z]+ *"
        return expression(text[: found.start()]) + inner + expression(text[found.end() :])

    parts = CHOICE.split(pattern)
    return re.compile("".join(alternatives(p.split("|")) if i % 2 else expression(p) for i, p in enumerate(parts)))


class Dialogues:
    """Draws conversations from a corpus. Everything follows from the corpus and the seed."""

    def __init__(self, corpus: Corpus, seed: int = 0) -> None:
        self.corpus = corpus
        self.random = Random(seed)  # noqa: S311 - training data, nothing secret
        self.general = {language: [t for t in corpus.of(language) if not t.after] for language in LANGUAGES}
        self.weights = {
            language: [WEIGHTS.get(topic.name, 1.0) for topic in self.general[language]] for language in LANGUAGES
        }
        self.following: dict[tuple[str, str], list[Topic]] = {}
        self.replies: dict[str, list[re.Pattern[str]]] = {}
        for topic in corpus.topics.values():
            for before in topic.after:
                self.following.setdefault((topic.language, before), []).append(topic)
            if topic.after:
                words = self.words(topic.language)
                asked = (*topic.phrasings, *topic.held_out, *topic.canonical)
                self.replies[f"{topic.language} {topic.name}"] = [matcher(text, words) for text in asked]

    def words(self, language: str) -> dict[str, list[str]]:
        """The word lists of a language, by slot."""
        return {slot: words for (of, slot), words in self.corpus.words.items() if of == language}

    def invent(self, language: str) -> str:
        """A word that does not exist, so that the guide learns to decline words it has never seen."""
        start = self.random.choices(self.corpus.words[language, "syllable"], k=self.random.choice((1, 2, 2, 3)))
        return "".join(start) + self.random.choice(self.corpus.words[language, "suffix"])

    def say(self, pattern: str, language: str) -> str:
        """One of the texts a pattern stands for."""

        def word(found: re.Match[str]) -> str:
            words = self.corpus.words.get((language, found[1]))
            return self.random.choice(words) if words else self.invent(language)

        text = CHOICE.sub(lambda found: self.random.choice(found[1].split("|")), pattern)
        return " ".join(SLOT.sub(word, text).split()).replace(" , ", ", ").strip(" ,") or "?"

    def resolve(self, topic: Topic, question: str, before: str) -> Topic:
        """The topic a question belongs to right after `before`: a follow-up takes it when it has the same words."""
        if topic.after:
            return topic
        said = plain(question)
        for follow in self.following.get((topic.language, before), ()):
            if any(expression.fullmatch(said) for expression in self.replies[f"{topic.language} {follow.name}"]):
                return follow
        return topic

    def pick(self, language: str, before: str) -> tuple[Topic, str]:
        """A topic that may come after `before` and a clean question on it."""
        random = self.random
        follows = self.following.get((language, before), [])
        if follows and random.random() < 0.3:
            topic = random.choice(follows)
        else:
            topic = random.choices(self.general[language], self.weights[language])[0]
        if topic.canonical and random.random() < 0.2:
            question = random.choice(topic.canonical)
        else:
            use_frame = topic.framed and random.random() < FRAMED
            question = self.say(random.choice(topic.framed if use_frame else topic.phrasings), language)
        return self.resolve(topic, question, before), question

    def vary(self, text: str, language: str, short: bool = False) -> str:
        """A question as people type it: openings, capitals, punctuation, accents and slips of the finger."""
        random = self.random
        text = text.rstrip(" ?!.") or text
        if not short and " " in text:
            if random.random() < 0.18:
                text = f"{random.choice(self.corpus.words[language, 'opening'])} {text}"
            if random.random() < 0.08:
                text = f"{text} {random.choice(self.corpus.words[language, 'closing'])}".replace(" ,", ",")
        if text.count(" ") > 2:
            text = self.stumble(text, language)
        draw = random.random()
        if draw < 0.55:
            text = text[:1].upper() + text[1:]
        elif draw < 0.9:
            text = text.lower()
        elif draw < 0.93:
            text = text.upper()
        if language == "fr":
            text = self.unaccented(text)
        draw = random.random()
        if draw < 0.3:
            text = text.replace("'", "’")
        elif draw < 0.4:
            text = text.replace("'", " " if language == "fr" else "")
        for _ in range(random.choices((0, 1, 2), (0.84, 0.13, 0.03))[0]):
            text = self.slip(text)
        return text + self.ending(language)

    def unaccented(self, text: str) -> str:
        """French text, now and then without its accents or its hyphens."""
        if self.random.random() < 0.25:
            text = unicodedata.normalize("NFD", text.replace("œ", "oe"))
            text = "".join(letter for letter in text if not unicodedata.combining(letter))
        return text.replace("-", " ") if self.random.random() < 0.15 else text

    def stumble(self, text: str, language: str) -> str:
        """The text, now and then with a word lost or a filler added."""
        words, random = text.split(" "), self.random
        draw = random.random()
        if draw < 0.06:
            del words[random.randrange(len(words))]
        elif draw < 0.14:
            words.insert(random.randrange(1, len(words) + 1), random.choice(self.corpus.words[language, "filler"]))
        return " ".join(words)

    def ending(self, language: str) -> str:
        """What closes a message: mostly nothing or a question mark, spaced as the language or the keyboard has it."""
        marks = ["", "", "", "?", "?", "?", ".", "!", "??", " ?", " !", "...", " "]
        if language == "fr":
            marks += [" ?", f"{NBSP}?", f"{NBSP}?", f"{NBSP}!", "\u202f?"]
        return self.random.choice(marks)

    def slip(self, text: str) -> str:
        """The text with one letter lost, doubled, swapped or replaced. Very short texts stay as they are."""
        random = self.random
        if len(text) < 6:
            return text
        at = random.randrange(1, len(text) - 1)
        if not (text[at].isalpha() and text[at + 1].isalpha()):
            return text
        return random.choice(
            (
                text[:at] + text[at + 1 :],
                text[:at] + text[at] + text[at:],
                text[:at] + text[at + 1] + text[at] + text[at + 2 :],
                text[:at] + random.choice("abcdefghijklmnopqrstuvwxyz") + text[at + 1 :],
            )
        )

    def as_typed(self, question: str, language: str) -> str:
        """A canonical question with the typography of the page or of a keyboard, and nothing else changed."""
        if self.random.random() < 0.5:
            question = question.replace("'", "’")
        if language == "fr" and self.random.random() < 0.5:
            question = question.replace(" ?", f"{NBSP}?")
        return question

    def conversation(self, turns: int) -> Conversation:
        """A conversation of so many turns, mostly in one language, sometimes under a system prompt."""
        random = self.random
        language = random.choice(LANGUAGES)
        mixed = random.random() < 0.25
        system, forced = self.system()
        done: list[Turn] = []
        before = ""
        for _ in range(turns):
            if mixed and random.random() < 0.4:
                language = random.choice(LANGUAGES)
                # A follow-up understood in one language is not one across two: the thread starts anew.
                before = ""
            topic, question = self.pick(language, before)
            if question in topic.canonical and random.random() < 0.6:
                question = self.as_typed(question, language)
            else:
                question = self.vary(question, language, short=topic.name in SHORT or bool(topic.after))
            answer = self.corpus.topics[forced or language, topic.name].answer
            done.append(Turn(question, topic.name, answer))
            before = topic.name
        return Conversation(tuple(done), system)

    def system(self) -> tuple[str, str]:
        """A system prompt ("" mostly) and the language it imposes ("" for none)."""
        draw = self.random.random()
        if draw < 0.8:
            return "", ""
        if draw < 0.94:
            texts = [self.say(self.random.choice(self.corpus.systems["ignored"]), "en") for _ in range(2)]
            return " ".join(texts[: self.random.choice((1, 1, 2))]), ""
        kind, language = self.random.choice((("english", "en"), ("french", "fr")))
        return self.say(self.random.choice(self.corpus.systems[kind]), "en"), language
