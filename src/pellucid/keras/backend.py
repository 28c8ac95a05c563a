"""keras.backend: the dtype of models, names from the start."""

from typing import TYPE_CHECKING

from pellucid.keras import arguments
from pellucid.keras.session import (
    backend,
    clear_session,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "image_data_format",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
]

if not TYPE_CHECKING:
    __getattr__ = arguments.names("backend", __all__)
