"""A Retry-After is a wait, in whichever of its forms it comes."""

from __future__ import annotations

import pytest

from litellm_codex_agent.wire.retry_after import retry_after

from ..tools.tool_server import in_http_date

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("1.5", 1.5),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10.0),
        ("Sun, 06 Nov 1994 08:49:27 GMT", 0.0),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("1e3", None),
        ("٣", None),
        ("Sun, 99 Nov 1994 08:49:27 GMT", None),
    ],
)
def test_a_wait_is_read_in_seconds_and_as_a_date(said: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": said} if said else {}, NOW) == seconds


def test_the_date_of_the_test_server_is_one() -> None:
    found = retry_after({"retry-after": in_http_date(0)}, 0.0)
    assert found is not None and found > NOW
