"""A value of a store as the type that is declared: the same value, nothing, or refused."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from mlops_kit.data.sources.exact import TAKEN, document, local, nested
from mlops_kit.data.values.json_text import Number

UTC = dt.UTC
TWO_HOURS = dt.timezone(dt.timedelta(hours=2))
NOON = dt.datetime(2024, 1, 2, 12)


@pytest.mark.parametrize(
    ("kind", "value", "taken"),
    [
        ("string", "007", "007"),
        ("string", True, "true"),
        ("string", 0.1, "0.1"),
        ("string", Decimal("1.50"), "1.50"),
        ("string", "é".encode(), "é"),
        ("string", [1, {"a": None}], '[1, {"a": null}]'),
        ("int64", "7", 7),
        ("int64", " ", None),
        ("int64", 7.0, 7),
        ("int64", Number("7.0"), 7),
        ("string", Number("1.10"), "1.10"),
        ("double", Number("1e3"), 1000.0),
        ("double", float("inf"), float("inf")),
        ("decimal", Number("12345678901234567.89"), Decimal("12345678901234567.89")),
        ("date32[day]", "2020-01-01T23:59:59.999999999", dt.date(2020, 1, 1)),
        ("timestamp[us]", "2024-01-02T12:00:00.000001000", NOON.replace(microsecond=1)),
        ("int64", Decimal("12345678901234567890"), 12345678901234567890),
        ("double", "1e3", 1000.0),
        ("double", "", None),
        ("double", 2**53, 2.0**53),
        ("decimal", "12345678901234567.89", Decimal("12345678901234567.89")),
        ("decimal", 0.1, Decimal("0.1")),
        ("bool", "False", False),
        ("bool", 1, True),
        ("bool", " ", None),
        ("date32[day]", "2024-01-02", dt.date(2024, 1, 2)),
        ("date32[day]", NOON.replace(hour=1, tzinfo=TWO_HOURS), dt.date(2024, 1, 1)),
        ("timestamp[us]", NOON.replace(tzinfo=TWO_HOURS), NOON.replace(hour=10)),
        ("timestamp[us, tz=UTC]", NOON.replace(tzinfo=UTC), NOON.replace(tzinfo=UTC)),
        ("time64[us]", "23:30", dt.time(23, 30)),
        ("binary", "aGk=", b"hi"),
        ("binary", "\\x6869", b"hi"),
        ("list<item: int64>", "[1, 2]", [1, 2]),
        ("list<item: int64>", {3}, [3]),
    ],
)
def test_a_value_is_taken_as_it_is(kind: str, value: Any, taken: Any) -> None:
    found = TAKEN[kind](value)
    assert found == taken and type(found) is type(taken)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", b"\xff"),
        ("int64", True),
        ("int64", 7.5),
        ("int64", float("nan")),
        ("int64", float("inf")),
        ("int64", "1e3"),
        ("int64", "7 apples"),
        ("double", 2**53 + 1),
        ("double", True),
        ("double", "NaN"),
        ("decimal", float("inf")),
        ("decimal", Decimal("NaN")),
        ("int64", Number("1e400000000")),
        ("double", Number("1e400")),
        ("double", Decimal("1E400")),
        ("int64", Number("3.5")),
        ("timestamp[us, tz=UTC]", "2020-01-01T00:00:00.123456789Z"),
        ("timestamp[us]", "2020-01-01T00:00:00,1234567"),
        ("bool", "maybe"),
        ("bool", 2),
        ("date32[day]", 20240102),
        ("date32[day]", "02/01/2024"),
        ("timestamp[us, tz=UTC]", NOON),
        ("time64[us]", dt.time(1, tzinfo=UTC)),
        ("time64[us]", "24:00"),
        ("binary", "hi"),
        ("list<item: int64>", "7"),
        ("list<item: int64>", "[1.5]"),
        ("list<item: int64>", "[" * 100_000),
    ],
    ids=lambda one: str(one)[:20],
)
def test_what_is_none_of_the_type_is_refused(kind: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError, KeyError, OverflowError)):
        TAKEN[kind](value)


def test_a_time_without_a_zone_is_never_shifted() -> None:
    assert local("2024-01-02T12:00:00") == NOON
    with pytest.raises(ValueError):
        local("2024-01-02T12:00:00+02:00")


def test_a_document_keeps_its_values() -> None:
    whole = {"a": [Decimal("0.10"), b"hi", NOON, None, True, "é"], "b": {"c": 10**30}}
    said = '{"a": [0.10, "aGk=", "2024-01-02T12:00:00", null, true, "é"], "b": {"c": 1'
    said += "0" * 30 + "}}"
    assert document(whole) == said
    assert nested('{"a": 1}') == '{"a": 1}'
    assert nested('{"a": 1, "a": 2}') == '"{\\"a\\": 1, \\"a\\": 2}"', "a text, as it is no JSON"
    with pytest.raises(ValueError):
        document([float("nan")])
