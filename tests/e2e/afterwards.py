"""What has to hold of a server's journal and ledger, whatever happened to the server."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from litellm_codex_agent.backends.events import Done
from litellm_codex_agent.backends.telling import from_json
from litellm_codex_agent.runs.reader import Reader
from litellm_codex_agent.runs.record import Record
from litellm_codex_agent.runs.state import JOURNAL

from ..backends.ledger import Ledger

__all__ = ["check_deeds", "check_journal", "known_runs", "run_of"]

# More than any test begins.
ALL = 1_000_000


def check_journal(state: Path) -> list[Record]:
    """Every run is whole and has its end; all of them."""
    with closing(sqlite3.connect(state / JOURNAL)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with closing(Reader.of_file(state / JOURNAL)) as reader:
        records = reader.newest(ALL)
        for record in records:
            assert (record.state, bool(record.stopped_reason)) == ("ended", True)
            assert isinstance(from_json(json.loads(record.done)), Done)
            assert json.loads(record.asked)["messages"]
            events = reader.events(record.id)
            assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
            assert not any(isinstance(from_json(event), Done) for _, _, event in events)
    return records


def check_deeds(ledger: Ledger) -> None:
    """No side effect of a case was done twice."""
    done = Counter((entry["case"], entry["name"]) for entry in ledger.entries(what="effect"))
    assert not [deed for deed, times in done.items() if times > 1]


def run_of(state: Path, key: str) -> Record | None:
    """The newest run of a key."""
    with closing(Reader.of_file(state / JOURNAL)) as reader:
        known = reader.known("", key)
        return reader.record(known.run_id) if known else None


def known_runs(state: Path, keys: list[str]) -> dict[str, Record]:
    """The newest run of each key that has one."""
    with closing(Reader.of_file(state / JOURNAL)) as reader:
        newest = {record.key: record for record in reversed(reader.newest(ALL))}
    return {key: newest[key] for key in keys if key in newest}
