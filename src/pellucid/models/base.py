"""What a model is made of: an architecture, its arrays, how it is trained, where a run stands.

`model.py` adds the calls that a person makes; fitting, saving and loading need only what is here.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core import display, dtypes, shapes, trees
from pellucid.core.arguments import seed as check_seed
from pellucid.core.errors import ArgumentError, DTypeError, ShapeError
from pellucid.core.forks import Claim, importing
from pellucid.core.shapes import N
from pellucid.data.arrays import as_array, as_features
from pellucid.data.frames import check_names, check_same_names, feature_names
from pellucid.graph.node import Graph, TensorType
from pellucid.models import variables
from pellucid.models.architecture import Architecture
from pellucid.models.configuration import Configuration
from pellucid.models.own_code import OwnCode
from pellucid.models.ports import Ports
from pellucid.models.programs import Programs, Targets
from pellucid.nn.checks import WIDER
from pellucid.nn.layer import Layer, kind_name
from pellucid.nn.symbols import Network, check_name
from pellucid.ops.composite import sliding
from pellucid.ops.value import Builder, records
from pellucid.optim import Minimizer, around
from pellucid.runtime.extras import numpy_dtype
from pellucid.runtime.interpreter import run
from pellucid.train.history import History
from pellucid.train.in_blocks import in_blocks
from pellucid.train.state import Weights
from pellucid.train.step import gradient_graph, slots_graph, step_graph
from pellucid.train.task import Task
from pellucid.transform.arrays import check_whole, converted
from pellucid.transform.custom import in_rows

Array = np.ndarray[Any, Any]


class BaseModel(Network):
    """The parts of a model.

    `params` and `state` are the arrays that the model computes with, not copies; assigned to, they
    take copies of all arrays at once.

    Attributes:
        name: of the model inside another one.
        seed: owns the initial weights.
        dtype: of weights and computation.
        architecture: the graph of layers.
        columns: for each input the names of the columns of the table that it was trained on.
        history: of the last run.
        training: where a run stands, for resuming.
        kept: weights of earlier epochs; see `train.loop`.
    """

    # What no function of a person's own that calls the model depends on.
    __pellucid_unwatched__ = ("programs", "_slots", "training", "kept", "_claim")

    def __init__(self, seed: int | None, dtype: Any, name: str | None, inputs: Ports):
        where = type(self).__name__
        check_name(where, name)
        self.name = name
        self.seed = secrets.randbits(32) if seed is None else check_seed(where, seed)
        try:
            self.dtype = dtypes.as_dtype(dtype, where)
        except DTypeError:  # its message offers integers too
            self.dtype = dtypes.int64
        if not self.dtype.is_float:
            raise ArgumentError(where, f"dtype must be float32 or float64, got {dtype!r}")
        self.architecture = Architecture(where, inputs, self.dtype)
        self.columns: list[tuple[str, ...] | None] = [None] * len(inputs)
        self._slots: dict[str, list[Array]] | None = None
        self.history = History()
        self.training: dict[str, Any] = {}
        self.kept: dict[int, Weights] = {}
        self.programs = Programs()
        self._configuration: Configuration | None = None
        self._claim = Claim()

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle keeps: graphs are built anew."""
        return {**self.__dict__, "programs": Programs()}

    def share_programs(self, programs: Programs) -> None:
        """Runs what is compiled for another model of the same structure.

        Rates, strengths of penalties and seeds may differ: they are inputs of graphs.
        """
        self.refresh()  # its own code is known first: learning it later forgets all programs
        self.__dict__["programs"] = programs.apart(self.programs.own)

    # -- layers and arrays ------------------------------------------------------------------

    @property
    def layers(self) -> list[Layer]:
        """The layers in the order of their computation; one that is used twice stands twice."""
        return list(self.architecture.layers)

    @property
    def names(self) -> list[str]:
        """The names of `layers`."""
        return list(self.architecture.names)

    @property
    def types(self) -> list[TensorType]:
        """The type of each layer's output; empty where the shape of the input is not known."""
        return list(self.architecture.types)

    @property
    def input_types(self) -> tuple[TensorType, ...]:
        """The type of each input; empty where the shapes are not known yet."""
        return self.architecture.input_types

    @property
    def params(self) -> dict[str, dict[str, Array]]:
        """The weights, {layer: {name: array}}: the model's own arrays, not copies.

        A tree of arrays or Tensors in the same nesting replaces them, by copy.
        """
        if not variables.is_built(self.architecture):
            self.built()
        return variables.read(self.architecture, "params")

    @params.setter
    @variables.alone
    def params(self, tree: dict[str, dict[str, Array]]) -> None:
        self._replace("params", tree)

    @property
    def state(self) -> dict[str, dict[str, Array]]:
        """What layers keep beside weights, such as running means: {layer: {name: array}}.

        A tree of arrays or Tensors in the same nesting replaces it, by copy.
        """
        if not variables.is_built(self.architecture):
            self.built()
        return variables.read(self.architecture, "state")

    @state.setter
    @variables.alone
    def state(self, tree: dict[str, dict[str, Array]]) -> None:
        self._replace("state", tree)

    def _replace(self, kind: str, tree: Any) -> None:
        """Copies of the arrays in `tree` as the model's own, all of them at once."""
        self.built()
        where, dtype = f"model.{kind}", numpy_dtype(self.dtype)

        def own(array: Any) -> Array:
            plain = as_array(array, where, "an array")
            check_whole(plain, dtype, where, "an array", WIDER)
            return converted(np.array(plain, order="C"), dtype, where, "an array")

        wanted = getattr(self.architecture, kind)
        variables.write(self.architecture, kind, variables.fitted(where, kind, tree, wanted, own))

    @property
    def slots(self) -> dict[str, list[Array]] | None:
        """What the optimizer remembers, {slot: [an array for each weight]}; None before a step.

        Assigned to, it takes copies of all arrays at once; None forgets them.
        """
        return self._slots

    @slots.setter
    @variables.alone
    def slots(self, given: dict[str, list[Array]] | None) -> None:
        self._slots = None if given is None else self._checked_slots(given)

    @property
    def averages(self) -> list[Array] | None:
        """Running averages of the weights, in the order of `weights`: what an optimizer with
        `average=…` makes, and of weights that are not trained these themselves. None where none
        are made, or before a step. `model.set_weights(model.averages)` puts them in their place.
        """
        averages = None if self._slots is None else self._slots.get(around.AVERAGE)
        if averages is None:
            return None
        weights, rates = trees.leaves_of(self.params), self._any_task().rates
        return [a if rate else w for a, w, rate in zip(averages, weights, rates, strict=True)]

    def _any_task(self) -> Task:
        """What is trained, of any targets."""
        return self.task([TensorType(self.dtype, (N,))] * len(self.architecture.outputs))

    def _checked_slots(self, given: Any) -> dict[str, list[Array]]:
        self.built()
        wanted = self.slot_types()
        fix = "Give the slots of a model with these layers and this optimizer."
        if not isinstance(given, dict) or set(given) != set(wanted):
            known = ", ".join(wanted) or "an empty dict"
            got = ", ".join(map(str, given)) if isinstance(given, dict) else repr(given)
            raise ArgumentError("model.slots", f"slots must be {known}, got {got}", fix)
        made: dict[str, list[Array]] = {}
        for name, types in wanted.items():
            own = given[name] if isinstance(given[name], (list, tuple)) else [given[name]]
            made[name] = [np.array(as_array(one, "model.slots", name), order="C") for one in own]
            if variables.type_tree(made[name]) != types:
                raise ShapeError(
                    "model.slots",
                    f"{name} must hold {types!r}, got {variables.type_tree(made[name])!r}",
                    fix,
                )
        return made

    def __pellucid_network__(self, arrays: bool) -> Any:
        """What `pel.draw` draws: the architecture, with the weights of dense layers if wanted."""
        if arrays or not self.architecture.types:
            self.built()
        with importing:  # a model that is not drawn does not wait for pictures
            from pellucid.models.drawing import network_of

        params = self.params if arrays else self.architecture.params
        return network_of(self.name or type(self).__name__, self.architecture, params, arrays)

    def _repr_svg_(self) -> str | None:
        """The architecture in a notebook; none before the shape of the input is known."""
        return display.svg(self)

    def claims(self) -> list[Claim]:
        """What a run of this model needs for itself: the model and all its layers."""
        layers = self.architecture.unique().values()
        return [self._claim, *(layer.variables.claim for layer in layers)]

    def built(self, features: tuple[Array, ...] = ()) -> None:
        """Makes the weights if there are none, and checks the shapes of `features`.

        Raises:
            ArgumentError: where the shape of the input is not known.
        """
        architecture, where = self.architecture, type(self).__name__
        if not architecture.layers:
            raise ArgumentError(where, "a model needs a layer, got none", "Use add(layer).")
        if not architecture.input_types:
            if not features:
                raise ArgumentError(
                    where,
                    "the shape of the input is not known yet",
                    "Give the first layer input_shape=(…), or call fit first.",
                )
            architecture.shaped([x.shape[1:] for x in features], variables.check)
        if not variables.is_built(architecture):
            variables.build(architecture, self.seed)
            self.programs.clear()
        self.fits([x.shape for x in features])

    def fits(self, given: Sequence[tuple[Any, ...]]) -> None:
        """Refuses inputs of shapes that the model was not made for."""
        wanted = self.architecture.input_types
        for number, (shape, type) in enumerate(zip(given, wanted, strict=False)):
            if shape[1:] != type.shape[1:]:
                raise self._other_shape(number, shape, self.architecture.samples[number])

    def _other_shape(
        self, number: int, shape: tuple[Any, ...], wanted: tuple[int, ...]
    ) -> ShapeError:
        fix = ""
        if shapes.size(shape[1:]) == shapes.size(wanted):
            fix = "Add Flatten() before Dense." if len(wanted) == 1 else "Reshape the data."
        if len(wanted) > 1 and shape[1:] == (wanted[-1], *wanted[:-1]):
            fix = sliding.CHANNELS_LAST
        own = self.architecture.inputs.labels("x")[number]
        layer = kind_name(type(self.architecture.layers[0]).__name__)
        return ShapeError(
            f'{layer} "{self.architecture.names[0]}"',
            f"{own} must be {shapes.text((N, *wanted))}, got {shapes.text(shape)}",
            fix,
        )

    def features(self, x: Any, where: str) -> tuple[Array, ...]:
        """x as an array for each input; a model without weights is built for them.

        Raises:
            ArgumentError: for another number of arrays than the model has inputs.
            ShapeError: for unequal numbers of rows, or shapes that do not fit the weights.
        """
        found = self.given_features(x, where)
        self.built(found)
        return found

    def given_features(self, x: Any, where: str) -> tuple[Array, ...]:
        """x as an array for each input, with as many rows each; the model stays as it is."""
        self.refresh()
        return self.more_features(x, where)

    def more_features(self, x: Any, where: str) -> tuple[Array, ...]:
        """The same where functions of a person's own stay as they are: x is one batch of many."""
        given = self.architecture.inputs.taken(where, "x", x)
        for known, one in zip(self.columns, given, strict=True):
            check_names(where, known, one)
        dtype = numpy_dtype(self.dtype)
        found = tuple([as_features(one, where, dtype) for one in given])
        if len(found) > 1 and len({len(one) for one in found}) > 1:
            raise ShapeError(
                where,
                "all inputs must have as many rows, got "
                f"{', '.join(str(len(one)) for one in found)}",
            )
        return found

    def check_columns(self, names: tuple[str, ...], where: str) -> None:
        """Refuses the columns of a streamed table that are not those of `fit` in their order."""
        if len(self.columns) == 1:
            check_same_names(where, self.columns[0], names, streamed=True)

    def remember_columns(self, x: Any, names: tuple[str, ...] | None = None) -> None:
        """Keeps the names of a table's columns: later tables must have the same in this order.

        Args:
            names: of the columns of x, where x is an array of a streamed table.
        """
        given = self.architecture.inputs.taken("fit", "x", x)
        self.columns = [
            (feature_names(one) or names) if known is None else known
            for known, one in zip(self.columns, given, strict=True)
        ]

    # -- training ---------------------------------------------------------------------------

    @property
    def compiled(self) -> bool:
        """Whether the model knows how it is trained."""
        return self._configuration is not None

    def configuration(self, where: str) -> Configuration:
        """What the model was compiled with.

        Raises:
            ArgumentError: where it was not.
        """
        if self._configuration is None:
            raise ArgumentError(
                where, "the model must be compiled first", "Call compile(optimizer, loss)."
            )
        return self._configuration

    def configure(self, configuration: Configuration) -> None:
        """Says how the model is trained; what an earlier run left is forgotten."""
        self._configuration = configuration
        self.forget_training()
        self.forget_programs()

    def forget_programs(self) -> None:
        """After a change of the layers, or of how they are trained."""
        self.__dict__["programs"] = Programs()  # others may run those that it had

    def refresh(self) -> None:
        """Forgets what was traced where functions of a person's own read something else by now.

        Weights, slots and the state of a run stay.

        Raises:
            ShapeError: where the weights do not fit what the functions do now.
        """
        if self.programs.own is not None and not self.programs.own.changed():
            return
        architecture, where, how = self.architecture, type(self).__name__, self._configuration
        others = () if how is None else how.traced_parts
        own = OwnCode(where, architecture.unique().values(), others, self)
        if own.parts and architecture.input_types:
            architecture.shaped_again(functools.partial(variables.check, again=True))
        self.programs.clear()
        self.programs.own = own

    def forget_training(self) -> None:
        """Leaves the weights as they are, and nothing of the run that made them."""
        self._slots, self.training, self.kept = None, {}, {}

    def holds(self, epoch: int) -> bool:
        """Whether the weights and state are the numbers that were kept of an epoch."""
        params, state = self.kept[epoch]
        now = [*trees.leaves_of(self.params), *trees.leaves_of(self.state)]
        pairs = zip(now, [*params, *state], strict=True)
        return all(np.array_equal(one, other, equal_nan=True) for one, other in pairs)

    def task(self, ys: Sequence[TensorType], weights: Sequence[TensorType] = ()) -> Task:
        """What is trained on targets and weights of these types, kept until the model changes."""
        key = tuple(ys), tuple(weights)
        found = self.programs.tasks.get(key)
        if found is None:
            self.built()
            architecture = self.architecture
            found = self.programs.tasks[key] = self.configuration("fit").task(
                architecture, architecture.params, architecture.state, *key, self.dtype
            )
        return found

    @staticmethod
    def key(task: Task) -> Targets:
        """What tells a task from the others of the model."""
        return tuple(head.y for head in task.heads), task.weights

    def step_graph(self, task: Task) -> Graph:
        """The training step of a task, kept until the model changes."""
        key, optimizer = self.key(task), self.configuration("fit").optimizer
        graph = self.programs.graphs.get(key)
        if graph is None:
            if not task.free:
                raise ArgumentError(
                    "fit",
                    "a layer with weights must be trained, got none",
                    "Compile with other rates, or add a layer.",
                )
            slots = variables.type_tree(self.slots)
            if isinstance(optimizer, Minimizer):
                graph = self.programs.traced(lambda: gradient_graph(task, slots))
            else:
                graph = self.programs.traced(lambda: step_graph(task, optimizer, slots))
            self.programs.graphs[key] = graph
        return graph

    def chunked_graph(self, task: Task, rows: int) -> Graph:
        """The same step with its sums over a batch in chunks of so many rows.

        Operations of a person's own are written out as rows: what they do to a batch must be known.
        """
        graph, key = self.step_graph(task), (self.key(task), rows)
        if key not in self.programs.graphs:
            self.programs.graphs[key] = in_blocks(in_rows(graph), rows)
        return self.programs.graphs[key]

    def start_slots(self, task: Task) -> None:
        """The optimizer's slots before the first step."""
        key, optimizer = self.key(task), self.configuration("fit").optimizer
        graph = self.programs.slots.get(key)
        if graph is None:
            graph = self.programs.traced(lambda: slots_graph(task, optimizer))
            self.programs.slots[key] = graph
        self._slots = self._by_slot(run(graph, trees.leaves_of(self.params)))

    def slot_types(self) -> dict[str, list[TensorType]]:
        """The types of the optimizer's slots, without an array."""
        graph = slots_graph(self._any_task(), self.configuration("fit").optimizer)
        return self._by_slot(graph.output_types)

    @records
    def _by_slot(self, leaves: Sequence[Any]) -> dict[str, list[Any]]:
        """A flat list as what each slot keeps of each weight."""
        with Builder():
            names = list(self.configuration("fit").optimizer.checked_slots([], []))
        each = len(trees.leaves_of(self.architecture.params))
        return {name: list(leaves[i * each : (i + 1) * each]) for i, name in enumerate(names)}
