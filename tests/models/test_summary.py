"""The table of `summary`, letter by letter."""

import numpy as np

import pellucid as pel
from pellucid import nn


def shown(model):
    lines = []
    model.summary(lines.append)
    return lines[0]


def test_a_row_of_layers():
    net = pel.Sequential([nn.Dense(200, "relu", input_shape=(784,)), nn.Flatten(), nn.Dense(10)])
    assert shown(net) == (
        "Layer                 Output    Parameters\n"
        "------------------------------------------\n"
        "input                 (N, 784)            \n"
        "dense_1 (Dense relu)  (N, 200)     157,000\n"
        "flatten_1 (Flatten)   (N, 200)           0\n"
        "dense_2 (Dense)       (N, 10)        2,010\n"
        "------------------------------------------\n"
        "Total: 159,010 parameters, 621.1 KiB of float32"
    )


def test_branches_shared_layers_and_several_outputs():
    x = pel.Input((2,))
    dense = nn.Dense(2, name="d")
    once = dense(x)
    end = nn.Add(name="sum")([dense(once), x])
    net = pel.Model(x, {"one": end, "two": once}, dtype="float64")
    text = shown(net)
    assert "Outputs: one (sum), two (d)" in text
    assert text.endswith("Total: 6 parameters, 0.0 KiB of float64")
    assert [line.rstrip() for line in text.splitlines()[2:6]] == [
        "input               (N, 2)",
        "d (Dense)           (N, 2)           6  input",
        "d (Dense) (shared)  (N, 2)           0  d",
        "sum (Add)           (N, 2)           0  d, input",
    ]
    rule = text.splitlines()[1]
    assert set(rule) == {"-"}
    assert len(rule) == len(text.splitlines()[5])


def test_a_function_of_ones_own_is_shown_by_its_name():
    def cube(v):
        return v**3

    net = pel.Sequential([nn.Dense(1, cube, input_shape=(1,)), nn.Activation(np.tanh)])
    assert "dense_1 (Dense cube)" in shown(net)
    assert "activation_1 (Activation tanh)" in shown(net)
