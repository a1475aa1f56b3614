"""What of the machine a command may read: the system's programs, a few files of /etc, and the server's own Python.

Nothing of a home directory, of /run, /var or /opt is among it, nor a file of /etc that could hold a secret.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Places", "outermost", "places", "reachable"]

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# What the loader, `update-alternatives`, TLS, time zones and the system's Python need.
FILES = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
)
# How names become addresses: of use with the network only.
NETWORK = ("/etc/gai.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/services")
# Where another Python is looked for that an ordinary user can reach.
SYSTEM_PYTHONS = ("/usr/local/bin/python3", "/usr/bin/python3")


@dataclass(frozen=True)
class Places:
    """`links` are directories of the root that only point elsewhere, with where they point."""

    readable: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    network: tuple[str, ...]
    python: str
    # Its directory knows it by the name `python`.
    named: bool = True

    def path(self, private: str) -> str:
        """The variable PATH, on which `python` is `self.python`; `private` has a directory for what has no name yet."""
        first = [str(Path(self.python).parent)] if self.named else [f"{private}/bin"]
        usual = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
        return ":".join([*first, *(each for each in usual if each not in first)])


def places(python: str = "") -> Places:
    """Those of this machine, as they are now; with another Python than the server's own where one is named."""
    links = tuple((each, str(Path(each).readlink())) for each in SYSTEM if Path(each).is_symlink())
    linked = {name for name, _ in links}
    system = [each for each in SYSTEM if each not in linked and Path(each).is_dir()]
    files = [each for each in FILES if Path(each).exists()]
    own = [] if python else [sys.prefix, sys.base_prefix, sys.exec_prefix]
    interpreter = [path for each in own for path in (each, os.path.realpath(each))]
    return Places(
        readable=outermost([*system, *files, *interpreter]),
        links=links,
        network=tuple(each for each in NETWORK if Path(each).exists()),
        python=python or sys.executable,
        named=(Path(python or sys.executable).parent / "python").exists(),
    )


def outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """Those that lie in none of the others, shortest first: what is bound later may lie in what was bound before."""
    kept: list[str] = []
    for path in sorted(set(paths), key=lambda each: (len(Path(each).parts), each)):
        if path != "/" and not any(Path(path).is_relative_to(each) for each in kept):
            kept.append(path)
    return tuple(kept)


def reachable(path: str, uid: int, gid: int, look: Callable[[str], os.stat_result] = os.stat) -> str:
    """Empty where that user can come to `path`; else the directory that bars it, by the bits of its mode."""
    for parent in reversed(Path(path).parents):
        if not _allows(look(str(parent)), uid, gid):
            return str(parent)
    return ""


def _allows(state: os.stat_result, uid: int, gid: int) -> bool:
    shift = 6 if state.st_uid == uid else 3 if state.st_gid == gid else 0
    return bool(state.st_mode >> shift & 1)
