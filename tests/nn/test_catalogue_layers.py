"""Normalization, maxout, low rank, tables and fixed maps: values, gradients, errors, files."""

from __future__ import annotations

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError, DataError, PellucidError, ShapeError

X = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -3.0], [-0.5, 0.75, 0.125], [2.0, 1.0, 0.5]])
CT = np.array([[1.0, 0.5, -2.0], [0.25, -1.0, 1.0], [0.5, 1.5, 2.5], [-1.0, 0.75, 0.3]])
GAMMA, BETA = np.array([1.5, -0.5, 2.0]), np.array([0.1, 0.2, -0.3])

# PyTorch 2 in float64, eps=1e-3: y, and the gradients of x, γ and β for the cotangent CT.
BATCH = (
    [
        [-0.48553260848161695, 1.0229920619017987, 2.0021390907314784],
        [1.0758876808026947, 0.16421773643905224, -3.495506499075037],
        [-2.0469528977659284, -0.12204037204852991, -0.05947800544596493],
        [1.8565978254448505, -0.265169426292321, 0.3528454137895237],
    ],
    [
        [0.946464330166547, -0.21702462569976727, -1.5860007117225632],
        [0.6345715262085299, 0.8308721646034866, -0.9330148558270227],
        [-0.6934182274808254, -0.5373775562209219, 2.3697797573576627],
        [-0.8876176288942512, -0.07646998268279738, 0.14923581019192342],
    ],
    [-2.1144233084058386, 0.7693186665603771, -3.501313035008025],
    [0.75, 1.75, 1.8],
)
LAYER = (
    [
        [0.19409170288607824, 0.8272780192405211, 2.083656473113981],
        [1.6156323219129611, 0.02427451340139583, -3.0237450422783643],
        [-1.733600167983209, -0.41120005599440296, -0.3],
        [2.101887111981944, 0.33345914079879635, -2.43534625278074],
    ],
    [
        [1.887722193749564, -0.8704963436486376, -1.0172258501009268],
        [0.07762093027089456, -0.10766061996231485, 0.030039689691420346],
        [-3.254122359540235, -3.265344904400062, 6.519467263940298],
        [0.08971694705907085, -0.28219248819343123, 0.19247554113435905],
    ],
    [-1.6304582750728196, 0.6546824643472848, -4.0658309321702735],
    [0.75, 1.75, 1.8],
)


@pytest.mark.lecture("T1.F6")
@pytest.mark.parametrize("backend", ["native", "interpreter"])
@pytest.mark.parametrize(("layer", "known"), [(nn.BatchNorm(), BATCH), (nn.LayerNorm(), LAYER)])
def test_normalization_is_pytorchs(layer, known, backend):
    state = {"mean": np.zeros(3), "variance": np.ones(3)}

    def out(x, gamma, beta, state):
        return layer.apply({"gamma": gamma, "beta": beta}, state, x, train=True, key=None)[0]

    y = pel.jit(out, backend=backend)(X, GAMMA, BETA, state)
    slopes = pel.jit(pel.grad(lambda *a: np.sum(out(*a) * CT), (0, 1, 2)), backend=backend)(
        X, GAMMA, BETA, state
    )
    for got, wanted in zip((y, *slopes), known, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-13)


@pytest.mark.lecture("T1.F6")
@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 5, 3)])
def test_running_statistics_are_those_of_the_batches(shape):
    x = np.random.default_rng(0).normal(2, 3, size=(20, *shape))
    net = pel.Sequential(
        [nn.BatchNorm(momentum=0.5, name="norm"), nn.Flatten(), nn.Dense(1)],
        seed=0,
        dtype="float64",
    )
    net.compile(optim.SGD(0.0), loss="squared")
    net.fit(x, x.reshape(20, -1)[:, :1], batch_size=20, epochs=3, seed=0, verbose=0)
    axes = tuple(range(x.ndim - 1))
    np.testing.assert_allclose(net.state["norm"]["mean"], 0.875 * x.mean(axes), rtol=1e-12)
    wanted = 0.125 + 0.875 * x.var(axes)
    np.testing.assert_allclose(net.state["norm"]["variance"], wanted, rtol=1e-12)
    inner = pel.Sequential(net.layers[:1], dtype="float64")
    inner.build(shape)
    inner.state = {"norm": net.state["norm"]}
    expected = (x - net.state["norm"]["mean"]) / np.sqrt(wanted + 1e-3)
    np.testing.assert_allclose(inner.predict(x), expected, rtol=1e-12)


def test_a_batch_of_one_row_and_a_constant_column_give_beta():
    layer, state = nn.BatchNorm(), {"mean": np.zeros(3), "variance": np.ones(3)}
    params = {"gamma": GAMMA, "beta": BETA}
    run = pel.jit(lambda p, s, x: layer.apply(p, s, x, train=True, key=None)[0])
    np.testing.assert_array_equal(run(params, state, X[:1]), [BETA])
    constant = run(params, state, np.full((5, 3), 0.1))
    np.testing.assert_allclose(constant, np.tile(BETA, (5, 1)), atol=1e-12)


@pytest.mark.lecture("T1.C10")
def test_maxout_is_the_largest_piece_and_its_gradient_goes_there():
    """A maxout unit is the largest of several values of the previous layer."""
    layer = nn.Maxout(2, 3)
    rng = np.random.default_rng(0)
    params = {"W": rng.normal(size=(3, 2, 3)), "b": rng.normal(size=(2, 3))}

    def out(params, x):
        return layer.apply(params, {}, x, train=True, key=None)[0]

    lines = np.einsum("nd,dhp->nhp", X, params["W"]) + params["b"]
    np.testing.assert_allclose(pel.jit(out)(params, X), lines.max(axis=-1), rtol=1e-14)
    chosen = lines == lines.max(axis=-1, keepdims=True)
    slope = pel.jit(pel.grad(lambda params, x: np.sum(out(params, x))))(params, X)
    np.testing.assert_allclose(slope["b"], chosen.sum(axis=0))
    np.testing.assert_allclose(slope["W"], np.einsum("nd,nhp->dhp", X, chosen), rtol=1e-14)


@pytest.mark.slow
@pytest.mark.lecture("T1.C9")
def test_a_linear_hidden_layer_finds_the_best_matrix_of_low_rank():
    """A linear hidden layer of r units is a matrix W = AB of rank r, with fewer parameters.

    Eckart and Young: no matrix of rank r is closer than the first r singular values.
    """
    rng = np.random.default_rng(0)
    target = rng.normal(size=(6, 5)) @ np.diag([3.0, 2.0, 0.3, 0.2, 0.1])
    net = pel.Sequential(
        [nn.LowRankDense(5, 2, use_bias=False, name="low")], seed=0, dtype="float64"
    )
    net.compile(optim.SGD(0.05), loss="squared")
    net.fit(np.eye(6), target, batch_size=6, epochs=4000, seed=0, verbose=0)
    found = net.params["low"]["A"] @ net.params["low"]["B"]
    u, s, v = np.linalg.svd(target)
    best = (u[:, :2] * s[:2]) @ v[:2]
    assert np.linalg.matrix_rank(found) == 2 and net.count_params() == 2 * (6 + 5)
    np.testing.assert_allclose(
        np.linalg.norm(found - target), np.linalg.norm(best - target), rtol=1e-6
    )


@pytest.mark.lecture("T1.A6")
@pytest.mark.parametrize(
    "basis",
    [
        nn.Basis(lambda x: np.stack([x[:, 0], x[:, 1], x[:, 0] * x[:, 1]], axis=-1)),
        nn.RBF([[0, 0], [0, 1], [1, 0], [1, 1]], 0.5),
    ],
    ids=["x1*x2", "rbf"],
)
def test_xor_is_linear_in_fixed_features(basis):
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    y = np.array([0, 1, 1, 0], np.float32)
    net = pel.Sequential([basis, nn.Dense(1)], seed=0)
    net.compile(optim.SGD(1.0), loss="binary_cross_entropy", metrics=["accuracy"])
    net.fit(x, y, batch_size=4, epochs=2000, seed=0, verbose=0)
    assert net.evaluate(x, y)["accuracy"] == 1


@pytest.mark.lecture("T1.A12")
@pytest.mark.parametrize("seed", range(5))
def test_no_line_solves_xor(seed):
    """No line separates the four points of XOR: a linear model is wrong on one of them at least."""
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    y = np.array([0, 1, 1, 0], np.float32)
    net = pel.Sequential([nn.Dense(1, kernel_initializer="normal")], seed=seed)
    net.compile(optim.SGD(0.5), loss="binary_cross_entropy", metrics=["accuracy"])
    for _ in range(5):
        net.fit(x, y, batch_size=4, epochs=50, seed=0, verbose=0)
        assert net.evaluate(x, y)["accuracy"] <= 0.75


def test_polynomials_and_radial_functions():
    run = pel.jit(lambda x: nn.Polynomial(3).apply({}, {}, x, train=False, key=None)[0])
    wanted = np.stack([X, X**2, X**3], axis=-1).reshape(4, 9)
    np.testing.assert_allclose(run(X), wanted, rtol=1e-14)
    centers = [[0.0, 1.0, 2.0], [1.0, 0.0, -1.0]]
    run = pel.jit(lambda x: nn.RBF(centers, 1.5).apply({}, {}, x, train=False, key=None)[0])
    far = ((X[:, None] - np.array(centers)) ** 2).sum(axis=-1)
    np.testing.assert_allclose(run(X), np.exp(-far / 4.5), rtol=1e-13)


@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_an_embedding_is_the_rows_of_its_table(backend):
    net = pel.Sequential([nn.Embedding(7, 3, name="words"), nn.Flatten(), nn.Dense(1)], seed=0)
    net.build((4,))
    x = np.array([[0, 6, 3, 3], [1, 2, 5, 4]])
    table = net.params["words"]["table"]
    inner = pel.Sequential(net.layers[:1], seed=0)
    np.testing.assert_array_equal(inner.predict(x, backend=backend), table[x])
    net.compile(optim.SGD(0.1), loss="squared")
    net.fit(x[:1], np.ones(1), verbose=0, seed=0, backend=backend)
    moved = (net.params["words"]["table"] != table).any(axis=1)
    assert moved.tolist() == [True, False, False, True, False, False, True]
    for wrong in ([[0, 7, 0, 0]], [[0, -1, 0, 0]], [[0, 1.5, 0, 0]]):
        with pytest.raises(DataError, match=r"indices must lie in \[0, 7\)"):
            inner.predict(np.array(wrong), backend=backend)


LAYERS = {
    "batch_norm": nn.BatchNorm(),
    "layer_norm": nn.LayerNorm(scale=False),
    "maxout": nn.Maxout(4, 3),
    "low_rank": nn.LowRankDense(5, 2, "tanh"),
    "polynomial": nn.Polynomial(2),
    "rbf": nn.RBF([[0, 0, 0], [1, 1, 1]]),
    "reshape": nn.Reshape((3, 1)),
}


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", LAYERS)
def test_a_saved_layer_predicts_as_before(name, tmp_path):
    net = pel.Sequential([LAYERS[name], nn.Flatten(), nn.Dense(2)], seed=0)
    net.compile(optim.Adam(), loss="squared")
    net.fit(X, CT[:, :2], batch_size=2, epochs=2, seed=0, verbose=0)
    net.save(tmp_path / "net")
    again = pel.load(tmp_path / "net")
    assert again.layers[0] == LAYERS[name]
    np.testing.assert_array_equal(again.predict(X), net.predict(X))


@pytest.mark.parametrize(("shape", "wanted"), [((3, 4), (3, 4)), ((-1, 6), (2, 6)), ((12,), (12,))])
def test_reshape(shape, wanted):
    net = pel.Sequential([nn.Reshape(shape, input_shape=(2, 6))])
    x = np.arange(24.0, dtype=np.float32).reshape(2, 2, 6)
    np.testing.assert_array_equal(net.predict(x), x.reshape(2, *wanted))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.BatchNorm(momentum=1), ArgumentError, "momentum must lie"),
        (lambda: nn.LayerNorm(epsilon=0), ArgumentError, "epsilon must lie"),
        (lambda: nn.Maxout(3, 0), ArgumentError, "pieces must be"),
        (lambda: nn.LowRankDense(3, 0), ArgumentError, "rank must be"),
        (lambda: nn.Embedding(0, 3), ArgumentError, "count must be"),
        (lambda: nn.Polynomial(0), ArgumentError, "degree must be"),
        (lambda: nn.RBF([[1, 2], [3]]), ArgumentError, "centers must be"),
        (lambda: nn.RBF([[1, 2]], 0), ArgumentError, "width must lie"),
        (lambda: nn.Basis("square"), ArgumentError, "function must be"),
        (lambda: nn.Reshape((0, 3)), ArgumentError, "sizes ≥ 1"),
        (lambda: nn.Reshape(3), ArgumentError, "shape must be a tuple"),
        (lambda: built(nn.LowRankDense(3, 3), (2,)), ArgumentError, "rank must be at most 2"),
        (lambda: built(nn.Maxout(3), (2, 2)), ShapeError, r"x must be \(N, D\)"),
        (lambda: built(nn.Reshape((5,)), (2, 2)), ShapeError, "x must have 5 elements"),
        (lambda: built(nn.Reshape((-1, 3)), (2, 2)), ShapeError, "a multiple of 3"),
        (lambda: built(nn.RBF([[1, 2]]), (3,)), ShapeError, "like the centers"),
        (lambda: built(nn.Basis(lambda x: x.sum(axis=0)), (3,)), ShapeError, "must keep the rows"),
    ],
)
def test_what_does_not_fit_is_said(make, error, message):
    with pytest.raises(error, match=message) as raised:
        make()
    assert isinstance(raised.value, PellucidError)


def built(layer, shape):
    net = pel.Sequential([layer])
    net.build(shape)
    return net
