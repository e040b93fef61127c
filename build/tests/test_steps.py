"""Steps run again only when what they read has changed."""

from pathlib import Path

import pytest
import steps


def test_a_folder_is_made_once_for_each_state_of_its_inputs(tmp_path: Path) -> None:
    source, made = tmp_path / "source", []
    source.mkdir()

    def build() -> None:
        key = steps.fingerprint(source)
        steps.make(tmp_path / "out", key, lambda folder: made.append((folder / "x").write_text("1")), "testing")

    build()
    build()
    assert len(made) == 1
    (source / "new").write_text("")
    build()
    assert len(made) == 2


def test_a_step_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    def old(folder: Path) -> None:
        (folder / "x").write_text("old")

    steps.make(tmp_path / "out", "1", old, "testing")

    def fail(folder: Path) -> None:
        (folder / "x").write_text("half")
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        steps.make(tmp_path / "out", "2", fail, "testing")
    assert (tmp_path / "out" / "x").read_text() == "old"


def test_names_and_contents_both_count(tmp_path: Path) -> None:
    prints = set()
    for name, content in (("a", "1"), ("b", "1"), ("a", "2")):
        folder = tmp_path / f"{name}{content}"
        folder.mkdir()
        (folder / name).write_text(content)
        prints.add(steps.fingerprint(folder))
    assert len(prints) == 3
