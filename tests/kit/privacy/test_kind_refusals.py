"""A slip in a kind of personal data is refused where it is written, by the word that is wrong."""

import re
from dataclasses import replace

import pytest
from mlops_kit.privacy.detect import check_digits
from mlops_kit.privacy.detect.kinds import patterns
from mlops_kit.privacy.detect.kinds.kind import Header, Kind, Rule, Shape
from mlops_kit.privacy.detect.kinds.registry import by_entity

RULE = Rule(
    0.9,
    "#4,16 car =NºCol A# Aa <#5 #2:-_ núm",
    r"<OCTET>|(?P<name>\d<\d)(?P=name)+",
    labels="badge|tarjeta",
    gap=patterns.SAID,
    check=check_digits.luhn,
)
SHAPE = Shape(r"^\d{9}$", 0.1, 0.7, outline=r"^\d+$", check=check_digits.us_routing)
KIND = Kind(
    entity="badge",
    role="identifier",
    label="number of a badge",
    action="token",
    safe_harbor="R",
    headers=(Header(r"badge_?no|n\W\w*", 0.9),),
    caption="badge",
    rules=(RULE,),
    shapes=(SHAPE,),
    under_header=r"^\d+$",
)


def test_a_rule_without_slips_is_written_out_whole() -> None:
    assert RULE.regex.startswith(r"(?i:(?:badge|tarjeta)")
    assert patterns.MACROS["OCTET"] + r"|(?P<name>\d<\d)(?P=name){1,60})" in RULE.regex
    assert replace(RULE, labels="").regex.startswith(patterns.MACROS["OCTET"])


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ({"pattern": "<OCTETT>"}, "'OCTETT' is no macro; did you mean 'OCTET'?"),
        ({"pattern": "<Octet>"}, "'Octet' is no macro"),
        ({"labels": "<WHOM>"}, "'WHOM' is no macro; did you mean 'WHOSE'?"),
        ({"pattern": ""}, "it has no pattern"),
        ({"starts": " "}, "it has no start"),
        ({"starts": "car tarj"}, "'tarj' is no start"),
        ({"starts": "Car"}, "'Car' is no start"),
        ({"starts": "ca1"}, "'ca1' is no start"),
        ({"starts": "#4;16"}, "'#4;16' is no start"),
        ({"starts": "#4,31"}, "'#4,31' is no start"),
        ({"starts": "#2:"}, "'#2:' is no start"),
        ({"starts": "<5"}, "'<5' is no start"),
        ({"starts": "B#"}, "'B#' is no start"),
        ({"starts": "="}, "'=' is no start"),
        ({"likelihood": 9}, "9 is no likelihood from 0 to 1"),
        ({"likelihood": 0}, "0 is no likelihood from 0 to 1"),
        ({"check": check_digits.compact}, "judges no value"),
        ({"check": check_digits.machine_address}, "judges no value"),
        ({"check": "luhn"}, "'luhn' judges no value"),
    ],
)
def test_a_slip_in_a_rule_is_refused_by_its_word(slip: dict, said: str) -> None:
    with pytest.raises(ValueError, match=r"^Rule '") as refused:
        replace(RULE, **slip)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ({"pattern": ""}, "it has no pattern"),
        ({"pattern": r"\d{9}$"}, "from ^ to $"),
        ({"outline": r"^\d{9}"}, "from ^ to $"),
        ({"chance": 1}, "1 is no chance below 1"),
        ({"likelihood": 1.1}, "1.1 is no likelihood"),
        ({"check": check_digits.compact}, "judges no value"),
    ],
)
def test_a_slip_in_a_shape_is_refused_by_its_word(slip: dict, said: str) -> None:
    with pytest.raises(ValueError, match=r"^Shape '") as refused:
        replace(SHAPE, **slip)
    assert said in str(refused.value)


@pytest.mark.parametrize("words", ["Badge", "cédula", "badge number", ""])
def test_words_that_stand_in_no_plain_header_are_refused(words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"Header {words!r}")):
        Header(words, 0.9)


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ({"entity": "Badge"}, "a name in lower case"),
        ({"role": "identifyer"}, "'identifyer' is no role; did you mean 'identifier'?"),
        ({"action": "tokn"}, "'tokn' is no action; did you mean 'token'?"),
        ({"label": ""}, "it has no label"),
        ({"safe_harbor": "S"}, "'S' is no letter of Safe Harbor"),
        ({"headers": (), "rules": (), "shapes": ()}, "no header, rule or shape could find it"),
        ({"headers": ()}, "its caption or pattern under a header has no header"),
        ({"under_header": r"\d+$"}, "from ^ to $"),
    ],
)
def test_a_slip_in_a_kind_is_refused_by_its_word(slip: dict, said: str) -> None:
    with pytest.raises(ValueError, match=r"^Kind '") as refused:
        replace(KIND, **slip)
    assert said in str(refused.value)


def test_two_kinds_of_one_entity_are_refused() -> None:
    assert by_entity([KIND]) == {"badge": KIND}
    with pytest.raises(ValueError, match="Two kinds have the entity 'badge'"):
        by_entity([KIND, replace(KIND, label="another")])


def test_macros_stand_on_macros_only_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in patterns.MACROS:
        assert patterns.written_out(f"<{name}>")
    monkeypatch.setitem(patterns.MACROS, "OCTET", "<OCTETS>")
    with pytest.raises(ValueError, match="'OCTETS' is no macro; did you mean 'OCTET'"):
        patterns.written_out("<IP_SIX>")
    monkeypatch.setitem(patterns.MACROS, "OCTET", "<IP_SIX>")
    with pytest.raises(ValueError, match="macros contain each other without end"):
        patterns.written_out("<IP_SIX>")
