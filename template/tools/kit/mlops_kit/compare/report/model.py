"""How the model came to be and what it looks at: sentences, a table and a figure."""

from typing import TYPE_CHECKING

from mlops_kit.compare.decision_schema import Decision
from mlops_kit.compare.explain.record import Weight
from mlops_kit.compare.report.classes import Titled
from mlops_kit.compare.report.plots import COLOURS, INK, Figure, clip, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEADING = "What the model looks at"
MOST_DRAWN = 12
MOST_LISTED = 6


def about_model(decision: Decision) -> list[str]:
    """Say how the setting was chosen, and how to read what the model looks at."""
    said = [decision["search"]["sentence"]] if "search" in decision else []
    return said + decision.get("importance", {}).get("sentences", [])


def weights_table(decision: Decision) -> Titled | None:
    """Tabulate the features that the model loses most without; None where none is known."""
    found = decision.get("importance", {})
    if not (weights := found.get("weights")):
        return None
    metric, level = found["metric"], 100 * (1 - 2 * found["alpha"])
    rows = [["feature", f"{metric} worse by", f"{level:.4g} % interval"]]
    rows += [
        [clip(each["feature"], 40), f"{each['estimate']:+.3g}", _interval(each)]
        for each in weights[:MOST_LISTED]
    ]
    return Titled(HEADING, rows, " ".join(found["sentences"]) + _left_out(weights, MOST_LISTED))


def weights_figures(decision: Decision) -> list[Figure]:
    """Draw what the metric loses without each feature; nothing where it is not known."""
    found = decision.get("importance", {})
    if not (weights := found.get("weights")):
        return []
    shown = weights[:MOST_DRAWN]
    metric = found["metric"]

    def paint(axes: "Axes") -> None:
        for row, each in enumerate(shown):
            axes.barh(row, each["estimate"], 0.62, color=COLOURS["candidate"], alpha=0.35, lw=0)
            interval = (each["lower"], each["upper"])
            axes.plot(interval, (row, row), color=COLOURS["candidate"], lw=2.2)
        axes.axvline(0, color=INK, lw=1)
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_yticks(range(len(shown)), [clip(each["feature"], 24) for each in shown])
        axes.locator_params(axis="x", nbins=5)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(f"how much worse {metric} is without the feature")

    svg = drawing("weights", "Loss without each feature", 0.75 + 0.25 * len(shown), paint)
    caption = (
        "The longer the bar, the more the model leans on the feature; the line is its interval."
    )
    return [Figure(HEADING, svg, caption + _left_out(weights, MOST_DRAWN))]


def _interval(weight: Weight) -> str:
    return f"{weight['lower']:+.3g} to {weight['upper']:+.3g}"


def _left_out(weights: list[Weight], most: int) -> str:
    more = len(weights) - most
    if more <= 0:
        return ""
    return f" {more:,} more {'is' if more == 1 else 'are'} in decision.json."
