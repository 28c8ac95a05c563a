"""A layer apart from its activation, for every layer that ends in one."""

import dataclasses

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn
from pellucid.core.errors import PellucidError, ShapeError

ENDING = {
    "dense": (nn.Dense(3, "tanh"), (4,)),
    "low rank": (nn.LowRankDense(3, 2, "tanh"), (4,)),
    "1-D": (nn.Conv1D(3, 2, activation="tanh"), (5, 2)),
    "2-D": (nn.Conv2D(3, 2, activation="tanh"), (5, 5, 2)),
    "1-D, transposed": (nn.Conv1DTranspose(3, 2, activation="tanh"), (5, 2)),
    "2-D, transposed": (nn.Conv2DTranspose(3, 2, activation="tanh"), (5, 5, 2)),
    "1-D, depthwise": (nn.DepthwiseConv1D(2, activation="tanh"), (5, 2)),
    "2-D, depthwise": (nn.DepthwiseConv2D(2, activation="tanh"), (5, 5, 2)),
    "1-D, separable": (nn.SeparableConv1D(3, 2, activation="tanh"), (5, 2)),
    "2-D, separable": (nn.SeparableConv2D(3, 2, activation="tanh"), (5, 5, 2)),
}


def test_every_layer_with_an_activation_is_here():
    kinds = {
        kind
        for kind in (getattr(nn, name) for name in nn.__all__)
        if dataclasses.is_dataclass(kind)
        and any(field.name == "activation" for field in dataclasses.fields(kind))
    }
    assert kinds == {type(layer) for layer, _ in ENDING.values()}


@pytest.mark.parametrize(("layer", "shape"), ENDING.values(), ids=ENDING)
def test_a_layer_is_its_linear_part_and_then_its_activation(layer, shape):
    plain = layer.without_activation()
    assert layer.final_activation == "tanh"
    assert plain == dataclasses.replace(layer, activation=None)
    assert plain.final_activation is None
    whole = pel.Sequential([layer], seed=0)
    whole.build(shape)
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    params, state = whole.params[next(iter(whole.params))], {}
    before, _ = plain.apply(params, state, x, train=False, key=None)
    np.testing.assert_allclose(np.tanh(np.asarray(before)), whole.predict(x), rtol=1e-6, atol=1e-7)


def test_an_activation_alone_has_nothing_else_and_others_end_in_none():
    assert nn.Activation("relu").final_activation == "relu"
    assert nn.Activation("relu").without_activation() is None
    for layer in (nn.Flatten(), nn.Maxout(2), nn.BatchNorm(), nn.Embedding(3, 2)):
        assert layer.final_activation is None
        assert layer.without_activation() is layer


def broken(target, output):
    raise IndexError("of a person's own")


@pytest.mark.parametrize(
    ("target", "output"),
    [((3,), (3,)), ((3, 1, 1), (3, 1)), ((3, 1), (3, 1, 1))],
)
def test_a_loss_that_fails_on_axes_it_does_not_expect(target, output):
    """Its own error is told only where the axes are right."""
    loss = nn.losses.UserLoss(broken)
    words = r"target and output must have as many rows, \(N, H\) each"
    with pytest.raises(ShapeError, match=words):
        loss.per_row(np.ones(target), np.ones(output))
    for right in ((3,), (3, 2)):
        with pytest.raises((IndexError, PellucidError), match="of a person's own"):
            loss.per_row(np.ones(right), np.ones((3, 2)))


@pytest.mark.parametrize("loss", nn.losses.BY_NAME)
def test_a_target_of_another_shape_is_refused_by_every_loss(loss):
    """`per_row` by hand takes what `targets` returns, and nothing that would broadcast."""
    of = nn.losses.BY_NAME[loss]
    shape = (3, 8)
    right = {"gaussian": [(3, 4)], "gaussian_mixture": [(3, 2)]}.get(loss, [shape])
    if isinstance(of, nn.CrossEntropy):
        right.append((3,))
    output = np.full(shape, 0.5)
    for target in (
        (3, 1),
        (1, 8),
        (3, 1, 1),
        (3, 8, 1),
        (1, 3, 8),
        (3, 4),
        (3, 2),
        (3, 8),
        (3,),
        (),
    ):
        if target in right:
            assert of.per_row(np.zeros(target, int), output).shape == (3,)
        else:
            with pytest.raises(ShapeError):
                of.per_row(np.zeros(target, int), output)
    with pytest.raises(ShapeError):
        of.per_row(np.zeros((3, 1, 1)), np.ones((3, 1)))
