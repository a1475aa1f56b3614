"""The header Retry-After, as a wait in seconds: RFC 9110, section 10.2.3, and fractions, which servers send too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

__all__ = ["retry_after"]

_SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """What `Retry-After` asks for, in seconds or as a date; None where it says neither.

    `now` is the time of day, in seconds since 1970. A date that is over asks for no wait.
    """
    said = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(said):
        return float(said)
    try:
        until = parsedate_to_datetime(said).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, until - now)
