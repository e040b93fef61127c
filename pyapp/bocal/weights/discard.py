"""Taking off this machine what unfinished downloads have left."""

from bocal.weights.carrier import Means


async def discard(means: Means, model_id: str, model: str) -> None:
    """Forget a model's job, its partial files and the hashes of its small files; `model` is its key base."""
    await means.journal.end_job(model_id)
    for name, note in (await means.journal.partials()).items():
        if note.model == model:
            await means.transfers.drop(name)
            await means.journal.end_partial(name)
    await means.journal.forget_model(model)


async def sweep(means: Means, models: set[str]) -> None:
    """Delete the partial files that none of these models (key bases) will ask for: what a crash has left behind."""
    noted = await means.journal.partials()
    for name in (await means.transfers.sizes()).keys() | noted.keys():
        if name not in noted or noted[name].model not in models:
            await means.transfers.drop(name)
            await means.journal.end_partial(name)
