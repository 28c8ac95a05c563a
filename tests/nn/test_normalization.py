"""BatchNorm, LayerNorm and LocalResponseNorm against PyTorch (see torch_normalization.py)."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn

STORED = np.load(Path(__file__).with_name("torch_normalization.npz"))
CASES = json.loads(str(STORED["cases"]))
CLOSE = {"rtol": 1e-10, "atol": 1e-12}
PER_CHANNEL = {"gamma", "beta", "dgamma", "dbeta", "mean", "variance"}
DEFAULT = 8  # of the cases of a layer; the rest are in the slow run


def some(layer):
    return [
        pytest.param(i, marks=pytest.mark.slow) if i >= DEFAULT else i
        for i in range(len(CASES[layer]))
    ]


BACKENDS = pytest.mark.parametrize("backend", ["native", "interpreter"])


def unpacked(layer):
    """What is stored of each case of a layer, in its shapes; integers are eighths."""
    found = [{} for _ in CASES[layer]]
    for key in STORED.files:
        kind, _, name = key.partition(".")
        if kind != layer:
            continue
        flat, start = STORED[key], 0
        flat = flat / 8.0 if flat.dtype == np.int8 else flat
        for case, arrays in zip(CASES[layer], found, strict=True):
            shape = case["shape"]
            if name in PER_CHANNEL:
                shape = shape[-1:]
            elif name == "second":
                shape = [case["rows"], *shape[1:]]
            stop = start + math.prod(shape)
            arrays[name] = flat[start:stop].reshape(shape)
            start = stop
        assert start == flat.size, f"{key} holds more than its cases"
    return found


KNOWN = {layer: unpacked(layer) for layer in CASES}


def trained(layer, names, backend):
    """A training step by hand: (arrays, state) → the output, gradients of x and `names`, state."""

    def step(arrays, state):
        def out(x, *weights):
            params = dict(zip(names, weights, strict=True))
            return layer.apply(params, state, x, train=True, key=None)

        leaves = [arrays[name] for name in ("x", *names)]
        value, pull = pel.vjp(lambda *given: out(*given)[0], *leaves)
        return value, pull(arrays["ct"]), out(*leaves)[1]

    return pel.jit(step, backend=backend)


def agree(layer, known, names, backend, state=None):
    """Output and gradients are those stored; gives the state after the batch."""
    arrays = {name: known[name] for name in ("x", "ct", *names)}
    out, slopes, after = trained(layer, names, backend)(arrays, state or {})
    np.testing.assert_allclose(out, known["out"], **CLOSE)
    for name, slope in zip(("x", *names), slopes, strict=True):
        np.testing.assert_allclose(slope, known[f"d{name}"], **CLOSE, err_msg=f"d{name}")
    return after


@pytest.mark.lecture("T1.F6")
@BACKENDS
@pytest.mark.parametrize("index", some("batch"))
def test_batch_norm_equals_pytorch(index, backend):
    case, known = CASES["batch"][index], KNOWN["batch"][index]
    layer = nn.BatchNorm(epsilon=case["epsilon"], momentum=case["momentum"])
    params = {name: known[name] for name in ("gamma", "beta")}
    start = {"mean": np.zeros(case["shape"][-1]), "variance": np.ones(case["shape"][-1])}
    state = agree(layer, known, ("gamma", "beta"), backend, start)

    def second_batch_then_prediction(params, state, second, x):
        _, state = layer.apply(params, state, second, train=True, key=None)
        return state, layer.apply(params, state, x, train=False, key=None)

    use = pel.jit(second_batch_then_prediction, backend=backend)
    state, (out, after) = use(params, state, known["second"], known["x"])
    for name in ("mean", "variance"):
        np.testing.assert_allclose(state[name], known[name], **CLOSE, err_msg=name)
    np.testing.assert_allclose(out, known["predicted"], **CLOSE)
    for name in ("mean", "variance"):
        np.testing.assert_array_equal(after[name], state[name], "prediction moves no mean")


@BACKENDS
@pytest.mark.parametrize("index", some("layer"))
def test_layer_norm_equals_pytorch(index, backend):
    layer = nn.LayerNorm(epsilon=CASES["layer"][index]["epsilon"])
    agree(layer, KNOWN["layer"][index], ("gamma", "beta"), backend)


@BACKENDS
@pytest.mark.parametrize("index", some("response"))
def test_local_response_norm_equals_pytorch(index, backend):
    options = {name: CASES["response"][index][name] for name in ("size", "alpha", "beta", "k")}
    agree(nn.LocalResponseNorm(**options), KNOWN["response"][index], (), backend)


@pytest.mark.parametrize("layer", CASES)
def test_the_stored_cases_stand_on_the_borders(layer):
    cases = CASES[layer]
    assert len(cases) == 50
    assert {len(case["shape"]) for case in cases} == {2, 3, 4}
    assert any(case["shape"][0] == 1 for case in cases), "one row"
    assert any(len(s := case["shape"]) > 2 and set(s[1:-1]) == {1} for case in cases), "one pixel"
    assert any(case["shape"][-1] == 1 for case in cases), "one channel"
    inputs = [arrays["x"] for arrays in KNOWN[layer]]
    assert sum((x >= 0).all() and (x == 0).sum() > 1 for x in inputs) > 15, "ReLU, with ties"
    assert any((x.reshape(-1, x.shape[-1]) == 0).all(axis=0).any() for x in inputs), "no ink"
    if layer == "response":
        assert {case["size"] % 2 for case in cases} == {0, 1}
        assert sum(case["size"] > case["shape"][-1] for case in cases) > 10
    else:
        assert len({case["epsilon"] for case in cases}) == 4
    if layer == "batch":
        assert len({case["momentum"] for case in cases}) == 4
        assert any(case["rows"] != case["shape"][0] for case in cases), "a smaller last batch"
