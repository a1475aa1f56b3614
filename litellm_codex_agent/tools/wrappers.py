"""Commands that run other commands: where in their words these are. `env X=1 ls` runs `ls`, `sh -c "ls; pwd"` a line.

Law: pure, and a table. A command that is not in it runs, as far as is known here, nothing but itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .shell_words import Word

__all__ = ["Inner", "SHELLS", "inner"]

SHELLS = frozenset(("bash", "dash", "sh"))


@dataclass(frozen=True)
class Inner:
    """What a command runs: words, or words that make a line of shell when they are joined."""

    words: tuple[Word, ...]
    line: bool = False


@dataclass(frozen=True)
class _Prefix:
    """A command that runs what is behind its options and `first` words; those of `taking` have their value apart."""

    taking: str = ""
    first: int = 0
    assigns: bool = False


_PREFIXES = {
    "builtin": _Prefix(),
    "command": _Prefix(),
    "env": _Prefix("-u --unset -C --chdir", assigns=True),
    "exec": _Prefix("-a"),
    "nice": _Prefix("-n --adjustment"),
    "nohup": _Prefix(),
    "setsid": _Prefix(),
    "stdbuf": _Prefix("-i -o -e --input --output --error"),
    "timeout": _Prefix("-k -s --kill-after --signal", first=1),
    "xargs": _Prefix("-a -d -E -I -L -n -P -s --arg-file --delimiter --max-lines --max-args --max-procs --max-chars"),
}
# With these, `command` only tells of what it would run.
_ASKING = ("-v", "-V")
# With these, `env` splits a line into its words: what is behind them, or what stands in the same word.
_SPLITS = re.compile(r"(?:-[0iv]*S|--s[a-z-]*(?:=|$))(.*)", re.DOTALL)
_RUNS = ("-exec", "-execdir", "-ok", "-okdir")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


def inner(words: Sequence[Word]) -> list[Inner]:
    """What the command runs beside itself."""
    name = words[0].text.rpartition("/")[2]
    rest = tuple(words[1:])
    if name in _PREFIXES:
        return _behind(name, rest)
    return list(_OTHERS[name](rest)) if name in _OTHERS else []


def _behind(name: str, rest: tuple[Word, ...]) -> list[Inner]:
    prefix = _PREFIXES[name]
    at = 0
    while at < len(rest) and (rest[at].text.startswith("-") or (prefix.assigns and _ASSIGNMENT.match(rest[at].text))):
        option = rest[at].text
        if name == "env" and (split := _SPLITS.fullmatch(option)):
            begin = (Word(split[1], rest[at].plain),) if split[1] else ()
            return [Inner((*begin, *rest[at + 1 :]), line=True)]
        at += 2 if option in prefix.taking.split() else 1
        if name == "command" and option in _ASKING:
            return []
        if option == "--":
            break
    found = rest[at + prefix.first :]
    return [Inner(found)] if found else []


def _found(rest: tuple[Word, ...]) -> Iterator[Inner]:
    """Those of `find`: from `-exec` to `;` or `+`."""
    at = 0
    while at < len(rest):
        at += 1
        if rest[at - 1].text not in _RUNS:
            continue
        begin = at
        while at < len(rest) and rest[at].text not in (";", "+"):
            at += 1
        if at > begin:
            yield Inner(rest[begin:at])


def _lines(rest: tuple[Word, ...]) -> Iterator[Inner]:
    """The line of a shell: what follows the first of its options that has a `c`, as `-lc`."""
    for at, word in enumerate(rest):
        if word.text[:1] not in ("-", "+") and (at == 0 or rest[at - 1].text not in ("-o", "+o", "-O", "+O")):
            return
        if re.fullmatch(r"-[a-zA-Z]*c[a-zA-Z]*", word.text):
            yield Inner(rest[at + 1 : at + 2], line=True)
            return


def _evaluated(rest: tuple[Word, ...]) -> Iterator[Inner]:
    yield Inner(rest, line=True)


def _trapped(rest: tuple[Word, ...]) -> Iterator[Inner]:
    rest = rest[1:] if rest[:1] == (Word("--"),) else rest
    if len(rest) > 1 and not rest[0].text.startswith("-"):
        yield Inner(rest[:1], line=True)


def _called_back(rest: tuple[Word, ...]) -> Iterator[Inner]:
    """What `mapfile` calls for each so many lines."""
    yield from (Inner((word,), line=True) for word in _valued("-C", rest))


def _named(rest: tuple[Word, ...]) -> Iterator[Inner]:
    """The program that `hash` gives another name."""
    yield from (Inner((word,)) for word in _valued("-p", rest))


def _valued(option: str, rest: tuple[Word, ...]) -> Iterator[Word]:
    """The values of an option of one letter, in the next word or in its own."""
    for at, word in enumerate(rest):
        if word.text == option:
            yield from rest[at + 1 : at + 2]
        elif word.text.startswith(option):
            yield Word(word.text[len(option) :], word.plain)


def _sourced(rest: tuple[Word, ...]) -> Iterator[Inner]:
    """A file is a script of its own, as a program is; what another command says is a line that nobody has seen."""
    yield from (Inner((word,), line=True) for word in rest[:1] if word.text.startswith("<("))


_OTHERS: dict[str, Callable[[tuple[Word, ...]], Iterator[Inner]]] = {
    "eval": _evaluated,
    "find": _found,
    "hash": _named,
    "trap": _trapped,
    **dict.fromkeys((".", "source"), _sourced),
    **dict.fromkeys(("mapfile", "readarray"), _called_back),
    **dict.fromkeys(SHELLS, _lines),
}
