"""What all values of one column show: its type, what is missing, and what has to be asked."""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops_kit.core import words
from mlops_kit.data.config import Column, Table
from mlops_kit.data.describing.columns import moments
from mlops_kit.data.values import inferred
from mlops_kit.data.values.cast import INTEGERS, cast, stand_ins, why
from mlops_kit.data.values.missing import counted, missing
from mlops_kit.data.values.plain import CLOCK
from mlops_kit.data.values.ways import Numbers, Way, all_match, nearest, size, spread, ways

if TYPE_CHECKING:
    import polars

PAIRS = (("true", "false"), ("yes", "no"), ("t", "f"), ("y", "n"))
TIME = f"^(?:{CLOCK.pattern})$"
CODE = r"^[+-]?0\d"
QUOTED, DOUBLED = r"(?s)^'.*'$", r"^'(?:[^']|'')*(?:''|[,;\t|~])(?:[^']|'')*'$"  # by single ones
SHARE = 0.9  # of numbers, or times, from which the rest of a column is asked about
MOST_LEVELS = 1_000
OFTEN = 5  # rows that a value needs before it is shown: then it is nobody's own
STAND_IN = re.compile(r"9{2,}|-\d+")
# As it may be written: nines, and whole numbers below zero.
MARKED = r"^\s*(?:9[9.,' \u00a0\u202f]*0*|-\d[\d.,' \u00a0\u202f]*)\s*$"


@dataclass
class Seen:
    """What a column shows.

    `questions` have two readings each and nothing is chosen; `notes` are for a person to judge.
    `left_out` says why the column is not read.
    """

    name: str
    rows: int = 0
    type: str = "string"
    options: dict[str, Any] = field(default_factory=dict)
    missing: Counter[str] = field(default_factory=Counter)
    distinct: int = 0
    evidence: str = ""
    questions: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: str = ""
    odd_rows: int = 0
    """Rows whose texts alone keep the column from being numbers, which the table tells."""
    digest: int = 0
    levels: dict[str, int] = field(default_factory=dict)
    """Its values as text, with their rows, where there are at most MOST_LEVELS; not to be shown."""
    ways: dict[Way, Numbers] = field(default_factory=dict)
    """What its numbers show, by each way of writing them that fits all of them."""

    @property
    def is_unique(self) -> bool:
        """Whether each row has a value of its own."""
        return self.rows > 0 and self.distinct == self.rows


def look(values: "polars.Series", table: Table, given: dict[str, Any]) -> Seen:
    """Find the type of a column from all of its values.

    Parameters
    ----------
    values : polars.Series
        Texts as the file has them, or what a typed file holds.
    table : Table
        What is declared of the table so far.
    given : dict
        What a person declares of this column.
    """
    import polars as pl

    seen = Seen(values.name, len(values), options=dict(given))
    if isinstance(values.dtype, pl.Categorical | pl.Enum | pl.Null):
        values = values.cast(pl.String)
    if values.dtype.is_nested() or values.dtype == pl.Binary:
        return _whole(seen, values)
    column = Column.model_validate({"type": "string", **given})
    nothing = missing(values, column, table)
    seen.missing = counted(values, nothing)
    there = values.filter(~nothing) if seen.missing else values
    if (first := there.head(MOST_LEVELS)).n_unique() < len(first) / 2:  # to count them pays off
        counts = there.value_counts(name="how often")
        there, often = counts[values.name], counts["how often"]
        seen.distinct = len(there)
    else:
        seen.distinct = there.hash(1).n_unique()  # as many as rows: surely unique
        often = pl.repeat(1, len(there), dtype=pl.UInt32, eager=True)
    seen.digest = hash((*seen.missing.items(), int(values.hash(1).sum() or 0), seen.distinct))
    seen.options |= {"nullable": True} if seen.missing else {}
    if not seen.distinct:
        seen.left_out = f"no value in any of its {words.counted(seen.rows, 'row')}"
        return seen
    if seen.distinct <= MOST_LEVELS:
        for level, count in zip(there.cast(pl.String), often, strict=True):
            seen.levels[level] = seen.levels.get(level, 0) + count
        seen.levels = dict(sorted(seen.levels.items()))
    if "type" in given:
        seen.type, seen.evidence = given["type"], "declared"
        seen.options.pop("type")
        return seen
    if there.dtype != pl.String:
        _typed(seen, there, often, table)
    else:
        _texts(seen, there.str.strip_chars(), often, table)
    _check_stand_in(seen, there, often, table)
    if seen.type == "string" and (twins := _nearly_equal(seen.levels)):
        seen.notes.append(
            f"{twins:,} of its values differ from others by capitals or blanks around them alone, "
            "and are categories of their own until the file or features.py makes them one"
        )
    if "NA" in seen.missing and seen.type == "string" and there.str.contains("^[A-Z]{2}$").all():
        seen.notes.append(
            f"NA, {words.counted(seen.missing['NA'], 'time')} among codes of 2 letters, is taken "
            f"as missing; if it is a value, as for Namibia: --set '{seen.name}.default_nulls=false'"
        )
    return seen


def _nearly_equal(levels: Collection[str]) -> int:
    """Count the texts that only blanks and capitals tell from another one."""
    return len(levels) - len({" ".join(level.split()).casefold() for level in levels})


def _typed(seen: Seen, there: "polars.Series", often: "polars.Series", table: Table) -> None:
    kind = there.dtype
    seen.evidence = f"{kind} in the file"
    found = inferred.of_typed(kind)
    if found is None:
        seen.left_out = f"no type of a table takes {kind}"
        return
    seen.type = str(found)
    lost = cast(there, Column(type=seen.type), table).is_null()
    if lost.any() and kind.is_integer():
        seen.type, seen.evidence = inferred.UNSIGNED, f"{seen.evidence}, beyond an integer's range"
    elif lost.any():
        (first,) = why(there.filter(lost).head(1), Column(type=seen.type), table)
        rows = int(often.filter(lost).sum())
        seen.notes.append(f"{rows:,} of its values would be set aside with their rows: {first}")


def _whole(seen: Seen, values: "polars.Series") -> Seen:
    """Look at lists, structs and bytes, which are not counted one by one."""
    import polars as pl

    seen.missing["blank"] += values.null_count()
    seen.missing += Counter()
    seen.distinct = seen.rows
    seen.options |= {"nullable": True} if seen.missing else {}
    inner = getattr(values.dtype, "inner", None)
    if isinstance(values.dtype, pl.List) and inner is not None and inner.is_integer():
        seen.type, seen.evidence = "integers", "lists of whole numbers in the file"
    elif not (seen.rows - seen.missing.total()):
        seen.left_out = f"no value in any of its {words.counted(seen.rows, 'row')}"
    elif (found := inferred.of_typed(values.dtype)) is not None:
        seen.type, seen.evidence = str(found), f"{found.name} in the file"
    else:
        seen.left_out = f"no type of a table takes {values.dtype}"
    return seen


def _texts(seen: Seen, there: "polars.Series", often: "polars.Series", table: Table) -> None:
    """Find the type of stripped texts, each distinct one once."""
    if all_match(there, QUOTED) or there.str.contains(DOUBLED).any():
        seen.options["quoted"] = True
    lower = set(there.head(8).str.to_lowercase()) if len(there) <= 8 else set()
    if any(lower == set(pair) for pair in PAIRS):
        seen.type, seen.evidence = "boolean", f"only {' and '.join(sorted(lower))}"
        return
    digits = all_match(there, r"^[+-]?\d+$")
    if digits and there.str.contains(CODE).any():
        seen.evidence = "digits with a zero before them: codes, which numbers would shorten"
        return
    if moments.look(seen, there):
        return
    if digits:
        whole = cast(there, Column(type="integer"), table)
        seen.evidence = "digits, too many for a number: codes"
        if not whole.null_count():
            seen.type, seen.evidence = "integer", f"whole numbers{size(whole)}"
            seen.distinct = whole.n_unique() if seen.is_unique else seen.distinct  # +1 and 1
        return
    if found := ways(there, table, unique=seen.is_unique):
        seen.ways = found
        settle(seen, next(iter(found)))
        if not there.str.contains("[.,' \u00a0\u202f]").any():  # the same in every way
            seen.ways = {}
        return
    if all_match(there, INTEGERS):
        seen.type, seen.evidence = "integers", "lists of whole numbers"
        return
    if (found := inferred.of_documents(there)) is not None:
        seen.type, seen.evidence = str(found), "JSON in every row"
        return
    if all_match(there, TIME) and there.str.contains(":").all():
        seen.type, seen.evidence = "time", "times of a day"
        return
    seen.evidence = _why_text(seen, there, often, table)


def settle(seen: Seen, way: Way) -> None:
    """Take what its numbers show when they are read in one way."""
    numbers = seen.ways[way]
    seen.type = "integer" if numbers.whole else "number"
    seen.distinct = numbers.distinct or seen.distinct
    seen.evidence = f"{'whole ' * numbers.whole}numbers{numbers.size}"


def _why_text(seen: Seen, there: "polars.Series", often: "polars.Series", table: Table) -> str:
    """Say what kind of text it is, and ask where a few values keep it from being numbers."""
    rows = int(often.sum())
    signs = there.str.contains("[$€£¥%]").any()  # not in 18.00.00, nor in a version 1.2.3
    if signs and all_match(there, r"^[$€£¥]? ?-?\d[\d.,]* ?[%$€£¥]?$"):
        seen.notes.append("amounts with a sign of currency or percent: no number until it goes")
        return "text"
    if (spread(there).str.contains(r"^[+-]?[\d.,]").mean() or 0) < SHARE / 2:  # type: ignore[operator]
        return "text" if seen.distinct > 1 else "text, the same in every row"
    rest = nearest(there, table)[1].is_null()
    share = 1 - int(often.filter(rest).sum()) / rows
    if share >= SHARE:
        few: dict[str, int] = {}
        for text, count in zip(there.filter(rest), often.filter(rest), strict=True):
            few[text] = few.get(text, 0) + count
        shown = [text for text, count in few.items() if count >= OFTEN and len(text) <= 20]
        if len(few) <= 3 and len(shown) == len(few):
            markers = ", ".join(sorted(shown))
            seen.questions.append(
                f"{share:.1%} are numbers, the rest is {markers}: missing, or categories? "
                f"`--set '{seen.name}.nulls=[{markers}]'` or `--set {seen.name}.type=string`"
            )
        else:
            seen.odd_rows = sum(few.values())
    return "text" if seen.distinct > 1 else "text, the same in every row"


def _check_stand_in(
    seen: Seen, there: "polars.Series", often: "polars.Series", table: Table
) -> None:
    """Point at a number such as -999 or -200 that stands apart from all others, several times."""
    import polars as pl

    nulls = [*table.nulls, *seen.options.get("nulls", [])]
    if seen.type not in ("integer", "number") or (seen.distinct < 5 and not nulls):
        return
    if there.dtype == pl.String:
        if not (nulls or there.str.contains(MARKED).any()):
            return
        if seen.ways:
            decimal, thousands = next(iter(seen.ways))
            table = table.model_copy(update={"decimal": decimal, "thousands": thousands})
        there = cast(there, Column(type="number"), table)
    made = there.cast(pl.Float64)
    stands = stand_ins(made, Column(type="number", nulls=nulls), table)
    if stands.any():  # as -200,0, of which only now is known what the comma is
        for value, count in zip(made.filter(stands), often.filter(stands), strict=True):
            seen.missing[f"{value:g}"] += count
        seen.options["nullable"] = True
        made, often = made.filter(~stands), often.filter(~stands)
    for end in (made.arg_min(), made.arg_max()):
        if end is None:
            return
        text = f"{made[end]:g}"
        rows = int(often.filter(made == made[end]).sum()) if STAND_IN.fullmatch(text) else 0
        if rows < OFTEN:
            continue
        others = made.filter(made != made[end])
        low, high, value = float(others.min()), float(others.max()), float(made[end])  # type: ignore[arg-type]
        if min(abs(value - low), abs(value - high)) > 0.5 * (high - low):
            seen.notes.append(
                f"{text} stands {words.counted(rows, 'time')}, far from all others: if it means "
                f"missing, --set '{seen.name}.nulls=[{text}]'"
            )
