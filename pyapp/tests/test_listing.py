"""The list of models: what matches, what is grouped, what is recommended."""

from bocal.models import listing
from bocal.models.device import Device
from bocal.models.fit import Estimate, estimate
from bocal.models.listing import OTHER, Filters, Group
from bocal.models.record import Model
from hypothesis import given
from hypothesis import strategies as st

GB = 10**9
F16 = Device(f16=True, largest_buffer=2 * GB, memory=8 * GB)
F32 = Device(f16=False, largest_buffer=2 * GB, memory=8 * GB)
SMALL = Device(f16=True, largest_buffer=2 * GB, memory=2 * GB)


def standard(model_id: str, memory: float) -> Model:
    return Model(model_id, model_id, "https://h/", custom=False, memory=round(memory * GB))


PHI = [standard("Phi-3.5-mini-q4f16_1-MLC", 3.9), standard("Phi-3.5-mini-q4f32_1-MLC", 5.7),
       standard("Phi-3.5-mini-q4f16_1-MLC-1k", 1.9), standard("Phi-3.5-mini-q4f32_1-MLC-1k", 3.3)]  # fmt: skip
SMOL = [standard("SmolLM2-135M-q0f16-MLC", 0.4), standard("SmolLM2-135M-q0f32-MLC", 0.8)]
ALONE = [standard("Llama-2-13b-q4f16_1-MLC", 12.4)]


def groups(device: Device | None, filters: Filters | None = None, pinned: tuple[str, ...] = ()) -> list[Group]:
    wanted = filters or Filters()

    def judge(model: Model) -> Estimate | None:
        return estimate(model, device)

    models = [(it, it.name) for it in (*PHI, *SMOL, *ALONE)]
    return listing.group(models, wanted, pinned, judge, lambda it: it.id in pinned)


def ids(models: tuple[Model, ...]) -> list[str]:
    return [model.id for model in models]


def recommended(device: Device | None) -> list[str]:
    return [group.recommended.id if group.recommended else "" for group in groups(device)]


def test_the_recommended_variant_depends_on_the_machine() -> None:
    assert recommended(F16) == ["Phi-3.5-mini-q4f16_1-MLC", "SmolLM2-135M-q0f16-MLC", ""]
    assert recommended(F32) == ["Phi-3.5-mini-q4f32_1-MLC", "SmolLM2-135M-q0f32-MLC", ""]
    assert recommended(SMALL) == ["Phi-3.5-mini-q4f16_1-MLC-1k", "SmolLM2-135M-q0f16-MLC", ""]  # only the short one
    assert recommended(Device(f16=True, largest_buffer=GB, memory=GB // 4)) == ["", "", ""]
    assert recommended(None) == recommended(F16)


def test_a_model_is_one_row_with_its_recommended_variant_and_the_others_folded() -> None:
    phi, smol, alone = groups(F32)
    assert ids(phi.shown) == ["Phi-3.5-mini-q4f32_1-MLC"]
    assert ids(phi.folded)[0] == "Phi-3.5-mini-q4f32_1-MLC-1k"
    assert len(phi.folded) == 3
    assert ids(smol.shown) == ["SmolLM2-135M-q0f32-MLC"]
    assert (ids(alone.shown), alone.folded) == (["Llama-2-13b-q4f16_1-MLC"], ())


def test_a_variant_that_is_used_is_never_folded_away() -> None:
    phi = groups(F16, pinned=("Phi-3.5-mini-q4f32_1-MLC",))[0]
    assert ids(phi.shown) == ["Phi-3.5-mini-q4f16_1-MLC", "Phi-3.5-mini-q4f32_1-MLC"]


def test_a_search_that_tells_variants_apart_shows_all_that_match() -> None:
    (phi,) = groups(F16, Filters(words="phi Q4F32"))
    assert ids(phi.shown) == ["Phi-3.5-mini-q4f32_1-MLC", "Phi-3.5-mini-q4f32_1-MLC-1k"]
    assert phi.folded == ()
    assert phi.recommended == PHI[0]
    (exact,) = groups(F16, Filters(words="Phi-3.5-mini-q4f32_1-MLC-1k"))
    assert ids(exact.shown) == ["Phi-3.5-mini-q4f32_1-MLC-1k"]
    (folded,) = groups(F16, Filters(words="phi"))
    assert len(folded.folded) == 3


def test_filters_combine() -> None:
    assert [group.stem for group in groups(F16, Filters(size="middle"))] == ["Phi-3.5-mini"]
    assert [group.stem for group in groups(F16, Filters(size="small", family="SmolLM"))] == ["SmolLM2-135M"]
    assert groups(F16, Filters(size="small", family="Phi")) == []
    fitting = groups(F32, Filters(fits=True))
    assert [(ids(group.shown), ids(group.folded)) for group in fitting] == [
        (["Phi-3.5-mini-q4f32_1-MLC"], ["Phi-3.5-mini-q4f32_1-MLC-1k"]),
        (["SmolLM2-135M-q0f32-MLC"], []),
    ]
    assert [group.stem for group in groups(F16, Filters(quantisation="q0f32"))] == ["SmolLM2-135M"]
    assert [group.stem for group in groups(F16, Filters(here=True), pinned=(SMOL[1].id,))] == ["SmolLM2-135M"]


def test_filters_apply_to_custom_models() -> None:
    mine = Model("Recettes-3B-q4f16_1-MLC", "Les recettes de Marie", "https://h/", description="Cuisine")

    def passes(**fields: str) -> bool:
        return Filters(**fields).passes(mine, mine.name, (), lambda _model: None)  # type: ignore[arg-type]

    assert passes(words="MARIÉ cuisine", family=OTHER, size="middle", quantisation="q4f16_1")
    assert not passes(family="Llama")
    assert not passes(words="marie bread")


@given(st.lists(st.text(min_size=1), unique=True), st.sampled_from([F16, F32, SMALL, None]))
def test_every_model_is_in_exactly_one_place(names: list[str], device: Device | None) -> None:
    models = [standard(name, 1) for name in names]
    named = [(it, it.name) for it in models]
    found = listing.group(named, Filters(), (), lambda it: estimate(it, device), lambda _model: False)
    placed = [model.id for group in found for model in (*group.shown, *group.folded)]
    assert sorted(placed) == sorted(names)
    assert all(group.shown for group in found)
