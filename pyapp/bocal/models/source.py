"""From what people paste to where a model's files are.

WebLLM turns a model's URL into the base of its files by one rule (`cleanModelUrl` in 0.2.86): a slash at the end, then
`resolve/main/` unless the URL holds `/resolve/<revision>/`. Its cache keys are made from that base, so ours are too
(`engine_base`), wherever the bytes were really fetched from (`bases`). An address is therefore written the way a
browser's own URL parser writes it: lower-case host, no default port, no `.` or `..`, percent-encoded path.
"""

import re
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, unquote, urljoin, urlsplit

from bocal.errors import Failure, Problem

HUGGING_FACE = "huggingface.co"
# What stands where an owner would on Hugging Face's other pages.
RESERVED = frozenset({
    "api", "blog", "chat", "collections", "datasets", "docs", "enterprise", "join", "kernels", "learn", "login",
    "models", "new", "organizations", "papers", "posts", "pricing", "search", "settings", "spaces", "storage", "tasks",
})  # fmt: skip
# The words between a repository and a revision, in addresses of its pages, files and API.
_VIEWS = frozenset({"blame", "blob", "commit", "commits", "edit", "raw", "resolve", "revision", "tree"})
_VIEWS_OF_FILES = frozenset({"blame", "blob", "edit", "raw"})
_FILES = (".json", ".bin", ".model", ".txt", ".md", ".html", ".jinja", ".gitattributes")  # never a folder's name
_TOP_LEVELS = frozenset({
    "ai", "app", "be", "ca", "ch", "cn", "co", "com", "de", "dev", "edu", "es", "eu", "fr", "io", "it", "jp", "net",
    "nl", "org", "run", "uk", "us",
})  # fmt: skip
_HOME_LEVELS = (".home", ".internal", ".lan", ".local", ".localhost")

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_AT_REVISION = re.compile(r"([\w.-]+/[\w.-]+)@([\w.-]+)", re.ASCII)
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[\w.-]+)(:\d+)?", re.ASCII | re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:.]*:[0-9a-f:.]*")
_GIT = re.compile(r"(?:ssh://)?git@([\w.-]+)[:/](.+)", re.IGNORECASE)
_INVISIBLE = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_AFTER_ADDRESS = ".,;:!?'\"`*>}»”’…"


@dataclass(frozen=True)
class Source:
    """Where a model is: `url` is the canonical address kept in its record."""

    url: str

    @property
    def suggested_id(self) -> str:
        """The repository's or folder's name: what the model is usually called."""
        parts = urlsplit(self.url)
        names = [unquote(name) for name in parts.path.split("/") if name]
        for at, name in enumerate(names):
            if at and name in {"tree", "blob", "raw", "resolve"}:
                return names[-1] if len(names) > at + 2 else names[at - 1]
        return names[-1] if names else parts.netloc


def read(text: str, site: str = "https://bocal.invalid/") -> Source:
    """Read a repository name or address in any of its usual forms.

    `site` is the page's own address, for paths on our own site. Raises Failure(URL_UNREADABLE) saying what was pasted.
    """
    url = _canonical(address(text, site) or text, text)
    while (again := _canonical(url, text)) != url:
        url = again
    return Source(url)


def visible(text: str) -> str:
    """Return `text` without the characters that cannot be seen, nor half characters."""
    return _INVISIBLE.sub("", text.encode("utf-8", "replace").decode())


def trim(text: str) -> str:
    """Return `text` without the punctuation that follows an address in a sentence."""
    closing = "".join(close for begin, close in ("()", "[]") if begin not in text)
    return text.rstrip(_AFTER_ADDRESS + closing)


def address(text: str, site: str) -> str:
    """Return the whole address that `text` stands for, scheme included; "" when it stands for none."""
    pasted = "".join(visible(text).split())
    if re.match(r"(https?|hf)%3a", pasted, re.IGNORECASE):
        pasted = unquote(pasted)
    if scheme := re.match(r"https?:/*", pasted, re.IGNORECASE):
        return f"{scheme[0].rstrip(':/').lower()}://{pasted[scheme.end() :]}"
    if scheme := re.match(r"hf:/*", pasted, re.IGNORECASE):
        return f"https://{HUGGING_FACE}/{pasted[scheme.end() :]}"
    if git := _GIT.fullmatch(pasted):
        return f"https://{git[1]}/{git[2]}"
    if "://" in pasted:
        return ""
    if pasted.startswith(("/", "./", "../")):
        try:
            return urljoin(site, pasted)
        except ValueError as error:  # "//[" begins a host that never ends
            raise Failure(Problem.URL_UNREADABLE, detail=str(error), text=text.strip()[:80]) from error
    return _without_scheme(trim(pasted), site)


def _without_scheme(pasted: str, site: str) -> str:
    first, _, rest = pasted.partition("/")
    found = _AUTHORITY.fullmatch(first)
    if found:
        host, port = found[1].lower(), found[2]
        if _is_at_home(host) or (port and "." not in host):
            return f"http://{pasted}"
        dotted = "." in host.strip(".")
        if is_hugging_face(host) or port or (dotted and host.rpartition(".")[2] in _TOP_LEVELS):
            return f"https://{pasted}"
        if dotted and "/" in rest.rstrip("/") and rest.split("/")[1] not in _VIEWS:
            return f"https://{pasted}"
    names = pasted.rstrip("/").split("/")
    if names[0] == "models" and len(names) > 1:  # our own folder; on Hugging Face nobody is called so
        return urljoin(site, pasted)
    if at := _AT_REVISION.fullmatch(pasted):
        return f"https://{HUGGING_FACE}/{at[1]}/tree/{at[2]}"
    if _REPOSITORY.match("/".join(names[:2])) and (
        len(names) == 2 or names[0] in RESERVED or names[2] in {*_VIEWS, "discussions"} or _is_file(names[-1])
    ):
        return f"https://{HUGGING_FACE}/{pasted}" if _REPOSITORY.fullmatch("/".join(names[:2])) else ""
    return ""


def _is_at_home(host: str) -> bool:
    return host == "localhost" or host.startswith("[") or host.endswith(_HOME_LEVELS) or _is_ipv4(host)


def _is_ipv4(host: str) -> bool:
    return re.fullmatch(r"\d{1,3}(\.\d{1,3}){3}", host) is not None


def is_hugging_face(host: str) -> bool:
    """Whether a host is Hugging Face; its short name `hf.co` answers without CORS, so it is never kept."""
    return host.removeprefix("www.") in {HUGGING_FACE, "hf.co"}


def names_in(path: str) -> list[str]:
    """Return the parts of a path as a browser writes them: dots resolved, percent-encoded."""
    names: list[str] = []
    for part in trim(path.replace("\\", "/")).rstrip("/").split("/"):
        name = re.sub("%2e", ".", part, flags=re.IGNORECASE)
        if name == "..":
            del names[-1:]
        elif name and name != ".":
            names.append(quote(name, safe="%!$&'()*+,;=:@|[]", errors="replace"))
    return names


def _is_file(name: str) -> bool:
    return name.lower().endswith(_FILES)


def _canonical(whole: str, text: str) -> str:
    try:
        parts = urlsplit(whole)
        port = parts.port  # raises when it is no number
        host = (parts.hostname or "").rstrip(".")
        host = host if host.isascii() else host.encode("idna").decode()
    except ValueError as error:
        raise Failure(Problem.URL_UNREADABLE, detail=str(error), text=text.strip()[:80]) from error
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(host):
        raise Failure(Problem.URL_UNREADABLE, text=text.strip()[:80])
    names = names_in(parts.path)
    if is_hugging_face(host):
        url = _hugging_face(names)
        if not url:
            raise Failure(Problem.URL_UNREADABLE, text=text.strip()[:80])
        return url
    if len(names) > 3 and names[2] in {"tree", "blob"}:  # a mirror of Hugging Face
        names[2] = "resolve"
    while names and _is_file(names[-1]):
        names.pop()
    place = f"[{host}]" if ":" in host else host
    if port is not None and port != {"http": 80, "https": 443}[parts.scheme]:
        place = f"{place}:{port}"
    return f"{parts.scheme}://{place}/{'/'.join(names)}"


def _hugging_face(names: list[str]) -> str:
    """Return the address of the repository, revision and folder that a page, file or API address tells, or ""."""
    if names:
        names = [*unquote(names[0]).split("/"), *names[1:]]
    if names[:2] == ["api", "models"]:
        names = names[2:]
    elif names[:1] == ["models"]:
        names = names[1:] if len(names) > 2 else []
    if len(names) < 2 or names[0] in RESERVED or names[1] in _VIEWS or names[1] == "models":
        return ""
    owner, name = names[0], trim(unquote(names[1]))
    while name.lower().endswith(".git"):
        name = name[:-4]
    if not _REPOSITORY.fullmatch(f"{owner}/{name}") or not (owner.strip(".") and name.strip(".")):
        return ""
    repository = f"https://{HUGGING_FACE}/{owner}/{name}"
    view, rest = names[2] if len(names) > 2 else "", names[3:]
    if view not in _VIEWS:
        return repository
    if rest[:1] == ["refs"]:  # a revision such as refs/pr/1, whose slashes should have been encoded
        rest = ["%2F".join(rest[:3]), *rest[3:]]
    revision, folder = rest[0] if rest else "main", rest[1:]
    if folder and view in _VIEWS_OF_FILES and not folder[-1].lower().endswith(".wasm"):
        folder.pop()
    while folder and _is_file(folder[-1]):
        folder.pop()
    return repository if revision == "main" and not folder else "/".join([repository, "resolve", revision, *folder])


@cache
def engine_base(url: str) -> str:
    """Return the base of WebLLM's cache keys for a record's `url`, ending in a slash (its `cleanModelUrl`)."""
    base = url if url.endswith("/") else f"{url}/"
    return base if re.search(r".+/resolve/.+/", base) else f"{base}resolve/main/"


def bases(url: str) -> list[str]:
    """Return the addresses below which the files may really be, the likeliest first, each ending in a slash."""
    engine = engine_base(url)
    plain = url if url.endswith("/") else f"{url}/"
    if urlsplit(url).hostname in {HUGGING_FACE, "local.invalid"} or plain == engine:
        return [engine]
    return [engine, plain]


def listings(base: str) -> list[str]:
    """Return the addresses of Hugging Face's API that list the files of the repository at `base`, on its own host.

    There are none for a folder inside a repository: the paths listed would not be relative to `base`.
    """
    parts = urlsplit(base)
    found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/", parts.path)
    if not found:
        return []
    api = f"{parts.scheme}://{parts.netloc}/api/models/{found[1]}"
    return [f"{api}/tree/{found[2]}?recursive=true", f"{api}/revision/{found[2]}", api]
