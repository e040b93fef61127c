"""Words, numbers and sizes in the visitor's language."""

import math

from bocal.errors import Failure, Problem
from bocal.ui.i18n import en, fr

LANGUAGES = {"en": en.TEXTS, "fr": fr.TEXTS}
NO_BREAK, NARROW = "\u00a0", "\u202f"
_UNITS = {"en": ("B", "kB", "MB", "GB", "TB"), "fr": ("o", "ko", "Mo", "Go", "To")}


def negotiate(preferred: list[str]) -> str:
    """Return "fr" or "en": the first of the browser's languages (such as "fr-CA") that we speak, else English."""
    return next((tag[:2].lower() for tag in preferred if tag[:2].lower() in LANGUAGES), "en")


class Texts:
    """The sentences of one language; call it with a key and the facts that fill the sentence."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = LANGUAGES[language]

    def __call__(self, key: str, /, **facts: str | float) -> str:
        """Return the sentence under `key`; numbers under names ending in `bytes` are shown as sizes."""
        return self._texts[key].format(**{name: self._fact(name, value) for name, value in facts.items()})

    def count(self, key: str, count: int) -> str:
        """Return the sentence for a number of things: `key.one` or `key.other` (French counts 0 as one)."""
        one = count < 2 if self.language == "fr" else count == 1
        return self(f"{key}.{'one' if one else 'other'}", count=self.number(count))

    def failure(self, failure: Failure) -> str:
        """Return the sentence for what went wrong.

        A failure may come from a file: where its facts do not fill its sentence, another says less.
        """
        try:
            return self(failure.problem, **failure.facts)
        except (KeyError, TypeError, ValueError):
            return self(Problem.ENGINE_FAILED)

    def number(self, value: float, decimals: int = 0) -> str:
        """Return a number as the language writes it: 1,284.5 or 1 284,5."""
        text = f"{value:,.{decimals}f}"
        if self.language == "fr":
            return text.replace(",", NARROW).replace(".", ",")
        return text

    def percent(self, fraction: float) -> str:
        """Return a share of one as a whole percentage; 100 only when it is all there."""
        share = 100 if fraction >= 1 else min(99, math.floor(fraction * 100))
        return f"{share}{NARROW}%" if self.language == "fr" else f"{share}%"

    def size(self, nbytes: float) -> str:
        """Return a number of bytes in decimal units: 3.8 GB or 3,8 Go."""
        units = _UNITS[self.language]
        power = 0
        while round(nbytes, 1) >= 1000 and power < len(units) - 1:
            nbytes, power = nbytes / 1000, power + 1
        decimals = 1 if power > 1 and nbytes < 100 else 0
        return f"{self.number(nbytes, decimals)}{NO_BREAK}{units[power]}"

    def duration(self, seconds: float) -> str:
        """Return a time to wait: in seconds below two minutes, else in minutes."""
        if seconds < 120:
            return self("time.seconds", count=max(1, round(seconds)))
        return self("time.minutes", count=round(seconds / 60))

    def _fact(self, name: str, value: str | float) -> str:
        if isinstance(value, str):
            return value
        if name.endswith("bytes"):
            return self.size(value)
        return self.number(value, 0 if float(value).is_integer() else len(f"{value:g}".partition(".")[2]))
