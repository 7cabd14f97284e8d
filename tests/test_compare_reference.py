"""The comparison's closed forms equal independent implementations."""

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest
import sklearn.metrics
from scipy import stats

SOURCE = Path(__file__).parents[1] / "template" / "src" / "{{ package_name }}" / "mlops"
PACKAGE = "compare_reference"
EXACT = {"rel": 1e-9, "abs": 1e-12}


@pytest.fixture(scope="module")
def compare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ModuleType]]:
    """Give the modules under test, imported from a copy whose folder has a Python name."""
    root = tmp_path_factory.mktemp("rendered")
    shutil.copytree(SOURCE, root / PACKAGE / "mlops")
    sys.path.insert(0, str(root))
    name = f"{PACKAGE}.mlops.compare"
    yield {part: importlib.import_module(f"{name}.{part}") for part in ("metrics", "decision")}
    sys.path.remove(str(root))
    for loaded in [module for module in sys.modules if module.startswith(PACKAGE)]:
        del sys.modules[loaded]


def _scores(n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    truth = (random.random(n) < 0.3).astype(np.float64)
    # Rounded, so that many scores tie within and between the classes.
    first = np.round(np.clip(0.3 + 0.2 * truth + random.normal(0, 0.2, n), 0, 1), 2)
    second = np.round(np.clip(0.4 + 0.1 * truth + random.normal(0, 0.2, n), 0, 1), 1)
    return truth, first, second


def _delong(truth: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Difference of AUCs and its standard error from every pair, without any sorting."""
    ten, one, areas = [], [], []
    for score in (first, second):
        positive, negative = score[truth == 1][:, None], score[truth == 0][None, :]
        wins = (positive > negative) + 0.5 * (positive == negative)
        ten.append(wins.mean(axis=1))
        one.append(wins.mean(axis=0))
        areas.append(wins.mean())
    contrast = np.array([1.0, -1.0])
    covariance = np.cov(ten) / len(ten[0]) + np.cov(one) / len(one[0])
    return areas[0] - areas[1], float(np.sqrt(contrast @ covariance @ contrast))


def test_the_error_of_an_auc_difference_is_delongs(compare: dict[str, ModuleType]) -> None:
    truth, first, second = _scores()
    auc, decision = compare["metrics"].auc, compare["decision"]
    one, other = auc(truth, first), auc(truth, second)
    effect = decision.paired_effect(one, other, 1, np.arange(truth.size), 0.05)
    estimate, error = _delong(truth, first, second)
    assert one.value == pytest.approx(sklearn.metrics.roc_auc_score(truth, first), **EXACT)
    assert effect.estimate == pytest.approx(estimate, **EXACT)
    assert effect.standard_error == pytest.approx(error, **EXACT)
    assert one.influence.sum() == pytest.approx(0, abs=1e-12)


def test_a_difference_of_means_is_the_paired_t_test(compare: dict[str, ModuleType]) -> None:
    truth, first, second = _scores()
    brier, decision = compare["metrics"].brier, compare["decision"]
    effect = decision.paired_effect(
        brier(truth, first), brier(truth, second), -1, np.arange(truth.size), 0.05
    )
    paired = stats.ttest_rel((second - truth) ** 2, (first - truth) ** 2)
    interval = paired.confidence_interval(0.9)
    assert (effect.lower, effect.upper) == pytest.approx((interval.low, interval.high), **EXACT)
    assert effect.estimate / effect.standard_error == pytest.approx(paired.statistic, **EXACT)


def test_the_clustered_error_is_that_of_cluster_sums(compare: dict[str, ModuleType]) -> None:
    truth, first, second = _scores()
    groups = np.random.default_rng(3).integers(0, 40, truth.size)
    mae, decision = compare["metrics"].mae, compare["decision"]
    effect = decision.paired_effect(mae(truth, first), mae(truth, second), -1, groups, 0.05)
    gain = np.abs(second - truth) - np.abs(first - truth)
    sums = [(gain[groups == group] - gain.mean()).sum() for group in np.unique(groups)]
    g = len(sums)
    error = np.sqrt(g / (g - 1) * np.sum(np.square(sums))) / truth.size
    assert effect.design == "clustered"
    assert effect.standard_error == pytest.approx(error, **EXACT)
    assert effect.upper == pytest.approx(gain.mean() + stats.t.ppf(0.95, g - 1) * error, **EXACT)


def test_the_error_of_rmse_is_the_jackknifes_to_first_order(
    compare: dict[str, ModuleType],
) -> None:
    random = np.random.default_rng(8)
    truth, prediction = random.normal(0, 3, 4000), random.normal(0, 1, 4000)
    estimate = compare["metrics"].rmse(truth, prediction)
    squared = (prediction - truth) ** 2
    left_out = np.sqrt((squared.sum() - squared) / (truth.size - 1))
    jackknife = np.sqrt((truth.size - 1) * left_out.var())
    closed = np.sqrt((estimate.influence**2 * estimate.correction).sum())
    assert closed == pytest.approx(jackknife, rel=1e-3)


@pytest.mark.parametrize(
    ("metric", "reference"),
    [
        ("log_loss", sklearn.metrics.log_loss),
        ("brier", sklearn.metrics.brier_score_loss),
        ("accuracy", lambda truth, score: sklearn.metrics.accuracy_score(truth, score >= 0.5)),
        ("rmse", sklearn.metrics.root_mean_squared_error),
        ("mae", sklearn.metrics.mean_absolute_error),
    ],
)
def test_values_equal_those_of_scikit_learn(
    metric: str, reference, compare: dict[str, ModuleType]
) -> None:
    truth, score, _ = _scores()
    ours = compare["metrics"].metric_named(metric).function(truth, score)
    assert ours.value == pytest.approx(reference(truth, score), **EXACT)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_ndcg_equals_that_of_scikit_learn(k: int, compare: dict[str, ModuleType]) -> None:
    random, n, n_items = np.random.default_rng(2), 80, 30
    relevant = random.random((n, n_items)) < 0.15
    relevant[:5] = False
    score = random.permuted(np.tile(np.arange(n_items, dtype=float), (n, 1)), axis=1)
    lists = pa.list_(pa.int64())
    truth = pa.array([np.flatnonzero(row) for row in relevant], lists)
    items = pa.array(list(np.argsort(-score, axis=1)[:, :12]), lists)
    found = compare["metrics"].metric_named(f"ndcg_at_{k}").function(truth, items)
    assert found.value == pytest.approx(sklearn.metrics.ndcg_score(relevant, score, k=k), **EXACT)
    listed = np.take_along_axis(relevant, np.argsort(-score, axis=1)[:, :k], axis=1)
    recall = listed.sum(axis=1) / np.maximum(relevant.sum(axis=1), 1)
    ours = compare["metrics"].metric_named(f"recall_at_{k}").function(truth, items)
    assert ours.value == pytest.approx(recall.mean(), **EXACT)
    ours = compare["metrics"].metric_named(f"hit_rate_at_{k}").function(truth, items)
    assert ours.value == pytest.approx(listed.any(axis=1).mean(), **EXACT)
