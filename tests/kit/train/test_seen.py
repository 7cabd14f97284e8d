"""Copies across the split: counted, told, and no promotion rests on more than a declared share."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.train.checks.copies import UNSEEN, seen_in_training
from own_table import OwnTable

N = 900


def measured(copied: float, seed: int = 2) -> pl.DataFrame:
    """Draw amounts that follow fine measurements in part; some rows stand twice, with other ids."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=N).round(3), rng.normal(size=N).round(3)
    outcome = (a + b**2 + rng.normal(0, 1, N)).round(2)
    rows = pl.DataFrame({"a": a, "b": b, "outcome": outcome})
    return pl.concat([rows, rows.head(int(copied * N))]).with_row_index("id").cast({"id": pl.Int64})


def test_copies_in_training_make_the_decision_inconclusive_until_they_are_together(
    tmp_path, monkeypatch
):
    said, decision = OwnTable(measured(0.4), "regression").decided(tmp_path, monkeypatch)
    seen = decision["features"]["seen"]
    assert decision["decision"] == "inconclusive"
    assert "holdout rows are equal to training rows of others in all features" in said[1]
    assert seen["rows"] > 100
    assert not seen["by_chance"]
    assert "the outcome is the same in 100% of them" in seen["sentence"]
    (found,) = [each for each in decision["safety"] if each["name"] == "rows of the training"]
    assert found["sentence"] in decision["reasons"]
    assert "`split: {method: copies}` in params.yaml" in found["sentence"]
    for name in ("report.md", "report.html"):
        assert "training rows" in (tmp_path / "reports/compare" / name).read_text()

    apart = tmp_path / "apart"
    apart.mkdir()
    together = OwnTable(measured(0.4), "regression", split={"method": "copies", "holdout": 0.3})
    said, decision = together.decided(apart, monkeypatch)
    assert decision["features"]["seen"]["rows"] == 0
    assert "others" not in said[1]
    assert decision["primary"]["design"] == "clustered"
    assert decision["decision"] == "promote"


def test_the_declared_share_decides_how_many_copies_may_be(tmp_path, monkeypatch):
    rows = measured(0.02)
    _, decision = OwnTable(rows, "regression").decided(tmp_path, monkeypatch)
    assert 0 < decision["features"]["seen"]["rows"] <= 0.02 * decision["primary"]["n_rows"] + 3
    strict = tmp_path / "strict"
    strict.mkdir()
    _, decision = OwnTable(rows, "regression", more={"data": {"copies": 0}}).decided(
        strict, monkeypatch
    )
    assert decision["decision"] == "inconclusive"


def test_rows_of_a_few_coarse_features_are_equal_by_chance(tmp_path, monkeypatch):
    rng = np.random.default_rng(6)
    a, b = rng.integers(0, 4, 2000), rng.integers(0, 3, 2000)
    outcome = (rng.random(2000) < 0.15 + 0.1 * a + 0.1 * b).astype(int)
    rows = pl.DataFrame({"id": range(2000), "a": a, "b": b, "outcome": outcome})
    _, decision = OwnTable(rows).decided(tmp_path, monkeypatch)
    assert decision["features"]["seen"]["by_chance"]
    assert decision["features"]["seen"]["rows"] == decision["primary"]["n_rows"]
    assert "as chance would have it" in decision["features"]["seen"]["sentence"]
    assert decision["decision"] == "promote"


def test_own_rows_of_the_past_are_no_copies_and_missing_values_are_equal():
    train = pd.DataFrame({"id": [1, 2, 3, 4], "x": [1.0, 2.0, None, 2.0], "y_true": [0, 1, 1, 0]})
    later = pd.DataFrame({"id": [1, 5, 6, 7], "x": [1.0, 2.0, None, 9.0], "y_true": [0, 1, 0, 0]})
    assert seen_in_training(train, later, ["x"]).tolist() == [UNSEEN, 0.5, 0, UNSEEN]
    of_group = {"group": [1, 1, 2, 2]}
    seen = seen_in_training(train.assign(**of_group), later.assign(**of_group), ["x"])
    assert seen.tolist() == [UNSEEN, 0, UNSEEN, UNSEEN]


def test_an_unknown_method_is_told_the_known_ones(tmp_path, monkeypatch):
    with pytest.raises(MlopsError, match="copies"):
        OwnTable(measured(0), split={"method": "copy", "holdout": 0.3}).decided(
            tmp_path, monkeypatch
        )
