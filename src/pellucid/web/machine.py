"""The support vector machine of the page as one record, and as a line of a program.

The line is written and read here; it is never executed.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from pellucid.core.arguments import choice, flag, integer, real
from pellucid.core.errors import ArgumentError, DataError, PellucidError
from pellucid.svm import SVC
from pellucid.web.constructors import Unreadable, arguments, dotted, parsed, shown

KERNELS = ("linear", "poly", "rbf", "sigmoid")
MOST_ROWS = 2_000  # that a machine of the page is fitted to
MOST_ITERATIONS = 200_000  # steps of the solver: a refusal to hang, which the certificate tells
_SMALLEST, _LARGEST = 1e-6, 1e9  # of C and gamma
_DEGREES = 12
_WHERE = "support vector machine"
_READ = {  # what each kernel reads
    "linear": (),
    "poly": ("gamma", "degree", "coef0"),
    "rbf": ("gamma",),
    "sigmoid": ("gamma", "coef0"),
}
_GIVEN = ("x[kept]", "y[kept]")


@dataclass(frozen=True)
class Machine:
    """What a person chose.

    Args:
        kernel: one of `KERNELS`; C, gamma, degree, coef0: those of `SVC`.
        hard: whether no slack is allowed: the widest hyperplane between two classes.
    """

    kernel: str = "rbf"
    C: float = 1.0
    gamma: float | str = "scale"
    degree: int = 3
    coef0: float = 0.0
    hard: bool = False

    def __post_init__(self) -> None:
        choice(_WHERE, "kernel", self.kernel, KERNELS)
        real(_WHERE, "C", self.C, _SMALLEST, _LARGEST)
        if isinstance(self.gamma, str):
            choice(_WHERE, "gamma", self.gamma, ("scale", "auto"))
        else:
            real(_WHERE, "gamma", self.gamma, _SMALLEST, _LARGEST)
        integer(_WHERE, "degree", self.degree, 1, _DEGREES)
        real(_WHERE, "coef0", self.coef0, -1e6, 1e6)
        flag(_WHERE, "hard", self.hard)
        if self.hard and self.kernel != "linear":
            raise ArgumentError(
                _WHERE,
                f"a margin without slack is found for the linear kernel, got {self.kernel!r}",
                "Raise C: where no coefficient is at C, the margin is the hard one.",
            )

    def arguments(self) -> dict[str, Any]:
        """Those of `SVC` that this kernel reads."""
        read = {name: getattr(self, name) for name in _READ[self.kernel]}
        return {"C": self.C, **read}

    def made(self) -> SVC:
        """The machine, not fitted; its decisions are those of the pairs of classes."""
        return SVC(
            self.kernel,
            **self.arguments(),
            max_iter=MOST_ITERATIONS,
            decision_function_shape="ovo",
        )

    def line(self) -> str:
        """The statement of a program that fits it."""
        given = ", ".join(_GIVEN)
        if self.hard:
            return f"machine = pel.svm.hard_margin({given})"
        most = f", max_iter={MOST_ITERATIONS})"
        return f"machine = pel.svm.{str(self)[:-1]}{most}.fit({given})"

    def __str__(self) -> str:
        """As the address has it."""
        if self.hard:
            return "hard_margin()"
        written = ", ".join(f"{name}={value!r}" for name, value in self.arguments().items())
        return f"SVC({self.kernel!r}, {written})"


def of_text(text: str) -> Machine:
    """The machine of an address.

    Raises:
        DataError: naming what cannot be read.
    """
    try:
        node = parsed(text.strip(), "eval").body
        if isinstance(node, ast.Call) and dotted(node.func) == "hard_margin":
            if node.args or node.keywords:
                raise Unreadable(1, "hard_margin has no arguments here")
            return Machine("linear", hard=True)
        return _soft(node, ("SVC",))
    except Unreadable as found:
        raise DataError("address, svm", found.problem, found.fix) from None


def of_statement(node: ast.stmt) -> Machine | None:
    """The machine of a statement `machine = …`; None where it is another one.

    Raises:
        Unreadable: with the line, for anything that `Machine.line` would not have written.
    """
    if not isinstance(node, ast.Assign) or ast.unparse(node.targets[0]) != "machine":
        return None
    value = node.value
    if not isinstance(value, ast.Call) or len(node.targets) > 1:
        raise Unreadable(node.lineno, f"expected pel.svm.SVC(…).fit(…), got {shown(node)}")
    given = tuple(ast.unparse(one) for one in value.args)
    if given != _GIVEN or value.keywords:
        raise Unreadable(node.lineno, f"a machine is fitted to {', '.join(_GIVEN)}")
    if dotted(value.func) == "pel.svm.hard_margin":
        return Machine("linear", hard=True)
    if isinstance(value.func, ast.Attribute) and value.func.attr == "fit":
        return _soft(value.func.value, ("pel.svm.SVC",))
    raise Unreadable(node.lineno, f"{shown(value.func)} cannot be called here")


def _soft(node: ast.AST, names: tuple[str, ...]) -> Machine:
    line = getattr(node, "lineno", 1)
    if not isinstance(node, ast.Call) or dotted(node.func) not in names:
        raise Unreadable(line, f"expected {names[0]}(…), got {shown(node)}")
    args, kwargs = arguments(node)
    most = kwargs.pop("max_iter", MOST_ITERATIONS)
    if most != MOST_ITERATIONS:
        raise Unreadable(line, f"max_iter is {MOST_ITERATIONS} here, got {most!r}")
    kernel = args[0] if args else kwargs.pop("kernel", "rbf")
    unknown = [name for name in kwargs if name not in ("C", "gamma", "degree", "coef0")]
    if len(args) > 1 or unknown:
        raise Unreadable(line, "a machine here has kernel, C, gamma, degree and coef0")
    try:
        return Machine(kernel, **kwargs)
    except PellucidError as error:
        raise Unreadable(line, error.problem, error.fix) from None
