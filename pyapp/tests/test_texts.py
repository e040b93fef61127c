"""Sentences in both languages, numbers and sizes."""

import ast
import re
import string
from pathlib import Path

import pytest
from bocal.errors import Failure, Problem
from bocal.ui.i18n import en, fr
from bocal.ui.text import Texts, negotiate

SOURCES = sorted((Path(__file__).resolve().parents[1] / "bocal").rglob("*.py"))
KEY = re.compile(r"[a-z]+(\.[a-z0-9_]+)+")


def facts(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_hold_the_same_keys_with_the_same_facts() -> None:
    assert en.TEXTS.keys() == fr.TEXTS.keys()
    assert {key: facts(text) for key, text in en.TEXTS.items()} == {key: facts(text) for key, text in fr.TEXTS.items()}


def test_every_problem_has_a_sentence() -> None:
    assert set(Problem) <= set(en.TEXTS)


def test_every_key_the_code_names_exists_and_every_key_is_named() -> None:
    named: set[str] = set()
    for path in SOURCES:
        if "i18n" not in path.parts:
            words = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
            named |= {word for word in words if isinstance(word, str) and KEY.fullmatch(word)}
    built = ("add.", "nogpu.", "settings.", "selector.count.", "selector.others.", "problem.", "paste.", "check.name.",
             "check.library.", "check.failed.", "check.warned.", "figure.", "search.count.", "search.so_far.",
             "search.downloads.", "keep.", "storage.files.", "storage.shared.", "storage.used.",
             "tuning.", "preset.", "side.found.", "chats.", "thread.earlier.")  # fmt: skip
    made = {key for key in en.TEXTS if key.startswith(built)}
    assert set(en.TEXTS) - named - made == set()


def test_every_text_that_is_asked_for_exists() -> None:
    wanted: set[str] = set()
    for path in SOURCES:
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            whom = ast.unparse(call.func)
            if call.args and re.fullmatch(r"(.*\.)?(t|texts)(\.count)?", whom):
                key = call.args[0]
                choices = [key.body, key.orelse] if isinstance(key, ast.IfExp) else [key]
                said = [str(it.value) for it in choices if isinstance(it, ast.Constant)]
                wanted |= {f"{it}.{form}" for it in said for form in ("one", "other")} if "count" in whom else set(said)
    assert len(wanted) > 100
    assert wanted - set(en.TEXTS) == set()


def test_french_keeps_its_spaces_together() -> None:
    for key, text in fr.TEXTS.items():
        assert not re.search(r" [:;?!%»]|« ", text), key


def test_a_number_keeps_its_unit_beside_it() -> None:
    for texts in (en.TEXTS, fr.TEXTS):
        assert not [key for key, text in texts.items() if re.search(r"\} (s|ms|min|tokens/s|jetons/s)\b", text)]


@pytest.mark.parametrize(
    ("nbytes", "english", "french"),
    [(0, "0 B", "0 o"), (999, "999 B", "999 o"), (1500, "2 kB", "2 ko"), (3_800_000_000, "3.8 GB", "3,8 Go"),
     (999_999_999, "1.0 GB", "1,0 Go"), (128_000_000, "128 MB", "128 Mo")],
)  # fmt: skip
def test_sizes(nbytes: int, english: str, french: str) -> None:
    assert Texts("en").size(nbytes).replace("\u00a0", " ") == english
    assert Texts("fr").size(nbytes).replace("\u00a0", " ") == french


def test_numbers_and_shares() -> None:
    assert Texts("en").number(1284.5, 1) == "1,284.5"
    assert Texts("fr").number(1284.5, 1) == "1\u202f284,5"
    assert Texts("en").percent(0.999) == "99%"
    assert Texts("fr").percent(1) == "100\u202f%"
    assert Texts("fr").count("selector.count", 0) == "0 modèle"


def test_a_failure_is_told_with_its_facts() -> None:
    failure = Failure(Problem.CUT_SHORT, host="h", bytes=5_000_000, wanted_bytes=6_000_000)
    assert Texts("en").failure(failure).replace("\u00a0", " ").startswith("h sent 5.0 MB where 6.0 MB")


def test_a_failure_from_a_file_that_lacks_its_facts_says_less() -> None:
    assert Texts("en").failure(Failure(Problem.NO_VISION)) == "The model stopped unexpectedly. Try again."


@pytest.mark.parametrize(
    ("preferred", "language"), [(["fr-CA", "en"], "fr"), (["de", "fr"], "fr"), (["de"], "en"), ([], "en")]
)
def test_the_visitors_language_is_the_first_we_speak(preferred: list[str], language: str) -> None:
    assert negotiate(preferred) == language
