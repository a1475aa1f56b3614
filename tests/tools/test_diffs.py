"""A file before and after as a diff: what it looks like, and that the real git applies it."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litellm_codex_agent.tools.diffs import EXECUTABLE, LINK, ORDINARY, File, applicable, diff
from litellm_codex_agent.tools.matching import Span, changed

from ..soak import size
from .trees import Tree, applied, difference, needs_git, read, trees, write


def text(content: str, mode: str = ORDINARY) -> File:
    return File(mode, content.encode())


@needs_git
@settings(max_examples=size(60, 3000), deadline=None)
@given(trees(), trees(), st.booleans())
def test_git_makes_the_tree_after_of_the_tree_before(before: Tree, after: Tree, together: bool) -> None:
    after = {**before, **after} if together else after
    after = {path: file for path, file in after.items() if not any(path.startswith(f"{other}/") for other in after)}
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), before)
        applied(Path(folder), difference(before, after))
        assert read(Path(folder)) == after


def test_a_change_is_shown_with_three_lines_around_it() -> None:
    before = "".join(f"{number}\n" for number in range(1, 21))
    after = before.replace("5\n6\n", "5\nnew\n6\n", 1).replace("18\n", "")
    assert diff("a/b.py", text(before), text(after)).splitlines() == [
        *("diff --git a/a/b.py b/a/b.py", "--- a/a/b.py", "+++ b/a/b.py"),
        *("@@ -3,6 +3,7 @@", " 3", " 4", " 5", "+new", " 6", " 7", " 8"),
        *("@@ -15,6 +16,5 @@", " 15", " 16", " 17", "-18", " 19", " 20"),
    ]


def test_changes_that_are_near_share_a_hunk() -> None:
    lines = [str(number) for number in range(30)]
    near = [line + "!" if line in ("10", "17") else line for line in lines]
    apart = [line + "!" if line in ("10", "18") else line for line in lines]
    hunks = [diff("a", text("\n".join(lines)), text("\n".join(each))).count("@@ -") for each in (near, apart)]
    assert hunks == [1, 2]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, text(""), ["new file mode 100644"]),
        (text("", EXECUTABLE), None, ["deleted file mode 100755"]),
        (text("a"), text("a", EXECUTABLE), ["old mode 100644", "new mode 100755"]),
        (None, text("a\n"), ["new file mode 100644", "--- /dev/null", "+++ b/f", "@@ -0,0 +1,1 @@", "+a"]),
        (text("a\n"), None, ["deleted file mode 100644", "--- a/f", "+++ /dev/null", "@@ -1,1 +0,0 @@", "-a"]),
    ],
)
def test_a_file_that_comes_goes_or_turns_executable(before: File | None, after: File | None, told: list[str]) -> None:
    assert diff("f", before, after).splitlines() == ["diff --git a/f b/f", *told]


def test_a_file_that_becomes_a_link_is_a_file_less_and_a_link_more() -> None:
    told = diff("f", text("a\n"), File(LINK, b"/x"))
    assert "deleted file mode 100644" in told and "new file mode 120000" in told
    assert told.endswith("+/x\n\\ No newline at end of file\n")


@pytest.mark.parametrize("content", [b"\0", b"\xff", b"\xed\xa0\x80"])
def test_what_is_no_text_is_a_binary_patch_in_ascii(content: bytes) -> None:
    told = diff("f", None, File(ORDINARY, content))
    assert "GIT binary patch\nliteral" in told and told.isascii()


@pytest.mark.parametrize(
    ("path", "quoted"),
    [("a b", '"a/a b"'), ('q"\\', '"a/q\\"\\\\"'), ("é", '"a/\\303\\251"'), ("\udcff\n\t\x01", '"a/\\377\\n\\t\\001"')],
)
def test_a_name_that_is_not_plain_is_quoted(path: str, quoted: str) -> None:
    assert diff(path, None, text("")).startswith(f"diff --git {quoted} ")


@pytest.mark.parametrize(
    ("path", "mode", "can_be"),
    [
        ("a/.gitignore", ORDINARY, True),
        ("a/git", ORDINARY, True),
        ("a/.GIT/x", ORDINARY, False),
        ("git~1", ORDINARY, False),
        (".git. /x", ORDINARY, False),
        (".git:x", ORDINARY, False),
        (".gitmodules", ORDINARY, True),
        (".gitmodules", LINK, False),
    ],
)
def test_what_git_would_refuse_has_no_diff(path: str, mode: str, can_be: bool) -> None:
    assert applicable(path, mode) is can_be


@given(st.lists(st.sampled_from([b"a", b"b", b"c", b"d"])), st.lists(st.sampled_from([b"a", b"b", b"c", b"e"])))
def test_what_is_not_told_as_changed_is_shared(a: list[bytes], b: list[bytes]) -> None:
    at_a = at_b = 0
    for span in (*changed(a, b), Span(len(a), len(a), len(b), len(b))):
        assert a[at_a : span.a0] == b[at_b : span.b0]
        at_a, at_b = span.a1, span.b1


def test_a_moved_block_and_a_changed_line_are_found_among_many() -> None:
    before = [b"line %d" % number for number in range(1000)]
    after = [*before[:100], b"new", *before[100:500], *before[520:], *before[500:520]]
    assert changed(before, after) == [Span(100, 100, 100, 101), Span(500, 520, 501, 501), Span(1000, 1000, 981, 1001)]


def test_lines_without_any_anchor_are_told_as_changed_together() -> None:
    generator = random.Random(7)
    a, b = ([generator.choice((b"x", b"y")) for _ in range(20_000)] for _ in range(2))
    assert len(changed([b"1", *a], [b"2", *b])) == 1
