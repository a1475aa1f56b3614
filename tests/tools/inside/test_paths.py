"""A path of the workspace: where it leads, and where it may not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from litellm_codex_agent.tools.inside.paths import MAX_BYTES, Failed, folder, letters, opened, place, shown
from litellm_codex_agent.tools.source import MAX_TOLD_BYTES


@pytest.mark.parametrize("path", ["a", "./a", "b/../a", "{0}/a", "link"])
def test_a_path_inside_leads_to_its_real_place(workspace: Path, path: str) -> None:
    (workspace / "link").symlink_to("a")
    assert place(path.format(workspace)) == workspace / "a"
    assert place(".") == workspace


@pytest.mark.parametrize("path", ["..", "/etc/passwd", "a/../../x", "{0}x", "out", "out/passwd", "loop/../../x"])
def test_a_path_that_leads_outside_is_told_so(workspace: Path, path: str) -> None:
    (workspace / "out").symlink_to("/etc")
    with pytest.raises(Failed, match="lies outside of the workspace"):
        place(path.format(workspace))


@pytest.mark.parametrize("path", ["\0", "loop", "loop/x"])
def test_what_is_no_path_is_told_so(workspace: Path, path: str) -> None:
    (workspace / "loop").symlink_to("loop")
    try:
        found = place(path)
    except Failed as error:
        assert "is no path that can be used" in str(error)
    else:  # since Python 3.13 a circle is no error here, and opening it is one
        with pytest.raises(OSError):
            found.stat()


def test_a_directory_or_a_pipe_is_not_opened_as_a_file(workspace: Path) -> None:
    os.mkfifo(workspace / "pipe")
    with pytest.raises(Failed, match="is a directory"):
        opened(".")
    with pytest.raises(Failed, match="is no ordinary file"):
        opened("pipe")


def test_a_file_or_nothing_is_no_directory(workspace: Path) -> None:
    (workspace / "a").write_text("")
    with pytest.raises(Failed, match="a is no directory"):
        folder("a")
    with pytest.raises(Failed, match="There is no b in the workspace"):
        folder("b")


def test_a_name_that_is_no_text_is_shown_in_letters(workspace: Path) -> None:
    assert shown(workspace / "a" / "\udcff") == "a/\\xff"
    assert letters("é") == "é"


def test_as_much_is_read_at_once_as_a_model_is_told() -> None:
    assert MAX_BYTES == 2 * MAX_TOLD_BYTES
