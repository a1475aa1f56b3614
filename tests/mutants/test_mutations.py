"""The small faults that are tried, and the list of those that may live."""

from __future__ import annotations

import pytest

from .mutations import mutants
from .survivors import LISTED, accepted
from .table import GUARDED


def changes(source: str) -> list[str]:
    """What becomes of a statement in a function."""
    found = mutants(f"def f(a, b):\n    {source}")
    return [each.source.removeprefix("def f(a, b):").strip() for each in found]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("return a < b", ["return None", "return a <= b", "return a >= b"]),
        ("return a >= b", ["return None", "return a > b", "return a < b"]),
        ("return a is not b", ["return None", "return a is b"]),
        ("return a in b", ["return None", "return a not in b"]),
        ("return a and b", ["return None", "return a or b"]),
        ("return not a", ["return None", "return a"]),
        ("return a + b", ["return None", "return a - b"]),
        ("return a << b", ["return None", "return a >> b"]),
        ("return 3", ["return None", "return 4", "return 2"]),
        ("return True", ["return None", "return False"]),
        ("return 'word'", ["return None", "return 'word~'"]),
        ("return 'a sentence'", ["return None"]),
        ("return f'{a} b'", ["return None"]),
        ("return a if b else None", ["return None", "return a", "return None"]),
        ("return [x for x in a if x]", ["return None", "return [x for x in a if True]"]),
        ("return None", ["pass"]),
        ("a.b()", ["pass"]),
        ("raise a", ["pass"]),
        ("'''Says what it does.'''", []),
    ],
)
def test_each_kind_of_fault_is_tried(source: str, expected: list[str]) -> None:
    assert changes(source) == expected


def test_a_branch_is_always_taken_and_never() -> None:
    given = changes("if a: b()")
    assert given == ["if True:\n        b()", "if False:\n        b()", "if a:\n        pass"]


def test_defaults_are_tried_and_what_only_people_read_is_not() -> None:
    source = "__all__ = ['f']\ndef f(a: 'int' = 1, *, b: str = 'c') -> 'int':\n    return a"
    names = [each.name for each in mutants(source)]
    changed = [name.partition(": ")[2].partition("  in: ")[0] for name in names]
    assert sorted(changed) == ["'c'  =>  'c~'", "1  =>  0", "1  =>  2", "return a  =>  return None"]


def test_two_faults_of_one_kind_in_one_line_have_two_names() -> None:
    names = [each.name for each in mutants("x = (1, 1)")]
    assert len(set(names)) == len(names) == 4


def test_each_survivor_on_the_list_is_of_a_module_that_is_tried_and_has_its_reason() -> None:
    listed = accepted(LISTED.read_text(encoding="utf-8"))
    assert {name.partition(" ")[0] for name in listed} <= {module.partition(":")[0] for module in GUARDED}
    assert all(listed.values())


def test_a_reason_is_that_of_all_below_it() -> None:
    assert accepted("# one\na\n\nb\n# two\nc\n") == {"a": "one", "b": "one", "c": "two"}
