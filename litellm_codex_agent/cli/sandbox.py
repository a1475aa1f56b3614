"""`codex-agent sandbox`: which walls work on this machine and why not; with `--probes`, what they hold against."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..sandbox.sandbox import Sandbox

__all__ = ["add_sandbox"]

_HELD = "held"


def add_sandbox(commands: Any) -> None:
    """The command and its flag."""
    parser = commands.add_parser("sandbox", help="say which sandbox works here", allow_abbrev=False)
    parser.add_argument("--probes", action="store_true", help="let hostile programs loose in each, and print a table")
    parser.set_defaults(run=_sandbox)


def _sandbox(chosen: argparse.Namespace) -> int:
    # Here, for the help of all commands loads this file.
    import asyncio

    return asyncio.run(_told(probes=chosen.probes))


async def _told(*, probes: bool) -> int:
    from ..sandbox.levels import WALLS, surveyed

    found = {level: await surveyed(level) for level in WALLS}
    for level, each in found.items():
        print(f"{level:<9} {each if isinstance(each, str) else _working(each)}")
    working = [each for each in found.values() if not isinstance(each, str)]
    if not working:
        print("Without one, commands run only where the level `none` is named.")
        return 1
    print(f"Used by default: {working[0].level}.")
    return await _table(working) if probes else 0


def _working(sandbox: Sandbox) -> str:
    told = ["works"]
    if sandbox.uid is not None:
        told.append(f"commands run as uid {sandbox.uid}, and as the owner of a workspace that is another's")
    if sandbox.python != sys.executable:
        told.append(f"python is {sandbox.python}, for only root can come to {sys.executable}")
    return "; ".join(told)


async def _table(working: list[Sandbox]) -> int:
    from ..sandbox.probes import PROBES, held

    widest = max(map(len, PROBES))
    print(f"\n| {'probe':<{widest}} | {' | '.join(f'{each.level:<8}' for each in working)} |")
    print(f"|{'-' * (widest + 2)}|{'|'.join('-' * 10 for _ in working)}|")
    fallen = 0
    for probe in PROBES:
        outcomes = [await held(sandbox, probe) or _HELD for sandbox in working]
        fallen += sum(outcome != _HELD for outcome in outcomes)
        print(f"| {probe:<{widest}} | {' | '.join(f'{outcome:<8}' for outcome in outcomes)} |", flush=True)
    print(
        f"\n{len(PROBES)} probes; {fallen} did something that they may not." if fallen else f"\nAll {len(PROBES)} held."
    )
    return 1 if fallen else 0
