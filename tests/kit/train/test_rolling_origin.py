"""Forecasts: horizons as rows, and models that know only what was known at their cut-off."""

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from mlops_kit.compare.config import CompareConfig
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import load_settings
from mlops_kit.operate.experiments.enough import enough
from mlops_kit.train import features
from mlops_kit.train.model_file import read_card
from mlops_kit.train.splits.fits import fits_of, last_cutoff, learned
from own_table import OwnTable

DAYS, HORIZONS = 200, 4
START = datetime.date(2024, 1, 1)
ROWS = """
    SELECT id, day AS time, horizon FROM t CROSS JOIN (SELECT unnest(range(1, 5)) AS horizon)
    WHERE day >= DATE '2024-01-15'
"""
FEATURES = """
    SELECT rows.id, rows.time, rows.horizon, last.value AS last_value, week.value AS week_before
    FROM rows
    LEFT JOIN t AS last ON last.id = rows.id AND last.day = rows.time - 1
    LEFT JOIN t AS week ON week.id = rows.id
         AND week.day = rows.time + CAST(rows.horizon - 1 AS INTEGER) - 7
"""
TARGET = """
    SELECT rows.id, rows.time, rows.horizon, value AS y_true, day + INTERVAL 1 DAY AS known_at
    FROM rows JOIN t ON t.id = rows.id AND day = rows.time + CAST(rows.horizon - 1 AS INTEGER)
"""
ROLLING = {"method": "rolling_origin", "holdout": 0.4, "cutoffs": 3}
NAIVE = {"kind": "trivial", "strategy": "seasonal_naive", "season": "7 days"}


def series(n_series: int = 2) -> pl.DataFrame:
    """Draw daily values with a week in them."""
    random = np.random.default_rng(5)
    day = [START + datetime.timedelta(days=n) for n in range(DAYS)] * n_series
    week = np.tile(np.arange(DAYS) % 7, n_series)
    return pl.DataFrame(
        {
            "id": np.repeat(np.arange(n_series), DAYS),
            "day": day,
            "value": 20.0 + 3 * week + random.normal(0, 2, day.__len__()),
        }
    )


def forecast(**changes: Any) -> OwnTable:
    given: dict[str, Any]
    given = {"rows": series(), "task": "regression", "outcome": "value", "features": FEATURES,
             "rows_sql": ROWS, "target": TARGET, "time": "day", "split": ROLLING,
             "series": True}  # fmt: skip
    return OwnTable(**given | changes)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    forecast().featured(tmp_path, monkeypatch)
    return pd.read_parquet("data/open/features.parquet")


def test_a_model_learns_from_every_outcome_that_was_known_at_its_cut_off_and_no_other(
    made: pd.DataFrame,
) -> None:
    day_of = {"train": [], "holdout": []}
    fits = fits_of(made)
    assert len(fits) == ROLLING["cutoffs"]
    for place, each in enumerate(fits):
        # By the rows' own days, not by what the pipeline noted.
        last_day = pd.to_datetime(each.train["time"]) + pd.to_timedelta(
            each.train["horizon"] - 1, "D"
        )
        assert last_day.max() == each.cutoff - pd.Timedelta(days=1)
        # At the end, one horizon less is known of each later day.
        near = each.train[pd.to_datetime(each.train["time"]) == each.cutoff - pd.Timedelta(days=2)]
        assert sorted(set(near["horizon"])) == [1, 2]
        assert pd.to_datetime(each.holdout["time"]).min() == each.cutoff
        if place:
            earlier = fits[place - 1].holdout
            assert pd.to_datetime(earlier["time"]).max() < each.cutoff
            assert len(each.train) > len(fits[place - 1].train)
        day_of["holdout"].append(each.holdout)
    held = pd.concat(day_of["holdout"], ignore_index=True)
    assert held.equals(made[made["split"] == "holdout"].reset_index(drop=True))
    assert len(held) / len(made) == pytest.approx(0.4, abs=0.02)


def test_the_stored_model_is_the_last_one_and_is_known_for_whom_it_learned_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, decision = forecast(more={"incumbent": NAIVE}).decided(tmp_path, monkeypatch)
    table, last = pd.read_parquet("data/open/features.parquet"), None
    fits = fits_of(table)
    last = fits[-1]
    card = read_card()
    assert card["training_rows"] == len(last.train)
    assert card["training"]["learned_until"] == last.cutoff.isoformat()
    assert card["training"]["horizons"] == [1, 2, 3, 4]
    assert [each["holdout_rows"] for each in card["cutoffs"]] == [len(f.holdout) for f in fits]
    file = Path("data/open/features.parquet")
    assert int(learned(pl.read_parquet(file), last_cutoff(file)).sum()) == len(last.train)
    assert said[1].startswith("3 cut-offs from 2024-")
    assert decision["primary"]["n_rows"] == sum(len(each.holdout) for each in fits)


EARLY = TARGET.replace("day + INTERVAL 1 DAY", "rows.time + INTERVAL 1 DAY")
SUM = """
    SELECT rows.id, rows.time, rows.horizon, sum(value) AS y_true,
           rows.time + INTERVAL 1 DAY AS known_at
    FROM rows JOIN t ON t.id = rows.id AND day >= rows.time AND day < rows.time + 3 GROUP BY ALL
"""


@pytest.mark.parametrize("target", [EARLY, SUM])
@pytest.mark.parametrize("split", [ROLLING, {"method": "time", "holdout": 0.4}])
def test_an_outcome_that_is_said_to_be_known_too_early_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, split: dict[str, Any]
) -> None:
    with pytest.raises(MlopsError, match=r"outcome of \d+ rows that count as known at .* changes"):
        forecast(target=target, split=split).featured(tmp_path, monkeypatch)


def test_a_lag_that_is_too_short_for_its_horizon_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = FEATURES.replace("AS INTEGER) - 7", "AS INTEGER) - 2")
    with pytest.raises(MlopsError, match=r'column "week_before" changes for .* into the future'):
        forecast(features=short).featured(tmp_path, monkeypatch)


def test_one_cut_off_learns_by_the_row_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forecast(split={"method": "time", "holdout": 0.4}).featured(tmp_path, monkeypatch)
    made = pd.read_parquet("data/open/features.parquet")
    begin = pd.to_datetime(made[made["split"] == "holdout"]["time"]).min()
    train, gap = (made[made["split"] == part] for part in ("train", "gap"))
    assert train["known_at"].max() == begin < gap["known_at"].min()
    assert len(gap) == 2 * (1 + 2 + 3)
    assert "cutoff" not in made


def test_rows_without_horizons_roll_by_the_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forecast(
        rows_sql="SELECT id, day AS time FROM t WHERE day >= DATE '2024-01-15'",
        features="SELECT id, time, value AS last_value, dayofweek(time) AS weekday FROM rows "
        "LEFT JOIN t USING (id) WHERE day = time - 1",
        target="SELECT rows.id, rows.time, value AS y_true FROM rows JOIN t "
        "ON t.id = rows.id AND day = rows.time + 2",
        split=ROLLING | {"gap_days": 3},
    ).featured(tmp_path, monkeypatch)
    for each in fits_of(pd.read_parquet("data/open/features.parquet")):
        last = pd.to_datetime(each.train["time"]).max()
        assert last == each.cutoff - pd.Timedelta(days=3)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"split": ROLLING | {"cutoffs": 900}}, "asks for 900 windows, and the holdout has 7"),
        ({"split": {"method": "rolling_origin", "holdout": 0.4}}, "needs `cutoffs`, such as 6"),
        ({"split": {"method": "time", "holdout": 0.4, "cutoffs": 3}}, "and only it does"),
        ({"target": TARGET.replace("AS known_at", "AS later")}, "needs to know when outcomes are"),
        ({"target": TARGET.replace("day + INTERVAL 1 DAY", "NULL::DATE")}, "empty or not after"),
        ({"target": TARGET.replace("day + INTERVAL 1 DAY", "rows.time")}, "empty or not after"),
        ({"target": TARGET.replace("day + INTERVAL 1 DAY", "3")}, "known_at of type INTEGER"),
        ({"rows_sql": ROWS.replace("horizon FROM", "horizon / 2 AS horizon FROM")}, "type DOUBLE"),
        ({"rows_sql": ROWS.replace("range(1, 5)", "range(0, 4)")}, "a horizon below 1"),
        (
            {
                "rows_sql": "SELECT DISTINCT id, 1 AS horizon FROM t",
                "target": "SELECT id, horizon, 1 AS y_true FROM rows",
            },
            "a horizon and no time",
        ),
        ({"features": FEATURES.replace("rows.horizon, ", "")}, "must give a column horizon"),
    ],
)
def test_what_cannot_roll_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(MlopsError, match=sentence):
        forecast(**changes).featured(tmp_path, monkeypatch)


def test_a_learning_curve_judges_later_rows_by_what_was_known_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = forecast(rows=series(12), more={"incumbent": NAIVE})
    table.featured(tmp_path, monkeypatch)
    seen: list[pd.DataFrame] = []

    def spread(rows: pd.DataFrame, split: features.Split, seed: int) -> np.ndarray:
        seen.append(rows)
        return np.arange(len(rows)) / len(rows)

    monkeypatch.setattr("mlops_kit.operate.experiments.enough._place_of_units", spread)
    config = CompareConfig.model_validate({"case": "A", "primary": {"metric": "rmse"}})
    enough(load_settings(), config)
    assert seen[0]["known_at"].max() < pd.Timestamp("2024-04-30")
    assert features.load_params().split.cutoffs == 3
