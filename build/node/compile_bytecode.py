"""Bytecode for zips of Python source; runs inside Pyodide (see compile_bytecode.mjs).

The .pyc files are of the unchecked-hash kind of PEP 552: no time stamp, so the same source gives the same bytes.
"""

import base64
import csv
import hashlib
import importlib.util
import io
import zipfile
from collections.abc import Iterator
from importlib._bootstrap_external import _code_to_hash_pyc  # type: ignore[attr-defined]  # CPython’s own

TAG = "cpython-314"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest date a zip can hold: keeps the archive reproducible


def bytecode(source: bytes, name: str) -> bytes:
    """Compile one module's source to the bytes of its .pyc file; `name` is shown in tracebacks."""
    code = compile(source, name, "exec", dont_inherit=True)
    return bytes(_code_to_hash_pyc(code, importlib.util.source_hash(source), False))


def members(path: str) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) for each file of a zip, in name order."""
    with zipfile.ZipFile(path) as archive:
        for name in sorted(info.filename for info in archive.infolist() if not info.is_dir()):
            yield name, archive.read(name)


def write(path: str, files: dict[str, bytes]) -> None:
    """Write a zip with these files, in the order given."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)


def standard_library(source: str, target: str) -> None:
    """Replace every module of python_stdlib.zip by its bytecode."""
    files = {}
    for name, content in members(source):
        if name.endswith(".py"):
            files[name + "c"] = bytecode(content, name)
        else:
            files[name] = content
    write(target, files)


def wheel(source: str, target: str) -> None:
    """Add __pycache__ to a wheel, keeping its sources for tracebacks, and rewrite RECORD."""
    files = dict(members(source))
    for name in [name for name in files if name.endswith(".py")]:
        folder, _, module = name.rpartition("/")
        files[f"{folder}/__pycache__/{module[:-3]}.{TAG}.pyc"] = bytecode(files[name], name)
    record = next(name for name in files if name.endswith(".dist-info/RECORD"))
    del files[record]
    rows = io.StringIO()
    table = csv.writer(rows, lineterminator="\n")
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        table.writerow([name, f"sha256={digest}", len(content)])
    table.writerow([record, "", ""])
    files[record] = rows.getvalue().encode()
    write(target, files)
