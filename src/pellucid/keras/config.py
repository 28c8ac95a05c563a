"""keras.config: the dtype of models."""

from typing import TYPE_CHECKING

from pellucid.keras import arguments
from pellucid.keras.session import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)

__all__ = [
    "backend",
    "epsilon",
    "floatx",
    "image_data_format",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
]

if not TYPE_CHECKING:
    __getattr__ = arguments.names("config", __all__)
