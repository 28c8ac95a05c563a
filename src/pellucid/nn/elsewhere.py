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

NAMES = {
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
    "ZeroPadding1D": "Pad",
    "ZeroPadding2D": "Pad",
    "ZeroPad2d": "Pad",
    "Cropping1D": "Crop",
    "Cropping2D": "Crop",
    "UpSampling1D": "UpSample",
    "UpSampling2D": "UpSample",
    "Resizing": "Resize",
    "SpatialDropout1D": "SpatialDropout",
    "SpatialDropout2D": "SpatialDropout",
    "Dropout1d": "SpatialDropout",
    "Dropout2d": "SpatialDropout",
    "ConvTranspose1d": "Conv1DTranspose",
    "ConvTranspose2d": "Conv2DTranspose",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "GroupNormalization": "GroupNorm",
    "InstanceNorm2d": "Write pel.nn.GroupNorm(None): each channel is a group.",
    "RMSNormalization": "RMSNorm",
    "UnitNormalization": "UnitNorm",
    "LeakyReLU": "Write pel.nn.Activation('leaky_relu'), or a lambda of another slope.",
    "RandomResizedCrop": "Write RandomCrop(height, width), after RandomZoom for the size.",
    "Cutout": "RandomErasing",
    "ColorJitter": "Write RandomBrightness(0.2) and RandomContrast(0.2).",
    "Normalization": "Standardize",
    "Discretization": "QuantileBins",
    "LSTM": _RECURRENT,
    "GRU": _RECURRENT,
    "RNN": _RECURRENT,
    "SimpleRNN": _RECURRENT,
    "MultiHeadAttention": _ATTENTION,
    "Transformer": _ATTENTION,
    "Conv3D": _AXES,
    **regularizers.ELSEWHERE,
}
