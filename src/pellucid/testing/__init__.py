"""Checks that people run on their own functions and operations."""

from typing import TYPE_CHECKING

from pellucid.core.names import unknown_names
from pellucid.testing.gradcheck import check_grad

__all__ = ["check_grad"]

if not TYPE_CHECKING:  # for a type checker there is no such name
    __getattr__ = unknown_names("pellucid.testing", __all__, {"check_gradients": "check_grad"})
