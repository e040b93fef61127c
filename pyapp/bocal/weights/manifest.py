"""`tensor-cache.json`: the list of a model's shards, as MLC's weight conversion writes it."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin

from bocal.errors import Failure, Problem

NAME = "tensor-cache.json"
OLD_NAME = "ndarray-cache.json"  # the same content; WebLLM asks only for the new name since 0.2.80
_SAFE = "%!$&'()*+,;=:@|[]/"  # what a browser leaves as it is in a path, beside letters, digits and -._~
_NO_PATH = re.compile(r"[\x00-\x1f\x7f\\?#]|^ | $|(^|/)(\.|%2e){1,2}(/|$)", re.IGNORECASE)  # a browser reads another


@dataclass(frozen=True)
class Shard:
    """One file of weights: `path` relative to the model's base, `nbytes` its exact length, `md5` in hex or "".

    The path is percent-encoded as a browser's URL parser does it: WebLLM makes its keys so.
    """

    path: str
    nbytes: int
    md5: str = ""


def read(document: Any) -> list[Shard]:
    """Read the manifest's shards, in order, each once; raises Failure(BAD_MANIFEST) naming the field that is wrong."""
    records = document.get("records") if isinstance(document, dict) else None
    if not isinstance(records, list) or not records:
        raise Failure(Problem.BAD_MANIFEST, field="records")
    shards: dict[str, Shard] = {}
    for number, entry in enumerate(records):
        path = entry.get("dataPath") if isinstance(entry, dict) else None
        nbytes = entry.get("nbytes") if isinstance(entry, dict) else None
        if not isinstance(path, str) or not _is_below(path):
            raise Failure(Problem.BAD_MANIFEST, field=f"records[{number}].dataPath")
        if not isinstance(nbytes, int) or isinstance(nbytes, bool) or nbytes < 0:
            raise Failure(Problem.BAD_MANIFEST, field=f"records[{number}].nbytes")
        md5 = entry.get("md5sum")
        told = isinstance(md5, str) and re.fullmatch("[0-9a-fA-F]{32}", md5)
        path = quote(path, safe=_SAFE, errors="replace")
        shard = Shard(path, nbytes, md5.lower() if told else "")
        if shards.setdefault(path, shard) != shard:  # two files of one name
            raise Failure(Problem.BAD_MANIFEST, field=f"records[{number}].dataPath")
    return list(shards.values())


def _is_below(path: str) -> bool:
    """Whether a path leads to a file below the model's base, for us as for a browser."""
    try:
        return path != "" and not _NO_PATH.search(path) and urljoin("https://a.b/c/", path) == f"https://a.b/c/{path}"
    except ValueError:  # "//[x"
        return False
