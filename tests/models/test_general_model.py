"""The general Model: inputs and outputs in every form, and what is measured of each, in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError, PellucidError, ShapeError

RNG = np.random.default_rng(0)
ROWS = 24
A, B = RNG.normal(size=(ROWS, 3)), RNG.normal(size=(ROWS, 2))
VALUE, LABEL = RNG.normal(size=(ROWS, 1)), RNG.integers(0, 3, ROWS)
WEIGHT = RNG.uniform(0.5, 2.0, ROWS)
BOTH = ("squared", "cross_entropy")
LOSS = {"value": "squared", "label": "cross_entropy"}


def given(form: type | None, names: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    """Values alone, in a list or in a dict whose keys stand in another order."""
    if form is None:
        return values[0]
    if form is list:
        return list(values)
    return dict(reversed(list(zip(names, values, strict=True))))


def two_by_two(inputs: type = dict, outputs: type = dict, **how: Any) -> pel.Model:
    """Two inputs, a hidden layer, a value and three logits."""
    a, b = pel.Input((3,), name="a"), pel.Input((2,), name="b")
    hidden = nn.Dense(4, "tanh", name="hidden")(nn.Concat()([a, b]))
    value, label = nn.Dense(1, name="value")(hidden), nn.Dense(3, name="label")(hidden)
    first = {"a": a, "b": b} if inputs is dict else inputs([a, b])
    last = {"value": value, "label": label} if outputs is dict else outputs([value, label])
    return pel.Model(first, last, seed=1, dtype="float64", **how)


def by_hand(model: pel.Model) -> tuple[np.ndarray, np.ndarray]:
    """What the two outputs are, from the weights."""
    w = model.weights
    hidden = np.tanh(np.hstack([A, B]) @ w["hidden.W"] + w["hidden.b"])
    return hidden @ w["value.W"] + w["value.b"], hidden @ w["label.W"] + w["label.b"]


def losses(model: pel.Model) -> tuple[np.ndarray, np.ndarray]:
    """The loss of each row, for each output."""
    value, logits = by_hand(model)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return ((value - VALUE) ** 2)[:, 0], -log_p[np.arange(ROWS), LABEL]


@pytest.mark.parametrize("inputs", [list, tuple, dict])
@pytest.mark.parametrize("outputs", [list, tuple, dict])
def test_data_and_results_have_the_form_of_inputs_and_outputs(inputs: type, outputs: type) -> None:
    model = two_by_two(inputs, outputs)
    x = given(dict if inputs is dict else list, ("a", "b"), (A, B))
    y = given(dict if outputs is dict else list, ("value", "label"), (VALUE, LABEL))
    loss = given(dict if outputs is dict else list, ("value", "label"), BOTH)
    model.compile(optim.SGD(0.1), loss=loss)
    model.fit(x, y, epochs=2, seed=0, verbose=0, backend="interpreter")
    found = model.predict(x, backend="interpreter")
    assert type(found) is (dict if outputs is dict else list)
    if outputs is dict:
        assert list(found) == ["value", "label"]
        found = list(found.values())
    for one, other in zip(found, by_hand(model), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)
    squared, crossed = losses(model)
    measured = model.evaluate(x, y, backend="interpreter")
    assert list(measured) == ["loss", "value_loss", "label_loss"]
    assert measured["loss"] == pytest.approx(squared.mean() + crossed.mean(), rel=1e-11)


def test_the_names_in_a_dict_count_and_not_their_order() -> None:
    runs = []
    for x in ({"a": A, "b": B}, {"b": B, "a": A}):
        model = two_by_two()
        model.compile(optim.Adam(0.01), loss={"label": "cross_entropy", "value": "squared"})
        model.fit(x, {"label": LABEL, "value": VALUE}, epochs=2, seed=0, verbose=0)
        runs.append([array.tobytes() for array in model.get_weights()])
    assert runs[0] == runs[1]


@pytest.mark.parametrize("form", [None, list, dict])
def test_one_input_and_one_output_keep_their_form_too(form: type | None) -> None:
    x = pel.Input((3,), name="a")
    y = nn.Dense(1, name="value")(x)
    if form is dict:
        model = pel.Model({"a": x}, {"value": y}, seed=0, dtype="float64")
    else:
        model = pel.Model(x if form is None else [x], y if form is None else [y], seed=0)
    plain = form is not dict  # a list of one is the one itself
    model.compile("sgd", loss="squared" if plain else {"value": "squared"})
    model.fit(A if plain else {"a": A}, VALUE if plain else {"value": VALUE}, verbose=0, seed=0)
    found = model.predict(A if plain else {"a": A})
    assert isinstance(found, np.ndarray) is plain
    assert np.asarray(found if plain else found["value"]).shape == (ROWS, 1)


def test_the_objective_weighs_rows_outputs_and_penalties() -> None:
    """objective = mean of weight·(2·squared + 0.5·cross entropy) + λ/2·‖W‖²."""
    model = two_by_two()
    model.compile(
        optim.SGD(0.1),
        loss={"value": "squared", "label": "cross_entropy"},
        metrics={"value": ["absolute_error", "r2"], "label": ["accuracy"]},
        loss_weights={"value": 2.0, "label": 0.5},
        regularizer=pel.nn.L2(0.1),
    )
    x, y = {"a": A, "b": B}, {"value": VALUE, "label": LABEL}
    found = model.evaluate(x, y, sample_weight=WEIGHT)
    squared, crossed = (loss * WEIGHT for loss in losses(model))
    penalty = 0.05 * sum((w**2).sum() for n, w in model.weights.items() if n.endswith("W"))
    value, logits = by_hand(model)
    expected = {
        "loss": (2 * squared + 0.5 * crossed).mean() + penalty,
        "value_loss": squared.mean(),
        "label_loss": crossed.mean(),
        "value_absolute_error": np.abs(value - VALUE).mean(),
        "value_r2": 1 - ((value - VALUE) ** 2).mean() / VALUE.var(),
        "label_accuracy": (logits.argmax(axis=1) == LABEL).mean(),
    }
    assert list(found) == list(expected)
    assert found == pytest.approx(expected, rel=1e-10)
    value_of = model.objective(x, y, sample_weight=WEIGHT)(model.params)
    assert float(value_of) == pytest.approx(expected["loss"], rel=1e-12)
    history = model.fit(
        x,
        y,
        batch_size="all",
        epochs=1,
        seed=0,
        verbose=0,
        sample_weight=WEIGHT,
        validation_data=(x, y, WEIGHT),
    )
    rows = {name: value for name, value in expected.items() if name != "value_r2"}
    assert set(history.epochs) == {*rows, *(f"val_{name}" for name in expected)}
    assert {name: history.epochs[name][0] for name in rows} == pytest.approx(rows, rel=1e-10)
    after = model.evaluate(x, y, sample_weight=WEIGHT)
    assert {name: history.epochs[f"val_{name}"][0] for name in after} == pytest.approx(after)


def test_one_step_of_descent_is_that_of_the_weighted_objective() -> None:
    model = two_by_two()
    model.compile(optim.SGD(0.1), loss=LOSS, loss_weights={"value": 3, "label": 0})
    w = model.weights
    hidden = np.tanh(np.hstack([A, B]) @ w["hidden.W"] + w["hidden.b"])
    slope = 3 * 2 * (hidden @ w["value.W"] + w["value.b"] - VALUE) / ROWS
    model.fit({"a": A, "b": B}, {"value": VALUE, "label": LABEL}, batch_size="all", verbose=0)
    after = model.weights
    np.testing.assert_allclose(after["value.W"], w["value.W"] - 0.1 * hidden.T @ slope, rtol=1e-10)
    np.testing.assert_allclose(after["value.b"], w["value.b"] - 0.1 * slope.sum(axis=0), rtol=1e-10)
    np.testing.assert_array_equal(after["label.W"], w["label.W"])  # its loss has no weight
    back = (slope @ w["value.W"].T) * (1 - hidden**2)
    step = 0.1 * np.hstack([A, B]).T @ back
    np.testing.assert_allclose(after["hidden.W"], w["hidden.W"] - step, rtol=1e-10)


X2 = {"a": A, "b": B}
Y2 = {"value": VALUE, "label": LABEL}
REFUSED = {
    "an input missing": (lambda m: m.predict({"a": A}), ArgumentError, "none for b"),
    "an input too many": (lambda m: m.predict({**X2, "c": A}), ArgumentError, "x has no 'c'"),
    "a key that is no name": (lambda m: m.predict({**X2, 3: A}), ArgumentError, "x has no '3'"),
    "an array for a dict": (lambda m: m.predict(A), ArgumentError, "must be a dict of a, b"),
    "a list for a dict": (lambda m: m.predict([A, B]), ArgumentError, "must be a dict of a, b"),
    "other shapes": (
        lambda m: m.predict({"a": B, "b": A}),
        ShapeError,
        r"x\['a'\] must be \(N, 3\)",
    ),
    "unequal rows": (
        lambda m: m.predict({"a": A, "b": B[:5]}),
        ShapeError,
        "as many rows, got 24, 5",
    ),
    "a target missing": (lambda m: m.fit(X2, {"value": VALUE}), ArgumentError, "none for label"),
    "a target too many": (lambda m: m.fit(X2, {**Y2, "z": LABEL}), ArgumentError, "y has no 'z'"),
    "rows of a target": (
        lambda m: m.fit(X2, {**Y2, "label": LABEL[:5]}),
        ShapeError,
        "as many rows, got 24 and 5",
    ),
    "validation without one": (
        lambda m: m.fit(X2, Y2, validation_data=(X2, {"value": VALUE})),
        ArgumentError,
        "y of validation_data must hold",
    ),
    "class weights": (
        lambda m: m.fit(X2, Y2, class_weight={0: 2.0}),
        ArgumentError,
        "class_weight needs a model of one output",
    ),
    "a loss too few": (
        lambda m: m.compile(loss={"value": "squared"}),
        ArgumentError,
        "loss must hold value, label",
    ),
    "a weight too few": (
        lambda m: m.compile(loss=LOSS, loss_weights={"value": 1}),
        ArgumentError,
        "loss_weights must hold",
    ),
    "one weight": (
        lambda m: m.compile(loss=LOSS, loss_weights=2.0),
        ArgumentError,
        "loss_weights must be a dict",
    ),
    "a weight below 0": (
        lambda m: m.compile(loss=LOSS, loss_weights={"value": 1, "label": -1}),
        PellucidError,
        r"loss_weights must lie in \[0, inf\)",
    ),
    "metrics of no output": (
        lambda m: m.compile(loss=LOSS, metrics=["accuracy"]),
        ArgumentError,
        "must say of which",
    ),
    "metrics of another": (
        lambda m: m.compile(loss=LOSS, metrics={"other": ["r2"]}),
        ArgumentError,
        "metrics has no 'other'",
    ),
    "a metric that is a loss's name": (
        lambda m: m.compile(
            loss=LOSS,
            metrics={"value": [pel.Metric("loss", lambda t, p: (p - t)[:, 0])]},
        ),
        ArgumentError,
        "loss",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_the_names_is_refused_and_changes_nothing(name: str) -> None:
    call, error, words = REFUSED[name]
    model = two_by_two()
    model.compile(optim.SGD(0.1), loss=LOSS)
    before = [array.tobytes() for array in model.get_weights()]
    with pytest.raises(error, match=words):
        call(model)
    assert [array.tobytes() for array in model.get_weights()] == before
    assert model.history.epochs == {}


def test_a_dict_for_one_input_or_output_is_refused_by_name() -> None:
    model = pel.Sequential([nn.Dense(1, input_shape=(3,))], seed=0)
    model.compile("sgd", loss="squared")
    with pytest.raises(ArgumentError, match=r"x must be one alone.*a dict of a"):
        model.fit({"a": A}, VALUE)
    with pytest.raises(ArgumentError, match=r"y must be one alone.*a dict of value"):
        model.fit(A, {"value": VALUE})


def outputs_of(names: list[str]) -> pel.Model:
    x = pel.Input((3,))
    return pel.Model(x, [nn.Dense(1, name=name)(x) for name in names], seed=0)


def test_names_of_outputs_and_measures_never_collide() -> None:
    with pytest.raises(ArgumentError, match="layer names must differ"):
        outputs_of(["same", "same"])
    with pytest.raises(ArgumentError, match="must not begin as those of validation do"):
        outputs_of(["val_a", "b"])
    x = pel.Input((3,))
    y = nn.Dense(1)(x)
    with pytest.raises(ArgumentError, match="outputs must differ"):
        pel.Model(x, {"one": y, "two": y})
    with pytest.raises(ArgumentError, match="names such as 'age', got 'a b'"):
        pel.Model({"a b": x}, y)
    shared = nn.Dense(3, name="twice")
    twice = pel.Model(x, [shared(x), shared(shared(x))])
    assert twice.architecture.outputs.names == ("twice_1", "twice_2")
    # a metric "b_loss" of output "a" is not the loss of an output "a_b"
    model = outputs_of(["a", "a_b"])
    own = pel.Metric("b_loss", lambda t, p: (p - t)[:, 0])
    with pytest.raises(ArgumentError, match="names of all measures must differ, got 'a_b_loss'"):
        model.compile(loss="squared", metrics=[[own], []])


def test_the_gradient_norm_is_that_of_all_outputs_together() -> None:
    model = two_by_two()
    model.compile(optim.SGD(0.1), loss=LOSS, metrics={"value": ["gradient_norm"]})
    slopes = pel.grad(model.objective(X2, Y2))(model.params)
    norm = np.sqrt(sum((g**2).sum() for each in slopes.values() for g in each.values()))
    history = model.fit(X2, Y2, batch_size="all", seed=0, verbose=0)
    assert history.epochs["gradient_norm"][0] == pytest.approx(norm, rel=1e-10)


def test_probabilities_of_several_outputs_come_by_name_or_are_refused() -> None:
    x = pel.Input((3,))
    ends = {"kind": nn.Dense(3)(x), "yes": nn.Dense(1)(x)}
    model = pel.Model(x, ends, seed=0, dtype="float64")
    model.compile(loss={"kind": "cross_entropy", "yes": "binary_cross_entropy"})
    found, raw = model.predict_proba(A), model.predict(A)
    e = np.exp(raw["kind"] - raw["kind"].max(axis=1, keepdims=True))
    np.testing.assert_allclose(found["kind"], e / e.sum(axis=1, keepdims=True), rtol=1e-10)
    np.testing.assert_allclose(found["yes"], 1 / (1 + np.exp(-raw["yes"])), rtol=1e-10)
    model.compile(loss={"kind": "cross_entropy", "yes": "squared"})
    with pytest.raises(ArgumentError, match="predict_proba"):
        model.predict_proba(A)


def test_messages_about_rows_name_the_call():
    x = np.ones((4, 2), np.float32)
    model = pel.Sequential([nn.Dense(1)], seed=0)
    model.compile("sgd", "squared")
    for where, call in (
        ("fit", lambda: model.fit(x, x[:3, :1], verbose=0)),
        ("evaluate", lambda: model.evaluate(x, x[:3, :1])),
        ("objective", lambda: model.objective(x, x[:3, :1])),
        ("evaluate", lambda: model.evaluate(x, ["a"] * 4)),
    ):
        with pytest.raises(PellucidError) as caught:
            call()
        assert caught.value.where == where
