"""Writes each run down as a recording when it has ended, where the operator asked for that. Never in a run's way."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

from ..wire.recording import Header
from . import recording
from .run import Run

__all__ = ["Recorder"]

# Their words are ours and not a model's.
_SCRIPTED = ("echo", "replay")

_log = logging.getLogger("litellm_codex_agent.runs")


class Recorder:
    """Called with each ended run; does nothing without a directory."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._writing: set[asyncio.Task[None]] = set()

    def __call__(self, run: Run) -> None:
        if self._directory is not None:
            writing = asyncio.ensure_future(asyncio.to_thread(_write, self._directory, run))
            self._writing.add(writing)
            writing.add_done_callback(self._writing.discard)

    async def finish(self) -> None:
        """Waits for what is being written."""
        if self._writing:
            await asyncio.wait(self._writing)


def _write(directory: Path, run: Run) -> None:
    record = run.record
    speaker = "script" if record.backend in _SCRIPTED else "model"
    header = Header(f"{record.model}, {run.id}", speaker, record.model, json.loads(record.asked)["messages"])
    began = record.started or record.created
    try:
        recording.write(directory, run.id, header, [(max(told.at - began, 0.0), told.event) for told in run.told])
    except recording.Unrecorded as error:
        _log.error("%s", error)
