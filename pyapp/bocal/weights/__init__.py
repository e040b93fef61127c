"""Which bytes a model needs, and which are here."""
