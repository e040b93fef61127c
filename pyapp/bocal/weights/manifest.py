"""`tensor-cache.json`: the list of a model's shards, as MLC's weight conversion writes it."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from bocal.errors import Failure, Problem

NAME = "tensor-cache.json"
OLD_NAME = "ndarray-cache.json"  # the same content; WebLLM asks only for the new name since 0.2.80


@dataclass(frozen=True)
class Shard:
    """One file of weights: `path` relative to the model's base, `nbytes` its exact length, `md5` in hex or ""."""

    path: str
    nbytes: int
    md5: str = ""


def read(document: Any) -> list[Shard]:
    """Read the manifest's shards, in order; raises Failure(BAD_MANIFEST) naming the field that is wrong."""
    records = document.get("records") if isinstance(document, dict) else None
    if not isinstance(records, list) or not records:
        raise Failure(Problem.BAD_MANIFEST, field="records")
    shards = []
    for number, entry in enumerate(records):
        path = entry.get("dataPath") if isinstance(entry, dict) else None
        nbytes = entry.get("nbytes") if isinstance(entry, dict) else None
        if not isinstance(path, str) or not path or urljoin("https://a.b/c/", path) != f"https://a.b/c/{path}":
            raise Failure(Problem.BAD_MANIFEST, field=f"records[{number}].dataPath")
        if not isinstance(nbytes, int) or isinstance(nbytes, bool) or nbytes < 0:
            raise Failure(Problem.BAD_MANIFEST, field=f"records[{number}].nbytes")
        md5 = entry.get("md5sum")
        told = isinstance(md5, str) and re.fullmatch("[0-9a-fA-F]{32}", md5)
        shards.append(Shard(path, nbytes, md5.lower() if told else ""))
    return shards
