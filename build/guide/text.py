"""The guide's tokeniser, and how a conversation is laid out in tokens."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from guide.dialogues import LANGUAGES, Conversation, Corpus, Dialogues

VOCABULARY = 2048
SPECIALS = ("<|end|>", "<|user|>", "<|assistant|>", "<|system|>")
END, USER, ASSISTANT, SYSTEM = range(len(SPECIALS))


def train_tokenizer(corpus: Corpus, seed: int = 0) -> Tokenizer:
    """A byte-level BPE tokeniser of `VOCABULARY` tokens, learned from the answers and from drawn questions."""
    dialogues = Dialogues(corpus, seed)
    texts = [topic.answer for topic in corpus.topics.values()] * 40
    for language in LANGUAGES:
        for _ in range(15000):
            _, question = dialogues.pick(language, "")
            texts.append(dialogues.vary(question, language))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() != VOCABULARY:
        raise ValueError(f"the corpus gives {tokenizer.get_vocab_size()} tokens; the model needs {VOCABULARY}")
    return tokenizer


@dataclass
class Layout:
    """Turns conversations into token identifiers. With `dropout`, some questions are cut into smaller pieces."""

    tokenizer: Tokenizer
    random: Random
    dropout: float = 0.0

    def __post_init__(self) -> None:
        self.answers: dict[str, list[int]] = {}
        self.loose = Tokenizer.from_str(self.tokenizer.to_str())
        if self.dropout:
            self.loose.model.dropout = self.dropout

    def encode(self, text: str) -> list[int]:
        """The tokens of a text written by a visitor."""
        loose = self.dropout and self.random.random() < 0.3
        ids: list[int] = (self.loose if loose else self.tokenizer).encode(text, add_special_tokens=False).ids
        return ids

    def answer(self, text: str) -> list[int]:
        """The tokens of an answer, its end included."""
        if text not in self.answers:
            self.answers[text] = [*self.tokenizer.encode(text, add_special_tokens=False).ids, END]
        return self.answers[text]

    def lay_out(self, conversation: Conversation, limit: int) -> tuple[list[int], list[bool]]:
        """The tokens of a conversation and which of them the guide writes; turns past `limit` tokens are left out."""
        ids: list[int] = []
        if conversation.system:
            ids = [SYSTEM, *self.encode(conversation.system), END]
        written = [False] * len(ids)
        for turn in conversation.turns:
            asked = [USER, *self.encode(turn.question), END, ASSISTANT]
            answer = self.answer(turn.answer)
            if len(ids) + len(asked) + len(answer) > limit:
                break
            ids += asked + answer
            written += [False] * len(asked) + [True] * len(answer)
        return ids, written
