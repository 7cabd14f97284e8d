"""The sheet that every figure of the report is drawn on: inline SVG in the page's own colours."""

import io
import re
import warnings
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

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
WIDTH = 4.0


def drawing(name: str, title: str, height: float, paint: Callable[["Axes"], None]) -> str:
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
        paint(axes)
        figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
    svg = stream.getvalue()
    svg = re.sub(r"<[^>]+>", lambda tag: _for_page(tag[0], name), svg[svg.index("<svg") :])
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)


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
    """Shorten a text of the configuration or of the data to one line of at most `length`."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    line = " ".join(line.split())
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"


def _for_page(tag: str, name: str) -> str:
    """Several figures share one page: their ids must not meet, and the page sets their width."""
    tag = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", tag)
    tag = re.sub(r'^<svg ([^>]*?)width="[^"]*" height="[^"]*"', r"<svg \1", tag)
    for variable, colour in VARIABLES.items():
        tag = tag.replace(colour, f"var(--{variable})")
    return tag
