"""The papers' networks: their counts, and that they learn natively as in the interpreter."""

import numpy as np
import pytest

import pellucid as pel
from pellucid.models.convolutional import H1_TO_H2, S2_TO_C3, scaled_tanh


def counts(model):
    """Parameters by layer; layers without any left out."""
    found = {
        name: sum(int(np.prod(leaf.shape)) for leaf in leaves.values())
        for name, leaves in model.parameters().items()
    }
    return {name: count for name, count in found.items() if count}


def units(model):
    """Units of the layers that have weights."""
    named = zip(model.names, model.types, strict=True)
    kept = counts(model)
    return {name: int(np.prod(type.shape[1:])) for name, type in named if name in kept}


@pytest.mark.lecture("T1.C17")
@pytest.mark.lecture("T1.I9")
def test_lecun_1989_has_the_papers_counts():
    """LeCun's network of 1989 reads digits with 9,760 weights, shared among 64,660 connections."""
    model = pel.models.lecun1989(seed=0)
    assert counts(model) == {"H1": 1068, "H2": 2592, "H3": 5790, "output": 310}
    assert model.count_params() == 9760
    assert units(model) == {"H1": 768, "H2": 192, "H3": 30, "output": 10}
    assert 256 + sum(units(model).values()) == 1256
    inputs = {"H1": 25, "H2": 8 * 25, "H3": 192, "output": 30}  # and a bias
    connections = {name: n * (inputs[name] + 1) for name, n in units(model).items()}
    assert connections == {"H1": 19968, "H2": 38592, "H3": 5790, "output": 310}
    assert sum(connections.values()) == 64660


@pytest.mark.lecture("T1.C17")
def test_the_chosen_table_of_lecun_1989_feeds_each_map_eight_times():
    assert [len(row) for row in H1_TO_H2] == [8] * 12
    fed = [sum(channel in row for row in H1_TO_H2) for channel in range(12)]
    assert fed == [8] * 12
    assert len(set(H1_TO_H2)) == 12


def test_scaled_tanh_is_one_at_one():
    out = scaled_tanh(pel.Tensor(np.array([-1.0, 0, 1, 100]))).numpy()
    np.testing.assert_allclose(out, [-1, 0, 1, 1.7159], atol=1e-5)


@pytest.mark.lecture("T1.C15")
def test_lenet_5_has_the_papers_counts():
    model = pel.models.lenet5(seed=0)
    found = counts(model)
    assert found.pop("output") == 850
    assert found == {"C1": 156, "S2": 12, "C3": 1516, "S4": 32, "C5": 48120, "F6": 10164}
    assert sum(found.values()) == 60000
    assert sum(map(len, S2_TO_C3)) == 60 and len(set(S2_TO_C3)) == 16
    assert [sum(channel in row for row in S2_TO_C3) for channel in range(6)] == [10] * 6


@pytest.mark.lecture("T1.C16")
def test_alexnet_has_the_papers_count_before_a_weight_is_made(capsys):
    """AlexNet: five convolutional and three full layers, 60,965,224 parameters, 1000 classes."""
    model = pel.models.alexnet(seed=0)
    assert model.count_params() == 60_965_224
    shapes = [type.shape[1:3] for type in model.types[:10]]
    assert [height for height, _ in shapes] == [55, 55, 27, 27, 27, 13, 13, 13, 13, 6]
    weighted = [isinstance(layer, (pel.nn.Conv2D, pel.nn.Dense)) for layer in model.layers]
    types = [type for type, counted in zip(model.types, weighted, strict=True) if counted]
    assert len(types) == 8 and model.types[-1].shape[1:] == (1000,)
    # "650,000 neurons": all that have weights, counted.
    assert sum(int(np.prod(type.shape[1:])) for type in types) == 659_272
    model.summary()
    assert "60,965,224 parameters" in capsys.readouterr().out
    assert all(one.variables.params is None for one in model.layers), "nothing was made"


def images(shape, rows, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (rows, *shape)).astype(np.float32)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) for name in ("lecun1989", "lenet5")]
)
def test_networks_learn_natively_as_in_the_interpreter(name):
    make = getattr(pel.models, name)
    x = images(make(seed=0).input_types[0].shape[1:], 8)
    y = np.arange(8) % 10
    loss = "squared" if name == "lecun1989" else "cross_entropy"
    targets = 2 * np.eye(10)[y] - 1 if name == "lecun1989" else y
    if name == "lenet5":
        x = (x + 1) * 127.5
    runs = []
    for backend in ("native", "interpreter"):
        model = make(seed=1, dtype="float64")
        model.compile(pel.optim.SGD(0.002), loss=loss)
        history = model.fit(x, targets, batch_size=8, epochs=3, seed=0, verbose=0, backend=backend)
        runs.append((history.steps["loss"], model.get_weights()))
    np.testing.assert_allclose(runs[0][0], runs[1][0], rtol=1e-9)
    for one, other in zip(runs[0][1], runs[1][1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)
    assert runs[0][0][-1] < runs[0][0][0]


@pytest.mark.slow
@pytest.mark.lecture("T1.C16")
def test_a_step_of_a_thin_alexnet():
    """AlexNet trains: one step of one with a sixteenth of its maps."""
    model = pel.models.alexnet(classes=10, seed=0, thinner=16)
    model.compile(pel.optim.SGD(0.01, momentum=0.9), loss="cross_entropy")
    before = model.count_params()
    history = model.fit(images((227, 227, 3), 2), [3, 7], epochs=1, verbose=0, seed=0)
    assert history.steps["loss"][0] == pytest.approx(np.log(10), rel=0.01)
    assert model.count_params() == before


def test_a_saved_lecun_1989_comes_back(tmp_path):
    model = pel.models.lecun1989(seed=0)
    x = images((16, 16, 1), 3)
    known = model.predict(x)
    model.save(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(pel.load(tmp_path / "m.safetensors").predict(x), known)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pel.models.alexnet(classes=0), "classes must be at least 1"),
        (lambda: pel.models.alexnet(thinner=17), "thinner must be in [1, 16]"),
        (lambda: pel.models.lenet5(sede=1), "Did you mean 'seed'"),
        (lambda: pel.models.lecun1989(dtype="int32"), "dtype must be float32 or float64"),
    ],
)
def test_what_is_refused(call, words):
    with pytest.raises(pel.ArgumentError) as caught:
        call()
    assert words in str(caught.value)
