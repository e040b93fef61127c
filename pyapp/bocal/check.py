"""`python -m bocal.check WHAT`: the page's preflight, from a terminal, for anything that can be pasted into the page.

WHAT is an address, a record or a list of records as JSON or as labelled lines, a share link; `-` reads it from standard
input. Prints a table for each model, one line a check, and exits 0 when every model can run, 1 when a check failed, 2
when something given is no model: the worst of them. What depends on a visitor's machine (graphics card, memory,
storage) is not checked here.
"""

import argparse
import asyncio
import dataclasses
import http.client
import json
import locale
import os
import sys
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bocal import strict
from bocal.errors import Failure, Problem, not_json, refused
from bocal.models import catalogue, paste, source
from bocal.models.paste import Address, NotAModel, Records, Words
from bocal.models.preflight import Name, Preflight, Verdict
from bocal.models.record import Library, Model
from bocal.ui import checks
from bocal.ui.state import State
from bocal.ui.text import LANGUAGES, Texts, negotiate

CAN_RUN, CANNOT_RUN, NO_MODEL = 0, 1, 2  # exit statuses
TIMEOUT = 20.0  # seconds without an answer
MODELS_AT_ONCE = 4
NO_SITE = "https://bocal.invalid/"
MARKS = {
    Verdict.PASSED: "ok",
    Verdict.WARNED: "warn",
    Verdict.FAILED: "FAIL",
    Verdict.UNKNOWN: "-",
    Verdict.RUNNING: "?",
}


class Web:
    """`protocols.Network` over urllib, each request in a thread of its own.

    `site` is the address of the page that would ask: what a host does not let it read (CORS) is not read here either.
    """

    def __init__(self, site: str = NO_SITE) -> None:
        self._origin = _origin(site)
        self._opener = urllib.request.OpenerDirector()
        for handler in (  # what urlopen has, without the schemes of files and FTP, to which a host could redirect
            urllib.request.ProxyHandler, urllib.request.HTTPHandler, urllib.request.HTTPSHandler,
            urllib.request.HTTPDefaultErrorHandler, urllib.request.HTTPRedirectHandler,
            urllib.request.HTTPErrorProcessor, urllib.request.UnknownHandler,
        ):  # fmt: skip
            self._opener.add_handler(handler())

    async def read_json(self, url: str) -> Any:
        """GET a JSON document; raises Failure naming why there is none."""
        return (await self.read_page(url))[0]

    async def read_page(self, url: str) -> tuple[Any, str]:
        """GET a JSON document and its `Link` header."""
        content, headers = await asyncio.to_thread(self._ask, url, "GET", None)
        try:
            return strict.from_bytes(content), headers.get("Link", "")
        except (ValueError, RecursionError) as error:
            raise not_json(url, error, headers.get("Content-Type", "")) from error

    async def read_bytes(self, url: str, most: int) -> bytes:
        """GET a file of at most `most` bytes."""
        return (await asyncio.to_thread(self._ask, url, "GET", most))[0]

    async def exists(self, url: str) -> bool:
        """Whether a HEAD request finds something at `url`."""
        try:
            await asyncio.to_thread(self._ask, url, "HEAD", None)
        except Failure:
            return False
        return True

    def _ask(self, url: str, method: str, most: int | None) -> tuple[bytes, Message]:
        host = url
        try:
            host = urlsplit(url).netloc or url
            told = {"User-Agent": "bocal", "Origin": self._origin}
            request = urllib.request.Request(url, method=method, headers=told)  # noqa: S310 - the opener knows http and https only
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                # A redirected HEAD becomes a GET in Python 3.12, whose content is not wanted either.
                content: bytes = b"" if method == "HEAD" else answer.read(-1 if most is None else most + 1)
                headers: Message = answer.headers
                announced = headers.get("Content-Length", "")
                readable = self._is_readable(url, headers.get("Access-Control-Allow-Origin"))
        except urllib.error.HTTPError as error:
            error.close()
            if not self._is_readable(url, error.headers.get("Access-Control-Allow-Origin")):
                raise _hidden(url) from error
            raise refused(url, error.code, error.headers.get) from error
        except http.client.IncompleteRead as error:
            raise _cut_short(url, len(error.partial), len(error.partial) + (error.expected or 0)) from error
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: an address http cannot have
            raise Failure(Problem.UNREACHABLE, detail=f"{url}: {error}", host=host) from error
        if not readable:
            raise _hidden(url)
        if most is not None and len(content) > most:
            raise Failure(Problem.TOO_LARGE, url=url, bytes=len(content))
        if method == "GET" and announced.isdigit() and len(content) < int(announced):
            raise _cut_short(url, len(content), int(announced))
        return content, headers

    def _is_readable(self, url: str, allowed: str | None) -> bool:
        return allowed in {"*", self._origin} or _origin(url) == self._origin


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _hidden(url: str) -> Failure:
    return Failure(Problem.NO_CORS, detail=url, host=urlsplit(url).netloc)


def _cut_short(url: str, found: int, wanted: int) -> Failure:
    return Failure(Problem.CUT_SHORT, detail=url, host=urlsplit(url).netloc, bytes=found, wanted_bytes=wanted)


def standard_models(path: Path | None) -> catalogue.Catalogue:
    """Return the catalogue the build made, or an empty one: a repository's own library is found without it."""
    candidates = (
        [path] if path else [Path(__file__).parents[2] / "dist" / "catalogue.json", Path("dist/catalogue.json")]
    )
    found = next((it for it in candidates if it.is_file()), None)
    document = json.loads(found.read_text(encoding="utf-8")) if found else {"libraries": "", "models": []}
    return catalogue.read(document, NO_SITE)


def main(arguments: list[str] | None = None) -> int:
    """Check what is named on the command line; return the exit status."""
    line = argparse.ArgumentParser(prog="python -m bocal.check", description="Will this MLC model run in Bocal?")
    line.add_argument(
        "what", nargs="+", help="a repository (owner/name), an address, models as JSON or text; - reads standard input"
    )
    line.add_argument("--library", help="address of the model library (.wasm)")
    line.add_argument("--site", default=NO_SITE, help="address of the Bocal page that will run it")
    line.add_argument("--language", choices=sorted(LANGUAGES), help="default: the terminal's")
    line.add_argument("--catalogue", type=Path, help="a catalogue.json (default: dist/catalogue.json)")
    options = line.parse_args(arguments)
    state = State(Texts(options.language or negotiate([_language()])), standard_models(options.catalogue))
    text = _standard_input() if options.what == ["-"] else " ".join(options.what)
    models, complaints = read_models(text, options.site, state.texts)
    try:
        site = source.read(options.site).url
        given = Library(url=source.read(options.library).url) if options.library else None
    except Failure as failure:
        print(state.texts.failure(failure), file=sys.stderr)
        return NO_MODEL
    models = [dataclasses.replace(model, library=given or model.library) for model in models]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return max(NO_MODEL if complaints else CAN_RUN, asyncio.run(_check(models, state, Web(site))))


def read_models(text: str, site: str, texts: Texts) -> tuple[list[Model], list[str]]:
    """Return the models a pasted text holds, and a sentence for each thing in it that is none."""
    try:
        pasted = paste.read(text, site)
    except Failure as failure:
        return [], [texts.failure(failure)]
    match pasted:
        case Address(place):
            models, complaints = [Model(place.suggested_id, place.suggested_id, place.url)], []
        case Records(found, unreadable):
            models = list(found)
            complaints = [texts("cli.unreadable", number=it.number, field=it.field) for it in unreadable]
            missing = texts.failure(Failure(Problem.URL_MISSING))
            complaints += [f"{model.id}: {missing}" for model in found if not model.url]
        case NotAModel(what, facts):
            models, complaints = [], [texts(what, **facts)]
        case Words(query):
            words = texts("paste.words", query=query) if query else texts.failure(Failure(Problem.URL_MISSING))
            models, complaints = [], [words]
    ours = [model for model in models if model.url.startswith(NO_SITE)]
    complaints += [texts("cli.no_site", path=model.url.removeprefix(NO_SITE)) for model in ours]
    return [model for model in models if model.url and model not in ours], complaints


async def _check(models: list[Model], state: State, web: Web) -> int:
    """Check models, several at a time, and print their tables in order; return the exit status."""
    turn, status = asyncio.Semaphore(MODELS_AT_ONCE), CAN_RUN

    async def run(model: Model) -> Preflight:
        preflight = Preflight(model, None, web, state.catalogue)
        async with turn:
            await preflight.run()
        return preflight

    for number, work in enumerate([asyncio.ensure_future(run(model)) for model in models]):
        preflight = await work
        _print_table(state, preflight, named=len(models) > 1, first=number == 0)
        status = max(status, CANNOT_RUN if preflight.count(Verdict.FAILED) else CAN_RUN)
    return status


def _print_table(state: State, preflight: Preflight, *, named: bool, first: bool) -> None:
    if not first:
        print()
    if named:
        print(f"{preflight.model.name}\n")
    width = max(len(checks.label(state, it)) for it in Name)
    for name, check in preflight.checks.items():
        print(f"{MARKS[check.verdict]:>4}  {checks.label(state, name):<{width}}  {checks.sentence(state, check)}")
    print(f"\n{preflight.model.url}")
    print(f"{checks.verdict(state, preflight)}: {checks.counted(state, preflight)}", flush=True)


def _standard_input() -> str:
    """Return what is piped in; a text of unknown encoding is read as far as it can be."""
    content = sys.stdin.buffer.read()
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    return content.decode("utf-16" if utf16 else "utf-8-sig", "replace")


def _language() -> str:
    try:
        return (locale.getlocale()[0] or "en")[:2]
    except ValueError:  # a locale Python does not know
        return "en"


def _run() -> int:
    """Run as a program: no traceback for an interruption, a reader that went away, or a terminal of few letters."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # text files both
    try:
        return main()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that flushing at exit does not fail too
        return CANNOT_RUN


if __name__ == "__main__":
    sys.exit(_run())
