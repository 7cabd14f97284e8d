"""Times of day, bytes, JSON, lists and structs: exactly as written, or refused with their place.

What is written is made by pyarrow and by Python's json and csv, and read back by pyarrow.
"""

import base64
import csv
import datetime
import json
import os
import re
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Column, Sources
from mlops_kit.data.describing.asked import Asked
from mlops_kit.data.describing.describe import describe
from mlops_kit.data.reading import Reading, store
from mlops_kit.data.types import Type, list_of, parse, struct_of

CASES = int(os.environ.get("READ_FILES", "150"))
QUICK = settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
UTC = datetime.UTC
ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
    "time": pa.time64("us"),
    "binary": pa.binary(),
    "json": pa.string(),
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
DAYS = st.dates(datetime.date(1700, 1, 1), datetime.date(2200, 1, 1))
MOMENTS = st.datetimes(datetime.datetime(1700, 1, 2), datetime.datetime(2200, 1, 1))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXTS,
    "integer": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "date": DAYS,
    "timestamp": MOMENTS,
    "timestamptz": MOMENTS.map(lambda one: one.replace(tzinfo=UTC)),
    "time": st.times(),
    "binary": st.binary(max_size=6),
    "json": st.recursive(
        st.booleans() | st.integers() | TEXTS,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
        max_leaves=4,
    ).map(lambda one: json.dumps(one, ensure_ascii=False)),
}


def of_decimal(digits: tuple[int, int]) -> st.SearchStrategy[Decimal]:
    most = 10 ** digits[0] - 1
    return st.integers(-most, most).map(lambda one: Decimal(f"{one}e-{digits[1]}"))


NAMES = st.text('ab é"<:,.', min_size=1, max_size=3).filter(lambda one: one.strip() == one)
SCALARS = st.sampled_from([Type(name) for name in VALUES]) | st.integers(1, 38).flatmap(
    lambda all_of: st.integers(0, all_of).map(lambda after: Type("decimal", (all_of, after)))
)
NESTED = st.recursive(
    SCALARS,
    lambda inner: (
        inner.map(list_of) | st.dictionaries(NAMES, inner, min_size=1, max_size=3).map(struct_of)
    ),
    max_leaves=4,
)


def values_of(kind: Type) -> st.SearchStrategy[Any]:
    """Give values as pyarrow takes them, nothing among them."""
    if kind.name == "list":
        return st.lists(st.none() | values_of(kind.parts[0][1]), max_size=3)
    if kind.name == "struct":
        return st.fixed_dictionaries({name: st.none() | values_of(one) for name, one in kind.parts})
    return of_decimal(kind.digits) if kind.name == "decimal" else VALUES[kind.name]


def arrow_of(kind: Type) -> pa.DataType:
    if kind.name == "list":
        return pa.list_(arrow_of(kind.parts[0][1]))
    if kind.name == "struct":
        return pa.struct([(name, arrow_of(one)) for name, one in kind.parts])
    return pa.decimal128(*kind.digits) if kind.name == "decimal" else ARROW[kind.name]


def written(value: Any, kind: Type) -> Any:
    """Give a value as Python's json writes it; a decimal becomes a number by `dumped`."""
    if value is None or kind.name in ("boolean", "integer", "number", "string"):
        return value
    if kind.name == "list":
        return [written(one, kind.parts[0][1]) for one in value]
    if kind.name == "struct":
        return {name: written(value[name], one) for name, one in kind.parts}
    if kind.name == "binary":
        return base64.b64encode(value).decode()
    if kind.name == "json":
        return json.loads(value)
    return f"{MARK}{value:f}" if kind.name == "decimal" else value.isoformat()


MARK = "a decimal: "


def dumped(value: Any, **more: Any) -> str:
    """Write JSON; of a decimal a number, for which Python's json has no type."""
    return re.sub(f'"{MARK}(-?[0-9.]+)"', r"\1", json.dumps(value, **more))


def same(one: Any, other: Any, kind: Type) -> bool:
    """Whether two values are the same; of JSON, whether they say the same."""
    if one is None or other is None:
        return one is other
    if kind.name == "list":
        pairs = zip(one, other, strict=True)
        return len(one) == len(other) and all(same(a, b, kind.parts[0][1]) for a, b in pairs)
    if kind.name == "struct":
        return all(same(one[name], other[name], its) for name, its in kind.parts)
    if kind.name == "json":
        return json.loads(one) == json.loads(other)
    return one == other and type(one) is type(other)


def read(folder: Path, path: str, kind: Type, **options: Any) -> tuple[Reading, pa.Table]:
    column = {"type": str(kind), "nullable": True, "default_nulls": False, "years": [1, 9999]}
    if not kind.parts and "date" not in kind.name and "timestamp" not in kind.name:
        del column["years"]
    columns = {"n": {"type": "integer"}, "v": column}
    config = Sources.model_validate(
        {
            "entity": {"table": "t", "column": "n"},
            "sources": {"mine": {"kind": "files", "folder": str(folder)}},
            "tables": {"t": {"source": "mine", "path": path, "columns": columns, **options}},
        }
    )
    told = store(config, "t", [], folder, folder / "good.parquet", folder / "broken.parquet")
    return told, pa.parquet.read_table(folder / "good.parquet")


@st.composite
def columns(draw: st.DrawFn) -> tuple[Type, list[Any]]:
    kind = draw(NESTED)
    return kind, draw(st.lists(st.none() | values_of(kind), min_size=1, max_size=5))


def plain(kind: pa.DataType) -> str:
    """Write a type, whatever the size of its offsets."""
    return str(kind).replace("large_", "").replace("item:", "element:")


@QUICK
@given(NESTED)
def test_a_type_is_read_as_it_is_written(kind: Type) -> None:
    assert parse(str(kind)) == kind
    assert Column(type=str(kind)).parsed == kind


@QUICK
@given(columns())
def test_parquet_comes_back_as_pyarrow_wrote_it(column: tuple[Type, list[Any]]) -> None:
    kind, values = column
    with tempfile.TemporaryDirectory() as scratch:
        made = pa.table({"n": range(len(values)), "v": pa.array(values, arrow_of(kind))})
        pa.parquet.write_table(made, Path(scratch) / "t.parquet")
        told, kept = read(Path(scratch), "t.parquet", kind)
    assert dict(told.reasons) == {}
    assert plain(kept.schema.field("v").type) == plain(arrow_of(kind))
    expected = [None if kind.name == "string" and one is not None and not one.strip()
                else one for one in values]  # fmt: skip
    assert all(same(a, b, kind) for a, b in zip(kept["v"].to_pylist(), expected, strict=True))


@QUICK
@given(columns(), st.sampled_from(["jsonl", "json"]))
def test_json_comes_back_as_python_wrote_it(column: tuple[Type, list[Any]], form: str) -> None:
    kind, values = column
    rows = [{"n": n, "v": written(one, kind)} for n, one in enumerate(values)]
    with tempfile.TemporaryDirectory() as scratch:
        if form == "jsonl":
            text = "".join(dumped(row) + "\n" for row in rows)
        else:
            text = dumped(rows, ensure_ascii=False, indent=1)
        (Path(scratch) / f"t.{form}").write_text(text, encoding="utf-8")
        told, kept = read(Path(scratch), f"t.{form}", kind)
    expected = [None if empty(one, kind) else one for one in values]
    assert dict(told.reasons) == {}
    assert all(same(a, b, kind) for a, b in zip(kept["v"].to_pylist(), expected, strict=True))


def empty(value: Any, kind: Type) -> bool:
    """Whether a value is nothing in a text: blanks, no bytes, and JSON's null."""
    blank = kind.name == "string" and value is not None and not value.strip()
    return blank or (kind.name == "binary" and value == b"")


@QUICK
@given(columns())
def test_csv_comes_back_as_python_wrote_it(column: tuple[Type, list[Any]]) -> None:
    kind, values = column
    if kind.name == "string":
        return  # test_round_trips does that
    texts = []
    for one in values:
        value = written(one, kind)
        if kind.parts or (kind.name == "json" and one is not None):
            value = None if one is None else dumped(value)
        texts.append("" if value is None else str(value).removeprefix(MARK))
    with tempfile.TemporaryDirectory() as scratch:
        with (Path(scratch) / "t.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["n", "v"])
            writer.writerows(enumerate(texts))
        told, kept = read(Path(scratch), "t.csv", kind, decimal=".")
    expected = [None if empty(one, kind) else one for one in values]
    assert dict(told.reasons) == {}
    assert all(same(a, b, kind) for a, b in zip(kept["v"].to_pylist(), expected, strict=True))


WRONG = [
    ("time", '"24:00"', "v is not of type time: write hours, minutes"),
    ("time", '"12:30:00.1234567"', "v is not of type time"),
    ("time", '"12:30+02:00"', "v is not of type time"),
    ("binary", '"QUJ="', "v is not of type binary: write base64"),  # bits that no byte has
    ("binary", '"QUI"', "v is not of type binary"),
    ("binary", '"\\\\x0"', "v is not of type binary"),
    ("json", '{"a": NaN}', "v is not of type json"),
    ("list<integer>", "[1, 2.5]", r"v at \[\] is not of type integer"),
    ("list<integer>", '["1.500"]', r"v at \[\] "),
    ("list<number>", '["1.500"]', r"v at \[\] "),
    ("list<decimal(6,3)>", '["3,5"]', r"v at \[\] "),
    ("list<integer>", "5", "v is no array of JSON"),
    ("list<integer>", '"[5]"', "v is no array of JSON"),
    ("struct<a: number>", '{"a": 12345678901234567}', "v at a has more digits than a number keeps"),
    ("struct<a: date>", '{"a": "2024-02-30"}', "v at a is not of type date"),
    ("struct<a: timestamp>", '{"a": "2024-02-03T04:05:06Z"}', "v at a has an offset"),
    ("struct<a: struct<b: time>>", '{"a": {"b": "x"}}', "v at a.b is not of type time"),
    ("struct<a: list<struct<b: decimal(4,2)>>>", '{"a": [{"b": 1.125}]}', r"v at a\[\].b has more"),
    ("struct<a: integer>", "[]", "v is no object of JSON"),
]


@pytest.mark.parametrize(("kind", "value", "reason"), WRONG)
def test_what_is_none_is_set_aside_with_its_place(
    kind: str, value: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "t.jsonl").write_text('{"n": 1, "v": null}\n{"n": 2, "v": ' + value + "}\n")
    told, kept = read(tmp_path, "t.jsonl", parse(kind))
    assert kept["n"].to_pylist() == [1]
    with pytest.raises(MlopsError, match=reason + ".*, 1 time, first in row 2 of those read"):
        told.check(0.1, Path("quarantine"))


def test_what_a_typed_file_holds_otherwise_is_set_aside(tmp_path: Path) -> None:
    held = {
        "time": pa.array([1], pa.time64("ns")),
        "json": pa.array([[1]]),
        "list<integer>": pa.array([[1.5]]),
        "list<string>": pa.array([{"a": 1}]),
        "struct<a: integer>": pa.array([5]),
        "binary": pa.array([5]),
        "struct<a: time>": pa.array([{"a": 1.5}]),
    }
    for kind, values in held.items():
        pa.parquet.write_table(pa.table({"n": [1], "v": values}), tmp_path / "t.parquet")
        told, kept = read(tmp_path, "t.parquet", parse(kind))
        assert (kept.num_rows, told.broken) == (0, 1), kind


def test_a_field_that_no_value_has_is_refused_and_one_that_some_lack_is_missing(
    tmp_path: Path,
) -> None:
    kind = parse("struct<street: string, no: integer>")
    lines = ['{"n": 1, "v": {"street": "a"}}', '{"n": 2, "v": {"street": "b", "no": 3, "x": 1}}']
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    assert read(tmp_path, "t.jsonl", kind)[1]["v"].to_pylist() == [
        {"street": "a", "no": None},
        {"street": "b", "no": 3},
    ]
    (tmp_path / "t.jsonl").write_text(lines[0])
    with pytest.raises(MlopsError, match=r'No value of "v" of table "t" .*has the field "no"'):
        read(tmp_path, "t.jsonl", kind)
    pa.parquet.write_table(pa.table({"n": [1], "v": [{"street": "a"}]}), tmp_path / "t.parquet")
    with pytest.raises(MlopsError, match=r'"v" has no field "no".*\(it has street\)'):
        read(tmp_path, "t.parquet", kind)


def test_four_letters_of_base64_are_no_missing_value_until_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("n,v\n1,NULL\n2,QUI=\n3,\n")
    for more, expected in (
        ({}, [b"AB", None]),
        ({"nulls": ["NULL"]}, [None, b"AB", None]),
        ({"default_nulls": False}, [b"5B\xcb", b"AB", None]),
    ):
        column = {"type": "binary", "nullable": True, **more}
        config = Sources.model_validate(
            {
                "entity": {"table": "t", "column": "n"},
                "sources": {"mine": {"kind": "files", "folder": str(tmp_path)}},
                "tables": {"t": {"source": "mine", "path": "t.csv",
                                 "columns": {"n": {"type": "integer"}, "v": column}}},
            }
        )  # fmt: skip
        store(config, "t", [], tmp_path, tmp_path / "good.parquet")
        assert pa.parquet.read_table(tmp_path / "good.parquet")["v"].to_pylist() == expected


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("list<text>", "text> is no type"),
        ("list<string", "a > is missing"),
        ("struct<>", "needs fields such as"),
        ("struct<a string>", "needs fields such as"),
        ("struct<a: string, a: string>", "has the field a twice"),
        ("list<decimal(40,2)>", "38 digits at most"),
        ("list<string> not null", "is no type"),
        ("integer(5)", "is no type"),
    ],
)
def test_a_type_that_is_none_is_refused(written: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Column(type=written)


def test_checks_that_no_list_and_no_json_can_keep_are_refused(tmp_path: Path) -> None:
    for kind in ("json", "list<integer>", "struct<a: string>"):
        for more in ({"unique": True}, {"allowed": [1]}, {"minimum": 1}, {"pattern": "a"}):
            (tmp_path / "t.jsonl").write_text('{"n": 1, "v": null}\n')
            config = Sources.model_validate(
                {
                    "entity": {"table": "t", "column": "n"},
                    "sources": {"mine": {"kind": "files", "folder": str(tmp_path)}},
                    "tables": {"t": {"source": "mine", "path": "t.jsonl",
                                     "columns": {"n": {"type": "integer"},
                                                 "v": {"type": kind, **more}}}},
                }
            )  # fmt: skip
            with pytest.raises(MlopsError, match=f"does not fit the type {kind}"):
                store(config, "t", [], tmp_path)


def test_describe_finds_the_types_of_parquet_and_of_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("raw").mkdir()
    rows = [
        {
            "n": n,
            "at": f"1{n}:30",
            "tags": ["a", "b"][:n],
            "to": {"street": "x", "no": n, "lines": [{"price": 1.5}] * n},
            "odd": [{"a": 1}, [2]][n % 2],
        }
        for n in range(3)
    ]
    Path("raw/t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = describe(Path("raw/t.jsonl"), [], Asked()).made.columns
    assert {name: one.type for name, one in found.items()} == {
        "n": "integer",
        "at": "time",
        "tags": "list<string>",
        "to/street": "string",
        "to/no": "integer",
        "to/lines": "list<struct<price: number>>",
        "odd": "json",
    }
    kinds = {name: ARROW[name] for name in ("time", "binary", "string")}
    made = {
        "n": pa.array([1, 2]),
        "at": pa.array([datetime.time(1, 2), None], kinds["time"]),
        "photo": pa.array([b"\xff", b"\x00"], kinds["binary"]),
        "tags": pa.array([["a"], None], pa.list_(kinds["string"])),
        "to": pa.array([{"a": Decimal("1.25")}] * 2),
    }
    pa.parquet.write_table(pa.table(made), "raw/u.parquet")
    described = describe(Path("raw/u.parquet"), [], Asked())
    columns = described.made.columns
    assert {name: one.type for name, one in columns.items()} == {
        "n": "integer",
        "at": "time",
        "photo": "binary",
        "tags": "list<string>",
        "to": "struct<a: decimal(3,2)>",
    }
    assert 'type: "struct<a: decimal(3,2)>"' in described.files[Path("conf/sources.yaml")]
