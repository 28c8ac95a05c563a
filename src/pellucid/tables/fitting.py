"""`fit_table`: from a table to a model of raw rows, in one call.

The stages: read the table; decide the target, the columns that are used and the folds; learn the
preparation; train two networks a fold, each stopped early on the rows that it does not train on;
measure what each row got from the networks that did not see it, beside two baselines.
"""

from __future__ import annotations

import functools
import time as clock
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from pellucid.core import notices
from pellucid.core.arguments import checked, flag, integer
from pellucid.core.errors import ArgumentError, DataError, nearest
from pellucid.data import Table, read_table
from pellucid.data.schema import CONSTANT, DATE, ID, NUMBER, TEXT
from pellucid.data.table import Column, count
from pellucid.tables import checks, folds
from pellucid.tables.dependence import dependences
from pellucid.tables.evidence import gathered
from pellucid.tables.extent import check_fits
from pellucid.tables.model import TableModel
from pellucid.tables.preparation import Preparation
from pellucid.tables.report import versions
from pellucid.tables.summary import summary
from pellucid.tables.target import Target, check_exact, decided, known_in
from pellucid.tables.training import WHERE, Options, Training

Array = np.ndarray[Any, Any]
FOLDS = 5
LEAST = 10  # rows
_MOST_SEEDS = 2**32 - 1
_ELSEWHERE = {
    "y": "target",
    "label": "target",
    "label_col": "target",
    "target_column": "target",
    "problem_type": "task",
    "objective": "task",
    "groups": "group",
    "group_column": "group",
    "time_column": "time",
    "random_state": "seed",
    "ignore": "drop",
    "exclude": "drop",
    "features": "Name the columns to leave out: drop=[…].",
    "epochs": "Leave it out: each network stops early. For your own networks use Sequential.",
    "schema": "types",
    "dtype": "types",
}


@functools.partial(checked, elsewhere=_ELSEWHERE)
def fit_table(
    source: Any,
    target: str,
    *,
    task: str | None = None,
    types: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    group: str | None = None,
    time: str | None = None,
    drop_missing: bool = False,
    quick: bool = False,
    seed: int = 0,
    verbose: int = 1,
) -> TableModel:
    """A model of a table that predicts raw rows.

    Numbers, categories and dates are prepared inside the model. Ten networks are trained, two on
    each of five folds, and their predictions averaged; `quick` trains one. The scores are of rows
    that the networks did not train on. Ctrl-C ends the training: the model has the networks so far.

    Args:
        source: what `read_table` takes, or a Table that it returned.
        target: the column to predict.
        task: "classification" or "regression"; None: found out, and said.
        types: of columns, see `read_table`.
        drop: columns to leave out.
        group: a column; rows that are alike in it are held out together. It is no feature.
        time: a column of dates or numbers; its last fifth of the rows is held out.
        drop_missing: whether rows without a target are left out; otherwise they are an error.
        quick: one network, a fifth of the rows held out.
        seed: below 2^32, of the folds, the weights, the order of rows and what is drawn for the
            report: the same gives the same bits. Network k, from 0, has the seed 1000·seed + k.
        verbose: 0 silent, 1 what was found and how the training goes.

    The whole table is in memory, with about 200 bytes a cell. For more rows see `stream_table`.

    Raises:
        DataError: for a source that cannot be read or does not fit into memory, and a target that
            cannot be learned.
        ArgumentError: for an unknown column or a wrong argument.

    Example:
        >>> rows = {"height": [*range(150, 190)], "size": [*"SSSSL" * 4, *"LLLLS" * 4]}
        >>> model = fit_table(rows, "size", quick=True, verbose=0)
        >>> model.predict({"height": [155, 185]}).tolist()
        ['S', 'L']
    """
    options = checked_options(
        WHERE,
        target,
        task=task,
        drop=drop,
        group=group,
        time=time,
        drop_missing=drop_missing,
        quick=quick,
        seed=seed,
    )
    if integer(WHERE, "verbose", verbose) > 1:
        raise ArgumentError(WHERE, f"verbose must be 0 or 1, got {verbose!r}")
    if not isinstance(source, Table):
        check_fits(WHERE, source)
        table = read_table(source, types=types)
    elif types is None:
        table = source
    else:
        raise ArgumentError(
            WHERE, "the table has its types already, got types too", "Give them to read_table."
        )
    model = train(table, options, bool(verbose))
    for note in model.findings.notes:
        notices.once(f"[{WHERE}] {note}")
    return model


def checked_options(
    where: str,
    target: str,
    *,
    task: str | None = None,
    drop: Sequence[str] = (),
    group: str | None = None,
    time: str | None = None,
    drop_missing: bool = False,
    quick: bool = False,
    seed: int = 0,
) -> Options:
    """The options of a training, checked as far as they can be without the table."""
    if not isinstance(drop, (list, tuple)) or not all(isinstance(one, str) for one in drop):
        raise ArgumentError(
            where, f"drop must be a list of columns, got {drop!r}", 'Write drop=["column"].'
        )
    flag(where, "drop_missing", drop_missing)
    flag(where, "quick", quick)
    integer(where, "seed", seed, 0, _MOST_SEEDS)
    return Options(target, task, tuple(drop), group, time, drop_missing, quick, seed)


def train(table: Table, options: Options, shown: bool, command: str = "") -> TableModel:
    """The stages of `fit_table`, on a table that is read.

    Args:
        command: what a person ran; the call of `fit_table` where it is empty.
    """
    started = clock.perf_counter()
    table, target, why = _with_target(table, options)
    used, left_out = _features(table, options)
    y = target.values(WHERE, table[target.name])
    held = _folds(table, target, y, options)
    notes = [*checks.unused(left_out), *checks.of_table(used, target, y)]
    if shown:
        print(repr(table))
        print(f"Target {target.name!r}: {target.task}, {why}.")
    preparation = Preparation.learned(used, table.names)
    x = preparation.arrays(used)
    training = Training(x, y, held, preparation, target, options)
    members, predicted, seen = training.run(shown)
    findings = training.findings(members, predicted, seen, notes, checks.ranges(used))
    found = training.importances(members)
    names = [one.column for one in found]
    curves = dependences(
        used, names, preparation, target, training.predictor(members), options.seed
    )
    rows = np.flatnonzero(seen)
    settings = {
        **findings.settings,
        **versions(),
        "command": command or _call(table, options),
        "source": table.source,
        "seconds": round(clock.perf_counter() - started, 3),
    }
    findings = replace(
        findings,
        settings=settings,
        evidence=gathered(table, target, y, predicted, rows, found, curves),
    )
    model = TableModel(preparation, target, members, training.scale, findings)
    if shown:
        print(summary(model))
    return model


def _call(table: Table, options: Options) -> str:
    """The call that trains the same again."""
    defaults = Options(options.target)
    given = {
        field.name: getattr(options, field.name)
        for field in fields(options)
        if field.name != "target" and getattr(options, field.name) != getattr(defaults, field.name)
    }
    more = "".join(f", {name}={value!r}" for name, value in given.items())
    source = table.source.partition(" (")[0]
    return f"pel.fit_table({source!r}, {options.target!r}{more})"


# -- the stages ---------------------------------------------------------------------------------


def _column(table: Table, name: object, what: str) -> Column:
    if not isinstance(name, str):
        raise ArgumentError(
            WHERE,
            f"{what} must be the name of a column, got an object of type {type(name).__name__}",
            "Put its values into the table as a column, and give the name of the column.",
        )
    if name not in table:
        raise ArgumentError(
            WHERE, f"{what} must be a column of the table, got {name!r}", nearest(name, table.names)
        )
    return table[name]


def _with_target(table: Table, options: Options) -> tuple[Table, Target, str]:
    """The rows whose target is known, and the target."""
    column = _column(table, options.target, "target")
    if column.kind == ID:  # whole numbers that are all different may be amounts
        check_exact(column)
        again = read_table({column.name: column.text()}, types={column.name: NUMBER}, quiet=True)
        column = again[column.name]
        if column.missing.any():
            column = table[options.target]
    target, why = decided(column, options.task)
    if column is not table[options.target]:
        others = [column if one.name == column.name else one for one in table.columns]
        table = Table(others, table.source, table.notes)
    known = known_in(column)
    if options.drop_missing and not known.all():
        why += f" ({count(int((~known).sum()), 'row')} without it left out)"
        table = table.take(known)
    if options.drop_missing or known.all():
        if len(table) < LEAST:
            raise DataError(
                WHERE, f"{LEAST} rows or more are needed to learn from, got {len(table)}"
            )
        if target.is_classes:
            _check_classes(target, table[target.name])
    return table, target, why


def _check_classes(target: Target, column: Column) -> None:
    codes = target.labels.codes(WHERE, column)
    if len(np.unique(codes)) < 2:
        raise DataError(
            WHERE, f"the target {target.name!r} must have two classes or more, got one in all rows"
        )


def _features(table: Table, options: Options) -> tuple[Table, list[Column]]:
    """The columns that are used, and those that are of no use."""
    gone = {options.target}
    for name in options.drop:
        gone.add(_column(table, name, "drop").name)
    if options.group is not None:
        gone.add(_column(table, options.group, "group").name)
    if options.time is not None:
        _column(table, options.time, "time")
    if options.target in (*options.drop, options.group, options.time):
        raise ArgumentError(
            WHERE, f"the target {options.target!r} cannot be drop, group or time too, got both"
        )
    rest = [column for column in table.columns if column.name not in gone]
    useless = [column for column in rest if column.kind in (CONSTANT, ID, TEXT)]
    useless += [
        column
        for column in rest
        if column not in useless and (column.missing.all() or _is_one_value(column))
    ]
    names = {column.name for column in useless}
    used = [column.name for column in rest if column.name not in names]
    if not used:
        raise DataError(
            WHERE,
            "a column beside the target must be of use, got "
            + (
                f"{', '.join(sorted(names)[:5])} (ids, texts or constants)"
                if names
                else "no other column"
            ),
            'Say what a column is: types={"column": "category"}.',
        )
    return table[used], useless


def _is_one_value(column: Column) -> bool:
    """Whether all cells that are there are the same, and none is missing."""
    if column.missing.any():
        return False
    return bool((column.values == column.values[0]).all())


def _folds(table: Table, target: Target, y: Array, options: Options) -> list[Array]:
    if options.time is not None:
        if options.group is not None:
            raise ArgumentError(WHERE, "rows are split by group or by time, got both")
        column = _column(table, options.time, "time")
        if column.kind not in (DATE, NUMBER) or column.missing.any():
            raise ArgumentError(
                WHERE,
                f"time must be a column of dates or numbers without missing cells, got "
                f"{column.name!r} ({column.kind}, {int(column.missing.sum()):,} missing)",
            )
        found = folds.by_time(column.values)
    elif options.group is not None:
        column = table[options.group]
        cells = [text if text is not None else "" for text in column.text()]
        found = folds.by_group(np.unique(cells, return_inverse=True)[1], FOLDS, options.seed)
    elif target.is_classes:
        found = folds.by_class(y, FOLDS, options.seed)
    else:
        found = folds.by_chance(len(y), FOLDS, options.seed)
    return found[:1] if options.quick else found
