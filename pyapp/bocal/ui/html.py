"""HTML from Python values: texts are escaped, markup is not, and the two cannot be mistaken for one another."""

from collections.abc import Iterable
from functools import lru_cache
from html import escape

VOID = {"br", "hr", "img", "input"}

type Child = "str | Html | Iterable[Child] | None"


class Html(str):
    """Markup that is safe to show as it is."""

    __slots__ = ()


def tag(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Html:
    """Return one element.

    An attribute's `_` becomes `-` and a trailing one is dropped (`class_`, `aria_label`); True gives a bare attribute,
    None and False give none. A text child is escaped; None is left out; lists are flattened.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        word = _word(key)
        parts.append(f" {word}" if value is True else f' {word}="{escape(str(value))}"')
    parts.append(">")
    if name not in VOID:
        parts += [join(children), f"</{name}>"]
    return Html("".join(parts))


@lru_cache
def _word(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def join(children: Child) -> Html:
    """Return several children as one piece of markup."""
    if children is None:
        return Html("")
    if isinstance(children, Html):
        return children
    if isinstance(children, str):
        return Html(escape(children))
    return Html("".join(map(join, children)))


def icon(name: str, classes: str = "i") -> Html:
    """Return one of the icons of index.html; `classes` "i s" makes it small, "i s flip" mirrors it in RTL."""
    return Html(f'<svg class="{classes}" aria-hidden="true"><use href="#{name}"></use></svg>')


def logo(*, busy: bool = False) -> Html:
    """Return the jar; its firefly glows while `busy`."""
    return icon("logo", "logo is-busy" if busy else "logo")


def jar(fraction: float, classes: str = "jar") -> Html:
    """Return the gauge, filled to `fraction` (0..1)."""
    return tag("span", class_=classes, style=f"--level:{max(0.0, min(1.0, fraction)):.0%}")


def button(
    label: Child, action: str, arg: str | None = None, classes: str = "btn", **more: str | int | bool | None
) -> Html:
    """Return a button that calls the application's `action` with `arg`."""
    return tag("button", label, type="button", class_=classes, data_act=action, data_arg=arg, **more)
