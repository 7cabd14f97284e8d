"""Judge what a column holds, by its header and a sample, and search every value of a column."""

from typing import TYPE_CHECKING

from mlops_kit.privacy.detect.findings import LIKELY, Finding, Verdict
from mlops_kit.privacy.detect.kinds.headers import entity_of, is_quantity
from mlops_kit.privacy.detect.kinds.registry import KINDS

if TYPE_CHECKING:
    import polars as pl

PROSE_WORDS = 5  # values of at least so many words, on average, are prose
AMONG_OTHERS = 0.8  # what a match is worth when most values of the column are something else
K = 5  # people who should share what passes of them
FEW = 50  # distinct words are a list of categories, not what people wrote
RARE = 0.01  # of the rows may have a category that fewer than K rows have
LONG, WORDS = 40, 4  # characters and words that a category has at most


def judge(name: str, values: "pl.Series") -> Verdict:
    """Say what a column is, from its header and its values.

    Parameters
    ----------
    name : str
        Header or path; the last steps of a path speak.
    values : polars.Series
        A sample, of any type.

    Returns
    -------
    Verdict
        With likelihood and reasons; entity "" and kind "none" when nothing is personal.
    """
    from mlops_kit.privacy.detect.columns.values import decoded, is_prose, shares, texts_of

    rows = values.len() - values.null_count()
    header, prior = entity_of(name)
    texts = texts_of(values)
    if texts is None:
        readable = values.dtype.is_numeric() or values.dtype.is_temporal()
        if header in {"coordinates", "birth_date", "age"} and readable and rows:
            reasons = ("the header says so",)
            return Verdict(name, header, KINDS[header].role, prior, reasons, rows, rows)
        return Verdict(name, "", "none", 0.0, ("its type holds no text",), rows, 0)
    distinct = texts.unique(maintain_order=True)
    opened = decoded(distinct)
    found = shares(distinct if opened is None else opened)
    best: tuple[str, float, int, tuple[str, ...]] = ("", 0.0, 0, ())
    counts = is_quantity(name)
    for entity, likelihood, matches in found:
        if counts and KINDS[entity].like_amounts:
            continue
        share = matches / max(distinct.len(), 1)
        likelihood *= 1 if share >= LIKELY else AMONG_OTHERS
        reasons = (f"{share:.0%} of {distinct.len()} distinct values have its form",)
        if entity == header:
            likelihood, reasons = max(likelihood, 0.95), (*reasons, "the header says so")
        elif header and prior >= 0.7:
            likelihood *= AMONG_OTHERS
        if likelihood > best[1]:
            best = (entity, likelihood, matches, reasons)
    if header and prior > best[1]:
        matches, likelihood, reasons = _under_header(header, prior, distinct, values)
        if likelihood > best[1]:
            best = (header, likelihood, matches, reasons)
    if best[1] < LIKELY:
        best = _by_values_alone(name, distinct) or best
    if best[1] < LIKELY and is_prose(distinct):
        best = ("free_text", 0.8, distinct.len(), ("long texts of many words, mostly distinct",))
    entity, likelihood, matches, reasons = best
    kind = KINDS[entity].role if entity else "none"
    return Verdict(name, entity, kind, round(likelihood, 2), reasons, rows, matches)


def _under_header(
    entity: str, prior: float, distinct: "pl.Series", values: "pl.Series"
) -> tuple[int, float, tuple[str, ...]]:
    """Weigh a header against whether the values could be what it says."""
    from mlops_kit.privacy.detect.columns.values import is_list_of_categories, names_share

    if not distinct.len():
        return 0, 0.0, ()
    if entity == "free_text" and is_list_of_categories(values):
        return 0, 0.0, ()
    if entity == "name" and prior < LIKELY and names_share(distinct) >= 0.1:
        reasons = ("the header says so", "common given names occur")
        return distinct.len(), 0.8, reasons
    pattern = KINDS[entity].under_header
    if not pattern or values.dtype.is_temporal():
        return distinct.len(), prior, ("the header says so",)
    matches = int(distinct.str.contains(pattern).sum())
    share = matches / distinct.len()
    reasons = ("the header says so", f"{share:.0%} of its distinct values could be")
    return matches, prior if share >= LIKELY else prior * share, reasons


def _by_values_alone(
    name: str, distinct: "pl.Series"
) -> tuple[str, float, int, tuple[str, ...]] | None:
    from mlops_kit.privacy.detect.columns.values import (
        looks_like_identity_numbers,
        names_share,
        sensitive_codes,
    )

    if not is_quantity(name):
        if looks_like_identity_numbers(distinct):
            reasons = ("distinct, scattered numbers of 7 or 8 digits, as identity cards have",)
            return "ar_dni", 0.55, distinct.len(), reasons
        share = names_share(distinct)
        if share >= 0.2:
            reasons = (f"{share:.0%} of the distinct values begin with a common given name",)
            return "name", min(0.9, 0.55 + share / 2), round(share * distinct.len()), reasons
    return sensitive_codes(distinct)


def scan(
    name: str, values: "pl.Series", first_row: int = 1, vouched: bool = False
) -> list[Finding]:
    """Search every value of a column for direct identifiers.

    Quasi-identifiers are no findings: what becomes of them is the policy's and k-anonymity's.

    Parameters
    ----------
    name : str
    values : polars.Series
        Text, numbers, dates, nested or binary.
    first_row : int
        Row number of the first value, for a column that is read in parts.
    vouched : bool
        Whether somebody answers for bytes that are no text, such as pictures: they are not read.

    Returns
    -------
    list of Finding
        At most one of each entity and path, the likeliest first.

    Raises
    ------
    MlopsError
        If the values are of a type that cannot be read: such a column must not pass.
    """
    from mlops_kit.privacy.detect.columns.search import search

    return search(name, values, first_row, vouched)
