"""A run's rows in the journal: how a run is written down while it lives, and read back when it has ended."""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import closing
from dataclasses import replace
from typing import Any

from ..backends.events import Done, Event, ToolCall
from ..backends.telling import from_json, to_json
from .identity import Ask, Known
from .journal import Journal, JournalError, Row
from .outcome import not_written, outcome_of
from .reader import Reader
from .record import Record
from .run import Run
from .veil import redacted
from .work import Work

__all__ = ["Ledger", "new_record", "past_of"]

_ID_BYTES = 12
# Told again in one turn of the loop: a fraction of a millisecond.
MANY = 100


def new_record(ask: Ask, work: Work, now: float) -> Record:
    """The row of a run that is about to wait for its turn."""
    asked = redacted({"messages": list(work.messages), "parameters": dict(work.parameters)}, work.secrets)
    return Record(
        id=f"run_{secrets.token_hex(_ID_BYTES)}",
        tenant=ask.tenant,
        key=ask.key,
        digest=ask.digest,
        session=work.session,
        backend=work.backend.name,
        model=work.named,
        state="queued",
        created=now,
        attempt=ask.attempt or 0,
        detached=int(work.detached),
        asked=_text(asked),
    )


class Ledger:
    """Runs in terms of rows."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._delivering: set[str] = set()  # delivered, and not yet on the disk
        self._unwritten: dict[str, Run] = {}  # ended, and the disk would not take it

    def known(self, ask: Ask) -> Known | None:
        """The newest ended run of the request's key."""
        known = self._journal.read.known(ask.tenant, ask.key) if ask.key else None
        if known is not None and known.run_id in self._unwritten:
            known = self._unwritten[known.run_id].record.known()
        return replace(known, delivered=True) if known is not None and known.run_id in self._delivering else known

    async def interrupt(self, now: float) -> int:
        """All that had not ended is told as interrupted from now on; how many runs there were."""
        return await self._journal.interrupt(now, _text(to_json(Done("interrupted"))))

    def started(self, run: Run) -> None:
        self._journal.note(run.id, state="running", started=run.record.started)

    def tell(self, run: Run, event: Event, at: float) -> None:
        self._journal.tell(run.id, _row(run, event, at))

    async def act(self, run: Run, event: ToolCall, at: float) -> None:
        """On the disk before the run does anything: after a crash it is not begun again."""
        await self._journal.change(run.id, event=_row(run, event, at), acted=1)

    async def ended(self, run: Run, done: Done, at: float) -> Done:
        """The final result, before anybody hears it. What is to be told: an answer that the next attempt would not
        find is none."""
        columns = _end(run, done, at)
        try:
            await self._journal.change(run.id, **columns)
        except JournalError as error:
            done = not_written(error)
            columns = _end(run, done, at)
            self._unwritten[run.id] = run
            self._journal.note(run.id, lambda: self._unwritten.pop(run.id, None), **columns)
        run.record = replace(run.record, **columns)
        return done

    def delivered(self, run: Run) -> None:
        """Somebody has the answer: the run's key is closed at once, and on the disk as soon as may be."""
        self._delivering.add(run.id)
        self._journal.note(run.id, lambda: self._delivering.discard(run.id), delivered=1)

    async def restore(self, run_id: str) -> Run | None:
        """An ended run as it was told, or None where there is none. A long one is read while the others go on."""
        if run_id in self._unwritten:
            return self._unwritten[run_id]
        record = self._journal.read.record(run_id)
        if record is None or record.state != "ended":
            return None
        past = await asyncio.to_thread(self._past, record)
        run = Run(record, acted=bool(record.acted))
        for number, (at, event) in enumerate(past):
            run.tell(event, at)
            if number % MANY == 0:
                await asyncio.sleep(0)
        run.recorded.set_result(None)
        return run

    def _past(self, record: Record) -> list[tuple[float, Event]]:
        with closing(self._journal.reader()) as reader:
            return past_of(reader, record)


def _row(run: Run, event: Event, at: float) -> Row:
    return len(run.told) + 1, at, to_json(event)


def _end(run: Run, done: Done, at: float) -> dict[str, Any]:
    """All that the row of an ended run has to say, though the disk had not taken what was noted before."""
    outcome = outcome_of(done, acted=run.acted, has_answer=bool(run.story.text))
    return {
        "state": "ended",
        "started": run.record.started,
        "ended": at,
        "attempt": run.record.attempt,
        "detached": run.record.detached,
        "acted": int(run.acted),
        "stopped_reason": done.stopped_reason,
        "answered": int(outcome.answered),
        "done": _text(to_json(done)),
    }


def _text(value: Any) -> str:
    """As JSON; half of a surrogate pair, as in the output of a command, becomes a question mark."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()


def past_of(reader: Reader, record: Record) -> list[tuple[float, Event]]:
    """What a run told and when, with its end; of one that lives, as far as it is written down."""
    try:
        told = [(at, from_json(event)) for _, at, event in reader.events(record.id)]
        end = [(record.ended or record.created, from_json(json.loads(record.done)))] if record.done else []
    except ValueError as error:  # bytes of a disk that has lost them
        raise JournalError(
            f"The run {record.id} cannot be read: {error}", "The run cannot be read any more."
        ) from error
    return told + end
