"""Search every value of a column: one cheap pass lets suspects through, few rules see those."""

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from mlops_kit.core.errors import MlopsError
from mlops_kit.privacy.detect.columns.column import judge
from mlops_kit.privacy.detect.columns.shapes import HARMLESS, HASH, SUSPECT, matches
from mlops_kit.privacy.detect.columns.values import believable, leaves, texts_of
from mlops_kit.privacy.detect.disguises import undisguised
from mlops_kit.privacy.detect.findings import LIKELY, Finding, Span
from mlops_kit.privacy.detect.kinds.headers import entity_of, is_quantity
from mlops_kit.privacy.detect.kinds.registry import KINDS, SHAPES
from mlops_kit.privacy.detect.readings import paths
from mlops_kit.privacy.detect.text import find, is_identifier
from mlops_kit.privacy.detect.url_credentials import opens_nothing

SAMPLE = 2_000  # values that the header and the column as a whole are judged by
MANY = 5_000  # distinct texts; above it, those that differ in digits only are sampled first
EACH = 40
NUMBER_LIKE = r"^[+(]?\d[\d ().+/_x-]*$"
_IN_PROSE = {"name", "address", "username"}  # in short values these are as often a brand
_SEVERAL = r"[\s@:=%;,{<&|\"'\\]|\+A|_x00"  # a label needs something between itself and its value
_CLEAR = r"^(?:0x)?(?i:[2-6][0-9a-f]|7[0-9a-e]|0[09ad]|c[2-9][89ab][0-9a-f]){8,}$"
# What may hold a password or a token of a web address; the rules for texts decide.
_CREDENTIAL = (
    r"://[^\s/?#]{0,200}[:@]|[?&](?i:[a-z]{0,8}_?token|api_?key|client_secret|sig|pass(?:wor)?d"
    r"|passwd|pwd)="
)
_SMALLEST = 10**6  # whole numbers below it are no identifiers


class Hits(NamedTuple):
    """How many rows hold an entity, and which is the first, counted from 0."""

    entity: str
    likelihood: float
    count: int
    first: int


def search(name: str, values: pl.Series, first_row: int, vouched: bool = False) -> list[Finding]:
    """Find direct identifiers in every value; see `columns.scan`."""
    found: dict[tuple[str, str], Finding] = {}
    for leaf, part, rows in leaves(name, values):
        if vouched and part.dtype == pl.Binary and texts_of(part) is None:
            continue
        for path, hits, at in _leaf(leaf, part):
            first = hits.first if at is None else at[hits.first]
            position = first_row + (first if rows is None else int(rows[first]))
            key = (path, hits.entity)
            old = found.get(key)
            found[key] = Finding(
                path,
                hits.entity,
                hits.count + (old.count if old else 0),
                min(position, old.position) if old else position,
                max(hits.likelihood, old.likelihood) if old else hits.likelihood,
            )
    return sorted(found.values(), key=lambda one: -one.likelihood)


def _leaf(name: str, values: pl.Series) -> Iterator[tuple[str, Hits, list[int] | None]]:
    kind = values.dtype
    if kind.is_temporal() or kind in (pl.Boolean, pl.Null) or values.null_count() == values.len():
        return
    if kind.is_integer() and not (values.cast(pl.Float64).abs() >= _SMALLEST).any():
        return
    texts = texts_of(values)
    if texts is None:
        if kind.is_numeric():
            return
        raise MlopsError(
            f'The column "{name}" has the type {kind}, which cannot be searched for personal data; '
            "drop it, or turn it into text or numbers first."
        )
    rows = _rows(values, texts)
    seen: set[str] = set()
    for hits in _texts(name, texts):
        seen.add(hits.entity)
        yield name, hits._replace(first=int(rows[hits.first])), None
    if kind == pl.String or kind == pl.Binary:
        yield from _documents(name, texts, rows)
    yield from ((name, hits, None) for hits in _as_a_whole(name, values, texts, rows, seen))


def _rows(values: pl.Series, texts: pl.Series) -> pl.Series:
    """Row of each text."""
    if texts.len() == values.len():
        return pl.int_range(values.len(), eager=True)
    kept = values.is_not_null()
    if values.dtype.is_float():
        kept &= values.is_finite().fill_null(False)
    return kept.arg_true()


def _texts(name: str, texts: pl.Series) -> Iterator[Hits]:
    """Search texts without nulls; `first` counts among them."""
    suspect = texts.str.contains(SUSPECT)
    if not suspect.any():
        return
    places = suspect.arg_true()
    suspects = texts.filter(suspect)
    harmless = suspects.str.contains(HARMLESS)
    if harmless.any():
        places, suspects = places.filter(~harmless), suspects.filter(~harmless)
    if not suspects.len():
        return
    numeric = suspects.str.contains(NUMBER_LIKE)
    found: dict[str, tuple[float, list[pl.Series]]] = {}
    counts = is_quantity(name)
    for alike, group in ((True, numeric), (False, ~numeric)):
        part, where = suspects.filter(group), places.filter(group)
        for entity, shape in SHAPES:
            if not part.len() or shape.numeric != alike:
                continue
            mask = matches(part, shape)
            if not mask.any() or KINDS[entity].role != "identifier":
                continue
            if counts and KINDS[entity].like_amounts:
                continue
            if not believable(part.unique(), entity, shape, part.filter(mask).n_unique()):
                continue
            if shape.likelihood >= LIKELY:
                likelihood, rows = found.get(entity, (0.0, []))
                rows.append(where.filter(mask))
                found[entity] = (max(likelihood, shape.likelihood), rows)
            part, where = part.filter(~mask), where.filter(~mask)
        if not alike and part.len():
            for entity, likelihood, rows in _prose(part, where):
                before, known = found.get(entity, (0.0, []))
                found[entity] = (max(before, likelihood), [*known, rows])
    found |= _credentials(suspects, places)
    for entity, (likelihood, rows) in found.items():
        every = pl.concat(rows).unique()
        yield Hits(entity, likelihood, every.len(), int(every.sort()[0]))


def _credentials(texts: pl.Series, places: pl.Series) -> dict[str, tuple[float, list[pl.Series]]]:
    """Find passwords in web addresses, whatever else the values are: one row opens a door."""
    may = texts.str.contains(_CREDENTIAL)
    texts, places = texts.filter(may), places.filter(may)
    held = [
        value
        for value in texts.unique().to_list()
        for span in find(value)
        if span.entity == "url_credential" and not opens_nothing(value[span.start : span.end])
    ]
    if not held:
        return {}
    return {"url_credential": (0.99, [places.filter(texts.is_in(held))])}


def _prose(texts: pl.Series, places: pl.Series) -> Iterator[tuple[str, float, pl.Series]]:
    """Read the distinct texts that are left with the rules for prose, also what base64 hides."""
    opened = _readable(texts)
    reads = texts.str.contains(_SEVERAL) | opened
    texts, places = texts.filter(reads), places.filter(reads)
    distinct = texts.unique()
    if distinct.len() > MANY:
        distinct = _worth_reading(distinct)
    found: dict[str, tuple[float, list[str]]] = {}
    for value in distinct.to_list():
        for span in _spans(value):
            if span.entity == "url_credential":
                continue  # see _credentials
            if is_identifier(span) and (span.entity not in _IN_PROSE or value.count(" ") >= 4):
                likelihood, which = found.get(span.entity, (0.0, []))
                which.append(value)
                found[span.entity] = (max(likelihood, span.likelihood), which)
    for entity, (likelihood, which) in found.items():
        yield entity, likelihood, places.filter(texts.is_in(which))


def _spans(text: str) -> list[Span]:
    """Find what a text holds, and addresses that it holds only without escapes."""
    plain = undisguised(text)
    hidden = find(plain) if plain != text else []
    return find(text) + [span for span in hidden if span.entity == "email"]


def _readable(texts: pl.Series) -> pl.Series:
    """Whether a word without separators is text in base64 or in hexadecimal digits.

    Bytes are compared as hexadecimal digits: polars refuses to read those that are no text.
    """
    clear = texts.str.contains(_CLEAR)
    word = texts.str.contains(r"^[A-Za-z0-9+/_-]{16,}={0,2}$") & ~texts.str.contains(HASH)
    if not word.any():
        return clear
    bare = texts.filter(word).str.replace_all("=", "")
    bare = bare.str.replace_all("-", "+", literal=True).str.replace_all("_", "/", literal=True)
    padded = pl.select(
        (bare + "===").str.slice(0, bare.str.len_bytes() + (4 - bare.str.len_bytes() % 4) % 4)
    )
    decoded = padded.to_series().str.decode("base64", strict=False).bin.encode("hex")
    mask = word.to_numpy().copy()
    mask[mask] = decoded.str.contains(_CLEAR).fill_null(False).to_numpy()
    return pl.Series(mask) | clear


def _worth_reading(distinct: pl.Series) -> pl.Series:
    """Leave out texts that differ in digits only from others in which nothing was found.

    An identifier whose neighbours look the same and are none has passed a check by chance.
    """
    frame = pl.DataFrame({"text": distinct, "form": distinct.str.replace_all(r"[0-9]", "0")})
    frame = frame.with_columns(pl.len().over("form").alias("alike"))
    common = frame.filter(pl.col("alike") > EACH)
    if not common.height:
        return distinct
    tried = common.group_by("form").head(EACH)
    hit = tried["text"].map_elements(
        lambda text: any(is_identifier(span) for span in _spans(text)), return_dtype=pl.Boolean
    )
    forms = tried.filter(hit).select(pl.col("form").unique())
    read = common.join(forms, on="form", how="semi")["text"]
    return pl.concat([frame.filter(pl.col("alike") <= EACH)["text"], read])


def _documents(
    name: str, texts: pl.Series, rows: pl.Series
) -> Iterator[tuple[str, Hits, list[int] | None]]:
    """Search JSON and XML by path, each path as a column of its own."""
    opens = texts.str.contains(r"^\s*[\[{<]")
    if not opens.any():
        return
    leaves: dict[str, tuple[list[str], list[int]]] = {}
    for row, text in zip(rows.filter(opens).to_list(), texts.filter(opens).to_list(), strict=True):
        for path, value in paths(text):
            held, at = leaves.setdefault(path, ([], []))
            held.append(value)
            at.append(row)
    for path, (held, at) in leaves.items():
        part = pl.Series(held)
        seen: set[str] = set()
        for hits in _texts(name + path, part):
            seen.add(hits.entity)
            yield name + path, hits, at
        index = pl.int_range(part.len(), eager=True)
        for hits in _as_a_whole(name + path, part, part, index, seen):
            yield name + path, hits, at


def _as_a_whole(
    name: str, values: pl.Series, texts: pl.Series, rows: pl.Series, seen: set[str]
) -> Iterator[Hits]:
    """Judge the column by its header and a sample, where no single value tells."""
    if not texts.len():
        return
    sample = texts.gather_every(max(1, texts.len() // SAMPLE)) if texts.len() > SAMPLE else texts
    verdict = judge(name, sample)
    if verdict.kind != "identifier" or verdict.likelihood < LIKELY or verdict.entity in seen:
        return
    # What was found value by value under a weaker name needs no second finding.
    if seen and entity_of(name)[0] != verdict.entity:
        return
    pattern = KINDS[verdict.entity].under_header
    mask = texts.str.contains(pattern) if pattern else texts.str.len_bytes() > 0
    if mask.any():
        yield Hits(verdict.entity, verdict.likelihood, int(mask.sum()), int(rows.filter(mask)[0]))
