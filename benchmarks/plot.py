"""The table as a picture: a bar for each figure, as long as its share of what it may be, and a line at the whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from .table import Figure, Row

__all__ = ["svg"]

WIDTH, LABEL, BAR, STEP, TOP = 860, 400, 260, 22, 34
# A bar that is longer is cut here; its number is written beside it.
MOST = 1.3
_REACHED, _MISSED = "#2f7d4f", "#b3541e"


def svg(rows: Sequence[Row]) -> str:
    """An SVG of all figures of `rows`."""
    figures = [(row, figure) for row in rows for figure in row.figures]
    height = TOP + STEP * len(figures) + 10
    line = LABEL + BAR
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12" role="img">',
        "<title>What was reached, as a share of the figure to reach</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        *_bars(figures),
        f'<line x1="{line}" y1="{TOP - 8}" x2="{line}" y2="{height - 8}" stroke="#333333" stroke-dasharray="3 3"/>',
        f'<text x="{line}" y="{TOP - 14}" text-anchor="middle">the most it may be</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _bars(figures: Iterable[tuple[Row, Figure]]) -> Iterable[str]:
    for number, (row, figure) in enumerate(figures):
        y = TOP + STEP * number
        width = BAR * min(figure.share, MOST)
        colour = _REACHED if figure.met else _MISSED
        said = f"{figure.value:,.4g} of {figure.most:,.4g}"
        yield f'<text x="{LABEL - 8}" y="{y + 12}" text-anchor="end">{escape(f"{row.name}: {figure.name}")}</text>'
        yield f'<rect x="{LABEL}" y="{y}" width="{max(width, 1):.0f}" height="15" fill="{colour}"/>'
        yield f'<text x="{LABEL + BAR * MOST + 10:.0f}" y="{y + 12}">{escape(said)}</text>'
