"""Bocal: language models that run on your own GPU, in your browser."""

import sys

if sys.version_info < (3, 12):  # noqa: UP036 - before any file that an older one cannot even read
    sys.exit("Bocal needs Python 3.12 or newer.")
