"""The comparison's closed forms equal independent implementations."""

import math
from typing import Any

import numpy as np
import pauc
import pytest
import sklearn.metrics
from compare_scenarios import four_classes, tied_scores
from mlops_kit.compare.inference import bootstrap as resampling
from mlops_kit.compare.inference import effect as inference
from mlops_kit.compare.inference import standard_errors
from mlops_kit.compare.metrics import estimate as estimates
from mlops_kit.compare.metrics import registry as metrics
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

EXACT: dict[str, Any] = {"rel": 1e-9, "abs": 1e-12}
IID = inference.IID


def _paired(name: str, truth: Any, one: Any, other: Any, design: Any = IID, **options: Any) -> Any:
    metric = metrics.metric_named(name, **options)
    sign = 1 if metric.direction == "higher" else -1
    return inference.paired_effect(
        metric.function(truth, one), metric.function(truth, other), sign, design, 0.05
    )


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


@pytest.mark.parametrize("decimals", [1, 2, 12])
def test_the_error_of_an_auc_difference_is_delongs(decimals: int) -> None:
    truth, first, second = tied_scores()
    first = np.round(first + np.random.default_rng(1).normal(0, 1e-3, truth.size), decimals)
    effect = _paired("auc", truth, first, second)
    estimate, error = _delong(truth, first, second)
    one = metrics.metric_named("auc").function(truth, first)
    assert one.value == pytest.approx(sklearn.metrics.roc_auc_score(truth, first), **EXACT)
    assert effect.estimate == pytest.approx(estimate, **EXACT)
    assert effect.standard_error == pytest.approx(error, **EXACT)
    assert one.influence is not None
    assert one.influence.sum() == pytest.approx(0, abs=1e-12)


def test_the_error_of_an_auc_difference_is_that_of_a_third_partys_delong() -> None:
    truth, first, second = tied_scores()
    library: Any = pauc  # its types say nothing
    curves = [library.ROC(truth, score) for score in (first, second)]
    variance = sum(library.var(curve) for curve in curves) - 2 * library.cov(*curves)
    error = _paired("auc", truth, first, second).standard_error
    assert error == pytest.approx(math.sqrt(variance), **EXACT)
    auc = metrics.metric_named("auc").function(truth, first)
    own = inference.single_effect(auc, IID, 0.05)
    assert own.standard_error == pytest.approx(math.sqrt(library.var(curves[0])), **EXACT)


def test_a_difference_of_means_is_the_paired_t_test() -> None:
    truth, first, second = tied_scores()
    effect = _paired("brier", truth, first, second)
    paired = stats.ttest_rel((second - truth) ** 2, (first - truth) ** 2)
    interval = paired.confidence_interval(0.9)
    assert (effect.lower, effect.upper) == pytest.approx((interval.low, interval.high), **EXACT)
    assert effect.estimate / effect.standard_error == pytest.approx(paired.statistic, **EXACT)


def test_the_two_one_sided_p_values_are_those_of_tost() -> None:
    truth, first, second = tied_scores()
    effect = _paired("brier", truth, first, second)
    margin = 0.01
    gains = (second - truth) ** 2, (first - truth) ** 2
    both, above, below = ttost_paired(*gains, -margin, margin)
    not_worse, not_better = effect.p_value(-margin), 1 - effect.p_value(margin)
    assert not_worse == pytest.approx(above[1], **EXACT)
    assert not_better == pytest.approx(below[1], **EXACT)
    assert max(not_worse, not_better) == pytest.approx(both, **EXACT)
    assert (effect.lower > -margin) == (not_worse < 0.05)


@pytest.mark.parametrize("pair", [(3, 11), (11, 3), (0, 5), (7, 7), (0, 0), (40, 61)])
def test_mcnemar_midp_is_the_exact_test_less_half_the_point(pair: tuple[int, int]) -> None:
    b, c = pair
    tested: Any = mcnemar([[50, b], [c, 20]], exact=True)
    exact = tested.pvalue
    point = stats.binom.pmf(min(b, c), b + c, 0.5)
    midp = 1.0 if b == c else exact - point
    assert inference.mcnemar_midp(b, c) == pytest.approx(midp, **EXACT)


def test_holm_is_that_of_statsmodels() -> None:
    p_values = np.random.default_rng(1).uniform(0, 0.3, 12)
    p_values[3] = p_values[5]
    adjusted = multipletests(p_values, method="holm")[1]
    assert inference.holm(p_values) == pytest.approx(adjusted, **EXACT)
    assert inference.holm(np.array([])).size == 0


def test_nadeau_and_bengios_test_is_scikit_learns_documented_example() -> None:
    """Two of the four models of "Statistical comparison of models using grid search"."""
    from sklearn.datasets import make_moons
    from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
    from sklearn.svm import SVC

    features, truth = make_moons(noise=0.352, random_state=1, n_samples=100)
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    one, other = (
        cross_val_score(
            SVC(kernel=kernel, random_state=0), features, truth, cv=folds, scoring="roc_auc"
        )
        for kernel in ("rbf", "linear")
    )
    effect = inference.corrected_resampled_t(one - other, 90, 10, 0.05)
    # As the page prints them.
    assert round(effect.estimate / effect.standard_error, 3) == 0.750
    assert round(effect.p_value(), 3) == 0.227
    variance = np.var(one - other, ddof=1) * (1 / 100 + 10 / 90)
    t_statistic = np.mean(one - other) / np.sqrt(variance)
    assert effect.p_value() == pytest.approx(stats.t.sf(t_statistic, 99), **EXACT)


def _clusters(n: int = 300, n_groups: int = 40) -> np.ndarray:
    return np.random.default_rng(3).integers(0, n_groups, n)


def test_the_clustered_error_is_that_of_leaving_out_one_cluster_at_a_time() -> None:
    truth, first, second = tied_scores()
    groups = _clusters()
    design = inference.Design("clustered", groups)
    for name in ("mae", "recall", "auc"):
        metric = metrics.metric_named(name)
        sign = 1 if metric.direction == "higher" else -1
        effect = _paired(name, truth, first, second, design)
        without = [
            sign
            * (
                metric.function(truth[kept], first[kept]).value
                - metric.function(truth[kept], second[kept]).value
            )
            for kept in (groups != group for group in np.unique(groups))
        ]
        n_groups = len(without)
        centred = np.array(without) - effect.estimate
        jackknife = np.sqrt((n_groups - 1) / n_groups * (centred**2).sum())
        # An AUC is no mean: leaving a cluster out is its influence only to first order.
        tolerance: dict[str, Any] = {"rel": 0.01} if name == "auc" else EXACT
        assert effect.standard_error == pytest.approx(jackknife, **tolerance), name


def test_clusters_of_one_size_are_the_t_test_of_their_means() -> None:
    truth, first, second = tied_scores()
    groups = np.random.default_rng(4).permutation(np.arange(300) % 30)
    gain = np.abs(second - truth) - np.abs(first - truth)
    means = np.bincount(groups, gain) / 10
    expected = stats.ttest_1samp(means, 0).confidence_interval(0.9)
    for unit in ("row", "group"):
        design = inference.Design("clustered", groups, unit=unit)
        effect = _paired("mae", truth, first, second, design)
        assert effect.degrees_of_freedom == pytest.approx(29)
        assert (effect.lower, effect.upper) == pytest.approx(tuple(expected), **EXACT)


def test_where_the_group_is_the_unit_a_large_group_counts_as_one() -> None:
    truth, first, second = tied_scores()
    groups = _clusters()
    gain = np.abs(second - truth) - np.abs(first - truth)
    means = np.bincount(groups, gain) / np.bincount(groups)
    effect = _paired(
        "mae", truth, first, second, inference.Design("clustered", groups, unit="group")
    )
    expected = stats.ttest_1samp(means, 0).confidence_interval(0.9)
    assert effect.estimate == pytest.approx(means.mean(), **EXACT)
    assert (effect.lower, effect.upper) == pytest.approx(tuple(expected), **EXACT)
    with pytest.raises(ValueError, match="mean over rows"):
        _paired("auc", truth, first, second, inference.Design("clustered", groups, unit="group"))


def test_unequal_clusters_are_worth_fewer() -> None:
    error = np.random.default_rng(1).normal(0, 1, 2000)
    even, uneven = np.arange(2000) % 40, np.minimum(np.arange(2000) // 25, 39)
    shift = np.random.default_rng(2).normal(0, 1, 40)
    freedom = [
        standard_errors.clustered(error + shift[groups], groups, None)[1]
        for groups in (even, uneven)
    ]
    assert freedom[0] == pytest.approx(39)
    assert freedom[1] < 5


def test_bca_is_that_of_scipy_on_the_same_resamples() -> None:
    random = np.random.default_rng(9)
    first, second = random.gamma(2, 1, 60), random.gamma(2, 1.2, 60)

    def difference(one: np.ndarray, other: np.ndarray, axis: int = -1) -> Any:
        return np.median(one, axis=axis) - np.mean(other, axis=axis)

    effect = resampling.bootstrap_effect(
        difference, (first, second), IID, 0.05, seed=3, replicates=999
    )
    reference = stats.bootstrap(
        (first, second),
        difference,
        paired=True,
        n_resamples=999,
        confidence_level=0.9,
        method="BCa",
        vectorized=True,
        rng=np.random.default_rng(3),
    )
    interval = reference.confidence_interval
    assert effect.standard_error == pytest.approx(reference.standard_error, **EXACT)
    assert (effect.lower, effect.upper) == pytest.approx((interval.low, interval.high), **EXACT)
    assert effect.p_value(effect.lower) == pytest.approx(0.05, abs=0.002)


def test_the_grouped_bootstrap_agrees_with_the_clustered_closed_form() -> None:
    truth, first, second = tied_scores()
    design = inference.Design("clustered", _clusters())
    closed = _paired("mae", truth, first, second, design)

    def gain(truth: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
        return float(np.abs(other - truth).mean() - np.abs(one - truth).mean())

    drawn = resampling.bootstrap_effect(gain, (truth, first, second), design, 0.05, seed=1)
    assert drawn.estimate == pytest.approx(closed.estimate, **EXACT)
    assert drawn.standard_error == pytest.approx(closed.standard_error, rel=0.06)
    assert (drawn.lower, drawn.upper) == pytest.approx((closed.lower, closed.upper), abs=0.004)


SMOOTH = ["balanced_accuracy", "precision", "recall", "f1", "f1_weighted", "quadratic_kappa", "auc"]
SMOOTH += ["average_precision", "rmse"]


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("classes", [2, 4])
def test_influences_are_the_jackknifes_to_first_order(name: str, classes: int) -> None:
    truth, prediction = tied_scores()[:2] if classes == 2 else four_classes()
    if name == "rmse":
        prediction = tied_scores()[1]
    function = metrics.metric_named(name).function
    found = function(truth, prediction)
    assert found.influence is not None
    n = truth.size
    without = [
        function(np.delete(truth, row), np.delete(prediction, row, 0)).value for row in range(n)
    ]
    jackknife = (n - 1) / n * (found.value - np.array(without))
    assert total_of(found.influence) == pytest.approx(0, abs=1e-12)
    assert np.corrcoef(found.influence, jackknife)[0, 1] > 0.999
    norms = np.linalg.norm(found.influence), np.linalg.norm(jackknife)
    assert norms[0] == pytest.approx(norms[1], rel=0.03)


def total_of(values: np.ndarray) -> float:
    return float(estimates.total(values))


def test_sums_are_right_and_no_order_changes_a_digit() -> None:
    random = np.random.default_rng(4)
    values = np.concatenate([random.lognormal(0, 8, 50_000), -random.lognormal(0, 3, 50_000)])
    codes = random.integers(0, 900, values.size)
    exact, sums = math.fsum(values), estimates.totals(values, codes, 900)
    assert total_of(values) == pytest.approx(exact, rel=1e-15)
    for n_codes in (900, 5000):
        for _ in range(3):
            order = random.permutation(values.size)
            assert total_of(values[order]) == total_of(values)
            assert (estimates.totals(values[order], codes[order], n_codes)[:900] == sums).all()
    assert sums[7] == pytest.approx(math.fsum(values[codes == 7]), rel=1e-9)
    assert total_of(np.zeros(3)) == total_of(np.array([])) == 0
    assert total_of(np.array([1e300, 1e-300, -1e300])) == 0
