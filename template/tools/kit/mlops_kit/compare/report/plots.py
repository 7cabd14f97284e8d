"""The sheet that figures are drawn on, SVG in the page's colours, and those of the decision."""

import io
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from mlops_kit.compare.inference.needed import FAR
from mlops_kit.compare.report.language.say import Given, say, say_numbers, say_texts, say_ticks
from mlops_kit.compare.report.wording import are_by_a_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Drawn in these, then replaced by CSS variables, so that one figure serves light and dark pages.
INK, LINE, CARD = "#101112", "#a1a2a3", "#f1f2f3"
GOOD, BAD, OPEN = "#10b011", "#b01013", "#b0a014"
COLOURS = {
    "candidate": "#1010f1",
    "incumbent": "#f11010",
    "oracle": "#b010b1",
    "trivial": "#717273",
}
VARIABLES = COLOURS | {
    "ink": INK, "line": LINE, "card": CARD, "good": GOOD, "bad": BAD, "open": OPEN
}  # fmt: skip
STYLE = {"svg.fonttype": "none", "text.parse_math": False, "font.size": 9.0}
STYLE |= {"axes.formatter.limits": (-8, 10), "axes.formatter.useoffset": False}  # no "1e−5"
WIDTH = 4.0
MARKS = {"pass": (GOOD, "o"), "fail": (BAD, "X"), "inconclusive": (OPEN, "D")}
MOST_SLICES = 16
# A check that has figures.
Entry = Mapping[str, Any]


class Figure(NamedTuple):
    """A drawing with its heading and one line on how to read it."""

    heading: str
    svg: Markup
    caption: str


def drawing(name: str, title: str, height: float, paint: Callable[["Axes"], None]) -> Markup:
    """Draw on empty axes with `paint(axes)` and return an SVG that is as wide as its place.

    Parameters
    ----------
    name : str
        What the figure is called within the page; its ids begin with it.
    title : str
        What a screen reader says in its place.
    height : float
        In inches; the width is 4 inches.
    """
    # Figure alone: pyplot would choose a window system and keep every figure alive.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    stream, nothing = io.StringIO(), dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with rc_context(STYLE | {"svg.hashsalt": name}), warnings.catch_warnings():
        # The page's font draws the letters: that matplotlib's own lacks some is no matter.
        warnings.simplefilter("ignore", UserWarning)
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        axes = figure.add_subplot()
        for spine in ("top", "right"):
            axes.spines[spine].set_visible(False)
        for part in (*axes.spines.values(), axes.xaxis.label, axes.yaxis.label):
            part.set_color(INK)
        axes.tick_params(length=3, colors=INK)
        say_ticks(axes)
        paint(axes)
        say_texts(figure)
        figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
    svg = stream.getvalue()
    svg = re.sub(r"<[^>]+>", lambda tag: _for_page(tag[0], name), svg[svg.index("<svg") :])
    svg = re.sub(r"(?<=>)[^<>]+", lambda text: say_numbers(text[0]), svg)
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{say(title)}" ', 1))


def legend(axes: "Axes", where: str = "best") -> None:
    """Name the lines that have a label, on a ground that hides what runs behind."""
    style: dict[str, Any] = {
        "labelcolor": INK,
        "handlelength": 1.4,
        "facecolor": CARD,
        "edgecolor": "none",
        "framealpha": 1,
        "fancybox": False,
    }
    untyped: Any = axes  # matplotlib's own types know fewer arguments than its documents
    untyped.legend(loc=where, **style)


def write(
    axes: "Axes",
    text: str,
    at: tuple[float, float],
    offset: tuple[float, float] = (0, 0),
    **style: Any,
) -> None:
    """Write beside a point in data coordinates, offset by points."""
    options: dict[str, Any] = {"textcoords": "offset points", "color": INK} | style
    axes.annotate(text, at, offset, **options)


def clip(text: str, length: int) -> str:
    """Shorten a text of the configuration or of the data to `length`, after a word."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    cut = re.sub(r"[,;:]? \S{0,30}$", "", line[: length - 1]) + "…"
    return Given(line if len(line) <= length else cut)


def _for_page(tag: str, name: str) -> str:
    """Several figures share one page: their ids must not meet, and the page sets their width."""
    tag = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", tag)
    tag = re.sub(r'^<svg ([^>]*?)width="[^"]*" height="[^"]*"', r"<svg \1", tag)
    for variable, colour in VARIABLES.items():
        tag = tag.replace(colour, f"var(--{variable})")
    return tag


def effects_figure(entries: Sequence[Entry], digits: int) -> Markup:
    """Draw each effect and its interval against what it must exceed, every row on its own scale.

    Parameters
    ----------
    entries : list of dict
        The primary metric first, then guardrails: metric, estimate, lower, upper, verdict, and
        needed or margin.
    digits : int
        Decimals of the first.
    """
    alone = len(entries) == 1

    def paint(axes: "Axes") -> None:
        scales = [1.0 if alone else max(*map(abs, _span(each)), 1e-12) for each in entries]
        spans = [value / s for e, s in zip(entries, scales, strict=True) for value in _span(e)]
        low, high = min(spans), max(spans)
        pad = (high - low) * 0.1 or 1e-3
        for row, (each, scale) in enumerate(zip(entries, scales, strict=True)):
            needed = needed_of(each) / scale
            band = (row - 0.26, row + 0.26)
            axes.fill_between((needed, high + pad), *band, color=GOOD, alpha=0.16, lw=0)
            axes.vlines(needed, *band, color=GOOD, lw=1, ls="--")
            axes.vlines(0, *band, color=INK, lw=1)
            _bar(axes, each, row, scale)
            if not alone:
                style = f"+.{digits}f" if row == 0 else "+.3g"
                said = "{}   {}  ({} to {})".format(
                    clip(each["metric"] if row == 0 else each["name"], 22),
                    *(format(each[key], style) for key in ("estimate", "lower", "upper")),
                )
                write(axes, said, (low - pad, row - 0.28), va="bottom", offset=(0, 1))
        axes.set_xlim(low - pad, high + pad)
        axes.set_ylim(len(entries) - 0.6, -0.5 if alone else -0.8)
        axes.set_yticks([])
        axes.locator_params(axis="x", nbins=6)
        if not alone:
            axes.set_xticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("← candidate worse   |   candidate better →")

    height = 1.15 if alone else 0.4 + 0.56 * len(entries)
    return drawing("effects", "Effects with their intervals and margins", height, paint)


def slices_figure(entries: Sequence[Entry]) -> Markup:
    """Draw the effect in each slice that has one, the most harmed first; at most 16 of them.

    Slices by one number, such as a horizon, keep its order when all are shown.
    """

    def paint(axes: "Axes") -> None:
        bounds = [value for each in shown for value in _span(each)]
        low, high = min(bounds), max(bounds)
        pad = (high - low) * 0.08 or 1e-3
        axes.axvspan(needed_of(shown[0]), high + pad, color=GOOD, alpha=0.13, lw=0)
        axes.axvline(0, color=INK, lw=1, zorder=0)
        for row, each in enumerate(shown):
            _bar(axes, each, row, 1.0)
        axes.set_xlim(low - pad, high + pad)
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_yticks(range(len(shown)), [clip(each["name"], 24) for each in shown])
        axes.locator_params(axis="x", nbins=5)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("← worse | better →")

    measured = [each for each in entries if each["estimate"] is not None]
    shown = sorted(measured, key=lambda each: each["upper"])[:MOST_SLICES]
    if len(shown) == len(measured) and are_by_a_number(measured):
        shown = measured
    return drawing("slices", "Effect in each slice", 0.7 + 0.25 * len(shown), paint)


def values_figure(
    values: dict[str, float], labels: dict[str, str], digits: int, threshold: float | None = None
) -> Markup:
    """Draw the metric of each system; `values` and `labels` are by role."""

    def paint(axes: "Axes") -> None:
        marks = [*values.values(), *([] if threshold is None else [threshold])]
        low, high = min(marks), max(marks)
        pad = (high - low) * 0.2 or max(abs(high), 1.0) * 0.05
        axes.set_xlim(low - pad, high + pad)
        if threshold is not None:
            axes.axvline(threshold, color=GOOD, lw=1.2, ls="--")
            write(axes, f"of use: {threshold:g}", (threshold, -0.75), ha="center", va="bottom")
        for row, (role, value) in enumerate(values.items()):
            axes.axhline(row, color=LINE, lw=0.8, ls=":")
            axes.plot(value, row, "o", color=COLOURS[role], ms=9)
            ground = {"facecolor": CARD, "edgecolor": "none", "pad": 0.2}
            said = f"{value:,.{digits}f}"
            write(axes, said, (value, row), (0, 8), ha="center", bbox=ground)
        axes.set_yticks(range(len(values)), [say(labels[role]) for role in values])
        axes.set_ylim(len(values) - 0.5, -0.75)
        axes.locator_params(axis="x", nbins=5)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)

    return drawing("values", "The metric of each system", 0.75 + 0.32 * len(values), paint)


def latency_figure(
    latencies: dict[str, NDArray[np.float64]], labels: dict[str, str], budget: float | None
) -> Markup:
    """Draw the share of the answers that are ready within each time; times in milliseconds."""

    def paint(axes: "Axes") -> None:
        shares = np.linspace(0, 1, 201)
        for role, times in latencies.items():
            line: dict[str, Any] = {"color": COLOURS[role], "lw": 2, "label": labels[role]}
            axes.step(np.quantile(times, shares), 100 * shares, where="post", **line)
        if budget is not None:
            axes.axvline(budget, color=GOOD, lw=1.2, ls="--", label="budget of the 95 %")
        axes.axhline(95, color=LINE, lw=0.8, ls=":")
        every = np.concatenate(list(latencies.values()))
        if every.min() > 0 and every.max() > 30 * np.median(every):
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:,g}")
        else:
            axes.set_xlim(0, max(float(np.quantile(every, 0.995)), 1.1 * (budget or 0.0)))
        axes.set(xlabel="milliseconds", ylabel="% of the answers ready")
        legend(axes, "lower right")

    return drawing("latency", "Distribution of the latencies", 2.5, paint)


def power_figure(primary: Entry, power: float) -> Markup:
    """Draw the chance of a promotion for each true gain, with the rows of today and with more."""
    error, needed, now = primary["standard_error"], primary["needed"], primary["n_rows"]
    z, seen = float(ndtri(1 - primary["alpha"])), smallest_visible(primary, power)
    wanted = primary.get("rows_needed", 0) / now
    more = wanted if 1.2 < wanted <= FAR else 4.0

    def paint(axes: "Axes") -> None:
        gains = np.linspace(needed - 2 * error, needed + 5 * error, 121)
        for factor, style in ((1.0, "-"), (more, "--")):
            chance = ndtr((gains - needed) / error * math.sqrt(factor) - z)
            label = f"{factor * now:,.0f} rows" + (" (today)" if factor == 1 else "")
            axes.plot(gains, 100 * chance, style, color=COLOURS["candidate"], lw=2, label=label)
        axes.axhline(100 * power, color=LINE, lw=0.8, ls=":")
        axes.plot([seen, seen], [0, 100 * power], color=INK, lw=0.8, ls=":")
        axes.plot(seen, 100 * power, "o", color=INK, ms=5)
        axes.set_ylim(0, 104)
        axes.locator_params(axis="x", nbins=6)
        axes.set(xlabel="true gain", ylabel="% chance of a promotion")
        legend(axes, "upper left")

    return drawing("power", "Chance of a promotion by true gain", 2.9, paint)


def smallest_visible(primary: Entry, power: float) -> float:
    """Return the true gain that this holdout promotes with the chance `power`."""
    z = float(ndtri(1 - primary["alpha"]) + ndtri(power))
    return float(primary["needed"] + z * primary["standard_error"])


def needed_of(entry: Entry) -> float:
    """Return what the effect must exceed, in units of the metric."""
    return float(entry["needed"] if "needed" in entry else -entry["margin"])


def _span(entry: Entry) -> tuple[float, ...]:
    return (entry["lower"], entry["upper"], needed_of(entry), 0.0)


def _bar(axes: "Axes", entry: Entry, row: int, scale: float) -> None:
    colour, mark = MARKS[entry["verdict"]]
    interval = (entry["lower"] / scale, entry["upper"] / scale)
    axes.plot(interval, (row, row), color=colour, lw=3, solid_capstyle="round")
    axes.plot(entry["estimate"] / scale, row, mark, color=colour, ms=7)
