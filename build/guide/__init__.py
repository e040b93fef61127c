"""The training half of the built-in model, the guide: its corpus, its dialogues and its training."""
