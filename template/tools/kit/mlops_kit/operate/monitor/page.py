"""The page drift.html: what was seen, since when, why perhaps, and what to do; with figures."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops_kit.compare.report.page import template_in
from mlops_kit.compare.report.plots import BAD, COLOURS, LINE, Figure, drawing
from mlops_kit.core.words import counted
from mlops_kit.operate.monitor.judging.drift import look_closer
from mlops_kit.train.checks.reference import ANSWER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mlops_kit.operate.monitor.monitor import Look

WORDS = {"quiet": "Quiet", "alarm": "Alarm", "too little": "Too little to say"}
CLASSES = {"quiet": "promote", "alarm": "reject", "too little": "inconclusive"}
NAMES = {
    "answers": "the answers", "outcome": "the outcomes", "few": "too few rows",
    "many": "too many rows", "silent": "no rows", "worse": "performance",
    "calibration": "calibration",
}  # fmt: skip
NEXT = {
    "quiet": "Nothing. Look again when new rows are scored.",
    "too little": "Score more rows, or look again later.",
}
DRAWN = 4  # columns
PAST = 90  # days
MOST_WEEKS = 26  # of a window that is proposed
SHORT = 14  # letters of a level
NOW, BEFORE = COLOURS["candidate"], COLOURS["trivial"]


def html_page(result: dict[str, Any], look: "Look") -> str:
    """Write drift.html, which asks nothing of the network."""
    verdict, alarms = result["verdict"], result["alarms"]
    words = [word for word in ("opened", "cleared") if result[word]]
    changed = [f"{word}: {', '.join(result[word])}." for word in words]
    return template_in(Path(__file__).parent).render(
        word=WORDS[verdict],
        colour=CLASSES[verdict],
        project=result["project"],
        business_metric=" ".join(result["business_metric"].split()),
        seen=seen(result),
        looked=(
            f"{counted(result['rows'], 'row')} of the {counted(result['window_days'], 'day')} "
            f"until {result['as_of']}, scored with {result['model']['name']}"
            + (f" version {result['model']['version']}." if result["model"]["version"] else ".")
        ),
        changed=" ".join(changed),
        next=NEXT.get(verdict) or alarms[0]["do"],
        alarms=[one | {"name": NAMES.get(one["check"], one["check"])} for one in alarms],
        figures=_figures(result, look),
        columns=[_row(one) for one in result["columns"]],
        looks=_looks(result["looks"]),
        notes=result["notes"],
    )


def seen(result: dict[str, Any]) -> str:
    """Say in a sentence or two what was seen."""
    alarms = result["alarms"]
    if alarms:
        more = f" And {len(alarms) - 1} more, below." if len(alarms) > 1 else ""
        return f"{alarms[0]['sentence']}{more}"
    if result["verdict"] == "quiet":
        return (
            f"Nothing beyond the limits in {counted(len(result['columns']), 'column')} and answers."
        )
    rows, least, days = (result[key] for key in ("rows", "least", "window_days"))
    told = f"{counted(rows, 'row')} in the {counted(days, 'day')} until {result['as_of']}"
    if rows >= least:
        return (
            f"{told}, and nothing to set them against: training and the weeks before have fewer "
            f"than {least:,} rows each (min_rows of conf/monitor.yaml)."
        )
    told += f", and {least:,} are the fewest that are judged (min_rows of conf/monitor.yaml)"
    weeks = -(-least * days // max(7 * rows, 1))
    if not rows or weeks > MOST_WEEKS:
        return f"{told}."
    return f"{told}: window_days of about {7 * weeks:,} would hold as many."


def _looks(looks: list[dict[str, Any]]) -> list[list[str]]:
    found = [["as of", "version", "verdict", "new", "cleared"]]
    for one in looks[:-11:-1]:
        news = (", ".join(one[word]) for word in ("opened", "cleared"))
        found.append([one["as_of"], one["version"], one["verdict"], *news])
    return found


def _row(one: dict[str, Any]) -> dict[str, Any]:
    def told(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    return {
        "column": "the answers" if one["column"] == ANSWER else one["column"],
        "index": told(one["index"], ".3f"),
        "limit": f"{one['limit']:g}",
        "ks": told(one["ks"], ".3f"),
        "wasserstein": told(one["wasserstein"], ".2f"),
        "missing": told(one["missing"], ".1%"),
        "over": one["index"] is not None and one["index"] >= one["limit"],
    }


def _figures(result: dict[str, Any], look: "Look") -> list[Figure]:
    found = [_volume(look)]
    if look.judged.windows:
        found.append(_performance(result, look))
    drawn = [one for one in result["columns"] if one["index"] is not None][:DRAWN]
    for place, one in enumerate(drawn):
        found.append(_course(one, look, place))
        shape = _shape(one, look, place)
        if shape is not None:
            found.append(shape)
    return found


def _volume(look: "Look") -> Figure:
    start = max(look.at - PAST, 0)
    rows = look.days.rows[start : look.at + 1]

    def paint(axes: "Axes") -> None:
        axes.bar(np.arange(rows.size), rows, width=1.0, color=NOW)
        _dates(axes, look, start)
        axes.set_ylabel("rows")

    svg = drawing("volume", "Rows by day", 2.2, paint)
    return Figure("Rows by day", svg, "How many rows were scored, by the day that they are of.")


def _performance(result: dict[str, Any], look: "Look") -> Figure:
    windows = look.judged.windows
    days = [int((np.datetime64(one["day"]) - look.days.first).astype(int)) for one in windows]
    start = min(days)
    at = np.array(days) - start
    bounds = ("value", "lower", "upper")
    value, low, high = (np.array([one[key] for one in windows], float) for key in bounds)
    worse = next((one for one in look.series if one.check == "worse"), None)
    metric = worse.details["metric"] if worse else "the metric"

    def paint(axes: "Axes") -> None:
        axes.errorbar(at, value, yerr=[value - low, high - value], fmt="o", ms=3, color=NOW, lw=1)
        if worse:
            axes.axhline(worse.details["before"], color=LINE, lw=1)
            axes.axhline(worse.limit, color=BAD, lw=1, ls=":")
        _dates(axes, look, start, max(days))
        axes.set_ylabel(metric)

    svg = drawing("performance", f"{metric} by window", 2.6, paint)
    caption = "With its interval; grey is what it was when it was judged, red the limit."
    return Figure(f"{metric} of rows whose outcome is known", svg, caption)


def _course(one: dict[str, Any], look: "Look", place: int) -> Figure:
    name = one["column"]
    series = next(
        each for each in look.series
        if each.check in ("drift", "answers") and (each.column or ANSWER) == name
    )  # fmt: skip
    start = max(look.at - PAST, 0)
    value = series.value[start : look.at + 1]
    shown = "the answers" if name == ANSWER else name

    def paint(axes: "Axes") -> None:
        there = np.flatnonzero(np.isfinite(value))
        axes.plot(there, value[there], color=NOW, lw=1.5, marker="o", ms=2.5)
        axes.axhline(series.limit, color=BAD, lw=1, ls=":")
        # Where no rows came for so long, there is nothing to draw.
        axes.set_ylim(0, max(float(value[there].max(initial=0)), series.limit) * 1.15)
        _dates(axes, look, start)
        axes.set_ylabel("index")

    svg = drawing(f"course{place}", f"Drift of {_plain(shown)} by day", 2.2, paint)
    return Figure(f"{shown}, by day", svg, "Of the window that ends on each day; red is the limit.")


def _shape(one: dict[str, Any], look: "Look", place: int) -> Figure | None:
    name = one["column"]
    series = next(
        each for each in look.series
        if each.check in ("drift", "answers") and (each.column or ANSWER) == name
    )  # fmt: skip
    last = int(np.flatnonzero(np.isfinite(series.value[: look.at + 1]))[-1])
    closer = look_closer(name, look.days, look.learned, look.config, last, one["against"])
    now, before = np.array(closer["now"]), np.array(closer["before"])
    kept = (now > 0) | (before > 0)
    labels = [label for label, keep in zip(closer["labels"], kept, strict=True) if keep]
    if not kept.any():
        return None
    now, before = now[kept], before[kept]
    shown = "the answers" if name == ANSWER else name

    def paint(axes: "Axes") -> None:
        at = np.arange(now.size)
        axes.bar(at - 0.2, before, width=0.4, color=BEFORE)
        axes.bar(at + 0.2, now, width=0.4, color=NOW)
        step = max(1, -(-now.size // 8))
        named = [_short(label) for label in labels[::step]]
        axes.set_xticks(at[::step], named, rotation=40, ha="right")
        axes.set_ylabel("share of rows")

    svg = drawing(f"shape{place}", f"Distribution of {_plain(shown)}", 2.6, paint)
    past = {"recent": "the weeks before", "season": "the same season", "learned": "training"}
    caption = f"Blue is this window, grey {past.get(one['against'], 'what was usual')}."
    return Figure(f"{shown}, now and before", svg, caption)


def _short(label: str) -> str:
    return label if len(label) <= SHORT else f"{label[: SHORT - 1]}…"


def _plain(text: str) -> str:
    return "".join(each for each in text if each not in '<>&"')


def _dates(axes: "Axes", look: "Look", start: int, end: int | None = None) -> None:
    last = look.at if end is None else end
    places = np.unique(np.linspace(0, max(last - start, 1), 4).astype(int))
    axes.set_xticks(places, [str(look.days.first + int(start + place))[5:] for place in places])
