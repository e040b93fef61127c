"""What a pasted text is when it is not a model: a closed set, each with a sentence of its own in `ui/i18n`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, unquote, urlsplit

from bocal.models import source


class Other(StrEnum):
    """The message keys of things recognised as something else than a model."""

    GGUF = "paste.gguf"
    WEIGHTS = "paste.weights"
    ONNX = "paste.onnx"
    FORMAT = "paste.format"
    LIBRARY = "paste.library"
    FILE = "paste.file"
    DATASET = "paste.dataset"
    SPACE = "paste.space"
    COLLECTION = "paste.collection"
    OWNER = "paste.owner"
    HUB_PAGE = "paste.hub_page"
    TEMPORARY = "paste.temporary"
    OLLAMA = "paste.ollama"
    CODE = "paste.code"
    OWN_PAGE = "paste.own_page"
    LOCAL = "paste.local"
    EMAIL = "paste.email"
    SCHEME = "paste.scheme"
    SECRET = "paste.secret"  # noqa: S105 - a message key
    CONFIG = "paste.config"
    JSON = "paste.json"
    JSON_DAMAGED = "paste.json_damaged"
    SHARE_DAMAGED = "paste.share_damaged"
    LONG_TEXT = "paste.long_text"


@dataclass(frozen=True)
class NotAModel:
    """Recognised as something else; `facts` fill its sentence."""

    what: Other
    facts: Mapping[str, str | int] = field(default_factory=dict)


_FILES = {
    Other.GGUF: ("gguf", "ggml", "ggjt"),
    Other.WEIGHTS: ("safetensors", "pt", "pth", "ckpt", "h5", "msgpack", "keras"),
    Other.ONNX: ("onnx", "onnx_data", "ort"),
    Other.LIBRARY: ("wasm",),
    Other.FORMAT: ("tflite", "litertlm", "mlmodel", "mlpackage", "task"),
    Other.FILE: (
        "7z", "avif", "bz2", "csv", "dmg", "doc", "docx", "exe", "gif", "gz", "ipynb", "iso", "jpeg", "jpg", "jsonl",
        "mov", "mp3", "mp4", "parquet", "pdf", "png", "ppt", "pptx", "py", "rar", "svg", "tar", "tgz", "wav", "webm",
        "webp", "whl", "xls", "xlsx", "xz", "zip", "zst",
    ),
}  # fmt: skip
_WHAT_BY_ENDING = {ending: what for what, endings in _FILES.items() for ending in endings}
_PYTORCH = re.compile(r"(pytorch_model|consolidated)[\w.-]*\.bin", re.IGNORECASE)

# The formats that authors write in the names of their repositories.
_FORMATS = {
    name.lower(): name for name in ("AWQ", "CoreML", "EXL2", "EXL3", "GPTQ", "LiteRT", "MLX", "OpenVINO", "TFLite")
}
_MLC_NAME = re.compile(r"(^|[-_.])(mlc|q\d+b?f(16|32))(?![a-z0-9])", re.IGNORECASE)

_HUB_PAGES = {"datasets": Other.DATASET, "spaces": Other.SPACE, "collections": Other.COLLECTION}
_CODE_HOSTS = frozenset({"github.com", "gist.github.com", "gitlab.com", "codeberg.org", "bitbucket.org"})
_OLLAMA_HOSTS = frozenset({"ollama.com", "ollama.ai", "registry.ollama.ai"})
_TEMPORARY_HOSTS = (".hf.co", ".xethub.hf.co", "cdn-lfs.huggingface.co")

_SECRET = re.compile(r"(hf_|sk-|ghp_|github_pat_)[\w-]{20,}", re.ASCII)
_EMAIL = re.compile(r"(mailto:)?[^/\s@:]+@[^/\s@:]+\.[^/\s@:.]+", re.IGNORECASE)
_FOLDER_OF_THIS_MACHINE = re.compile(
    r"[a-z]:[\\/].*|\\\\.*|~(/.*)?|file:.*"
    r"|/(applications|data|etc|home|media|mnt|opt|private|root|sdcard|srv|tmp|users|usr|var|volumes)(/.*)?",
    re.IGNORECASE,
)
_OLLAMA_NAME = re.compile(
    r"[a-z][\w.-]*(/[\w.-]+)?:(latest|mini|small|medium|large|instruct|chat|text|code|vision"
    r"|[\w.-]*\d[bm]([-_.][\w.-]*)?|([\w.-]*-)?q\d\w*)",
    re.ASCII | re.IGNORECASE,
)
_SCHEME = re.compile(
    r"([a-z][a-z0-9+.-]*)://.*|(about|blob|data|javascript|magnet|tel|urn|view-source):.*", re.IGNORECASE
)


def is_mlc(name: str) -> bool:
    """Whether the name of a repository says that it holds an MLC model."""
    return _MLC_NAME.search(name) is not None


def of_word(word: str) -> NotAModel | None:
    """Recognise one word that is not an address of the web."""
    if _SECRET.fullmatch(word):
        return NotAModel(Other.SECRET)
    if _FOLDER_OF_THIS_MACHINE.fullmatch(word):
        return NotAModel(Other.LOCAL)
    if _EMAIL.fullmatch(word) and not word.lower().startswith("git@"):
        return NotAModel(Other.EMAIL)
    if "/" not in word and (found := of_file(word)):
        return found
    if _OLLAMA_NAME.fullmatch(word):
        gguf = "gguf" in word.lower()
        return NotAModel(Other.GGUF, {"name": word}) if gguf else NotAModel(Other.OLLAMA, {"name": word})
    scheme = _SCHEME.fullmatch(word)
    if scheme and (scheme[1] or scheme[2]).lower() not in {"http", "https", "hf", "ssh", "git"}:
        return NotAModel(Other.SCHEME, {"scheme": f"{(scheme[1] or scheme[2]).lower()}:"})
    return None


def of_file(name: str) -> NotAModel | None:
    """Recognise a file that no model of ours is made of, by the ending of its name."""
    stem, dot, ending = name.lower().rpartition(".")
    if not dot or not stem:
        return None
    what = Other.WEIGHTS if _PYTORCH.fullmatch(name) else _WHAT_BY_ENDING.get(ending)
    if what is None:
        return None
    if what in {Other.FILE, Other.FORMAT}:
        return NotAModel(what, {"format": f".{ending}"})
    return NotAModel(what, {"name": name[-80:]})


def of_address(url: str, site: str) -> NotAModel | None:
    """Recognise an address of the web that is not a model's; None also when it cannot be read at all."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".").removeprefix("www.")
    except ValueError:
        return None
    names = source.names_in(parts.path)
    if host in _CODE_HOSTS and not (names and names[-1].lower().endswith(".wasm")):
        return NotAModel(Other.CODE, {"host": host})
    if host in _OLLAMA_HOSTS:
        return NotAModel(Other.OLLAMA, {"name": names[-1] if names else host})
    if host == "hf.space" or host.endswith(".hf.space"):
        return NotAModel(Other.SPACE)
    if host.endswith(_TEMPORARY_HOSTS):
        return NotAModel(Other.TEMPORARY)
    if _is_page_of(parts, site):
        return NotAModel(Other.OWN_PAGE)
    if source.is_hugging_face(host):
        return _of_hub(names)
    found = of_file(unquote(names[-1])) if names else None
    return _with_url(found, url)


def _is_page_of(parts: SplitResult, site: str) -> bool:
    """Whether an address is that of our own page, rather than of a model in a folder below it."""
    ours = urlsplit(site)
    folder = parts.path.removesuffix("index.html").rstrip("/")
    return parts.netloc.lower() == ours.netloc.lower() and folder == ours.path.rstrip("/")


def _of_hub(names: list[str]) -> NotAModel | None:
    if names[:1] and "%2f" in names[0].lower():
        names = [*unquote(names[0]).split("/"), *names[1:]]
    if names[:1] == ["api"]:
        names = names[2:] if names[1:2] == ["models"] else names[1:]
    if not names or names[0] in source.RESERVED - {"models"}:
        return NotAModel(_HUB_PAGES.get(names[0] if names else "", Other.HUB_PAGE))
    if names[0] == "models":
        if len(names) < 3:
            return NotAModel(Other.HUB_PAGE)
        names = names[1:]
    if len(names) == 1 or names[1] == "models":
        return NotAModel(Other.OWNER, {"name": unquote(names[0])})
    file = of_file(unquote(names[-1])) if len(names) > 2 else None
    if file:
        return _with_url(file, f"https://{source.HUGGING_FACE}/{'/'.join(names)}")
    return _of_repository(names[0], unquote(names[1]).partition(":")[0])


def _of_repository(owner: str, name: str) -> NotAModel | None:
    """Recognise a repository whose name tells another format than MLC."""
    if is_mlc(name):
        return None
    words = {*re.split(r"[-_.]", name.lower()), owner.lower().removesuffix("-community")}
    if words & {"gguf", "ggml"}:
        return NotAModel(Other.GGUF, {"name": name})
    if "onnx" in words:
        return NotAModel(Other.ONNX, {"name": name})
    found = sorted(words & _FORMATS.keys())
    return NotAModel(Other.FORMAT, {"format": _FORMATS[found[0]]}) if found else None


def _with_url(found: NotAModel | None, url: str) -> NotAModel | None:
    """Give a library its whole address, so that the form can take it as the library of a model."""
    if found is None or found.what is not Other.LIBRARY:
        return found
    return NotAModel(found.what, {**found.facts, "url": source.read(url).url})
