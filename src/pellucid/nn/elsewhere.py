"""What other libraries call layers, losses, initializers and penalties, and their arguments.

In: nothing. Out: tables for `core.errors.nearest`, which names the meaning of such a name here.
The words for activations, losses and initializers stand beside these.
"""

from __future__ import annotations

from pellucid.nn import activations, init, regularizers
from pellucid.nn.losses import named

_RECURRENT = "No layer here is recurrent: Conv1D reads sequences."
_ATTENTION = "No layer here attends: Conv1D reads sequences."
_AXES = "Convolutions here are Conv1D and Conv2D."
_VALUES = "Write pel.nn.Dropout(rate), which drops single values."

NAMES = {
    **named.FUNCTIONS,
    **named.CLASS_NAMES,
    **init.ELSEWHERE,
    **activations.NAMES,
    # layers
    "Linear": "Dense",
    "FullyConnected": "Dense",
    "InnerProduct": "Dense",
    "BatchNormalization": "BatchNorm",
    "BatchNorm1d": "BatchNorm",
    "BatchNorm2d": "BatchNorm",
    "LayerNormalization": "LayerNorm",
    "LRN": "LocalResponseNorm",
    "LocalResponseNormalization": "LocalResponseNorm",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "MaxPooling1D": "MaxPool1D",
    "MaxPooling2D": "MaxPool2D",
    "AveragePooling1D": "AveragePool1D",
    "AveragePooling2D": "AveragePool2D",
    "AvgPool1d": "AveragePool1D",
    "AvgPool2d": "AveragePool2D",
    "GlobalAveragePooling1D": "GlobalAveragePool",
    "GlobalAveragePooling2D": "GlobalAveragePool",
    "AdaptiveAvgPool2d": "GlobalAveragePool",
    "GlobalMaxPooling1D": "GlobalMaxPool",
    "GlobalMaxPooling2D": "GlobalMaxPool",
    "AdaptiveMaxPool2d": "GlobalMaxPool",
    "Concatenate": "Concat",
    "InputLayer": "Input",
    "Rescaling": "Rescale",
    "Unflatten": "Reshape",
    "RandomTranslation": "RandomShift",
    "RandomHorizontalFlip": "RandomFlip",
    "Module": "Layer",
    "Lambda": "Write pel.nn.Basis(function), or Activation(function) where the shape stays.",
    "Identity": 'Write pel.nn.Activation("linear").',
    "Subtract": "Write pel.nn.Add()([x, pel.nn.Rescale(-1.0)(y)]).",
    "PReLU": "Write pel.nn.Maxout(units), whose slopes are learned.",
    "ZeroPadding2D": "Write padding=((1, 1), (1, 1)) in the convolution.",
    "AlphaDropout": _VALUES,
    "SpatialDropout2D": _VALUES,
    "Dropout2d": _VALUES,
    "LSTM": _RECURRENT,
    "GRU": _RECURRENT,
    "RNN": _RECURRENT,
    "SimpleRNN": _RECURRENT,
    "MultiHeadAttention": _ATTENTION,
    "Transformer": _ATTENTION,
    "Conv3D": _AXES,
    "Conv2DTranspose": _AXES,
    "ConvTranspose2d": _AXES,
    **regularizers.ELSEWHERE,
}
