"""What tokens cost by the operator's table, and what is said of a table that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_codex_agent.backends.backend import NotReady
from litellm_codex_agent.backends.events import Usage
from litellm_codex_agent.backends.prices import Prices, read_prices

ROW = {"input_cost_per_token": 2e-6, "output_cost_per_token": 8e-6}
counts = st.integers(0, 10**9)
dollars = st.floats(0, 1)


@given(counts, counts, counts, dollars, dollars, dollars)
def test_the_cost_is_the_sum_of_what_each_kind_costs(
    fresh: int, cached: int, answered: int, one: float, two: float, three: float
) -> None:
    row = {"input_cost_per_token": one, "cache_read_input_token_cost": two, "output_cost_per_token": three}
    usage = Usage(fresh + cached, answered, cached_tokens=cached)
    assert Prices({"m": row})("m", usage) == pytest.approx(fresh * one + cached * two + answered * three)


@given(counts, counts, counts)
def test_without_a_price_of_their_own_cached_tokens_cost_what_others_do(fresh: int, cached: int, answered: int) -> None:
    whole = Prices({"m": ROW})("m", Usage(fresh + cached, answered))
    assert Prices({"m": ROW})("m", Usage(fresh + cached, answered, cached_tokens=cached)) == pytest.approx(whole)


@pytest.mark.parametrize("model, known", [("m", True), ("openai/m", True), ("a/b/m", True), ("mm", False), ("", False)])
def test_a_model_is_known_with_and_without_its_vendor(model: str, known: bool) -> None:
    assert (Prices({"m": ROW})(model, Usage(1, 1)) is not None) is known


def test_a_row_of_litellms_table_can_be_copied(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"m": {**ROW, "max_tokens": 5, "mode": "responses", "cache_read_input_token_cost": 0}}))
    assert read_prices(path)("m", Usage(1000, 100, cached_tokens=400)) == pytest.approx(600 * 2e-6 + 100 * 8e-6)


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("{", r"is not JSON: .*line 1, column 2"),
        ("[]", r"has to be an object of JSON, with a row for each model\."),
        *(
            (
                f'{{"m": {{"input_cost_per_token": {bad}, "output_cost_per_token": 1}}}}',
                r"`input_cost_per_token` of 'm'",
            )
            for bad in ("true", "-1", '"1"', "null")
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_told_with_the_place(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text)
    with pytest.raises(NotReady, match=sentence) as told:
        read_prices(path)
    assert str(path) in str(told.value)


def test_a_table_that_is_not_there_is_told_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=r"prices\.json cannot be read: No such file or directory\."):
        read_prices(tmp_path / "prices.json")


def test_a_row_of_what_is_not_paid_by_the_token_prices_nothing(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text('{"picture": {"output_cost_per_image": 1}, "half": {"input_cost_per_token": 1}, "none": 5}')
    assert [read_prices(path)(name, Usage(1, 1)) for name in ("picture", "half", "none")] == [None] * 3


def test_the_table_of_litellm_itself_can_be_taken() -> None:
    import litellm

    prices = read_prices(Path(litellm.__file__).with_name("model_prices_and_context_window_backup.json"))
    assert prices("gpt-4o-mini", Usage(1_000_000, 0)) == pytest.approx(0.15)
