"""Text files read, written and edited."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from litellm_codex_agent.tools.inside.paths import MAX_BYTES, Failed
from litellm_codex_agent.tools.inside.texts import MAX_EDIT_BYTES, edit_file, read_file, write_file


def test_a_file_is_read_as_it_is(workspace: Path) -> None:
    (workspace / "a").write_bytes("é\r\nb".encode())
    assert read_file("a") == {"stdout": "é\r\nb", "stderr": ""}


def test_so_many_lines_are_read_from_where_it_is_asked_and_told_where_to_go_on(workspace: Path) -> None:
    (workspace / "a").write_text("1\n2\n3\n4\n")
    assert read_file("a", 2, 2) == {"stdout": "2\n3\n", "stderr": "These are the lines 2 to 3. Go on with offset 4."}
    assert read_file("a", 4, 1) == {"stdout": "4\n", "stderr": ""}
    assert read_file("a", 3, 9) == {"stdout": "3\n4\n", "stderr": ""}


def test_a_long_file_is_read_in_whole_lines_up_to_the_bound(workspace: Path) -> None:
    (workspace / "a").write_text(("x" * 99 + "\n") * 1000)
    told = read_file("a")
    count = MAX_BYTES // 100
    assert told["stdout"] == ("x" * 99 + "\n") * count
    assert told["stderr"] == f"These are the lines 1 to {count}. Go on with offset {count + 1}."


def test_a_line_longer_than_the_bound_is_cut_and_those_behind_it_are_found(workspace: Path) -> None:
    (workspace / "a").write_text("é" * MAX_BYTES + "\nnext\n")
    told = read_file("a")
    assert told["stdout"] == "é" * (MAX_BYTES // 2)
    assert "Line 1 is longer" in told["stderr"]
    assert read_file("a", 2)["stdout"] == "next\n"


@pytest.mark.parametrize(("content", "lines"), [("a\nb\n", 2), ("a\nb", 2), ("a", 1), ("", 0)])
def test_beyond_the_end_a_file_says_how_many_lines_it_has(workspace: Path, content: str, lines: int) -> None:
    (workspace / "a").write_text(content)
    with pytest.raises(Failed, match=f"a has only {lines} lines"):
        read_file("a", 3)


def test_an_empty_file_is_told_as_empty(workspace: Path) -> None:
    (workspace / "a").write_text("")
    assert read_file("a") == {"stderr": "a is empty."}


def test_a_binary_file_is_told_by_its_size_and_other_bytes_are_replaced(workspace: Path) -> None:
    (workspace / "a").write_bytes(b"x\0y" * 500)
    (workspace / "b").write_bytes(b"\xffx")
    with pytest.raises(Failed, match="it is binary, of 1,500 bytes"):
        read_file("a")
    assert read_file("b")["stdout"] == "\ufffdx"


def test_a_file_is_written_with_its_directories_or_replaced(workspace: Path) -> None:
    assert write_file("a/b/c", "é\r\n") == {"stdout": "Wrote a/b/c: 4 bytes."}
    (workspace / "a/b/c").chmod(0o755)
    assert write_file("a/b/c", "x") == {"stdout": "Replaced a/b/c: 1 bytes."}
    assert (workspace / "a/b/c").read_text() == "x" and os.access(workspace / "a/b/c", os.X_OK)


def test_what_no_file_can_hold_is_not_written(workspace: Path) -> None:
    os.mkfifo(workspace / "pipe")
    with pytest.raises(Failed, match="half of a character"):
        write_file("a", "\ud83d")
    with pytest.raises(Failed, match="is no ordinary file"):
        write_file("pipe", "x")
    with pytest.raises(Failed, match="lies outside"):
        write_file("../a", "x")
    assert not (workspace / "a").exists()


def test_an_edit_replaces_the_one_place(workspace: Path) -> None:
    (workspace / "a").write_text("1\ntwo\n3\n")
    assert edit_file("a", "two\n", "2\n") == {"stdout": "Replaced 1 time in a, at line 2."}
    assert (workspace / "a").read_text() == "1\n2\n3\n"


def test_an_edit_keeps_the_ends_of_the_files_lines(workspace: Path) -> None:
    (workspace / "a").write_bytes(b"1\r\n2\r\n3\r\n")
    edit_file("a", "1\n2\n", "1\nnew\n2\n")
    assert (workspace / "a").read_bytes() == b"1\r\nnew\r\n2\r\n3\r\n"


def test_a_text_that_stands_twice_is_replaced_only_where_all_are_meant(workspace: Path) -> None:
    (workspace / "a").write_text("x\ny\nx\n")
    with pytest.raises(Failed, match="stands 2 times in a, at lines 1, 3"):
        edit_file("a", "x", "z")
    assert edit_file("a", "x", "z", True) == {"stdout": "Replaced 2 times in a, at lines 1, 3."}
    assert (workspace / "a").read_text() == "z\ny\nz\n"


def test_of_many_places_the_first_are_told(workspace: Path) -> None:
    (workspace / "a").write_text("x\n" * 11)
    with pytest.raises(Failed, match="9, 10 and more"):
        edit_file("a", "x", "z")


def test_a_miss_shows_what_is_near(workspace: Path) -> None:
    (workspace / "a").write_text("def one():\n    pass\n\ndef two():\n    return 1\n\nx\n")
    with pytest.raises(Failed) as miss:
        edit_file("a", "\ndef two ():\n  return 1", "")
    assert str(miss.value) == ("old_text is not in a. The nearest to it begins at line 3:\n\ndef two():\n    return 1")


@pytest.mark.parametrize("old", ["nothing like it", "\n\n\n\n", " "])
def test_a_miss_with_nothing_near_says_so(workspace: Path, old: str) -> None:
    (workspace / "a").write_text("x\n")
    with pytest.raises(Failed, match="Nothing in it is like that"):
        edit_file("a", old, "y")


def test_what_cannot_be_edited_is_left_as_it_is(workspace: Path) -> None:
    (workspace / "bytes").write_bytes(b"\xff")
    (workspace / "large").write_bytes(b"x" * (MAX_EDIT_BYTES + 1))
    for path, old, why in (("bytes", "x", "no UTF-8"), ("large", "x", "more than"), ("bytes", "", "old_text is empty")):
        with pytest.raises(Failed, match=why):
            edit_file(path, old, "y")
