"""What a request wants of Codex beside its messages. Pure.

Law: what cannot be given is refused by the name of its field, before anything is opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..backend import Task
from ..events import Usage
from ..parameters import RefusedParameter
from ..permissions import FULL, READ_ONLY, permissions_of, workspace_of

__all__ = ["Want", "look", "want"]

_AGENT = "codex"


@dataclass(frozen=True)
class Want:
    """Empty names are Codex's own choice. `form` is the request's `response_format`, and `schema` what Codex gets."""

    model: str = ""
    effort: str = ""
    workspace: str | None = None
    writable: bool = True
    network: bool = False
    form: Mapping[str, Any] | None = None
    schema: Mapping[str, Any] | None = None
    cost_bound: bool = False

    def unbound(self, usage: Usage) -> Sequence[str]:
        """A bound that nothing was measured by."""
        return ["budgets.max_cost_usd"] if self.cost_bound and usage.cost_usd is None else []


def want(task: Task, *, network: bool, model: str = "", cost_bound: bool = False) -> Want:
    """Raises `RefusedParameter` with the reason. `network` says whether the operator allows it."""
    options, parameters = task.options, task.parameters
    look(parameters, options, network=network)
    permissions = permissions_of(options, _AGENT, network=network)
    given = parameters.get("response_format")
    form = None if given and given.get("type") == "text" else given
    schema = form["json_schema"].get("schema") if form and form.get("type") == "json_schema" else None
    return Want(
        model=task.model or model,
        effort=str(parameters.get("reasoning_effort") or ""),
        workspace=workspace_of(options),
        writable=permissions != READ_ONLY,
        network=permissions == FULL,
        form=form,
        schema=schema,
        cost_bound=cost_bound,
    )


def look(parameters: Mapping[str, Any], options: Mapping[str, Any], *, network: bool) -> None:
    """Raises `RefusedParameter` for what no run could honour."""
    if parameters.get("tools") and parameters.get("tool_choice") != "none":
        raise RefusedParameter("tools", "`tools` are not offered by codex: it has its own. Leave them out.")
    if options.get("use_tools") is False:
        raise RefusedParameter("use_tools", "`use_tools: false` is not offered by codex, which works by its own.")
    permissions_of(options, _AGENT, network=network)
    workspace_of(options)
