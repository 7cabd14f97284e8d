"""Where a model of numbers errs: what is left of the truth, against what was predicted."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mlops_kit.compare.report.plots import COLOURS, INK, LINE, Figure, drawing, legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
# Cells across and up; those of fewer rows tell of single rows and are left out.
CELLS = (24, 16)
FEWEST = 5
PARTS = 12


def residuals_figure(truth: Floats, prediction: Floats) -> list[Figure]:
    """Draw truth less prediction against the prediction, as counts, with its middle and spread.

    Parameters
    ----------
    truth, prediction : array, shape (n,)

    Returns
    -------
    list of Figure
        Empty where all predictions are alike, or the rows too few for parts of `FEWEST`.
    """
    left = truth - prediction
    across, up = (_middle(values) for values in (prediction, left))
    if across[0] == across[1] or up[0] == up[1] or truth.size < 4 * FEWEST:
        return []
    counts, x_edges, y_edges = np.histogram2d(prediction, left, CELLS, (across, up))
    counts[counts < FEWEST] = 0
    parts = _parts(prediction, left)

    def paint(axes: "Axes") -> None:
        darkest = max(float(counts.max()), FEWEST)
        width, height = x_edges[1] - x_edges[0], y_edges[1] - y_edges[0]
        for (column, row), number in np.ndenumerate(counts):
            if number:
                place = (x_edges[column], y_edges[row])
                square = ([(place[0], width)], (place[1], height))
                shade = 0.12 + 0.58 * np.log(number / FEWEST + 1) / np.log(darkest / FEWEST + 1)
                axes.broken_barh(*square, color=COLOURS["candidate"], alpha=float(shade), lw=0)
        axes.axhline(0, color=LINE, lw=1, ls="--")
        at, low, middle, high = parts.T
        axes.plot(at, middle, "o-", color=INK, lw=1.5, ms=3.5, label="the median row")
        axes.plot(at, low, color=INK, lw=0.9, ls=":", label="8 of 10 rows")
        axes.plot(at, high, color=INK, lw=0.9, ls=":")
        axes.set_xlim(*across)
        axes.set_ylim(*up)
        axes.locator_params(nbins=6)
        axes.set_xlabel("prediction")
        axes.set_ylabel("true value − prediction")
        legend(axes, "best")

    svg = drawing("residuals", "What is left of the truth, by prediction", 2.9, paint)
    caption = (
        "Above the dashes the candidate predicts too little, below too much. The stronger a "
        f"cell's colour, the more rows; cells of fewer than {FEWEST}, and the outermost rows, are "
        "not drawn. The median row lies off the dashes where the candidate is biased, or outcomes "
        "are skewed."
    )
    return [Figure("Where the candidate errs", svg, caption)]


def _middle(values: Floats) -> tuple[float, float]:
    """Return the range that holds 99 of 100 values."""
    low, high = np.quantile(values, (0.005, 0.995))
    return float(low), float(high)


def _parts(prediction: Floats, left: Floats) -> Floats:
    """Return for each part of the rows, by prediction: its mean, and the 10, 50, 90 % of `left`."""
    number = int(np.clip(prediction.size // (4 * FEWEST), 1, PARTS))
    value, tie, count = np.unique(prediction, return_inverse=True, return_counts=True)
    # Equal predictions share a part.
    part = ((np.cumsum(count) - count / 2) * number / tie.size).astype(int)[tie]
    rows = (np.flatnonzero(part == each) for each in np.unique(part))
    return np.array(
        [
            [prediction[some].mean(), *np.quantile(left[some], (0.1, 0.5, 0.9))]
            for some in rows
            if some.size >= 4 * FEWEST or number == 1
        ]
    )
