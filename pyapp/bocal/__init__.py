"""Bocal: language models that run on your own GPU, in your browser."""
