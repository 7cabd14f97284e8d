"""What each metric is worth on the holdout, and how much each row contributes to it."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..errors import MlopsError

Floats = NDArray[np.float64]
Lists = pa.ListArray


class Estimate(NamedTuple):
    """A metric's value with the share of its sampling error that each row brings.

    `influence` has shape (n,), sums to zero and is in units of the metric: the error of `value`
    is, to first order, the sum of it. The variance for independent rows is
    sum(influence**2 * correction), where `correction` (scalar or (n,)) is n / (n - 1) of the
    sample that the row belongs to.
    """

    value: float
    influence: Floats
    correction: Floats | float


@dataclass(frozen=True)
class Metric:
    """A function of (truth, prediction) and what a person must know to read its value."""

    function: Callable[..., Estimate]
    column: Literal["score", "prediction", "items"]
    direction: Literal["higher", "lower"]
    meaning: str


def mean_of(rows: Floats) -> Estimate:
    """Estimate the mean of one value per row, shape (n,), n >= 2."""
    # fsum is exact, so that neither the order of rows nor another id coding changes a digit.
    value = math.fsum(rows.tolist()) / rows.size
    return Estimate(value, (rows - value) / rows.size, rows.size / (rows.size - 1))


def auc(truth: Floats, score: Floats) -> Estimate:
    """Area under the ROC curve; ties count one half.

    The influences are placement values, so that the variance of a difference of two AUCs is that
    of DeLong, DeLong and Clarke-Pearson (1988), equations 4 to 6, in O(n log n).

    Parameters
    ----------
    truth : array of 0 and 1, shape (n,), both present
    score : array, shape (n,)
    """
    order = np.argsort(score, kind="stable")
    ranked, positive = score[order], truth[order] == 1
    tie = np.concatenate(([0], np.cumsum(ranked[1:] != ranked[:-1])))
    positives = np.bincount(tie, weights=positive)
    negatives = np.bincount(tie, weights=~positive)
    n_positive, n_negative = positives.sum(), negatives.sum()
    beaten = np.cumsum(negatives) - negatives / 2
    beaten_by = n_positive - np.cumsum(positives) + positives / 2
    # Counts and halves are exact in floating point up to 2**52 pairs.
    value = float((positives * beaten).sum() / (n_positive * n_negative))
    error = np.where(
        positive,
        (beaten[tie] / n_negative - value) / n_positive,
        (beaten_by[tie] / n_positive - value) / n_negative,
    )
    influence = np.empty_like(error)
    influence[order] = error
    small = [n / (n - 1) if n > 1 else 1.0 for n in (n_negative, n_positive)]
    return Estimate(value, influence, np.where(truth == 1, small[1], small[0]))


def rmse(truth: Floats, prediction: Floats) -> Estimate:
    """Root of the mean squared error, in the unit of the target; delta method for the error."""
    squared = mean_of((prediction - truth) ** 2)
    root = math.sqrt(squared.value)
    slope = 1 / (2 * root) if root > 0 else 0.0
    return Estimate(root, squared.influence * slope, squared.correction)


def hits(truth: Lists, items: Lists, k: int) -> tuple[NDArray[np.bool_], Floats]:
    """Tell which of the first `k` items of each row are true, and how many each row could hit.

    Returns
    -------
    hit : array, shape (n, k)
        An item that a row repeats hits once, at its best rank.
    n_true : array, shape (n,)
        Number of different true items of the row.
    """
    n, split = len(truth), len(truth.flatten())
    items_of_all = pa.concat_arrays([truth.flatten(), items.flatten()]).dictionary_encode()
    row = np.concatenate([pc.list_parent_indices(part).to_numpy() for part in (truth, items)])
    # One integer per (row, item) turns "is this item true for this row" into a set question.
    pairs = row * len(items_of_all.dictionary) + items_of_all.indices.to_numpy()
    true, first_true = np.unique(pairs[:split], return_index=True)
    n_true = np.bincount(row[first_true], minlength=n)
    length = pc.list_value_length(items).to_numpy()
    rank = np.arange(len(pairs) - split) - np.repeat(np.cumsum(length) - length, length)
    listed, first = np.unique(pairs[split:], return_index=True)
    first = first[(rank[first] < k) & np.isin(listed, true)]
    hit = np.zeros((n, k), dtype=bool)
    hit[row[split:][first], rank[first]] = True
    return hit, n_true.astype(np.float64)


def ndcg(truth: Lists, items: Lists, k: int) -> Estimate:
    """Mean over rows of the normalised discounted gain of the first `k` items.

    Järvelin and Kekäläinen (2002) with binary relevance and log2 discount. As in scikit-learn, a
    row without any true item counts 0 for every system.
    """
    hit, n_true = hits(truth, items, k)
    discount = 1 / np.log2(np.arange(k) + 2)
    best = np.concatenate(([0.0], np.cumsum(discount)))[np.minimum(n_true, k).astype(int)]
    gain = (hit * discount).sum(axis=1)
    return mean_of(gain / np.maximum(best, 1.0))


def recall(truth: Lists, items: Lists, k: int) -> Estimate:
    """Mean over rows of the share of true items found among the first `k`; 0 when none is true."""
    hit, n_true = hits(truth, items, k)
    return mean_of(hit.sum(axis=1) / np.maximum(n_true, 1))


def hit_rate(truth: Lists, items: Lists, k: int) -> Estimate:
    """Share of rows with at least one true item among the first `k`."""
    return mean_of(np.asarray(hits(truth, items, k)[0].any(axis=1), np.float64))


def log_loss(truth: Floats, score: Floats) -> Estimate:
    """Mean negative log-likelihood (natural log), probabilities clipped as scikit-learn does."""
    eps = np.finfo(np.float64).eps
    chance = np.clip(_probability(score), eps, 1 - eps)
    return mean_of(-np.log(np.where(truth == 1, chance, 1 - chance)))


def accuracy(truth: Floats, score: Floats) -> Estimate:
    """Share of rows whose probability lies on the right side of one half."""
    return mean_of(((_probability(score) >= 0.5) == (truth == 1)).astype(np.float64))


def brier(truth: Floats, score: Floats) -> Estimate:
    """Mean squared distance between probability and outcome."""
    return mean_of((_probability(score) - truth) ** 2)


def mae(truth: Floats, prediction: Floats) -> Estimate:
    """Mean absolute error, in the unit of the target."""
    return mean_of(np.abs(prediction - truth))


def _probability(score: Floats) -> Floats:
    if score.min() < 0 or score.max() > 1:
        raise MlopsError("A score lies outside 0 to 1: this metric needs probabilities; use auc.")
    return score


METRICS: dict[str, Metric] = {
    "auc": Metric(auc, "score", "higher", "how often a positive row is ranked above a negative"),
    "log_loss": Metric(log_loss, "score", "lower", "how surprised the probabilities are"),
    "accuracy": Metric(accuracy, "score", "higher", "share of rows on the right side of 0.5"),
    "brier": Metric(brier, "score", "lower", "squared distance of probability and outcome"),
    "rmse": Metric(rmse, "prediction", "lower", "typical error; large errors weigh more"),
    "mae": Metric(mae, "prediction", "lower", "average error in the target's unit"),
    "ndcg_at_k": Metric(ndcg, "items", "higher", "how high the true items stand in the list"),
    "recall_at_k": Metric(recall, "items", "higher", "share of the true items that are listed"),
    "hit_rate_at_k": Metric(hit_rate, "items", "higher", "share of rows with a true item listed"),
}


def metric_named(name: str) -> Metric:
    """Find the metric that `name` means: `ndcg_at_10` is `ndcg_at_k` with k = 10.

    Raises
    ------
    ValueError
        When there is no such metric; the message lists them.
    """
    ranked = re.fullmatch(r"(\w+_at_)([1-9]\d{0,3})", name)
    found = METRICS.get(f"{ranked[1]}k" if ranked else name)
    if found is None or (not ranked and name.endswith("_at_k")):
        raise ValueError(f"unknown metric; use one of {', '.join(METRICS)}, a number for k")
    if not ranked:
        return found
    return replace(found, function=partial(found.function, k=int(ranked[2])))
