"""A key is struck out of a reply, and nothing else is touched or held."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from litellm_codex_agent.relay.veil import Veil

from ..wire.pieces import cut

KEY = "sk-key-sk-key-99"
MASK = b"sk-*********y-99"


def veiled(*pieces: bytes, key: str = KEY) -> bytes:
    veil = Veil(key)
    return b"".join([*(veil.feed(piece) for piece in pieces), veil.close()])


def test_a_key_shows_its_ends_and_keeps_its_length() -> None:
    assert veiled(b"a " + KEY.encode() + b" b") == b"a " + MASK + b" b"
    assert veiled(b"short1", key="short1") == b"******"


def test_a_key_of_thirteen_letters_is_the_first_to_show_its_ends() -> None:
    assert veiled(b"abcdefghijkl", key="abcdefghijkl") == b"*" * 12
    assert veiled(b"abcdefghijklm", key="abcdefghijklm") == b"abc******jklm"


def test_what_is_too_short_to_be_a_key_is_left_alone() -> None:
    assert veiled(b"a key", key="key") == b"a key"
    assert veiled(b"a key", key="") == b"a key"


@given(parts=st.lists(st.sampled_from([KEY, KEY[:7], KEY[9:], "sk-", "x"]), max_size=6), data=st.data())
def test_the_cuts_change_nothing(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts).encode()
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=8))
    assert veiled(*cut(text, places)) == text.replace(KEY.encode(), MASK)


def test_only_what_may_be_the_beginning_of_the_key_waits() -> None:
    veil = Veil(KEY)
    assert [veil.feed(piece) for piece in (b"is", b"k-no", b"data\n\n")] == [b"i", b"sk-no", b"data\n\n"]
    assert (veil.feed(b"sk-k"), veil.close(), veil.close()) == (b"", b"sk-k", b"")
