"""What a log holds of a fault."""

from __future__ import annotations

import logging

import pytest

from litellm_codex_agent.runs.faults import log_fault, without_words

WORDS, KEY, LIVE = "what the user said", "sk-of-the-caller-1234", "sk-live-0123456789abcdef"
_log = logging.getLogger("litellm_codex_agent.tests")


def raised() -> Exception:
    try:
        try:
            raise KeyError(WORDS)
        except KeyError as error:
            raise ValueError(f"{WORDS}, {KEY}, {LIVE}") from error
    except ValueError as error:
        return error


def test_a_fault_is_told_by_where_it_was_raised_and_from_what() -> None:
    told = without_words(raised())
    assert told.count("Traceback") == 2 and "in raised" in told
    assert told.index("KeyError") < told.index("and from that") < told.rindex("ValueError")


@pytest.mark.parametrize("hidden", [True, False])
def test_what_came_before_it_is_told_unless_it_was_hidden(hidden: bool) -> None:
    error = ValueError()
    error.__context__, error.__suppress_context__ = KeyError(), hidden
    assert ("KeyError" in without_words(error)) is not hidden


@pytest.mark.parametrize(("level", "lines"), [(logging.INFO, 1), (logging.DEBUG, 2)])
def test_its_words_are_for_debug_alone_and_without_keys(
    caplog: pytest.LogCaptureFixture, level: int, lines: int
) -> None:
    with caplog.at_level(level, _log.name):
        log_fault(_log, "It failed.", raised(), (KEY,))
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.DEBUG][:lines]
    assert WORDS not in caplog.records[0].getMessage()
    assert KEY not in caplog.text and LIVE not in caplog.text
    assert lines == 1 or f"{WORDS}, sk-…1234, sk-…cdef" in caplog.records[1].getMessage()
