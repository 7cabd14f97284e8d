"""Judge what a column holds, by its header and a sample, and search every value of a column."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import MlopsError
from .entities import ENTITIES, Finding, Verdict
from .headers import QUANTITY, entity_of, plain
from .rules import LIKELY

if TYPE_CHECKING:
    import polars as pl

SAMPLE_ROWS = 10_000
TEXT_WORDS = 5  # values of at least so many words, on average, are prose
PROSE_SAMPLE = 200


class Evidence(NamedTuple):
    """How many distinct values look like an entity, among how many that could have."""

    entity: str
    matches: int
    trials: int
    likelihood: float

    def beats_chance(self, chance: float) -> bool:
        """Whether so many matches are four standard deviations above what chance gives."""
        expected = self.trials * chance
        return self.matches > 0 and self.matches >= expected + 4 * math.sqrt(
            expected * (1 - chance)
        )


def judge(name: str, values: "pl.Series") -> Verdict:
    """Say what a column is, from its header and its values.

    Parameters
    ----------
    name : str
        Header or path.
    values : polars.Series
        A sample, of any type.

    Returns
    -------
    Verdict
        With likelihood and reasons; entity "" and kind "none" when nothing is personal.
    """
    from .evidence import looks_like_identity_numbers, names_share, texts_of, weigh

    texts = texts_of(values)
    rows = values.len() - values.null_count()
    header, prior = entity_of(name)
    if texts is None:
        return Verdict(name, "", "none", 0.0, ("its type holds no text",), rows, 0)
    distinct = texts.unique(maintain_order=True)
    best = ("", 0.0, 0, ())
    for found, chance in weigh(distinct):
        share = found.matches / max(distinct.len(), 1)
        if not found.beats_chance(chance):
            continue
        likelihood = found.likelihood * (1 if share >= LIKELY else 0.8)
        reasons = (f"{share:.0%} of {distinct.len()} distinct values have its form",)
        if found.entity == header:
            likelihood, reasons = max(likelihood, 0.95), (*reasons, "the header says so")
        if likelihood > best[1]:
            best = (found.entity, likelihood, found.matches, reasons)
    if header and prior > best[1]:
        matches, likelihood, reasons = _under_header(header, prior, distinct, values)
        if likelihood > best[1]:
            best = (header, likelihood, matches, reasons)
    if best[1] < LIKELY and not QUANTITY.search(plain(name)):
        if looks_like_identity_numbers(distinct):
            reasons = ("distinct, scattered numbers of 7 or 8 digits, as identity cards have",)
            best = ("ar_dni", 0.55, distinct.len(), reasons)
        share = names_share(distinct)
        if share >= 0.2:
            best = (
                "name",
                min(0.9, 0.55 + share / 2),
                round(share * distinct.len()),
                (f"{share:.0%} of the distinct values begin with a common given name",),
            )
    if best[1] < LIKELY and distinct.len():
        words = distinct.str.count_matches(r"\s+").mean()
        if isinstance(words, float) and words + 1 >= TEXT_WORDS:
            best = ("free_text", 0.8, distinct.len(), (f"{words + 1:.0f} words on average",))
    entity, likelihood, matches, reasons = best
    kind = ENTITIES[entity].kind if entity else "none"
    return Verdict(name, entity, kind, round(likelihood, 2), tuple(reasons), rows, matches)


def _under_header(
    entity: str, prior: float, distinct: "pl.Series", values: "pl.Series"
) -> tuple[int, float, tuple[str, ...]]:
    from .shapes import UNDER_HEADER

    pattern = UNDER_HEADER.get(entity)
    if pattern is None or values.dtype.is_temporal():
        return distinct.len(), prior if distinct.len() else 0.0, ("the header says so",)
    matches = int(distinct.str.contains(pattern).sum())
    share = matches / max(distinct.len(), 1)
    reasons = ("the header says so", f"{share:.0%} of its distinct values could be")
    return matches, prior if share >= LIKELY else prior * share, reasons


def judge_file(path: Path, sample_rows: int = SAMPLE_ROWS) -> list[Verdict]:
    """Judge every column of a parquet file on a sample from all of its row groups.

    Raises
    ------
    MlopsError
        If the file cannot be read.
    """
    from .evidence import leaves, sample_of_row_groups

    frame = sample_of_row_groups(path, sample_rows)
    return [
        judge(leaf, values)
        for column in frame.columns
        for leaf, values, _ in leaves(column, frame[column])
    ]


def scan(name: str, values: "pl.Series", first_row: int = 1) -> list[Finding]:
    """Search every value of a column for direct identifiers.

    Quasi-identifiers are no findings: what becomes of them is the policy's and k-anonymity's.

    Parameters
    ----------
    name : str
    values : polars.Series
    first_row : int
        Row number of the first value, for a column that is read in parts.

    Returns
    -------
    list of Finding
        At most one of each entity and path, the likeliest first.

    Raises
    ------
    MlopsError
        If the values are of a type that cannot be read: such a column must not pass.
    """
    from .evidence import leaves

    found: list[Finding] = []
    for leaf, part, rows in leaves(name, values):
        found += _scan_leaf(leaf, part, rows, first_row)
    return sorted(found, key=lambda one: -one.likelihood)


def _scan_leaf(
    name: str, values: "pl.Series", rows: "pl.Series | None", first_row: int
) -> Iterator[Finding]:
    from .evidence import hits, texts_of

    if texts_of(values) is None:
        if (
            values.null_count() == values.len()
            or values.dtype.is_numeric()
            or values.dtype.is_temporal()
        ):
            return
        if str(values.dtype) in {"Boolean", "Null"}:
            return
        raise MlopsError(
            f"Column {name} has the type {values.dtype}, which cannot be searched for personal data; "
            "drop it, or turn it into text or numbers first."
        )
    header, _ = entity_of(name)
    for entity, likelihood, mask in hits(name, header, values):
        first = int(mask.arg_true()[0])
        position = first_row + (first if rows is None else int(rows[first]))
        yield Finding(name, entity, int(mask.sum()), position, likelihood)
