"""show and explain of an object that says which function it is, as a model does."""

import numpy as np
import pytest

import pellucid as pel
from pellucid.core import trees
from pellucid.core.errors import ArgumentError, PellucidError
from pellucid.transform.explainable import FunctionCall
from tests.viz.evaluation import check

RNG = np.random.default_rng(3)
X = RNG.normal(size=(5, 4))
Y = RNG.normal(size=(5, 2))


class Network:
    """Two layers with a statistic that is not trained: a small stand-in for a model."""

    def __init__(self, argnums=(0,)):
        self.argnums = argnums
        self.params = {
            "dense_1": {"W": RNG.normal(size=(4, 3)), "b": np.zeros(3)},
            "dense_2": {"W": RNG.normal(size=(3, 2)), "b": np.ones(2)},
        }
        self.state = {"norm": {"mean": X.mean(axis=0)}}

    def __call__(self, x):
        raise AssertionError("the method is asked first")

    def apply(self, params, state, x):
        one, two = params["dense_1"], params["dense_2"]
        hidden = np.tanh((x - state["norm"]["mean"]) @ one["W"] + one["b"])
        return hidden @ two["W"] + two["b"]

    def __pellucid_function__(self, where, *data):
        if not data:
            raise ArgumentError(where, "expected data, got none", f"Write pel.{where}(model, x).")
        if len(data) == 1:
            return FunctionCall(
                self.apply, (self.params, self.state, *data), ("", "", "x"), self.argnums
            )

        def objective(params, state, x, y):
            return np.mean(np.sum((self.apply(params, state, x) - y) ** 2, axis=1))

        return FunctionCall(
            objective, (self.params, self.state, *data), ("", "", "x", "y"), self.argnums
        )


WEIGHTS = ["dense_1.W", "dense_1.b", "dense_2.W", "dense_2.b"]


def test_a_prediction_is_shown_with_the_weights_by_name_and_values():
    model = Network()
    shown = pel.show(model, X)
    assert shown.graph.input_names == (*WEIGHTS, "norm.mean", "x")
    assert "backward" not in str(shown)
    assert "dense_1.b: f64[3]" in str(shown) and "→ [0, 0, 0]" in str(shown)
    np.testing.assert_array_equal(
        shown.values[shown.graph.outputs[0]], model.apply(model.params, model.state, X)
    )


def test_an_objective_is_shown_with_the_gradient_of_every_weight_and_of_nothing_else():
    model = Network()
    shown = pel.show(model, X, Y)
    text = str(shown)
    for name in WEIGHTS:
        assert f"/∂{name}" in text
    for name in ("norm.mean", "x", "y"):
        assert f"/∂{name}\n" not in text and f"/∂{name}," not in text
    call = model.__pellucid_function__("show", X, Y)
    wanted = pel.grad(call.function)(*call.args)
    found = [shown.values[i] for i in shown.graph.outputs[1:]]
    for gradient, leaf in zip(found, trees.leaves_of(wanted), strict=True):
        np.testing.assert_allclose(gradient, leaf, rtol=1e-12)


def test_stages_take_it_too():
    assert "kernel" in str(pel.show(Network(), X, Y, stage="fuse"))


def test_the_objective_is_derived_by_every_weight():
    pytest.importorskip("sympy")
    shown = pel.explain(Network(), X, Y)
    assert list(shown.gradients) == WEIGHTS
    assert str(shown).startswith("J = objective(dense_1.W: f64[4,3], dense_1.b: f64[3], ")
    assert "alone" not in str(shown)
    check(shown)


def test_argnums_is_for_functions():
    with pytest.raises(ArgumentError, match="with respect to its weights, got argnums=2"):
        pel.explain(Network(), X, Y, argnums=2)
    assert pel.explain(Network(argnums=None), X, Y, argnums=3).gradients.keys() == {"y"}


def test_what_the_object_refuses_is_refused_in_its_words():
    for function in (pel.show, pel.explain):
        with pytest.raises(ArgumentError, match=rf"Write pel.{function.__name__}\(model, x\)"):
            function(Network())


@pytest.mark.parametrize(
    "answer",
    [
        None,
        (np.sum, (X,), ("x",)),
        FunctionCall(np.sum, (X,), ()),
        FunctionCall(np.sum, (X,), ("x",), (1,)),
        FunctionCall(np.sum, (X,), ("x",), (-1,)),
    ],
)
def test_a_method_that_answers_something_else_is_named(answer):
    class Odd:
        def __pellucid_function__(self, where, *args):
            return answer

    for function in (pel.show, pel.explain):
        with pytest.raises(PellucidError, match=r"Odd.__pellucid_function__ must return a Func"):
            function(Odd(), X)


def test_the_class_itself_is_no_model():
    with pytest.raises(PellucidError):
        pel.show(Network, X)
