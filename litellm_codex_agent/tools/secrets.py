"""Strikes secrets out of what a tool says, before a model, a client or a trace sees it. Pure.

Law: always on. What is known to be a secret goes wherever it stands; what looks like a key goes too; hashes,
identifiers, images and source code stay. Each pattern of ours takes a time that grows with the text and no faster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import SECRET_MIN_CHARS, mask, without_secrets
from .assigned import assigned

__all__ = ["BrokenPattern", "Scanner"]

# What of a password, or of a private key, is shown.
_NOTHING = "…"
# The longest private key, in PEM: RSA with 16,384 bits, and some lines of what it is.
_MAX_PEM = 16 * 1024
_PEM_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
# What is in one: a line of base64, its end written plainly or escaped.
_PEM_LINE = re.compile(r"[A-Za-z0-9+/=]{16,80}")
_PEM_BREAK = re.compile(r"\r?\n|\\r?\\n|\\n")
# One whose end was cut off: what it is, and its lines as far as they go.
_PEM_CUT = re.compile(
    r"(?:[\s\\nr]{0,8}[A-Z][\w-]{1,20}: [^\n\\]{1,80}){0,4}"
    r"(?:[\s\\nr]{0,8}[A-Za-z0-9+/=]{16,80}){1,400}[A-Za-z0-9+/=]{0,80}"
)
# One of the next letters is a digit: a key has some, and a class of a style sheet has none.
_DIGIT = r"(?=[\w-]{0,64}[0-9])"


class BrokenPattern(ValueError):
    """A pattern of the operator's is none; the message is one sentence."""


@dataclass(frozen=True)
class _Form:
    """How a kind of key looks. A text without `begin` is not searched; of a group in it, the group is the key."""

    begin: str
    pattern: re.Pattern[str]


def _prefixed(begins: str, rest: str) -> Iterator[_Form]:
    """Keys that begin a word. Where text is escaped, as `\\n` or `%3D`, a word begins in mid-word.

    What stands before is looked at after the beginning was found: the engine looks for plain letters fast.
    """
    for begin in begins.split():
        told = re.escape(begin)
        word = rf"(?:(?<![A-Za-z0-9]{told})|(?<=\\[nrt]{told})|(?<=%[0-9A-Fa-f]{{2}}{told}))"
        yield _Form(begin, re.compile(told + word + rest))


_FORMS = (
    # OpenAI, Anthropic, OpenRouter and LiteLLM.
    *_prefixed("sk- pk- rk-", _DIGIT + r"[\w-]{16,}"),
    # Stripe.
    *_prefixed("sk_live_ sk_test_ rk_live_ rk_test_ pk_live_ pk_test_", r"[A-Za-z0-9]{10,}"),
    *_prefixed("whsec_", r"[A-Za-z0-9+/=]{16,}"),
    # GitHub, GitLab.
    *_prefixed("ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"\w{20,}"),
    *_prefixed("glpat- glptt- gldt- glrt- glcbt- glsoat- glagent- glimt- glft-", _DIGIT + r"[\w.-]{16,}"),
    # AWS: the key's name, which leads to the account, and a secret beside it; alone that has no form of its own.
    *_prefixed("AKIA ASIA", r"[A-Z0-9]{16}[\"']?[\s,:;|]{1,4}[\"']?([A-Za-z0-9/+]{40})(?![\w/+])"),
    *_prefixed("AKIA ASIA ABIA ACCA", r"[A-Z0-9]{16}(?![A-Za-z0-9+])"),
    # Google.
    *_prefixed("AIza", r"[\w-]{30,}"),
    *_prefixed("ya29. GOCSPX-", r"[\w.-]{20,}"),
    # Slack.
    *_prefixed("xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs- xapp-", _DIGIT + r"[\w-]{10,}"),
    _Form("hooks.slack.com", re.compile(r"hooks\.slack\.com/services/([\w/]{20,})")),
    # Packages: npm, PyPI.
    *_prefixed("npm_", r"[A-Za-z0-9]{30,}"),
    *_prefixed("pypi-AgE", r"[\w-]{16,}"),
    # Other places where models and machines are rented.
    *_prefixed("hf_ gsk_ r8_ dop_v1_", _DIGIT + r"[A-Za-z0-9]{20,}"),
    *_prefixed("xai- pplx- nvapi-", _DIGIT + r"[\w-]{20,}"),
    *_prefixed("AGE-SECRET-KEY-1", r"[A-Z0-9]{30,}"),
    *_prefixed("SG.", r"[\w-]{16,}\.[\w-]{16,}"),
    # A JSON Web Token: two objects in base64, and what signs them, which may be cut off.
    *_prefixed("eyJ", r"[\w-]{8,1000}\.eyJ[\w-]{8,}(?:\.[\w-]*)?"),
    # What a header carries.
    _Form("earer ", re.compile(rf"earer (?<=[Bb]earer ){_DIGIT}([\w.~+/=-]{{12,}})")),
    _Form("asic ", re.compile(r"asic (?<=[Bb]asic )([A-Za-z0-9+/]{12,}={1,2})(?![\w=])")),
    *(
        _Form(
            word,
            re.compile(
                rf"{word}\\{{0,3}}[\"']?\s{{0,4}}[:=]\s{{0,4}}(?:\\{{0,3}}[\"'])?"
                rf"(?:(?i:bearer|basic|token|apikey)\s{{1,4}})?{_DIGIT}([\w.~+/=-]{{8,}})(?![\w.~+/=(-])"
            ),
        )
        for word in ("uthorization", "UTHORIZATION")
    ),
)
# As `sandbox.kept` and `source.cut` say that something is left out.
_GAP = re.compile(r"\n\[\.\.\. [0-9,]{1,20} bytes left out \.\.\.\]\n")
# `scheme://user:password@host`, and `https://token@host`.
_USER = re.compile(
    r"://[^\s/@:\"'<>`]{0,200}:(?![{$<%*]|pass(?:word)?@)([^\s/@\"'<>`]{1,200})@|://(?=[\w-]{0,64}[0-9])([\w-]{16,200})@"
)


class Scanner:
    """`known` are the values that must not be told; `patterns` are the operator's own, of a group in one the group."""

    def __init__(self, known: Sequence[str] = (), patterns: Sequence[str] = ()) -> None:
        """Raises `BrokenPattern`."""
        self._known = tuple(secret for secret in known if len(secret) >= SECRET_MIN_CHARS)
        self._own = tuple(map(_compiled, patterns))

    def clean(self, text: str) -> tuple[str, int]:
        """`text` with each secret masked, and how many there were."""
        count = sum(text.count(secret) for secret in self._known)
        text = without_secrets(text, self._known) if count else text
        for find in (self._cut_off, _private_keys, self._of_form, _assigned):
            text, found = _masked(text, sorted(find(text), key=_place))
            count += found
        return text, count

    def _cut_off(self, text: str) -> Iterator[tuple[int, int, str]]:
        """What a limit of output has left of a known secret: its beginning before a cut, its end after one."""
        gaps = [found.span() for found in _GAP.finditer(text)]
        for secret in self._known:
            for end in (*(begin for begin, _ in gaps), len(text)):
                if size := _shared(secret, text[max(0, end - len(secret) + 1) : end]):
                    yield end - size, end, _NOTHING
            for begin in (end for _, end in gaps):
                if size := _shared(text[begin : begin + len(secret) - 1], secret):
                    yield begin, begin + size, _NOTHING

    def _of_form(self, text: str) -> Iterator[tuple[int, int, str]]:
        forms = [form.pattern for form in _FORMS if form.begin in text]
        for pattern in (*forms, *([_USER] if "://" in text and "@" in text else ()), *self._own):
            for found in pattern.finditer(text):
                group = found.lastindex or 0
                shown = _NOTHING if pattern is _USER and group == 1 else mask(found[group])
                yield *found.span(group), shown


def _shared(later: str, earlier: str) -> int:
    """How many letters at the end of the one are the beginning of the other; none where they are too few to tell."""
    if later[:SECRET_MIN_CHARS] not in earlier:
        return 0
    sizes = range(min(len(later), len(earlier)), SECRET_MIN_CHARS - 1, -1)
    return next((size for size in sizes if earlier.endswith(later[:size])), 0)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise BrokenPattern(f"The secret pattern {pattern!r:.80} is no regular expression: {error}.") from error
    if compiled.search(""):
        raise BrokenPattern(f"The secret pattern {pattern!r:.80} matches where nothing is, so it would mask all.")
    return compiled


def _private_keys(text: str) -> Iterator[tuple[int, int, str]]:
    """What stands between the first line of each and its last, or as much of one as was not cut off."""
    place = 0
    while begin := _PEM_BEGIN.search(text, place):
        place = begin.end()
        end = _PEM_END.search(text, place, place + _MAX_PEM)
        cut = None if end else _PEM_CUT.match(text, place)
        last = end.start() if end else cut.end() if cut else place
        if _PEM_LINE.search(text, place, last):
            yield place, last, _NOTHING
            place = last
    if end := _PEM_END.search(text):
        first = _first_line(text, end.start())
        if not _PEM_BEGIN.search(text, 0, end.start()) and first < end.start():
            yield first, end.start(), f"{_NOTHING}\n"


def _first_line(text: str, end: int) -> int:
    """Where the lines of base64 begin that end there."""
    start = max(0, end - _MAX_PEM)
    breaks = [found.span() for found in _PEM_BREAK.finditer(text, start, end)]
    edges = [start, *(after for _, after in breaks)]
    first = end
    for (line_end, after), line in zip(reversed(breaks), reversed(edges[:-1]), strict=True):
        if after != first or not _PEM_LINE.fullmatch(text, line, line_end):
            break
        first = line
    return first


def _assigned(text: str) -> Iterator[tuple[int, int, str]]:
    for found in assigned(text):
        yield found.begin, found.end, _NOTHING if found.password else mask(text[found.begin : found.end])


def _place(found: tuple[int, int, str]) -> tuple[int, int]:
    return found[0], -found[1]


def _masked(text: str, found: Sequence[tuple[int, int, str]]) -> tuple[str, int]:
    """Of two that overlap the first counts, and of two with one beginning the longer one."""
    parts: list[str] = []
    place = count = 0
    for begin, end, shown in found:
        if begin < place or begin == end or text[begin:end] == shown:
            continue
        parts += (text[place:begin], shown)
        place = end
        count += 1
    return "".join([*parts, text[place:]]), count
