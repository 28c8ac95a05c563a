"""Names that are not there: the one-form error with what to write, and still an AttributeError."""

import copy
import dataclasses
import pickle

import pytest

import pellucid as pel
from pellucid import data, models, nn, optim, testing, viz
from pellucid.core.errors import UnknownNameError
from pellucid.train import scores
from pellucid.train.history import History

MODULES = [
    *(nn, nn.losses, nn.activations, nn.init, nn.regularizers),
    *(optim, data, models, testing, scores, viz, pel),
]
OBJECTS = [
    *(nn.Dense(1), nn.Squared(), nn.He(), nn.L2(0.1)),
    *(optim.SGD(), optim.Step(0.1, 0.5, 10), optim.GrowingBatch(8), History()),
]


@pytest.mark.parametrize("owner", [*MODULES, *OBJECTS], ids=str)
def test_a_name_that_is_not_there(owner):
    with pytest.raises(UnknownNameError) as caught:
        owner.not_there_at_all
    assert caught.value.fix
    assert not hasattr(owner, "neither_is_this")
    assert not hasattr(owner, "__path__") or owner.__path__


@pytest.mark.parametrize(
    ("read", "wanted"),
    [
        (lambda: nn.losses.MSELoss, "'Squared'. It sums over"),
        (lambda: nn.losses.squared_hinge, "'SquaredHinge'"),
        (lambda: nn.GELU, "pel.nn.Activation('gelu')"),
        (lambda: nn.activations.relu, "pel.nn.Activation('relu')"),
        (lambda: nn.init.glorot, "'Xavier'"),
        (lambda: nn.regularizers.Ridge, "'L2'"),
        (lambda: nn.Ridge, "'L2'"),
        (lambda: data.load_mnist, "pel.data.load_idx_folder(path)"),
        (lambda: data.load_iris, "sklearn.datasets.load_iris("),
        (lambda: data.train_test_split, "pel.data.split("),
        (lambda: models.load_model, "pel.load(path)"),
        (lambda: testing.check_gradients, "'check_grad'"),
        (lambda: nn.Dense(1).get_weights(), "model.weights"),
        (lambda: nn.Dense(1).set_weights([]), "model.set_weights({'dense_1.W': array})"),
        (lambda: nn.Dense(1).trainable, "rates={'dense_1': 0}"),
        (lambda: nn.Dense(1).forward, "'apply'"),
        (lambda: nn.Dense(1).unitz, "'units'"),
        (lambda: nn.Squared().forward, "'per_row'"),
        (lambda: optim.Adam().learning_rat, "'learning_rate'"),
        (lambda: optim.Adam().param_groups, "rates={'dense_1': 0.1}"),
    ],
)
def test_what_a_name_of_another_library_means(read, wanted):
    with pytest.raises(UnknownNameError) as caught:
        read()
    assert wanted in caught.value.fix


def test_weights_of_one_layer_as_advised():
    layer = nn.Dense(1)
    model = pel.Sequential([layer], seed=0)
    model.build((2,))
    model.set_weights({"dense_1.W": model.weights["dense_1.W"] + 1})
    assert layer.variables.params["W"][0, 0] == model.weights["dense_1.W"][0, 0]


def test_copies_and_pickles_ask_for_no_advice():
    for one in OBJECTS[:-1]:
        assert copy.deepcopy(one) == one
        assert pickle.loads(pickle.dumps(one)) == one


def test_an_error_inside_a_property_of_ones_own_is_not_hidden():
    @dataclasses.dataclass(frozen=True)
    class Mine(nn.Layer):
        @property
        def broken(self):
            return {}.missing

    with pytest.raises(AttributeError, match="'dict' object has no attribute 'missing'"):
        Mine().broken
