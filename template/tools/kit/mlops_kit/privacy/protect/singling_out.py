"""Who stands alone: how many people of a table share what passes of them with nobody else."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.core.words import counted
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.data.config import Sources, load_sources
from mlops_kit.privacy.detect.columns.column import judge
from mlops_kit.privacy.detect.kinds.headers import entity_of, plain
from mlops_kit.privacy.detect.kinds.registry import KINDS
from mlops_kit.privacy.policy.load import PRIVACY_FILE, load_privacy
from mlops_kit.privacy.policy.schema import BEHIND, DATES, NOT_PERSONAL, Privacy

if TYPE_CHECKING:
    import polars

TOGETHER = ("quasi_identifier", "sensitive")  # kinds that tell who somebody is, together
SAMPLE = 2_000
CODES = ("token", "encrypt")
# What neighbours, colleagues and public registers know, beyond the entities that rules find.
ATTRIBUTES = re.compile(
    r"(?:^|_)(?:marital\w*|civil_status|estado_civil|occupation|ocupacion|profession|profesion|job(?:_title)?|puesto"
    r"|education|educacion|degree|estudios|income|ingresos?|salary|salario|sueldo|wages?|height|altura|estatura"
    r"|weight|peso|kilograms?|pounds|cent[io]?met(?:er|re)s|feet_?inches|vehicle|vehiculo|car|children|hijos|household\w*"
    r"|family_size|language|idioma|country|pais|tribe|caste|rank|grade|tract|district|distrito|easting|northing"
    r"|utm_[xy]|[xy]_coord\w*|(?:birth|death|admission|discharge)_?\w*|year_of_birth|deceased|hair\w*|eyes?_colou?r"
    r"|prefix|suffix|title|tratamiento|zodiac\w*|signo|blood\w*)(?:_|\d*$)"
)


class Alone(NamedTuple):
    """How well people hide among each other by some columns of a table.

    Attributes
    ----------
    smallest : int
        People in the smallest class of rows that are equal in all of the columns: k of
        k-anonymity (Sweeney 2002), counted in people.
    unique : int
        People with a row that is equal to nobody else's.
    """

    columns: list[str]
    people: int
    smallest: int
    unique: int


def may_single_out(column: str) -> bool:
    """Whether a header names something that tells who somebody is, together with others."""
    entity, _ = entity_of(column)
    known = bool(entity) and KINDS[entity].role in TOGETHER
    return known or ATTRIBUTES.search(plain(column.rpartition(".")[2])) is not None


def person_of(table: str, sources: Sources, policy: Privacy) -> str:
    """Return the column that says who a row is about, in tables of people; else ""."""
    if table == sources.entity.table:
        return sources.entity.column
    for column, contract in sources.tables[table].columns.items():
        rule = policy.columns.get(f"{table}.{column}")
        if contract.unique and rule and rule.action in CODES and rule.entity != NOT_PERSONAL:
            return column
    return ""


def passing(table: str, sources: Sources, policy: Privacy) -> list[str]:
    """Columns of a table that pass in another form than as a code."""
    rules = {
        column: policy.columns.get(f"{table}.{column}") for column in sources.tables[table].columns
    }
    person = person_of(table, sources, policy)
    return [
        column
        for column, rule in rules.items()
        if rule and rule.action not in (*BEHIND, *CODES) and column != person
    ]


def quasi_identifiers(
    table: str, sources: Sources, policy: Privacy, frame: "polars.LazyFrame"
) -> list[str]:
    """Columns among those that pass which tell, together, who somebody is.

    Those of the table's rule under `anonymity`; those whose entity, header or values say so; and
    dates, unless a person has declared that they are not about anybody (`entity: none`).

    Parameters
    ----------
    frame : polars.LazyFrame
        The protected table.
    """
    wanted = policy.anonymity.get(table)
    sample = frame.head(SAMPLE).collect()
    found = []
    for column in passing(table, sources, policy):
        rule, contract = policy.columns[f"{table}.{column}"], sources.tables[table].columns[column]
        if wanted is not None and column in wanted.quasi:
            found.append(column)
        elif rule.entity in KINDS:
            found += [column] * (KINDS[rule.entity].role in TOGETHER)
        elif may_single_out(column):
            found.append(column)
        elif rule.entity != NOT_PERSONAL:
            verdict = judge(column, sample[column])
            found += [column] * (contract.kind in DATES or verdict.kind in TOGETHER)
    return found


def alone(frame: "polars.LazyFrame", person: str, columns: list[str]) -> Alone:
    """Count the people of the smallest class, and those who are alone in theirs.

    Parameters
    ----------
    frame : polars.LazyFrame
        Any number of rows of each person; rows of nobody do not count.
    columns : list of str
        By which rows are compared; a missing value is like a missing value.
    """
    import polars as pl

    rows = frame.filter(pl.col(person).is_not_null()).select(
        pl.col(person).alias("who"), pl.struct(columns).hash().alias("class")
    )
    classes = rows.group_by("class").agg(
        pl.col("who").n_unique().alias("people"), pl.col("who").first()
    )
    told = classes.select(
        pl.col("people").min().alias("smallest"),
        pl.col("who").filter(pl.col("people") == 1).n_unique().alias("unique"),
    ).collect(engine="streaming")
    people = rows.select(pl.col("who").n_unique()).collect(engine="streaming").item()
    return Alone(columns, people, told["smallest"].item() or 0, told["unique"].item())


def measured(
    table: str, file: Path, sources: Sources, policy: Privacy
) -> tuple[Alone | None, Alone | None]:
    """Measure a protected table of people by what may single them out, and by all that passes.

    Returns
    -------
    tuple of Alone or None
        None where there is no such column, or where the table is not one of people.
    """
    import polars as pl

    person = person_of(table, sources, policy)
    frame = pl.scan_parquet(file)
    there = frame.collect_schema().names()
    if not person or person not in there:
        return None, None
    every = [column for column in passing(table, sources, policy) if column in there]
    some = [one for one in quasi_identifiers(table, sources, policy, frame) if one in there]
    return (
        alone(frame, person, some) if some else None,
        alone(frame, person, every) if every else None,
    )


def report_of(table: str, file: Path, sources: Sources, policy: Privacy) -> dict[str, Any]:
    """What the report of the stage says about a table: nothing, unless it is one of people."""
    some, every = measured(table, file, sources, policy)
    if some is None and every is None:
        return {}
    figures = {
        name: {**one._asdict(), "unique_share": round(one.unique / max(one.people, 1), 4)}
        for name, one in (("quasi_identifiers", some), ("all_columns", every))
        if one
    }
    return {"alone": {"said": sentence(table, some, every), **figures}}


def sentence(table: str, some: Alone | None, every: Alone | None) -> str:
    """Say in one sentence how many people of a table stand alone; empty when nothing passes."""
    if some is None and every is None:
        return ""
    if some is None or every is None:
        said = f"{table}: no column that passes is known to single people out"
    else:
        said = (
            f"{table}: {_share(some)} alone by {', '.join(some.columns)} "
            f"(smallest class {some.smallest:,})"
        )
    if every is not None and (some is None or len(every.columns) > len(some.columns)):
        many = len(every.columns)
        said += (
            f"; {_share(every)} alone by all {counted(many, 'column')} that pass"
            if some
            else (
                f"; {_share(every)} alone by the {many} that do (smallest class {every.smallest:,})"
            )
        )
    return said


def of_open_tables(sources: Sources, policy: Privacy, folder: Path) -> list[tuple[str, bool]]:
    """Say of each table of people in the open zone how many stand alone.

    Returns
    -------
    list of tuple of str and bool
        The sentence, and whether somebody is alone by what may single people out although no
        rule under `anonymity` is set for the table.
    """
    told = []
    for table in sources.tables:
        file = folder / f"{table}.parquet"
        if file.is_file():
            some, every = measured(table, file, sources, policy)
            open_ = some is not None and some.unique > 0 and table not in policy.anonymity
            if said := sentence(table, some, every):
                told.append((said, open_))
    return told


def notes() -> list[str]:
    """Return a sentence of each table of the open zone in which people stand alone unjudged."""
    if not PRIVACY_FILE.is_file():
        return []
    sources = load_sources()
    told = of_open_tables(sources, load_privacy(sources), OPEN_ZONE / "tables")
    return [
        f"{said}: make these columns coarser, or set a rule under anonymity in "
        f"{PRIVACY_FILE.as_posix()}"
        for said, is_open in told
        if is_open
    ]


def _share(one: Alone) -> str:
    if not one.unique:
        return f"nobody of {one.people:,} people is"
    verb = "is" if one.unique == 1 else "are"
    return f"{one.unique:,} of {one.people:,} people ({one.unique / one.people:.1%}) {verb}"
