"""The guide's examination: does it give the right answer, word for word, first and later in a conversation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import torch
from tokenizers import Tokenizer
from torch import Tensor

from guide.dialogues import LANGUAGES, NBSP, Conversation, Corpus, Dialogues, Topic, Turn
from guide.model import Guide
from guide.text import ASSISTANT, END, USER, Layout

LONGEST = 900
"""Tokens of the longest conversation examined."""


@dataclass(frozen=True)
class Question:
    """One question of the examination: its group, and the conversation that ends with it."""

    group: str
    conversation: Conversation


class Examiner:
    """Asks questions of a network, under `torch.no_grad()`. Answers are greedy unless a temperature is given."""

    def __init__(self, guide: Guide, tokenizer: Tokenizer, corpus: Corpus, seed: int = 1) -> None:
        self.guide = guide
        self.tokenizer = tokenizer
        self.corpus = corpus
        self.dialogues = Dialogues(corpus, seed)
        self.layout = Layout(tokenizer, Random(seed))  # noqa: S311 - no dropout, so nothing is drawn
        self.device = guide.embed.device

    def typed(self, topic: Topic) -> list[tuple[str, str]]:
        """The examination's questions on a topic as (kind, text), with the spaces and apostrophes of the page too."""
        asked = [("canonical", text) for text in topic.canonical] + [("held out", text) for text in topic.held_out]
        for text in topic.canonical:
            page = text.replace("'", "’").replace(" ?", f"{NBSP}?" if topic.language == "fr" else " ?")
            if page != text:
                asked.append(("canonical", page))
        return asked

    def before(self, topic: Topic, question: str, turns: int) -> list[Turn]:
        """Turns that may come before a question without changing its meaning; the last prepares a follow-up."""
        while True:
            earlier = [*self.dialogues.conversation(turns).turns]
            if topic.after:
                last = self.corpus.topics[topic.language, self.dialogues.random.choice(topic.after)]
                asked = self.dialogues.say(self.dialogues.random.choice(last.phrasings), last.language)
                earlier = [*earlier[1:], Turn(asked, last.name, last.answer)]
            if self.dialogues.resolve(topic, question, earlier[-1].topic) is topic:
                return earlier

    def questions(self, rounds: int = 3) -> list[Question]:
        """The whole examination: each question first, second, third, and after a long conversation."""
        asked: list[Question] = []
        for topic in self.corpus.topics.values():
            for kind, text in self.typed(topic):
                turn = Turn(text, topic.name, topic.answer)
                places = [("first", 0)] * (not topic.after)
                places += [("second", 1), ("third", 2), ("long", 26)] * rounds
                for place, turns in places:
                    earlier = self.before(topic, text, turns) if turns else []
                    while len(self.layout.lay_out(Conversation((*earlier, turn)), 10**6)[0]) > LONGEST:
                        earlier = earlier[1:]
                    group = f"{topic.language} {kind} {place}"
                    asked.append(Question(group, Conversation((*earlier, turn))))
        return asked

    def under_system(self, count: int = 200) -> list[Question]:
        """Canonical questions under system prompts: most change nothing, some set the language of the answer."""
        asked: list[Question] = []
        while len(asked) < count:
            system, forced = self.dialogues.system()
            if system:
                language = self.dialogues.random.choice(LANGUAGES)
                topic = self.dialogues.random.choice(self.dialogues.general[language])
                text = self.dialogues.random.choice(topic.canonical)
                answer = self.corpus.topics[forced or language, topic.name].answer
                group = f"{language} system {'sets the language' if forced else 'ignored'}"
                asked.append(Question(group, Conversation((Turn(text, topic.name, answer),), system)))
        return asked

    def batches(self, rows: Sequence[list[int]], size: int = 64) -> list[tuple[list[int], Tensor]]:
        """Rows of similar length together, padded at the end: (their numbers, tokens)."""
        order = sorted(range(len(rows)), key=lambda number: len(rows[number]))
        result = []
        for start in range(0, len(order), size):
            numbers = order[start : start + size]
            longest = max(len(rows[number]) for number in numbers)
            padded = [rows[number] + [END] * (longest - len(rows[number])) for number in numbers]
            result.append((numbers, torch.tensor(padded, device=self.device)))
        return result

    def hidden(self, tokens: Tensor) -> Tensor:
        """The network's last values, with its weights as they are."""
        found: Tensor = self.guide(tokens, torch.zeros_like(tokens), torch.zeros((), device=self.device))
        return found

    def marks(self, questions: Sequence[Question]) -> list[bool]:
        """Whether each greedy answer is the expected one to the last token.

        The whole expected answer is fed at once: the greedy answer equals it exactly when each token is the most
        likely one after those before it.
        """
        rows, answers = [], []
        for question in questions:
            rows.append(self.layout.lay_out(question.conversation, 10**6)[0])
            answers.append(len(self.layout.answer(question.conversation.turns[-1].answer)))
        right = [False] * len(rows)
        for numbers, tokens in self.batches(rows):
            hidden = self.hidden(tokens)
            for place, number in enumerate(numbers):
                end, length = len(rows[number]), answers[number]
                said = self.guide.logits(hidden[place, end - length - 1 : end - 1], self.zero()).argmax(dim=-1)
                right[number] = bool((said == tokens[place, end - length : end]).all())
        return right

    def zero(self) -> Tensor:
        """No further rounding: the weights examined are already rounded."""
        return torch.zeros((), device=self.device)

    def answers(self, conversations: Sequence[Conversation], temperature: float = 0.0, limit: int = 110) -> list[str]:
        """What the guide writes after each conversation, whose last turn is the one to answer."""
        prompts = []
        for conversation in conversations:
            *earlier, last = conversation.turns
            row, _ = self.layout.lay_out(Conversation(tuple(earlier), conversation.system), 10**6)
            prompts.append([*row, USER, *self.layout.encode(last.question), END, ASSISTANT])
        texts = [""] * len(prompts)
        for numbers, tokens in self.batches(prompts, 256):
            written = self.write(tokens, [len(prompts[number]) for number in numbers], temperature, limit)
            for number, ids in zip(numbers, written, strict=True):
                texts[number] = self.tokenizer.decode(ids, skip_special_tokens=False)
        return texts

    def write(self, tokens: Tensor, lengths: list[int], temperature: float, limit: int) -> list[list[int]]:
        """Continue padded rows of tokens until their end, drawing each token at a temperature (0: the likeliest)."""
        tokens = torch.nn.functional.pad(tokens, (0, limit), value=END)
        rows = torch.arange(len(lengths), device=self.device)
        at = torch.tensor(lengths, device=self.device)
        done = torch.zeros(len(lengths), dtype=torch.bool, device=self.device)
        written: list[list[int]] = [[] for _ in lengths]
        for _ in range(limit):
            hidden = self.hidden(tokens[:, : int(at.max())])
            logits = self.guide.logits(hidden[rows, at - 1], self.zero())
            if temperature:
                chosen = torch.multinomial((logits / temperature).softmax(dim=-1), 1)[:, 0]
            else:
                chosen = logits.argmax(dim=-1)
            done |= chosen == END
            if bool(done.all()):
                break
            for number, (token, over) in enumerate(zip(chosen.tolist(), done.tolist(), strict=True)):
                if not over:
                    written[number].append(token)
            tokens[rows, at] = torch.where(done, torch.full_like(chosen, END), chosen)
            at = at + 1
        return written


def table(questions: Sequence[Question], right: Sequence[bool]) -> dict[str, dict[str, float]]:
    """The share of right answers and the number of questions, by group."""
    groups: dict[str, list[bool]] = {}
    for question, mark in zip(questions, right, strict=True):
        groups.setdefault(question.group, []).append(mark)
    return {name: {"right": round(sum(m) / len(m), 4), "asked": len(m)} for name, m in sorted(groups.items())}


def examine(examiner: Examiner, say: Callable[[str], None]) -> dict[str, object]:
    """Hold the whole examination and return the report: tables, mistakes and what sampling does."""
    questions = examiner.questions() + examiner.under_system()
    right = examiner.marks(questions)
    tables = table(questions, right)
    wrong = [question for question, mark in zip(questions, right, strict=True) if not mark]
    mistakes = []
    for question, said in zip(wrong[:150], examiner.answers([q.conversation for q in wrong[:150]]), strict=True):
        last = question.conversation.turns[-1]
        mistakes.append({"group": question.group, "asked": last.question, "topic": last.topic, "said": said})
    firsts = [
        q for q in questions if q.group.endswith("first") or (q.group.endswith("third") and "canonical" in q.group)
    ]
    known = {topic.answer for topic in examiner.corpus.topics.values()}
    sampled = {}
    for temperature in (0.3, 0.6):
        drawn = examiner.answers([q.conversation for q in firsts], temperature)
        for kind in ("canonical", "held out"):
            for language in LANGUAGES:
                kept = [(q, s) for q, s in zip(firsts, drawn, strict=True) if q.group.startswith(f"{language} {kind}")]
                sampled[f"{language} {kind} at {temperature}"] = {
                    "right": round(sum(s == q.conversation.turns[-1].answer for q, s in kept) / len(kept), 4),
                    "whole answers": round(sum(s in known for _, s in kept) / len(kept), 4),
                    "asked": len(kept),
                }
    for name, line in [*tables.items(), *sampled.items()]:
        say(f"{name:34} {line}")
    return {"greedy": tables, "sampled": sampled, "mistakes": mistakes}
