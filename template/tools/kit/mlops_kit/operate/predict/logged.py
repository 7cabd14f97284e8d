"""Scored rows with their features, kept in data/open/served for `mlops monitor`."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.files import progress, written_beside
from mlops_kit.core.zones import SERVED
from mlops_kit.operate.predict.written import tables_of, write_tables

if TYPE_CHECKING:
    import pyarrow

SUFFIX = ".served"
BUCKETS = 10_000
# What a line says besides the features; a feature of such a name is not logged.
OWN = ("id", "time", "horizon", "request_id", "row", "served_at", "version", "answered_by",
       "features_sha256", "milliseconds", "known", "stale", "score", "scores", "prediction",
       "items")  # fmt: skip


def row_log(
    keys: "pyarrow.Table", names: list[str], features: "pyarrow.Table", answers: "pyarrow.Table"
) -> "pyarrow.Table":
    """Lay out scored rows: ids of the open zone, time, features by name, and answers."""
    for place, name in enumerate(names):
        if name not in OWN:
            keys = keys.append_column(name, features.column(place))
    for name in answers.column_names:
        keys = keys.append_column(name, answers[name])
    return keys


def keep_log(parts: list[Path], name: str, version: str, most: int) -> Path | None:
    """Write the logged rows of one scoring as one part, whole or not at all.

    Parameters
    ----------
    parts : list of Path
        The parts of the scores; rows of the log lie beside them.
    name : str
        What identifies the scoring: the same one again replaces its own part.
    most : int
        Of more rows a sample by id is kept: somebody is in it with all rows or with none.

    Returns
    -------
    Path or None
        The part; None where nothing was scored.
    """
    import pyarrow as pa
    import pyarrow.parquet

    files = [part.with_suffix(SUFFIX) for part in parts if part.with_suffix(SUFFIX).is_file()]
    total = sum(pyarrow.parquet.read_metadata(file).num_rows for file in files)
    if not total:
        return None
    share = min(most / total, 1.0)
    target = SERVED / f"{name}.parquet"
    served_at = datetime.datetime.now(datetime.UTC).replace(tzinfo=None, microsecond=0)

    def logged() -> "Iterator[pyarrow.Table]":
        for table in tables_of(files):
            kept = table.filter(_sampled(table["id"], share)) if share < 1 else table
            rows = kept.num_rows
            kept = kept.append_column("version", pa.array([version] * rows, "string"))
            yield kept.append_column("served_at", pa.array([served_at] * rows, pa.timestamp("us")))

    with written_beside(target) as beside:
        rows = write_tables(logged(), beside)
    if rows < total:
        progress("predict", f"{rows:,} of {total:,} scored rows are logged for `mlops monitor`")
    return target


def _sampled(ids: "pyarrow.ChunkedArray", share: float) -> "pyarrow.Array":
    import polars as pl
    import pyarrow as pa

    texts = pl.Series("id", pl.from_arrow(ids)).cast(pl.String)
    return pa.array((texts.hash(seed=7) % BUCKETS < share * BUCKETS).to_list())
