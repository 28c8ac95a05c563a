"""keras.models.clone_model: another model of the same form, whose layers have weights of their own.

In: the tensors of a model, which know the calls that made them. Out: the same calls of other layers
on other inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pellucid.core.errors import ArgumentError
from pellucid.keras import blame
from pellucid.keras.arguments import refuse
from pellucid.keras.base import Layer
from pellucid.keras.layers import InputLayer
from pellucid.keras.model import Model
from pellucid.keras.tensors import KerasTensor, Node, called, flat, mapped

_WHERE = "keras.models.clone_model"
Cloned = Callable[[Layer], Layer]
_MODELS = "It takes a Sequential, or a Model of inputs and outputs."


@blame.kinds("models.clone_model")
def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Cloned | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Model:
    """A model of the same form with new layers, and so with new start weights.

    Args:
        model: a Sequential, a Model of inputs and outputs, or one of a class of your own.
        input_tensors: what the model is built upon, nested like its inputs; None: inputs like them.
        clone_function: layer → the layer that stands in its place, which may be the same;
            None: one with the same arguments. A layer that is shared is cloned once.
        call_function: (layer, *args, **kwargs) → what is made in the place of the call of a layer.
        recursive: whether models inside are cloned by these functions too, layer by layer.

    Raises:
        ArgumentError: for what is no model, one out of a file, or functions that return none.
    """
    for name, value in kwargs.items():
        refuse("models.clone_model", name, value, "Keras's clone_model does not have it")
    if not isinstance(model, Model):
        raise ArgumentError(_WHERE, f"model must be a Model, got {model!r}", _MODELS)
    for name, function in (("clone_function", clone_function), ("call_function", call_function)):
        if function is not None and not callable(function):
            raise ArgumentError(_WHERE, f"{name} must be a function, got {function!r}")
    made = _Cloning(clone_function, call_function, recursive).model(model, input_tensors)
    if model.compiled:
        made.compile_like(model)
    return made


class _Cloning:
    """One call of clone_model: what has been cloned so far."""

    def __init__(
        self, clone: Cloned | None, call: Callable[..., Any] | None, recursive: bool
    ) -> None:
        self._clone, self._call, self._recursive = clone, call, recursive
        self._known: dict[int, tuple[Layer, Layer]] = {}

    def model(self, model: Any, tensors: Any) -> Model:
        """The clone of a model."""
        if model.in_a_row:
            if self._call is not None and not self._recursive:
                raise ArgumentError(
                    _WHERE, "call_function is for models of inputs and outputs, got a Sequential",
                    "Write clone_function, or build the model of Input and outputs.",
                )  # fmt: skip
            return self._sequential(model, tensors)
        if model._functional:
            return self._graph(model, tensors)
        for name, value in (
            ("input_tensors", tensors), ("clone_function", self._clone),
            ("call_function", self._call),
        ):  # fmt: skip
            if value is not None:
                raise ArgumentError(
                    _WHERE,
                    f"{name} must be None for a model of a class of your own, got {value!r}",
                    _MODELS,
                )
        return type(model).from_config(model.get_config())  # type: ignore[no-any-return]

    def layer(self, layer: Layer) -> Layer:
        """The clone of a layer; of a shared one always the same."""
        if id(layer) not in self._known:
            self._known[id(layer)] = layer, self._new(layer)
        return self._known[id(layer)][1]

    def _new(self, layer: Layer) -> Layer:
        inside = isinstance(layer, Model) and (layer.in_a_row or layer._functional)
        if inside and self._recursive:
            return self.model(layer, None)
        if self._clone is None:
            return layer.duplicate()
        made = self._clone(layer)
        if not isinstance(made, Layer):
            raise ArgumentError(_WHERE, f"clone_function must return a layer, got {made!r}")
        return made

    def _sequential(self, model: Any, tensors: Any) -> Model:
        layers = [self.layer(one) for one in model.layers]
        first = model._layers[0] if model._layers else None
        if tensors is not None:
            wanted = [first.output] if isinstance(first, InputLayer) else [None]
            begin = [_layer(one) for one in _given(tensors, wanted)]
        else:
            begin = [_input(first.output)] if isinstance(first, InputLayer) else []
        return model.like([*begin, *layers])  # type: ignore[no-any-return]

    def _graph(self, model: Model, tensors: Any) -> Model:
        old = flat(model.inputs)
        if any(not isinstance(one, KerasTensor) for one in flat(model.output)):
            raise ArgumentError(
                _WHERE, "model must be built in this process, got one out of a file",
                "Load the file again for another model.",
            )  # fmt: skip
        new = [_input(one).output for one in old] if tensors is None else _given(tensors, old)
        made = {id(one): other for one, other in zip(old, new, strict=True)}
        for tensor in _in_order(flat(model.output), made):
            self._again(tensor, made)
        waiting = iter(new)
        inputs = mapped(model.input, lambda _: next(waiting))
        outputs = mapped(model.output, lambda one: made[id(one)])
        kind = type(model) if type(model).__init__ is Model.__init__ else Model
        found = kind(inputs, outputs, name=model.name)
        found._trainable = model._trainable
        return found

    def _again(self, tensor: KerasTensor, made: dict[int, Any]) -> None:
        """Makes the call that gave a tensor again: of the clone of its layer, on other tensors."""

        def other(one: Any) -> Any:
            return made[id(one)] if isinstance(one, KerasTensor) else one

        node = tensor.node
        assert node is not None, "it stands behind the inputs"
        if node.layer is None:
            reads = [other(one) for one in node.inputs]
            made[id(tensor)] = called(tensor.symbol.layer, reads, Node(None, reads), tensor.name)
            return
        layer, (args, kwargs) = self.layer(node.layer), mapped(node.given, other)
        if self._call is None:
            found = layer(*args, **kwargs)
        else:
            found = self._call(layer, *args, **kwargs)
        outputs = flat(found)
        if len(outputs) != len(node.made) or not all(
            isinstance(one, KerasTensor) for one in outputs
        ):
            raise ArgumentError(
                _WHERE,
                f"the clone of {node.layer.name} must give {len(node.made)} tensors as it does, "
                f"got {found!r}",
            )
        made.update({id(one): new for one, new in zip(node.made, outputs, strict=True)})


def _input(tensor: KerasTensor) -> InputLayer:
    """An input like this one."""
    return InputLayer(batch_shape=tensor.shape, name=getattr(_layer(tensor), "name", tensor.name))


def _layer(tensor: Any) -> Any:
    """The layer that made a tensor; None where there is none."""
    return getattr(getattr(tensor, "node", None), "layer", None)


def _given(tensors: Any, wanted: Sequence[KerasTensor | None]) -> list[KerasTensor]:
    """The inputs that a person gives, as a list; None is one of any shape."""
    found = flat(tensors)
    plain = [isinstance(_layer(one), InputLayer) for one in found]
    shapes = [None if one is None else one.shape for one in wanted]
    if (
        not all(plain)
        or [None if shape is None else one.shape for one, shape in zip(found, shapes, strict=False)]
        != shapes
    ):
        raise ArgumentError(
            _WHERE,
            f"input_tensors must be what Input returns, of shape {shapes}, got {tensors!r}",
            "Write Input(shape), and give the model what you compute of it.",
        )
    return found


def _in_order(outputs: Sequence[KerasTensor], ends: dict[int, Any]) -> list[KerasTensor]:
    """A tensor of each call between inputs and outputs, behind those that the call reads."""
    order: list[KerasTensor] = []
    seen: set[int] = set()
    stack = [(one, False) for one in reversed(outputs)]
    while stack:
        tensor, done = stack.pop()
        if done:
            order.append(tensor)
        elif id(tensor) not in ends and tensor.node is not None and id(tensor.node) not in seen:
            seen.add(id(tensor.node))
            stack.append((tensor, True))
            stack.extend((one, False) for one in reversed(tensor.node.inputs))
    return order
