"""The methods that benchmarks/quality.py compares: Pellucid's and scikit-learn's, all by default.

Each function takes training and test columns and a seed, and gives what it predicts of the test
rows: probabilities (N, C), classes in the order of their names, or numbers (N,).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from quality_sets import TARGET, Array, Columns, is_text

import pellucid as pel
from pellucid.tables import folds
from pellucid.tables.fitting import FOLDS

Method = Callable[[Columns, Columns, int], Array]
OURS, QUICK = "fit_table", "fit_table, quick"
TREES, TREES_BAGGED = "HistGradientBoosting", "HistGradientBoosting, bagged"
MLP, MLP_BAGGED, MLP_EARLY = "MLP", "MLP, bagged", "MLP, early stopping"


def _table(train: Columns, test: Columns, seed: int, quick: bool = False) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = pel.fit_table(train, TARGET, quick=quick, seed=seed, verbose=0)
        if is_text(train[TARGET]):
            return np.asarray(model.predict_proba(test))
        return np.asarray(model.predict(test))


def _parts(train: Columns) -> tuple[list[str], list[str]]:
    """The names of the columns of numbers and of texts."""
    names = [name for name in train if name != TARGET]
    texts = [name for name in names if is_text(train[name])]
    return [name for name in names if name not in texts], texts


def _features(train: Columns, test: Columns) -> tuple[Array, Array, list[int]]:
    """Both as objects, missing texts as a level; which columns are texts."""
    numbers, texts = _parts(train)
    both = []
    for columns in (train, test):
        x = np.empty((len(columns[TARGET]), len(numbers) + len(texts)), object)
        for i, name in enumerate(numbers):
            x[:, i] = columns[name]
        for i, name in enumerate(texts):
            x[:, len(numbers) + i] = ["" if cell is None else cell for cell in columns[name]]
        both.append(x)
    return both[0], both[1], list(range(len(numbers), len(numbers) + len(texts)))


def _scaled(texts: list[int], width: int) -> Any:
    """Medians for gaps and a flag, scaled; one-hot columns."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    numbers = make_pipeline(
        FunctionTransformer(lambda x: x.astype(float)),
        SimpleImputer(strategy="median", add_indicator=True),
        StandardScaler(),
    )
    others = [i for i in range(width) if i not in texts]
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer([("numbers", numbers, others), ("texts", encoder, texts)])


def _coded(texts: list[int], width: int) -> Any:
    """Codes of texts, as the trees of scikit-learn read categories: numbers first."""
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

    others = [i for i in range(width) if i not in texts]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    plain = FunctionTransformer(lambda x: x.astype(float))
    return ColumnTransformer([("numbers", plain, others), ("texts", encoder, texts)])


def _mlp(texts: list[int], width: int, classes: bool, seed: int, early: bool) -> Any:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    kind = MLPClassifier if classes else MLPRegressor
    network: Any = kind(random_state=seed, early_stopping=early)
    if not classes:
        network = TransformedTargetRegressor(network, transformer=StandardScaler())
    return make_pipeline(_scaled(texts, width), network)


def _trees(texts: list[int], width: int, classes: bool, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline

    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    return make_pipeline(
        _coded(texts, width), kind(random_state=seed, categorical_features=texts or None)
    )


def _single(make: Callable[..., Any], **options: Any) -> Method:
    """One estimator on all training rows."""

    def run(train: Columns, test: Columns, seed: int) -> Array:
        return _bag(make, options, train, test, seed, False)

    return run


def _bagged(make: Callable[..., Any], **options: Any) -> Method:
    """The mean of five estimators, each on the rows outside one of `fit_table`'s folds."""

    def run(train: Columns, test: Columns, seed: int) -> Array:
        return _bag(make, options, train, test, seed, True)

    return run


def held_out(target: Any, seed: int) -> list[Array]:
    """The folds of `fit_table`."""
    if is_text(target):
        return folds.by_class(np.unique(target, return_inverse=True)[1], FOLDS, seed)
    return folds.by_chance(len(target), FOLDS, seed)


def _bag(
    make: Callable[..., Any],
    options: dict[str, Any],
    train: Columns,
    test: Columns,
    seed: int,
    bagged: bool,
) -> Array:
    x, x_test, texts = _features(train, test)
    y = np.asarray(train[TARGET])
    classes = is_text(train[TARGET])
    outside = held_out(train[TARGET], seed) if bagged else [np.zeros(0, np.int64)]
    total: Any = 0.0
    for k, held in enumerate(outside):
        kept = np.ones(len(y), bool)
        kept[held] = False
        model = make(texts, x.shape[1], classes, seed * 1000 + k, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # 200 epochs were not enough
            model.fit(x[kept], y[kept])
            total = total + (model.predict_proba(x_test) if classes else model.predict(x_test))
    return np.asarray(total / len(outside))


METHODS: dict[str, Method] = {
    OURS: _table,
    QUICK: lambda train, test, seed: _table(train, test, seed, True),
    TREES: _single(_trees),
    TREES_BAGGED: _bagged(_trees),
    MLP: _single(_mlp, early=False),
    MLP_BAGGED: _bagged(_mlp, early=False),
    MLP_EARLY: _single(_mlp, early=True),
}
