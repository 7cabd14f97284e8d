"""Find personal data in a text by rules, and write the text without it.

The pre-commit hook imports this module: nothing beyond the standard library may load with it.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from mlops_kit.privacy.detect.disguises import undisguised
from mlops_kit.privacy.detect.findings import LIKELY, Span
from mlops_kit.privacy.detect.keyed_values import values_under_keys
from mlops_kit.privacy.detect.kinds.kind import Check
from mlops_kit.privacy.detect.kinds.patterns import written_out
from mlops_kit.privacy.detect.kinds.registry import KINDS, RULES
from mlops_kit.privacy.detect.overlaps import without_overlaps
from mlops_kit.privacy.detect.readings import encoded
from mlops_kit.privacy.detect.words import AMBIGUOUS, GIVEN
from mlops_kit.privacy.detect.work import spend

if TYPE_CHECKING:
    import polars

_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_PLAIN = str.maketrans("áéíóúüñçàèìòùâêîôûäëïö", "aeiouuncaeiouaeiouaeio")
_PLACES = re.compile(
    r"(?i)\b(?:san(?:t[ao])?|sta?\.?|saint|puerto|port|fort|villa|lake|mount|cabo|isla)\s\Z"
)
_PREFIX = 3
_NEAR = 100
_REST_OF_URL = re.compile(r"[^\s<>\"'`\])}|]{1,2000}")
_HEX = "0123456789abcdefABCDEF:"
_CAPITAL = "\x01"  # stands for a space and a capital behind a number


class _Ready(NamedTuple):
    """A rule made ready: its compiled pattern, the group to take and the check to pass."""

    entity: str
    likelihood: float
    pattern: re.Pattern[str]
    group: str | int
    check: Check | None


class _Index(NamedTuple):
    """Positions of rules by where their matches can begin."""

    words: dict[str, list[int]]
    capitals: list[int]
    numbers: dict[int, list[tuple[int, str]]]
    before: dict[int, list[int]]
    mixed: list[int]
    signs: list[tuple[int, tuple[str, ...]]]


@cache
def _index() -> _Index:
    index = _Index({}, [], {length: [] for length in range(1, 31)}, {}, [], [])
    for place, (_, rule) in enumerate(RULES):
        starts = rule.starts.split()
        signs = tuple(s[1:].replace("_", " ") for s in starts if s[0] == "=")
        if signs:
            index.signs.append((place, signs))
        for start in starts:
            if start == "Aa":
                index.capitals.append(place)
            elif start == "A#":
                index.mixed.append(place)
            elif start[0] == "<":
                index.before.setdefault(int(start[2:]), []).append(place)
            elif start[0] == "#":
                counts, _, signs_after = start[1:].partition(":")
                needed = signs_after.replace("_", " ^").replace("^", _CAPITAL)
                for length in map(int, counts.split(",")) if counts else range(1, 31):
                    index.numbers[length].append((place, needed))
            elif start[0] != "=":
                index.words.setdefault(start, []).append(place)
    return index


@lru_cache(maxsize=4096)
def _of_number(digits: int, sign: str) -> list[int]:
    numbers = _index().numbers.get(digits, ())
    return [place for place, needed in numbers if not needed or (sign and sign in needed)]


@cache
def _ready(place: int) -> _Ready:
    entity, rule = RULES[place]
    pattern = re.compile(rule.regex)
    group = "v" if "v" in pattern.groupindex else 0
    return _Ready(entity, rule.likelihood, pattern, group, rule.check)


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
    spend(len(text))
    return without_overlaps([*_candidates(text), *_hidden(text), *_under_keys(text)])


def _under_keys(text: str) -> Iterator[Span]:
    """What follows a key of several words, however they are joined: `dateOfBirth=`, `<nro-doc>`."""
    for label, value, start in values_under_keys(text):
        before = len(label) + 2
        for span in _candidates(f"{label}: {value}"):
            if before <= span.start <= before + 1 and span.likelihood >= LIKELY:
                shift = start - before
                yield span._replace(start=span.start + shift, end=span.end + shift)


def _hidden(text: str) -> Iterator[Span]:
    """Direct identifiers inside encoded words; the whole word is the span."""
    for start, end, decoded in encoded(text):
        likely = [span for span in _candidates(decoded) if is_identifier(span)]
        if likely:
            best = max(likely, key=lambda span: span.likelihood)
            yield Span(start, end, best.entity, best.likelihood)


def is_identifier(span: Span) -> bool:
    """Whether a span is likely enough, and names a person alone."""
    return span.likelihood >= LIKELY and KINDS[span.entity].role == "identifier"


def _end_of_url(text: str, end: int) -> int:
    """Go on to the end of a long address; what closes a sentence is not of it."""
    rest = _REST_OF_URL.match(text, end)
    last = rest.end() if rest else end
    while last > end and not (text[last - 1].isalnum() or text[last - 1] in "_/=&#"):
        last -= 1
    return last


def _candidates(text: str) -> Iterator[Span]:
    words, capitals, _, before, mixed, signs = _index()
    for place, needed in signs:
        for start, end in _windows(text, needed):
            ready = _ready(place)
            reached = 0
            for match in ready.pattern.finditer(text, start, end):
                if match.start() < reached:
                    continue
                for span in _span(text, match, ready):
                    if span.entity == "url":
                        span = span._replace(end=_end_of_url(text, span.end))
                    reached = span.end
                    yield span
    end, after = len(text), 0
    for token in _TOKEN.finditer(text):
        start, after = token.span()
        first = text[start]
        places: Sequence[int]
        if first.isalpha():
            if start and text[start - 1].isdecimal():
                continue  # inside a code
            places = words.get(token[0][:_PREFIX].lower(), ())
            if first.isupper():
                yield from _known_name(text, start, token[0])
                places = [*places, *capitals]
            if after < end and text[after].isdecimal():
                places = [*places, *mixed]
        else:
            sign = text[after : after + 1]
            if sign == " " and text[after + 1 : after + 2].isupper():
                sign = _CAPITAL
            places = _of_number(after - start, sign)
            for place in before.get(after - start, ()):
                ready = _ready(place)
                for match in ready.pattern.finditer(text, max(0, start - _NEAR), after + 1):
                    yield from _span(text, match, ready)
        for place in places:
            ready = _ready(place)
            if match := ready.pattern.match(text, start):
                yield from _span(text, match, ready)


def _windows(text: str, signs: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Stretches of the text around the signs, wide enough for a match, without gaps or overlaps."""
    places = []
    for sign in signs:
        place = text.find(sign)
        while place >= 0:
            # Most colons and hyphens stand in no address of a machine.
            if sign not in ":-" or (
                text[place - 1 : place] in _HEX and text[place + 1 : place + 2] in _HEX
            ):
                places.append(place)
            place = text.find(sign, place + 1)
    first = last = -1
    for place in sorted(places):
        if last >= 0 and place - _NEAR > last:
            yield first, last
            last = -1
        if last < 0:
            first = max(0, place - _NEAR)
        last = place + 2 * _NEAR
    if last >= 0:
        yield first, last


def _span(text: str, match: re.Match[str], ready: _Ready) -> Iterator[Span]:
    start, end = match.span(ready.group)
    while end > start and text[end - 1].isspace():
        end -= 1
    if end > start and (ready.check is None or ready.check(text[start:end])):
        yield Span(start, end, ready.entity, ready.likelihood)


@cache
def _name() -> re.Pattern[str]:
    return re.compile(written_out("<NAME>"))


def _known_name(text: str, start: int, word: str) -> Iterator[Span]:
    folded = word.lower().translate(_PLAIN)
    if folded not in GIVEN and folded not in AMBIGUOUS:
        return
    if _PLACES.search(text, max(0, start - 10), start):
        return  # San Juan, Villa Ana
    if match := _name().match(text, start):
        alone = match.end() - start <= len(word) + 1
        if word.isupper() and (alone or not match[0].isupper()):
            return  # ANA is a blood test
        if folded in GIVEN:
            yield Span(start, match.end(), "name", 0.45 if alone else 0.6)
        elif not alone:
            yield Span(start, match.end(), "name", 0.4)


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


def _without_disguise(value: str) -> str:
    """Return a text as it is, unless something personal shows only in its plain reading."""
    plain = undisguised(value)
    return plain if plain != value and find(plain) else value


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
    texts = [redact(_without_disguise(value)) for value in distinct.to_list()]
    redacted = pl.Series(texts, dtype=pl.String)
    return values.replace_strict(distinct, redacted, default=None, return_dtype=pl.String)
