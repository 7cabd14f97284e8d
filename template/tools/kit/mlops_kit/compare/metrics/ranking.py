"""Metrics of ranked lists of items: one list per row, judged against the items that were true."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlops_kit.compare.metrics.estimate import Codes, Estimate, Floats, mean_of, total

Lists = pa.ListArray


def hits(truth: Lists, items: Lists, k: int) -> tuple[NDArray[np.bool_], Floats]:
    """Tell which of the first `k` items of each row are true, and how many each row could hit.

    Returns
    -------
    hit : array, shape (n, k)
        An item that a row repeats hits once, at its best rank.
    n_true : array, shape (n,)
        Number of different true items of the row.
    """
    true_row, true_item, row, item, rank = _pairs(truth, items, k)
    n, n_items = len(truth), int(max(true_item.max(initial=0), item.max(initial=0))) + 1
    # One integer per (row, item) turns "is this item true for this row" into a set question.
    found = np.isin(row * n_items + item, true_row * n_items + true_item)
    hit = np.zeros((n, k), dtype=bool)
    hit[row[found], rank[found]] = True
    return hit, np.bincount(true_row, minlength=n).astype(np.float64)


def _pairs(truth: Lists, items: Lists, k: int) -> tuple[Codes, Codes, Codes, Codes, Codes]:
    """Row and item code of the true items, then row, item code and rank of the first `k` listed.

    Both hold an item once per row, at its best rank.
    """
    split = len(truth.flatten())
    both = pa.concat_arrays([truth.flatten(), items.flatten()]).dictionary_encode()
    code = both.indices.to_numpy().astype(np.int64)
    row = np.concatenate([pc.list_parent_indices(part).to_numpy() for part in (truth, items)])
    length = pc.list_value_length(items).to_numpy()
    rank = np.arange(code.size - split) - np.repeat(np.cumsum(length) - length, length)
    pairs = row * max(len(both.dictionary), 1) + code
    first_true = np.unique(pairs[:split], return_index=True)[1]
    first = np.unique(pairs[split:], return_index=True)[1]
    first = first[rank[first] < k]
    listed = first + split
    return row[first_true], code[first_true], row[listed], code[listed], rank[first]


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


def precision(truth: Lists, items: Lists, k: int) -> Estimate:
    """Mean over rows of the share of the `k` places that hold a true item."""
    return mean_of(hits(truth, items, k)[0].sum(axis=1) / k)


def hit_rate(truth: Lists, items: Lists, k: int) -> Estimate:
    """Share of rows with at least one true item among the first `k`."""
    return mean_of(np.asarray(hits(truth, items, k)[0].any(axis=1), np.float64))


def coverage(truth: Lists, items: Lists, k: int) -> Estimate:
    """Share of the items that anybody wanted which stand in anybody's first `k`.

    The influence of a row is what only that row covers: its variance is the jackknife's.
    """
    _, wanted, row, item, _ = _pairs(truth, items, k)
    wanted = np.unique(wanted)
    useful = np.isin(item, wanted)
    listed, times = np.unique(item[useful], return_counts=True)
    alone = np.isin(item, listed[times == 1])
    # Of a resample nothing may be wanted: then nothing is covered either.
    n, n_wanted = len(truth), max(wanted.size, 1)
    unique = np.bincount(row[alone], minlength=n) / n_wanted
    return Estimate(listed.size / n_wanted, unique - total(unique) / n)


def diversity(truth: Lists, items: Lists, k: int) -> Estimate:
    """Mean share of the `k` places that differ between the lists of two rows; 0 when all agree.

    Zhou et al. (2010), personalisation h(l). A mean over pairs of rows, so a row's influence is
    twice that of a mean over rows (Hoeffding 1948).
    """
    _, _, row, item, _ = _pairs(truth, items, k)
    n = len(truth)
    others = np.bincount(item)[item] - 1
    shared = np.bincount(row, others, n) / (k * (n - 1))
    mean = mean_of(1 - shared)
    assert mean.influence is not None
    return Estimate(mean.value, 2 * mean.influence)
