"""Whether what stands behind `password=` or `token:` is a secret, or a type, a variable, a placeholder. Pure.

Law: a real secret in a file, an environment or a line of JSON is found; the source code around it stays readable. Every
repetition here has a bound, so that a text of a megabyte is read in one go, whatever it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import SECRET_MIN_CHARS

__all__ = ["Assigned", "assigned"]

# Of these no part is shown: what a person made up is guessed from its ends.
_PASSWORDS = ("password", "passwd", "passphrase", "pwd")
_OWNED = "api|access|secret|private|encryption|signing|account|auth|master|storage|shared"
_NAMES = rf"{'|'.join(_PASSWORDS)}|secret|token|credentials?|auth|(?:{_OWNED})[_. -]?key"
# A name is looked for by these, as plain letters, which is fast; a key is one by the word before it.
_WORDS_OF_NAMES = (*_PASSWORDS, "secret", "token", "credential", "auth")
_OWNER = re.compile(rf"(?:{_OWNED})[_. -]?$")
_QUOTE = r"\\{0,3}[\"'`]"
# `name = `, `"name": `, `name: str = `, `name => `, `<name>`, and the quotes escaped where JSON stands in JSON.
_FOUND = re.compile(
    rf"(?P<name>{_NAMES})[0-9]{{0,3}}(?:{_QUOTE})?"
    r"(?P<sign>\s{0,4}(?::\s{0,4}[\w.\[\]| ]{1,40} = ?|=>|:=|={1,3}|:)[ \t]{0,8}|>)"
    rf"(?:[bru]{{0,2}}(?P<quote>{_QUOTE})(?P<quoted>[^\"'`\n]{{1,500}})|(?P<bare>[^\s\"'`,;<>&]{{1,500}}))",
    re.IGNORECASE,
)
_FLAG = re.compile(
    rf"--(?:[\w-]{{0,20}}-)?(?P<name>{_NAMES})[ \t]{{1,4}}(?P<quote>[\"'])?(?P<bare>[^\s\"']{{1,500}})", re.IGNORECASE
)
_LOGIN = re.compile(r"login\s{1,8}\S{1,200}\s{1,8}(?P<name>password)\s{1,8}(?P<bare>\S{1,500})")
# What follows its name in a list of pages is a place to go on from, and useless without it.
_PLACES = re.compile(r"(?:page|next|continuation|cursor|sync|csrf|xsrf)[\w.-]{0,20}$", re.IGNORECASE)
_TEMPLATE = re.compile(
    r"^[$%<]|\$\{|\{\{|\{[\w.!:]{0,40}\}|%\(|\.\.\.|…|^(?:your|example|change|redacted|x{3,})", re.IGNORECASE
)
_CODE = re.compile(r"^:|[()\[\]{}]|^[a-z_]\w*(?:\.[a-z_]\w*)+$|::|->|^[&*@]?self\b", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_]\w*")
_PATH = re.compile(r"^(?:\.{1,2}/|~/|/[a-z0-9._-]{1,40}/|[a-z][a-z0-9+.-]{1,20}://)")
# How a word of letters is set in a file of settings, and what stands behind it.
_ENDS = {"=": ("", "\n", "\r", " ", ";", "&"), ":": ("", "\n", "\r"), ": ": ("", "\n", "\r")}
# What a schema, a form or a signature has there.
_WORDS = frozenset(
    {"boolean", "default", "disabled", "enabled", "hidden", "integer", "invalid", "missing", "number", "object"}
    | {"optional", "prompt", "required", "secret", "string", "undefined", "unknown"}
)


@dataclass(frozen=True)
class Assigned:
    """A secret, from `begin` to `end` of its text."""

    begin: int
    end: int
    password: bool


def assigned(text: str) -> Iterator[Assigned]:
    """For each of the ways in which one is written; they may overlap."""
    for found in (*_found(text), *_FLAG.finditer(text), *_LOGIN.finditer(text)):
        if secret := _secret(text, found):
            yield secret


def _found(text: str) -> Iterator[re.Match[str]]:
    """As `finditer` finds them, which looks at each letter and takes ten times as long."""
    small = text.lower()
    if len(small) != len(text):  # a letter of two in small ones: no place is the same
        yield from _FOUND.finditer(text)
        return
    end = 0
    for place in sorted(_places(small)):
        if place >= end and (found := _FOUND.match(text, place)):
            end = found.end()
            yield found


def _places(small: str) -> Iterator[int]:
    """Where a name may begin."""
    for word in _WORDS_OF_NAMES:
        place = small.find(word)
        while place >= 0:
            yield place
            place = small.find(word, place + 1)
    place = small.find("key")
    while place >= 0:
        if owner := _OWNER.search(small, max(0, place - 12), place):
            yield owner.start()
        place = small.find("key", place + 1)


def _secret(text: str, found: re.Match[str]) -> Assigned | None:
    groups = found.groupdict()
    quoted = groups.get("quoted") is not None
    begin, end = found.span("quoted" if quoted else "bare")
    # A backslash before the closing quote is the quote's.
    value = text[begin:end].rstrip("\\")
    end = begin + len(value)
    if _PLACES.search(text[max(0, found.start() - 24) : found.start("name")]) or not _could_be(value, quoted):
        return None
    if groups.get("sign") == ">" and (text[end : end + 2] != "</" or text[found.start("sign") - 1] in "\"'"):
        return None
    name = found["name"].lower()
    if not quoted and _NAME.fullmatch(value) and not _no_variable(text, found, value):
        return None
    is_one = _is_password if name in _PASSWORDS else _is_key
    return Assigned(begin, end, name in _PASSWORDS) if is_one(value, name) else None


def _could_be(value: str, quoted: bool) -> bool:
    if len(value) < SECRET_MIN_CHARS or _TEMPLATE.search(value) or _PATH.search(value):
        return False
    return " " not in value if quoted else not _CODE.search(value)


def _no_variable(text: str, found: re.Match[str], value: str) -> bool:
    """Whether a bare word is a value: in a line of settings, and no argument of a call and no part of a program."""
    follows = text[found.end() : found.end() + 1]
    if follows == "," or found["name"].lower() in value.lower():
        return False
    if not value.replace("_", "").isalpha():
        return True
    return follows in _ENDS.get(found.groupdict().get("sign") or "", ())


def _is_password(value: str, name: str) -> bool:
    if name == "pwd" and value[0] in "/~":  # the shell's word for where it stands
        return False
    if re.sub(r"[-_]", "", value).isalpha() and (name in value.lower() or "_" in value):
        return False
    if value.isalpha():
        return value.islower() and value not in _WORDS
    return any(letter.isalnum() for letter in value)


def _is_key(value: str, _name: str) -> bool:
    """As long as one, with digits among its letters; a bare name of a variable has fewer."""
    digits = sum(letter.isdigit() for letter in value)
    letters = any(letter.isalpha() for letter in value)
    mixed = value != value.lower() and value != value.upper()
    return len(value) >= 8 and letters and (digits >= 3 or (digits > 0 and mixed and len(value) >= 16))
