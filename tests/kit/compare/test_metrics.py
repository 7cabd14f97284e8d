"""Every metric gives the same digits in any row order, and says honestly how sure it is."""

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlops_kit.compare.inference.bootstrap import effect_of
from mlops_kit.compare.inference.effect import IID, Design, paired_effect, single_effect
from mlops_kit.compare.metrics import registry as metrics
from mlops_kit.compare.metrics.registry import metric_named, register
from mlops_kit.core.errors import MlopsError

N = 600
OPTIONS = {"payoff": [[0, -1], [-5, 20]], "threshold": 0.4, "quantile": 0.8}


def _taken(array: Any, rows: Any) -> Any:
    return array.take(pa.array(rows)) if isinstance(array, pa.Array) else array[rows]


def _arrays(column: str, n: int = N) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(3)
    if column == "items":
        lists = pa.list_(pa.int64())
        truth = pa.array([(random.zipf(1.3, row % 4) % 900).tolist() for row in range(n)], lists)
        one, other = (random.zipf(1.3, (n, 12)) % 900 for _ in range(2))
        return truth, pa.array(one.tolist(), lists), pa.array(other.tolist(), lists)
    truth = (random.random(n) < 0.3).astype(np.float64)
    if column == "prediction":
        truth = random.lognormal(2, 1, n)
        return truth, truth + random.normal(0, 1, n), truth + random.normal(0, 2, n)
    one, other = (np.clip(0.2 + 0.3 * truth + random.normal(0, s, n), 0, 1) for s in (0.2, 0.3))
    return truth, one, other


@pytest.mark.parametrize("name", metrics.METRICS)
@pytest.mark.parametrize("kind", ["iid", "clustered", "time"])
def test_no_order_of_rows_changes_a_digit(name: str, kind: Any) -> None:
    metric = metric_named(re.sub("_k$", "_10", name), **OPTIONS)
    arrays = _arrays(metric.column)
    if metric.scaled:
        arrays = (np.column_stack([arrays[0], np.arange(1, N + 1)]), *arrays[1:])
    groups, time = np.arange(N) // 3, np.arange(N) // 2
    random = np.random.default_rng(1)
    found = []
    for order in (np.arange(N), random.permutation(N), np.arange(N)[::-1]):
        # Another coding of the groups is no change either.
        design = Design(
            kind,
            random.permutation(N)[groups[order]],
            time[order],
        )
        truth, one, other = (_taken(array, order) for array in arrays)
        effect = effect_of(metric, truth, one, other, design, 0.05)
        found.append((effect, effect.p_value(0.001)))
    assert found[0] == found[1] == found[2]
    assert found[0][0].standard_error > 0
    assert found[0][0].lower < found[0][0].estimate < found[0][0].upper


def test_a_threshold_decides_and_labels_are_taken_as_they_are() -> None:
    truth = np.array([1.0, 1.0, 0.0, 0.0])
    score = np.array([0.9, 0.4, 0.4, 0.1])
    assert metric_named("recall").function(truth, score).value == 0.5
    assert metric_named("recall", threshold=0.4).function(truth, score).value == 1
    assert metric_named("precision", threshold=0.4).function(truth, 10 * score).value == 0.5
    labels = np.array([1, 0, 1, 0])
    assert metric_named("accuracy").function(truth, labels).value == 0.5
    with pytest.raises(MlopsError, match="probabilities"):
        metric_named("accuracy").function(truth, 10 * score)


def test_the_payoff_of_a_decision_is_the_utility_of_its_row() -> None:
    truth, labels = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0, 1, 0, 1])
    utility = metric_named("utility", payoff=[[0, -1], [-5, 20]]).function(truth, labels)
    assert utility.value == (0 - 1 - 5 + 20) / 4
    with pytest.raises(ValueError, match="needs `payoff`"):
        metric_named("utility")
    with pytest.raises(MlopsError, match="every class"):
        metric_named("utility", payoff=[[0, 1], [1, 0]]).function(truth + 1, labels)


def test_calibration_error_is_the_gap_of_the_bins() -> None:
    truth = np.array([0.0, 0.0, 0.0, 1.0, 1.0])
    score = np.array([0.25, 0.25, 0.25, 0.25, 1.0])
    assert metric_named("calibration_error").function(truth, score).value == 0
    shifted = metric_named("calibration_error").function(truth, np.array([0.05] * 4 + [0.9]))
    assert shifted.value == pytest.approx((4 * 0.2 + 0.1) / 5)


def test_a_custom_metric_takes_two_lines_and_gets_the_bootstrap() -> None:
    truth, one, other = _arrays("prediction")
    try:
        register("worst_tenth", lambda t, p: np.quantile(abs(t - p), 0.9), "lower", "prediction")
        metric = metric_named("worst_tenth")
        effect = effect_of(metric, truth, one, other, IID, 0.05, seed=1)
        assert effect.method == "BCa bootstrap"
        assert 0 < effect.lower < effect.estimate < effect.upper
        assert effect.p_value(effect.lower) == pytest.approx(0.05, abs=0.005)
        in_time = effect_of(metric, truth, one, other, Design("time", order=np.arange(N)), 0.05)
        assert in_time.method == "slow waves over periods"
        assert in_time.lower > 0
        with pytest.raises(ValueError, match="taken"):
            register("worst_tenth", lambda t, p: 0.0, "lower", "prediction")
    finally:
        metrics.METRICS.pop("worst_tenth", None)


def test_few_rows_are_resampled_and_grouped_rows_by_group() -> None:
    truth, one, other = _arrays("prediction", 90)
    metric = metric_named("mae")
    few = effect_of(metric, truth, one, other, IID, 0.05)
    assert few.method == "BCa bootstrap"
    assert few == effect_of(metric, truth, one, other, IID, 0.05)
    closed = paired_effect(
        metric.function(truth, one), metric.function(truth, other), -1, IID, 0.05
    )
    assert few.standard_error == pytest.approx(closed.standard_error, rel=0.1)
    # The more cautious of both methods.
    assert few.lower <= closed.lower
    assert few.p_value() >= closed.p_value()
    grouped = effect_of(metric, truth, one, other, Design("clustered", np.arange(90) // 9), 0.05)
    assert grouped.n_units == 10
    same = effect_of(metric, truth, one, one, IID, 0.05)
    assert (same.lower, same.upper, same.p_value()) == (0, 0, 1)


def test_a_group_that_holds_a_whole_class_is_refused() -> None:
    truth, one, other = _arrays("score")
    auc = metric_named("auc").function
    for groups, sentence in ((truth * 0, "one group"), (truth, "holds every row of a class")):
        design = Design("clustered", groups.astype(np.int64))
        with pytest.raises(MlopsError, match=sentence):
            paired_effect(auc(truth, one), auc(truth, other), 1, design, 0.05)
    with pytest.raises(MlopsError, match="one time"):
        design = Design("time", order=np.zeros(N, np.int64))
        paired_effect(auc(truth, one), auc(truth, other), 1, design, 0.05)


def test_the_rows_needed_are_those_that_give_the_power() -> None:
    truth, one, other = _arrays("score")
    brier = metric_named("brier").function
    effect = paired_effect(brier(truth, one), brier(truth, other), -1, IID, 0.05)
    factor = effect.rows_factor(0.0, 0.9, truth=0.004)
    assert factor is not None
    assert effect.power(0.004, factor=factor) == pytest.approx(0.9)
    assert effect.rows_factor(effect.estimate) is None
    own = single_effect(brier(truth, one), IID, 0.05)
    assert own.lower < own.estimate == brier(truth, one).value < own.upper
