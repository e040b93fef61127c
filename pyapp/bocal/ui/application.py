"""What happens when: each action of the visitor, in terms of the rooms. Draws after each change; knows no browser."""

import asyncio
import dataclasses
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from bocal.chat.conversation import Conversation, Message, Usage
from bocal.errors import Failure, Problem
from bocal.models import catalogue, library, metadata, paste, source
from bocal.models.catalogue import GUIDE_ID
from bocal.models.device import Device
from bocal.models.paste import Address, Records
from bocal.models.preflight import Preflight
from bocal.models.record import Library, Model
from bocal.models.registry import KEY as REGISTRY
from bocal.models.registry import Registry
from bocal.protocols import Engine, Key, Load, Network, Page, Settings, Shelf, Store
from bocal.ui import screens, thread
from bocal.ui.add_model import ADVANCED
from bocal.ui.state import AddForm, Overlay, Phase, Screen, State
from bocal.ui.text import LANGUAGES, Texts
from bocal.weights import manifest, plan, presence
from bocal.weights.download import Download
from bocal.weights.download import State as Job

# Keys of localStorage besides the registry's.
LANGUAGE, THEME, SELECTED = "bocal.language", "bocal.theme", "bocal.model"
PAUSE = 0.3  # seconds without typing after which an address is looked at
FORM_FIELDS = ("id", "name", "url", "size", "description", "library")


@dataclass(frozen=True)
class Outside:
    """What the application reaches the world through; `site` is the page's own address, ending in a slash."""

    page: Page
    settings: Settings
    network: Network
    store: Store
    engine: Engine
    look: Callable[[], Awaitable[Device]]
    keep: Callable[[], Awaitable[bool]]
    clock: Callable[[], float]
    take_over: Callable[[], None]
    is_narrow: Callable[[], bool]
    draw_frame: Callable[[str], None]
    report: Callable[[BaseException], None]
    site: str


class Application:
    """The page at work."""

    def __init__(self, outside: Outside, state: State) -> None:
        self.outside = outside
        self.state = state
        self.registry = Registry(outside.settings, state.catalogue.models)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._answering: asyncio.Task[None] | None = None
        self._checking: asyncio.Task[None] | None = None
        self._choice = 0  # counts choices of a model, so that a slow one does not undo a later one

    # Start

    async def start(self) -> None:
        """Draw the page, look at the machine, and get the last model (at first: the guide) ready."""
        state = self.state
        state.theme = self.outside.settings.read(THEME) or "auto"
        state.custom = self.registry.custom()
        state.selected = self.registry.find(self.outside.settings.read(SELECTED) or GUIDE_ID)
        state.selected = state.selected or state.catalogue.models[GUIDE_ID]
        self._draw_all()
        state.device = await self.outside.look()
        await self._look_for_weights()
        if not state.device.can_run:
            state.selected = None if state.selected.id == GUIDE_ID else state.selected
        elif state.selected.id == GUIDE_ID:
            self._spawn(self._get_ready(state.selected))
        else:
            state.phase = Phase.IDLE if state.complete(state.selected) else Phase.AWAY
            await self._read_context_window()
        self.draw()

    # What the visitor does (protocol of browser.page.Listener)

    def act(self, action: str, arg: str) -> None:
        """Do what a button says: "model.choose" is `do_model_choose(arg)`."""
        done = getattr(self, "do_" + action.replace(".", "_"))(*([arg] if arg else []))
        if inspect.iscoroutine(done):
            self._spawn(done)

    def typed(self, name: str, value: str) -> None:
        """Take over what was typed into a field."""
        state = self.state
        if name == "draft":
            state.draft = value
        elif name == "selector.query":
            state.query = value
            self.draw("overlay")
        elif name.startswith("add."):
            self._typed_in_form(name.removeprefix("add."), value)

    def submitted(self, action: str, button: str) -> None:
        """Do what a form says."""
        self.act(action, button)

    def toggled(self, name: str, opened: bool) -> None:
        """Remember which folds are open."""
        (self.state.opened.add if opened else self.state.opened.discard)(name)

    def pressed(self, key: Key) -> bool:
        """Shortcuts; returns whether the key is dealt with."""
        state = self.state
        if key.composing:
            return False
        if key.command and key.name.lower() == "k":
            self.act("overlay.close" if state.overlay is Overlay.SELECTOR else "selector.open", "")
            return True
        if state.overlay is Overlay.SELECTOR and key.name in {"ArrowDown", "ArrowUp"}:
            self.outside.page.step("#selector .search input, #selector button.name:not([disabled])",
                                   1 if key.name == "ArrowDown" else -1)  # fmt: skip
            return True
        if state.overlay is Overlay.SELECTOR and key.name == "Delete" and key.focus_class == "name":
            return False
        if state.overlay is Overlay.NONE and key.name == "Escape":
            if state.drawer_open:
                self.do_sidebar_toggle()
                return True
            if state.phase is Phase.ANSWERING:
                self.act("chat.stop", "")
                return True
        if key.focus_id == "ask" and key.name == "Enter" and not key.shift:
            self.act("chat.send", "")
            return True
        return False

    def changed_elsewhere(self, key: str) -> None:
        """Show what another tab did to the list of models."""
        if key in {"", REGISTRY}:
            self.state.custom = self.registry.custom()
            self._spawn(self._follow())

    async def _follow(self) -> None:
        selected = self.state.selected
        if selected and self.registry.find(selected.id) is None:
            await self._leave(selected)
        await self._look_for_weights()
        self.draw()

    # The frame

    def do_sidebar_toggle(self) -> None:
        """Hide or show the sidebar; on a phone, its drawer."""
        state = self.state
        if self.outside.is_narrow():
            state.drawer_open = not state.drawer_open
        else:
            state.sidebar_closed = not state.sidebar_closed
        self.outside.page.set_sidebar(closed=state.sidebar_closed, drawer=state.drawer_open)

    def do_screen_show(self, screen: str) -> None:
        """Show a page in the middle."""
        self.state.screen = Screen(screen)
        self._close_drawer()
        self.draw()

    def do_overlay_close(self) -> None:
        """Put away what lies over the page."""
        opener = {Overlay.ADD: "model-button", Overlay.SELECTOR: "model-button", Overlay.DELETE: "model-button"}
        focus = opener.get(self.state.overlay, "")
        self.state.overlay = Overlay.NONE
        self.draw()
        self.outside.page.focus(focus)

    def do_app_update(self) -> None:
        """Use the new release that waits."""
        self.outside.take_over()

    async def do_device_look(self) -> None:
        """Look at the machine again."""
        self.state.device = None
        self.draw()
        await self.start()

    async def do_text_copy(self, text: str) -> None:
        """Copy a text."""
        await self.outside.page.copy(text)
        await self._notice(self.state.texts("app.copied"))

    async def do_storage_keep(self) -> None:
        """Ask the browser to keep the files."""
        self.state.kept = await self.outside.keep()
        self.draw()

    def do_settings_language(self, language: str) -> None:
        """Change the language, at once."""
        if language in LANGUAGES:
            self.outside.settings.write(LANGUAGE, language)
            self.state.texts = Texts(language)
            self._draw_all()

    def do_settings_theme(self, theme: str) -> None:
        """Change the theme."""
        self.outside.settings.write(THEME, theme)
        self.state.theme = theme
        self.outside.page.set_theme(theme)
        self.draw()

    # Models

    def do_selector_open(self) -> None:
        """Open the model selector."""
        self.state.custom = self.registry.custom()
        self.state.query, self.state.only_here, self.state.overlay = "", False, Overlay.SELECTOR
        self._close_drawer()
        self.draw()

    def do_selector_filter(self, which: str = "") -> None:
        """Show all models, or only those on this machine."""
        self.state.only_here = which == "here"
        self.draw("overlay")

    async def do_model_choose(self, model_id: str) -> None:
        """Use a model: bring its files here if need be, then load it."""
        model = self.registry.find(model_id)
        if not model:
            return
        if self._answering:
            await self._stop_answer()
        self.state.overlay, self.state.screen = Overlay.NONE, Screen.CHAT
        self._select(model)
        self.draw()
        self.outside.page.focus("ask")
        await self._get_ready(model)

    def do_add_open(self) -> None:
        """Open the form for a custom model."""
        self.state.form, self.state.overlay = AddForm(), Overlay.ADD
        self.draw()

    async def do_add_submit(self, button: str = "add") -> None:
        """Add the model of the form; says beside the field what stands in the way."""
        form = self.state.form
        form.failure, form.invalid = None, ""
        try:
            model = self._read_form(form)
        except Failure as failure:
            form.failure = failure
            form.invalid = form.invalid or _FIELD_OF.get(failure.problem, "")
            self.draw("overlay")
            return
        checked = form.preflight
        if checked and checked.choice and checked.model.url == model.url and not model.library:
            model = dataclasses.replace(model, library=checked.choice.library)
        await self._add(model, download=button == "download")

    async def do_add_all(self) -> None:
        """Add every model of a pasted list whose ID is free."""
        pasted, added = self.state.form.pasted, 0
        for model in pasted.models if isinstance(pasted, Records) else ():
            if model.url and self.registry.find(model.id) is None:
                self.registry.add(model)
                added += 1
        self.state.custom = self.registry.custom()
        await self._look_for_weights()
        self.do_selector_open()
        self._spawn(self._notice(self.state.texts.count("paste.added", added)))

    def do_add_library(self) -> None:
        """Go to the field for the library's address."""
        self.state.opened.add(ADVANCED)
        self.draw("overlay")
        self.outside.page.focus("add-library")

    async def do_add_select(self, model_id: str) -> None:
        """Select the model that already has the ID."""
        await self.do_model_choose(model_id)

    def do_delete_open(self, model_id: str) -> None:
        """Ask before deleting."""
        self.state.deleting, self.state.overlay = self.registry.find(model_id), Overlay.DELETE
        self.draw()

    async def do_delete_confirm(self, model_id: str) -> None:
        """Delete a custom model with its files, or a standard model's files."""
        model = self.registry.find(model_id)
        self.do_overlay_close()
        if not model:
            return
        job = self.state.downloads.pop(model_id, None)
        if job:
            job.cancel()
        if self.state.selected and self.state.selected.id == model_id:
            await self._leave(model)
        await self._forget(model)
        if model.custom:
            self.registry.remove(model_id)
            self.state.custom = self.registry.custom()
        await self._look_for_weights()
        self.draw()

    # Downloads

    def do_download_pause(self, model_id: str) -> None:
        """Pause a download."""
        self.state.downloads[model_id].pause()

    async def do_download_resume(self, model_id: str) -> None:
        """Go on with a download that was paused or failed; then load the model if it is the chosen one."""
        model = self.registry.find(model_id)
        if not model:
            return
        if self.state.selected and self.state.selected.id == model_id:
            await self._get_ready(model)
        else:
            await self._bring(model)

    async def do_download_cancel(self, model_id: str) -> None:
        """Give a download up, and what it brought."""
        job = self.state.downloads.pop(model_id, None)
        model = self.registry.find(model_id)
        if job:
            job.cancel()
        if model:
            await self._forget(model)
        await self._look_for_weights()
        self.draw()

    # Chat

    def do_chat_new(self) -> None:
        """Begin a new conversation."""
        self._spawn(self._begin_anew())

    async def do_chat_suggest(self, key: str) -> None:
        """Ask one of the questions offered."""
        self.state.draft = self.state.texts(key)
        await self.do_chat_send()

    async def do_chat_send(self, _button: str = "") -> None:
        """Send what is written; loads the model first where it only waits on this machine."""
        state, text = self.state, self.state.draft.strip()
        if not text or state.selected is None or not state.can_answer:
            return
        if state.phase is not Phase.READY:
            await self._get_ready(state.selected)
            if state.phase is not Phase.READY:  # type: ignore[comparison-overlap]  # changed by the line above
                return
        state.draft = ""
        message = state.conversation.ask(text, state.name(state.selected))
        await self._run_answer(message)

    async def do_chat_retry(self) -> None:
        """Ask the last question again."""
        state = self.state
        if state.selected is None or not state.conversation.messages or state.phase is Phase.ANSWERING:
            return
        if state.phase is not Phase.READY:
            await self._get_ready(state.selected)
        message = state.conversation.messages[-1]
        message.text, message.failure, message.usage, message.by = "", None, None, state.name(state.selected)
        await self._run_answer(message)

    async def do_chat_stop(self) -> None:
        """Stop the answer being written; what is there stays."""
        await self.outside.engine.interrupt()

    # Between the rooms

    def draw(self, *regions: str) -> None:
        """Draw these regions of the page, or all of them, where something changed."""
        follow = self.state.screen is Screen.CHAT and bool(self.state.conversation.messages)
        for region in regions or screens.REGIONS:
            self.outside.page.draw(region, screens.REGIONS[region](self.state), stick=follow and region == "main")

    def _draw_all(self) -> None:
        self.outside.page.set_language(self.state.texts.language)
        self.outside.page.set_theme(self.state.theme)
        self.outside.draw_frame(screens.frame(self.state))
        self.draw()

    def _close_drawer(self) -> None:
        if self.state.drawer_open:
            self.do_sidebar_toggle()

    async def _notice(self, text: str) -> None:
        self.state.notice = text
        self.draw("notices")
        await asyncio.sleep(3)
        if self.state.notice == text:
            self.state.notice = ""
            self.draw("notices")

    def _select(self, model: Model) -> None:
        self._choice += 1
        self.state.selected, self.state.failure, self.state.context_window = model, None, 0
        self.state.phase = Phase.IDLE if self.state.complete(model) else Phase.AWAY
        self.outside.settings.write(SELECTED, model.id)

    async def _leave(self, model: Model) -> None:
        """Stop using a model that goes away; the guide takes its place."""
        job = self.state.downloads.pop(model.id, None)
        if job:
            job.cancel()
        await self._stop_answer()
        await self.outside.engine.unload()
        guide = self.state.catalogue.models[GUIDE_ID]
        self._select(guide)
        self._spawn(self._get_ready(guide))

    async def _get_ready(self, model: Model) -> None:
        """Bring the model here, then load it, unless another is chosen meanwhile."""
        self._choice += 1  # this one counts from now on
        choice = self._choice
        if not self.state.complete(model) and (await self._bring(model) is not Job.DONE or choice != self._choice):
            return
        model = self.registry.find(model.id) or model  # its library may have been found on the way
        await self._load(model, choice)

    async def _load(self, model: Model, choice: int) -> None:
        state = self.state
        state.phase, state.failure, state.load = Phase.LOADING, None, Load(0, "")
        self.draw()

        def progress(load: Load) -> None:
            state.load = load
            self.outside.page.at_next_frame(self.draw)

        try:
            await self.outside.engine.load(self._engine_record(model), progress)
        except Failure as failure:
            if choice == self._choice:
                state.phase, state.failure = Phase.FAILED, failure
        else:
            if choice == self._choice:
                state.phase = Phase.READY
                await self._read_context_window()
        if choice == self._choice:
            self.draw()

    def _engine_record(self, model: Model) -> dict[str, Any]:
        """Return WebLLM's `ModelRecord` for a model whose files are in the store."""
        assert model.library  # noqa: S101 - known once its files are here
        return {
            "model": source.engine_base(model.url),
            "model_id": model.id,
            "model_lib": library.engine_address(library.address(model.library, self.state.catalogue)),
            "model_type": {"llm": 0, "embedding": 1, "vlm": 2}[model.kind],
            "overrides": dict(model.overrides),
            "required_features": list(model.features),
            **({"model_manifest": model.extra["model_manifest"]} if not model.custom and model.extra else {}),
        }

    async def _bring(self, model: Model) -> Job:
        job = self.state.downloads.get(model.id)
        if job is None or job.state in {Job.DONE, Job.CANCELLED}:
            job = self._job(model)
            self.state.downloads[model.id] = job
        if model.id != GUIDE_ID and self.state.kept is None:
            self.state.kept = await self.outside.keep()
        done = await job.run()
        if model.id == GUIDE_ID and done is Job.DONE:
            self.state.downloads.pop(model.id, None)  # a part of the page, not something the visitor asked for
        await self._look_for_weights()
        self.draw()
        return done

    def _job(self, model: Model) -> Download:
        async def find_library(base: str) -> tuple[str, str]:
            found = model.library or await self._choose_library(model, base)
            self._remember_library(model, found)
            address = library.address(found, self.state.catalogue)
            return address, library.engine_address(address)

        return Download(
            model.id, source.bases(model.url), source.engine_base(model.url), self.outside.store, find_library,
            self.outside.clock, lambda: self.outside.page.at_next_frame(self.draw),
            package=str(model.extra.get("model_manifest", "")) if not model.custom else "",
        )  # fmt: skip

    async def _choose_library(self, model: Model, base: str) -> Library:
        """Choose the library of a model that came without one, such as one of the earlier app."""
        network, key = self.outside.network, source.engine_base(model.url)
        tensors = metadata.read_tensors(await self.outside.store.read_json(Shelf.MODEL, key + manifest.NAME))
        config = await self.outside.store.read_json(Shelf.CONFIG, key + plan.CONFIG)
        files = await library.list_files(base, network)
        return (await library.choose(model, base, files, config, tensors, network, self.state.catalogue)).library

    def _remember_library(self, model: Model, found: Library) -> None:
        if model.custom and model.library != found:
            self.registry.replace(dataclasses.replace(model, library=found))
            self.state.custom = self.registry.custom()

    async def _look_for_weights(self) -> None:
        models = (*self.state.custom, *self.state.catalogue.models.values())
        wanted = [(model.id, source.engine_base(model.url), self._library_key(model)) for model in models]
        try:
            self.state.presence = await presence.look(self.outside.store, wanted)
        except Failure as failure:
            self.state.failure = failure

    def _library_key(self, model: Model) -> str:
        if not model.library:
            return ""
        return library.engine_address(library.address(model.library, self.state.catalogue))

    async def _forget(self, model: Model) -> None:
        """Delete a model's files; its library stays while another model on this machine uses it."""
        key = self._library_key(model)
        others = (*self.state.custom, *self.state.catalogue.models.values())
        shared = any(
            it.id != model.id and it.id in self.state.presence and self._library_key(it) == key for it in others
        )
        await presence.forget(self.outside.store, source.engine_base(model.url), "" if shared else key)

    async def _read_context_window(self) -> None:
        """Learn how many tokens the chosen model can hold, from its configuration and its record."""
        model = self.state.selected
        if model is None:
            return
        key = plan.config(plan.Place("", source.engine_base(model.url))).key
        try:
            config = await self.outside.store.read_json(Shelf.CONFIG, key)
        except Failure:
            config = None
        told = {**(config if isinstance(config, dict) else {}), **model.overrides}.get("context_window_size", 0)
        self.state.context_window = told if isinstance(told, int) and told > 0 else 0

    # Adding a model

    def _read_form(self, form: AddForm) -> Model:
        """Return the model a form describes; raises Failure, with `form.invalid` naming the field."""
        values = {name: form[name].strip() for name in FORM_FIELDS}
        for name, problem in (("id", Problem.ID_MISSING), ("name", Problem.NAME_MISSING), ("url", Problem.URL_MISSING)):
            if not values[name]:
                form.invalid = name
                raise Failure(problem)
        taken = self.registry.find(values["id"])
        if taken:
            raise Failure(Problem.ID_TAKEN, id=taken.id, name=self.state.name(taken))
        form.invalid = "url"
        url = source.read(values["url"], self.outside.site).url
        form.invalid = "library"
        at = self._read_library_address(values["library"]) if values["library"] else None
        form.invalid = ""
        return Model(values["id"], values["name"], url, values["size"], values["description"], at)

    def _read_library_address(self, text: str) -> Library:
        try:
            url = source.read(text, self.outside.site).url
        except Failure as failure:
            raise Failure(Problem.LIBRARY_URL_UNREADABLE, text=text[:80]) from failure
        if not url.lower().endswith(".wasm"):
            raise Failure(Problem.LIBRARY_URL_UNREADABLE, text=text[:80])
        return Library(url=url)

    def _typed_in_form(self, field: str, value: str) -> None:
        form = self.state.form
        form.values[field] = value
        if form.failure and form.invalid in {field, ""}:
            form.failure, form.invalid = None, ""
        if field == "paste":
            self._take_paste(form)
        else:
            (form.touched.add if value else form.touched.discard)(field)
        if field in {"paste", "url", "library"}:
            if self._checking:
                self._checking.cancel()
            form.preflight = None
            self._checking = asyncio.ensure_future(self._check_soon(form))
        self.draw("overlay")

    def _take_paste(self, form: AddForm) -> None:
        """Say what was pasted, and fill the fields that the visitor has not filled."""
        try:
            form.pasted = pasted = paste.read(form["paste"], self.outside.site)
        except Failure as failure:
            form.pasted, form.failure = None, failure
            return
        found: dict[str, str] = {}
        if isinstance(pasted, Address):
            model_id = pasted.source.suggested_id
            found = {"id": model_id, "name": catalogue.display_name(model_id), "url": pasted.source.url}
        elif isinstance(pasted, Records) and len(pasted.models) == 1:
            model = pasted.models[0]
            found = {name: getattr(model, name) for name in ("id", "name", "url", "size", "description")}
            if model.library:
                found["library"] = library.address(model.library, self.state.catalogue)
        for name in FORM_FIELDS:
            if name not in form.touched:
                form.values[name] = found.get(name, "")

    async def _check_soon(self, form: AddForm) -> None:
        """Check the model at the form's address once the visitor pauses."""
        await asyncio.sleep(PAUSE)
        try:
            url = source.read(form["url"], self.outside.site).url
            given = self._read_library_address(form["library"]) if form["library"].strip() else None
        except Failure:
            return  # said when the form is sent: half an address is no mistake
        name = source.Source(url).suggested_id
        model = Model(form["id"].strip() or name, form["name"].strip() or name, url, library=given)
        here = self.state.presence.get(model.id)
        form.preflight = Preflight(
            model, self.state.device, self.outside.network, self.state.catalogue,
            changed=lambda: self.outside.page.at_next_frame(self.draw), here=here.done if here else 0,
        )  # fmt: skip
        self.draw("overlay")
        await form.preflight.run()
        self.draw("overlay")

    async def _add(self, model: Model, *, download: bool) -> None:
        self.registry.add(model)
        self.state.custom = self.registry.custom()
        await self._look_for_weights()  # its files may be here already
        if download:
            await asyncio.sleep(0)
            self._spawn(self.do_model_choose(model.id))
        else:
            self.do_selector_open()
            self._spawn(self._notice(self.state.texts("add.added", name=model.name)))

    # Answers

    async def _run_answer(self, message: Message) -> None:
        self.state.phase = Phase.ANSWERING
        self.state.screen = Screen.CHAT
        self.draw()
        self._answering = asyncio.ensure_future(self._answer(message))
        try:
            await self._answering
        finally:
            self._answering = None

    async def _answer(self, message: Message) -> None:
        state, choice = self.state, self._choice
        try:
            async for chunk in self.outside.engine.chat(state.conversation.to_engine(), {}):
                message.text += chunk.text
                if chunk.usage:
                    message.usage = Usage.read(chunk.usage)
                self.outside.page.at_next_frame(self._draw_answer)
        except Failure as failure:
            message.failure = failure
        if choice == self._choice:
            lost = message.failure is not None and message.failure.problem is not Problem.CONTEXT_FULL
            state.phase = Phase.IDLE if lost else Phase.READY
            if lost:
                await self.outside.engine.unload()
        self.draw()

    def _draw_answer(self) -> None:
        if self.state.phase is Phase.ANSWERING and self.state.conversation.messages:
            self.outside.page.draw("answer", thread.answer(self.state), stick=True)

    async def _stop_answer(self) -> None:
        if self._answering:
            await self.outside.engine.interrupt()
            await self._answering

    async def _begin_anew(self) -> None:
        await self._stop_answer()
        self.state.conversation, self.state.screen = Conversation(), Screen.CHAT
        self._close_drawer()
        self.draw()
        self.outside.page.focus("ask")

    # Tasks

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Failure):
            self.state.notice = self.state.texts.failure(error)
            self.draw("notices")
        if error is not None:
            self.outside.report(error)


_FIELD_OF = {Problem.ID_TAKEN: "id"}
