"""Every argument of every layer, loss, penalty and start: what is just allowed, what is not."""

import dataclasses
import inspect

import numpy as np
import pytest

from pellucid import nn
from pellucid.core.errors import ArgumentError

TINY, ALMOST, OVER = 5e-324, 1 - 2**-53, 1 + 2**-52
INF, NAN = float("inf"), float("nan")

REAL = ([-1e300, 0, 2.5], [INF, NAN, "1", None, True])
AT_LEAST_0 = ([0, 1e300], [-TINY, INF, NAN, "1", None, True])
ABOVE_0 = ([TINY, 1e300], [0, -1, INF, NAN, "1", True])
BELOW_1 = ([0, 0.5, ALMOST], [-TINY, 1, NAN, True])
SHARE = ([0, 0.5, 1], [-TINY, OVER, NAN, True])
COUNT = ([1, 7], [0, -1, 1.0, "1", None, True])
FLAG = ([True, False], [0, 1, "yes", None])
START = (["zeros", "he", nn.Normal(0.1)], ["glorot", None, 0, nn.Normal])
SHAPED = (["uniform", "normal"], ["truncated", None, 1])
SHARP = (["relu", "softmax", np.tanh, None], ["rleu", 3, True])
ONE_AXIS = ([1, 3, (2,), [2]], [0, (1, 1), (), 1.0, "1", True])
TWO_AXES = ([1, 3, (1, 2), [2, 1]], [0, (1,), (1, 2, 3), (1, 0), 1.0, "1", True])
STRIDES_1 = ([None, *ONE_AXIS[0]], ONE_AXIS[1])
STRIDES_2 = ([None, *TWO_AXES[0]], TWO_AXES[1])
PADS_1 = (
    ["valid", "same", 0, 2, ((1, 2),), (3,)],
    ["full", -1, ((1, 2), (1, 2)), ((1,),), ((1, 2, 3),), None, 1.0, ((1, -1),)],
)
PADS_2 = (
    ["valid", "same", 0, 2, (1, (1, 2)), [3, 4]],
    ["full", -1, (1,), ((1,), 2), None, 1.0, ((1, -1), 0)],
)
FILL = (["constant", "nearest"], ["wrapped", None])
BETWEEN = (["bilinear", "nearest"], ["cubic", None])
SMOOTH = {"label_smoothing": BELOW_1}
MEAN = {"average": FLAG}
BY_CLASS = MEAN | {
    "class_weights": ([None, (1, 2.5), [0, 1]], [1.0, "12", (1, -1), (NAN,), (True, 1)])
}
MARGIN = MEAN | {"label_smoothing": ([0], [0.5, -1]), "class_weights": ([None], [(1, 2), 1])}
MOVED = {"fill_mode": FILL, "fill_value": REAL, "interpolation": BETWEEN}
POOL_1 = {"pool_size": ONE_AXIS, "strides": STRIDES_1, "padding": PADS_1}
POOL_2 = {"pool_size": TWO_AXES, "strides": STRIDES_2, "padding": PADS_2}
TABLES = (
    [None, ((0, 1), (1,)), [[0], [1, 2]]],
    [((0, 1),), ((0,), ()), ((0, 0), (1,)), ((0,), (-1,)), ((0,), (1.0,)), 3, ((0,), 1)],
)
MAPS = {
    "filters": COUNT,
    "dilation": ONE_AXIS,
    "groups": ([1, 2], [0, 3, 1.0, True]),
    "connections": TABLES,
    "pieces": COUNT,
    "activation": SHARP,
    "use_bias": FLAG,
    "bias": (["map", "unit"], ["none", None, True]),
    "padding_value": REAL,
    "kernel_initializer": START,
    "bias_initializer": START,
}
NORMAL = {"epsilon": ABOVE_0, "center": FLAG, "scale": FLAG}
PENALTY = {"strength": AT_LEAST_0, "biases": FLAG}
SHIFT = (
    [0, 1, 0.5, (-1, 1), [0, 0.25], (0.5, 0.5)],
    [-TINY, OVER, (-OVER, 0), (0, OVER), (0.5, 0.25), (1,), (0, 0.1, 0.2), NAN, "1", True],
)
TURN = ([0, 1, 0.5, (-1, 1), [0, 0.25]], [-TINY, OVER, (0.5, 0.25), (1,), NAN, "1", True])
ZOOM = (
    [0, 0.5, 10, (-0.99, 10), [0, 0.25]],
    [-TINY, 10.1, (-1, 0), (0, 10.1), (0.5, 0.25), (1,), NAN, "1", True],
)

SPREAD = {
    "filters": COUNT,
    "activation": SHARP,
    "use_bias": FLAG,
    "kernel_initializer": START,
    "bias_initializer": START,
}
SPREAD_1 = SPREAD | {
    "kernel_size": ONE_AXIS,
    "strides": ONE_AXIS,
    "dilation": ONE_AXIS,
    "padding": PADS_1,
    "output_padding": ([None, 0, (0,)], [1, -1, (0, 0), 1.0, "0", True]),
}
SPREAD_2 = SPREAD | {
    "kernel_size": TWO_AXES,
    "strides": TWO_AXES,
    "dilation": TWO_AXES,
    "padding": PADS_2,
    "output_padding": ([None, 0, (0, 0)], [1, -1, (0,), 1.0, "0", True]),
}
EACH = {
    "multiplier": COUNT,
    "activation": SHARP,
    "use_bias": FLAG,
    "kernel_initializer": START,
    "bias_initializer": START,
}
EACH_1 = EACH | {name: SPREAD_1[name] for name in ("kernel_size", "strides", "dilation", "padding")}
EACH_2 = EACH | {name: SPREAD_2[name] for name in ("kernel_size", "strides", "dilation", "padding")}
ENDS = (
    [0, 2, (1,), ((1, 2),), (1, (1, 2)), [3, [4, 0]]],
    ["same", -1, (), ((1,),), ((1, 2, 3),), None, 1.0, ((1, -1),), (1, 1, 1, 1)],
)
TANGENT = ([0, 1, (-10, 10), [0, 0.25]], [-TINY, 10.1, (0.5, 0.25), (1,), NAN, "1", True])
CONTRAST = ([0, 1, (-1, 100), [0, 0.25]], [-TINY, 100.1, (-1.1, 0), (1,), NAN, "1", True])
PIXELS = ([(0, 1), (0, 255), [-1, 1]], [(1, 0), (0, 0), (0,), 1, None, (0, NAN), ("0", 1)])
PART = ([(0, 1), [0.25, 0.5]], [0.5, (0.5, 0.25), (-0.1, 0), (0, OVER), (1,), None])

# For each class: what it is made with otherwise, and for each argument (allowed, refused).
TABLE = {
    nn.Dense: (
        {"units": 2},
        {
            "units": COUNT,
            "activation": SHARP,
            "use_bias": FLAG,
            "kernel_initializer": START,
            "bias_initializer": START,
        },
    ),
    nn.Activation: (
        {"function": "relu"},
        {"function": (["relu", np.tanh, None], ["rleu", 3])},
    ),
    nn.Flatten: ({}, {}),
    nn.PReLU: (
        {},
        {
            "slope_initializer": START,
            "shared_axes": ([(), (1,), [1, 2]], [(0,), 1, (1.0,), "1", None, (True,)]),
        },
    ),
    nn.Permute: (
        {"axes": (2, 1)},
        {"axes": ([(1,), [2, 1], (3, 1, 2)], [(), (0, 1), (1, 1), (2,), 1, "21", None, (1.0, 2)])},
    ),
    nn.RepeatVector: ({"count": 2}, {"count": COUNT}),
    nn.SpatialDropout: ({"rate": 0.5}, {"rate": BELOW_1}),
    nn.GaussianDropout: ({"rate": 0.5}, {"rate": BELOW_1}),
    nn.AlphaDropout: ({"rate": 0.5}, {"rate": BELOW_1}),
    nn.GroupNorm: ({}, NORMAL | {"groups": ([None, 1, 7], [0, -1, 1.0, "1", True])}),
    nn.RMSNorm: ({}, NORMAL),
    nn.UnitNorm: ({}, {"axis": ([-64, 1, 64], [-65, 65, 1.0, True, None])}),
    nn.Conv1DTranspose: ({"filters": 2, "kernel_size": 3}, SPREAD_1),
    nn.Conv2DTranspose: ({"filters": 2, "kernel_size": 3}, SPREAD_2),
    nn.DepthwiseConv1D: ({"kernel_size": 3}, EACH_1),
    nn.DepthwiseConv2D: ({"kernel_size": 3}, EACH_2),
    nn.SeparableConv1D: (
        {"filters": 2, "kernel_size": 3},
        EACH_1 | {"filters": COUNT, "pointwise_initializer": START},
    ),
    nn.SeparableConv2D: (
        {"filters": 2, "kernel_size": 3},
        EACH_2 | {"filters": COUNT, "pointwise_initializer": START},
    ),
    nn.Pad: ({}, {"padding": ENDS, "value": REAL}),
    nn.Crop: ({}, {"padding": ENDS}),
    nn.UpSample: (
        {},
        {
            "size": ([1, 3, (2,), [2, 1]], [0, (1, 0), 1.0, "2", None, True]),
            "interpolation": (["nearest", "bilinear", "bicubic"], ["lanczos3", None]),
        },
    ),
    nn.Resize: (
        {"height": 2, "width": 2},
        {
            "height": COUNT,
            "width": COUNT,
            "interpolation": (["nearest", "bilinear", "bicubic"], ["lanczos3", None]),
        },
    ),
    nn.CenterCrop: ({"height": 2, "width": 2}, {"height": COUNT, "width": COUNT}),
    nn.RandomCrop: ({"height": 2, "width": 2}, {"height": COUNT, "width": COUNT}),
    nn.RandomShear: ({}, MOVED | {"horizontal": TANGENT, "vertical": TANGENT}),
    nn.RandomBrightness: ({"factor": 0.1}, {"factor": SHIFT, "value_range": PIXELS}),
    nn.RandomContrast: ({"factor": 0.1}, {"factor": CONTRAST, "value_range": PIXELS}),
    nn.RandomErasing: (
        {},
        {"rate": SHARE, "height": PART, "width": PART, "value": REAL},
    ),
    nn.Subtract: ({}, {}),
    nn.Average: ({}, {}),
    nn.Maximum: ({}, {}),
    nn.Minimum: ({}, {}),
    nn.Dot: (
        {},
        {
            "axes": ([-1, 1, (1, 2), [2, 1]], [65, (1,), (1, 2, 3), 1.0, "1", None, True]),
            "normalize": FLAG,
        },
    ),
    nn.MinMaxNorm: (
        {"strength": 1},
        PENALTY
        | {
            "strength": ABOVE_0,
            "lowest": ([0, 0.5, 1], [-TINY, OVER, NAN, "1", True]),
            "rate": ([TINY, 1], [0, OVER, NAN, "1", True]),
        },
    ),
    nn.NonNegative: ({}, {"biases": FLAG}),
    nn.LeCun: ({}, {"distribution": SHAPED}),
    nn.Fill: ({}, {"value": REAL}),
    nn.TruncatedNormal: ({}, {"deviation": AT_LEAST_0}),
    nn.VarianceScaling: (
        {},
        {
            "scale": ABOVE_0,
            "mode": (["fan_in", "fan_out", "fan_avg"], ["fan", None]),
            "distribution": (["normal", "uniform", "truncated_normal"], ["untruncated", None]),
        },
    ),
    nn.Identity: ({}, {"gain": REAL}),
    nn.Orthogonal: ({}, {"gain": REAL}),
    nn.Reshape: (
        {"shape": (2,)},
        {
            "shape": (
                [(2, 3), [2], (-1, 2), ()],
                [(0, 2), (-1, -1), (-2,), (2.0,), 3, "2", None, (True,)],
            )
        },
    ),
    nn.Rescale: ({}, {"scale": REAL, "offset": REAL}),
    nn.Dropout: ({"rate": 0.5}, {"rate": BELOW_1}),
    nn.GaussianNoise: ({"stddev": 1}, {"stddev": AT_LEAST_0}),
    nn.Maxout: (
        {"units": 2},
        {"units": COUNT, "pieces": COUNT, "kernel_initializer": START, "bias_initializer": START},
    ),
    nn.LowRankDense: (
        {"units": 2, "rank": 1},
        {
            "units": COUNT,
            "rank": COUNT,
            "activation": SHARP,
            "use_bias": FLAG,
            "kernel_initializer": START,
        },
    ),
    nn.Standardize: ({}, {"limit": ([1e-3, 1, 1e6], [0, 9e-4, 2e6, NAN, "1", True])}),
    nn.QuantileBins: ({}, {"bins": ([2, 1024], [1, 1025, 4.0, True])}),
    nn.MissingFlag: ({}, {"columns": ([None, (0,), [1, 2]], [(), 3, (-1,), (1.0,), (True,)])}),
    nn.Dates: ({}, {}),
    nn.TargetScale: ({}, {}),
    nn.Categories: (
        {"levels": (2, 9)},
        {
            "levels": ([(0,), [3, 400]], [(), 3, (-1,), (1.0,), (True,), ((1 << 23) + 1,)]),
            "one_hot": ([0, 4096], [-1, 4097, 1.0, True]),
            "units": COUNT,
            "drop": BELOW_1,
            "embeddings_initializer": START,
        },
    ),
    nn.Embedding: (
        {"count": 3, "units": 2},
        {
            "count": ([1, 1 << 24], [0, (1 << 24) + 1, 1.0, True]),
            "units": COUNT,
            "embeddings_initializer": START,
        },
    ),
    nn.Basis: ({"function": np.tanh}, {"function": ([np.tanh, abs], ["relu", None, 3])}),
    nn.Polynomial: ({"degree": 2}, {"degree": ([1, 1000], [0, 1001, 2.0, True])}),
    nn.RBF: (
        {"centers": ((0, 1),)},
        {
            "centers": (
                [((0, 1), (2, 3)), [[0.5]]],
                [(), ((),), ((0, 1), (2,)), (1, 2), ((NAN,),), (("a",),), 3, ((True,),)],
            ),
            "width": ([1e-100, 1, 1e100], [9e-101, 1.1e100, 0, -1, NAN, True]),
        },
    ),
    nn.BatchNorm: ({}, NORMAL | {"momentum": BELOW_1}),
    nn.LayerNorm: ({}, NORMAL | {"axes": COUNT}),
    nn.LocalResponseNorm: (
        {},
        {"size": COUNT, "alpha": AT_LEAST_0, "beta": AT_LEAST_0, "k": ABOVE_0},
    ),
    nn.Conv1D: (
        {"filters": 2, "kernel_size": 3},
        MAPS | {"kernel_size": ONE_AXIS, "strides": ONE_AXIS, "padding": PADS_1},
    ),
    nn.Conv2D: (
        {"filters": 2, "kernel_size": 3},
        MAPS
        | {
            "kernel_size": TWO_AXES,
            "strides": TWO_AXES,
            "dilation": TWO_AXES,
            "padding": PADS_2,
        },
    ),
    nn.MaxPool1D: ({}, POOL_1),
    nn.MaxPool2D: ({}, POOL_2),
    nn.AveragePool1D: ({}, POOL_1 | {"count_padding": FLAG}),
    nn.AveragePool2D: ({}, POOL_2 | {"count_padding": FLAG}),
    nn.GlobalMaxPool: ({}, {}),
    nn.GlobalAveragePool: ({}, {}),
    nn.Add: ({}, {}),
    nn.Multiply: ({}, {}),
    nn.Concat: ({}, {"axis": ([-64, 0, 64], [-65, 65, 1.0, True])}),
    nn.RandomFlip: (
        {},
        {"mode": (["horizontal", "vertical", "horizontal_and_vertical"], ["both", None, True])},
    ),
    nn.RandomRotation: ({"factor": 0.1}, MOVED | {"factor": TURN}),
    nn.RandomShift: ({"height": 0.1, "width": 0.1}, MOVED | {"height": SHIFT, "width": SHIFT}),
    nn.RandomZoom: (
        {"height": 0.1},
        MOVED | {"height": ZOOM, "width": ([None, *ZOOM[0]], ZOOM[1])},
    ),
    nn.L1: ({"strength": 1}, PENALTY | {"proximal": FLAG}),
    nn.L2: ({"strength": 1}, PENALTY),
    nn.ElasticNet: ({"strength": 1}, PENALTY | {"ratio": SHARE, "proximal": FLAG}),
    nn.MaxNorm: ({"strength": 1}, PENALTY | {"strength": ABOVE_0}),
    nn.Xavier: ({}, {"distribution": SHAPED}),
    nn.He: ({}, {"distribution": SHAPED}),
    nn.Zeros: ({}, {}),
    nn.Normal: ({}, {"deviation": AT_LEAST_0}),
    nn.Uniform: ({}, {"limit": ([None, 0, 1e300], [-TINY, INF, NAN, "1", True])}),
    nn.CrossEntropy: ({}, SMOOTH | BY_CLASS),
    nn.BinaryCrossEntropy: ({}, SMOOTH | MEAN),
    nn.ProbabilityCrossEntropy: ({}, SMOOTH | BY_CLASS),
    nn.ProbabilityBinaryCrossEntropy: ({}, SMOOTH | MEAN),
    nn.Focal: ({}, SMOOTH | BY_CLASS | {"gamma": AT_LEAST_0, "alpha": AT_LEAST_0}),
    nn.BinaryFocal: (
        {},
        SMOOTH | MEAN | {"gamma": AT_LEAST_0, "alpha": ([None, *SHARE[0]], SHARE[1])},
    ),
    nn.KLDivergence: ({}, SMOOTH | BY_CLASS),
    nn.GeneralizedCrossEntropy: (
        {},
        BY_CLASS | {"label_smoothing": ([0], [0.5, -1]), "q": ([TINY, 1], [0, OVER, NAN, True])},
    ),
    nn.MulticlassHinge: ({}, MARGIN),
    nn.CategoricalHinge: ({}, MARGIN),
    nn.Tversky: ({}, {"alpha": AT_LEAST_0, "beta": AT_LEAST_0}),
    nn.Huber: ({}, MEAN | {"delta": ABOVE_0}),
    nn.GaussianMixture: ({}, {"components": COUNT}),
    nn.NegativeLogLikelihood: (
        {"log_prob": lambda y, p: p},
        {"log_prob": ([lambda y, p: p], ["normal", None, 3])},
    ),
    nn.Gaussian: ({}, {}),
    nn.Dice: ({}, {}),
} | {
    getattr(nn, name): ({}, MEAN)
    for name in (
        *("Absolute", "HalfSquared", "Hebbian", "Hinge", "Logistic", "Perceptron", "Poisson"),
        *("Squared", "AbsolutePercentage", "CosineDistance", "LogCosh", "PoissonRate"),
        *("SquaredHinge", "SquaredLogarithmic"),
    )
}
KEPT = {"kernel_size", "pool_size", "strides", "dilation", "padding"}  # lists too, as given
COMMON = {"name", "input_shape", "regularizer"}
CASES = [
    (kind, {**others, name: value}, name, fits)
    for kind, (others, arguments) in TABLE.items()
    for name, (allowed, refused) in arguments.items()
    for fits, values in ((True, allowed), (False, refused))
    for value in values
]


def test_the_table_has_every_class_and_every_argument():
    public = {getattr(nn, name) for name in nn.__all__}
    kinds = {kind for kind in public if inspect.isclass(kind) and dataclasses.is_dataclass(kind)}
    assert kinds - {nn.Layer, nn.Regularizer, nn.Loss, nn.Initializer, nn.Symbol} == set(TABLE)
    for kind, (_, arguments) in TABLE.items():
        own = {field.name for field in dataclasses.fields(kind)}
        assert own - (COMMON if issubclass(kind, nn.Layer) else set()) == set(arguments), kind


def as_tuples(arguments):
    """The same arguments without a list, which would leave a record that has no hash."""

    def fixed(value):
        return tuple(map(fixed, value)) if isinstance(value, list) else value

    return {name: fixed(value) for name, value in arguments.items()}


def test_arguments_that_are_just_allowed():
    for kind, arguments, name, allowed in CASES:
        if allowed:
            kept, given = getattr(kind(**arguments), name), arguments[name]
            if isinstance(given, list):
                given = tuple(tuple(each) if isinstance(each, list) else each for each in given)
            assert kept == given or kept == arguments[name], (kind, name)
            if name not in KEPT:
                made = kind(**arguments)
                assert hash(made) == hash(kind(**as_tuples(arguments))), (kind, name)


def test_arguments_that_are_just_refused():
    accepted, unnamed = [], []
    for kind, arguments, name, allowed in CASES:
        if allowed:
            continue
        shown = f"{kind.__name__}({name}={arguments[name]!r})"
        try:
            kind(**arguments)
        except ArgumentError as error:
            if name not in str(error) and name not in ("kernel_initializer", "function"):
                unnamed.append(shown)
        else:
            accepted.append(shown)
    assert accepted == []
    assert unnamed == []


@pytest.mark.parametrize("kind", [kind for kind in TABLE if issubclass(kind, nn.Layer)])
def test_names_shapes_and_penalties_of_every_layer(kind):
    others = TABLE[kind][0]
    made = kind(**others, name="mine", input_shape=[3, 2], regularizer=[nn.L2(1), nn.L1(1)])
    assert made.name == "mine"
    assert made.input_shape == (3, 2)
    assert made.regularizer == (nn.L2(1), nn.L1(1))
    assert kind(**others).input_shape is None
    for wrong in (3, "3", (0,), (2.0,), (True,), (None, 2)):
        with pytest.raises(ArgumentError, match="input_shape must"):
            kind(**others, input_shape=wrong)
    for wrong in ("l2", nn.L2, (nn.L2(1), 3)):
        with pytest.raises(ArgumentError, match="regularizer must be"):
            kind(**others, regularizer=wrong)
    for wrong in ("", 3, "a.b"):
        with pytest.raises(ArgumentError, match="name"):
            kind(**others, name=wrong)


def test_what_excludes_each_other():
    for wrong, words in (
        (lambda: nn.Conv2D(3, 3, groups=2), "groups must divide the 3 filters, got 2"),
        (
            lambda: nn.Conv2D(2, 3, groups=2, connections=((0,), (1,))),
            "connections and groups exclude each other",
        ),
    ):
        with pytest.raises(ArgumentError, match=words):
            wrong()


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (
            lambda: nn.Conv2D(2, [3, 2], strides=[2, 1], padding=[[1, 2], 0], dilation=[1, 2]),
            nn.Conv2D(2, (3, 2), strides=(2, 1), padding=((1, 2), 0), dilation=(1, 2)),
        ),
        (lambda: nn.Conv1D(2, [3], padding=[[1, 0]]), nn.Conv1D(2, (3,), padding=((1, 0),))),
        (
            lambda: nn.MaxPool2D([3, 2], [1, 2], [1, [0, 1]]),
            nn.MaxPool2D((3, 2), (1, 2), (1, (0, 1))),
        ),
        (lambda: nn.AveragePool1D([3], [2], [1]), nn.AveragePool1D((3,), (2,), (1,))),
    ],
)
def test_lists_of_windows_become_tuples(made, wanted):
    assert made() == wanted
    assert hash(made()) == hash(wanted)
