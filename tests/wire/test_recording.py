"""A recorded run as lines: what is written reads back, and each fault is a sentence with its file and line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litellm_codex_agent.wire import recording
from litellm_codex_agent.wire.recording import BrokenRecording, Header, Moment, encode, is_name, read

HEADER = Header("A test", "script", "none", [{"role": "user", "content": "Hi, 你好"}])
TEXT = {"kind": "text", "text": "Hello\n\u2028 there"}
DONE = {"kind": "done"}
HEAD = {"recording": 1, "title": "A test", "spoken_by": "script", "model": "none", "messages": []}


def lines(*values: Any) -> list[bytes]:
    return [value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n" for value in values]


def played(given: list[bytes]) -> list[Moment]:
    return list(read(given, "a.jsonl")[1])


def fault(given: list[bytes]) -> str:
    with pytest.raises(BrokenRecording) as caught:
        played(given)
    assert f"The recording a.jsonl is broken in line {caught.value.line}: " in str(caught.value)
    return str(caught.value).split("broken in ")[1]


def test_what_is_written_reads_back() -> None:
    header, moments = read(encode(HEADER, [(0.25, TEXT), (1, DONE)]), "a.jsonl")
    assert header == HEADER
    assert list(moments) == [Moment(0.25, TEXT, 2), Moment(1.0, DONE, 3)]


def test_a_clock_that_was_set_back_does_not_show() -> None:
    moments = played(list(encode(HEADER, [(-3.0, TEXT), (2.123456, TEXT), (1.0, DONE)])))
    assert [moment.at for moment in moments] == [0.0, 2.1235, 2.1235]


def test_half_a_surrogate_is_written_as_a_question_mark() -> None:
    moments = played(list(encode(HEADER, [(0, {"kind": "text", "text": "a\udc80b"}), (0, DONE)])))
    assert moments[0].event["text"] == "a?b"


def test_a_number_that_json_has_no_word_for_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        list(encode(HEADER, [(0, {"kind": "done", "metrics": {"ratio": float("nan")}})]))


def test_the_header_is_read_at_once_and_an_event_when_it_is_asked_for() -> None:
    header, moments = read(lines(HEAD, {"at": 0, "event": TEXT}, b"oops"), "a.jsonl")
    assert (header.title, next(moments).event) == ("A test", TEXT)
    with pytest.raises(BrokenRecording, match="line 3"):
        next(moments)


def test_the_last_line_needs_no_end_and_windows_ends_are_read() -> None:
    text = b"\r\n".join(line.strip() for line in lines(HEAD, {"at": 0, "event": DONE}))
    assert played(text.splitlines(keepends=True)) == [Moment(0.0, DONE, 2)]


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ([], "not the header"),
        ({}, "not the header"),
        ({**HEAD, "recording": 2}, "another format than 1"),
        ({**HEAD, "recording": True}, "another format than 1"),
        ({**HEAD, "more": 1}, "`recording`, `title`, `spoken_by`, `model`, `messages`"),
        ({"recording": 1}, "`recording`, `title`, `spoken_by`, `model`, `messages`"),
        ({**HEAD, "title": ""}, "`title` and `model` have to be text"),
        ({**HEAD, "model": None}, "`title` and `model` have to be text"),
        ({**HEAD, "spoken_by": "nobody"}, "'script' or 'model'"),
        ({**HEAD, "spoken_by": []}, "'script' or 'model'"),
        ({**HEAD, "messages": {}}, "list of objects"),
        ({**HEAD, "messages": ["hi"]}, "list of objects"),
    ],
)
def test_a_wrong_header_is_told(head: Any, words: str) -> None:
    told = fault(lines(head, {"at": 0, "event": DONE}))
    assert told.startswith("line 1: ") and words in told


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"\n", "not plain JSON"),
        (b'{"at": 0, "ev', "was cut"),
        (b"\xff\n", "UTF-8"),
        (b'\xef\xbb\xbf{"at": 0}\n', "not plain JSON"),
        (b'{"at": NaN, "event": {"kind": "text"}}\n', "not plain JSON"),
        (b'{"at": 1e999, "event": {"kind": "text"}}\n', "not plain JSON"),
        (b'{"at": 0, "event": {"kind": "text", "text": "\\ud800"}}\n', "not plain JSON"),
        (b'{"at": 0, "event": {"kind": "done", "metrics": ' + b'{"a": ' * 99 + b"1" + b"}" * 101, "not plain JSON"),
        (b"[" * 100_000, "not plain JSON"),
        (b"1" * 5_000, "not plain JSON"),
        ([], "`at` and `event`"),
        ({"at": 0}, "`at` and `event`"),
        ({"at": 0, "event": TEXT, "seq": 1}, "`at` and `event`"),
        ({"at": "0", "event": TEXT}, "seconds"),
        ({"at": True, "event": TEXT}, "seconds"),
        ({"at": -0.1, "event": TEXT}, "seconds"),
        ({"at": 10**400, "event": TEXT}, "seconds"),
        ({"at": 0, "event": "text"}, "its `kind`"),
        ({"at": 0, "event": {}}, "its `kind`"),
        ({"at": 0, "event": {"kind": []}}, "its `kind`"),
    ],
)
def test_a_wrong_event_is_told_with_its_line(line: Any, words: str) -> None:
    told = fault(lines(HEAD, line, {"at": 0, "event": DONE}))
    assert told.startswith("line 2: ") and words in told


@pytest.mark.parametrize(
    ("events", "number", "words"),
    [
        ([(0, TEXT)], 2, "no `done`"),
        ([], 1, "no `done`"),
        ([(2, TEXT), (1, DONE)], 3, "back in time"),
        ([(0, DONE), (0, TEXT)], 3, "after the `done`"),
        ([(0, DONE), (0, DONE)], 3, "after the `done`"),
    ],
)
def test_a_run_ends_with_its_only_done_and_goes_forward(events: Any, number: int, words: str) -> None:
    told = fault(lines(HEAD, *({"at": at, "event": event} for at, event in events)))
    assert told.startswith(f"line {number}: ") and words in told


def test_the_end_is_not_told_before_it_is_known_to_be_one() -> None:
    _, moments = read(lines(HEAD, {"at": 0, "event": DONE}, b"oops"), "a.jsonl")
    with pytest.raises(BrokenRecording, match="line 3"):
        next(moments)


def test_many_brackets_are_not_deep() -> None:
    event = {"kind": "done", "metrics": {"rows": [[{}] * 200]}}
    assert played(lines(HEAD, {"at": 0, "event": event}))[0].event == event


def test_an_empty_file_is_told() -> None:
    assert fault([]) == "line 1: it is empty."


def test_a_recording_has_a_limit() -> None:
    half = b" " * (recording.MAX_RECORDING_BYTES // 2)
    assert "line 3: it is larger than 67,108,864 bytes." in fault(
        [*lines(HEAD), half + b'{"at": 0, "event": {"kind": "text"}}\n', half]
    )


WHOLE = b"".join(encode(HEADER, [(0.25, TEXT), (0.5, {"kind": "tool_call", "id": "1"}), (1.5, DONE)]))


def test_a_recording_cut_at_any_byte_is_told_unless_the_cut_only_took_the_last_line_end() -> None:
    for size in range(len(WHOLE) - 1):
        assert fault(WHOLE[:size].splitlines(keepends=True)).startswith("line ")
    assert len(played(WHOLE[:-1].split(b"\n"))) == 3


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.binary(max_size=3)), min_size=1, max_size=4))
def test_a_recording_with_any_bytes_changed_is_read_or_told(changes: list[tuple[int, bytes]]) -> None:
    changed = bytearray(WHOLE)
    for place, replacement in changes:
        changed[place : place + len(replacement)] = replacement
    try:
        played(bytes(changed).split(b"\n"))
    except BrokenRecording as error:
        assert str(error).startswith("The recording a.jsonl is broken in line ")


@pytest.mark.parametrize("name", ["a", "fix-test", "run_0", "0" * 100])
def test_a_name_is_small_letters_digits_and_dashes(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", "A", "-a", "_a", "a.b", "a/b", "..", "a\n", "a\0", "ä", "²", "0" * 101])
def test_a_path_or_an_odd_letter_is_no_name(name: str) -> None:
    assert not is_name(name)
