"""IndexedDB's requests and transactions as things to await."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import js
from pyodide.ffi import JsException, create_once_callable, to_js

from bocal.errors import Failure, Problem

TRIES = 3  # times to open a database that is closed just then


def ask(name: str, *version: int) -> Any:
    """Ask for a database; raises Failure(STORAGE_FAILED) where the browser has none, or forbids it."""
    try:
        return js.indexedDB.open(name, *version)
    except (JsException, AttributeError) as error:
        raise Failure(Problem.STORAGE_FAILED, detail=str(error)) from error


async def result(asked: Any) -> Any:
    """Return what a request finds; raises Failure(STORAGE_FULL or STORAGE_FAILED)."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    asked.onsuccess = once(lambda: None if future.done() else future.set_result(asked.result))
    asked.onerror = once(lambda: None if future.done() else future.set_exception(_failure_of(asked.error)))
    return await future


async def transaction(
    name: str, open_it: Callable[[], Awaitable[Any]], forget: Callable[[Any], None], tables: Sequence[str], mode: str
) -> Any:
    """Begin a transaction on the database of that name; raises Failure(STORAGE_FAILED).

    One that was closed, by the browser or for another tab that changes it, is forgotten and opened anew.
    """
    for _ in range(TRIES):
        opened = await open_it()
        try:
            return opened.transaction(to_js(list(tables)), mode)
        except JsException:
            forget(opened)
    raise Failure(Problem.STORAGE_FAILED, detail=f"{name}: {' '.join(tables)}")


async def committed(transaction: Any) -> None:
    """Return once a transaction has committed; raises Failure(STORAGE_FULL or STORAGE_FAILED) when it is undone."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    transaction.oncomplete = once(lambda: None if future.done() else future.set_result(None))
    transaction.onabort = once(lambda: None if future.done() else future.set_exception(_failure_of(transaction.error)))
    await future


def make_store(opened: Any, name: str, key_path: str = "") -> None:
    """Create an object store, in an upgrade."""
    options = {"keyPath": key_path} if key_path else {}
    opened.createObjectStore(name, to_js(options, dict_converter=js.Object.fromEntries))


def once(answer: Callable[[], None]) -> Any:
    """Return an event listener that calls `answer` the first time."""
    return create_once_callable(lambda _event: answer())


def failure(name: str, detail: str) -> Failure:
    """Name what went wrong with storage, by the name of the browser's error."""
    full = name in {"QuotaExceededError", "QuotaExceeded"}
    return Failure(Problem.STORAGE_FULL if full else Problem.STORAGE_FAILED, detail=detail)


def _failure_of(error: Any) -> Failure:
    return failure(str(getattr(error, "name", "")), str(error))
