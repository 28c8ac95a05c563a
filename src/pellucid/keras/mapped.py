"""Layers that Keras has: each row makes a layer of `pellucid.nn` of Keras's arguments."""

from __future__ import annotations

from typing import Any

from pellucid import nn
from pellucid.core.errors import ArgumentError
from pellucid.keras import activations, augmenting, blame, initializers, regularizers
from pellucid.keras.arguments import Arguments, refuse, signature, table
from pellucid.keras.base import Layer
from pellucid.keras.wrapped import Make, Mapped
from pellucid.nn.init import Initializer
from pellucid.nn.layer import Layer as Inner


def _start(a: Arguments, name: str) -> Initializer:
    return initializers.meant(a.where_, getattr(a, name))


def _act(a: Arguments) -> Any:
    return activations.meant(a.where_, a.activation)


def _kept(a: Arguments, rank: int, word: str = "kernel", **others: str) -> Any:
    """Penalties and bounds of a kernel, and of other parameters by their names in Keras.

    Args:
        rank: of the kernel.
        others: the names of other parameters in the layer of ours.
    """
    found = regularizers.penalties(a.where_, getattr(a, f"{word}_regularizer"))
    found += regularizers.bounds(a.where_, getattr(a, f"{word}_constraint"), rank)
    return (*found, *_of(a, **others)) or None


def _of(a: Arguments, **leaves: str) -> tuple[Any, ...]:
    """Penalties and bounds of single parameters; none of one that the layer has not."""
    found: list[Any] = []
    for word, leaf in leaves.items():
        own = regularizers.penalties(a.where_, getattr(a, f"{word}_regularizer"))
        own += regularizers.bounds(a.where_, getattr(a, f"{word}_constraint"), 1)
        switch = {"bias": "use_bias", "beta": "center", "gamma": "scale"}.get(word, "")
        if switch not in a.values_ or getattr(a, switch):
            found += [regularizers.KerasOf(one, leaf) for one in own]
    return tuple(found)


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
        _start(a, "bias_initializer"), regularizer=_kept(a, 2, bias="b"), **own,
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
            regularizer=_kept(a, rank + 2, bias="b"), **own,
        )  # fmt: skip

    return make


def _depthwise(kind: Any, rank: int) -> Make:
    def make(a: Arguments, own: dict[str, Any]) -> Inner:
        _last(a)
        return kind(  # type: ignore[no-any-return]
            _pair(a.kernel_size), _pair(a.strides), a.padding, _pair(a.dilation_rate),
            a.depth_multiplier, _act(a), a.use_bias, _start(a, "depthwise_initializer"),
            _start(a, "bias_initializer"),
            regularizer=_of(a, depthwise="W", bias="b") or None, **own,
        )  # fmt: skip

    return make


def _separable(kind: Any, rank: int) -> Make:
    def make(a: Arguments, own: dict[str, Any]) -> Inner:
        _last(a)
        return kind(  # type: ignore[no-any-return]
            a.filters, _pair(a.kernel_size), _pair(a.strides), a.padding, _pair(a.dilation_rate),
            a.depth_multiplier, _act(a), a.use_bias, _start(a, "depthwise_initializer"),
            _start(a, "pointwise_initializer"), _start(a, "bias_initializer"),
            regularizer=_of(a, depthwise="W", pointwise="P", bias="b") or None, **own,
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


def _within(a: Arguments, name: str, low: float, high: float) -> Any:
    """A number, or two of them, within bounds."""
    given = _pair(getattr(a, name))
    if not all(low <= one <= high for one in (given if isinstance(given, tuple) else (given,))):
        raise ArgumentError(
            f"keras.{a.where_}", f"{name} must lie in [{low}, {high}], got {given!r}"
        )
    return tuple(sorted(given)) if isinstance(given, tuple) else given


def _erasing(a: Arguments, own: dict[str, Any]) -> Inner:
    _last(a)
    for name, form in (
        ("scale", "a number or (lowest, highest)"),
        ("value_range", "(lowest, highest)"),
    ):
        given = getattr(a, name)
        pair = isinstance(given, (list, tuple)) and len(given) == 2
        if not blame.fits(blame.NUMBERS, given) or not (pair or name == "scale"):
            raise ArgumentError(
                f"keras.{a.where_}", f"{name} must be {form}, got {blame.shown(given)}"
            )
    factor, scale = _within(a, "factor", 0, 1), _within(a, "scale", 0, 1)
    low, high = factor if isinstance(factor, tuple) else (0.0, factor)
    if isinstance(a.fill_value, (tuple, list)):
        refuse(a.where_, "fill_value", a.fill_value, "one number for all channels")
    return augmenting.KerasErasing(
        (low + high) / 2, scale if isinstance(scale, tuple) else (0.0, scale), a.fill_value,
        tuple(a.value_range), **own,
    )  # fmt: skip


def _affine(a: Arguments) -> Any:
    return _of(a, gamma="gamma", beta="beta") or None


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
        a.epsilon, a.center, a.scale, a.momentum, regularizer=_affine(a), **own))[1],
    "LayerNormalization": lambda a, own: nn.LayerNorm(
        a.epsilon, a.center, a.scale, _axes(a), regularizer=_affine(a), **own),
    "GroupNormalization": lambda a, own: (a.axis, nn.GroupNorm(
        None if a.groups == -1 else a.groups, a.epsilon, a.center, a.scale,
        regularizer=_affine(a), **own))[1],
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
    "PReLU": lambda a, own: nn.PReLU(
        _start(a, "alpha_initializer"), _shared(a),
        regularizer=_of(a, alpha="alpha") or None, **own),
    "Identity": lambda a, own: nn.Activation("linear", **own),
    "RandomFlip": _random(nn.RandomFlip, "mode"),
    "RandomRotation": _random(nn.RandomRotation, "factor", *_FILLS),
    "RandomTranslation": _random(
        nn.RandomShift, "height=height_factor", "width=width_factor", *_FILLS),
    "RandomZoom": _random(nn.RandomZoom, "height=height_factor", "width=width_factor", *_FILLS),
    "RandomShear": lambda a, own: _last(a) or augmenting.KerasShear(
        _within(a, "x_factor", 0, 1), _within(a, "y_factor", 0, 1), fill_mode=a.fill_mode,
        fill_value=a.fill_value, interpolation=a.interpolation, **own),
    "RandomErasing": _erasing,
    "RandomCrop": _random(nn.RandomCrop, "height", "width"),
    "RandomBrightness": _random(nn.RandomBrightness, "factor", "value_range"),
    "RandomContrast": _random(nn.RandomContrast, "factor", "value_range"),
}  # fmt: skip


_SETTLED = (
    *("_arguments", "_made_tensor", "_read_tensor", "_activity", "_sample", "activity_regularizer"),
    *("name", "dtype", "built", "parent_path", "_made_variables", "_layers", "_seeds"),
)


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
                # A layer of ours is made of the arguments, and another value of one is refused.
                "__pellucid_unwatched__": (*signature("layers", name).parameters, *_SETTLED),
            },
        )
    return found
