"""Train the guide: `python build/guide/train.py --out DIR` writes weights.npz, tokenizer.json and report.json.

The network learns only the guide's own lines, of conversations drawn without end from the corpus. Its weights are
rounded to four bits during the second part of the training, so that the quantised guide says the same words.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows it by
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from guide.dialogues import Conversation, Corpus, Dialogues, Turn, read_corpus
from guide.exam import Examiner, examine
from guide.model import Guide, Shape, load, quantised
from guide.text import Layout, train_tokenizer

ROUNDING_STARTS = 0.4
WARM_UP = 200
TRANSCRIPTS = (
    (
        "Hello",
        "What can this machine run?",
        "How do I download it?",
        "Where does my data go?",
        "Are you sure?",
        "Thanks",
    ),
    ("Hi", "How do I add my own model?", "Where do I find one?", "What is a token?", "Write a poem about cats", "Why?"),
    ("Bonjour", "Que faites-vous de mes données ?", "Vraiment ?", "Comment ajouter mon modèle ?", "Par exemple ?"),
    (
        "salut",
        "Que peut faire cette machine ?",
        "c koi un token",
        "quelle est la capitale du Pérou ?",
        "Merci, au revoir",
    ),
)


class Lessons(IterableDataset[tuple[Tensor, Tensor, Tensor]]):  # type: ignore[misc]
    """Endless batches: tokens [rows, context], the conversation each belongs to, and what the guide must say next."""

    def __init__(self, corpus: Corpus, tokenizer: Tokenizer, rows: int, context: int, seed: int) -> None:
        self.corpus, self.tokenizer, self.rows, self.context, self.seed = corpus, tokenizer, rows, context, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        worker = get_worker_info()
        seed = self.seed * 1000 + (worker.id if worker else 0)
        self.random = Random(seed)  # noqa: S311 - training data, nothing secret
        self.dialogues = Dialogues(self.corpus, seed)
        self.layout = Layout(self.tokenizer, self.random, dropout=0.1)
        while True:
            packed = [self.row() for _ in range(self.rows)]
            tokens, segments, targets = (torch.from_numpy(np.array(part)) for part in zip(*packed, strict=True))
            yield tokens, segments, targets

    def row(self) -> tuple[list[int], list[int], list[int]]:
        """One row filled with conversations end to end, each its own segment; -100 where nothing is to be learned."""
        tokens: list[int] = []
        segments: list[int] = []
        targets: list[int] = []
        number = 0
        while len(tokens) < self.context - 16:
            turns = self.random.choices((1, 2, 3, 5, 9, 18, 30), (8, 5, 3, 2, 2, 2, 2))[0]
            ids, written = self.layout.lay_out(self.dialogues.conversation(turns), self.context - len(tokens))
            if not any(written):
                break
            number += 1
            tokens += ids
            segments += [number] * len(ids)
            targets += [
                token if said else -100 for token, said in zip([*ids[1:], 0], [*written[1:], False], strict=True)
            ]
        room = self.context - len(tokens)
        return tokens + [0] * room, segments + [0] * room, targets + [-100] * room


def learning_rate(step: int, steps: int, peak: float) -> float:
    """A short warm-up, then half a cosine down to a hundredth of the peak."""
    if step < WARM_UP:
        return peak * (step + 1) / WARM_UP
    done = (step - WARM_UP) / max(1, steps - WARM_UP)
    return peak * (0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, done))) / 2)


def loss_of(guide: Any, head: Guide, batch: tuple[Tensor, Tensor, Tensor], share: Tensor) -> Tensor:
    """How surprised the network is by the guide's lines, a token on average."""
    tokens, segments, targets = batch
    hidden = guide(tokens, segments, share)
    kept = targets.flatten() != -100
    logits = head.logits(hidden.flatten(0, 1)[kept], share)
    return F.cross_entropy(logits.float(), targets.flatten()[kept])


def train(corpus: Corpus, tokenizer: Tokenizer, options: argparse.Namespace) -> tuple[Guide, dict[str, Any]]:
    """Train a network; returns it with the figures of the training."""
    torch.manual_seed(options.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    guide = Guide(Shape(), dropout=0.15).to(device)
    called: Any = torch.compile(guide) if options.compile else guide
    optimiser = torch.optim.AdamW(
        [
            {"params": [p for p in guide.parameters() if p.ndim == 2], "weight_decay": 0.1},
            {"params": [p for p in guide.parameters() if p.ndim == 1], "weight_decay": 0.0},
        ],
        lr=options.rate,
        betas=(0.9, 0.98),
        fused=device == "cuda",
    )
    lessons = Lessons(corpus, tokenizer, options.rows, Shape().context, options.seed)
    loader = DataLoader(lessons, batch_size=None, num_workers=options.workers, pin_memory=device == "cuda")
    share = torch.zeros((), device=device)
    steps, started, warm = options.steps, time.monotonic(), 0.0
    step = 0
    figures: dict[str, Any] = {}
    for batch in loader:
        if step >= steps:
            break
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, steps, options.rate)
        if step >= ROUNDING_STARTS * steps:
            share.fill_(1.0)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = loss_of(called, guide, tuple(part.to(device, non_blocking=True) for part in batch), share)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(guide.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 200 == 0 or step in {20, 120} or step == steps:
            figures["loss"] = loss.item()
            print(f"step {step}/{steps} loss {loss.item():.4f} {time.monotonic() - started:.0f} s", flush=True)
        if step == 20:
            warm = time.monotonic()
        if step == 120 and options.seconds:
            each = (time.monotonic() - warm) / 100
            steps = min(steps, 120 + int((options.seconds - (time.monotonic() - started)) / each))
            print(f"{each * 1000:.1f} ms a step: {steps} steps", flush=True)
    figures |= {
        "steps": step,
        "seconds": round(time.monotonic() - started, 1),
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "tokens": step * options.rows * Shape().context,
        "seed": options.seed,
    }
    return guide, figures


def transcripts(examiner: Examiner) -> list[list[tuple[str, str]]]:
    """A few whole conversations in which the guide hears its own answers."""
    result = []
    for questions in TRANSCRIPTS:
        turns: list[Turn] = []
        for question in questions:
            said = examiner.answers([Conversation((*turns, Turn(question, "", "")))])[0]
            turns.append(Turn(question, "", said))
        result.append([(turn.question, turn.answer) for turn in turns])
    return result


def main() -> None:
    """Read the options, train, examine and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for weights.npz, tokenizer.json, report.json")
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--seconds", type=float, default=0, help="shorten the training to about so long (0: never)")
    parser.add_argument("--rows", type=int, default=32, help="rows of 1024 tokens in a batch")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compile", action="store_true", help="use torch.compile")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    corpus = read_corpus()
    tokenizer = train_tokenizer(corpus, options.seed)
    tokenizer.save(str(options.out / "tokenizer.json"))
    guide, figures = train(corpus, tokenizer, options)
    weights = quantised(guide)
    np.savez_compressed(options.out / "weights.npz", **weights)  # type: ignore[arg-type]
    torch.backends.cuda.matmul.allow_tf32 = False
    examiner = Examiner(load(weights, str(guide.embed.device)), tokenizer, corpus)
    with torch.no_grad():
        results, heard = examine(examiner, print), transcripts(examiner)
    report = {"training": figures, **results, "transcripts": heard}
    (options.out / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
