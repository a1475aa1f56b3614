"""Reads, writes and edits one text file."""

from __future__ import annotations

import difflib
import stat
from io import BufferedReader
from pathlib import Path

from .paths import MAX_BYTES, Failed, Told, opened, place

__all__ = ["DEFAULT_LINES", "edit_file", "read_file", "write_file"]

DEFAULT_LINES = 2000
# What is edited is held whole, a few times over.
MAX_EDIT_BYTES = 16 * 1024 * 1024
# What is like a text that was not found is looked for in so many lines, and in so much of each.
MAX_LIKE_LINES, MAX_LIKE_CHARS = 20_000, 200
MAX_SHOWN_LINES = 12
MAX_PLACES = 10
# A line may be as long as the file.
PIECE_BYTES = 1 << 16


def read_file(path: str, offset: int = 1, limit: int = DEFAULT_LINES) -> Told:
    """`limit` lines of it from the line `offset` on, and where to go on if there are more."""
    with opened(path) as file:
        _skip(file, path, offset)
        taken, rest = _lines(file, limit)
    if not taken and rest:
        note = f"Line {offset} is longer than {MAX_BYTES:,} bytes; this is its beginning. Use exec_python for its rest."
        return {"stdout": _text(rest[:MAX_BYTES], path), "stderr": note}
    if not taken:
        return {"stderr": f"{path} is empty."}
    last = offset + len(taken) - 1
    note = f"These are the lines {offset} to {last}. Go on with offset {last + 1}." if rest else ""
    return {"stdout": _text(b"".join(taken), path), "stderr": note}


def _skip(file: BufferedReader, path: str, offset: int) -> None:
    lines, ended = 0, True
    while lines < offset - 1 and (piece := file.readline(PIECE_BYTES)):
        ended = piece.endswith(b"\n")
        lines += ended
    if offset > 1 and not file.peek(1):
        raise Failed(f"{path} has only {lines + (not ended)} lines.")


def _lines(file: BufferedReader, limit: int) -> tuple[list[bytes], bytes]:
    """So many lines as are wanted and can be shown, and the beginning of what follows."""
    taken: list[bytes] = []
    size = 0
    while piece := file.readline(MAX_BYTES + 1):
        size += len(piece)
        if len(taken) == limit or size > MAX_BYTES:
            return taken, piece
        taken.append(piece)
    return taken, b""


def _text(data: bytes, path: str) -> str:
    if b"\0" in data:
        raise Failed(f"{path} is no text: it is binary, of {place(path).stat().st_size:,} bytes.")
    return data.decode("utf-8", "replace")


def write_file(path: str, content: str) -> Told:
    """All of the file, with the directories that are missing."""
    found = place(path)
    there = found.exists()
    found.parent.mkdir(parents=True, exist_ok=True)
    data = _write(found, path, content)
    return {"stdout": f"{'Replaced' if there else 'Wrote'} {path}: {len(data):,} bytes."}


def _write(found: Path, path: str, text: str) -> bytes:
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise Failed("The text holds half of a character (a lone surrogate), which no file can.") from error
    if found.exists() and not stat.S_ISREG(found.stat().st_mode):
        raise Failed(f"{path} is no ordinary file.")
    found.write_bytes(data)
    return data


def edit_file(path: str, old_text: str, new_text: str, replace_all: bool = False) -> Told:
    """`new_text` in the place of `old_text`, which has to stand there exactly once."""
    if not old_text:
        raise Failed("old_text is empty. Use write_file to write a whole file.")
    text = _whole(path)
    if old_text not in text and "\r\n" in text:
        # A model writes `\n`, and the file keeps its own ends of lines.
        old_text, new_text = (each.replace("\r\n", "\n").replace("\n", "\r\n") for each in (old_text, new_text))
    count = text.count(old_text)
    if not count:
        raise Failed(f"old_text is not in {path}. {_like(text, old_text)}")
    places = _places(text, old_text)
    if count > 1 and not replace_all:
        hint = "Give more of the text around it, or set replace_all."
        raise Failed(f"old_text stands {count} times in {path}, {places}. {hint}")
    _write(place(path), path, text.replace(old_text, new_text))
    return {"stdout": f"Replaced {count} time{'s' if count > 1 else ''} in {path}, {places}."}


def _whole(path: str) -> str:
    with opened(path) as file:
        data = file.read(MAX_EDIT_BYTES + 1)
    if len(data) > MAX_EDIT_BYTES:
        raise Failed(f"{path} has more than {MAX_EDIT_BYTES:,} bytes. Use exec_python.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Failed(f"{path} is no UTF-8 text. Use exec_python.") from error


def _places(text: str, old: str) -> str:
    lines: list[str] = []
    at = text.find(old)
    while at >= 0 and len(lines) < MAX_PLACES:
        lines.append(str(text.count("\n", 0, at) + 1))
        at = text.find(old, at + len(old))
    return f"{'at line' if len(lines) == 1 else 'at lines'} {', '.join(lines)}{' and more' if at >= 0 else ''}"


def _like(text: str, old: str) -> str:
    """What of a text is like one that it does not hold, found by its first line that says something."""
    wanted, lines = old.splitlines(), text.splitlines()[:MAX_LIKE_LINES]
    first = next((number for number, line in enumerate(wanted) if line.strip()), 0)
    key = wanted[first].strip()[:MAX_LIKE_CHARS] if wanted else ""
    begun = [line.strip()[:MAX_LIKE_CHARS] for line in lines]
    found = difflib.get_close_matches(key, begun, n=1) if key else []
    if not found:
        return "Nothing in it is like that: read it first."
    begin = max(begun.index(found[0]) - first, 0)
    near = "\n".join(lines[begin : begin + min(len(wanted), MAX_SHOWN_LINES)])
    return f"The nearest to it begins at line {begin + 1}:\n{near[:MAX_BYTES]}"
