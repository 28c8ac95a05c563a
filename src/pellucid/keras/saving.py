"""keras.saving: files of models."""

from typing import TYPE_CHECKING

from pellucid.keras import arguments
from pellucid.keras.models import load_model, save_model

__all__ = ["load_model", "save_model"]

if not TYPE_CHECKING:
    __getattr__ = arguments.names("saving", __all__)
