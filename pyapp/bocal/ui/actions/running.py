"""Code of an answer that the visitor runs."""

import asyncio
from contextlib import aclosing

from bocal.chat.run import START, TIME, Outcome, Run
from bocal.errors import Failure
from bocal.ui import code_runs
from bocal.ui.actions.desk import Desk


class Running:
    """Runs of blocks of code, by the ID of their figure: none begins unasked, and none outlives its conversation."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._tasks: dict[str, asyncio.Task[None]] = {}
        desk.when_drawn = self.redraw

    def do_code_run(self, block_id: str) -> None:
        """Run a block; one that runs already goes on."""
        run = self.desk.state.runs.get(block_id)
        if run is None or not run.running:
            run = self.desk.state.runs[block_id] = Run(self.desk.outside.page.code(block_id))
            self._draw(block_id)
            self._tasks[block_id] = self.desk.spawn(self._follow(block_id, run))

    def do_code_stop(self, block_id: str) -> None:
        """Stop a run; what it wrote stays."""
        self._stop(block_id)
        self._draw(block_id)

    def stop(self) -> None:
        """Stop every run: an answer is written anew."""
        for block_id in list(self._tasks):
            self._stop(block_id)

    def leave(self) -> None:
        """Stop and forget every run: another conversation takes the place of this one."""
        self.stop()
        self.desk.state.runs.clear()

    def _stop(self, block_id: str) -> None:
        run, task = self.desk.state.runs.get(block_id), self._tasks.pop(block_id, None)
        if run:
            run.end(Outcome.STOPPED, self.desk.outside.clock())
        if task:
            task.cancel()

    async def _follow(self, block_id: str, run: Run) -> None:
        """Take over what the sandbox says until the run ends, or its time does."""
        outside, clock = self.desk.outside, asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(START) as limit, aclosing(outside.runner.run(run.code)) as messages:
                async for message in messages:
                    waited = run.began is None
                    run.hear(message, outside.clock())
                    if waited and run.began is not None:
                        limit.reschedule(clock() + TIME)
                    if not run.running:
                        break
                    outside.page.at_next_frame(self._draw_running)
        except TimeoutError:
            run.end(Outcome.BROKE if run.began is None else Outcome.TOO_LONG, outside.clock())
        except Failure as failure:
            run.failure = failure
        if self.desk.state.runs.get(block_id) is run:
            self._tasks.pop(block_id, None)
            self._draw(block_id)

    def _draw_running(self) -> None:
        for block_id, run in self.desk.state.runs.items():
            if run.running:
                self._draw(block_id)

    def redraw(self) -> None:
        """Draw the runs again where the conversation was drawn anew, but for those whose code is another now."""
        for block_id, run in list(self.desk.state.runs.items()):
            code = self.desk.outside.page.code(block_id)
            if code and code != run.code:
                self._stop(block_id)
                del self.desk.state.runs[block_id]
            self._draw(block_id)

    def _draw(self, block_id: str) -> None:
        self.desk.outside.page.draw(code_runs.region(block_id), code_runs.view(self.desk.state, block_id), stick=True)
