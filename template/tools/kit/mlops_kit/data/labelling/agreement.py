"""How far people agree beyond chance: Krippendorff's alpha, and Cohen's kappa of two of them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import ndarray

DRAWS = 1000
_CHUNK = 4_000_000  # numbers that are drawn at once
Z = 1.959963984540054  # of 95 %


def alpha(
    counts: "ndarray", sizes: "ndarray", times: "ndarray", distances: "ndarray", seed: int
) -> tuple[float, float, float] | None:
    """Estimate Krippendorff's alpha with an interval of 95 %.

    alpha = 1 - D_o / D_e of Krippendorff 2019, Content Analysis, 4th edition, chapter 12; the
    interval is that of a bootstrap over items, in which distances stay as they are.

    Parameters
    ----------
    counts : ndarray of shape (patterns, q)
        What an item's labels add up to: how often it has each of q labels, or for numbers how many
        there are, their sum and their sum of squares. Each has two labels or more.
    sizes : ndarray of shape (patterns,)
        Labels of such an item.
    times : ndarray of shape (patterns,)
        Items of each pattern.
    distances : ndarray of shape (q, q)
        `counts @ distances @ counts` is the sum of distances of all pairs of an item's labels.
    seed : int
        Of the bootstrap.

    Returns
    -------
    tuple of float, or None
        Estimate, lower and upper bound; None where labels do not differ at all, so that nothing
        can be said beyond chance.
    """
    import numpy as np

    within = np.einsum("pq,qr,pr->p", counts, distances, counts) / (sizes - 1)
    (estimate,) = _alpha_of(times[None, :].astype(float), counts, sizes, within, distances)
    if np.isnan(estimate):
        return None
    random = np.random.default_rng(seed)
    items = int(times.sum())
    step = max(1, _CHUNK // times.size)
    drawn = []
    for start in range(0, DRAWS, step):
        weights = random.multinomial(items, times / items, size=min(step, DRAWS - start))
        drawn.append(_alpha_of(weights.astype(float), counts, sizes, within, distances))
    # A draw in which all labels are alike shows no disagreement.
    found = np.nan_to_num(np.concatenate(drawn), nan=1.0)
    lower, upper = np.quantile(found, [0.025, 0.975])
    return float(estimate), float(lower), float(upper)


def _alpha_of(
    weights: "ndarray", counts: "ndarray", sizes: "ndarray", within: "ndarray",
    distances: "ndarray",
) -> "ndarray":  # fmt: skip
    """Return alpha of each row of weights; nan where all labels are alike."""
    import numpy as np

    labels = weights @ sizes
    total = weights @ counts
    between = np.einsum("dq,qr,dr->d", total, distances, total) / (labels - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(between > 1e-12 * labels, 1 - weights @ within / between, np.nan)


def of_names(q: int) -> "ndarray":
    """Return distances of labels that are the same or not: 0 or 1."""
    import numpy as np

    return 1.0 - np.eye(q)


def of_order(total: "ndarray") -> "ndarray":
    """Return distances of labels in an order, from how often each was given (q numbers)."""
    import numpy as np

    ends = np.cumsum(total)
    middles = ends - total / 2
    return (middles[:, None] - middles[None, :]) ** 2


def of_numbers() -> "ndarray":
    """Return what makes a sum of squared differences of (how many, sum, sum of squares)."""
    import numpy as np

    return np.array([[0.0, 0.0, 1.0], [0.0, -2.0, 0.0], [1.0, 0.0, 0.0]])


def kappa(table: "ndarray", weights: "ndarray") -> tuple[float, float, float] | None:
    """Estimate Cohen's kappa of two people with an interval of 95 %.

    The standard error for large samples is that of Fleiss, Cohen and Everitt 1969.

    Parameters
    ----------
    table : ndarray of shape (q, q)
        Items by the label of the one and that of the other.
    weights : ndarray of shape (q, q)
        How far each two labels agree: 1 on the diagonal; 0 beside it where labels have no order.

    Returns
    -------
    tuple of float, or None
        Estimate, lower and upper bound; None where both give one label alone.
    """
    import numpy as np

    rows = table.sum()
    share = table / rows
    first, second = share.sum(1), share.sum(0)
    seen, chance = (share * weights).sum(), first @ weights @ second
    if 1 - chance < 1e-12:
        return None
    found = (seen - chance) / (1 - chance)
    marginal = (weights @ second)[:, None] + (first @ weights)[None, :]
    spread = (share * (weights - marginal * (1 - found)) ** 2).sum()
    spread -= (found - chance * (1 - found)) ** 2
    error = np.sqrt(max(spread, 0.0) / rows) / (1 - chance)
    return float(found), float(max(found - Z * error, -1.0)), float(min(found + Z * error, 1.0))
