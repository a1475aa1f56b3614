"""Trees of files, drawn at random, written down, read back, and changed by the real git."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import strategies as st

from litellm_codex_agent.tools.diffs import EXECUTABLE, LINK, ORDINARY, File, diff

__all__ = ["Tree", "applied", "difference", "needs_git", "read", "trees", "write"]

Tree = Mapping[str, File]

GIT_SECONDS = 20
# Names that a diff has to quote, and a few that meet as a file here and as a directory there.
NAMES = [
    "a",
    "b",
    "c d",
    'q"\\',
    "é",
    "tab\tend\n",
    " ",
    "-x",
    "@@ -1 +1 @@",
    "\udcff",
    "a.py",
]
WORDS = [
    b"",
    b"x",
    b"y",
    b"x y",
    b"}",
    b"-- a",
    b"++ b",
    b"@@ -1,1 +1,1 @@",
    b"\\ No newline at end of file",
    b"\xc3\xa9",
    b"\r",
    b"x\r",
    b"\t",
    b" \x0c\x1b",
]

needs_git = pytest.mark.skipif(not shutil.which("git"), reason="git is the judge here, and is not installed")


def contents() -> st.SearchStrategy[bytes]:
    lines = st.lists(st.sampled_from(WORDS), max_size=30).map(b"\n".join)
    ended = st.tuples(lines, st.sampled_from([b"", b"\n", b"\r\n"])).map(b"".join)
    return ended | st.binary(max_size=200) | st.sampled_from([b"", b"\n", b"\0" * 3000, bytes(range(256)) * 20])


def trees() -> st.SearchStrategy[Tree]:
    ordinary = st.builds(File, st.sampled_from([ORDINARY, EXECUTABLE]), contents())
    links = st.builds(File, st.just(LINK), st.sampled_from([b"/etc/passwd", b"/etc", b"no where", b"\xff\n"]))
    paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)
    return st.dictionaries(paths, ordinary | links, max_size=6).map(_possible)


def _possible(tree: Tree) -> Tree:
    """Without what would have to lie in a file."""
    return {path: file for path, file in tree.items() if not any(path.startswith(f"{other}/") for other in tree)}


def write(root: Path, tree: Tree) -> None:
    for path, file in tree.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.mode == LINK:
            place.symlink_to(os.fsdecode(file.content))
        else:
            place.write_bytes(file.content)
            place.chmod(0o755 if file.mode == EXECUTABLE else 0o644)


def read(root: Path) -> Tree:
    found = {}
    for place in root.rglob("*"):
        path = str(place.relative_to(root))
        if path.startswith(".git/") or (place.is_dir() and not place.is_symlink()):
            continue
        if place.is_symlink():
            found[path] = File(LINK, os.fsencode(place.readlink()))
        else:
            found[path] = File(EXECUTABLE if place.stat().st_mode & 0o100 else ORDINARY, place.read_bytes())
    return found


def difference(before: Tree, after: Tree) -> str:
    paths = sorted({*before, *after})
    return "".join(
        diff(path, before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)
    )


def applied(root: Path, text: str) -> None:
    """`git apply` in a new repository in `root`, with nobody's settings."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
    for arguments, given in ((["init", "-q"], b""), (["apply", "--whitespace=nowarn", "-"], text.encode())):
        if given or arguments[0] == "init":
            done = subprocess.run(
                ["git", *arguments], cwd=root, env=environment, input=given, capture_output=True, timeout=GIT_SECONDS
            )
            assert done.returncode == 0, (done.stderr, text)
