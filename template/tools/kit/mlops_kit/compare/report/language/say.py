"""The report in the language of the documents: a catalogue has a translation of each sentence.

Reports are written in English, as decision.json is; where they leave, `say()` looks each sentence
up. A key of a catalogue has places for what differs: `{n}`, `{n2}` a number, `{UPPER}` words of
the team, which stay as they are, `{lower}` anything, which is looked up again.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, NamedTuple, cast

from markupsafe import Markup

from mlops_kit.core.files import read_yaml

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENGLISH = "en"
NUMBER = r"[+\-−]?(?:\d[\d,]*(?:\.\d+)?(?: × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?|inf|nan)(?: ?%)?"
# A number as programs write it when it is very small or large.
POWER = re.compile(r"(?<![\w.,])(\d(?:\.\d+)?)e([+-]\d{2,3})(?!\w|\.\d)")
THOUSANDS = re.compile(r"(?<=\d)(?=(?:\d{3})+$)")
IN_FULL = range(-5, 15)  # powers of ten that are written with all their zeros
RAISED = str.maketrans("-−0123456789", "⁻⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# What is counted, in the plural: of one it has no s, in a sentence of the catalogue as well.
PLURAL = re.compile(r"( [a-z]+)s\b")
ONE = re.compile(r"(?<![\d.,])1 ([^\W\d_]+)")
SENTENCE_ENDS = re.compile(r"(?<=[.?]) (?=[A-Z\d])")
_spoken = ContextVar("spoken", default=ENGLISH)


class Given(str):
    """Words of the team or of its data: never looked up, though they may read like ours."""

    __slots__ = ()


class Phrase(NamedTuple):
    """A sentence of the catalogue: what it looks like in English, and what is said instead."""

    english: str
    pattern: re.Pattern[str]
    literals: tuple[str, ...]
    stems: tuple[str, ...]
    translated: str


class Catalogue:
    """The sentences of one language.

    Parameters
    ----------
    separators : str
        Of thousands and of decimals.
    phrases : mapping
        English sentence -> its translation, with the same places.
    one : mapping
        Plural of the language -> what stands in its place after 1.
    """

    def __init__(self, separators: str, phrases: Mapping[str, str], one: Mapping[str, str]) -> None:
        self.one = one
        self.separators = str.maketrans(",.", separators)
        found = [_phrase(english, translated) for english, translated in phrases.items()]
        # Of those that fit, the one that says most by itself.
        self.phrases = sorted(found, key=lambda each: -sum(map(len, each.literals)))

    def said(self, text: str) -> str:
        """Translate a text sentence by sentence; one that is not known stays as it is."""
        if re.fullmatch(NUMBER, text):
            return re.sub(r" ?%", " %", text.translate(self.separators))
        done, start, ends = [], 0, [*(m.start() for m in SENTENCE_ENDS.finditer(text)), len(text)]
        while start < len(text):
            later = [end for end in ends if end > start]
            tried = ((end, self._matched(text[start:end])) for end in later)
            end, said = next((pair for pair in tried if pair[1] is not None), (later[0], None))
            done.append(text[start:end] if said is None else said)
            start = end + 1
        return " ".join(done)

    def _matched(self, text: str) -> str | None:
        for phrase in self.phrases:
            if not all(stem in text for stem in phrase.stems):
                continue
            if found := phrase.pattern.fullmatch(text):
                parts = {
                    place: words if place.isupper() else self.said(words)
                    for place, words in found.groupdict().items()
                }
                said = phrase.translated.format(**parts)
                return ONE.sub(lambda each: f"1 {self.one.get(each[1], each[1])}", said)
        return None


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Write what is written inside in this language; in English where it has no catalogue."""
    known = Path(__file__).with_name(f"{language}.yaml").is_file()
    token = _spoken.set(language if known else ENGLISH)
    try:
        yield
    finally:
        _spoken.reset(token)


def spoken() -> str:
    """Return the language that is spoken now, such as en."""
    return _spoken.get()


def say(text: str) -> str:
    """Say an English text in the language that is spoken now.

    >>> with speaking("es"):
    ...     say("auc of each system"), say("1,234.5"), say(Given("auc of each system"))
    ('auc de cada sistema', '1.234,5', 'auc of each system')
    """
    if isinstance(text, Given | Markup):
        return text
    text = readable(text)
    return text if spoken() == ENGLISH else _said(spoken(), text)


def say_numbers(text: str) -> str:
    """Say a text that is a number, or the factor of an axis, and nothing else; any other stays."""
    if factor := re.fullmatch(r"1e([−-]?\d+)", text):
        return f"× 10{factor[1].translate(RAISED)}"
    text = readable(text)
    return say(text) if re.fullmatch(NUMBER, text) else text


def readable(text: str) -> str:
    """Write very small and large numbers of a text as people do, the other words as they are.

    >>> readable("better by 1.23e+06 (+6.94e-05 to 7.1e-06)")
    'better by 1,230,000 (+0.0000694 to 7.1 × 10⁻⁶)'
    """
    return POWER.sub(_in_full, text) if "e" in text else text


def _in_full(found: re.Match[str]) -> str:
    digits, power = found[1], int(found[2])
    if power in IN_FULL:
        return f"{Decimal(found[0]):,f}"
    return f"{digits} × 10{str(power).translate(RAISED)}"


def say_ticks(axes: "Axes") -> None:
    """Write the numbers of axes with commas between thousands where one has five digits or more.

    An axis of four digits may be one of years.

    To be called before anything is painted, which may choose ticks of its own.
    """
    from matplotlib.ticker import ScalarFormatter

    class Grouped(ScalarFormatter):
        def format_ticks(self, values: list[float]) -> list[str]:
            ticks = super().format_ticks(values)
            if not any(re.match(r"\W?\d{5}", one) for one in ticks):
                return ticks
            parted = (one.partition(".") for one in ticks)
            return ["".join((THOUSANDS.sub(",", whole), *rest)) for whole, *rest in parted]

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(Grouped())


def say_texts(figure: "Figure") -> None:
    """Say the words of a matplotlib figure; its numbers follow in the drawing, with the ticks'."""
    from matplotlib.text import Text

    for found in figure.findobj(Text):
        text = cast("Text", found)
        if not re.fullmatch(NUMBER, text.get_text()):
            text.set_text(say(text.get_text()))


@lru_cache(4096)
def _said(language: str, text: str) -> str:
    return catalogue(language).said(text.strip())


@cache
def catalogue(language: str) -> Catalogue:
    """Read the catalogue of a language."""
    found = read_yaml(Path(__file__).with_name(f"{language}.yaml"))
    return Catalogue(found["separators"], found["phrases"], found["one"])


def _phrase(english: str, translated: str) -> Phrase:
    pattern, literals, stems, number = "", [], [], False
    for literal, place, _, _ in Formatter().parse(english):
        literals.append(literal)
        if number and (noun := PLURAL.match(literal)):
            pattern, literal = f"{pattern}{re.escape(noun[1])}s?", literal[noun.end() :]
        number = re.fullmatch(r"n\d*", place or "") is not None
        pattern += re.escape(literal)
        stems.append(literal)
        if place and f"(?P<{place}>" in pattern:
            pattern += f"(?P={place})"
        elif place:
            kind = NUMBER if number else ".+?"
            pattern += f"(?P<{place}>{kind})"
    matched = re.compile(pattern, re.DOTALL)
    return Phrase(english, matched, tuple(literals), tuple(stems), translated)
