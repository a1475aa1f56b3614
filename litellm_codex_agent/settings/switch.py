"""A text that switches something on or off: the same words for every variable."""

from __future__ import annotations

from collections.abc import Mapping

from .variable import Unusable

__all__ = ["OFF", "is_on", "switch"]

_ON = frozenset({"1", "true", "yes", "on"})
OFF = frozenset({"0", "false", "no", "off"})


def is_on(value: str) -> bool:
    """Whether a switch's text means yes."""
    return value.strip().lower() in _ON


def switch(name: str, environ: Mapping[str, str], *, default: bool) -> bool:
    """What the variable says; a text that is neither on nor off is `Unusable`."""
    text = environ.get(name, "").strip()
    if text and not is_on(text) and text.lower() not in OFF:
        raise Unusable(f"{name} is {text!r}, and has to be on or off, as in {name}=on.")
    return is_on(text) if text else default
