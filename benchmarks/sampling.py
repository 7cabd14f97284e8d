"""Measure samples: CPU seconds of each method at two sizes, beside DuckDB's own sampling.

Run with `uv run --frozen python benchmarks/sampling.py [ROWS ...]`.

The peer is DuckDB's `USING SAMPLE reservoir(n ROWS)`, which draws other rows when the table is in
another order, and polars' `sample`. Ratios are to the first.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from measuring import cost_of, machine
from mlops_kit.core.sql import literal
from mlops_kit.core.utc import connect
from mlops_kit.data.sampling.definition import Sample
from mlops_kit.data.sampling.draw import draw
from mlops_kit.data.sampling.stream import reservoir

SIZE = 10_000
ASKED: dict[str, dict[str, Any]] = {
    "hash": {"share": 0.01},
    "hash of units": {"method": "hash", "share": 0.01, "unit": "owner"},
    "random": {"method": "random", "size": SIZE},
    "systematic": {"method": "systematic", "size": SIZE, "order_by": ["weight"]},
    "stratified": {"method": "stratified", "size": SIZE, "by": ["kind"]},
    "weighted": {"method": "weighted", "size": SIZE, "weight": "weight"},
}


def table(rows: int, file: Path) -> None:
    """Write a table of an id, a kind of ten, a weight, an owner and a text."""
    duckdb.sql(
        f"""COPY (SELECT i AS id, i * 7919 % 10 AS kind, 1 + i * 31 % 97 AS weight,
                         i // 20 AS owner, concat('row ', i) AS note FROM range({rows}) AS t (i))
            TO {literal(file.as_posix())} (FORMAT parquet)"""  # noqa: S608
    )


def ours(file: Path, asked: dict[str, Any]) -> None:
    """Draw as `mlops data sample` does."""
    with connect() as connection:
        read = f"SELECT * FROM read_parquet({literal(file.as_posix())})"  # noqa: S608
        connection.execute(f"CREATE VIEW source AS {read}")
        draw(connection, Sample.model_validate({"table": "t", **asked}), 7, "id")


def peer(file: Path) -> None:
    """Let DuckDB draw as many rows, on one thread."""
    with connect() as connection:
        read = f"read_parquet({literal(file.as_posix())}) USING SAMPLE reservoir({SIZE} ROWS)"
        connection.execute(f"SELECT * FROM {read}").fetchall()  # noqa: S608


def main(sizes: list[int]) -> None:
    """Print a line a method."""
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        for rows in sizes:
            file = Path(folder) / f"{rows}.parquet"
            table(rows, file)
            base = cost_of(lambda file=file: peer(file)).cpu
            print(f"{rows:,} rows: DuckDB's reservoir {base:.2f} CPU-s")
            costs = {
                name: cost_of(lambda asked=asked, file=file: ours(file, asked)).cpu
                for name, asked in ASKED.items()
            }
            costs["reservoir of a file"] = cost_of(lambda file=file: reservoir(file, SIZE, 7)).cpu
            costs["polars' sample"] = cost_of(
                lambda file=file: pl.read_parquet(file).sample(SIZE, seed=7)
            ).cpu
            for name, cost in costs.items():
                print(f"  {name:<20} {cost:6.2f} CPU-s, {cost / base:5.1f} times")


if __name__ == "__main__":
    main([int(rows) for rows in sys.argv[1:]] or [1_000_000, 10_000_000])
