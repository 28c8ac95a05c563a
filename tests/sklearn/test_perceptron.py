"""The perceptron against scikit-learn's, row by row where the order is given."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn import linear_model
from sklearn.base import clone
from sklearn.datasets import load_iris, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from pellucid.core.errors import DataError, PellucidError
from pellucid.sklearn import ParameterError, Perceptron

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
# A random order without the iris that comes twice.
ROWS = np.random.default_rng(0).permutation(np.unique(X, axis=0, return_index=True)[1])
X, Y = X[ROWS], Y[ROWS]
TWO = Y != 0


def both(x, y, weights=None, **options):
    options = {"shuffle": False, "tol": None, "max_iter": 4, **options}
    ours = Perceptron(**options).fit(x, y, sample_weight=weights)
    theirs = linear_model.Perceptron(**options).fit(x, y, sample_weight=weights)
    return ours, theirs


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"penalty": "l2", "alpha": 0.01},
        {"eta0": 0.25, "fit_intercept": False},
        {"class_weight": {0: 0.5, 2: 3.0}},
        {"class_weight": "balanced"},
        {"tol": 1e-3, "max_iter": 100, "n_iter_no_change": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("rows", [slice(None), TWO], ids=["three", "two"])
def test_in_the_given_order_it_is_scikit_learns(options, rows):
    if "class_weight" in options and rows is not TWO:
        pass
    elif isinstance(options.get("class_weight"), dict):
        options = {"class_weight": {1: 0.5, 2: 3.0}}
    ours, theirs = both(X[rows], Y[rows], **options)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-10, atol=1e-12)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.t_ == theirs.t_
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


def test_weights_of_rows_multiply_the_updates():
    weights = np.random.default_rng(1).uniform(0.1, 3, len(X))
    ours, theirs = both(X, Y, weights)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-10)


def test_the_sparse_penalty_gives_zeros():
    noisy = np.hstack([X, np.random.default_rng(2).normal(size=(len(X), 6))])
    plain, sparse = (
        Perceptron(penalty=penalty, alpha=0.1, max_iter=50, tol=None).fit(noisy[TWO], Y[TWO])
        for penalty in (None, "l1")
    )
    assert (plain.coef_ != 0).all()
    assert (sparse.coef_[0, 4:] == 0).any()
    assert abs(sparse.coef_[0, 2:4]).min() > 0  # the columns that tell the classes apart


def test_shuffled_the_order_of_the_rows_changes_no_bit():
    mixed = np.random.default_rng(3).permutation(len(X))
    one = Perceptron(random_state=5).fit(X, Y)
    other = Perceptron(random_state=5).fit(X[mixed], Y[mixed])
    np.testing.assert_array_equal(one.coef_, other.coef_)
    assert not np.array_equal(one.coef_, Perceptron(random_state=6).fit(X, Y).coef_)


def test_several_classes_at_once_are_the_same():
    one = Perceptron().fit(X, Y)
    np.testing.assert_array_equal(one.coef_, Perceptron(n_jobs=3).fit(X, Y).coef_)


def test_separable_data_are_learned_without_an_error():
    x, y = make_blobs(80, centers=[[-3, 0], [3, 1]], random_state=0)
    model = Perceptron(tol=None, max_iter=30).fit(x, np.array(["no", "yes"])[y])
    assert model.score(x, np.array(["no", "yes"])[y]) == 1
    assert model.classes_.tolist() == ["no", "yes"]


def test_rows_held_back_end_the_run():
    model = Perceptron(early_stopping=True, n_iter_no_change=3).fit(X, Y)
    assert model.n_iter_ < 100
    assert model.score(X, Y) > 0.7


def test_part_by_part_and_from_where_it_stood():
    parts = Perceptron(shuffle=False)
    theirs = linear_model.Perceptron(shuffle=False)
    for start in range(0, len(X), 50):
        part = slice(start, start + 50)
        parts.partial_fit(X[part], Y[part], classes=[0, 1, 2])
        theirs.partial_fit(X[part], Y[part], classes=[0, 1, 2])
    np.testing.assert_allclose(parts.coef_, theirs.coef_, rtol=1e-10)
    warm, once = Perceptron(warm_start=True, shuffle=False, tol=None, max_iter=2), None
    warm.fit(X, Y).fit(X, Y)
    once = Perceptron(shuffle=False, tol=None, max_iter=4).fit(X, Y)
    np.testing.assert_array_equal(warm.coef_, once.coef_)


def test_a_run_that_is_cut_short_says_so():
    with pytest.warns(ConvergenceWarning, match=r"max_iter=2 .* the last changed it by -?\d"):
        Perceptron(max_iter=2, tol=1e-9).fit(X, Y)
    with pytest.warns(ConvergenceWarning, match="it was the first"):
        Perceptron(max_iter=1).fit(X, Y)
    held = {"early_stopping": True, "tol": 0.0, "n_iter_no_change": 9}
    with pytest.warns(ConvergenceWarning, match=r"score on the rows held back .* by -?\d"):
        Perceptron(max_iter=2, **held).fit(X, Y)
    rested = Perceptron(tol=1e9, n_iter_no_change=1).fit(X, Y).n_iter_
    assert Perceptron(tol=1e9, n_iter_no_change=1, max_iter=rested).fit(X, Y).n_iter_ == rested


def test_copies_and_pickles():
    model = Perceptron(eta0=0.5).fit(X, Y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.decision_function(X), model.decision_function(X))
    assert clone(model).eta0 == 0.5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"penalty": "l3"}, "unknown penalty 'l3'"),
        ({"alpha": -1}, "alpha must lie in"),
        ({"eta0": 0}, "eta0 must lie in"),
        ({"max_iter": 0}, "max_iter must be at least 1"),
        ({"shuffle": 2}, "shuffle must be True or False"),
        ({"random_state": "x"}, "random_state must be a whole number"),
        ({"class_weight": "even"}, "class_weight must be a dict"),
        ({"class_weight": {0: -1}}, r"class_weight\[0\] must lie in"),
        ({"validation_fraction": 1}, "validation_fraction must lie in"),
    ],
)
def test_wrong_parameters_are_named(options, said):
    with pytest.raises(ParameterError, match=said) as caught:
        Perceptron(**options).fit(X, Y)
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, PellucidError)


def test_a_class_that_is_new_in_a_later_part_is_named():
    names = np.array(["café", "tea", "water"], object)
    model = Perceptron().partial_fit(X, names[Y], classes=names[:3])
    with pytest.raises(DataError, match=r"got 'cocoa'"):
        model.partial_fit(X[:2], np.array(["tea", "cocoa"], object))
