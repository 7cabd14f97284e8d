"""Rows and the identifiers in them, as numbers: what `links` walks along."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.privacy.people.subjects import Named, spelt, tokens_of
from mlops_kit.privacy.protect.sort import frames_of

if TYPE_CHECKING:
    import polars


def _ids(values: "polars.Series", named: Named) -> "polars.Series":
    """Identifiers as hashes of domain and value, by which rows are compared; nulls stay null."""
    import polars as pl

    texts = spelt(values, named)
    hashes = (pl.lit(f"{named.domain}:") + pl.lit(texts)).hash()
    return pl.select(pl.when(pl.lit(texts).is_not_null()).then(hashes)).to_series()


def _frames(
    tables: dict[str, Path], columns: list[tuple[str, Named]]
) -> "Iterator[tuple[str, dict[int, Named], polars.DataFrame]]":
    for table, file in tables.items():
        here = {at: one for at, (name, one) in enumerate(columns) if name == table}
        for frame in frames_of(file) if here else ():
            yield table, here, frame


def edges_of(
    tables: dict[str, Path],
    columns: list[tuple[str, Named]],
    owning: dict[str, str],
    kinds: dict[int, str],
) -> "polars.DataFrame":
    """List which row has which identifier, and whose it is.

    Returns
    -------
    polars.DataFrame
        `row` and its `table`; `at`, the place of the column in `columns`; `kind`, its domain if
        its values are declared to name people; `id` and `owner`, hashes of identifiers.
    """
    import polars as pl

    schema = {
        **{"row": pl.UInt32, "table": pl.String, "at": pl.UInt16, "kind": pl.String},
        **{"id": pl.UInt64, "owner": pl.UInt64},
    }
    parts, start = [pl.DataFrame(schema=schema)], 0
    for table, here, frame in _frames(tables, columns):
        rows = pl.int_range(start, start + len(frame), dtype=pl.UInt32, eager=True)
        start += len(frame)
        ids = {at: _ids(frame[one.column], one) for at, one in here.items()}
        whose = next((ids[at] for at, one in here.items() if one.column == owning.get(table)), None)
        for at, some in ids.items():
            part = pl.DataFrame({"row": rows, "id": some}).with_columns(
                table=pl.lit(table),
                at=pl.lit(at, dtype=pl.UInt16),
                kind=pl.lit(kinds.get(at), dtype=pl.String),
                owner=pl.lit(None, dtype=pl.UInt64) if whose is None else whose,
            )
            parts.append(part.select(*schema).drop_nulls("id"))
    return pl.concat(parts)


def found_ids(
    subject: str, tables: dict[str, Path], columns: list[tuple[str, Named]], key: bytes
) -> set[int]:
    """Return the hashes of the values that have this token: one, wherever it stands."""
    found: set[int] = set()
    for _, here, frame in _frames(tables, columns):
        for one in here.values():
            theirs = (tokens_of(frame[one.column], one, key) == subject).fill_null(value=False)
            found |= set(_ids(frame[one.column].filter(theirs), one).to_list())
    return found


def tokens_of_ids(
    wanted: set[int], tables: dict[str, Path], columns: list[tuple[str, Named]], key: bytes
) -> dict[int, str]:
    """Return the token of each wanted identifier."""
    found: dict[int, str] = {}
    for _, here, frame in _frames(tables, columns):
        for one in here.values():
            ids = _ids(frame[one.column], one)
            there = ids.is_in(list(wanted)).fill_null(False)
            theirs = tokens_of(frame[one.column].filter(there), one, key)
            found |= dict(zip(ids.filter(there).to_list(), theirs.to_list(), strict=True))
    return found
