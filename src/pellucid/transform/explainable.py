"""What `show` and `explain` look at: a function and its arguments, each leaf with a name.

In: a function with its arguments, or an object that says which function it is, as a model does.
Out: a `FunctionCall`. Models stand above this folder; they answer by a method, and need no import
from below.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pellucid.core import trees
from pellucid.core.errors import ArgumentError, GraphError
from pellucid.graph.node import Graph
from pellucid.transform.tensor import Tensor
from pellucid.transform.trace import argument_names, is_abstract

METHOD = "__pellucid_function__"


@dataclass(frozen=True)
class FunctionCall:
    """A function at its arguments.

    Args:
        function: takes `args`, positionally; its `__name__` heads an explanation.
        args: the arguments, nested dicts, lists and tuples of arrays.
        names: the name of each argument. A leaf is named by it and its path, `layers.0.W`; an
            empty name leaves the path alone, `dense_1.W`.
        argnums: the arguments whose gradient is asked for, such as the weights; None leaves the
            choice to `show` and `explain`.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    names: tuple[str, ...]
    argnums: tuple[int, ...] | None = None

    @property
    def leaves(self) -> list[Any]:
        return trees.leaves_of(self.args)

    @property
    def leaf_names(self) -> list[str]:
        pairs = zip(self.names, self.args, strict=True)
        return [path for name, tree in pairs for path in trees.paths(tree, name)]

    @property
    def owners(self) -> list[int]:
        """For each leaf, the number of the argument that holds it."""
        return [n for n, tree in enumerate(self.args) for _ in trees.leaves_of(tree)]


class Explainable(Protocol):
    """An object that `show` and `explain` take in place of a function."""

    def __pellucid_function__(self, where: str, *args: Any) -> FunctionCall:
        """The function that the object is at `args`.

        Args:
            where: who asks, "show" or "explain": the first word of an error message.
            args: what stood behind the object: `show(model, x, y)` gives x and y.
        """
        ...


def function_call(where: str, target: Any, args: tuple[Any, ...]) -> FunctionCall:
    """The function that is meant, at its arguments.

    Raises:
        ArgumentError: for what is no function, and for arguments that the function does not take.
    """
    own = getattr(type(target), METHOD, None)
    if own is not None:
        return _answered(where, target, own(target, where, *args))
    if not callable(target) or isinstance(target, type):
        wanted = (
            "a function or a model"
            if where in ("explain", "inspect")
            else "a function, a model or a Tensor"
        )
        is_class = isinstance(target, type)
        kind = f"the class {target.__name__}" if is_class else type(target).__name__
        raise ArgumentError(where, f"expected {wanted}, got {kind}", _advice(where, target))
    _check_arguments(where, target, args)
    if any(is_abstract(leaf) for leaf in trees.leaves_of(args)):
        raise no_numbers(where)
    return FunctionCall(target, args, tuple(argument_names(target, len(args))))


def no_numbers(where: str) -> GraphError:
    """Values are shown, and inside a traced function there are none yet."""
    return GraphError(
        where,
        "expected Tensors with values, got one inside a traced function",
        f"Call it outside, on the function that is traced: pel.{where}(f, x).",
    )


def _answered(where: str, target: Any, answer: Any) -> FunctionCall:
    """What an object says about itself, checked: a person may write such a method too."""
    good = isinstance(answer, FunctionCall) and len(answer.args) == len(answer.names)
    if not good or any(not 0 <= n < len(answer.args) for n in answer.argnums or ()):
        raise ArgumentError(
            where,
            f"{type(target).__name__}.{METHOD} must return a FunctionCall with a name for each "
            f"argument, got {answer!r}",
        )
    call: FunctionCall = answer
    return call


def _advice(where: str, target: Any) -> str:
    if isinstance(target, Graph):
        return "print(graph) prints a graph."
    if isinstance(target, Tensor):
        return "pel.show(tensor) shows how a Tensor was computed."
    return f"Give a function and its arguments: pel.{where}(f, x)."


def _check_arguments(where: str, function: Callable[..., Any], args: Sequence[Any]) -> None:
    """Refuses arguments that a function does not take, before it is traced."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # one written in C says nothing about its arguments
        return
    try:
        signature.bind(*args)
    except TypeError as error:
        name = called(function)
        problem = f"{name} must be given the arguments it takes, got {len(args)} ({error})"
        raise ArgumentError(where, problem, _written(where, name, signature)) from None


def called(function: Any) -> str:
    """How a person writes a function; a lambda is called f."""
    name = str(getattr(function, "__name__", type(function).__name__))
    if not name.isidentifier():
        return "f"
    return f"np.{name}" if getattr(function, "__module__", None) == "numpy" else name


def _written(where: str, name: str, signature: inspect.Signature) -> str:
    """The call that has every argument the function needs."""
    needed = [p for p in signature.parameters.values() if p.default is p.empty]
    words = [p.name for p in needed if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    keywords = [f"{p.name}={p.name}" for p in needed if p.kind is p.KEYWORD_ONLY]
    if keywords:
        inner = f"lambda {', '.join(words)}: {name}({', '.join([*words, *keywords])})"
        return f"Write pel.{where}({', '.join([inner, *words])})."
    return f"Write pel.{where}({', '.join([name, *words])})."
