"""Whose rows are these, found by a token in raw tables; at ingest, leave out who was erased."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlops_kit.core.files import progress, write_text
from mlops_kit.core.words import counted
from mlops_kit.data.config import Column, Sources, Table
from mlops_kit.data.values.cast import as_text, cast, dtype_of
from mlops_kit.privacy.policy.load import domain_of, load_privacy
from mlops_kit.privacy.policy.schema import NOT_PERSONAL, Privacy
from mlops_kit.privacy.protect.keys import key_id, privacy_key
from mlops_kit.privacy.protect.tokens import normal, token
from mlops_kit.room import LeaveOut

if TYPE_CHECKING:
    import polars

# Committed, so that every clone leaves these people out. A token can only be made with the key,
# and from its hash nobody gets back to the token.
ERASED_FILE = Path("conf/erased.txt")
HEADER = "# Who was erased: key id and SHA-256 of the token. The data stage leaves them out.\n"


class Named(NamedTuple):
    """A column that says who a row is about.

    `about` is false where the entity's own table names another one of its kind, as in
    `referred_by`: the row is not about them.
    """

    column: str
    domain: str
    entity: str
    contract: Column
    table: Table
    about: bool = True


def naming_columns(sources: Sources, policy: Privacy) -> dict[str, list[Named]]:
    """List each table's columns in whose domain tokens are made, whatever becomes of them."""
    rules = {name: rule for name, rule in policy.columns.items() if rule.entity != NOT_PERSONAL}
    domains = {name: domain_of(rule, name.partition(".")[2]) for name, rule in rules.items()}
    joined = {domains[name] for name in rules if rules[name].action in ("token", "encrypt")}
    found: dict[str, list[Named]] = {table: [] for table in sources.tables}
    for name, rule in rules.items():
        table, _, column = name.partition(".")
        if domains[name] in joined:
            contract = sources.tables[table].columns[column]
            of = sources.entity
            own = domains.get(f"{of.table}.{of.column}")
            about = table != of.table or column == of.column or domains[name] != own
            found[table].append(
                Named(column, domains[name], rule.entity, contract, sources.tables[table], about)
            )
    return found


def about_rows(names: dict[str, list[Named]]) -> dict[str, list[Named]]:
    """Leave the columns that say who a row is about."""
    return {table: [one for one in named if one.about] for table, named in names.items()}


def spelt(values: "polars.Series", named: Named) -> "polars.Series":
    """Spell raw values as they are made into tokens; nulls stay null."""
    import polars as pl

    texts = normal(_as_contract(values, named), named.entity)
    return pl.select(pl.when(values.is_not_null()).then(texts)).to_series()


def tokens_of(values: "polars.Series", named: Named, key: bytes) -> "polars.Series":
    """Make the tokens of raw values as if the contract had cast them."""
    return token(_as_contract(values, named), key, named.domain, named.entity)


def _as_contract(values: "polars.Series", named: Named) -> "polars.Series":
    """Take raw values as the data stage does; what is not of that type stays what it is, as text.

    A file of pandas holds ids as 7.0 where one is missing, which the contract calls 7.
    """
    import polars as pl

    if values.dtype == dtype_of(named.contract):
        return values
    typed = cast(values, named.contract, named.table)
    if typed.null_count() == values.null_count():
        return typed
    texts = [None if one is None else str(one) for one in typed.to_list()]
    return pl.select(pl.coalesce(pl.Series(texts, dtype=pl.String), as_text(values))).to_series()


def rows_of(
    frame: "polars.DataFrame", names: list[Named], subjects: set[str], key: bytes
) -> "polars.Series":
    """Mark the rows of a table that are about one of the subjects, shape (n,)."""
    import polars as pl

    found = pl.repeat(False, len(frame), eager=True)
    for named in names:
        if named.column in frame.columns:
            theirs = tokens_of(frame[named.column], named, key).is_in(list(subjects))
            found |= theirs.fill_null(False)
    return found


def note_tokens(subjects: set[str], key: bytes) -> None:
    """Write down who must not come back, keeping who is there already."""
    if subjects:
        _write_lines({*_erased_lines(), *(f"{key_id(key)} {_hash(one)}" for one in subjects)})


def forget_lines_of(key: bytes) -> None:
    """Take out the lines of a key that is used no more: they find nobody."""
    lines = _erased_lines()
    if left := [line for line in lines if line.startswith(key_id(key))]:
        _write_lines(set(lines) - set(left))


def without_erased(sources: Sources) -> LeaveOut:
    """Give what leaves out rows of people who were erased, should a source deliver them again."""
    gone, _ = rows_of_erased(sources)

    def leave_out(table: str, rows: "polars.DataFrame") -> "polars.DataFrame":
        theirs = gone(table, rows)
        return rows.filter(~theirs) if theirs.any() else rows

    return leave_out if any(_erased_lines()) else lambda table, rows: rows


def rows_of_erased(
    sources: Sources,
) -> "tuple[Callable[[str, polars.DataFrame], polars.Series], dict[str, list[Named]]]":
    """Give what marks rows of people who were erased, and the columns by which it does.

    Where nobody was erased, there is no such column.
    """
    import polars as pl

    hashes = {line.split()[1] for line in _erased_lines()}
    if not hashes:
        return lambda table, rows: pl.repeat(False, len(rows), eager=True), {}
    policy = load_privacy(sources)
    key = privacy_key(sources, policy)
    if others := sum(not line.startswith(key_id(key)) for line in _erased_lines()):
        progress(
            "erased",
            f"{ERASED_FILE.as_posix()} has {counted(others, 'line')} of another key: should a "
            "source deliver those people again, erase them again.",
        )
    names = about_rows(naming_columns(sources, policy))

    def mark(table: str, rows: "polars.DataFrame") -> "polars.Series":
        gone = pl.repeat(False, len(rows), eager=True)
        for named in names[table]:
            tokens = tokens_of(rows[named.column], named, key)
            distinct = tokens.drop_nulls().unique()
            theirs = [one for one in distinct if _hash(one) in hashes]
            gone |= tokens.is_in(theirs).fill_null(False)
        return gone

    return mark, names


def erased_under(
    tables: "Iterable[tuple[str, polars.DataFrame]]",
    names: dict[str, list[Named]],
    old: bytes,
    new: bytes,
) -> tuple[set[str], int]:
    """Return the new tokens of erased people whom a source still delivers, and how many others."""
    lines = {line for line in _erased_lines() if line.startswith(key_id(old))}
    found: dict[str, str] = {}
    for table, frame in tables if lines else ():
        for named in names[table]:
            before, after = (tokens_of(frame[named.column], named, key) for key in (old, new))
            for was, becomes in zip(before, after, strict=True):
                if was is not None and f"{key_id(old)} {_hash(was)}" in lines:
                    found[was] = becomes
    return set(found.values()), len(lines) - len(found)


def _erased_lines() -> list[str]:
    if not ERASED_FILE.is_file():
        return []
    lines = ERASED_FILE.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _write_lines(lines: set[str]) -> None:
    write_text(ERASED_FILE, HEADER + "".join(f"{line}\n" for line in sorted(lines)))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
