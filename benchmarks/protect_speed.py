"""How fast tables are protected, with the gate inside, and how much memory that takes.

Run as ``PYTHONPATH=tests/support uv run --frozen python benchmarks/protect_speed.py``.
A table of ten columns (two identifiers, quasi-identifiers, measurements; no free text) of 1 and of
4 million rows goes through the protect stage's own function, each in a process of its own.
"""

import argparse
import datetime
import json
import os
import resource
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet
from measuring import cpu_seconds, machine

SIZES = (1_000_000, 4_000_000)
PART = 250_000
# Column, its rule, and whether the value is searched because it passes as it is.
RULES = {
    "patient_id": {"action": "token", "domain": "patient"},
    "email": {"action": "token", "entity": "email"},
    "birth_date": {"action": "generalise", "to": "age_band", "as_of": datetime.date(2025, 1, 1)},
    "postal_code": {"action": "generalise", "to": "prefix", "characters": 3},
    "admitted_on": {"action": "date_shift", "days": 30, "subject": "patient_id"},
    "ward": {"action": "keep"},
    "test_code": {"action": "keep"},
    "result": {"action": "keep"},
    "units": {"action": "keep"},
    "measured_at": {"action": "keep"},
}


def write_table(path: Path, rows: int) -> None:
    """Write an invented table, a row group at a time; every value can be made again."""
    random = np.random.default_rng(5)
    writer = None
    for start in range(0, rows, PART):
        size = min(PART, rows - start)
        ids = pl.Series(random.integers(0, rows // 4, size))
        day = pl.Series(random.integers(0, 700, size)).cast(pl.Int32)
        codes = pl.Series([f"LAB-{number:03d}" for number in range(400)])
        frame = pl.DataFrame(
            {
                "patient_id": ids,
                "email": pl.select(pl.format("patient{}@example.org", ids)).to_series(),
                "birth_date": (ids % 30_000).cast(pl.Int32).cast(pl.Date),
                "postal_code": (10_000 + ids % 80_000).cast(pl.String),
                "admitted_on": (day + 19_000).cast(pl.Date),
                "ward": pl.Series([f"ward {n}" for n in "ABCDEFGH"]).gather(ids % 8),
                "test_code": codes.gather(pl.Series(random.integers(0, 400, size))),
                "result": random.normal(100, 15, size),
                "units": random.integers(1, 9, size),
                "measured_at": (
                    pl.Series(random.integers(0, 60_000_000, size)) * 1_000_000
                    + 1_640_000_000_000_000
                ).cast(pl.Datetime("us")),
            }
        )
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    assert writer is not None
    writer.close()


def protect_one(source: Path, target: Path, searched: bool) -> dict[str, float]:
    """Protect one table in this process; return CPU seconds, peak memory and rows."""
    protect, opening = (
        import_module("mlops_kit.privacy.protect.stage"),
        import_module("mlops_kit.privacy.protect.outgoing"),
    )
    schema, policy = (
        import_module("mlops_kit.privacy.policy.schema"),
        import_module("mlops_kit.privacy.policy.load"),
    )
    rules = {name: schema.ColumnPolicy(**rule) for name, rule in RULES.items()}
    plan = [
        protect.Treatment(
            name,
            rule,
            policy.domain_of(rule, name),
            (rule.subject, "patient", "") if rule.subject else None,
        )
        for name, rule in rules.items()
    ]
    gate = opening.Opening(schema.Privacy(columns={}), datetime.date(2025, 1, 1))
    if not searched:
        gate.search = gate.judge = lambda *_: None
    before = cpu_seconds()
    told = protect.protect_table(source, target, plan, b"k" * 32, gate)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert gate.closed() == ""
    return {"rows": told["rows"], "cpu": cpu_seconds() - before, "peak_mb": peak}


def main() -> None:
    """Print one line for each size and, for the smaller one, the share of the search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        source, target, searched = chosen.one
        print(json.dumps(protect_one(Path(source), Path(target), searched == "searched")))
        return
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        for rows in SIZES:
            source = Path(scratch) / f"visits_{rows}.parquet"
            write_table(source, rows)
            for how in ("searched", "not searched"):
                target = Path(scratch) / "protected" / "visits.parquet"
                target.parent.mkdir(exist_ok=True)
                command = [sys.executable, __file__, "--one", str(source), str(target), how]
                told = subprocess.run(
                    command, capture_output=True, check=True, env=dict(os.environ)
                ).stdout
                one = json.loads(told)
                print(
                    f"{rows:>9,} rows, {how:<13} {one['cpu']:6.1f} CPU s  "
                    f"{one['rows'] / one['cpu']:>8,.0f} rows/CPU s  peak {one['peak_mb']:,.0f} MB"
                )
            source.unlink()


if __name__ == "__main__":
    main()
