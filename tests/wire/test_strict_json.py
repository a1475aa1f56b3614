"""JSON from outside: what is read can be written again, and all else is one sentence with status 400."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from litellm_codex_agent.wire.schema import BrokenRequest
from litellm_codex_agent.wire.strict_json import MAX_DEPTH, MAX_DIGITS, quoted, read_json, sayable, write_json

from .schemas import json_values

DEEPEST = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH


@pytest.mark.parametrize(
    ("body", "value"),
    [(b"1.0", 1), (b"-2e3", -2000), (b"1e18", 10**18), (b"9223372036854774784.0", 2**63 - 1024), (b"-0.0", 0)],
)
def test_a_number_without_a_fraction_is_an_integer(body: bytes, value: int) -> None:
    assert (read_json(body), type(read_json(body))) == (value, int)


@pytest.mark.parametrize("body", [b"1.5", b"9223372036854775808.0", b"1e-9"])
def test_any_other_number_is_a_float(body: bytes) -> None:
    assert (read_json(body), type(read_json(body))) == (float(body), float)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b' {"a": [1, -2.5, true, null]}\n', {"a": [1, -2.5, True, None]}),
        (b'\xef\xbb\xbf"a"', "a"),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        ('"é\\u00e9\\ud83d\\ude00"'.encode(), "éé\U0001f600"),
        (b'"\\u0000"', "\0"),
        (b"1e308", 1e308),
        (b"-0", 0),
        (b"9" * MAX_DIGITS, 10**MAX_DIGITS - 1),
        (DEEPEST, json.loads(DEEPEST)),
    ],
    ids=lambda entry: repr(entry)[:30],
)
def test_json_is_read(body: bytes, value: object) -> None:
    assert read_json(body) == value


BROKEN: list[tuple[bytes, str, str]] = [
    (b"", "", "The request body is not JSON: Expecting value, line 1, column 1."),
    (b'{"a": 1,\n}', "", "The request body is not JSON: "),
    (b"{} {}", "", "The request body is not JSON: Extra data, line 1, column 4."),
    (b"'a'", "", "The request body is not JSON: "),
    (b'"a\nb"', "", "The request body is not JSON: Invalid control character"),
    (b'{"a": "\xff"}', "", "The request body is not JSON: byte 7 is not UTF-8."),
    (b'"\xed\xa0\x80"', "", "The request body is not JSON: byte 1 is not UTF-8."),
    ('{"a": 1}'.encode("utf-16"), "", "The request body is not JSON: byte 0 is not UTF-8."),
    (b"[" + DEEPEST + b"]", "", "The request body is nested deeper than 100 levels."),
    (b"[" * 100_000, "", "The request body is nested deeper than 100 levels."),
    (b'{"a":' * 100_000, "", "The request body is nested deeper than 100 levels."),
    (b"NaN", "", "The request body has to be a finite number."),
    (b'{"a": [0, -Infinity]}', "a[1]", "`a[1]` has to be a finite number."),
    (b'{"a": 1e309}', "a", "`a` has to be a finite number."),
    (b'{"a": ' + b"9" * (MAX_DIGITS + 1) + b"}", "a", "`a` has to be a finite number."),
    (b'{"a": -' + b"9" * 1_000_000 + b"}", "a", "`a` has to be a finite number."),
    (b'{"a": {"b": "x\\ud800"}}', "a.b", "`a.b` has to be text, and holds half of a surrogate pair."),
    (b'["\\ude00\\ud83d"]', "[0]", "`[0]` has to be text, and holds half of a surrogate pair."),
    (b'{"\\udfff": 1}', '["\\udfff"]', '`["\\udfff"]` has to be text, and holds half of a surrogate pair.'),
]


@pytest.mark.parametrize(("body", "param", "sentence"), BROKEN, ids=lambda entry: repr(entry)[:30])
def test_what_could_not_be_written_again_is_refused(body: bytes, param: str, sentence: str) -> None:
    with pytest.raises(BrokenRequest) as caught:
        read_json(body)
    assert (caught.value.param, caught.value.status) == (param, 400)
    assert str(caught.value).startswith(sentence)
    str(caught.value).encode()


@given(st.binary(max_size=64) | st.text(alphabet='[]{}",:0e9.-\\ud8NaIfinty ', max_size=64).map(str.encode))
def test_any_bytes_are_a_value_or_a_broken_request(body: bytes) -> None:
    try:
        value = read_json(body)
    except BrokenRequest:
        return
    assert read_json(write_json(value)) == value


@given(json_values)
def test_what_is_written_reads_back(value: object) -> None:
    assert json.loads(write_json(value)) == value


def test_half_of_a_surrogate_pair_is_written_as_a_question_mark() -> None:
    assert write_json({"out": "caf\udce9 é"}) == '{"out":"caf? é"}'.encode()


def test_a_number_that_json_cannot_say_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(float("nan"))


@given(st.text(st.characters(exclude_categories=())))
@example("a\ud800")
def test_a_text_is_made_sayable_and_is_quoted_as_it_is_written(text: str) -> None:
    assert sayable(text) == text.encode("utf-8", "replace").decode()
    assert quoted(sayable(text)).encode() == write_json(text)


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 1000, b"NaN"])
def test_a_sentence_calls_the_whole_what_its_reader_calls_it(body: bytes) -> None:
    with pytest.raises(BrokenRequest, match=r"^The line (is|has)"):
        read_json(body, "The line")
