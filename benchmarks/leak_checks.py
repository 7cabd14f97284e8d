"""How often a feature that gives the outcome away is refused, and an honest one is.

Run as ``PYTHONPATH=tests/support uv run --frozen python benchmarks/leak_checks.py [TABLES]``. The
tables of `leaks.py` were written before the check. Fails when a bound of the requirement is missed:
leaks found in at least 99 %, honest tables refused in at most 1 %, and no real table refused.
"""

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from leaks import HONEST, LEAKS, Draw, draw
from mlops_kit.train.checks.outcome import determining_features
from scipy.stats import binomtest
from sklearn import datasets

TABLES = 2000
HOLDOUT = 0.2
# Splits that each real table is judged by.
SPLITS = 10
PAIRS = ((0, 1), (0, 4), (0, 6), (0, 7), (2, 7), (6, 7), (1, 8), (3, 9))


def named(rows: pl.DataFrame, seed: int) -> list[str]:
    """Name the features that the check refuses, on a split by chance."""
    held = np.random.default_rng([seed, rows.height]).random(rows.height) < HOLDOUT
    parts = pl.Series("split", np.where(held, "holdout", "train"))
    features = [name for name in rows.columns if name not in ("id", "outcome")]
    return determining_features(rows.rename({"outcome": "y_true"}).with_columns(parts), features)


def wrong(kinds: dict[str, Draw], tables: int) -> Counter[str]:
    """Count the tables of each kind about which the check is wrong: no name, or another one."""
    drawn = (draw(kinds, number) for number in range(tables))
    missed = Counter(dict.fromkeys(kinds, 0))
    for number, table in enumerate(drawn):
        missed[table.kind] += named(table.rows, number) != [table.leak] * bool(table.leak)
    return missed


def real_tables() -> Iterator[tuple[str, pd.DataFrame, pd.Series]]:
    """Yield real tables that ship with scikit-learn, some of which one feature separates."""
    cancer: Any = datasets.load_breast_cancer(as_frame=True)
    yield "breast cancer", cancer.data, cancer.target
    diabetes: Any = datasets.load_diabetes(as_frame=True, scaled=False)
    yield "diabetes", diabetes.data, diabetes.target
    for name, load in (("iris", datasets.load_iris), ("wine", datasets.load_wine)):
        table: Any = load(as_frame=True)
        for kind in range(3):
            yield f"{name}, class {kind}", table.data, (table.target == kind).astype(int)
    digits: Any = datasets.load_digits(as_frame=True)
    for pair in PAIRS:
        here = digits.target.isin(pair)
        outcome = (digits.target[here] == pair[1]).astype(int)
        yield f"digits {pair[0]} and {pair[1]}", digits.data[here], outcome


def shares(label: str, found: int, tables: int) -> tuple[str, float, float]:
    """Write a share with its 95 % Wilson interval; return also the interval."""
    interval = binomtest(found, tables).proportion_ci(0.95, "wilson")
    low, high = 100 * interval.low, 100 * interval.high
    return f"{label}: {100 * found / tables:.2f} % [{low:.2f}, {high:.2f}]", low, high


def main() -> int:
    """Draw, judge and print; return 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="?", type=int, default=TABLES)
    tables = parser.parse_args().tables
    warnings.filterwarnings("ignore")
    missed, refused = wrong(LEAKS, tables), wrong(HONEST, tables)
    found, low, _ = shares("leaks found", tables - missed.total(), tables)
    false, _, high = shares("honest tables refused", refused.total(), tables)
    print(f"{tables:,} tables of each sort. {found}; {false}")
    print("missed by kind:", dict(missed))
    print("refused by kind:", dict(refused))
    real = {
        name: {column for seed in range(SPLITS) for column in named(frame(data, outcome), seed)}
        for name, data, outcome in real_tables()
    }
    bad = {name: columns for name, columns in real.items() if columns}
    print(f"real tables refused in any of {SPLITS} splits: {len(bad)} of {len(real)}", bad or "")
    return int(low < 99 or high > 1 or bool(bad))


def frame(data: pd.DataFrame, outcome: pd.Series) -> pl.DataFrame:
    """Put features and outcome into one table."""
    columns = {str(name): data[name].tolist() for name in data.columns}
    return pl.DataFrame(columns | {"outcome": outcome.tolist()})


if __name__ == "__main__":
    sys.exit(main())
