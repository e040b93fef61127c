"""What the markup asks for exists: every button, form and list names an action that there is."""

import ast
from collections.abc import Iterator
from pathlib import Path

UI = Path(__file__).resolve().parent.parent / "bocal" / "ui"
ATTRIBUTES = {"data_act", "data_submit", "data_cancel", "data_grow"}


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def constants(node: ast.expr) -> list[str]:
    branches = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
    return [it.value for it in branches if isinstance(it, ast.Constant) and isinstance(it.value, str)]


def test_every_action_that_is_named_exists() -> None:
    named: set[str] = set()
    for path in UI.glob("*.py"):
        for call in calls(path):
            if ast.unparse(call.func) in {"button", "_tool", "_choice"} and len(call.args) > 1:
                place = 2 if ast.unparse(call.func) == "_tool" else 1
                named.update(constants(call.args[place]))
            for keyword in call.keywords:
                if keyword.arg in ATTRIBUTES:
                    named.update(constants(keyword.value))
    found = {
        node.name.removeprefix("do_").replace("_", ".")
        for path in [*(UI / "actions").glob("*.py"), UI / "application.py"]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("do_")
    }
    assert len(named) > 60
    assert named - found == set()
