"""What can go wrong, as a closed set: every problem has a sentence in each language (`ui/i18n`)."""

import re
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlsplit


class Problem(StrEnum):
    """The message keys of failures; `tests/test_texts.py` checks that each is worded in both languages."""

    ID_MISSING = "problem.id_missing"
    NAME_MISSING = "problem.name_missing"
    URL_MISSING = "problem.url_missing"
    ID_TAKEN = "problem.id_taken"
    URL_UNREADABLE = "problem.url_unreadable"
    LIBRARY_URL_UNREADABLE = "problem.library_url_unreadable"
    NUMBER_UNREADABLE = "problem.number_unreadable"
    HUB_UNREADABLE = "problem.hub_unreadable"
    NO_SEARCH = "problem.no_search"
    UNREACHABLE = "problem.unreachable"
    NO_CORS = "problem.no_cors"
    OFFLINE = "problem.offline"
    NOT_FOUND = "problem.not_found"
    NO_MODEL_THERE = "problem.no_model_there"
    REFUSED = "problem.refused"
    TOO_MANY_REQUESTS = "problem.too_many_requests"
    SERVER_ERROR = "problem.server_error"
    WRONG_BYTES = "problem.wrong_bytes"
    CHANGED_ON_HOST = "problem.changed_on_host"
    WRONG_LENGTH = "problem.wrong_length"
    STALLED = "problem.stalled"
    CUT_SHORT = "problem.cut_short"
    TOO_LARGE = "problem.too_large"
    NOT_JSON = "problem.not_json"
    WEB_PAGE = "problem.web_page"
    BAD_MANIFEST = "problem.bad_manifest"
    BAD_CONFIG = "problem.bad_config"
    NO_LIBRARY = "problem.no_library"
    FILE_GONE = "problem.file_gone"
    FILE_MISSING = "problem.file_missing"
    FILE_UNREADABLE = "problem.file_unreadable"
    FILE_LENGTH = "problem.file_length"
    FILE_CONTENT = "problem.file_content"
    NO_MODEL_IN_FOLDER = "problem.no_model_in_folder"
    SEVERAL_MODELS = "problem.several_models"
    LIBRARY_UNREADABLE = "problem.library_unreadable"
    LIBRARY_UNFIT = "problem.library_unfit"
    NO_LIBRARY_IN_FOLDER = "problem.no_library_in_folder"
    ALREADY_HERE = "problem.already_here"
    FROM_FOLDER = "problem.from_folder"
    DISK_FAILED = "problem.disk_failed"
    ROOM_SHORT = "problem.room_short"
    STORAGE_FULL = "problem.storage_full"
    STORAGE_SHORT = "problem.storage_short"
    STORAGE_BUSY = "problem.storage_busy"
    STORAGE_FAILED = "problem.storage_failed"
    SETTINGS_FULL = "problem.settings_full"
    LIST_NOT_TEXT = "problem.list_not_text"
    LIST_TOO_LARGE = "problem.list_too_large"
    LIST_EMPTY = "problem.list_empty"
    COPY_REFUSED = "problem.copy_refused"
    NO_WEBGPU = "problem.no_webgpu"
    NO_F16 = "problem.no_f16"
    OUT_OF_MEMORY = "problem.out_of_memory"
    DEVICE_LOST = "problem.device_lost"
    LIBRARY_BROKEN = "problem.library_broken"
    LIBRARY_MISMATCH = "problem.library_mismatch"
    CONTEXT_FULL = "problem.context_full"
    SCHEMA_UNREADABLE = "problem.schema_unreadable"
    SCHEMA_REFUSED = "problem.schema_refused"
    CHATS_UNREADABLE = "problem.chats_unreadable"
    CHATS_NEWER = "problem.chats_newer"
    CHATS_TOO_LARGE = "problem.chats_too_large"
    CHATS_DAMAGED = "problem.chats_damaged"
    CHAT_DAMAGED = "problem.chat_damaged"
    CHAT_ELSEWHERE = "problem.chat_elsewhere"
    NO_VISION = "problem.no_vision"
    PICTURE_UNREADABLE = "problem.picture_unreadable"
    ENGINE_FAILED = "problem.engine_failed"


class Failure(Exception):
    """A problem with the facts that fill its sentence, and the raw text kept for "details".

    `facts` are plain strings and numbers; a number of bytes is an int under a name ending in `bytes`.
    """

    def __init__(self, problem: Problem, detail: str = "", **facts: str | float) -> None:
        super().__init__(f"{problem} {facts} {detail}".strip())
        self.problem = problem
        self.detail = detail
        self.facts = facts

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {"problem": str(self.problem), "detail": self.detail, "facts": self.facts}

    @classmethod
    def from_json(cls, value: Any) -> Self | None:
        """Return the failure that was written; None for anything else."""
        try:
            return cls(Problem(value["problem"]), str(value["detail"]), **value["facts"])
        except (TypeError, KeyError, ValueError):
            return None


WAIT = 60  # seconds to wait where a host that is asked too much does not tell


def refused(url: str, status: int, header: Callable[[str], str | None] = lambda _name: None) -> Failure:
    """Name an HTTP answer other than success; `header` returns one of its headers, where it may be read."""
    detail, host = f"{url}: HTTP {status}", urlsplit(url).netloc
    if status in {401, 403}:
        return Failure(Problem.REFUSED, detail=detail, host=host)
    if status in {404, 410}:
        return Failure(Problem.NOT_FOUND, detail=detail, url=url)
    wait = _wait(header("Retry-After") or "", header("RateLimit") or "")
    if status == 429:
        return Failure(Problem.TOO_MANY_REQUESTS, detail=detail, host=host, seconds=WAIT if wait is None else wait)
    told = {} if wait is None else {"seconds": wait}
    return Failure(Problem.SERVER_ERROR, detail=detail, host=host, status=status, **told)


def is_page(media_type: str) -> bool:
    """Whether a `Content-Type` is that of a web page."""
    return media_type.partition(";")[0].strip().lower() in {"text/html", "application/xhtml+xml"}


def not_json(url: str, error: BaseException, media_type: str) -> Failure:
    """Name an answer that should be JSON and is not: a web page, by the `Content-Type` it came with, or anything."""
    return Failure(Problem.WEB_PAGE if is_page(media_type) else Problem.NOT_JSON, detail=f"{url}: {error}", url=url)


def _wait(retry_after: str, rate_limit: str) -> int | None:
    """Return the seconds to wait: Retry-After's (a number, or a date), or Hugging Face's `RateLimit: "api";r=0;t=9`."""
    if told := re.fullmatch(r"\s*([0-9]{1,6})\s*", retry_after) or re.search(r"\bt=([0-9]{1,6})\b", rate_limit):
        return int(told[1])
    if not retry_after:
        return None
    from email.utils import parsedate_to_datetime  # seldom needed, and slow to import

    try:
        return max(1, round(parsedate_to_datetime(retry_after).timestamp() - time.time()))
    except (ValueError, OverflowError):
        return None
