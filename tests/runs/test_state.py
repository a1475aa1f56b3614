"""The state directory."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from litellm_codex_agent.runs.state import Address, StateError, address_of, is_served, opened, operator_key_of

SECONDS = 20


def test_it_is_made_for_its_owner_alone_and_its_key_stays(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state"
    with opened(path) as state:
        first = state.operator_key
    with opened(path) as state:
        assert len(first) > 30 and (state.operator_key, operator_key_of(path)) == (first, first)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((path / "operator-key").stat().st_mode) == 0o600


def test_a_second_server_in_it_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\nfrom litellm_codex_agent.runs.state import opened\n"
        f"opened(Path({str(tmp_path)!r})).__enter__()"
    )
    with opened(tmp_path), pytest.raises(StateError, match="Another codex-agent serves"), opened(tmp_path):
        pass
    with opened(tmp_path):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS)
        assert "Another codex-agent serves" in done.stderr
    with opened(tmp_path):
        pass


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="Set CODEX_AGENT_STATE to another one"), opened(tmp_path / "file" / "x"):
        pass


def test_a_key_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "operator-key").mkdir()
    with pytest.raises(StateError, match="cannot be used"), opened(tmp_path):
        pass
    assert operator_key_of(tmp_path) == ""


def test_the_address_is_written_whole_and_gone_with_its_server(tmp_path: Path) -> None:
    with opened(tmp_path) as state:
        state.announce("http://127.0.0.1:1", "agents.example")
        assert address_of(tmp_path) == Address("http://127.0.0.1:1", "agents.example")
        assert is_served(tmp_path)
    assert address_of(tmp_path) is None
    assert not is_served(tmp_path) and not is_served(tmp_path / "none")


def test_an_address_that_cannot_be_taken_back_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "address.json").mkdir()
    with pytest.raises(StateError, match="cannot be used"), opened(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"url": "x"}), "7"])
def test_a_broken_address_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "address.json").write_text(text)
    assert address_of(tmp_path) is None
