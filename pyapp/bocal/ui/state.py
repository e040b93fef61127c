"""All that the screens show. Views read it; only the application changes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bocal.chat.conversation import Conversation, Message
from bocal.chat.history import Found, Head
from bocal.chat.run import Run
from bocal.errors import Failure
from bocal.models import library, source
from bocal.models.aside import Kept
from bocal.models.catalogue import GUIDE_ID, Catalogue
from bocal.models.device import Device
from bocal.models.fit import Estimate, estimate
from bocal.models.listing import Filters
from bocal.models.paste import Pasted, Unreadable
from bocal.models.preflight import Preflight
from bocal.models.record import Model
from bocal.models.search import HUB, Search
from bocal.protocols import Load
from bocal.ui.text import Texts
from bocal.weights.download import Download
from bocal.weights.download import State as Job
from bocal.weights.intake import Intake
from bocal.weights.presence import Presence
from bocal.weights.storage import Owner, Pile, Stock, Survey

FIRST_TURNS = 40  # messages of a conversation that are drawn at first, its last ones
MOST_FOUND = 100  # conversations that a search shows
FIRST_CHATS = 40  # conversations of the sidebar that are drawn at first; more are as one scrolls
FIRST_ROWS = 24  # lines of the selector that are drawn at first, two screens; more are as one scrolls


class Screen(StrEnum):
    """What the middle of the page shows."""

    CHAT = "chat"
    DOWNLOADS = "downloads"
    STORAGE = "storage"
    SETTINGS = "settings"


class Overlay(StrEnum):
    """What lies over it."""

    NONE = ""
    SELECTOR = "selector"
    ADD = "add"
    DELETE = "delete"
    CLEAN = "clean"
    TUNING = "tuning"
    SHORTCUTS = "shortcuts"


class Phase(StrEnum):
    """Where the chosen model stands on its way to answering."""

    LOOKING = "looking"  # what is on this machine is not known yet; the guide's files are on their way
    AWAY = "away"  # its files are not all here
    IDLE = "idle"  # here, loaded when first asked
    LOADING = "loading"
    READY = "ready"
    ANSWERING = "answering"
    FAILED = "failed"


@dataclass
class AddForm:
    """The form "Add custom model": what was typed, and what stands in the way.

    `pasted` is what the first field was found to hold; `touched` are the fields a person typed into, which are then
    theirs. `origin` is the model that is edited (then `editing`) or duplicated.
    """

    values: dict[str, str] = field(default_factory=dict)
    failure: Failure | None = None
    invalid: str = ""
    pasted: Pasted | None = None
    touched: set[str] = field(default_factory=set)
    preflight: Preflight | None = None
    origin: Model | None = None
    editing: bool = False
    search: Search | None = None

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")


@dataclass(frozen=True)
class Leaving:
    """A model that was deleted and may still be taken back, until a time (seconds since 1970).

    `place` is where it was in the list; `nbytes` is what will be freed, 0 when its files stay.
    """

    model: Model
    place: int
    nbytes: int
    until: float


@dataclass
class Side:
    """The conversations in the sidebar: all of them, or those `found` for the words of the search.

    `rows` are drawn; of one conversation the `menu` is open, of one the `title` is written anew (IDs). `leaving` can
    still be taken back. `failure` says why nothing can be kept here.
    """

    heads: list[Head] = field(default_factory=list)
    query: str = ""
    found: list[Found] | None = None
    rows: int = FIRST_CHATS
    menu: str = ""
    renaming: str = ""
    title: str = ""
    leaving: dict[str, Head] = field(default_factory=dict)
    failure: Failure | None = None


@dataclass
class Tuning:
    """The dialog with a conversation's settings: what was typed of each, and what is wrong with it."""

    typed: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, Failure] = field(default_factory=dict)


@dataclass
class Hub:
    """Where models are searched: the `address` in use, and the `text` of its field, which `failure` keeps from use."""

    address: str = HUB
    text: str = HUB
    failure: Failure | None = None


@dataclass(frozen=True)
class Import:
    """What a file of models holds, before anything is added; or why it cannot be read."""

    file: str
    new: tuple[Model, ...] = ()
    known: tuple[Model, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    failure: Failure | None = None


@dataclass
class Arrival:
    """A model on its way in from the disk: what it is once that is known, and how it ended."""

    model: Model | None = None
    intake: Intake | None = None
    failure: Failure | None = None
    running: bool = True
    cancelled: bool = False

    def cancel(self) -> None:
        """Take in no more of it."""
        self.cancelled = True
        if self.intake:
            self.intake.cancel()


@dataclass
class Departure:
    """A model on its way out to the disk: `done` of `total` files."""

    model: Model
    total: int
    done: int = 0


@dataclass
class State:
    """One page's worth of facts; whatever can be derived from them is a property or a view's business.

    Of the conversation: how many of its last `turns` are drawn, the answer it is `writing` (of this conversation or
    another), the one (ID) in which another tab writes, `elsewhere`, the question whose words are `edited` (`editing`,
    an ID), the `folds` the visitor opened or closed. Of the model: `context_window` and the `widest` it could have, in
    tokens, the settings of its `own`, and those `tuned` for all conversations, by its ID. `pictures` go with the draft,
    data URLs by ID; `runs` are the blocks of code that were run, by the ID of their figure.

    Of the selector: what its list is narrowed to, how many `rows` of it are drawn, whose `menu` is open (an ID), and
    which models (IDs) are `new` in it.
    `room` is what this site uses and may use, in bytes (None: the browser does not tell); `promised` whether the
    browser keeps its files for good (None: it makes no such promise); `kept` what it answered when asked;
    `partials_last` whether it keeps unfinished ones at all. `used` is when each model was last loaded, in seconds
    since 1970; `cleaning` the pile of orphans that is about to be deleted ("": all).
    """

    texts: Texts
    catalogue: Catalogue
    theme: str = "auto"
    version: str = ""
    device: Device | None = None
    custom: list[Model] = field(default_factory=list)
    presence: Mapping[str, Presence] = field(default_factory=dict)
    selected: Model | None = None
    phase: Phase = Phase.LOOKING
    load: Load = Load(0, "")  # noqa: RUF009 - frozen
    failure: Failure | None = None
    downloads: dict[str, Download] = field(default_factory=dict)
    conversation: Conversation = field(default_factory=Conversation)
    side: Side = field(default_factory=Side)
    turns: int = FIRST_TURNS
    writing: Message | None = None
    elsewhere: str = ""
    editing: str = ""
    edited: str = ""
    folds: dict[str, bool] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    context_window: int = 0
    widest: int = 0
    own: Mapping[str, Any] = field(default_factory=dict)
    tuned: dict[str, dict[str, Any]] = field(default_factory=dict)
    tuning: Tuning = field(default_factory=Tuning)
    draft: str = ""
    pictures: dict[str, str] = field(default_factory=dict)
    enter_sends: bool = True
    is_mac: bool = False
    screen: Screen = Screen.CHAT
    overlay: Overlay = Overlay.NONE
    sidebar_closed: bool = False
    drawer_open: bool = False
    filters: Filters = field(default_factory=Filters)
    rows: int = FIRST_ROWS
    menu: str = ""
    new: frozenset[str] = frozenset()
    form: AddForm = field(default_factory=AddForm)
    hub: Hub = field(default_factory=Hub)
    deleting: Model | None = None
    leaving: dict[str, Leaving] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)
    kept: bool | None = None
    stock: Stock = field(default_factory=Stock)
    survey: Survey = field(default_factory=Survey)
    room: tuple[int, int] | None = None
    promised: bool | None = False
    partials_last: bool = True
    can_choose_folder: bool = True
    can_write_folder: bool = True
    used: Mapping[str, float] = field(default_factory=dict)
    cleaning: str = ""
    arrival: Arrival | None = None
    departure: Departure | None = None
    notice: str = ""
    notice_is_bad: bool = False
    update_ready: bool = False
    importing: Import | None = None
    chats_failure: Failure | None = None
    aside: list[Kept] = field(default_factory=list)
    aside_failure: Failure | None = None
    discarding: str = ""

    def standard(self) -> list[Model]:
        """Return the standard models whose place no custom one takes."""
        own = {model.id for model in self.custom}
        return [model for model in self.catalogue.models.values() if model.id not in own]

    @property
    def models(self) -> tuple[Model, ...]:
        """Every model there is, the custom ones first."""
        return (*self.custom, *self.catalogue.models.values())

    def others(self, model: Model) -> list[Model]:
        """Return every model but this one; the standard model of the same ID is another."""
        return [it for it in self.models if (it.id, it.custom) != (model.id, model.custom)]

    def shares_files(self, model: Model) -> bool:
        """Whether another model of the list lies at the same address, and a custom model's files stay for that one.

        To delete a standard model is to delete its files, also for those that have them in common.
        """
        base = source.engine_base(model.url)
        return model.custom and any(source.engine_base(it.url) == base for it in self.others(model))

    def at_address(self, model: Model) -> list[Model]:
        """Return every model of the list that lies at a model's address, and the model itself."""
        base = source.engine_base(model.url)
        return [model, *(it for it in self.others(model) if source.engine_base(it.url) == base)]

    def losing(self, model: Model) -> list[Model]:
        """Return the models that lose their files when a model is deleted."""
        return [model] if self.shares_files(model) else self.at_address(model)

    def owner(self, model: Model) -> Owner:
        """Return what tells a model's files from others."""
        key = library.address(model.library, self.catalogue) if model.library else ""
        return Owner(model.id, source.engine_base(model.url), key)

    def owners(self) -> list[Owner]:
        """Return the owner for each model, also for those that are just leaving: first the one chosen, then by use."""
        models = (*self.models, *(gone.model for gone in self.leaving.values()))
        by_use = sorted(models, key=lambda it: (it != self.selected, -self.used.get(it.id, 0.0)))
        return [self.owner(it) for it in by_use]

    def freed(self, model: Model) -> Pile:
        """Return what deleting a model takes away."""
        own = self.owner(model)
        others = map(self.owner, self.others(model))
        return self.stock.freed(own, [it for it in others if model.custom or it.base != own.base])

    def name(self, model: Model) -> str:
        """Return a model's name for people."""
        return self.texts("guide.name") if model.id == GUIDE_ID and not model.custom else model.name

    def download(self, model: Model | None) -> Download | None:
        """Return the unfinished job of a model, else that of another at the same address, or None."""
        if model is None:
            return None
        key = source.engine_base(model.url)
        mine = self.downloads.get(model.id)
        jobs = [*([mine] if mine else []), *(job for job in self.downloads.values() if job.key == key)]
        return next((job for job in jobs if job.state not in {Job.DONE, Job.CANCELLED}), None)

    def complete(self, model: Model) -> bool:
        """Whether all of a model's files are on this machine."""
        here = self.presence.get(model.id)
        return here is not None and here.complete

    def fit(self, model: Model) -> Estimate | None:
        """Return how a model fits this machine, None while too little is known."""
        here = self.presence.get(model.id)
        return estimate(model, self.device, here.total if here else 0)

    def has_weights(self, model: Model) -> bool:
        """Whether all of a model's shards are on this machine."""
        here = self.presence.get(model.id)
        return here is not None and here.done == here.total

    def settings(self) -> dict[str, Any]:
        """Return what was set for the answers: of the model, and over it of the conversation."""
        tuned = self.tuned.get(self.selected.id, {}) if self.selected else {}
        return {**tuned, **self.conversation.settings}

    @property
    def answering(self) -> bool:
        """Whether an answer is being written in the conversation that is shown."""
        return self.writing is not None and self.writing.id in self.conversation.messages

    @property
    def locked(self) -> bool:
        """Whether an answer is being written in the conversation that is shown, here or in another tab."""
        return self.answering or self.elsewhere == self.conversation.id

    @property
    def can_answer(self) -> bool:
        """Whether the chosen model answers, or will once loaded from this machine."""
        return self.phase not in {Phase.AWAY, Phase.ANSWERING}

    @property
    def coming(self) -> bool:
        """Whether the chosen model is on its way, and what comes of it is not known yet."""
        return self.phase in {Phase.LOOKING, Phase.LOADING}

    @property
    def busy(self) -> bool:
        """Whether a model is at work: the firefly glows."""
        return self.phase in {Phase.LOADING, Phase.ANSWERING}
