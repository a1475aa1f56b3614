"""Where a LiteLLM differs from the table: each difference once, with the versions that have it and the reason.

The table itself is for the version that everything is built on. `python -m tests.parity.versions`
prints the rows that differ on the LiteLLM of its environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from .rows import ROWS

__all__ = ["DIFFERENCES", "Difference", "LACKS", "Lack", "MENDED", "installed", "lacks", "named"]


@dataclass(frozen=True)
class Difference:
    """In `mode`, on LiteLLMs below `until`, the provider raises `ours` in `row`, whatever `openai/` does."""

    row: str
    mode: str
    until: tuple[int, ...]
    ours: str
    why: str

    @property
    def versions(self) -> str:
        return f"below {'.'.join(map(str, self.until))}"


# No feature tells these: the code that was mended lies inside of LiteLLM's functions.
_WRAPPED = ("astreaming", (1, 95), "MidStreamFallbackError 500")
_HALF = "`openai/` passes off half an answer as a whole one; the provider's error comes in LiteLLM's envelope"
_ENVELOPE = "the provider's error comes in LiteLLM's envelope"
_ENDLESS = "LiteLLM asks again, without end, until the endpoint refuses; so it does with `openai/` where that raises"
_IN_STREAM = ("200 that answers nothing", "200 of an error", "a stream that ends without a finish")

DIFFERENCES = [
    *(
        Difference(row, *_WRAPPED, _HALF)
        for row in ("cut body", "a stream cut after words", "a stream reset after words")
    ),
    *(Difference(row, *_WRAPPED, _ENVELOPE) for row in _IN_STREAM),
    *(Difference(row, "streaming", (1, 106), "BadRequestError 400", _ENDLESS) for row in _IN_STREAM[:2]),
    Difference(_IN_STREAM[2], "streaming", (1, 100), "BadRequestError 400", _ENDLESS),
]

# Rows of the table that differ no longer, and the LiteLLM since which `openai/` does what the provider does.
MENDED = {"silence between chunks": (1, 109), "a stream that ends without a finish": (1, 109)}


@dataclass(frozen=True)
class Lack:
    """What LiteLLMs below `until` do not do, whichever provider is asked."""

    until: tuple[int, ...]
    why: str

    @property
    def versions(self) -> str:
        return f"below {'.'.join(map(str, self.until))}"


_DROPPED = "LiteLLM does not know it yet, and drops it, for `openai/` too"
_UNASKED = (
    "unless `include_usage` asks for it, LiteLLM tells the caller no usage, or one without its details; "
    "what it logs is right"
)
LACKS = {
    "store": Lack((1, 100), _DROPPED),
    "prompt_cache_key": Lack((1, 100), _DROPPED),
    "verbosity": Lack((1, 95), _DROPPED),
    "usage not asked for, streaming": Lack((1, 100), _UNASKED),
    "usage not asked for, astreaming": Lack((1, 103), _UNASKED),
    "a fault of a stream as it is": Lack((1, 95), "the Router wraps it in a MidStreamFallbackError, as with `openai/`"),
    "the cost that an endpoint reports in a stream": Lack(
        (1, 95), "LiteLLM logs the cost by price, and so 0 without one, as with `openai/`"
    ),
    "a price of its own for each deployment": Lack(
        (1, 95), "LiteLLM registers a deployment's price under the model's name, for all that have it"
    ),
}


def installed() -> tuple[int, ...]:
    """The LiteLLM in this environment."""
    return tuple(int(part) for part in version("litellm").split(".")[:3] if part.isdecimal())


def named(row: str, mode: str, on: tuple[int, ...]) -> Difference | None:
    """The difference that `row` has in `mode` on this LiteLLM."""
    return next((it for it in DIFFERENCES if (it.row, it.mode) == (row, mode) and on < it.until), None)


def lacks(what: str) -> bool:
    """Whether the LiteLLM of this environment is below the first that does `what`."""
    return what in LACKS and installed() < LACKS[what].until


def _main() -> None:
    for row in ROWS:
        if row.differs and installed() < MENDED.get(row.name, (9,)):
            print(f"{row.name}: {row.differs}")
    for it in DIFFERENCES:
        if named(it.row, it.mode, installed()):
            print(f"{it.row}, {it.mode}: {it.why}")
    for what, lack in LACKS.items():
        if lacks(what):
            print(f"{what}: {lack.why}")


if __name__ == "__main__":
    _main()
