"""Support vector machines."""

from pellucid.svm.certificate import Certificate, Certificates
from pellucid.svm.files import load
from pellucid.svm.inputs import SolverWarning
from pellucid.svm.machines import SVC, SVR, NuSVC, NuSVR, OneClassSVM

__all__ = [
    "SVC",
    "SVR",
    "Certificate",
    "Certificates",
    "NuSVC",
    "NuSVR",
    "OneClassSVM",
    "SolverWarning",
    "load",
]
