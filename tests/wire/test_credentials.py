"""The secrets that a request brings along for others."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from litellm_codex_agent.wire.credentials import secrets_of

from .schemas import json_values


def server(**fields: Any) -> dict[str, Any]:
    return {"mcp_servers": {"a": fields}}


FOUND: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({}, ()),
    ({"tool_http_headers": {"X-Key": "secret-1", "x-other": "secret-2"}}, ("secret-1", "secret-2")),
    ({"tool_http_headers": {"Authorization": "Bearer secret-1"}}, ("Bearer secret-1", "secret-1")),
    ({"tool_http_headers": {"X-Pass": "a long pass phrase"}}, ("a long pass phrase",)),
    ({"tool_http_headers": {"Accept": "text/plain", "User-Agent": "agent/1.0"}}, ()),
    ({"tool_http_headers": {"X-Key": "short", "X-Number": 1234567}}, ()),
    ({"tool_http_headers": {"X-Key": "longer"}}, ("longer",)),
    ({"tool_http_base_url": "https://me:secret-1@tools.test/"}, ("secret-1",)),
    ({"tool_http_base_url": "https://tools.test/"}, ()),
    ({"tool_http_base_url": "http://[me:secret-1"}, ()),
    (server(headers={"x-key": "secret-1"}), ("secret-1",)),
    (server(env={"KEY": "secret-1", "PATH": "/usr/bin"}), ("secret-1",)),
    (server(authorization="secret-1"), ("secret-1",)),
    (server(url="https://me:secret-1@mcp.test"), ("secret-1",)),
    ({"mcp_servers": {"a": {"env": {"A": "secret-1"}}, "b": {"env": {"A": "secret-1"}}}}, ("secret-1",)),
    ({"mcp_servers": {"a": "secret-1"}}, ()),
    ({"mcp_servers": ["secret-1"], "tool_http_headers": "secret-2", "tool_http_base_url": 1}, ()),
    ({"messages": [{"role": "user", "content": "headers"}]}, ()),
]


@pytest.mark.parametrize(("asked", "secrets"), FOUND, ids=repr)
def test_the_secrets_of_a_request_are_found(asked: dict[str, Any], secrets: tuple[str, ...]) -> None:
    assert secrets_of(asked) == secrets


@given(json_values, json_values, json_values)
def test_a_body_of_any_shape_is_searched_without_an_error(headers: Any, servers: Any, url: Any) -> None:
    secrets_of({"tool_http_headers": headers, "mcp_servers": servers, "tool_http_base_url": url})
    secrets_of(server(headers=headers, env=servers, url=url))
