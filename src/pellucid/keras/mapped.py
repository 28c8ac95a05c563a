"""Layers that Keras has: each row makes a layer of `pellucid.nn` of Keras's arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pellucid import nn
from pellucid.core.errors import ArgumentError, ShapeError
from pellucid.keras import activations, blame, initializers, regularizers
from pellucid.keras.arguments import Arguments, bound, refuse, signature, table
from pellucid.keras.base import COMMON, Layer, _plain
from pellucid.keras.members import unknown_member
from pellucid.keras.session import settle
from pellucid.keras.tensors import KerasTensor, Node, called
from pellucid.nn.init import Initializer
from pellucid.nn.layer import Layer as Inner

Make = Callable[[Arguments, dict[str, Any]], Inner]

# Keras's names of arrays, and those of ours.
NAMES = {
    "W": "kernel", "b": "bias", "table": "embeddings", "mean": "moving_mean",
    "variance": "moving_variance", "P": "pointwise_kernel",
}  # fmt: skip


class Mapped(Layer):
    """A layer of Keras that is one of ours.

    Attributes:
        inner: the layer of `pellucid.nn`.
    """

    room_name = ""
    make: Make

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given, rest = bound("layers", self.room_name, args, kwargs, COMMON)
        for name in ("name", "dtype"):
            if name in given.values_:
                rest[name] = getattr(given, name)
        if "activity_regularizer" in given.values_:
            rest["activity_regularizer"] = given.activity_regularizer
        super().__init__(**rest)
        self._arguments = given
        for name, value in given.values_.items():  # units, filters, … can be read, as in Keras
            if not hasattr(type(self), name) and name not in self.__dict__:
                self.__dict__[name] = value
        own = {"name": _plain(self.name)}
        self.inner = blame.made(given, lambda a: type(self).make(a, own))
        given.finish()

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuses a new value of an argument that the layer is made of."""
        given = self.__dict__.get("_arguments")
        known = {} if given is None else given.values_
        if (
            name in known
            and name not in ("name", "dtype", "trainable")
            and value is not known[name]
        ):
            refuse(self.room_name, name, value, "the layer is made: give it to a new one")
        super().__setattr__(name, value)

    @property
    def activation_function(self) -> Any:
        """The function, where the layer is one: LeakyReLU() may be given as an activation."""
        return self.inner.function if isinstance(self.inner, nn.Activation) else None

    def build(self, input_shape: Any) -> None:
        """Checks what depends on the number of axes."""
        axis = self._arguments.values_.get("axis", -1)
        if self.room_name in _LAST and axis not in (-1, [-1], (-1,)):
            wanted = len(input_shape) - 1 if isinstance(input_shape, tuple) else None
            if axis not in (wanted, [wanted], (wanted,)):
                refuse(self.room_name, "axis", axis, "it must be the last one")
        rank = _RANKS.get(self.room_name[-2:])
        if rank and isinstance(input_shape, tuple) and len(input_shape) != rank:
            raise ShapeError(
                f"keras.{self.name}",
                f"x must have {rank} axes with the rows, got {input_shape}",
                "Add a channel: Reshape((…, 1)).",
            )
        self.built = True

    def _traced(self, args: Any, kwargs: Any, tensors: list[KerasTensor]) -> Any:
        for name in kwargs:
            refuse(self.room_name, name, kwargs[name])
        if not self.built:
            self.build(tensors[0].shape)
        return called(self.inner, tensors, Node(self, tensors), self.name)

    def inner_layers(self) -> list[Inner]:
        return [self.inner]

    def own_weights(self) -> list[tuple[Inner, str, str, tuple[int, ...]]]:
        settle()
        found = []
        for kind in ("params", "state"):
            for name, array in (getattr(self.inner.variables, kind) or {}).items():
                shape = tuple(array.shape)
                if name == "P":
                    rank = getattr(self.inner, "rank", 2)
                    shape = (*(1,) * rank, *shape)
                found.append((self.inner, kind, name, shape))
        return found

    def _frozen(self) -> list[Inner]:
        return [] if self.trainable else [self.inner]

    def __getattr__(self, name: str) -> Any:
        for ours, keras in NAMES.items():
            if name == keras or (name == "depthwise_kernel" and ours == "W"):
                for inner, kind, own, shape in self.own_weights():
                    if own == ours:
                        return getattr(inner.variables, kind)[own].reshape(shape)
        if name in ("gamma", "beta", "alpha"):
            settle()
            held = self.inner.variables.params or {}
            if name in held:
                return held[name]
        return unknown_member(self, name)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._arguments.values_}


_LAST = ("BatchNormalization", "GroupNormalization", "UnitNormalization", "RMSNormalization")
_RANKS = {"1D": 3, "2D": 4}


def _start(a: Arguments, name: str) -> Initializer:
    return initializers.meant(a.where_, getattr(a, name))


def _act(a: Arguments) -> Any:
    return activations.meant(a.where_, a.activation)


def _kept(a: Arguments, rank: int, word: str = "kernel") -> Any:
    """Penalties and bounds of a kernel."""
    found = regularizers.penalties(a.where_, getattr(a, f"{word}_regularizer"))
    found += regularizers.bounds(a.where_, getattr(a, f"{word}_constraint"), rank)
    return found or None


def _last(a: Arguments) -> Any:
    """Refuses channels first."""
    if "data_format" in a.values_:
        a.only("data_format", None, "channels_last")
    return None


def _pair(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _dense(a: Arguments, own: dict[str, Any]) -> Inner:
    return nn.Dense(
        a.units, _act(a), a.use_bias, _start(a, "kernel_initializer"),
        _start(a, "bias_initializer"), regularizer=_kept(a, 2), **own,
    )  # fmt: skip


def _convolution(kind: Any, rank: int) -> Make:
    def make(a: Arguments, own: dict[str, Any]) -> Inner:
        _last(a)
        padding = a.padding.lower() if isinstance(a.padding, str) else a.padding
        size, dilation = _pair(a.kernel_size), _pair(a.dilation_rate)
        if padding == "causal":
            if rank != 1:
                refuse(a.where_, "padding", a.padding, "it is of Conv1D alone")
            length = size if isinstance(size, int) else size[0]
            far = dilation if isinstance(dilation, int) else dilation[0]
            padding = ((far * (length - 1), 0),)
        more = {"groups": a.groups} if "groups" in a.values_ else {}
        if "output_padding" in a.values_:
            more["output_padding"] = _pair(a.output_padding)
        return kind(  # type: ignore[no-any-return]
            a.filters, size, _pair(a.strides), padding, dilation, **more,
            activation=_act(a), use_bias=a.use_bias,
            kernel_initializer=_start(a, "kernel_initializer"),
            bias_initializer=_start(a, "bias_initializer"),
            regularizer=_kept(a, rank + 2), **own,
        )  # fmt: skip

    return make


def _depthwise(kind: Any, rank: int) -> Make:
    def make(a: Arguments, own: dict[str, Any]) -> Inner:
        _last(a)
        return kind(  # type: ignore[no-any-return]
            _pair(a.kernel_size), _pair(a.strides), a.padding, _pair(a.dilation_rate),
            a.depth_multiplier, _act(a), a.use_bias, _start(a, "depthwise_initializer"),
            _start(a, "bias_initializer"),
            regularizer=regularizers.penalties(a.where_, a.depthwise_regularizer) or None, **own,
        )  # fmt: skip

    return make


def _separable(kind: Any, rank: int) -> Make:
    def make(a: Arguments, own: dict[str, Any]) -> Inner:
        _last(a)
        return kind(  # type: ignore[no-any-return]
            a.filters, _pair(a.kernel_size), _pair(a.strides), a.padding, _pair(a.dilation_rate),
            a.depth_multiplier, _act(a), a.use_bias, _start(a, "depthwise_initializer"),
            _start(a, "pointwise_initializer"), _start(a, "bias_initializer"), **own,
        )  # fmt: skip

    return make


def _pooling(kind: Any, counts: bool) -> Make:
    def make(a: Arguments, own: dict[str, Any]) -> Inner:
        _last(a)
        # Keras's mean is over the places that exist.
        more = {"count_padding": False} if counts else {}
        return kind(  # type: ignore[no-any-return]
            _pair(a.pool_size), _pair(a.strides), a.padding, **more, **own
        )

    return make


def _global(kind: Any) -> Make:
    def make(a: Arguments, own: dict[str, Any]) -> Inner:
        _last(a)
        if not a.keepdims:
            return kind(**own)  # type: ignore[no-any-return]
        plain = kind()

        def kept(x: Any) -> Any:
            out, _ = plain.apply({}, {}, x, train=False, key=None)
            return out.reshape((x.shape[0], *(1,) * (len(x.shape) - 2), x.shape[-1]))

        return nn.Basis(kept, **own)

    return make


def _axes(a: Arguments) -> int:
    """How many of the last axes LayerNormalization takes together."""
    axis = a.axis
    several = [axis] if isinstance(axis, int) else sorted(axis)
    if several != list(range(-len(several), 0)):
        refuse(a.where_, "axis", axis, "write the last axes from the end, [-2, -1]")
    return len(several)


def _pads(a: Arguments, name: str) -> Any:
    """Places at both ends of each axis, as of Pad and Crop."""
    _last(a)
    given = getattr(a, name)
    if isinstance(given, (list, tuple)):
        given = tuple(tuple(one) if isinstance(one, list) else one for one in given)
        if a.where_.endswith("1D"):
            given = (given,)  # (before, behind) of the one axis
        return given
    return given


def _random(kind: Any, *names: str) -> Make:
    def make(a: Arguments, own: dict[str, Any]) -> Inner:
        _last(a)
        values = {}
        for ours, keras in (one.split("=") if "=" in one else (one, one) for one in names):
            values[ours] = _pair(getattr(a, keras))
        return kind(**values, **own)  # type: ignore[no-any-return]

    return make


_FILLS = ("fill_mode", "fill_value", "interpolation")


def _activation(word: str) -> Make:
    """A layer that is one activation with arguments."""

    def make(a: Arguments, own: dict[str, Any]) -> Inner:
        return nn.Activation(activations.ROWS[word](a), **own)

    return make


def _resizing(a: Arguments, own: dict[str, Any]) -> Inner:
    _last(a)
    if a.interpolation not in ("nearest", "bilinear", "bicubic"):
        refuse(a.where_, "interpolation", a.interpolation, "nearest, bilinear or bicubic")
    return nn.Resize(a.height, a.width, a.interpolation, **own)


def _upsampling(a: Arguments, own: dict[str, Any]) -> Inner:
    _last(a)
    more = {"interpolation": a.interpolation} if "interpolation" in a.values_ else {}
    return nn.UpSample(_pair(a.size), **more, **own)


def _embedding(a: Arguments, own: dict[str, Any]) -> Inner:
    return nn.Embedding(
        a.input_dim, a.output_dim, _start(a, "embeddings_initializer"),
        regularizer=_kept(a, 2, "embeddings"), **own,
    )  # fmt: skip


def _shared(a: Arguments) -> tuple[int, ...]:
    axes = a.shared_axes
    return () if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)


ROWS: dict[str, Make] = {
    "Dense": _dense,
    "Conv1D": _convolution(nn.Conv1D, 1),
    "Conv2D": _convolution(nn.Conv2D, 2),
    "Conv1DTranspose": _convolution(nn.Conv1DTranspose, 1),
    "Conv2DTranspose": _convolution(nn.Conv2DTranspose, 2),
    "DepthwiseConv1D": _depthwise(nn.DepthwiseConv1D, 1),
    "DepthwiseConv2D": _depthwise(nn.DepthwiseConv2D, 2),
    "SeparableConv1D": _separable(nn.SeparableConv1D, 1),
    "SeparableConv2D": _separable(nn.SeparableConv2D, 2),
    "MaxPooling1D": _pooling(nn.MaxPool1D, False),
    "MaxPooling2D": _pooling(nn.MaxPool2D, False),
    "AveragePooling1D": _pooling(nn.AveragePool1D, True),
    "AveragePooling2D": _pooling(nn.AveragePool2D, True),
    "GlobalMaxPooling1D": _global(nn.GlobalMaxPool),
    "GlobalMaxPooling2D": _global(nn.GlobalMaxPool),
    "GlobalAveragePooling1D": _global(nn.GlobalAveragePool),
    "GlobalAveragePooling2D": _global(nn.GlobalAveragePool),
    "UpSampling1D": _upsampling,
    "UpSampling2D": _upsampling,
    "ZeroPadding1D": lambda a, own: nn.Pad(_pads(a, "padding"), **own),
    "ZeroPadding2D": lambda a, own: nn.Pad(_pads(a, "padding"), **own),
    "Cropping1D": lambda a, own: nn.Crop(_pads(a, "cropping"), **own),
    "Cropping2D": lambda a, own: nn.Crop(_pads(a, "cropping"), **own),
    "CenterCrop": lambda a, own: _last(a) or nn.CenterCrop(a.height, a.width, **own),
    "Resizing": _resizing,
    "Rescaling": lambda a, own: nn.Rescale(a.scale, a.offset, **own),
    "BatchNormalization": lambda a, own: (a.axis, nn.BatchNorm(
        a.epsilon, a.center, a.scale, a.momentum, **own))[1],
    "LayerNormalization": lambda a, own: nn.LayerNorm(
        a.epsilon, a.center, a.scale, _axes(a), **own),
    "GroupNormalization": lambda a, own: (a.axis, nn.GroupNorm(
        None if a.groups == -1 else a.groups, a.epsilon, a.center, a.scale, **own))[1],
    "RMSNormalization": lambda a, own: (a.axis, nn.RMSNorm(a.epsilon, **own))[1],
    "UnitNormalization": lambda a, own: (a.axis, nn.UnitNorm(**own))[1],
    "Dropout": lambda a, own: nn.Dropout(a.rate, **own),
    "SpatialDropout1D": lambda a, own: nn.SpatialDropout(a.rate, **own),
    "SpatialDropout2D": lambda a, own: _last(a) or nn.SpatialDropout(a.rate, **own),
    "GaussianDropout": lambda a, own: nn.GaussianDropout(a.rate, **own),
    "GaussianNoise": lambda a, own: nn.GaussianNoise(a.stddev, **own),
    "AlphaDropout": lambda a, own: nn.AlphaDropout(a.rate, **own),
    "Embedding": _embedding,
    "Flatten": lambda a, own: _last(a) or nn.Flatten(**own),
    "Reshape": lambda a, own: nn.Reshape(
        tuple(-1 if one is None else one for one in a.target_shape), **own),
    "Permute": lambda a, own: nn.Permute(tuple(a.dims), **own),
    "RepeatVector": lambda a, own: nn.RepeatVector(a.n, **own),
    "Activation": lambda a, own: nn.Activation(_act(a) or "linear", **own),
    "ReLU": _activation("relu"),
    "LeakyReLU": _activation("leaky_relu"),
    "ELU": _activation("elu"),
    "Softmax": _activation("softmax"),
    "PReLU": lambda a, own: nn.PReLU(_start(a, "alpha_initializer"), _shared(a), **own),
    "Identity": lambda a, own: nn.Activation("linear", **own),
    "RandomFlip": _random(nn.RandomFlip, "mode"),
    "RandomRotation": _random(nn.RandomRotation, "factor", *_FILLS),
    "RandomTranslation": _random(
        nn.RandomShift, "height=height_factor", "width=width_factor", *_FILLS),
    "RandomZoom": _random(nn.RandomZoom, "height=height_factor", "width=width_factor", *_FILLS),
    "RandomCrop": _random(nn.RandomCrop, "height", "width"),
    "RandomBrightness": _random(nn.RandomBrightness, "factor", "value_range"),
    "RandomContrast": _random(nn.RandomContrast, "factor", "value_range"),
}  # fmt: skip


def classes() -> dict[str, type[Layer]]:
    """A class for each row."""
    there = table()["rooms"]["layers"]
    found: dict[str, type[Layer]] = {}
    for name, make in ROWS.items():
        if name not in there:
            raise ArgumentError("keras.layers", f"Keras has no {name}")
        found[name] = type(
            name,
            (Mapped,),
            {
                "room_name": name,
                "make": staticmethod(make),
                "__doc__": f"As keras.layers.{name}. See docs/keras.md.",
                "__signature__": signature("layers", name),
                "__module__": "pellucid.keras.layers",
            },
        )
    return found
