"""Rows that belong together, as those of one person do, and must stay on one side of the split."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import acting, counted
from mlops_kit.data.config import Column
from mlops_kit.data.describing.columns.column import Seen
from mlops_kit.data.describing.kept import kept
from mlops_kit.data.describing.table import CAMEL, TYPES_OF_KEYS, Described
from mlops_kit.data.types import NUMBERS
from mlops_kit.data.values.cast import cast

if TYPE_CHECKING:
    import polars

NOBODY = "none"
GROUP = "group_id"
# A split needs some groups on both sides; fewer are categories.
FEWEST_GROUPS = 20
# Of the rows: with more groups, hardly any row has another beside it.
MOST_GROUPS = 0.95
WORDS = re.compile(
    r"(?:^|_)(?:u?id|key|uuid|guid|person|individual|subject|patient|participant|respondent|"
    r"customer|client|user|member|household|student|employee|player|account|device|persona|"
    r"individuo|paciente|cliente|usuario|hogar|alumno|cuenta)(?:_?(?:no|nr|num|number|name|code))?$",
    re.I,
)
# Of a birth, a start or a model it is no time of the row.
YEAR = re.compile(r"^(?:year|yr|year_number|ano|año|anio|jahr|annee|année)$", re.I)
# Of neighbours, beyond chance: columns that stay as they are from row to row.
STICKY, AS_CHANCE = 0.6, 0.5
FEWEST_STICKY = 3
# Of the variance of the outcome between rows of different names, from which it is told.
ALIKE = 0.5


@dataclass(frozen=True)
class Group:
    """The column whose rows stay together, and the contract of it where it has to be made."""

    column: str
    why: str
    made: dict[str, dict[str, Any]] = field(default_factory=dict)


def group_of(
    made: Described, asked: str | None, others: tuple[str, ...], check: Callable[..., Seen]
) -> Group | None:
    """Find the column whose rows belong together: as asked, or by its name and repeated values.

    Of several the coarsest is taken, as each row of an order is one of its customer too.

    Parameters
    ----------
    asked : str, optional
        Columns with commas between, or "none".
    others : tuple of str
        Columns that have another part: the id, the target, the time.
    check : callable
        Returns a column that is read, or refuses.

    Raises
    ------
    MlopsError
        When a column that is asked for is not there, or every row has a value of its own.
    """
    if asked is not None:
        names = [name.strip() for name in asked.split(",") if name.strip()]
        if names == [NOBODY] or not names:
            return None
        for name in names:
            if check(made, name, "--group").is_unique:
                raise MlopsError(f'--group: "{name}" has no value twice, so no rows share it.')
        if len(names) == 1:
            return Group(names[0], "as asked")
        name = GROUP
        while name.casefold() in {one.casefold() for one in made.written.names}:
            name += "_"
        return Group(name, "as asked", {name: {"type": "string", "made": {"hash": names}}})
    found = [
        one
        for name, one in made.read.items()
        if name not in others
        and one.type in TYPES_OF_KEYS
        and WORDS.search(CAMEL.sub("_", name))
        and FEWEST_GROUPS <= one.distinct <= MOST_GROUPS * (made.rows - one.missing.total())
    ]
    if not found:
        return None
    one = min(found, key=lambda each: each.distinct)
    also = [each.name for each in found if each is not one]
    why = f"{acting(made.rows, 'row', 'have')} {counted(one.distinct, 'value')} of it"
    return Group(one.name, why + (f"; {', '.join(also)} repeat too" if also else ""))


def alike_neighbours(made: Described, file: Path, others: Mapping[str, Any]) -> str | None:
    """Say that rows beside each other agree in several columns, where they do beyond chance.

    A file that lists the years of each person, or the visits of each patient, often has no column
    that names them. Agreement beyond chance is Cohen's kappa of each row and the one after it.
    """
    sticky: list[str] = []
    names = [name for name, one in made.read.items() if one.distinct > 2 and name not in others]
    for name, values in kept(file, names):
        there = values.drop_nulls()
        if len(there) < FEWEST_GROUPS or there.n_unique() > len(there) / 2:
            continue
        share = float((there[1:] == there[:-1]).mean() or 0)  # type: ignore[arg-type]
        counts = there.value_counts()["count"] / len(there)
        chance = float((counts**2).sum())
        rising = there.is_sorted() or there.is_sorted(descending=True)
        if not rising and chance < AS_CHANCE and (share - chance) / (1 - chance) > STICKY:
            sticky.append(name)
    if len(sticky) < FEWEST_STICKY:
        return None
    shown = ", ".join(sticky[:3]) + (f" and {len(sticky) - 3} more" if sticky[3:] else "")
    return (
        f"rows agree with the row before them in {shown}, far beyond chance: if they are rows of "
        "one person or place, they stand on both sides of the split and the verdict is too bold; "
        f"--group with the columns that tell whose they are, or --group {NOBODY}"
    )


def years_of(made: Described) -> str | None:
    """Return the column that gives the year of each row as a number, if one does by its name."""
    for name, one in made.read.items():
        if one.type == "integer" and YEAR.search(CAMEL.sub("_", name)) and one.distinct > 2:
            years = [int(float(level)) for level in one.levels]
            if years and 1700 <= min(years) <= max(years) <= 2200:
                return name
    return None


def alike_outcomes(made: Described, file: Path, target: str, others: Collection[str]) -> str | None:
    """Say that rows which share a name have nearly the same outcome, where they do.

    A model that has seen other rows of that name knows the outcome by the name: that holds for
    names that it knows, and says nothing about new ones.
    """
    ((_, values),) = kept(file, [target])
    outcome = _numbers(values, made.columns[target], made)
    names = [
        name
        for name, one in made.read.items()
        if one.type == "string"
        and name not in others
        and FEWEST_GROUPS <= one.distinct <= (one.rows - one.missing.total()) / 2
    ]
    found = {name: share for name, words in kept(file, names)
             if (share := between(words, outcome)) >= ALIKE}  # fmt: skip
    if not found:
        return None
    name = min(found, key=lambda each: made.columns[each].distinct)
    return (
        f"rows of one {name} are alike in {target} ({found[name]:.0%} of its variance lies between "
        f"the {counted(made.columns[name].distinct, 'value')} of {name}), and stand on both sides "
        "of the split: if others are to be predicted, the verdict is too bold without --group "
        f"'{name}'"
    )


def between(names: "polars.Series", outcome: "polars.Series") -> float:
    """Share of the outcome's variance between groups, at most 1; about 0 where names are chance.

    The intraclass correlation of a one-way analysis of variance, ICC(1) of Shrout and Fleiss
    (1979), with groups of unequal size. Rows without a name or an outcome do not count.
    """
    import polars as pl

    rows = pl.DataFrame({"name": names, "y": outcome}).drop_nulls()
    of_groups = rows.group_by("name").agg(
        pl.len().alias("n"), pl.col("y").mean().alias("mean"), pl.col("y").var(0).alias("var")
    )
    groups, total = of_groups.height, rows.height
    if not 1 < groups < total:
        return 0.0
    n, mean = of_groups["n"], of_groups["mean"]
    across = float((n * (mean - rows["y"].mean()) ** 2).sum()) / (groups - 1)
    within = float((n * of_groups["var"]).sum()) / (total - groups)
    size = (total - float((n.cast(pl.Float64) ** 2).sum()) / total) / (groups - 1)
    whole = across + (size - 1) * within
    return (across - within) / whole if whole > 0 else 0.0


def _numbers(values: "polars.Series", seen: Seen, made: Described) -> "polars.Series":
    """Take an outcome as numbers; of words, whether a row has the commonest."""
    import polars as pl

    if seen.type.partition("(")[0] in NUMBERS:
        return cast(values, Column(type="number"), made.table)
    commonest = max(seen.levels, key=lambda level: seen.levels[level])
    return (values.cast(pl.String) == commonest).cast(pl.Float64)
