"""Models inside models, layers that models share, and models called on numbers."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid.core.errors import ArgumentError, PellucidError, ShapeError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 4)), RNG.normal(size=(20, 1))
DOUBLE = {"dtype": "float64"}


def bits(model: Any) -> list[bytes]:
    return [array.tobytes() for array in model.get_weights()]


def body(**how: Any) -> pel.Sequential:
    return pel.Sequential(
        [nn.Dense(5, "tanh", name="wide"), nn.Dense(4, name="narrow")], **DOUBLE, **how
    )


def through(w: dict[str, np.ndarray], x: np.ndarray, prefix: str = "") -> np.ndarray:
    """What `body` computes."""
    hidden = np.tanh(x @ w[f"{prefix}wide.W"] + w[f"{prefix}wide.b"])
    return hidden @ w[f"{prefix}narrow.W"] + w[f"{prefix}narrow.b"]


def head(w: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    return x @ w["head.W"] + w["head.b"]


# -- nesting ------------------------------------------------------------------------------------


def twice_in_a_model(inside: Any) -> pel.Model:
    x = pel.Input((4,))
    return pel.Model(x, nn.Dense(1, name="head")(inside(inside(x))), seed=0, **DOUBLE)


def in_a_row(inside: Any) -> pel.Model:
    return pel.Sequential([inside, nn.Dense(1, name="head")], seed=0, **DOUBLE)


def two_levels(inside: Any) -> pel.Model:
    middle = pel.Sequential([inside, inside], name="middle", **DOUBLE)
    return in_a_row(middle)


NESTED: dict[str, tuple[Callable[[Any], pel.Model], str, int]] = {
    "twice in a graph": (twice_in_a_model, "body/", 2),
    "in a row": (in_a_row, "body/", 1),
    "two levels deep": (two_levels, "middle/body/", 2),
}


@pytest.mark.parametrize("name", NESTED)
def test_a_model_inside_computes_what_it_computes_alone(name: str) -> None:
    make, prefix, times = NESTED[name]
    inside = body(name="body")
    model = make(inside)
    model.compile(optim.SGD(0.05), loss="squared")
    model.fit(X, Y, epochs=2, seed=0, verbose=0, backend="interpreter")
    w, out = model.weights, X
    assert list(w) == [
        *(f"{prefix}{one}" for one in ("wide.W", "wide.b", "narrow.W", "narrow.b")),
        "head.W",
        "head.b",
    ]
    for _ in range(times):
        out = through(w, out, prefix)
    np.testing.assert_allclose(model.predict(X), head(w, out), rtol=1e-11)
    np.testing.assert_allclose(inside.predict(X), through(w, X, prefix), rtol=1e-11)
    np.testing.assert_allclose(through(inside.weights, X), inside.predict(X), rtol=1e-11)


@pytest.mark.parametrize("name", NESTED)
def test_a_model_inside_is_a_model_of_its_own_after_the_whole_is_built(
    name: str, tmp_path: Any
) -> None:
    inside = body(name="body")
    model = NESTED[name][0](inside)
    model.build((4,))
    assert inside.count_params() == 49 and inside.architecture.samples == [(4,)]
    assert "wide" in str(inside.graph())
    lines: list[str] = []
    inside.summary(lines.append)
    assert any("(N, 5)" in line for line in lines)
    inside.save(tmp_path / "inside")
    np.testing.assert_array_equal(pel.load(tmp_path / "inside").predict(X), inside.predict(X))
    model.save(tmp_path / "model")
    again = pel.load(tmp_path / "model")
    found = again
    for part in NESTED[name][1].rstrip("/").split("/"):
        found = found.get_layer(part)
    assert found.architecture.samples == [(4,)] and found.architecture.nested
    found.save(tmp_path / "again")
    np.testing.assert_array_equal(pel.load(tmp_path / "again").predict(X), inside.predict(X))


def test_a_graph_stands_in_a_row_and_reads_several_inputs_in_a_graph() -> None:
    a, b = pel.Input((4,)), pel.Input((4,))
    joined = pel.Model([a, b], nn.Add()([nn.Dense(3, name="l")(a), nn.Dense(3, name="r")(b)]))
    x, y = pel.Input((4,)), pel.Input((4,))
    whole = pel.Model([x, y], nn.Dense(1, name="head")(joined([y, x])), seed=0)
    given = [X, X[::-1].copy()]
    np.testing.assert_allclose(
        whole.predict(given), head(whole.weights, joined.predict(given[::-1])), rtol=1e-4, atol=1e-6
    )
    residual = pel.Model(x, nn.Add()([x, nn.Dense(4, name="d")(x)]), name="residual")
    row = pel.Sequential([residual, nn.Dense(1, name="head")], seed=0)
    row.build((4,))
    np.testing.assert_allclose(
        row.predict(X), head(row.weights, residual.predict(X)), rtol=1e-4, atol=1e-6
    )
    with pytest.raises(ArgumentError, match="one input and one output, got 2 and 1"):
        pel.Sequential([joined])


def test_a_model_of_several_outputs_gives_symbols_in_their_form() -> None:
    x = pel.Input((4,))
    ends = {"one": nn.Dense(2)(x), "two": nn.Dense(3)(x)}
    inside = pel.Model(x, ends, name="inside")
    found = inside(x)
    assert list(found) == ["one", "two"]
    whole = pel.Model(x, nn.Concat()([found["two"], found["one"]]), seed=0)
    alone = inside.predict(X)
    np.testing.assert_array_equal(whole.predict(X), np.hstack([alone["two"], alone["one"]]))
    part = pel.Model(x, found["two"])  # of the other output nothing is needed
    np.testing.assert_array_equal(part.predict(X), alone["two"])


def test_what_is_added_to_a_model_inside_would_not_be_seen() -> None:
    inside = body(name="body")
    model = in_a_row(inside)
    with pytest.raises(ArgumentError, match="inside another one is fixed") as refused:
        inside.add(nn.Dense(2))
    assert "Sequential([*model.layers, layer])" in str(refused.value)
    longer = pel.Sequential([*inside.layers, nn.Dense(2)], **DOUBLE)
    model.build((4,))
    assert longer.predict(X).shape == (20, 2) and model.predict(X).shape == (20, 1)
    model.add(nn.Dense(3))  # the whole may grow
    assert model.predict(X).shape == (20, 3)


def test_a_model_does_not_stand_inside_itself() -> None:
    model = body()
    with pytest.raises(ArgumentError, match="must not stand inside itself"):
        model.add(model)
    model.add(pel.Sequential(model.layers[:1], **DOUBLE))  # its layers may come again
    assert model.names == ["wide", "narrow", "wide"]


class During(pel.Callback):
    """Calls a function while the model is trained."""

    def __init__(self, call: Callable[[], Any]):
        self.call = call

    def on_epoch(self, run: Any) -> None:
        self.call()


def other_run(model: pel.Model) -> None:
    other = pel.Sequential([model, nn.Dense(1)], **DOUBLE)
    other.compile("sgd", loss="squared")
    other.fit(X, Y, verbose=0)


CHANGES: dict[str, Callable[[pel.Model], Any]] = {
    "add": lambda m: m.add(nn.Dense(1)),
    "set_weights": lambda m: m.set_weights(m.get_weights()),
    "params": lambda m: setattr(m, "params", m.params),
    "state": lambda m: setattr(m, "state", m.state),
    "compile": lambda m: m.compile("sgd", loss="squared"),
    "fit": lambda m: m.fit(X, np.ones((20, 4)), verbose=0),
    "a run of another model with its layers": other_run,
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_run_would_overwrite_is_refused_while_it_lasts(name: str) -> None:
    model = body(seed=0)
    model.compile("sgd", loss="squared")
    with pytest.raises(ArgumentError, match="must not be trained at the moment"):
        model.fit(
            X,
            np.ones((20, 4)),
            verbose=0,
            seed=0,
            backend="interpreter",
            callbacks=During(lambda: CHANGES[name](model)),
        )
    CHANGES[name](model)  # afterwards it may
    assert model.predict(X).shape[0] == 20


def test_copies_made_during_a_run_are_models_of_their_own() -> None:
    model = body(seed=0)
    model.compile("sgd", loss="squared")
    copies: list[pel.Model] = []
    model.fit(
        X,
        np.ones((20, 4)),
        epochs=2,
        verbose=0,
        seed=0,
        backend="interpreter",
        callbacks=During(lambda: copies.append(pickle.loads(pickle.dumps(model)))),
    )
    one, two = copies
    assert bits(one) != bits(two) == bits(model)
    one.fit(X, np.ones((20, 4)), verbose=0, seed=0, backend="interpreter")


def test_shapes_that_are_declared_hold_wherever_the_layer_or_the_model_stands() -> None:
    with pytest.raises(ShapeError, match=r"must read \(N, 7\) as its input_shape says"):
        pel.Sequential([nn.Dense(3, input_shape=(4,)), nn.Dense(2, input_shape=(7,))])
    late = pel.Sequential([nn.Dense(3), nn.Dense(2, input_shape=(7,))])
    for _ in range(2):
        with pytest.raises(ShapeError, match=r"must read \(N, 7\) as its input_shape says"):
            late.predict(X)
    x, wide = pel.Input((4,)), pel.Input((5,))
    row = pel.Sequential([nn.Dense(3, input_shape=(4,))])
    with pytest.raises(ShapeError, match=r"must read \(N, 4\) as its input_shape says"):
        pel.Model(wide, row(wide))
    graph = pel.Model(x, nn.Flatten()(x), name="graph")
    with pytest.raises(ShapeError, match="graph must read samples of"):
        pel.Model(wide, graph(wide))
    with pytest.raises(ShapeError, match="graph must read samples of"):
        pel.Sequential([nn.Dense(5, input_shape=(4,)), graph])
    body_of_any_size = pel.Sequential([nn.Conv1D(2, 3), nn.GlobalAveragePool()])
    for length in (8, 9):  # what is not declared is free
        signal = pel.Input((length, 1))
        assert pel.Model(signal, body_of_any_size(signal)).predict(np.ones((2, length, 1))).size


def test_other_dtypes_do_not_mix() -> None:
    inside = pel.Sequential([nn.Dense(3)], dtype="float32")
    with pytest.raises(ArgumentError, match="dtype of the whole, float64, got float32"):
        pel.Sequential([inside], dtype="float64")
    x = pel.Input((4,))
    with pytest.raises(ArgumentError, match="dtype of the whole, float64, got float32"):
        pel.Model(x, inside(x), dtype="float64")


# -- sharing ------------------------------------------------------------------------------------


def test_training_one_model_moves_the_other_with_the_same_layers() -> None:
    shared = nn.Dense(4, "tanh", name="shared")
    one = pel.Sequential([shared, nn.Dense(1, name="a")], seed=0)
    two = pel.Sequential([shared, nn.Dense(1, name="b")], seed=1)
    one.build((4,))
    two.build((4,))
    before, own = two.weights, two.weights["b.W"]
    one.compile(optim.Adam(0.01), loss="squared")
    one.fit(X, Y, epochs=2, seed=0, verbose=0)
    assert (two.weights["shared.W"] != before["shared.W"]).any()
    np.testing.assert_array_equal(two.weights["shared.W"], one.weights["shared.W"])
    np.testing.assert_array_equal(two.weights["b.W"], own)
    two.compile(optim.Adam(0.01), loss="squared")
    two.fit(X, Y, epochs=2, seed=0, verbose=0)
    np.testing.assert_array_equal(two.weights["shared.W"], one.weights["shared.W"])
    one.set_weights({"shared.b": np.full(4, 7.0)})
    np.testing.assert_array_equal(two.weights["shared.b"], 7)


@pytest.mark.parametrize("late", [True, False])
def test_arrays_of_another_dtype_or_shape_are_refused_wherever_they_meet(late: bool) -> None:
    """Also where the shape is known only from the first data."""
    for how, width in (({"dtype": "float64"}, 4), ({}, 5)):
        shared = nn.Dense(3, name="shared")
        pel.Sequential([shared]).build((4,))
        data = np.ones((2, width))
        before = [] if late else [nn.Rescale(2.0, input_shape=(width,))]
        for _ in range(2):  # a refused call leaves nothing behind
            with pytest.raises(ShapeError, match="layer shared must have weights"):
                pel.Sequential([*before, shared], **how).predict(data)
        model = pel.Sequential([shared], **how)
        for call in (model.predict, lambda x, m=model: m(pel.Tensor(x)), lambda x, m=model: m(x)):
            with pytest.raises(ShapeError, match="layer shared must have weights"):
                call(data)
        with pytest.raises(ShapeError, match="layer shared must have weights"):
            model.build((width,))


def test_a_model_of_layers_built_elsewhere_has_their_weights_before_it_has_a_shape() -> None:
    shared = nn.Dense(3, name="shared")
    first = pel.Sequential([shared, nn.Dense(1)], seed=0)
    first.build((4,))
    second = pel.Sequential([shared])
    np.testing.assert_array_equal(second.get_weights()[0], first.get_weights()[0])
    np.testing.assert_array_equal(second.params["shared"]["W"], first.params["shared"]["W"])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_share_inside_and_stand_apart_from_the_original(copied: Any) -> None:
    inside = body(name="body")
    pair = twice_in_a_model(inside), pel.Sequential([inside, nn.Dense(2)], **DOUBLE)
    for model in pair:
        model.build((4,))
    one, two = copied(pair)
    assert [bits(one), bits(two)] == [bits(model) for model in pair]
    one.compile(optim.SGD(0.1), loss="squared")
    one.fit(X, Y, seed=0, verbose=0, backend="interpreter")
    np.testing.assert_array_equal(one.weights["body/wide.W"], two.weights["body/wide.W"])
    assert (one.weights["body/wide.W"] != pair[0].weights["body/wide.W"]).any()
    assert one.get_layer("body").layers[0] is two.get_layer("body").layers[0]


def test_a_model_and_its_copy_share_nothing_with_each_other() -> None:
    model = body()
    model.build((4,))
    other = copy.copy(model)  # the same layers: the same weights
    apart = copy.deepcopy(model)
    model.set_weights({"wide.b": np.ones(5)})
    np.testing.assert_array_equal(other.weights["wide.b"], 1)
    np.testing.assert_array_equal(apart.weights["wide.b"], 0)


# -- models and layers as functions -------------------------------------------------------------


def test_a_model_called_on_numbers_is_what_it_predicts() -> None:
    model = body(seed=0)
    model.build((4,))
    expected = model.predict(X)
    assert isinstance(model(X), np.ndarray) and isinstance(model(pel.Tensor(X)), pel.Tensor)
    for found in (model(X), model(X.tolist()), model(pel.Tensor(X)).numpy(), pel.jit(model)(X)):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    both = model.layers[1](model.layers[0](X))
    np.testing.assert_allclose(both, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(
        pel.jit(lambda x: model.layers[1](model.layers[0](x)))(X), expected, rtol=1e-12
    )
    w = model.weights
    slope = pel.grad(lambda x: model(x).sum())(X)
    hidden = np.tanh(X @ w["wide.W"] + w["wide.b"])
    right = ((1 - hidden**2) * w["narrow.W"].sum(axis=1)) @ w["wide.W"].T
    np.testing.assert_allclose(slope, right, rtol=1e-10)
    np.testing.assert_allclose(pel.jit(pel.grad(lambda x: model(x).sum()))(X), right, rtol=1e-10)
    x = pel.Tensor(X)
    model(x).sum().backward()
    np.testing.assert_allclose(x.grad, right, rtol=1e-10)


HOSTILE: dict[str, Any] = {
    "a number that float32 cannot hold": np.full((1, 4), 1e300),
    "a masked array": np.ma.masked_array(X, X > 0),
    "complex numbers": X.astype(complex),
    "text": "abc",
    "nothing": None,
    "objects": np.array([object()]),
    "one number": 1.0,
    "ragged rows": [[1.0], [1.0, 2.0]],
    "another width": np.ones((1, 3)),
    "a dict": {},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_input_is_refused_by_models_and_by_layers(name: str) -> None:
    model = pel.Sequential([nn.Dense(3, name="a", input_shape=(4,)), nn.Dense(1)], seed=0)
    model.build((4,))
    calls: list[Callable[[Any], Any]] = [model, model.layers[0]]
    if name != "a number that float32 cannot hold":  # a pure function computes in its dtype
        calls.append(lambda x: model.apply(model.params, model.state, x))
    for call in calls:
        with pytest.raises(PellucidError):
            call(HOSTILE[name])


def test_a_layer_inside_a_compiled_function_takes_arrays_too() -> None:
    model = body(seed=0)
    model.build((4,))
    alone = model.layers[0](X)
    np.testing.assert_allclose(pel.jit(lambda y: model.layers[0](X) + y)(0.0), alone, rtol=1e-12)


def test_a_compiled_function_sees_the_weights_of_now() -> None:
    model = body(seed=0)
    model.build((4,))
    f = pel.jit(lambda x: model(x))
    f(X)
    model.compile(optim.SGD(0.1), loss="squared")
    model.fit(X, np.zeros((20, 4)), seed=0, verbose=0)
    np.testing.assert_allclose(f(X), model.predict(X), rtol=1e-12)
    model.set_weights({"narrow.b": np.ones(4)})
    np.testing.assert_allclose(f(X), model.predict(X), rtol=1e-12)


@pytest.mark.parametrize("way", ["model", "apply", "jit"])
def test_numbers_of_another_shape_are_refused_also_where_the_layers_would_take_them(
    way: str,
) -> None:
    model = pel.Sequential([nn.Flatten(input_shape=(2, 2)), nn.Dense(1)], seed=0)
    call: Any = {
        "model": lambda x: model(pel.Tensor(x)),
        "apply": lambda x: model.apply(model.params, model.state, x),
        "jit": pel.jit(lambda x: model(x)),
    }[way]
    assert call(np.ones((3, 2, 2))) is not None
    with pytest.raises(ShapeError, match=r"x must be \(N, 2, 2\), got \(3, 4\)"):
        call(np.ones((3, 4)))
    with pytest.raises(PellucidError):
        call(np.float64(1.0))


def test_a_layer_called_twice_draws_two_masks() -> None:
    x, drop = pel.Input((2000,)), nn.Dropout(0.5)
    model = pel.Model(x, [nn.Rescale(1.0)(drop(x)), nn.Rescale(1.0)(drop(x))], seed=0)
    model.build((2000,))
    (one, two), _ = model.apply(
        model.params, model.state, np.ones((1, 2000), "f4"), train=True, key=pel.Key(0, 0)
    )
    kept = np.asarray(one.numpy() != 0), np.asarray(two.numpy() != 0)
    assert abs(np.mean(kept[0] == kept[1]) - 0.5) < 0.05
    with pytest.raises(ArgumentError, match="needs a key, got None"):
        model.apply(model.params, model.state, np.ones((1, 2000), "f4"), train=True)


# -- names, weights, what can be set ------------------------------------------------------------


def test_layers_and_weights_go_by_name() -> None:
    inside = body(name="body")
    model = in_a_row(inside)
    model.build((4,))
    assert model.get_layer("body") is inside
    assert model.get_layer("body/wide") is inside.layers[0]
    assert model.get_layer("head") is model.layers[-1]
    with pytest.raises(ArgumentError, match=r"no layer 'heed'.*Did you mean 'head'"):
        model.get_layer("heed")
    with pytest.raises(ArgumentError, match="no layer"):
        model.get_layer("body/none")
    for wrong in (None, 3, ["head"]):
        with pytest.raises(ArgumentError, match="no layer"):
            model.get_layer(wrong)  # type: ignore[arg-type]
    model.set_weights({"head.b": [5.0]})
    assert model.weights["head.b"] == 5
    for bad, words in (
        ({"head.c": [5.0]}, "no weight 'head.c'"),
        ({"head.b": [5.0, 6.0]}, "must have the shapes"),
        ({"head.b": "x"}, "number"),
        ({3: [5.0]}, "no weight"),
        (5, "must be a list of arrays or a dict"),
        ([np.ones(1)], "must have the shapes"),
    ):
        with pytest.raises(PellucidError, match=words):
            model.set_weights(bad)


def test_params_and_state_take_whole_trees_that_fit_and_nothing_else() -> None:
    model = pel.Sequential([nn.Dense(2, name="d", input_shape=(4,)), nn.BatchNorm(name="n")])
    old = bits(model)
    params, state = model.params, model.state
    own = {"W": np.ones((4, 2)), "b": np.zeros(2)}
    for tree, words in (
        ({}, "must hold d.W, got none"),
        ({**params, "d": {"W": np.ones((4, 2))}}, "must hold d.b, got none"),
        ({**params, "d": {**own, "c": np.ones(1)}}, "holds no 'd.c'"),
        ({**params, "d": {**own, "b": np.zeros(3)}}, r"params.d.b must be \(2,\), got \(3,\)"),
        ({**params, "d": {**own, "b": ["a", "b"]}}, "holds no 'd.b.0'"),
        ({**params, "d": {**own, "b": np.array(["a", "b"])}}, "must hold numbers, got text"),
        (None, "must be a dict"),
        ([1, 2], "must be a dict"),
    ):
        with pytest.raises(PellucidError, match=words):
            model.params = tree  # type: ignore[assignment]
        assert bits(model) == old
    with pytest.raises(PellucidError, match=r"state.n.mean must be \(2,\), got \(3,\)"):
        model.state = {"n": {**state["n"], "mean": np.zeros(3)}}
    model.params = {**params, "d": own}
    own["W"][:] = 9  # the model has its own copy, in its own dtype
    assert (model.weights["d.W"] == 1).all() and model.weights["d.W"].dtype == np.float32
    for write in (
        lambda: model.params.update(d=own),
        lambda: model.params.__setitem__("d", own),
        lambda: model.params["d"].__setitem__("W", np.ones((9, 9))),
        lambda: model.state["n"].pop("mean"),
        lambda: model.params.__ior__({"d": own}),
    ):
        with pytest.raises(ArgumentError, match="cannot be set one by one"):
            write()
    model.params["d"]["W"][:] = 3  # the arrays themselves are the model's own
    assert (model.weights["d.W"] == 3).all()


def test_attributes_that_nothing_reads_are_refused() -> None:
    model = body()
    for name, words in (
        ("trainable", "rates="),
        ("stop_training", "run.stop"),
        ("optimiser", "no attribute 'optimiser' to set"),
        ("weight", "no attribute"),
    ):
        with pytest.raises(ArgumentError, match=words):
            setattr(model, name, False)
    for name in ("seed", "dtype", "name", "architecture", "programs"):
        with pytest.raises(ArgumentError, match=f"the {name} of a model is fixed"):
            setattr(model, name, 1)
    for name in ("loss", "optimizer", "metrics", "layers", "weights", "rates", "names"):
        with pytest.raises((ArgumentError, AttributeError)):
            setattr(model, name, None)


def test_unknown_arguments_are_refused_in_the_one_form() -> None:
    model = body(seed=0)
    model.build((np.int64(4),))  # NumPy's own integers are sizes too
    calls: list[Any] = [model, model.layers[0], model.apply, model.build, model.set_weights]
    calls += [model.get_layer, model.summary, model.objective, model.training_graph, model.add]
    for call in calls:
        with pytest.raises(ArgumentError, match="unknown argument 'unknown'"):
            call(unknown=1)
    with pytest.raises(ArgumentError, match="print_fn must be a function"):
        model.summary(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(5,), (4, 1), ()])
def test_a_model_is_built_for_one_shape(shape: tuple[int, ...]) -> None:
    x = pel.Input((4,))
    for model in (
        pel.Sequential([nn.Dense(2, input_shape=(4,))]),
        pel.Model(x, nn.Dense(2)(x)),
    ):
        before = model.architecture.samples
        with pytest.raises(PellucidError):
            model.build(shape)
        model.build((4,))
        with pytest.raises(ShapeError, match=r"must be \(4,\) as the model has it"):
            model.build(shape)
        assert model.architecture.samples == before
        assert model.predict(X).shape == (20, 2)


# -- penalties and frozen layers ----------------------------------------------------------------


def test_the_penalties_of_single_layers_are_in_the_objective_and_in_a_step() -> None:
    inside = pel.Sequential(
        [nn.Dense(3, name="in", regularizer=[nn.L2(0.3), nn.L1(0.01)])], name="body", **DOUBLE
    )
    model = pel.Sequential(
        [inside, nn.Dense(1, name="out", regularizer=nn.L2(0.5, biases=True))], seed=0, **DOUBLE
    )
    model.compile(optim.SGD(0.1), loss="squared", regularizer=nn.L2(0.2))
    model.build((4,))
    model.set_weights({"out.b": [0.7]})
    w = model.weights
    hidden = X @ w["body/in.W"] + w["body/in.b"]
    rest = head({"head.W": w["out.W"], "head.b": w["out.b"]}, hidden) - Y
    first, last, bias = w["body/in.W"], w["out.W"], w["out.b"]
    penalty = 0.15 * (first**2).sum() + 0.01 * np.abs(first).sum()
    penalty += 0.25 * ((last**2).sum() + (bias**2).sum())
    penalty += 0.1 * ((first**2).sum() + (last**2).sum())
    assert model.evaluate(X, Y)["loss"] == pytest.approx((rest**2).mean() + penalty, rel=1e-10)
    slope = 2 * rest / 20
    model.fit(X, Y, batch_size="all", seed=0, verbose=0)
    after = model.weights
    step = hidden.T @ slope + 0.5 * last + 0.2 * last
    np.testing.assert_allclose(after["out.W"], last - 0.1 * step, rtol=1e-10)
    step = slope.sum(axis=0) + 0.5 * bias
    np.testing.assert_allclose(after["out.b"], bias - 0.1 * step, rtol=1e-10)
    step = X.T @ (slope @ last.T) + (0.3 + 0.2) * first + 0.01 * np.sign(first)
    np.testing.assert_allclose(after["body/in.W"], first - 0.1 * step, rtol=1e-10)


@pytest.mark.parametrize("backend", ["native", "interpreter"])
def test_a_frozen_model_inside_keeps_weights_and_statistics_to_the_bit(backend: str) -> None:
    inside = pel.Sequential([nn.Dense(3), nn.BatchNorm(momentum=0.5)], name="body", seed=0)
    whole = pel.Sequential([inside, nn.Dense(1, name="head")], seed=0)
    whole.compile(optim.Adam(0.1), loss="squared", rates={"body": 0})
    whole.build((4,))
    weights, state = bits(inside), pickle.dumps(inside.state)
    head_before = whole.weights["head.W"]
    whole.fit(X, Y, epochs=3, seed=0, verbose=0, backend=backend)
    assert bits(inside) == weights and pickle.dumps(inside.state) == state
    assert (whole.weights["head.W"] != head_before).any()
    whole.compile(optim.Adam(0.1), loss="squared")
    whole.fit(X, Y, epochs=1, seed=0, verbose=0, backend=backend)
    assert bits(inside) != weights and pickle.dumps(inside.state) != state


# -- what is shown ------------------------------------------------------------------------------


def test_graphs_gradients_and_derivations_of_a_model_are_shown() -> None:
    inside = body(name="body", seed=0)
    model = in_a_row(inside)
    model.build((4,))
    text = str(model.graph())
    assert "params.body_wide.W: f64[4,5]" in text and "f64[N,4]" in text
    assert text.count("matmul") + text.count("contract") >= 3
    shown = str(pel.show(model, X))
    assert "body_wide.W" in shown
    model.compile("sgd", loss="squared")
    assert "body_wide.W" in str(pel.show(model, X, Y))
    derived = str(pel.explain(model, X, Y))
    assert "head.W" in derived and "body_wide.W" in derived
    with pytest.raises(ArgumentError, match="got 3 arguments"):
        pel.show(model, X, Y, Y)


@pytest.mark.parametrize("grown", [False, True], ids=["one head of two", "grown since its call"])
def test_a_model_that_is_used_in_part_is_saved(grown, tmp_path):
    """Its other layers stand in no place of the file, which was a KeyError."""
    x, inside = np.ones((5, 3), np.float32), nn.Input((3,))
    if grown:
        body = pel.Sequential([nn.Dense(4)], seed=0)
        used = body(inside)
        body.add(nn.Dense(2))
    else:
        first = nn.Input((3,))
        shared = nn.Dense(4)(first)
        body = pel.Model(first, [nn.Dense(1)(shared), nn.Dense(2)(shared)], seed=0)
        used = body(inside)[0]
    whole = pel.Model(inside, nn.Dense(1)(used), seed=0)
    whole.compile("adam", "squared")
    whole.fit(x, np.ones(5), seed=0, verbose=0, checkpoint=tmp_path / "whole")
    back = pel.load(tmp_path / "whole")
    np.testing.assert_array_equal(back.predict(x), whole.predict(x))
    assert back.names == whole.names
    for one in (back, whole):
        one.fit(x, np.ones(5), seed=0, verbose=0, epochs=2, resume=True)
    np.testing.assert_array_equal(back.predict(x), whole.predict(x))
