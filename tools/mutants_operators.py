"""What `make mutants` changes, one small change at a time, and what it leaves alone.

In comes the text of a module, out go its mutants. Most operators are cosmic-ray's; four more are
for the wiring: a statement that is not run, an option that is not handed on, a call that is not
made, an `in` turned round.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import parso
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.ast.ast_query import ASTQuery
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator

Place = tuple[int, int]

# cosmic-ray would try every operator against every other: 11 mutants of one plus, which the same
# test kills. One of each is kept.
FROM_COSMIC_RAY = (
    *(
        f"core/ReplaceBinaryOperator_{pair}"
        for pair in (
            "Add_Sub",
            "Sub_Add",
            "Mul_Div",
            "Div_Mul",
            "FloorDiv_Mul",
            "Mod_Mul",
            "Pow_Mul",
            "BitAnd_BitOr",
            "BitOr_BitAnd",
            "LShift_RShift",
            "RShift_LShift",
        )
    ),
    *(
        f"core/ReplaceComparisonOperator_{pair}"
        for pair in ("Eq_NotEq", "NotEq_Eq", "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt")
    ),
    "core/ReplaceComparisonOperator_Is_IsNot",
    "core/ReplaceComparisonOperator_IsNot_Is",
    "core/ReplaceUnaryOperator_Delete_USub",
    "core/ReplaceUnaryOperator_Delete_Not",
    "core/AddNot",
    "core/ReplaceTrueWithFalse",
    "core/ReplaceFalseWithTrue",
    "core/ReplaceAndWithOr",
    "core/ReplaceOrWithAnd",
    "core/ReplaceBreakWithContinue",
    "core/ReplaceContinueWithBreak",
    "core/ExceptionReplacer",
    "core/NumberReplacer",
    "core/RemoveDecorator",
    "core/ZeroIterationForLoop",
)

# These decorators change time, types or documentation, never a result.
HARMLESS_DECORATORS = {"cache", "lru_cache", "overload", "override", "final", "runtime_checkable"}

# Where `*` and `/` are marks of a signature or of unpacking, not arithmetic.
NOT_ARITHMETIC = {"parameters", "lambdef", "dictorsetmaker", "atom"}


@dataclass(frozen=True)
class Mutant:
    """One change: the file from the root of the checkout, the operator and which of its places."""

    path: str
    operator: str
    occurrence: int
    line: int
    definition: str

    @property
    def key(self) -> str:
        return f"{self.path} {self.operator} {self.occurrence}"

    def row(self) -> dict[str, Any]:
        return asdict(self)


class Wiring(Operator):
    """Base of our own operators."""

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


def _is_call(node: Any) -> bool:
    return node.type == "trailer" and node.children[0].value == "("


class DeleteStatement(Wiring):
    """A call, a raise or an assignment to an attribute or an item becomes `pass`."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Place, Place]]:
        if node.parent is not None and node.parent.type == "simple_stmt" and self._acts(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        return parso.python.tree.Name("pass", node.start_pos, node.get_first_leaf().prefix)

    @staticmethod
    def _acts(node: Any) -> bool:
        if node.type == "expr_stmt":
            target, operator = node.children[:2]
            augmented = operator.type == "operator" and operator.value != "="
            return augmented or target.type == "atom_expr"
        if node.type == "atom_expr":
            return _is_call(node.children[-1])
        return node.type in ("raise_stmt", "del_stmt")


class DropKeyword(Wiring):
    """`f(x, name=value)` becomes `f(x)`: the option is not handed on."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Place, Place]]:
        for argument in self._keywords(node):
            yield argument.start_pos, argument.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        argument = self._keywords(node)[index]
        siblings = argument.parent.children
        at = siblings.index(argument)
        if argument.parent is node:  # the only argument
            del siblings[at]
        elif at + 1 < len(siblings):
            del siblings[at : at + 2]
        else:
            del siblings[at - 1 : at + 1]
        return node

    @staticmethod
    def _keywords(node: Any) -> list[Any]:
        if not _is_call(node):
            return []
        inside = node.children[1]
        arguments = inside.children if inside.type == "arglist" else [inside]
        return [
            each
            for each in arguments
            if each.type == "argument" and getattr(each.children[1], "value", "") == "="
        ]


class UnwrapCall(Wiring):
    """`x.method(...)` becomes `x`, and `f(x, ...)` becomes `x`: the call is not made."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Place, Place]]:
        if self._rest(node) is not None:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        prefix = node.get_first_leaf().prefix
        return parso.python.tree.Name(f"({self._rest(node)})", node.start_pos, prefix)

    @staticmethod
    def _rest(node: Any) -> str | None:
        """What is left of a call whose result is used."""
        if node.type != "atom_expr" or not _is_call(node.children[-1]):
            return None
        if node.parent.type == "simple_stmt":
            return None  # a statement: DeleteStatement has it
        owner, last = node.children[:-2], node.children[-2]
        if last.type == "trailer" and last.children[0].value == "." and _is_value(owner):
            return "".join(each.get_code() for each in owner).strip()
        inside = node.children[-1].children[1]
        first = inside.children[0] if inside.type == "arglist" else inside
        if first.type in ("operator", "argument"):
            return None
        return str(first.get_code()).strip()


def _is_value(owner: list[Any]) -> bool:
    """Whether a method's owner is a value and no module, class or `self`."""
    if len(owner) > 1:
        return owner[0].get_code().strip() not in ("super", "np", "os", "xp")
    name = owner[0].get_code().strip()
    other = {"self", "cls", "super", "xp"} | _imported(owner[0].get_root_node())
    return name.islower() and name not in other


@functools.lru_cache(maxsize=2)
def _imported(module: Any) -> frozenset[str]:
    return frozenset(
        name.value for each in module.iter_imports() for name in each.get_defined_names()
    )


class TurnMembership(Wiring):
    """`x in y` becomes `x not in y`, and the other way round."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Place, Place]]:
        for each in self._operators(node):
            yield each.start_pos, each.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        old = self._operators(node)[index]
        text = " not in" if old.get_code().split() == ["in"] else " in"
        node.children[node.children.index(old)] = parso.python.tree.Name(text, old.start_pos)
        return node

    @staticmethod
    def _operators(node: Any) -> list[Any]:
        if node.type != "comparison":
            return []
        return [x for x in node.children[1::2] if x.get_code().split() in (["in"], ["not", "in"])]


OWN = {
    f"wiring/{each.__name__}": each
    for each in (DeleteStatement, DropKeyword, UnwrapCall, TurnMembership)
}
OPERATORS = {**{name: get_operator(name) for name in FROM_COSMIC_RAY}, **OWN}


class Skipped:
    """The places of a module whose mutants cannot matter, or only for wording."""

    def __init__(self, source: str) -> None:
        self._lines = source.splitlines()
        tree = ast.parse(source)
        self._spans = [span for node in ast.walk(tree) for span in self._of(node)]
        self._functions = sorted(
            (self._first_line(node), node.end_lineno or 0)
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        )
        self._headers = {
            line
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for line in range(self._first_line(node), node.body[0].lineno)
        }

    def __contains__(self, span: tuple[Place, Place]) -> bool:
        return any(low <= span[0] and span[1] <= high for low, high in self._spans)

    def function(self, line: int) -> int | None:
        """The first line of the innermost function around a line; None where a module runs it."""
        if line in self._headers:  # defaults and decorators are evaluated outside
            return None
        around = [low for low, high in self._functions if low <= line <= high]
        return max(around, default=None)

    @staticmethod
    def _first_line(node: Any) -> int:
        return min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])

    def _span(self, node: ast.AST) -> tuple[Place, Place]:
        assert isinstance(node, ast.expr | ast.stmt | ast.arg)
        assert node.end_lineno is not None and node.end_col_offset is not None
        start = node.lineno, self._column(node.lineno, node.col_offset)
        return start, (node.end_lineno, self._column(node.end_lineno, node.end_col_offset))

    def _column(self, line: int, offset: int) -> int:
        """Python counts bytes, parso characters."""
        return len(self._lines[line - 1].encode()[:offset].decode())

    def _of(self, node: ast.AST) -> Iterator[tuple[Place, Place]]:
        match node:
            case ast.AnnAssign(annotation=annotation):
                yield self._span(annotation)
            case ast.arg(annotation=ast.expr() as annotation):
                yield self._span(annotation)
            case ast.FunctionDef(returns=ast.expr() as annotation):
                yield self._span(annotation)
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                yield self._span(node)
            case ast.Assign(targets=[ast.Name(id="__all__" | "__slots__")]):
                yield self._span(node)
            case ast.JoinedStr() | ast.Assert() | ast.Import() | ast.ImportFrom():
                yield self._span(node)
            case ast.Raise(exc=ast.expr() as error):
                yield self._span(error)
            case ast.keyword(arg="strict", value=ast.Constant() as value):  # of zip: an assertion
                (line, column), end = self._span(value)
                yield (line, column - len("strict=")), end
            case ast.Call(func=ast.Name(id="cast" | "TypeVar" | "NewType")):
                yield self._span(node)
        for each in getattr(node, "decorator_list", []):
            name = each.func if isinstance(each, ast.Call) else each
            if getattr(name, "attr", getattr(name, "id", "")) in HARMLESS_DECORATORS:
                (line, _), _ = self._span(each)
                yield (line, 0), (line + 1, 0)


def mutants(path: str, source: str) -> Iterator[Mutant]:
    """All mutants of a module that can matter."""
    nodes = list(ast_nodes(get_ast(source)))
    skipped = Skipped(source)
    for name, operator in OPERATORS.items():
        places = (
            (node, start, end)
            for node in nodes
            for start, end in operator().mutation_positions(node)
        )
        for occurrence, (node, start, end) in enumerate(places):
            other = not name.startswith("core/ReplaceBinary")
            if (start, end) in skipped:
                continue
            if other or node.parent.type not in NOT_ARITHMETIC:
                definition = ASTQuery(node).get_definition_name() or ""
                yield Mutant(path, name, occurrence, start[0], definition)


def mutated(mutant: Mutant, source: str) -> str | None:
    """The module with the change, or None where that is no Python, or no change."""
    code = mutate_code(source, OPERATORS[mutant.operator](), mutant.occurrence)
    if code is None:
        return None
    try:
        same = ast.dump(ast.parse(code)) == ast.dump(ast.parse(source))
        compile(code, mutant.path, "exec")
    except SyntaxError:
        return None
    return None if same else code


def change(before: str, after: str) -> str:
    """The lines that differ, as `old → new`: what names a mutant when line numbers move."""
    old, new = before.splitlines(), after.splitlines()
    head = _equal(old, new)
    tail = _equal(old[head:][::-1], new[head:][::-1])

    def text(lines: list[str]) -> str:
        return " ".join(" ".join(lines[head : len(lines) - tail]).split())

    return f"{text(old)} → {text(new)}"


def _equal(one: list[str], other: list[str]) -> int:
    """How many lines both begin with."""
    pairs = zip(one, other, strict=False)
    return next((k for k, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def sources(root: Path, room: str) -> list[str]:
    """The modules of a room, from the root of the checkout."""
    folder = root / "src/pellucid" / room
    return [path.relative_to(root).as_posix() for path in sorted(folder.rglob("*.py"))]
