"""Places for files on their way."""

import asyncio

from bocal.weights.pace import Pace


def test_a_place_left_early_is_free_at_once_and_only_once() -> None:
    async def story() -> None:
        pace = Pace(limit=1)
        first, second = asyncio.Event(), asyncio.Event()
        inside = []

        async def go(name: str, until: asyncio.Event, *, early: bool) -> None:
            async with pace.place() as leave:
                inside.append(name)
                if early:
                    await leave()
                await until.wait()

        one = asyncio.ensure_future(go("one", first, early=True))
        two = asyncio.ensure_future(go("two", second, early=False))
        three = asyncio.ensure_future(go("three", second, early=False))
        for _ in range(10):
            await asyncio.sleep(0)
        assert inside == ["one", "two"]
        first.set()
        await one
        for _ in range(10):
            await asyncio.sleep(0)
        assert inside == ["one", "two"]  # what the first had given back already, it does not give back again
        second.set()
        await asyncio.gather(two, three)
        assert inside == ["one", "two", "three"]

    asyncio.run(story())
