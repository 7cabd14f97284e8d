"""What can be done to a column: each action takes values and returns others; nulls stay null."""

import base64
import datetime
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.privacy.detect.text import redact_series
from mlops_kit.privacy.protect.keys import derived, key_id
from mlops_kit.privacy.protect.tokens import Memo, keyed, normal, spread, token

if TYPE_CHECKING:
    import polars
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    from mlops_kit.privacy.policy.schema import ColumnPolicy

PADDED_TO = 16  # bytes: a cipher text tells the length of its value only in such steps
ONE_DAY = 86_400_000_000  # microseconds


class Subject(NamedTuple):
    """Whose dates are shifted: the values that say it, and how these are made into tokens."""

    values: "polars.Series"
    domain: str
    entity: str = ""


def act(
    values: "polars.Series",
    rule: "ColumnPolicy",
    key: bytes,
    domain: str,
    subject: Subject | None = None,
    edges: Sequence[Any] = (),
    memo: Memo | None = None,
    names: bool = False,
) -> "polars.Series":
    """Do what the policy says, shape (n,) to (n,).

    Parameters
    ----------
    edges : sequence, optional
        Of a k-aware band.
    memo : dict, optional
        What was computed about other columns of the same rows.
    names : bool
        Whether the language model helps to redact.
    """
    match rule.action:
        case "keep":
            return values
        case "token":
            return token(values, key, domain, rule.entity, memo)
        case "encrypt":
            return encrypt(values, key, domain)
        case "mask":
            return shape(values) if rule.shape else mask(values, rule.last)
        case "redact":
            from mlops_kit.privacy.detect.language_model import redact_with_names

            return redact_with_names(values) if names else redact_series(values)
        case "date_shift" if subject is not None:
            return date_shift(values, subject, key, rule.days, memo)
        case "generalise":
            return _generalise(values, rule, edges)
    raise ValueError(f"{rule.action} gives no values")


def mask(values: "polars.Series", last: int) -> "polars.Series":
    """Replace all but the last characters by four stars, whatever the length.

    A value shorter than twice `last` shows none: half of it would be most of it.
    """
    import polars as pl

    text = values.cast(pl.String)
    long = (text.str.len_chars() >= 2 * last) & (last > 0)
    tail = text.str.tail(last) if last else pl.Series([""] * len(text), dtype=pl.String)
    shown = pl.when(long).then(pl.lit("****") + tail).otherwise(pl.lit("****"))
    return pl.select(pl.when(text.is_not_null()).then(shown)).to_series()


def shape(values: "polars.Series") -> "polars.Series":
    """Replace digits by # and all else but common separators by *: `30-A` becomes `##-*`."""
    import polars as pl

    return (
        values.cast(pl.String)
        .str.replace_all(r"\p{N}", "#")
        .str.replace_all(r"[^#@.,:;/()+_\- ]", "*")
    )


def encrypt(values: "polars.Series", key: bytes, domain: str) -> "polars.Series":
    """Encrypt with AES-SIV (RFC 5297), deterministic, the domain as associated data.

    Returns
    -------
    polars.Series of str, shape (n,)
        `<key id>.<base64url>`; equal values of a domain stay equal, which `decrypt` turns back.
    """
    import polars as pl

    cipher, prefix, about = _cipher(key), f"{key_id(key)}.", [domain.encode()]
    distinct = values.drop_nulls().unique()
    sealed = []
    for text in normal(distinct, "").to_list():
        plain = text.encode() + b"\x80"
        plain += b"\0" * (-len(plain) % PADDED_TO)
        sealed.append(prefix + base64.urlsafe_b64encode(cipher.encrypt(plain, about)).decode())
    found = pl.Series(sealed, dtype=pl.String)
    return values.replace_strict(distinct, found, default=None, return_dtype=pl.String)


def decrypt(text: str, key: bytes, domain: str) -> str | None:
    """Turn one encrypted value back; None when key or domain are others, or it was changed."""
    from cryptography.exceptions import InvalidTag

    try:
        sealed = base64.urlsafe_b64decode(text.partition(".")[2])
        plain = _cipher(key).decrypt(sealed, [domain.encode()])
    except (InvalidTag, ValueError):
        return None
    return plain.rstrip(b"\0").removesuffix(b"\x80").decode()


def date_shift(
    values: "polars.Series", subject: Subject, key: bytes, days: int, memo: Memo | None = None
) -> "polars.Series":
    """Move all dates of a subject by the same 1 to `days` days, forward or back.

    Order and distances inside a subject stay as they were, and so does the time of day. A date
    of nobody becomes null.
    """
    import polars as pl

    whose = subject.values
    distinct, digests = keyed(whose, key, subject.domain, subject.entity, memo)
    last = pl.Series(digests, dtype=pl.Binary).bin.tail(8)
    numbers = last.bin.reinterpret(dtype=pl.UInt64, endianness="big") // 4
    offset = numbers.cast(pl.Int64) % (2 * days) - days
    table = offset + (offset >= 0).cast(pl.Int64)  # never by nothing
    offsets = spread(whose, distinct, table)
    moves = pl.duration(days=pl.lit(offsets))
    return pl.select(pl.lit(values) + moves).to_series().cast(values.dtype)


def year(values: "polars.Series", cap: int, as_of: datetime.date | None) -> "polars.Series":
    """Year of a date; with `as_of`, who is `cap` or older then shares the earliest year."""
    years = values.dt.year()
    return years if as_of is None else years.clip(lower_bound=as_of.year - cap)


def period(values: "polars.Series", of: str) -> "polars.Series":
    """Month (`2024-03`) or quarter (`2024-Q1`) of a date."""
    import polars as pl

    if of == "month":
        return values.dt.strftime("%Y-%m")
    quarter = values.dt.quarter().cast(pl.String)
    return values.dt.strftime("%Y") + "-Q" + quarter


def age_band(
    values: "polars.Series", width: int, cap: int, as_of: datetime.date | None
) -> "polars.Series":
    """Band of ages such as `30-39`; everybody from `cap` on is in the last, `90+`.

    Ages are numbers, or dates of birth, of which the age on the day `as_of` counts. What is no
    number or below zero is null. Source of the cap: 45 CFR 164.514(b)(2)(i)(C), "ages 90 or older".
    """
    import polars as pl

    if values.dtype.is_temporal():
        assert as_of is not None
        month, day = values.dt.month(), values.dt.day()
        not_yet = (month > as_of.month) | ((month == as_of.month) & (day > as_of.day))
        values = as_of.year - values.dt.year() - not_yet.cast(pl.Int32)
    ages = values.cast(pl.Float64).fill_nan(None)
    lower = (ages.floor() // width * width).clip(upper_bound=cap)
    lower = pl.select(pl.when(ages >= cap).then(cap).otherwise(lower)).to_series()

    def label(low: float) -> str | None:
        if not low >= 0:
            return None
        return f"{cap}+" if low >= cap else f"{int(low)}-{int(min(low + width, cap)) - 1}"

    return _labelled(lower, label)


def prefix(values: "polars.Series", characters: int, rare: Sequence[str]) -> "polars.Series":
    """First characters of a postal code; zeros where few people live (`rare` prefixes).

    A value that is no longer than that is null: its prefix would be all of it. Source of the
    zeros: 45 CFR 164.514(b)(2)(i)(B)(2).
    """
    import polars as pl

    text = values.cast(pl.String).str.strip_chars()
    head = text.str.head(characters)
    found = pl.when(head.is_in(list(rare))).then(pl.lit("0" * characters)).otherwise(head)
    return pl.select(pl.when(text.str.len_chars() > characters).then(found)).to_series()


def band(values: "polars.Series", width: float) -> "polars.Series":
    """Band of numbers such as `[10, 20)`; what is not finite is null."""
    import polars as pl

    place = (values.cast(pl.Float64) / width).floor()

    def label(at: float) -> str | None:
        if not abs(at) < float("inf"):
            return None
        return f"[{_plain(at * width)}, {_plain((at + 1) * width)})"

    return _labelled(place, label)


def edged(values: "polars.Series", edges: Sequence[Any]) -> "polars.Series":
    """Band between given edges, rising: `<10`, `[10, 50)`, `>=50`; of numbers or of dates."""
    import polars as pl

    cuts = pl.Series(list(edges), dtype=None if values.dtype.is_temporal() else pl.Float64)
    if values.dtype.is_temporal():
        compared = values.cast(pl.Datetime("us")).to_physical()
        cuts = cuts.cast(pl.Datetime("us")).to_physical()
    else:
        compared = values.cast(pl.Float64)
    names = [_plain(edge) for edge in edges]
    labels = [
        "all" if not names else f"<{names[0]}",
        *(f"[{low}, {high})" for low, high in zip(names, names[1:], strict=False)),
        *(f">={name}" for name in names[-1:]),
    ]
    at = cuts.search_sorted(compared.fill_null(0), side="right")
    found = pl.Series(labels, dtype=pl.String).gather(at)
    known = values.is_not_null()
    if compared.dtype.is_float():
        known &= compared.is_not_nan().fill_null(False)
    return pl.select(pl.when(known).then(found)).to_series()


def k_edges(values: "polars.Series", counts: "polars.Series", k: int) -> list[Any]:
    """Edges between which there are at least `k` rows.

    Parameters
    ----------
    values, counts : polars.Series, shape (distinct values,)
        The values without null, rising, and how many rows have each; a NaN is in no band.
    """
    if values.dtype.is_float():
        numbers = values.is_not_nan()
        values, counts = values.filter(numbers), counts.filter(numbers)
    reached = counts.cum_sum()
    total, start, edges = int(counts.sum()), 0, []
    while total - start >= 2 * k:
        at = reached.search_sorted(start + k, side="left")
        start = int(reached[at])
        if total - start < k:
            break
        edges.append(values[at + 1])
    return edges


def _generalise(
    values: "polars.Series", rule: "ColumnPolicy", edges: Sequence[Any]
) -> "polars.Series":
    match rule.to:
        case "year":
            return year(values, rule.cap, rule.as_of)
        case "month" | "quarter":
            return period(values, rule.to)
        case "age_band":
            return age_band(values, int(rule.width or 10), rule.cap, rule.as_of)
        case "prefix":
            return prefix(values, rule.characters, rule.rare)
        case "band" if rule.width is not None:
            return band(values, rule.width)
    return edged(values, rule.edges or edges)


def _labelled(places: "polars.Series", label: Callable[[float], str | None]) -> "polars.Series":
    import polars as pl

    distinct = places.drop_nulls().unique()
    labels = pl.Series([label(place) for place in distinct.to_list()], dtype=pl.String)
    return places.replace_strict(distinct, labels, default=None, return_dtype=pl.String)


def _plain(value: Any) -> str:
    return format(round(value, 9), ".12g") if isinstance(value, int | float) else str(value)


def _cipher(key: bytes) -> "AESSIV":
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    return AESSIV(derived(key, "encrypt"))
