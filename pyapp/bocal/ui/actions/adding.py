"""Adding a model of one's own: what was pasted, the form it fills, and the checks before anything is downloaded."""

import asyncio
import dataclasses

from bocal.errors import Failure, Problem
from bocal.models import catalogue, library, paste, source
from bocal.models.paste import Address, Records
from bocal.models.preflight import Preflight
from bocal.models.record import Library, Model
from bocal.ui.actions.desk import Desk
from bocal.ui.actions.downloads import Downloads
from bocal.ui.actions.loading import Loading
from bocal.ui.actions.managing import Managing
from bocal.ui.add_model import ADVANCED
from bocal.ui.state import AddForm, Overlay

PAUSE = 0.3  # seconds without typing after which an address is looked at
FORM_FIELDS = ("id", "name", "url", "size", "description", "library")
FIELD_OF = {Problem.ID_TAKEN: "id"}


class Adding:
    """Actions of the form."""

    def __init__(self, desk: Desk, downloads: Downloads, loading: Loading, managing: Managing) -> None:
        self.desk = desk
        self.downloads = downloads
        self.loading = loading
        self.managing = managing
        self._checking: asyncio.Task[None] | None = None

    def do_add_open(self) -> None:
        """Open the form for a custom model."""
        self.desk.state.form, self.desk.state.overlay = AddForm(), Overlay.ADD
        self.desk.draw()

    async def do_add_submit(self, button: str = "add") -> None:
        """Add the model of the form; says beside the field what stands in the way."""
        form = self.desk.state.form
        form.failure, form.invalid = None, ""
        try:
            model = self._read_form(form)
        except Failure as failure:
            form.failure = failure
            form.invalid = form.invalid or FIELD_OF.get(failure.problem, "")
            self.desk.draw("overlay")
            return
        checked = form.preflight
        if checked and checked.choice and checked.model.url == model.url and not model.library:
            model = dataclasses.replace(model, library=checked.choice.library)
        await self._add(model, download=button == "download")

    async def do_add_all(self) -> None:
        """Add every model of a pasted list whose ID is free."""
        pasted, added = self.desk.state.form.pasted, 0
        for model in pasted.models if isinstance(pasted, Records) else ():
            if model.url and self.desk.registry.find(model.id) is None:
                self.desk.registry.add(model)
                added += 1
        self.desk.state.custom = self.desk.registry.custom()
        await self.downloads.look()
        self.managing.do_selector_open()
        self.desk.notice(self.desk.state.texts.count("paste.added", added))

    def do_add_library(self) -> None:
        """Go to the field for the library's address."""
        self.desk.state.opened.add(ADVANCED)
        self.desk.draw("overlay")
        self.desk.outside.page.focus("add-library")

    async def do_add_select(self, model_id: str) -> None:
        """Select the model that already has the ID."""
        await self.loading.do_model_choose(model_id)

    def typed(self, field: str, value: str) -> None:
        """Take over what was typed into a field of the form."""
        form = self.desk.state.form
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
        self.desk.draw("overlay")

    def _read_form(self, form: AddForm) -> Model:
        """Return the model a form describes; raises Failure, with `form.invalid` naming the field."""
        values = {name: form[name].strip() for name in FORM_FIELDS}
        for name, problem in (("id", Problem.ID_MISSING), ("name", Problem.NAME_MISSING), ("url", Problem.URL_MISSING)):
            if not values[name]:
                form.invalid = name
                raise Failure(problem)
        taken = self.desk.registry.find(values["id"])
        if taken:
            raise Failure(Problem.ID_TAKEN, id=taken.id, name=self.desk.state.name(taken))
        form.invalid = "url"
        url = source.read(values["url"], self.desk.outside.site).url
        form.invalid = "library"
        at = self._read_library_address(values["library"]) if values["library"] else None
        form.invalid = ""
        return Model(values["id"], values["name"], url, values["size"], values["description"], at)

    def _read_library_address(self, text: str) -> Library:
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
            found = {name: getattr(model, name) for name in ("id", "name", "url", "size", "description")}
            if model.library:
                found["library"] = library.address(model.library, self.desk.state.catalogue)
        for name in FORM_FIELDS:
            if name not in form.touched:
                form.values[name] = found.get(name, "")

    async def _check_soon(self, form: AddForm) -> None:
        """Check the model at the form's address once the visitor pauses."""
        await asyncio.sleep(PAUSE)
        state = self.desk.state
        try:
            url = source.read(form["url"], self.desk.outside.site).url
            given = self._read_library_address(form["library"]) if form["library"].strip() else None
        except Failure:
            return  # said when the form is sent: half an address is no mistake
        name = source.Source(url).suggested_id
        model = Model(form["id"].strip() or name, form["name"].strip() or name, url, library=given)
        here = state.presence.get(model.id)
        form.preflight = Preflight(
            model, state.device, self.desk.outside.network, state.catalogue, changed=self.desk.draw_soon,
            here=here.done if here else 0,
        )  # fmt: skip
        self.desk.draw("overlay")
        await form.preflight.run()
        self.desk.draw("overlay")

    async def _add(self, model: Model, *, download: bool) -> None:
        self.desk.registry.add(model)
        self.desk.state.custom = self.desk.registry.custom()
        await self.downloads.look()  # its files may be here already
        if download:
            await asyncio.sleep(0)
            self.desk.spawn(self.loading.do_model_choose(model.id))
        else:
            self.managing.do_selector_open()
            self.desk.notice(self.desk.state.texts("add.added", name=model.name))
