"""The sentences, in each language; `en` and `fr` hold the same keys."""
