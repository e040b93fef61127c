"""What a host's answer to a request for a file means: a failure, or bytes from some place on."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from bocal.errors import Failure, Problem, refused
from bocal.protocols import Head


@dataclass(frozen=True)
class Validator:
    """What tells one version of a file on its host from another, as far as the host shows it ("", 0: not)."""

    etag: str = ""
    modified: str = ""
    total: int = 0

    @property
    def is_exact(self) -> bool:
        """Whether other bytes would show: a weak ETag stays the same for what only means the same (RFC 9110, 8.8.1)."""
        return bool(self.modified or (self.etag and not self.etag.startswith("W/")))

    def allows(self, other: "Validator") -> bool:
        """Whether nothing says that the two are of different versions."""
        pairs = ((self.etag, other.etag), (self.modified, other.modified), (self.total, other.total))
        return all(not mine or not theirs or mine == theirs for mine, theirs in pairs)


def start(head: Head, asked_from: int, kept: Validator) -> tuple[int | None, Validator]:
    """Return the byte that the answer's body begins with, and the version it is of.

    The byte is None when the body does not continue what is kept: then the file is to be asked for from its beginning.
    Raises the Failure that a refusal means.
    """
    if head.status == 416 and asked_from:
        return None, Validator()
    if head.status == 403 and head.redirected:  # a signed address that expired on the way: asked anew, it is new
        raise Failure(Problem.SERVER_ERROR, detail=f"{head.url}: HTTP 403", host=_host(head), status=503)
    if head.status in {408, 425}:
        raise Failure(Problem.SERVER_ERROR, detail=f"{head.url}: HTTP {head.status}", host=_host(head), status=503)
    if not 200 <= head.status < 300:
        raise refused(head.url, head.status, head.headers.get)
    length = _number(head.headers.get("Content-Length", ""))
    version = Validator(head.headers.get("ETag", ""), head.headers.get("Last-Modified", ""), length)
    if head.status != 206:
        return 0, version
    told = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", head.headers.get("Content-Range", "").strip())
    begins = int(told[1]) if told else asked_from
    total = _number(told[3]) if told else (asked_from + length if length else 0)
    version = Validator(version.etag, version.modified, total)
    if begins == asked_from and kept.allows(version):
        return begins, version
    if not asked_from:
        raise Failure(Problem.SERVER_ERROR, detail=f"{head.url}: {told and told[0]}", host=_host(head), status=206)
    return None, version


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _host(head: Head) -> str:
    return urlsplit(head.url).netloc
