"""Texts as dates and times: year first, or in a usual order; where two fit, it is asked."""

from itertools import product
from typing import TYPE_CHECKING, Protocol

from mlops_kit.core.words import acting, counted
from mlops_kit.data.config import Column
from mlops_kit.data.values import times

if TYPE_CHECKING:
    import polars

DAYS = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%m.%d.%Y"),
    *("%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d"),
    *("%d.%m.%y", "%m.%d.%y", "%y.%m.%d", "%Y.%m.%d"),
    *("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%b %d %Y"),
)
CLOCKS = (" %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S", " %H:%M:%S%.f")
PACKED = "%Y%m%d"
LIKELY = r"^(\d{1,4}|[A-Za-z]{3,9})([-/. ]|, )(\d{1,2}|[A-Za-z]{3,9})(, |[-/. ])\d{1,4}([T ].*)?$"
TOO_EXACT = r":\d{2}[.,]\d{7}"
SAID = {
    "date": "days, year first",
    "timestamp": "times without an offset",
    "timestamptz": "moments with an offset",
}
SOME = 50  # values that are tried before all of them are
ENOUGH = 10  # distinct numbers of eight digits that are days: too many for chance
FAR = 0.01  # of the values may have a year that hardly is one


class Described(Protocol):
    """What is found out about a column."""

    name: str
    type: str
    distinct: int
    options: dict
    evidence: str
    questions: list[str]
    notes: list[str]


def look(seen: Described, there: "polars.Series") -> bool:
    """Find whether stripped texts, each distinct one once, are dates or times, and say so.

    Returns
    -------
    bool
        Whether they are.
    """
    first = there.head(SOME)
    if first.str.contains(LIKELY).all():
        if _year_first(seen, there) or _ordered(seen, there):
            return True
        if exact := int(there.str.contains(TOO_EXACT).sum()):
            seen.notes.append(
                f"{acting(exact, 'time', 'are')} more exact than a microsecond: all stay texts, "
                "which no time is read from; shorten them in the file"
            )
        return False
    if first.str.contains(r"^(1[789]|2[01])\d{6}$").all() and seen.distinct >= ENOUGH:
        return _in(seen, there, "date", PACKED, "days of eight digits")
    return False


def _year_first(seen: Described, there: "polars.Series") -> bool:
    first = there.head(SOME)
    if not first.str.contains(times.WRITTEN).all():
        return False
    usual = ("date", "timestamptz" if first.str.contains(times.HAS_OFFSET).all() else "timestamp")
    kind = usual[first.str.contains(":", literal=True).all()]
    if not times.iso(there, Column(type=kind)).null_count():
        return _in(seen, there, kind, None, SAID[kind])
    if not there.str.contains(times.WRITTEN).all():
        return False
    clock = there.str.contains(":", literal=True)
    if not clock.any():
        return _in(seen, there, "date", None, SAID["date"])
    zoned = there.str.contains(times.HAS_OFFSET)
    if zoned.all():
        return _in(seen, there, "timestamptz", None, SAID["timestamptz"])
    if not zoned.any():
        return _in(seen, there, "timestamp", None, SAID["timestamp"])
    seen.questions.append(
        f"{acting(int(zoned.sum()), 'time', 'have')} an offset, {int((~zoned).sum()):,} without: "
        f"no type takes both; `--set {seen.name}.type=datetime` takes the latter for UTC, "
        f"`--set {seen.name}.type=string` keeps the text"
    )
    seen.evidence = "times with and without an offset"
    return True


def _ordered(seen: Described, there: "polars.Series") -> bool:
    """Try the usual orders of day, month and year on all values."""
    clocks = CLOCKS if there.head(SOME).str.contains(":", literal=True).all() else ("",)
    made: dict[str, polars.Series] = {}
    for day, clock in product(DAYS, clocks):
        kind = "timestamp" if clock else "date"
        column = Column(type=kind, format=day + clock)
        if _read(there.head(SOME), column) is None:
            continue
        found = _read(there, column)
        if found is not None and not any(found.equals(one) for one in made.values()):
            made[day + clock] = found
    if not made:
        return False
    seen.type = "timestamp" if clocks != ("",) else "date"
    if len(made) > 1:
        ways = " or ".join(f"`--set '{seen.name}.format={one}'`" for one in made)
        seen.questions.append(f"all values have {len(made)} readings: {ways}")
        seen.evidence = "days, whose order nothing tells"
        seen.options["choices"] = list(made)
        return True
    ((form, values),) = made.items()
    seen.options["format"] = form
    seen.evidence = "the only order of day, month and year that reads all values"
    return _years(seen, values, form)


def _in(
    seen: Described, there: "polars.Series", kind: str, form: str | None, evidence: str
) -> bool:
    column = Column(type=kind, format=form)
    found = _read(there, column)
    if found is None:
        return False
    seen.type, seen.evidence = kind, evidence
    seen.options |= {"format": form} if form else {}
    return _years(seen, found, form or "")


def _read(there: "polars.Series", column: Column) -> "polars.Series | None":
    """Read all values, or None; an order in which years hardly are years is none."""
    found = times.iso(there, column) if column.format is None else times.read(there, column)
    if found.null_count():
        if column.format is not None:
            return None
        found = times.read(there, column)
        if found.null_count():
            return None
    far = int((~found.dt.year().is_between(column.years[0], column.years[1])).sum())
    unlikely = column.format is not None and far > max(1, FAR * len(found))
    return None if unlikely else found


def _years(seen: Described, values: "polars.Series", form: str) -> bool:
    """Ask of which century years of two digits are, and point at years that hardly are years."""
    years = values.dt.year()
    if "%y" in form and (unsure := int(years.is_between(*times.TWO_CENTURIES).sum())):
        seen.questions.append(
            f"{counted(unsure, 'value')} with a year of two digits that may be of two centuries: "
            f"`--set '{seen.name}.years=[1930, 2029]'` or `--set '{seen.name}.years=[2000, 2099]'`"
        )
    if far := int((~years.is_between(1700, 2200)).sum()):
        seen.notes.append(
            f"{counted(far, 'value')} with a year that hardly is one, of which the rows are set "
            "aside: declare them under nulls if they stand for nothing, or declare years"
        )
    return True
