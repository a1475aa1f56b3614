"""Which commands a call may name, and the argv that runs it: each command word is looked up in the allow-list.

Law: this is manners, so that a model hears at once what it can use. The wall is the sandbox: whoever may run `python`
may run anything in it. A line is given to a shell only where the caller has a wall, and names the shell.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from .shell import scanned
from .shell_words import Unreadable, Word
from .wrappers import SHELLS, Inner, inner

__all__ = ["ANY", "DEFAULT_COMMANDS", "MAX_WORD_BYTES", "NotAllowed", "allows", "checked"]

_DEFAULT = """
    awk base64 basename cat chmod cmp column comm cp csplit cut date diff dirname du egrep env expand expr fgrep file
    find fmt fold git grep gunzip gzip head hexdump id join jq ln ls make md5sum mkdir mktemp mv nice nl nohup nproc
    od paste patch pr pytest python python3 readlink realpath rev rg rm rmdir sed seq sha1sum sha256sum shuf sleep
    sort split stat stdbuf strings sum tac tail tar tee timeout touch tr tree tsort uname unexpand uniq unzip wc
    which xargs xxd yes zip zcat
"""
DEFAULT_COMMANDS = tuple(_DEFAULT.split())
# The one word of a list that allows all commands.
ANY = "*"
# What a shell does itself. `alias` is not among them: it would give a command another name.
_SHELLS_OWN = """
    . : [ break builtin cd command continue declare echo eval exec exit export false getopts hash jobs kill let local
    mapfile popd printf pushd pwd read readarray readonly return set shift shopt source test times trap true type
    typeset ulimit umask unset wait
"""
_BUILT_IN = frozenset(_SHELLS_OWN.split())
# Linux: one argument of a program has 128 KiB, with the NUL at its end.
MAX_WORD_BYTES = 128 * 1024 - 1
# `timeout 9 nice env X=1 sh -c 'xargs ls'` is five. Each is read anew, so more of them cost time for nothing.
MAX_RUNS = 8
_NO_SHELL = "There is no shell without a sandbox: give one command of plain words."


class NotAllowed(ValueError):
    """A command that is not run; the message says which word of it, and what is allowed."""


def checked(command: str | Sequence[str], allowed: Collection[str], *, shell: str | None) -> tuple[str, ...]:
    """The argv that runs `command`: a line by `shell`, or where there is none as the plain words it has to be."""
    words = (command,) if isinstance(command, str) else tuple(command)
    if not words or not words[0].strip():
        raise NotAllowed("There is no command.")
    for word in words:
        _check_size(word)
    if ANY in allowed and shell is not None:
        return (shell, "-c", command) if isinstance(command, str) else words
    check = _Check(allowed, shells=shell is not None)
    if not isinstance(command, str):
        check.words(tuple(map(Word, words)))
        return words
    plain = check.line(command.strip())
    if shell is None and not plain:
        raise NotAllowed(f"{_NO_SHELL} Pipes, redirections, variables, patterns and `&&` need one.")
    return plain if shell is None else (shell, "-c", command)


def _check_size(word: str) -> None:
    if "\0" in word:
        raise NotAllowed("The command holds a NUL, which no argument can.")
    try:
        size = len(os.fsencode(word))
    except UnicodeEncodeError as error:
        raise NotAllowed("The command holds half of a character (a lone surrogate).") from error
    if size > MAX_WORD_BYTES:
        raise NotAllowed(f"A part of the command is longer than {MAX_WORD_BYTES:,} bytes. Write it to a file first.")


def allows(name: str, allowed: Collection[str]) -> bool:
    """Whether the list has the command, or all of them."""
    return ANY in allowed or name in allowed


class _Check:
    """Checks lines and words against one list; `shells` says whether a line may be given to a shell at all."""

    def __init__(self, allowed: Collection[str], *, shells: bool) -> None:
        self.allowed = allowed
        self.shells = shells

    def line(self, text: str, depth: int = 0) -> tuple[str, ...]:
        """Checks every command of a line. Where it is one command of plain words, they are returned."""
        try:
            line = scanned(text)
        except Unreadable as error:
            raise NotAllowed(f"The command cannot be read: {error}.") from error
        for words in line.commands:
            self.words(words, frozenset(line.own), depth)
        return tuple(word.text for word in line.commands[0]) if line.simple else ()

    def words(self, words: Sequence[Word], own: Collection[str] = (), depth: int = 0) -> None:
        """Checks one command and what it runs in its turn; `own` are the functions of its line."""
        if depth > MAX_RUNS:
            raise NotAllowed(f"The command has commands in commands, more than {MAX_RUNS} deep.")
        head = words[0]
        if not head.plain:
            raise NotAllowed(f"What `{head.text}` runs only the shell knows: write the command's name. {self._told()}")
        name = head.text.rpartition("/")[2]
        if name in SHELLS and not self.shells:
            raise NotAllowed(f"`{head.text}` is a shell. {_NO_SHELL}")
        runs = inner(words)
        # A shell with a line is no more than the line; with a script it is a command of its own.
        if not (name in own or self._allows(name) or (name in SHELLS and runs)):
            raise NotAllowed(f"`{head.text}` is not allowed here. {self._told()}")
        for each in runs:
            self._inner(head, each, own, depth + 1)

    def _inner(self, head: Word, found: Inner, own: Collection[str], depth: int) -> None:
        if not found.line:
            self.words(found.words, own, depth)
        elif all(word.plain for word in found.words):
            self.line(" ".join(word.text for word in found.words), depth)
        else:
            raise NotAllowed(f"What `{head.text}` runs only the shell knows: give it its line in single quotes.")

    def _allows(self, name: str) -> bool:
        return allows(name, self.allowed) or name in _BUILT_IN

    def _told(self) -> str:
        return f"Allowed are: {', '.join(sorted(self.allowed))}."
