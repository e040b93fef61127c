"""What unfinished downloads have left on this machine, and taking it off."""

from collections.abc import Iterable

from bocal.weights.carrier import Means
from bocal.weights.storage import Partial


async def partials(means: Means) -> list[Partial]:
    """Return the partial files, each with the model it is for; those in which nothing has arrived yet are none."""
    noted, sizes = await means.journal.partials(), await means.transfers.sizes()
    return [
        Partial(name, noted[name].model if name in noted else "", nbytes) for name, nbytes in sizes.items() if nbytes
    ]


async def drop(means: Means, names: Iterable[str]) -> None:
    """Delete partial files, and what is noted of them."""
    for name in names:
        await means.transfers.drop(name)
        await means.journal.end_partial(name)


async def discard(means: Means, model_id: str, model: str) -> None:
    """Forget a model's job, its partial files and the hashes of its small files; `model` is its key base."""
    await means.journal.end_job(model_id)
    await drop(means, [name for name, note in (await means.journal.partials()).items() if note.model == model])
    await means.journal.forget_model(model)


async def sweep(means: Means, models: set[str]) -> None:
    """Delete the partial files that none of these models (key bases) will ask for: what a crash has left behind."""
    noted = await means.journal.partials()
    names = (await means.transfers.sizes()).keys() | noted.keys()
    await drop(means, [name for name in names if name not in noted or noted[name].model not in models])
