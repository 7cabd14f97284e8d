"""How a table of rules is written and read; standard library only."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from inspect import isfunction
from typing import NamedTuple

from mlops_kit.privacy.detect import check_digits
from mlops_kit.privacy.detect.kinds.entities import ENTITIES


class Rule(NamedTuple):
    """One way in which an entity is written.

    Attributes
    ----------
    starts : tuple of str
        Where a match can begin: the first three letters of a word; "#" for a number, "#3,9" for
        one that begins with so many digits, "#3:-_" for one that goes on with one of these signs
        (an underscore is a space, a caret a space before a capital), "A#" for a word that goes on
        with a number, "Aa" for any word with a capital. What follows "=" must be within 100
        characters; "<#5" looks before a number of five digits.
    pattern : str
        Regular expression; its group `v`, if it has one, is what is personal.
    check : str
        Name of a function in `check_digits` that must agree; empty if there is none.
    """

    entity: str
    likelihood: float
    starts: tuple[str, ...]
    pattern: str
    check: str = ""


# What people write between a label and its value: "MRN is: ", "NHC nº ", "account number (".
_GAP = (
    r"[\s:=#.,\-–\"'()_]{0,8}(?:(?:(?:is|es|was|of|number|n[uú]m|nro?|no|n[uú]mero|id|code|c[oó]digo"
    r"|del?|the|my|mi|el|la|actual|paciente|patient)\b|n\.?[º°ª])[\s:=#.\-–\"'()º°_]{1,6}){0,3}"
)
# A label can be the name of a tag, or stand in a cell of a table.
_CELL = r"(?:>|\s?\||[:.]?</\w{1,9}>\s{0,9}<\w[^<>]{0,60}>)?"
GAPS = {
    "": _GAP,
    "SIGNS": r"[\s:=#.\-–\"'()]{0,8}",
    "SAID": r"[\"']?\s?(?:(?:is|es)\s|[:=]){1,2}[\s\"']{0,3}",
    "CALL": r"(?:[\s:=.\-–\"'_]|\((?!0?\d{1,5}\))|n[º°o.]|(?<=[\s_])(?:is|es|at|al|on|en|de|to|a"
    r"|or|y|el|un|su|number"
    r"|n[uú]mero|contacto|m[oó]vil|fijo|espos[oa]|madre|padre|trabajo|casa|home|work|mam[aá]|pap[aá]"
    r"|tutora?|particular|laboral|oficina|(?:emer|ur)gencias?|personal|celular|cel|nuevo|nro|[1-4]"
    r"|la|mi)(?=[\s:)])){0,80}",
}
MACROS = {
    # Three digits or more among letters and signs, as records and accounts are numbered.
    "CODE": r"(?=(?:[A-Za-z./\-]{0,6}\d){3})[A-Za-z\d](?:[A-Za-z\d]|[./\-](?=[A-Za-z\d])){3,24}"
    r"(?![\w@])",
    # What can follow "00".
    "COUNTRY_CODE": r"(?:[17](?=[ .\-(])|1(?=[2-9]\d{9}(?!\d))|2[07]|2[1-69]\d|3[0-469]|3[578]\d"
    r"|4[013-9]|42\d|5[1-8]|5[09]\d|6[0-6]|6[7-9]\d|8[1246]|85\d|9[0-58]|9[679]\d)",
    "OCTET": r"(?:25[0-5]|2[0-4]\d|1?\d?\d)",
    "INSURER": r"(?:osde|pami|ioma|galeno|swiss medical|adeslas|sanitas|asisa|muface|dkv|isfas"
    r"|mugeju|omint|medif[eé]|medicus|osecac|dosuba|apross|osep|casmu|essalud|sis)",
    # "cliente nº", "socio núm.": the word alone is no label.
    # "DNI del titular", "RUT emisor".
    "WHOSE": r"(?: (?:del? (?:la |el |los )?)?[^\W\d_]{3,14}){0,2}",
    "NUMBERED": r"(?: ?(?:n[º°]|n\.[º°]|nro\b|n[uú]m(?:ero)?\b|#|id\b))",
    "EXT": r"(?:[ ,;]{0,2}(?i:x|ext(?:n|ensi[oó]n)?|int(?:erno)?|anexo)[.: =]{0,2}\d{1,6})?",
    # Also with an IPv4 address inside, the name of an interface, or the length of a prefix.
    "IP_SIX": r"(?:[\dA-Fa-f]{1,4}:|::)(?:[\dA-Fa-f]{0,4}:){0,6}"
    r"(?:<OCTET>(?:\.<OCTET>){3}|[\dA-Fa-f]{0,4})(?:%[\w.-]{1,16})?(?:/\d{1,3})?",
}


# A `*` or `+` of a pattern means at most so many characters: what a rule does at one place of a
# text is bounded, however long the text is.
MOST_REPEATS = 60
_UNBOUNDED = re.compile(
    r"(?P<keep>\\.|\[\^?(?:\\.|[^\]\\])+\]|\(\?|\?[+?]?|\{\d*,\d+\}[+?]?|\{\d+\}[+?]?)"
    r"|(?P<star>\*)|(?P<plus>\+)|\{(?P<least>\d+),\}"
)


# Functions that say of a value whether its check digits are right.
CHECKS = frozenset(
    name
    for name, check in vars(check_digits).items()
    if isfunction(check) and check.__annotations__.get("return") in (bool, "bool")
)
_MACRO = re.compile(r"<(?<!\?P<)([A-Za-z_]\w*)>")
_DEEPEST = 20
_DIGITS = r"(?:[1-9]|[12]\d|30)"
# What `starts` may hold, as its description says.
_START = re.compile(
    rf"[^\W\d_A-ZÀ-Þ]{{1,3}}|Aa|A#|=.+|<#{_DIGITS}|#(?:{_DIGITS}(?:,{_DIGITS})*)?(?::\S+)?"
)


def bounded(pattern: str) -> str:
    """Return a pattern in which nothing may be repeated without end."""

    def bound(match: re.Match[str]) -> str:
        if match["keep"]:
            return match["keep"]
        least = 0 if match["star"] else 1 if match["plus"] else int(match["least"])
        return "{" + f"{least},{MOST_REPEATS}" + "}"

    return _UNBOUNDED.sub(bound, pattern)


def expanded(pattern: str, macros: dict[str, str]) -> str:
    """Replace each `<NAME>` by its macro.

    Raises
    ------
    ValueError
        If a `<NAME>` is no macro, or macros contain each other.
    """
    for _ in range(_DEEPEST):
        names = dict.fromkeys(_MACRO.findall(pattern))
        if not names:
            return pattern
        for name in names:
            if name not in macros:
                raise ValueError(_no("macro", f"<{name}>", macros))
            pattern = pattern.replace(f"<{name}>", macros[name])
    raise ValueError("macros contain each other without end")


def read_table(name: str, table: str, macros: dict[str, str]) -> tuple[Rule, ...]:
    """Read rules from their table.

    Parameters
    ----------
    name : str
        What the table is called in messages.
    table : str
        Each rule has a line "entity likelihood [check=NAME] starts...", continued after "&", and,
        indented, its pattern on any number of lines. "labels --> value" stands for a label, a gap
        and the value; "--GAP-->" names the gap. `<NAME>` is replaced by a macro.

    Raises
    ------
    ValueError
        If a word of it is unknown; the sentence names the table, the line and the word.
    """
    rules: list[Rule] = []
    block: list[tuple[int, str]] = []
    for number, line in enumerate([*table.split("\n"), "END"], 1):
        if line[:1].strip() and block:
            rules.append(_read_rule(name, block, macros))
            block = []
        if line.strip():
            block.append((number, line))
    return tuple(rules)


def _read_rule(table: str, block: list[tuple[int, str]], macros: dict[str, str]) -> Rule:
    """Read one rule from its numbered lines."""
    (first, head), *body = block
    heads = [(first, head)]
    while body and body[0][1].startswith("    & "):
        number, line = body.pop(0)
        heads.append((number, line.removeprefix("    & ")))
    words = [(at, word) for at, line in heads for word in line.split()]
    entity, likelihood = [word for _, word in (*words, (first, ""))][:2]
    with _at(table, first):
        if entity not in ENTITIES:
            raise ValueError(_no("entity", entity, ENTITIES))
        if not re.fullmatch(r"0\.\d+|1(?:\.0+)?", likelihood):
            raise ValueError(f"{likelihood!r} is no likelihood from 0 to 1")
    check, starts = "", []
    for number, word in words[2:]:
        with _at(table, number):
            if _START.fullmatch(word):
                starts.append(word)
            else:
                check = _check_named_by(word)
    with _at(table, first):
        if not starts or not body:
            raise ValueError(f"the rule has no {'pattern' if starts else 'start'}: {entity!r}")
    try:
        pattern = expanded(_labelled("".join(line.strip() for _, line in body)), macros)
    except ValueError:
        for number, line in body:
            with _at(table, number):
                expanded(line, macros)
        with _at(table, first):
            raise
    return Rule(entity, float(likelihood), tuple(starts), bounded(pattern), check)


@contextmanager
def _at(table: str, line: int) -> Iterator[None]:
    """Say where a refusal belongs."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"Table {table}, line {line}: {error}.") from None


def _check_named_by(word: str) -> str:
    key, equals, value = word.partition("=")
    if not equals:
        raise ValueError(f"{word!r} is no start: see the attribute `starts` of Rule")
    if key != "check":
        raise ValueError(_no("key", key, ["check"]) if key else f"{word!r} is no start")
    if value not in CHECKS:
        raise ValueError(_no("check", value, CHECKS))
    return value


def _labelled(pattern: str) -> str:
    """Write out "labels --> value" as a pattern."""
    label = re.fullmatch(r"(.*?) ?--(?:(\w+)--)?> ?(.*)", pattern)
    if label is None:
        return pattern
    labels, gap, value = label.groups("")
    if gap not in GAPS:
        raise ValueError(_no("gap", gap, filter(None, GAPS)))
    # Keys of settings join their words by underscores: "account_number".
    labels = re.sub(r"\[[^\]]*\]| ", lambda m: "[ _]" if m[0] == " " else m[0], labels)
    return rf"(?i:(?:{labels})(?![^\W\d_]){_CELL}{GAPS[gap]})(?P<v>{value})"


def _no(what: str, word: str, known: Iterable[str]) -> str:
    """Say that a word is unknown, and which known one is nearest."""
    from difflib import get_close_matches  # the hook does without, where nothing is wrong

    near = get_close_matches(word.strip("<>"), list(known), 1)
    return f"{word!r} is no {what}" + (f"; did you mean {near[0]!r}?" if near else "")
