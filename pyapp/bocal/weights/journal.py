"""What is noted about downloads, so that a later visit goes on where this one ends: three drawers of `Notes`."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from bocal.errors import Failure
from bocal.protocols import Notes
from bocal.weights.answer import Validator

DRAWERS = JOBS, PARTIALS, SMALL = "jobs", "partials", "small-files"


@dataclass(frozen=True)
class JobNote:
    """A job as it was left: `state` is a value of `download.State`; `base` and `library` once they are known.

    `failure` is why it stopped, where nobody stopped it; `before` are the keys of files that were here when it began.
    `model` is a custom model's entry in the list: browsers may write the list to the disk a minute after this note.
    """

    state: str
    base: str = ""
    library: tuple[str, str] = ("", "")
    failure: Failure | None = None
    before: tuple[str, ...] = ()
    model: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, value: Any) -> Self | None:
        """Read what was written; None when it is not ours."""
        if not isinstance(value, dict) or not isinstance(value.get("state"), str):
            return None
        url, key = value.get("library") or ("", "")
        failure = Failure.from_json(value.get("failure"))
        before = tuple(map(str, value.get("before", ())))
        model = value.get("model") or {}
        return cls(value["state"], str(value.get("base", "")), (str(url), str(key)), failure, before, model)

    def to_json(self) -> dict[str, Any]:
        """Return what `read` reads."""
        failure = self.failure.to_json() if self.failure else None
        return {
            "state": str(self.state), "base": self.base, "library": self.library, "failure": failure,
            "before": self.before, "model": dict(self.model),
        }  # fmt: skip


@dataclass(frozen=True)
class PartialNote:
    """A partial file: the model whose key base is `model` needs it, and it is of this version of its original."""

    model: str
    version: Validator

    @classmethod
    def read(cls, value: Any) -> Self:
        """Read what was written."""
        return cls(str(value["model"]), Validator(**value["version"]))


@dataclass(frozen=True)
class SmallNote:
    """A small file (configuration, manifest, tokenizer, library) as it arrived: its hash in hex and its length.

    `model` is the key base of the model it belongs to, `key` its own; `version` is what its host told of it.
    """

    model: str
    key: str
    sha256: str
    nbytes: int
    version: Validator = Validator()  # noqa: RUF009 - frozen

    @classmethod
    def read(cls, value: Any) -> Self:
        """Read what was written; older notes have no version."""
        return cls(**{**value, "version": Validator(**value.get("version", {}))})


class Journal:
    """The notes on downloads."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    async def jobs(self) -> dict[str, JobNote]:
        """Return the unfinished jobs, by model ID."""
        read = {key: JobNote.read(value) for key, value in (await self._notes.read(JOBS)).items()}
        return {key: note for key, note in read.items() if note}

    async def write_job(self, model_id: str, note: JobNote) -> None:
        """Keep where a job stands."""
        await self._notes.write(JOBS, model_id, note.to_json())

    async def end_job(self, model_id: str) -> None:
        """Forget a job that is done or given up."""
        await self._notes.delete(JOBS, model_id)

    async def partials(self) -> dict[str, PartialNote]:
        """Return what is known of each partial file, by its name."""
        return {name: PartialNote.read(value) for name, value in (await self._notes.read(PARTIALS)).items()}

    async def write_partial(self, name: str, note: PartialNote) -> None:
        """Keep what is known of a partial file."""
        await self._notes.write(PARTIALS, name, asdict(note))

    async def end_partial(self, name: str) -> None:
        """Forget a partial file that is whole or dropped."""
        await self._notes.delete(PARTIALS, name)

    async def small_files(self, model: str) -> dict[str, SmallNote]:
        """Return what is known of a model's small files, by key, as they were when they arrived."""
        notes = [SmallNote.read(value) for value in (await self._notes.read(SMALL)).values()]
        return {note.key: note for note in notes if note.model == model}

    async def write_small_file(self, note: SmallNote) -> None:
        """Keep what is known of one small file of a model."""
        await self._notes.write(SMALL, f"{note.model} {note.key}", asdict(note))

    async def forget_model(self, model: str, but: Collection[str] = ()) -> None:
        """Forget the small files of a model that is deleted, `but` those under these keys."""
        for key in (await self.small_files(model)).keys() - set(but):
            await self._notes.delete(SMALL, f"{model} {key}")
