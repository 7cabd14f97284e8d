"""Pair the systems' predictions row by row, or say in one sentence why they cannot be compared."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.holdout.background import Background, today
from mlops_kit.compare.holdout.table import ALIKE, KEYS, LATENCY, SCALE, SEEN, long_table
from mlops_kit.compare.holdout.times import times_of
from mlops_kit.compare.holdout.values import (
    levels_of,
    numbers,
    scales,
    truth_and_predictions,
)
from mlops_kit.compare.inference.effect import Design, design_of_groups
from mlops_kit.compare.inference.periods import is_few
from mlops_kit.compare.metrics.registry import Metric
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import counted

# Fewer groups than this say little about how groups differ.
FEW_GROUPS = 30


@dataclass(frozen=True)
class Holdout:
    """The paired rows: every array has shape (n,) and the same row order.

    `truth` and `predictions` (by role) are floats, class codes or pyarrow lists, as the metric
    wants them. `columns` holds the levels' names and each row's code, by slice column. `times` are
    dates, numbers or texts that sort, `order` the number of each row's period; rows of equal
    features and time have one code in `alike`; `seen` holds the share of the training rows with
    equal features that have the same outcome, -1 where there are none. `classes` name the codes.
    `windows` is how many times the longest horizon goes into the time that the rows cover, `scale`
    what the errors of each row are divided by, where a metric does.
    """

    metric: Metric
    truth: Any
    predictions: dict[str, Any]
    groups: NDArray[np.int64]
    sha256: str
    design: Design
    columns: dict[str, tuple[list[str], NDArray[np.int64]]] = field(default_factory=dict)
    latency_ms: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    days: float | None = None
    order: NDArray[np.int64] | None = None
    n_unlabelled: int = 0
    labelled: bool = False
    times: NDArray[Any] | None = None
    alike: NDArray[np.int64] | None = None
    background: Background = Background()
    classes: tuple[str, ...] = ()
    seen: NDArray[np.float64] | None = None
    windows: float | None = None
    scale: NDArray[np.float64] | None = None

    @property
    def n_rows(self) -> int:
        """How many rows are compared."""
        return int(self.groups.size)

    @property
    def n_periods(self) -> int:
        """From how many periods the rows are; 0 without times."""
        return 0 if self.order is None else int(np.unique(self.order).size)

    def truth_of(self, metric: Metric) -> Any:
        """Return the truth as a metric reads it: with the scale of each row, if it is scaled."""
        if not metric.scaled:
            return self.truth
        assert self.scale is not None
        return np.column_stack([self.truth, self.scale])

    def with_candidate(self, role: str) -> "Holdout":
        """Put one of several candidates in the role "candidate"."""
        if role == "candidate" or role not in self.predictions:
            return self
        latency = self.latency_ms
        if role in latency:
            latency = latency | {"candidate": latency[role]}
        predictions = self.predictions | {"candidate": self.predictions[role]}
        return replace(self, predictions=predictions, latency_ms=latency)

    def rows(self, chosen: NDArray[np.bool_]) -> "Holdout":
        """Keep the rows that `chosen`, shape (n,), marks."""

        def cut(array: Any) -> Any:
            return array.filter(pa.array(chosen)) if isinstance(array, pa.Array) else array[chosen]

        of_groups, order = self.design.groups, self.design.order
        return replace(
            self,
            truth=cut(self.truth),
            predictions={role: cut(values) for role, values in self.predictions.items()},
            groups=self.groups[chosen],
            design=replace(
                self.design,
                groups=None if of_groups is None else of_groups[chosen],
                order=None if order is None else order[chosen],
            ),
            columns={},
            latency_ms={},
            times=None,
            alike=None,
            seen=None,
            scale=None if self.scale is None else self.scale[chosen],
        )


def read_holdout(
    source: Any, config: CompareConfig, background: Background | None = None
) -> Holdout:
    """Join the systems that `config` names one to one on id and time (and horizon, and fold).

    Parameters
    ----------
    source : Path, pyarrow.Table or data frame
        The long table (id, y_true, system, one of score, prediction or items, and optionally
        group, time and slice columns) or a wide one with a column per system.
    background : Background, optional
        What is known besides the table.

    Raises
    ------
    MlopsError
        When the table is missing, empty or damaged, a system is missing, rows do not match one
        to one, or a value is empty, NaN, infinite or an unknown label.
    """
    metric = config.primary.found(config.data.threshold)
    table = long_table(source, config, metric)
    systems = {role: _system(table, role, name) for role, name in config.systems.items()}
    first = systems["candidate"]
    for role, rows in systems.items():
        who = f'"{config.systems["candidate"]}" and "{config.systems[role]}"'
        _refuse_other_rows(first, rows, who)
    labelled = first["y_true"].is_valid().combine_chunks()
    n_unlabelled = len(labelled) - (labelled.true_count or 0)
    if n_unlabelled == len(labelled):
        raise MlopsError('No row of the predictions has a "y_true": there is nothing to judge by.')
    if n_unlabelled:
        systems = {role: rows.filter(labelled) for role, rows in systems.items()}
        first = systems["candidate"]
    raw = {role: rows[metric.column] for role, rows in systems.items()}
    truth, predictions, classes = truth_and_predictions(first["y_true"], raw, metric, config)
    groups = _codes(first["group" if "group" in first.column_names else "id"])
    times = times_of(first)
    return Holdout(
        metric,
        truth,
        predictions,
        groups,
        _digest(first),
        _design(config, groups, times.order, first),
        {name: levels_of(first[name], name) for name in config.columns},
        _latencies(systems),
        times.days,
        times.order,
        n_unlabelled,
        metric.column == "score" and next(iter(predictions.values())).dtype.kind == "i",
        first["time"].to_numpy() if "time" in first.column_names else None,
        _codes(first[ALIKE]) if ALIKE in first.column_names else None,
        background or Background(),
        classes,
        numbers(first[SEEN], SEEN) if SEEN in first.column_names else None,
        times.windows,
        scales(first[SCALE]) if config.is_scaled else None,
    )


def _system(table: pa.Table, role: str, name: str) -> pa.Table:
    names = table["system"]
    rows = table.filter(pc.equal(names, name)).drop_columns(["system"])
    if rows.num_rows == 0:
        known = ", ".join(sorted(pc.unique(names).to_pylist()))
        raise MlopsError(
            f'The {role} "{name}" has no predictions; the table holds: {known}. '
            "Write its rows in the predict stage or mend the name in conf/compare.yaml."
        )
    keys = [key for key in (*KEYS, "fold") if key in rows.column_names]
    if repeated := rows.num_rows - rows.select(keys).group_by(keys).aggregate([]).num_rows:
        raise MlopsError(
            f'"{name}" repeats an {" and ".join(keys)} in {counted(repeated, "row")}: each must '
            "stand once."
        )
    return rows.sort_by([(key, "ascending") for key in keys]).combine_chunks()


def _refuse_other_rows(first: pa.Table, other: pa.Table, who: str) -> None:
    if first.num_rows != other.num_rows:
        raise MlopsError(
            f"{who} do not cover the same rows ({first.num_rows} against {other.num_rows}): "
            "predict the same holdout with both."
        )
    own = {"score", "prediction", "items", LATENCY}
    for name in (name for name in first.column_names if name not in own):
        if not first[name].equals(other[name]):
            raise MlopsError(
                f'{who} do not match one to one in "{name}": predict the same holdout with both.'
            )


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    codes = column.combine_chunks().dictionary_encode().indices
    return codes.to_numpy(zero_copy_only=False).astype(np.int64)


def _design(
    config: CompareConfig,
    groups: NDArray[np.int64],
    order: NDArray[np.int64] | None,
    first: pa.Table,
) -> Design:
    """Choose how rows depend on one another, unless the configuration says it."""
    kind, unit = config.inference.design, config.inference.unit
    if kind == "folds":
        folds, n_train = _codes(first["fold"]), config.inference.train_rows
        _refuse_one_test_set(_codes(first["id"]), folds)
        return Design("folds", folds, n_train=n_train)
    several = order is not None and int(order.max()) > 0
    in_time = Design("time", order=order)
    if kind == "time":
        if order is None:
            raise MlopsError('inference.design is time, but the predictions have no "time".')
        return in_time
    if kind == "iid":
        return Design("iid")
    if (
        several
        and kind == "auto"
        and is_few(order)
        and config.acknowledged.covers("periods", today())
    ):
        # Whoever vouches for them decides for these periods alone.
        several = False
    n_groups = np.unique(groups).size
    one_series = n_groups == 1 and not is_few(order)
    if kind == "auto" and several and (one_series or n_groups == groups.size):
        return in_time
    if n_groups < 2:
        raise MlopsError("All rows belong to one group: a comparison needs at least two groups.")
    design = design_of_groups(groups)
    if design.kind == "iid":
        return design
    if kind == "auto" and several:
        # Rows of one day or month may share what no group shows: a strike, a sale, a bug.
        return Design("two-way", groups, order, unit)
    return replace(design, unit=unit)


def _refuse_one_test_set(ids: NDArray[np.int64], folds: NDArray[np.int64]) -> None:
    """Many trainings judged on the same rows show what training does, not what other rows would."""
    n_folds = int(folds.max()) + 1
    if n_folds < 2:
        raise MlopsError('inference.design is folds, but the column "fold" holds a single one.')
    n_pairs = np.unique(ids * n_folds + folds).size
    if n_pairs == n_folds * (int(ids.max()) + 1):
        raise MlopsError(
            "Every fold judges the same rows, so folds say nothing about other rows: give each "
            "fold test rows of its own, or one table with the mean prediction of all trainings."
        )


def _latencies(systems: dict[str, pa.Table]) -> dict[str, NDArray[np.float64]]:
    found = {
        role: numbers(rows[LATENCY], LATENCY)
        for role, rows in systems.items()
        if LATENCY in rows.column_names
    }
    if any(times.min() < 0 for times in found.values()):
        raise MlopsError(f'Column "{LATENCY}" holds negative times: mend the log.')
    return found


def _digest(rows: pa.Table) -> str:
    """SHA-256 of the sorted (time, y_true) rows: ids stay out, since another key renames them."""
    truth, parts = rows["y_true"], []
    if pa.types.is_nested(truth.type):
        parts.append(pc.binary_join(truth.cast(pa.list_(pa.string())), ","))
    elif pa.types.is_string(truth.type):
        parts.append(truth)
    else:
        parts.append(truth.cast(pa.float64()).cast(pa.string()))
    if "time" in rows.column_names:
        parts.insert(0, rows["time"].cast(pa.string()))
    lines = pc.binary_join_element_wise(*parts, "|")
    ordered = lines.take(pc.sort_indices(lines)).to_pylist()
    return hashlib.sha256("\n".join(ordered).encode()).hexdigest()
