"""Cost of searching a table and texts for personal data, and of protecting a table.

Run as ``PYTHONPATH=tests/support uv run --frozen python benchmarks/pii_speed.py [--rows 1000000]
[--text-mb 50] [--presidio] [--json]``. The table has ten columns and lies in a parquet file of row
groups of 100,000 rows; every measurement runs in a process of its own, whose peak memory counts.
Presidio gets a small sample and no language model, which would make it slower.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from measuring import machine

GROUP = 100_000
SAMPLE = 10_000
PRESIDIO_ROWS, PRESIDIO_TEXTS = 200, 200
SENTENCES = (
    "El cliente {n} llamó por la heladera de {m} litros y espera respuesta desde ayer.",
    "The washing machine stopped after {m} cycles; part {n} was ordered from the warehouse.",
    "Se comunicó desde el +54 9 11 {m}-{m} y dejó su correo cliente{n}@example.com para el aviso.",
    "Delivery on {d} between {h} and 18 hours, the driver should ring twice at the side entrance.",
    "Paciente con NHC {n} derivado el {d}; sin alergias conocidas, control en {h} días.",
    "Nothing else was reported, and the technician closed the visit without further remarks.",
)


def table(rows: int, seed: int) -> pl.DataFrame:
    """Ten columns of a shop: five say nothing about people, five are personal."""
    random = np.random.default_rng(seed)
    people = import_module("mlops_kit.data.sources.sample_shop.people").people(random, rows)
    numbers = random.integers(0, 10**6, rows)
    born = pl.Series("birth_date", people["birth_date"]).cast(pl.Date)
    return pl.DataFrame(
        {
            "order_id": np.arange(rows) + 10_000_000 + seed * rows,
            "sku": "SKU-" + pl.Series(numbers).cast(pl.String),
            "price": (random.random(rows) * 500).round(2),
            "created_at": pl.Series(1_700_000_000 + numbers * 10).cast(pl.String),
            "digest": pl.Series(random.integers(0, 2**62, rows)).hash(1).cast(pl.String)
            + pl.Series(numbers).hash(2).cast(pl.String),
            "full_name": people["full_name"],
            "email": people["email"],
            "phone": people["phone"],
            "dni": people["dni"],
            "birth_date": born,
        }
    )


def write_table(path: Path, rows: int) -> None:
    """Write the table in row groups, never the whole of it in memory."""
    import pyarrow.parquet

    writer = None
    for seed in range(max(1, rows // GROUP)):
        part = table(min(GROUP, rows), seed).to_arrow()
        writer = writer or pyarrow.parquet.ParquetWriter(path, part.schema)
        writer.write_table(part, row_group_size=GROUP)
    if writer:
        writer.close()


def texts(megabytes: float) -> Iterator[str]:
    """Write notes of about 500 characters, no two alike."""
    random = np.random.default_rng(3)
    size = 0
    while size < megabytes * 1e6:
        parts = []
        for place in random.integers(0, len(SENTENCES), 6):
            n, m, h = random.integers(10**6, 10**7), random.integers(1000, 9999), 9 + place
            parts.append(SENTENCES[place].format(n=n, m=m, h=h, d=f"{h:02d}/03/2023"))
        note = " ".join(parts)
        size += len(note.encode())
        yield note


def scan_table(path: Path) -> dict[str, float]:
    """Search every value, one row group after the other."""
    import pyarrow.parquet

    scan = import_module("mlops_kit.privacy.detect.columns.column").scan
    file = pyarrow.parquet.ParquetFile(path)
    started, rows, found = time.process_time(), 0, 0
    for group in range(file.num_row_groups):
        frame = pl.DataFrame(pl.from_arrow(file.read_row_group(group)))
        for column in frame.columns:
            found += len(scan(column, frame[column], rows + 1))
        rows += frame.height
    return {"rows": rows, "seconds": time.process_time() - started, "findings": found}


def judge_table(path: Path) -> dict[str, float]:
    """Judge every column on a sample from all row groups."""
    judge = import_module("mlops_kit.privacy.detect.columns.column").judge
    sample = import_module("mlops_kit.privacy.detect.columns.values").sample_of_row_groups
    for rows in (100, SAMPLE):  # the first time for what is imported and compiled once
        started = time.process_time()
        frame = sample(path, rows)
        verdicts = [judge(column, frame[column]) for column in frame.columns]
    return {"seconds": time.process_time() - started, "columns": len(verdicts)}


def redact_texts(path: Path) -> dict[str, float]:
    """Redact a column of notes."""
    redact_series = import_module("mlops_kit.privacy.detect.text").redact_series
    notes = pl.read_parquet(path)["note"]
    started = time.process_time()
    redact_series(notes)
    return {
        "megabytes": float(notes.str.len_bytes().sum()) / 1e6,
        "seconds": time.process_time() - started,
    }


# Protecting a table (tokens, masks, generalisation) is measured here too, by a function like these.
ACTS = {"scan": scan_table, "judge": judge_table, "redact": redact_texts}


def peak_megabytes() -> float:
    """Peak memory of this process; `getrusage` would count its parent's before it became itself."""
    status = Path("/proc/self/status")
    if status.is_file():
        return int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(act: str, path: Path) -> dict[str, float]:
    """Do one of them in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--act", act, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    print(f"{act}: {figures}", file=sys.stderr)
    return figures


def against_presidio(folder: Path) -> dict[str, Any]:
    """Presidio's rules on a small sample of the same table and notes."""
    from pii_accuracy import PRESIDIO, elsewhere
    from pii_cases import Case

    frame = table(PRESIDIO_ROWS, 0)
    values = [str(value) for column in frame.columns for value in frame[column].to_list()]
    notes = pl.read_parquet(folder / "notes.parquet")["note"].head(PRESIDIO_TEXTS).to_list()
    figures: dict[str, Any] = {}
    for what, given in (("values", values), ("notes", notes)):
        cases = [Case(str(n), text, ()) for n, text in enumerate(given)]
        answer = elsewhere(cases, PRESIDIO, "presidio", "en")
        figures[what] = answer.seconds
        figures["version"] = answer.about
    size = sum(len(note.encode()) for note in notes) / 1e6
    return {
        "version": figures["version"],
        "rows per CPU-s": PRESIDIO_ROWS / figures["values"],
        "MB per CPU-s": size / figures["notes"],
    }


def main() -> None:
    """Write the data, measure each act, print the figures beside their goals."""
    parser = argparse.ArgumentParser(description="How fast personal data is found.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--text-mb", type=float, default=50)
    parser.add_argument("--presidio", action="store_true", help="also Presidio, on a small sample")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--act", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.act:
        figures = ACTS[arguments.act[0]](Path(arguments.act[1]))
        print(json.dumps({**figures, "peak_mb": peak_megabytes()}))
        return
    about = machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, large = folder / "small.parquet", folder / "large.parquet"
        write_table(small, arguments.rows)
        write_table(large, 4 * arguments.rows)
        pl.DataFrame({"note": list(texts(arguments.text_mb))}).write_parquet(
            folder / "notes.parquet"
        )
        scan, again = measured("scan", small), measured("scan", large)
        judged, redacted = measured("judge", small), measured("redact", folder / "notes.parquet")
        result = {
            "machine": about,
            "rows": arguments.rows,
            "full scan, rows per CPU-s (goal 60,000)": scan["rows"] / scan["seconds"],
            "verdict on a sample of 10,000, CPU-s (goal 1)": judged["seconds"],
            "texts, MB per CPU-s": redacted["megabytes"] / redacted["seconds"],
            "peak MB, table (goal 600)": scan["peak_mb"],
            "peak MB, four times the table": again["peak_mb"],
            "peak, ratio (goal 1.2)": again["peak_mb"] / scan["peak_mb"],
        }
        if arguments.presidio:
            result["Presidio's rules"] = against_presidio(folder)
    if arguments.json:
        print(json.dumps(result, indent=1))
        return
    for title, figure in result.items():
        print(f"{title}: {figure:,.2f}" if isinstance(figure, float) else f"{title}: {figure}")


if __name__ == "__main__":
    main()
