"""What a look costs: all tests on a million rows of twenty columns, beside evidently in one run.

Run as ``uv run --frozen python benchmarks/monitor.py [--rows N] [--peer] [--more]``.
Each side is a process of its own and reads the same two parquet files; imports are left out. Ours:
the summary of training (made before, as training does), every part counted day by day, then index,
KS, Wasserstein, chi-square, missing and strange values of every day and column. The peer is
evidently's preset of drift, in an environment of its own (`uv run --with`), with its own defaults
on the whole of both files. Exits with 1 when ours takes more than 5 CPU-s, when the peer is less
than 15 times as dear, or when ten times the rows need a third more memory.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from measuring import cpu_seconds, machine

COLUMNS, ROWS, MORE = 20, 1_000_000, 10_000_000
DAYS = 60
MOST_CPU, TIMES, MORE_MEMORY = 5.0, 15.0, 1.33
PEER = """
import resource, sys, time
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
first, second = (pd.read_parquet(name).drop(columns=["id", "time"], errors="ignore")
                 for name in sys.argv[1:3])
used = resource.getrusage(resource.RUSAGE_SELF)
before = used.ru_utime + used.ru_stime
names = [name for name in first if name != "score"]
data = [Dataset.from_pandas(each[names], data_definition=DataDefinition())
        for each in (first, second)]
Report([DataDriftPreset()]).run(data[1], data[0])
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime - before, used.ru_maxrss / 1024)
"""


def write(file: Path, rows: int, seed: int) -> None:
    """Write rows: sixteen numbers, four texts, a score, spread over the days, some at a time."""
    import pyarrow as pa
    import pyarrow.parquet

    rng, writer = np.random.default_rng(seed), None
    first = np.datetime64("2025-01-01", "us")
    for start in range(0, rows, ROWS):
        size = min(ROWS, rows - start)
        table: dict[str, Any] = {f"n{place}": rng.normal(size=size) for place in range(12)}
        table |= {f"c{place}": rng.poisson(3 + place, size) for place in range(4)}
        table |= {f"t{place}": rng.choice([f"level {n}" for n in range(5 + 5 * place)], size)
                  for place in range(4)}  # fmt: skip
        table["score"] = rng.random(size)
        table["id"] = np.arange(start, start + size)
        day = (np.arange(start, start + size) * DAYS // rows).astype("timedelta64[D]")
        table["time"] = first + day.astype("timedelta64[us]")
        arrow = pa.table(table)
        writer = writer or pyarrow.parquet.ParquetWriter(file, arrow.schema)
        writer.write_table(arrow)
    assert writer is not None
    writer.close()


def ours(folder: Path) -> dict[str, float]:
    """Count all parts and judge every day, in this process; imports are paid before."""
    import os

    import polars as pl
    from mlops_kit.operate.monitor.config import MonitorConfig
    from mlops_kit.operate.monitor.judging.drift import all_series, look_closer
    from mlops_kit.operate.monitor.served import count_served

    os.chdir(folder)
    learned = json.loads(Path("learned.json").read_text())
    pl.DataFrame({"a": ["x"]}).join(pl.DataFrame({"a": ["x"]}), on="a")
    before, config = cpu_seconds(), MonitorConfig()
    served = count_served(learned, None, None)
    series, _ = all_series(served.days, learned, config)
    drift = [one for one in series if one.check == "drift"]
    last = served.days.rows.size - 1
    for one in drift:
        against = str(one.details["against"][last])
        look_closer(one.column, served.days, learned, config, last, against)
    assert len(drift) == COLUMNS
    assert served.days.rows.sum() > 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu": cpu_seconds() - before, "mb": peak}


def prepare(folder: Path, rows: int) -> None:
    """Write the reference with its summary, and what was scored."""
    import pandas as pd
    from mlops_kit.train.checks.reference import summary

    write(folder / "reference.parquet", ROWS, 1)
    train = pd.read_parquet(folder / "reference.parquet")
    names = [str(name) for name in train if name not in ("id", "time", "score")]
    train["y_true"] = 0
    found = summary(train, names, train.head(100_000), train["score"].to_numpy()[:100_000])
    (folder / "learned.json").write_text(json.dumps(found))
    (folder / "data/open/served").mkdir(parents=True)
    write(folder / "data/open/served/part.parquet", rows, 2)


def measured(rows: int, peer: bool) -> dict[str, dict[str, float]]:
    """Measure in a folder of its own; each side in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="monitor-") as scratch:
        folder = Path(scratch)
        own = (sys.executable, __file__)
        subprocess.run([*own, "--prepare", scratch, "--rows", str(rows)], check=True)
        found = {"ours": json.loads(_output(*own, "--ours", scratch))}
        if peer:
            with_peer = ("uv", "run", "--no-project", "--with", "evidently>=0.7,<0.8")
            with_peer += ("--with", "pandas>=2.3,<3.1", "--with", "pyarrow", "python", "-c", PEER)
            files = ("reference.parquet", "data/open/served/part.parquet")
            told = _output(*with_peer, *(str(folder / file) for file in files)).split()
            found["peer"] = {"cpu": float(told[-2]), "mb": float(told[-1])}
    return found


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:6])} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--peer", action="store_true", help="Beside evidently.")
    parser.add_argument("--more", action="store_true", help="Ten times the rows too.")
    parser.add_argument("--prepare", type=Path)
    parser.add_argument("--ours", type=Path)
    arguments = parser.parse_args()
    if arguments.prepare:
        prepare(arguments.prepare, arguments.rows)
        return 0
    if arguments.ours:
        print(json.dumps(ours(arguments.ours)))
        return 0
    print(machine())
    found = measured(arguments.rows, arguments.peer)
    good = found["ours"]["cpu"] <= MOST_CPU
    print(f"ours       {found['ours']['cpu']:.1f} CPU-s, {found['ours']['mb']:.0f} MB")
    if arguments.peer:
        times = found["peer"]["cpu"] / found["ours"]["cpu"]
        peer = found["peer"]
        print(f"evidently  {peer['cpu']:.1f} CPU-s, {peer['mb']:.0f} MB, x {times:.0f}")
        good &= times >= TIMES
    if arguments.more:
        more = measured(MORE, False)["ours"]
        print(f"{MORE:,}  {more['cpu']:.1f} CPU-s, {more['mb']:.0f} MB")
        good &= more["mb"] <= MORE_MEMORY * found["ours"]["mb"]
    print("as promised" if good else "not as promised")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
