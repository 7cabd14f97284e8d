"""How fast a csv becomes a checked table, beside DuckDB's own COPY, and how much memory that takes.

Run as ``PYTHONPATH=tests/support uv run --frozen python benchmarks/own_data.py [ROWS ...]``.
A csv of twenty columns (ids, texts with quoted cells, numbers, dates, moments, booleans, missing
values) of 1 million rows, or of the numbers of rows that are named, is read, checked and written as
parquet by the data stage's own function, and copied by DuckDB with its types declared; each in a
process of its own, on the same threads.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from measuring import cpu_seconds, machine
from mlops_kit.data.config import Sources
from mlops_kit.data.describing.asked import Asked
from mlops_kit.data.describing.describe import describe
from mlops_kit.data.reading import store

ROWS = 1_000_000
WIDE = (252, 753)
TYPES = {
    "id": ("integer", "BIGINT"),
    **{f"code{n}": ("string", "VARCHAR") for n in range(4)},
    "note": ("string", "VARCHAR"),
    **{f"count{n}": ("integer", "BIGINT") for n in range(3)},
    **{f"amount{n}": ("number", "DOUBLE") for n in range(7)},
    "day": ("date", "DATE"),
    "at": ("timestamp", "TIMESTAMP"),
    "moment": ("timestamptz", "TIMESTAMPTZ"),
    "paid": ("boolean", "BOOLEAN"),
}
INVENTED = """
    SELECT i AS id, 'LAB-' || (i % 400) AS code0, 'ward ' || (i % 8) AS code1,
           CASE WHEN i % 50 = 0 THEN NULL ELSE 'unit ' || (i % 90) END AS code2,
           md5(i::VARCHAR)[:12] AS code3,
           CASE WHEN i % 9 = 0 THEN 'said "no", and left' ELSE 'usual ' || (i % 1000) END AS note,
           i % 7 AS count0, (i * 7919) % 100000 AS count1, i % 2 AS count2,
           {amounts},
           DATE '2020-01-01' + (i % 2000)::INTEGER AS day,
           TIMESTAMP '2024-01-01' + INTERVAL (i % 10000000) SECOND AS at,
           strftime(TIMESTAMP '2024-01-01' + INTERVAL (i % 10000000) SECOND, '%Y-%m-%dT%H:%M:%S')
               || '+02:00' AS moment,
           i % 3 = 0 AS paid
    FROM range({rows}) AS made(i)
"""
AMOUNTS = ", ".join(
    f"round(random() * {10 ** (n % 4 + 1)}, {n % 3 + 2}) AS amount{n}" for n in range(7)
)


def write_csv(path: Path, rows: int) -> None:
    """Write the invented csv."""
    with duckdb.connect() as connection:
        connection.sql(INVENTED.format(rows=rows, amounts=AMOUNTS)).write_csv(str(path))


def by_the_kit(path: Path, folder: Path) -> int:
    """Read, check and store the table as the data stage does; return the rows kept."""
    columns = {
        name: {"type": kind, "nullable": True, "unique": name == "id"}
        for name, (kind, _) in TYPES.items()
    }
    config = Sources.model_validate(
        {
            "entity": {"table": "t", "column": "id"},
            "sources": {"mine": {"kind": "files", "folder": str(path.parent)}},
            "tables": {"t": {"source": "mine", "path": path.name, "columns": columns}},
        }
    )
    reading = store(config, "t", [], folder, folder / "good.parquet", folder / "broken.parquet")
    assert reading.broken == 0
    return reading.good


def by_duckdb(path: Path, folder: Path) -> int:
    """Copy the csv to parquet, types declared; return the rows."""
    types = ", ".join(f"'{name}': '{kind}'" for name, (_, kind) in TYPES.items())
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (FROM read_csv('{path}', columns={{{types}}}, header=true, quote='\"', "
            f"escape='\"', delim=',')) TO '{folder / 'copy.parquet'}' (COMPRESSION zstd)"
        )
        found = connection.read_parquet(str(folder / "copy.parquet")).count("id").fetchall()
    return int(found[0][0])


def described(path: Path, folder: Path) -> int:
    """Describe the csv as `mlops data describe` does; return the rows."""
    os.chdir(folder)
    Path("data").mkdir()
    return describe(path, [], Asked()).made.rows


def sniffed(path: Path, folder: Path) -> int:
    """Let DuckDB find dialect and types from all rows, and summarise the columns."""
    with duckdb.connect() as connection:
        found = connection.read_csv(str(path), sample_size=-1)
        connection.sql("SUMMARIZE FROM found").fetchall()
        return len(found)


def write_wide(path: Path) -> None:
    """Write an invented csv of 752 measurements and an outcome."""
    columns = ", ".join(f"round(random() * {n % 90 + 1}, 4) AS x{n}" for n in range(WIDE[1] - 1))
    with duckdb.connect() as connection:
        made = connection.sql(f"FROM range({WIDE[0]}) AS made(i)")
        made.project(f"{columns}, i % 2 AS y").write_csv(str(path))


HOW: dict[str, Callable[[Path, Path], int]] = {
    "kit": by_the_kit,
    "duckdb": by_duckdb,
    "describe": described,
    "sniff": sniffed,
}


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", type=int, default=[ROWS])
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        path, how = Path(chosen.one[0]), chosen.one[1]
        before = cpu_seconds()
        rows = HOW[how](path, path.parent / how)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"rows": rows, "cpu": cpu_seconds() - before, "peak_mb": peak}))
        return
    print(machine())
    for rows in chosen.rows:
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "raw.csv"
            write_csv(path, rows)
            told = {how: one_process(path, how) for how in HOW}
            assert all(each["rows"] == rows for each in told.values())
            size = path.stat().st_size / 1e6
        kit, copy = told["kit"], told["duckdb"]
        print(
            f"{rows:>11,} rows x {len(TYPES)}, {size:,.0f} MB: kit {kit['cpu']:.1f} CPU s, peak "
            f"{kit['peak_mb']:,.0f} MB; COPY {copy['cpu']:.1f} CPU s, peak {copy['peak_mb']:,.0f} "
            f"MB; ratio {kit['cpu'] / copy['cpu']:.2f}",
            flush=True,
        )
        print(as_described(told["describe"], told["sniff"]), flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "wide.csv"
        write_wide(path)
        told = {how: one_process(path, how) for how in ("describe", "sniff")}
        print(f"{WIDE[0]:>11,} rows x {WIDE[1]}:")
        print(as_described(told["describe"], told["sniff"]), flush=True)


def one_process(path: Path, how: str) -> dict[str, Any]:
    """Run one way in a process of its own; return rows, CPU seconds and peak memory."""
    (path.parent / how).mkdir()
    command = [sys.executable, __file__, "--one", str(path), how]
    run = subprocess.run(command, capture_output=True, check=True, env={**os.environ})
    return json.loads(run.stdout)


def as_described(kit: dict[str, Any], sniff: dict[str, Any]) -> str:
    """Say what describing took."""
    return (
        f"            described: {kit['cpu']:.1f} CPU s, peak {kit['peak_mb']:,.0f} MB; DuckDB's "
        f"read_csv and SUMMARIZE {sniff['cpu']:.1f} CPU s; ratio {kit['cpu'] / sniff['cpu']:.2f}"
    )


if __name__ == "__main__":
    main()
