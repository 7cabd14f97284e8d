"""Scored rows whose outcome is known: joined with feedback, and with what the tables say."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.zones import OPEN_ZONE, SERVED
from mlops_kit.operate.feedback.labels import as_json, load
from mlops_kit.operate.monitor.served import ANSWERS, batches, days_of
from mlops_kit.train.model_file import MODEL_CARD, read_card

if TYPE_CHECKING:
    import numpy
    import polars

FEATURES = OPEN_ZONE / "features.parquet"


def labelled_rows(
    task: str,
    version: str | None,
    since: "numpy.datetime64",
    columns: list[str],
    folder: Path = SERVED,
) -> "polars.DataFrame":
    """Join scored rows with their outcomes; those without one are left out.

    Parameters
    ----------
    version : str or None
        Only answers of this version, where rows say whose they are.
    since : datetime64
        Rows of this day and later.
    columns : list of str
        Features that slices need.

    Returns
    -------
    polars.DataFrame
        id, day, the answer, outcome (text, as JSON has it) and `columns`; a row that was scored
        several times stands once, as it was scored last.
    """
    import polars as pl

    labels = load()
    tables = _of_tables(task)
    parts = []
    for part in sorted(folder.rglob("*.parquet")) if folder.is_dir() else []:
        if part.name.startswith("."):
            continue
        there = pl.read_parquet_schema(part)
        named = ["id", "time", "request_id", "version", "served_at", *ANSWERS, *columns]
        wanted = [name for name in dict.fromkeys(named) if name in there]
        for frame in batches(part, wanted):
            day = days_of(frame, part)
            frame = frame.with_columns(pl.Series("day", day.astype("datetime64[ms]")).cast(pl.Date))
            keep = pl.col("day") >= pl.lit(since.astype(object))
            if version is not None and "version" in frame.columns:
                keep &= pl.col("version").cast(pl.String) == version
            frame = frame.filter(keep)
            if len(frame):
                parts.append(_joined(frame, labels, tables))
    rows = [part for part in parts if len(part)]
    if not rows:
        return pl.DataFrame(schema={"id": pl.String, "day": pl.Date, "outcome": pl.String})
    every = pl.concat(rows, how="diagonal_relaxed")
    keys = [name for name in ("id", "day", "time", "request_id") if name in every.columns]
    return every.unique(keys, keep="last", maintain_order=True)


def _of_tables(task: str) -> "polars.DataFrame | None":
    """Outcomes that the pipeline computed for its own rows."""
    import polars as pl

    if not FEATURES.is_file():
        return None
    names = pl.read_parquet_schema(FEATURES)
    if "y_true" not in names:
        return None
    keys = [name for name in ("id", "time") if name in names]
    table = pl.read_parquet(FEATURES, columns=[*keys, "y_true"])
    table = table.filter(pl.col("y_true").is_not_null())
    found = table.select(
        pl.col("id").cast(pl.String),
        *(pl.col(key).cast(pl.Datetime("us")) for key in keys[1:]),
        as_json(table["y_true"], task).alias("_table"),
    )
    return found.unique(keys, keep="first")


def _joined(
    frame: "polars.DataFrame", labels: "polars.DataFrame", tables: "polars.DataFrame | None"
) -> "polars.DataFrame":
    import polars as pl

    found = pl.Series("outcome", [None] * len(frame), dtype=pl.String)
    frame = frame.with_columns(pl.col("id").cast(pl.String))
    asked = frame.select("id", *(["time"] if "time" in frame.columns else []))
    if "time" in asked.columns:
        asked = asked.with_columns(pl.col("time").cast(pl.Datetime("us")))
    sources: list[Any] = []
    if "request_id" in frame.columns:
        by_request = labels.filter(pl.col("request").is_not_null()).select("request", "outcome")
        sources.append((frame.select(request=pl.col("request_id").cast(pl.String)), by_request))
    by_id = labels.filter(pl.col("id").is_not_null())
    timed = "time" in asked.columns
    if timed:
        sources.append((asked, by_id.select("id", "time", "outcome")))
    else:
        latest = by_id.unique("id", keep="last", maintain_order=True)
        sources.append((asked.select("id"), latest.select("id", "outcome")))
    if tables is not None:
        keys = [name for name in ("id", "time") if name in tables.columns]
        if set(keys) <= set(asked.columns):
            sources.append((asked.select(keys), tables.rename({"_table": "outcome"})))
    for left, right in sources:
        keys = [name for name in left.columns if name in right.columns]
        values = left.join(
            right.unique(keys, keep="first"), on=keys, how="left", maintain_order="left"
        )["outcome"]
        found = pl.select(pl.coalesce(found, values)).to_series()
    return frame.with_columns(found.alias("outcome")).filter(pl.col("outcome").is_not_null())


def known_classes() -> "list[str | int] | None":
    """The classes of the model that was trained last, where they are not 0 and 1."""
    return read_card().get("classes") if MODEL_CARD.is_file() else None
