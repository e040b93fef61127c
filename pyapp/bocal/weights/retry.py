"""Which failures pass by themselves, and how long to wait before asking again."""

import random
from collections.abc import Callable

from bocal.errors import Failure, Problem

MOST_TRIES = 8  # in a row without a byte more; then the failure is told
LONGEST = 60.0  # seconds between two tries, unless the host asks for more
PASSING = frozenset(
    {
        Problem.UNREACHABLE, Problem.OFFLINE, Problem.STALLED, Problem.SERVER_ERROR, Problem.TOO_MANY_REQUESTS,
        Problem.CUT_SHORT, Problem.STORAGE_BUSY,
    }
)  # fmt: skip


def wait(failure: Failure, tries: int, jitter: Callable[[], float] = random.random) -> float | None:
    """Return the seconds to wait after try number `tries` (from 1) has failed, or None when there is no point.

    Offline is no try (0): what comes after is tried as at first. `jitter()` is in 0..1 and spreads the tries.
    """
    if failure.problem not in PASSING or tries > MOST_TRIES:
        return None
    if failure.problem is Problem.SERVER_ERROR and int(failure.facts.get("status", 500)) < 500:
        return None  # 400, 405, 451...: the same question gets the same answer
    backing_off = min(LONGEST, 0.5 * 2.0 ** (min(tries, 10) - 1)) * (1 + jitter())
    return max(backing_off, float(failure.facts.get("seconds", 0)) + jitter())
