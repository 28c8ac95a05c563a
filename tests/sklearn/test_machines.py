"""The machines as estimators: attributes, weights, labels, sparse rows, copies and workers."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn import svm
from sklearn.base import clone
from sklearn.datasets import load_iris, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pellucid import sklearn as estimators
from pellucid import svm as svm_here
from pellucid.core.errors import PellucidError
from pellucid.sklearn.base import allowed_threads
from pellucid.sklearn.distinct import distinct

X, CODES = load_iris(return_X_y=True)
Y = np.array(["setosa", "versicolor", "virginica"])[CODES]
TWO = CODES > 0
NUMBERS, TARGETS = make_regression(60, 4, noise=5.0, random_state=0)
TARGETS = TARGETS / 50
EXACT = {"tol": 1e-9}
MACHINES = [
    ("SVC", {"gamma": 0.3}, X, Y),
    ("SVC", {"kernel": "linear"}, X[TWO], Y[TWO]),
    ("SVC", {"kernel": "poly", "gamma": 0.1, "coef0": 1.0, "degree": 2}, X, CODES),
    ("NuSVC", {"nu": 0.45, "gamma": 1.0}, X, Y),
    ("SVR", {"C": 2.0}, NUMBERS, TARGETS),
    ("SVR", {"kernel": "linear"}, NUMBERS, TARGETS),
    ("NuSVR", {"nu": 0.3}, NUMBERS, TARGETS),
    ("OneClassSVM", {"nu": 0.2, "gamma": 0.3}, X, None),
]
ALL = [*MACHINES, ("LinearSVC", {}, X, Y), ("KernelLogisticRegression", {}, X, Y)]


def pair(name, options, x, y, **fit):
    options = EXACT | options
    return [getattr(room, name)(**options).fit(x, y, **fit) for room in (estimators, svm)]


@pytest.mark.parametrize(("name", "options", "x", "y"), MACHINES)
def test_attributes_have_scikit_learns_form_and_numbers(name, options, x, y):
    x = x + 1e-3 * np.random.default_rng(0).normal(size=x.shape)  # iris holds equal rows
    ours, theirs = pair(name, options, x, y)
    known = [one for one in vars(theirs) if one.endswith("_") and not one.startswith("_")]
    known += ["n_support_"] + ["coef_"] * (options.get("kernel") == "linear")
    for attribute in known:
        assert type(getattr(ours, attribute)) is type(getattr(theirs, attribute)), attribute
    np.testing.assert_array_equal(ours.support_, theirs.support_)
    np.testing.assert_array_equal(ours.n_support_, theirs.n_support_)
    np.testing.assert_allclose(ours.dual_coef_, theirs.dual_coef_, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(ours.support_vectors_, theirs.support_vectors_)
    assert (ours.fit_status_, ours.shape_fit_) == (0, x.shape)
    if "coef_" in known:
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-5)
    method = "predict" if name.endswith("SVR") else "decision_function"
    found, wanted = getattr(ours, method)(x), getattr(theirs, method)(x)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)  # LIBSVM rounds to float32
    one = ours.certificate_ if hasattr(ours.certificate_, "residual") else None
    assert one is None or one.residual < 1e-7


@pytest.mark.parametrize("shape", ["ovr", "ovo"])
@pytest.mark.parametrize("ties", [False, True])
def test_answers_of_several_classes(shape, ties):
    if ties and shape == "ovo":
        with pytest.raises(estimators.ParameterError, match="break_ties must be False"):
            estimators.SVC(break_ties=True, decision_function_shape="ovo").fit(X, Y).predict(X)
        return
    options = {"decision_function_shape": shape, "break_ties": ties, "C": 0.1}
    ours, theirs = pair("SVC", options, X, Y)
    assert ours.decision_function(X).shape == theirs.decision_function(X).shape
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize(("name", "options", "x", "y"), ALL)
def test_a_weight_of_three_is_the_row_three_times(name, options, x, y):
    weights = np.random.default_rng(0).integers(0, 4, len(x))
    mixed = np.random.default_rng(1).permutation(len(x))
    made = getattr(estimators, name)(**options)
    targets = None if y is None else np.asarray(y)
    one = clone(made).fit(
        x[mixed], None if y is None else targets[mixed], sample_weight=weights[mixed]
    )
    many = clone(made).fit(
        np.repeat(x, weights, axis=0), None if y is None else np.repeat(targets, weights)
    )
    np.testing.assert_allclose(one.intercept_, many.intercept_, rtol=1e-12)
    np.testing.assert_array_equal(one.predict(x), many.predict(x))


def test_equal_rows_share_a_coefficient_within_their_bounds():
    x, y = np.repeat([[0.0], [1.0], [3.0]], 4, axis=0), np.repeat([0, 1, 1], 4)
    x[0] = 1.0  # on the wrong side, so that bounds are met
    model = estimators.SVC(kernel="linear", C=0.5).fit(x, y)
    assert abs(model.dual_coef_).max() <= 0.5 + 1e-12
    theirs = svm.SVC(kernel="linear", C=0.5, tol=1e-9).fit(x, y)
    np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-3)


@pytest.mark.parametrize("name", ["SVC", "LinearSVC", "SVR", "OneClassSVM"])
def test_certificates_count_the_rows_that_were_given(name):
    """Equal rows are one row of the fit; those with weights too."""
    x = np.tile(X[TWO] + np.random.default_rng(0).normal(size=(100, 4)) / 4, (3, 1))
    y = np.tile(CODES[TWO], 3)
    proof = getattr(estimators, name)().fit(x, y).certificate_
    known = getattr(svm_here, name)().fit(x, y).certificate
    for count in ("rows", "right", "inside", "wrong"):
        assert getattr(proof, count) == getattr(known, count), count
    np.testing.assert_allclose(proof.slack, known.slack, atol=5e-3)
    assert proof.rows == 300 and proof.support % 3 == 0


def test_certificates_name_the_classes():
    pairs = estimators.SVC().fit(X, Y).certificate_
    assert [one.title for one in pairs][1] == "'setosa' against 'virginica'"
    assert pairs[0].rows == len(pairs[0].slack) == 100
    rest = estimators.LinearSVC().fit(X, Y).certificate_
    assert [one.title for one in rest][2] == "'virginica' against the rest"
    two = estimators.SVC().fit(X[TWO], Y[TWO]).certificate_
    assert two.title == "'versicolor' against 'virginica'"
    again = pickle.loads(pickle.dumps(estimators.SVC().fit(X, Y))).certificate_
    assert repr(again) == repr(pairs)


def test_a_name_that_is_not_here_is_answered():
    with pytest.raises(AttributeError, match=r"Use SVR\(kernel='linear'\)"):
        _ = estimators.LinearSVR


def test_rows_that_count_alone():
    weights = np.ones(len(X))
    weights[CODES == 2] = 0
    weights[0] = -1.0
    with pytest.warns(UserWarning, match="leaves out 1 rows whose weight is below 0"):
        model = estimators.SVC().fit(X, Y, sample_weight=weights)
    assert model.classes_.tolist() == ["setosa", "versicolor"]
    assert 0 not in model.support_ and model.support_.max() < 100


@pytest.mark.filterwarnings("ignore:.*kernel is not positive")
@pytest.mark.parametrize("kernel", ["linear", "poly", "rbf", "sigmoid"])
@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_rows_are_taken_as_they_are(kernel, form):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 30)) * (rng.random((80, 30)) < 0.2)
    y = (x[:, 0] + x[:, 1] > 0.1) + (x[:, 2] > 0.5).astype(int)
    for name in ("SVC", "SVR", "OneClassSVM"):
        answer = "predict" if name == "SVR" else "decision_function"
        made = getattr(estimators, name)(kernel=kernel, gamma=0.1, tol=1e-9)
        dense, thin = clone(made).fit(x, y), clone(made).fit(form(x), y)
        wanted = getattr(dense, answer)(x)
        np.testing.assert_allclose(getattr(thin, answer)(form(x)), wanted, atol=1e-6)
        np.testing.assert_allclose(getattr(thin, answer)(x), wanted, atol=1e-6)
        assert sparse.issparse(thin.support_vectors_) and sparse.issparse(thin.dual_coef_)
        np.testing.assert_array_equal(thin.support_, dense.support_)
        if kernel == "linear":
            np.testing.assert_allclose(thin.coef_.toarray(), dense.coef_, atol=1e-6)
        with pytest.raises(ValueError, match="X must be dense for a fit to dense rows"):
            dense.predict(form(x))


def test_equal_rows_are_found_dense_and_sparse():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (300, 4)).astype(float)
    y, weights = rng.integers(0, 2, 300), np.ones(300)
    wanted = np.unique(np.column_stack([x, y]), axis=0)
    for form in (np.asarray, sparse.csr_array, lambda a: a.astype(np.float32), lambda a: a - 0.0):
        found = distinct(form(x), y, weights)
        assert len(found.first) == len(wanted) and found.weights.sum() == 300
        np.testing.assert_array_equal(x[found.first][found.of], x)
    apart = rng.normal(size=(50, 3))
    np.testing.assert_array_equal(distinct(apart, None, np.ones(50)).first, np.arange(50))


def test_a_function_is_called_as_scikit_learn_calls_it():
    words = ["a a", "a", "b", "b b", "a b", "b b a"]

    def common(one, other):
        return np.array([[sum(s.count(c) * t.count(c) for c in "ab") for t in other] for s in one])

    y = [1, 1, 0, 0, 1, 0]
    ours, theirs = (room.SVC(kernel=common, tol=1e-9).fit(words, y) for room in (estimators, svm))
    np.testing.assert_allclose(
        ours.decision_function(["b a", "a a a"]),
        theirs.decision_function(["b a", "a a a"]),
        atol=1e-8,
    )
    with pytest.raises(ValueError, match=r"<lambda> must return \(150, 150\)"):
        estimators.SVC(kernel=lambda a, b: a).fit(X, Y)
    with pytest.raises(ValueError, match="kernel function <lambda> must give finite numbers"):
        estimators.SVC(kernel=lambda a, b: a @ b.T * np.nan).fit(X, Y)
    with pytest.raises(ValueError, match="kernel function <lambda> must be positive"):
        estimators.SVC(kernel=lambda a, b: -(a @ b.T)).fit(X, Y)


def test_precomputed_kernels_leave_out_rows_and_columns():
    weights = (np.arange(150) % 3 > 0).astype(float)
    kernel, kept = X @ X.T, np.flatnonzero(weights)
    ours = estimators.SVC(kernel="precomputed", **EXACT).fit(kernel, Y, sample_weight=weights)
    theirs = svm.SVC(kernel="precomputed", **EXACT).fit(kernel[np.ix_(kept, kept)], Y[kept])
    np.testing.assert_array_equal(ours.predict(kernel), theirs.predict(kernel[:, kept]))
    np.testing.assert_array_equal(ours.support_, kept[theirs.support_])
    with pytest.raises(ValueError, match="must be square"):
        estimators.SVC(kernel="precomputed").fit(X, Y)


def test_probabilities():
    with pytest.warns(FutureWarning, match="probability parameter is deprecated"):
        model = estimators.SVC(probability=True, random_state=0).fit(X, Y)
    shares = model.predict_proba(X)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (model.classes_[shares.argmax(axis=1)] == Y).mean() > 0.95
    np.testing.assert_allclose(np.log(shares), model.predict_log_proba(X))
    assert not hasattr(estimators.SVC(), "predict_proba")


def test_kernel_logistic_regression_is_logistic_regression_with_a_linear_kernel():
    from sklearn.linear_model import LogisticRegression

    ours = estimators.KernelLogisticRegression(kernel="linear", C=2.0).fit(X, Y)
    theirs = LogisticRegression(C=2.0, tol=1e-10, max_iter=10_000).fit(X, Y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("dual", [True, False, "auto"])
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_linear_machines(dual, loss):
    x = StandardScaler().fit_transform(X)
    options = {"loss": loss, "C": 0.5, "tol": 1e-8, "max_iter": 100_000, "random_state": 0}
    ours = estimators.LinearSVC(dual=dual, **options).fit(x, Y)
    theirs = svm.LinearSVC(dual=True if loss == "hinge" else "auto", **options).fit(x, Y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-3, atol=1e-3)
    assert isinstance(ours.n_iter_, int) and len(ours.certificate_) == 3


@pytest.mark.parametrize(("name", "options", "x", "y"), ALL)
def test_copies_and_pickles_predict_the_same_bits(name, options, x, y):
    model = getattr(estimators, name)(**options).fit(x, y)
    model.certificate_
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert str(again.certificate_) == str(model.certificate_)
    fresh = clone(model)
    assert not hasattr(fresh, "intercept_") and fresh.get_params() == model.get_params()


def test_class_weights_of_nu_scale_the_c_that_it_stands_for():
    model = estimators.NuSVC(nu=0.3, gamma=0.5, tol=1e-8).fit(X[TWO], Y[TWO])
    price = abs(model.dual_coef_).max()
    weights = {"versicolor": 0.2, "virginica": 4.0}
    ours = estimators.NuSVC(nu=0.3, gamma=0.5, tol=1e-8, class_weight=weights).fit(X[TWO], Y[TWO])
    same = svm.SVC(C=price, gamma=0.5, tol=1e-8, class_weight=weights).fit(X[TWO], Y[TWO])
    found, wanted = ours.decision_function(X), same.decision_function(X)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_a_nu_that_no_pair_allows_is_lowered():
    x, y = X[TWO][:60], Y[TWO][:60]  # 50 and 10 rows
    with pytest.warns(UserWarning, match=r"nu=0.5 is lowered to 0.333333 for classes"):
        lowered = estimators.NuSVC(nu=0.5, gamma=0.5).fit(x, y)
    assert np.isfinite(lowered.decision_function(x)).all()


def test_a_fit_that_is_cut_short():
    with pytest.warns(ConvergenceWarning, match="max_iter=3 steps"):
        model = estimators.SVC(max_iter=3).fit(X, Y)
    assert model.fit_status_ == 1 and model.n_iter_.max() == 3


def test_the_number_of_threads_heeds_the_environment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert allowed_threads() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert allowed_threads() is None


@pytest.mark.slow
def test_a_search_in_workers_has_the_same_bits():
    line = make_pipeline(StandardScaler(), estimators.SVC())
    grid = {"svc__C": [0.1, 10.0], "svc__kernel": ["rbf", "linear"]}
    alone, both = (GridSearchCV(line, grid, cv=3, n_jobs=n).fit(X, Y) for n in (None, 2))
    scores = alone.cv_results_["mean_test_score"], both.cv_results_["mean_test_score"]
    np.testing.assert_array_equal(*scores)


def test_weights_are_routed_to_the_machine():
    weights = np.random.default_rng(0).uniform(0.1, 2, len(X))
    with sklearn.config_context(enable_metadata_routing=True):
        model = estimators.SVC().set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        found = cross_validate(model, X, Y, params={"sample_weight": weights}, cv=3)
    assert found["test_score"].min() > 0.8


def test_names_of_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = estimators.SVC().fit(frame, Y)
    assert model.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("dcba")])


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("SVC", {"C": 0}, "C must lie in"),
        ("SVC", {"C": np.inf}, "C must lie in"),
        ("SVC", {"kernel": "gauss"}, "unknown kernel 'gauss'"),
        ("SVC", {"gamma": "wide"}, "unknown gamma 'wide'"),
        ("SVC", {"shrinking": "yes"}, "shrinking must be True or False"),
        ("SVC", {"probability": "yes"}, "probability must be True or False"),
        ("SVC", {"break_ties": 1}, "break_ties must be True or False"),
        ("SVC", {"decision_function_shape": "pairs"}, "unknown decision_function_shape"),
        ("SVC", {"max_iter": -2}, "max_iter must be at least -1"),
        ("SVC", {"verbose": "loud"}, "verbose must be a whole number"),
        ("SVC", {"cache_size": 0}, "cache_size must lie in"),
        ("SVC", {"tol": 0}, "tol must lie in"),
        ("SVC", {"class_weight": [1, 2]}, "class_weight must be a dict"),
        ("NuSVC", {"nu": 0}, "nu must lie in"),
        ("LinearSVC", {"penalty": "l1"}, "penalty must be 'l2'"),
        ("LinearSVC", {"multi_class": "crammer_singer"}, "multi_class must be 'ovr'"),
        ("LinearSVC", {"loss": "logistic"}, "unknown loss"),
        ("LinearSVC", {"dual": 3}, "dual must be True, False or 'auto'"),
        ("LinearSVC", {"intercept_scaling": 0}, "intercept_scaling must lie in"),
        ("KernelLogisticRegression", {"fit_intercept": 1}, "fit_intercept must be True or False"),
    ],
)
def test_wrong_parameters_are_named(name, options, said):
    with pytest.raises(estimators.ParameterError, match=said) as caught:
        getattr(estimators, name)(**options).fit(X, Y)
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, PellucidError)


def test_the_logarithm_of_a_probability_of_0_is_no_warning():
    model = estimators.KernelLogisticRegression(kernel="linear").fit(X, Y)
    far = 1e4 * X[[0, 149]]
    shares = model.predict_proba(far)
    assert (shares == 0).any()
    with np.errstate(divide="ignore"):
        wanted = np.log(shares)
    np.testing.assert_array_equal(model.predict_log_proba(far), wanted)


@pytest.mark.parametrize("name", ["SVC", "NuSVC", "LinearSVC", "KernelLogisticRegression"])
def test_one_class_is_named(name):
    with pytest.raises(PellucidError, match="two classes or more, got one class, 'setosa'"):
        getattr(estimators, name)().fit(X[:40], Y[:40])


def test_messages_call_classes_by_their_labels():
    """The machine inside sees their numbers."""
    x, y = X[Y != "virginica"], Y[Y != "virginica"]
    with pytest.warns(UserWarning, match="classes 'setosa' and 'versicolor', which allow"):
        found = estimators.NuSVC(nu=0.9).fit(x[:70], y[:70])
    assert found.certificate_.title == "'setosa' against 'versicolor'"
    weights = {"setosa": 0.0}
    for name in "SVC", "LinearSVC", "KernelLogisticRegression":
        with pytest.raises(PellucidError, match="got none for class 'setosa'"):
            getattr(estimators, name)(class_weight=weights).fit(x, y)
