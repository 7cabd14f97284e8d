"""How soon `mlops monitor` sees what was injected into the shop, and how often it is wrong.

Run as ``uv run --frozen python benchmarks/monitoring_power.py [--years N] [--jobs N]``.
Each year is another shop: a model is fitted on half a year, and what it scores in the next year is
watched day by day with the default limits, from a cold start. Rows are a thirtieth of the customers
a day; whether they order within a week is known a week later. The sizes of the shifts are SHIFTS,
written down before the run; the day of a shift is drawn. Exits with 1 when the quiet or the
seasonal shop alarms more than once a year (upper 95 % bound), or when a shift is seen within 14
days in fewer than 90 % of the years. The delay of prior shift and concept drift, which nothing but
outcomes shows, counts from the day on which the first outcome of a changed row is known.
"""

import argparse
import importlib.util
import json
import os
import sys
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

# Waiting threads would spin, and CPU seconds would count them.
os.environ |= {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}

import duckdb
import numpy as np
import pandas as pd
import polars as pl
from measuring import cpu_seconds, machine
from mlops_kit.compare.config import CompareConfig
from mlops_kit.data.sources.sample_shop.shop import generate
from mlops_kit.operate.monitor.config import MonitorConfig
from mlops_kit.operate.monitor.judging.alarms import alarm_days
from mlops_kit.operate.monitor.judging.drift import Series, all_series
from mlops_kit.operate.monitor.judging.performance import judge
from mlops_kit.operate.monitor.judging.windows import Column, Days
from mlops_kit.operate.monitor.served import counted, grid_of_summary
from mlops_kit.train.checks.reference import ANSWER, OUTCOME, summary
from scipy.special import gammaincinv
from sklearn.ensemble import HistGradientBoostingClassifier

SEEDS = Path(__file__).parents[1] / "seeds/features/classification.py"
PARAMS = {"history_months": 6, "horizon_days": 7, "memory_days": 60}
TRAINED, JUDGED, WATCHED, END = "2024-07-01", "2024-11-15", "2025-01-01", "2025-12-24"
LATER = 7  # days until an outcome is known
EVERY = 30  # a customer is scored about once in so many days
WITHIN = 14
FIRST, LAST = 100, 320  # days of the year on which a shift may begin
SURE = 0.95
# Whose outcomes are looked at too; the others show in the inputs alone, before any outcome.
LABELLED = ("prior shift", "concept drift")
# Fixed before the run. What happens from the day of the shift on.
SHIFTS = {
    "covariate shift": "35 % of the rows of others are replaced by rows of bargain hunters",
    "prior shift": "90 % of those who order stay away (and so do their rows)",
    "concept drift": "the outcome of 80 % of the rows has nothing to do with their features",
    "broken feature": "recent_orders is 0 in all rows",
    "unit change": "average_order is in cents",
    "missing values": "20 % of the rows have no tenure_days",
    "missing feed": "no rows come",
}


def shop_rows(seed: int) -> pd.DataFrame:
    """Make a shop, and the rows of its customers day by day: features of the seed, and outcome."""
    spec = importlib.util.spec_from_file_location("seed_features", SEEDS)
    assert spec is not None
    assert spec.loader is not None
    features = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(features)
    tables = generate(5000, 60, 60_000, seed)
    with duckdb.connect() as connection:
        connection.execute("SET threads TO 1")
        for name in ("customers", "products", "orders"):
            connection.register(name, tables[name])
        connection.execute(
            f"""
            CREATE TABLE rows AS
            WITH buyers AS (SELECT customer_id AS id, min(ordered_at) AS first_order
                            FROM orders GROUP BY ALL),
            days AS (SELECT CAST(unnest(generate_series(DATE '{TRAINED}', DATE '{END}',
                                 INTERVAL 1 DAY)) AS DATE) AS time)
            SELECT id, time FROM days JOIN buyers ON first_order < time
            WHERE hash(id * 1000003 + CAST(time - DATE '2024-01-01' AS BIGINT) + {seed})
                  % {EVERY} = 0
            """  # noqa: S608
        )
        connection.execute(f"CREATE TABLE features AS {features.features(PARAMS)}")
        found = connection.sql(
            f"SELECT * FROM features JOIN ({features.target(PARAMS)}) USING (id, time) "  # noqa: S608
            "ORDER BY time, id"
        ).df()
    found["time"] = pd.to_datetime(found["time"])
    return found


class Year:
    """A model, and the rows that it scores in its first year."""

    def __init__(self, rows: pd.DataFrame, rng: np.random.Generator, quiet: bool) -> None:
        if quiet:
            # The rows of the last year in any order: no season, no trend, no sale.
            pool = rows[rows["time"] >= WATCHED]
            rows = pool.iloc[rng.integers(len(pool), size=len(rows))].assign(
                time=rows["time"].to_numpy()
            )
        self.names = [str(name) for name in rows if name not in ("id", "time", "y_true")]
        # Half a year of training cannot say what a month means.
        self.numbers = [name for name in self.names if name not in ("segment", "month")]
        past = rows[rows["time"] < pd.Timestamp(WATCHED) - pd.Timedelta(days=LATER)]
        train, holdout = past[past["time"] < JUDGED], past[past["time"] >= JUDGED]
        self.model = HistGradientBoostingClassifier(max_iter=25, random_state=1)
        self.model.fit(self.inputs(train), train["y_true"])
        answers = self.model.predict_proba(self.inputs(holdout))[:, 1]
        self.learned = summary(train, self.names, holdout, answers)
        from sklearn.metrics import roc_auc_score

        self.before = float(roc_auc_score(holdout["y_true"], answers))
        self.rows = rows[rows["time"] >= WATCHED].reset_index(drop=True)

    def inputs(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Give the features as numbers, shape (n_rows, n_features)."""
        coded = rows[self.numbers].astype(float)
        return coded.assign(segment=rows["segment"].map(len))


def watched(
    year: Year, rows: pd.DataFrame, config: MonitorConfig, judged: slice | None = slice(None)
) -> tuple[Days, list[Series]]:
    """Count the rows day by day, and judge every day as the monitor does on that day.

    `judged` says on which days performance is looked at; it costs most.
    """
    first = np.datetime64(WATCHED, "D")
    size = int((np.datetime64(END, "D") - first).astype(int)) + 1
    place = (rows["time"].to_numpy().astype("datetime64[D]") - first).astype(int)
    score = year.model.predict_proba(year.inputs(rows))[:, 1] if len(rows) else np.zeros(0)
    rows = rows.assign(score=score)
    days = Days(first, np.bincount(place, minlength=size).astype(float))
    frame = pl.from_pandas(rows.reset_index(drop=True)).rename({"y_true": OUTCOME})
    for name in (*year.names, ANSWER, OUTCOME):
        grid = grid_of_summary(year.learned[name])
        table, strange, total = counted(name, frame, grid, place, size, None, None)
        parts = (table[:, 1:], table[:, 0], strange, total)
        days.columns[name] = Column(grid, *(part.astype(float) for part in parts))
    series, _ = all_series(days, year.learned, config)
    if judged is None:
        return days, series
    start, stop, _ = judged.indices(size)
    frame = frame.filter((place >= start) & (place < stop)).select(
        pl.col("id").cast(pl.String), day=pl.col("time").cast(pl.Date),
        outcome=pl.col(OUTCOME).cast(pl.String), score="score",
    )  # fmt: skip
    compare = CompareConfig.model_validate({"case": "A", "primary": {"metric": "auc"}})
    found = judge(frame, first, size, "classification", config, compare, year.before, size)
    return days, series + found.series


def alarms(days: Days, series: list[Series], config: MonitorConfig) -> dict[str, np.ndarray]:
    """On which days a person is told of each alarm: of outcomes, a week later."""
    found = {}
    for one in series:
        on = alarm_days(one, days, config)
        if one.check in ("outcome", "worse", "calibration", "gap"):
            on = np.concatenate([np.zeros(LATER, bool), on[:-LATER]])
        found[one.key] = on
    # No rows for longer than the limit, as the monitor says it.
    there = np.maximum.accumulate(np.where(days.rows > 0, np.arange(days.rows.size), -1))
    found["silent"] = np.arange(days.rows.size) - there > config.silent_days
    return found


def shifted(rows: pd.DataFrame, shift: str, at: pd.Timestamp, rng: np.random.Generator) -> Any:
    """Do to the rows from `at` on what SHIFTS says."""
    later = (rows["time"] >= at).to_numpy()
    chance = rng.random(len(rows))
    if shift == "missing feed":
        return rows[~later]
    if shift == "prior shift":
        return rows[~(later & (rows["y_true"] == 1).to_numpy() & (chance < 0.9))]
    rows, kinds = rows.copy(), rows.dtypes.to_dict()
    if shift == "covariate shift":
        other = (rows["segment"] != "bargain").to_numpy()
        replaced = np.flatnonzero(later & other & (chance < 0.35))
        names = [str(name) for name in rows if name != "time"]
        donors = {
            day: group.index.to_numpy()
            for day, group in rows[later & ~other].groupby(rows["time"].dt.to_period("W"))
        }
        weeks = rows["time"].dt.to_period("W").to_numpy()
        chosen = [rng.choice(donors[weeks[row]]) for row in replaced if weeks[row] in donors]
        kept = [row for row in replaced if weeks[row] in donors]
        rows.loc[rows.index.to_numpy()[kept], names] = rows.loc[chosen, names].to_numpy()
        rows = rows.astype(kinds)
    elif shift == "concept drift":
        drawn = np.flatnonzero(later & (chance < 0.8))
        rows.loc[rows.index[drawn], "y_true"] = rng.permutation(rows["y_true"].to_numpy()[drawn])
    elif shift == "broken feature":
        rows.loc[later, "recent_orders"] = 0.0
    elif shift == "unit change":
        rows.loc[later, "average_order"] *= 100
    elif shift == "missing values":
        rows["tenure_days"] = rows["tenure_days"].astype(float)
        rows.loc[later & (chance < 0.2), "tenure_days"] = np.nan
    return rows


def one_year(seed: int) -> dict[str, Any]:
    """Watch one shop without and with each shift."""
    config, rng = MonitorConfig(), np.random.default_rng(seed)
    rows = shop_rows(seed)
    false, delays, keys = {}, {}, []
    for name in ("quiet", "seasonality alone"):
        year = Year(rows, rng, quiet=name == "quiet")
        told = alarms(*watched(year, year.rows, config), config)
        on = np.any(list(told.values()), axis=0)
        false[name] = int(on[0]) + int((on[1:] & ~on[:-1]).sum())
        keys += [f"{name}: {key}" for key, each in told.items() if each.any()]
    for shift in SHIFTS:
        place = int(rng.integers(FIRST, LAST))
        at = pd.Timestamp(WATCHED) + pd.Timedelta(days=place)
        looked = slice(place - 30, place + 50) if shift in LABELLED else None
        changed = shifted(year.rows, shift, at, rng)
        told = alarms(*watched(year, changed, config, looked), config)
        new = np.any([each[place:] & ~each[place - 1] for each in told.values()], axis=0)
        later = LATER if shift in LABELLED else 0
        delays[shift] = float(np.argmax(new)) - later if new.any() else np.inf
    return {"false": false, "delays": delays, "keys": keys}


def main() -> int:
    """Run the years, print the table, and judge it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="Seed of the first year.")
    parser.add_argument("--jobs", type=int, default=1, help="Processes.")
    parser.add_argument("--json", action="store_true", help="And which alarms were false.")
    arguments = parser.parse_args()
    about, started = machine(), cpu_seconds()
    false: dict[str, list[int]] = defaultdict(list)
    delays: dict[str, list[float]] = defaultdict(list)
    keys: Counter[str] = Counter()
    seeds = range(arguments.first, arguments.first + arguments.years)
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for done, found in enumerate(pool.map(one_year, seeds), 1):
            for name, count in found["false"].items():
                false[name].append(count)
            for shift, days in found["delays"].items():
                delays[shift].append(days)
            keys.update(found["keys"])
            if done % 20 == 0:
                print(f"{done} years: {table_of(false, delays)}", file=sys.stderr, flush=True)
    table = table_of(false, delays)
    good = all(one["good"] for one in table)
    result = {"machine": about, "years": arguments.years, "cpu": cpu_seconds() - started,
              "table": table, "keys": keys, "good": good}  # fmt: skip
    print(json.dumps(result, indent=2) if arguments.json else shown(result))
    return 0 if good else 1


def table_of(false: dict[str, list[int]], delays: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Judge each row of the table."""
    return [*map(judged_false, false, false.values()), *map(judged_delay, delays, delays.values())]


def judged_false(name: str, counts: list[int]) -> dict[str, Any]:
    """Rate of false alarms a year, with Poisson's exact upper bound (Garwood 1936)."""
    total, years = sum(counts), len(counts)
    at_most = float(gammaincinv(total + 1, SURE)) / years
    return {"what": name, "size": "nothing is injected", "per_year": total / years,
            "at_most": at_most, "good": at_most <= 1}  # fmt: skip


def judged_delay(shift: str, found: list[float]) -> dict[str, Any]:
    """Days until the first new alarm; one that never comes is infinite."""
    days = np.array(found)
    seen = float((days <= WITHIN).mean())
    median, late = (float(np.quantile(days, share, method="higher")) for share in (0.5, 0.9))
    return {"what": shift, "size": SHIFTS[shift], "seen": seen, "median": median,
            "nine_of_ten": late, "good": seen >= 0.9}  # fmt: skip


def shown(result: dict[str, Any]) -> str:
    """Return the table as Markdown."""
    lines = [f"{result['years']} years, {result['cpu']:.0f} CPU-s; {result['machine']}\n"]
    lines += ["| what | size | seen within 14 days | delay: median, 90 % | false alarms a year |"]
    lines += ["| --- | --- | --- | --- | --- |"]
    for one in result["table"]:
        if "per_year" in one:
            told = f"| | {one['per_year']:.2f} (at most {one['at_most']:.2f})"
        else:
            told = f"{one['seen']:.1%} | {one['median']:.0f}, {one['nine_of_ten']:.0f} |"
        lines += [f"| {one['what']} | {one['size']} | {told} |"]
    return "\n".join([*lines, "", "as promised" if result["good"] else "not as promised"])


if __name__ == "__main__":
    sys.exit(main())
