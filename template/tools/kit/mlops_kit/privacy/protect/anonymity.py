"""k-anonymity and l-diversity of a table, and how suppression or generalisation reaches them."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.core.words import counted

if TYPE_CHECKING:
    import polars

    from mlops_kit.privacy.policy.schema import Anonymity

ROWS = "rows of the class"
ROW = "row of the table"  # beside the columns of the team, whose names hold no such words
STEPS = 6  # from a value as it is to one that says nothing
SHOWN = 10


class Measured(NamedTuple):
    """Smallest class (k), fewest sensitive values in a class (l), and how many classes there are.

    Sources: Sweeney (2002) for k; Machanavajjhala et al. (2007), distinct l-diversity, for l.
    """

    k: int
    l: int  # noqa: E741  (l-diversity is what the field calls it)
    classes: int


def too_few(wanted: "Anonymity") -> str:
    """Say why a row is left out, or prevents that a table passes."""
    more = f", or {wanted.l} values of {', '.join(wanted.sensitive)}" if wanted.l > 1 else ""
    return f"fewer than {wanted.k} rows share {', '.join(wanted.quasi)}{more}"


class Reached(NamedTuple):
    """A table that keeps its promise, or the rows that prevent it.

    Attributes
    ----------
    frame : polars.LazyFrame
        The rows that stay, generalised.
    preventing : polars.DataFrame
        Position (counted from 1) of each row in a class that is too small or too much alike.
    levels : dict of str to int
        How often each quasi-identifier was generalised.
    """

    frame: "polars.LazyFrame"
    before: Measured
    after: Measured
    preventing: "polars.DataFrame"
    levels: dict[str, int]
    holds: bool


def classes_of(
    frame: "polars.LazyFrame", quasi: list[str], sensitive: list[str]
) -> "polars.DataFrame":
    """Group the rows that look alike: the quasi-identifiers, rows, and values of each sensitive.

    A missing value looks like a missing value.
    """
    import polars as pl

    counted = [pl.len().alias(ROWS), *(pl.col(name).n_unique() for name in sensitive)]
    return frame.group_by(quasi).agg(counted).collect(engine="streaming")


def changed(name: str, told: dict[str, Any]) -> Iterator[str]:
    """Say what k-anonymity took from a table: rows, or how exact its columns are."""
    reached = told.get("anonymity", {})
    if rows := reached.get("suppressed"):
        yield f"{name}: left out of {told['rows']:,}: {counted(rows, 'row')}, as {reached['why']}"
    if columns := reached.get("generalised"):
        yield f"{name}: made coarser, because too many rows would stand alone: {', '.join(columns)}"


def left_out(report: Path) -> dict[str, dict[str, int]]:
    """Return by table why rows did not reach the open zone, and how many, of the last run."""
    if not report.is_file():
        return {}
    tables = json.loads(report.read_text(encoding="utf-8"))["tables"]
    found = {name: one["anonymity"] for name, one in tables.items() if "anonymity" in one}
    return {
        name: {one["why"]: one["suppressed"]} for name, one in found.items() if one["suppressed"]
    }


def measure(frame: "polars.LazyFrame", quasi: list[str], sensitive: list[str]) -> Measured:
    """Measure a table; one without rows has k and l of zero."""
    return _measured(classes_of(frame, quasi, sensitive), sensitive)


def reach(frame: "polars.LazyFrame", wanted: "Anonymity") -> Reached:
    """Bring a table to k and l, by the method that the policy chose.

    `suppress` leaves out the rows that prevent it, at most a share of them. `generalise` first
    makes the quasi-identifier with most values coarser, step by step, until few enough rows are
    left to suppress (Datafly: Sweeney 1998).

    Parameters
    ----------
    frame : polars.LazyFrame
        With the column `ROW`, the position of each row.
    """
    quasi, sensitive = wanted.quasi, wanted.sensitive
    classes = classes_of(frame, quasi, sensitive)
    before = after = _measured(classes, sensitive)
    total = int(classes[ROWS].sum())
    allowed = 0 if wanted.method == "fail" else math.floor(wanted.max_suppressed * total)
    levels = dict.fromkeys(quasi, 0)
    changed = frame
    while wanted.method == "generalise" and _too_few(classes, wanted)[ROWS].sum() > allowed:
        open_ones = [name for name in quasi if levels[name] < STEPS]
        if not open_ones:
            break
        widest = max(open_ones, key=lambda name: classes[name].n_unique())
        levels[widest] += 1
        coarser = [coarse(frame, name, level) for name, level in levels.items() if level]
        changed = frame.with_columns(coarser)
        classes = classes_of(changed, quasi, sensitive)
    preventing = _too_few(classes, wanted).select(quasi)
    rows = (
        changed.join(preventing.lazy(), on=quasi, how="semi", nulls_equal=True)
        .select(ROW)
        .sort(ROW)
        .collect(engine="streaming")
    )
    holds = rows.height <= allowed and rows.height < total
    if holds:
        changed = changed.join(preventing.lazy(), on=quasi, how="anti", nulls_equal=True)
        after = _measured(
            classes.join(preventing, on=quasi, how="anti", nulls_equal=True), sensitive
        )
    return Reached(changed, before, after, rows, {n: v for n, v in levels.items() if v}, holds)


def coarse(frame: "polars.LazyFrame", name: str, level: int) -> "polars.Expr":
    """Make a column coarser: wider bands of numbers, longer periods, fewer letters."""
    import polars as pl

    column = pl.col(name)
    kind = frame.collect_schema()[name]
    stays_null = pl.when(column.is_not_null())
    nothing = stays_null.then(pl.lit("*")).alias(name)
    if level >= STEPS:
        return nothing
    if kind.is_numeric():
        low, high = frame.select(column.min(), column.max().alias("max")).collect().row(0)
        if low is None or low == high:
            return nothing
        width = _round_width((high - low) / 2 ** (STEPS - level), whole=kind.is_integer())
        lower = (column / width).floor() * width
        text = [
            part.round(9).cast(pl.Int64 if width >= 1 else pl.Float64).cast(pl.String)
            for part in (lower, lower + width)
        ]
        return stays_null.then(pl.format("[{}, {})", *text)).alias(name)
    if kind.is_temporal():
        period = ("1mo", "1q", "1y", "5y", "10y")[level - 1]
        return stays_null.then(
            column.dt.truncate(period).dt.strftime("%Y-%m") + f" + {period}"
        ).alias(name)
    longest = frame.select(column.cast(pl.String).str.len_chars().max()).collect().item() or 0
    letters = longest * (STEPS - level) // STEPS
    return stays_null.then(column.cast(pl.String).str.head(letters) + "*").alias(name)


def positions(rows: "polars.DataFrame") -> str:
    """Name the first positions in words."""
    shown = ", ".join(f"{row:,}" for row in rows[ROW].head(SHOWN))
    return f"{'row' if rows.height == 1 else 'rows'} {shown}" + (
        ", ..." if rows.height > SHOWN else ""
    )


def _measured(classes: "polars.DataFrame", sensitive: list[str]) -> Measured:
    if classes.is_empty():
        return Measured(0, 0, 0)
    fewest = min((int(classes[name].min()) for name in sensitive), default=1)  # type: ignore[arg-type]
    return Measured(int(classes[ROWS].min()), fewest, classes.height)  # type: ignore[arg-type]


def _too_few(classes: "polars.DataFrame", wanted: "Anonymity") -> "polars.DataFrame":
    import polars as pl

    alike = [pl.col(name) < wanted.l for name in wanted.sensitive]
    return classes.filter(pl.any_horizontal(pl.col(ROWS) < wanted.k, *alike))


def _round_width(width: float, whole: bool) -> float:
    """Round up to 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(width))
    rounded = next(step * power for step in (1, 2, 5, 10) if step * power >= width * 0.999999)
    return max(rounded, 2.0) if whole else rounded
