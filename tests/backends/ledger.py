"""What test backends truly did: a file with a line of JSON a deed, written in one process and counted in another.

Law: a line is whole or absent, and a deed's number among its like is given by one writer at a time.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

__all__ = ["Ledger"]

# Between two looks at a deed that will happen soon.
POLL_SECONDS = 0.02


class Ledger:
    """Safe from any thread of any process; each reads only what was written since it last looked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._guard = threading.Lock()
        self._entries: list[dict[str, Any]] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._read = 0

    def note(self, case: str, run_id: str, what: str, **more: Any) -> int:
        """Write a deed down; how many of its kind there are in this case by now, this one included."""
        entry = {"case": case, "run_id": run_id, "what": what, "at": time.time(), **more}
        line = json.dumps(entry).encode() + b"\n"
        with self._guard, self.path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # given back when the file is closed, and when its process dies
            os.write(file.fileno(), line)
            self._catch_up()
            return self._counts[case, what]

    def entries(self, case: str = "", what: str = "") -> list[dict[str, Any]]:
        """All deeds, or those of one case or kind, in their order."""
        with self._guard:
            self._catch_up()
            found = list(self._entries)
        return [entry for entry in found if case in ("", entry["case"]) and what in ("", entry["what"])]

    def count(self, case: str, what: str) -> int:
        with self._guard:
            self._catch_up()
            return self._counts[case, what]

    def counts(self, case: str) -> dict[str, int]:
        """How often each kind of deed was done: `{"started": 1, "effect": 2, "ended": 1}`."""
        with self._guard:
            self._catch_up()
            return {what: count for (of, what), count in self._counts.items() if of == case}

    def wait(self, case: str, what: str, count: int = 1, seconds: float = 10.0) -> bool:
        """Whether there were so many of them in time."""
        deadline = time.monotonic() + seconds
        while self.count(case, what) < count:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def open(self, gate: str) -> None:
        """Let go on what holds at this gate, and what will."""
        self._gate(gate).touch()

    def is_open(self, gate: str) -> bool:
        return self._gate(gate).exists()

    def _gate(self, gate: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{gate}.open")

    def _catch_up(self) -> None:
        try:
            with self.path.open("rb") as file:
                file.seek(self._read)
                *lines, _ = file.read().split(b"\n")
        except FileNotFoundError:
            return
        for line in lines:
            entry = json.loads(line)
            self._entries.append(entry)
            self._counts[entry["case"], entry["what"]] += 1
        self._read += sum(len(line) + 1 for line in lines)
