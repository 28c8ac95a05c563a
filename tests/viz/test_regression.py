"""Pictures of machines that were not drawn before: regressions, networks of scikit-learn's
interface, models of tables."""

import numpy as np
import pytest

import pellucid as pel
from pellucid import svm
from pellucid.core.errors import ArgumentError
from pellucid.nn import Dense
from pellucid.tables.model import TableModel
from pellucid.tables.networks import Member
from pellucid.viz.axes import Axes
from tests.viz.reading import texts

RNG = np.random.default_rng(0)
X = np.sort(RNG.uniform(-3, 3, 40))[:, None]
Y = np.sin(X[:, 0]) + 0.1 * RNG.normal(size=40)
TWO = RNG.normal(size=(30, 2))


@pytest.fixture
def drawn(monkeypatch):
    """What is put into axes, in their own units."""
    seen = {"curve": [], "ring": [], "level": []}
    for name in seen:
        plain = getattr(Axes, name)

        def note(self, *args, plain=plain, name=name, **more):
            seen[name].append(args)
            return plain(self, *args, **more)

        monkeypatch.setattr(Axes, name, note)
    return seen


def test_a_regression_of_one_feature_is_its_curve_with_tube_and_support_vectors(drawn):
    machine = svm.SVR(epsilon=0.2, C=10).fit(X, Y)
    picture = pel.draw(machine, X, Y)
    (x, curve, *_), (_, upper, *_), (_, lower, *_) = drawn["curve"]
    np.testing.assert_array_equal(curve, machine.predict(x[:, None]))
    np.testing.assert_allclose(upper - curve, 0.2)
    np.testing.assert_allclose(curve - lower, 0.2)
    off = np.abs(machine.predict(X) - Y)
    assert len(drawn["ring"]) == len(machine.support_vectors) < len(X)
    for place, height in drawn["ring"]:  # none lies inside the tube
        assert off[(X[:, 0] == place) & (height == Y)] > 0.2 - 1e-3
    assert {"prediction", "prediction ± 0.2", "data"} <= set(texts(picture))
    flat = pel.draw(machine, X[:, 0], Y)  # one feature may come as (N,)
    assert flat.svg == picture.svg


def test_a_regression_of_two_features_is_its_level_lines(drawn):
    machine = svm.SVR(C=10).fit(TWO, TWO[:, 0])
    shown = texts(pel.draw(machine, TWO, TWO[:, 0]))
    assert len(drawn["level"]) > 3 and any(text.startswith("y ≥ ") for text in shown)
    values, level = drawn["level"][0][:2]
    assert values.min() <= level <= values.max()


@pytest.mark.slow
def test_estimators_with_scikit_learns_interface():
    sk = pytest.importorskip("pellucid.sklearn")
    sign = np.where(TWO[:, 0] > 0, "yes", "no")
    network = sk.MLPClassifier((3,), max_iter=5, random_state=0)
    with pytest.warns(UserWarning, match="max_iter=5"):
        network.fit(TWO, sign)
    assert pel.draw(network).title == "MLPClassifier: 2-3-1"
    assert "class yes" in texts(pel.draw(network, TWO, sign))
    assert pel.draw(sk.SVR().fit(X, Y), X, Y).title == "Regression"
    with pytest.raises(Exception, match="not fitted"):
        pel.draw(sk.MLPRegressor())


def test_a_model_of_a_table_is_drawn_alone():
    network = pel.Sequential([Dense(1)], seed=0)
    network.build((2,))
    model = object.__new__(TableModel)  # what it predicts is of no matter here
    model.members = (Member(None, network), Member(None, network))
    assert pel.draw(model).title.startswith("Network 1 of 2 of a table")
    with pytest.raises(ArgumentError, match="a model of a table is drawn with nothing else"):
        pel.draw(model, {"a": [1.0]})
