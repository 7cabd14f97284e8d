"""How a table writes its numbers: one way for all of its columns, and rows that hold none."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.words import counted
from mlops_kit.data.config import Column
from mlops_kit.data.describing.columns import column as columns
from mlops_kit.data.describing.kept import kept
from mlops_kit.data.values.missing import missing
from mlops_kit.data.values.ways import WAYS, Numbers, Way, nearest

if TYPE_CHECKING:
    from mlops_kit.data.describing.table import Described

MOST_ODD = 3  # rows that are no data among the data


def settle_numbers(made: "Described") -> None:
    """Choose the one way in which a table writes numbers, or ask.

    A way counts if it fits every column of numbers. Two that give other values are two readings.
    """
    marked = {name: one for name, one in made.columns.items() if one.ways}
    if not marked or {"decimal", "thousands"} & made.table.model_fields_set:
        return
    common = [way for way in WAYS if all(way in one.ways for one in marked.values())]
    if not common:
        votes = Counter(next(iter(one.ways)) for one in marked.values())
        way = votes.most_common(1)[0][0]
        odd = [name for name, one in marked.items() if way not in one.ways]
        for name in odd:
            one = made.columns[name]
            one.type, one.evidence = "string", f"numbers, but not with {_said(way)} as others are"
            one.questions.append(
                f"its numbers are written otherwise than those of {len(marked) - len(odd)} other "
                f"columns, and a table has one way: mend the file, or `--set {name}.type=string`"
            )
        common = [way]
    readings: dict[tuple[bytes, ...], Way] = {}  # the usual way of each
    for way in common:
        values = (one.ways[way].digest for one in marked.values() if way in one.ways)
        readings.setdefault(tuple(values), way)
    different = list(readings.values())
    if len(different) > 1:
        which = [name for name, one in marked.items()
                 if len(one.ways) > 1 and not _alike(one.ways, different)]  # fmt: skip
        ways = " or ".join(_asked(way) for way in different)
        shown = ", ".join(which[:3]) + (f" and {len(which) - 3} more" if which[3:] else "")
        made.questions.append(f"the numbers of {shown} have {len(different)} readings: {ways}")
        for name in which:
            made.columns[name].type = "number"
            made.columns[name].evidence = "numbers, whose marks have two readings"
        made.written.options["choices"] = [_declared(way) for way in different]
        return
    way = common[0]
    # The run reads each file for itself: what one file tells does not help it with another.
    if way != (".", None) or len(made.files) > 1:
        made.written.options.update(_declared(way))
        made.written.said.append(f"every number fits {_said(way)}, and no other reading does")
        made.table = made.table.model_copy(update=_declared(way))
        for one in marked.values():
            if way in one.ways:
                columns.settle(one, way)


def tell_odd_rows(made: "Described", file: Path) -> None:
    """Say of columns of numbers which rows hold texts; once, if they are the same in several."""
    odd = [one for one in made.read.values() if one.odd_rows]
    rows: dict[str, tuple[int, ...]] = {}
    how: dict[str, str] = {}
    table = made.table
    if any(one.ways for one in made.columns.values()) and "choices" not in made.written.options:
        table = table.model_copy(update={"decimal": table.decimal or "."})  # as others have it
    for name, values in kept(file, [one.name for one in odd]):
        way, number = nearest(values, table)
        texts = number.is_null() & ~missing(values, Column(type="string"), table)
        rows[name] = tuple(texts.arg_true().head(MOST_ODD + 1).to_list())
        marks = {} if way == WAYS[0] or table.decimal else _declared(way)
        how[name] = "".join(f"--set '{key}={value}' " for key, value in marks.items())
        if texts.sum() > made.columns[name].odd_rows:
            how[name] = "after its numbers are written as those of other columns are, "
    alike = Counter(places for places in rows.values() if len(places) <= MOST_ODD)
    for one in odd:
        if alike[rows[one.name]] < 2:
            one.notes.append(
                f"all but {counted(one.odd_rows, 'row')} of {one.rows:,} hold numbers: taken as "
                f"text; {how[one.name]}--set '{one.name}.type=number' sets the others aside"
            )
    for places, count in alike.items():
        if count == 1:
            continue
        names = [name for name, there in rows.items() if there == places]
        which = ", ".join(f"{place + 1:,}" for place in places)
        shown = ", ".join(names[:3]) + (f" and {count - 3} more" if count > 3 else "")
        made.notes.append(
            f"row {which} holds texts where all others of {shown} hold numbers, as a second "
            f"header, units or a total would: --set '{names[0]}.type=number' and so on sets it "
            "aside, and --set labels=1 passes over a first one"
        )


def _alike(ways: Mapping[Way, Numbers], chosen: list[Way]) -> bool:
    return len({ways[way].digest for way in chosen if way in ways}) == 1


def _declared(way: Way) -> dict[str, str]:
    decimal, thousands = way
    return {"decimal": decimal} | ({"thousands": thousands} if thousands else {})


def _said(way: Way) -> str:
    return (
        "a decimal "
        + {".": "point", ",": "comma"}[way[0]]
        + (f" and {way[1]!r} between thousands" if way[1] else "")
    )


def _asked(way: Way) -> str:
    return " ".join(f"`--set '{key}={value}'`" for key, value in _declared(way).items())
