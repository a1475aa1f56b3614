"""When a call is sent again."""

from __future__ import annotations

import pytest

from litellm_codex_agent.tools.retries import BROKEN, MAX_TRIES, REFUSED, pause


def wait(status: int, tries: int = 1, *, idempotent: bool = False, asked: float | None = None, left: float = 60.0):
    return pause(status, tries, idempotent=idempotent, asked=asked, left=left)


@pytest.mark.parametrize("idempotent", [False, True])
@pytest.mark.parametrize("status", [REFUSED, 429, 503])
def test_what_was_not_done_is_tried_three_times(status: int, idempotent: bool) -> None:
    assert [wait(status, tries, idempotent=idempotent) for tries in (1, 2, 3, 4)] == [0.25, 1.0, None, None]
    assert MAX_TRIES == 3


@pytest.mark.parametrize("status", [BROKEN, 502, 504])
def test_what_may_have_been_done_is_tried_again_only_where_it_is_idempotent(status: int) -> None:
    assert wait(status) is None
    assert wait(status, idempotent=True) == 0.25
    assert wait(status, 3, idempotent=True) is None


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404, 408, 500, 501])
def test_nothing_else_is_tried_again(status: int) -> None:
    assert wait(status, idempotent=True) is None


def test_the_servers_own_wait_counts_and_one_that_outlasts_the_call_ends_it() -> None:
    assert wait(429, asked=0.0) == 0.0
    assert wait(429, asked=7.5) == 7.5
    assert wait(429, asked=60.0, left=60.0) is None
    assert wait(429, asked=59.9, left=60.0) == 59.9
    assert wait(503, left=0.25) is None
