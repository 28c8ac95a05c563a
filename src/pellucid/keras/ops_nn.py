"""keras.ops of networks: convolutions, pools, normalizations, losses of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pellucid.numpy as pnp
from pellucid.core.errors import ArgumentError
from pellucid.keras import activations, formulas
from pellucid.keras.arguments import Arguments, must_be
from pellucid.keras.ops_arrays import Row, axes
from pellucid.nn.activations import activate
from pellucid.ops.composite.base import as_float, asvalue


def _activation(name: str) -> Row:
    return ("x",), lambda a: _applied(activations.ROWS[name](a))


def _applied(function: Any) -> Callable[..., Any]:
    return lambda x: activate(function, as_float(x))


def _last(a: Arguments) -> None:
    a.only("data_format", None, "channels_last")


def _pair(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _padding(a: Arguments, rank: int = 2, size: Any = None) -> Any:
    given = a.padding.lower() if isinstance(a.padding, str) else a.padding
    if given not in ("valid", "same"):
        must_be(a.where_, "padding", a.padding, ("valid", "same"))
    return given


def _conv(a: Arguments) -> Callable[..., Any]:
    _last(a)
    how = (_pair(a.strides), _padding(a), _pair(a.dilation_rate))

    def conv(x: Any, kernel: Any) -> Any:
        x, kernel = as_float(x), as_float(kernel)
        groups = int(x.type.shape[-1]) // int(kernel.type.shape[-2])
        return pnp.conv(x, kernel, *how, groups=groups)

    return conv


def _depthwise(x: Any, kernel: Any, how: Any) -> Any:
    x, kernel = as_float(x), as_float(kernel)
    *window, channels, each = kernel.type.shape
    flat = pnp.reshape(kernel, (*window, 1, channels * each))
    return pnp.conv(x, flat, *how, groups=int(channels))


def _depthwise_conv(a: Arguments) -> Callable[..., Any]:
    _last(a)
    how = (_pair(a.strides), _padding(a), _pair(a.dilation_rate))
    return lambda x, kernel: _depthwise(x, kernel, how)


def _separable_conv(a: Arguments) -> Callable[..., Any]:
    _last(a)
    how = (_pair(a.strides), _padding(a), _pair(a.dilation_rate))
    return lambda x, kernel, point: pnp.conv(_depthwise(x, kernel, how), point)


def _conv_transpose(a: Arguments) -> Callable[..., Any]:
    _last(a)
    how = (_pair(a.strides), _padding(a), _pair(a.dilation_rate), _pair(a.output_padding))

    def conv(x: Any, kernel: Any) -> Any:
        return pnp.conv_transpose(as_float(x), as_float(kernel), *how)

    return conv


def _pool(name: str) -> Row:
    def make(a: Arguments) -> Callable[..., Any]:
        _last(a)
        more = {"count_padding": False} if name == "avg_pool" else {}
        how = (_pair(a.pool_size), _pair(a.strides), _padding(a))
        return lambda x: getattr(pnp, name)(as_float(x), *how, **more)

    return ("inputs",), make


def _adaptive(mean: bool) -> Row:
    def make(a: Arguments) -> Callable[..., Any]:
        _last(a)
        size = a.output_size
        return lambda x: adaptive_pool(x, size, mean)

    return ("inputs",), make


def adaptive_pool(x: Any, size: Any, mean: bool) -> Any:
    """Means or maxima over `size` parts of each axis between rows and channels.

    Part i of an axis of L places is ⌊i·L/size⌋ … ⌈(i+1)·L/size⌉ - 1.
    """
    x = as_float(x)
    rank = len(x.type.shape) - 2
    sizes = (size,) * rank if isinstance(size, int) else tuple(size)
    if len(sizes) != rank:
        raise ArgumentError("keras.ops.adaptive_pool", f"output_size must be {rank}, got {size!r}")
    for axis, parts in enumerate(sizes, 1):
        length = int(x.type.shape[axis])
        found = []
        for i in range(parts):
            low, high = i * length // parts, -(-(i + 1) * length // parts)
            part = x[(slice(None),) * axis + (slice(low, high),)]
            found.append(pnp.mean(part, axis=axis) if mean else pnp.max(part, axis=axis))
        x = pnp.stack(found, axis=axis)
    return x


def _normalized(a: Arguments) -> Callable[..., Any]:
    """(x - mean)/√(variance + ε) of given moments, along an axis."""
    axis, epsilon = a.axis, a.epsilon

    def normalized(x: Any, mean: Any, variance: Any, offset: Any, scale: Any) -> Any:
        x = as_float(x)
        shape = [1] * len(x.type.shape)
        shape[axis] = -1

        def along(one: Any) -> Any:
            return pnp.reshape(as_float(one), tuple(shape))

        found = (x - along(mean)) / pnp.sqrt(along(variance) + epsilon)
        found = found if scale is None else found * along(scale)
        return found if offset is None else found + along(offset)

    return normalized


def _layer_normalization(a: Arguments) -> Callable[..., Any]:
    axis, epsilon = axes(a.axis), 1e-7 if a.epsilon is None else a.epsilon

    def normalized(x: Any, gamma: Any, beta: Any) -> Any:
        x = as_float(x)
        centred = x - pnp.mean(x, axis=axis, keepdims=True)
        variance = pnp.mean(pnp.square(centred), axis=axis, keepdims=True)
        found = centred / pnp.sqrt(variance + epsilon)
        found = found if gamma is None else found * gamma
        return found if beta is None else found + beta

    return normalized


def _rms_normalization(a: Arguments) -> Callable[..., Any]:
    axis, epsilon = axes(a.axis), 1e-7 if a.epsilon is None else a.epsilon

    def normalized(x: Any, scale: Any) -> Any:
        x = as_float(x)
        found = x / pnp.sqrt(pnp.mean(pnp.square(x), axis=axis, keepdims=True) + epsilon)
        return found if scale is None else found * scale

    return normalized


def _binary(a: Arguments) -> Callable[..., Any]:
    logits = a.from_logits

    def loss(target: Any, output: Any) -> Any:
        t, p = as_float(target), as_float(output)
        if logits:
            return t * pnp.softplus(-p) + (1 - t) * pnp.softplus(p)
        p = pnp.clip(p, 1e-7, 1 - 1e-7)
        return -(t * pnp.log(p) + (1 - t) * pnp.log(1 - p))

    return loss


def _categorical(a: Arguments) -> Callable[..., Any]:
    a.only("axis", -1)
    logits = a.from_logits
    return lambda t, p: formulas.categorical_crossentropy(as_float(t), as_float(p), logits)


def _sparse(a: Arguments) -> Callable[..., Any]:
    a.only("axis", -1)
    logits = a.from_logits
    return lambda t, p: formulas.sparse_categorical_crossentropy(t, as_float(p), logits)


def _in_top_k(a: Arguments) -> Callable[..., Any]:
    def found(targets: Any, predictions: Any) -> Any:
        p = as_float(predictions)
        places = pnp.astype(asvalue(targets), pnp.int64)[..., None]
        own = pnp.take_along_axis(p, places, axis=-1)
        above = pnp.sum(pnp.astype(p > own, pnp.int32), axis=-1)
        return (above < a.k) & pnp.isfinite(own[..., 0])

    return found


def _multi_hot(a: Arguments) -> Callable[..., Any]:
    a.only("axis", -1)
    a.only("sparse", False)
    a.only("dtype", None)
    if a.num_classes is None:
        raise ArgumentError("keras.ops.multi_hot", "num_classes must be given, got None")

    def rows(x: Any) -> Any:
        found = pnp.one_hot(pnp.astype(asvalue(x), pnp.int64), a.num_classes, np.float32)
        return pnp.max(found, axis=-2) if len(found.shape) > 2 else found

    return rows


ROWS: dict[str, Row] = {
    **{
        name: _activation(name)
        for name in (
            *("celu", "elu", "glu", "hard_shrink", "hard_tanh", "leaky_relu", "soft_shrink"),
            *("sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "tanh_shrink"),
            "threshold",
        )
    },
    "conv": (("inputs", "kernel"), _conv),
    "depthwise_conv": (("inputs", "kernel"), _depthwise_conv),
    "separable_conv": (("inputs", "depthwise_kernel", "pointwise_kernel"), _separable_conv),
    "conv_transpose": (("inputs", "kernel"), _conv_transpose),
    "max_pool": _pool("max_pool"),
    "average_pool": _pool("avg_pool"),
    "adaptive_average_pool": _adaptive(True),
    "adaptive_max_pool": _adaptive(False),
    "batch_normalization": (("x", "mean", "variance", "offset", "scale"), _normalized),
    "layer_normalization": (("x", "gamma", "beta"), _layer_normalization),
    "rms_normalization": (("x", "scale"), _rms_normalization),
    "binary_crossentropy": (("target", "output"), _binary),
    "categorical_crossentropy": (("target", "output"), _categorical),
    "sparse_categorical_crossentropy": (("target", "output"), _sparse),
    "in_top_k": (("targets", "predictions"), _in_top_k),
    "multi_hot": (("inputs",), _multi_hot),
}
