"""One kind of personal data: what it is called, and how texts, headers and columns show it.

Imported by the pre-commit hook: nothing here may import more than the standard library.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from mlops_kit.privacy.detect.kinds import patterns

# An identifier names a person alone, a quasi-identifier together with others (Sweeney, 2002);
# a sensitive attribute is what nobody else should learn; free text may hold any of them.
Role = Literal["identifier", "quasi_identifier", "sensitive", "free_text", "none"]
Action = Literal["drop", "mask", "redact", "token", "encrypt", "generalise", "date_shift", "keep"]
Check = Callable[[str], bool]

_DIGITS = r"(?:[1-9]|[12]\d|30)"
_START = re.compile(
    r"[^\W\d_A-ZÀ-Þ]{1,3}|Aa|A#|=.+"
    rf"|<#{_DIGITS}|#(?:{_DIGITS}(?:,{_DIGITS})*)?(?::\S+)?"
)
_NOT_WHOLE = "a pattern of columns speaks of the whole value, from ^ to $"
# Headers are compared in lower case, without accents, their words joined by underscores.
_IN_NO_HEADER = re.compile(r"(?<!\\)[A-Z]|[^\x00-\x7f]| ")


@dataclass(frozen=True, slots=True)
class Rule:
    """One way in which a text says it.

    Attributes
    ----------
    starts : str
        Where a match can begin, in words with spaces between: the first three letters of a word;
        "#" for a number, "#3,9" for one that begins with so many digits, "#3:-_" for one that goes
        on with one of these signs (an underscore is a space, a caret a space before a capital),
        "A#" for a word that goes on with a number, "Aa" for any word with a capital. What follows
        "=" must be within 100 characters; "<#5" looks before a number of five digits.
    pattern : str
        Regular expression, in which `<NAME>` is a macro of `patterns`; its group `v`, if it has
        one, is what is personal. With labels it is the value behind them.
    labels : str
        What stands before the value, in any case.
    gap : str
        What people write between a label and its value.
    check : callable, optional
        Function of `check_digits` that must agree.

    Raises
    ------
    ValueError
        If one of these is none; the sentence names the rule and the word.
    """

    likelihood: float
    starts: str
    pattern: str
    labels: str = ""
    gap: str = patterns.ANY
    check: Check | None = None

    def __post_init__(self) -> None:
        try:
            patterns.macros_in(self.labels + self.pattern)
            _refuse(not 0 < self.likelihood <= 1, f"{self.likelihood} is no likelihood from 0 to 1")
            _refuse(not self.pattern, "it has no pattern")
            _refuse(not self.starts.split(), "it has no start")
            for word in self.starts.split():
                _refuse(not _START.fullmatch(word), f"{word!r} is no start: see `starts` of Rule")
            _refuse(not _judges(self.check), f"{self.check!r} judges no value")
        except ValueError as error:
            raise ValueError(f"Rule {self.labels or self.pattern!r}: {error}") from None

    @property
    def regex(self) -> str:
        """The pattern with its labels, without macros, and with nothing repeated without end."""
        if not self.labels:
            return patterns.written_out(self.pattern)
        return patterns.written_out(patterns.labelled(self.labels, self.gap, self.pattern))


@dataclass(frozen=True, slots=True)
class Header:
    """Names that columns of it have.

    Attributes
    ----------
    words : str
        Regular expression of a whole name in lower case, without accents, with underscores; words
        may also be written as one.
    likelihood : float
        That a column of this name is what it says.
    """

    words: str
    likelihood: float

    def __post_init__(self) -> None:
        if slip := _IN_NO_HEADER.search(self.words):
            raise ValueError(f"Header {self.words!r}: {slip[0]!r} stands in no plain name")
        if not self.words or not 0 < self.likelihood <= 1:
            raise ValueError(f"Header {self.words!r}: it needs words, and a likelihood from 0 to 1")


@dataclass(frozen=True, slots=True)
class Shape:
    """How it fills a whole value of a column.

    Attributes
    ----------
    pattern : str
        Of the whole value; Rust's syntax, without look-around.
    chance : float
        Share of unrelated values of the same outline that would pass: what a match is worth.
    outline : str
        The wider pattern whose values count as trials of `chance`; empty if it is the pattern.
    numeric : bool
        Whether a match holds digits and separators only.
    check : callable, optional
        Function of `check_digits` that must agree; `columns.batches` knows it for whole columns.
    """

    pattern: str
    chance: float
    likelihood: float
    outline: str = ""
    numeric: bool = False
    check: Check | None = None

    def __post_init__(self) -> None:
        try:
            _refuse(not self.pattern, "it has no pattern")
            for pattern in (self.pattern, self.outline or self.pattern):
                _refuse(pattern[0] != "^" or pattern[-1] != "$", _NOT_WHOLE)
            _refuse(not 0 <= self.chance < 1, f"{self.chance} is no chance below 1")
            _refuse(not 0 < self.likelihood <= 1, f"{self.likelihood} is no likelihood from 0 to 1")
            _refuse(not _judges(self.check), f"{self.check!r} judges no value")
        except ValueError as error:
            raise ValueError(f"Shape {self.pattern!r}: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of personal data.

    Attributes
    ----------
    entity : str
        Its name in policies, reports and redacted texts.
    label : str
        What a person calls it.
    action : Action
        What a proposed policy does with a column of it.
    safe_harbor : str
        Its letter in the list of HIPAA's Safe Harbor, 45 CFR 164.514(b)(2)(i); empty if none.
    caption : str
        What to write before a value under such a header, so that the rules for texts know it;
        empty where a value tells by itself what it is.
    under_header : str
        Pattern of values that only a header makes believable, in Rust's syntax.
    like_amounts : bool
        Whether amounts or versions are written alike, so that headers of those speak against it.

    Raises
    ------
    ValueError
        If one of these is none, or nothing could ever find the kind.
    """

    entity: str
    role: Role
    label: str
    action: Action
    safe_harbor: str = ""
    headers: tuple[Header, ...] = ()
    caption: str = ""
    rules: tuple[Rule, ...] = ()
    shapes: tuple[Shape, ...] = ()
    under_header: str = ""
    like_amounts: bool = False

    def __post_init__(self) -> None:
        try:
            _refuse(not re.fullmatch("[a-z_]+", self.entity), "it needs a name in lower case")
            for what, word, known in (("role", self.role, Role), ("action", self.action, Action)):
                if word not in get_args(known):
                    raise ValueError(patterns.unknown(what, word, get_args(known)))
            _refuse(not self.label, "it has no label")
            _refuse(
                not re.fullmatch("[A-R]?", self.safe_harbor),
                f"{self.safe_harbor!r} is no letter of Safe Harbor, from A to R",
            )
            _refuse(
                not (self.headers or self.rules or self.shapes),
                "no header, rule or shape could find it",
            )
            _refuse(
                not self.headers and (self.caption or self.under_header),
                "its caption or pattern under a header has no header",
            )
            _refuse(self.under_header[:1] not in {"", "^"}, _NOT_WHOLE)
        except ValueError as error:
            raise ValueError(f"Kind {self.entity!r}: {error}") from None


def _refuse(slip: object, sentence: str) -> None:
    if slip:
        raise ValueError(sentence)


def _judges(check: Check | None) -> bool:
    return check is None or getattr(check, "__annotations__", {}).get("return") in (bool, "bool")
