"""How fast bytes arrive."""

from collections.abc import Callable

WINDOW = 5.0  # seconds that the shown rate looks back on
EVERY = 0.25  # seconds between two updates of what is shown: people read no faster, and each is work for the page


class Meter:
    """The rate of a growing number of bytes; `clock()` is in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._samples: list[tuple[float, int]] = []

    def restart(self) -> None:
        """Forget what came before."""
        self._samples.clear()

    def sample(self, done: int, *, now: bool = False) -> bool:
        """Note that `done` bytes are here; whether enough time has passed to show it (always, with `now`)."""
        time = self._clock()
        if not now and self._samples and time - self._samples[-1][0] < EVERY:
            return False
        self._samples = [sample for sample in self._samples if time - sample[0] <= WINDOW]
        self._samples.append((time, done))
        return True

    @property
    def rate(self) -> float:
        """Bytes per second over the last seconds; 0 before there is anything to tell."""
        if len(self._samples) < 2:
            return 0.0
        (begin, before), (end, after) = self._samples[0], self._samples[-1]
        return max(0.0, (after - before) / (end - begin)) if end > begin else 0.0
