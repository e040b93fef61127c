"""What a model's ID tells: its family, class of size and quantisation, and which IDs are variants of one model."""

import re
from enum import StrEnum
from functools import lru_cache

from bocal.models.catalogue import parameters

CACHED = 8192  # IDs whose answers are remembered

_QUANTISATION = re.compile(r"(?<![^-_./ ])q\d+(?:f|bf)(?:16|32)(?:_\d)?(?![^-_./ ])", re.IGNORECASE)
_MLC = re.compile(r"-MLC(?=-|$)", re.IGNORECASE)
_SHORT = re.compile(r"-1k$")
# The families of the standard list: how an ID tells one, and who makes it. A short name must stand alone ("sophia" is
# no Phi); a longer one may end a word ("CodeLlama").
_FAMILIES = {
    "Qwen": (r"qwen", "Alibaba"),
    "Llama": (r"llama", "Meta"),
    "Gemma": (r"gemma", "Google"),
    "Phi": (r"(?<![a-z])phi", "Microsoft"),
    "Mistral": (r"(?:mis|minis)tral", "Mistral AI"),
    "SmolLM": (r"smollm", "Hugging Face"),
    "OLMo": (r"olmo", "Ai2"),
    "DeepSeek": (r"deepseek", ""),
    "Hermes": (r"hermes", ""),
    "StableLM": (r"stablelm", "Stability AI"),
    "RedPajama": (r"redpajama", ""),
    "TinyLlama": (r"tinyllama", ""),
    "WizardMath": (r"wizardmath", ""),
}
_FORMS = {name: re.compile(f"{form}(?!(?-i:[a-z]))", re.IGNORECASE) for name, (form, _) in _FAMILIES.items()}
MAKERS = {name: maker for name, (_, maker) in _FAMILIES.items()}


class Size(StrEnum):
    """Classes of size, by billions of parameters: each ends where the next begins."""

    SMALL = "small"  # up to 1
    MIDDLE = "middle"  # up to 4
    LARGE = "large"  # up to 9
    LARGEST = "largest"


@lru_cache(maxsize=CACHED)
def quantisation(model_id: str) -> str:
    """Return the quantisation an ID names, such as "q4f16_1"; "" when it names none."""
    found = _QUANTISATION.search(model_id)
    return found[0].lower() if found else ""


@lru_cache(maxsize=CACHED)
def stem(model_id: str) -> str:
    """Return what the variants of one model share: the ID without quantisation, `MLC` and `1k`."""
    return _MLC.sub("", _SHORT.sub("", _QUANTISATION.sub("", model_id))).replace("--", "-").strip("-_") or model_id


def is_short(model_id: str) -> bool:
    """Whether this is a variant with a context window of only 1,024 tokens, as WebLLM names them."""
    return bool(_SHORT.search(model_id))


@lru_cache(maxsize=CACHED)
def size(model_id: str) -> Size | None:
    """Return the class of size that the number of parameters falls in, None when it is not known."""
    told = parameters(model_id)
    if not told:
        return None
    billions = float(told[:-1]) / (1000 if told.endswith("M") else 1)
    limits = ((1, Size.SMALL), (4, Size.MIDDLE), (9, Size.LARGE))
    return next((name for limit, name in limits if billions <= limit), Size.LARGEST)


@lru_cache(maxsize=CACHED)
def family(model_id: str) -> str:
    """Return the family of a model, one of MAKERS, "" for any other.

    It is the one an ID mentions first: `Boreal-Qwen3-4B` is a Qwen.
    """
    places = [(found.start(), name) for name, form in _FORMS.items() if (found := form.search(model_id))]
    return min(places, default=(0, ""))[1]
