"""Names that every model takes: a server may call a tool what it likes, and a model has to be able to ask for it.

Law: the names are valid and unique, a name that is both stays as it is, and the same list gives the same names. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256

__all__ = ["MAX_NAME_CHARS", "SEPARATOR", "qualified", "valid"]

# What OpenAI takes as a function's name, and the others after it.
MAX_NAME_CHARS = 64
SEPARATOR = "__"
_VALID = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_NAME_CHARS}}}")
_INVALID = re.compile(r"[^A-Za-z0-9_-]+")
_DIGEST_CHARS = 8
# Enough of a name to know it again, where a long server's and a long tool's have to share the room.
_SERVER_CHARS = 24


def valid(names: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """For each of `names` the one that a model asks for, none of them in `taken`."""
    used = set(taken)
    # A name that is valid is its own; so one that has to be made anew never takes it from another.
    own = {name for name in names if _VALID.fullmatch(name) and name not in used}
    given: list[str] = []
    for place, name in enumerate(names):
        free = name in own and name not in used
        chosen = name if free else _made(name, place, used | own)
        used.add(chosen)
        given.append(chosen)
    return given


def qualified(server: str, tool: str) -> str:
    """A tool's name with its server's before it, which says whose it is where many have a `search`."""
    return f"{_plain(server)[:_SERVER_CHARS]}{SEPARATOR}{tool}"


def _made(name: str, place: int, used: set[str]) -> str:
    """A valid name that is like `name`: without what is not allowed, else with a digest of it at the end."""
    plain = _plain(name)
    if len(plain) <= MAX_NAME_CHARS and plain not in used:
        return plain
    digest = sha256(f"{place} {name}".encode("utf-8", "replace")).hexdigest()[:_DIGEST_CHARS]
    made = f"{plain[: MAX_NAME_CHARS - _DIGEST_CHARS - 1]}_{digest}"
    return made if made not in used else _made(f"{name}_", place, used)


def _plain(name: str) -> str:
    return _INVALID.sub("_", name).strip("_") or "tool"
