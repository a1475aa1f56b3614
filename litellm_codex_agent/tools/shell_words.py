"""The words of a line of shell: their quotes, their escapes, and the lines that are substituted in them.

Law: it reads, and expands nothing. A word that only the shell knows is not `plain`, and what cannot be followed to
its end is `Unreadable`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["BREAKS", "MAX_DEPTH", "Unreadable", "Word", "closing_at", "document_at", "substituted", "word_at"]

# What ends a word that is not quoted.
BREAKS = " \t\n;&|<>()"
# A line that a person or a model means is a few deep; this keeps a hostile one from our own stack.
MAX_DEPTH = 30
# The sign of a here-document, with the spaces behind it, or that of a here-string.
_DOCUMENT = re.compile(r"<<<|<<-?[ \t]*(?=[^\s;&|<>()])")
_VARIABLE = re.compile(r"\w+|[@*#?$!-]")
_PROCESS = ("<(", ">(")
# What a backslash takes its meaning from between double quotes.
_ESCAPED = '$`"\\\n'


class Unreadable(ValueError):
    """A line that cannot be followed; the message says why."""


@dataclass(frozen=True)
class Word:
    """A word without its quotes, or, where it is not `plain`, as it was written. `inner` are the lines in it."""

    text: str
    plain: bool = True
    quoted: bool = False
    inner: tuple[str, ...] = ()


def word_at(text: str, at: int) -> tuple[Word, int]:
    """The word that begins at `at`, which has at least one character, and the place behind it."""
    reader = _Reader(text, at)
    while reader.at < len(text) and (text[reader.at] not in BREAKS or text.startswith(_PROCESS, reader.at)):
        reader.piece()
    if reader.at == at:
        raise Unreadable(f"there is {text[at]!r} where a word should be" if at < len(text) else "a word is missing")
    plain = not reader.expands and not _becomes_others("".join(reader.shape))
    said = "".join(reader.pieces) if plain else text[at : reader.at]
    return Word(said, plain, reader.quoted, tuple(reader.inner)), reader.at


def _becomes_others(shape: str) -> bool:
    """Whether it is a pattern of files, a home, or braces. A lone `[` is a command."""
    if shape.startswith("~") or "*" in shape or "?" in shape or ("[" in shape and shape != "["):
        return True
    return "{" in shape and ("," in shape or ".." in shape)


def substituted(text: str, depth: int = 0) -> tuple[str, ...]:
    """The lines that are substituted in `text`, read as between double quotes: a document's, or a sum's."""
    if depth > MAX_DEPTH:
        raise Unreadable(f"it is nested more than {MAX_DEPTH} deep")
    reader = _Reader(text, 0, depth)
    while reader.at < len(text):
        reader.quoted_piece()
    return tuple(reader.inner)


class _Reader:
    """Reads piece after piece. In `shape` a quoted character is an `x`: it is no sign of any pattern."""

    def __init__(self, text: str, at: int, depth: int = 0) -> None:
        self.text = text
        self.at = at
        self.depth = depth
        self.pieces: list[str] = []
        self.shape: list[str] = []
        self.inner: list[str] = []
        self.expands = False
        self.quoted = False

    def piece(self) -> None:
        sign = self.text[self.at]
        if sign == "\\":
            self.quoted = True
            self._add(self.text[self.at + 1 : self.at + 2].replace("\n", ""), self.at + 2, quoted=True)
        elif sign == "'":
            self.quoted = True
            stop = _after_quote(self.text, self.at, 0)
            self._add(self.text[self.at + 1 : stop - 1], stop, quoted=True)
        elif sign == '"':
            self._double()
        elif sign in "$`" or self.text.startswith(_PROCESS, self.at):
            self._expansion()
        else:
            self._add(sign, self.at + 1)

    def quoted_piece(self) -> None:
        sign, behind = self.text[self.at], self.text[self.at + 1 : self.at + 2]
        if sign == "\\" and behind and behind in _ESCAPED:
            self._add(behind.replace("\n", ""), self.at + 2, quoted=True)
        elif sign == "`" or (sign == "$" and behind not in ("'", '"')):
            self._expansion()
        else:
            self._add(sign, self.at + 1, quoted=True)

    def _add(self, said: str, at: int, *, quoted: bool = False) -> None:
        self.pieces.append(said)
        self.shape.append("x" * len(said) if quoted else said)
        self.at = min(at, len(self.text))

    def _double(self) -> None:
        self.quoted = True
        stop = _after_quote(self.text, self.at, 0) - 1
        self.at += 1
        while self.at < stop:
            self.quoted_piece()
        self.at = stop + 1

    def _expansion(self) -> None:
        self.expands = True
        sign = self.text[self.at : self.at + 2]
        if sign in ("$(", *_PROCESS):
            self._bracketed()
        elif sign == "${":
            stop = closing_at(self.text, self.at + 2, "{}")
            self.inner += substituted(self.text[self.at + 2 : stop], self.depth + 1)
            self.at = stop + 1
        elif sign[0] == "`":
            stop = _after_quote(self.text, self.at, 0)
            self.inner.append(re.sub(r"\\([$`\\])", r"\1", self.text[self.at + 1 : stop - 1]))
            self.at = stop
        elif sign == "$'":
            self.at = _after_quote(self.text, self.at + 1, 0, escapes=True)
        elif sign == '$"':
            self.at += 1
        else:
            found = _VARIABLE.match(self.text, self.at + 1)
            self.at = found.end() if found else self.at + 1

    def _bracketed(self) -> None:
        stop = closing_at(self.text, self.at + 2)
        body = self.text[self.at + 2 : stop]
        # Bash takes it for a sum only where both brackets end together.
        if self.text.startswith("$((", self.at) and closing_at(body, 1) == len(body) - 1:
            self.inner += substituted(body[1:-1], self.depth + 1)
        else:
            self.inner.append(body)
        self.at = stop + 1


def document_at(text: str, at: int, target: Word, *, tabs: bool) -> tuple[str, int]:
    """The here-document that begins at `at` and ends with the line `target`, and the place behind that."""
    begin = at
    while at < len(text):
        stop = (text.find("\n", at) + 1 or len(text) + 1) - 1
        line = text[at:stop]
        if (line.lstrip("\t") if tabs else line) == target.text:
            return text[begin:at], min(stop + 1, len(text))
        at = stop + 1
    return text[begin:], len(text)


def closing_at(text: str, at: int, pair: str = "()", depth: int = 0) -> int:
    """The place of the bracket that closes the one that stands before `at`."""
    if depth > MAX_DEPTH:
        raise Unreadable(f"it is nested more than {MAX_DEPTH} deep")
    opened = 1
    documents: list[tuple[Word, bool]] = []
    while at < len(text):
        sign = text[at]
        if sign == "\\":
            at += 2
        elif sign in "'\"`":
            at = _after_quote(text, at, depth, escapes=sign == "'" and text[max(at - 1, 0) : at] == "$")
        elif sign == "#" and pair == "()" and text[at - 1] in BREAKS:
            at = (text.find("\n", at) + 1 or len(text) + 1) - 1
        elif pair == "()" and sign in "<\n":
            at = _after_documents(text, at, documents)
        else:
            opened += (sign == pair[0]) - (sign == pair[1])
            if not opened:
                return at
            at += 1
    raise Unreadable(f"a {pair[0]!r} is not closed")


def _after_documents(text: str, at: int, documents: list[tuple[Word, bool]]) -> int:
    """The place behind a sign, which may announce a here-document, or behind the end of a line and its documents."""
    found = _DOCUMENT.match(text, at)
    if found and found[0] != "<<<":
        target, at = word_at(text, found.end())
        documents.append((target, found[0].startswith("<<-")))
        return at
    at = found.end() if found else at + 1
    while documents and text[at - 1] == "\n":
        target, tabs = documents.pop(0)
        at = document_at(text, at, target, tabs=tabs)[1]
    return at


def _after_quote(text: str, at: int, depth: int, *, escapes: bool = False) -> int:
    """The place behind the quote that begins at `at`."""
    sign = text[at]
    at += 1
    while at < len(text):
        if text[at] == sign:
            return at + 1
        if text[at] == "\\" and (sign != "'" or escapes):
            at += 2
        elif sign == '"' and text.startswith(("$(", "${"), at):
            at = closing_at(text, at + 2, "()" if text[at + 1] == "(" else "{}", depth + 1) + 1
        else:
            at += 1
    raise Unreadable(f"a quote ({sign}) is not closed")
