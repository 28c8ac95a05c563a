"""Every "what to do" of the package's error messages, read from its source.

In: the source of `pellucid`. Out: `advices()`: each distinct text that stands third in the
construction of an error, as a pattern where parts of it are computed. tests/test_advice.py holds
them against the cases in which the advice is followed.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pellucid
from pellucid.core import errors

SOURCE = Path(pellucid.__file__).parent
KINDS = {name for name in dir(errors) if name.endswith("Error")}
GAP = "…⟨⟩…"  # stands for a computed part while texts are put together
CODE = re.compile(r"\w\(|\w=|\w\.\w+|--\w|\w_\w|\[|\w \* \w|x @")


class Advice(NamedTuple):
    """A text with `…` for computed parts, and the first place that gives it."""

    text: str
    where: str

    @property
    def has_code(self) -> bool:
        return bool(CODE.search(self.text.rstrip(".")))

    def matches(self, fix: str) -> bool:
        """Whether a message ended in this advice."""
        pattern = ".*".join(map(re.escape, self.text.split("…")))
        return re.fullmatch(pattern, fix, re.DOTALL) is not None


class Source:
    """The package as syntax trees, and what its names stand for."""

    def __init__(self) -> None:
        paths = sorted(SOURCE.rglob("*.py"))
        self.trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}
        self.constants: dict[str, ast.expr] = {}
        self.functions: dict[str, list[ast.FunctionDef]] = {}
        self.calls: dict[str, list[ast.Call]] = {}
        for tree in self.trees.values():
            for node in tree.body:
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    self.constants[node.targets[0].id] = node.value
            for inner in ast.walk(tree):
                if isinstance(inner, ast.FunctionDef):
                    self.functions.setdefault(inner.name, []).append(inner)
                if isinstance(inner, ast.Call):
                    self.calls.setdefault(_name(inner.func), []).append(inner)

    def texts(self, expr: ast.expr, scope: ast.AST, depth: int = 0) -> list[str]:
        """What an expression may be as text, with GAP for each part that is not known."""

        def inner(part: ast.expr, within: ast.AST = scope) -> list[str]:
            return self.texts(part, within, depth + 1) if depth < 6 else [GAP]

        if isinstance(expr, ast.Constant):
            return [str(expr.value)]
        if isinstance(expr, ast.IfExp):
            return inner(expr.body) + inner(expr.orelse)
        if isinstance(expr, ast.JoinedStr):
            parts = [p.value if isinstance(p, ast.FormattedValue) else p for p in expr.values]
            return _joined([inner(part) for part in parts])
        if isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.Add):
            return _joined([inner(expr.left), inner(expr.right)])
        if isinstance(expr, ast.Call):
            if _name(expr.func) in ("strip", "format") and isinstance(expr.func, ast.Attribute):
                return inner(expr.func.value)
            return [t for value, own in self.returned(expr) for t in inner(value, own)] or [GAP]
        if isinstance(expr, ast.Name):
            values = [(value, scope) for value in _assigned(expr.id, scope)]
            values += self.passed(expr.id, scope)
            if values:
                return [t for value, own in values for t in inner(value, own)]
        return inner(self.constants[_name(expr)]) if _name(expr) in self.constants else [GAP]

    def returned(self, call: ast.Call) -> Iterator[tuple[ast.expr, ast.AST]]:
        """What a function of ours returns, where it is the only one of its name."""
        own = self.functions.get(_name(call.func), [])
        for function in own if len(own) == 1 else []:
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and node.value is not None:
                    yield node.value, function

    def passed(self, name: str, scope: ast.AST) -> Iterator[tuple[ast.expr, ast.AST]]:
        """What the callers of a function give for its parameter `name`, and its default."""
        if not isinstance(scope, ast.FunctionDef):
            return
        names = [one.arg for one in scope.args.args]
        if name not in names:
            return
        place = names.index(name)
        behind = len(names) - place
        if behind <= len(scope.args.defaults):
            yield scope.args.defaults[-behind], scope
        for call in self.calls.get(scope.name, []):
            own = place - (names[0] == "self")
            for value in [*call.args[own : own + 1], *_keyword(call, name)]:
                yield value, ast.Module([], [])


@functools.cache
def advices() -> tuple[Advice, ...]:
    """Each distinct advice whose words are in the source; what `nearest` finds is computed."""
    source = Source()
    found: dict[str, Advice] = {}
    for path, tree in source.trees.items():
        for scope in [tree, *(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))]:
            for call, fix in _raised(scope):
                for text in source.texts(fix, scope):
                    where = f"{path.relative_to(SOURCE)}:{call.lineno}"
                    clean = re.sub(f"(?:{re.escape(GAP)})+", "…", text).strip()
                    if clean.strip("… ."):
                        found.setdefault(clean, Advice(clean, where))
    return tuple(found.values())


def _raised(scope: ast.AST) -> Iterator[tuple[ast.Call, ast.expr]]:
    """The constructions of errors in a scope, and their third argument."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Call) and _name(node.func) in KINDS:
            for fix in [*node.args[2:3], *_keyword(node, "fix")]:
                yield node, fix


def _name(expr: ast.expr) -> str:
    return expr.id if isinstance(expr, ast.Name) else getattr(expr, "attr", "")


def _keyword(call: ast.Call, name: str) -> list[ast.expr]:
    return [keyword.value for keyword in call.keywords if keyword.arg == name]


def _joined(parts: list[list[str]]) -> list[str]:
    texts = [""]
    for part in parts:
        texts = [before + one for before in texts for one in part]
    return texts


def _assigned(name: str, scope: ast.AST) -> Iterator[ast.expr]:
    """What a name is set to in a function, alone or among others."""
    if not isinstance(scope, ast.FunctionDef):
        return
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id == name:
                    yield node.value
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    for one, value in zip(target.elts, node.value.elts, strict=False):
                        if isinstance(one, ast.Name) and one.id == name:
                            yield value


if __name__ == "__main__":
    for advice in advices():
        print("code " if advice.has_code else "words", advice.where, advice.text, sep="  ")
