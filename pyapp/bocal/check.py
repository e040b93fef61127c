"""`python -m bocal.check ADDRESS`: the page's preflight, from a terminal.

Prints one line a check and exits 0 when the model can run, 1 when a check failed, 2 when what was given is not the
address of a model. What depends on a visitor's machine (graphics card, memory, storage) is not checked here.
"""

import argparse
import asyncio
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bocal.errors import Failure, Problem, refused
from bocal.models import catalogue, source
from bocal.models.preflight import Name, Preflight, Verdict
from bocal.models.record import Library, Model
from bocal.ui import checks
from bocal.ui.state import State
from bocal.ui.text import LANGUAGES, Texts, negotiate

TIMEOUT = 20.0  # seconds without an answer
MARKS = {
    Verdict.PASSED: "ok",
    Verdict.WARNED: "warn",
    Verdict.FAILED: "FAIL",
    Verdict.UNKNOWN: "-",
    Verdict.RUNNING: "?",
}


class Web:
    """`protocols.Network` over urllib, each request in a thread of its own."""

    async def read_json(self, url: str) -> Any:
        """GET a JSON document; raises Failure naming why there is none."""
        try:
            return json.loads(await asyncio.to_thread(self._read, url, "GET", None))
        except ValueError as error:
            raise Failure(Problem.NOT_JSON, detail=str(error), url=url) from error

    async def read_bytes(self, url: str, most: int) -> bytes:
        """GET a file of at most `most` bytes."""
        return await asyncio.to_thread(self._read, url, "GET", most)

    async def exists(self, url: str) -> bool:
        """Whether a HEAD request finds something at `url`."""
        try:
            await asyncio.to_thread(self._read, url, "HEAD", None)
        except Failure:
            return False
        return True

    def _read(self, url: str, method: str, most: int | None) -> bytes:
        host = urlsplit(url).netloc
        request = urllib.request.Request(url, method=method)  # noqa: S310 - source.read lets only http and https through
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                content: bytes = answer.read(-1 if most is None else most + 1)
        except urllib.error.HTTPError as error:
            raise refused(url, error.code, error.headers.get) from error
        except (urllib.error.URLError, OSError) as error:
            raise Failure(Problem.UNREACHABLE, detail=f"{url}: {error}", host=host) from error
        if most is not None and len(content) > most:
            raise Failure(Problem.TOO_LARGE, url=url, bytes=len(content))
        return content


def standard_models(path: Path | None) -> catalogue.Catalogue:
    """Return the catalogue the build made, or an empty one: a repository's own library is found without it."""
    candidates = (
        [path] if path else [Path(__file__).parents[2] / "dist" / "catalogue.json", Path("dist/catalogue.json")]
    )
    found = next((it for it in candidates if it.is_file()), None)
    document = json.loads(found.read_text()) if found else {"libraries": "", "models": []}
    return catalogue.read(document, "https://bocal.invalid/")


def main(arguments: list[str] | None = None) -> int:
    """Check what is named on the command line; return the exit status."""
    line = argparse.ArgumentParser(prog="python -m bocal.check", description="Will this MLC model run in Bocal?")
    line.add_argument("address", nargs="+", help="a repository (owner/name) or an address")
    line.add_argument("--library", help="address of the model library (.wasm)")
    line.add_argument("--language", choices=sorted(LANGUAGES), help="default: the terminal's")
    line.add_argument("--catalogue", type=Path, help="a catalogue.json (default: dist/catalogue.json)")
    options = line.parse_args(arguments)
    texts = Texts(options.language or negotiate([_language()]))
    models = standard_models(options.catalogue)
    try:
        url = source.read(" ".join(options.address)).url
    except Failure as failure:
        print(texts.failure(failure), file=sys.stderr)
        return 2
    name = source.Source(url).suggested_id
    given = Library(url=options.library) if options.library else None
    preflight = Preflight(Model(name, name, url, library=given), None, Web(), models)
    asyncio.run(preflight.run())
    state = State(texts, models)
    width = max(len(checks.label(state, it)) for it in Name)
    for check_name, check in preflight.checks.items():
        mark, label = MARKS[check.verdict], checks.label(state, check_name)
        print(f"{mark:>4}  {label:<{width}}  {checks.sentence(state, check)}")
    print(f"\n{url}\n{checks.verdict(state, preflight)}: {checks.counted(state, preflight)}")
    return 1 if preflight.count(Verdict.FAILED) else 0


def _language() -> str:
    import locale

    return (locale.getlocale()[0] or "en")[:2]


if __name__ == "__main__":
    sys.exit(main())
