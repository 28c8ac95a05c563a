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
# What is constructed with an advice, and the place of the advice among its arguments.
KINDS = {name: 2 for name in dir(errors) if name.endswith("Error")} | {"Refusal": 1}
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
        return _pattern(self.text).fullmatch(fix) is not None


@functools.cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("…"))), re.DOTALL)


class Source:
    """The package as syntax trees, and what its names stand for."""

    def __init__(self) -> None:
        paths = sorted(SOURCE.rglob("*.py"))
        self.trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}
        self.constants: dict[str, list[tuple[ast.expr, ast.Module]]] = {}
        self.functions: dict[str, list[ast.FunctionDef]] = {}
        self.calls: dict[str, list[tuple[ast.Call, ast.Module]]] = {}
        self.modules: dict[ast.AST, ast.Module] = {}  # where a scope stands
        for tree in self.trees.values():
            for node in tree.body:
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    own = self.constants.setdefault(node.targets[0].id, [])
                    own.append((node.value, tree))
            for inner in ast.walk(tree):
                self.modules[inner] = tree
                if isinstance(inner, ast.FunctionDef):
                    self.functions.setdefault(inner.name, []).append(inner)
                if isinstance(inner, ast.Call):
                    self.calls.setdefault(_name(inner.func), []).append((inner, tree))

    def texts(self, expr: ast.expr, scope: ast.AST, depth: int = 0) -> list[str]:
        """What an expression may be as text, with GAP for each part that is not known."""

        def inner(part: ast.expr, within: ast.AST = scope) -> list[str]:
            return self.texts(part, within, depth + 1) if depth < 9 else [GAP]

        if isinstance(expr, ast.Constant):
            return [expr.value if isinstance(expr.value, str) else GAP]
        if isinstance(expr, ast.IfExp):
            return inner(expr.body) + inner(expr.orelse)
        if isinstance(expr, ast.BoolOp):
            return [text for value in expr.values for text in inner(value)]
        if isinstance(expr, ast.JoinedStr):
            return _joined([inner(part) for part in expr.values])
        if isinstance(expr, ast.FormattedValue):
            known = inner(expr.value)
            if expr.conversion != ord("r"):
                return known
            return [GAP if GAP in text else repr(text) for text in known]
        if isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.Add):
            return _joined([inner(expr.left), inner(expr.right)])
        if isinstance(expr, ast.Call):
            if _name(expr.func) in ("strip", "format") and isinstance(expr.func, ast.Attribute):
                return inner(expr.func.value)
            found = self.returned(expr, self.modules[scope])
            return [t for value, own in found for t in inner(value, own)] or [GAP]
        if isinstance(expr, ast.Name):
            values = [(value, scope) for value in _assigned(expr.id, scope)]
            values += self.passed(expr.id, scope)
            if values:
                return [t for value, own in values for t in inner(value, own)]
        return [t for value, own in self.constant(expr, scope) for t in inner(value, own)] or [GAP]

    def constant(self, expr: ast.expr, scope: ast.AST) -> list[tuple[ast.expr, ast.AST]]:
        """What a module's constant is set to: in the module of `scope`, else in the others."""
        found = self.constants.get(_name(expr), [])
        own = [(value, tree) for value, tree in found if tree is self.modules[scope]]
        return list(own or found)

    def returned(self, call: ast.Call, module: ast.Module) -> Iterator[tuple[ast.expr, ast.AST]]:
        """What a function of ours returns: that of the module, else the only one of its name."""
        found = self.functions.get(_name(call.func), [])
        own = [function for function in found if self.modules[function] is module] or found
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
        for call, module in self.calls.get(scope.name, []):
            if scope.name.startswith("_") and module is not self.modules[scope]:
                continue
            own = place - (names[0] == "self")
            for value in [*call.args[own : own + 1], *_keyword(call, name)]:
                yield value, module


@functools.cache
def advices() -> tuple[Advice, ...]:
    """Each distinct advice whose words are in the source; what `nearest` finds is computed."""
    source = Source()
    found: dict[str, Advice] = {}
    for path, tree in source.trees.items():
        for scope in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
            for call, fix in _raised(scope):
                for text in source.texts(fix, scope):
                    where = f"{path.relative_to(SOURCE)}:{call.lineno}"
                    clean = re.sub(f"(?:{re.escape(GAP)})+", "…", text).strip()
                    if clean.strip("… ."):
                        found.setdefault(clean, Advice(clean, where))
    return tuple(found.values())


def _raised(scope: ast.AST) -> Iterator[tuple[ast.Call, ast.expr]]:
    """The constructions of errors and refusals in a scope, and their advice."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Call) and _name(node.func) in KINDS:
            place = KINDS[_name(node.func)]
            for fix in [*node.args[place : place + 1], *_keyword(node, "fix")]:
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
