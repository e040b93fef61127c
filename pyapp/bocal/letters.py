"""Texts compared by what they say, not by how they are written."""

import unicodedata


def fold(text: str) -> str:
    """Return a text without accents and capitals, compatible letters as one (NFKD): "Élève ﬁn" is "eleve fin"."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()
