"""What the values of a column say, counted by polars over all of them at once."""

import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl

from mlops_kit.core.errors import MlopsError
from mlops_kit.privacy.detect.check_digits import ean
from mlops_kit.privacy.detect.columns.column import FEW, LONG, PROSE_WORDS, RARE, WORDS, K
from mlops_kit.privacy.detect.columns.shapes import in_range_of_cards, matches
from mlops_kit.privacy.detect.disguises import UNSEEN
from mlops_kit.privacy.detect.kinds.kind import Shape
from mlops_kit.privacy.detect.kinds.registry import SHAPES
from mlops_kit.privacy.detect.readings import encoded
from mlops_kit.privacy.detect.words import GIVEN

FEW_TRIALS = 10
DASH = "[\u2010-\u2015\u2212]"
# Full-width and mathematical letters, long dashes and characters that take no room.
STRANGE = f"{UNSEEN.pattern}|{DASH}|[\uff01-\uff5e\U0001d400-\U0001d7ff]"
MANY_GROUPS = 8
_PERSON = r"^\p{L}[\p{L}'’.-]+(?:,? \p{L}[\p{L}'’.-]*){0,5}$"
_GIVEN = sorted(GIVEN)
_SEXES = "m f h v x male female hombre mujer varon varón masculino femenino man woman"


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
        at = pl.int_range(values.len(), eager=True) if rows is None else rows
        parts = pl.DataFrame({"row": at, "value": values}).explode("value")
        yield from _leaves(name, parts["value"], parts["row"])
    else:
        yield name, values, rows


def texts_of(values: pl.Series) -> pl.Series | None:
    """Return the values without nulls as text, or None if their type never holds any.

    Whole numbers count as text, also when they are stored as floating point, as pandas does with
    numbers of which some are missing.
    """
    kind = values.dtype
    values = values.drop_nulls()
    if kind == pl.String:
        return _undisguised(values.str.strip_chars())
    if isinstance(kind, pl.Categorical | pl.Enum) or kind in (pl.Date, pl.Datetime):
        return values.cast(pl.String)
    if kind.is_integer():
        return values.cast(pl.String)
    if kind.is_float() or isinstance(kind, pl.Decimal):
        numbers = values.cast(pl.Float64)
        numbers = numbers.filter(numbers.is_finite())
        head = numbers.head(1000)
        if (
            not numbers.len()
            or (head != head.round(0)).any()
            or (numbers != numbers.round(0)).any()
        ):
            return None
        return numbers.filter(numbers.abs() < 2**63).cast(pl.Int64).cast(pl.String)
    if kind == pl.Binary:
        try:
            return _undisguised(values.cast(pl.String))
        except pl.exceptions.ComputeError:
            return None
    return None


def _undisguised(texts: pl.Series) -> pl.Series:
    """Return texts without characters that nobody sees, and with plain letters, digits and dashes.

    Accented letters alone are no disguise: only texts with one of these characters are touched.
    """
    strange = texts.str.len_bytes() > texts.str.len_chars()
    if not strange.any():
        return texts
    strange &= texts.str.contains(STRANGE)
    if not strange.any():
        return texts
    plain = texts.filter(strange).str.replace_all(UNSEEN.pattern, "").str.normalize("NFKC")
    return texts.scatter(strange.arg_true(), plain.str.replace_all(DASH, "-"))


def decoded(distinct: pl.Series) -> pl.Series | None:
    """Return what base64 or percent-encoding hides, if that is what most of the values are."""
    head = distinct.head(20)
    if (
        not head.len()
        or not head.str.contains(r"^[A-Za-z0-9+/_-]{12,}={0,2}$|%[0-9A-Fa-f]{2}").all()
    ):
        return None
    for some in (distinct.head(100), distinct):  # most such columns hold hashes
        opened = [[text for _, _, text in encoded(value)] for value in some.to_list()]
        texts = [found[0] for found in opened if found]
        if len(texts) <= some.len() / 2:
            return None
    return pl.Series(texts)


def beats_chance(passed: int, trials: int, chance: float) -> bool:
    """Whether so many passes are four standard deviations above what chance gives.

    One in ten random numbers passes Luhn's test: a column of order numbers passes in a tenth of
    its rows, a column of cards in all of them, and one card among texts has no other trial.
    """
    expected = trials * chance
    return passed > 0 and passed >= expected + 4 * math.sqrt(expected * (1 - chance))


def trials(values: pl.Series, shape: Shape) -> int:
    """Count the values that could have passed: those of the shape's outline."""
    return int(values.str.contains(shape.outline or shape.pattern).sum())


def believable(distinct: pl.Series, entity: str, shape: Shape, passed: int) -> bool:
    """Whether more distinct values pass as the entity than chance explains."""
    if not beats_chance(passed, trials(distinct, shape), shape.chance):
        return False
    if entity == "ip" and passed > 3:
        # Versions have four parts too, and mostly begin with a small one.
        return int(distinct.str.contains(r"^[1-9]\d|:").sum()) > len(distinct) / 2
    if entity != "card":
        return True
    # Numbers that are counted within an issuer's range pass Luhn's test in a tenth.
    started = int(in_range_of_cards(distinct).sum())
    return started < FEW_TRIALS or beats_chance(passed, started, 0.1)


def shares(distinct: pl.Series) -> list[tuple[str, float, int]]:
    """List the entities whose shape more distinct values have than chance explains.

    Returns
    -------
    list of tuple of str, float and int
        Entity, likelihood, and how many distinct values match.
    """
    found = []
    for entity, shape in SHAPES:
        passed = int(matches(distinct, shape).sum())
        if passed and believable(distinct, entity, shape, passed):
            found.append((entity, shape.likelihood, passed))
    return found


def looks_like_identity_numbers(distinct: pl.Series) -> bool:
    """Whether a column of numbers without a telling header could be of identity cards.

    Seven or eight digits carry no check. What tells them from codes: nearly all are distinct,
    most have eight digits, they lie scattered (not counted upwards) over a part of the range
    that eight digits span (random codes fill all of it), and they are neither days written as
    numbers nor barcodes.
    """
    if distinct.len() < 8 or not distinct.head(100).str.contains(r"^\d{7,8}$").any():
        return False
    shaped = distinct.str.contains(r"^\d{7,8}$")
    if shaped.sum() < 0.98 * distinct.len():
        return False
    texts = distinct.filter(shaped)
    numbers = np.sort(texts.cast(pl.Int64).to_numpy())
    spread, gap = int(numbers[-1] - numbers[0]), float(np.median(np.diff(numbers)))
    if not 1_000_000 < spread < 65_000_000 or np.mean(numbers >= 10_000_000) < 0.5:
        return False
    if gap <= 20 or np.mean(numbers % 10 == 0) > 0.3:
        return False
    days = texts.str.to_date("%Y%m%d", strict=False)
    if days.null_count() < 0.1 * texts.len():
        return False
    few = distinct.head(40).to_list()
    return sum(map(ean, few)) < 0.9 * len(few)


def names_share(distinct: pl.Series) -> float:
    """Share of distinct values that are a common given name, alone or with other words."""
    if distinct.len() < 5 or not distinct.head(200).str.contains(_PERSON).any():
        return 0.0
    people = distinct.filter(distinct.str.contains(_PERSON))
    if people.len() < 0.5 * distinct.len():
        return 0.0
    folded = people.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    first, second = folded.str.extract(r"^([a-z]+)"), folded.str.extract(r", ([a-z]+)")
    known = first.is_in(_GIVEN).fill_null(False) | second.is_in(_GIVEN).fill_null(False)
    return float(known.sum()) / distinct.len()


def is_prose(distinct: pl.Series) -> bool:
    """Whether the values are texts that people wrote: many words, mostly distinct."""
    if (distinct.head(1000).str.contains(r"^[\[{<]").mean() or 0) > 0.5:  # pyrefly: ignore
        return False  # documents, which are searched by path
    words = distinct.head(1000).str.count_matches(r"\S\s+\S").mean() if distinct.len() else 0
    return isinstance(words, float) and words + 1 >= PROSE_WORDS


def are_few(values: pl.Series) -> bool:
    """Whether few different values stand in nearly all rows, and many rows have each."""
    there = values.drop_nulls()
    if there.dtype.is_nested() or there.dtype == pl.Binary:
        return False
    counts = there.value_counts(name="how often")
    rare = int(counts.filter(pl.col("how often") < K)["how often"].sum())
    return counts.height <= FEW and rare <= RARE * there.len()


def is_list_of_categories(texts: pl.Series) -> bool:
    """Whether few short texts stand in many rows each: chosen from a list, not written."""
    there = texts.drop_nulls()
    if there.is_empty() or not are_few(there):
        return False
    longest, words = there.str.len_chars().max(), there.str.count_matches(r"\S+").mean()
    return int(longest) <= LONG and float(words or 0) <= WORDS  # type: ignore[arg-type]


def sensitive_codes(distinct: pl.Series) -> tuple[str, float, int, tuple[str, ...]] | None:
    """Recognise sexes by their few words, and diseases by their codes (ICD-10)."""
    if 2 <= distinct.len() <= 4 and set(distinct.str.to_lowercase().to_list()) <= {*_SEXES.split()}:
        return "gender", 0.7, distinct.len(), ("its few values are sexes",)
    codes = int(distinct.str.contains(r"^[A-TV-Z]\d\d(?:\.\d{1,2})?$").sum())
    if codes >= 8 and codes >= 0.95 * distinct.len():
        dotted = int(distinct.str.contains(r"\.").sum())
        if dotted >= 0.2 * codes:
            return "health", 0.6, codes, ("its values have the form of ICD-10 codes",)
    return None


def sample_of_row_groups(path: Path, rows: int) -> pl.DataFrame:
    """Read evenly spaced rows of every row group of a parquet file.

    Of many row groups the beginning of each is read: the rest would have to be decoded to be
    thrown away.

    Raises
    ------
    MlopsError
        If the file is damaged or no parquet.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path, pre_buffer=False)
        groups = file.metadata.num_row_groups
        each = max(1, math.ceil(rows / max(groups, 1)))
        parts = []
        for group in range(groups):
            if groups < MANY_GROUPS:
                table = file.read_row_group(group)
            else:
                batches = file.iter_batches(each, row_groups=[group], use_threads=False)
                table = pyarrow.Table.from_batches([*islice(batches, 1)], schema=file.schema_arrow)
            step = max(1, table.num_rows // each)
            parts.append(pl.DataFrame(pl.from_arrow(table)).gather_every(step).head(each))
        return pl.concat(parts) if parts else pl.DataFrame(pl.from_arrow(file.read()))
    except (OSError, pyarrow.ArrowException) as error:
        raise MlopsError(
            f"{path.as_posix()} cannot be read as parquet; write it again, or remove it."
        ) from error
