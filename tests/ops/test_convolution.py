"""Convolution and pooling against PyTorch (see torch_windows.py), and what they refuse."""

import json
from pathlib import Path

import numpy as np
import pytest

import pellucid as pel
import pellucid.numpy as pnp
from pellucid.core.errors import ArgumentError, ShapeError

STORED = np.load(Path(__file__).with_name("torch_windows.npz"))
CASES = json.loads(str(STORED["cases"]))
CLOSE = {"rtol": 1e-10, "atol": 1e-10}


def arrays(name):
    """What is stored of one case: integers are eighths."""
    found = {k.split(".", 1)[1]: STORED[k] for k in STORED.files if k.startswith(f"{name}.")}
    return {k: a / 8.0 if a.dtype == np.int8 else a for k, a in found.items()}


def agree(function, inputs, ct, out, gradients):
    """Value and gradients of Σ ct · function(inputs) are those stored."""
    value, pull = pel.vjp(function, *inputs)
    np.testing.assert_allclose(value, out, **CLOSE)
    for got, known in zip(pull(ct), gradients, strict=True):
        np.testing.assert_allclose(got, known, **CLOSE)


@pytest.mark.parametrize("index", range(len(CASES["conv"])))
def test_convolution_equals_pytorch(index):
    case, known = CASES["conv"][index], arrays(f"conv{index}")

    def conv(x, k):
        return pnp.conv(x, k, case["strides"], case["padding"], case["dilation"], case["groups"])

    inputs = (known["x"], known["k"])
    agree(conv, inputs, known["ct"], known["out"], (known["dx"], known["dk"]))


@pytest.mark.parametrize("index", range(len(CASES["pool"])))
def test_max_pooling_equals_pytorch_ties_included(index):
    case, known = CASES["pool"][index], arrays(f"pool{index}")

    def pool(x):
        return pnp.max_pool(x, case["size"], case["strides"], case["padding"], case["dilation"])

    agree(pool, (known["x"],), known["max.ct"], known["max.out"], (known["max.dx"],))


@pytest.mark.parametrize("kind", ["avg", "avg_inside"])
def test_average_pooling_equals_pytorch(kind):
    tried = 0
    for index, case in enumerate(CASES["pool"]):
        known = arrays(f"pool{index}")
        if f"{kind}.out" not in known:  # windows without dilation see padding alone
            continue

        def pool(x, case=case):
            inside = kind == "avg"
            return pnp.avg_pool(x, case["size"], case["strides"], case["padding"], inside)

        ct, out, dx = (known[f"{kind}.{name}"] for name in ("ct", "out", "dx"))
        agree(pool, (known["x"],), ct, out, (dx,))
        tried += 1
    assert tried > 40


def test_the_stored_cases_stand_on_the_borders():
    convs, pools = CASES["conv"], CASES["pool"]
    assert any(max(case["lengths"]) == 1 for case in convs)
    assert any(len(case["lengths"]) == 2 and case["lengths"][0] == 1 for case in convs)
    assert any(case["inner"] == 1 and case["groups"] > 1 for case in convs)
    for cases in (convs, pools):
        assert any(s > k for c in cases for s, k in zip(c["strides"], c["size"], strict=True))
        assert any(k % 2 == 0 for c in cases for k in c["size"])
        assert any(low != high for c in cases for low, high in c["padding"])
        assert any(d > 1 for c in cases for d in c["dilation"])
    tied = sum(
        (np.unique(STORED[f"pool{i}.x"]).size < STORED[f"pool{i}.x"].size) for i in range(50)
    )
    assert tied > 25


def test_the_first_of_equals_gets_the_gradient_of_a_maximum():
    x = np.zeros((1, 2, 2, 1))
    slope = pel.grad(lambda x: pnp.sum(pnp.max_pool(x, 2)))(x)
    np.testing.assert_array_equal(slope.ravel(), [1, 0, 0, 0])


@pytest.mark.parametrize(
    ("length", "size", "stride", "dilation", "before", "count"),
    [
        (16, 5, 2, 1, 1, 8),
        (28, 5, 1, 1, 2, 28),
        (7, 2, 1, 1, 0, 7),
        (7, 3, 1, 2, 2, 7),
        (3, 1, 2, 1, 0, 2),
    ],
)
def test_same_padding(length, size, stride, dilation, before, count):
    x = np.arange(1.0, length + 1).reshape(1, length, 1)
    kernel = np.arange(1.0, size + 1).reshape(size, 1, 1)
    out = pnp.conv(x, kernel, stride, "same", dilation)
    wide = np.pad(x[0, :, 0], (before, 99))
    known = [
        sum(wide[i * stride + j * dilation] * (j + 1) for j in range(size)) for i in range(count)
    ]
    np.testing.assert_array_equal(np.asarray(out.numpy())[0, :, 0], known)


def test_padding_may_hold_another_number_than_0():
    out = pnp.conv(np.zeros((1, 1, 1)), np.ones((3, 1, 1)), padding=1, padding_value=-1.0)
    assert out.numpy().item() == -2


def test_convolution_of_three_axes():
    rng = np.random.default_rng(0)
    x, k = rng.normal(size=(2, 3, 4, 5, 2)), rng.normal(size=(2, 2, 2, 2, 3))
    out = pnp.conv(x, k).numpy()
    assert out.shape == (2, 2, 3, 4, 3)
    np.testing.assert_allclose(out[1, 0, 2, 1], np.einsum("abcd,abcdh->h", x[1, :2, 2:4, 1:3], k))


def test_local_response_normalisation_by_hand():
    x = np.array([[1.0, 2.0, 3.0, 4.0]])
    out = pnp.local_response_norm(x, size=3, alpha=0.5, beta=2.0, k=1.0).numpy()
    squares = np.array([1 + 4, 1 + 4 + 9, 4 + 9 + 16, 9 + 16])
    np.testing.assert_allclose(out[0], x[0] / (1 + 0.5 * squares) ** 2)
    even = pnp.local_response_norm(x, size=2, alpha=1.0, beta=1.0, k=1.0).numpy()
    np.testing.assert_allclose(even[0], x[0] / (1 + np.array([1, 5, 13, 25])))


IMAGES, KERNEL = np.ones((2, 8, 8, 3)), np.ones((3, 3, 3, 4))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: pnp.conv(IMAGES[..., 0], KERNEL), ShapeError, "Reshape((8, 8, 1))"),
        (lambda: pnp.conv(np.moveaxis(IMAGES, -1, 1), KERNEL), ShapeError, "np.moveaxis(x, 1, -1)"),
        (lambda: pnp.conv(IMAGES, KERNEL[0, 0]), ShapeError, "kernel must be"),
        (lambda: pnp.conv(IMAGES, KERNEL[:, :, :2]), ShapeError, "2 channels"),
        (lambda: pnp.conv(IMAGES, KERNEL[:, :, :1, :], groups=3), ShapeError, "4 output maps"),
        (lambda: pnp.conv(IMAGES[:, :2], KERNEL), ShapeError, "window of (3, 3)"),
        (lambda: pnp.conv(IMAGES, KERNEL, 0), ArgumentError, "strides must be at least 1"),
        (lambda: pnp.conv(IMAGES, KERNEL, (1, 1, 1)), ArgumentError, "a number or 2 numbers"),
        (lambda: pnp.conv(IMAGES, KERNEL, 1, "some"), ArgumentError, "Did you mean 'same'"),
        (lambda: pnp.conv(IMAGES, KERNEL, 1, (1, 2, 3)), ArgumentError, "((1, 2), (1, 2))"[1:-1]),
        (lambda: pnp.conv(IMAGES, KERNEL, 1, -1), ArgumentError, "padding must be at least 0"),
        (lambda: pnp.conv(IMAGES, KERNEL, 1, 0, 1.5), ArgumentError, "dilation must be a whole"),
        (lambda: pnp.max_pool(IMAGES, 2, 1, 2), ShapeError, "padding alone at -2"),
        (lambda: pnp.avg_pool(IMAGES, 2, 1, 2, False), ShapeError, "padding alone at -2"),
        (lambda: pnp.max_pool(IMAGES[0, 0], 2), ShapeError, "x[..., None]"),
        (lambda: pnp.local_response_norm(IMAGES, 0), ArgumentError, "size must be at least 1"),
        (lambda: pnp.local_response_norm(IMAGES, k=0), ArgumentError, "k must lie in (0, inf)"),
    ],
)
def test_what_is_refused(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)
