"""Support vector machines."""

from typing import TYPE_CHECKING

from pellucid.core.errors import NotSeparableError
from pellucid.core.names import unknown_names
from pellucid.svm.arguments import NAMES
from pellucid.svm.calibration import Calibrated, Isotonic, Sigmoid
from pellucid.svm.certificate import Certificate, Certificates
from pellucid.svm.classifiers import SVC, NuSVC
from pellucid.svm.files import load
from pellucid.svm.linear import LinearSVC
from pellucid.svm.linear_certificate import LinearCertificate
from pellucid.svm.logistic import KernelLogisticRegression, LogisticCertificate
from pellucid.svm.notices import ConvergenceWarning, SolverWarning
from pellucid.svm.primal import Hyperplane, hard_margin, soft_margin
from pellucid.svm.regressors import SVR, NuSVR, OneClassSVM
from pellucid.svm.subgradient import Descent, subgradient

__all__ = [
    "SVC",
    "SVR",
    "Calibrated",
    "Certificate",
    "Certificates",
    "ConvergenceWarning",
    "Descent",
    "Hyperplane",
    "Isotonic",
    "KernelLogisticRegression",
    "LinearCertificate",
    "LinearSVC",
    "LogisticCertificate",
    "NotSeparableError",
    "NuSVC",
    "NuSVR",
    "OneClassSVM",
    "Sigmoid",
    "SolverWarning",
    "hard_margin",
    "load",
    "soft_margin",
    "subgradient",
]

if not TYPE_CHECKING:  # which should not think that any name is there
    __getattr__ = unknown_names("pellucid.svm", __all__, NAMES)
