"""How many files are fetched at a time: one more while all goes well, half as many after trouble."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

LEAST, MOST = 2, 6  # browsers open no more than six connections to a host that speaks HTTP/1.1


class Pace:
    """Places for files on their way; `limit` of them (additive increase, multiplicative decrease)."""

    def __init__(self, limit: int = 4) -> None:
        self.limit = limit
        self._taken = 0
        self._free = asyncio.Condition()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Wait for a place, and have it until the end or until what this yields is called and awaited."""
        async with self._free:
            await self._free.wait_for(lambda: self._taken < self.limit)
            self._taken += 1
        has = True

        async def leave() -> None:
            nonlocal has
            self._taken, has = self._taken - has, False
            async with self._free:
                self._free.notify(2)  # for this place, and for the one that may have been added meanwhile

        try:
            yield leave
        finally:
            if has:
                await leave()

    def went_well(self) -> None:
        """A file has arrived without trouble."""
        self.limit = min(MOST, self.limit + 1)

    def had_trouble(self) -> None:
        """A host refused for now, or a connection broke."""
        self.limit = max(LEAST, self.limit // 2)
