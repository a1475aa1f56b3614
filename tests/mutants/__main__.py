"""Mutation testing of the pure parts: which small faults in them no test would notice.

    python -m tests.mutants [--short] [module ...]

Fails where under 85 of 100 mutants are killed, or one survives that `survivors.txt` does not list with its reason.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .mutations import Mutant, mutants
from .running import PACKAGE, Copy, Job, outcomes, preload
from .survivors import LISTED, accepted
from .table import GUARDED

ROOT = Path(__file__).parents[2]
LEAST_KILLED = 0.85
WORKERS = 2
# Every so many'th, for a run that takes less than a minute.
SHORT = 60


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Mutation testing of the pure parts.")
    parser.add_argument("modules", nargs="*", metavar="module", help="these, and not all: agent/loop.py")
    parser.add_argument("--short", action="store_true", help=f"every {SHORT}th mutant")
    asked = parser.parse_args()
    began = time.monotonic()
    reasons = accepted(LISTED.read_text(encoding="utf-8"))
    chosen = {module: of(module)[:: SHORT if asked.short else 1] for module in asked.modules or GUARDED}
    preload()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies = [Copy.of(ROOT, Path(folder, str(number))) for number in range(WORKERS)]
        survived = {module: alive(module, found, copies) for module, found in chosen.items() if found}
    every = sum(map(len, chosen.values()))
    killed = every - sum(map(len, survived.values()))
    new = unlisted(survived, reasons)
    if not asked.modules and not asked.short:
        told_as_dead(reasons, survived)
    print(f"{killed} of {every} mutants killed, {killed / every:.1%}, in {time.monotonic() - began:.0f} s;", end=" ")
    print(f"{every - killed - new} survivors are listed with a reason, {new} are not")
    return 1 if new or killed / every < LEAST_KILLED else 0


def of(module: str) -> Sequence[Mutant]:
    """The mutants of one row of the table."""
    path, _, scopes = module.partition(":")
    found = mutants((ROOT / PACKAGE / path).read_text(encoding="utf-8"))
    return [each for each in found if not scopes or each.name.partition(":")[0] in scopes.split(",")]


def alive(module: str, found: Sequence[Mutant], copies: Sequence[Copy]) -> Sequence[Mutant]:
    job = Job(module.partition(":")[0], GUARDED[module], [(each.name, each.source) for each in found])
    killed = dict(outcomes(job, copies))
    left = [each for each in found if not killed[each.name]]
    print(f"{len(found) - len(left):4} of {len(found):4} killed  {module}", flush=True)
    return left


def unlisted(survived: Mapping[str, Sequence[Mutant]], reasons: Mapping[str, str]) -> int:
    """Prints each survivor; how many have no reason."""
    new = 0
    for module, found in survived.items():
        path = module.partition(":")[0]
        for each in found:
            reason = reasons.get(f"{path} {each.name}")
            new += not reason
            print(f"{PACKAGE}/{path}:{each.line} {each.name}\n    {reason or 'NOT LISTED'}")
    return new


def told_as_dead(reasons: Mapping[str, str], survived: Mapping[str, Sequence[Mutant]]) -> None:
    """Prints what is listed and lives no more: its line can go."""
    alive = {f"{module.partition(':')[0]} {each.name}" for module, found in survived.items() for each in found}
    for name in sorted(set(reasons) - alive):
        print(f"listed, and lives no more: {name}")


if __name__ == "__main__":
    sys.exit(main())
