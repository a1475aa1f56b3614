"""The table of settings: every variable that is read, by name, one row each. The reference shows the same table."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "API_BASE",
    "API_KEY",
    "DEFAULT_PORT",
    "GATE",
    "HOST",
    "JOIN_TEXT",
    "LOOPBACK",
    "PORT",
    "SERVER_KEY",
    "Unusable",
    "VARIABLES",
    "Variable",
]

GATE = "LITELLM_ENABLE_CODEX_AGENT"
API_BASE = "CODEX_AGENT_API_BASE"
API_KEY = "CODEX_AGENT_API_KEY"
JOIN_TEXT = "CODEX_AGENT_JOIN_TEXT"
HOST = "MINI_AGENT_API_HOST"
PORT = "MINI_AGENT_API_PORT"
SERVER_KEY = "CODEX_AGENT_SERVER_KEY"

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 8788


@dataclass(frozen=True)
class Variable:
    """A row of the table of settings in the reference."""

    name: str
    default: str
    meaning: str


VARIABLES = (
    Variable(GATE, "off", "opens the provider: `1`, `true`, `yes` or `on`"),
    Variable(API_BASE, "none", "the endpoint, where neither the call nor the deployment has an `api_base`"),
    Variable(API_KEY, "none", "the endpoint's key, where neither the call nor the deployment has an `api_key`"),
    Variable(JOIN_TEXT, "off", "joins the text of an async stream that arrived together: `on` or `off`"),
    Variable("SSL_VERIFY", "true", "`false` accepts any certificate; a path is a file of own CAs"),
    Variable("SSL_CERT_FILE", "none", "a file of own CAs, used where certificates are checked"),
    Variable("HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY", "none", "the way to the endpoint, read as usual"),
    Variable(HOST, LOOPBACK, "where `codex-agent serve` listens"),
    Variable(PORT, str(DEFAULT_PORT), "the port of `codex-agent serve`"),
    Variable(SERVER_KEY, "none", "the key that `codex-agent serve` asks for; needed off loopback"),
)


class Unusable(ValueError):
    """A setting that cannot be used; the message names it and says what to write."""
