"""Traces: whole lines, whoever writes, and an answer that never waits for a disk that is not there."""

from __future__ import annotations

import json
import logging
import math
import multiprocessing
import os
import resource
import signal
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.agent.trace import Trace

WRITERS, LINES = 4, 25
# Longer than a pipe or a page takes at once.
BIG = "x" * 100_000


def lines(path: Path) -> list[Any]:
    data = path.read_bytes()
    assert data.endswith(b"\n")
    return [json.loads(line) for line in data.splitlines()]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_run_is_a_line_and_its_letters_are_kept(tmp_path: Path) -> None:
    trace = Trace(tmp_path / "traces.jsonl")
    trace.write({"run_id": "a", "text": "é\n"})
    trace.write({"run_id": "b", "half": "\ud83d"})
    assert lines(tmp_path / "traces.jsonl") == [{"run_id": "a", "text": "é\n"}, {"run_id": "b", "half": "?"}]


def test_the_file_and_its_folder_are_made_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "traces.jsonl"
    Trace(path).write({})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_is_taken_away_is_made_again(tmp_path: Path) -> None:
    trace = Trace(tmp_path / "a.jsonl")
    trace.write({"n": 1})
    (tmp_path / "a.jsonl").unlink()
    trace.write({"n": 2})
    assert lines(tmp_path / "a.jsonl") == [{"n": 2}]


def _write_some(path: Path, writer: int) -> None:
    trace = Trace(path)
    threads = [threading.Thread(target=_write_lines, args=(trace, writer, thread)) for thread in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _write_lines(trace: Trace, writer: int, thread: int) -> None:
    for number in range(LINES):
        trace.write({"who": [writer, thread, number], "big": BIG})


def test_lines_stay_whole_under_threads_of_several_processes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_write_some, args=(path, writer)) for writer in range(WRITERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    found = lines(path)
    assert sorted(line["who"] for line in found) == [
        [w, t, n] for w in range(WRITERS) for t in (0, 1) for n in range(LINES)
    ]
    assert all(line["big"] == BIG for line in found)


def test_half_a_line_of_a_killed_process_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"n": 1}\n{"n": ')
    Trace(path).write({"n": 2})
    assert path.read_bytes() == b'{"n": 1}\n{"n": \n{"n":2}\n'


def test_a_path_that_cannot_be_written_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    trace = Trace(tmp_path / "file" / "a.jsonl")
    trace.write({})
    trace.write({})
    (told,) = warnings(caplog)
    assert told.startswith(
        f"The trace {tmp_path / 'file' / 'a.jsonl'} cannot be written, and the runs go on without it"
    )


def _pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [Path.mkdir, _pipe])
def test_what_is_no_plain_file_is_not_written(tmp_path: Path, make: Any, caplog: pytest.LogCaptureFixture) -> None:
    make(tmp_path / "a.jsonl")
    Trace(tmp_path / "a.jsonl").write({"n": 1})
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize("value", [math.nan, object(), {1, 2}])
def test_what_json_cannot_say_is_told_and_nothing_is_written(
    tmp_path: Path, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    Trace(tmp_path / "a.jsonl").write({"n": value})
    assert len(warnings(caplog)) == 1 and not (tmp_path / "a.jsonl").exists()


def _fill(path: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    trace = Trace(path)
    trace.write({"n": 1})
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
    trace.write({"big": BIG})
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    trace.write({"n": 2})


def test_what_a_full_disk_took_of_a_line_is_taken_back(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_fill, args=(tmp_path / "a.jsonl",))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert lines(tmp_path / "a.jsonl") == [{"n": 1}, {"n": 2}]
