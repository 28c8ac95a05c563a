"""Models: layers, their arrays, and the calls that train, use and keep them."""

from pellucid.models.loading import load
from pellucid.models.sequential import Sequential

__all__ = ["Sequential", "load"]
