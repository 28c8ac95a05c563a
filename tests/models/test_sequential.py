"""Sequential: building, the label and logit contract, training, use."""

import copy
import pickle
import threading

import numpy as np
import pytest

from pellucid.core.errors import (
    ArgumentError,
    DataError,
    DivergenceError,
    DTypeError,
    PellucidError,
    ShapeError,
)
from pellucid.models import Sequential
from pellucid.nn import L1, L2, Activation, Conv1D, Dense, Dropout, Flatten
from pellucid.optim import SGD, Adam
from pellucid.train.callback import Callback

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
LABELS = np.array([0, 1, 1, 0])


def blobs(n=60, classes=3, features=4, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    return (rng.normal(size=(classes, features))[y] * 3 + rng.normal(size=(n, features))), y


def classifier(*layers, loss="cross_entropy", seed=0, optimizer=None, **options):
    model = Sequential(layers or [Dense(8, activation="relu"), Dense(3)], seed=seed)
    model.compile(optimizer or SGD(0.1), loss, metrics=["accuracy"], **options)
    return model


@pytest.mark.lecture("T1.C11")
def test_xor_with_the_lectures_weights():
    """Two ReLU units with the lectures' weights solve XOR: both 1s go to the feature (1, 0)."""
    model = Sequential([Dense(2, activation="relu", input_shape=(2,)), Dense(1)], seed=0)
    model.set_weights([[[1, 1], [1, 1]], [0, -1], [[1], [-2]], [0]])
    np.testing.assert_array_equal(model.predict(XOR).ravel(), [0, 1, 1, 0])
    hidden = Sequential([model.layers[0]], seed=0)
    hidden.set_weights(model.get_weights()[:2])
    np.testing.assert_array_equal(hidden.predict(XOR)[1:3], [[1, 0], [1, 0]])


@pytest.mark.lecture("T1.C7")
@pytest.mark.lecture("T1.A7")
def test_parameter_counts():
    """784-200-10 has 159,010 parameters, softmax regression on the same images 7,850."""
    assert Sequential([Dense(10, input_shape=(784,))]).count_params() == 7_850
    two = Sequential([Dense(200, activation="relu", input_shape=(784,)), Dense(10)])
    assert two.count_params() == 784 * 200 + 200 + 200 * 10 + 10 == 159_010
    lines = []
    two.summary(print_fn=lines.append)
    assert "159,010" in lines[0]
    assert "(N, 200)" in lines[0]


def test_same_seed_gives_the_same_bits():
    x, y = blobs()
    weights = []
    for _ in range(2):
        model = classifier(Dense(8, activation="relu"), Dropout(0.3), Dense(3))
        model.fit(x, y, epochs=3, seed=5, verbose=0)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)
    other = classifier(Dense(8, activation="relu"), Dropout(0.3), Dense(3))
    other.fit(x, y, epochs=3, seed=6, verbose=0)
    assert (other.get_weights()[0] != weights[0][0]).any()


def test_a_seed_that_is_drawn_is_recorded():
    x, y = blobs()
    model = classifier()
    history = model.fit(x, y, verbose=0)
    again = classifier()
    again.fit(x, y, verbose=0, seed=history.seed)
    np.testing.assert_array_equal(model.get_weights()[0], again.get_weights()[0])


def test_softmax_output_is_right_under_either_spelling():
    x, y = blobs()
    results = []
    for last in ([Dense(3)], [Dense(3, activation="softmax")], [Dense(3), Activation("softmax")]):
        model = classifier(Dense(8, activation="relu"), *last)
        model.fit(x, y, epochs=5, batch_size=20, seed=1, verbose=0)
        results.append((model.get_weights(), model.evaluate(x, y), model.predict_proba(x)))
        output = model.predict(x)
        sums_to_one = np.allclose(output.sum(1), 1, atol=1e-5)
        assert sums_to_one == (len(last) == 2 or last[0].activation == "softmax")
    for weights, measured, probabilities in results[1:]:
        for a, b in zip(results[0][0], weights, strict=True):
            np.testing.assert_array_equal(a, b)
        assert measured == results[0][1]
        np.testing.assert_array_equal(probabilities, results[0][2])
    np.testing.assert_allclose(results[0][2].sum(1), 1, rtol=1e-5)


def test_sigmoid_output_is_right_under_either_spelling():
    results = []
    for last in (Dense(1), Dense(1, activation="sigmoid")):
        model = classifier(
            Dense(8, activation="tanh"), last, loss="binary_cross_entropy", optimizer=SGD(1.0)
        )
        model.fit(XOR, LABELS, epochs=300, batch_size=4, seed=1, verbose=0)
        results.append((model.get_weights(), model.predict_proba(XOR)))
    np.testing.assert_array_equal(results[0][0][0], results[1][0][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
    np.testing.assert_array_equal(results[0][1].ravel() > 0.5, LABELS == 1)


@pytest.mark.parametrize(
    ("layers", "loss", "words"),
    [
        ([Dense(3, activation="softmax"), Activation("softmax")], "cross_entropy", "got two"),
        ([Dense(3, activation="softmax"), Dropout(0.5)], "cross_entropy", "must come last"),
        ([Dense(3, activation="sigmoid")], "cross_entropy", "binary_cross_entropy"),
        ([Dense(3, activation="softmax")], "binary_cross_entropy", "loss='cross_entropy'"),
        ([Dense(1, activation="sigmoid")], "hinge", "linear output"),
    ],
)
def test_an_output_that_does_not_belong_to_the_loss(layers, loss, words):
    with pytest.raises(ArgumentError, match=words):
        classifier(*layers, loss=loss)


def test_regression_learns_a_line():
    x = np.linspace(-1, 1, 50)[:, None]
    model = Sequential([Dense(1)], seed=0, dtype="float64")
    model.compile(SGD(0.3), "squared", metrics=["squared_error", "absolute_error"])
    model.fit(x, 3 * x.ravel() - 2, epochs=200, batch_size=50, seed=0, verbose=0)
    w, b = model.get_weights()
    np.testing.assert_allclose([w[0, 0], b[0]], [3, -2], atol=1e-6)
    measured = model.evaluate(x, 3 * x.ravel() - 2)
    assert measured["loss"] == measured["squared_error"]


@pytest.mark.lecture("T1.A8")
def test_linear_regression_with_l2_is_ridge():
    """Linear regression with an L2 penalty, J = MSE + (λ/2)θᵀθ, is ridge regression."""
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(40, 3)), rng.normal(size=40)
    model = Sequential([Dense(1, use_bias=False)], seed=0, dtype="float64")
    model.compile(SGD(0.1), "squared", regularizer=L2(0.5))
    model.fit(x, t, batch_size=40, epochs=400, seed=0, verbose=0)
    # J = mean (xw - t)² + (λ/2)‖w‖²  →  (2/n) xᵀ(xw - t) + λw = 0
    ridge = np.linalg.solve(2 / 40 * x.T @ x + 0.5 * np.eye(3), 2 / 40 * x.T @ t)
    np.testing.assert_allclose(model.get_weights()[0].ravel(), ridge, atol=1e-9)


@pytest.mark.lecture("T1.F4")
def test_biases_stay_out_of_the_penalty_unless_asked():
    x, y = blobs()
    for biases in (False, True):
        model = classifier(Dense(3), regularizer=[L2(0.1, biases=biases), L1(0.2, biases=biases)])
        plain = classifier(Dense(3))
        model.build((4,)), plain.build((4,))
        weights = [np.full((4, 3), 2.0), np.full(3, -1.0)]
        model.set_weights(weights), plain.set_weights(weights)
        extra = model.evaluate(x, y)["loss"] - plain.evaluate(x, y)["loss"]
        expected = 0.05 * 12 * 4 + 0.2 * 12 * 2 + (0.05 * 3 + 0.2 * 3 if biases else 0)
        assert extra == pytest.approx(expected, rel=1e-5)


@pytest.mark.lecture("T1.F1")
def test_one_sgd_step_with_l2_is_weight_decay():
    x, y = blobs()
    start = [np.random.default_rng(1).normal(size=(4, 3)), np.zeros(3)]
    ends = []
    for penalty in ((), L2(0.5)):
        model = Sequential([Dense(3)], seed=0, dtype="float64")
        model.compile(SGD(0.1), "cross_entropy", regularizer=penalty)
        model.build((4,))
        model.set_weights(start)
        model.fit(x, y, batch_size=60, seed=0, verbose=0)
        ends.append(model.get_weights()[0])
    np.testing.assert_allclose(ends[1], ends[0] - 0.1 * 0.5 * start[0], rtol=1e-12)


def test_history_has_a_row_an_epoch_and_a_row_a_step():
    x, y = blobs(70)
    model = classifier()
    history = model.fit(
        x, y, epochs=3, batch_size=20, validation_data=(x, y), validate_every=3, seed=0, verbose=0
    )
    assert set(history.epochs) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert all(len(values) == 3 for values in history.epochs.values())
    assert history.steps["step"] == list(range(1, 13))
    assert history.validation["step"] == [3, 4, 6, 8, 9, 12]
    assert history.epochs["val_loss"][-1] == pytest.approx(model.evaluate(x, y)["loss"])
    # The epoch's loss weighs the smaller last batch by its rows.
    first = np.array(history.steps["loss"][:4])
    assert history.epochs["loss"][0] == pytest.approx(first @ [20, 20, 20, 10] / 70)


def test_user_losses_metrics_and_activations():
    def huber(y_true, y_pred):
        error = abs(y_pred - y_true)
        return np.where(error < 1, 0.5 * error**2, error - 0.5).sum(axis=-1)

    def worst(y_true, y_pred):
        return abs(y_pred - y_true).max(axis=-1)

    x = np.linspace(-1, 1, 20)[:, None]

    def gate(z):
        return z * (z > 0).astype("float32")

    model = Sequential([Dense(8, activation=gate), Dense(1)], seed=0)
    model.compile(Adam(0.05), huber, metrics=[worst])
    history = model.fit(x, np.abs(x).ravel(), epochs=200, batch_size=20, seed=0, verbose=0)
    assert history.epochs["loss"][-1] < 0.01
    assert history.epochs["worst"][-1] < 0.3


def test_a_user_loss_must_give_one_value_a_row():
    model = Sequential([Dense(1)], seed=0)
    model.compile(SGD(0.1), lambda t, y: ((y - t) ** 2).mean())
    with pytest.raises(ShapeError, match="one value a row"):
        model.fit(np.ones((4, 2)), np.ones(4), verbose=0)


def test_callbacks_see_every_step_and_may_stop():
    seen = []

    class Watch(Callback):
        def on_start(self, run):
            seen.append("start")

        def on_step(self, run):
            seen.append(run.step)
            run.stop = run.step == 5

        def on_end(self, run):
            seen.append("end")

    x, y = blobs()
    classifier().fit(x, y, batch_size=20, epochs=9, verbose=0, callbacks=[Watch()])
    assert seen == ["start", 1, 2, 3, 4, 5, "end"]


class _Interrupt(Callback):
    def __init__(self, step):
        self.step = step

    def on_step(self, run):
        if run.step == self.step:
            raise KeyboardInterrupt


def test_ctrl_c_leaves_the_weights_of_the_last_whole_step():
    x, y = blobs()
    model = classifier()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=20, epochs=9, seed=0, verbose=0, callbacks=[_Interrupt(4)])
    assert model.training["step"] == 4
    model.fit(x, y, batch_size=20, epochs=2, verbose=0, resume=True)
    straight = classifier()
    straight.fit(x, y, batch_size=20, epochs=2, seed=0, verbose=0)
    for a, b in zip(model.get_weights(), straight.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.history.epochs == straight.history.epochs
    assert model.history.steps == straight.history.steps


def test_resuming_on_other_data_is_refused():
    x, y = blobs()
    model = classifier()
    model.fit(x, y, epochs=1, seed=0, verbose=0)
    for other_x, other_y in ((x + 1, y), (x, y[::-1])):
        with pytest.raises(ArgumentError, match="to resume, data must be"):
            model.fit(other_x, other_y, epochs=2, verbose=0, resume=True)
    with pytest.raises(ArgumentError, match="batch_size must be 32"):
        model.fit(x, y, epochs=2, batch_size=8, verbose=0, resume=True)
    model.fit(x.tolist(), y.astype(float), epochs=2, verbose=0, resume=True)
    assert model.training["epoch"] == 2


def test_divergence_names_the_step_and_keeps_finite_weights():
    x, y = blobs()
    model = Sequential([Dense(8), Dense(1)], seed=0)
    model.compile(SGD(1e4), "squared")
    with pytest.raises(DivergenceError, match=r"at step \d+; the first value .* is not finite"):
        model.fit(x, y, epochs=50, verbose=0, seed=0)
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_zero_epochs_leave_the_weights_alone():
    x, y = blobs()
    model = classifier()
    model.build((4,))
    before = model.get_weights()
    history = model.fit(x, y, epochs=0, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert history.epochs == {}


def test_one_row_and_a_batch_larger_than_the_data():
    x, y = blobs(1)
    model = classifier()
    model.fit(x, y, batch_size=500, epochs=2, verbose=0)
    assert model.training["step"] == 2
    assert model.predict(x).shape == (1, 3)


def test_prediction_does_not_depend_on_its_batches():
    x, _ = blobs(50)
    model = classifier()
    model.build((4,))
    whole = model.predict(x)
    for size in (1, 7, 50):
        np.testing.assert_allclose(model.predict(x, batch_size=size), whole, rtol=1e-5, atol=1e-6)


def test_weights_cross_the_border_by_copy():
    model = Sequential([Dense(2, input_shape=(3,))], seed=0)
    got = model.get_weights()
    got[0][:] = 7
    assert (model.get_weights()[0] != 7).all()
    given = [np.ones((3, 2), np.float32), np.zeros(2, np.float32)]
    model.set_weights(given)
    given[0][:] = 5
    np.testing.assert_array_equal(model.get_weights()[0], 1)


def test_copies_and_pickles_predict_the_same():
    x, y = blobs()
    model = classifier()
    model.fit(x, y, epochs=2, seed=0, verbose=0)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.predict(x), model.predict(x))
        other.fit(x, y, epochs=1, seed=0, verbose=0)
        assert (other.get_weights()[0] != model.get_weights()[0]).any()


def test_a_layer_used_twice_shares_its_weights():
    shared = Dense(4, activation="tanh")
    model = Sequential([shared, shared, Dense(3)], seed=0)
    model.compile(SGD(0.1), "cross_entropy")
    x, y = blobs()
    model.fit(x, y, epochs=2, verbose=0, seed=0)
    assert len(model.get_weights()) == 4


def test_training_data_of_any_order_and_dtype_gives_the_same_weights():
    x, y = blobs(40)
    x = np.round(x * 3).astype(np.int16)
    straight = np.ascontiguousarray(x, np.float32)
    readonly = straight.copy()
    readonly.flags.writeable = False
    variants = [
        straight,
        x,
        np.asfortranarray(straight),
        straight.astype(">f4"),
        straight.astype(float),
        readonly,
        np.repeat(straight, 2, axis=0)[::2],
        straight.tolist(),
    ]
    expected = None
    for variant in variants:
        model = classifier()
        model.fit(variant, y, epochs=2, seed=0, verbose=0)
        weights = model.get_weights()[0]
        expected = weights if expected is None else expected
        np.testing.assert_array_equal(weights, expected)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda m, x, y: m.fit(x, y, epoch=3), ArgumentError, "Did you mean 'epochs'"),
        (lambda m, x, y: m.fit(x, y, epochs=-1), ArgumentError, "epochs must be in"),
        (lambda m, x, y: m.fit(x, y, batch_size=0), ArgumentError, "batch_size must be at least 1"),
        (lambda m, x, y: m.fit(x, y, batch_size=2.5), ArgumentError, "whole number"),
        (lambda m, x, y: m.fit(x, y, verbose=3), ArgumentError, "verbose must be 0, 1 or 2"),
        (lambda m, x, y: m.fit(x, y[:-1]), ShapeError, "as many rows, got 60 and 59"),
        (lambda m, x, y: m.fit(x, y, validation_data=x), ArgumentError, "validation_data"),
        (lambda m, x, y: m.fit(x, y, resume=True), ArgumentError, "resume needs a model"),
        (lambda m, x, y: m.fit(x.astype(object), y), DTypeError, "object"),
        (lambda m, x, y: m.fit(x.astype(complex), y), DTypeError, "complex"),
        (lambda m, x, y: m.fit(x.astype(str), y), DTypeError, "text"),
        (lambda m, x, y: m.fit(x[:0], y[:0]), DataError, "row"),
        (lambda m, x, y: m.predict(x[:, :3]), ShapeError, r"x must be \(N, 4\), got \(60, 3\)"),
        (lambda m, x, y: m.set_weights([x]), ShapeError, "must have the shapes"),
        (lambda m, x, y: m.compile(SGD, "squared"), ArgumentError, "with brackets"),
        (lambda m, x, y: m.compile("sdg", "squared"), ArgumentError, "Did you mean 'sgd'"),
        (lambda m, x, y: m.compile(SGD(0.1), "squared", ["acuracy"]), ArgumentError, "'accuracy'"),
        (lambda m, x, y: m.compile(SGD(0.1), "squared", regularizer=0.1), PellucidError, "L2"),
    ],
)
def test_bad_calls_are_named(call, kind, words):
    x, y = blobs()
    model = classifier()
    model.build((4,))
    with pytest.raises(kind, match=words):
        call(model, x, y)


def test_not_finite_data_names_row_and_column():
    x, y = blobs()
    x[7, 2] = np.nan
    with pytest.raises(DataError, match=r"row 7.*column 2|\[7, 2\]"):
        classifier().fit(x, y, verbose=0)


def test_images_without_flatten_are_refused_with_the_remedy():
    with pytest.raises(ShapeError, match=r"Add Flatten\(\)"):
        classifier().fit(np.ones((4, 8, 8)), [0, 1, 2, 0], verbose=0)
    model = Sequential([Dense(3, input_shape=(64,), name="hidden")], seed=0)
    model.compile(SGD(0.1), "cross_entropy")
    with pytest.raises(ShapeError, match=r'dense "hidden"\] x must be \(N, 64\), got \(4, 8, 8\)'):
        model.fit(np.ones((4, 8, 8)), [0, 1, 2, 0], verbose=0)
    flat = classifier(Flatten(), Dense(3))
    flat.fit(np.ones((4, 8, 8)), [0, 1, 2, 0], verbose=0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Sequential([Dense(2, name="a"), Dense(3, name="a")]), "layer names must differ"),
        (lambda: Sequential(Dense(2)), "list of layers"),
        (lambda: Sequential([Dense]), "with brackets"),
        (lambda: Sequential([], sed=1), "Did you mean 'seed'"),
        (lambda: Sequential([], seed=-1), r"seed must be in \[0"),
        (lambda: Sequential([], dtype="int32"), "float32 or float64"),
        (lambda: Sequential([]).predict([[1.0]]), "needs a layer"),
        (lambda: Sequential([Dense(2)]).summary(), "input_shape"),
        (lambda: Sequential([Dense(2)]).fit([[1.0]], [0]), "compiled first"),
    ],
)
def test_bad_models_are_named(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()


def test_a_model_is_trained_by_one_fit_at_a_time():
    """Another thread is told; it may look at the model, and train a copy."""
    x = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    model = Sequential([Dense(1)], seed=0)
    model.compile("sgd", "squared")
    seen: list[str] = []

    class Beside(Callback):
        def on_epoch(self, run):
            if run.epoch != 1:
                return

            def work():
                with pytest.raises(ArgumentError, match="another thread"):
                    model.fit(x, x[:, 0], verbose=0)
                model.evaluate(x, x[:, 0])
                copy.deepcopy(model).fit(x, x[:, 0], verbose=0)
                pickle.loads(pickle.dumps(model)).fit(x, x[:, 0], verbose=0)
                seen.append("all")

            one = threading.Thread(target=work)
            one.start()
            one.join()

    history = model.fit(x, x[:, 0], epochs=2, verbose=0, callbacks=Beside())
    assert seen == ["all"] and len(history.epochs["loss"]) == 2
    with pytest.raises(DataError):
        model.fit(np.full_like(x, np.nan), x[:, 0], verbose=0)
    model.fit(x, x[:, 0], verbose=0)  # a fit that failed leaves the model free


@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_targets_that_become_nan_are_named(backend):
    x = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    y = x[:, :1].copy()
    model = Sequential([Dense(1)], seed=0)
    model.compile("sgd", "squared")

    class Spoiling(Callback):
        def on_epoch(self, run):
            y[5] = np.nan

    with pytest.raises(DataError, match="y must be finite, got nan in row 5"):
        model.fit(x, y, epochs=3, verbose=0, backend=backend, callbacks=Spoiling())


@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_a_batch_that_no_step_takes_ends_the_run(backend, monkeypatch):
    """A number that was not finite for the engine, and is when it is looked for."""
    x = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    x[40, 1] = np.nan
    model = Sequential([Dense(1)], seed=0)
    model.compile("sgd", "squared")
    monkeypatch.setattr("pellucid.train.engines.check_finite", lambda *given: None)
    with pytest.raises(DataError, match="x and y must stay as they are while they are trained on"):
        model.fit(x, np.zeros(64), verbose=0, backend=backend)


def test_a_layer_that_does_not_fit_is_not_added():
    model = Sequential([Dense(3, input_shape=(2,))], seed=0)
    with pytest.raises(ShapeError, match="x must be"):
        model.add(Conv1D(2, 2, name="late"))
    assert model.names == ["dense_1"] and model.predict(XOR).shape == (4, 3)
    model.add(Dense(1, name="late"))
    assert model.predict(XOR).shape == (4, 1)


def test_what_cannot_be_added_leaves_no_part_behind():
    """Of a model whose second layer does not fit, the first one stayed, and nothing fitted more."""
    x = np.ones((2, 3), np.float32)
    inner = Sequential([Dense(5), Conv1D(2, 3)])
    elsewhere = Sequential([Dense(2, input_shape=(7,))], seed=0)
    elsewhere.build((7,))
    for refused in (inner, elsewhere.layers[0], Dense(1, name="first")):
        model = Sequential([Dense(4, input_shape=(3,), name="first")], seed=0)
        before = model.predict(x)
        with pytest.raises(PellucidError):
            model.add(refused)
        assert model.names == ["first"] and not model.architecture.groups
        np.testing.assert_array_equal(model.predict(x), before)
        model.add(Dense(2))
        assert model.predict(x).shape == (2, 2)
    inner.add(Dense(1))  # it stands in no other model


def test_a_fit_that_is_refused_leaves_the_history_of_the_last_one(tmp_path):
    (tmp_path / "there").write_text("a file")
    x = np.ones((4, 1), np.float32)
    model = Sequential([Dense(1)], seed=0)
    model.compile("sgd", "squared")
    model.fit(x, x, epochs=2, seed=5, verbose=0)
    for options in (
        {"callbacks": 5},
        {"verbose": 7},
        {"seed": -1},
        {"checkpoint": tmp_path / "there"},
        {"resume": True, "batch_size": 3},
    ):
        with pytest.raises(ArgumentError):
            model.fit(x, x, **{"verbose": 0, **options})
        assert len(model.history.epochs["loss"]) == 2
        assert model.history.seed == 5


@pytest.mark.parametrize("y", [np.zeros(5), ["a"] * 3, {"y": np.zeros(3)}])
def test_a_fit_that_is_refused_builds_no_model(y):
    """Data the wrong way round said for good how many columns x has."""
    x = np.ones((5, 3), np.float32)
    model = Sequential([Dense(1)], seed=0)
    model.compile("sgd", "squared")
    with pytest.raises(PellucidError):
        model.fit(x.T, y, verbose=0)
    assert len(model.fit(x, np.zeros(5), verbose=0).epochs["loss"]) == 1
