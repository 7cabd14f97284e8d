"""The comparison's values equal those of scikit-learn and of plain counting."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sklearn.metrics
from compare_scenarios import four_classes, tied_scores
from mlops_kit.compare.metrics import registry as metrics

EXACT: dict[str, Any] = {"rel": 1e-9, "abs": 1e-12}


def _macro(function: Any, **options: Any) -> Any:
    def reference(truth: np.ndarray, prediction: np.ndarray) -> float:
        binary = prediction.ndim == 1
        label = prediction >= 0.5 if binary else prediction.argmax(axis=1)
        average = {"average": "binary" if binary else "macro"} if options.get("average") else {}
        return float(function(truth, label, **average))

    return reference


def _labels(function: Any, **options: Any) -> Any:
    def reference(truth: np.ndarray, prediction: np.ndarray) -> float:
        label = prediction >= 0.5 if prediction.ndim == 1 else prediction.argmax(axis=1)
        return float(function(truth.astype(int), label.astype(int), **options))

    return reference


VALUES: dict[str, Any] = {
    "accuracy": _macro(sklearn.metrics.accuracy_score),
    "balanced_accuracy": _macro(sklearn.metrics.balanced_accuracy_score),
    "precision": _macro(sklearn.metrics.precision_score, average=True),
    "recall": _macro(sklearn.metrics.recall_score, average=True),
    "f1": _macro(sklearn.metrics.f1_score, average=True),
    "f1_weighted": _labels(sklearn.metrics.f1_score, average="weighted"),
    "quadratic_kappa": _labels(sklearn.metrics.cohen_kappa_score, weights="quadratic"),
    "auc": lambda t, p: sklearn.metrics.roc_auc_score(t, p, multi_class="ovr"),
    "average_precision": sklearn.metrics.average_precision_score,
    "log_loss": sklearn.metrics.log_loss,
    "brier": sklearn.metrics.brier_score_loss,
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("classes", [2, 4])
def test_values_of_classes_equal_those_of_scikit_learn(name: str, classes: int) -> None:
    truth, prediction = tied_scores()[:2] if classes == 2 else four_classes()
    ours = metrics.metric_named(name).function(truth, prediction)
    assert ours.value == pytest.approx(VALUES[name](truth, prediction), **EXACT)


@pytest.mark.parametrize(
    ("name", "reference", "options"),
    [
        ("rmse", sklearn.metrics.root_mean_squared_error, {}),
        ("mae", sklearn.metrics.mean_absolute_error, {}),
        ("mape", sklearn.metrics.mean_absolute_percentage_error, {}),
        (
            "pinball",
            lambda t, p: sklearn.metrics.mean_pinball_loss(t, p, alpha=0.9),
            {"quantile": 0.9},
        ),
    ],
)
def test_values_of_amounts_equal_those_of_scikit_learn(
    name: str, reference: Any, options: dict[str, Any]
) -> None:
    random = np.random.default_rng(7)
    truth = random.lognormal(2, 1, 200)
    prediction = truth * random.lognormal(0, 0.3, 200)
    ours = metrics.metric_named(name, **options).function(truth, prediction)
    assert ours.value == pytest.approx(reference(truth, prediction), **EXACT)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_ranking_metrics_equal_those_of_scikit_learn_and_of_plain_counting(k: int) -> None:
    random, n, n_items = np.random.default_rng(2), 80, 30
    relevant = random.random((n, n_items)) < 0.15
    relevant[:5] = False
    score = random.permuted(np.tile(np.arange(n_items, dtype=float), (n, 1)), axis=1)
    ranked = np.argsort(-score, axis=1)
    lists = pa.list_(pa.int64())
    truth = pa.array([np.flatnonzero(row) for row in relevant], lists)
    items = pa.array(list(ranked[:, :12]), lists)
    listed = np.take_along_axis(relevant, ranked[:, :k], axis=1)
    shown = [set(row[:k].tolist()) for row in ranked]
    wanted = {item for row in relevant for item in np.flatnonzero(row).tolist()}
    overlap = [len(shown[i] & shown[j]) / k for i in range(n) for j in range(n) if i != j]
    expected = {
        "ndcg": sklearn.metrics.ndcg_score(relevant, score, k=k),
        "recall": (listed.sum(axis=1) / np.maximum(relevant.sum(axis=1), 1)).mean(),
        "precision": listed.mean(),
        "hit_rate": listed.any(axis=1).mean(),
        "coverage": len(wanted & set().union(*shown)) / len(wanted),
        "diversity": 1 - np.mean(overlap),
    }
    for name, value in expected.items():
        found = metrics.metric_named(f"{name}_at_{k}").function(truth, items)
        assert found.value == pytest.approx(value, **EXACT), name
        assert found.influence is not None
        assert found.influence.sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", ["coverage", "diversity"])
def test_influences_of_shared_lists_are_the_jackknifes(name: str) -> None:
    random, n = np.random.default_rng(3), 120
    lists = pa.list_(pa.int64())
    shown = [random.zipf(1.3, 6) % 60 for _ in range(n)]
    truth, items = pa.array([[row % 60] for row in range(n)], lists), pa.array(shown, lists)
    function = metrics.metric_named(f"{name}_at_5").function
    found = function(truth, items)
    assert found.influence is not None
    rows = np.arange(n)
    without = [
        function(
            truth if name == "coverage" else truth.take(pa.array(kept)),
            pa.array(
                [
                    [] if row == left and name == "coverage" else shown[row]
                    for row in (rows if name == "coverage" else kept)
                ],
                lists,
            ),
        ).value
        for left, kept in ((left, rows[rows != left]) for left in rows)
    ]
    jackknife = np.mean(without) - np.array(without)
    assert np.corrcoef(found.influence, jackknife)[0, 1] > 0.999
