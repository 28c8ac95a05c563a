"""Estimators with scikit-learn's interface, over what Pellucid trains.

In: what scikit-learn hands over: arrays, frames, labels of any kind, weights. Out: estimators for
pipelines, searches and pickles. scikit-learn is imported here and nowhere else.

Example:
    >>> from pellucid.sklearn import Perceptron
    >>> model = Perceptron().fit([[0.0, 1.0], [1.0, 0.0]], ["left", "right"])
    >>> model.predict([[2.0, 0.5]]).tolist()
    ['right']
"""

from typing import TYPE_CHECKING

from pellucid.core.names import unknown_names
from pellucid.sklearn.installed import missing

try:
    from sklearn.utils.validation import validate_data  # since 1.6
except ImportError as error:
    raise missing(error) from None

from pellucid.sklearn.base import ParameterError
from pellucid.sklearn.classifiers import SVC, NuSVC
from pellucid.sklearn.linear import LinearSVC
from pellucid.sklearn.logistic import KernelLogisticRegression
from pellucid.sklearn.mlp_classifier import MLPClassifier
from pellucid.sklearn.mlp_regressor import MLPRegressor
from pellucid.sklearn.perceptron import Perceptron
from pellucid.sklearn.regressors import SVR, NuSVR, OneClassSVM
from pellucid.sklearn.softmax import SoftmaxRegression
from pellucid.sklearn.tables import TableClassifier, TableRegressor
from pellucid.svm.arguments import NAMES

__all__ = [
    "SVC",
    "SVR",
    "KernelLogisticRegression",
    "LinearSVC",
    "MLPClassifier",
    "MLPRegressor",
    "NuSVC",
    "NuSVR",
    "OneClassSVM",
    "ParameterError",
    "Perceptron",
    "SoftmaxRegression",
    "TableClassifier",
    "TableRegressor",
]

if not TYPE_CHECKING:  # which should not think that any name is there
    __getattr__ = unknown_names("pellucid.sklearn", __all__, NAMES)

del missing, validate_data
