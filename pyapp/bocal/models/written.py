"""Records of models as people write them: JSON of several makers, JavaScript, and labelled lines of text."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from bocal import strict
from bocal.errors import Failure
from bocal.letters import fold
from bocal.models import catalogue, other, record, source
from bocal.models.record import KINDS, Model

LISTS = ("customModels", "model_list", "appConfig", "models")  # where lists of records are kept
_MAY_BE_NULL = {"size", "description", "library", "overrides"}
_MARKS = {"id", "url", "model_id", "model", "model_url"}  # one of these makes a JSON object a record

# The fields of a record by the labels of guides, in small letters without accents.
_LABELS = {
    "id": "id, identifiant, identifier, model id, id du modele, id of the model, modele id",
    "name": "name, nom, display name, nom d'affichage, nom affiche, model name, nom du modele, titre, title",
    "url": "url, lien, link, adresse, address, model url, url du modele, repository, depot, repo",
    "size": "size, taille, estimated size, taille estimee, poids",
    "description": "description, desc",
    "library": "library, bibliotheque, model library, model lib, bibliotheque du modele, lib, wasm",
}
_FIELD_OF = {label: name for name, labels in _LABELS.items() for label in labels.split(", ")}
_BULLET = re.compile(r"[\s\-*•·–—>|#]*(?:\d{1,3}[.)]\s+)?")
_AROUND_VALUE = " \t*`\"'“”«»<>,"
LINK = re.compile(r"!?\[([^\[\]]*)\]\(<?([^\s()<>]+(?:\([^\s()]*\)[^\s()<>]*)*)>?\)")

# What JavaScript and Python have and JSON lacks: other quotes, comments, a comma before an end, `prefix + "…"`, bare
# words. JSON's own strings are matched too, so that nothing inside them is.
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*(?:"|\Z)|\'(?:[^\'\\]|\\.)*(?:\'|\Z)|`(?:[^`\\]|\\.)*(?:`|\Z)'
    r"|//[^\n]*|/\*.*?(?:\*/|\Z)|,(?=\s*[}\]])|(?:[A-Za-z_$][\w$.]*\s*\+\s*)+|[A-Za-z_$][\w$.]*",
    re.DOTALL,
)
_LONGEST_PROGRAM = 1_000_000
_CONSTANTS = {"true": "true", "True": "true", "false": "false", "False": "false", "null": "null", "None": "null"}


@dataclass(frozen=True)
class Unreadable:
    """An entry of a list that is no record: its place from 1, what it calls itself, and the field at fault."""

    number: int
    name: str
    field: str


def suggested_name(place: source.Source) -> str:
    """Return a name for people from the name of a model's repository or folder."""
    return catalogue.display_name(place.suggested_id) or place.suggested_id


def find_json(text: str) -> dict[str, Any] | list[Any] | None:
    """Return the JSON object or array in `text`, whatever surrounds or encodes it, or None."""
    for candidate in _candidates(text):
        for spell in (str, _as_json):
            try:
                value = strict.loads(spell(candidate))
                if isinstance(value, str):  # JSON in JSON; a bare word is itself again
                    value = find_json(value) if len(value) < len(text) else None
            except ValueError:
                continue
            if isinstance(value, (dict, list)):
                return value
    return None


def is_meant_as_json(text: str) -> bool:
    """Whether `text`, which `find_json` could not read, has the look of records all the same."""
    return re.search(r"""\{\s*\\*["']?\w+\\*["']?\s*:""", text) is not None


def cut_short(text: str) -> list[Any]:
    """Return the JSON objects of a text up to its damage: JSON cut off at its end, or one object a line."""
    found: list[Any] = []
    at = text.find("{")
    while at >= 0:
        try:
            value, at = strict.raw_decode(text, at)
        except ValueError:
            break
        found.append(value)
        at = text.find("{", at)
    return found


def _candidates(text: str) -> Iterator[str]:
    yield text
    starts = [at for at in (text.find("["), text.find("{")) if at >= 0]
    end = max(text.rfind("]"), text.rfind("}")) + 1
    if not starts or end <= min(starts):
        return
    start = min(starts)
    before = text[max(0, start - 1) : start]
    if before and before in "'\"`":  # a string of a program or of its console
        yield _unescaped(text[start:end])
    yield text[start:end]


def _unescaped(literal: str) -> str:
    meant = {"n": "\n", "t": "\t", "r": "\r"}
    return re.sub(r"\\(.)", lambda found: meant.get(found[1], found[1]), literal)


def _as_json(text: str) -> str:
    """Write JavaScript's or Python's literals as JSON."""
    if len(text) > _LONGEST_PROGRAM:
        raise ValueError("too long to be written by hand")

    def token(found: re.Match[str]) -> str:
        it = found[0]
        if it[0] in "'`":
            return json.dumps(_unescaped(it[1:-1]))
        if it[0] == '"':
            return it
        if it[0] in ",/" or it.rstrip().endswith("+"):
            return ""
        return _CONSTANTS.get(it, "null" if it == "undefined" else json.dumps(it))

    return _TOKEN.sub(token, _TOKEN.sub(token, text))  # twice: a comment may stand between a comma and an end


def entries(value: Any) -> list[Any]:
    """Return the entries of a list of records, of what holds such a list, or the one record."""
    if isinstance(value, str):
        value = find_json(value)
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return []
    for name in LISTS:
        if name in value:
            return entries(value[name])
    return [value] if value.keys() & _MARKS else []


def read_entries(found: list[Any], site: str) -> tuple[tuple[Model, ...], tuple[Unreadable, ...]]:
    """Read entries of a list: those that are records, complete or not, and those that are not."""
    models: list[Model] = []
    unreadable: list[Unreadable] = []
    for number, entry in enumerate(found, start=1):
        try:
            models.append(read_entry(entry, site))
        except ValueError as error:
            name = (
                next((entry[key] for key in ("name", "id", "model_id") if isinstance(entry.get(key), str)), "")
                if (isinstance(entry, dict))
                else ""
            )
            unreadable.append(Unreadable(number, name[:80], str(error).partition(":")[0]))
    return tuple(models), tuple(unreadable)


def read_entry(entry: Any, site: str) -> Model:
    """Read one record, ours or WebLLM's; what is missing is told from its address, or stays empty.

    Raises ValueError naming the field that cannot be read.
    """
    if not isinstance(entry, dict):
        raise ValueError("entry: not an object")
    if not entry.keys() & {"id", "url"}:
        entry = _from_webllm(entry)
    url = _text(entry, "url")
    place = source.Source(_address(url, site)) if url else None
    model_id = _text(entry, "id") or (place.suggested_id if place else "")
    if not model_id:
        raise ValueError("id: missing")
    name = _text(entry, "name") or (catalogue.display_name(model_id) or model_id)
    given = {key: value for key, value in entry.items() if value is not None or key not in _MAY_BE_NULL}
    model = record.from_json({**given, "id": model_id, "name": name, "url": place.url if place else "-"})
    return model if place else replace(model, url="")


def _text(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name}: not a text")
    return value if value and value.strip() else ""


def _address(url: str, site: str) -> str:
    try:
        place = source.read(url, site).url
    except Failure as failure:
        raise ValueError("url: not an address") from failure
    if other.of_address(place, site):
        raise ValueError("url: not a model's")
    return place


def _from_webllm(entry: dict[str, Any]) -> dict[str, Any]:
    """Return WebLLM's ModelRecord as one of ours."""
    ours = {
        "id": entry.get("model_id"),
        "url": entry.get("model") or entry.get("model_url"),
        "overrides": entry.get("overrides"),
    }
    if entry.get("model_type") in KINDS.values():
        ours["kind"] = next(kind for kind, number in KINDS.items() if number == entry["model_type"])
    library = entry.get("model_lib") or entry.get("model_lib_url")
    if isinstance(library, str) and library.strip("/ "):
        ours["library"] = read_library(library.strip("/ "))  # the slash of `prefix + "/X.wasm"`
    return ours


def read_library(url: str) -> dict[str, str]:
    """Return a record's `library` for the address of a .wasm.

    WebLLM's own libraries change with its version, so they are kept by key; before 0.2.80 their names told the context.
    """
    try:
        path = urlsplit(url).path if url.lower().startswith("http") else url
    except ValueError:
        path = url
    if "/binary-mlc-llm-libs/" in path:
        return {"key": re.sub(r"-ctx\d+k(?=_cs)", "", path.rpartition("/")[2])}
    return {"url": url} if "/" in path else {"key": path}


def read_labels(text: str) -> list[dict[str, Any]]:
    """Return the records that lines such as "ID: x", "**Nom :** y" or "Taille: z / URL: u" describe."""
    blocks: list[dict[str, Any]] = [{}]
    gap = False
    for line in text.splitlines():
        found = list(_fields(line))
        gap = gap or not found
        for name, value in found:
            block = blocks[-1]
            if name in block or (gap and name in {"id", "name"} and "url" in block):
                blocks.append(block := {})
            block[name] = read_library(value) if name == "library" else value
            gap = False
    return [block for block in blocks if block.keys() & {"id", "url"}]


def _fields(line: str) -> Iterator[tuple[str, str]]:
    pieces: list[tuple[str, str]] = []
    for piece in re.split(r"\s+[/|]\s+", _BULLET.sub("", line, count=1)):
        label, colon, value = re.sub(r"[：=]", ":", piece, count=1).partition(":")
        name = _FIELD_OF.get(_plain(label)) if colon else None
        if not name and _plain(label) in {"model", "modele"} and "/" in value:  # an address, not a name
            name = "url"
        if name:
            pieces.append((name, value))
        elif pieces:
            pieces[-1] = (pieces[-1][0], f"{pieces[-1][1]} / {piece}")
    for name, value in pieces:
        link = LINK.search(value) if name in {"url", "library"} else None
        if meant := (link[2] if link else value.strip(_AROUND_VALUE)):
            yield name, meant


def _plain(label: str) -> str:
    return " ".join(fold(label.replace("’", "'").replace("_", " ")).strip(' *`"-•').split())
