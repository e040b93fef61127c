"""The released guide answers what visitors ask first, word for word as its corpus has it, by the NumPy reference.

`e2e/test_truth.py` shows that the browser says what the reference says.
"""

from pathlib import Path

import guide_model
import pytest
from guide.dialogues import LANGUAGES, Corpus, Topic, read_corpus
from mlc.reference import Reference
from tokenizers import Tokenizer

FOLDER = Path(__file__).resolve().parents[2] / guide_model.FILES
CORPUS: Corpus = read_corpus()
# The greeting and a dozen questions in each language: the corpus begins with what is asked most.
FIRST = [
    topic
    for language in LANGUAGES
    for topic in [it for it in CORPUS.of(language) if it.canonical and not it.after][:13]
]


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference(FOLDER)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(FOLDER / "tokenizer.json"))


def answer(reference: Reference, tokenizer: Tokenizer, question: str) -> str:
    """What the guide says first, at temperature 0."""
    reference.reset()
    end = tokenizer.token_to_id("<|end|>")
    tokens = tokenizer.encode(f"<|user|>{question}<|end|><|assistant|>").ids
    said: list[int] = []
    while len(said) < 200:
        token = int(reference.forward(tokens)[-1].argmax())
        if token == end:
            break
        said.append(token)
        tokens = [token]
    return str(tokenizer.decode(said))


@pytest.mark.parametrize("topic", FIRST, ids=lambda topic: f"{topic.language}-{topic.name}")
def test_a_question_has_its_answer(reference: Reference, tokenizer: Tokenizer, topic: Topic) -> None:
    assert answer(reference, tokenizer, topic.canonical[0]) == topic.answer
