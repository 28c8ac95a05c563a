"""Support vector machines."""

from pellucid.svm.primal import Hyperplane, NotSeparableError, hard_margin, soft_margin

__all__ = ["Hyperplane", "NotSeparableError", "hard_margin", "soft_margin"]
