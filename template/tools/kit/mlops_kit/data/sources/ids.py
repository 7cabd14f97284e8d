"""Ids that a table declares because its files have none: the number of a row, or a code of it."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mlops_kit.data.config import Hashed, Table

if TYPE_CHECKING:
    import polars

DIGITS = 32  # of a code: 128 bits, so that two rows hardly ever share one by chance
Place = TypeVar("Place", bound=Path | None)


def added(
    parts: "Iterable[tuple[Place, Iterable[polars.DataFrame]]]", table: Table
) -> "Iterator[tuple[Place, Iterator[polars.DataFrame]]]":
    """Add the ids to a table that is read file by file; rows are counted across its files."""
    before = 0

    def numbered(frames: "Iterable[polars.DataFrame]") -> "Iterator[polars.DataFrame]":
        nonlocal before
        for frame in frames:
            yield with_ids(frame, table, before)
            before += len(frame)

    for place, frames in parts:
        yield place, numbered(frames)


def with_ids(frame: "polars.DataFrame", table: Table, before: int) -> "polars.DataFrame":
    """Add the ids to rows of a table, of which `before` were read already."""
    import polars as pl

    made = []
    for name, column in table.columns.items():
        if isinstance(column.made, Hashed):
            texts = frame.select(pl.col(column.made.hash).cast(pl.String))
            made.append(pl.Series(name, [_code(row) for row in texts.iter_rows()], pl.String))
        elif column.made is not None:
            made.append(pl.int_range(before + 1, before + 1 + len(frame), eager=True).alias(name))
    return frame.with_columns(made).select(list(table.columns))


def _code(row: tuple[str | None, ...]) -> str:
    text = json.dumps(row, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
