"""What the values of a column say, counted by polars over all of them at once."""

import math
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ..errors import MlopsError
from .entities import ENTITIES
from .rules import LIKELY
from .shapes import HARMLESS, HASH, SHAPES, SUSPECT, matches
from .text import find
from .words import GIVEN


def leaves(name: str, values: pl.Series) -> Iterator[tuple[str, pl.Series, pl.Series | None]]:
    """Walk a nested column to its plain values.

    Yields
    ------
    tuple of str, polars.Series and polars.Series or None
        The path, its values, and the row of each; None when they stand as the rows do.
    """
    yield from _leaves(name, values, None)


def _leaves(
    name: str, values: pl.Series, rows: pl.Series | None
) -> Iterator[tuple[str, pl.Series, pl.Series | None]]:
    kind = values.dtype
    if isinstance(kind, pl.Struct):
        for field in kind.fields:
            yield from _leaves(f"{name}.{field.name}", values.struct.field(field.name), rows)
    elif isinstance(kind, pl.List | pl.Array):
        at = pl.Series(range(values.len())) if rows is None else rows
        parts = pl.DataFrame({"row": at, "value": values}).explode("value")
        yield from _leaves(name, parts["value"], parts["row"])
    else:
        yield name, values, rows


def texts_of(values: pl.Series) -> pl.Series | None:
    """Return the values as text without nulls; None if nobody could read them as such."""
    kind = values.dtype
    values = values.drop_nulls()
    if kind == pl.String:
        return values
    if kind.is_integer():
        return values.cast(pl.String)
    if kind.is_float() or isinstance(kind, pl.Decimal):
        whole = values.filter(values == values.round(0)) if values.len() else values
        if whole.len() == values.len() and values.len():
            return values.cast(pl.Int64, strict=False).drop_nulls().cast(pl.String)
        return None
    if isinstance(kind, pl.Categorical | pl.Enum):
        return values.cast(pl.String)
    if kind in (pl.Date, pl.Datetime):
        return values.cast(pl.String)
    if kind == pl.Binary:
        text = values.cast(pl.String, strict=False)
        return text if text.null_count() == 0 else None
    return None


def weigh(distinct: pl.Series) -> Iterator[tuple["object", float]]:
    """Count, for each shape, how many distinct values have it and pass its check digits."""
    from .columns import Evidence

    for shape in SHAPES:
        count = int(matches(distinct, shape).sum())
        if count:
            trials = int(distinct.str.contains(shape.outline or shape.pattern).sum())
            yield Evidence(shape.entity, count, trials, shape.likelihood), shape.chance


def looks_like_identity_numbers(distinct: pl.Series) -> bool:
    """Whether a column of numbers without a telling header could be of identity cards.

    Seven or eight digits carry no check. What tells them from codes: nearly all are distinct,
    most have eight digits, they lie scattered (not counted upwards) over a part of the range
    that eight digits span (random codes fill all of it), and they are neither days written as
    numbers nor barcodes.
    """
    if distinct.len() < 8:
        return False
    shaped = distinct.str.contains(r"^\d{7,8}$")
    if shaped.sum() < 0.98 * distinct.len():
        return False
    numbers = distinct.filter(shaped).cast(pl.Int64).sort()
    low, high = int(numbers[0]), int(numbers[-1])
    eight = float((numbers >= 10_000_000).mean() or 0)
    days = numbers.cast(pl.String).str.to_date("%Y%m%d", strict=False).is_not_null()
    gap = float(numbers.diff().drop_nulls().median() or 0)
    round_ones = float((numbers % 10 == 0).mean() or 0)
    return (
        eight >= 0.5
        and high - low < 65_000_000
        and high - low > 1_000_000
        and gap > 20
        and round_ones < 0.3
        and float(days.mean() or 0) < 0.9
    )


def names_share(distinct: pl.Series) -> float:
    """Share of distinct values that are a common given name, alone or before other words."""
    people = distinct.filter(
        distinct.str.contains(r"^\p{L}[\p{L}'’.-]+(?:,? \p{L}[\p{L}'’.-]*){0,5}$")
    )
    if people.len() < 0.5 * distinct.len() or people.len() < 5:
        return 0.0
    folded = people.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    words = folded.str.extract(r"^([a-z]+)"), folded.str.extract(r", ([a-z]+)")
    known = list(GIVEN)
    return (
        float((words[0].is_in(known) | words[1].is_in(known).fill_null(False)).sum())
        / distinct.len()
    )


def hits(name: str, header: str, values: pl.Series) -> Iterator[tuple[str, float, pl.Series]]:
    """Find direct identifiers in every value.

    Yields
    ------
    tuple of str, float and polars.Series of bool
        Entity, likelihood, and where: a mask as long as `values`.
    """
    from .columns import judge

    texts = texts_of(values)
    assert texts is not None
    if texts.len() == 0:
        return
    distinct = texts.unique()
    seen: dict[str, float] = {}
    found: dict[str, list[str]] = {}
    suspects = distinct.filter(distinct.str.contains(SUSPECT))
    suspects = suspects.filter(~suspects.str.contains(HARMLESS) & ~suspects.str.contains(HASH))
    if suspects.len():
        for shape in SHAPES:
            if ENTITIES[shape.entity].kind != "identifier":
                continue
            mask = matches(suspects, shape)
            count = int(mask.sum())
            if not count:
                continue
            trials = int(suspects.str.contains(shape.outline or shape.pattern).sum())
            expected = trials * shape.chance
            if count >= expected + 4 * math.sqrt(expected * (1 - shape.chance)):
                found.setdefault(shape.entity, []).extend(suspects.filter(mask).to_list())
                seen[shape.entity] = max(seen.get(shape.entity, 0), shape.likelihood)
        for value in suspects.filter(suspects.str.contains(r"\s|[\[{<%]|.{64}")).to_list():
            for span in find(value):
                if span.likelihood >= LIKELY and ENTITIES[span.entity].kind == "identifier":
                    found.setdefault(span.entity, []).append(value)
                    seen[span.entity] = max(seen.get(span.entity, 0), span.likelihood)
    strings = values if values.dtype == pl.String else None
    for entity, which in found.items():
        whole = strings if strings is not None else _as_text(values)
        yield entity, seen[entity], whole.is_in(which).fill_null(False)
    verdict = judge(name, values if values.len() <= 10_000 else values.sample(10_000, seed=1))
    if (
        verdict.kind == "identifier"
        and verdict.likelihood >= LIKELY
        and verdict.entity not in found
    ):
        yield verdict.entity, verdict.likelihood, values.is_not_null()


def _as_text(values: pl.Series) -> pl.Series:
    if values.dtype.is_float():
        return values.cast(pl.Int64, strict=False).cast(pl.String)
    return values.cast(pl.String, strict=False)


def sample_of_row_groups(path: Path, rows: int) -> pl.DataFrame:
    """Read evenly spaced rows of every row group of a parquet file."""
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
        groups = file.metadata.num_row_groups
        each = max(1, math.ceil(rows / max(groups, 1)))
        parts = []
        for group in range(groups):
            table = file.read_row_group(group)
            step = max(1, table.num_rows // each)
            parts.append(pl.DataFrame(pl.from_arrow(table)).gather_every(step).head(each))
        return pl.concat(parts) if parts else pl.DataFrame(pl.from_arrow(file.read()))
    except (OSError, pyarrow.ArrowException) as error:
        raise MlopsError(
            f"{path} cannot be read as parquet ({error}); write it again, or remove it."
        ) from error
