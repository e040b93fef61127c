"""The one field that takes everything people paste: addresses, records, share links, words; or what it is instead."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bocal.errors import Failure
from bocal.models import other, share, source, written
from bocal.models.other import NotAModel, Other
from bocal.models.record import Model
from bocal.models.share import decode_share, encode_share
from bocal.models.source import Source
from bocal.models.written import Unreadable, suggested_name

__all__ = [
    "Address", "NotAModel", "Other", "Pasted", "Records", "Unreadable", "Words",
    "decode_share", "encode_share", "read", "suggested_name",
]  # fmt: skip


@dataclass(frozen=True)
class Address:
    """The place of one model."""

    source: Source


@dataclass(frozen=True)
class Records:
    """One or several records; what one lacks is an empty text. `shared`: from a link, to be confirmed by a person."""

    models: tuple[Model, ...]
    unreadable: tuple[Unreadable, ...] = ()
    shared: bool = False


@dataclass(frozen=True)
class Words:
    """Words to search for."""

    query: str


type Pasted = Address | Records | Words | NotAModel

_LONGEST_QUERY = 200
_LONGEST_TEXT = 50_000  # of what is no JSON: many guides fit
_PAIRS = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "«": "»", "<": ">", "(": ")", "[": "]", "*": "*"}
_EMPTY = re.compile(r"[\s\[\]{}'\"`;=]*|.*customModels.*", re.DOTALL)
_PROMPT = re.compile(r"^(?:[$>!%#]\s+|[!%](?=\w)|sudo\s+)")
_CALL = re.compile(r"[\w.]+\((?:\s*\w+\s*=)?\s*[\"']([^\"'\s]+)[\"']")
_CACHE_FOLDER = re.compile(r"models--([\w.-]+?)--([\w.-]+)", re.ASCII)
_IPV6 = re.compile(r"\[[0-9a-f]*:[0-9a-f:]*\]", re.IGNORECASE)
_DOWNLOADERS = {"hf", "huggingface-cli"}
_ALONE = {"--resume-download", "--force-download", "--quiet", "--dry-run"}  # options that take no value


def read(text: str, site: str) -> Pasted:
    """Say what a pasted text is; `site` is the page's own address.

    Raises Failure(URL_UNREADABLE) for an address that is broken, and nothing else.
    """
    value = written.find_json(text)
    if not value and not _EMPTY.fullmatch(text):  # the brackets of something else
        value = None
    if value is not None and (found := _of_json(value, site)):
        return found
    if (payload := share.find(text)) is not None:
        return _of_share(payload)
    if value is None and written.is_meant_as_json(text):
        return _of_damaged_json(text, site)
    if len(text) > _LONGEST_TEXT:
        return NotAModel(Other.LONG_TEXT)
    shown = _clean(text)
    if labelled := written.read_labels(shown):
        models, unreadable = written.read_entries(labelled, site)
        if len(labelled) > 1 or labelled[0].keys() != {"url"}:
            return Records(models, unreadable)
        shown = labelled[0]["url"]
    return _of_text(shown, site)


def _of_json(value: dict[str, Any] | list[Any], site: str) -> Pasted | None:
    if isinstance(value, list) and value and all(isinstance(entry, str) for entry in value):
        return _of_text("\n".join(value), site) if all("/" in entry for entry in value) else None
    found = written.entries(value)
    if any(isinstance(entry, dict) for entry in found):
        return Records(*written.read_entries(found, site))
    if isinstance(value, dict) and value.keys() & {
        "model_type",
        "quantization",
        "tokenizer_files",
        "ParamSize",
        "records",
    }:
        return NotAModel(Other.CONFIG)
    return NotAModel(Other.JSON) if isinstance(value, dict) or not value else None


def _of_damaged_json(text: str, site: str) -> Pasted:
    """Keep the records before the damage; one that says nothing else is the damage itself."""
    found = [entry for entry in written.cut_short(text) if written.entries(entry)]
    if not found:
        return NotAModel(Other.JSON_DAMAGED)
    models, unreadable = written.read_entries([one for entry in found for one in written.entries(entry)], site)
    whole = text.rstrip(" \t\r\n;`'\"").endswith("}")
    return Records(models, unreadable if whole else (*unreadable, Unreadable(len(models) + 1, "", "entry")))


def _of_share(payload: str) -> Pasted:
    try:
        return Records((decode_share(payload),), shared=True)
    except ValueError:
        return NotAModel(Other.SHARE_DAMAGED)


def _of_text(text: str, site: str) -> Pasted:
    lines = [_PROMPT.sub("", line) for line in text.splitlines() if line.strip()]
    text = written.LINK.sub(r" \2 ", "\n".join(lines))
    words = [word for word in (_bare(word) for word in text.split()) if word]
    if not words:
        return Words("")
    if found := _of_command(words, site):
        return found
    if call := _CALL.search(text):
        return _of_text(call[1], site)
    if len(words) > 1 and len(lines) == len(words) and _is_one_address(words):
        words = ["".join(words)]
    if len(words) == 1:
        return _of_word(words[0], site)
    return _of_words(words, site)


def _clean(text: str) -> str:
    """Return `text` as it is seen: one kind of space, and nothing around it."""
    text = re.sub(r"[^\S\r\n]", " ", source.visible(text)).strip()
    return _unwrapped(re.sub(r"^```\w*\n|\n```$", "", text).strip())


def _unwrapped(text: str) -> str:
    while len(text) > 1 and text[0] in _PAIRS and text[-1] == _PAIRS[text[0]]:
        text = text[1:-1].strip()
    return text


def _bare(word: str) -> str:
    """Return a word without the marks around it."""
    before = "\"'`“‘«<(*" + ("" if _IPV6.match(word) else "[")
    return source.trim(_unwrapped(source.trim(_unwrapped(word)).lstrip(before)))


def _is_one_address(lines: list[str]) -> bool:
    """Whether lines are one address that was broken in two, as in a mail."""
    return "://" in lines[0] and all(before[-1] in "/-" and "://" not in after for before, after in pairwise(lines))


def _of_word(word: str, site: str) -> Pasted:
    if cached := _CACHE_FOLDER.fullmatch(word):
        word = f"{cached[1]}/{cached[2]}"
    if found := other.of_word(word):
        return found
    whole = source.address(word, site)
    if not whole:
        return Words(word) if "://" not in word else Address(source.read(word, site))
    if (found := other.of_address(whole, site)) is None:
        place = source.read(word, site)
        found = other.of_address(place.url, site)
        return found or Address(place)
    query = _query_of_search(whole) if found.what in {Other.HUB_PAGE, Other.OWNER} else ""
    return Words(query) if query else found


def _query_of_search(url: str) -> str:
    """Return what a page of search results of Hugging Face was asked for."""
    asked = parse_qs(urlsplit(url).query, errors="replace")
    return " ".join(" ".join(asked.get("search", [])).split())[:_LONGEST_QUERY]


def _of_command(words: list[str], site: str) -> Pasted | None:
    """Read the commands whose arguments do not look like an address by themselves."""
    command, rest = words[0].rpartition("/")[2].lower(), words[1:]
    if command == "ollama" and len(rest) > 1 and rest[0] in {"run", "pull", "show"}:
        return NotAModel(Other.GGUF if "gguf" in rest[1].lower() else Other.OLLAMA, {"name": rest[1]})
    options = {option: value for option, value in zip(words, rest, strict=False) if option.startswith("-")}
    arguments = [
        word
        for before, word in zip(words, rest, strict=False)
        if not word.startswith("-") and (not before.startswith("-") or before in _ALONE)
    ]
    if command in _DOWNLOADERS and arguments[:1] == ["download"] and len(arguments) > 1:
        kind = options.get("--repo-type", "model")
        if kind in {"dataset", "space"}:
            return NotAModel(Other.DATASET if kind == "dataset" else Other.SPACE)
        files = [found for word in [*arguments[2:], options.get("--include", "")] if (found := other.of_file(word))]
        return files[0] if files else _of_repository(arguments[1], options.get("--revision", ""), site)
    if command == "git" and "clone" in arguments:
        place = next((word for word in arguments if "/" in word), "")
        return _of_repository(place, options.get("--branch", options.get("-b", "")), site) if place else None
    if "mlc_llm" in words and "://" not in " ".join(words) and any("/" in word for word in arguments):
        return NotAModel(Other.LOCAL)
    return None


def _of_repository(name: str, revision: str, site: str) -> Pasted:
    found = _of_word(name, site)
    if isinstance(found, Address) and revision and "/resolve/" not in found.source.url:
        return Address(source.read(f"{found.source.url}/tree/{revision}", site))
    return found


def _of_words(words: list[str], site: str) -> Pasted:
    """Read a text of several words: the addresses in it, or else words to search for."""
    likely = words if all("/" in word for word in words) else [word for word in words if _is_likely(word)]
    read_words = [found for word in dict.fromkeys(likely) if (found := _of_word_or_none(word, site))]
    places = list(_best(found.source for found in read_words if isinstance(found, Address)))
    if len(places) == 1:
        return Address(places[0])
    if places:
        return Records(tuple(Model(place.suggested_id, suggested_name(place), place.url) for place in places))
    elsewhere = [found for found in read_words if isinstance(found, NotAModel)]
    if elsewhere:
        return elsewhere[0]
    query = " ".join(words)
    return Words(query) if len(query) <= _LONGEST_QUERY else NotAModel(Other.LONG_TEXT)


def _of_word_or_none(word: str, site: str) -> Pasted | None:
    try:
        return _of_word(word, site)
    except Failure:
        return None


def _is_likely(word: str) -> bool:
    """Whether a word among others is an address by itself."""
    lower = word.lower()
    if lower.startswith(("http://", "https://", "hf://", "git@", "www.", "localhost:", "huggingface.co/", "hf.co/")):
        return True
    return lower.count("/") == 1 and other.is_mlc(word.partition("/")[2])


def _best(places: Iterable[Source]) -> Iterable[Source]:
    """Keep those on Hugging Face where there are any: the others are what a page links to besides."""
    found = list(dict.fromkeys(places))
    hub = [place for place in found if urlsplit(place.url).hostname == source.HUGGING_FACE]
    return hub or found
