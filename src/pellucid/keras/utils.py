"""keras.utils: one-hot rows, seeds, batches by number, pictures of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.core.arguments import checked, flag, integer, real
from pellucid.core.errors import ArgumentError, DataError
from pellucid.core.files import as_path
from pellucid.keras import arguments, blame
from pellucid.keras.arguments import permit
from pellucid.keras.pydataset import PyDataset
from pellucid.keras.session import clear_session, set_random_seed
from pellucid.keras.tensors import KerasTensor
from pellucid.viz.draw import draw


def _numbers(where: str, name: str, given: Any) -> Any:
    """An array of numbers."""
    try:
        array = np.asarray(given)
    except Exception:  # whatever an array-like raises
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise ArgumentError(f"keras.utils.{where}", f"{name} must be numbers, got {given!r}")
    return array


def _filled(where: str, name: str, shape: tuple[int, int], value: Any, dtype: Any) -> Any:
    """An array of one number; where it is too large an error names the argument."""
    try:
        return np.full(shape, value, dtype)
    except (ValueError, MemoryError):
        raise ArgumentError(
            f"keras.utils.{where}",
            f"{name} must be a length whose {shape[0]} rows fit into memory, got {shape[1]}",
        ) from None


@blame.kinds("utils.to_categorical")
def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Classes as rows with a 1 and zeros."""
    y = _numbers("to_categorical", "x", x).astype(np.int64)
    shape = y.shape[:-1] if y.ndim > 1 and y.shape[-1] == 1 else y.shape
    y = y.reshape(-1)
    count = int(y.max(initial=0)) + 1 if num_classes is None else num_classes
    if y.size and (y.min() < 0 or y.max() >= count):
        raise DataError(
            "keras.utils.to_categorical",
            f"classes must lie in [0, {count - 1}], got {int(y.max())}",
        )
    rows = _filled("to_categorical", "num_classes", (len(y), count), 0.0, "float64")
    rows[np.arange(len(y)), y] = 1
    return rows.reshape(*shape, count)


@blame.kinds("utils.normalize", order=blame.NUMBER)
def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """x with length 1 along an axis."""
    x = _numbers("normalize", "x", x)
    if not (blame.fits(blame.WHOLE, axis) and -x.ndim <= axis < x.ndim):
        raise ArgumentError(
            "keras.utils.normalize", f"x must have the axis {axis}, got the shape {x.shape}"
        )
    length = np.atleast_1d(np.linalg.norm(x, order, axis))
    length[length == 0] = 1
    return np.asarray(x) / np.expand_dims(length, axis)


@blame.kinds("utils.pad_sequences", value="")
def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: float = 0.0,
) -> Any:
    """Lists of numbers as rows of one length."""
    for name, one in (("padding", padding), ("truncating", truncating)):
        if one not in ("pre", "post"):
            raise ArgumentError(
                "keras.utils.pad_sequences", f"{name} must be pre or post, got {one!r}"
            )
    where = "keras.utils.pad_sequences"
    if not isinstance(sequences, (list, tuple, np.ndarray)) or not all(
        isinstance(one, (list, tuple, np.ndarray)) for one in sequences
    ):
        raise ArgumentError(where, f"sequences must be a list of lists, got {sequences!r}")
    try:
        np.zeros(1, dtype).fill(value)
    except (TypeError, ValueError, OverflowError):
        raise ArgumentError(
            where, f"dtype must be one that holds value, got dtype={dtype!r}, value={value!r}"
        ) from None
    if any(np.ndim(one) for row in sequences for one in row):
        raise ArgumentError(where, "sequences must be a list of lists of numbers, got deeper ones")
    length = max(map(len, sequences), default=0) if maxlen is None else maxlen
    integer(where, "maxlen", length)
    out = _filled("pad_sequences", "maxlen", (len(sequences), length), value, dtype)
    for row, given in zip(out, sequences, strict=True):
        kept = list(given)[-length:] if truncating == "pre" else list(given)[:length]
        if not kept or not length:
            continue
        if padding == "pre":
            row[-len(kept) :] = kept
        else:
            row[: len(kept)] = kept
    return out


@checked
def is_keras_tensor(x: Any) -> bool:
    """Whether x is a tensor of a network."""
    return isinstance(x, KerasTensor)


@blame.kinds("utils.plot_model")
def plot_model(
    model: Any,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """The drawing of the Model of ours, written as SVG or PNG; shapes and names stand in it."""
    where, form = "utils.plot_model", "the drawing has one form"
    for name, value in (
        ("show_shapes", show_shapes), ("show_layer_names", show_layer_names),
        ("show_layer_activations", show_layer_activations),
    ):  # fmt: skip
        flag(f"keras.{where}", name, value)
    for name, value, plain in (
        ("show_dtype", show_dtype, (False,)), ("rankdir", rankdir, ("TB", "LR")),
        ("expand_nested", expand_nested, (False,)), ("show_trainable", show_trainable, (False,)),
        ("splines", splines, ("ortho",)), *((name, kwargs[name], (None,)) for name in kwargs),
    ):  # fmt: skip
        permit(where, name, value, *plain, why=form)
    if not hasattr(model, "network"):
        raise ArgumentError(f"keras.{where}", f"model must be a model of keras, got {model!r}")
    sharpness = real(f"keras.{where}", "dpi", dpi, 10, 1000)
    drawing = draw(model.network())
    path = as_path(f"keras.{where}", to_file)
    scale = sharpness / 96 if path.suffix.lower() == ".png" else None
    drawing.save(path, scale=scale, overwrite=True)
    return drawing


Sequence = PyDataset
_KNOWN = {
    "PyDataset": PyDataset, "Sequence": PyDataset, "clear_session": clear_session,
    "is_keras_tensor": is_keras_tensor, "normalize": normalize, "pad_sequences": pad_sequences,
    "plot_model": plot_model, "set_random_seed": set_random_seed,
    "to_categorical": to_categorical,
}  # fmt: skip
__all__ = sorted(_KNOWN)  # pyright: ignore

if not TYPE_CHECKING:
    __getattr__ = arguments.names("utils", __all__)
