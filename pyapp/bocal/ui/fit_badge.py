"""The badge that tells how a model fits this machine."""

from bocal.models.fit import Fit
from bocal.models.record import Model
from bocal.ui.html import Html, jar, tag
from bocal.ui.state import State

_LOOK = {
    Fit.FITS: ("fit.fits", "ok"),
    Fit.TIGHT: ("fit.tight", "warn"),
    Fit.TOO_BIG: ("fit.too_big", "bad"),
    Fit.NEEDS_F16: ("fit.needs_f16", "bad"),
}


def view(state: State, model: Model) -> Html | None:
    """The badge of a model; None while too little is known to say anything."""
    t, found = state.texts, state.fit(model)
    if found is None or state.device is None:
        return None
    words, look = _LOOK[found.fit]
    if found.fit is Fit.NEEDS_F16:
        why = t("fit.needs_f16_why")
    elif model.buffer > state.device.largest_buffer:
        why = t("fit.buffer_why", need_bytes=model.buffer, room_bytes=state.device.largest_buffer)
    else:
        why = t("fit.why", need_bytes=found.need, room_bytes=state.device.memory or 0)
    gauge = None if found.fit is Fit.NEEDS_F16 else jar(found.share)
    return tag("span", gauge, tag("span", t(words)), class_=f"badge {look}", title=why, data_fit=found.fit)
