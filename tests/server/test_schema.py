"""schemathesis against a real server: whatever the document allows or forbids, the server does what it says there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..backends.program import ROOT, Program, running
from ..soak import size

KEY = "sk-key-of-the-schema-tests"
WHOLE = size(0, 1) == 1
# Some ten cases a second; the whole takes minutes.
SECONDS = size(180, 1500)
# How many examples schemathesis makes of an operation, which is not how many cases it makes of them.
ALL = ("--phases", "coverage,fuzzing" if WHOLE else "fuzzing", "--max-examples", str(size(40, 250)))
# A list of models would be where it begins, and it would never come to the runs.
LINKED = ("--phases", "stateful", "--max-examples", str(size(12, 150)), "--exclude-path-regex", "models")
# A run that was cancelled is still told of: DELETE does not delete.
NOT_CHECKED = "use_after_free"
# The whole looks for what is new; the short form must not fail on another day for nothing.
SEED = ("--generation-database", "none") if WHOLE else ("--seed", "8788", "--generation-deterministic")
MANY = size(200, 5000)
# How far a walk along the links comes is chance: 40 to 500 cases were seen.
SOME = 20
# One walk along the links ends by itself, long before its examples are used up.
WALKS = size(1, 5)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    variables = {"CODEX_AGENT_SERVER_KEY": KEY, "CODEX_AGENT_REPLAY_PACE": "0"}
    with running(tmp_path_factory.mktemp("schema"), **variables) as program:
        yield program


def keeping(server: Program, directory: Path, *options: str) -> dict[str, Any]:
    """What schemathesis reports; all that it found is in the failure of the test."""
    report = directory / "report.json"
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.url}/openapi.json"]
    command += ["--header", f"Authorization: Bearer {KEY}", "--exclude-checks", NOT_CHECKED, "--no-color"]
    command += ["--request-timeout", "30", "--continue-on-failure", "--no-shrink"]
    command += ["--report", "json", "--report-json-path", str(report), *SEED, *options]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.server.schema_hooks",
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run(
        command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS
    )
    told = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, told[-20_000:]
    found: dict[str, Any] = json.loads(report.read_text())
    print(found["test_cases"])
    return found


def test_every_route_keeps_to_its_schema_whatever_it_is_sent(server: Program, tmp_path: Path) -> None:
    report = keeping(server, tmp_path, *ALL)
    cases = report["test_cases"]
    assert cases["generated"] >= MANY and not cases["with_failures"] and not cases["errored"]
    assert not report["errors"]


@pytest.mark.parametrize("walk", range(WALKS))
def test_every_route_keeps_to_its_schema_for_runs_that_are_there(server: Program, tmp_path: Path, walk: int) -> None:
    report = keeping(server, tmp_path, *LINKED)
    cases = report["test_cases"]
    assert cases["generated"] >= SOME and not cases["with_failures"] and not cases["errored"]


def test_the_server_logged_no_fault_of_its_own(server: Program) -> None:
    log = server.log.read_text()
    assert "Traceback" not in log
    assert " ERROR " not in log
