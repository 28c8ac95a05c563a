"""What of Keras is outside, and why: one line for each name and each argument."""

from __future__ import annotations

import re

_RECURRENT = "Recurrent layers are outside: Pellucid's networks feed forward."
_ATTENTION = "Attention is outside: Pellucid has dense, convolutional and normalising layers."
_SOLID = "Layers over three axes are outside: Pellucid convolves and pools over one or two."
_ELSEWHERE = "It runs what another library made, which is outside."
_IMAGES = "This augmentation is not there; RandomFlip, RandomRotation, RandomZoom and others are."
_TEXT = "Text is prepared outside of the model: number the words, and give the numbers."
_MASKS = "Masks are outside: leave padding out in a layer of your own, by keras.ops.where."
_WRAPPERS = "A layer that changes another one's weights in each step is outside."
_LINEAR = "Decompositions of matrices are outside: do it with NumPy before the model."
_SIGNALS = "Complex numbers and sequences of unknown length are outside."
_LOOPS = "A graph has no branches and no loops: use keras.ops.where, and Python's for."
_FILES = "Files are read by pel.data; give arrays."
_DRAWN = "Draw it by NumPy's default_rng() before the model; normal and uniform are here."
_OBJECTS = "Objects are not written as configurations: model.save(path) writes a file."

_RULES = [
    (r"layers\.(.*LSTM|.*GRU|.*RNN|RNN|Bidirectional).*", _RECURRENT),
    (r"layers\..*Attention.*", _ATTENTION),
    (r"layers\..*3D.*", _SOLID),
    (r"layers\.(Torch|Jax|Flax|TFSM)\w+", _ELSEWHERE),
    (r"layers\.(TextVectorization|Hash\w+|STFT\w*|Mel\w+)", _TEXT),
    (r"layers\.Masking", _MASKS),
    (r"layers\.(SpectralNormalization|ReversibleEmbedding|InputSpec)", _WRAPPERS),
    (
        r"ops\.(cholesky|.*inv|det|eigh?|lstsq|lu_factor|matrix_rank|slogdet|logdet|solve.*)",
        _LINEAR,
    ),
    (r"ops\.(cholesky_inverse|qr|svd|cdist|corrcoef)", _LINEAR),
    (r"ops\.(.*fft.*|i?stft|angle|imag|polar|view_as_\w+|ctc_\w+|.*attention)", _SIGNALS),
    (r"ops\.(cond|switch|scan|associative_scan|while_loop|fori_loop|map|vector\w+)", _LOOPS),
    (r"ops\.(jvp|custom_gradient)", "Write pel.jvp, or pel.custom_op: docs/training-loops.md."),
    (r"ops\.(bitwise_\w+|\w+_shift|gcd|lcm|nextafter|view)", "No operation looks at bits."),
    (
        r"random\.(beta|binomial|gamma)",
        "Draw by NumPy's default_rng() before the model; normal and uniform are here.",
    ),
    (r"layers\.(Random|Aug|Auto|Cut|Mix|Equal|Max|Rand|Solar|Contrast|Pipe)\w+", _IMAGES),
    (
        r".*\.(de)?serialize.*|.*\.get_registered.*|.*register_keras.*|.*[cC]ustom.?[oO]bject.*",
        _OBJECTS,
    ),
    (r"utils\..*(from_directory|get_file|load_img|save_img|dataset).*", _FILES),
    (
        r"optimizers\.(Loss\w+|Multi\w+|OptimizerMap|Schedule\w+)",
        "Adam, AdamW, Lamb, Lion, SGD and others are: docs/keras.md lists them.",
    ),
    (r".*\.(Circle|circle)", "It compares all rows of a batch with each other, which is outside."),
    (r"callbacks\.RemoteMonitor", "It sends curves over a network: write them by CSVLogger."),
    (r"callbacks\.ProgbarLogger", "fit prints by verbose."),
    (r".*\.(CTC|ctc)", "It needs recurrent networks, which are outside."),
]

# Modules of Keras that are not here.
MODULES = {
    "applications": "Networks with trained weights are not there: build the network, and train it.",
    "distribution": "On several machines model.network() trains: docs/distributed.md.",
    "dtype_policies": "keras.config.set_floatx('float64') sets the dtype of models.",
    "export": "model.save(path) writes a file.",
    "mixed_precision": "keras.config.set_floatx('float64') sets the dtype of models.",
    "preprocessing": "keras.utils has pad_sequences, keras.layers augments images.",
    "quantizers": "Quantisation is outside.",
    "tree": "Python's own lists, tuples and dicts do what it does.",
    "visualization": "pel.draw(model.network()) draws it.",
    "wrappers": "pel.sklearn has estimators for scikit-learn.",
}

# Arguments that no maker reads.
ARGUMENTS = {
    "lora_rank": "low-rank adaptation is outside",
    "lora_alpha": "low-rank adaptation is outside",
    "quantization_config": "quantisation is outside",
    "seed": "the random numbers of a model are those of keras.utils.set_random_seed(seed)",
    "noise_shape": "each element has a mask of its own; SpatialDropout drops whole maps",
    "data_format": "channels come last",
    "sparse": "arrays are dense",
    "ragged": "all samples have one shape",
    "mask_zero": "masks are outside",
    "synchronized": "a model trains on one machine",
    "renorm": "batch renormalisation is outside",
    "loss_scale_factor": "weights are float32 or float64, which need no scaling",
    "ema_momentum": "give use_ema=True with it",
    "ema_overwrite_frequency": "give use_ema=True with it",
    "run_eagerly": "every model runs as machine code; model.graph shows it node by node",
    "steps_per_execution": "steps run together as they fit",
    "dtype": "keras.config.set_floatx('float64') sets that of models",
    "batch_size": "the number of rows is open",
    "tensor": "an input is described by its shape",
    "custom_objects": "functions stand in the file",
    "safe_mode": "a file runs no code",
}


def reason(room: str, name: str) -> str:
    """Why a public name of Keras is not here."""
    full = f"{room}.{name}"
    for pattern, why in _RULES:
        if re.fullmatch(pattern, full):
            return why
    return "Keras has it, and Pellucid does not."
