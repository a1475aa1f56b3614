"""A fault as a log may hold it: where it was raised and what it is. Its words may quote anything, so they are told
to those alone who ask for debug, and there without the secrets that are known.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence

from ..errors import without_keys, without_secrets

__all__ = ["log_fault", "without_words"]


def log_fault(logger: logging.Logger, what: str, error: BaseException, secrets: Sequence[str] = ()) -> None:
    """One error in the log: `what` happened, and the traceback."""
    logger.error("%s\n%s", what, without_words(error))
    if logger.isEnabledFor(logging.DEBUG):
        words = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        logger.debug("%s\n%s", what, without_keys(without_secrets(words, tuple(secrets))))


def without_words(error: BaseException) -> str:
    """The traceback with the classes of what was raised, and of what that came from."""
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = f"{without_words(earlier)}\nand from that:\n" if earlier else ""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"{before}Traceback (most recent call last):\n{frames}{type(error).__qualname__}"
