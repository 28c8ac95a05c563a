"""Checks that people run on their own functions and operations."""

from pellucid.testing.gradcheck import check_grad

__all__ = ["check_grad"]
