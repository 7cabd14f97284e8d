"""What stands inside of the objects of JSON is a column by the way there, as in XML."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Files, Sources, Table
from mlops_kit.data.contracts.drift import looked
from mlops_kit.data.describing import describe as describing
from mlops_kit.data.describing.asked import Asked
from mlops_kit.data.reading import store
from mlops_kit.data.sources import inside, json_lines
from mlops_kit.privacy.people import raw_files

QUAKES = [
    {"type": "Feature", "id": f"us{n}", "bbox": None,
     "properties": {"mag": n / 4, "place": f"p {n % 3}", "type": "quake", "felt": n or None},
     "geometry": {"type": "Point", "coordinates": [n * 1.5, -n]}}
    for n in range(30)
]  # fmt: skip
MAP = {"type": "FeatureCollection", "features": QUAKES, "bbox": [0, 1, 2, 3]}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("raw").mkdir()


def put(content: Any, name: str = "raw/t.json") -> Path:
    lines = name.endswith("l")
    text = "".join(json.dumps(one) + "\n" for one in content) if lines else json.dumps(content)
    Path(name).write_text(text, encoding="utf-8")
    return Path(name)


def described(place: Path) -> tuple[Sources, describing.Description]:
    import yaml

    made = describing.describe(place, [], Asked())
    return Sources.model_validate(yaml.safe_load(made.files[Path("conf/sources.yaml")])), made


def read_back(config: Sources) -> pl.DataFrame:
    (name,) = config.tables
    reading = store(config, name, [], Path(), Path("good.parquet"))
    assert reading.broken == 0
    return pl.read_parquet("good.parquet")


def test_each_property_of_a_map_is_a_column() -> None:
    config, made = described(put(MAP, "raw/t.json"))
    (table,) = config.tables.values()
    assert table.records == "features"
    types = {name: one.type for name, one in table.columns.items()}
    assert types == {
        "type": "string", "id": "string", "properties/mag": "number", "properties/place": "string",
        "properties/type": "string", "properties/felt": "integer", "geometry/type": "string",
        "geometry/coordinates": "list<number>",
    }  # fmt: skip
    assert config.entity.column == "id"
    assert made.made.columns["bbox"].left_out
    read = read_back(config)
    for name in ("mag", "place", "type", "felt"):
        assert read[f"properties/{name}"].to_list() == [one["properties"][name] for one in QUAKES]
    there = [one["geometry"]["coordinates"] for one in QUAKES]
    assert read["geometry/coordinates"].to_list() == there


@pytest.mark.parametrize("name", ["raw/t.json", "raw/t.jsonl"])
def test_what_is_no_object_in_each_row_or_a_map_of_values_stays_whole(name: str) -> None:
    rows = [
        {"id": n, "sometimes": {"a": 1} if n % 2 else "none", "lists": [{"b": n}],
         "map": {f"k{at}": 1 for at in range(n, n + 40)}, "slash": {"c/d": 1}, "empty": {},
         "deep": {"er": {"and": {"deeper": n}}, "gone": None if n else {"x": 5}}}
        for n in range(30)
    ]  # fmt: skip
    config, _ = described(put(rows, name))
    (table,) = config.tables.values()
    assert list(table.columns) == [
        "id", "sometimes", "lists", "map", "slash", "empty", "deep/er/and/deeper", "deep/gone/x"
    ]  # fmt: skip
    read = read_back(config)
    assert read["deep/er/and/deeper"].to_list() == list(range(30))
    assert read["deep/gone/x"].to_list() == [5, *[None] * 29]
    assert [json.loads(one) for one in read["map"]] == [one["map"] for one in rows]


def declared(*columns: str) -> Table:
    kinds = {name: {"type": "json", "nullable": True} for name in columns}
    return Table.model_validate({"source": "mine", "path": "t.jsonl", "columns": kinds})


def lines(*rows: Any) -> Path:
    return put(list(rows), "raw/t.jsonl")


def test_a_name_with_a_slash_is_read_as_it_stands() -> None:
    file = lines({"price": 5}, {"price": 6, "price/kg": 7})
    (frame,) = json_lines.batches(file, declared("price", "price/kg"), "is asked for")
    assert frame.rows() == [("5", None), ("6", "7")]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"a": "none"}, 'line 2, .*"a" is an object in some rows and none in others'),
        ({"a": {"b": 1}, "a/b": 2}, 'line 2, .*"a/b" stands in it twice'),
        ({"a": {"B": 1}}, 'line 2, has "a/B" where "a/b" is declared'),
    ],
)
def test_what_has_two_readings_inside_is_refused_by_its_line(row: Any, sentence: str) -> None:
    file = lines({"a": {"b": 1}}, row)
    with pytest.raises(MlopsError, match=sentence):
        list(json_lines.batches(file, declared("a/b"), "is asked for"))


def test_a_way_that_no_row_has_is_refused() -> None:
    with pytest.raises(MlopsError, match='no "a/c" in any line'):
        list(json_lines.batches(lines({"a": {"b": 1}}), declared("a/c"), "is asked for"))


def test_new_names_inside_of_an_object_are_told_and_the_object_itself_is_none() -> None:
    lines({"a": {"b": 1, "new": 2}, "c": 3})
    source = Files(kind="files", folder=Path("raw"), drift="evolve")
    config = Sources.model_construct(sources={"mine": source}, tables={"t": declared("a/b", "c")})
    drift = looked(config, "t")
    assert drift is not None
    assert list(drift.said(config.tables["t"])) == ["new columns: a/new"]


@pytest.mark.parametrize("name", ["raw/t.json", "raw/t.jsonl"])
def test_a_person_who_stands_inside_of_an_object_is_erased(name: str) -> None:
    rows = [{"who": {"id": f"p{n}"}, "v": n} for n in range(5)]
    file = put(rows, name)
    kind = name.rpartition(".")[2]
    how = raw_files.Written(declared("who/id"), kind)
    gone = raw_files.remove_rows(file, ["who/id"], lambda rows: rows["who/id"] == "p3", False, how)
    text = file.read_text(encoding="utf-8")
    left = json.loads(text) if kind == "json" else [json.loads(one) for one in text.splitlines()]
    assert (gone, left) == (1, [one for one in rows if one["v"] != 3])


NAMES = st.sampled_from(["a", "b", "c", "a/b", ""])
VALUES = st.recursive(
    st.none() | st.integers(0, 3), lambda inner: st.dictionaries(NAMES, inner, max_size=3)
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=3), min_size=1, max_size=4))
def test_no_value_is_lost_or_told_twice_by_its_way(rows: list[dict[str, Any]]) -> None:
    names, unread = inside.columns_in(rows)
    assert len({*names, *unread}) == len(names) + len(unread)
    opener = inside.Opener(names)
    for every in rows:
        row = {name: value for name, value in every.items() if name not in unread}
        found = opener.opened(row)
        told = [found.get(name) for name in names]
        assert sorted(leaves(told)) == sorted(leaves([row]))


def leaves(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return [one for each in inner for one in leaves(each)]
    return [] if value is None else [str(value)]
