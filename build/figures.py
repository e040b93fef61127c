"""The table of figures, one row for each standard model library: checked with every catalogue, refreshed from them.

`python3 build/figures.py refresh` reads the libraries themselves where their host can be reached;
`python3 build/figures.py add LIBRARY mlc-chat-config.json` makes a row from a model's configuration where it cannot.
"""

import argparse
import http.client
import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "pyapp" / "bocal" / "models" / "figures.json"
ABOUT = (
    "One row for each library of WebLLM's prebuiltAppConfig, written by build/figures.py. source: 'metadata' when the "
    "figures were read in the library that origin names (of an older generation where its folder is older: compiled "
    "from the same model), 'config' when they come from the model's own configuration. null: any size, or not checked."
)
# What metadata always tells, so that null means "any size" and replaces what was there.
ALWAYS_TOLD = ("vocabulary", "chunk", "context", "window")

_CHUNK = re.compile(r"_cs(\d+)(k?)(?=[-_])")

Document = dict[str, Any]


class Incomplete(Exception):
    """The table and the catalogue name different libraries."""


def check(catalogue: Document, figures: Document) -> None:
    """Raise Incomplete naming each library of the catalogue without a row, and each row without a library."""
    listed = {model["library"] for model in catalogue["models"]}
    rows = set(figures["libraries"])
    sentences = []
    if listed - rows:
        sentences.append(f"no row of figures for {', '.join(sorted(listed - rows))}")
    if rows - listed:
        sentences.append(f"rows for libraries that WebLLM no longer lists: {', '.join(sorted(rows - listed))}")
    if sentences:
        raise Incomplete(f"{'; '.join(sentences)} (python3 build/figures.py refresh)")


def refresh(
    catalogue: Document, figures: Document, timeout: float = 30, say: Callable[[str], None] = print
) -> Document:
    """Return the table with a row for each library that could be read, and the rows kept of those that could not.

    `timeout` is in seconds, for one file. Stops asking at the first file whose host does not answer, and says so in one
    sentence; a file that is missing or no library is named, and the others go on.
    """
    from bocal.models import figures as app
    from bocal.models import metadata

    base = catalogue["libraries"]
    keys = sorted({model["library"] for model in catalogue["models"]})
    rows = {key: figures["libraries"][key] for key in keys if key in figures["libraries"]}
    for number, key in enumerate(keys):
        try:
            with urllib.request.urlopen(base + key, timeout=timeout) as answer:  # noqa: S310  # http(s), as WebLLM has it
                wasm = answer.read()
            known = asdict(app.of_library(metadata.read(wasm)))
        except urllib.error.HTTPError as error:
            error.close()
            say(f"{key}: the host answers {error.code}; its row is kept")
        except metadata.Unreadable as error:
            say(f"{key}: {error}; its row is kept")
        except (OSError, http.client.HTTPException) as error:
            say(f"{base} cannot be reached ({error}): {len(keys) - number} of {len(keys)} rows are left as they were")
            break
        else:
            rows[key] = merge(rows.get(key, {}), known, "/".join([*base.rstrip("/").split("/")[-2:], key]))
    return table(rows)


def merge(row: Document, known: Document, origin: str) -> Document:
    """Return a row in which what a library's metadata tells replaces what was there."""
    told = {name: value for name, value in known.items() if value is not None or name in ALWAYS_TOLD}
    return {**known, **row, **told, "source": "metadata", "origin": origin}


def from_config(key: str, config: Document, origin: str) -> Document:
    """Return a row made from a model's `mlc-chat-config.json`; the chunk is the one in the library's name."""
    from bocal.models import figures as app

    return {**asdict(app.of_config(config)), "chunk": chunk(key), "source": "config", "origin": origin}


def chunk(key: str) -> int | None:
    """Return the prefill chunk size in a library's name: 1024 for `_cs1k`; None when it has none."""
    found = _CHUNK.search(key)
    return int(found[1]) * (1024 if found[2] else 1) if found else None


def table(rows: Document) -> Document:
    """Return the document of these rows."""
    return {"about": ABOUT, "libraries": dict(sorted(rows.items()))}


def write(document: Document, path: Path) -> None:
    """Write the table with one row a line, so that a change shows as the libraries it is about."""
    lines = [f"    {json.dumps(key)}: {json.dumps(row)}" for key, row in document["libraries"].items()]
    about = json.dumps(document["about"])
    path.write_text(f'{{\n  "about": {about},\n  "libraries": {{\n' + ",\n".join(lines) + "\n  }\n}\n")


def main(arguments: list[str]) -> int:
    """Run one of the two commands; the table is written only when it has changed."""
    line = argparse.ArgumentParser(prog="python3 build/figures.py", description=(__doc__ or "").splitlines()[0])
    line.add_argument("--table", type=Path, default=TABLE)
    commands = line.add_subparsers(required=True, dest="command")
    refreshing = commands.add_parser("refresh", help="read every library whose host can be reached")
    refreshing.add_argument("--catalogue", type=Path, default=ROOT / "dist" / "catalogue.json")
    refreshing.add_argument("--timeout", type=float, default=30, help="seconds for one file (default: 30)")
    adding = commands.add_parser("add", help="make the row of a library from a model's configuration")
    adding.add_argument("library", help="the library's file name")
    adding.add_argument("config", type=Path, help="the model's mlc-chat-config.json")
    options = line.parse_args(arguments)
    before = json.loads(options.table.read_text()) if options.table.is_file() else table({})
    if options.command == "refresh":
        after = refresh(json.loads(options.catalogue.read_text()), before, options.timeout)
    else:
        row = from_config(options.library, json.loads(options.config.read_text()), options.config.name)
        after = table({**before["libraries"], options.library: row})
    if after != before:
        write(after, options.table)
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "pyapp"))
    sys.exit(main(sys.argv[1:]))
