"""Whether a model fits this machine: an estimate, from what the browser tells and what is known of the model."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from bocal.models.device import Device
from bocal.models.record import Model
from bocal.models.variants import quantisation

TIGHT_FROM = 0.8  # share of the memory from which other programs begin to matter
WORKING_ROOM = 1.25  # memory in use for each byte of weights, where only the weights' size is known: cache and buffers

_UNITS = {"k": 1, "m": 2, "g": 3, "t": 4}
_SIZE = re.compile(r"(\d{1,6}(?:[.,]\d{1,4})?)\s*([kmgt])(i?)(?:b|o|bytes|octets)\b", re.IGNORECASE)


class Fit(StrEnum):
    """The verdict, the best first."""

    FITS = "fits"
    TIGHT = "tight"
    TOO_BIG = "too_big"
    NEEDS_F16 = "needs_f16"

    @property
    def runs(self) -> bool:
        """Whether the model can be expected to run."""
        return self in {Fit.FITS, Fit.TIGHT}


@dataclass(frozen=True)
class Estimate:
    """How a model fits; `need` is the memory it takes while running, in bytes, and `share` that of the machine's."""

    fit: Fit
    need: int = 0
    share: float = 1.0


def estimate(model: Model, device: Device | None, weights: int = 0) -> Estimate | None:
    """Estimate how a model fits, or return None where too little is known.

    `weights` is the exact size of its weights in bytes, where they or their manifest are on this machine.
    """
    if device is None or not device.can_run:
        return None
    if needs_f16(model) and not device.f16:
        return Estimate(Fit.NEEDS_F16)
    need = model.memory or round((weights or read_size(model.size)) * WORKING_ROOM)
    if model.buffer > device.largest_buffer:
        return Estimate(Fit.TOO_BIG, need)
    if not need or not device.memory:
        return None
    share = need / device.memory
    fit = Fit.FITS if share < TIGHT_FROM else Fit.TIGHT if share <= 1 else Fit.TOO_BIG
    return Estimate(fit, need, share)


def needs_f16(model: Model) -> bool:
    """Whether a model's library computes in f16: by its features, or for a custom one by its quantisation's name."""
    return "shader-f16" in model.features or "f16" in (model.quantisation or quantisation(model.id))


@lru_cache(maxsize=4096)
def read_size(text: str) -> int:
    """Return the bytes that a person's text tells, such as "3.8 GB", "~400 Mo" or "1.5 GiB"; 0 when it tells none."""
    found = _SIZE.search(text)
    if not found:
        return 0
    base = 1024 if found[3] else 1000
    return round(float(found[1].replace(",", ".")) * float(base ** _UNITS[found[2].lower()]))
