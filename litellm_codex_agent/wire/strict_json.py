"""JSON from outside and to the outside: what is read can be written again, and what is written can be read.

Law: what is read has text that UTF-8 can hold, finite numbers, and no depth that a later reader could
stumble over. Of a key that is there twice the last counts, as in every reader of JSON that we know.
"""

from __future__ import annotations

import json
import math
from typing import Any

from .paths import path, subject
from .schema import BrokenRequest

__all__ = ["MAX_DEPTH", "MAX_DIGITS", "quoted", "read_json", "sayable", "write_json"]

# Python's own reader and writer fail at some hundreds, sooner inside a deep call. Tools' schemas stay below thirty.
MAX_DEPTH = 100
# A float holds every number of so many digits; Python's conversion is quadratic, and limited by itself to 4,300.
MAX_DIGITS = 300

# Below this a number without a fraction is an integer, however it is written: so it is to JSON Schema, and
# whoever is handed 1.0 for a count need not know.
_WHOLE_BELOW = 2**63

# Made once: `json.dumps` makes one for each call.
_WRITER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_TOO_DEEP = f"{{}} is nested deeper than {MAX_DEPTH} levels."
_BODY = "The request body"


def read_json(body: bytes, what: str = _BODY) -> Any:
    """The value. Raises `BrokenRequest` with status 400; `what` is what its sentence calls the whole."""
    try:
        # RFC 8259, section 8.1: UTF-8, and a reader may ignore a byte order mark.
        value = json.loads(body.decode("utf-8-sig"), parse_int=_whole, parse_float=_fraction)
    except UnicodeDecodeError as error:
        raise BrokenRequest("", f"{what} is not JSON: byte {error.start:,} is not UTF-8.") from error
    except json.JSONDecodeError as error:
        sentence = f"{what} is not JSON: {error.msg}, line {error.lineno}, column {error.colno}."
        raise BrokenRequest("", sentence) from error
    except RecursionError as error:
        raise BrokenRequest("", _TOO_DEEP.format(what)) from error
    _check_inside([value], [], what)
    return value


def write_json(value: Any) -> bytes:
    """As UTF-8. Half of a surrogate pair, as in the output of a command, is written as a question mark.

    Raises `ValueError` for a number that JSON cannot say.
    """
    return _WRITER.encode(value).encode("utf-8", "replace")


def sayable(text: str) -> str:
    """`text` as UTF-8 can hold it: half of a surrogate pair is a question mark."""
    return text if _is_text(text) else text.encode("utf-8", "replace").decode()


def quoted(text: str) -> str:
    """A sayable text as it stands in what `write_json` writes."""
    return _WRITER.encode(text)


def _whole(digits: str) -> int | float:
    """Too many digits are told as infinite, and refused as that where their path is known."""
    return int(digits) if len(digits) <= MAX_DIGITS else math.inf


def _fraction(text: str) -> int | float:
    value = float(text)
    return int(value) if abs(value) < _WHOLE_BELOW and value.is_integer() else value


def _check_inside(container: dict[str, Any] | list[Any], steps: list[str | int], what: str) -> None:
    """`steps` lead to the container. One list for all: a path is put together only where there is a fault."""
    if len(steps) > MAX_DEPTH:
        raise BrokenRequest("", _TOO_DEEP.format(what))
    for step, entry in container.items() if isinstance(container, dict) else enumerate(container):
        steps.append(step)
        kind = type(entry)
        if kind is float and not math.isfinite(entry):
            raise _broken(steps, what, "has to be a finite number")
        if not _is_text(step) or (kind is str and not _is_text(entry)):
            raise _broken(steps, what, "has to be text, and holds half of a surrogate pair")
        if kind is dict or kind is list:
            _check_inside(entry, steps, what)
        steps.pop()


def _is_text(value: str | int) -> bool:
    if isinstance(value, int) or value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _broken(steps: list[str | int], what: str, fault: str) -> BrokenRequest:
    # The first step leads into the list around the whole.
    where = path(steps[1:])
    return BrokenRequest(where, f"{subject(where) if where else what} {fault}.")
