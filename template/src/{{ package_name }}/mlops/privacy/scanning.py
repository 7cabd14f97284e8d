"""Findings in texts and columns, however they are written; standard library only.

What is encoded, escaped or disguised is read again as a person would read it. Places are shown
without what was found in them: a file or a column may itself be called after somebody.
"""

import base64
import binascii
import html
import re
import unicodedata
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import pairwise

from .entities import ENTITIES, Finding, Span
from .formats import MAGIC, Column, Known, Piece, Text, Unreadable, pieces_of_bytes
from .headers import plain
from .rules import LIKELY
from .text import find, redact
from .words import GIVEN, SURNAMES

UNREADABLE = "unreadable"
# Quasi-identifiers are a matter of conf/privacy.yaml and k-anonymity; a web address in a document
# is a reference, a handle is public, and passwords are the business of secret scanners. What names
# a person alone, or a day of birth, is personal wherever it stands.
GATED = frozenset(
    {name for name, entity in ENTITIES.items() if entity.kind == "identifier"}
    - {"url", "username", "credential"}
    | {"birth_date"}
)
WITHHELD_FROM_LOGS = GATED | {"credential"}
# In code and settings a word such as `name:` introduces anything: one word after it is no person.
CODE = re.compile(r"\.(py|pyi|sql|ya?ml|toml|cfg|ini|sh|js|css|tf|lock|gitignore)$|metadata")
MOST_READINGS = 3  # encoded in something encoded in something encoded
RESERVED = re.compile(r"@(?:[\w-]+\.)*(?:example(?:\.(?:com|org|net))?|test|invalid|localhost)$")
PLACEHOLDERS = frozenset(
    "admin alias contact email example foo bar hello help info mail me my.name name nobody no-reply"
    " noreply owner people security someone support team test user username you your.name".split()
)
SERVICES = frozenset({"git", "noreply", "no-reply", "actions"})
PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})")
ESCAPES = re.compile(r"\\u00([0-9A-Fa-f]{2})|\\x([0-9A-Fa-f]{2})|=([2-7][0-9A-F])(?=\w)")
AT = re.compile(r"\s*[\[({<]\s*(?:at|arroba)\s*[\])}>]\s*", re.IGNORECASE)
DOT = re.compile(r"\s*[\[({<]\s*(?:dot|punto)\s*[\])}>]\s*", re.IGNORECASE)
UNSEEN = re.compile("[\0\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
# Letters of other alphabets that look like Latin ones; only inside a word that is otherwise Latin.
LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u051b\u051d"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425"
    "\u03b1\u03bf\u03b9\u03bd\u03c1\u03c5\u0391\u0392\u0395\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u0396",
    "aeopcyxijsdhqw"
    "ABEKMHOPCTX"
    "aoivpuABEHIKMNOPTYXZ",
)
MIXED = re.compile(r"(?=\S*[A-Za-z@])(?=\S*[\u0370-\u052f])\S+")
WRAPPED = re.compile(r"(?<=[A-Za-z0-9+/]{60})\r?\n(?=[A-Za-z0-9+/]{4})")
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
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
    for reading in readings(piece.text):
        counted: dict[str, list[Span]] = {}
        for span in gated(reading):
            value = reading[span.start : span.end]
            if in_code and span.entity in ("name", "address") and len(value.split()) == 1:
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
        found += scan_pieces(pieces_of_bytes(content, place, "", MOST_READINGS), in_column)
    return found


def in_column_lightly(column: Column) -> list[Finding]:
    """Return the findings of a column, read as text that its name introduces.

    Slower than the vectorised scan and without its statistics, but it needs no library: for what
    a person stages, not for tables of the open zone.
    """
    name = re.sub(r"[\W_]+", " ", column.name.rpartition(".")[2]).strip()
    values = [(n, str(value)) for n, value in enumerate(column.values) if value not in (None, "")]
    if not values:
        return []
    label = f"{name}: " if name else ""
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


def readings(text: str) -> Iterator[str]:
    """Return a text, and again without escapes and disguises if that makes a difference."""
    yield text
    for _ in range(MOST_READINGS):
        plain = undisguised(text)
        if plain == text:
            return
        text = plain
        yield text


def undisguised(text: str) -> str:
    """Return a text without entities, percent-encoding, escapes and look-alike letters."""
    if not text.isascii():
        text = UNSEEN.sub("", text)
        if not unicodedata.is_normalized("NFKC", text):
            text = unicodedata.normalize("NFKC", text)
        text = MIXED.sub(lambda word: word[0].translate(LOOKALIKES), text)
    if "\0" in text:
        text = text.replace("\0", "")
    if "&" in text:
        text = html.unescape(text)
    if PERCENT.search(text):
        text = urllib.parse.unquote(text)
    if "\\" in text or "=" in text:
        text = ESCAPES.sub(lambda match: chr(int(match[1] or match[2] or match[3], 16)), text)
    return DOT.sub(".", AT.sub("@", text))


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


def encoded(text: str) -> Iterator[bytes]:
    """Return what base64 in a text stands for, when that is a text or a file that can be read."""
    seen: set[str] = set()
    for run in BASE64.findall(WRAPPED.sub("", text)):
        for packed in {run, *run.split("/"), *re.split("[-_/]", run)}:
            if len(packed) < 12 or packed in seen:
                continue
            seen.add(packed)
            bare = packed.rstrip("=").replace("-", "+").replace("_", "/")
            try:
                content = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
            except (binascii.Error, ValueError):
                continue
            if any(content[at : at + len(m)] == m for at, m, _ in MAGIC if len(m) > 2):
                yield content
            elif _is_readable(content):
                yield content


def _is_readable(content: bytes) -> bool:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return text.replace("\n", "").replace("\t", "").isprintable()


def is_example(entity: str, value: str) -> bool:
    """Tell whether a value is a placeholder that stands for nobody (RFC 2606, 5737 and 3849).

    A reserved domain alone does not make an address a placeholder: the name before it may still
    be somebody's, as in the invented shop, whose people all live at example.com.
    """
    if entity == "email":
        name = value.lower().partition("@")[0]
        return name in SERVICES or (name in PLACEHOLDERS and bool(RESERVED.search(value.lower())))
    if entity == "ip":
        import ipaddress

        try:
            return not ipaddress.ip_address(value.strip("[]").partition("/")[0]).is_global
        except ValueError:
            return False
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
    return date.today()
