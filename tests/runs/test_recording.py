"""An ended run becomes a file that can be played, for its owner's eyes only, whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from litellm_codex_agent.backends.events import Done, Event, Failure, FileChange, Text, Thought, ToolCall, ToolResult
from litellm_codex_agent.backends.replay import Replay
from litellm_codex_agent.runs.recording import Unrecorded, prepare, write
from litellm_codex_agent.wire.recording import MAX_RECORDING_BYTES, MODEL, Header, read

from ..backends.playing import task, told

HEADER = Header("A run", MODEL, "mini:gpt", [{"role": "user", "content": "Do it."}])
RUN: list[tuple[float, Event]] = [
    (0.0, Thought("Hm.")),
    (0.1, ToolCall("1", "ls", "ls -l")),
    (0.2, FileChange("a.py", "added")),
    (0.3, ToolResult("1", ok=False, text="\udcff")),
    (0.4, Text("Hello\n你好")),
    (0.5, Done("max_cost", failure=Failure(402, "No money.", retry_after=1.5), metrics={"iterations": 2})),
]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_written_run_is_played_as_it_was(tmp_path: Path) -> None:
    path = write(tmp_path, "run_1", HEADER, RUN)
    with path.open("rb") as file:
        assert read(file, path.name)[0] == HEADER
    replay = Replay([tmp_path], pace=0)
    replay.check("run_1")
    assert told(replay, task("run_1")) == [
        ToolResult("1", ok=False, text="?") if isinstance(event, ToolResult) else event for _, event in RUN
    ]


def test_only_the_owner_reads_it_and_the_folder_that_was_made_for_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = write(tmp_path / "deep" / "runs", "a", HEADER, RUN)
    finally:
        os.umask(before)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)


def test_a_folder_of_the_operator_keeps_its_mode_and_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    write(tmp_path, "a", HEADER, RUN)
    write(tmp_path, "a", HEADER, [(0.0, Done())])
    assert told(Replay([tmp_path]), task("a")) == [Done()]
    assert mode(tmp_path) == 0o755


NEVER_PLAYED = {
    "without an end": [(0.0, Text("a"))],
    "over the limit": [(0.0, Text("a" * MAX_RECORDING_BYTES)), (0.0, Done())],
    "a day of the calendar for a second of the run": [(1.8e9, Done())],
    "a number without a word": [(0.0, Done(metrics={"a": float("nan")}))],
    "a thing that is no JSON": [(0.0, Done(metrics={"a": object}))],
}


@pytest.mark.parametrize("events", NEVER_PLAYED.values(), ids=NEVER_PLAYED)
def test_what_nobody_could_play_leaves_what_was_there(tmp_path: Path, events: list[tuple[float, Event]]) -> None:
    write(tmp_path, "a", HEADER, RUN)
    before = (tmp_path / "a.jsonl").read_bytes()
    with pytest.raises(Unrecorded, match=r"a\.jsonl cannot be written: ."):
        write(tmp_path, "a", HEADER, events)
    assert [(path.name, path.read_bytes() == before) for path in tmp_path.iterdir()] == [("a.jsonl", True)]


def test_a_folder_is_made_before_the_first_run_for_its_owner_alone(tmp_path: Path) -> None:
    prepare(tmp_path / "a" / "b")
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    assert not list((tmp_path / "a" / "b").iterdir())


def test_a_server_that_could_not_record_is_told_before_its_first_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unrecorded, match=r"cannot be written to .*: Not a directory\. Set CODEX_AGENT_RECORD"):
        prepare(tmp_path / "file" / "folder")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unrecorded, match="cannot be written"):
        write(tmp_path / "file" / "runs", "a", HEADER, RUN)


@pytest.mark.parametrize("name", ["", "../a", "A", "a.jsonl"])
def test_a_path_is_no_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(Unrecorded, match="cannot be called"):
        write(tmp_path, name, HEADER, RUN)
    assert not list(tmp_path.iterdir())
