"""Runs of code: what the sandbox's side says, and what the page takes over of it."""

import asyncio
import base64
import json
import sys
import types

import pytest
from bocal.chat import run as runs
from bocal.chat import sandboxed
from bocal.chat.run import Outcome, Run
from hypothesis import given
from hypothesis import strategies as st

PNG = b"\x89PNG\r\n\x1a\n, and the rest"


def do(code: str) -> Run:
    """Run code here, as the sandbox does, and take over what it says."""
    run = Run(code)
    asyncio.run(sandboxed.run(code, lambda said: run.hear(said, 1.0)))
    return run


def text(run: Run, *streams: str) -> str:
    return "".join(text for stream, text in run.pieces if not streams or stream in streams)


def test_what_is_written_comes_in_order_and_the_last_value_is_shown() -> None:
    run = do("import sys\nprint('a')\nprint('b', file=sys.stderr)\nsys.stdout.buffer.write('é'.encode())\n'c'")
    assert run.pieces == [("out", "a\n"), ("err", "b\n"), ("out", "é"), ("value", "'c'")]
    assert run.outcome is Outcome.DONE


@pytest.mark.parametrize("code", ["", "x = 1", "None", "print()", "def f(): pass"])
def test_nothing_is_shown_where_there_is_no_value(code: str) -> None:
    assert text(do(code), "value", "err") == ""


def test_each_run_is_a_program_of_its_own() -> None:
    code = "kept = globals().get('kept', 0) + 1\nimport sys\n(kept, __name__, sys.modules['__main__'].kept)"
    before = sys.modules["__main__"]
    assert [text(do(code)) for _ in "12"] == ["(1, '__main__', 1)"] * 2
    assert sys.modules["__main__"] is before


def test_code_may_wait() -> None:
    assert text(do("import asyncio\nawait asyncio.sleep(0)\nawait asyncio.sleep(0, 'slept')")) == "'slept'"


def test_a_traceback_tells_of_the_code_alone() -> None:
    run = do("import json\ndef read():\n    return json.loads('{')\n\ntry:\n    read()\nexcept ValueError:\n    1 / 0")
    told = text(run)
    assert run.outcome is Outcome.FAILED
    assert [line for line in told.splitlines() if "File" in line] == [
        '  File "<code>", line 6, in <module>',
        '  File "<code>", line 3, in read',
        '  File "<code>", line 8, in <module>',
    ]
    assert "return json.loads('{')" in told
    assert told.endswith("ZeroDivisionError: division by zero\n")


def test_a_syntax_error_shows_its_line() -> None:
    run = do("if True\n    pass")
    assert run.outcome is Outcome.FAILED
    assert "line 1\n    if True" in text(run, "err")


@pytest.mark.parametrize(
    ("code", "outcome", "fact"),
    [
        ("input('Name? ')", Outcome.INPUT, ""),
        ("import sys\nsys.stdin.read()", Outcome.INPUT, ""),
        ("import no_such_module.part", Outcome.MODULE, "no_such_module"),
        ("raise MemoryError", Outcome.MEMORY, ""),
        ("raise SystemExit", Outcome.DONE, ""),
        ("raise SystemExit(0)", Outcome.DONE, ""),
        ("raise SystemExit(2)", Outcome.FAILED, ""),
        ("raise SystemExit([])", Outcome.FAILED, ""),
        ("raise KeyboardInterrupt", Outcome.FAILED, ""),
        ("class Odd:\n    def __repr__(self): raise ValueError\nOdd()", Outcome.FAILED, ""),
    ],
)
def test_every_end_has_its_sentence(code: str, outcome: Outcome, fact: str) -> None:
    run = do(code)
    assert (run.outcome, run.fact) == (outcome, fact)


def test_a_lot_of_output_is_cut_and_said_in_few_messages() -> None:
    said: list[str] = []
    asyncio.run(sandboxed.run("for n in range(50_000): print('line', n)", said.append))
    assert len(said) < runs.MOST_MESSAGES
    run = Run("")
    for message in said:
        run.hear(message, 0.0)
    assert run.cut
    assert len(text(run)) == sandboxed.MOST_TEXT
    assert run.outcome is Outcome.DONE


def test_the_figures_that_are_open_at_the_end_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    pyplot = types.ModuleType("matplotlib.pyplot")
    figure = types.SimpleNamespace(savefig=lambda file, format: file.write(PNG + format.encode()))  # noqa: A006
    vars(pyplot).update(get_fignums=lambda: list(range(20)), figure=lambda _number: figure)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", pyplot)
    run = do("1")
    assert [base64.b64decode(png) for png in run.figures] == [PNG + b"png"] * sandboxed.MOST_FIGURES


def say(**fields: object) -> str:
    return json.dumps(fields)


def test_what_a_stranger_says_is_not_believed() -> None:
    run = Run("")
    for message in (
        "", "[]", "1", "{", "[" * 100_000, say(kind="wrote", stream="html", text="x"), say(kind="wrote", stream="out"),
        say(kind="wrote", stream="out", text=["x"]), say(kind="figure", png="PHN2Zz4="), say(kind="figure", png="' on"),
        say(kind="figure", png=1), say(kind="ended", outcome="code.done", fact=""), say(kind="ended", outcome=[]),
        say(kind="ended", outcome="done"),
    ):  # fmt: skip
        run.hear(message, 0.0)
    assert (run.pieces, run.figures, run.outcome) == ([], [], None)
    run.hear(say(kind="ended", outcome="module", fact="<b>" * 1000), 0.0)
    assert (run.outcome, run.fact) == (Outcome.MODULE, "")


def test_nothing_is_heard_after_the_end() -> None:
    run = Run("")
    run.end(Outcome.STOPPED, 3.0)
    run.hear(say(kind="wrote", stream="out", text="late"), 4.0)
    run.end(Outcome.DONE, 5.0)
    assert (run.pieces, run.outcome, run.ended) == ([], Outcome.STOPPED, 3.0)


def test_who_says_too_much_is_stopped() -> None:
    run = Run("")
    for _ in range(runs.MOST_MESSAGES + 1):
        run.hear("{}", 0.0)
    assert run.outcome is Outcome.TOO_MUCH


def test_pieces_are_counted_too() -> None:
    run = Run("")
    for number in range(runs.MOST_PIECES + 10):
        run.hear(say(kind="wrote", stream=("out", "err")[number % 2], text="x"), 0.0)
    assert (len(run.pieces), run.cut) == (runs.MOST_PIECES, True)


def test_terminal_colours_and_controls_are_not_shown() -> None:
    run = Run("")
    run.hear(say(kind="wrote", stream="out", text="\x1b[31mred\x1b[0m\r\n50 %\r100 %\x00\x07\t."), 0.0)
    assert text(run) == "red\n50 %\n100 %\t."


@given(st.lists(st.text(), max_size=30))
def test_what_is_printed_arrives(texts: list[str]) -> None:
    said: list[str] = []
    voice = sandboxed.Voice(said.append)
    for it in texts:
        voice.write("out", it)
    voice.tell("ended", outcome="done", fact="")
    assert "".join(json.loads(it).get("text", "") for it in said) == "".join(texts)
