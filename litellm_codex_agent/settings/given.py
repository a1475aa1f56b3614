"""What an operator has written, read as values: a flag counts before its variable, and empty counts as absent.

What cannot be meant is `Unusable`, in one sentence that names variable and flag and shows what to write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from .switch import OFF, is_on
from .table import VARIABLES
from .variable import Unusable

__all__ = ["Given"]

# More is a slip of the finger: 11 days in seconds, 2,700 years in days.
_MOST = 1_000_000
_WHOLE = re.compile(r"[0-9]{1,10}")
_NUMBER = re.compile(r"[0-9]{1,7}(\.[0-9]{1,9})?")
_SIZE = re.compile(r"([0-9]{1,15})\s*([kmgt]ib)?", re.IGNORECASE)
_UNITS = {"": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
# The tool output of one run may take as much; with less, hardly an answer would be kept.
_LEAST_BYTES = 2**20
# No disk has more, and SQLite can count it.
_MOST_BYTES = 2**50
_LABEL = r"(?!-)[a-z0-9_-]{1,63}"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_ORIGIN = re.compile(rf"[a-z][a-z0-9+.-]*://({_NAME.pattern}|\[[0-9a-f:.]+\])(:[0-9]{{1,5}})?")
# A browser leaves the usual port out of an origin.
_USUAL_PORT = {"http": ":80", "https": ":443"}
_PATH = re.compile(r"(/[A-Za-z0-9._~%!$&'()*+,;=:@-]+)*")
_PROGRAM = re.compile(r"[A-Za-z0-9_.+-]{1,100}")
# What a header carries after `Bearer `, whatever the client.
_KEY = re.compile(r"[!-~]+")
# An error shows enough of a text to find it again.
_SHOWN = 80

_ROWS = {row.name: row for row in VARIABLES}


@dataclass(frozen=True)
class Given:
    """The flags, laid over the environment: each method reads one variable, by name."""

    environ: Mapping[str, str]
    flags: Mapping[str, str]

    def text(self, name: str) -> str:
        """What is written, without the space around it."""
        return self.flags.get(name, "").strip() or self.environ.get(name, "").strip()

    def whole(self, name: str, *, least: int = 0, most: int = _MOST) -> int:
        text = self._or_default(name)
        if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
            raise _unusable(name, text, f"a whole number from {least} to {most}")
        return int(text)

    def number(self, name: str, *, zero: bool = True) -> float:
        text = self._or_default(name)
        if not _NUMBER.fullmatch(text) or float(text) > _MOST or not (zero or float(text)):
            raise _unusable(name, text, f"a number {'from' if zero else 'above'} 0, up to {_MOST}")
        return float(text)

    def size(self, name: str) -> int:
        """Bytes, also as `5GiB`."""
        text = self._or_default(name)
        match = _SIZE.fullmatch(text)
        size = int(match[1]) * _UNITS[(match[2] or "").lower()] if match else 0
        if not _LEAST_BYTES <= size <= _MOST_BYTES:
            raise _unusable(name, text, "a size from 1 MiB to 1024 TiB")
        return size

    def host(self, name: str) -> str:
        """A name or an address, an IPv6 one without brackets."""
        text = self._or_default(name)
        host = _host(text)
        if not host:
            raise _unusable(name, text, "a name or an address, without scheme and port")
        return host

    def hosts(self, name: str) -> tuple[str, ...]:
        """Names and addresses as `host` has them, and `*`."""
        what = "names or addresses without scheme and port, separated by commas, or *"
        return self._list(name, lambda text: text if text == "*" else _host(text), what)

    def origins(self, name: str) -> tuple[str, ...]:
        """Origins as a browser writes them."""
        return self._list(name, _origin, "origins such as a browser sends, without a path, separated by commas")

    def addresses(self, name: str) -> tuple[str, ...]:
        """Origins of HTTP servers, and `*`."""
        what = "origins of HTTP servers without a path, separated by commas, or *"
        return self._list(name, lambda text: text if text == "*" else _address(text), what)

    def endpoint(self, name: str) -> str:
        """The base URL of an API, without the slash at its end."""
        text = self._or_default(name)
        if "@" in text.partition("://")[2].partition("/")[0]:
            # Not shown: what stands there may be a password.
            raise Unusable(f"{name} has to be without a user and a password, as in {name}={_ROWS[name].example}.")
        origin, path = _split(text)
        if not _address(origin) or not _PATH.fullmatch(path):
            raise _unusable(name, text, "the URL of an HTTP endpoint, without a query")
        return f"{_address(origin)}{path}"

    def words(self, name: str) -> tuple[str, ...]:
        """Names of programs, and `*`."""
        what = "names of programs without a path, separated by commas, or *"
        return self._list(name, lambda text: text if text == "*" or _PROGRAM.fullmatch(text) else "", what)

    def paths(self, name: str) -> tuple[Path, ...]:
        """Paths, separated by commas."""
        return tuple(_path(name, part.strip()) for part in self.text(name).split(",") if part.strip())

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        text = self._or_default(name).lower()
        if text not in choices:
            raise _unusable(name, text, f"one of {', '.join(choices)}")
        return text

    def switch(self, name: str) -> bool:
        text = self._or_default(name)
        if not is_on(text) and text.lower() not in OFF:
            raise _unusable(name, text, "on or off")
        return is_on(text)

    def texts(self, name: str) -> Mapping[str, str]:
        """An object of JSON whose values are text. What it holds may be secret, so no error shows it."""
        value = self._json(name) if self.text(name) else {}
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise Unusable(f"{name} has to be an object of JSON with texts, as in {name}='{_ROWS[name].example}'.")
        return value

    def patterns(self, name: str) -> tuple[str, ...]:
        """A list of JSON with regular expressions."""
        value = self._json(name) if self.text(name) else []
        if not isinstance(value, list) or not all(isinstance(text, str) and _compiles(text) for text in value):
            raise _unusable(name, self.text(name), "a list of JSON with regular expressions")
        return tuple(value)

    def key(self, name: str) -> str:
        key = self.text(name)
        if not key and self.environ.get(name):
            raise Unusable(f"{name} is set and blank, and a key that nobody set is no key. Set it, or take it away.")
        if key and not _KEY.fullmatch(key):
            # A wrong key is never shown either: it may be the right one with a slip in it.
            example = f"{name}={_ROWS[name].example}"
            raise Unusable(f"{name} has to be letters, digits and signs of ASCII without a space, as in {example}.")
        return key

    def path(self, name: str) -> Path | None:
        return _path(name, text) if (text := self.text(name)) else None

    def path_or(self, name: str, default: str) -> Path:
        return _path(name, self.text(name) or default)

    def _json(self, name: str) -> Any:
        try:
            return json.loads(self.text(name))
        except (ValueError, RecursionError):
            return None

    def _or_default(self, name: str) -> str:
        return self.text(name) or _ROWS[name].default

    def _list(self, name: str, read: Callable[[str], str], what: str) -> tuple[str, ...]:
        texts = [part.strip() for part in self.text(name).split(",") if part.strip()]
        for text in texts:
            if not read(text):
                raise _unusable(name, text, what)
        return tuple(dict.fromkeys(map(read, texts)))


def _host(text: str) -> str:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        return str(ip_address(bare))
    except ValueError:
        return text.lower() if _NAME.fullmatch(text.lower()) else ""


def _origin(text: str) -> str:
    origin = text.lower()
    return origin.removesuffix(_USUAL_PORT.get(origin.partition(":")[0], "")) if _ORIGIN.fullmatch(origin) else ""


def _split(text: str) -> tuple[str, str]:
    """Origin and path of a URL."""
    scheme, _, rest = text.rstrip("/").partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}", f"{slash}{path}"


def _address(text: str) -> str:
    return origin if (origin := _origin(text)).startswith(("http://", "https://")) else ""


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return bool(pattern)


def _path(name: str, text: str) -> Path:
    try:
        # Not every shell puts the home directory in where `~` follows a flag's equals sign.
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise _unusable(name, text, "a path whose home directory is known") from error


def _unusable(name: str, text: str, what: str) -> Unusable:
    row = _ROWS[name]
    called = f"{name} ({row.flag})" if row.flag else name
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return Unusable(f"{called} is {shown!r}, and has to be {what}, as in {name}={row.example or row.default}.")
