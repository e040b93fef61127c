"""The committed built-in model is the one its sources make."""

import json
from pathlib import Path

import guide_model

ROOT = Path(__file__).resolve().parents[2]


def released() -> dict[str, dict[str, str]]:
    found = json.loads((ROOT / guide_model.RELEASE).read_text())
    assert isinstance(found, dict)
    return found


def test_the_release_was_made_from_these_sources() -> None:
    assert released()["sources"] == guide_model.sources(ROOT), "run `python3 build model` (see build/guide_model.py)"


def test_every_released_file_is_the_one_that_was_made() -> None:
    assert released()["files"] == guide_model.files(ROOT)


def test_the_release_weighs_at_most_8_mb() -> None:
    assert sum(path.stat().st_size for path in (ROOT / guide_model.FILES).iterdir()) <= 8_000_000
