"""What the rooms ask of the outside world; `browser/` answers in the page, plain fakes or files do elsewhere."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class Shelf(StrEnum):
    """The databases of WebLLM's IndexedDB cache, `webllm/<shelf>`: one store `urls` of records `{url, data}`."""

    MODEL = "model"
    CONFIG = "config"
    LIBRARY = "wasm"


class Form(StrEnum):
    """How WebLLM wants a record's `data`: an ArrayBuffer, or parsed JSON (only `tensor-cache.json`)."""

    BYTES = "bytes"
    JSON = "json"


class Settings(Protocol):
    """Small texts that last: localStorage in the page."""

    def read(self, key: str) -> str | None:
        """Return the text under `key`, or None."""

    def write(self, key: str, value: str) -> None:
        """Keep `value` under `key`; raises Failure(SETTINGS_FULL)."""


class Network(Protocol):
    """Requests to a model's host.

    Every failure is a Failure that names its cause; cancelling the task that waits ends its request.
    """

    async def read_json(self, url: str) -> Any:
        """GET a JSON document; raises Failure(NOT_JSON or WEB_PAGE) when it is something else."""

    async def read_page(self, url: str) -> tuple[Any, str]:
        """GET a JSON document with its `Link` header (RFC 8288), "" when there is none; raises as `read_json` does."""

    async def read_bytes(self, url: str, most: int) -> bytes:
        """GET a file of at most `most` bytes; raises Failure(TOO_LARGE) for a longer one."""

    async def exists(self, url: str) -> bool:
        """Whether a HEAD request finds something at `url`; False on any refusal."""


class Store(Protocol):
    """The weights' place: records by shelf and key."""

    async def keys(self, shelf: Shelf, prefix: str = "") -> list[str]:
        """Return the keys that begin with `prefix`, without reading any value."""

    async def read_json(self, shelf: Shelf, key: str) -> Any:
        """Return a small record's JSON (decoded when kept as bytes), or None when there is none."""

    async def delete(self, shelf: Shelf, prefix: str) -> None:
        """Delete every record whose key begins with `prefix`; returns once that is committed."""


@dataclass(frozen=True)
class Head:
    """The beginning of an answer: its status, whether it was redirected, and those of `HEADERS` that may be read.

    `url` is what was asked; `number` names the answer to `Transfers.take` and `Transfers.abort`.
    """

    number: int
    url: str
    status: int
    redirected: bool
    headers: Mapping[str, str]


# What a download reads of an answer; a host on another origin shows some of them only where it exposes them.
HEADERS = ("ETag", "Last-Modified", "Content-Type", "Content-Length", "Content-Range", "Retry-After", "RateLimit")


class OtherLength(Exception):
    """A partial file is not as long as it was: what is left of it is worth nothing."""


class Transfers(Protocol):
    """The bytes of downloads, which never pass through Python: from a host into a partial file, then to the store.

    A partial file outlives the page, with every byte written so far, but for a small one that is not worth it; `name`
    is a plain file name.
    """

    async def lasts(self) -> bool:
        """Whether the browser keeps partial files from one visit to the next; those of some private windows do not."""

    async def sizes(self) -> Mapping[str, int]:
        """Return the length in bytes of each partial file."""

    async def ask(self, url: str, start: int, method: str = "GET") -> Head:
        """GET (or HEAD) `url`, from byte `start` on where that is not 0; raises Failure when no answer comes.

        Every answer is to be taken or aborted.
        """

    async def take(
        self, head: Head, name: str, at: int, algorithm: str, most: int, on_bytes: Callable[[int], None]
    ) -> tuple[int, str]:
        """Write an answer's body into a partial file from byte `at` on; return the file's length and its hash (hex).

        `algorithm` is "md5", "sha256" or "" (no hash); `on_bytes(length so far)` is called at most every 100 ms, from
        when what is here already is being hashed; more than `most` bytes (0: any number) are not read. Raises Failure
        when the connection breaks or the room ends; what is written stays; OtherLength when less than `at` bytes are
        here. Cancelling the task aborts the request.
        """

    async def hash(self, name: str, algorithm: str) -> tuple[int, str]:
        """Return the length and the hash (hex) of a partial file as it is."""

    async def abort(self, head: Head) -> None:
        """Leave an answer's body unread."""

    async def keep(self, name: str, nbytes: int, shelf: Shelf, key: str, form: Form) -> None:
        """Move a whole partial file into the store; returns once its transaction has committed.

        Raises OtherLength when it has not `nbytes` bytes, Failure(NOT_JSON) when it should be JSON and is not.
        """

    async def drop(self, name: str) -> None:
        """Delete a partial file, where there is one; raises Failure(STORAGE_BUSY) while another tab has it open."""

    async def close(self, names: Sequence[str]) -> None:
        """Return once these partial files are closed, which may be a while after they were last written to."""

    async def online(self) -> None:
        """Return once the browser says that there is a network, or it is worth a try all the same."""


class Measures(Protocol):
    """Records of the store, one by one."""

    async def measure(self, shelf: Shelf, key: str) -> int | None:
        """Return a record's length in bytes (of JSON: as it would be written), or None when there is none.

        The value is read, by the browser alone, and let go of at once.
        """

    async def delete_keys(self, shelf: Shelf, keys: Sequence[str]) -> None:
        """Delete exactly these records; returns once that is committed."""


class Folder(Protocol):
    """A folder on the visitor's disk; `files` are the lengths in bytes of the files in it, by relative path."""

    name: str
    files: Mapping[str, int]

    async def read(self, path: str, most: int) -> bytes:
        """Return a file of at most `most` bytes; raises Failure(TOO_LARGE or FILE_UNREADABLE)."""

    async def keep(
        self, path: str, shelf: Shelf, key: str, form: Form, md5: str, on_bytes: Callable[[int], None]
    ) -> None:
        """Keep a file in the store; returns once that is committed. `on_bytes` is called with the bytes read so far.

        Raises Failure(FILE_CONTENT) when its MD5 (in hex; "": not asked) is another, and then keeps nothing.
        """


class Disk(Measures, Protocol):
    """The visitor's disk, and records one by one."""

    @property
    def can_write(self) -> bool:
        """Whether the browser lets a page write into a folder that the visitor chooses."""

    @property
    def can_choose(self) -> bool:
        """Whether the browser lets the visitor choose a whole folder to read; else they choose its files."""

    async def take_out(
        self, name: str, files: Sequence[tuple[str, Shelf, str]], on_file: Callable[[int], None]
    ) -> bool:
        """Write records (file name, shelf, key) into a new folder `name` inside one that the visitor chooses.

        Without `can_write`, hands them to the browser's downloads one by one. `on_file(number)` is called after each;
        returns False when the visitor chose no folder.
        """


class Quota(Protocol):
    """What the browser allows this site to keep."""

    async def room(self) -> tuple[int, int] | None:
        """Return the bytes in use and the bytes allowed, or None when the browser does not tell."""

    async def promised(self) -> bool | None:
        """Whether the browser keeps this site's files until the visitor deletes them; None: it makes no promises."""


class Notes(Protocol):
    """Small JSON documents of our own that last, in drawers, by key."""

    async def read(self, drawer: str) -> dict[str, Any]:
        """Return every document of a drawer."""

    async def find(self, drawer: str, keys: Sequence[str]) -> list[Any]:
        """Return the documents with these keys, None for each that is not there."""

    async def write(self, drawer: str, key: str, value: Any) -> None:
        """Keep a document; returns once that is committed."""

    async def delete(self, drawer: str, key: str) -> None:
        """Delete a document, where there is one."""

    async def change(self, puts: Sequence[tuple[str, str, Any]], deletes: Sequence[tuple[str, str]]) -> None:
        """Keep documents (drawer, key, value) and delete others, all or none; returns once that is committed."""


class Tabs(Protocol):
    """The other tabs of this page."""

    async def hold(self, name: str, *, wait: bool, shared: bool = False) -> Callable[[], None] | None:
        """Take what only one tab may have; return what lets go of it, or None when it is taken and `wait` is False.

        With `shared` others may have it in the same way. A tab that ends lets go of everything. What a tab has let go
        of, it can take again at once.
        """

    async def is_held(self, name: str) -> bool:
        """Whether a tab has something for itself alone."""

    def say(self, message: Mapping[str, Any]) -> None:
        """Tell the other tabs something, in JSON."""

    def hear(self, listener: Callable[[Mapping[str, Any]], None]) -> None:
        """Call `listener` with all that the other tabs say."""


@dataclass(frozen=True)
class Load:
    """Progress of a model on its way to the GPU: `fraction` in 0..1, `text` is WebLLM's own line."""

    fraction: float
    text: str


@dataclass(frozen=True)
class Chunk:
    """A piece of an answer. `usage` comes once, last: WebLLM's counts and speeds (`extra`)."""

    text: str = ""
    finish: str | None = None
    usage: Mapping[str, Any] | None = None


class Engine(Protocol):
    """WebLLM in its worker: one model at a time."""

    def listen(self, on_lost: Callable[[], None]) -> None:
        """Call `on_lost` whenever the graphics card has taken the model away; what was asked of it fails first."""

    async def load(self, record: Mapping[str, Any], on_progress: Callable[[Load], None]) -> None:
        """Load the model of a WebLLM `ModelRecord` from the store; raises Failure with the cause."""

    def chat(self, messages: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> AsyncIterator[Chunk]:
        """Answer a conversation in OpenAI's message format, piece by piece."""

    async def interrupt(self) -> None:
        """Stop the answer being written; its stream then ends by itself."""

    async def unload(self) -> None:
        """Free the GPU."""


class Runner(Protocol):
    """A sandbox for Python code: no network, no document, nothing that is kept here."""

    def run(self, code: str) -> AsyncGenerator[str]:
        """Run a block of code; yields what the sandbox says of it (`chat/run.py` reads that), without an end.

        Closing the generator ends the sandbox at once. Raises Failure when Python's files cannot be had.
        """


@dataclass(frozen=True)
class Key:
    """A key that was pressed: its DOM name, whether Ctrl or Cmd and Shift were down, and where the focus was."""

    name: str
    command: bool
    shift: bool
    composing: bool
    focus_id: str
    focus_class: str


class Page(Protocol):
    """The document."""

    def draw(self, region: str, html: str, *, stick: bool = False) -> None:
        """Make the element with the ID `region` hold `html`, keeping focus, scroll and what did not change.

        `stick` keeps the main region scrolled to its end when it was there. What an element with an ID and
        `data-markdown` holds is that text, rendered; under `aria-busy` it is one that is being written.
        """

    def write(self, element_id: str, markdown: str) -> None:
        """Show all that has been written so far of such a text; costs the same however long it is.

        A call may be left out for the sake of the next one: once complete, the text is drawn.
        """

    def code(self, block_id: str) -> str:
        """Return the text of a block of code of such an element; its buttons have that ID as their argument."""

    def set_words(self, words: Mapping[str, str]) -> None:
        """Set the labels "copy" and "run" of blocks of code, "" for no such button; before anything is drawn."""

    def set_language(self, language: str) -> None:
        """Tell the browser and screen readers which language the page is in."""

    def set_theme(self, theme: str) -> None:
        """Set "light", "dark" or "auto" (the system's)."""

    def set_sidebar(self, *, closed: bool, drawer: bool) -> None:
        """Hide or show the sidebar, and on phones its drawer."""

    def focus(self, element_id: str) -> None:
        """Move the focus, where there is such an element."""

    def select(self, element_id: str) -> None:
        """Move the focus to a field, where there is such a one, and select what it holds."""

    def focused(self) -> str:
        """Return the ID of the element that has the focus, "" where it has none."""

    def step(self, selector: str, by: int) -> None:
        """Move the focus among the elements that match, `by` places from the one that has it (from none: the first)."""

    def reveal(self, element_id: str) -> None:
        """Scroll an element into sight, where there is such an element, and move the focus to it, if it takes it."""

    def to_top(self, element_id: str) -> None:
        """Scroll an element's content to its beginning."""

    def to_end(self, element_id: str) -> None:
        """Scroll an element's content to its end."""

    def at_next_frame(self, work: Callable[[], None]) -> None:
        """Call `work` once before the next picture is drawn; asking for the same before then changes nothing."""

    async def copy(self, text: str) -> None:
        """Put `text` on the clipboard; raises Failure(COPY_REFUSED)."""

    def download(self, name: str, content: bytes) -> None:
        """Hand the visitor a file."""

    def fragment(self) -> str:
        """Return the end of the page's address from its "#" on, or ""."""

    def clear_fragment(self) -> None:
        """Take it off the address, leaving no trace in the history."""
