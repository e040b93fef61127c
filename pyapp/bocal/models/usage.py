"""When each model was last used, kept in localStorage."""

import contextlib
import json
import time

from bocal import strict
from bocal.errors import Failure
from bocal.protocols import Settings

KEY = "bocal.used"
LATEST = 2**40  # seconds since 1970, beyond which no time can be told


def read(settings: Settings) -> dict[str, float]:
    """Return when each model was last loaded, in seconds since 1970, by ID."""
    try:
        noted = strict.loads(settings.read(KEY) or "{}")
        return {it: at for it, at in noted.items() if isinstance(at, int | float) and 0 <= at < LATEST}
    except (ValueError, AttributeError, TypeError):
        return {}


def note(settings: Settings, model_id: str) -> dict[str, float]:
    """Note that a model is used now; returns what `read` then would. A full storage forgets it."""
    used = {**read(settings), model_id: time.time()}
    with contextlib.suppress(Failure):
        settings.write(KEY, json.dumps(used))
    return used
