"""Measure profiles: CPU seconds and peak memory at several sizes, beside DuckDB's SUMMARIZE.

Run with `uv run --frozen python benchmarks/profile.py [ROWS ...]`; with `--peer PYTHON`, the
interpreter of an environment that has fg-data-profiling and pyarrow, that is run at 100,000 rows
too. Twenty columns: ten amounts, four whole numbers, four of categories, a key, an outcome. Each
is run in a process of its own; interpreter and imports count.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
from measuring import machine
from mlops_kit.core.sql import literal

PEER_ROWS = 100_000
OURS = """
from mlops_kit.compare.profile.written import profiled
from mlops_kit.data.profiling.opened import Asked
list(profiled([Asked("t.parquet", "y")], None))
"""
SUMMARIZE = """
from mlops_kit.core.utc import connect
with connect() as connection:
    connection.execute("SUMMARIZE SELECT * FROM 't.parquet'").fetchall()
"""
PEER = """
import pandas
from data_profiling import ProfileReport
table = pandas.read_parquet("t.parquet")
ProfileReport(table, minimal=False, progress_bar=False).to_file("peer.html")
"""


def table(rows: int, file: Path) -> None:
    """Write the table; every value follows from the number of its row."""
    amounts = ", ".join(
        f"sqrt(-2 * ln((hash(i * 20 + {n}) % 1000000 + 1) / 1000001.0)) * {n + 1} AS a{n}"
        for n in range(10)
    )
    whole = ", ".join(f"hash(i * 31 + {n}) % {10 ** (n + 1)} AS w{n}" for n in range(4))
    kinds = ", ".join(f"concat('kind ', hash(i * 7 + {n}) % {5 * (n + 1)}) AS k{n}"
                      for n in range(4))  # fmt: skip
    duckdb.sql(
        f"""COPY (SELECT i AS id, {amounts}, {whole}, {kinds}, hash(i * 3) % 2 AS y
            FROM range({rows}) AS t (i)) TO {literal(file.as_posix())} (FORMAT parquet)"""  # noqa: S608
    )


def cost(code: str, folder: Path, python: str = sys.executable) -> tuple[float, float]:
    """Run code in a process of its own; return its CPU seconds and its peak memory in MB."""
    process = subprocess.Popen([python, "-W", "ignore", "-c", code], cwd=folder,
                               stdout=subprocess.DEVNULL)  # fmt: skip
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"a run failed with status {status}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Print a line a size and way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", type=int, default=[1_000_000, 10_000_000])
    parser.add_argument("--peer", help="interpreter that has fg-data-profiling")
    asked = parser.parse_args()
    print(machine())
    sizes = sorted({*asked.rows, *([PEER_ROWS] if asked.peer else [])})
    with tempfile.TemporaryDirectory(prefix="measured-") as scratch:
        folder = Path(scratch)
        for rows in sizes:
            table(rows, folder / "t.parquet")
            base, memory = cost(SUMMARIZE, folder)
            print(f"{rows:>10,} rows  SUMMARIZE          {base:7.1f} CPU-s {memory:6.0f} MB")
            ways = [("mlops data profile", OURS, sys.executable)]
            if asked.peer and rows == PEER_ROWS:
                ways.append(("fg-data-profiling", PEER, asked.peer))
            for name, code, python in ways:
                cpu, memory = cost(code, folder, python)
                print(f"{'':>10}       {name:<18} {cpu:7.1f} CPU-s {memory:6.0f} MB, "
                      f"{cpu / base:5.1f} times SUMMARIZE")  # fmt: skip


if __name__ == "__main__":
    main()
