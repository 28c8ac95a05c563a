"""Small files that ask for much: time and memory of `load` follow the size of the file."""

import hashlib
import json
import struct

import numpy as np
import pytest
from tests.fuzz_load import Parts, apart, broken_rule, load_measured, together, usual_seconds

import pellucid as pel
from pellucid import nn
from pellucid.core.errors import DataError
from pellucid.train import checkpoint


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A file with a function of one's own, its bytes, and the time that loading it takes."""
    path = tmp_path_factory.mktemp("base") / "m.safetensors"
    scale = np.ones(3, np.float32)
    layers = [nn.Activation(lambda v: v * scale), nn.Dense(2000, name="out")]
    model = pel.Sequential([*layers, nn.Activation("relu")], seed=0)
    model.compile("sgd", "squared")
    x = np.ones((4, 3))
    model.fit(x, np.ones((4, 2000)), epochs=1, seed=0, verbose=0)
    model.save(path)
    return path, path.read_bytes(), usual_seconds(path)


ATTACKS, CASES = {}, []


def attack(*sizes, slow=()):
    """Enters a change of a file's parts by a size, as many times as there are sizes."""

    def enter(function):
        for size in (*sizes, *slow):
            name = f"{function.__name__.strip('_')}-{size}"
            ATTACKS[name] = (function, size)
            CASES.append(pytest.param(name, marks=pytest.mark.slow if size in slow else ()))
        return function

    return enter


def replaced_layers(parts, layers, names=None):
    shared = list(range(len(layers)))
    parts.document |= {
        "layers": layers,
        "names": names or [f"l{i}" for i in range(len(layers))],
        "shared": shared,
        "sources": [[i] for i in shared],
    }


def a_layer(parts, **fields):
    replaced_layers(parts, [fields])


def graph_function(text, consts=None):
    graphs = [{"graph": text, "consts": consts}]
    return {"type": "Activation", "function": {"type": "function", "name": "f", "graphs": graphs}}


def one_graph(parts, text):
    replaced_layers(parts, [graph_function(text)])


HEAD = "graph(x0: f32[N,3])\n"


@attack(60_000)
def _source_line(parts, n):
    one_graph(parts, f"{HEAD}v1: f32[N,3] = exp(x0)  {'# a' * n}\nreturn v1\n")


@attack(60_000)
def _source_line_of_digits(parts, n):
    one_graph(parts, f"{HEAD}v1: f32[N,3] = exp(x0)  # {':1' * n}x\nreturn v1\n")


@attack(10_000, slow=(50_000,))
def _outputs(parts, n):
    one_graph(parts, f"{HEAD}return {', '.join(['x0'] * n)}\n")


@attack(100_000)
def _spaces(parts, n):
    one_graph(parts, f"{HEAD}v1: f32[N,3] = exp(x0{' ' * n}){' ' * n}x\nreturn v1\n")


@attack(100_000)
def _quotes(parts, n):
    one_graph(parts, f'{HEAD}v1: f32[N,3] = uniform(x0, x0, stream="{"a" * n}\nreturn v1\n')


@attack(5000, slow=(30_000,))
def _axes_of_an_attribute(parts, n):
    axes = ",".join(map(str, range(n)))
    one_graph(parts, f"{HEAD}v1: f32[] = sum(x0, axis=({axes}), keepdims=False)\nreturn v1\n")


@attack(5000, slow=(30_000,))
def _pairs_of_axes(parts, n):
    pairs = ",".join(f"({i},{i})" for i in range(n))
    line = f"v1: f32[] = contract(x0, x0, batch=(), summed=({pairs}))"
    one_graph(parts, f"{HEAD}{line}\nreturn v1\n")


@attack(5000)
def _digits(parts, n):
    number = "9" * n
    line = f"v1: f32[] = full(dtype=float32, shape=(), value={number})"
    one_graph(parts, f"{HEAD}{line}\nreturn v1\n")


@attack(100_000)
def _axes_of_a_type(parts, n):
    one_graph(parts, f"graph(x0: f32[{'1,' * n}1])\nreturn x0\n")


@attack(500)
def _nested_attributes(parts, n):
    one_graph(parts, f"{HEAD}v1: f32[] = sum(x0, axis={'(' * n}0{')' * n})\nreturn v1\n")


@attack(6000, slow=(16_000, 100_000))
def _lines(parts, n):
    rows = "\n".join(f"v{i}: f32[N,3] = exp(x0)" for i in range(n))
    one_graph(parts, f"{HEAD}{rows}\nreturn v1\n")


@attack(100_000, slow=(1_000_000,))
def _blank_lines(parts, n):
    one_graph(parts, HEAD + "\n" * n + "return x0\n")


@attack(5000, slow=(100_000,))
def _inputs_of_a_node(parts, n):
    line = f"v1: f32[{n}N,3] = concat({','.join(['x0'] * n)},axis=0)"
    one_graph(parts, f"{HEAD}{line}\nreturn v1\n")


@attack(60)
def _elements(parts, n):
    rows = (
        f"v1: f32[{2**n}] = full(dtype=float32, shape=({2**n},), value=1.0)\n"
        f"v2: f32[{2**n},{2**n}] = broadcast_to(v1, shape=({2**n}, {2**n}))\n"
    )
    one_graph(parts, f"{HEAD}{rows}return v2\n")


@attack(500, slow=(2000,))
def _functions_with_constants(parts, n):
    """Each function looks for its constants, and all have one name."""
    text = f"{HEAD}const c0_: f32[1] sha256:{'0' * 64}\nreturn x0\n"
    for i in range(n):
        parts.header[f"functions/{i}/c0_"] = {
            "dtype": "F32",
            "shape": [0],
            "data_offsets": [len(parts.body)] * 2,
        }
    replaced_layers(parts, [graph_function(text, f"functions/{i}") for i in range(n)])


@attack(1000)
def _functions_of_one_large_constant(parts, n):
    words = len(parts.body) // 4
    parts.body += bytes(4 << 20)
    parts.header["functions/9/c"] = {
        "dtype": "F32",
        "shape": [1 << 20],
        "data_offsets": [4 * words, 4 * words + (4 << 20)],
    }
    text = f"{HEAD}const c: f32[1] sha256:{'0' * 64}\nreturn x0\n"
    replaced_layers(parts, [graph_function(text, "functions/9")] * n)


@attack(100, slow=(1500,))
def _constants_of_one_name(parts, n):
    """Functions that are right, each with a constant c of its own."""
    layers = []
    for i in range(n):
        data = struct.pack("<f", i)
        place = len(parts.body)
        parts.body += data
        parts.header[f"functions/{i + 1}/c"] = {
            "dtype": "F32",
            "shape": [1],
            "data_offsets": [place, place + 4],
        }
        digest = hashlib.sha256(data).hexdigest()
        text = f"{HEAD}const c: f32[1] sha256:{digest}\nv: f32[N,3] = multiply(x0,c)\nreturn v\n"
        layers.append({**graph_function(text, f"functions/{i + 1}"), "name": f"l{i}"})
    replaced_layers(parts, layers)


@attack(slow=(100, 3000))
def _one_large_layer_shared(parts, n):
    rows = "\n".join(f"v{i + 1}: f32[N,3] = exp(x0)" for i in range(1000))
    replaced_layers(parts, [graph_function(f"{HEAD}{rows}\nreturn v1000\n")] * n)
    parts.document["shared"] = [0] * n
    parts.document["names"] = ["a"] * n


@attack(5000)
def _kept_epochs(parts, n):
    parts.document["kept"] = {str(i): True for i in range(n)}


@attack(3000)
def _kept_arrays(parts, n):
    for i in range(n):
        parts.header[f"kept/{i}/params/out.b"] = {
            "dtype": "F32",
            "shape": [0],
            "data_offsets": [len(parts.body)] * 2,
        }
    parts.document["kept"] = {str(i): False for i in range(n)}


@attack(300_000, 10**9)
def _degree(parts, n):
    a_layer(parts, type="Polynomial", degree=n)


@attack(10**9, 2**62)
def _pieces(parts, n):
    a_layer(parts, type="Maxout", units=2, pieces=n)


def an_image(parts, **fields):
    a_layer(parts, **fields)
    parts.document["input_shapes"] = [[10**9, 10**9, 4]]


@attack(10**9, 2**62)
def _pieces_of_a_table(parts, n):
    table = [[0, 1], [2]]
    an_image(parts, type="Conv2D", filters=2, kernel_size=1, connections=table, pieces=n)


@attack(slow=(10_000, 10**6))
def _groups(parts, n):
    an_image(parts, type="Conv2D", filters=n, kernel_size=1, groups=n)
    parts.document["input_shapes"] = [[10, 10, n]]


@attack(10**9, 2**40)
def _padding(parts, n):
    an_image(parts, type="MaxPool2D", pool_size=n, padding=n // 2, strides=1)


@attack(10**9)
def _windows(parts, n):
    an_image(parts, type="AveragePool2D", pool_size=n // 2, padding=n // 4, strides=1)


@attack(10**9)
def _rank(parts, n):
    a_layer(parts, type="Activation", function="relu")
    parts.document["input_shapes"] = [[1] * 20_000]


@attack(2000)
def _centers(parts, n):
    centers = [[0.0, 1.0, 2.0]] * n
    a_layer(parts, type="RBF", centers=centers)


@attack(40)
def _nested_records(parts, n):
    inner = {"type": "float", "value": "nan"}
    for _ in range(n):
        inner = [inner]
    a_layer(parts, type="Dense", units=inner)


@attack(50_000, slow=(1_000_000,))
def _a_long_type(parts, n):
    a_layer(parts, type="Dense" * (n // 5))


@attack(10_000, slow=(100_000,))
def _long_lists(parts, n):
    parts.document["training"]["y"] = list(range(n))
    parts.document["history"]["epochs"] = {"loss": [1.5] * n}


@attack(3000, slow=(15_000,))
def _tiny_arrays(parts, n):
    for i in range(n):
        parts.header[f"params/a{i}"] = {
            "dtype": "U8",
            "shape": [0],
            "data_offsets": [len(parts.body)] * 2,
        }


def bomb(piece):
    """A document of many small values."""

    def change(parts, size):
        parts.document["training"]["y"] = "BOMB"
        text = json.dumps(parts.document).replace('"BOMB"', f"[{','.join([piece] * size)}]")
        return text

    change.__name__ = f"bomb of {piece}"
    attack(10_000, slow=(100_000, 250_000, 1_500_000))(change)


for piece in ("[]", "{}", "[0]", '{"":0}', '"ab"', "999", "1.5", '{"":{"":{}}}'):
    bomb(piece)


@pytest.mark.one_in(2)
@pytest.mark.usefixtures("broken_graphs")
@pytest.mark.parametrize("name", CASES)
def test_time_and_memory_of_a_load_follow_the_size_of_its_file(tmp_path, base, name):
    _, data, usual = base
    change, size = ATTACKS[name]
    parts = apart(data)
    text = change(parts, size)
    if text is None:
        data = together(parts)
    else:
        head = json.dumps({"__metadata__": {"pellucid": text}, **parts.header}).encode()
        data = struct.pack("<Q", len(head)) + head + parts.body
    path = tmp_path / "m.safetensors"
    path.write_bytes(data)
    raised, seconds, peak = load_measured(path)
    assert broken_rule(data, raised, seconds, peak, usual) is None, (raised, seconds, peak)
    assert isinstance(raised, (DataError, type(None)))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ([1] * 65, "at most 64 axes"),
        ([0, 2**62, 2**62], "axes longer than an array can have"),
        ([0] + [2**63 - 1] * 30, "axes longer than an array can have"),
        ([2**63], "whole numbers"),
        ([10**3000] * 60, "whole numbers"),
    ],
)
def test_shapes_that_no_array_has(tmp_path, base, shape, words):
    parts: Parts = apart(base[1])
    end = len(parts.body)
    parts.header["params/z"] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end]}
    path = tmp_path / "m.safetensors"
    path.write_bytes(together(parts))
    with pytest.raises(DataError, match=words):
        pel.load(path)


def test_a_truth_value_must_be_0_or_1(tmp_path, base):
    parts = apart(base[1])
    end = len(parts.body)
    parts.header["state/z"] = {"dtype": "BOOL", "shape": [2], "data_offsets": [end, end + 2]}
    parts.body += b"\1\2"
    path = tmp_path / "m.safetensors"
    path.write_bytes(together(parts))
    with pytest.raises(DataError, match="must hold 0 and 1, got 2"):
        pel.load(path)


def test_what_could_not_be_read_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "_MAX_HEADER", 1000)
    model = pel.Sequential([nn.RBF([[0.0] * 3] * 100), nn.Dense(1)], seed=0)
    model.build((3,))
    with pytest.raises(DataError, match="a description has at most 1,000 bytes"):
        model.save(tmp_path / "m")
    assert not (tmp_path / "m").exists()
