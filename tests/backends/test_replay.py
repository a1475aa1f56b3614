"""`replay`: a recorded run comes again, at its pace or another, and a broken file is one model that is not ready."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.backends.backend import NoSuchModel, NotReady
from litellm_codex_agent.backends.events import Done, Event, Failure, FileChange, Text, Thought, ToolCall, ToolResult
from litellm_codex_agent.backends.replay import Replay
from litellm_codex_agent.backends.table import SHIPPED
from litellm_codex_agent.wire.recording import MAX_RECORDING_BYTES, read

from .playing import record, task, timed, told

THINK = {"kind": "thought", "text": "Hm."}
SAY = {"kind": "text", "text": "Hello"}
CALL = {"kind": "tool_call", "id": "1", "name": "ls"}
DONE = {"kind": "done"}
PROC = Path("/proc/self/fd")


def unready(replay: Replay, model: str) -> str:
    with pytest.raises((NoSuchModel, NotReady)) as caught:
        replay.check(model)
    return str(caught.value)


@pytest.mark.parametrize("name", ["hello", "fix-test"])
def test_a_shipped_recording_is_ready_and_says_that_a_script_spoke(name: str) -> None:
    replay = Replay([SHIPPED])
    replay.check(name)
    assert f"replay:{name}" in replay.models()
    with (SHIPPED / f"{name}.jsonl").open("rb") as file:
        header = read(file, name)[0]
    assert header.spoken_by == "script"
    assert "scripted by us: no model spoke" in header.title


def test_a_recorded_run_comes_again_with_its_end_told_once() -> None:
    events = told(Replay([SHIPPED], pace=0), task("fix-test"))
    kinds = [type(event) for event in events]
    assert {Thought, Text, ToolCall, ToolResult, FileChange} <= set(kinds)
    assert kinds.count(Done) == 1 and events[-1] == Done()
    assert FileChange("prices.py") in events
    assert kinds.index(ToolCall) < kinds.index(ToolResult)


@pytest.mark.parametrize(("setting", "options"), [(2.0, {}), (1.0, {"pace": 2}), (0.0, {"pace": 2.0})])
def test_times_are_stretched_by_the_pace_and_a_request_has_its_own(
    tmp_path: Path, setting: float, options: dict[str, Any]
) -> None:
    record(tmp_path, "slow", (0.1, THINK), (0.2, SAY), (0.2, DONE))
    times = [at for at, _ in timed(Replay([tmp_path], pace=setting), task("slow", **options))]
    assert times[0] >= 0.2
    assert 0.4 <= times[1] <= times[2] < 2


def test_without_a_pace_nothing_waits(tmp_path: Path) -> None:
    record(tmp_path, "long", (100, SAY), (1000, DONE))
    assert told(Replay([tmp_path]), task("long", pace=0)) == [Text("Hello"), Done()]


def test_a_slow_reader_does_not_slow_the_run_down(tmp_path: Path) -> None:
    record(tmp_path, "a", (0.05, CALL), (0.8, SAY), (0.8, DONE))

    async def last() -> float:
        clock = asyncio.get_running_loop().time
        began = clock()
        async for event in Replay([tmp_path]).answer(task("a")):
            if isinstance(event, ToolCall):
                await asyncio.sleep(0.7)  # as long as it takes to make the call durable
        return clock() - began

    assert 0.8 <= asyncio.run(last()) < 1.4


def test_without_a_wait_the_loop_is_given_up_all_the_same() -> None:
    async def turns_of_another() -> int:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        running = asyncio.ensure_future(other())
        events = [event async for event in Replay([SHIPPED], pace=0).answer(task("hello"))]
        running.cancel()
        return turns - len(events)

    assert asyncio.run(turns_of_another()) >= -2


def test_a_file_that_is_dropped_in_can_be_asked_for_and_wins_over_a_shipped_one(tmp_path: Path) -> None:
    replay = Replay([SHIPPED, tmp_path], pace=0)
    assert replay.models() == ["replay:fix-test", "replay:hello"]
    record(tmp_path, "hello", (0, SAY), (0, DONE))
    record(tmp_path, "mine", (0, DONE))
    assert replay.models() == ["replay:fix-test", "replay:hello", "replay:mine"]
    assert told(replay, task("hello")) == [Text("Hello"), Done()]
    assert told(replay, task("mine")) == [Done()]


def test_a_folder_that_went_away_takes_its_own_recordings_only(tmp_path: Path) -> None:
    assert Replay([SHIPPED, tmp_path / "gone"]).models() == ["replay:fix-test", "replay:hello"]


@pytest.mark.parametrize(
    ("events", "line", "words"),
    [
        ([(0, SAY)], 2, "no `done`"),
        ([(0, DONE), (0, SAY)], 3, "after the `done`"),
        ([(0, {"kind": "song"}), (0, DONE)], 2, "kind"),
        ([(0, {"kind": "text", "text": 1}), (0, DONE)], 2, "text"),
    ],
)
def test_a_broken_recording_is_one_model_that_is_not_ready(tmp_path: Path, events: Any, line: int, words: str) -> None:
    record(tmp_path, "bad", *events)
    replay = Replay([SHIPPED, tmp_path])
    assert replay.models() == ["replay:bad", "replay:fix-test", "replay:hello"]
    why = unready(replay, "bad")
    assert why.startswith(f"The recording bad.jsonl is broken in line {line}: ") and words in why
    replay.check("hello")


def test_a_verdict_holds_until_the_file_changes(tmp_path: Path) -> None:
    replay = Replay([tmp_path])
    record(tmp_path, "a", (0, SAY))
    assert unready(replay, "a") == unready(replay, "a")
    record(tmp_path, "a", (0, SAY), (0, DONE))
    replay.check("a")


@pytest.mark.parametrize("name", ["", "nobody", "../hello", "/etc/passwd", "hello.jsonl", "Hello", "a\0b", "x" * 5000])
def test_what_is_not_listed_is_not_opened(tmp_path: Path, name: str) -> None:
    record(tmp_path, "hello", (0, DONE))
    (tmp_path / "inner").mkdir()
    why = unready(Replay([tmp_path / "inner", SHIPPED]), name)
    assert why.startswith("There is no recording '")
    assert len(why) < 200


def test_only_plain_files_with_a_plain_name_are_listed(tmp_path: Path) -> None:
    record(tmp_path, "Upper", (0, DONE))
    record(tmp_path, ".hidden", (0, DONE))
    (tmp_path / "folder.jsonl").mkdir()
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "nowhere.jsonl").symlink_to(tmp_path / "gone")
    assert Replay([tmp_path]).models() == []
    assert unready(Replay([tmp_path]), "pipe") == "There is no recording 'pipe'."


def test_a_file_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    with record(tmp_path, "huge", (0, DONE)).open("r+b") as file:
        file.truncate(MAX_RECORDING_BYTES + 1)
    assert "huge.jsonl is broken in line 1: the file is larger than 67,108,864 bytes." in unready(
        Replay([tmp_path]), "huge"
    )


@pytest.mark.skipif(not PROC.exists(), reason="needs a file that cannot be read, even by root")
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "memory.jsonl").symlink_to("/proc/self/mem")
    assert unready(Replay([tmp_path]), "memory") == "The recording memory.jsonl cannot be read: Input/output error."


@pytest.mark.parametrize("rest", ["oops\n", ""])
def test_a_recording_that_breaks_while_it_is_played_ends_in_a_failure(tmp_path: Path, rest: str) -> None:
    long = {"kind": "text", "text": "x" * 1_000_000}  # more than is read ahead
    path = record(tmp_path, "a", (0, CALL), (0, long), (0, SAY), (0, DONE))

    async def play() -> list[Event]:
        events = []
        async for event in Replay([tmp_path]).answer(task("a")):
            events.append(event)
            if isinstance(event, ToolCall):
                os.truncate(path, 500_000)
                with path.open("a") as file:
                    file.write(rest)
        return events

    *_, end = asyncio.run(play())
    assert isinstance(end, Done) and end.failure is not None
    assert (end.stopped_reason, end.failure.status, end.failure.code) == ("model_error", 503, "not_ready")


def test_a_recording_that_is_taken_away_ends_in_a_failure(tmp_path: Path) -> None:
    (end,) = told(Replay([tmp_path]), task("gone"))
    why = "There is no recording 'gone'."
    assert end == Done("model_error", failure=Failure(503, why, "not_ready"))


@pytest.mark.skipif(not PROC.exists(), reason="needs the list of open files")
def test_a_run_that_is_closed_in_mid_play_leaves_no_file_open() -> None:
    async def play() -> None:
        events = Replay([SHIPPED]).answer(task("hello"))
        await events.__anext__()
        assert SHIPPED / "hello.jsonl" in opened()
        await events.aclose()

    def opened() -> list[Path]:
        return [entry.readlink() for entry in PROC.iterdir() if entry.is_symlink()]

    asyncio.run(play())
    assert SHIPPED / "hello.jsonl" not in opened()


EVERY_KIND: list[tuple[float, dict[str, Any]]] = [
    (0, THINK),
    (0.5, CALL),
    (1, {"kind": "file_change", "path": "a", "change": "added"}),
    (1, {"kind": "tool_result", "id": "1", "ok": False, "text": "\u00e4\n"}),
    (1.5, SAY),
    (2, {**DONE, "usage": {"prompt_tokens": 1, "cost_usd": 0.5}, "failure": {"status": 500, "message": "x"}}),
]


def test_a_recording_cut_at_any_byte_is_played_or_told(tmp_path: Path) -> None:
    path = record(tmp_path, "cut", *EVERY_KIND)
    whole, replay = path.read_bytes(), Replay([tmp_path])
    for size in range(len(whole) - 1):
        path.write_bytes(whole[:size])
        assert unready(replay, "cut").startswith("The recording cut.jsonl is broken in line ")
    path.write_bytes(whole[:-1])
    replay.check("cut")


@pytest.mark.parametrize("other", [b"", b"0", b'"', b"}", b"{", b"[", b"\\", b"\n", b"\xff", b"null", b"-"])
def test_a_recording_with_any_byte_changed_is_played_or_told(tmp_path: Path, other: bytes) -> None:
    path = record(tmp_path, "odd", *EVERY_KIND)
    whole, replay = path.read_bytes(), Replay([tmp_path], pace=0)
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + other + whole[place + 1 :])
        try:
            replay.check("odd")
        except NotReady as error:
            assert str(error).startswith("The recording odd.jsonl is broken in line ")
        ends = [event for event in told(replay, task("odd")) if isinstance(event, Done)]
        assert len(ends) == 1


def test_a_long_file_that_is_broken_is_told_before_anything_else_of_it(tmp_path: Path) -> None:
    lines = [(0, {"kind": "text", "text": "x" * 1000})] * 200
    path = record(tmp_path, "long", *lines, (0, DONE))
    path.write_bytes(path.read_bytes() + b"{oops\n")
    replay = Replay([tmp_path], pace=0)
    replay.check("long")  # a list of models does not wait for it to be read
    (end,) = told(replay, task("long"))
    assert isinstance(end, Done) and end.failure is not None
    assert (end.failure.status, "long.jsonl is broken in line 203" in end.failure.message) == (503, True)
