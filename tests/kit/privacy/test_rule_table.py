"""A slip in a table of rules is refused in a sentence that names table, line and word."""

import pytest
from mlops_kit.privacy.detect.kinds.rule_table import CHECKS, read_table

GOOD = "\n".join(  # lines are counted as in the file: the first is the one with the quotes
    [
        "",
        "card 0.9 check=luhn #4,16 car =NºCol A# Aa <#5 #2:-_",
        "    & tar núm",
        r"    badge|tarjeta --SAID--> <BADGE>",
        r"    |(?P<name>\d<\d)(?P=name)",
        "email 0.9 =@",
        r"    \w+@\w+",
        "",
    ]
)
MACROS = {"BADGE": r"<DIGITS>-\d", "DIGITS": r"\d{4}"}


def test_a_table_without_slips_is_read_whole() -> None:
    card, email = read_table("CARDS", GOOD, MACROS)
    assert (card.entity, card.likelihood, card.check) == ("card", 0.9, "luhn")
    assert card.starts == ("#4,16", "car", "=NºCol", "A#", "Aa", "<#5", "#2:-_", "tar", "núm")
    assert r"\d{4}-\d|(?P<name>\d<\d)(?P=name)" in card.pattern
    assert (email.starts, email.pattern, email.check) == (("=@",), r"\w{1,60}@\w{1,60}", "")


@pytest.mark.parametrize(
    ("right", "slip", "line", "said"),
    [
        ("<BADGE>", "<BADGEE>", 4, "'<BADGEE>' is no macro; did you mean 'BADGE'?"),
        ("<BADGE>", "<Badge>", 4, "'<Badge>' is no macro"),
        (r"|(?P<name>\d<\d)", "<WHOM>", 5, "'<WHOM>' is no macro"),
        ("check=luhn", "chek=luhn", 2, "'chek' is no key; did you mean 'check'?"),
        ("núm", "likelihood=0.4", 3, "'likelihood' is no key"),
        ("check=luhn", "check=lunh", 2, "'lunh' is no check; did you mean 'luhn'?"),
        ("check=luhn", "check=compact", 2, "'compact' is no check"),
        ("check=luhn", "check=re", 2, "'re' is no check"),
        ("check=luhn", "check=", 2, "'' is no check"),
        ("tar ", "tarj ", 3, "'tarj' is no start"),
        ("car ", "Car ", 2, "'Car' is no start"),
        ("car ", "ca1 ", 2, "'ca1' is no start"),
        ("#4,16", "#4;16", 2, "'#4;16' is no start"),
        ("#4,16", "#4,31", 2, "'#4,31' is no start"),
        ("#2:-_", "#2:", 2, "'#2:' is no start"),
        ("<#5", "<5", 2, "'<5' is no start"),
        ("A#", "B#", 2, "'B#' is no start"),
        ("=NºCol", "=", 2, "'=' is no start"),
        ("card 0.9", "crad 0.9", 2, "'crad' is no entity; did you mean 'card'?"),
        ("email 0.9", "e-mail 0.9", 6, "'e-mail' is no entity; did you mean 'email'?"),
        ("card 0.9", "card 9", 2, "'9' is no likelihood from 0 to 1"),
        ("card 0.9", "card", 2, "'check=luhn' is no likelihood from 0 to 1"),
        ("--SAID-->", "--SIAD-->", 2, "'SIAD' is no gap; did you mean 'SAID'?"),
        (" =@", "", 6, "the rule has no start: 'email'"),
        (r"    \w+@\w+", "", 6, "the rule has no pattern: 'email'"),
    ],
)
def test_a_slip_is_refused_by_table_line_and_word(
    right: str, slip: str, line: int, said: str
) -> None:
    assert GOOD.count(right) == 1
    with pytest.raises(ValueError, match="Table CARDS") as refused:
        read_table("CARDS", GOOD.replace(right, slip), MACROS)
    assert str(refused.value).startswith(f"Table CARDS, line {line}: {said}")


def test_a_slip_inside_a_macro_and_macros_without_end_are_refused() -> None:
    with pytest.raises(ValueError, match="line 4: '<DIGTS>' is no macro; did you mean 'DIGITS'"):
        read_table("CARDS", GOOD, MACROS | {"BADGE": "<DIGTS>"})
    with pytest.raises(ValueError, match="line 4: macros contain each other"):
        read_table("CARDS", GOOD, MACROS | {"DIGITS": "<BADGE>"})


def test_checks_are_what_judges_a_value_and_nothing_else() -> None:
    assert {"luhn", "iban", "es_nif"} <= CHECKS
    assert not CHECKS & {"compact", "machine_address", "cache", "import_module", "_standard"}
