"""The provider's settings, read at each call and never kept: the gate does what its variable says now."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field

from .switch import is_on, switch
from .table import API_BASE, API_KEY, GATE, JOIN_TEXT

__all__ = ["ProviderSettings", "open_gate", "provider"]


@dataclass(frozen=True)
class ProviderSettings:
    """What the provider takes from the environment."""

    enabled: bool
    api_base: str
    api_key: str = field(repr=False)
    join_text: bool


def provider(environ: Mapping[str, str] = os.environ) -> ProviderSettings:
    """The provider's settings as they stand now; a switch that is neither on nor off is `Unusable`."""
    return ProviderSettings(
        enabled=is_on(environ.get(GATE, "")),
        api_base=environ.get(API_BASE, "").strip(),
        api_key=environ.get(API_KEY, "").strip(),
        join_text=switch(JOIN_TEXT, environ, default=False),
    )


def open_gate(environ: MutableMapping[str, str] = os.environ) -> None:
    """What a program of ours sets before it imports LiteLLM: the gate, and no look-up of prices in the network."""
    environ[GATE] = "1"
    environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
