"""Whether a model fits: an estimate from little."""

import pytest
from bocal.models import fit
from bocal.models.device import Device
from bocal.models.fit import Fit
from bocal.models.record import Model
from hypothesis import given
from hypothesis import strategies as st

GB = 10**9
DEVICE = Device(f16=True, largest_buffer=2 * GB, memory=8 * GB)


def model(model_id: str = "m-q4f32_1-MLC", **known: object) -> Model:
    return Model(model_id, "M", "https://h/m/", **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("memory", "verdict"), [(1 * GB, Fit.FITS), (6_399_999_999, Fit.FITS), (6_400_000_000, Fit.TIGHT),
                            (8 * GB, Fit.TIGHT), (8 * GB + 1, Fit.TOO_BIG)],
)  # fmt: skip
def test_by_memory(memory: int, verdict: Fit) -> None:
    found = fit.estimate(model(memory=memory), DEVICE)
    assert found
    assert (found.fit, found.need) == (verdict, memory)
    assert found.share == memory / (8 * GB)
    assert found.fit.runs == (verdict is not Fit.TOO_BIG)


def test_f16_is_known_from_features_and_from_a_custom_models_name() -> None:
    plain = Device(f16=False, largest_buffer=2 * GB, memory=8 * GB)
    for it in (model(features=("shader-f16",)), model("mine-q4f16_1-MLC"), model(quantisation="q0f16")):
        found, other = fit.estimate(it, plain), fit.estimate(it, DEVICE)
        assert found
        assert found.fit is Fit.NEEDS_F16
        assert other is None  # nothing else is known of it
    assert fit.estimate(model("mine-q4f32_1-MLC"), plain) is None


def test_a_buffer_that_is_too_large_is_too_big_whatever_the_memory() -> None:
    found = fit.estimate(model(memory=GB, buffer=3 * GB), DEVICE)
    assert found
    assert found.fit is Fit.TOO_BIG


def test_a_custom_model_is_judged_by_its_weights_else_by_the_size_typed() -> None:
    typed = fit.estimate(model(size="4 GB"), DEVICE)
    assert typed
    assert (typed.fit, typed.need) == (Fit.FITS, 5 * GB)
    exact = fit.estimate(model(size="4 GB"), DEVICE, weights=7 * GB)
    assert exact
    assert exact.fit is Fit.TOO_BIG
    assert fit.estimate(model(size="large"), DEVICE) is None


def test_nothing_is_said_without_a_device_or_its_memory() -> None:
    assert fit.estimate(model(memory=GB), None) is None
    assert fit.estimate(model(memory=GB), Device(why_not="no_webgpu", memory=8 * GB)) is None
    assert fit.estimate(model(memory=GB), Device(f16=True, largest_buffer=GB)) is None


@pytest.mark.parametrize(
    ("text", "size"),
    [("3.8 GB", 3_800_000_000), ("3,8 Go", 3_800_000_000), ("3,8\u00a0Go", 3_800_000_000), ("~400MB", 400_000_000),
     ("1.5 GiB", 1_610_612_736), ("about 700 mo", 700_000_000), ("0.7GB of 2", 700_000_000), ("12 ko", 12_000),
     ("", 0), ("big", 0), ("7B", 0), ("4 Gb/s", 4 * GB), ("3 goats", 0), ("0 GB", 0)],
)  # fmt: skip
def test_sizes_as_people_write_them(text: str, size: int) -> None:
    assert fit.read_size(text) == size


@given(st.text() | st.from_regex(r"\A[\d.,]{1,12} ?[kMGT]i?[Bo]\Z"))
def test_any_text_may_stand_where_a_size_should(text: str) -> None:
    assert fit.read_size(text) >= 0
