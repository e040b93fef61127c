"""Whose every record is, what it weighs, and what deleting would free."""

import asyncio
from dataclasses import replace

from bocal.protocols import Shelf
from bocal.weights import presence
from bocal.weights.lengths import Lengths
from bocal.weights.outlines import Outlines
from bocal.weights.storage import Item, Owner, Partial, Stock
from hypothesis import given
from hypothesis import strategies as st
from outside import Notes, Shelves

A, B, GONE = "https://h/o/a/resolve/main/", "https://h/o/b/resolve/main/", "https://else/x/resolve/v2/"
LIBRARY, OTHER = "https://h/lib.wasm", "https://h/other.wasm"
STOCK = Stock(
    {
        Shelf.MODEL: [f"{A}tensor-cache.json", f"{A}params_shard_0.bin", f"{B}params_shard_0.bin", f"{GONE}x.bin"],
        Shelf.CONFIG: [f"{A}mlc-chat-config.json"],
        Shelf.LIBRARY: [LIBRARY, OTHER],
    },
    {
        (Shelf.MODEL, f"{A}params_shard_0.bin"): 100,
        (Shelf.MODEL, f"{B}params_shard_0.bin"): 50,
        (Shelf.MODEL, f"{GONE}x.bin"): 7,
        (Shelf.LIBRARY, LIBRARY): 5,
        (Shelf.LIBRARY, OTHER): 3,
    },
    {f"{A}params_shard_0.bin"},
)
OWN_A, OWN_B = Owner("a", A, LIBRARY), Owner("b", B, LIBRARY)


def test_each_record_has_one_owner_and_a_common_library_counts_once() -> None:
    found = STOCK.survey([OWN_A, OWN_B])
    assert [(pile.name, pile.nbytes) for pile in found.models] == [("a", 100), ("b", 50)]
    assert found.shared == (Item(Shelf.LIBRARY, LIBRARY, 5),)
    assert [(pile.name, pile.nbytes) for pile in found.orphans] == [(GONE, 7), ("https://h/", 3)]
    assert found.nbytes == 100 + 50 + 5 + 7 + 3
    assert {item.key for item in found.unmeasured} == {f"{A}tensor-cache.json", f"{A}mlc-chat-config.json"}


def test_deleting_a_model_frees_its_files_and_the_library_that_only_it_used() -> None:
    assert {item.key for item in STOCK.freed(OWN_A, [OWN_B]).items} == {
        f"{A}tensor-cache.json", f"{A}params_shard_0.bin", f"{A}mlc-chat-config.json",
    }  # fmt: skip
    alone = STOCK.freed(OWN_A, [])
    assert LIBRARY in {item.key for item in alone.items}
    assert {item.key for item in alone.weights.items} == {f"{A}params_shard_0.bin"}
    twin = Owner("a again", A, LIBRARY)
    assert STOCK.freed(OWN_A, [twin]).items == ()
    other = Owner("a with another library", A, OTHER)
    assert {item.key for item in STOCK.freed(OWN_A, [other]).items} == {LIBRARY}
    pile = STOCK.survey([OWN_A, other]).pile(A)
    assert pile
    assert {LIBRARY, OTHER} <= {item.key for item in pile.items}


def test_a_folder_inside_another_models_folder_is_its_own() -> None:
    inner = f"{A}small/"
    stock = Stock({Shelf.MODEL: [f"{A}x.bin", f"{inner}x.bin"]})
    found = stock.survey([OWN_A, Owner("inner", inner, "")])
    assert {pile.name: [item.key for item in pile.items] for pile in found.models} == {
        "a": [f"{A}x.bin"], "inner": [f"{inner}x.bin"],
    }  # fmt: skip


def test_what_is_unfinished_belongs_to_the_model_it_is_for() -> None:
    begun, other, unknown = Partial("1", A, 11), Partial("2", GONE, 13), Partial("3", "", 17)
    stock = replace(STOCK, partials=[begun, other, unknown])
    found = stock.survey([OWN_A, OWN_B])
    assert {pile.name: (pile.nbytes, pile.unfinished) for pile in found.models} == {"a": (111, 11), "b": (50, 0)}
    assert [(pile.name, pile.nbytes, pile.count) for pile in found.orphans] == [
        (GONE, 20, 2), ("partial/", 17, 1), ("https://h/", 3, 1),
    ]  # fmt: skip
    assert found.nbytes == STOCK.survey([OWN_A, OWN_B]).nbytes + 11 + 13 + 17
    assert found.orphaned().partials == (other, unknown)
    assert found.orphaned(GONE).partials == (other,)
    assert stock.freed(OWN_A, [OWN_B]).partials == (begun,)
    assert stock.freed(OWN_A, [OWN_B]).weights.nbytes == 111
    assert stock.freed(OWN_A, [Owner("a again", A, LIBRARY)]).partials == ()


def test_a_model_of_which_only_the_library_has_arrived_keeps_it() -> None:
    stock = Stock({Shelf.LIBRARY: [LIBRARY]}, {}, partials=[Partial("1", A, 11)])
    found = stock.survey([OWN_A])
    assert [(pile.name, pile.count) for pile in found.models] == [("a", 2)]
    assert found.orphans == ()


KEYS = st.text("ab/:.", max_size=12)


@given(st.lists(KEYS, unique=True), st.lists(KEYS, unique=True), st.lists(KEYS))
def test_no_record_is_lost_or_counted_twice(models: list[str], libraries: list[str], bases: list[str]) -> None:
    stock = Stock({Shelf.MODEL: models, Shelf.LIBRARY: libraries})
    owners = [Owner(str(number), f"{base}/", f"{base}.wasm") for number, base in enumerate(bases)]
    found = stock.survey(owners)
    items = [item.key for pile in (*found.models, *found.orphans) for item in pile.items]
    assert sorted([*items, *(item.key for item in found.shared)]) == sorted([*models, *libraries])


def test_lengths_come_from_the_manifest_and_the_ledger_and_leave_with_the_record() -> None:
    store, drawers = Shelves(), Notes()
    store.kept[Shelf.MODEL] = {
        f"{A}tensor-cache.json": {"records": [{"dataPath": "s.bin", "nbytes": 100}]},
        f"{A}s.bin": bytes(100),
        f"{GONE}x": b"seven  ",
    }
    outlines = Outlines(store, drawers)
    lengths = Lengths(store, drawers, outlines, store)

    async def story() -> None:
        stock = await lengths.stock()
        assert stock.lengths == {(Shelf.MODEL, f"{A}s.bin"): 100}
        await lengths.measure(stock.survey([OWN_A]).unmeasured)
        assert store.measured == [f"{A}tensor-cache.json", f"{GONE}x"]
        again = await Lengths(store, drawers, Outlines(store, drawers), store).stock()
        assert again.lengths[Shelf.MODEL, f"{GONE}x"] == 7
        await lengths.delete(again.survey([OWN_A]).orphaned().items)
        assert set(store.kept[Shelf.MODEL]) == {f"{A}tensor-cache.json", f"{A}s.bin"}
        assert (Shelf.MODEL, f"{GONE}x") not in (await lengths.stock()).lengths

    asyncio.run(story())


def test_presence_is_answered_from_keys_once_the_outline_is_noted() -> None:
    store, drawers = Shelves(), Notes()
    store.kept[Shelf.MODEL] = {
        f"{A}tensor-cache.json": {"records": [{"dataPath": f"s{n}.bin", "nbytes": 100} for n in range(3)]},
        f"{A}tokenizer.json": b"{}", f"{A}s0.bin": b"", f"{A}s1.bin": b"",
    }  # fmt: skip
    store.kept[Shelf.CONFIG][f"{A}mlc-chat-config.json"] = b"{}"
    store.kept[Shelf.LIBRARY][LIBRARY] = b""
    wanted = [("a", A, LIBRARY), ("b", B, LIBRARY)]
    first = asyncio.run(presence.look(store, wanted, Outlines(store, drawers)))
    assert first == {"a": presence.Presence(200, 300, complete=False)}
    assert store.read == [f"{A}tensor-cache.json"]
    store.kept[Shelf.MODEL][f"{A}s2.bin"] = b""
    later = asyncio.run(presence.look(store, wanted, Outlines(store, drawers)))
    assert later["a"].complete
    assert store.read == [f"{A}tensor-cache.json"]  # in another visit, nothing was read


def test_a_damaged_manifest_is_no_model() -> None:
    store = Shelves()
    store.kept[Shelf.MODEL][f"{A}tensor-cache.json"] = {"records": []}
    assert asyncio.run(presence.look(store, [("a", A, LIBRARY)])) == {}
