"""What unfinished downloads have left on this machine, and taking it off."""

from collections.abc import Collection, Iterable
from contextlib import suppress

from bocal.errors import Failure
from bocal.weights.carrier import Means, lock
from bocal.weights.storage import Partial


async def partials(means: Means) -> list[Partial]:
    """Return the partial files, each with the model it is for; those in which nothing has arrived yet are none."""
    sizes = await means.transfers.sizes()  # before the notes: a file that is begun meanwhile is in neither
    noted = await means.journal.partials()
    return [
        Partial(name, noted[name].model if name in noted else "", nbytes) for name, nbytes in sizes.items() if nbytes
    ]


async def drop(means: Means, names: Iterable[str]) -> None:
    """Delete partial files, and what is noted of them."""
    for name in names:
        await means.transfers.drop(name)
        await means.journal.end_partial(name)


async def discard(means: Means, model: str, but: Collection[str] = ()) -> None:
    """Delete the partial files of a model, and forget the hashes of its small files, `but` those under these keys.

    `model` is its key base.
    """
    await drop_partials(means, model)
    await means.journal.forget_model(model, but)


async def drop_partials(means: Means, model: str) -> None:
    """Delete the partial files of a model, also those in which nothing has arrived yet; `model` is its key base."""
    await drop(means, [name for name, note in (await means.journal.partials()).items() if note.model == model])


async def sweep(means: Means, models: set[str]) -> None:
    """Delete the partial files that none of these models (key bases) will ask for: what a crash has left behind.

    One that another tab is writing stays, and one that cannot be deleted now: the next visit sweeps again.
    """
    sizes = await means.transfers.sizes()
    noted = await means.journal.partials()
    for name in sizes.keys() | noted.keys():
        if name in noted and noted[name].model in models:
            continue
        release = await means.tabs.hold(lock(name), wait=False)
        if release:
            with suppress(Failure):
                await drop(means, [name])
            release()
