"""What a search found, below the field it was typed into."""

from urllib.parse import urlsplit

from bocal.models.search import AUTHOR, Hit, Listing, Search
from bocal.ui import problems
from bocal.ui.html import Html, button, icon, tag
from bocal.ui.state import State

FIELD = "add-paste"
ROW, MORE = "name", "btn sm more"
ROWS = {ROW, MORE}  # the classes of what the arrows go through
STEPS = f"#{FIELD}, #found .{ROW}, #found .more"


def view(state: State, search: Search) -> Html:
    """The rows, mlc-ai's first, and what became of the search."""
    t, failure = state.texts, search.failure
    host, count = urlsplit(search.hub).netloc, len(search.hits)
    nothing = not count and not search.running and not failure
    more = search.own.following or search.others.following
    told = t("search.running") if search.running else t.count("search.so_far" if more else "search.count", count)
    waits = search.own.running and not search.own.hits  # everybody else's stay below mlc-ai's
    rows = [
        _listing(state, search, search.own, "own", AUTHOR),
        None if waits else _listing(state, search, search.others, "others", t("search.others")),
    ]
    return tag("div",
        tag("div", icon("spin", "i s spin") if search.running else icon("search", "i s"),
            tag("span", t("search.title", query=search.query, host=host), class_="grow"),
            None if failure and not count else tag("span", told, class_="cap num", role="status"),
            class_="found-head"),
        tag("div", rows, class_="found-list") if any(rows) else None,
        tag("p", t("search.nothing", host=host), class_="found-none small") if nothing else None,
        tag("div",
            tag("div", icon("fail"), tag("p", t.failure(failure)),
                button(t("search.again"), "search.again", classes="btn sm"), class_="note bad"),
            problems.details(state, failure, "details-search"),
            class_="found-failed", role="alert") if failure else None,
        class_="found", id="found",
    )  # fmt: skip


def row_id(hit: Hit) -> str:
    """Return the ID of a row's button in the document."""
    return f"found-{hit.id.replace('/', '-')}"


def _listing(state: State, search: Search, listing: Listing, whose: str, heading: str) -> Html | None:
    if not listing.hits and not (listing.following and not listing.running and not listing.failure):
        return None
    more = None
    if listing.following and not listing.failure:
        label = state.texts("search.running" if listing.running else "search.more")
        more = button(label, "search.more", whose, MORE, aria_disabled="true" if listing.running else None,
                      aria_describedby=f"found-{whose}")  # fmt: skip
    return tag("section",
        tag("h3", heading, id=f"found-{whose}"),
        tag("ul", [_row(state, search, hit) for hit in listing.hits]) if listing.hits else None,
        more,
        aria_labelledby=f"found-{whose}",
    )  # fmt: skip


def _row(state: State, search: Search, hit: Hit) -> Html:
    t, size = state.texts, search.size(hit)
    owner, _, name = hit.id.partition("/")
    lacks_f16 = state.device is not None and "f16" in hit.quantisation and state.device.lacks(("shader-f16",))
    described = f"{row_id(hit)}-facts"
    return tag("li",
        button(tag("span", name), "add.found", hit.id, ROW, title=hit.id, id=row_id(hit),
               aria_describedby=f"{described} {described}-marks"),
        tag("span",
            tag("span", icon("lock", "i s"), tag("span", t("search.gated")), class_="badge warn",
                title=t("search.gated_why")) if hit.gated else None,
            tag("span", t("fit.needs_f16"), class_="badge bad", title=t("fit.needs_f16_why"))
            if lacks_f16 else None,
            class_="marks", id=f"{described}-marks"),
        tag("div",
            tag("span", owner, class_="owner"),
            tag("span", hit.parameters, class_="num"),
            tag("span", hit.quantisation, class_="q"),
            tag("span", "…" if size is None else t.size(size) if size else "", class_="num sz"),
            tag("span", icon("dl", "i s"), tag("span", t.number(hit.downloads)), class_="num dls",
                title=t.count("search.downloads", hit.downloads)),
            class_="facts-line", id=described),
        class_="hit", data_id=hit.id,
    )  # fmt: skip
