"""The summary of training: exact counts by month, for columns of any kind."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from mlops_kit.train.checks.reference import (
    ANSWER,
    CELLS,
    OUTCOME,
    cells_of,
    coded,
    grid_of,
    summary,
)


def table(rows: int, **more: object) -> pd.DataFrame:
    rng = np.random.default_rng(rows)
    return pd.DataFrame(
        {
            "amount": rng.lognormal(size=rows),
            "count": rng.integers(0, 5, rows),
            "kind": rng.choice(np.array(["a", "b", None], object), rows),
            "items": [[1] * int(n) for n in rng.integers(0, 4, rows)],
            "flag": rng.random(rows) < 0.5,
            "day": [datetime.date(2025, 1 + n % 3, 5) for n in range(rows)],
            "nothing": [None] * rows,
            "same": [7] * rows,
            "y_true": rng.integers(0, 2, rows),
            "time": [datetime.date(2025, 1 + n % 3, 1) for n in range(rows)],
            **more,
        }
    )


NAMES = ["amount", "count", "kind", "items", "flag", "day", "nothing", "same"]


def test_every_row_of_every_month_is_counted_once() -> None:
    train, holdout = table(900), table(90)
    found = summary(train, NAMES, holdout, np.linspace(0, 1, 90))
    for name in [*NAMES, OUTCOME]:
        one = found[name]
        assert one["months"] == ["2025-01", "2025-02", "2025-03"]
        by_month = np.sum(one["counts"], axis=1) + one["missing"]
        assert by_month.tolist() == [330, 330, 330], name
    assert np.sum(found[ANSWER]["counts"]) == 90
    assert np.sum(found["kind"]["missing"]) == (
        train["kind"].isna().sum() + holdout["kind"].isna().sum()
    )
    assert np.sum(found["nothing"]["missing"]) == 990


def test_few_values_have_a_cell_each_and_many_have_like_shares() -> None:
    assert cells_of(grid_of(pl.Series([1, 2, 2, 5]))) == 3
    grid = grid_of(pl.Series(np.random.default_rng(1).normal(size=10_000)))
    codes, strange = coded(pl.Series(np.random.default_rng(2).normal(size=10_000)), grid)
    shares = np.bincount(codes, minlength=CELLS) / 10_000
    assert cells_of(grid) == CELLS
    assert np.abs(shares - 1 / CELLS).max() < 0.01
    assert strange.mean() < 0.001


def test_rows_without_a_time_are_one_month() -> None:
    train = table(50).drop(columns="time")
    found = summary(train, ["count"], train, np.zeros(50))
    assert found["count"]["months"] == [""]


@pytest.mark.parametrize(
    ("values", "codes", "strange"),
    [
        (pl.Series([1.0, None, 9.0, float("nan")]), [0, -1, 2, -1], [False, False, True, False]),
        (pl.Series(["1", "x", None]), [0, 2, -1], [False, True, False]),
        (pl.Series([], dtype=pl.Float64), [], []),
    ],
)
def test_later_values_of_any_type_find_their_cell(
    values: pl.Series, codes: list[int], strange: list[bool]
) -> None:
    found, away = coded(values, grid_of(pl.Series([1.0, 2.0, 3.0])))
    assert found.tolist() == codes
    assert away.tolist() == strange


def test_a_new_category_is_strange_where_all_old_ones_are_known() -> None:
    grid = grid_of(pl.Series(["a", "b", None]))
    codes, strange = coded(pl.Series(["b", "new", None]), grid)
    assert codes.tolist() == [1, 2, -1]
    assert strange.tolist() == [False, True, False]
