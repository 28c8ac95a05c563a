"""Methods and attributes of Keras's classes that are not here, refused by their names.

In: the members of names.json. Out: a `__getattr__` for the classes of the door.
"""

from __future__ import annotations

import re
from typing import Any

from pellucid.core.errors import UnknownNameError
from pellucid.core.names import unknown_attribute
from pellucid.keras.arguments import table

_FILE = "model.save(path) writes one file, with all arrays."
_LOOPS = "docs/training-loops.md has loops and steps of one's own."
_MEASURED = "evaluate(x, y, return_dict=True) measures; hooks get logs."
_SHAPE = "Call the layer on Input(shape): what it returns has the shape."
_RULES = [
    (r"(save|load)_own_variables|(get_build|get_compile|get|from)_config|export|to_json", _FILE),
    (r"(compile|build)_from_config|(save|load)_assets", _FILE),
    (r".*quanti.*", "Quantisation is outside."),
    (r".*lora.*", "Low-rank adaptation is outside."),
    (r"stateless_call", "Put the layer into a Model, which has stateless_call."),
    (r"jax_.*|symbolic_call|rematerialized_call|.*_state_tree", "It is of JAX."),
    (r"compute_mask|supports_masking", "Masks are outside: all samples have one shape."),
    (r"(make_)?(train|test|predict)_function", "Define train_step, test_step or predict_step."),
    (r"update_step|add_(optimizer_)?variable.*|assign.*", _LOOPS),
    (r"finalize_.*|exclude_from_.*", _LOOPS),
    (r"metrics.*|add_metric|get_monitor.*", _MEASURED),
    (r"compute_loss.*", "Give compile a function (y_true, y_pred)."),
    (r"compute_output_(shape|spec)", _SHAPE),
    (r"transform_.*|get_random_.*|convert_weight", "Call the layer on images."),
    (r"operations", "model.layers has the layers."),
    (r"reshape|squeeze", "Write keras.ops.reshape(x, shape)."),
    (r"sparse|ragged.*|row_splits.*", "Tensors are dense."),
    (r"dtype_policy|input_dtype", "keras.config.floatx() is the dtype of models."),
]


def why(name: str) -> str:
    """What to write in the place of a member that is not here."""
    for pattern, hint in _RULES:
        if re.fullmatch(pattern, name):
            return hint
    return "Pellucid has nothing like it."


def unknown_member(self: Any, name: str) -> Any:
    """The `__getattr__` of a class of the door: what Keras's has is refused by its name."""
    kind = type(self)
    if not name.startswith("_") and not hasattr(kind, name):
        for one in kind.__mro__:
            if name in table()["members"].get(one.__name__, ()):
                raise UnknownNameError(kind.__name__, f"{name} is not supported", why(name))
    if kind.__name__ == "KerasTensor" and name in table()["rooms"]["ops"]:
        raise UnknownNameError(
            "KerasTensor", f"it has no method {name!r}", f"Write keras.ops.{name}(x)."
        )
    return unknown_attribute(self, name)
