"""What can go wrong, as a closed set: every problem has a sentence in each language (`ui/i18n`)."""

from enum import StrEnum
from urllib.parse import urlsplit


class Problem(StrEnum):
    """The message keys of failures; `tests/test_texts.py` checks that each is worded in both languages."""

    ID_MISSING = "problem.id_missing"
    NAME_MISSING = "problem.name_missing"
    URL_MISSING = "problem.url_missing"
    ID_TAKEN = "problem.id_taken"
    URL_UNREADABLE = "problem.url_unreadable"
    LIBRARY_URL_UNREADABLE = "problem.library_url_unreadable"
    UNREACHABLE = "problem.unreachable"
    NO_CORS = "problem.no_cors"
    OFFLINE = "problem.offline"
    NOT_FOUND = "problem.not_found"
    NO_MODEL_THERE = "problem.no_model_there"
    REFUSED = "problem.refused"
    TOO_MANY_REQUESTS = "problem.too_many_requests"
    SERVER_ERROR = "problem.server_error"
    CUT_SHORT = "problem.cut_short"
    TOO_LARGE = "problem.too_large"
    NOT_JSON = "problem.not_json"
    BAD_MANIFEST = "problem.bad_manifest"
    BAD_CONFIG = "problem.bad_config"
    NO_LIBRARY = "problem.no_library"
    STORAGE_FULL = "problem.storage_full"
    STORAGE_FAILED = "problem.storage_failed"
    SETTINGS_FULL = "problem.settings_full"
    NO_WEBGPU = "problem.no_webgpu"
    NO_F16 = "problem.no_f16"
    OUT_OF_MEMORY = "problem.out_of_memory"
    DEVICE_LOST = "problem.device_lost"
    LIBRARY_BROKEN = "problem.library_broken"
    LIBRARY_MISMATCH = "problem.library_mismatch"
    CONTEXT_FULL = "problem.context_full"
    ENGINE_FAILED = "problem.engine_failed"


class Failure(Exception):
    """A problem with the facts that fill its sentence, and the raw text kept for "details".

    `facts` are plain strings and numbers; a number of bytes is an int under a name ending in `bytes`.
    """

    def __init__(self, problem: Problem, detail: str = "", **facts: str | int) -> None:
        super().__init__(f"{problem} {facts} {detail}".strip())
        self.problem = problem
        self.detail = detail
        self.facts = facts


def refused(url: str, status: int, retry_after: str | None = None) -> Failure:
    """Name an HTTP answer other than success; `retry_after` is the header of that name, in seconds."""
    detail, host = f"{url}: HTTP {status}", urlsplit(url).netloc
    if status in {401, 403}:
        return Failure(Problem.REFUSED, detail=detail, host=host)
    if status in {404, 410}:
        return Failure(Problem.NOT_FOUND, detail=detail, url=url)
    if status == 429:
        wait = int(retry_after) if retry_after and retry_after.isdigit() else 60
        return Failure(Problem.TOO_MANY_REQUESTS, detail=detail, host=host, seconds=wait)
    return Failure(Problem.SERVER_ERROR, detail=detail, host=host, status=status)
