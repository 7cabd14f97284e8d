"""Read the long table of predictions and pair the systems row by row, or say why it cannot be."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..errors import MlopsError
from .config import CompareConfig
from .metrics import Metric, metric_named

# Beyond this a square overflows: as unusable as infinity.
HUGE = 1e150


@dataclass(frozen=True)
class Holdout:
    """The paired rows: every array has shape (n,) and the same row order."""

    metric: Metric
    truth: Any
    predictions: dict[str, Any]
    groups: NDArray[np.int64]
    sha256: str


def read_holdout(source: Any, config: CompareConfig) -> Holdout:
    """Join the systems that `config` names one to one on id and time.

    Parameters
    ----------
    source : Path, pyarrow.Table or data frame
        The long table: id, y_true, system, one of score, prediction or items, and optionally
        group and time.

    Raises
    ------
    MlopsError
        When the table is missing, empty or damaged, a system is missing, rows do not match one
        to one, or a value is empty, NaN, infinite or an unknown label.
    """
    table = _read(source)
    metric = metric_named(config.primary.metric)
    needed = ["id", "y_true", "system", metric.column]
    if absent := [name for name in needed if name not in table.column_names]:
        raise MlopsError(
            f'The predictions have no column "{absent[0]}", which {config.primary.metric} needs: '
            "write it in the predict stage or choose another metric in conf/compare.yaml."
        )
    table = table.select([*needed, *(c for c in ("time", "group") if c in table.column_names)])
    if table.num_rows == 0:
        raise MlopsError("The table of predictions is empty: there is nothing to compare.")
    for name in table.column_names:
        if empty := table[name].null_count:
            raise MlopsError(
                f'{empty} rows of the predictions have no "{name}": fill or drop them.'
            )
    table = pa.table({name: _common_type(table[name]) for name in table.column_names})
    systems = {role: _system(table, role, name) for role, name in config.systems.items()}
    first = systems["candidate"]
    for role, rows in systems.items():
        _refuse_other_rows(first, rows, f'"{config.candidate}" and "{config.systems[role]}"')
    truth = _values(first["y_true"], "y_true", metric)
    _refuse_degenerate(truth, metric)
    return Holdout(
        metric,
        truth,
        {
            role: _values(rows[metric.column], metric.column, metric)
            for role, rows in systems.items()
        },
        _groups(first),
        _digest(first),
    )


def _read(source: Any) -> pa.Table:
    if not isinstance(source, Path):
        return pa.table(source)
    import pyarrow.parquet as pq

    if not source.is_file():
        raise MlopsError(f"{source.as_posix()} does not exist: run `mlops run` to write it.")
    try:
        return pq.read_table(source)
    except (pa.ArrowException, OSError) as error:
        raise MlopsError(
            f"{source.as_posix()} is not readable parquet: run `mlops run` to write it again."
        ) from error


def _common_type(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cast what each library calls text, categories or lists to one type that arrow can sort."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        kind = pa.string()
    elif pa.types.is_nested(kind) and hasattr(kind, "value_type"):
        item = kind.value_type
        whole = pa.types.is_integer(item) or pa.types.is_null(item)
        kind = pa.list_(pa.int64() if whole else pa.string())
    return column.cast(kind)


def _system(table: pa.Table, role: str, name: str) -> pa.Table:
    names = table["system"]
    rows = table.filter(pc.equal(names, name)).drop_columns(["system"])
    if rows.num_rows == 0:
        known = ", ".join(sorted(pc.unique(names).to_pylist()))
        raise MlopsError(
            f'The {role} "{name}" has no predictions; the table holds: {known}. '
            "Write its rows in the predict stage or mend the name in conf/compare.yaml."
        )
    keys = [key for key in ("id", "time") if key in rows.column_names]
    if repeated := rows.num_rows - rows.select(keys).group_by(keys).aggregate([]).num_rows:
        raise MlopsError(
            f'{repeated} rows of "{name}" repeat an {" and ".join(keys)}: each must stand once.'
        )
    return rows.sort_by([(key, "ascending") for key in keys]).combine_chunks()


def _refuse_other_rows(first: pa.Table, other: pa.Table, who: str) -> None:
    if first.num_rows != other.num_rows:
        raise MlopsError(
            f"{who} do not cover the same rows ({first.num_rows} against {other.num_rows}): "
            "predict the same holdout with both."
        )
    shared = [name for name in ("id", "time", "y_true", "group") if name in first.column_names]
    for name in shared:
        if not first[name].equals(other[name]):
            raise MlopsError(
                f'{who} do not match one to one in "{name}": predict the same holdout with both.'
            )


def _values(column: pa.ChunkedArray, name: str, metric: Metric) -> Any:
    kind = column.type
    if metric.column == "items":
        if not pa.types.is_list(kind):
            raise MlopsError(f'Column "{name}" must hold lists of items, not {kind}.')
        lists = column.combine_chunks()
        if lists.flatten().null_count:
            raise MlopsError(f'A list in column "{name}" holds an empty item: drop it.')
        return lists
    try:
        numbers = column.cast(pa.float64()).to_numpy()
    except pa.ArrowException as error:
        raise MlopsError(f'Column "{name}" must hold numbers, not {kind}.') from error
    if bad := int((~(np.abs(numbers) < HUGE)).sum()):
        raise MlopsError(
            f'{bad} rows of column "{name}" are NaN or infinite: mend the predictions.'
        )
    return numbers


def _refuse_degenerate(truth: Any, metric: Metric) -> None:
    if len(truth) < 2:
        raise MlopsError("The holdout has one row: a comparison needs at least two.")
    if metric.column == "items":
        if len(truth.flatten()) == 0:
            raise MlopsError("No row of the holdout has a true item: every system would score 0.")
    elif metric.column == "score":
        labels, counts = np.unique(truth, return_counts=True)
        if not np.isin(labels, (0, 1)).all():
            raise MlopsError("y_true holds labels other than 0 and 1: only two classes compare.")
        if labels.size == 1 or counts.min() < 2:
            raise MlopsError("The holdout holds a single class of y_true: it needs rows of both.")


def _groups(rows: pa.Table) -> NDArray[np.int64]:
    column = rows["group" if "group" in rows.column_names else "id"].combine_chunks()
    codes = column.dictionary_encode().indices.to_numpy().astype(np.int64)
    if np.unique(codes).size < 2:
        raise MlopsError("All rows belong to one group: a comparison needs at least two groups.")
    return codes


def _digest(rows: pa.Table) -> str:
    """SHA-256 of the sorted (time, y_true) rows: ids stay out, since another key renames them."""
    truth, parts = rows["y_true"], []
    if pa.types.is_nested(truth.type):
        parts.append(pc.binary_join(truth.cast(pa.list_(pa.string())), ","))
    else:
        parts.append(truth.cast(pa.float64()).cast(pa.string()))
    if "time" in rows.column_names:
        time = rows["time"]
        time = time.cast(pa.timestamp("us")) if pa.types.is_temporal(time.type) else time
        parts.insert(0, time.cast(pa.string()))
    lines = pc.binary_join_element_wise(*parts, "|")
    ordered = lines.take(pc.sort_indices(lines)).to_pylist()
    return hashlib.sha256("\n".join(ordered).encode()).hexdigest()
