"""Transposed and depthwise convolutions, sizes, noise and starts: NumPy and statistics."""

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.compiler.passes.pipeline import compile_graph
from pellucid.core.dtypes import float64
from pellucid.graph.node import TensorType
from pellucid.nn.init import BY_NAME
from pellucid.ops import composite
from pellucid.transform.trace import trace

RNG = np.random.default_rng(0)
KEY = pel.Key(0, 1)


def spread(x, w, stride, dilation):
    """Σ over all places and elements of the kernel, one by one."""
    (n, length, _), (size, maps, _) = x.shape, w.shape
    out = np.zeros((n, (length - 1) * stride + (size - 1) * dilation + 1, maps))
    for i in range(length):
        for k in range(size):
            out[:, i * stride + k * dilation] += x[:, i] @ w[k].T
    return out


@pytest.mark.one_in(3)
@pytest.mark.parametrize("backend", ["native", "interpreter"])
@pytest.mark.parametrize(
    ("stride", "dilation", "size", "padding", "more", "part"),
    [
        (1, 1, 3, "valid", None, slice(0, 7)),
        (2, 1, 3, "valid", None, slice(0, 11)),
        (3, 1, 3, "same", None, slice(0, 15)),
        (2, 1, 4, "same", None, slice(1, 11)),
        (2, 1, 3, 1, 1, slice(1, 11)),
        (1, 2, 3, ((1, 2),), None, slice(1, 7)),
        (2, 3, 2, 0, 2, slice(0, 14)),
    ],
)
def test_a_transposed_convolution_adds_a_kernel_for_each_element(
    stride, dilation, size, padding, more, part, backend
):
    x, w = RNG.normal(size=(2, 5, 3)), RNG.normal(size=(size, 4, 3))
    whole = np.pad(spread(x, w, stride, dilation), ((0, 0), (0, 5), (0, 0)))[:, part]
    run = pel.jit(
        lambda x, w: composite.conv_transpose(x, w, stride, padding, dilation, more),
        backend=backend,
    )
    np.testing.assert_allclose(run(x, w), whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2])
def test_it_is_the_transpose_of_the_convolution(stride):
    """⟨conv(y), x⟩ = ⟨y, conv_transpose(x)⟩ for the same kernel."""
    y, w = RNG.normal(size=(2, 8, 7, 4)), RNG.normal(size=(3, 2, 4, 5))
    down = np.asarray(composite.conv(y, w, stride, "same"))
    x = RNG.normal(size=down.shape)
    lengths = (8, 7)
    up = composite.conv_transpose(x, w, stride, "same")
    up = np.asarray(up)[:, : lengths[0], : lengths[1]]
    if stride == 1:
        np.testing.assert_allclose(np.sum(down * x), np.sum(y * up), rtol=1e-12)
    else:  # "same" of eight and of seven places begins elsewhere: by numbers both are alike
        down = np.asarray(composite.conv(y, w, 2, 1))
        x = RNG.normal(size=down.shape)
        more = tuple(
            n - (2 * (m - 1) + k - 2)
            for n, m, k in zip((8, 7), down.shape[1:3], (3, 2), strict=True)
        )
        up = np.asarray(composite.conv_transpose(x, w, 2, 1, output_padding=more))
        np.testing.assert_allclose(np.sum(down * x), np.sum(y * up), rtol=1e-12)


DEPTHWISE = [
    ((2, 9, 8, 5), (3, 2), 1, (1, 1), (1, 1)),
    ((2, 9, 8, 5), (3, 3), 3, (2, 1), (1, 1)),
    ((1, 9, 9, 1), (2, 2), 2, (1, 1), (3, 2)),
    ((3, 6, 7, 33), (1, 3), 1, (2, 3), (1, 1)),
]


def depthwise(x, w, stride, dilation):
    """Channel by channel, element by element."""
    sides = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(x.shape[1:3], w.shape[:2], stride, dilation, strict=True)
    ]
    out = np.zeros((len(x), *sides, *w.shape[2:]))
    for a in range(w.shape[0]):
        for b in range(w.shape[1]):
            rows = a * dilation[0] + stride[0] * np.arange(sides[0])
            columns = b * dilation[1] + stride[1] * np.arange(sides[1])
            out += x[:, rows][:, :, columns][..., None] * w[a, b]
    return out.reshape(*out.shape[:3], -1)


@pytest.mark.one_in(3)
@pytest.mark.parametrize(("shape", "size", "several", "stride", "dilation"), DEPTHWISE)
def test_depthwise_convolutions_and_their_gradients(shape, size, several, stride, dilation):
    """With one map a channel and no stride the program has sums of shifted products alone."""
    x, w = RNG.normal(size=shape), RNG.normal(size=(*size, shape[-1], several))
    layer = nn.DepthwiseConv2D(size, stride, dilation=dilation, multiplier=several, use_bias=False)

    def out(x, w):
        return layer.apply({"W": w}, {}, x, train=False, key=None)[0]

    wanted = depthwise(x, w, stride, dilation)
    ct = RNG.normal(size=wanted.shape)

    def both(x, w, ct):
        y, back = pel.vjp(out, x, w)
        return (y, *back(ct))

    native = pel.jit(both)(x, w, ct)
    plain = pel.jit(both, backend="interpreter")(x, w, ct)
    np.testing.assert_allclose(native[0], wanted, rtol=1e-12, atol=1e-12)
    for one, other in zip(native, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)
    types = [TensorType(float64, a.shape) for a in (x, w, ct)]
    graph = trace(both, types, ["x", "w", "ct"], lambda values: (tuple(values), {})).graph
    program, _ = compile_graph(graph)
    heads = {step.op for kernel in program.kernels for step in kernel.body}
    if several == 1 and max(stride) == 1:
        assert not heads & {"windows", "contract", "fold"}


def test_separable_is_depthwise_and_then_a_matrix():
    x = RNG.normal(size=(2, 6, 6, 3))
    w, p, b = RNG.normal(size=(3, 3, 3, 2)), RNG.normal(size=(6, 4)), RNG.normal(size=4)
    layer = nn.SeparableConv2D(4, 3, multiplier=2)
    found = layer.apply({"W": w, "P": p, "b": b}, {}, x, train=False, key=None)[0]
    wanted = depthwise(x, w, (1, 1), (1, 1)) @ p + b
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-12)


def out_of(layer, x, train=False):
    return np.asarray(layer.apply({}, {}, x, train=train, key=KEY if train else None)[0])


def test_sizes():
    x = RNG.normal(size=(2, 4, 6, 3))
    np.testing.assert_array_equal(
        out_of(nn.Pad(((1, 2), 0), 7.0), x),
        np.pad(x, ((0, 0), (1, 2), (0, 0), (0, 0)), constant_values=7),
    )
    np.testing.assert_array_equal(out_of(nn.Crop(((1, 0), 2)), x), x[:, 1:, 2:-2])
    np.testing.assert_array_equal(out_of(nn.CenterCrop(3, 2), x), x[:, :3, 2:4])
    np.testing.assert_array_equal(out_of(nn.UpSample((2, 1)), x), x.repeat(2, axis=1))
    np.testing.assert_array_equal(out_of(nn.Resize(4, 6), x), x)
    half = out_of(nn.Resize(2, 3), x)  # each place lies between four pixels
    np.testing.assert_allclose(half, x.reshape(2, 2, 2, 3, 2, 3).mean(axis=(2, 4)), rtol=1e-12)
    line = np.arange(5.0)[None, :, None, None]
    wide = out_of(nn.Resize(10, 1), line).ravel()
    np.testing.assert_allclose(wide[1:-1], np.arange(0.25, 4, 0.5), rtol=1e-12)
    np.testing.assert_array_equal(out_of(nn.Permute((3, 1, 2)), x), x.transpose(0, 3, 1, 2))
    rows = RNG.normal(size=(3, 4))
    np.testing.assert_array_equal(out_of(nn.RepeatVector(2), rows), rows[:, None].repeat(2, 1))


def test_group_normalization():
    x = RNG.normal(2, 3, size=(3, 4, 5, 6))
    for groups, layer in ((1, nn.GroupNorm(1)), (3, nn.GroupNorm(3)), (6, nn.GroupNorm(None))):
        parts = x.reshape(3, 4, 5, groups, -1)
        mean, var = (f(parts, axis=(1, 2, 4), keepdims=True) for f in (np.mean, np.var))
        wanted = ((parts - mean) / np.sqrt(var + 1e-3)).reshape(x.shape)
        params = {"gamma": np.ones(6), "beta": np.zeros(6)}
        found = layer.apply(params, {}, x, train=True, key=None)[0]
        np.testing.assert_allclose(np.asarray(found), wanted, rtol=1e-11)


def test_noise_keeps_what_it_says():
    x = np.abs(RNG.normal(size=(4000, 3, 4))) + 1
    maps = (out_of(nn.SpatialDropout(0.3), x, train=True) / x).round(9)
    assert set(np.unique(maps)) == {0, round(1 / 0.7, 9)}
    assert (maps == maps[:, :1]).all()
    np.testing.assert_allclose((maps[:, 0] == 0).mean(), 0.3, atol=0.015)
    ratio = out_of(nn.GaussianDropout(0.3), x, train=True) / x
    np.testing.assert_allclose([ratio.mean(), ratio.var()], [1, 0.3 / 0.7], rtol=0.03)
    z = RNG.normal(size=(20000, 4))
    kept = out_of(nn.AlphaDropout(0.2), z, train=True)
    np.testing.assert_allclose([kept.mean(), kept.var()], [0, 1], atol=0.03)
    for layer in (nn.SpatialDropout(0.3), nn.GaussianDropout(0.3), nn.AlphaDropout(0.3)):
        np.testing.assert_array_equal(out_of(layer, x), x)


def test_augmentations():
    x = RNG.uniform(size=(300, 6, 5, 2))
    part = out_of(nn.RandomCrop(4, 3), x, train=True)
    places = {
        (a, b)
        for one, whole in zip(part, x, strict=True)
        for a in range(3)
        for b in range(3)
        if np.array_equal(one, whole[a : a + 4, b : b + 3])
    }
    assert places == {(a, b) for a in range(3) for b in range(3)}
    np.testing.assert_array_equal(out_of(nn.RandomCrop(4, 3), x), x[:, 1:5, 1:4])
    bright = out_of(nn.RandomBrightness((0.1, 0.1)), x, train=True)
    np.testing.assert_allclose(bright, np.clip(x + 0.1, 0, 1), rtol=1e-12)
    flat = out_of(nn.RandomContrast((-1, -1)), x, train=True)
    np.testing.assert_allclose(flat, np.broadcast_to(x.mean((1, 2), keepdims=True), x.shape))
    holes = out_of(nn.RandomErasing(0.5, (0.5, 0.5), (0.4, 0.4), 9.0), x, train=True) == 9
    counts = holes[..., 0].sum(axis=(1, 2))
    assert set(counts) == {0, 6} and 100 < (counts == 0).sum() < 200
    still = out_of(nn.RandomShear(0.0, 0.0), x, train=True)
    np.testing.assert_allclose(still, x, atol=1e-12)
    line = np.zeros((1, 5, 5, 1))
    line[0, :, 2] = 1  # a column; each row moves one further
    slanted = out_of(nn.RandomShear((1, 1)), line, train=True)[0, :, :, 0]
    np.testing.assert_allclose(slanted, np.eye(5)[::-1], atol=1e-12)


@pytest.mark.parametrize("name", BY_NAME)
def test_starts(name):
    def made(shape):
        start = pel.jit(lambda step: BY_NAME[name].values(pel.Key(3, step), shape, float64))
        return np.asarray(start(np.int64(0)))

    w = made((60, 40))
    if name == "orthogonal":
        np.testing.assert_allclose(w.T @ w, np.eye(40), atol=1e-9)
        wide = made((3, 3, 2, 40))
        np.testing.assert_allclose(
            wide.reshape(18, 40) @ wide.reshape(18, 40).T, np.eye(18), atol=1e-9
        )
    elif name == "identity":
        np.testing.assert_array_equal(w, np.eye(60, 40))
        np.testing.assert_array_equal(made((3, 2, 2))[1], np.eye(2))
        assert made((3, 2, 2)).sum() == 2
    elif name in ("zeros", "ones"):
        assert (w == (name == "ones")).all()
    else:
        spread = {
            **{"uniform": 1 / np.sqrt(3 * 60), "normal": 0.05, "xavier": np.sqrt(2 / 100)},
            **{"he": np.sqrt(2 / 60), "lecun": np.sqrt(1 / 60)},
            **{"truncated_normal": 0.05 * 0.8796256, "variance_scaling": np.sqrt(1 / 60)},
        }[name]
        np.testing.assert_allclose(w.std(), spread, rtol=0.05)
        if name == "truncated_normal":
            assert abs(w).max() <= 0.1


@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_bounds_on_weights(backend):
    x, y = RNG.normal(size=(40, 4)), RNG.normal(size=(40, 3))

    def norms(*bounds):
        net = pel.Sequential([nn.Dense(3, regularizer=bounds)], seed=0, dtype="float64")
        net.compile(pel.optim.SGD(0.05), "squared")
        net.fit(x, y, epochs=2, verbose=0, seed=0, backend=backend)
        return net.get_weights()[0]

    np.testing.assert_allclose(np.linalg.norm(norms(nn.MinMaxNorm(1.0, 1.0)), axis=0), 1)
    held = np.linalg.norm(norms(nn.MinMaxNorm(0.8, 0.6)), axis=0)
    assert (held > 0.6 - 1e-12).all() and (held < 0.8 + 1e-12).all()
    bounded = norms(nn.NonNegative())
    assert (bounded >= 0).all() and (bounded == 0).any()
