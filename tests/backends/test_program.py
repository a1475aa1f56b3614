"""The server as a process: what of it can be known without one that serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from .program import running


def test_a_server_that_does_not_come_up_is_told_with_what_it_printed(tmp_path: Path) -> None:
    said = "The server did not come up:(.|\\n)*MINI_AGENT_API_PORT"
    with pytest.raises(AssertionError, match=said), running(tmp_path, MINI_AGENT_API_PORT="no"):
        pass
