"""Puts the rooms together and starts the page."""

import importlib.metadata
import sys
import time
import traceback

from bocal.browser import gpu, page, pictures
from bocal.browser.disk import Disk
from bocal.browser.engine import WebLlm
from bocal.browser.network import Fetch
from bocal.browser.notes import OwnDatabase
from bocal.browser.offline import Offline
from bocal.browser.page import Document
from bocal.browser.quota import StorageManager
from bocal.browser.runner import Sandbox
from bocal.browser.settings import LocalStorage
from bocal.browser.store import IndexedDb
from bocal.browser.tabs import OpenTabs
from bocal.browser.transfers import WorkerTransfers
from bocal.chat import history
from bocal.models import aside, catalogue, turns
from bocal.ui.actions.desk import LANGUAGE, Outside
from bocal.ui.application import Application
from bocal.ui.state import State
from bocal.ui.text import LANGUAGES, Texts, negotiate
from bocal.weights import journal, lengths, outlines
from bocal.weights.carrier import Means
from bocal.weights.journal import Journal

DRAWERS = (
    *journal.DRAWERS, *history.DRAWERS, *aside.DRAWERS, outlines.DRAWER, lengths.DRAWER, turns.DRAWER,
)  # fmt: skip


async def main() -> None:
    """Start the page; returns once it is drawn and the machine has been looked at."""
    site = page.site()
    document, settings, network, offline = Document(), LocalStorage(), Fetch(), Offline()
    chosen = settings.read(LANGUAGE)
    language = chosen if chosen in LANGUAGES else negotiate(page.languages())
    standard = catalogue.read(await network.read_json(f"{site}catalogue.json"), site)
    store, notes, tabs = IndexedDb(), OwnDatabase(DRAWERS), OpenTabs()
    means = Means(store, WorkerTransfers(store), Journal(notes), tabs, gpu.storage_free, time.monotonic)
    state = State(Texts(language or "en"), standard, version=importlib.metadata.version("bocal"))
    disk = Disk(store)
    state.is_mac = page.is_mac()
    state.can_choose_folder, state.can_write_folder = disk.can_choose, disk.can_write
    application = Application(
        Outside(
            page=document, settings=settings, session=LocalStorage("sessionStorage"), network=network, store=store,
            means=means, disk=disk, quota=StorageManager(), engine=WebLlm(), runner=Sandbox(site), look=gpu.look,
            keep=gpu.ask_to_keep, shrink=pictures.shrink, clock=time.monotonic, take_over=offline.take_over,
            is_narrow=document.is_narrow,
            draw_frame=document.draw_frame, report=_report, site=site, tabs=tabs, notes=notes,
        ),
        state,
    )  # fmt: skip
    document.listen(application)
    disk.listen(application.storing.take_folder, application.desk.spawn)
    application.desk.spawn(document.load())  # begins once the page is drawn
    await application.start()

    def update() -> None:
        state.update_ready = True
        application.desk.draw("notices")

    await offline.start(update)


def _report(error: BaseException) -> None:
    """Leave what nobody expected in the browser's console, and go on."""
    traceback.print_exception(error, file=sys.stderr)
