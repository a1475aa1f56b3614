"""The backends that there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from litellm_codex_agent.backends.backend import NotReady
from litellm_codex_agent.backends.events import Done
from litellm_codex_agent.backends.table import backends

from .playing import record, task, told


def test_each_backend_stands_under_its_own_name_and_is_ready() -> None:
    table = backends()
    assert list(table) == ["echo", "replay"]
    for name, backend in table.items():
        assert backend.name == name
        for model in backend.models():
            assert model.partition(":")[0] == name
            backend.check(model.partition(":")[2])


def test_the_operator_has_recordings_and_a_pace_of_their_own(tmp_path: Path) -> None:
    record(tmp_path, "mine", (1000, {"kind": "done"}))
    replay = backends(tmp_path, pace=0)["replay"]
    assert replay.models() == ["replay:fix-test", "replay:hello", "replay:mine"]
    assert told(replay, task("mine")) == [Done()]


def test_a_folder_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=f"There is no folder of recordings at {tmp_path}/none"):
        backends(tmp_path / "none")
