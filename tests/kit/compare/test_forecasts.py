"""Forecasts of several horizons: metrics, the seasonal naive rule, and rows that overlap."""

import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from forecast_scenarios import Forecasts, design_of, draw, waits, wins
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision import decide
from mlops_kit.compare.holdout.holdout import read_holdout
from mlops_kit.compare.holdout.ledger import fingerprint
from mlops_kit.compare.inference.bootstrap import bootstrap_effect, effect_of
from mlops_kit.compare.inference.effect import IID
from mlops_kit.compare.metrics.registry import metric_named
from mlops_kit.compare.report.plots import slices_figure
from mlops_kit.compare.systems.external import join_logged
from mlops_kit.compare.systems.seasonal import last_known, seasonal_errors, seasonal_naive
from mlops_kit.compare.systems.spec import Logged
from mlops_kit.core.errors import MlopsError
from sklearn.metrics import mean_absolute_error, mean_pinball_loss

config_of = CompareConfig.model_validate
EXACT: dict[str, Any] = {"rel": 1e-9, "abs": 1e-12}
DAY = pd.Timedelta(days=1)


def _three(n: int = 400, seed: int = 2) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(seed)
    truth = random.lognormal(2, 1, n)
    return truth, truth + random.normal(0, 1, n), truth + random.normal(0, 2, n)


def test_values_are_those_of_other_implementations() -> None:
    truth, one, _ = _three()
    scale = np.random.default_rng(3).uniform(0.5, 3, truth.size)
    scaled = metric_named("mase").function(np.column_stack([truth, scale]), one).value
    assert scaled == pytest.approx(mean_absolute_error(truth, one, sample_weight=1 / scale)
                                   * np.sum(1 / scale) / truth.size, **EXACT)  # fmt: skip
    share = mean_absolute_error(truth, one) / np.mean(np.abs(truth))
    assert metric_named("wape").function(truth, one).value == pytest.approx(share, **EXACT)
    for level in (0.1, 0.5, 0.9):
        value = metric_named("pinball", quantile=level).function(truth, one).value
        assert value == pytest.approx(mean_pinball_loss(truth, one, alpha=level), **EXACT)


@pytest.mark.parametrize("name", ["wape", "mase", "pinball"])
def test_the_closed_form_is_the_bootstrap_and_the_jackknife(name: str) -> None:
    metric = metric_named(name, quantile=0.8 if name == "pinball" else None)
    truth, one, other = _three(2000)
    if metric.scaled:
        truth = np.column_stack([truth, np.random.default_rng(4).uniform(0.5, 3, truth.size)])
    effect = effect_of(metric, truth, one, other, IID, 0.05)

    def gain(truth: Any, one: Any, other: Any) -> float:
        return metric.function(truth, other).value - metric.function(truth, one).value

    drawn = bootstrap_effect(gain, (truth, one, other), IID, 0.05, replicates=1999)
    assert effect.estimate == pytest.approx(drawn.estimate, **EXACT)
    assert effect.standard_error == pytest.approx(drawn.standard_error, rel=0.06)
    assert effect.lower == pytest.approx(drawn.lower, abs=0.25 * effect.standard_error)
    rows = np.arange(len(truth))
    without = np.array(
        [gain(truth[rows != n], one[rows != n], other[rows != n]) for n in range(len(truth))]
    )
    jackknife = np.sqrt((rows.size - 1) * np.var(without))
    assert effect.standard_error == pytest.approx(jackknife, rel=2e-3)


def test_a_ratio_of_means_has_the_error_that_simulation_shows() -> None:
    found, told = [], []
    for seed in range(400):
        drawn: Any = _three(500, seed)
        truth, one, other = drawn
        effect = effect_of(metric_named("wape"), truth, one, other, IID, 0.05)
        found.append(effect.estimate)
        told.append(effect.standard_error)
    assert np.mean(told) == pytest.approx(np.std(found), rel=0.1)


def table(**more: Any) -> dict[str, Any]:
    """Forecasts of 3 series on 60 days for 4 horizons, and their known_at."""
    random = np.random.default_rng(6)
    series, day, horizon = (
        axis.ravel() for axis in np.meshgrid(range(3), range(60), range(1, 5), indexing="ij")
    )
    truth = random.normal(20, 5, series.size)
    time = [datetime.date(2025, 1, 1) + datetime.timedelta(days=int(d)) for d in day]
    known = [t + datetime.timedelta(days=int(h)) for t, h in zip(time, horizon, strict=True)]
    made = {
        "id": series, "time": time, "horizon": horizon, "known_at": known, "y_true": truth,
        "mase_scale": np.array([1.0, 2.0, 4.0])[series],
        "candidate": truth + random.normal(0, 1, truth.size),
        "baseline": truth + random.normal(0, 2, truth.size),
    }  # fmt: skip
    return made | more


MASE = {"case": "C", "primary": {"metric": "mase"}}


def judged(rows: dict[str, Any], **more: Any) -> Any:
    config = config_of(MASE | more)
    return decide(read_holdout(pa.table(rows), config), config, {})


def test_rows_of_one_series_and_time_differ_by_their_horizon() -> None:
    rows = table()
    found = judged(rows, slices={"columns": ["horizon"]})
    value = np.mean(np.abs(rows["candidate"] - rows["y_true"]) / rows["mase_scale"])
    assert found["candidate"]["value"] == pytest.approx(value, **EXACT)
    assert [each["name"] for each in found["slices"]] == [f"horizon = {h}" for h in range(1, 5)]
    for number, each in enumerate(found["slices"], 1):
        of = rows["horizon"] == number
        errors = [np.abs(rows[s] - rows["y_true"]) / rows["mase_scale"]
                  for s in ("baseline", "candidate")]  # fmt: skip
        assert each["estimate"] == pytest.approx(np.mean((errors[0] - errors[1])[of]), **EXACT)
    without = {name: values for name, values in rows.items() if name != "horizon"}
    with pytest.raises(MlopsError, match="repeats an id and time"):
        judged(without)


def test_horizons_stand_in_the_order_of_numbers_and_windows_as_days() -> None:
    rows = table(horizon=table()["horizon"] * 5)
    rows["cutoff"] = [datetime.datetime(2025, 1, 1 + 10 * (n > 300)) for n in range(720)]
    config = config_of(MASE | {"slices": {"columns": ["horizon", "cutoff"]}})
    found = read_holdout(pa.table(rows), config)
    columns, (levels, codes) = found.columns, found.columns["horizon"]
    assert levels == ["5", "10", "15", "20"]
    horizon_of = dict(zip(rows["y_true"].tolist(), rows["horizon"].tolist(), strict=True))
    assert [int(levels[code]) for code in codes] == [horizon_of[y] for y in found.truth.tolist()]
    assert columns["cutoff"][0] == ["2025-01-01", "2025-01-11"]


def test_the_figure_keeps_the_order_of_horizons_and_else_shows_the_most_harmed_first() -> None:
    found = judged(table(), slices={"columns": ["horizon"]})["slices"]
    turned = [{**each, "upper": -place} for place, each in enumerate(found)]
    drawn = str(slices_figure(turned))
    assert [drawn.index(f"horizon = {h}<") for h in range(1, 5)] == sorted(
        drawn.index(f"horizon = {h}<") for h in range(1, 5)
    )
    named = [{**each, "name": f"shop = {'abcd'[place]}"} for place, each in enumerate(turned)]
    drawn = str(slices_figure(named))
    assert drawn.index("shop = d<") < drawn.index("shop = a<")


def test_mase_guards_another_metric_and_its_scale_is_part_of_the_question() -> None:
    guarded = judged(table(), primary={"metric": "rmse"},
                     guardrails=[{"metric": "mase", "margin": 0.1}])  # fmt: skip
    plain = judged(table())
    assert guarded["guardrails"][0]["estimate"] == pytest.approx(
        plain["primary"]["estimate"], **EXACT
    )
    config = config_of(MASE)
    marks = {
        fingerprint(read_holdout(pa.table(table(mase_scale=np.full(720, s))), config), config)
        for s in (1.0, 2.0)
    }
    assert len(marks) == 2


@pytest.mark.parametrize(
    ("more", "asked", "sentence"),
    [
        ({"mase_scale": np.zeros(720)}, {}, r'720 rows have a "mase_scale" that is not above 0'),
        ({"y_true": np.zeros(720)}, {"primary": {"metric": "wape"}}, "every outcome is 0"),
        ({"known_at": table()["time"]}, {}, '"known_at" is not after "time"'),
        ({"known_at": np.arange(720)}, {}, "must both hold dates, or both numbers"),
    ],
)
def test_what_has_no_meaning_is_one_sentence(
    more: dict[str, Any], asked: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(MlopsError, match=sentence):
        judged(table(**more), **asked)


def test_without_a_scale_mase_says_what_it_needs() -> None:
    rows = {name: values for name, values in table().items() if name != "mase_scale"}
    with pytest.raises(MlopsError, match='no column "mase_scale", which mase needs'):
        judged(rows)


def _further(days: int) -> list[datetime.date]:
    return [
        t + datetime.timedelta(days=int(h) * days)
        for t, h in zip(table()["time"], table()["horizon"], strict=True)
    ]


def test_times_that_hardly_reach_beyond_one_horizon_wait() -> None:
    in_time = {"inference": {"design": "time"}}
    assert judged(table(), **in_time)["decision"] == "promote"
    waiting = judged(table(known_at=_further(9)), **in_time)
    assert waiting["decision"] == "inconclusive"
    assert waiting["reasons"][0].startswith("The holdout's times span 1.67 times the longest hor")
    vouched = {"periods": {"reason": "These days only.", "until": "9999-12-31"}}
    found = judged(table(known_at=_further(9)), acknowledged=vouched, **in_time)
    assert found["decision"] == "promote"


def test_neighbours_merge_until_the_longest_horizon_spans_few_periods() -> None:
    config = config_of(MASE)
    for days, periods in ((1, 60), (3, 60), (7, 30), (28, 8)):
        found = read_holdout(pa.table(table(known_at=_further(days))), config)
        assert found.n_periods == periods
        assert found.windows == pytest.approx(60 / (4 * days))


def history(n_series: int = 3, days: int = 60) -> pd.DataFrame:
    random = np.random.default_rng(7)
    begin = pd.Timestamp("2025-01-02")
    return pd.DataFrame(
        {
            "id": np.repeat(np.arange(n_series), days),
            "known_at": np.tile(begin + np.arange(days) * DAY, n_series),
            "y_true": random.normal(20, 3, n_series * days).round(2),
        }
    )


def asked_rows(known: pd.DataFrame, horizons: int = 17) -> pd.DataFrame:
    """Rows of ten days for each horizon."""
    made = [
        (each, day, h, day + h * DAY)
        for each in known["id"].unique()
        for day in pd.date_range("2025-02-05", periods=10)
        for h in range(1, horizons + 1)
    ]
    rows = pd.DataFrame(made, columns=["id", "time", "horizon", "known_at"])
    return rows.sample(frac=1, random_state=1).reset_index(drop=True)


def test_the_seasonal_naive_repeats_what_was_known_at_each_rows_own_time() -> None:
    known = history()
    lookup: dict[Any, Any] = {(r.id, r.known_at): r.y_true for r in known.itertuples()}
    rows: Any = asked_rows(known)
    expected = [
        # Hyndman and Athanasopoulos: y of T + h - m (k + 1), k whole seasons in h - 1.
        lookup[r.id, r.known_at - 7 * ((r.horizon - 1) // 7 + 1) * DAY]
        for r in rows.itertuples()
    ]
    assert seasonal_naive("naive", "7 days", known, rows).tolist() == expected
    last = [lookup[r.id, r.time] for r in rows.itertuples()]
    assert last_known("last", known, rows).tolist() == last
    # What becomes known after a row's time changes nothing.
    later = known.assign(y_true=known["y_true"].where(known["known_at"] <= "2025-02-05", -1.0))
    early = rows[rows["time"] == "2025-02-05"]
    assert (seasonal_naive("naive", "7 days", later, early) > 0).all()


def test_a_missing_day_is_taken_from_a_season_earlier_and_a_series_without_one_is_named() -> None:
    known, rows = history(), asked_rows(history(), 1)
    gone = known["known_at"] == "2025-02-01"
    found = seasonal_naive("naive", "7 days", known[~gone], rows)
    lookup: dict[Any, Any] = {(r.id, r.known_at): r.y_true for r in known.itertuples()}
    every: Any = rows.itertuples()
    for value, row in zip(found, every, strict=True):
        before = row.known_at - (14 if row.known_at == pd.Timestamp("2025-02-08") else 7) * DAY
        assert value == lookup[row.id, before]
    young = known[(known["id"] != 2) | (known["known_at"] > "2025-02-04")]
    with pytest.raises(MlopsError, match=r"6 of 30 rows \(series 2\) have no outcome 7 da"):
        seasonal_naive("naive", "7 days", young, rows)
    with pytest.raises(MlopsError, match=r"30 of 30 rows .* have no outcome 52 weeks before"):
        seasonal_naive("naive", "52 weeks", known, rows)


def test_the_scale_is_the_mean_error_of_repeating_the_season_in_training() -> None:
    known, rows = history(), asked_rows(history(), 2)
    expected = {
        each: np.mean(np.abs(own["y_true"].to_numpy()[7:] - own["y_true"].to_numpy()[:-7]))
        for each, own in known.groupby("id")
    }
    # Each value stands once for each horizon from which it was forecast.
    train = pd.concat([known, known.iloc[::2]])
    found = seasonal_errors("7 days", train, rows)
    assert found == pytest.approx(rows["id"].map(expected).to_numpy(), **EXACT)
    still = known.assign(y_true=known["y_true"].where(known["id"] != 1, 5.0))
    with pytest.raises(MlopsError, match=r"20 of 60 rows \(series 1\) have the same training out"):
        seasonal_errors("7 days", still, rows)
    with pytest.raises(MlopsError, match=r"60 of 60 rows .* have no training outcome with one 90"):
        seasonal_errors("90 days", known, rows)
    sums = pd.concat([known, known.assign(y_true=known["y_true"] + 1)])
    with pytest.raises(MlopsError, match="two outcomes that become known together"):
        seasonal_errors("7 days", sums, rows)
    with pytest.raises(MlopsError, match="without a known_at"):
        seasonal_errors("7 days", known.drop(columns="known_at"), rows)


def test_a_log_of_forecasts_is_joined_by_horizon_too(tmp_path: Path) -> None:
    rows = asked_rows(history(), 3)
    said = rows["horizon"] * 100.0 + rows["id"]
    log = rows[["id", "time"]].assign(ahead=rows["horizon"].astype(float), said=said)
    log.sample(frac=1, random_state=2).to_csv(tmp_path / "log.csv", index=False)
    spec = {"kind": "logged", "file": tmp_path / "log.csv", "column": "said", "time": "time"}
    joined = join_logged(Logged.model_validate(spec | {"horizon": "ahead"}), rows, "regression")
    assert joined.tolist() == said.tolist()
    with pytest.raises(MlopsError, match="name the log's `horizon` column"):
        join_logged(Logged.model_validate(spec), rows, "regression")


@pytest.mark.parametrize(
    "setting",
    [
        Forecasts(1, 60, 14, memory=0.8, kind="errors"),
        Forecasts(5, 60, 28, memory=0.8, common=0.5, kind="errors", design="time"),
        Forecasts(40, 30, 7, memory=0.5, common=0.5),
        Forecasts(1, 112, 56, memory=0.5, kind="errors", metric="rmse"),
    ],
)
def test_equal_forecasts_are_promoted_as_rarely_as_promised(setting: Forecasts, figure) -> None:
    assert not waits(setting)
    found = wins(setting, 200, 5) / 200
    figure(f"equal forecasts, {setting}: {found:.1%}")
    assert found <= 0.085


def test_ignoring_that_horizons_overlap_would_promote_too_often() -> None:
    setting = Forecasts(1, 112, 56, memory=0.5, kind="errors")
    design = import_module("mlops_kit.compare.inference.effect").Design
    metric = metric_named("mae")
    each_day = rows_alone = 0
    for number in range(200):
        drawn = draw(np.random.default_rng((5, number)), setting)
        pair = [metric.function(drawn.truth, s) for s in (drawn.candidate, drawn.incumbent)]
        effect = import_module("mlops_kit.compare.inference.effect").paired_effect
        each_day += effect(*pair, -1, design("time", order=drawn.order), 0.05).lower > 0
        rows_alone += effect(*pair, -1, IID, 0.05).lower > 0
    assert rows_alone / 200 > 0.3
    assert each_day / 200 > 0.05 > wins(setting, 200, 5) / 200
    assert design_of(drawn, "auto").n_periods == 28
