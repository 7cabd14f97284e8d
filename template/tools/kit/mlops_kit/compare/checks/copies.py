"""Rows that stand again under other ids: they make an error look smaller than it is.

Equal rows are normal where features and predictions have few values. Three marks of copies are
looked at; two of them must be there, and the outcomes must not speak against it:

- unanimous: rows that look alike have the same outcome, where chance would often give another;
- counts: independent rows that fall into cells make the cells' counts a mixture of Poisson
  distributions, of which f(k+1) / f(k) >= k / (k+1) * f(k) / f(k-1) follows for the numbers f of
  cells with k rows (the Cauchy-Schwarz inequality); counts of copies stop short;
- distinct: but for the equal rows, nearly every row has a prediction of its own, and the counts
  differ no more than copying makes them (cells of few coarse features differ a lot).
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import pdtr

from mlops_kit.compare.checks.common import entry
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision_schema import Check
from mlops_kit.compare.holdout.background import Seen
from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.core.words import counted

Codes = NDArray[np.int64]
# The error is too small by 5 % when copies make the rows so many times as many as they are.
MATERIAL = 1.1
# Rows next to each other in a score, whose outcomes tell what chance gives there.
NEIGHBOURS = 50
# How sure a mark must be; nothing at all where ten cells should be mixed is as sure.
ALPHA = 1e-4
FEW_EXPECTED = 10
NEARLY_ALL = 0.9
# Of factorial moments, m1 m3 / m2²: below 1 for a copy of every row, 1 for draws with replacement,
# 1.5 for geometric counts, 2 and more for the cells of some yes-or-no features.
MOST_UNEVEN = 1.7
# Standard deviations by which numbers of cells may be off by chance.
WIDE = 3


def copied_rows(holdout: Holdout) -> list[Check]:
    """Find rows that stand again with the same outcome and features, or predictions."""
    if holdout.design.kind == "folds":
        return []
    roles = ("candidate", "incumbent")
    scores = {role: _coded(holdout.predictions[role]) for role in roles}
    if holdout.alike is None:
        # Most tables are cleared by a look at one column.
        if scores["candidate"].max() + 1 == holdout.n_rows:
            return []
        cells = _joint(scores["candidate"], scores["incumbent"])
    else:
        cells = holdout.alike
    truth = _coded(holdout.truth)
    # Rows of one group are known to depend on each other.
    kept = np.unique(_joint(_joint(cells, truth), _clusters(holdout)), return_index=True)[1]
    cells, truth = _dense(cells[kept]), _dense(truth[kept])
    rows = _joint(cells, truth)
    counts = np.bincount(rows)
    if np.sum(counts.astype(np.float64) ** 2) <= MATERIAL * rows.size:
        return []
    expected, mixed = _mixed(cells, truth, [_ordered(holdout.predictions[r], kept) for r in roles])
    enough = expected >= FEW_EXPECTED
    unanimous = enough and mixed <= expected / 2 and pdtr(mixed, expected) < ALPHA
    if enough and not unanimous:
        return []
    own = max(np.unique(scores[role][kept]).size for role in roles)
    distinct = own >= NEARLY_ALL * counts.size and _unevenness(counts) <= MOST_UNEVEN
    if sum([unanimous, _counts_stop_short(counts), distinct]) < 2:
        return []
    what = "features" if holdout.alike is not None else "predictions"
    again = rows.size - counts.size
    sentence = (
        f"Of {counted(rows.size, 'row')} only {counts.size:,} differ: {again:,} stand again under "
        f"other ids, with the same outcome and {what}, far more than chance explains. Copies are "
        "no "
        'evidence: drop them, or give a row and its copies one "group", and compare again.'
    )
    return [entry("copied rows", "safety", None, "inconclusive", sentence)]


def seen_in_training(holdout: Holdout, config: CompareConfig) -> Seen | None:
    """Count the rows that stand in training too; None where the table does not say.

    Rows of a few coarse features are often equal, and then their outcomes differ as chance lets
    them. Copies have the same outcome, so that a model that remembers looks better than it is.
    """
    if holdout.seen is None:
        return None
    again = holdout.seen >= 0
    count = int(again.sum())
    differ = float(np.sum(1 - holdout.seen[again]))
    sentence = "No row of the holdout is equal to a training row of others in all features."
    by_chance = False
    if count:
        truth, all_rows = _dense(_coded(holdout.truth)), np.arange(holdout.n_rows)
        expected = min(
            float(np.sum(1 - _agreement(bins, truth)[1][bins[again]]))
            for role in ("candidate", "incumbent")
            for bins in [_bins(_ordered(holdout.predictions[role], all_rows))]
        )
        by_chance = expected >= FEW_EXPECTED and differ > expected / 2
        sentence = (
            f"{count:,} of {holdout.n_rows:,} holdout rows ({count / holdout.n_rows:.1%}) are "
            "equal to training rows of others in all features; the outcome is the same in "
            f"{1 - differ / count:.0%} of them"
        )
        sentence += ", as chance would have it." if by_chance else "."
    return {
        "rows": count,
        "limit": config.data.copies,
        "by_chance": by_chance,
        "sentence": sentence,
    }


def rows_seen(holdout: Holdout, config: CompareConfig) -> list[Check]:
    """Find more copies across the split than data.copies allows."""
    seen = seen_in_training(holdout, config)
    if seen is None or seen["by_chance"] or seen["rows"] <= seen["limit"] * holdout.n_rows:
        return []
    sentence = (
        f"{seen['sentence']} That is more than {seen['limit']:.1%} (data.copies of "
        "conf/compare.yaml): a model that remembers them looks better than it is. Keep copies on "
        "one side, by `split: {method: copies}` in params.yaml or by `method: group` with a column "
        "that they share, or drop them in rows() of features.py."
    )
    return [entry("rows of the training", "safety", None, "inconclusive", sentence)]


def _clusters(holdout: Holdout) -> Codes:
    """Code rows of one group alike when the design accounts for groups."""
    return np.arange(holdout.n_rows) if holdout.design.kind == "iid" else holdout.groups


def _dense(values: NDArray[Any]) -> Codes:
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _joint(one: Codes, other: Codes) -> Codes:
    """Code pairs of codes."""
    return _dense(one * (int(other.max(initial=0)) + 1) + other)


def _coded(values: Any) -> Codes:
    """Code equal numbers, rows of probabilities or lists alike, shape (n,)."""
    if isinstance(values, pa.Array):
        lines = pc.binary_join(values.cast(pa.list_(pa.string())), "\0")
        return lines.dictionary_encode().indices.to_numpy().astype(np.int64)
    if values.ndim == 1:
        return _dense(values)
    codes = np.zeros(len(values), np.int64)
    for column in values.T:
        codes = _joint(codes, _dense(column))
    return codes


def _ordered(values: Any, kept: Codes) -> NDArray[np.float64]:
    """Give a number to each kept row by which rows with alike chances are near each other."""
    if isinstance(values, pa.Array):
        return np.zeros(kept.size)
    if values.ndim == 1:
        return values[kept].astype(np.float64)
    return values[kept].argmax(axis=1) + values[kept].max(axis=1) / 2


def _mixed(cells: Codes, truth: Codes, scores: list[NDArray[np.float64]]) -> tuple[float, int]:
    """How many cells of several rows chance would give different outcomes, and how many have.

    The chance that s independent rows agree is at most the chance of two, times the commonest
    outcome's share for each further one; shares are those of neighbours in a system's score. Of
    the systems the one counts that tells more about the outcomes.
    """
    size = np.bincount(cells)
    first = np.unique(cells, return_index=True)[1]
    pairs = np.unique(_joint(cells, truth), return_index=True)[1]
    kinds = np.bincount(cells[pairs], minlength=size.size)
    several = size > 1
    expected = []
    for score in scores:
        bins = _bins(score)
        commonest, two = _agreement(bins, truth)
        of_cell = bins[first]
        agree = two[of_cell] * commonest[of_cell] ** np.maximum(size - 2, 0)
        expected.append(float(np.sum(1 - agree[several])))
    return min(expected), int(np.sum(kinds[several] > 1))


def _bins(score: NDArray[np.float64]) -> Codes:
    """Cut rows into bins of at least NEIGHBOURS next to each other; equal scores stay together."""
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    wanted = np.arange(NEIGHBOURS, score.size, NEIGHBOURS)
    edges = np.unique(np.searchsorted(ordered, ordered[wanted], "left"))
    marks = np.zeros(score.size, np.int64)
    marks[edges[edges > 0]] = 1
    bins = np.empty(score.size, np.int64)
    bins[order] = np.cumsum(marks)
    return bins


def _agreement(bins: Codes, truth: Codes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of each bin's commonest outcome, and the chance that two of its rows agree."""
    pairs, counts = np.unique(bins * (int(truth.max()) + 1) + truth, return_counts=True)
    of_bin = pairs // (int(truth.max()) + 1)
    share = counts / np.bincount(bins)[of_bin]
    commonest = np.zeros(int(bins.max()) + 1)
    np.maximum.at(commonest, of_bin, share)
    return commonest, np.bincount(of_bin, share**2).astype(np.float64)


def _counts_stop_short(counts: Codes) -> bool:
    """Tell whether the cells' counts cannot be those of independent rows."""
    cells = np.bincount(counts).astype(np.float64)
    cells = np.append(cells, 0.0)
    k = np.arange(2, cells.size - 1)
    wide = WIDE * np.sqrt(cells)
    least, most = np.maximum(cells - wide, 0), cells + wide + WIDE
    needed = k / (k + 1) * least[k] ** 2 / most[k - 1]
    return bool(np.any(pdtr(cells[k + 1], needed) < ALPHA / 10))


def _unevenness(counts: Codes) -> float:
    """How much the cells' chances differ: the ratio of their moments E λ E λ³ / (E λ²)²."""
    k = counts.astype(np.float64)
    one, two, three = k.mean(), np.mean(k * (k - 1)), np.mean(k * (k - 1) * (k - 2))
    return float(one * three / two**2)
