"""`codex-agent runs list|show|cancel`: the runs of a server's state directory, whether it is running or not.

Reading needs no server. Cancelling asks the one that runs, with the operator's key from the same directory.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import settings
from .failed import Failed

if TYPE_CHECKING:
    from ..runs.reader import Reader
    from ..runs.record import Record
    from ..runs.run import Run
    from ..runs.state import Address

__all__ = ["add_runs"]

_Command = Callable[[argparse.Namespace, "Reader"], int]

# A table that a person still looks through.
MOST_LISTED = 10_000
# A cancel is answered when the run and its processes are gone.
CANCEL_SECONDS = 60.0
_ROW = "{:<28} {:<19} {:>8}  {:<20} {}"


def add_runs(commands: Any) -> None:
    """The command and its three subcommands."""
    parser = commands.add_parser("runs", help="list, show and cancel the runs of a server")
    inner = parser.add_subparsers(metavar="what", required=True)
    listing = _added(inner, "list", "the newest runs", _list)
    listing.add_argument("--limit", type=_limit, default=20, metavar="N", help="how many (default 20)")
    for name, meaning, run in (("show", "one run with its steps", _show), ("cancel", "stop a run", _cancel)):
        _added(inner, name, meaning, run).add_argument("run_id", help="the run's id, or how it begins")


def _added(inner: Any, name: str, meaning: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = inner.add_parser(name, help=meaning, allow_abbrev=False)
    parser.add_argument("--state", default="", metavar="DIR", help=f"the state directory ({settings.STATE})")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=partial(_with_reader, run))
    return parser


def _with_reader(run: _Command, chosen: argparse.Namespace) -> int:
    from ..runs.reader import JournalError, Reader
    from ..runs.state import JOURNAL

    path = _directory(chosen) / JOURNAL
    if not path.exists():
        raise Failed(f"There is no journal of runs in {path.parent}. Has `codex-agent serve` run with this directory?")
    try:
        with closing(Reader.of_file(path)) as reader:
            return run(chosen, reader)
    except JournalError as error:
        raise Failed(str(error)) from error


def _list(chosen: argparse.Namespace, reader: Reader) -> int:
    records = reader.newest(chosen.limit)
    if chosen.json:
        print(json.dumps([_as_json(record) for record in records], indent=2))
        return 0
    print(_ROW.format("run", "began", "seconds", "state", "model"))
    for record in records:
        print(_ROW.format(record.id, _when(record.created), _seconds(record), _state(record), record.model))
    return 0


def _show(chosen: argparse.Namespace, reader: Reader) -> int:
    import asyncio

    from ..runs.ledger import past_of
    from ..runs.run import Run

    record = _found(reader, chosen.run_id)

    async def told() -> None:
        # A run belongs to a loop, even one that has ended.
        run = Run(record, acted=bool(record.acted))
        for at, event in past_of(reader, record):
            run.tell(event, at)
        _print_run(run, as_json=chosen.json)

    asyncio.run(told())
    return 0


def _cancel(chosen: argparse.Namespace, reader: Reader) -> int:
    from ..runs.state import address_of, is_served, operator_key_of

    record = _found(reader, chosen.run_id)
    if record.state == "ended":
        raise Failed(f"{record.id} has ended already: {record.stopped_reason}.")
    directory = _directory(chosen)
    address, key = address_of(directory), operator_key_of(directory)
    # Whoever listens at the address of a server that is gone must not be sent its key.
    if address is None or not key or not is_served(directory):
        raise Failed(f"No server runs with {directory}, so there is none to ask.")
    told = _delete(address, record.id, key)
    print(json.dumps(told, indent=2) if chosen.json else f"{record.id}: {told.get('stopped_reason', 'still ending')}")
    return 0


def _delete(address: Address, run_id: str, key: str) -> dict[str, Any]:
    import urllib.error
    import urllib.request

    headers = {"authorization": f"Bearer {key}", "host": address.host}
    request = urllib.request.Request(f"{address.url}/agent/runs/{run_id}", method="DELETE", headers=headers)  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=CANCEL_SECONDS) as response:
            told: dict[str, Any] = json.load(response)
            return told
    except urllib.error.HTTPError as error:
        raise Failed(f"The server refused: {json.load(error)['error']['message']}") from error
    except (OSError, ValueError) as error:
        raise Failed(f"The server at {address.url} does not answer: {error}") from error


def _limit(text: str) -> int:
    if not text.isdecimal() or len(text) > len(str(MOST_LISTED)) or not 1 <= int(text) <= MOST_LISTED:
        raise argparse.ArgumentTypeError(f"{text!r} has to be a number from 1 to {MOST_LISTED:,}")
    return int(text)


def _directory(chosen: argparse.Namespace) -> Path:
    return settings.server(flags={settings.STATE: chosen.state}).state


def _found(reader: Reader, run_id: str) -> Record:
    found = reader.beginning_with(run_id)
    if len(found) != 1:
        what = f"There is no run {run_id!r}" if not found else f"More than one run begins with {run_id!r}"
        raise Failed(f"{what}. `codex-agent runs list` shows the newest.")
    return found[0]


def _print_run(run: Run, *, as_json: bool) -> None:
    from ..backends.telling import to_json
    from ..runs.story import as_thought

    if as_json:
        events = [{"seq": told.seq, "at": told.at, **to_json(told.event)} for told in run.told]
        print(json.dumps({**_as_json(run.record), "events": events}, indent=2, ensure_ascii=False))
        return
    print(f"{run.id}  {run.record.model}  {_state(run.record)}  {_when(run.record.created)}")
    print(_plain("".join(as_thought(told.event) for told in run.told).strip()))
    if run.story.text:
        print(_plain(f"\n{run.story.answer}"))
    if run.outcome is not None and run.outcome.failure is not None:
        print(_plain(f"\n{run.outcome.failure.message}"))


def _plain(text: str) -> str:
    """What a run told, without what would steer the operator's terminal."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}" for each in text)


def _as_json(record: Record) -> dict[str, Any]:
    names = ("id", "model", "backend", "session", "state", "stopped_reason", "created", "started", "ended")
    return {name: getattr(record, name) for name in names}


def _state(record: Record) -> str:
    return record.stopped_reason or record.state


def _seconds(record: Record) -> str:
    if record.started is None:
        return "-"
    return f"{(record.ended or time.time()) - record.started:.1f}"


def _when(at: float) -> str:
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S")
