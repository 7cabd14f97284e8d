"""Findings in texts and columns, however they are written; standard library only.

What is encoded, escaped or disguised is read again as a person would read it. Places are shown
without what was found in them: a file or a column may itself be called after somebody.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import pairwise

from mlops_kit.core import utc
from mlops_kit.privacy.detect.check_digits import machine_address
from mlops_kit.privacy.detect.disguises import MOST_READINGS, encoded, readings, undisguised
from mlops_kit.privacy.detect.findings import LIKELY, Finding, Span
from mlops_kit.privacy.detect.kinds.headers import entity_of, label_of, plain
from mlops_kit.privacy.detect.kinds.registry import KINDS
from mlops_kit.privacy.detect.printed_tables import under_headings
from mlops_kit.privacy.detect.text import find, redact
from mlops_kit.privacy.detect.url_credentials import opens_nothing
from mlops_kit.privacy.detect.words import GIVEN, SURNAMES
from mlops_kit.privacy.detect.work import uncounted
from mlops_kit.privacy.read.open_file import (
    Column,
    Known,
    Piece,
    Text,
    Unreadable,
    pieces_of_bytes,
)

UNREADABLE = "unreadable"
# Quasi-identifiers are a matter of conf/privacy.yaml and k-anonymity; a web address in a document
# is a reference, a handle is public, and passwords are the business of secret scanners. What names
# a person alone, or a day of birth, is personal wherever it stands.
GATED = frozenset(
    {entity for entity, kind in KINDS.items() if kind.role == "identifier"}
    - {"url", "username", "credential"}
    | {"birth_date"}
)
WITHHELD_FROM_LOGS = GATED | {"credential"}
# In code and settings `name:` introduces anything, and given names are names of variables too.
STRONG_IN_CODE = 0.8
WEAK_IN_CODE = frozenset({"name", "address", "account"})
CODE = re.compile(r"\.(py|pyi|sql|ya?ml|toml|cfg|ini|sh|js|css|tf|lock|gitignore)$")
SETTINGS = re.compile(r"\.ipynb: .*metadata")
RESERVED = re.compile(r"@(?:[\w-]+\.)*(?:example(?:\.(?:com|org|net))?|test|invalid|localhost)$")
PLACEHOLDERS = re.compile(
    r"admin|alias|contact|e?mail|example|foo|bar|hello|help|info|me|(?:my\.|your\.)?name|nobody|owner"
    r"|people|security|someone|support|team|test|user(?:name)?|you"
)
SERVICES = re.compile("git|no-?reply|actions")
# A word as people part them: at capitals too, as in JuanPerez.
WORD = re.compile(r"[^\W\d_A-Z][^\W\d_A-Z]+|[A-Z\u00c0-\u00de](?:[^\W\d_A-Z]+|[A-Z]+)")
ColumnScan = Callable[[Column], list[Finding]]


def scan_pieces(pieces: Iterable[Piece], in_column: ColumnScan) -> list[Finding]:
    """Return what is personal in the pieces of a file; what cannot be read is a finding too.

    Parameters
    ----------
    pieces : iterable of Piece
        As a reader of `formats` gives them.
    in_column : callable
        What scans the values of one column.
    """
    found: list[Finding] = []
    try:
        for piece in pieces:
            if isinstance(piece, Text):
                found += in_text(piece, in_column)
            elif isinstance(piece, Known):
                found.append(Finding(piece.place, piece.entity, 1, 0, 1.0))
            else:
                found += in_column(piece)
    except Unreadable as error:
        found.append(Finding(error.place, UNREADABLE, 1, 0, 1.0, error.why))
    return merged(found)


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Return one finding per place and entity; places are shown without what was found there."""
    together: dict[tuple[str, str], Finding] = {}
    for one in findings:
        with uncounted():
            place = redact(one.place, gated(one.place))
        known = together.get((place, one.entity))
        if known is None:
            known = Finding(place, one.entity, 0, 0, 0.0, one.why)
        positions = [n for n in (known.position, one.position) if n]
        together[place, one.entity] = Finding(
            place,
            one.entity,
            known.count + one.count,
            min(positions, default=0),
            max(known.likelihood, one.likelihood),
            known.why,
        )
    return list(together.values())


def in_text(piece: Text, in_column: ColumnScan) -> list[Finding]:
    """Return the findings of one text, in every way of reading it."""
    most: dict[str, Finding] = {}
    in_code = CODE.search(piece.place.partition(" (")[0]) is not None
    in_settings = in_code or SETTINGS.search(piece.place) is not None
    tables = under_headings(piece.text)
    for reading in (*readings(piece.text), *([tables] if tables != piece.text else [])):
        counted: dict[str, list[Span]] = {}
        for span in gated(reading):
            value = reading[span.start : span.end]
            if (in_code and _is_reserved(span, value)) or (in_settings and _is_weak(span, value)):
                continue
            counted.setdefault(span.entity, []).append(span)
        for entity, spans in counted.items():
            if entity not in most or len(spans) > most[entity].count:
                line = piece.line and piece.line + reading.count("\n", 0, spans[0].start)
                likelihood = max(span.likelihood for span in spans)
                most[entity] = Finding(piece.place, entity, len(spans), line, likelihood)
    found = list(most.values())
    for content in encoded(piece.text):
        place = f"{piece.place} (base64)"
        inside = scan_pieces(pieces_of_bytes(content, place, "", MOST_READINGS), in_column)
        found += [one for one in inside if one.entity not in most]
    return found


def _is_reserved(span: Span, value: str) -> bool:
    """Tell whether an address in code is one of the domains that RFC 2606 keeps for examples."""
    return span.entity == "email" and RESERVED.search(value.lower()) is not None


def _is_weak(span: Span, value: str) -> bool:
    """Tell whether what might be personal in prose says nothing in code or settings."""
    one_word = len(value.split()) == 1 and span.entity != "account"
    return span.entity in WEAK_IN_CODE and (one_word or span.likelihood < STRONG_IN_CODE)


def in_column_lightly(column: Column) -> list[Finding]:
    """Return the findings of a column, read as text that its name introduces.

    Slower than the vectorised scan and without its statistics, but it needs no library: for what
    a person stages, not for tables of the open zone.
    """
    name = label_of(column.name)
    cells = column.values.to_list() if hasattr(column.values, "to_list") else column.values
    values = [(n, str(value)) for n, value in enumerate(cells) if value is not None and value != ""]
    if not values:
        return []
    entity, likelihood = entity_of(column.name)
    introduces = name and (entity != "name" or likelihood >= LIKELY)
    label = f"{name}: " if introduces else ""
    one_per_line = "\n".join(label + value.replace("\n", " ") for _, value in values)
    found = in_text(Text(column.place, one_per_line, 1), in_column_lightly)
    return [
        Finding(
            one.place,
            one.entity,
            one.count,
            values[one.position - 1][0] + column.first_row
            if one.position and column.first_row
            else 0,
            one.likelihood,
        )
        for one in found
    ]


def without_personal_data(text: str) -> str:
    """Return a text with what is personal replaced by its kind; undisguised if it was disguised."""
    for reading in readings(text):
        if spans := gated(reading, WITHHELD_FROM_LOGS):
            text = redact(reading, spans)
            plain = undisguised(text)
            hidden = gated(plain, WITHHELD_FROM_LOGS)
            return redact(plain, hidden) if hidden else text
    return text


def gated(text: str, entities: frozenset[str] = GATED) -> list[Span]:
    """Return the spans of one way of reading a text that are personal wherever they stand."""
    return [
        span
        for span in find(text)
        if span.likelihood >= LIKELY
        and span.entity in entities
        and not is_example(span.entity, text[span.start : span.end])
    ]


def is_example(entity: str, value: str) -> bool:
    """Tell whether a value is a placeholder that stands for nobody (RFC 2606, 5737 and 3849).

    Outside of code a reserved domain alone does not make an address a placeholder: the name before
    it may still be somebody's, as in the invented shop, whose people all live at example.com.
    """
    if entity == "email":
        name = value.lower().partition("@")[0]
        placeholder = PLACEHOLDERS.fullmatch(name) and RESERVED.search(value.lower())
        return bool(SERVICES.fullmatch(name) or placeholder)
    if entity == "url_credential":
        return opens_nothing(value)
    if entity == "ip":
        address = machine_address(value)
        return address is not None and not address.is_global
    return False


def in_file_name(path: str) -> tuple[str, list[Finding]]:
    """Return a path as it may be shown, and what is personal in it: names hide in file names."""
    parted = re.sub(r"[_\-.+/\\]", " ", path)  # as long as the path, so that positions agree
    spans = gated(path) or gated(parted) or list(_people(parted))
    found: dict[str, int] = {}
    for span in spans:
        found[span.entity] = found.get(span.entity, 0) + 1
    shown = redact(path, spans)
    place = f"{shown} (file name)"
    return shown, [Finding(place, entity, count, 0, 1.0) for entity, count in found.items()]


def _people(words: str) -> Iterator[Span]:
    """Return given names beside another name: in a file name no other word introduces them."""
    found = [(m.start(), m.end(), m[0], plain(m[0])) for m in WORD.finditer(words)]
    end = 0
    for (start, _, one, first), (_, last, two, second) in pairwise(found):
        pair = {first, second}
        both = one[0].isupper() and two[0].isupper()
        is_person = (first in GIVEN and (both or second in SURNAMES)) or (
            second in GIVEN and first in SURNAMES
        )
        if start >= end and is_person and len(pair) == 2:
            end = last
            yield Span(start, last, "name", LIKELY)


def today() -> date:
    """Return the day against which allowances end; a function so that a test can change it."""
    return utc.today()
