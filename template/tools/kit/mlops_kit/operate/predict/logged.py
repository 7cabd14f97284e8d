"""Scored rows with their features, kept in data/open/served for `mlops monitor`."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.files import written_beside
from mlops_kit.core.zones import OPEN_ZONE

if TYPE_CHECKING:
    import pyarrow

SERVED = OPEN_ZONE / "served"
SUFFIX = ".served"
BUCKETS = 10_000


def row_log(
    keys: "pyarrow.Table", names: list[str], features: "pyarrow.Table", answers: "pyarrow.Table"
) -> "pyarrow.Table":
    """Lay out scored rows: ids of the open zone, time, features by name, and answers."""
    taken = {*keys.column_names, *answers.column_names}
    for place, name in enumerate(names):
        if name not in taken:
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
    writer = None
    with written_beside(target) as beside:
        try:
            for file in files:
                with pyarrow.parquet.ParquetFile(file) as stream:
                    for batch in stream.iter_batches():
                        table = pa.Table.from_batches([batch])
                        if share < 1:
                            table = table.filter(_sampled(table["id"], share))
                        rows = table.num_rows
                        table = table.append_column("version", pa.array([version] * rows, "string"))
                        moments = pa.array([served_at] * rows, pa.timestamp("us"))
                        table = table.append_column("served_at", moments)
                        writer = writer or pyarrow.parquet.ParquetWriter(
                            beside, table.schema, compression="zstd"
                        )
                        writer.write_table(table)
        finally:
            if writer is not None:
                writer.close()
    return target


def _sampled(ids: "pyarrow.ChunkedArray", share: float) -> "pyarrow.Array":
    import polars as pl
    import pyarrow as pa

    texts = pl.Series("id", pl.from_arrow(ids)).cast(pl.String)
    return pa.array((texts.hash(seed=7) % BUCKETS < share * BUCKETS).to_list())
