"""Rows as `mlops predict` logs them, made of a project's own; at last a feed may break."""

import datetime
from pathlib import Path

import polars as pl

DAYS, GOOD, ROWS = 80, 60, 200


def scored(folder: Path, first: datetime.date, broken: bool = True) -> None:
    """Write ROWS a day for DAYS, and their outcomes beside, into outcomes.parquet.

    Parameters
    ----------
    folder : Path
        A project whose pipeline has run.
    broken : bool
        Whether `recent_orders` is 0 in all rows after GOOD days.
    """
    table = pl.read_parquet(folder / "data/open/features.parquet")
    table = table.drop("time", "y_true", "split", "group", strict=False)
    answers = pl.read_parquet(folder / "data/open/predictions.parquet")
    answers = answers.filter(system="candidate")
    parts = []
    for place in range(DAYS):
        day = datetime.datetime.combine(first + datetime.timedelta(days=place), datetime.time())
        # Rows and answers as training had them: an alarm ends where they are.
        rows = table.sample(3 * ROWS, seed=place).unique("id", keep="first", maintain_order=True)
        part = rows.head(ROWS).with_columns(
            time=pl.lit(day), served_at=pl.lit(day), version=pl.lit("1"),
            score=answers["score"].sample(ROWS, seed=place),
        )  # fmt: skip
        nothing = pl.lit(0).cast(part.schema["recent_orders"])
        broke = broken and place >= GOOD
        parts.append(part.with_columns(recent_orders=nothing) if broke else part)
    every = pl.concat(parts)
    log = folder / "data/open/served"
    log.mkdir(parents=True, exist_ok=True)
    every.write_parquet(log / "one.parquet")
    outcome = (pl.int_range(pl.len()) * 13 % 100 < pl.col("score") * 100).cast(int)
    every.select("id", "time", outcome=outcome).write_parquet(folder / "outcomes.parquet")
