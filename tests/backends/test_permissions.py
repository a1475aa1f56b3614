"""Where a run is to work and what it may do: read alike for all agents, and refused by the name of the field."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_codex_agent.backends.parameters import RefusedParameter
from litellm_codex_agent.backends.permissions import permissions_of, workspace_of


@pytest.mark.parametrize("asked", [None, ""])
def test_nothing_asked_for_is_to_edit_in_a_fresh_directory(asked: Any) -> None:
    options = {"permissions": asked, "workspace": asked}
    assert (permissions_of(options, "mini", network=False), workspace_of(options)) == ("edit", None)


@pytest.mark.parametrize(("asked", "network"), [("read-only", False), ("edit", False), ("full", True)])
def test_what_is_allowed_is_given(asked: str, network: bool) -> None:
    assert permissions_of({"permissions": asked}, "mini", network=network) == asked


def test_an_absolute_path_is_a_workspace() -> None:
    assert workspace_of({"workspace": "/srv/project"}) == "/srv/project"


@pytest.mark.parametrize(
    ("options", "field", "why"),
    [
        ({"permissions": "ask"}, "permissions", r"is not offered by codex\. Use read-only, edit or full\."),
        ({"permissions": "full"}, "permissions", r"--network on"),
        ({"workspace": "project"}, "workspace", r"an absolute path, and 'project' is not"),
        ({"workspace": {"repo": "x"}}, "workspace", r"the path of a directory"),
    ],
)
def test_what_cannot_be_given_is_refused(options: dict[str, Any], field: str, why: str) -> None:
    with pytest.raises(RefusedParameter, match=why) as refused:
        permissions_of(options, "codex", network=False)
        workspace_of(options)
    assert refused.value.name == field
