"""Texts compared by what they say, not by how they are written."""

import unicodedata

# What Unicode takes for letters and marks of their own, and people type otherwise.
_TYPED = {"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "’": "'", "ʼ": "'"}


def as_typed(text: str) -> str:
    """Return a text with its ligatures and apostrophes as they are on a keyboard."""
    for letter, typed in _TYPED.items():
        text = text.replace(letter, typed)
    return text


def fold(text: str) -> str:
    """Return a text without accents and capitals, compatible letters as one (NFKD): "Élève ﬁn" is "eleve fin"."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", as_typed(text))
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()
