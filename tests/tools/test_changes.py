"""What a run changed: told file by file, with diffs that git applies, within bounds of time and memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings

from litellm_codex_agent.tools.changes import (
    MAX_DIFF_CHARS,
    MAX_KEPT_BYTES,
    MAX_PATH_CHARS,
    MAX_SECONDS,
    Change,
    Snapshot,
    changes,
)
from litellm_codex_agent.tools.diffs import ORDINARY, File
from litellm_codex_agent.tools.tree import MAX_FILE_BYTES, MAX_PATHS_BYTES, opened

from ..sandbox.stage import ORDINARY as NOBODY
from ..sandbox.stage import as_ordinary
from ..soak import size
from .trees import Tree, applied, needs_git, read, trees, write

LARGE = b"x" * (MAX_FILE_BYTES + 1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "workspace"
    place.mkdir()
    return place


def told(root: Path, act: Callable[[], object]) -> dict[str, tuple[str, bool]]:
    """What is told of `act`: each path with the kind of its change, and whether it has a diff."""
    before = Snapshot.take(root)
    act()
    return {change.path: (change.kind, bool(change.diff)) for change in changes(before, root)}


@needs_git
@settings(max_examples=size(40, 1500), deadline=None)
@given(trees(), trees())
def test_the_diffs_of_all_changes_make_the_tree_after_of_that_before(before: Tree, after: Tree) -> None:
    base = next(ROOTS)
    write(base / "work", before)
    write(base / "copy", before)
    snapshot = Snapshot.take(base / "work")
    shutil.rmtree(base / "work")
    (base / "work").mkdir()
    write(base / "work", after)
    found = changes(snapshot, base / "work")
    assert len(found) == sum(before.get(path) != after.get(path) for path in {*before, *after})
    applied(base / "copy", "".join(change.diff for change in found))
    assert read(base / "copy") == after


def roots() -> Iterator[Path]:
    """Empty directories, one after the other, for a test that runs many times."""
    base = Path(os.environ["CODEX_AGENT_STATE"]) / "changes"
    for number in count():
        (base / str(number) / "work").mkdir(parents=True)
        (base / str(number) / "copy").mkdir()
        yield base / str(number)


ROOTS = roots()


def test_a_file_is_told_as_added_changed_or_removed_in_the_order_of_the_paths(root: Path) -> None:
    write(root, {name: File(ORDINARY, b"old\n") for name in ("b", "c", "d/e", "same")})
    before = Snapshot.take(root)
    (root / "a").write_text("")
    (root / "b").write_text("new\n")
    (root / "c").unlink()
    (root / "d" / "e").chmod(0o755)
    kinds = [(change.path, change.kind) for change in changes(before, root)]
    assert kinds == [("a", "added"), ("b", "changed"), ("c", "removed"), ("d/e", "changed")]


def test_a_file_that_was_only_written_anew_has_not_changed(root: Path) -> None:
    (root / "a").write_text("x")
    assert not told(root, lambda: (root / "a").write_text("x"))


def test_a_change_in_the_tick_of_the_snapshot_is_seen_though_size_and_time_are_the_same(root: Path) -> None:
    (root / "a").write_text("x")
    before = Snapshot.take(root)
    (root / "a").write_text("y")
    (entry,) = before.listing.entries.values()
    state = (root / "a").stat()
    same = replace(entry, stamp=(state.st_ino, 1, state.st_mtime_ns, state.st_ctime_ns), changed_ns=state.st_ctime_ns)
    raced = replace(before, listing=replace(before.listing, entries={"a": same}))
    assert [change.path for change in changes(raced, root)] == ["a"]


def test_what_is_larger_than_is_shown_is_told_without_a_diff(root: Path) -> None:
    for name in ("kept", "grown", "gone"):
        (root / name).write_bytes(LARGE)

    def act() -> None:
        (root / "grown").write_bytes(LARGE + b"x")
        (root / "gone").unlink()
        (root / "new").write_bytes(LARGE)

    assert told(root, act) == {"gone": ("removed", False), "grown": ("changed", False), "new": ("added", False)}


def test_of_more_than_is_kept_the_small_files_are_kept(root: Path) -> None:
    full = b"x" * MAX_FILE_BYTES
    for number in range(MAX_KEPT_BYTES // MAX_FILE_BYTES):
        (root / f"large{number:02}").write_bytes(full)
    (root / "small").write_text("x")
    before = Snapshot.take(root)
    assert "small" in before.contents
    assert sum(map(len, before.contents.values())) <= MAX_KEPT_BYTES
    assert len(before.listing.entries) - len(before.contents) == 1


def test_diffs_have_room_for_so_much_and_the_rest_is_told(root: Path) -> None:
    whole = MAX_DIFF_CHARS // MAX_FILE_BYTES
    found = told(root, lambda: [(root / str(number)).write_bytes(b"x" * MAX_FILE_BYTES) for number in range(whole + 1)])
    assert sorted(has for _, has in found.values()) == [False, False, *[True] * (whole - 1)]


def test_what_time_is_too_short_for_is_told_without_a_diff(root: Path) -> None:
    for name in ("a", "b", "c"):
        (root / name).write_text("x")
    clock = iter([0.0, 0.0, MAX_SECONDS + 1])
    before = Snapshot.take(root, clock=lambda: next(clock))
    assert len(before.contents) == 1
    before = Snapshot.take(root)
    (root / "a").write_text("y")
    clock = iter([0.0, *[MAX_SECONDS] * 9])
    assert changes(before, root, clock=lambda: next(clock)) == [Change("a", "changed")]


def test_beyond_what_the_snapshot_saw_only_what_was_touched_since_is_told(root: Path) -> None:
    for folder in ("seen", "unseen"):
        (root / folder).mkdir()
        (root / folder / "old").write_text("x")
    before = Snapshot.take(root)
    blind = replace(
        before.listing, entries={"seen/old": before.listing.entries["seen/old"]}, unread=frozenset(("unseen",))
    )
    cut = replace(before, listing=blind, taken_ns=before.taken_ns + 10**9)
    os.utime(root / "unseen" / "old")
    assert changes(cut, root) == []
    touched = replace(cut, taken_ns=before.taken_ns)
    assert changes(touched, root) == [Change("unseen/old", "changed")]


def test_what_cannot_be_looked_for_is_not_told_as_removed(root: Path) -> None:
    deep = root / "/".join("d" * 70)
    (root / "d").mkdir()
    (root / "d" / "old").write_text("x")
    before = Snapshot.take(root)
    entries = {**before.listing.entries, "d/" * 70 + "old": before.listing.entries["d/old"]}
    deep.mkdir(parents=True)
    (root / "d" / "old").unlink()
    found = changes(replace(before, listing=replace(before.listing, entries=entries)), root)
    assert [(change.path, change.kind) for change in found] == [("d/old", "removed")]


def test_a_planted_link_pipe_or_git_directory_is_told_as_what_it_is(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the secret")
    before = Snapshot.take(root)
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(tmp_path)
    (root / ".git" / "hooks").mkdir(parents=True)
    (root / ".git" / "config").write_text("[core]\nfsmonitor = touch planted\n")
    os.mkfifo(root / "pipe")
    found = changes(before, root)
    assert [change.path for change in found] == ["folder", "link"]
    assert all("new file mode 120000" in change.diff and "the secret" not in change.diff for change in found)


def test_a_name_that_git_would_refuse_does_not_spoil_the_diff(root: Path) -> None:
    assert told(root, lambda: (root / "git~1").write_text("x")) == {"git~1": ("added", False)}


def test_a_path_that_is_no_text_is_told_in_letters(root: Path) -> None:
    assert told(root, lambda: (root / "\udcff").write_text("x")) == {"\\xff": ("added", True)}


def test_the_paths_have_room_for_so_much_and_the_rest_is_counted(root: Path) -> None:
    before = Snapshot.take(root)
    # Four letters are told for each byte.
    deep = root / "/".join(["\udcff" * 250] * 8)
    deep.mkdir(parents=True)
    for number in range(1_000):
        (deep / f"{number:04}").touch()
    *shown, last = changes(before, root)
    assert last == Change(f"(and {1_000 - len(shown):,} more)", "changed")
    assert 0 <= MAX_PATH_CHARS - sum(len(change.path) for change in shown) < len(shown[0].path)


def test_of_paths_that_are_too_long_together_those_next_to_the_root_are_seen(root: Path) -> None:
    deep = root / "/".join(["d" * 250] * 12)
    deep.mkdir(parents=True)
    for number in range(1_500):
        (deep / f"{number:04}").touch()
    with opened(root) as tree:
        found = tree.listed()
    assert sum(map(len, found.entries)) < MAX_PATHS_BYTES < sum(map(len, found.entries)) + 25_000
    assert found.unread == {str(deep.relative_to(root))} and not found.shut


@pytest.mark.parametrize(("shut", "told"), [("sub", "sub/"), (".", "./")])
def test_a_directory_that_was_shut_is_told(root: Path, shut: str, told: str) -> None:
    """As whoever may not read it, which root always may."""
    (root / "sub").mkdir()
    (root / "sub" / "known").write_text("x")
    if os.geteuid() == 0:
        for place in (root, *root.rglob("*")):
            os.chown(place, NOBODY, NOBODY)
    code = (
        "import sys; from pathlib import Path; from litellm_codex_agent.tools.changes import Snapshot, changes\n"
        "root = Path(sys.argv[1]); before = Snapshot.take(root)\n"
        "(root / 'new').touch(); (root / 'sub' / 'known').write_text('y'); (root / sys.argv[2]).chmod(0)\n"
        "print([(each.path, each.kind) for each in changes(before, root)])"
    )
    done = as_ordinary(root.parent, "-c", code, str(root), shut)
    assert done.stdout == f"{[(told, 'changed'), ('new', 'added')][: 1 + (shut != '.')]}\n", done.stderr
