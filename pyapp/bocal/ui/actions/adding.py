"""The form of a custom model: what was pasted fills it, checks come before any download; it adds, edits, duplicates."""

import asyncio
import dataclasses
import re
from itertools import count
from typing import Any

from bocal.errors import Failure, Problem
from bocal.models import catalogue, library, overrides, paste, search, source, trust
from bocal.models.library import Origin
from bocal.models.paste import Address, Records
from bocal.models.preflight import Preflight
from bocal.models.record import Library, Model
from bocal.option import read
from bocal.ui.actions.desk import Desk
from bocal.ui.actions.downloads import Downloads
from bocal.ui.actions.loading import Loading
from bocal.ui.actions.managing import Managing
from bocal.ui.actions.searching import Searching
from bocal.ui.add_model import ADVANCED
from bocal.ui.checks import CHECKS
from bocal.ui.state import AddForm, Overlay

PAUSE = 0.3  # seconds without typing after which an address is looked at
FORM_FIELDS = ("id", "name", "url", "size", "description", "library")


class Adding:
    """Actions of the form."""

    def __init__(
        self, desk: Desk, downloads: Downloads, loading: Loading, managing: Managing, searching: Searching
    ) -> None:
        self.desk = desk
        self.downloads = downloads
        self.loading = loading
        self.managing = managing
        self.searching = searching
        self._checking: asyncio.Task[None] | None = None

    def do_add_open(self) -> None:
        """Open the form for a custom model."""
        self._open(AddForm())

    def do_edit_open(self, model_id: str) -> None:
        """Open the form with a custom model of the list, to change it."""
        model = self.desk.registry.find(model_id)
        if model and model.custom:
            self._open(AddForm(self._values(model), touched=set(FORM_FIELDS), origin=model, editing=True))

    def do_duplicate_open(self, model_id: str) -> None:
        """Open the form with a copy of a model, under an ID that is free."""
        model = self.desk.registry.find(model_id)
        if not model:
            return
        number = next(number for number in count(2) if self.desk.registry.find(f"{model_id}-{number}") is None)
        values = {**self._values(model), "id": f"{model_id}-{number}", "name": f"{model.name} ({number})"}
        self._open(AddForm(values, touched=set(FORM_FIELDS), origin=model))

    async def do_add_submit(self, button: str = "add") -> None:
        """Add the model of the form, or save its changes; says beside the field what stands in the way."""
        form = self.desk.state.form
        if not form.editing and form.preflight and form.preflight.refusal:
            return  # which is said beside the buttons
        form.failure, form.invalid = None, ""
        try:
            model = self._as_checked(form, self._read_form(form))
            before = self.desk.registry.find(model.id)
            await (self.desk.registry.replace(model) if form.editing else self.desk.registry.add(model))
        except Failure as failure:
            form.failure = failure
            form.invalid = form.invalid or ("id" if failure.problem is Problem.ID_TAKEN else "")
            self.desk.draw("overlay")
            self.desk.outside.page.focus(f"add-{form.invalid}")
            return
        self._trust(model)
        if form.editing and before:
            await self._show_saved(model, before)
        else:
            await self._show_added(model, download=button == "download")

    async def do_add_all(self) -> None:
        """Add every model of a pasted list whose ID is free."""
        pasted = self.desk.state.form.pasted
        models = pasted.models if isinstance(pasted, Records) else ()
        added = await self.desk.registry.add_all(model for model in models if model.url)
        self.desk.state.custom = self.desk.registry.custom()
        await self.downloads.look()
        self.managing.show([model.id for model in added])
        self.desk.notice(self.desk.state.texts.count("paste.added", len(added)))

    def do_add_check(self) -> None:
        """Check the model again."""
        self._check(self.desk.state.form, again=True)
        self.desk.outside.page.focus(CHECKS)  # the button that was pressed goes meanwhile

    def do_add_library(self) -> None:
        """Go to the field for the library's address."""
        self.desk.state.opened.add(ADVANCED)
        self.desk.draw("overlay")
        self.desk.outside.page.focus("add-library")

    async def do_add_select(self, model_id: str) -> None:
        """Select the model that already has the ID."""
        await self.loading.do_model_choose(model_id)

    def do_add_found(self, repository: str) -> None:
        """Take a repository that a search found."""
        self.typed("paste", search.address(repository, self.desk.state.hub.address))
        self.desk.outside.page.focus("add-paste")

    def typed(self, field: str, value: str) -> None:
        """Take over what was typed into a field of the form."""
        form = self.desk.state.form
        form.values[field] = value
        if form.failure and form.invalid in {field, ""}:
            form.failure, form.invalid = None, ""
        if field == "paste":
            self._take_paste(form)
            self.searching.follow(form)
        else:
            (form.touched.add if value else form.touched.discard)(field)
        if field in {"paste", "id"}:
            self._look_for_id(form)
        if field in {"paste", "url", "library"}:
            self._check(form)
        elif form.preflight and field in {option.name for option in overrides.OPTIONS}:
            form.preflight.use(self._read_overrides(form, lenient=True))
        self.desk.draw("overlay")

    def _open(self, form: AddForm) -> None:
        self.desk.state.form, self.desk.state.overlay = form, Overlay.ADD
        self.searching.follow(form)
        if form["url"]:
            self._check(form)
        self.desk.draw()

    def _values(self, model: Model) -> dict[str, str]:
        """Return the texts of the form's fields for a model."""
        values = {name: getattr(model, name) for name in ("name", "id", "url", "size", "description")}
        values["name"] = self.desk.state.name(model)
        if model.library:
            values["library"] = library.address(model.library, self.desk.state.catalogue)
        for option in overrides.OPTIONS:
            value = model.overrides.get(option.name)
            if isinstance(value, int | float) and option.low <= value <= option.high:
                values[option.name] = f"{value:g}" if isinstance(value, float) else str(value)
        return values

    def _read_form(self, form: AddForm) -> Model:
        """Return the model a form describes; raises Failure, with `form.invalid` naming the field."""
        values = {name: form[name].strip() for name in FORM_FIELDS}
        for name, problem in (("id", Problem.ID_MISSING), ("name", Problem.NAME_MISSING), ("url", Problem.URL_MISSING)):
            if not values[name]:
                form.invalid = name
                raise Failure(problem)
        self._look_for_id(form)
        if form.failure:
            raise form.failure
        form.invalid = "url"
        url = source.read(values["url"], self.desk.outside.site).url
        form.invalid = "library"
        at = self._given_library(form)
        form.invalid = ""
        chosen = self._read_overrides(form)
        origin = self._origin(form) or Model("", "", "")
        return dataclasses.replace(
            origin, id=values["id"], name=values["name"], url=url, size=values["size"],
            description=values["description"], library=at, overrides=chosen, custom=True,
        )  # fmt: skip

    def _read_overrides(self, form: AddForm, *, lenient: bool = False) -> dict[str, Any]:
        """Return the overrides of a form.

        Raises Failure, with `form.invalid` naming the field; while the visitor still types (`lenient`), what is no
        number yet counts as nothing.
        """
        origin = self._origin(form)
        chosen = dict(origin.overrides) if origin else {}
        for each in overrides.OPTIONS:
            chosen.pop(each.name, None)
            try:
                value = read(each, form[each.name])
            except Failure:
                if lenient:
                    continue
                form.invalid = each.name
                raise
            if value is not None:
                chosen[each.name] = value
        return chosen

    def _look_for_id(self, form: AddForm) -> None:
        """Say at once when the ID is another model's."""
        taken = None if form.editing else self.desk.registry.find(form["id"].strip())
        if form.failure and form.failure.problem is Problem.ID_TAKEN:
            form.failure, form.invalid = None, ""
        if taken:
            form.invalid = "id"
            form.failure = Failure(Problem.ID_TAKEN, id=taken.id, name=self.desk.state.name(taken))

    def _trust(self, model: Model) -> None:
        """Remember that the visitor let this author's libraries run: Bocal warns once."""
        settings = self.desk.outside.settings
        if model.library and model.library.url:
            known = trust.read(settings.read(trust.KEY))
            self.desk.remember(trust.KEY, trust.write(known | {trust.author(model.library.url)}))

    def _origin(self, form: AddForm) -> Model | None:
        """Return the model that is edited, duplicated or proposed: what the form has no field for comes from it."""
        pasted = form.pasted.models if isinstance(form.pasted, Records) else ()
        proposed = pasted[0] if len(pasted) == 1 and pasted[0].url == form["url"].strip() else None
        return form.origin or proposed

    def _as_checked(self, form: AddForm, model: Model) -> Model:
        """Take over what the checks found: the library, where none was given, and the memory needed."""
        checked = form.preflight
        if checked is None or checked.model.url != model.url:
            return model
        if checked.choice and checked.choice.origin is not Origin.NEAREST and not model.library:
            model = dataclasses.replace(model, library=checked.choice.library)
        sees = checked.choice is not None and checked.choice.sees
        return dataclasses.replace(model, memory=checked.needed or model.memory, kind=model.kind_with(sees=sees))

    def _given_library(self, form: AddForm) -> Library | None:
        """Return the library of the form's field; raises Failure(LIBRARY_URL_UNREADABLE)."""
        text, catalogue = form["library"].strip(), self.desk.state.catalogue
        if not text:
            return None
        key = text.removeprefix(catalogue.libraries)
        if key != text and re.fullmatch(r"[^/\\?#:]+\.wasm", key):
            return Library(key=key)  # one of WebLLM's own stays one: its address changes with WebLLM
        try:
            url = source.read(text, self.desk.outside.site).url
        except Failure as failure:
            raise Failure(Problem.LIBRARY_URL_UNREADABLE, text=text[:80]) from failure
        if not url.lower().endswith(".wasm"):
            raise Failure(Problem.LIBRARY_URL_UNREADABLE, text=text[:80])
        return Library(url=url)

    def _take_paste(self, form: AddForm) -> None:
        """Say what was pasted, and fill the fields that the visitor has not filled."""
        try:
            form.pasted = pasted = paste.read(form["paste"], self.desk.outside.site)
        except Failure as failure:
            form.pasted, form.failure = None, failure
            return
        found: dict[str, str] = {}
        if isinstance(pasted, Address):
            model_id = pasted.source.suggested_id
            found = {"id": model_id, "name": catalogue.display_name(model_id), "url": pasted.source.url}
        elif isinstance(pasted, Records) and len(pasted.models) == 1:
            model = pasted.models[0]
            found = self._values(model)
        for name in (*FORM_FIELDS, *(option.name for option in overrides.OPTIONS)):
            if name not in form.touched:
                form.values[name] = found.get(name, "")

    def _check(self, form: AddForm, *, again: bool = False) -> None:
        """Check the model at the form's address: once the visitor pauses, or at once `again`."""
        if self._checking:
            self._checking.cancel()
        if not again:
            form.preflight = None
        self._checking = asyncio.ensure_future(self._check_after(0 if again else PAUSE, form))

    async def _check_after(self, seconds: float, form: AddForm) -> None:
        await asyncio.sleep(seconds)
        state = self.desk.state
        await self.desk.look_at_room()
        try:
            url = source.read(form["url"], self.desk.outside.site).url
            given = self._given_library(form)
        except Failure:
            return  # said when the form is sent: half an address is no mistake
        name = source.Source(url).suggested_id
        chosen = self._read_overrides(form, lenient=True)
        model = Model(form["id"].strip() or name, form["name"].strip() or name, url, library=given, overrides=chosen)
        here = state.presence.get(model.id)
        form.preflight = Preflight(
            model, state.device, self.desk.outside.network, state.catalogue, changed=self.desk.draw_soon,
            here=here.done if here else 0, trusted=trust.read(self.desk.outside.settings.read(trust.KEY)),
        )  # fmt: skip
        self.desk.draw("overlay")
        await form.preflight.run()
        self._fill_from(form, form.preflight)
        self.desk.draw("overlay")

    def _fill_from(self, form: AddForm, preflight: Preflight) -> None:
        """Fill what the model's own files tell into the fields that are still empty."""
        texts, figures = self.desk.state.texts, preflight.figures
        if preflight.nbytes and "size" not in form.touched:
            form.values["size"] = texts.size(preflight.nbytes)
        if figures and figures.layers and "description" not in form.touched:
            kind = figures.model_type.capitalize()
            form.values["description"] = texts(
                "add.described", kind=kind, quantisation=figures.quantisation, layers=figures.layers
            )

    async def _show_saved(self, model: Model, before: Model) -> None:
        state = self.desk.state
        state.custom = self.desk.registry.custom()
        again = await self.downloads.take_over(model, before)
        await self.downloads.look()
        if state.selected and state.selected.id == model.id:
            same = dataclasses.replace(
                before,
                name=model.name,
                size=model.size,
                description=model.description,
                memory=model.memory,
                kind=model.kind,
            )
            if same == model:  # for the engine
                state.selected = model
            else:
                await self.loading.use_anew(model)
        if again:
            self.desk.spawn(self.loading.do_download_resume(model.id))
        self.managing.do_selector_open()
        self.desk.notice(state.texts("add.saved", name=model.name))

    async def _show_added(self, model: Model, *, download: bool) -> None:
        self.desk.state.custom = self.desk.registry.custom()
        await self.downloads.look()  # its files may be here already
        if download:
            await asyncio.sleep(0)
            self.desk.spawn(self.loading.do_model_choose(model.id))
        else:
            self.managing.show([model.id])
            self.desk.notice(self.desk.state.texts("add.added", name=model.name))
