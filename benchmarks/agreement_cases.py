"""What `agreement.py` compares: for each name a peer, and how a random configuration is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import torch
from benchmarks.agreement import Array, Trial
from keras.src.backend.common import dtypes

import pellucid as pel
from pellucid import nn

keras.config.set_floatx("float64")
_promoted = dtypes.result_type
# Keras takes means of float64 in float32, whatever its own floatx says.
dtypes.result_type = lambda *kinds: "float64" if "float64" in kinds else _promoted(*kinds)
torch.set_num_threads(1)
Rng = np.random.Generator
CASES: dict[str, tuple[str, Callable[[Rng], Trial]]] = {}


def case(name: str, beside: str) -> Callable[[Any], Any]:
    def kept(make: Callable[[Rng], Trial]) -> Callable[[Rng], Trial]:
        CASES[name] = beside, make
        return make

    return kept


def pick(rng: Rng, *several: Any) -> Any:
    return several[int(rng.integers(len(several)))]


def of_jax(function: Callable[..., Any]) -> Any:
    """A function of JAX's arrays as `Trial.theirs`."""

    def theirs(*inputs: Array) -> Any:
        value, pull = jax.vjp(function, *map(jnp.asarray, inputs))
        return np.asarray(value), lambda ct: [np.asarray(one) for one in pull(jnp.asarray(ct))]

    return theirs


def of_torch(function: Callable[..., Any]) -> Any:
    def theirs(*inputs: Array) -> Any:
        leaves = [torch.tensor(one, requires_grad=True) for one in inputs]
        out = function(*leaves)

        def pull(ct: Array) -> list[Array]:
            found = torch.autograd.grad(out, leaves, torch.tensor(ct), allow_unused=True)
            return [
                np.zeros(leaf.shape) if one is None else one.numpy()
                for one, leaf in zip(found, leaves, strict=True)
            ]

        return out.detach().numpy(), pull

    return theirs


def of_keras(layer: Any) -> Any:
    """A layer of Keras as a function of x and its weights, in Keras's order."""

    def function(x: Any, *weights: Any) -> Any:
        values = list(weights)
        if not layer.built:
            layer.build(x.shape)
        plain = [one.value for one in layer.non_trainable_variables]
        return layer.stateless_call(values, plain, x)[0]

    return of_jax(function)


def of_ours(layer: Any, *names: str) -> Callable[..., Any]:
    def function(x: Any, *weights: Any) -> Any:
        params = dict(zip(names, weights, strict=True))
        return layer.apply(params, {}, x, train=False, key=None)[0]

    return function


# -- activations ------------------------------------------------------------------------------

A, K, F = nn.activations, keras.activations, torch.nn.functional


def wide(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Numbers on both sides of every border, some of them large."""
    return rng.normal(size=shape) * rng.choice([0.3, 1, 4, 20], size=shape)


def _simplex(x: Any) -> Any:
    """Martins and Astudillo, algorithm 1."""
    down = jnp.flip(jnp.sort(x, axis=-1), axis=-1)
    sums, number = jnp.cumsum(down, axis=-1), jnp.arange(1, x.shape[-1] + 1)
    k = jnp.sum(1 + number * down > sums, axis=-1, keepdims=True)
    border = (jnp.take_along_axis(sums, k - 1, axis=-1) - 1) / k
    return jnp.maximum(x - border, 0)


ACTIVATIONS: dict[str, tuple[str, Callable[[Rng], tuple[Any, Any]]]] = {
    "gelu": ("Keras", lambda r: (A.gelu, lambda x: K.gelu(x, approximate=False))),
    "gelu_tanh": ("Keras", lambda r: (A.gelu_tanh, lambda x: K.gelu(x, approximate=True))),
    **{
        name: ("Keras", lambda r, name=name: (A.BY_NAME[name], getattr(K, name)))
        for name in (
            *("selu", "silu", "mish", "relu6", "hard_sigmoid", "hard_silu", "hard_tanh"),
            *("softsign", "exponential", "log_softmax", "log_sigmoid", "tanh_shrink"),
            *("sparse_plus", "sparse_sigmoid"),
        )
    },
    "sparsemax": (
        "its definition; Keras's rows do not sum to 1",
        lambda r: (A.sparsemax, _simplex),
    ),
    "glu": ("Keras", lambda r: (A.glu, K.glu)),
}


def parameter(name: str, theirs: str, peer: str, draw: Callable[[Rng], float]) -> None:
    def made(rng: Rng) -> tuple[Any, Any]:
        number = draw(rng)
        other = getattr(K, theirs) if peer == "Keras" else getattr(F, theirs)
        return (lambda x: getattr(A, name)(x, number)), (lambda x: other(x, number))

    ACTIVATIONS[f"{name}(x, number)"] = peer, made


parameter("elu", "elu", "Keras", lambda r: r.uniform(0.2, 2))
parameter("celu", "celu", "Keras", lambda r: r.uniform(0.2, 2))
parameter("leaky_relu", "leaky_relu", "Keras", lambda r: r.uniform(0, 1))
parameter("soft_shrink", "soft_shrink", "Keras", lambda r: r.uniform(0, 2))
parameter("hard_shrink", "hard_shrink", "Keras", lambda r: r.uniform(0, 2))
parameter("squareplus", "squareplus", "Keras", lambda r: r.uniform(0.1, 6))


@case("threshold(x, border, value)", "Keras")
def _(rng: Rng) -> Trial:
    border, value = rng.normal(size=2).tolist()
    x = wide(rng, (3, 8))
    ours = lambda x: A.threshold(x, border, value)  # noqa: E731
    return Trial(ours, of_jax(lambda x: K.threshold(x, border, value)), [x])


for _name, (_beside, _make) in ACTIVATIONS.items():

    def _activation(rng: Rng, make: Any = _make, beside: str = _beside) -> Trial:
        ours, theirs = make(rng)
        x = wide(rng, (int(rng.integers(1, 5)), 2 * int(rng.integers(1, 6))))
        return Trial(ours, (of_torch if beside == "PyTorch" else of_jax)(theirs), [x])

    CASES[_name] = _beside, _activation


@case("PReLU", "Keras")
def _(rng: Rng) -> Trial:
    axes = pick(rng, (), (1,), (1, 2), (2,))
    x = rng.normal(size=(3, 4, 5, 2))
    alpha = rng.normal(size=[1 if i in axes else n for i, n in enumerate(x.shape[1:], 1)])
    return Trial(
        of_ours(nn.PReLU(shared_axes=axes), "alpha"),
        of_keras(keras.layers.PReLU(shared_axes=list(axes) or None)),
        [x, alpha],
    )


# -- convolutions -----------------------------------------------------------------------------

Layers = keras.layers


def shapes_of(rng: Rng, rank: int) -> tuple[list[int], int]:
    return [int(n) for n in rng.integers(5, 10, rank)], int(rng.integers(1, 5))


def transposed(rank: int) -> Callable[[Rng], Trial]:
    def make(rng: Rng) -> Trial:
        lengths, channels = shapes_of(rng, rank)
        filters, size = int(rng.integers(1, 5)), int(rng.integers(1, 5))
        strides = pick(rng, 1, 2, 3)
        dilation = pick(rng, 1, 2) if strides == 1 else 1
        padding = pick(rng, "valid", "same")
        # Keras on JAX: an output padding is that of JAX's rule, which differs for even kernels.
        more = pick(rng, None, 0) if size % 2 and strides > 1 and size >= strides else None
        ours = (nn.Conv1DTranspose, nn.Conv2DTranspose)[rank - 1](
            filters, size, strides, padding, dilation, more
        )
        kind = (Layers.Conv1DTranspose, Layers.Conv2DTranspose)[rank - 1]
        theirs = kind(
            filters,
            size,
            strides=strides,
            padding=padding,
            dilation_rate=dilation,
            output_padding=more,
        )
        x = rng.normal(size=(2, *lengths, channels))
        w = rng.normal(size=(*(size,) * rank, filters, channels))
        return Trial(of_ours(ours, "W", "b"), of_keras(theirs), [x, w, rng.normal(size=filters)])

    return make


def transposed_by_numbers(rank: int) -> Callable[[Rng], Trial]:
    def make(rng: Rng) -> Trial:
        lengths, channels = shapes_of(rng, rank)
        filters = int(rng.integers(1, 5))
        size, strides = ([int(n) for n in rng.integers(1, 5, rank)] for _ in range(2))
        dilation = [int(n) for n in rng.integers(1, 4, rank)]
        padding = [
            int(rng.integers(0, d * (k - 1) + 1)) for k, d in zip(size, dilation, strict=True)
        ]
        more = [int(rng.integers(0, max(s, d))) for s, d in zip(strides, dilation, strict=True)]
        ours = (nn.Conv1DTranspose, nn.Conv2DTranspose)[rank - 1](
            filters, tuple(size), tuple(strides), tuple(padding), tuple(dilation), tuple(more)
        )
        function = (F.conv_transpose1d, F.conv_transpose2d)[rank - 1]

        def theirs(x: Any, w: Any, b: Any) -> Any:
            first = torch.moveaxis(x, -1, 1)
            kernel = torch.movedim(w, (-1, -2), (0, 1)).contiguous()
            out = function(
                first,
                kernel,
                b,
                stride=strides,
                padding=padding,
                output_padding=more,
                dilation=dilation,
            )
            return torch.moveaxis(out, 1, -1)

        x = rng.normal(size=(2, *lengths, channels))
        w = rng.normal(size=(*size, filters, channels))
        return Trial(of_ours(ours, "W", "b"), of_torch(theirs), [x, w, rng.normal(size=filters)])

    return make


def depthwise(rank: int, separable: bool) -> Callable[[Rng], Trial]:
    def make(rng: Rng) -> Trial:
        lengths, channels = shapes_of(rng, rank)
        size, several = int(rng.integers(1, 5)), int(rng.integers(1, 4))
        strides = pick(rng, 1, 2, 3)
        dilation = pick(rng, 1, 2) if strides == 1 and size < 4 else 1
        padding = pick(rng, "valid", "same")
        x = rng.normal(size=(2, *lengths, channels))
        w = rng.normal(size=(*(size,) * rank, channels, several))
        options = {"strides": strides, "padding": padding, "dilation_rate": dilation}
        mine = {"strides": strides, "padding": padding, "dilation": dilation}
        if separable:
            filters = int(rng.integers(1, 5))
            p = rng.normal(size=(channels * several, filters))
            ours = (nn.SeparableConv1D, nn.SeparableConv2D)[rank - 1]
            kind = (Layers.SeparableConv1D, Layers.SeparableConv2D)[rank - 1]
            made = of_ours(ours(filters, size, multiplier=several, **mine), "W", "P", "b")
            theirs = of_keras(kind(filters, size, depth_multiplier=several, **options))

            def flat(x: Any, w: Any, p: Any, b: Any) -> Any:
                return made(x, w, p, b)

            def other(x: Array, w: Array, p: Array, b: Array) -> Any:
                value, pull = theirs(x, w, p.reshape(*(1,) * rank, *p.shape), b)

                def back(ct: Array) -> list[Array]:
                    dx, dw, dp, db = pull(ct)
                    return [dx, dw, dp.reshape(p.shape), db]

                return value, back

            return Trial(flat, other, [x, w, p, rng.normal(size=filters)])
        ours = (nn.DepthwiseConv1D, nn.DepthwiseConv2D)[rank - 1]
        kind = (Layers.DepthwiseConv1D, Layers.DepthwiseConv2D)[rank - 1]
        return Trial(
            of_ours(ours(size, multiplier=several, **mine), "W", "b"),
            of_keras(kind(size, depth_multiplier=several, **options)),
            [x, w, rng.normal(size=channels * several)],
        )

    return make


for _rank in (1, 2):
    CASES[f"Conv{_rank}DTranspose"] = "Keras", transposed(_rank)
    CASES[f"Conv{_rank}DTranspose, padding by numbers"] = "PyTorch", transposed_by_numbers(_rank)
    CASES[f"DepthwiseConv{_rank}D"] = "Keras", depthwise(_rank, False)
    CASES[f"SeparableConv{_rank}D"] = "Keras", depthwise(_rank, True)


# -- normalization ----------------------------------------------------------------------------


@case("GroupNorm", "PyTorch")
def _(rng: Rng) -> Trial:
    groups, size = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    c = groups * size
    x = rng.normal(size=pick(rng, (3, c), (2, 4, c), (2, 3, 4, c)))

    def theirs(x: Any, gamma: Any, beta: Any) -> Any:
        out = F.group_norm(torch.moveaxis(x, -1, 1), groups, gamma, beta, eps=1e-3)
        return torch.moveaxis(out, 1, -1)

    return Trial(
        of_ours(nn.GroupNorm(groups), "gamma", "beta"),
        of_torch(theirs),
        [x, rng.normal(size=c), rng.normal(size=c)],
    )


@case("GroupNorm(None)", "PyTorch")
def _(rng: Rng) -> Trial:
    c = int(rng.integers(1, 5))
    x = rng.normal(size=pick(rng, (2, 4, c), (2, 3, 4, c)))

    def theirs(x: Any, gamma: Any, beta: Any) -> Any:
        out = F.instance_norm(torch.moveaxis(x, -1, 1), weight=gamma, bias=beta, eps=1e-3)
        return torch.moveaxis(out, 1, -1)

    return Trial(
        of_ours(nn.GroupNorm(None), "gamma", "beta"),
        of_torch(theirs),
        [x, rng.normal(size=c), rng.normal(size=c)],
    )


@case("LayerNorm(axes=…)", "PyTorch")
def _(rng: Rng) -> Trial:
    axes = int(rng.integers(1, 4))
    x = rng.normal(size=(2, 3, 4, 2))
    last = x.shape[-axes:]
    return Trial(
        of_ours(nn.LayerNorm(axes=axes), "gamma", "beta"),
        of_torch(lambda x, g, b: F.layer_norm(x, last, g, b, eps=1e-3)),
        [x, rng.normal(size=last), rng.normal(size=last)],
    )


@case("RMSNorm", "PyTorch")
def _(rng: Rng) -> Trial:
    d = int(rng.integers(1, 6))
    x = rng.normal(size=pick(rng, (3, d), (2, 4, d)))
    theirs = of_torch(lambda x, gamma: F.rms_norm(x, (d,), gamma, eps=1e-6))
    return Trial(of_ours(nn.RMSNorm(), "gamma"), theirs, [x, rng.normal(size=d)])


@case("UnitNorm", "Keras")
def _(rng: Rng) -> Trial:
    axis = pick(rng, -1, 1, 2)
    x = rng.normal(size=(3, 4, 5))
    return Trial(of_ours(nn.UnitNorm(axis)), of_keras(Layers.UnitNormalization(axis=axis)), [x])


# -- sizes and axes ---------------------------------------------------------------------------


def plain(name: str, beside: str, make: Callable[[Rng], tuple[Any, Any, Array]]) -> None:
    def trial(rng: Rng) -> Trial:
        ours, theirs, x = make(rng)
        return Trial(of_ours(ours), of_keras(theirs), [x])

    CASES[name] = beside, trial


def _images(rng: Rng) -> Array:
    return rng.normal(size=(2, int(rng.integers(4, 9)), int(rng.integers(4, 9)), 3))


def _signals(rng: Rng) -> Array:
    return rng.normal(size=(2, int(rng.integers(5, 9)), 3))


def _pairs(rng: Rng, count: int) -> tuple[tuple[int, int], ...]:
    return tuple((int(rng.integers(0, 2)), int(rng.integers(0, 3))) for _ in range(count))


def _pad(rng: Rng) -> tuple[Any, Any, Array]:
    if pick(rng, True, False):
        ends = _pairs(rng, 1)
        return nn.Pad(ends), Layers.ZeroPadding1D(ends[0]), _signals(rng)
    ends = _pairs(rng, 2)
    return nn.Pad(ends), Layers.ZeroPadding2D(ends), _images(rng)


def _crop(rng: Rng) -> tuple[Any, Any, Array]:
    if pick(rng, True, False):
        ends = _pairs(rng, 1)
        return nn.Crop(ends), Layers.Cropping1D(ends[0]), _signals(rng)
    ends = _pairs(rng, 2)
    return nn.Crop(ends), Layers.Cropping2D(ends), _images(rng)


def _up(rng: Rng) -> tuple[Any, Any, Array]:
    if pick(rng, True, False):
        size = int(rng.integers(1, 4))
        return nn.UpSample(size), Layers.UpSampling1D(size), _signals(rng)
    both = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    how = pick(rng, "nearest", "bilinear", "bicubic")
    return nn.UpSample(both, how), Layers.UpSampling2D(both, interpolation=how), _images(rng)


def _resize(rng: Rng) -> tuple[Any, Any, Array]:
    both = (int(rng.integers(1, 14)), int(rng.integers(1, 14)))
    how = pick(rng, "nearest", "bilinear", "bicubic")
    return nn.Resize(*both, how), Layers.Resizing(*both, interpolation=how), _images(rng)


def _center(rng: Rng) -> tuple[Any, Any, Array]:
    x = _images(rng)
    both = int(rng.integers(1, x.shape[1] + 1)), int(rng.integers(1, x.shape[2] + 1))
    return nn.CenterCrop(*both), Layers.CenterCrop(*both), x


def _permute(rng: Rng) -> tuple[Any, Any, Array]:
    order = tuple(int(i) + 1 for i in rng.permutation(3))
    return nn.Permute(order), Layers.Permute(order), _images(rng)


def _repeat(rng: Rng) -> tuple[Any, Any, Array]:
    count = int(rng.integers(1, 5))
    return nn.RepeatVector(count), Layers.RepeatVector(count), rng.normal(size=(3, 4))


for _name, _plain in (
    ("Pad", _pad),
    ("Crop", _crop),
    ("UpSample", _up),
    ("Resize", _resize),
    ("CenterCrop", _center),
    ("Permute", _permute),
    ("RepeatVector", _repeat),
):
    plain(_name, "Keras", _plain)


# -- several inputs ---------------------------------------------------------------------------


def merged(ours: Any, theirs: Any, count: Callable[[Rng], int]) -> Callable[[Rng], Trial]:
    def make(rng: Rng) -> Trial:
        xs = [rng.normal(size=(3, 4, 2)) for _ in range(count(rng))]
        return Trial(
            lambda *xs: ours.apply({}, {}, list(xs), train=False, key=None)[0],
            of_jax(lambda *xs: theirs(list(xs))),
            xs,
        )

    return make


for _name in ("Average", "Maximum", "Minimum"):
    CASES[_name] = (
        "Keras",
        merged(getattr(nn, _name)(), getattr(Layers, _name)(), lambda r: int(r.integers(2, 5))),
    )
CASES["Subtract"] = "Keras", merged(nn.Subtract(), Layers.Subtract(), lambda r: 2)


@case("Dot", "Keras")
def _(rng: Rng) -> Trial:
    shapes, axes = pick(
        rng,
        (((3, 4), (3, 4)), -1),
        (((3, 4), (3, 4)), 1),
        (((3, 5, 4), (3, 2, 4)), 2),
        (((3, 4, 5), (3, 2, 4)), (1, 2)),
        (((3, 4), (3, 4, 2)), 1),
    )
    unit = pick(rng, True, False)
    xs = [rng.normal(size=shape) for shape in shapes]
    mine = nn.Dot(axes, normalize=unit)
    theirs = Layers.Dot(axes, normalize=unit)
    return Trial(
        lambda *xs: mine.apply({}, {}, list(xs), train=False, key=None)[0],
        of_jax(lambda *xs: theirs(list(xs))),
        xs,
    )


# -- losses -----------------------------------------------------------------------------------

L = keras.losses


def loss(name: str, beside: str) -> Callable[[Any], Any]:
    """A case that gives (our loss, the other's function of target and output, target, output).

    The other's value is one a row; ours takes what stands before a final activation.
    """

    def kept(make: Callable[[Rng], tuple[Any, Any, Array, Array]]) -> Any:
        def trial(rng: Rng) -> Trial:
            ours, theirs, target, output = make(rng)
            return Trial(
                lambda z: ours.per_row(target, z), of_jax(lambda z: theirs(target, z)), [output]
            )

        CASES[name] = beside, trial
        return make

    return kept


def by_row(function: Callable[..., Any]) -> Callable[..., Any]:
    """Keras's mean over the last axis, and then over positions, as one number a row."""

    def mean(target: Any, output: Any) -> Any:
        out = function(target, output)
        return out.reshape(out.shape[0], -1).mean(axis=1)

    return mean


def _values(rng: Rng) -> tuple[int, ...]:
    return pick(rng, (4, 1), (4, 3), (3, 2, 4), (2, 3, 2, 2))


for _name, _ours, _theirs, _low in (
    ("Squared(average=True)", nn.Squared(average=True), L.mean_squared_error, None),
    ("Absolute(average=True)", nn.Absolute(average=True), L.mean_absolute_error, None),
    ("LogCosh(average=True)", nn.LogCosh(average=True), L.log_cosh, None),
    (
        "AbsolutePercentage(average=True)",
        nn.AbsolutePercentage(average=True),
        L.mean_absolute_percentage_error,
        None,
    ),
    (
        "SquaredLogarithmic(average=True)",
        nn.SquaredLogarithmic(average=True),
        L.mean_squared_logarithmic_error,
        0.1,
    ),
):

    def _regression(rng: Rng, ours: Any = _ours, theirs: Any = _theirs, low: Any = _low) -> Any:
        shape = _values(rng)
        target, output = rng.normal(size=shape) * 3, rng.normal(size=shape) * 3
        if low is not None:
            target, output = abs(target) + low, abs(output) + low
        return ours, by_row(theirs), target, output

    loss(_name, "Keras")(_regression)


@loss("Huber(delta)", "Keras")
def _(rng: Rng) -> Any:
    delta, shape = rng.uniform(0.2, 3), _values(rng)
    theirs = by_row(lambda t, z: L.huber(t, z, delta=delta))
    return nn.Huber(delta, average=True), theirs, rng.normal(size=shape), rng.normal(size=shape) * 3


@loss("Poisson(average=True)", "Keras, at eˣ, without its 1e-7")
def _(rng: Rng) -> Any:
    shape = _values(rng)
    target = rng.poisson(3, shape).astype(float)
    theirs = by_row(lambda t, z: jnp.mean(jnp.exp(z) - t * z, axis=-1))
    return nn.Poisson(average=True), theirs, target, rng.normal(size=shape)


@loss("PoissonRate(average=True)", "PyTorch's formula")
def _(rng: Rng) -> Any:
    shape = _values(rng)
    target = rng.poisson(1, shape).astype(float)
    theirs = by_row(lambda t, z: jnp.mean(z - t * jnp.log(z), axis=-1))
    return nn.PoissonRate(average=True), theirs, target, rng.uniform(0.1, 4, shape)


@loss("CosineDistance(average=True)", "Keras, plus 1")
def _(rng: Rng) -> Any:
    shape = pick(rng, (4, 3), (3, 2, 4), (2, 3, 2, 2))
    theirs = by_row(lambda t, z: 1 + L.cosine_similarity(t, z, axis=-1).reshape(len(z), -1))
    ours = nn.CosineDistance(average=True)
    return ours, theirs, rng.normal(size=shape), rng.normal(size=shape)


for _name, _ours, _theirs in (
    ("Hinge(average=True)", nn.Hinge(average=True), L.hinge),
    ("SquaredHinge(average=True)", nn.SquaredHinge(average=True), L.squared_hinge),
):

    def _signed(rng: Rng, ours: Any = _ours, theirs: Any = _theirs) -> Any:
        shape = _values(rng)
        target = rng.choice([-1.0, 1.0], shape)
        return ours, by_row(theirs), target, rng.normal(size=shape) * 2

    loss(_name, "Keras")(_signed)


def _classes(rng: Rng) -> tuple[Array, Array]:
    """Rows with a 1, and logits; of some, positions."""
    shape = pick(rng, (5, 3), (4, 2, 4), (2, 3, 2, 3))
    labels = rng.integers(0, shape[-1], shape[:-1])
    return np.eye(shape[-1])[labels], rng.normal(size=shape)


@loss("CategoricalHinge(average=True)", "Keras")
def _(rng: Rng) -> Any:
    target, output = _classes(rng)
    return nn.CategoricalHinge(average=True), by_row(L.categorical_hinge), target, output * 2


@loss("CrossEntropy(label_smoothing, average=True), positions too", "Keras")
def _(rng: Rng) -> Any:
    target, output = _classes(rng)
    part = pick(rng, 0.0, float(rng.uniform(0, 0.9)))
    theirs = by_row(
        lambda t, z: L.categorical_crossentropy(t, z, from_logits=True, label_smoothing=part)
    )
    if part == 0 and pick(rng, True, False):
        labels = target.argmax(axis=-1)
        return nn.CrossEntropy(average=True), lambda t, z: theirs(target, z), labels, output
    return nn.CrossEntropy(part, average=True), theirs, target, output


@case("CrossEntropy(class_weights), positions too", "PyTorch, reduction='none'")
def _(rng: Rng) -> Trial:
    target, output = _classes(rng)
    weights = rng.uniform(0.1, 3, target.shape[-1])
    mine = nn.CrossEntropy(class_weights=tuple(weights.tolist()))

    def theirs(z: Any) -> Any:
        first = torch.moveaxis(z, -1, 1)
        labels = torch.moveaxis(torch.tensor(target), -1, 1)
        out = F.cross_entropy(first, labels, torch.tensor(weights), reduction="none")
        return out.reshape(len(out), -1).sum(dim=1)

    return Trial(lambda z: mine.per_row(target, z), of_torch(theirs), [output])


@loss("KLDivergence(average=True)", "PyTorch's formula")
def _(rng: Rng) -> Any:
    shape = pick(rng, (5, 3), (4, 2, 4))
    target = rng.dirichlet(np.ones(shape[-1]), shape[:-1])
    theirs = by_row(lambda t, z: jnp.sum(t * (jnp.log(t) - jax.nn.log_softmax(z)), axis=-1))
    return nn.KLDivergence(average=True), theirs, target, rng.normal(size=shape)


@loss("Focal(gamma, alpha, average=True)", "Keras")
def _(rng: Rng) -> Any:
    target, output = _classes(rng)
    gamma, alpha, part = rng.uniform(0, 4), rng.uniform(0, 1), pick(rng, 0.0, 0.2)
    theirs = by_row(
        lambda t, z: L.categorical_focal_crossentropy(
            t, z, alpha=alpha, gamma=gamma, from_logits=True, label_smoothing=part
        )
    )
    return nn.Focal(part, gamma=gamma, alpha=alpha, average=True), theirs, target, output


@loss("BinaryFocal(gamma, alpha, average=True)", "Keras")
def _(rng: Rng) -> Any:
    shape = _values(rng)
    target = rng.integers(0, 2, shape).astype(float)
    gamma, part = rng.uniform(0, 4), pick(rng, 0.0, 0.2)
    alpha = pick(rng, None, float(rng.uniform(0, 1)))
    theirs = by_row(
        lambda t, z: L.binary_focal_crossentropy(
            t,
            z,
            apply_class_balancing=alpha is not None,
            alpha=alpha or 0.25,
            gamma=gamma,
            from_logits=True,
            label_smoothing=part,
        )
    )
    ours = nn.BinaryFocal(part, gamma=gamma, alpha=alpha, average=True)
    return ours, theirs, target, rng.normal(size=shape)


@loss("GeneralizedCrossEntropy(q, average=True)", "Keras")
def _(rng: Rng) -> Any:
    target, output = _classes(rng)
    q = float(rng.uniform(0.05, 0.95))

    def theirs(t: Any, z: Any) -> Any:
        labels = jnp.argmax(t, axis=-1)
        return L.categorical_generalized_cross_entropy(labels, jax.nn.softmax(z), q=q)

    return nn.GeneralizedCrossEntropy(q=q, average=True), by_row(theirs), target, output


@loss("Dice", "Keras's formula")
def _(rng: Rng) -> Any:
    shape = _values(rng)
    axes = tuple(range(1, len(shape)))
    target = rng.integers(0, 2, shape).astype(float)

    def theirs(t: Any, z: Any) -> Any:
        p = jax.nn.sigmoid(z)
        whole = jnp.sum(t, axis=axes) + jnp.sum(p, axis=axes) + 2e-7
        return 1 - 2 * jnp.sum(t * p, axis=axes) / whole

    return nn.Dice(), theirs, target, rng.normal(size=shape)


@loss("Tversky(alpha, beta)", "Keras, whose alpha and beta are exchanged")
def _(rng: Rng) -> Any:
    shape = _values(rng)
    axes = tuple(range(1, len(shape)))
    target = rng.integers(0, 2, shape).astype(float)
    alpha, beta = rng.uniform(0, 1, 2).tolist()
    theirs = lambda t, z: L.tversky(t, jax.nn.sigmoid(z), alpha=beta, beta=alpha, axis=axes)  # noqa: E731
    return nn.Tversky(alpha, beta), theirs, target, rng.normal(size=shape)


# -- optimizers and schedules -----------------------------------------------------------------


def optimizer(name: str, beside: str, make: Callable[[Rng], tuple[Any, Any]]) -> None:
    """Some steps on a function of a matrix and a vector; the weights behind them."""

    def trial(rng: Rng) -> Trial:
        ours, theirs = make(rng)
        starts = [rng.normal(size=(3, 2)), rng.normal(size=2)]
        slopes = [[rng.normal(size=w.shape) for w in starts] for _ in range(6)]

        def mine(*_: Array) -> Array:
            weights, slots = list(starts), ours.init(list(starts))
            for gradients in slopes:
                weights, slots = ours.update(gradients, slots, weights)
            return np.concatenate([np.asarray(w).ravel() for w in weights])

        def peer(*_: Array) -> Any:
            variables = [keras.Variable(w) for w in starts]
            theirs.build(variables)
            for gradients in slopes:
                theirs.apply(list(map(jnp.asarray, gradients)), variables)
            return np.concatenate([np.asarray(w).ravel() for w in variables]), None

        return Trial(mine, peer, [], slopes=False)

    CASES[name] = beside, trial


P = pel.optim
optimizer(
    "Nadam",
    "Keras",
    lambda r: (P.Nadam(0.01, momentum_decay=1, epsilon=1e-7), keras.optimizers.Nadam(0.01)),
)
optimizer(
    "Adamax", "Keras", lambda r: (P.Adamax(0.01, epsilon=1e-7), keras.optimizers.Adamax(0.01))
)
optimizer("Lamb", "Keras", lambda r: (P.Lamb(0.01, epsilon=1e-7), keras.optimizers.Lamb(0.01)))
optimizer("Lion", "Keras", lambda r: (P.Lion(0.01), keras.optimizers.Lion(0.01)))


def _muon(r: Rng) -> tuple[Any, Any]:
    """Muon at drawn settings; the matrix takes its step, the vector Adam's."""
    rate, momentum, steps = 2.0 ** -r.integers(3, 8), r.choice([0.95, 0.5]), int(r.integers(1, 7))
    nesterov, scale, share = bool(r.integers(2)), r.choice([None, 0.2, 1.0]), r.choice([1.0, 0.5])
    ours = P.Muon(
        rate, epsilon=1e-7, momentum=momentum, nesterov=nesterov, iterations=steps, scale=scale,
        weight_decay=0.125, adam_weight_decay=0.25, adam_rate=share,
    )  # fmt: skip
    theirs = keras.optimizers.Muon(
        rate, momentum=momentum, nesterov=nesterov, ns_steps=steps, rms_rate=scale,
        weight_decay=0.125, adam_weight_decay=0.25, adam_lr_ratio=share,
    )  # fmt: skip
    return ours, theirs


optimizer("Muon", "Keras", _muon)
optimizer(
    "Adadelta",
    "Keras",
    lambda r: (P.Adadelta(0.5, rho=0.9, epsilon=1e-7), keras.optimizers.Adadelta(0.5, rho=0.9)),
)
optimizer(
    "Ftrl",
    "Keras",
    lambda r: (
        P.Ftrl(0.1, l1=0.2, l2=0.1, beta=0.3),
        keras.optimizers.Ftrl(
            0.1,
            l1_regularization_strength=0.2,
            l2_regularization_strength=0.1,
            beta=0.3,
        ),
    ),
)
optimizer(
    "Adafactor",
    "Keras",
    lambda r: (
        P.Adafactor(0.3, relative_step=(way := pick(r, True, False))),
        keras.optimizers.Adafactor(0.3, relative_step=way),
    ),
)
optimizer(
    "SGD(clip_each_norm)",
    "Keras",
    lambda r: (P.SGD(0.1, clip_each_norm=0.5), keras.optimizers.SGD(0.1, clipnorm=0.5)),
)


def schedule(name: str, make: Callable[[Rng], tuple[Any, Any]]) -> None:
    def trial(rng: Rng) -> Trial:
        ours, theirs = make(rng)
        steps = range(40)
        return Trial(
            lambda: np.array([ours.rate(step) for step in steps]),
            lambda: (np.array([float(theirs(float(step))) for step in steps]), None),
            [],
            slopes=False,
        )

    CASES[name] = "Keras", trial


S = keras.optimizers.schedules


def _restarts(r: Rng) -> tuple[Any, Any]:
    steps, longer = int(r.integers(3, 9)), pick(r, 1.0, 1.5, 2.0)
    lower = float(r.uniform(0.3, 1))
    return (
        P.CosineRestarts(1.0, steps, longer, lower, 0.0),
        S.CosineDecayRestarts(1.0, steps, t_mul=longer, m_mul=lower, alpha=0.0),
    )


schedule("CosineRestarts", _restarts)
schedule(
    "PolynomialDecay",
    lambda r: (
        P.PolynomialDecay(1.0, (n := int(r.integers(5, 50))), 0.1, (p := float(r.uniform(0.5, 3)))),
        S.PolynomialDecay(1.0, n, 0.1, power=p),
    ),
)
schedule(
    "InverseTime",
    lambda r: (
        P.InverseTime(1.0, (d := float(r.uniform(0, 2))), (n := int(r.integers(1, 20)))),
        S.InverseTimeDecay(1.0, n, d),
    ),
)
