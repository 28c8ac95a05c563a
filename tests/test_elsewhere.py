"""Names of other libraries: each door says what they mean here, not what they are spelled like.

`MEANT` is written by hand, from the other libraries' documentation. Formulas that a message gives
are computed, and compared with NumPy or with the definition.
"""

from __future__ import annotations

import inspect
import math
import re

import numpy as np
import pytest

import pellucid as pel
from pellucid import nn, optim
from pellucid import numpy as pnp
from pellucid.core.errors import PellucidError, meaning, nearest
from pellucid.models import elsewhere as models_elsewhere
from pellucid.models.configuration import OPTIMIZERS
from pellucid.nn import activations, init
from pellucid.nn import elsewhere as nn_elsewhere
from pellucid.nn.layer import ARGUMENTS as LAYER_ARGUMENTS
from pellucid.nn.losses import named
from pellucid.optim import elsewhere as optim_elsewhere
from pellucid.train import callback, metrics, scores
from pellucid.transform import elsewhere as transform_elsewhere

X = np.random.default_rng(3).normal(size=(12, 4)).astype(np.float32)


def compiled(optimizer="sgd", loss="squared", **options):
    model = pel.Sequential([nn.Dense(1)], seed=0)
    model.compile(optimizer, loss, **options)
    return model


# Each door: how a name comes in.
DOORS = {
    "activation": lambda name: nn.Dense(1, activation=name),
    "initializer": lambda name: nn.Dense(1, kernel_initializer=name),
    "loss": lambda name: compiled(loss=name),
    "metric": lambda name: compiled(metrics=[name]),
    "optimizer": lambda name: compiled(name),
    "pel": lambda name: getattr(pel, name),
    "pel.nn": lambda name: getattr(nn, name),
    "pel.optim": lambda name: getattr(optim, name),
    "pel.metrics": lambda name: getattr(pel.metrics, name),
    "pel.numpy": lambda name: getattr(pnp, name),
    "np": lambda name: getattr(np, name)(pel.Tensor(X), *MORE.get(name, ())),
    "Tensor": lambda name: getattr(pel.Tensor(X), name),
    "callback": lambda name: compiled().fit(X, X[:, 0], callbacks=[foreign(name)]),
    "compile": lambda name: compiled(**{name: 1}),
    "fit": lambda name: compiled().fit(X, X[:, 0], **{name: 1}),
    "model": lambda name: setattr(compiled(), name, 1),
    "model read": lambda name: getattr(compiled(), name),
    "model(x)": lambda name: compiled()(X, **{name: 1}),
    "predict": lambda name: compiled().predict(X, **{name: 1}),
    "evaluate": lambda name: compiled().evaluate(X, X[:, 0], **{name: 1}),
    "Dense": lambda name: nn.Dense(1, **{name: 1}),
    "Embedding": lambda name: nn.Embedding(3, 1, **{name: 1}),
    "Conv2D": lambda name: nn.Conv2D(1, 3, **{name: 1}),
    "Adam": lambda name: optim.Adam(**{name: 1}),
}


MORE = {"heaviside": (0.0,)}  # arguments beside x


def foreign(name):
    """A callback of Keras, by what we look at."""
    return type(name, (), {"set_model": None, "on_epoch_end": None})()


def advice(door, name):
    with pytest.raises(PellucidError) as caught:
        DOORS[door](name)
    return caught.value.fix


# The door, the name of another library, and what the advice must say.
MEANT = [
    ("activation", "swish", "'silu'"),
    ("activation", "hard_swish", "'hard_silu'"),
    ("activation", "prelu", "pel.nn.PReLU()"),
    ("activation", "identity", "'linear'"),
    ("activation", "expit", "'sigmoid'"),
    ("activation", "heaviside", "'step'"),
    ("activation", "ReLU", "'relu'"),
    ("initializer", "glorot_uniform", "'xavier'"),
    ("initializer", "xavier_uniform", "'xavier'"),
    ("initializer", "GlorotUniform", "'xavier'"),
    ("initializer", "glorot_normal", 'Xavier("normal")'),
    ("initializer", "he_normal", "'he'"),
    ("initializer", "kaiming_normal", "'he'"),
    ("initializer", "he_uniform", 'He("uniform")'),
    ("initializer", "random_normal", "'normal'"),
    ("initializer", "lecun_normal", "'lecun'"),
    ("initializer", "constant", "pel.nn.Fill(value)"),
    ("loss", "mse", "'squared'"),
    ("loss", "MeanSquaredError", "'squared'"),
    ("loss", "mae", "'absolute'"),
    ("loss", "categorical_crossentropy", "'cross_entropy'"),
    ("loss", "CrossEntropyLoss", "'cross_entropy'"),
    ("loss", "binary_crossentropy", "'binary_cross_entropy'"),
    ("loss", "BCEWithLogitsLoss", "'binary_cross_entropy'"),
    ("loss", "BCELoss", "'probability_binary_cross_entropy'"),
    ("loss", "kl_div_loss", "'kl_divergence'"),
    ("loss", "mape", "'absolute_percentage'"),
    ("loss", "BinaryFocalCrossentropy", "'binary_focal'"),
    ("loss", "smooth_l1_loss", "'huber'"),
    ("loss", "nll_loss", "'cross_entropy'"),
    ("metric", "acc", "'accuracy'"),
    ("metric", "sparse_categorical_accuracy", "'accuracy'"),
    ("metric", "mse", "'squared_error'"),
    ("metric", "AUC", "'roc_auc'"),
    ("metric", "f1_score", "'f1'"),
    ("metric", "rmse", "'root_squared_error'"),
    ("metric", "pr_auc", "'average_precision'"),
    ("optimizer", "radam", "Adam()"),
    ("optimizer", "bfgs", "'lbfgs'"),
    ("optimizer", "L-BFGS-B", "'lbfgs'"),
    ("optimizer", "momentum", "SGD(0.1, momentum=0.9)"),
    ("optimizer", "gradient_descent", "'sgd'"),
    ("pel", "ModelCheckpoint", "checkpoint=path"),
    ("pel", "Dense", "pel.nn.Dense."),
    ("pel", "Adam", "pel.optim.Adam."),
    ("pel", "exp", "pel.numpy.exp."),
    ("pel", "BatchNormalization", "'pel.nn.BatchNorm'"),
    ("pel", "load_model", "'load'"),
    ("pel", "no_grad", "stop_gradient"),
    ("pel", "callbacks", "pel.EarlyStopping"),
    ("pel", "layers", "'nn'"),
    ("pel", "losses", "'nn'"),
    ("pel", "optimizers", "'optim'"),
    ("pel", "utils", "pel.data.split"),
    ("pel", "random", "pel.Key(seed, step)"),
    ("pel", "vmap", "all rows at once"),
    ("pel.nn", "GELU", "Activation('gelu')"),
    ("pel.nn", "Conv2DTransposed", "'Conv2DTranspose'"),
    ("pel.nn", "ZeroPadding2D", "'Pad'"),
    ("pel.nn", "ReLU", "Activation('relu')"),
    ("pel.nn", "Linear", "'Dense'"),
    ("pel.nn", "BatchNorm2d", "'BatchNorm'"),
    ("pel.nn", "MaxPooling2D", "'MaxPool2D'"),
    ("pel.nn", "Conv2d", "'Conv2D'"),
    ("pel.nn", "Concatenate", "'Concat'"),
    ("pel.nn", "Lambda", "Basis(function)"),
    ("pel.nn", "MSELoss", "'Squared'"),
    ("pel.nn", "CrossEntropyLoss", "'CrossEntropy'"),
    ("pel.nn", "GlorotUniform", "'Xavier'"),
    ("pel.nn", "HeNormal", "'He'"),
    ("pel.nn", "L1L2", "'ElasticNet'"),
    ("pel.nn", "LSTM", "recurrent"),
    ("pel.optim", "RAdam", "Adam()"),
    ("pel.optim", "CosineAnnealingLR", "'Cosine'"),
    ("pel.optim", "ExponentialDecay", "'Exponential'"),
    ("pel.optim", "MultiStepLR", "'Piecewise'"),
    ("pel.metrics", "accuracy_score", "'accuracy'"),
    ("pel.metrics", "roc_auc_score", "'roc_auc'"),
    ("pel.numpy", "arctan", "'atan'"),
    ("pel.numpy", "concatenate", "'concat'"),
    ("pel.numpy", "power", "'pow'"),
    ("pel.numpy", "unique", "np.unique; it does not take Tensors"),
    ("pel.numpy", "histogram", "np.histogram; it does not take Tensors"),
    ("Tensor", "view", "'reshape'"),
    ("Tensor", "zero_grad", "anew"),
    ("callback", "ModelCheckpoint", "checkpoint=path"),
    ("callback", "ReduceLROnPlateau", "pel.ReduceOnPlateau"),
    ("callback", "TensorBoard", "pel.TensorBoardLog(folder)"),
    ("compile", "lr", "SGD(0.1)"),
    ("compile", "criterion", "'loss'"),
    ("compile", "trainable", "rates={'dense_1': 0}"),
    ("fit", "n_epochs", "'epochs'"),
    ("fit", "random_state", "'seed'"),
    ("fit", "n_jobs", "'threads'"),
    ("fit", "patience", "EarlyStopping(patience=5)"),
    ("model", "stop_training", "run.stop = True"),
    ("model read", "train_on_batch", "optimizer.update"),
    ("model read", "trainable_weights", "'weights'"),
    ("model read", "save_weights", "'save'"),
    ("model read", "input_shape", "model.summary()"),
    ("model read", "state_dict", "'get_weights'"),
    ("model(x)", "training", "model.apply(params, state, x, train=True"),
    ("predict", "verbose", "Leave it out"),
    ("evaluate", "verbose", "Leave it out"),
    ("evaluate", "return_dict", "always returns a dict"),
    ("Dense", "input_dim", "input_shape=(4,)"),
    ("Embedding", "input_dim", "'count'"),
    ("Conv2D", "data_format", "channels come last"),
    ("Dense", "out_features", "'units'"),
    ("Dense", "kernel_regularizer", "'regularizer'"),
    ("Conv2D", "out_channels", "'filters'"),
    ("Conv2D", "dilation_rate", "'dilation'"),
    ("Adam", "eps", "'epsilon'"),
    ("Adam", "betas", "beta_1=0.9, beta_2=0.999"),
]


@pytest.mark.parametrize(("door", "name", "wanted"), MEANT)
def test_a_name_of_another_library_is_answered_by_its_meaning(door, name, wanted):
    assert wanted in advice(door, name)


def test_a_slip_is_answered_in_the_spelling_of_the_other_library():
    assert "Did you mean 'kernel_regularizer'? Here" in advice("Dense", "kernel_regulariser")


def test_names_that_are_only_a_little_alike_are_no_slip():
    assert nearest("input_dim", ["units"], {"output_dim": "units"}) == "Known: units."
    assert nearest("data_format", ["dilation"], {"dilation_rate": "dilation"}) == "Known: dilation."


@pytest.mark.parametrize("name", models_elsewhere.READ)
def test_attributes_of_other_libraries_models_say_what_to_write(name):
    model = compiled()
    if name not in dir(model):
        fix = advice("model read", name)
        ours = re.search(r"Here it is called '(\w+)'", fix)
        assert ours[1] in dir(model) if ours else fix == models_elsewhere.READ[name]


def test_a_layer_without_apply_says_what_to_define():
    class Doubled(nn.Layer):
        def call(self, x):
            return 2 * x

    with pytest.raises(PellucidError, match=r"must define apply.*returns \(output, state\)"):
        pel.Sequential([Doubled(), nn.Dense(1)], seed=0).predict(X)


def test_a_symbol_in_a_row_of_layers_is_answered_by_input_shape():
    with pytest.raises(PellucidError, match=r"input_shape=\(4,\)"):
        pel.Sequential([pel.Input((4,)), nn.Dense(1)], seed=0)


def test_a_layer_that_is_frozen_as_in_keras_is_answered_by_rates():
    layer = nn.Dense(3)
    with pytest.raises(PellucidError, match=r"Freeze layers in compile: rates={'dense_1': 0}"):
        layer.trainable = False
    with pytest.raises(PellucidError, match=r"Make a new one: Dense\(units=…\)"):
        layer.units = 4


def test_a_key_without_a_step_is_our_error():
    with pytest.raises(PellucidError, match="step"):
        pel.Key(0)


def known_at(door):
    """The words that a door takes."""
    return {
        "activation": activations.BY_NAME,
        "initializer": init.BY_NAME,
        "loss": named.BY_NAME,
        "metric": [*metrics.BY_NAME, "top_5_error"],
        "optimizer": OPTIMIZERS,
        "pel.nn": nn.__all__,
        "pel.optim": optim.__all__,
        "pel.metrics": scores.__all__,
        "pel.numpy": pnp.__all__,
        "Tensor": dir(pel.Tensor),
        "callback": pel.__all__,
        "compile": pel.Model.compile.__wrapped__.__code__.co_varnames,
    }[door]


TABLES = {
    "activation": activations.ELSEWHERE,
    "initializer": init.ELSEWHERE,
    "loss": named.ELSEWHERE,
    "metric": metrics.ELSEWHERE,
    "pel.nn": nn_elsewhere.NAMES,
    "pel.optim": optim_elsewhere.NAMES,
    "pel.metrics": scores.ELSEWHERE,
    "pel.numpy": transform_elsewhere.NAMESPACE,
    "Tensor": transform_elsewhere.TENSOR,
    "callback": callback.ELSEWHERE,
}


@pytest.mark.parametrize("door", TABLES)
def test_every_word_of_a_table_is_known_at_its_door(door):
    known = list(known_at(door))
    own = {word.lower().replace("_", "") for word in known}
    for name in TABLES[door]:
        if name.lower().replace("_", "") not in own:  # those are matched by their own letters
            assert meaning(name, known, TABLES[door]), name


def test_every_word_for_an_argument_is_one_of_a_callable():
    def arguments(*several):
        return {name for one in several for name in one.__init__.__wrapped__.__code__.co_varnames}

    layers = [one for one in vars(nn).values() if isinstance(one, type)]
    of_layers = {f for one in layers for f in getattr(one, "__dataclass_fields__", ())}
    minimizers = [one for one in vars(optim).values() if isinstance(one, type)]
    of_optimizers = {f for one in minimizers for f in getattr(one, "__dataclass_fields__", ())}
    fit = inspect.signature(pel.Model.fit).parameters
    compile_ = inspect.signature(pel.Model.compile).parameters
    for table, known in (
        (LAYER_ARGUMENTS, of_layers),
        (optim_elsewhere.ARGUMENTS, of_optimizers),
        (models_elsewhere.FIT, fit),
        (models_elsewhere.COMPILE, compile_),
    ):
        for name, value in table.items():
            assert value.endswith(".") or value in known, name


ACTIVATIONS = {"sin": np.sin}


def in_code(name, door):
    """What the advice says to write, as Python."""
    return re.search(r"lambda .*(?=\.$)", advice(door, name))[0]


@pytest.mark.parametrize("name", activations.FORMULAS)
def test_the_function_that_is_advised_is_that_activation(name):
    x = np.linspace(-8, 8, 36).reshape(6, 6)
    layer = nn.Activation(eval(in_code(name, "activation"), {"pel": pel}))
    model = pel.Sequential([layer], seed=0, dtype="float64")
    with np.errstate(all="ignore"):
        wanted = ACTIVATIONS[name](x)
    np.testing.assert_allclose(model(pel.Tensor(x)).numpy(), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", transform_elsewhere.FORMULAS)
def test_the_formula_that_is_advised_is_that_function_of_numpy(name):
    x = X[0] if name == "trapezoid" else X
    if name.startswith("is"):
        x = np.where(X > 1, np.inf, np.where(X < -1, -np.inf, X))
    code = transform_elsewhere.FORMULAS[name]
    assert advice("np", name).startswith(f"Write {code}.")
    found = eval(code, {"np": np, "x": pel.Tensor(x)})
    wanted = getattr(np, name)(x, *MORE.get(name, ()))
    for one, other in zip(
        found if isinstance(found, list) else [found],
        wanted if isinstance(wanted, list) else [wanted],
        strict=True,
    ):
        np.testing.assert_allclose(one.numpy(), other, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        ("glorot_uniform", math.sqrt(2 / 500)),
        ("glorot_normal", math.sqrt(2 / 500)),
        ("he_normal", math.sqrt(2 / 400)),
        ("he_uniform", math.sqrt(2 / 400)),
        ("lecun_normal", math.sqrt(1 / 400)),
        ("lecun_uniform", math.sqrt(1 / 400)),
        ("random_normal", 0.05),
        ("random_uniform", 0.05 / math.sqrt(3)),
    ],
)
def test_the_initializer_that_is_advised_has_that_spread(name, deviation):
    said = advice("initializer", name)
    word = re.search(r"called '(\w+)'", said)
    code = re.search(r"pel\.nn\.\w+\(.*\)", said)
    start = word[1] if word else eval(code[0], {"pel": pel, "inputs": 400})
    model = pel.Sequential([nn.Dense(100, kernel_initializer=start)], seed=0)
    model.build((400,))
    weight = model.weights["dense_1.W"]
    np.testing.assert_allclose(weight.std(), deviation, rtol=0.02)
    uniform = weight.std() * math.sqrt(3) * 1.01 > np.abs(weight).max()
    assert uniform == name.endswith("uniform")


def test_meaning_goes_before_spelling_and_a_slip_of_the_pen_is_found_in_both():
    words, others = ["relu", "xavier"], {"gelu": "Write one.", "glorot": "xavier", "x": "nowhere"}
    assert nearest("gelu", words, others) == "Write one."
    assert nearest("Glorot", words, others) == "Here it is called 'xavier'."
    assert nearest("glorrot", words, others) == (
        "Did you mean 'glorot'? Here it is called 'xavier'."
    )
    assert nearest("rleu", words, others) == "Did you mean 'relu'? Known: relu, xavier."
    assert nearest("ReLU", words, others).startswith("Did you mean 'relu'?")
    assert nearest("x", words, others) == "Known: relu, xavier."
    assert meaning("gelu", words, {}) == ""


def test_a_function_of_numpy_is_never_taken_for_a_slip_of_the_pen():
    """Real functions that do not take Tensors: to name one of like spelling would be wrong."""
    for name in ("unique", "nanmedian", "searchsorted", "histogram", "block", "polyfit"):
        said = advice("pel.numpy", name)
        assert "Did you mean" not in said and f"np.{name}" in said
        if name in ("unique", "nanmedian"):
            assert advice("np", name) == "On numbers alone, call it with x.numpy()."
