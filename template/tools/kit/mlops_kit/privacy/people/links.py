"""Which identifiers are one person's: followed from row to row, never to somebody else's.

A row is about whom its column of the entity names. An identifier is followed when every row that
has it is the person's own; one that rows of others have too, as the phone of a household, leads
nowhere, and is told.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.core.errors import NEGATIVE, MlopsError
from mlops_kit.privacy.detect.kinds.headers import entity_of
from mlops_kit.privacy.detect.kinds.registry import KINDS
from mlops_kit.privacy.people.edges import edges_of, found_ids, tokens_of_ids
from mlops_kit.privacy.people.subjects import Named

if TYPE_CHECKING:
    import polars

Names = dict[str, list[Named]]
MANY = 20  # sharers make an identifier a shop's or a product's, not a household's
OF_SEVERAL = 0.01  # of a domain's identifiers at most, where nobody declared whose they are
ENOUGH = 10  # of them, to tell
SHOWN = 5
# Two people may well have one, now or in the next delivery: never followed.
OFTEN_SHARED = frozenset({"name", "address", "ip", "url", "credential"})


class Followed(NamedTuple):
    """What is the person's, and where the trail ended.

    Attributes
    ----------
    subjects : set of str
        Tokens that are the person's alone, the given one included.
    reached : list of str
        How each token was reached, in sentences.
    shared : list of str
        Identifiers that others have too: not followed.
    contested : list of str
        Rows in which only such an identifier names somebody: they stay, though they may be the
        person's.
    """

    subjects: set[str]
    reached: list[str]
    shared: list[str]
    contested: list[str]


class _Trail(NamedTuple):
    """What was walked: identifiers as hashes, each with the column it was met in, and beside."""

    mine: set[int]
    via: dict[int, tuple[int, int]]
    shared: "polars.DataFrame"


def follow(
    subject: str, tables: dict[str, Path], names: Names, entity: tuple[str, str], key: bytes
) -> Followed:
    """Follow a token through every table to the other identifiers of its person.

    Parameters
    ----------
    tables : dict of str to Path
        Restricted tables, with raw values.
    names : dict of str to list of Named
        The columns that say who a row is about.
    entity : tuple of str
        Table and column of what predictions are about.

    Raises
    ------
    MlopsError
        When the token is shared by several people: it must be said which one is meant.
    """
    columns = [(table, one) for table in tables for one in names[table]]
    kinds = {at: one.domain for at, (_, one) in enumerate(columns) if _names_a_person(one)}
    edges = edges_of(tables, columns, owners(names, entity), kinds)
    start = found_ids(subject, tables, columns, key)
    if not start:
        return Followed({subject}, [], [], [])
    called = [f"{table}.{one.column}" for table, one in columns]

    def tokens(wanted: set[int]) -> dict[int, str]:
        return tokens_of_ids(wanted, tables, columns, key)

    whose = _owners(edges, start)
    if len(whose) > 1 and not whose & start:
        theirs = sorted(tokens(whose).values())
        raise MlopsError(
            f"This token is shared by {len(theirs)} people; erase the one who is meant by a token "
            f"of their own: {', '.join(theirs[:SHOWN])}{' ...' if theirs[SHOWN:] else ''}.",
            NEGATIVE,
        )
    domain = domain_of_entity(names, entity)
    others = {at for at, (_, one) in enumerate(columns) if one.domain != domain}
    weak = {at for at, (_, one) in enumerate(columns) if _entity(one) in OFTEN_SHARED}
    trail = _walk(edges, start, whose, _personal(edges, columns) & others, weak)
    known = tokens(trail.mine | set(trail.shared["id"].to_list()))
    reached = [
        f"{known[one]} of {called[at]}, beside {called[beside]}"
        for one, (at, beside) in trail.via.items()
    ]
    contested: dict[int, list[str]] = {}
    few = trail.shared.filter(trail.shared["others"] < MANY)
    for one, table, count in _contested(edges, few, trail.mine):
        rows = f"{count:,} {'row' if count == 1 else 'rows'} of {table} under {known[one]}"
        contested.setdefault(one, []).append(rows)
    shared = []
    for one, at, many in trail.shared.iter_rows():
        if many:
            who = "many others" if many >= MANY else f"{many} other{'s' if many > 1 else ''}"
            shared.append(f"{known[one]} of {called[at]} is of {who} too: not followed")
        elif one in contested:
            shared.append(f"{known[one]} of {called[at]} may be of others too: not followed")
    every = [rows for some in contested.values() for rows in some]
    return Followed({known[one] for one in trail.mine} | {subject}, reached, shared, every)


def domain_of_entity(names: Names, entity: tuple[str, str]) -> str | None:
    """Name the domain in which the tokens of what predictions are about are made."""
    return next((one.domain for one in names[entity[0]] if one.column == entity[1]), None)


def owners(names: Names, entity: tuple[str, str]) -> dict[str, str]:
    """Name the column of each table that says whose a row is: the only one of that domain."""
    domain = domain_of_entity(names, entity)
    theirs = {
        table: [one.column for one in named if one.domain == domain]
        for table, named in names.items()
    }
    return {table: columns[0] for table, columns in theirs.items() if len(columns) == 1}


def _owners(edges: "polars.DataFrame", ids: set[int]) -> set[int]:
    import polars as pl

    return set(edges.filter(pl.col("id").is_in(list(ids)))["owner"].drop_nulls().to_list())


def _personal(edges: "polars.DataFrame", columns: list[tuple[str, Named]]) -> set[int]:
    """Columns whose values stand for one person, so that they may be followed.

    Those of an entity that names a person, by the policy or by the header.
    Of others, such as numbers of orders or of products, the rows tell: nearly every number of an
    order is of one person, while products are bought by many.
    """
    import polars as pl

    domains: dict[str, list[int]] = {}
    for at, (_, one) in enumerate(columns):
        domains.setdefault(one.domain, []).append(at)
    found: set[int] = set()
    for places in domains.values():
        declared = any(_names_a_person(columns[at][1]) for at in places)
        if not declared:
            owned = edges.filter(pl.col("at").is_in(places) & pl.col("owner").is_not_null())
            several = owned.group_by("id").agg(pl.col("owner").n_unique())["owner"] > 1
            declared = len(several) >= ENOUGH and float(several.mean() or 0) <= OF_SEVERAL  # type: ignore[arg-type]
        if declared:
            found |= set(places)
    return found


def _names_a_person(named: Named) -> bool:
    entity = _entity(named)
    return bool(entity) and KINDS[entity].role == "identifier"


def _entity(named: Named) -> str:
    return named.entity or entity_of(named.column)[0]


def _walk(
    edges: "polars.DataFrame",
    start: set[int],
    whose: set[int],
    personal: set[int],
    weak: set[int],
) -> _Trail:
    import polars as pl

    every_owner = set(edges["owner"].drop_nulls().unique().to_list())
    via = {one: (_at(edges, {one}), _at(edges, start)) for one in whose - start}
    mine = start | whose
    while True:
        theirs = edges.filter(pl.col("row").is_in(_rows(edges, mine)))
        is_mine = pl.col("id").is_in(list(mine))
        # A second one of a kind in a row of nobody is the other party, as in a message.
        parties = theirs.filter(is_mine & pl.col("owner").is_null()).select("row", "kind").unique()
        candidates = (
            theirs.filter(pl.col("at").is_in(list(personal)) & ~is_mine)
            .join(parties, on=["row", "kind"], how="anti", maintain_order="left")
            .unique("id", maintain_order=True)
        )
        judged = _judged(edges, candidates, mine)
        strong = judged.filter(~pl.col("at").is_in(list(weak)))
        named = set(strong["owners"].explode(empty_as_null=False).to_list())
        # Nobody is known yet, and all that is known beside names one person: it is they.
        if not mine & every_owner and len(named) == 1 and not strong["strange"].sum():
            via |= {one: (_at(edges, {one}), strong["at"][0]) for one in named}
            mine |= named
            continue
        good = strong.filter(pl.col("others") == 0)
        if good.is_empty():
            return _Trail(mine, via, judged.select("id", "at", "others").sort("at", "id"))
        for one, at in good.select("id", "at").iter_rows():
            beside = theirs.filter(pl.col("row").is_in(_rows(theirs, {one})))
            via[one] = (at, _at(beside, mine))
        mine |= set(good["id"].to_list())


def _judged(
    edges: "polars.DataFrame", candidates: "polars.DataFrame", mine: set[int]
) -> "polars.DataFrame":
    """Say of each candidate who else has it.

    Returns
    -------
    polars.DataFrame
        `id`, `at`, `owners` (other people who have it in rows of theirs), `strange` (identifiers
        beside it, in rows of nobody, that are signs of another person: of somebody known, or the
        second of their kind, as two e-mail addresses beside one phone) and `others`, the sum.
    """
    import polars as pl

    own = list(mine)
    foreign = pl.col("owner").is_not_null() & ~pl.col("owner").is_in(own)
    kinds = edges.filter(pl.col("id").is_in(own))["kind"].drop_nulls().unique().to_list()
    rows = candidates.select("id", pl.col("at").alias("met"), pl.col("kind").alias("own kind"))
    rows = rows.join(edges.select("row", "id"), on="id").unique().rename({"id": "candidate"})
    around = rows.join(edges, on="row")
    owners = around.filter(foreign).group_by("candidate").agg(pl.col("owner").unique())
    free = pl.col("owner").is_null().all() & ~pl.col("id").is_in(own).any()
    beside = around.filter(free.over("candidate", "row")).filter(
        pl.col("id") != pl.col("candidate"),
        pl.col("kind").is_not_null() & pl.col("kind").ne_missing(pl.col("own kind")),
    )
    taken = beside.join(edges.filter(foreign), on="id", how="semi")["id"].unique()
    strange = (
        beside.group_by("candidate", "kind")
        .agg(pl.col("id").n_unique().alias("many"), pl.col("id").is_in(taken.implode()).any())
        .filter((pl.col("many") > 1) | pl.col("kind").is_in(kinds) | pl.col("id"))
        .group_by("candidate")
        .agg(pl.col("many").sum().alias("strange"))
    )
    nobody = pl.lit([], dtype=pl.List(pl.UInt64))
    return (
        candidates.select("id", "at")
        .join(owners, left_on="id", right_on="candidate", how="left", maintain_order="left")
        .join(strange, left_on="id", right_on="candidate", how="left", maintain_order="left")
        .select(
            *("id", "at"),
            pl.coalesce("owner", nobody).alias("owners"),
            pl.col("strange").fill_null(0),
        )
        .with_columns(others=pl.col("owners").list.len() + pl.col("strange"))
    )


def _contested(
    edges: "polars.DataFrame", shared: "polars.DataFrame", mine: set[int]
) -> Iterator[tuple[int, str, int]]:
    """Count the rows in which only a shared identifier names somebody, by table."""
    import polars as pl

    for one in shared["id"].to_list():
        rows = edges.filter(pl.col("row").is_in(_rows(edges, {one})))
        others = set(rows["id"].to_list()) - {one}
        taken = edges.filter(pl.col("id").is_in(list(others)) & pl.col("owner").is_not_null())
        whose = [*mine, *taken["id"].to_list()]
        free = rows.group_by("row", "table").agg(
            pl.col("owner").is_null().all() & ~pl.col("id").is_in(whose).any()
        )
        counted = free.filter(pl.col("owner")).group_by("table").len().sort("table")
        yield from ((one, table, count) for table, count in counted.iter_rows())


def _rows(edges: "polars.DataFrame", ids: set[int]) -> Any:
    import polars as pl

    return edges.filter(pl.col("id").is_in(list(ids)))["row"].implode()


def _at(edges: "polars.DataFrame", ids: set[int]) -> int:
    """Return the first column in which one of the identifiers stands."""
    import polars as pl

    return int(edges.filter(pl.col("id").is_in(list(ids)))["at"][0])
