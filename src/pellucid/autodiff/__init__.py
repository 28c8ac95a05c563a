"""Differentiation as graph in, graph out. See README.md beside this file."""

from pellucid.autodiff.forward import jvp
from pellucid.autodiff.reverse import vjp

__all__ = ["jvp", "vjp"]
