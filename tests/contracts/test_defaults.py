"""What every public argument is where nobody gives it.

A default is a promise: a program that names no momentum trains tomorrow as it does today. The
values below are those of the sources that are named beside them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pellucid as pel
from pellucid import data, metrics, models, nn, optim, testing, viz
from pellucid.transform.tensor import Tensor
from pellucid.viz.neurons import HISTORY

PLAIN = (bool, int, float, str, tuple)
LINEAR = {"use_bias": True, "kernel_initializer": "xavier", "bias_initializer": "zeros"}  # Glorot
CONVOLVED = LINEAR | {  # one connected map a filter, as every library has it; a bias for each map
    **{"strides": 1, "padding": "valid", "dilation": 1, "groups": 1, "pieces": 1},
    **{"bias": "map", "padding_value": 0.0},
}
TRANSPOSED = LINEAR | {"strides": 1, "padding": "valid", "dilation": 1}
EACH = TRANSPOSED | {"multiplier": 1}
POOLED = {"pool_size": 2, "padding": "valid"}  # Keras
NORMALIZED = {"epsilon": 0.001, "center": True, "scale": True}  # Keras
SMOOTHED = {"label_smoothing": 0.0}  # none, unless asked for
SUMMED = {"average": False}  # a row's loss is the sum over its outputs
MOVED = {"fill_mode": "constant", "fill_value": 0.0, "interpolation": "bilinear"}  # black beside it
MOMENTS = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}  # Kingma and Ba, algorithm 1
AROUND = {"decoupled_decay": 0.0, "gather_steps": 1}  # of every optimizer: neither
ADAM = AROUND | MOMENTS | {"amsgrad": False, "epsilon_uncorrected": False}
REDUCED = {"keepdims": False}  # NumPy
ROWS = {"batch_size": 1024}  # of a prediction: no number depends on it

DEFAULTS: dict[str, dict[str, Any]] = {
    # Layers
    "Dense": LINEAR,
    "Maxout": {"pieces": 2} | {key: LINEAR[key] for key in LINEAR if key != "use_bias"},
    "LowRankDense": {key: LINEAR[key] for key in LINEAR if key != "bias_initializer"},
    "Embedding": {"embeddings_initializer": "normal"},
    "RBF": {"width": 1.0},
    "Rescale": {"scale": 1.0, "offset": 0.0},
    "Concat": {"axis": -1},
    "Conv1D": CONVOLVED,
    "Conv2D": CONVOLVED,
    "MaxPool1D": POOLED,
    "MaxPool2D": POOLED,
    "AveragePool1D": POOLED | {"count_padding": True},
    "AveragePool2D": POOLED | {"count_padding": True},
    "PReLU": {"shared_axes": ()},
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose"), TRANSPOSED),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), EACH),
    **dict.fromkeys(
        ("SeparableConv1D", "SeparableConv2D"), EACH | {"pointwise_initializer": "xavier"}
    ),
    "GroupNorm": NORMALIZED | {"groups": 32},  # Wu and He
    "RMSNorm": {"epsilon": 1e-6, "center": False, "scale": True},  # Keras
    "UnitNorm": {"axis": -1},
    "Pad": {"padding": 1, "value": 0.0},  # Keras
    "Crop": {"padding": 1},
    "UpSample": {"size": 2, "interpolation": "nearest"},  # Keras
    "Resize": {"interpolation": "bilinear"},  # Keras
    "Dot": {"axes": -1, "normalize": False},
    "RandomShear": MOVED | {"horizontal": 0.0, "vertical": 0.0},
    "RandomBrightness": {"value_range": (0.0, 1.0)},
    "RandomContrast": {"value_range": (0.0, 1.0)},
    "RandomErasing": {"rate": 0.5, "height": (0.1, 0.4), "width": (0.1, 0.4), "value": 0.0},
    "BatchNorm": NORMALIZED | {"momentum": 0.99},  # Keras
    "LayerNorm": NORMALIZED | {"axes": 1},
    "LocalResponseNorm": {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 2.0},  # AlexNet, 3.3
    "RandomFlip": {"mode": "horizontal_and_vertical"},  # Keras
    "RandomRotation": MOVED,
    "RandomShift": MOVED,
    "RandomZoom": MOVED,
    "Standardize": {"limit": 3.0},  # RealMLP: Holzmüller, Grinsztajn and Steinwart
    "QuantileBins": {"bins": 16},  # ours, of the 2 to 256 of Gorishniy, Rubachev and Babenko
    "Categories": {
        **{"one_hot": 8, "units": 8},  # RealMLP
        "drop": 0.05,  # ours: few enough to cost nothing, enough to train the unseen level
        "embeddings_initializer": "normal",  # as of Embedding
    },
    # Penalties: of weights only, by their gradient
    "L1": {"biases": False, "proximal": False},
    "L2": {"biases": False},
    "ElasticNet": {"ratio": 0.5, "biases": False, "proximal": False},
    "MaxNorm": {"biases": False},
    "MinMaxNorm": {"lowest": 0.0, "rate": 1.0, "biases": False},  # Keras
    "NonNegative": {"biases": False},
    # Starts
    "Xavier": {"distribution": "uniform"},
    "He": {"distribution": "normal"},
    "Normal": {"deviation": 0.05},
    "LeCun": {"distribution": "normal"},
    "Fill": {"value": 1.0},
    "TruncatedNormal": {"deviation": 0.05},  # Keras
    "VarianceScaling": {
        "scale": 1.0,
        "mode": "fan_in",
        "distribution": "truncated_normal",
    },  # Keras
    "Identity": {"gain": 1.0},
    "Orthogonal": {"gain": 1.0},
    # Losses
    **dict.fromkeys(
        (
            *("CrossEntropy", "BinaryCrossEntropy", "ProbabilityCrossEntropy", "KLDivergence"),
            *("ProbabilityBinaryCrossEntropy", "MulticlassHinge", "CategoricalHinge"),
        ),
        SMOOTHED | SUMMED,
    ),
    "Focal": SMOOTHED | SUMMED | {"gamma": 2.0, "alpha": 1.0},  # Lin et al.; no weight
    "BinaryFocal": SMOOTHED | SUMMED | {"gamma": 2.0},
    "GeneralizedCrossEntropy": SMOOTHED | SUMMED | {"q": 0.5},  # Keras
    "Tversky": {"alpha": 0.5, "beta": 0.5},  # Keras
    "Huber": SUMMED | {"delta": 1.0},  # Keras
    **dict.fromkeys(
        (
            *("Absolute", "HalfSquared", "Hebbian", "Hinge", "Logistic", "Perceptron", "Poisson"),
            *("Squared", "AbsolutePercentage", "CosineDistance", "LogCosh", "PoissonRate"),
            *("SquaredHinge", "SquaredLogarithmic"),
        ),
        SUMMED,
    ),
    "GaussianMixture": {"components": 2},
    # Optimizers, schedules, batch sizes
    "SGD": AROUND | {"momentum": 0.0, "nesterov": False, "rate_inside": False},
    "Adagrad": AROUND
    | {"initial_accumulator": 0.0, "epsilon": 1e-10, "epsilon_inside": False},  # PyTorch
    "RMSprop": AROUND
    | {"rho": 0.9, "momentum": 0.0, "epsilon": 1e-8, "centered": False}  # Tieleman
    | {"epsilon_inside": False, "rate_inside": False},
    "Adam": ADAM,
    "AdamW": ADAM | {"weight_decay": 0.01},  # PyTorch
    "Nadam": AROUND | MOMENTS | {"momentum_decay": 0.004},  # PyTorch
    "Adamax": AROUND | MOMENTS,
    "Lamb": AROUND | MOMENTS | {"weight_decay": 0.0},
    "Muon": AROUND
    | MOMENTS
    | {"adam": (), "momentum": 0.95, "nesterov": True, "iterations": 5, "scale": 0.2}  # Keras
    | {"coefficients": (3.4445, -4.775, 2.0315), "adam_rate": 1.0}  # Jordan
    | {"weight_decay": 0.0, "adam_weight_decay": 0.0},
    "Lion": AROUND | {"beta_1": 0.9, "beta_2": 0.99, "weight_decay": 0.0},  # Chen et al.
    "Adadelta": AROUND | {"rho": 0.95, "epsilon": 1e-6},  # Zeiler
    "Ftrl": AROUND | {"initial_accumulator": 0.1, "l1": 0.0, "l2": 0.0, "beta": 0.0},  # Keras
    "Adafactor": AROUND
    | {
        **{"decay": 0.8, "epsilon_1": 1e-30, "epsilon_2": 1e-3},  # Shazeer and Stern
        **{"clip_threshold": 1.0, "relative_step": True},
    },
    "CosineRestarts": {"longer": 2.0, "lower": 1.0, "final": 0.0},  # Keras
    "PolynomialDecay": {"final": 0.0001, "power": 1.0},  # Keras
    "InverseTime": {"decay": 1.0, "every": 1},
    "LBFGS": AROUND | {"memory": 10},  # SciPy
    "Newton": AROUND | {"max_weights": 2000},
    **dict.fromkeys(("Minimizer", "Optimizer", "Perturb"), AROUND),
    "Step": {"factor": 0.1, "every": 10_000},
    "Exponential": {"factor": 0.96, "every": 1},
    "Cosine": {"final": 0.0},
    "OneCycle": {"rising": 0.3},  # PyTorch
    "GrowingBatch": {"factor": 2.0, "every": 1},
    # Models
    "Model": {"dtype": "float32", "terms": ()},
    "Metric": {"weighted": False},
    "Sequential": {"layers": (), "dtype": "float32"},
    "Model.apply": {"train": False},
    "Model.compile": {
        **{"optimizer": "sgd", "loss": "cross_entropy"},
        **{"metrics": (), "regularizer": ()},
    },
    "Model.fit": {
        **{"epochs": 1, "shuffle": True, "verbose": 1, "callbacks": ()},  # Keras
        **{"validation_freq": 1, "initial_epoch": 0},  # Keras
        **{"checkpoint_every": 5.0, "overwrite": False, "resume": False},
    },
    "Model.evaluate": ROWS,
    "Model.predict": ROWS,
    "Model.predict_proba": ROWS,
    "Model.save": {"overwrite": False},  # nothing is replaced unasked
    "RateRange.save": {"overwrite": False},
    "lesson": {
        **{"title": "", "text": "", "questions": (), "hide": (), "language": "en", "seed": 0},
        "overwrite": False,
    },
    "Question": {"choices": (), "tolerance": 0.0, "hint": ""},
    "write_idx": {"overwrite": False},
    "rate_range": {"lowest": 1e-6, "highest": 10.0, "steps": 100, "batch_size": 32},
    "fit_many": {
        "epochs": 1,
        "validation_freq": 1,
        "shuffle": True,
        "callbacks": (),
        "threads": 1,
    },
    "alexnet": {"classes": 1000, "dtype": "float32", "thinner": 1},  # ImageNet's classes
    "lenet5": {"dtype": "float32"},
    "lecun1989": {"dtype": "float32"},
    "top_k_error": {"k": 5},  # ImageNet's
    "f_beta": {"beta": 1.0},
    # Callbacks
    "SwapAverages": {"for_hooks": False},
    "CSVLog": {"separator": ",", "append": False, "overwrite": False},  # Keras
    "EarlyStopping": {
        **{"monitor": "val_loss", "patience": 0, "min_delta": 0.0},  # Keras
        "restore_best": True,
    },
    "LocalWorkers": {"patience": 60.0},
    "RayWorkers": {"cpus": 1, "patience": 60.0},
    "ReduceOnPlateau": {
        **{"monitor": "val_loss", "factor": 0.1, "patience": 10, "cooldown": 0},  # Keras
        **{"min_delta": 0.0, "lowest": 0.0},
    },
    # Data
    "Table": {"source": "", "notes": ()},
    "read_table": {"quiet": False},
    "stream_table": {
        **{"seed": 0, "shuffle": True, "dtype": "float32"},  # those of fit
        "memory": 1000,  # MB: a sort of 10 million rows of 20 numbers, and all else, in 2 GB
    },
    "load_digits": {"seed": 0, "fraction": 0.2},
    "points": {"rows": 500, "noise": 0.0, "seed": 0},  # TensorFlow Playground
    "play": {"held": 0.2, "browser": True, "wait": True},
    "inspect": {"browser": True, "wait": True},
    "Play": {"browser": True, "paused": False},
    "read_idx": {"max_bytes": 4 * 2**30},
    "fit_table": {
        **{"drop": (), "drop_missing": False},  # nothing is left out unasked
        **{"quick": False, "seed": 0, "verbose": 1},  # Keras
    },
    # Functions
    "grad": {"argnums": 0, "has_aux": False},  # JAX
    "value_and_grad": {"argnums": 0, "has_aux": False},
    "jacobian": {"argnums": 0},
    "hessian": {"argnums": 0},
    "numerical_grad": {"argnums": 0, "method": "central"},
    "curvature": {"tolerance": 1e-4, "products": 100, "random_seed": 0},
    "check_grad": {
        **{"order": 2, "modes": ("forward", "reverse"), "directions": 3, "seed": 0},
        "tolerance": 1e-5,
    },
    "show": {"backward": True, "values": True},
    "beside": {"columns": 2},
    "boundary": {"names": ("x₁", "x₂"), "marks": (), "title": "Decision boundary"},
    "contours": {"levels": 8, "marks": (), "title": "Level lines"},
    "features": {"title": "What each unit sees"},
    "plot": {"title": "", "x_label": "x"},
    "surface": {"title": "Surface"},
    "timeline": {"events": HISTORY},
    "op": {"samples": (-2.0, 2.0), "formula": "", "doc": ""},
    "Key": {"stream": ""},
    "Symbol": {"shape": (), "terms": ()},
    "Model.built": {"features": ()},
    "Model.task": {"weights": ()},
    **{
        f"Tensor.{name}": REDUCED
        for name in (
            *("all", "any", "argmax", "argmin", "max", "mean"),
            *("min", "prod", "std", "sum", "var"),
        )
    },
    "Tensor.round": {"decimals": 0},
}


def public() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public function, class, and method that people call."""
    for module in (pel, nn, optim, data, models, metrics, testing, viz):
        for name in module.__all__:
            what = getattr(module, name)
            if callable(what) and not (isinstance(what, type) and issubclass(what, Exception)):
                yield name, what
    for owner in (Tensor, pel.Model, models.RateRange, pel.Callback, optim.Optimizer, nn.Layer):
        for name in dir(owner):
            method = inspect.getattr_static(owner, name)
            if not name.startswith("_") and inspect.isfunction(method):
                yield f"{owner.__name__}.{name}", method


@pytest.mark.parametrize(("label", "function"), dict(public()).items())
def test_the_defaults_of_every_public_callable(label, function):
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # written in C
        return
    found = {one.name: one.default for one in parameters if isinstance(one.default, PLAIN)}
    assert found == DEFAULTS.get(label, {})
    wanted = DEFAULTS.get(label, {}).items()
    assert [type(found[name]) for name, _ in wanted] == [type(value) for _, value in wanted]
