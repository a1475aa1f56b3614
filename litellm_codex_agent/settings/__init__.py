"""The only room that reads the environment: one row per variable, frozen values out."""

from __future__ import annotations

from .gate import ProviderSettings, open_gate, provider
from .network import is_loopback, proxy_for, tls_verification
from .serving import ServerSettings, server
from .switch import is_on
from .table import (
    API_BASE,
    API_KEY,
    DEFAULT_PORT,
    GATE,
    HOST,
    JOIN_TEXT,
    LOOPBACK,
    PORT,
    SERVER_KEY,
    VARIABLES,
    Unusable,
    Variable,
)

__all__ = [
    "API_BASE",
    "API_KEY",
    "DEFAULT_PORT",
    "GATE",
    "HOST",
    "JOIN_TEXT",
    "LOOPBACK",
    "PORT",
    "ProviderSettings",
    "SERVER_KEY",
    "ServerSettings",
    "Unusable",
    "VARIABLES",
    "Variable",
    "is_loopback",
    "is_on",
    "open_gate",
    "provider",
    "proxy_for",
    "server",
    "tls_verification",
]
