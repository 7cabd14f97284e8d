"""What the checks say of the independent tables: by kind, size, half, with Wilson bounds.

Run as ``PYTHONPATH=tests/support uv run --frozen python benchmarks/leaks_independent_run.py
[TABLES] [--half development] [--only leaks]``. Three lines of defence are counted apart: *refused*
by name before training; *told*, where a run ends as inconclusive because a feature tells the
outcome, or two together (as in the honest kinds `rule_of_two` and `product_and_sum`, where nothing
in the table says that it is no leak); and *kept*, where it is neither but ends as inconclusive
because an outcome has fewer than 20 holdout rows. Fails when more than 1 % of the honest tables may
be refused, or less than 97 % of the leaks are refused, told or kept, by the bounds of intervals.
"""

import argparse
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import pandas as pd
import polars as pl
from leak_checks import HOLDOUT, shares
from leaks_independent import Table, leaky, strong_and_honest
from mlops_kit.core.utc import connect
from mlops_kit.train.checks.columns import encode, feature_names
from mlops_kit.train.checks.outcome import determining_in
from mlops_kit.train.evidence import telling

TABLES = 2000


def judged(table: Table) -> tuple[list[str], list[str], bool]:
    """Name the features that are refused, those that the report tells, and whether rows are few."""
    frame = table.features.copy()
    for name in frame.columns[frame.dtypes.map(lambda kind: kind.kind == "M")]:
        # A model reads no moments: features.py counts days from a fixed day.
        frame[name] = (frame[name] - pd.Timestamp("2023-01-01")) / pd.Timedelta(days=1)
    held = np.random.default_rng([table.seed, len(frame)]).random(len(frame)) < HOLDOUT
    names = list(frame.columns)
    rows = pl.from_pandas(frame).with_columns(
        pl.Series("id", np.arange(len(frame))),
        pl.Series("y_true", table.outcome.tolist()),
        pl.Series("split", np.where(held, "holdout", "train")),
    )
    with connect() as connection:
        connection.register("given", rows.to_arrow())
        connection.execute("CREATE TEMP TABLE features AS SELECT * FROM given")
        encode(connection, "features", feature_names(names, ["id"]))
        relation = connection.table("features")
        refused = determining_in(relation, names)
        train, holdout = (
            relation.filter(f"split = '{part}'").df() for part in ("train", "holdout")
        )
    classes = sorted(table.outcome.unique()) if table.task == "classes" else None
    held_rows = table.outcome[held].value_counts()
    few = len(held_rows) < table.outcome.nunique() or held_rows.min() < 20
    few = few and table.task != "amount"
    told, pairs = telling(train, holdout, names, classes)
    return refused, told + [name for pair in pairs for name in pair.features], bool(few)


def size_of(table: Table) -> str:
    """Say in which class of sizes a table is, by the rows of its rarest outcome."""
    limits = (10, 30, 100, 1_000)
    return next((f"{limit:>5,}" for limit in limits if table.rare < limit), " more")


def report(title: str, tables: Iterable[Table], want_leak: bool, half: str | None) -> bool:
    """Count, print by half, kind and size, and tell whether a bound is missed."""
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for table in tables:
        if half and table.half != half:
            continue
        refused, told, few = judged(table)
        named = bool(table.leaks & set(refused)) if want_leak else bool(refused)
        hinted = named or (bool(table.leaks & set(told)) if want_leak else bool(told))
        others = bool(set(refused) - table.leaks)
        kind = f"{table.half[:4]} {table.kind}"
        keys = [("all", ""), ("half", table.half), ("task", table.task), ("kind", kind)]
        for key in [*keys, ("rarest outcome below", size_of(table))]:
            for place, add in enumerate((1, named, hinted, hinted or few, others)):
                found[key][place] += add
        if half == "development" and (named != want_leak or (others and want_leak)):
            shape = f"{table.task}, {len(table.outcome)} rows, {table.rare} of the rarest"
            print(f"  wrong: {kind} {table.seed}, {shape}: refused {refused}, told {told}")
    print(title)
    for (what, which), (tables_of, named, hinted, kept, others) in sorted(found.items()):
        first = shares(f"{what} {which}", named, tables_of)[0]
        second = shares("or told", hinted, tables_of)[0]
        third = shares("or kept", kept, tables_of)[0] if want_leak else ""
        print(f"  {first}; {second}; {third}; others accused {others}; of {tables_of}", flush=True)
    number, named, _, kept, _ = found["all", ""]
    if want_leak:
        return shares("", kept, number)[1] < 97
    return shares("", named, number)[2] > 1


def main() -> int:
    """Print both tables; return 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="?", type=int, default=TABLES)
    parser.add_argument("--half", choices=("development", "held_out"))
    parser.add_argument("--only", choices=("leaks", "honest"))
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    missed = False
    for sort, drawn in (("leaks", leaky), ("honest", strong_and_honest)):
        if asked.only in (None, sort):
            missed |= report(f"{sort} refused", drawn(asked.tables), sort == "leaks", asked.half)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
