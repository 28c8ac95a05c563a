"""MLPClassifier and MLPRegressor: scikit-learn's numbers, and what goes beyond it."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest
from sklearn import neural_network as theirs
from sklearn.datasets import load_breast_cancer, load_diabetes, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

import pellucid as pel
from pellucid.nn import Dense, Dropout
from pellucid.runtime import machine_code
from pellucid.sklearn import MLPClassifier, MLPRegressor, ParameterError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
THREE = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
TWO = (X[:, 0] * X[:, 1] > 0).astype(int)
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 20, "random_state": 0}


def quiet(model, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*args, **kwargs)


def onto(model, other):
    """`other` of scikit-learn, fitted for an epoch, with the weights that ours has."""
    for mine, yours in zip(model.coefs_, other.coefs_, strict=True):
        yours[...] = mine
    for mine, yours in zip(model.intercepts_, other.intercepts_, strict=True):
        yours[...] = mine
    return other


ARGUMENTS = [
    {"solver": "sgd", "learning_rate_init": 0.1},
    {"solver": "sgd", "learning_rate_init": 0.1, "nesterovs_momentum": False, "alpha": 0.3},
    {"solver": "sgd", "learning_rate_init": 0.1, "momentum": 0.0, "activation": "logistic"},
    {"learning_rate_init": 0.01, "activation": "tanh", "epsilon": 1e-12},
    {"learning_rate_init": 0.01, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-12, "alpha": 1.0},
]


KINDS = ["two", "three", "numbers", "counts"]
PAIRS = [
    pytest.param(kind, given, marks=[] if (k, n) == (3, 3) else pytest.mark.slow)
    for k, kind in enumerate(KINDS)
    for n, given in enumerate(ARGUMENTS)
]


@pytest.mark.parametrize(("kind", "given"), PAIRS)
def test_steps_from_equal_weights_are_those_of_scikit_learn(kind, given):
    """Ten epochs over rows in the order given, steps of 30 rows."""
    given = {**given, "hidden_layer_sizes": (6, 5), "batch_size": 30, "shuffle": False}
    y = {"two": TWO, "three": THREE, "numbers": X @ [1, -1, 2, 0], "counts": THREE.astype(float)}
    names = ("MLPRegressor",) * 2 if kind in ("numbers", "counts") else ("MLPClassifier",) * 2
    if kind == "counts":
        given["loss"] = "poisson"
    weights = RNG.uniform(0.5, 2, 30)
    weights = np.tile(weights, 3)  # each batch has the same weight: see docs/scikit-learn.md
    ours = globals()[names[0]](**given, random_state=0)
    other = getattr(theirs, names[1])(**given, random_state=0)
    classes = {} if names[0] == "MLPRegressor" else {"classes": np.unique(y[kind])}
    still = {"learning_rate_init": 1e-300}
    changed = {name: given[name] for name in still}
    copy_of = copy.deepcopy(ours).set_params(**still)
    copy_of.partial_fit(X, y[kind], **classes)
    other.set_params(**still).partial_fit(X, y[kind], **classes)
    onto(copy_of, other)
    other.set_params(**changed)
    del other._optimizer
    for _ in range(10):
        ours.partial_fit(X, y[kind], sample_weight=weights, **classes)
        other.partial_fit(X, y[kind], sample_weight=weights, **classes)
        assert ours.loss_ == pytest.approx(other.loss_, rel=1e-6)
    for mine, yours in zip(
        ours.coefs_ + ours.intercepts_, other.coefs_ + other.intercepts_, strict=True
    ):
        np.testing.assert_allclose(mine, yours, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours.predict(X), other.predict(X), rtol=1e-6)
    assert ours.out_activation_ == other.out_activation_
    assert (ours.n_layers_, ours.n_outputs_) == (other.n_layers_, other.n_outputs_)


def test_all_arguments_of_scikit_learn_are_there_with_their_defaults():
    for ours, other in ((MLPClassifier, theirs.MLPClassifier), (MLPRegressor, theirs.MLPRegressor)):
        mine = ours().get_params()
        for name, value in other().get_params().items():
            assert mine[name] == value, name


@pytest.mark.slow
def test_lbfgs_reaches_the_minimum_that_scikit_learn_reaches():
    x, y = load_diabetes(return_X_y=True)
    x, y = scale(x), scale(y)
    given = {"solver": "lbfgs", "activation": "identity", "alpha": 1.0, "hidden_layer_sizes": (2,)}
    ours = MLPRegressor(**given, tol=1e-6, max_iter=500, random_state=0).fit(x, y)
    other = theirs.MLPRegressor(**given, tol=1e-6, max_iter=500, random_state=0).fit(x, y)
    assert ours.loss_ == pytest.approx(other.loss_, rel=1e-5)
    np.testing.assert_allclose(ours.predict(x), other.predict(x), atol=1e-2)


def test_lbfgs_stops_at_max_fun_evaluations():
    model = MLPClassifier(solver="lbfgs", max_fun=7, hidden_layer_sizes=(4,), random_state=0)
    with pytest.warns(ConvergenceWarning, match="max_fun=7"):
        model.fit(X, TWO)
    assert 1 <= model.n_iter_ < 7


@pytest.mark.parametrize("labels", [["no", "yes", "maybe"], [3.0, 1.0, 2.0]])
def test_labels_of_any_kind_come_back(labels):
    y = np.array(labels, object)[THREE]
    if not isinstance(labels[0], str):
        y = y.astype(type(labels[0]))
    model = quiet(MLPClassifier(**{**SMALL, "max_iter": 60}, learning_rate_init=0.02), X, y)
    assert set(model.predict(X).tolist()) <= set(np.unique(y).tolist())
    assert model.score(X, y) > 0.8


def test_an_unknown_object_label_is_named():
    names = np.array(["a", "b", "c"], object)
    model = MLPClassifier(**SMALL).partial_fit(X, names[THREE], classes=names)
    with pytest.raises(pel.PellucidError, match="got 'x'"):
        model.partial_fit(X[:1], np.array(["x"], object))


def test_several_labels_and_several_targets():
    x, y = make_multilabel_classification(60, random_state=0)
    model = quiet(MLPClassifier(hidden_layer_sizes=(40,), solver="lbfgs", random_state=0), x, y)
    assert model.predict(x).shape == y.shape and model.score(x, y) > 0.95
    assert model.predict_proba(x).shape == y.shape and model.out_activation_ == "logistic"
    targets = np.stack([X[:, 0], X[:, 1] * 2], axis=1)
    numbers = quiet(
        MLPRegressor(hidden_layer_sizes=(20,), solver="lbfgs", random_state=0), X, targets
    )
    assert numbers.predict(X).shape == (90, 2) and numbers.score(X, targets) > 0.98


def test_early_stopping_keeps_the_best_weights():
    model = MLPClassifier(
        hidden_layer_sizes=(30,),
        early_stopping=True,
        learning_rate_init=0.05,
        random_state=1,
        validation_fraction=0.3,
        n_iter_no_change=5,
    ).fit(X, TWO)
    scores = model.validation_scores_
    assert len(scores) == model.n_iter_ < 200 and model.best_loss_ is None
    assert model.best_validation_score_ == max(scores)
    held = X[:30], TWO[:30]
    model = MLPClassifier(
        hidden_layer_sizes=(30,), early_stopping=True, learning_rate_init=0.05, random_state=1
    ).fit(X[30:], TWO[30:], validation_data=held)
    assert model.score(*held) == model.best_validation_score_ == max(model.validation_scores_)
    assert "val_loss" in model.history_.epochs


@pytest.mark.slow
def test_partial_fit_with_early_stopping_comes_to_rest_with_the_best_weights():
    held = X[:30], TWO[:30]
    model = MLPClassifier(
        hidden_layer_sizes=(30,),
        early_stopping=True,
        learning_rate_init=0.05,
        random_state=1,
        n_iter_no_change=4,
    )
    for _ in range(120):
        model.partial_fit(X[30:], TWO[30:], classes=[0, 1], validation_data=held)
    assert len(model.validation_scores_) < 120
    assert model.score(*held) == max(model.validation_scores_)


def test_warm_start_keeps_weights_and_the_optimizers_memory():
    whole = quiet(MLPRegressor(**SMALL, shuffle=False, batch_size=30), X, X[:, 0])
    parts = MLPRegressor(**{**SMALL, "max_iter": 10}, shuffle=False, batch_size=30, warm_start=True)
    quiet(quiet(parts, X, X[:, 0]), X, X[:, 0])
    np.testing.assert_array_equal(parts.coefs_[0], whole.coefs_[0])
    assert len(parts.loss_curve_) == 20 and parts.n_iter_ == 10
    # Another rate: the memory stays, so that the first step is not one from rest.
    parts.set_params(learning_rate_init=1e-9, max_iter=1)
    slots = copy.deepcopy(parts._network.slots)
    quiet(parts, X, X[:, 0])
    np.testing.assert_allclose(parts._network.slots["v"][0], slots["v"][0], rtol=0.1)


@pytest.mark.slow
def test_adaptive_and_invscaling_rates():
    model = quiet(MLPClassifier(**SMALL, solver="sgd", learning_rate="invscaling"), X, TWO)
    assert model._rate_scale == pytest.approx((model.t_ + 1) ** -0.5)
    model = MLPClassifier(
        hidden_layer_sizes=(4,),
        solver="sgd",
        learning_rate="adaptive",
        tol=0.5,
        max_iter=2000,
        random_state=0,
    ).fit(X, TWO)
    assert model._rate_scale * 0.001 <= 1e-6 and model.n_iter_ < 2000


@pytest.mark.slow
def test_further_arguments():
    model = MLPClassifier(
        (12, 6),
        ["tanh", "relu"],
        dropout=[0.2, 0.0],
        batch_norm=True,
        metrics=["accuracy"],
        callbacks=pel.EarlyStopping("loss", patience=30),
        class_weight="balanced",
        threads=1,
        optimizer=pel.optim.AdamW(0.02),
        dtype="float32",
        max_iter=40,
        random_state=0,
    )
    quiet(model, X, THREE)
    assert [one.dtype for one in model.coefs_] == [np.float32] * 3
    assert len(model.history_.epochs["accuracy"]) == model.n_iter_
    assert [type(one).__name__ for one in model._network.layers] == [
        "Dense", "BatchNorm", "Activation", "Dropout", "Dense", "BatchNorm", "Activation", "Dense",
    ]  # fmt: skip
    assert model.score(X, THREE) > 0.8
    own = MLPRegressor("huber", layers=[Dense(16, "tanh"), Dropout(0.1)], optimizer="rmsprop")
    quiet(own, X, X[:, 0])
    assert own.score(X, X[:, 0]) > 0.8 and own.n_layers_ == 3
    hinge = quiet(MLPClassifier(**SMALL, loss="hinge"), X, TWO)
    assert not hasattr(hinge, "predict_proba") and hinge.score(X, TWO) > 0.4


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["hinge", "squared", "multiclass_hinge", "cross_entropy"])
def test_a_classifier_takes_any_loss(loss):
    y = TWO if loss == "hinge" else THREE
    model = MLPClassifier((16,), loss=loss, max_iter=150, learning_rate_init=0.02, random_state=0)
    assert quiet(model, X, y).score(X, y) > 0.85


def test_weights_of_classes_are_weights_of_rows():
    one = quiet(MLPClassifier(**SMALL, class_weight={0: 1, 1: 3}), X, TWO)
    two = quiet(MLPClassifier(**SMALL), X, TWO, np.where(TWO == 1, 3.0, 1.0))
    np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])


def test_a_grid_of_rates_and_seeds_compiles_once(monkeypatch):
    made = []
    init = machine_code.MachineCode.__init__

    def counted(self, *args, **kwargs):
        made.append(self)
        init(self, *args, **kwargs)

    monkeypatch.setattr(machine_code.MachineCode, "__init__", counted)
    grid = {"alpha": [1e-3, 1e-2], "learning_rate_init": [1e-3, 1e-2], "random_state": [0, 1]}
    x, y = load_breast_cancer(return_X_y=True)
    search = GridSearchCV(MLPClassifier((7, 3), max_iter=3), grid, cv=2, n_jobs=1)
    quiet(search, scale(x), y)
    assert len(made) == 2  # a training step, and a prediction


def test_models_that_share_code_have_penalties_of_their_own():
    given = {**SMALL, "solver": "sgd", "learning_rate_init": 0.01, "tol": 0}
    weak, strong = (quiet(MLPClassifier(**given, alpha=a), X, TWO) for a in (0.0, 100.0))
    assert weak._network.programs.graphs is strong._network.programs.graphs
    assert np.abs(strong.coefs_[0]).sum() < 0.9 * np.abs(weak.coefs_[0]).sum()


def test_a_pickle_holds_no_machine_code_and_predicts_the_same_bits():
    model = quiet(MLPClassifier(**SMALL), X, THREE)
    text = pickle.dumps(model)
    assert len(text) < 30_000
    again = pickle.loads(text)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    again.partial_fit(X, THREE)


@pytest.mark.parametrize("averages", [True, False])
def test_ctrl_c_leaves_a_fitted_model_that_counts_its_epochs(averages):
    class Stop(pel.Callback):
        reads_model, only_averages = False, averages

        def on_epoch(self, run):
            if run.epoch == 3:
                raise KeyboardInterrupt

    model = MLPClassifier(**SMALL, callbacks=[Stop()])
    with pytest.warns(UserWarning, match="stopped after 3 epochs"):
        model.fit(X, TWO)
    assert model.n_iter_ == len(model.loss_curve_) == 3 and model.t_ == 3 * 90
    alone = quiet(MLPClassifier(**{**SMALL, "max_iter": 3}), X, TWO)
    np.testing.assert_array_equal(model.predict_proba(X), alone.predict_proba(X))
    assert model.loss_curve_ == alone.loss_curve_


class Seen:
    """A callback of scikit-learn."""

    def __init__(self, last=10**9):
        self.ended, self.last, self.scores = 0, last, []

    def setup(self, estimator, context):
        self.down = False

    def teardown(self, estimator, context):
        self.down = True

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        if context.task_name == "iteration":
            self.ended += 1
            self.scores.append(fitted_estimator.score(X, y))
            return self.ended >= self.last
        return False


def test_callbacks_of_scikit_learn_follow_and_end_a_run():
    pytest.importorskip("sklearn.callback")
    seen = Seen()
    model = MLPClassifier(**SMALL).set_callbacks(seen)
    quiet(model, X, TWO)
    assert seen.ended == 20 and seen.down and seen.scores[-1] == model.score(X, TWO)
    seen = Seen(5)
    model = MLPClassifier(**SMALL).set_callbacks(seen).fit(X, TWO)
    assert model.n_iter_ == 5


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"solver": "adams"}, "solver"),
        ({"alpha": -1.0}, "alpha"),
        ({"hidden_layer_sizes": (3, 0)}, "hidden_layer_sizes"),
        ({"activation": ["relu", "tanh"]}, "activation"),
        ({"dropout": 1.0}, "dropout"),
        ({"dtype": "int32"}, "dtype"),
        ({"optimizer": 3}, "optimizer"),
        ({"layers": "Dense"}, "layers"),
        ({"learning_rate": 0.1}, "learning_rate"),
        ({"max_iter": 0}, "max_iter"),
        ({"threads": 0}, "threads"),
        ({"batch_size": 2.5}, "batch_size"),
    ],
)
def test_what_a_parameter_cannot_be_is_said_by_its_name(given, named):
    with pytest.raises(ParameterError, match=named):
        MLPClassifier(**given).fit(X, TWO)


def test_an_estimator_that_is_not_fitted_says_so():
    with pytest.raises(NotFittedError):
        MLPRegressor().predict(X)
    assert not hasattr(MLPClassifier(), "coefs_")
    assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")


@pytest.mark.parametrize("rows", [89, 90])
def test_early_stopping_with_classes_that_cannot_be_shared_out(rows):
    """Of several classes scikit-learn draws held-out rows from all of them alike."""
    y = np.arange(90) % 12  # nine rows are held back: fewer than classes
    y[89] = 12  # a class of one row
    given = {"early_stopping": True, "max_iter": 3, "random_state": 0}
    ours = quiet(MLPClassifier(**given), X[:rows], y[:rows])
    other = quiet(theirs.MLPClassifier(**given), X[:rows], y[:rows])
    assert len(ours.validation_scores_) == len(other.validation_scores_)
    assert ours.classes_.tolist() == other.classes_.tolist()
