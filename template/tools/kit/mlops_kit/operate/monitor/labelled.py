"""Scored rows whose outcome is known: joined with feedback, and with what the tables say."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.words import acting, counted
from mlops_kit.core.zones import SERVED, open_table
from mlops_kit.operate.feedback.labels import as_json, load
from mlops_kit.operate.monitor.served import ANSWERS, batches, days_of
from mlops_kit.train.model_file import MODEL_CARD, read_card

if TYPE_CHECKING:
    import numpy
    import polars

FEATURES = open_table("features")
KEYS = ("id", "time", "horizon")  # of a row that the pipeline made


def labelled_rows(
    task: str,
    version: str | None,
    since: "numpy.datetime64",
    columns: list[str],
    folder: Path = SERVED,
) -> "tuple[polars.DataFrame, list[str]]":
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
    tuple
        polars.DataFrame: id, day, the answer, outcome (text, as JSON has it) and `columns`; a row
        that was scored several times stands once, as it was scored last. And sentences about what
        is left out.
    """
    import polars as pl

    notes: list[str] = []
    labels = load()
    if several := _of_several_rows(labels, folder):
        vague = pl.col("request").is_in(several).fill_null(False) & pl.col("row").is_null()
        labels = labels.filter(~vague)
        notes.append(
            f"outcomes of {counted(len(several), 'request')} that asked about several rows are "
            "left out: give their row (0 is the first), or id and time"
        )
    tables = _of_tables(task)
    parts, forecasts = [], False
    for part in sorted(folder.rglob("*.parquet")) if folder.is_dir() else []:
        if part.name.startswith("."):
            continue
        there = pl.read_parquet_schema(part)
        named = ["id", "time", "horizon", "request_id", "row", "version", "served_at", *ANSWERS]
        named += columns
        wanted = [name for name in dict.fromkeys(named) if name in there]
        for frame in batches(part, wanted):
            day = days_of(frame, part)
            frame = frame.with_columns(pl.Series("day", day.astype("datetime64[ms]")).cast(pl.Date))
            keep = pl.col("day") >= pl.lit(since.astype(object))
            if version is not None and "version" in frame.columns:
                keep &= pl.col("version").cast(pl.String) == version
            frame = frame.filter(keep)
            forecasts |= _are_forecasts(frame)
            if len(frame):
                parts.append(_joined(frame, labels, tables))
    vague = pl.col("id").is_not_null() & pl.col("horizon").is_null()
    if forecasts and len(labels.filter(vague)):
        notes.append(
            "outcomes by id and time alone do not say of which forecast they are, and are left "
            "out: give their horizon; those of the tables are used, as the pipeline computes them"
        )
    if parts and not forecasts and (ahead := labels["horizon"].count()):
        notes.append(
            f"{counted(ahead, 'outcome')} with a horizon are left out: no forecast was scored"
        )
    rows = [part for part in parts if len(part)]
    if not rows:
        if parts and len(labels):
            notes.append(
                f"{acting(len(labels), 'outcome', 'were')} taken in, and none is of a row that is "
                "logged: see whether request_id, or id and time, are written as in data/open/served"
            )
        nothing = {"id": pl.String, "day": pl.Date, "outcome": pl.String}
        return pl.DataFrame(schema=nothing), notes
    every = pl.concat(rows, how="diagonal_relaxed")
    own = ("id", "day", "time", "horizon", "request_id", "row")
    keys = [name for name in own if name in every.columns]
    return every.unique(keys, keep="last", maintain_order=True), notes


def of_classes(
    rows: "polars.DataFrame", task: str, classes: Any
) -> "tuple[polars.DataFrame, list[str]]":
    """Leave out outcomes of a class that the model does not know, and say so."""
    if task != "classification" or not len(rows):
        return rows, []
    known = rows["outcome"].is_in([str(one) for one in classes or (0, 1)])
    if known.all():
        return rows, []
    told = (
        f"{acting(int((~known).sum()), 'outcome', 'are')} of no class that the model knows: not "
        "judged"
    )
    return rows.filter(known), [told]


def _of_tables(task: str) -> "polars.DataFrame | None":
    """Outcomes that the pipeline computed for its own rows."""
    import polars as pl

    if not FEATURES.is_file():
        return None
    names = pl.read_parquet_schema(FEATURES)
    if "y_true" not in names:
        return None
    keys = [name for name in KEYS if name in names]
    table = pl.read_parquet(FEATURES, columns=[*keys, "y_true"])
    table = table.filter(pl.col("y_true").is_not_null())
    found = table.select(
        *_alike(keys),
        as_json(table["y_true"], task).alias("_table"),
    )
    return found.unique(keys, keep="first")


def _alike(keys: list[str]) -> "list[polars.Expr]":
    """Return keys of a row as they are compared, whatever types their tables have."""
    import polars as pl

    kinds = {"id": pl.String(), "time": pl.Datetime("us"), "horizon": pl.Int64()}
    return [pl.col(key).cast(kinds[key]) for key in keys]


def _of_several_rows(labels: "polars.DataFrame", folder: Path) -> list[str]:
    """Return the requests that asked about several rows and have an outcome that names none."""
    import polars as pl

    given = labels.filter(pl.col("row").is_null())["request"].drop_nulls()
    found: set[str] = set()
    for part in sorted(folder.rglob("[!.]*.parquet")) if len(given) and folder.is_dir() else []:
        if {"request_id", "row"} <= set(pl.read_parquet_schema(part)):
            for frame in batches(part, ["request_id", "row"]):
                found |= set(frame.filter(pl.col("row") > 0)["request_id"])
    return sorted(found & set(given))


def _joined(
    frame: "polars.DataFrame", labels: "polars.DataFrame", tables: "polars.DataFrame | None"
) -> "polars.DataFrame":
    import polars as pl

    found = pl.Series("outcome", [None] * len(frame), dtype=pl.String)
    frame = frame.with_columns(pl.col("id").cast(pl.String))
    asked = frame.select(_alike([name for name in KEYS if name in frame.columns]))
    sources: list[Any] = []
    if "request_id" in frame.columns:
        by_request = labels.filter(pl.col("request").is_not_null())
        requests = frame.select(request=pl.col("request_id").cast(pl.String))
        whole = by_request.filter(pl.col("row").is_null()).select("request", "outcome")
        sources.append((requests, whole))
        if "row" in frame.columns:
            requests = requests.with_columns(frame["row"].cast(pl.Int64))
            sources.append((requests, by_request.select("request", "row", "outcome")))
    ahead = pl.col("horizon").is_not_null()
    by_id = labels.filter(pl.col("id").is_not_null())
    forecasts = by_id.filter(ahead).select(*KEYS, "outcome")
    by_id = by_id.filter(~ahead)
    if _are_forecasts(asked):
        if "time" in asked.columns:
            sources.append((asked, forecasts))
    elif "time" in asked.columns:
        sources.append((asked.select("id", "time"), by_id.select("id", "time", "outcome")))
    else:
        latest = by_id.unique("id", keep="last", maintain_order=True)
        sources.append((asked.select("id"), latest.select("id", "outcome")))
    if tables is not None:
        keys = [name for name in KEYS if name in tables.columns]
        if set(keys) <= set(asked.columns):
            sources.append((asked.select(keys), tables.rename({"_table": "outcome"})))
    for left, right in sources:
        keys = [name for name in left.columns if name in right.columns]
        values = left.join(
            right.unique(keys, keep="first"), on=keys, how="left", maintain_order="left"
        )["outcome"]
        found = pl.select(pl.coalesce(found, values)).to_series()
    return frame.with_columns(found.alias("outcome")).filter(pl.col("outcome").is_not_null())


def _are_forecasts(rows: "polars.DataFrame") -> bool:
    return "horizon" in rows.columns and rows["horizon"].null_count() < len(rows)


def known_classes() -> "list[str | int] | None":
    """The classes of the model that was trained last, where they are not 0 and 1."""
    return read_card().get("classes") if MODEL_CARD.is_file() else None
