"""Lists and searches files. Links are shown and never followed, and what is told has a bound."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .paths import MAX_BYTES, Failed, Told, folder, letters, place, shown

__all__ = ["list_files", "search_files"]

MAX_LISTED, MAX_FOUND = 1000, 200
# A search of more than that is one of everything: the model has to say where.
MAX_SEEN = 200_000
MAX_LINE_CHARS = 300
MAX_SEARCHED_BYTES = 8 * 1024 * 1024
# As git tells a binary file.
HEAD_BYTES = 8000


def list_files(path: str = ".", pattern: str = "") -> Told:
    """What is in a directory, or the files below it whose paths fit a pattern."""
    found = folder(path)
    if pattern:
        return _told((shown(each) for each in _below(found, pattern)), MAX_LISTED, "Narrow the pattern or the path.")
    return _told(sorted(map(_marked, found.iterdir())), MAX_LISTED, "Give a pattern for fewer.")


def search_files(pattern: str, path: str = ".", glob: str = "", ignore_case: bool = False) -> Told:
    """The lines in which a regular expression is found, as `path:number: line`."""
    try:
        wanted = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    except re.error as error:
        raise Failed(f"The pattern is no regular expression of Python: {error}.") from error
    found = place(path)
    files = [found] if found.is_file() else _below(folder(path), glob)
    return _told(_matching(files, wanted), MAX_FOUND, "Narrow the pattern, the path or the glob.")


def _told(lines: Iterable[str], most: int, hint: str) -> Told:
    taken: list[str] = []
    size = 0
    for line in lines:
        size += len(line.encode()) + 1
        if len(taken) == most or size > MAX_BYTES:
            return {"stdout": "".join(taken), "stderr": f"These are the first {len(taken)}; there are more. {hint}"}
        taken.append(f"{line}\n")
    return {"stdout": "".join(taken), "stderr": "" if taken else "Nothing was found."}


def _marked(found: Path) -> str:
    name = letters(found.name)
    if found.is_symlink():
        return f"{name} -> {letters(str(found.readlink()))}"
    return f"{name}/" if found.is_dir() else name


def _below(top: Path, pattern: str) -> Iterator[Path]:
    """The files below it that fit, in order; what git keeps for itself is none of them."""
    patterns = [each.removeprefix("./").split("/") for each in _spelled_out(pattern)] if pattern else [["**"]]
    seen = 0
    for parent, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if name != ".git")
        seen += len(folders) + len(files)
        if seen > MAX_SEEN:
            raise Failed(f"There are more than {MAX_SEEN:,} files below it. Narrow the path.")
        above = Path(parent).relative_to(top).parts
        for name in sorted(files):
            if any(_fits((*above, name), each) for each in patterns):
                yield Path(parent, name)


def _spelled_out(pattern: str) -> list[str]:
    """`*.{a,b}` is two patterns."""
    braces = re.search(r"\{([^{}]*)\}", pattern)
    if not braces:
        return [pattern]
    before, behind = pattern[: braces.start()], pattern[braces.end() :]
    return [each for piece in braces[1].split(",") for each in _spelled_out(before + piece + behind)]


def _fits(names: Sequence[str], pattern: Sequence[str]) -> bool:
    """A pattern of one part is for the name alone; of several, each is for one directory, and `**` for any number."""
    if len(pattern) == 1 and pattern[0] != "**":
        return fnmatch.fnmatchcase(names[-1], pattern[0])
    return _fits_whole(names, pattern)


def _fits_whole(names: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not names
    if pattern[0] == "**":
        return _fits_whole(names, pattern[1:]) or (bool(names) and _fits_whole(names[1:], pattern))
    return bool(names) and fnmatch.fnmatchcase(names[0], pattern[0]) and _fits_whole(names[1:], pattern[1:])


def _matching(files: Iterable[Path], wanted: re.Pattern[str]) -> Iterator[str]:
    for found in files:
        for number, line in enumerate(_lines(found), 1):
            if wanted.search(line):
                yield f"{shown(found)}:{number}: {line[:MAX_LINE_CHARS]}"


def _lines(found: Path) -> list[str]:
    """None where it is a link, too large, binary, or not to be read."""
    try:
        state = found.lstat()
        if not stat.S_ISREG(state.st_mode) or state.st_size > MAX_SEARCHED_BYTES:
            return []
        data = found.read_bytes()
    except OSError:
        return []
    return [] if b"\0" in data[:HEAD_BYTES] else data.decode("utf-8", "replace").splitlines()
