"""The state directory: the journal, the operator's key, and the lock that keeps a second server out of it."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

try:
    import fcntl
except ModuleNotFoundError:  # Windows: two servers in one directory are then not kept apart
    fcntl = None  # type: ignore[assignment]  # the module is there wherever this is checked

__all__ = ["Address", "JOURNAL", "State", "StateError", "address_of", "is_served", "opened", "operator_key_of"]

JOURNAL = "journal.sqlite3"
_KEY = "operator-key"
_ADDRESS = "address.json"
_LOCK = "lock"
_KEY_BYTES = 24


class StateError(Exception):
    """The state directory cannot be used; the message says what to do."""


@dataclass(frozen=True)
class State:
    """An opened state directory. Whoever can read its files is the operator."""

    directory: Path
    operator_key: str

    @property
    def journal(self) -> Path:
        return self.directory / JOURNAL

    def announce(self, url: str, host: str) -> None:
        """Say where the server listens, and to what name it answers there, for the commands that ask it."""
        _write(self.directory / _ADDRESS, json.dumps(asdict(Address(url, host))))


@dataclass(frozen=True)
class Address:
    """Where a server listens, and a name that it answers to."""

    url: str
    host: str


@contextmanager
def opened(directory: Path) -> Iterator[State]:
    """The directory, made if it is not there, and locked until the block ends."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(directory, error) from error
    try:
        _lock(lock, directory)
        _forget_address(directory)  # of a server that died
        yield State(directory, _operator_key(directory / _KEY))
        _forget_address(directory)
    finally:
        os.close(lock)


def _forget_address(directory: Path) -> None:
    try:
        (directory / _ADDRESS).unlink(missing_ok=True)
    except OSError as error:
        raise _unusable(directory, error) from error


def is_served(directory: Path) -> bool:
    """Whether a server has the directory now. Where there are no locks, it has to be believed."""
    if fcntl is None:
        return True
    try:
        lock = os.open(directory / _LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        _lock(lock, directory)
    except StateError:
        return True
    finally:
        os.close(lock)
    return False


def _lock(descriptor: int, directory: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise StateError(
            f"Another codex-agent serves from {directory}. Stop it, or set CODEX_AGENT_STATE to another directory."
        ) from error


def address_of(directory: Path) -> Address | None:
    """Where the server of this directory listens, or last did."""
    try:
        return Address(**json.loads((directory / _ADDRESS).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def operator_key_of(directory: Path) -> str:
    """The operator's key of the directory; empty where there is none, or not for us."""
    try:
        return (directory / _KEY).read_text().strip()
    except OSError:
        return ""


def _operator_key(path: Path) -> str:
    try:
        if not path.exists():
            _write(path, secrets.token_urlsafe(_KEY_BYTES))
        return path.read_text().strip()
    except OSError as error:
        raise _unusable(path.parent, error) from error


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and for its owner alone."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    beside.replace(path)


def _unusable(directory: Path, error: OSError) -> StateError:
    return StateError(
        f"The state directory {directory} cannot be used: {error.strerror}. Set CODEX_AGENT_STATE to another one."
    )
