"""Parquet that others wrote: types that a table has not come exactly, as what holds them."""

import datetime
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Sources
from mlops_kit.data.describing import asked as questions
from mlops_kit.data.describing.table import described
from mlops_kit.data.reading import store
from mlops_kit.data.sources import parquet

FILE = Path("raw/t.parquet")
CODE = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
LONG = Decimal("1234567890123456789012345678901234567890123.45")


@pytest.fixture(autouse=True)
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    FILE.parent.mkdir()


def write(values: Any, kind: pa.DataType) -> None:
    """Write a file of two rows whose second value is missing."""
    x = pa.array([values, None], kind)
    pyarrow.parquet.write_table(pa.table({"id": [1, 2], "x": x, "y": [0.5, 0.25]}), FILE)


def read(**columns: str) -> list[dict[str, Any]]:
    """Return the rows of the file that keep their contract."""
    declared = {name: {"type": kind, "nullable": True} for name, kind in columns.items()}
    config = Sources.model_validate(
        {
            "entity": {"table": "t", "column": "id"},
            "sources": {"mine": {"kind": "files", "folder": "raw"}},
            "tables": {"t": {"source": "mine", "path": FILE.name, "columns": declared}},
        }
    )
    store(config, "t", [], Path(), Path("good.parquet"))
    return pyarrow.parquet.read_table("good.parquet").to_pylist()


@pytest.mark.parametrize(
    ("value", "written", "kind", "taken"),
    [
        (LONG, pa.decimal256(60, 10), "string", f"{LONG}00000000"),
        (Decimal("-1.5"), pa.decimal256(60, 10), "decimal(12,2)", Decimal("-1.50")),
        ([Decimal("1.5")], pa.list_(pa.decimal256(60, 1)), "list<decimal(4,1)>", [Decimal("1.5")]),
        (datetime.timedelta(days=-1, microseconds=1), pa.duration("us"), "decimal(12,6)",
         Decimal("-86399.999999")),
        (datetime.timedelta(hours=1), pa.duration("ns"), "number", 3600.0),
        ([("a", 1)], pa.map_(pa.string(), pa.int64()),
         "list<struct<key: string, value: integer>>", [{"key": "a", "value": 1}]),
        ([1, 2], pa.list_(pa.int64(), 2), "integers", [1, 2]),
        (CODE.bytes, pa.uuid(), "string", str(CODE)),
        ('{"a": 1.50}', pa.json_(), "json", '{"a": 1.50}'),
    ],
)  # fmt: skip
def test_a_type_that_no_table_has_comes_exactly(
    value: Any, written: pa.DataType, kind: str, taken: Any
) -> None:
    write(value, written)
    assert read(id="integer", x=kind, y="number") == [
        {"id": 1, "x": taken, "y": 0.5},
        {"id": 2, "x": None, "y": 0.25},
    ]


def test_a_type_that_cannot_be_taken_is_named() -> None:
    write([1], pa.list_view(pa.int64()))
    assert [row["y"] for row in read(id="integer", y="number")] == [0.5, 0.25]
    with pytest.raises(MlopsError, match=r'"x" is list_view<element: int64>\): leave it out'):
        read(id="integer", x="list<integer>")


def test_a_name_that_stands_twice_is_told_apart_as_in_a_csv() -> None:
    arrays = [pa.array([1, 2]), pa.array([3, 4]), pa.array(["a", "b"]), pa.array([5.5, 6.5])]
    pyarrow.parquet.write_table(pa.table(arrays, names=["a", "id", "b", "a"]), FILE)
    assert read(**{"a (2 of 2)": "number", "id": "integer", "a (1 of 2)": "integer"}) == [
        {"a (2 of 2)": 5.5, "id": 3, "a (1 of 2)": 1},
        {"a (2 of 2)": 6.5, "id": 4, "a (1 of 2)": 2},
    ]
    assert read(id="integer", b="string") == [{"id": 3, "b": "a"}, {"id": 4, "b": "b"}]
    with pytest.raises(MlopsError, match=r'it has "a \(1 of 2\)"'):
        read(id="integer", a="number")


@pytest.mark.parametrize(
    ("values", "kind", "note"),
    [
        ([2**64 - 1, 1], "decimal(20,0)", ""),
        ([2**63 - 1, 1], "integer", ""),
        (pa.array([1, 1_000], pa.timestamp("ns")), "timestamp", "1 of its values would be set"),
    ],
)
def test_describe_proposes_a_type_that_takes_all_values_or_says_which_it_does_not(
    values: Any, kind: str, note: str
) -> None:
    x = values if isinstance(values, pa.Array) else pa.array(values, pa.uint64())
    pyarrow.parquet.write_table(pa.table({"id": [1, 2], "x": x}), FILE)
    options, told = questions.declared([])
    with described(FILE, options, told, Path("raw"), set()) as (made, _):
        assert made.columns["x"].type == kind
        assert note in " ".join(made.columns["x"].notes)
        assert bool(made.columns["x"].notes) == bool(note)


def test_columns_are_those_of_the_file_in_whatever_order_they_are_declared() -> None:
    frame = pl.DataFrame({f"c{at}": [at, at + 100] for at in range(30)})
    frame.write_parquet(FILE)
    names = [f"c{at * 7 % 30}" for at in range(30)]
    assert read(**dict.fromkeys(names, "integer")) == frame.select(names).to_dicts()


# What a value of a type is, as it comes out of the file and as it is taken.
SIMPLE = [
    (pa.null(), st.none()),
    (pa.int8(), st.none() | st.integers(-128, 127)),
    (pa.large_string(), st.none() | st.text(max_size=3)),
    (pa.dictionary(pa.int8(), pa.string()), st.none() | st.sampled_from("ab")),
    (pa.decimal256(60, 1), st.none() | st.integers(0, 9).map(lambda n: Decimal(n).scaleb(-1))),
]


def nested(
    inner: st.SearchStrategy[tuple[pa.DataType, st.SearchStrategy[Any]]],
) -> st.SearchStrategy[tuple[pa.DataType, st.SearchStrategy[Any]]]:
    """Draw a list of some type, a map to it, or a record of two."""
    return st.one_of(
        inner.map(lambda of: (pa.list_(of[0]), st.none() | st.lists(of[1], max_size=3))),
        inner.map(lambda of: (pa.large_list(of[0]), st.none() | st.lists(of[1], max_size=3))),
        inner.map(lambda of: (pa.map_(pa.string(), of[0]),
                              st.none() | st.lists(st.tuples(st.just("k"), of[1]), max_size=2))),
        st.tuples(inner, inner).map(lambda of: (pa.struct([("a", of[0][0]), ("b", of[1][0])]),
                                    st.none() | st.fixed_dictionaries(
                                        {"a": of[0][1], "b": of[1][1]}))),
    )  # fmt: skip


def as_taken(value: Any) -> Any:
    """Return a value of Arrow as a table holds it: long decimals as text, maps as their pairs."""
    if isinstance(value, dict):
        return {key: as_taken(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_taken(one) for one in value]
    if isinstance(value, tuple):
        return {"key": as_taken(value[0]), "value": as_taken(value[1])}
    return f"{value:.1f}" if isinstance(value, Decimal) else value


@given(st.data(), st.recursive(st.sampled_from(SIMPLE), nested, max_leaves=4))
def test_every_type_within_others_comes_exactly(
    drawn: st.DataObject, kind: tuple[pa.DataType, st.SearchStrategy[Any]]
) -> None:
    values = drawn.draw(st.lists(kind[1], min_size=1, max_size=5))
    column = pa.chunked_array([pa.array([None, *values], kind[0]).slice(1)])
    try:
        taken = pl.Series(pl.from_arrow(parquet.plain(column))).to_list()
    except pl.exceptions.PanicException as error:  # which is no Exception
        raise AssertionError from error
    assert taken == as_taken(values)
