"""The figures of the predictions: what a single number cannot show, old system against new."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.compare.metrics.classification import labels_of
from mlops_kit.compare.metrics.registry import hits
from mlops_kit.compare.report.plots import (
    COLOURS,
    GOOD,
    INK,
    LINE,
    Figure,
    clip,
    drawing,
    legend,
    write,
)
from mlops_kit.compare.report.residuals import residuals_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAIR = ("candidate", "incumbent")
PARTS = 5
MOST_CLASSES = 8
DEPTH = 10
Floats = NDArray[np.float64]


def figures(
    holdout: Holdout,
    labels: dict[str, str],
    threshold: float | None,
) -> list[Figure]:
    """Draw what the data allow, by the kind of prediction; `labels` are by role.

    Parameters
    ----------
    threshold : float or None
        The score from which a row counts as positive, marked where it is set.
    """
    pair = [holdout.predictions[role] for role in PAIR]
    if holdout.metric.column == "items":
        return [_hits_by_rank(holdout, labels)]
    if any(values.ndim > 1 or values.dtype.kind != "f" for values in pair):
        return _flips([labels_of(values) for values in pair], labels, holdout.classes)
    found = []
    if holdout.metric.column == "prediction":
        found = [_tolerance(holdout, labels), _calibration(holdout, labels, "true value")]
        found += residuals_figure(holdout.truth, holdout.predictions["candidate"])
    else:
        found = [_reached(holdout, labels)]
        if all(values.min() >= 0 and values.max() <= 1 for values in pair):
            found.append(_benefit(holdout, labels, threshold))
            found.append(_calibration(holdout, labels, "share of positives"))
    parts = [_fifths(values) for values in pair]
    names = [_means(*each) for each in zip(parts, pair, strict=True)]
    caption = (
        "Rows per thousand, by parts of each system's predictions, low to high: "
        "off the rising diagonal they are treated differently than before."
    )
    return [*found, *_migration(parts, names, "{}, mean of the part", labels, caption)]


def _reached(holdout: Holdout, labels: dict[str, str]) -> Figure:
    def paint(axes: "Axes") -> None:
        shares = np.linspace(0, 1, 101)
        for role in PAIR:
            score, tie = np.unique(-holdout.predictions[role], return_inverse=True)
            rows = np.concatenate(([0], np.cumsum(np.bincount(tie, minlength=score.size))))
            found = np.concatenate(([0], np.cumsum(np.bincount(tie, weights=holdout.truth))))
            # Rows of one score are in no order among themselves: the curve is straight there.
            curve = np.interp(shares, rows / rows[-1], found / found[-1])
            axes.plot(100 * shares, 100 * curve, color=COLOURS[role], lw=2, label=labels[role])
        _diagonal(axes)
        _explain(axes, "% of rows, best score first", "% of positives reached", "lower right")

    svg = drawing("reached", "Share of the positives reached", 2.9, paint)
    caption = "Share of the positives reached when the best-scored rows come first."
    return Figure("Who is reached", svg, caption)


def net_benefit(truth: Floats, score: Floats, thresholds: Floats) -> Floats:
    """Count true positives less false ones, weighed by the threshold's odds, per row.

    Vickers and Elkin (2006), equation 1.

    Parameters
    ----------
    truth, score : array, shape (n,)
        0 or 1, and the probability of 1.
    thresholds : array, shape (m,)
        Between 0 and 1; rows at or above one are acted on.
    """
    order = np.argsort(score)
    first = np.searchsorted(score[order], thresholds, "left")
    positives = np.concatenate((np.cumsum(truth[order][::-1])[::-1], [0.0]))[first]
    odds = thresholds / (1 - thresholds)
    return (positives - (truth.size - first - positives) * odds) / truth.size


def _benefit(holdout: Holdout, labels: dict[str, str], threshold: float | None) -> Figure:
    truth, grid = holdout.truth, np.linspace(0.01, 0.99, 99)
    base = float(truth.mean())
    act_on_all = 1000 * net_benefit(truth, np.ones(truth.size), grid)

    def paint(axes: "Axes") -> None:
        curves = {role: 1000 * net_benefit(truth, holdout.predictions[role], grid) for role in PAIR}
        top = 1000 * base
        axes.plot(100 * grid, act_on_all, color=LINE, lw=1.2, ls="--", label="act on everybody")
        for role, curve in curves.items():
            axes.plot(100 * grid, curve, color=COLOURS[role], lw=2, label=labels[role])
        axes.axhline(0, color=INK, lw=0.8)
        useful = grid[np.maximum(*curves.values()) > 0.01 * top]
        last = min(99.0, 100 * float(useful.max(initial=base)) + 5)
        if threshold is not None and 0 < threshold < 1:
            axes.axvline(100 * threshold, color=GOOD, lw=1.2, ls="--", label="threshold in use")
            last = max(last, min(99.0, 100 * threshold + 5))
        axes.set_xlim(0, last)
        axes.set_ylim(-0.15 * top, 1.08 * top)
        _explain(axes, "% probability from which one acts", "gain per 1,000, in positives", "best")

    svg = drawing("benefit", "Net benefit by threshold", 2.9, paint)
    caption = (
        "Positives acted on, less the needless actions, each weighed as the threshold implies: "
        "acting from 20 % means that one positive is worth four needless actions."
    )
    return Figure("Gain by threshold", svg, caption)


def _calibration(holdout: Holdout, labels: dict[str, str], actual_name: str) -> Figure:
    def paint(axes: "Axes") -> None:
        for role in PAIR:
            value, tie, count = np.unique(
                holdout.predictions[role], return_inverse=True, return_counts=True
            )
            # Equal predictions share a part: a constant system is one point.
            part = ((np.cumsum(count) - count / 2) * 10 / tie.size).astype(int)[tie]
            size = np.bincount(part)
            filled = size > 0
            predicted = np.bincount(part, weights=value[tie])[filled] / size[filled]
            actual = np.bincount(part, weights=holdout.truth)[filled] / size[filled]
            axes.plot(
                predicted, actual, "o-", color=COLOURS[role], lw=1.5, ms=4.5, label=labels[role]
            )
        _diagonal(axes)
        axes.locator_params(nbins=6)
        _explain(
            axes,
            "mean prediction",
            f"mean {actual_name}" if actual_name == "true value" else actual_name,
            "upper left",
        )

    svg = drawing("calibration", "Predictions against what happened", 2.9, paint)
    caption = "Tenths of the rows, old and new; a perfect system lies on the dashes."
    return Figure("Can the numbers be believed?", svg, caption)


def _tolerance(holdout: Holdout, labels: dict[str, str]) -> Figure:
    """Bi and Bennett (2003), regression error characteristic curves."""
    errors = {role: np.abs(holdout.predictions[role] - holdout.truth) for role in PAIR}
    last = max(float(np.quantile(error, 0.95)) for error in errors.values())

    def paint(axes: "Axes") -> None:
        grid = np.linspace(0, last, 121)
        for role, error in errors.items():
            share = np.searchsorted(np.sort(error), grid, "right") / error.size
            axes.plot(grid, 100 * share, color=COLOURS[role], lw=2, label=labels[role])
        axes.set_ylim(0, 100)
        axes.set_xlim(0, last or 1.0)
        _explain(
            axes,
            "error that is tolerated, in the unit of the target",
            "% of rows within it",
            "lower right",
        )

    svg = drawing("tolerance", "Share of rows within each error", 2.9, paint)
    caption = "At the error that you tolerate, the higher curve is the better system."
    return Figure("How often it is close enough", svg, caption)


def _hits_by_rank(holdout: Holdout, labels: dict[str, str]) -> Figure:
    def paint(axes: "Axes") -> None:
        ranks = np.arange(1, DEPTH + 1)
        for role in PAIR:
            hit, _ = hits(holdout.truth, holdout.predictions[role], DEPTH)
            served = np.maximum.accumulate(hit, axis=1).mean(axis=0)
            axes.plot(
                ranks, 100 * served, "o-", color=COLOURS[role], lw=2, ms=5, label=labels[role]
            )
        axes.set_xticks(ranks)
        axes.set_ylim(bottom=0)
        _explain(axes, "items shown", "% of lists with a wanted item", "lower right")

    svg = drawing("ranks", "Lists with a wanted item by their length", 2.9, paint)
    caption = "Share of lists that hold at least one wanted item when so many are shown."
    return Figure("Gain by length of the list", svg, caption)


def _flips(
    pair: list[NDArray[np.int64]], labels: dict[str, str], classes: tuple[str, ...]
) -> list[Figure]:
    """Draw where rows move when the systems give classes, at most eight of them."""
    n_classes = int(max(codes.max() for codes in pair)) + 1
    if n_classes > MOST_CLASSES:
        return []
    names = [clip(each, 12) for each in classes]
    caption = (
        "Rows per thousand, by the class that each system gives: off the rising diagonal they get "
        "another class than before."
    )
    return _migration(pair, [names, names], "class by the {}", labels, caption)


def _migration(
    pair: list[NDArray[np.int64]],
    names: list[list[str]],
    axis_name: str,
    labels: dict[str, str],
    caption: str,
) -> list[Figure]:
    """Where rows move: parts of the old values against parts of the new ones, and their names."""
    columns, rows = pair
    n_columns, n_rows = (int(parts.max()) + 1 for parts in pair)
    if min(n_rows, n_columns) < 2:
        return []
    counts = np.bincount(rows * n_columns + columns, minlength=n_rows * n_columns)
    per_thousand = counts.reshape(n_rows, n_columns) * 1000 / rows.size

    def paint(axes: "Axes") -> None:
        darkest = per_thousand.max()
        for (row, column), number in np.ndenumerate(per_thousand):
            square = ([(column - 0.48, 0.96)], (row - 0.47, 0.94))
            shade = 0.06 + 0.5 * number / darkest
            axes.broken_barh(*square, color=COLOURS["candidate"], alpha=shade, lw=0)
            style = {"ha": "center", "va": "center"}
            if number > 0:
                write(axes, f"{number:.0f}" if number >= 1 else "<1", (column, row), **style)
        for axis, count, said, who in (
            (axes.xaxis, n_columns, names[0], "candidate"),
            (axes.yaxis, n_rows, names[1], "incumbent"),
        ):
            axis.set_ticks(range(count), said[:count])
            axis.set_label_text(axis_name.format(labels[who]))
        axes.set_xlim(-0.5, n_columns - 0.5)
        axes.set_ylim(-0.5, n_rows - 0.5)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)

    svg = drawing("migration", "Old predictions against new ones", 2.7, paint)
    return [Figure("Who moves where", svg, caption)]


def _fifths(values: Floats) -> NDArray[np.int64]:
    """Code the part of each row: equal values stay together, so there may be fewer than five."""
    unique, tie, count = np.unique(values, return_inverse=True, return_counts=True)
    if unique.size <= PARTS:
        return tie
    part = ((np.cumsum(count) - count / 2) * PARTS / values.size).astype(np.int64)
    return np.unique(part, return_inverse=True)[1][tie]


def _means(parts: NDArray[np.int64], values: Floats) -> list[str]:
    means = np.bincount(parts, weights=values) / np.bincount(parts)
    return [f"{mean:.2g}" if abs(mean) < 10 else f"{mean:,.0f}" for mean in means]


def _explain(axes: "Axes", across: str, up: str, where: str) -> None:
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    legend(axes, where)


def _diagonal(axes: "Axes") -> None:
    axes.axline((0, 0), slope=1, color=LINE, lw=1, ls="--", zorder=0)
