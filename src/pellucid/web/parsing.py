"""The program panel: the text of a program becomes settings. It is read, never executed.

A program is a list of statements of the forms that `program.py` writes, in that order; numbers,
texts and constructors may differ. Everything else is refused with its line.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable
from typing import Any

from pellucid.core.errors import DataError, PellucidError
from pellucid.nn import Loss, Regularizer
from pellucid.nn.losses import BY_NAME
from pellucid.web import machine
from pellucid.web import program as forms
from pellucid.web.constructors import (
    ROOM_OF,
    Unreadable,
    arguments,
    dotted,
    parsed,
    shown,
    value_of,
)
from pellucid.web.settings import DIGITS, MOST_CHANGES, OWN, Change, Loaded, Settings, Stop

_MOST_STATEMENTS = 3 * MOST_CHANGES
_MODULES = {"numpy": "np", "pellucid": "pel"}


class _Reader:
    """One program, statement by statement."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}
        self.changes: list[Change] = []
        self.signs = self.values = False
        self.compiled: tuple[Any, tuple[Regularizer, ...]] | None = None
        self.loss: Loss | None = None
        self.epochs = 0
        self.fit: dict[str, Any] = {}
        self.keeps = False
        fixed: dict[str, Callable[[], None]] = {
            forms.LOAD: lambda: self.found.update(data=OWN),
            forms.SPLIT_CLASSES: lambda: None,
            forms.SPLIT_VALUES: lambda: None,
            **dict.fromkeys(forms.PICTURES, lambda: None),
            forms.SIGNS: lambda: None,
            forms.MODEL: self._load,
            forms.KEEP: self._keep,
            forms.GIVE_BACK: lambda: None,
            forms.PROOF: lambda: None,
            forms.SHOWN: lambda: None,
        }
        self.fixed = {ast.unparse(ast.parse(text)): act for text, act in fixed.items()}
        self.assigned: dict[tuple[str, str], Callable[[ast.Call], None]] = {
            ("(x, y)", "pel.data.points"): self._points,
            ("digits", "pel.data.load_digits"): self._digits,
            ("x", "pel.data.features"): self._features,
            ("(kept, held)", "pel.data.split"): self._split,
            ("model", "pel.Sequential"): self._model,
        }
        self.called: dict[str, Callable[[ast.Call], None]] = {
            "model.compile": self._compile,
            "model.fit": self._fit,
            "model.set_weights": self._set_weights,
        }

    def statement(self, node: ast.stmt) -> None:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node)
            return
        text = ast.unparse(node)
        if text in self.fixed:
            self.fixed[text]()
            return
        found = machine.of_statement(node)
        if found is not None:
            self.found["svm"] = found
            return
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = ast.unparse(node.targets[0])
            key = (
                (f"({target})" if target.count(",") and target[0] != "(" else target),
                (dotted(node.value.func) if isinstance(node.value, ast.Call) else ""),
            )
            if key in self.assigned and isinstance(node.value, ast.Call):
                self.assigned[key](node.value)
                return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            name = dotted(node.value.func)
            if name in self.called:
                self.called[name](node.value)
                return
        raise Unreadable(
            node.lineno,
            f"this statement is none that the page reads: {shown(node)}",
            "It reads pel.data.points, features and split, pel.Sequential, compile and fit.",
        )

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            fits = all((one.name, one.asname) in _MODULES.items() for one in node.names)
        else:
            room = (node.module or "").removeprefix("pellucid.")
            fits = node.level == 0 and node.module in ("pellucid.nn", "pellucid.optim")
            fits = fits and all(
                ROOM_OF.get(one.name) == room and one.asname is None for one in node.names
            )
        if not fits:
            raise Unreadable(
                node.lineno,
                f"only NumPy, pellucid and constructors of the playground are imported, got "
                f"{shown(node)}",
            )

    def _bound(self, node: ast.Call, order: tuple[str, ...], needed: int) -> dict[str, Any]:
        """The arguments of a call by name."""
        args, kwargs = arguments(node)
        if len(args) > len(order):
            raise Unreadable(node.lineno, f"at most {len(order)} arguments, got {len(args)}")
        given = dict(zip(order, args, strict=False))
        for name, value in kwargs.items():
            if name not in order or name in given:
                raise Unreadable(node.lineno, f"unknown argument {name!r}", f"Known: {order}.")
            given[name] = value
        for name in order[:needed]:
            if name not in given:
                raise Unreadable(node.lineno, f"the argument {name} is missing")
        return given

    def _points(self, node: ast.Call) -> None:
        given = self._bound(node, ("data", "rows", "noise", "seed"), 1)
        _typed(node, given, data=str, rows=int, noise=float, seed=int)
        given["data_seed"] = given.pop("seed", 0)
        if given["data"] in (OWN, DIGITS):
            raise Unreadable(node.lineno, f"there are no points called {given['data']!r}")
        self.found |= given

    def _digits(self, node: ast.Call) -> None:
        given = self._bound(node, ("seed", "fraction"), 0)
        _typed(node, given, seed=int, fraction=float)
        seed, held = given.get("seed", 0), given.get("fraction", 0.2)
        self.found |= {"data": DIGITS, "data_seed": seed, "held": held}

    def _features(self, node: ast.Call) -> None:
        if not node.args or ast.unparse(node.args[0]) != "x":
            raise Unreadable(node.lineno, "features are made of x")
        node.args[0] = ast.Constant("x", lineno=node.lineno)
        formulas = self._bound(node, ("x", "formulas"), 2)["formulas"]
        if not isinstance(formulas, list) or not all(isinstance(one, str) for one in formulas):
            raise Unreadable(node.lineno, "features are a list of texts")
        self.found["features"] = tuple(formulas)

    def _split(self, node: ast.Call) -> None:
        if not node.args or ast.unparse(node.args[0]) != "len(x)":
            raise Unreadable(node.lineno, "split takes len(x)")
        node.args[0] = ast.Constant(0, lineno=node.lineno)
        given = self._bound(node, ("n", "held", "seed"), 3)
        _typed(node, given, held=float, seed=int)
        if given["seed"] != self.found.setdefault("data_seed", given["seed"]):
            raise Unreadable(node.lineno, "points and split have one seed here, got two")
        self.found["held"] = given["held"]

    def _model(self, node: ast.Call) -> None:
        given = self._bound(node, ("layers", "seed", "dtype"), 2)
        _typed(node, given, layers=list, seed=int, dtype=str)
        self.found |= {**given, "layers": tuple(given["layers"])}

    def _load(self) -> None:
        if self.compiled is not None or self.fit:
            raise Unreadable(1, "a program loads its model before compile and fit")
        self.found |= {"loaded": Loaded(), "layers": ()}

    def _keep(self) -> None:
        self.keeps = True

    def _compile(self, node: ast.Call) -> None:
        given = self._bound(node, ("optimizer", "loss", "regularizer"), 2)
        loss, penalties = given["loss"], given.get("regularizer", [])
        if isinstance(loss, str):
            if loss not in BY_NAME:
                raise Unreadable(
                    node.lineno, f"unknown loss {loss!r}", f"Known: {', '.join(BY_NAME)}"
                )
            loss = BY_NAME[loss]
        if not isinstance(loss, Loss) or (self.loss is not None and loss != self.loss):
            raise Unreadable(node.lineno, "a run has one loss")
        self.loss = loss
        several = penalties if isinstance(penalties, (list, tuple)) else [penalties]
        first = self.compiled is None and not self.fit
        if first and "loaded" in self.found:
            self.found["loaded"] = Loaded(compiled="rates" if self.keeps else "anew")
        self.compiled = given["optimizer"], tuple(several)
        if first:
            self.found |= {"loss": loss, "optimizer": self.compiled[0]}
            self.found["penalties"] = self.compiled[1]
        else:
            self.changes.append(Change(self.epochs, *self.compiled))

    def _set_weights(self, node: ast.Call) -> None:
        given = self._bound(node, ("weights",), 1)["weights"]
        if not self._ready or not isinstance(given, dict):
            raise Unreadable(node.lineno, "set_weights takes {name: numbers}, behind compile")
        self.changes.append(Change(self.epochs, None, weights=given))

    def _fit(self, node: ast.Call) -> None:
        if [ast.unparse(one) for one in node.args] != ["x[kept]", "y[kept]"]:
            raise Unreadable(node.lineno, "fit takes x[kept], y[kept]")
        if not self._ready:
            raise Unreadable(node.lineno, "fit stands behind compile")
        node.args = []
        rule = None
        keywords = []
        for one in node.keywords:
            if one.arg == "callbacks":
                rule = _rule(one.value)
            elif one.arg == "validation_data":
                if ast.unparse(one.value) != "(x[held], y[held])":
                    raise Unreadable(node.lineno, "validation_data is (x[held], y[held])")
            else:
                keywords.append(one)
        node.keywords = keywords
        given = self._bound(node, ("epochs", "batch_size", "seed", "verbose", "resume"), 3)
        _typed(node, given, epochs=int, batch_size=int, seed=int, verbose=int, resume=bool)
        if given["seed"] != self.found.get("seed", given["seed"]):
            raise Unreadable(node.lineno, "Sequential and fit have one seed here, got two")
        same = {"batch_size": given["batch_size"], "stop": rule}
        if self.fit and (self.fit != same or not given.get("resume")):
            raise Unreadable(
                node.lineno, "a later fit goes on: resume=True, the same other arguments"
            )
        resumes, loaded = bool(given.get("resume")), self.found.get("loaded")
        if not self.fit and loaded is not None:
            self.found["loaded"] = dataclasses.replace(loaded, resumes=resumes)
        elif not self.fit and resumes:
            raise Unreadable(node.lineno, "the first fit has nothing to resume")
        if given["epochs"] < self.epochs:
            raise Unreadable(node.lineno, "epochs count from the start, and grow from fit to fit")
        self.fit, self.epochs = same, given["epochs"]
        self.found |= same

    @property
    def _ready(self) -> bool:
        """Whether there is a model that can be trained: compiled, or out of a file."""
        return self.compiled is not None or "loaded" in self.found

    def settings(self) -> Settings:
        network = (("layers", "pel.Sequential"), ("loss", "model.compile"))
        for name, what in network:
            if not {name, "loaded", "svm"} & set(self.found):
                raise Unreadable(1, f"the program lacks {what}(…)")
        if "data" not in self.found:
            raise Unreadable(1, "the program lacks pel.data.points(…)")
        return dataclasses.replace(
            Settings(), **self.found, epochs=self.epochs, changes=tuple(self.changes)
        )


def _typed(node: ast.Call, given: dict[str, Any], **types: type) -> None:
    for name, kind in types.items():
        value = given.get(name)
        if name in given and type(value) is not kind and not (kind is float and type(value) is int):
            raise Unreadable(node.lineno, f"{name} must be {kind.__name__}, got {value!r}")


def _rule(node: ast.AST) -> Stop:
    line = getattr(node, "lineno", 1)
    if isinstance(node, ast.List) and len(node.elts) == 1 and isinstance(node.elts[0], ast.Call):
        call = node.elts[0]
        kind = {"pel.StopBelow": "below", "pel.EarlyStopping": "patience"}.get(dotted(call.func))
        args = [value_of(one) for one in call.args]
        if kind and len(args) == 2 and not call.keywords:
            try:
                return Stop(kind, args[0], args[1])
            except PellucidError as error:
                raise Unreadable(line, error.problem, error.fix) from None
    raise Unreadable(line, "callbacks are [pel.StopBelow(…)] or [pel.EarlyStopping(…)]")


def parse(text: str) -> Settings:
    """The settings of a program.

    Raises:
        DataError: with the line, for everything that `program` would not have written.
    """
    if not isinstance(text, str) or len(text) > forms.MOST_LETTERS:
        raise DataError("program", f"a program has at most {forms.MOST_LETTERS} letters, got more")
    reader, line = _Reader(), 1
    try:
        body = parsed(text).body
        if len(body) > _MOST_STATEMENTS:
            raise Unreadable(1, f"a program has at most {_MOST_STATEMENTS} statements")
        for node in body:
            line = node.lineno
            reader.statement(node)
        return reader.settings()
    except Unreadable as found:
        raise DataError("program", f"line {found.line}: {found.problem}", found.fix) from None
    except RecursionError:
        raise DataError("program", f"line {line}: this nests too deep") from None
