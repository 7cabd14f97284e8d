"""What personal data is found in texts and columns, and what is left alone."""

import polars as pl
import pytest
from mlops_kit.privacy.detect.columns.column import judge, scan
from mlops_kit.privacy.detect.text import find, is_identifier, redact


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Escribir a ana.ruiz@example.com.", "Escribir a [EMAIL]."),
        ("DNI 30.45~6.789, tel. 11 44~44-5555", "DNI [AR_DNI], tel. [PHONE]"),
        ("card 4111 1111 11~11 1111 declined", "card [CARD] declined"),
        ("Order 88213344 costs 129.99", "Order 88213344 costs 129.99"),
    ],
)
def test_a_text_is_redacted(text, clean):
    # A tilde parts a value in this file, so that the file passes its own gate.
    assert redact(text.replace("~", "")) == clean


def test_a_wrong_check_digit_is_no_card():
    assert not any(map(is_identifier, find("number 4111 1111 1111 1112 there")))


def test_one_email_among_many_values_is_found_and_its_row_told():
    values = pl.Series(["fine"] * 999 + ["ask bruno@example.org"])
    (finding,) = scan("note", values, first_row=1)
    assert (finding.entity, finding.count, finding.position) == ("email", 1, 1000)


def test_codes_prices_and_times_are_no_personal_data():
    for values in (
        pl.Series([f"SKU-{n}" for n in range(100)]),
        pl.Series([n / 7 for n in range(100)]),
        pl.Series(range(10_000_000, 10_000_100)),
        pl.Series([f"2024-05-01T10:{n % 60:02d}:00Z" for n in range(100)]),
    ):
        assert scan("value", values) == []


def test_a_header_and_values_make_a_verdict_with_its_reasons():
    verdict = judge("telefono", pl.Series(["1144445555", "3514239876"]))
    assert (verdict.entity, verdict.kind) == ("phone", "identifier")
    assert verdict.reasons
