"""A run as the journal keeps it: one row, and what it says about the run's request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from .identity import Known

__all__ = ["COLUMNS", "Record", "record_of"]


@dataclass(frozen=True)
class Record:
    """`state` is queued, running or ended; `done` is the last event as JSON, `asked` the request."""

    id: str
    tenant: str
    key: str
    digest: str
    session: str
    backend: str
    model: str
    state: str
    created: float
    attempt: int = 0
    detached: int = 0
    acted: int = 0
    answered: int = 0
    delivered: int = 0
    started: float | None = None
    ended: float | None = None
    stopped_reason: str = ""
    asked: str = "{}"
    done: str = ""

    def row(self) -> list[Any]:
        """The values in the order of `COLUMNS`."""
        return [getattr(self, name) for name in COLUMNS]

    def known(self) -> Known:
        """What the next request with this run's key has to know."""
        return Known(
            self.id,
            self.digest,
            living=self.state != "ended",
            acted=bool(self.acted),
            answered=bool(self.answered),
            delivered=bool(self.delivered),
            cancelled=self.stopped_reason == "cancelled",
        )


_TYPES = {"str": "TEXT NOT NULL", "float": "REAL NOT NULL", "int": "INTEGER NOT NULL", "float | None": "REAL"}
COLUMNS = {
    field.name: f"{field.name} {'TEXT PRIMARY KEY' if field.name == 'id' else _TYPES[str(field.type)]}"
    for field in fields(Record)
}


def record_of(row: Sequence[Any]) -> Record:
    """The record that a row of the journal holds."""
    return Record(*row)
