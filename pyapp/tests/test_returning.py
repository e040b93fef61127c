"""Downloads that go on by themselves at the next visit."""

import asyncio

from bocal.models.device import Device
from bocal.weights.download import State
from bocal.weights.journal import JobNote
from household import CONTENT, ONE, Browser, until
from outside import to_its_end


@to_its_end
async def test_a_download_goes_on_while_the_graphics_card_does_not_answer() -> None:
    browser = Browser(ONE)
    await browser.world.means().journal.write_job("one", JobNote(State.RUNNING))
    answers = asyncio.Event()

    async def look() -> Device:
        await answers.wait()
        return Device("no_adapter")

    browser.look = look
    opening = asyncio.ensure_future(browser.tab())
    await until(lambda: browser.here() >= set(CONTENT))
    assert not opening.done()
    answers.set()
    tab = await opening
    await until(lambda: tab.state.complete(ONE))
