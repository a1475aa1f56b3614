"""The small faults that a test should notice: one change to a module's source at a time.

Law: what only people or the type checker read is left alone: docstrings, sentences, f-strings, annotations, decorators.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["Mutant", "mutants"]

# Each comparison's neighbour at the boundary, and its opposite.
_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_NOT_READ_BY_PYTHON = frozenset({"annotation", "returns", "decorator_list"})
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# Of a function only: what a module or a class loses is a NameError, which says nothing of a test.
_REMOVED = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Raise, ast.Delete, ast.Return, ast.Continue)
# Of a statement, so much is shown of where the change is.
_SHOWN = 90


@dataclass(frozen=True)
class Mutant:
    """One change: `name` says where and what, and stays the same while the lines around it move."""

    line: int
    name: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """All of a module's, in the order of its text."""
    tree = ast.parse(source)
    seen: Counter[str] = Counter()
    for where, line, what, changed in _sites(tree, "module", None):
        seen[where + what] += 1
        again = f" ({seen[where + what]})" if seen[where + what] > 1 else ""
        changed.make()
        yield Mutant(line, f"{where}{what}{again}", ast.unparse(ast.fix_missing_locations(tree)))
        changed.undo()


@dataclass(frozen=True)
class _Change:
    make: Callable[[], None]
    undo: Callable[[], None]


_Site = tuple[str, int, str, _Change]


def _sites(parent: ast.AST, scope: str, statement: ast.stmt | None) -> Iterator[_Site]:
    """Each change below `parent`; the tree stands as it was whenever the next one is asked for."""
    for name, value in ast.iter_fields(parent):
        children = value if isinstance(value, list) else [value]
        for place, child in enumerate(children):
            if not isinstance(child, ast.AST) or name in _NOT_READ_BY_PYTHON or _is_for_people(child):
                continue
            inside = child if isinstance(child, ast.stmt) else statement
            loses = not isinstance(parent, (ast.Module, ast.ClassDef))
            for new in _changes(child, name, loses=loses):
                yield (*_told(child, new, scope, inside), _change(parent, name, place, child, new))
            within = f"{scope}.{child.name}" if isinstance(child, _NAMED) else scope
            yield from _sites(child, within.removeprefix("module."), inside)


def _told(child: ast.AST, new: ast.AST, scope: str, statement: ast.stmt | None) -> tuple[str, int, str]:
    head = ast.unparse(statement).splitlines()[0] if statement else ""
    before, after = (ast.unparse(each).splitlines()[0] for each in (child, new))
    if child is statement:
        what = f"{_cut(before)}  =>  {_cut(after)}"
    else:
        what = f"{_cut(before)}  =>  {_cut(after)}  in: {_cut(head)}"
    line = getattr(child, "lineno", getattr(statement, "lineno", 0))
    return f"{scope}: ", line, what


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _change(parent: ast.AST, name: str, place: int, child: ast.AST, new: ast.AST) -> _Change:
    def put(node: ast.AST) -> None:
        field = getattr(parent, name)
        if isinstance(field, list):
            field[place] = node
        else:
            setattr(parent, name, node)

    return _Change(lambda: put(new), lambda: put(child))


def _is_for_people(node: ast.AST) -> bool:
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.JoinedStr)):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return True
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def _changes(node: ast.AST, field: str, *, loses: bool) -> Iterator[ast.AST]:
    if field == "ifs":
        yield ast.Constant(True)
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield ast.Return(ast.Constant(None))
    elif loses and isinstance(node, _REMOVED):
        yield ast.Pass()
    make = _BY_TYPE.get(type(node))
    if make:
        yield from make(node)


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _of_compare(node: ast.Compare) -> Iterator[ast.AST]:
    for place, op in enumerate(node.ops):
        for other in _COMPARED[type(op)]:
            ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
            yield ast.Compare(node.left, ops, node.comparators)


def _of_bool(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)


def _of_unary(node: ast.UnaryOp) -> Iterator[ast.AST]:
    yield node.operand


def _of_binary(node: ast.BinOp) -> Iterator[ast.AST]:
    if type(node.op) in _COUNTED:
        yield ast.BinOp(node.left, _COUNTED[type(node.op)](), node.right)


def _of_constant(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, (int, float)):
        yield from (ast.Constant(value + 1), ast.Constant(value - 1))
    # A word decides something; what has blanks is a sentence.
    elif isinstance(value, str) and " " not in value:
        yield ast.Constant(f"{value}~")


def _of_if(node: ast.If) -> Iterator[ast.AST]:
    yield from (ast.If(ast.Constant(given), node.body, node.orelse) for given in (True, False))


def _of_choice(node: ast.IfExp) -> Iterator[ast.AST]:
    yield from (node.body, node.orelse)


def _of_while(node: ast.While) -> Iterator[ast.AST]:
    yield ast.While(ast.Constant(False), node.body, node.orelse)


_BY_TYPE: dict[type[ast.AST], Callable[..., Iterator[ast.AST]]] = {
    ast.Compare: _of_compare,
    ast.BoolOp: _of_bool,
    ast.UnaryOp: _of_unary,
    ast.BinOp: _of_binary,
    ast.Constant: _of_constant,
    ast.If: _of_if,
    ast.IfExp: _of_choice,
    ast.While: _of_while,
}
