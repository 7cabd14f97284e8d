"""The report's figures as inline SVG whose colours are CSS variables of the page."""

import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from .holdout import Holdout
from .metrics import hits

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Drawn in these, then replaced by CSS variables, so that one figure serves light and dark pages.
COLOURS = {
    "ink": "#101112",
    "line": "#a1a2a3",
    "good": "#10b011",
    "candidate": "#1010f1",
    "incumbent": "#f11010",
    "oracle": "#b010b1",
}
DEPTH = 10


def effect_figure(primary: dict[str, Any]) -> str:
    """Draw the gain and its interval against zero and the smallest useful gain."""
    axes = _axes(1.35)
    bounds = [primary["lower"], primary["upper"], primary["min_effect"], 0.0]
    pad = (max(bounds) - min(bounds)) * 0.12 or 1e-3
    axes.set_xlim(min(bounds) - pad, max(bounds) + pad)
    axes.axvspan(primary["min_effect"], max(bounds) + pad, color=COLOURS["good"], alpha=0.13, lw=0)
    axes.axvline(0, color=COLOURS["ink"], lw=1)
    if primary["min_effect"] > 0:
        axes.axvline(primary["min_effect"], color=COLOURS["good"], lw=1, ls="--")
    interval, colour = (primary["lower"], primary["upper"]), COLOURS["candidate"]
    axes.plot(interval, (0, 0), color=colour, lw=4, solid_capstyle="round")
    axes.plot(primary["estimate"], 0, "o", color=colour, ms=11)
    axes.set_ylim(-1, 1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("← candidate worse   |   candidate better →")
    return _svg(axes, "effect")


def values_figure(values: dict[str, float], labels: dict[str, str], digits: int) -> str:
    """Draw the metric of each system; `values` and `labels` are by role."""
    axes = _axes(0.75 + 0.3 * len(values))
    low, high = min(values.values()), max(values.values())
    pad = (high - low) * 0.2 or max(abs(high), 1.0) * 0.05
    axes.set_xlim(low - pad, high + pad)
    for row, (role, value) in enumerate(values.items()):
        axes.axhline(row, color=COLOURS["line"], lw=0.8, ls=":")
        axes.plot(value, row, "o", color=COLOURS[role], ms=10)
        style = {"textcoords": "offset points", "ha": "center", "color": COLOURS["ink"]}
        axes.annotate(f"{value:.{digits}f}", (value, row), (0, 8), **style)
    axes.set_yticks(range(len(values)), [labels[role] for role in values])
    axes.set_ylim(len(values) - 0.5, -0.8)
    axes.spines["left"].set_visible(False)
    return _svg(axes, "values")


def diagnostic_figure(holdout: Holdout, labels: dict[str, str]) -> tuple[str, str]:
    """Draw what the metric cannot show, by task; returns the SVG and its one-line caption."""
    draw, caption = {
        "score": (_gain, "Share of the positives reached when the best-scored rows come first."),
        "prediction": (_calibration, "Tenths of the rows; a perfect system lies on the dashes."),
        "items": (_hits_by_rank, "Share of rows whose item at this rank is true."),
    }[holdout.metric.column]
    axes = _axes(3.4)
    for role in ("candidate", "incumbent"):
        draw(axes, holdout, role, labels[role])
    if holdout.metric.column == "items":
        axes.set_ylim(bottom=0)
    else:
        axes.axline((0, 0), slope=1, color=COLOURS["line"], lw=1, ls="--", zorder=0)
    axes.legend(frameon=False, labelcolor=COLOURS["ink"])
    return _svg(axes, "diagnostic"), caption


def _gain(axes: "Axes", holdout: Holdout, role: str, label: str) -> None:
    score, tie = np.unique(-holdout.predictions[role], return_inverse=True)
    rows = np.concatenate(([0], np.cumsum(np.bincount(tie, minlength=score.size))))
    found = np.concatenate(([0], np.cumsum(np.bincount(tie, weights=holdout.truth))))
    # Rows of one score are in no order among themselves: the curve is straight across them.
    shares = np.linspace(0, 1, 101)
    curve = np.interp(shares, rows / rows[-1], found / found[-1])
    axes.plot(100 * shares, 100 * curve, color=COLOURS[role], lw=2, label=label)
    axes.set_xlabel("% of rows, best score first")
    axes.set_ylabel("% of positives reached")


def _calibration(axes: "Axes", holdout: Holdout, role: str, label: str) -> None:
    value, tie, count = np.unique(
        holdout.predictions[role], return_inverse=True, return_counts=True
    )
    # Equal predictions share a part: a constant system is one point.
    part = ((np.cumsum(count) - count / 2) * 10 / tie.size).astype(int)[tie]
    size = np.bincount(part)
    filled = size > 0
    predicted = np.bincount(part, weights=value[tie])[filled] / size[filled]
    actual = np.bincount(part, weights=holdout.truth)[filled] / size[filled]
    axes.plot(predicted, actual, "o-", color=COLOURS[role], lw=1.5, ms=5, label=label)
    axes.set_xlabel("mean prediction")
    axes.set_ylabel("mean truth")


def _hits_by_rank(axes: "Axes", holdout: Holdout, role: str, label: str) -> None:
    hit, _ = hits(holdout.truth, holdout.predictions[role], DEPTH)
    ranks = np.arange(1, DEPTH + 1)
    axes.plot(ranks, 100 * hit.mean(axis=0), "o-", color=COLOURS[role], lw=1.5, ms=5, label=label)
    axes.set_xticks(ranks)
    axes.set_xlabel("rank in the list")
    axes.set_ylabel("% of rows with a hit")


def _axes(height: float) -> "Axes":
    # Figure alone: pyplot would choose a window system and keep every figure alive.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.4, height), layout="constrained")
    axes = figure.add_subplot()
    axes.tick_params(length=3)
    for spine in ("top", "right"):
        axes.spines[spine].set_visible(False)
    for part in (*axes.spines.values(), axes.xaxis.label, axes.yaxis.label):
        part.set_color(COLOURS["ink"])
    axes.tick_params(colors=COLOURS["ink"])
    return axes


def _svg(axes: "Axes", name: str) -> str:
    from matplotlib import rc_context

    stream, nothing = io.StringIO(), dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure = axes.get_figure(root=True)
        assert figure is not None
        figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    # Several figures share one page: their ids must not meet, and the page sets the width.
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r'^<svg ([^>]*?)width="[^"]*" height="[^"]*"', r"<svg \1", svg)
    for colour, code in COLOURS.items():
        svg = svg.replace(code, f"var(--{colour})")
    return svg
