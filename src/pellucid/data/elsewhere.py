"""What other libraries' functions for data mean here.

In: nothing. Out: a table for `core.errors.nearest`.
"""

from __future__ import annotations

_IDX = "Write pel.data.load_idx_folder(path), for a folder with MNIST's four files."
_SKLEARN = "Write sklearn.datasets.{name}(return_X_y=True), whose arrays fit takes."

NAMES = {
    "load_mnist": _IDX,
    "mnist": _IDX,
    "fashion_mnist": _IDX,
    "load_data": _IDX,
    "digits": "load_digits",
    "load_iris": _SKLEARN,
    "load_wine": _SKLEARN,
    "load_breast_cancer": _SKLEARN,
    "load_diabetes": _SKLEARN,
    "load_csv": "read_table",
    "read_csv": "read_table",
    "load_idx": "read_idx",
    "train_test_split": "Write kept, held = pel.data.split(len(x), 0.2, seed=0).",
    "random_split": "Write kept, held = pel.data.split(len(x), 0.2, seed=0).",
    "DataLoader": "Leave it out: fit makes minibatches, fit(x, y, batch_size=32).",
    "read_parquet": "read_table",
    "scan_parquet": "stream_table",
    "IterableDataset": "Write a generator function of (x, y), which fit takes.",
    "TensorDataset": "Leave it out: fit takes the arrays, fit(x, y).",
}
