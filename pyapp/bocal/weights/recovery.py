"""Downloads whose notes the browser has lost, told from what is left of their files."""

from collections.abc import Mapping

from bocal.weights import discard, plan
from bocal.weights.answer import Validator
from bocal.weights.carrier import Means
from bocal.weights.download import State
from bocal.weights.journal import JobNote, PartialNote


async def recover(means: Means, models: Mapping[str, str]) -> None:
    """Note anew the downloads of which only partial files are left; `models` are model IDs by key base.

    Chromium empties a site's IndexedDB when its log is damaged, as a death in the middle of a write leaves it: LevelDB
    goes on writing behind what was cut off there, and finds it when it next opens the log. Other files stay.
    """
    strays = [it.name for it in await discard.partials(means) if not it.model]
    if not strays:
        return
    left = await means.transfers.sizes()  # some may just have been deleted, after their notes were read
    jobs = await means.journal.jobs()
    for base, model_id in models.items():
        found = [name for name in strays if name in left and name.startswith(plan.mark(base))]
        for name in found:
            await means.journal.write_partial(name, PartialNote(base, Validator()))
        if found and model_id not in jobs:
            await means.journal.write_job(model_id, JobNote(State.RUNNING))
