"""`pel.draw`: a picture of what is given, as SVG. What is drawn follows from the object.

In: a function with its arguments, a Tensor, a graph, a model, a machine with its data, a history.
Out: a `Picture`. The objects say what they are by methods, so that nothing above is imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pellucid.core.arguments import checked, flag
from pellucid.core.errors import ArgumentError
from pellucid.graph.node import Graph
from pellucid.transform.explainable import Explainable, called, function_call
from pellucid.transform.tensor import Tensor
from pellucid.transform.trace import is_abstract
from pellucid.viz.blocks import draw_blocks, draw_matrices
from pellucid.viz.figures import computed, graph_picture, of_tensor, plain_picture
from pellucid.viz.networks import draw_units
from pellucid.viz.plane import boundary
from pellucid.viz.progress import over_steps, progress
from pellucid.viz.regression import regression
from pellucid.viz.svg import Picture

_CLASSIFYING = ("decision_function", "predict_proba")
_GRAPHS, _NETWORKS = ("graph", "backward"), ("units", "blocks", "matrices")
_RUNS = ("epochs", "steps")


@checked
def draw(
    target: Callable[..., Any] | Explainable | Tensor | Graph,
    *args: Any,
    view: str | None = None,
    values: bool | None = None,
    backward: bool | None = None,
    opened: Sequence[str] | str | None = None,
    biases: bool | None = None,
    activations: bool | None = None,
) -> Picture:
    """A picture of a function, a model, a machine, a graph or a history.

    What is drawn follows from what is given; `view` chooses where there are several pictures.

    - A function and its arguments, a Tensor, or a model with x and y (a prediction for x alone):
      the graph with the value and the gradient of each node. view="graph" (the first choice)
      writes gradients into the boxes; view="backward" draws the way back as boxes of its own.
      Nodes have the names of the variables that the function assigns them to.
    - A Graph, such as `model.training_graph(x, y)`: its nodes, a row for each phase and a column
      for each layer, folded where it is large.
    - A model: its architecture. view="units" draws units and links (of dense layers),
      view="blocks" blocks of relative sizes, view="matrices" products of matrices.
    - A machine of `pel.svm` or `pellucid.sklearn` with x and y: of a classifier of two features its
      regions, margin and support vectors; of a regression of one feature its curve, of two its
      level lines, with the tube and the support vectors of an SVR. A network of `pellucid.sklearn`
      or of a table alone: its architecture.
    - A history: the curves of the run over its epochs; view="steps" those of every minibatch.

    Args:
        target: what is drawn.
        args: the arguments of the function, or the data of the model or machine.
        view: which picture, where there are several; None takes the first that fits.
        values: whether values are written into the boxes; True unless given.
        backward: whether gradients are; True unless given.
        opened: which cells of a graph of layers show their nodes: "all", or phases ("forward"),
            layers ("dense_1") or cells ("forward-dense_1"). None opens all of a small graph.
        biases: whether biases are drawn, as links from a unit that is always 1; True unless given.
        activations: whether units show the curve of their activation; True unless given.

    Returns:
        A `Picture`, which a notebook shows and `picture.save("net.svg")` writes.

    Raises:
        ArgumentError: for what cannot be drawn, and for arguments that it does not take.

    Example:
        >>> draw(lambda x, y: x * y, 3.0, -5.0)
        Picture('f = -15', 220 × 206)
    """
    options = {
        "view": view,
        "values": values,
        "backward": backward,
        "opened": opened,
        "biases": biases,
        "activations": activations,
    }
    given = {name: value for name, value in options.items() if value is not None}
    for name in ("values", "backward", "biases", "activations"):
        if name in given:
            flag("draw", name, given[name])
    kind = type(target)
    if getattr(kind, "__pellucid_alone__", False):
        _takes("a model of a table", given, args, 0, ("view", "biases", "activations"))
    if hasattr(kind, "__pellucid_network__") and not args:
        return _network(target, given)
    if hasattr(kind, "__pellucid_curves__"):
        _takes("a history", given, args, 0, ("view",))
        run: Any = target
        if _viewed(given, _RUNS, "a history", _RUNS[0]) == "steps":
            return over_steps(*run.__pellucid_steps__())
        return progress(*run.__pellucid_curves__())
    if not callable(target) and any(hasattr(kind, name) for name in _CLASSIFYING):
        _takes("a machine", given, args, 2)
        return boundary(target, *args)
    if not callable(target) and hasattr(kind, "predict"):
        _takes("a machine", given, args, 2)
        return regression(target, *args)
    return _graph(target, args, given)


def _takes(
    what: str,
    given: dict[str, Any],
    args: Sequence[Any],
    count: int | None,
    known: Sequence[str] = (),
) -> None:
    """Refuses arguments that the picture of `what` has no use for."""
    for name in given:
        if name not in known:
            offered = f"It takes {', '.join(known)}." if known else "Leave it out."
            raise ArgumentError("draw", f"{what} takes no {name}, got {given[name]!r}", offered)
    if count is not None and len(args) != count:
        wanted = "nothing else" if not count else "x and y"
        raise ArgumentError(
            "draw",
            f"{what} is drawn with {wanted}, got {len(args)} arguments",
            "Write pel.draw(machine, x, y)." if count else "Write pel.draw(target).",
        )


def _viewed(given: dict[str, Any], known: Sequence[str], what: str, default: str) -> str:
    view = given.get("view", default)
    if not isinstance(view, str) or view not in known:
        raise ArgumentError(
            "draw", f"unknown view of {what}, {view!r}", f"Known: {', '.join(known)}."
        )
    return view


def _network(model: Any, given: dict[str, Any]) -> Picture:
    network = model.__pellucid_network__(False)
    view = _viewed(given, _NETWORKS, "a model", "units" if network.is_small else "blocks")
    shown = ("view", "biases", "activations") if view == "units" else ("view",)
    _takes(f'view="{view}"', given, (), 0, shown)
    if view == "blocks":
        return draw_blocks(network)
    network.check_dense(view)  # before the weights of a large model are made
    network = model.__pellucid_network__(True)
    if view == "matrices":
        return draw_matrices(network)
    return draw_units(network, given.get("biases", True), given.get("activations", True))


def _graph(target: Any, args: Sequence[Any], given: dict[str, Any]) -> Picture:
    if isinstance(target, Graph):
        _takes("a graph", given, args, 0, ("view", "opened"))
        _viewed(given, _GRAPHS[:1], "a graph", "graph")
        return plain_picture(target, given.get("opened"), f"A graph of {len(target)} nodes")
    view = _viewed(given, _GRAPHS, "a graph", "graph")
    if isinstance(target, Tensor):
        _takes("a Tensor", given, args, 0, ("view", "values", "backward"))
        if is_abstract(target):
            raise ArgumentError(
                "draw", "expected a Tensor with values, got one inside a traced function"
            )
        found, name = of_tensor(target), "A Tensor"
    else:
        call = function_call("draw", target, tuple(args))
        layered = call.argnums is not None
        known = ("view", "values", "backward", *(("opened",) if layered else ()))
        _takes("a function" if not layered else "a model", given, args, None, known)
        found, name = computed(call, "draw"), "J" if layered else called(call.function)
    shown, back = given.get("values", True), given.get("backward", True)
    if view == "backward" and not back:
        raise ArgumentError(
            "draw", 'view="backward" is the way back, got backward=False', "Leave one of them out."
        )
    end = found.values[found.graph.outputs[0]]
    title = f"{name} = {float(end):.6g}" if end.ndim == 0 else name
    return graph_picture(found, view, shown, back, given.get("opened"), title)
