"""What a period's rows share is told from what a group's rows share, and neither is forgotten."""

import datetime
import math
import re
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision import decide
from mlops_kit.compare.holdout.holdout import read_holdout
from mlops_kit.compare.inference import bootstrap as resampling
from mlops_kit.compare.inference import effect as inference
from mlops_kit.compare.inference import periods, standard_errors
from mlops_kit.compare.metrics import estimate as estimates
from mlops_kit.compare.metrics import registry as metrics
from mlops_kit.compare.report.wording import footing
from panel_scenarios import Panel, draw, wins
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

config_of = CompareConfig.model_validate

EXACT: dict[str, Any] = {"rel": 1e-9, "abs": 1e-15}
MAE = {"case": "C", "primary": {"metric": "mae"}}


def _effect(gain: np.ndarray, groups: np.ndarray, order: np.ndarray, **more: Any) -> Any:
    nothing = estimates.mean_of(np.zeros(gain.size))
    design = inference.Design("two-way", groups, order, **more)
    return inference.paired_effect(estimates.mean_of(gain), nothing, 1, design, 0.05)


def _panel(n_groups: int, n_periods: int, seed: int = 1) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(seed)
    groups, order = (
        np.repeat(np.arange(n_groups), n_periods),
        np.tile(np.arange(n_periods), n_groups),
    )
    gain = random.normal(0, 1, n_groups)[groups] + random.normal(0, 1, n_periods)[order]
    return gain + random.normal(0, 1, groups.size), groups, order


# The shapes that were promoted in 14 to 21 % of the draws when only groups counted.
@pytest.mark.parametrize(
    "panel",
    [Panel(100, 52, 0.3), Panel(50, 40, 0.5), Panel(2000, 16, 0.2), Panel(100, 40, 0.3, 0.9)],
)
def test_equal_systems_that_a_spell_favours_are_promoted_as_rarely_as_promised(
    panel: Panel, figure
) -> None:
    found, by_group = wins(panel, 200, 3) / 200, wins(panel, 200, 3, "clustered") / 200
    figure(f"{panel.n_groups} x {panel.n_periods}: {found:.1%}, by group alone {by_group:.1%}")
    assert found <= 0.09
    assert by_group >= 0.09


def _brute(gain: np.ndarray, codes: np.ndarray) -> float:
    """Variance of the mean by one clustering, without small-sample factors."""
    apart = (gain - gain.mean()) / gain.size
    return float(sum(apart[codes == code].sum() ** 2 for code in np.unique(codes)))


def test_the_parts_of_the_variance_are_those_of_statsmodels_two_way_clusters() -> None:
    gain, groups, order = _panel(40, 24)
    fit: Any = OLS(gain, np.ones(gain.size)).fit()
    both, by_group, by_period = cov_cluster_2groups(fit, groups, order, use_correction=False)
    cells = _brute(gain, groups * 24 + order)
    assert _brute(gain, groups) == pytest.approx(float(np.squeeze(by_group)), **EXACT)
    assert _brute(gain, order) == pytest.approx(float(np.squeeze(by_period)), **EXACT)
    whole = _brute(gain, groups) + _brute(gain, order) - cells
    assert whole == pytest.approx(float(np.squeeze(both)), **EXACT)
    # With one wave for each degree of freedom and their small-sample factors, ours is the same.
    error = (gain - gain.mean()) / gain.size
    ours = standard_errors.clustered(error, groups, None)[0] ** 2
    assert ours == pytest.approx(float(np.squeeze(by_group)) * 40 / 39, **EXACT)
    size = gain.size
    assert standard_errors._of_cells(error, groups, order, 24) == pytest.approx(
        cells * size / (size - 1), **EXACT
    )
    sums = np.bincount(order, error).astype(float)
    shared = periods.shared_by_periods(sums, np.full(24, 1 / 24), 0.0)
    assert shared.of_sums == pytest.approx(float(np.squeeze(by_period)) * 24 / 23, **EXACT)


def test_the_variance_adds_what_periods_share_and_never_falls_below_either_part() -> None:
    gain, groups, order = _panel(40, 24)
    error = (gain - gain.mean()) / gain.size
    own = standard_errors.clustered(error, groups, None)
    noise = standard_errors._of_cells(error, groups, order, 24)
    sums = np.bincount(order, error).astype(float)
    shared = periods.shared_by_periods(sums, np.full(24, 1 / 24), noise)
    found = _effect(gain, groups, order)
    assert found.standard_error**2 == pytest.approx(own[0] ** 2 + shared.variance, **EXACT)
    doubt = own[0] ** 4 / own[1] + (shared.variance + noise) ** 2 / shared.freedom
    assert found.degrees_of_freedom == pytest.approx(found.standard_error**4 / doubt, **EXACT)
    for seed in range(20):
        plain = np.random.default_rng(seed).normal(0, 1, gain.size)
        alone = inference.Design("clustered", groups)
        one = inference.single_effect(estimates.mean_of(plain), alone, 0.05)
        assert _effect(plain, groups, order).standard_error >= one.standard_error


@pytest.mark.parametrize("n", [16, 30, 104])
def test_what_slow_waves_miss_of_a_memory_is_known_exactly(n: int) -> None:
    waves = periods._cosines(n)
    assert waves @ waves.T == pytest.approx(np.eye(n - 1), abs=1e-12)
    assert waves.sum(axis=1) == pytest.approx(np.zeros(n - 1), abs=1e-12)
    for memory, plan in zip(periods.MEMORIES, periods._plan(n), strict=True):
        lag = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
        correlation = np.where(lag == 0, 1.0, float(memory) ** lag)
        seen = waves[: plan.number] @ correlation @ waves[: plan.number].T
        factor = correlation.sum() / n / (np.trace(seen) / plan.number)
        assert plan.factor == pytest.approx(factor, rel=1e-9)
        assert plan.freedom == pytest.approx(np.trace(seen) ** 2 / (seen**2).sum(), rel=1e-9)


def test_periods_without_memory_or_noise_are_the_t_test_of_their_sums() -> None:
    # Each value is followed as often by its like as by its opposite.
    series = np.array([1.0, -1, -1, 1, 1, -1] * 20)
    shared = periods.shared_by_periods(series, np.full(120, 1 / 120), 0.0)
    plain = periods._plan(120)[0]
    assert (plain.number, plain.factor, plain.freedom) == (119, 1.0, 119.0)
    assert math.sqrt(shared.of_sums) == pytest.approx(stats.sem(series) * 120, rel=1e-9)
    assert shared.variance >= shared.of_sums


def test_a_thousand_moments_are_merged_to_periods_that_can_show_what_lasts() -> None:
    merged = periods.stretches(np.random.default_rng(1).permutation(1000) * 7)
    assert np.bincount(merged).tolist() == [9] * 111 + [1]
    seconds = np.datetime64("2026-01-01", "s") + np.arange(3000).astype("timedelta64[s]") * 2820
    random = np.random.default_rng(2)
    table = {"id": np.arange(3000), "y_true": random.normal(0, 1, 3000), "time": seconds}
    table |= {name: random.normal(0, 1, 3000) for name in ("candidate", "baseline")}
    holdout = read_holdout(pa.table(table | {"group": np.arange(3000) % 60}), config_of(MAE))
    assert (holdout.design.kind, holdout.n_periods) == ("two-way", 98)
    assert holdout.days == pytest.approx(3000 * 47 / 60 / 24, rel=0.01)
    assert read_holdout(pa.table(table), config_of(MAE)).design.kind == "time"


def _months(n_months: int, gain: float = 0.5) -> Any:
    random = np.random.default_rng(3)
    month, customer = np.divmod(np.arange(400 * n_months), 400)
    truth = random.normal(0, 1, month.size)
    return {
        "id": [f"{c}-{m}" for c, m in zip(customer, month, strict=True)],
        "group": customer,
        "time": [datetime.date(2024 + int(m) // 12, int(m) % 12 + 1, 1) for m in month],
        "y_true": truth,
        "candidate": truth + random.normal(0, 1, month.size),
        "baseline": truth + random.normal(0, 1 + gain, month.size),
    }


def _judged(table: dict[str, Any], **more: Any) -> Any:
    config = config_of(MAE | more)
    return decide(read_holdout(pa.table(table), config), config, {})


def test_few_periods_wait_until_somebody_vouches_for_them_and_many_decide() -> None:
    assert _judged(_months(18))["decision"] == "promote"
    waiting = _judged(_months(6))
    assert waiting["decision"] == "inconclusive"
    assert waiting["reasons"][0].startswith("The holdout spans 6 periods, fewer than 16: it")
    # What is to be written is told so that it can be copied: with a day in it, it is read.
    written = re.search(r"write (acknowledged: \{.+\}\}) into", waiting["reasons"][0])
    copied = yaml.safe_load(written[1].replace("YYYY-MM-DD", "9999-12-31")) if written else {}
    assert _judged(_months(6), **copied)["decision"] == "promote"
    vouched = {"periods": {"reason": "Only these months count.", "until": "9999-12-31"}}
    found = _judged(_months(6), acknowledged=vouched)
    assert found["decision"] == "promote"
    assert found["primary"]["design"] == "clustered"
    assert "because Only these months count: The holdout spans 6 periods" in found["reasons"][-1]
    ended = {"periods": {"reason": "Only these months count.", "until": "2020-01-01"}}
    assert _judged(_months(6), acknowledged=ended)["decision"] == "inconclusive"
    # Whoever vouches for few periods has not switched off what many show.
    assert _judged(_months(18), acknowledged=vouched)["primary"]["design"] == "two-way"


def test_rows_of_one_period_are_promoted_with_a_word_of_caution() -> None:
    found = _judged(_months(1))
    assert found["decision"] == "promote"
    assert found["reasons"][-1].startswith("All rows are of one period: no interval")


def test_a_report_says_that_groups_and_periods_count() -> None:
    told = footing(_judged(_months(18)))
    assert "Paired on 7,200 rows of 400 groups in 18 periods" in told
    assert "what all rows of a period share" in told
    no_times = {name: values for name, values in _months(2).items() if name != "time"}
    assert "no time" in footing(_judged(no_times))


@pytest.mark.parametrize("nested", ["groups in time", "time in groups"])
def test_nested_groups_and_periods_count_once(nested: str) -> None:
    random = np.random.default_rng(4)
    outer = np.repeat(np.arange(40), 50)
    inner = np.arange(2000) // 5
    gain = random.normal(0, 1, 40)[outer] + random.normal(0, 1, 2000)
    groups, order = (inner, outer) if nested == "groups in time" else (outer, inner)
    found = _effect(gain, groups, order)
    coarse = inference.single_effect(
        estimates.mean_of(gain), inference.Design("clustered", outer), 0.05
    )
    assert 0.8 < found.standard_error / coarse.standard_error < 1.7


def test_every_group_counts_the_same_in_two_ways_too() -> None:
    gain, groups, order = _panel(60, 20)
    kept = np.random.default_rng(5).random(gain.size) < 0.05 + 0.9 * (groups < 30)
    gain, groups, order = gain[kept], groups[kept], order[kept]
    found = _effect(gain, groups, order, unit="group")
    means = [gain[groups == group].mean() for group in np.unique(groups)]
    assert found.estimate == pytest.approx(np.mean(means), **EXACT)
    assert found.standard_error > stats.sem(means)
    even = _panel(60, 20)
    pair = [_effect(*even, unit=unit).standard_error for unit in ("row", "group")]
    assert pair[0] == pytest.approx(pair[1], **EXACT)


def test_a_metric_without_influences_minds_groups_and_periods() -> None:
    random = np.random.default_rng(6)
    groups, order = np.repeat(np.arange(60), 30), np.tile(np.arange(30), 60)
    shock = 0.5 * random.normal(0, 1, 30)[order]
    truth = np.zeros(groups.size)
    one, other = (np.abs(random.normal(5, 1, groups.size) + side * shock) for side in (1, -1))
    metric = metrics.metric_named("mae")
    bare = replace(
        metric, function=lambda t, p: metric.function(t, p)._replace(influence=None, rows=None)
    )
    found = [
        resampling.effect_of(each, truth, one, other, design, 0.05, seed=1)
        for each in (bare, metric)
        for design in (
            inference.Design("two-way", groups, order),
            inference.Design("clustered", groups),
        )
    ]
    assert found[0].upper - found[0].lower >= 0.9 * (found[1].upper - found[1].lower)
    assert found[0].upper - found[0].lower > 2 * (found[1].upper - found[1].lower)
    assert found[0].upper == pytest.approx(found[2].upper, rel=0.35)


def test_a_period_that_holds_every_row_of_a_class_is_refused() -> None:
    random = np.random.default_rng(7)
    order = np.arange(600) % 20
    truth = (order == 3).astype(np.float64)
    metric = metrics.metric_named("auc")
    one, other = (metric.function(truth, random.random(600)) for _ in range(2))
    design = inference.Design("two-way", random.integers(0, 50, 600), order)
    with pytest.raises(
        import_module("mlops_kit.core.errors").MlopsError, match="One period holds every row"
    ):
        inference.paired_effect(one, other, 1, design, 0.05)


def test_neither_the_order_of_rows_nor_the_names_of_groups_change_a_digit() -> None:
    drawn = draw(np.random.default_rng(8), Panel(100, 40, 0.3, metric="auc"))
    random = np.random.default_rng(9)
    mixed, names = random.permutation(drawn.groups.size), random.permutation(100)
    pair = (drawn.candidate, drawn.incumbent)
    designs = [
        inference.Design("two-way", drawn.groups, drawn.order),
        inference.Design("two-way", names[drawn.groups[mixed]], 5 * drawn.order[mixed] + 2),
    ]
    one, other = (
        each._replace(influence=each.influence[mixed], strata=each.strata[mixed]) for each in pair
    )
    found = inference.paired_effect(pair[0], pair[1], 1, designs[0], 0.05)
    assert inference.paired_effect(one, other, 1, designs[1], 0.05) == found
