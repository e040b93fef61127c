"""When each model was last used, kept in localStorage."""

import contextlib
import json
import time

from bocal.errors import Failure
from bocal.protocols import Settings

KEY = "bocal.used"


def read(settings: Settings) -> dict[str, float]:
    """Return when each model was last loaded, in seconds since 1970, by ID."""
    try:
        noted = json.loads(settings.read(KEY) or "{}")
        return {str(model_id): float(at) for model_id, at in noted.items()}
    except (ValueError, AttributeError, TypeError):
        return {}


def note(settings: Settings, model_id: str) -> dict[str, float]:
    """Note that a model is used now; returns what `read` then would. A full storage forgets it."""
    used = {**read(settings), model_id: time.time()}
    with contextlib.suppress(Failure):
        settings.write(KEY, json.dumps(used))
    return used
