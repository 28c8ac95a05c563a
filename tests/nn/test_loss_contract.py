"""What each pair of a final activation and a loss means, and that the advice of a refusal works."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from pellucid import nn
from pellucid.core.dtypes import float64
from pellucid.core.errors import ArgumentError, DataError, PellucidError
from pellucid.core.shapes import N
from pellucid.graph.node import TensorType
from pellucid.nn.activations import BY_NAME as ACTIVATIONS
from pellucid.nn.losses import BY_NAME, Form, UserLoss
from pellucid.nn.losses import loss as loss_of
from pellucid.nn.losses.contract import UNKNOWN, contract
from pellucid.train import metrics
from pellucid.transform.tensor import Tensor


def own(z: Any) -> Any:
    return z


OWN = {
    "loss": UserLoss(lambda t, y: (y - t)[:, 0]),
    "likelihood": nn.NegativeLogLikelihood(lambda t, y: (y - t)[:, 0]),
}
LOSSES = BY_NAME | OWN
LAST: list[Any] = [None, *ACTIVATIONS, own, UNKNOWN]
METRICS = [*metrics.BY_NAME, "top_2_error"]
PAIRS = [(loss, last) for loss in LOSSES for last in LAST]


def followed(fix: str, loss: str, last: Any, name: str) -> list[tuple[str, Any, str]]:
    """The pairs and metrics that an advice leads to, one for each of its alternatives."""
    found = []
    for way in re.split(r",? or |; ", fix):
        named = re.search(r"loss='(\w+)'", way)
        ends_in = re.search(r"(?:in|and) (?:a )?(tanh|sigmoid|softmax|softplus|exponential)\b", way)
        measured = re.search(r"metrics=\['(\w+)'\]", way)
        ours = "of your own" in way
        off = f"Take the {last} off" in way
        if not (named or ends_in or measured or ours or off):
            continue
        ending = None if off else ends_in[1] if ends_in else last
        if ours and "makes probabilities" in way:
            ending, ours = own, False
        found.append(
            (
                named[1] if named else loss,
                ending,
                "own" if ours else measured[1] if measured else name,
            )
        )
    return found


def refused(loss: str, last: Any, name: str = "own") -> Any:
    """Why this is refused; None where it is not."""
    pair = contract(LOSSES[loss], last)
    if pair.refusal is not None or name == "own":
        return pair.refusal
    return metrics.metric(name).refusal(LOSSES[loss], pair)


@pytest.mark.parametrize("name", ["own", *METRICS])
def test_the_advice_of_every_refusal_works(name):
    seen = 0
    for loss, last in PAIRS:
        if name != "own" and refused(loss, last) is not None:
            continue
        refusal = refused(loss, last, name)
        if refusal is None:
            continue
        seen += 1
        ways = followed(refusal.fix, loss, last, name)
        assert ways, refusal
        for way in ways:
            assert refused(*way) is None, (refusal, way)
    assert seen or name == metrics.GRADIENT_NORM


def test_only_known_activations_are_refused():
    """What is not known to be wrong is taken: a function of one's own, a layer without a name."""
    for loss in LOSSES.values():
        assert contract(loss, own).refusal is None
        assert contract(loss, UNKNOWN).refusal is None
        assert contract(loss, None) == contract(loss, "linear")
    for loss in OWN.values():
        assert all(contract(loss, last).refusal is None for last in LAST)


def test_the_loss_reads_what_stands_before_an_activation_only_where_that_is_exact():
    raw = {(loss, last) for loss, last in PAIRS if contract(LOSSES[loss], last).reads_raw}
    classes = "cross_entropy", "focal", "generalized_cross_entropy", "kl_divergence"
    binary = "binary_cross_entropy", "binary_focal", "dice", "tversky"
    assert raw == {(loss, "softmax") for loss in classes} | {(loss, "sigmoid") for loss in binary}
    for loss, last in raw:
        made = contract(LOSSES[loss], last)
        assert made.form in (Form.PROBABILITIES, Form.PROBABILITY)
        assert made.form is not LOSSES[loss].reads


def test_probabilities_are_those_of_the_form():
    z = Tensor(np.array([[0.5, -1.0], [3.0, 0.0]]))
    e = np.exp(z.numpy())
    for loss, last, wanted in (
        ("cross_entropy", None, e / e.sum(1, keepdims=True)),
        ("binary_cross_entropy", "tanh", e / (1 + e)),
        ("cross_entropy", "softmax", z.numpy()),
        ("probability_binary_cross_entropy", own, z.numpy()),
        ("squared", "sigmoid", z.numpy()),
    ):
        found = contract(LOSSES[loss], last).probabilities(z)
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-14)
    for loss, last in (("squared", None), ("hinge", "tanh"), ("poisson", None)):
        with pytest.raises(ArgumentError, match="must be probabilities or logits, got"):
            contract(LOSSES[loss], last).probabilities(z)


def test_what_a_density_lets_one_expect_is_its_mean():
    """Against the mean of many draws of each density, and its own formula."""
    rng = np.random.default_rng(0)
    out = np.array([[0.5, -1.25, 2.0, -0.75, 0.3, 1.1]])
    for loss, outputs, draws in (
        (nn.Poisson(), out[:, :1], rng.poisson(np.exp(0.5), 200_000)),
        (nn.Gaussian(), out[:, :2], rng.normal(0.5, np.sqrt(np.log1p(np.exp(-1.25))), 200_000)),
        (nn.GaussianMixture(2), out, mixture_draws(rng, out[0], 200_000)),
    ):
        mean = loss.mean(Tensor(outputs)).numpy()
        assert mean.shape == (1, 1)
        assert mean[0, 0] == pytest.approx(draws.mean(), abs=0.01)


def mixture_draws(rng: np.random.Generator, out: Any, count: int) -> Any:
    weights = np.exp(out[:2]) / np.exp(out[:2]).sum()
    which = rng.choice(2, count, p=weights)
    return rng.normal(out[2:4][which], np.log1p(np.exp(out[4:]))[which] ** -0.5)


# -- labels and their classes ----------------------------------------------------------------


@pytest.mark.parametrize("shift", [1, 2, -1, 10])
@pytest.mark.parametrize("loss", ["cross_entropy", "probability_cross_entropy", "multiclass_hinge"])
def test_labels_that_do_not_count_from_0_are_told_what_works(loss, shift):
    """The advice is carried out as it stands; what it leads to is taken."""
    y, output = np.array([0, 2, 1, 1]) + shift, TensorType(float64, (N, 3))
    with pytest.raises(DataError) as caught:
        LOSSES[loss].targets(y, output)
    names = {"y": y, "np": np}
    told = re.search(r"pass (y - 1)\.|names, y = (.*)\.$", caught.value.fix)
    assert told is not None, caught.value.fix
    numbered = eval(told[1] or f"{told[2]}[1]", names)
    np.testing.assert_array_equal(LOSSES[loss].targets(numbered, output), [0, 2, 1, 1])
    assert ("y - 1" in caught.value.fix) == (shift == 1)


@pytest.mark.parametrize(
    "loss", [name for name in BY_NAME if BY_NAME[name].binary_labels is not None]
)
@pytest.mark.parametrize("labels", [(0, 1), (-1, 1), (1, 2)])
def test_labels_of_two_sides_are_told_what_works(loss, labels):
    y, output = np.array(labels)[[0, 1, 1, 0]], TensorType(float64, (N, 1))
    low, high = BY_NAME[loss].binary_labels
    if labels != (low, high):
        with pytest.raises(DataError) as caught:
            LOSSES[loss].targets(y, output)
        told = re.search(r"pass ([^,]*?)[,.]( or|$)", caught.value.fix)
        assert told is not None, caught.value.fix
        y = eval(told[1], {"y": y})
    taken = LOSSES[loss].targets(y, output)
    np.testing.assert_array_equal(taken[:, 0], np.array([low, high])[[0, 1, 1, 0]])


def test_class_weights_go_by_the_class_of_a_row_or_are_refused():
    """F5: a row that is shared by classes has none."""
    wide = TensorType(float64, (N, 3))
    for loss in LOSSES.values():
        y = np.array([[0.5, 0.5, 0], [1, 0, 0]])
        if loss.is_classification and loss.binary_labels is None:
            labels, classes = loss.row_classes(np.array([2, 0]), wide, "fit")
            np.testing.assert_array_equal(labels, [2, 0])
            np.testing.assert_array_equal(
                loss.row_classes(np.eye(3)[[2, 0]], wide, "fit")[0], [2, 0]
            )
            assert classes == [0, 1, 2]
            with pytest.raises(DataError, match=r"a 1 and zeros, got \[0.5, 0.5, 0.0\] in row 0"):
                loss.row_classes(y, wide, "fit")
            continue
        name = "<lambda>" if isinstance(loss, UserLoss) else loss.name
        with pytest.raises(ArgumentError, match=f"a row, got loss {name} with 3 outputs"):
            loss.row_classes(y, wide, "fit")
        if loss.binary_labels is not None:
            narrow = TensorType(float64, (N, 1))
            labels, classes = loss.row_classes(np.array([[1.0]]), narrow, "fit")
            assert labels.shape == (1,) and classes == list(loss.binary_labels)


# -- names ------------------------------------------------------------------------------------


def test_a_class_where_an_object_is_meant_is_refused_with_what_to_write():
    """F21: of losses and metrics, and of classes that are neither."""
    kinds = {type(loss) for loss in LOSSES.values()} | {nn.Loss}
    for kind in kinds:
        with pytest.raises(ArgumentError, match=rf"Write {kind.__name__}\(…\), with brackets"):
            loss_of(kind)
    for kind in (*kinds, metrics.Metric, dict, int, np.ndarray, Tensor, nn.Dense):
        with pytest.raises(ArgumentError, match=f"got the class {kind.__name__}"):
            metrics.metric(kind)
        with pytest.raises(PellucidError):
            loss_of(kind)
        with pytest.raises(ArgumentError, match="log_prob must be a function"):
            nn.NegativeLogLikelihood(kind)
        with pytest.raises(ArgumentError, match="function must be a function"):
            UserLoss(kind)


def test_a_loss_of_ones_own_is_named_in_the_messages_of_metrics():
    def mine(t, y):
        return (y - t)[:, 0]

    for name in ("accuracy", "f1", "roc_auc", "top_2_error"):
        loss = loss_of(mine)
        with pytest.raises(ArgumentError, match=r"\[compile\] .* got loss mine\. "):
            metrics.check_metrics([metrics.metric(name)], loss, contract(loss, None))


def test_names_of_other_libraries_say_how_their_numbers_differ():
    """F22: where the other one averages over the outputs of a row, the message says so."""
    for name in ("mse", "mean_absolute_error", "MSE", "binary_crossentropy", "huber_loss"):
        with pytest.raises(ArgumentError, match=r"Here it is called '.*H times as large") as caught:
            loss_of(name)
        assert f"where {name} is their mean" in caught.value.fix
    for name in ("categorical_crossentropy", "dice_loss"):
        with pytest.raises(ArgumentError, match="Here it is called") as caught:
            loss_of(name)
        assert "times as large" not in caught.value.fix
