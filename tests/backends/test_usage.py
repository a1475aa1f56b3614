"""What a run took, added and taken away."""

from __future__ import annotations

import pytest

from litellm_codex_agent.backends.events import Usage


def test_usage_adds_up_and_an_unknown_cost_stays_unknown() -> None:
    assert Usage(1, 2, None, 3, 4).plus(Usage(10, 20, None, 30, 40)) == Usage(11, 22, None, 33, 44)
    assert Usage(cost_usd=0.5).plus(Usage()).cost_usd == 0.5
    assert Usage(cost_usd=0.5).plus(Usage(cost_usd=0.25)).cost_usd == 0.75


@pytest.mark.parametrize("cost", [None, 0.25])
def test_a_part_can_be_taken_off_again(cost: float | None) -> None:
    part = Usage(1, 2, cost, 3, 4)
    assert part.plus(Usage(10, 20, 0.5, 30, 40)).minus(part) == Usage(10, 20, 0.5, 30, 40)
    assert Usage(5).minus(Usage(2)) == Usage(3)
