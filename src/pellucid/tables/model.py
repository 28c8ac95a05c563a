"""`TableModel`: raw rows in, classes by name or numbers out.

In: a preparation, a target and trained networks. Out: predictions of any source that `read_table`
takes, their measures, one file.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.core import notices
from pellucid.core.arguments import checked, real
from pellucid.core.errors import ArgumentError
from pellucid.core.files import check_target, write_atomically
from pellucid.data import Table
from pellucid.data.table import count
from pellucid.models import Sequential
from pellucid.nn import TargetScale
from pellucid.tables import checks
from pellucid.tables.findings import Findings
from pellucid.tables.networks import Member
from pellucid.tables.preparation import Arrays, Preparation, check_rows, notice_of
from pellucid.tables.report import page
from pellucid.tables.saving import save
from pellucid.tables.scores import measures
from pellucid.tables.target import Target

Array = np.ndarray[Any, Any]


class TableModel:
    """A trained model of a table; `fit_table` makes one, `pel.load` reads one.

    Sources are what `read_table` takes: a file, a glob, a query, a frame, a dict of columns, a list
    of dicts, one dict, or a Table. Columns are found by name, in any order. One that lacks is an
    error. Columns that the training table did not have are ignored, said in a warning; so are
    categories that it did not have, which count as other.

    Attributes:
        preparation: turns raw rows into the numbers that the networks read.
        target: what is predicted.
        members: the networks; their predictions are averaged.
        scale: of a regression, from standardised numbers to those of the target.
        findings: scores, baselines and notes of the training.
    """

    def __init__(
        self,
        preparation: Preparation,
        target: Target,
        members: Sequence[Member],
        scale: Sequential | None,
        findings: Findings,
    ):
        self.preparation, self.target, self.members = preparation, target, tuple(members)
        self.scale, self.findings = scale, findings

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy or a pickle; the networks of a kind share again what is compiled for them."""
        self.__dict__.update(state)
        for member in self.members:
            member.networks.adopted(member.model)

    @property
    def task(self) -> str:
        """ "classification" or "regression"."""
        return self.target.task

    @property
    def classes(self) -> Array | None:
        """The classes in the order of `predict_proba`; None in a regression."""
        if not self.target.is_classes:
            return None
        return self.target.labels.of(np.arange(len(self.target.labels)))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a source must have."""
        return self.preparation.schema.names

    @property
    def scores(self) -> dict[str, float]:
        """Measures of rows that the networks did not train on; see `Findings`."""
        return dict(self.findings.scores)

    @property
    def baselines(self) -> dict[str, dict[str, float]]:
        """The same measures of the most frequent class or the mean, and of a linear model."""
        return {name: dict(values) for name, values in self.findings.baselines.items()}

    __pellucid_alone__ = True  # it is drawn without data: `report` has pictures of those

    def __pellucid_network__(self, arrays: bool) -> Any:
        """What `pel.draw` draws of it alone: its first network; all are averaged."""
        found = self.members[0].model.__pellucid_network__(arrays)
        return dataclasses.replace(found, title=f"Network 1 of {len(self.members)} of a table")

    def __repr__(self) -> str:
        return (
            f"TableModel({self.task} of {self.target.name!r}, "
            f"{count(len(self.columns), 'column')}, {count(len(self.members), 'network')})"
        )

    # -- use --------------------------------------------------------------------------------

    @checked
    def predict(self, source: Any) -> Array:
        """The class of each row by its name, (N,), or the number.

        Raises:
            DataError: for a source that cannot be read or lacks a column.
        """
        found = self._outputs(self._read("predict", source))
        return self.target.labels.of(found.argmax(axis=1)) if self.target.is_classes else found

    @checked
    def predict_proba(self, source: Any) -> Array:
        """The probability of each class, (N, C), in the order of `classes`."""
        if not self.target.is_classes:
            raise ArgumentError(
                "predict_proba",
                f"it needs classes, got a regression of {self.target.name!r}",
                "Use predict, or predict_interval.",
            )
        return self._outputs(self._read("predict_proba", source))

    @checked
    def predict_interval(self, source: Any, coverage: float = 0.9) -> Array:
        """(N, 2): from where to where the number lies, for a share `coverage` of such rows.

        The same distance below and above each prediction: quantiles of the errors of rows that the
        networks did not train on. It holds on average over rows like those, not for each row.
        """
        where = "predict_interval"
        real(where, "coverage", coverage, 0, 1, open_low=True, open_high=True)
        if self.target.is_classes:
            raise ArgumentError(
                where,
                f"it needs a regression, got classes of {self.target.name!r}",
                "Use predict_proba.",
            )
        return self.interval(self._outputs(self._read(where, source)), coverage)

    def interval(self, values: Array, coverage: float) -> Array:
        """The interval around each predicted value."""
        errors = np.array(self.findings.errors)
        at = np.linspace(0, 1, len(errors))
        ends = np.interp([(1 - coverage) / 2, (1 + coverage) / 2], at, errors)
        return np.asarray(values[:, None] + ends)

    @checked
    def evaluate(self, source: Any) -> dict[str, float]:
        """Measures on rows with a known target: accuracy, log_loss and, of two classes, roc_auc;
        or rmse, mae and r2."""
        y, found = self.measured("evaluate", source)
        return measures(y, found, self.target.is_classes)

    def measured(self, where: str, source: Any) -> tuple[Array, Array]:
        """Codes or values of the target in a source, and what `outputs` says of its rows."""
        table = self._read(where, source, True)
        return self.target.values(where, table[self.target.name]), self._outputs(table)

    def _read(self, where: str, source: Any, with_target: bool = False) -> Table:
        others = [self.target.schema] if with_target else []
        table = self.preparation.read(source, *others, where=where)
        check_rows(where, table)
        said = notice_of(where, self.preparation, table)
        drift = " ".join(checks.drift(table, self.findings.ranges))
        if said or drift:
            notices.once(said + (" " if said and drift else f"[{where}] " if drift else "") + drift)
        return table

    def _outputs(self, table: Table) -> Array:
        return self.outputs(self.preparation.arrays(table))

    def outputs(self, x: Arrays) -> Array:
        """Probabilities (N, C) or values (N,) of prepared rows."""
        return averaged(self.members, self.scale, x)

    @functools.partial(checked, where="save")
    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Writes one safetensors file with preparation, networks and findings. See `pel.load`.

        Raises:
            ArgumentError: if the file exists and `overwrite` is False.
        """
        save(
            path,
            overwrite,
            self.preparation,
            self.target,
            self.members,
            self.scale,
            self.findings,
        )

    @functools.partial(checked, where="report")
    def report(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Writes an HTML page: scores, which columns matter, where the model is wrong, its table.

        One file without scripts, which needs no network.

        Raises:
            ArgumentError: if the file exists and `overwrite` is False.
        """
        target = check_target(path, overwrite)
        curves = [member.model.history.epochs.get("val_loss", []) for member in self.members]
        text = page(self.target, self.findings, curves)
        write_atomically(target, text.encode(), overwrite=overwrite)


def averaged(members: Sequence[Member], scale: Sequential | None, x: Arrays) -> Array:
    """The mean of what the networks say of prepared rows."""
    total = sum(member.networks.outputs(member.model, x) for member in members)
    mean = np.asarray(total, np.float64) / len(members)
    if scale is None:
        return mean
    return np.asarray(scale.predict(mean))[:, 0]


def target_scale(y: Array) -> tuple[Sequential, Array]:
    """The model that gives targets their units, and the targets to train on, float32."""
    layer = TargetScale(name="target")
    layer.adapt(y[:, None], "float64")
    model = Sequential([layer], dtype="float64", seed=0)
    model.build((1,))
    return model, layer.scaled(y[:, None])[:, 0].astype(np.float32)
