"""Support vector machines."""

from pellucid.svm.linear import LinearCertificate, LinearSVC
from pellucid.svm.machines import SVC, SVR, NuSVC, NuSVR, OneClassSVM
from pellucid.svm.primal import Hyperplane, NotSeparableError, hard_margin, soft_margin

__all__ = [
    "SVC",
    "SVR",
    "Hyperplane",
    "LinearCertificate",
    "LinearSVC",
    "NotSeparableError",
    "NuSVC",
    "NuSVR",
    "OneClassSVM",
    "hard_margin",
    "soft_margin",
]
