"""The lines of what each way has cost after so many months, as SVG."""

import io
from typing import Any

# Okabe and Ito (2008): told apart by eyes that see colours differently; the dashes, without any.
STYLES = {
    "buy": ("#0072b2", "-"),
    "rent": ("#d55e00", "--"),
    "managed": ("#009e73", "-."),
    "finished": ("#cc79a7", ":"),
}


def cumulative(told: dict[str, Any], labels: dict[str, str], axes: tuple[str, str]) -> str:
    """Draw costs over months, with a mark where buying begins to be cheaper.

    Parameters
    ----------
    told : dict
        As `reckon` returns it.
    labels : dict
        What the ways are called.
    axes : tuple of str
        Words at the two axes.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    months = round(12 * told["years"])
    with mpl.rc_context({"svg.hashsalt": "costs", "svg.fonttype": "path", "font.size": 10}):
        figure = Figure(figsize=(7, 3.6), layout="constrained")
        plot = figure.subplots()
        for name, way in told["ways"].items():
            colour, dashes = STYLES[name]
            ends = [way["upfront"], way["upfront"] + months * way["monthly"]]
            plot.plot([0, months], ends, color=colour, linestyle=dashes, label=labels[name])
        for name, point in told["break_even"].items():
            if point["month"] is not None and point["month"] <= months:
                cost = point["month"] * told["ways"][name]["monthly"]
                plot.plot(point["month"], cost, "o", color="#222222")
                plot.annotate(
                    f"{point['month']:.0f}",
                    (point["month"], cost),
                    textcoords="offset points",
                    xytext=(5, -12),
                )
        plot.set(xlabel=axes[0], ylabel=axes[1], xlim=(0, months), ylim=(0, None))
        plot.spines[["top", "right"]].set_visible(False)
        plot.legend(frameon=False)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    lines = (line.rstrip() for line in stream.getvalue().splitlines())
    return "\n".join(lines) + "\n"
