"""Metrics of classes, from scores or labels, each with the influence of every row.

`truth` holds class codes 0, 1, ... of shape (n,). `prediction` is a score of class 1, float of
shape (n,); or labels, codes of an integer type and shape (n,); or probabilities of every class,
float of shape (n, n_classes). Two classes are judged by class 1; more by the average over the
classes that occur (macro averaging).
"""

import math
from typing import Any

import numpy as np

from mlops_kit.compare.metrics.estimate import Codes, Estimate, Floats, mean_of, total
from mlops_kit.core.errors import MlopsError

BINS = 10


def labels_of(prediction: Any, threshold: float | None = None) -> Codes:
    """Decide on a class per row: labels as they are, `score >= threshold`, or the most likely.

    Without a threshold, scores must be probabilities and one half decides.
    """
    if prediction.dtype.kind in "iub":
        return prediction.astype(np.int64)
    if prediction.ndim == 2:
        return prediction.argmax(axis=1)
    score = _probability(prediction) if threshold is None else prediction
    return (score >= (0.5 if threshold is None else threshold)).astype(np.int64)


def accuracy(truth: Any, prediction: Any, threshold: float | None = None) -> Estimate:
    """Share of rows whose class is right."""
    return mean_of((labels_of(prediction, threshold) == truth).astype(np.float64))


def balanced_accuracy(truth: Any, prediction: Any, threshold: float | None = None) -> Estimate:
    """Mean over the true classes of the share of their rows that is found."""
    truth, label = truth.astype(np.int64), labels_of(prediction, threshold)
    cell, count = _confusion(truth, label)
    return _found(truth, cell, count, count.sum(axis=1) > 0)


def recall(truth: Any, prediction: Any, threshold: float | None = None) -> Estimate:
    """Share of the rows of a class that is found; 0 for a class without rows."""
    truth, label = truth.astype(np.int64), labels_of(prediction, threshold)
    cell, count = _confusion(truth, label)
    return _found(truth, cell, count, _judged(count))


def _found(truth: Codes, cell: Codes, count: Any, judged: Any) -> Estimate:
    size = count.sum(axis=1)
    share, weight = _shares(np.diag(count), size, judged)
    of_cell = (np.eye(len(count)) - share[:, None]) * weight[:, None]
    return Estimate(_average(share, judged), of_cell.ravel()[cell], strata=truth)


def precision(truth: Any, prediction: Any, threshold: float | None = None) -> Estimate:
    """Share of the rows given to a class that belong to it; 0 for a class never given."""
    cell, count = _confusion(truth.astype(np.int64), labels_of(prediction, threshold))
    judged = _judged(count)
    share, weight = _shares(np.diag(count), count.sum(axis=0), judged)
    of_cell = (np.eye(len(count)) - share) * weight
    return Estimate(_average(share, judged), of_cell.ravel()[cell])


def f1(truth: Any, prediction: Any, threshold: float | None = None) -> Estimate:
    """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN)."""
    cell, count = _confusion(truth.astype(np.int64), labels_of(prediction, threshold))
    judged = _judged(count)
    share, weight = _shares(2 * np.diag(count), count.sum(axis=0) + count.sum(axis=1), judged)
    of_class = (np.eye(len(count)) - share) * weight
    return Estimate(_average(share, judged), (of_class + of_class.T).ravel()[cell])


def f1_weighted(truth: Any, prediction: Any, threshold: float | None = None) -> Estimate:
    """F1 of each class, averaged by its true rows; of two classes too."""
    cell, count = _confusion(truth.astype(np.int64), labels_of(prediction, threshold))
    of_truth, rows = count.sum(axis=1), int(count.sum())
    both = np.maximum(of_truth + count.sum(axis=0), 1)
    share = 2 * np.diag(count) / both
    value = total(of_truth * share) / rows
    # A row of a class changes its F1, and how much it weighs.
    of_class = (np.eye(len(count)) - share) * of_truth / both
    of_cell = (of_class + of_class.T + share[:, None] - value) / rows
    return Estimate(value, of_cell.ravel()[cell])


def quadratic_kappa(truth: Any, prediction: Any, threshold: float | None = None) -> Estimate:
    """Cohen's weighted kappa of ordered classes: 1 - squared distance over that of chance.

    Cohen (1968), with quadratic weights: the mean squared difference of the codes, over the one
    that the same shares of true and of given classes would have if they were independent. The
    codes are the places of the classes in their order. Without a value where chance makes no error.
    """
    cell, count = _confusion(truth.astype(np.int64), labels_of(prediction, threshold))
    rows, code = int(count.sum()), np.arange(len(count))
    squares = (code[:, None] - code) ** 2
    # Whole numbers: exact, so that no order of rows changes a digit.
    means = [int(count.sum(axis=axis) @ code) / rows for axis in (1, 0)]
    sums = [int(count.sum(axis=axis) @ code**2) / rows for axis in (1, 0)]
    seen = int((count * squares).sum()) / rows
    chance = sum(sums) - 2 * means[0] * means[1]
    if chance <= 0:
        return Estimate(math.nan, np.full(cell.size, math.nan))
    of_chance = code[:, None] ** 2 + code**2 - sum(sums)
    of_chance = of_chance - 2 * means[1] * (code[:, None] - means[0])
    of_chance = of_chance - 2 * means[0] * (code - means[1])
    of_cell = (seen / chance * of_chance - (squares - seen)) / chance / rows
    return Estimate(1 - seen / chance, of_cell.ravel()[cell])


def utility(
    truth: Any, prediction: Any, payoff: list[list[float]], threshold: float | None = None
) -> Estimate:
    """Mean gain per row, in the unit of `payoff`: its rows are true classes, columns decisions."""
    truth, label = truth.astype(np.int64), labels_of(prediction, threshold)
    table = np.asarray(payoff, np.float64)
    if table.ndim != 2 or len(set(table.shape)) != 1 or len(table) <= max(truth.max(), label.max()):
        raise MlopsError("The payoff needs a row and a column for every class.")
    return mean_of(table[truth, label])


def auc(truth: Any, score: Any) -> Estimate:
    """Area under the ROC curve; ties count one half; more classes are each against the rest.

    The influences are placement values, so that the variance of a difference of two AUCs is that
    of DeLong, DeLong and Clarke-Pearson (1988), equations 4 to 6, in O(n log n).

    Parameters
    ----------
    truth : array of class codes, shape (n,), every class present
    score : array, shape (n,) or (n, n_classes)
    """
    return _one_against_rest(_auc, truth, score)


def _auc(positive: Any, score: Floats) -> tuple[float, Floats]:
    n_positive = int(np.count_nonzero(positive))
    n_negative = score.size - n_positive
    if 0 in (n_positive, n_negative):
        return math.nan, np.full(score.size, math.nan)
    order = np.argsort(score)
    ranked, is_positive = score[order], positive[order]
    new = ranked[1:] != ranked[:-1]
    # Twice the pairs that each row wins or loses: whole numbers, exact up to 2**62 of them.
    below = np.cumsum(is_positive)
    if new.all():
        below -= is_positive
        pairs = np.where(is_positive, np.arange(score.size), n_positive)
        pairs -= below
        pairs *= 2
    else:
        start = np.concatenate(([0], np.flatnonzero(new) + 1))
        tied = np.diff(start, append=score.size)
        before = below[start] - is_positive[start]
        equal = np.diff(before, append=n_positive)
        beaten = np.repeat(2 * (start - before) + tied - equal, tied)
        pairs = np.where(is_positive, beaten, np.repeat(2 * (n_positive - before) - equal, tied))
    value = int((pairs * is_positive).sum()) / (2 * n_positive * n_negative)
    influence = np.empty(score.size)
    influence[order] = pairs
    influence *= 1 / (2 * n_positive * n_negative)
    influence -= value * np.where(positive, 1 / n_positive, 1 / n_negative)
    return value, influence


def average_precision(truth: Any, score: Any) -> Estimate:
    """Mean over the positives of the precision at their score: area under precision and recall.

    As in scikit-learn, without interpolation. The influence is the derivative of
    E[y precision(score)] / E[y] in the distribution of rows.
    """
    return _one_against_rest(_average_precision, truth, score)


def _average_precision(positive: Any, score: Floats) -> tuple[float, Floats]:
    order = np.argsort(-score)
    ranked = score[order]
    start = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    tied = np.diff(start, append=score.size)
    above = np.concatenate(([0], np.cumsum(positive[order])))[start + tied]
    positives, rows = np.diff(above, prepend=0), start + tied
    share, n_positive = above / rows, int(above[-1])
    if n_positive == 0:
        return math.nan, np.full(score.size, math.nan)
    value = total(positives * share) / n_positive
    # A row at or above a positive changes that positive's precision.
    gain = np.cumsum((positives / rows)[::-1])[::-1]
    loss = np.cumsum((positives * share / rows)[::-1])[::-1]
    influence = np.empty(score.size)
    influence[order] = np.repeat(-loss, tied)
    if_positive = np.empty(score.size)
    if_positive[order] = np.repeat(share + gain - value, tied)
    return value, np.where(positive, influence + if_positive, influence) / n_positive


def _one_against_rest(one: Any, truth: Any, score: Any) -> Estimate:
    truth = truth.astype(np.int64)
    if score.ndim == 1:
        value, influence = one(truth == 1, score)
        return Estimate(value, influence, strata=truth)
    classes = np.unique(truth)
    parts = [one(truth == code, score[:, code]) for code in classes]
    influence = np.sum([part[1] for part in parts], axis=0) / classes.size
    return Estimate(sum(part[0] for part in parts) / classes.size, influence, strata=truth)


def log_loss(truth: Any, score: Any) -> Estimate:
    """Mean negative log-likelihood (natural log), probabilities clipped as scikit-learn does."""
    eps = np.finfo(np.float64).eps
    return mean_of(-np.log(np.clip(_chance_of_truth(truth, score), eps, 1 - eps)))


def brier(truth: Any, score: Any) -> Estimate:
    """Mean squared distance between probability and outcome; summed over more than two classes."""
    if score.ndim == 1:
        return mean_of((_probability(score) - truth) ** 2)
    chance = _chance_of_truth(truth, score)
    return mean_of((score**2).sum(axis=1) - 2 * chance + 1)


def calibration_error(truth: Any, score: Any, bins: int = BINS) -> Estimate:
    """Expected calibration error: mean over equal bins of |outcome - probability|, by rows.

    Guo et al. (2017), equation 5; of more than two classes the most likely one is judged. It is
    never negative, so a well calibrated system's value lies above zero by chance alone.
    """
    chance, outcome = _probability(score), truth
    if score.ndim == 2:
        chance, outcome = score.max(axis=1), (score.argmax(axis=1) == truth).astype(np.float64)
    place = np.minimum((chance * bins).astype(np.int64), bins - 1)
    gap = outcome - chance
    side = np.sign([total(gap[place == index]) for index in range(bins)])
    return mean_of(gap * side[place])


def _chance_of_truth(truth: Any, score: Any) -> Floats:
    _probability(score)
    if score.ndim == 1:
        return np.where(truth == 1, score, 1 - score)
    if np.abs(score.sum(axis=1) - 1).max() > 1e-6:
        raise MlopsError("The probabilities of a row do not add up to 1: mend the predictions.")
    return score[np.arange(len(score)), truth.astype(np.int64)]


def _probability(score: Any) -> Any:
    if score.min() < 0 or score.max() > 1:
        raise MlopsError("A score lies outside 0 to 1: this metric needs probabilities; use auc.")
    return score


def _confusion(truth: Codes, label: Codes) -> tuple[Codes, Any]:
    """Cell of each row in the table of true class by given class, and the rows in each cell."""
    n_classes = max(int(truth.max()), int(label.max()), 1) + 1
    cell = truth * n_classes + label
    return cell, np.bincount(cell, minlength=n_classes**2).reshape(n_classes, n_classes)


def _judged(count: Any) -> Any:
    """Tell which classes are judged: class 1 of two, otherwise all that occur."""
    return np.array([False, True]) if len(count) == 2 else (count + count.T).sum(axis=0) > 0


def _shares(right: Any, size: Any, judged: Any) -> tuple[Floats, Floats]:
    """Share of each class, and how much one row of it moves the average over judged classes."""
    size = np.maximum(size, 1)
    return right / size, judged / (size * max(int(judged.sum()), 1))


def _average(share: Floats, judged: Any) -> float:
    return total(share[judged]) / max(int(judged.sum()), 1)
