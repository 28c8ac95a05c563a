"""Weights of rows, rows in their own order, callbacks: step by step the run of fit."""

import numpy as np
import pytest

import pellucid as pel
from pellucid.core.errors import ArgumentError
from pellucid.inspector.travel import Travel
from pellucid.optim import SGD
from tests.inspector.test_travel import States, X, Y, network

OPTIONS = {"batch_size": 4, "epochs": 6, "seed": 3, "backend": "interpreter"}
WEIGHTS = np.linspace(0, 2, len(X))


def same_as_fit(options, callbacks=lambda: [], make=network):
    """The travel whose every state and step is that of a fit; backwards, so that steps are taken
    again."""
    seen = States()
    model = make()
    fitted = model.fit(X, Y, verbose=0, callbacks=[*callbacks(), seen], **OPTIONS | options)
    given = {"callbacks": callbacks()} if callbacks() else {}
    travel = Travel(make(), X, Y, most_states=4, **OPTIONS | options | given)
    assert travel.steps == len(seen.weights) - 1
    for number in range(travel.steps, -1, -1):
        for name, array in travel.weights(number).items():
            np.testing.assert_array_equal(array, seen.weights[number][name])
    for number in (0, travel.last):
        moment = travel.moment(number)
        for place, wanted in zip(moment.graph.outputs, travel.state(number + 1), strict=False):
            np.testing.assert_array_equal(moment.values[place], wanted)
    assert [travel.losses[k] for k in range(travel.steps)] == seen.losses[1:]
    return travel, fitted


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    "options",
    [{"sample_weight": WEIGHTS}, {"class_weight": {0: 3.0}}, {"shuffle": False}],
    ids=["sample_weight", "class_weight", "shuffle"],
)
def test_weights_of_rows_and_rows_in_their_own_order(options):
    travel, _ = same_as_fit({**options, "epochs": 2})
    rows = travel.step(0).rows
    if "sample_weight" in options:
        moment = travel.moment(0)
        (n,) = [n for n, name in enumerate(moment.names) if name.startswith("weights")]
        np.testing.assert_array_equal(moment.values[n], WEIGHTS[rows].astype(np.float32))
    if "shuffle" in options:
        assert rows.tolist() == [0, 1, 2, 3]


class Steered(pel.Callback):
    """Halves the rate in the middle of an epoch, and ends the run in the middle of another."""

    def on_step(self, run):
        if run.step == 8:
            run.rate_scale = 0.5
        run.stop = run.step == 20


def sgd():
    return network(SGD(0.2))


def test_callbacks_that_change_rates_and_end_the_run():
    travel, _ = same_as_fit({}, lambda: [Steered()], sgd)
    assert travel.steps == 20 and travel.epochs == 4
    assert travel.step(7).rate == 0.2 and travel.step(8).rate == 0.1
    held = {"validation_data": (X[::-1], Y)}
    both = lambda: [  # noqa: E731
        pel.ReduceOnPlateau(patience=1, factor=0.1),
        pel.EarlyStopping(patience=3),
    ]
    travel, history = same_as_fit({**held, "epochs": 30}, both, sgd)
    rates = [travel.step(travel.first_of(epoch)).rate for epoch in range(travel.epochs)]
    assert rates[-1] < rates[0] and travel.epochs < 30
    assert travel.epochs == len(history.epochs["loss"])


def test_a_run_with_callbacks_leaves_the_model_as_it_was():
    model = network()
    model.fit(X, Y, verbose=0, epochs=1, seed=0)
    before = [one.copy() for one in model.get_weights()]
    history, training = model.history, dict(model.training)
    Travel(model, X, Y, callbacks=Steered(), **OPTIONS)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.history is history and model.training == training


def test_a_run_with_callbacks_that_fails_ends_at_the_step_that_fails():
    model = pel.Sequential([pel.nn.Dense(3), pel.nn.Dense(1)], seed=0)
    model.compile(SGD(1e6), "squared")
    travel = Travel(model, X, Y.astype(float), callbacks=Steered(), **OPTIONS)
    assert travel.steps < 20
    loss = travel.moment(travel.last).values[travel.moment(travel.last).ends.objective]
    assert not np.isfinite(loss)


def test_what_a_run_does_not_take_is_refused():
    with pytest.raises(ArgumentError, match="x must be arrays, whose rows"):
        Travel(network(), ((X, Y) for _ in range(2)), None)
    with pytest.raises(ArgumentError, match="validation_data is for callbacks"):
        Travel(network(), X, Y, validation_data=(X, Y))
    with pytest.raises(ArgumentError, match="expected a Callback"):
        Travel(network(), X, Y, callbacks=3)

    class Ends(pel.Callback):
        def on_start(self, run):
            run.stop = True

    with pytest.raises(ArgumentError, match="ends the run before its first step"):
        Travel(network(), X, Y, callbacks=Ends())
