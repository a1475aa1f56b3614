"""A recorded run as lines of JSON: first its header, then each event with the second at which it came.

Law: strict. A recording ends with its only `done`, its times never go back, and each fault is one sentence that
names the file and the line. What an event holds beyond its kind is its reader's to judge.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

__all__ = [
    "BrokenRecording",
    "Header",
    "MAX_RECORDING_BYTES",
    "MODEL",
    "Moment",
    "SCRIPT",
    "SUFFIX",
    "VERSION",
    "encode",
    "is_name",
    "read",
]

VERSION = 1
# Who spoke in it: a demo that looks like a model's work and is none would be a lie.
SCRIPT = "script"
MODEL = "model"
SUFFIX = ".jsonl"
# Sixty tool calls, each with the whole MiB of output that a trace keeps, and no more.
MAX_RECORDING_BYTES = 64 * 1024 * 1024
# Times are for people and for pace; less than a tenth of a millisecond is noise.
_DIGITS = 4
# No run takes a year, and a number without a bound is none to wait for.
_LONGEST = 366 * 86_400
# Deeper than any event, and far from where a copy or a print would run out of stack.
_LEVELS = 100
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_FIELDS = ("recording", "title", "spoken_by", "model", "messages")


class BrokenRecording(ValueError):
    """A line that is not what a recording has there; the message is a sentence for its owner."""

    def __init__(self, file: str, line: int, why: str) -> None:
        super().__init__(f"The recording {file} is broken in line {line}: {why}")
        self.line = line


@dataclass(frozen=True)
class Header:
    """What was asked of whom, and who spoke: `script` is us, `model` is a model."""

    title: str
    spoken_by: str
    model: str
    messages: Sequence[Mapping[str, Any]]


class Moment(NamedTuple):
    """An event as JSON, the second of its run at which it came, and the line that says so."""

    at: float
    event: Mapping[str, Any]
    line: int


def is_name(text: str) -> bool:
    """Whether a recording may be called so: in a model's name and as a file, on any disk and in any shell."""
    return _NAME.fullmatch(text) is not None


def encode(header: Header, events: Iterable[tuple[float, Mapping[str, Any]]]) -> Iterator[bytes]:
    """The lines of a recording. A clock that was set back between two events does not show."""
    yield _line({"recording": VERSION, **{name: getattr(header, name) for name in _FIELDS[1:]}})
    latest = 0.0
    for at, event in events:
        latest = max(latest, round(at, _DIGITS))
        yield _line({"at": latest, "event": event})


def _line(value: Mapping[str, Any]) -> bytes:
    # A half surrogate, as in a file name that is no UTF-8, becomes a question mark: it has no bytes to be written as.
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace") + b"\n"


def read(lines: Iterable[bytes], file: str) -> tuple[Header, Iterator[Moment]]:
    """The header, and the events as they are asked for. Raises `BrokenRecording`, from the iterator too."""
    numbered = _numbered(lines, file)
    first = next(numbered, None)
    if first is None:
        raise BrokenRecording(file, 1, "it is empty.")
    return _header(first[1], file), _moments(numbered, file)


def _numbered(lines: Iterable[bytes], file: str) -> Iterator[tuple[int, Any]]:
    """Each line's number and its JSON."""
    size = 0
    for number, line in enumerate(lines, start=1):
        size += len(line)
        if size > MAX_RECORDING_BYTES:
            raise BrokenRecording(file, number, f"it is larger than {MAX_RECORDING_BYTES:,} bytes.")
        try:
            value = _json(line)
        except (ValueError, RecursionError) as error:
            raise BrokenRecording(file, number, "it is not plain JSON in UTF-8, or was cut.") from error
        yield number, value


def _json(line: bytes) -> Any:
    value = json.loads(line.decode(), parse_constant=_refuse, parse_float=_finite)
    if line.count(b"{") + line.count(b"[") > _LEVELS and _levels(value) > _LEVELS:
        raise ValueError("It is nested too deeply.")
    if b"\\u" in line:
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate could not be told to anyone
    return value


def _levels(value: Any) -> int:
    """How deeply `value` is nested, counted without recursion."""
    level, count = [value], 0
    while nested := [inner for inner in level if isinstance(inner, dict | list)]:
        level = [inner for part in nested for inner in (part.values() if isinstance(part, dict) else part)]
        count += 1
    return count


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large.")
    return number


def _header(value: Any, file: str) -> Header:
    def wrong(why: str) -> BrokenRecording:
        return BrokenRecording(file, 1, why)

    if not isinstance(value, dict) or "recording" not in value:
        raise wrong('it is not the header of a recording, `{"recording": 1, ...}`.')
    if value["recording"] is True or value["recording"] != VERSION:
        raise wrong(f"it is in another format than {VERSION}, the one that this version reads.")
    if set(value) != set(_FIELDS):
        raise wrong(f"its fields have to be {', '.join(f'`{name}`' for name in _FIELDS)}.")
    if not all(isinstance(value[name], str) and value[name] for name in ("title", "model")):
        raise wrong("`title` and `model` have to be text.")
    if value["spoken_by"] not in (SCRIPT, MODEL):
        raise wrong(f"`spoken_by` has to be {SCRIPT!r} or {MODEL!r}.")
    if not isinstance(value["messages"], list) or not all(isinstance(item, dict) for item in value["messages"]):
        raise wrong("`messages` has to be a list of objects.")
    return Header(**{name: value[name] for name in _FIELDS[1:]})


def _moments(numbered: Iterator[tuple[int, Any]], file: str) -> Iterator[Moment]:
    latest, last = 0.0, 1
    for last, value in numbered:
        moment = _moment(value, file, last)
        if moment.at < latest:
            raise BrokenRecording(file, last, "`at` goes back in time.")
        latest = moment.at
        ended = moment.event["kind"] == "done"
        # Looked at before the end is told, so that an end is never followed by a fault.
        if ended and next(numbered, None) is not None:
            raise BrokenRecording(file, last + 1, "it comes after the `done` of the run.")
        yield moment
        if ended:
            return
    raise BrokenRecording(file, last, "it is the last one, and the run has no `done`.")


def _moment(value: Any, file: str, line: int) -> Moment:
    if not isinstance(value, dict) or set(value) != {"at", "event"}:
        raise BrokenRecording(file, line, "its fields have to be `at` and `event`.")
    at, event = value["at"], value["event"]
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at <= _LONGEST:
        raise BrokenRecording(file, line, "`at` has to be the seconds since the run began.")
    if not isinstance(event, dict) or not isinstance(event.get("kind"), str):
        raise BrokenRecording(file, line, "`event` has to be an object with its `kind`.")
    return Moment(float(at), event, line)
