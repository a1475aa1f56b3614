"""Bytes cut into pieces: a network cuts anywhere, and what is read must not depend on where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations_with_replacement, pairwise

__all__ = ["cut", "every_split", "one_by_one"]


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """`data` in pieces that end at `places`; a place named twice is an empty piece."""
    return [data[start:end] for start, end in pairwise([0, *sorted(places), len(data)])]


def every_split(data: bytes, cuts: int = 1) -> Iterator[list[bytes]]:
    """`data` cut at every choice of `cuts` places."""
    for places in combinations_with_replacement(range(len(data) + 1), cuts):
        yield cut(data, places)


def one_by_one(data: bytes) -> list[bytes]:
    """`data` byte by byte, an empty piece after each."""
    return cut(data, [place for place in range(len(data)) for _ in range(2)])
