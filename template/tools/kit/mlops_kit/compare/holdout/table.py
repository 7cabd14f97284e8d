"""Read a table of predictions, long or wide, parquet or csv, into one long table of plain types."""

import contextlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.metrics.registry import Metric
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import counted

EMPTY = "(empty)"
# What names a row, beside a fold.
KEYS = ("id", "time", "horizon")
CODES = ("id", "group", "fold", "system")
LATENCY = "latency_ms"
# Rows with equal features and time have the same value in this column, where there is one.
ALIKE = "same_features"
# By what the errors of a row are divided: those of a seasonal naive forecast in training.
SCALE = "mase_scale"
# Share of the training rows with equal features that have the same outcome; -1 where none is.
SEEN = "seen_in_training"


def long_table(source: Any, config: CompareConfig, metric: Metric) -> pa.Table:
    """Return id, y_true, system, the metric's column, and group, time, slices where there are.

    What stands in the column `scores`, a list of probabilities per row, is returned as `score`.

    Parameters
    ----------
    source : Path, pyarrow.Table or data frame
        The long table of the predict stage, or a wide one: id, y_true and one column per system.
        A path that ends with .csv is read as csv, any other as parquet.

    Raises
    ------
    MlopsError
        When the table is missing, damaged or empty, or a column is missing or has empty values.
    """
    table = _read(source, config, metric)
    names = table.column_names
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise MlopsError(f'The predictions have two columns "{twice}": rename or drop one.')
    for name in (*KEYS, "y_true", "group", "known_at", "fold"):
        table = _renamed(table, getattr(config.data, name), name)
    if table.num_rows == 0:
        raise MlopsError("The table of predictions is empty: there is nothing to compare.")
    value = metric.column
    # Each row of a wide table becomes one row per system: messages count those of the file.
    copies = 1
    if "system" not in table.column_names:
        n_rows = table.num_rows
        table = _from_wide(table, config, value)
        copies = table.num_rows // n_rows
    elif value == "score" and value not in table.column_names:
        # Lists of the classes' probabilities; labels where the metric judges those.
        other = "scores" if "scores" in table.column_names or not metric.labels else "prediction"
        table = _renamed(table, other, value)
    for name in ("id", "y_true", value):
        _require(table, name, config.primary.metric)
    for name in ("group", "time", "horizon", "known_at"):
        if name in config.data.model_fields_set:
            _require(table, name, f"data.{name} of conf/compare.yaml")
    for name in config.columns:
        _require(table, name, "slices or fairness of conf/compare.yaml")
    kept = ["id", "y_true", "system", value]
    if config.inference.design == "folds":
        _require(table, "fold", "inference.design of conf/compare.yaml")
        kept.append("fold")
    if config.is_scaled:
        _require(table, SCALE, "mase")
        kept.append(SCALE)
    known = (*KEYS[1:], "known_at", "group", LATENCY, ALIKE, SEEN)
    kept += [name for name in known if name in table.column_names]
    table = table.select([*kept, *(name for name in config.columns if name not in kept)])
    columns = {name: _plain(table[name], name) for name in table.column_names}
    if metric.column == "items":
        for name in ("y_true", value):
            if pa.types.is_string(columns[name].type):
                # A csv cannot tell an empty list from nothing at all.
                columns[name] = split_lists(columns[name].fill_null(""))
    elif metric.column == "score" and _holds_lists(columns[value]):
        columns[value] = _cast(split_lists(columns[value]), pa.list_(pa.float64()), value)
    if pa.types.is_floating(columns["y_true"].type):
        # Some writers have no other sign for an outcome that is not known.
        unknown = pc.is_nan(columns["y_true"])
        columns["y_true"] = pc.if_else(unknown, None, columns["y_true"])
    for name in config.columns:
        columns[name] = _cast(columns[name], pa.string(), name).fill_null(EMPTY)
    for name in kept:
        if empty := columns[name].null_count // (1 if name == value else copies):
            if name == "y_true" and config.data.labels == "censored":
                continue
            hint = "fill or drop them"
            if name == "y_true":
                hint += ", or say data.labels: censored when the rules in force decide who has one"
            raise MlopsError(
                f'The predictions have no "{name}" in {counted(empty, "row")}: {hint}.'
            )
    return pa.table(columns)


def _read(source: Any, config: CompareConfig, metric: Metric) -> pa.Table:
    if not isinstance(source, Path):
        return pa.table(source)
    import pyarrow.csv
    import pyarrow.parquet

    if not source.is_file():
        raise MlopsError(f"{source.as_posix()} does not exist: run `mlops run` to write it.")
    kind = "csv" if source.suffix.lower() == ".csv" else "parquet"
    try:
        if kind == "parquet":
            return pyarrow.parquet.read_table(source)
        # Codes stay text, so that 007 is no 7 and a csv sorts as its parquet does.
        codes = [config.data.id, config.data.group, config.data.fold, "system", *config.columns]
        if metric.column == "items":
            codes += [config.data.y_true, "items", *config.systems.values()]
        return pyarrow.csv.read_csv(
            source,
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(codes, pa.string()), strings_can_be_null=True
            ),
        )
    except (pa.ArrowException, OSError) as error:
        hint = "run `mlops run` to write it again" if kind == "parquet" else "mend it"
        raise MlopsError(f"{source.as_posix()} is not readable {kind}: {hint}.") from error


def _renamed(table: pa.Table, name: str, known: str) -> pa.Table:
    if name == known or name not in table.column_names:
        return table
    if known in table.column_names:
        table = table.drop_columns([known])
    return table.rename_columns([known if n == name else n for n in table.column_names])


def _from_wide(table: pa.Table, config: CompareConfig, column: str) -> pa.Table:
    """Stack one column per system; the others go with every system."""
    names = [name for name in config.systems.values() if name in table.column_names]
    if not names:
        raise MlopsError(
            'The predictions have no column "system", nor one for any system of '
            f"conf/compare.yaml ({', '.join(config.systems.values())}): name the columns so."
        )
    latencies = [f"{name}_{LATENCY}" for name in table.column_names]
    # One latency for all systems would compare nothing.
    apart = {*names, *latencies, LATENCY}
    common = table.drop_columns([name for name in table.column_names if name in apart])
    timed = all(f"{name}_{LATENCY}" in table.column_names for name in names)
    parts = []
    for name in names:
        part = common.append_column("system", pa.array([name] * table.num_rows, pa.string()))
        values = table[name]
        if pa.types.is_boolean(values.type):
            # Yes and no of rules, beside the scores of a model.
            values = values.cast(pa.int64())
        part = part.append_column(column, values)
        if timed:
            part = part.append_column(LATENCY, table[f"{name}_{LATENCY}"])
        parts.append(part)
    try:
        return pa.concat_tables(parts, promote_options="permissive")
    except pa.ArrowException as error:
        own = [*names, *(name for name in latencies if timed and name in table.column_names)]
        kinds = ", ".join(f"{name} ({table[name].type})" for name in own)
        raise MlopsError(
            f"The systems' columns hold different types: {kinds}. Write all as numbers, or all as "
            "lists of one type."
        ) from error


def _require(table: pa.Table, name: str, who: str) -> None:
    if name not in table.column_names:
        raise MlopsError(
            f'The predictions have no column "{name}", which {who} needs: '
            "write it in the predict stage or mend conf/compare.yaml."
        )


def _plain(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Cast what each library calls text, codes, times or lists to one type for each meaning."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_temporal(kind) and not pa.types.is_time(kind):
        kind = pa.timestamp("us")
    elif name in ("time", "known_at") and _is_text(kind):
        return _dates(column, name)
    elif name in CODES or _is_text(kind):
        kind = pa.string()
    elif pa.types.is_nested(kind) and hasattr(kind, "value_type"):
        item = kind.value_type
        if pa.types.is_floating(item):
            kind = pa.list_(pa.float64())
        else:
            whole = pa.types.is_integer(item) or pa.types.is_null(item)
            kind = pa.list_(pa.int64() if whole else pa.string())
    # Nanoseconds are finer than any period.
    return _cast(column, kind, name, safe=not pa.types.is_timestamp(kind))


def _is_text(kind: pa.DataType) -> bool:
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_one(kind) for is_one in texts)


def _dates(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Turn texts into times, or leave those whose order is their spelling's, such as 2026-W05."""
    texts = column.cast(pa.string())
    for zone in (None, "UTC"):
        with contextlib.suppress(pa.ArrowException):
            return texts.cast(pa.timestamp("us", zone)).cast(pa.timestamp("us"))
    lengths = pc.unique(pc.utf8_length(texts.drop_null()))
    if len(lengths) <= 1 and pc.all(pc.match_substring_regex(texts, r"^\d{4}")).as_py():
        return texts
    raise MlopsError(
        f'Column "time" holds texts such as {texts.drop_null()[0].as_py()!r}, whose order nobody '
        "knows: write dates as 2026-01-31, or numbers."
    )


def _cast(
    column: pa.ChunkedArray, kind: pa.DataType, name: str, safe: bool = True
) -> pa.ChunkedArray:
    try:
        return column.cast(kind, safe=safe)
    except pa.ArrowException as error:
        raise MlopsError(f'Column "{name}" holds {column.type}, which cannot be read.') from error


def _holds_lists(column: pa.ChunkedArray) -> bool:
    """Tell whether a csv's texts are lists, as probabilities of several classes are."""
    if not pa.types.is_string(column.type):
        return False
    return bool(pc.all(pc.starts_with(column, "[")).as_py())


def split_lists(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Turn the text of a csv cell, such as "[12, 7]" or "12 7", into a list of items."""
    bare = pc.replace_substring_regex(column, r"[\[\]()\"']", "")
    items = pc.split_pattern_regex(pc.utf8_trim(bare, " ,;|"), r"[\s,;|]+")
    # An empty text splits into one empty item: it is an empty list.
    empty = pa.scalar([], pa.list_(pa.string()))
    return pc.if_else(pc.equal(pc.utf8_length(pc.utf8_trim(bare, " ,;|")), 0), empty, items)
