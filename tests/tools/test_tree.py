"""A workspace is read as it lies there, whatever its owner made of it, and nothing outside of it is."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from litellm_codex_agent.tools.diffs import EXECUTABLE, LINK, ORDINARY
from litellm_codex_agent.tools.tree import MAX_DEPTH, MAX_ENTRIES, MAX_FILE_BYTES, Listing, opened

SECRET = b"the secret of the server"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root reads what its owner cannot")


def listed(root: Path, most: int = MAX_ENTRIES) -> Listing:
    with opened(root) as found:
        return found.listed(most)


def content(root: Path, path: str, mode: str = ORDINARY) -> bytes | None:
    with opened(root) as found:
        return found.read(path, mode)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    place = tmp_path / "outside"
    place.mkdir()
    (place / "secret").write_bytes(SECRET)
    return place


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "workspace"
    place.mkdir()
    return place


def test_files_and_links_are_listed_and_gits_own_directories_are_not(root: Path) -> None:
    (root / "a" / ".git").mkdir(parents=True)
    (root / "a" / ".git" / "config").write_text("x")
    (root / ".GIT").write_text("gitdir: /x")
    (root / "a" / "run").write_text("x")
    (root / "a" / "run").chmod(0o755)
    (root / "link").symlink_to("/etc/passwd")
    (root / "é").write_text("")
    found = listed(root)
    assert {path: entry.mode for path, entry in found.entries.items()} == {
        "a/run": EXECUTABLE,
        "link": LINK,
        "é": ORDINARY,
    }
    assert found.knows("a/b/c") and not found.unread


def test_pipes_and_sockets_are_no_files_and_hold_nobody(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(root / "socket"))
        assert not listed(root).entries
    assert content(root, "pipe") is None and content(root, "socket") is None


def test_no_link_is_followed_to_a_file_or_through_a_directory(root: Path, outside: Path) -> None:
    (root / "file").symlink_to(outside / "secret")
    (root / "folder").symlink_to(outside)
    assert set(listed(root).entries) == {"file", "folder"}
    assert content(root, "file") is None
    assert content(root, "folder/secret") is None
    assert content(root, "file", LINK) == os.fsencode(outside / "secret")


def test_a_root_that_is_a_link_is_not_opened(root: Path, outside: Path) -> None:
    (root / "link").symlink_to(outside)
    with pytest.raises(OSError), opened(root / "link"):
        pass


def test_a_directory_that_is_swapped_for_a_link_while_it_is_read_leads_nowhere(root: Path, outside: Path) -> None:
    (root / "a").mkdir()
    (root / "a" / "secret").write_bytes(b"mine")
    (root / "link").symlink_to(outside)
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            for old, new in (("a", "kept"), ("link", "a"), ("a", "link"), ("kept", "a")):
                (root / old).rename(root / new)

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        seen = {content(root, "a/secret") for _ in range(3000)}
    finally:
        over.set()
        swapping.join(10)
    assert seen == {None, b"mine"}


def test_a_file_as_large_as_is_shown_is_read_and_a_larger_one_is_not(root: Path) -> None:
    (root / "full").write_bytes(b"x" * MAX_FILE_BYTES)
    with (root / "huge").open("wb") as file:
        file.truncate(2**40)
    assert content(root, "full") == b"x" * MAX_FILE_BYTES
    assert content(root, "huge") is None


def test_a_tree_that_is_too_deep_is_read_down_to_its_limit(root: Path) -> None:
    place = root
    for _ in range(MAX_DEPTH):
        place = place / "d"
        place.mkdir()
    (place / "seen").write_text("")
    (place / "d").mkdir()
    (place / "d" / "unseen").write_text("")
    found = listed(root)
    deepest = "d/" * MAX_DEPTH
    assert set(found.entries) == {f"{deepest}seen"}
    assert found.knows(f"{deepest}x") and not found.knows(f"{deepest}d/unseen")


def test_of_too_many_files_those_next_to_the_root_are_listed(root: Path) -> None:
    for folder in ("a", "b"):
        (root / folder).mkdir()
        for number in range(15):
            (root / folder / str(number)).write_text("")
    found = listed(root, most=20)
    assert len(found.entries) == 18
    assert len(found.unread) == 1 and found.unread < {"a", "b"}


def test_a_file_that_is_gone_has_no_content(root: Path) -> None:
    assert content(root, "a/b") is None and content(root, "a", LINK) is None


@needs_root
def test_beneath_root_only_what_the_workspaces_owner_can_read_is_read(root: Path) -> None:
    os.chown(root, 60_880, 60_880)
    for name, mode, uid in (("own", 0o000, 60_880), ("open", 0o604, 0), ("closed", 0o660, 0)):
        (root / name).write_bytes(SECRET)
        (root / name).chmod(mode)
        os.chown(root / name, uid, 60_880)
    (root / "folder").mkdir(0o700)
    (root / "folder" / "open").write_bytes(SECRET)
    assert [content(root, name) for name in ("own", "open", "closed", "folder/open")] == [SECRET, SECRET, None, None]
    assert listed(root).unread == {"folder"}
