"""Find personal data in a text by rules, and write the text without it.

The pre-commit hook imports this module: nothing beyond the standard library may load with it.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from . import checksums
from .entities import Span
from .rules import Rule, compiled

if TYPE_CHECKING:
    import polars

_DIGIT = re.compile(r"\d")


@cache
def _rules() -> tuple[tuple[Rule, Callable[[str], bool] | None], ...]:
    from .prose import ADDRESSES, AGES, DATES, NAMES, PLACES
    from .rules import IDENTIFIERS, PHONES

    rules = (*IDENTIFIERS, *PHONES, *DATES, *AGES, *ADDRESSES, *NAMES, *PLACES)
    return tuple((rule, getattr(checksums, rule.check) if rule.check else None) for rule in rules)


def find(text: str) -> list[Span]:
    """Find personal data by rules.

    Parameters
    ----------
    text : str
        Anything that a person wrote, in English or Spanish.

    Returns
    -------
    list of Span
        Sorted, never overlapping; offsets count characters of `text`.
    """
    return _without_overlaps(_candidates(text))


def _candidates(text: str) -> list[Span]:
    lowered = text.lower()
    has_digit = _DIGIT.search(text) is not None
    found = []
    for rule, check in _rules():
        if rule.hints and not (
            has_digit if rule.hints == ("#",) else any(hint in lowered for hint in rule.hints)
        ):
            continue
        pattern = compiled(rule.pattern)
        group = "v" if "v" in pattern.groupindex else 0
        for match in pattern.finditer(text):
            start, end = match.span(group)
            while end > start and text[end - 1].isspace():
                end -= 1
            if end > start and (check is None or check(text[start:end])):
                found.append(Span(start, end, rule.entity, rule.likelihood))
    return found


def _without_overlaps(spans: list[Span]) -> list[Span]:
    """Keep the likeliest of those that overlap; the longest of equally likely ones."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (-s.likelihood, s.start - s.end, s.start)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept)


def redact(text: str, spans: Sequence[Span] | None = None) -> str:
    """Replace what is personal by its entity in brackets, as "[EMAIL]".

    Parameters
    ----------
    spans : sequence of Span, optional
        Sorted and not overlapping; what `find` finds unless given.
    """
    parts, last = [], 0
    for span in find(text) if spans is None else spans:
        parts += [text[last : span.start], f"[{span.entity.upper()}]"]
        last = span.end
    return "".join([*parts, text[last:]])


def redact_series(values: "polars.Series") -> "polars.Series":
    """Redact a column of texts; each distinct value is read once.

    Parameters
    ----------
    values : polars.Series of str
        Nulls stay null.

    Returns
    -------
    polars.Series of str
    """
    import polars as pl

    distinct = values.drop_nulls().unique()
    redacted = pl.Series([redact(value) for value in distinct.to_list()], dtype=pl.String)
    return values.replace_strict(distinct, redacted, default=None, return_dtype=pl.String)
