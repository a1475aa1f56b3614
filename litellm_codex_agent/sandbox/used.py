"""What a command holds of the machine's memory at this moment, as the kernel says it.

Law: what a process hides is taken for all that it may be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Machine", "machine", "memory", "resident"]

_KIB = 1024
# What is in memory or was put out of it, and the tables that say where.
_RESIDENT = re.compile(r"^Vm(?:RSS|Swap|PTE):\s+(\d+) kB$", re.MULTILINE)
_SHARE = re.compile(r"^(?:Pss|SwapPss):\s+(\d+) kB$", re.MULTILINE)
_TABLES = re.compile(r"^VmPTE:\s+(\d+) kB$", re.MULTILINE)
_OF_MACHINE = re.compile(r"^(MemTotal|MemAvailable|Shmem):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class Machine:
    """Its memory in bytes; `shared` are files in memory, whoever holds them."""

    total: int = 0
    available: int = 0
    shared: int = 0


def machine() -> Machine:
    """All zeros where the kernel does not say."""
    told = {name: int(size) * _KIB for name, size in _OF_MACHINE.findall(_read(Path("/proc/meminfo")))}
    return Machine(told.get("MemTotal", 0), told.get("MemAvailable", 0), told.get("Shmem", 0))


def resident(members: Iterable[int]) -> int:
    """The memory of those processes, where what two of them share counts twice: quick, and never too little."""
    return sum(_resident(pid) for pid in members)


def memory(members: Iterable[int]) -> int:
    """The same, where it counts once; slow."""
    return sum(_share(pid) for pid in members)


def _resident(pid: int) -> int:
    return _sum(_RESIDENT, _read(Path(f"/proc/{pid}/status")))


def _share(pid: int) -> int:
    told = _read(Path(f"/proc/{pid}/smaps_rollup"))
    # A process may forbid a look into it, but not what everybody may know of it.
    return _sum(_SHARE, told) + _sum(_TABLES, _read(Path(f"/proc/{pid}/status"))) if told else _resident(pid)


def _sum(pattern: re.Pattern[str], told: str) -> int:
    return sum(map(int, pattern.findall(told))) * _KIB


def _read(path: Path) -> str:
    # Between two looks it may have ended.
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
