"""Contracts of the Open Data Contract Standard 3: what is said goes both ways, or is named."""

import json
import re
import sys
from typing import Any

import pytest
import yaml
from club import replace
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft201909Validator
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Sources, load_sources
from mlops_kit.data.contracts.declared import seconds_of
from mlops_kit.data.contracts.odcs.export import exported, only_ours
from mlops_kit.data.contracts.odcs.merge import imported
from mlops_kit.data.contracts.odcs.sources_text import changed
from mlops_kit.data.contracts.odcs.types import declared_of, java_of, strptime_of
from mlops_kit.data.types import WITHOUT_ORDER, parse
from open_data_contract_standard.model import OpenDataContractStandard

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: visits-of-a-club
version: 2.0.0
status: active
description: {purpose: who comes when}
schema:
  - name: members
    description: one row a member
    tags: [club]
    quality:
      - {metric: rowCount, mustBeBetween: [10, 100]}
      - {type: sql, query: SELECT 1, mustBe: 1}
    properties:
      - {name: member_id, logicalType: integer, primaryKey: true, classification: internal}
      - {name: family, logicalType: string, required: true, logicalTypeOptions: {maxLength: 40}}
      - name: age
        logicalType: integer
        required: true
        logicalTypeOptions: {exclusiveMinimum: 15, maximum: 110, multipleOf: 1}
        quality:
          - {metric: nullValues, mustBe: 0}
          - {metric: nullValues, mustBeLessThan: 5, unit: percent}
  - name: visits
    id: vis
    properties:
      - name: member_id
        logicalType: number
        physicalType: int4
        required: true
        relationships: [{to: members.member_id}]
      - {name: day, logicalType: date, required: true, logicalTypeOptions: {format: dd/MM/yyyy}}
      - {name: minutes, logicalType: number, physicalType: "numeric(8,2)", required: false}
      - name: desk
        logicalType: string
        quality:
          - {metric: invalidValues, mustBe: 0, arguments: {validValues: [north, south]}}
      - {name: cost, logicalType: object, physicalType: Money}
slaProperties:
  - {property: latency, value: 36, unit: h, element: visits.day}
  - {property: retention, value: 3, unit: y, element: visits.day}
"""


def contract_of(club, text=CONTRACT):
    (club / "contract.yaml").write_text(text, encoding="utf-8")
    return club / "contract.yaml"


def sources_text(club):
    return (club / "conf/sources.yaml").read_text(encoding="utf-8")


# --- a contract of somebody else


def test_what_a_contract_promises_stands_in_sources_yaml_after_it(club):
    found = imported(contract_of(club), None, True)
    assert found.written
    tables = load_sources().tables
    members, visits = tables["members"], tables["visits"]
    assert members.columns["member_id"].unique
    assert members.columns["family"].pattern == "(?s:.{0,40})$"
    assert (members.columns["age"].minimum, members.columns["age"].maximum) == (16, 110)
    assert (members.rows.minimum, members.rows.maximum) == (10, 100)
    assert visits.columns["member_id"].type == "integer"
    assert visits.columns["member_id"].references == "members.member_id"
    assert visits.columns["day"].format == "%d/%m/%Y"
    assert visits.columns["minutes"].type == "decimal(8,2)"
    assert visits.columns["minutes"].nullable
    # What the contract does not say stays.
    assert visits.columns["minutes"].minimum == 0
    assert visits.columns["desk"].allowed == ["north", "south"]
    assert visits.columns["desk"].nullable
    assert (visits.time, visits.fresh_within) == ("day", "36h")
    assert "cost" not in visits.columns


def test_what_has_no_counterpart_is_named(club):
    found = imported(contract_of(club))
    assert found.lost == [
        "members.age: multipleOf 1",
        "members.age: quality nullValues mustBeLessThan 5 percent",
        "members: quality sql mustBe 1 SELECT 1",
        "visits.cost: no type here is like it (object, Money); it is not read",
        "service level retention: 3 y of visits.day",
    ]
    assert found.passed == {
        "classification": ["members.member_id"],
        "description": ["members", "the contract"],
        "tags": ["members"],
        "id": ["visits"],
    }
    shown = found.shown()
    for one in (*found.lost, "classification of members.member_id", "description of members and 1"):
        assert one in shown


def test_every_word_of_a_contract_is_taken_or_named(club):
    """Each value of the contract, changed to a word of its own, changes what is told."""
    whole = yaml.safe_load(CONTRACT)
    whole["unheardOf"] = 1
    path = contract_of(club, yaml.safe_dump(whole))
    with pytest.raises(MlopsError, match="unheardOf"):
        imported(path)
    del whole["unheardOf"]
    # The standard's own package passes over words inside that it does not know.
    whole["schema"][0]["properties"][0]["unheardOf"] = 1
    whole["schema"][0]["unheardOfToo"] = 1
    found = imported(contract_of(club, yaml.safe_dump(whole)))
    assert found.passed["unheardOf"] == ["members.member_id"]
    assert found.passed["unheardOfToo"] == ["members"]


def test_a_difference_is_shown_and_nothing_is_written_until_it_is_asked(club):
    before = sources_text(club)
    found = imported(contract_of(club))
    assert "-      age: {type: integer, minimum: 0, maximum: 120}" in found.difference
    assert "+      age: {type: integer, minimum: 16, maximum: 110" in found.difference
    assert "nothing is written" in found.shown()
    assert sources_text(club) == before


def test_comments_and_all_that_does_not_change_stay_to_the_byte(club):
    replace(
        club / "conf/sources.yaml",
        "      family: {type: string}\n",
        "      # as they sign\n      family:   {type: string}   # never empty\n",
    )
    before = sources_text(club)
    imported(contract_of(club), None, True)
    lines = sources_text(club).splitlines()
    assert "      # as they sign" in lines
    assert any(line.endswith("   # never empty") for line in lines)
    kept = [line for line in before.splitlines() if line in lines]
    assert kept == [line for line in lines if line in before.splitlines()]


def test_a_table_that_is_new_here_needs_a_source(club):
    text = CONTRACT.replace("name: visits", "name: arrivals")
    path = contract_of(club, text.replace("visits.day", "arrivals.day"))
    with pytest.raises(MlopsError, match="has no table arrivals: say where it is read from"):
        imported(path)
    with pytest.raises(MlopsError, match=r"--source other: .* declares none"):
        imported(path, "other")
    imported(path, "club", True)
    table = load_sources().tables["arrivals"]
    assert (table.source, table.path, table.time) == ("club", "arrivals", "day")
    assert table.columns["desk"].nullable
    assert list(load_sources().tables) == ["members", "visits", "arrivals"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("apiVersion: v2.2.2\nkind: DataContract\n", "is no contract of .* 3"),
        ("a: 1\n", "is no contract of .* 3"),
        (CONTRACT.replace("required: true", "required: [1]"), "required"),
        (CONTRACT.replace("name: visits", "name: [1]"), "name"),
        ("- 1\n", "must hold keys and values"),
    ],
)
def test_what_is_no_contract_is_one_sentence(club, text, sentence):
    before = sources_text(club)
    with pytest.raises(MlopsError, match=sentence):
        imported(contract_of(club, text), "club", True)
    assert sources_text(club) == before


# What stands in a contract, what may stand there instead, and what is said of that.
ODD = [
    ("mustBeBetween: [10, 100]", "mustBe: .inf", "lost: members: quality rowCount"),
    ("value: 36", "value: .nan", "lost: service level latency"),
    ("value: 36", "value: .inf", "lost: service level latency"),
    ("name: family", "name: family, primaryKey: true, primaryKeyPosition: -1",
     r"lost: members: primary key of several columns \(member_id, family\)"),
    ("arguments: {validValues: [north, south]}", "arguments: {validValues: 5}",
     r"\+.*allowed: \[5\]"),
    ("metric: nullValues, mustBe: 0",
     "metric: missingValues, mustBe: 0, arguments: {missingValues: 5}", r"\+.*nulls: \[5\]"),
    ("metric: rowCount, mustBe", "metric: duplicateValues, arguments: {properties: [[]]}, mustBe",
     "lost: members: quality duplicateValues"),
]  # fmt: skip


@pytest.mark.parametrize(("usual", "odd", "told"), ODD)
def test_an_odd_value_where_the_standard_allows_any_is_taken_or_named(club, usual, odd, told):
    assert usual in CONTRACT
    made = imported(contract_of(club, CONTRACT.replace(usual, odd)))
    said = "\n".join([*(f"lost: {one}" for one in made.lost), made.difference])
    assert re.search(told, said), said


def test_a_contract_that_the_run_would_refuse_is_not_written(club):
    before = sources_text(club)
    own = "customProperties: [{property: mlops, value: {years: [1]}}]"
    text = CONTRACT.replace("{name: minutes", f"{{name: minutes, {own}")
    with pytest.raises(MlopsError, match=r"Nothing was written: .* visits\.minutes"):
        imported(contract_of(club, text), None, True)
    assert sources_text(club) == before


def test_foreign_keys_in_a_circle_or_between_types_are_named(club):
    text = CONTRACT.replace(
        "primaryKey: true,", "primaryKey: true, relationships: [{to: visits.member_id}],"
    )
    found = imported(contract_of(club, text))
    assert any("in a circle" in one for one in found.lost)
    text = CONTRACT.replace("physicalType: int4", "physicalType: float8")
    found = imported(contract_of(club, text))
    assert any("foreign key to members.member_id (number there, integer here)" in one
               for one in found.lost)  # fmt: skip


def test_a_reference_by_ids_is_one_by_names(club):
    text = CONTRACT.replace("  - name: members\n", "  - name: members\n    id: mem\n")
    text = text.replace("{name: member_id, logicalType: integer", "{id: key, name: member_id, "
                        "logicalType: integer")  # fmt: skip
    text = text.replace("members.member_id}]", "schema/mem/properties/key}]")
    imported(contract_of(club, text), None, True)
    assert load_sources().tables["visits"].columns["member_id"].references == "members.member_id"


# --- both ways


def test_a_project_exported_and_taken_back_is_the_same(club):
    before = sources_text(club)
    path = contract_of(club, exported(load_sources(), "Club"))
    found = imported(path, None, True)
    assert (found.lost, found.passed, found.said, found.difference) == ([], {}, [], "")
    assert sources_text(club) == before


def test_what_only_this_tool_reads_is_told(club):
    assert list(only_ours(load_sources())) == [
        "source of members and 1 more: read by this command alone (customProperties: mlops)",
        "time of visits: read by this command alone (customProperties: mlops)",
        "sources: where tables are read from stays in conf/sources.yaml; no servers are written",
    ]


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
BOUNDS = st.one_of(st.none(), st.integers(-1000, 1000), st.floats(-1e6, 1e6))
FORMATS = st.sampled_from(["%d/%m/%Y", "%d.%m.%y", "%m-%d-%Y", "%b %d, %Y", "%Y%j", "%d de %m"])


KINDS = [
    *("string", "integer", "number", "boolean", "date", "timestamp", "timestamptz", "datetime"),
    *("integers", "time", "binary", "json", 'list<struct<a: time, "b c": json>>'),
    "struct<at: timestamptz, more: list<decimal(5,2)>>",
]


@st.composite
def columns(draw):
    """Draw a declaration of a column, of every kind, with what fits it."""
    digits = draw(st.integers(1, 38))
    decimal = f"decimal({digits},{draw(st.integers(0, digits))})"
    kind = draw(st.sampled_from([*KINDS, decimal]))
    one = {"type": kind, "nullable": draw(st.booleans()), "unique": draw(st.booleans())}
    one["unique"] &= parse(kind).name not in WITHOUT_ORDER
    if kind in ("integer", "number") or kind.startswith("decimal"):
        one |= {"minimum": draw(BOUNDS), "maximum": draw(BOUNDS)}
        one["nulls"] = draw(st.lists(st.integers(-999, -1), max_size=2))
    if kind == "string":
        one["allowed"] = draw(st.none() | st.lists(TEXTS, min_size=1, max_size=3, unique=True))
        one["pattern"] = draw(st.none() | st.sampled_from(["[A-Z]+$", "^a", "x|y", "(a)|(?:b)"]))
        one["default_nulls"] = draw(st.booleans())
    if kind in ("date", "timestamp", "datetime"):
        one["format"] = draw(st.none() | FORMATS)
        one["years"] = draw(st.sampled_from([[1700, 2200], [1930, 2029]]))
    return one


@st.composite
def projects(draw):
    """Draw a conf/sources.yaml of two tables or more, one of which refers to another."""
    tables: dict[str, Any] = {}
    for name in draw(st.lists(NAMES, min_size=2, max_size=3, unique=True)):
        named = draw(st.lists(TEXTS | NAMES, min_size=1, max_size=5, unique=True))
        tables[name] = {"source": "mine", "path": f"{name}.csv",
                        "columns": {one: draw(columns()) for one in named}}  # fmt: skip
        least = draw(st.none() | st.integers(1, 50))
        tables[name]["rows"] = {"minimum": least, "maximum": draw(st.sampled_from([None, 90]))}
        times = [one for one, its in tables[name]["columns"].items()
                 if its["type"] in ("date", "timestamp", "timestamptz", "datetime")]  # fmt: skip
        if times:
            tables[name]["time"] = draw(st.sampled_from(times))
            tables[name]["fresh_within"] = draw(st.sampled_from([None, "36h", "2 days", "90m"]))
        tables[name]["delimiter"] = draw(st.sampled_from([None, ";", "|"]))
        tables[name]["left_out"] = draw(st.lists(st.just("unread column"), max_size=1))
    first, second = list(tables)[:2]
    kind = next(iter(tables[first]["columns"].values()))["type"]
    if parse(kind).name not in WITHOUT_ORDER:
        target = next(iter(tables[first]["columns"]))
        tables[second]["columns"]["other"] = {"type": kind, "references": f"{first}.{target}"}
    entity = {"table": first, "column": next(iter(tables[first]["columns"]))}
    return Sources.model_validate(
        {"entity": entity, "sources": {"mine": {"kind": "files", "folder": "raw"}},
         "tables": tables}
    )  # fmt: skip


EMPTY = """# somebody's own line
entity: {table: zero, column: id}
sources:
  mine: {kind: files, folder: raw}
tables:
  zero:
    source: mine
    path: zero.csv
    columns:
      id: {type: integer}
"""


def seconds(table):
    return table.fresh_within and seconds_of(table.fresh_within)


@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(config=projects())
def test_any_declaration_comes_back_as_it_was(club, config):
    if "zero" in config.tables:
        return
    text = exported(config, "Any")
    schema = json.loads(OpenDataContractStandard.json_schema())
    assert not list(Draft201909Validator(schema).iter_errors(yaml.safe_load(text)))
    (club / "conf/sources.yaml").write_text(EMPTY, encoding="utf-8")
    found = imported(contract_of(club, text), None, True)
    assert (found.lost, found.passed) == ([], {})
    back = load_sources()
    for name, table in config.tables.items():
        ours, theirs = table.model_dump(), back.tables[name].model_dump()
        assert seconds(table) == seconds(back.tables[name])
        ours.pop("fresh_within")
        theirs.pop("fresh_within")
        assert theirs == ours
    assert sources_text(club).startswith(EMPTY)


# --- types and formats


@pytest.mark.parametrize(
    ("logical", "physical", "ours"),
    [
        ("number", "serial", "integer"),
        ("number", "double precision", "number"),
        ("number", "NUMERIC(12, 2)", "decimal(12,2)"),
        ("number", "numeric(40,2)", "number"),
        ("integer", None, "integer"),
        ("string", "varchar[18]", "string"),
        ("date", "timestamp", "timestamp"),
        ("date", "DATE", "date"),
        ("timestamp", "timestamp with time zone", "timestamptz"),
        ("timestamp", "DATETIME", "timestamp"),
        (None, "bigint", "integer"),
        (None, "decimal(5,1)", "decimal(5,1)"),
        (None, "timestamptz", "timestamptz"),
        (None, "geometry", None),
        ("time", "time", "time"),
        ("object", "json", "json"),
        ("object", "Name", None),
        ("array", "list", None),
        ("string", "bytea", "binary"),
    ],
)
def test_types_of_databases_are_ours(logical, physical, ours):
    said = {"logicalType": logical, "physicalType": physical}
    made = declared_of(said)
    assert (None if made is None else str(made)) == ours


def test_lists_and_objects_are_types_with_parts():
    said = {
        "logicalType": "object",
        "properties": [
            {"name": "street", "logicalType": "string"},
            {"name": "doors", "logicalType": "array", "items": {"logicalType": "integer"}},
        ],
    }
    assert str(declared_of(said)) == "struct<street: string, doors: list<integer>>"
    said = {"logicalType": "array", "items": {"logicalType": "object"}}
    assert declared_of(said) is None


def test_what_is_promised_of_the_parts_of_an_object_is_named(club):
    text = CONTRACT.replace(
        "physicalType: Money}",
        "properties: [{name: street, logicalType: string, required: true, tags: [a],"
        " logicalTypeOptions: {maxLength: 3}}]}",
    )
    found = imported(contract_of(club, text))
    assert "visits.cost, inside: maxLength, required" in found.lost
    assert found.passed["tags"] == ["members", "visits.cost, inside"]
    assert "struct<street: string>" in found.difference


@pytest.mark.parametrize(
    ("java", "ours"),
    [
        ("yyyy-MM-dd", "%Y-%m-%d"),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "%Y-%m-%dT%H:%M:%S%z"),
        ("yyyy-MM-ddTHH:mm:ssZ", "%Y-%m-%dT%H:%M:%S%z"),
        ("dd/MM/yy HH:mm", "%d/%m/%y %H:%M"),
        ("yyyy-MM-dd HH:mm:ss.SSS", "%Y-%m-%d %H:%M:%S%.f"),
        ("d 'de' MMMM", "%d de %B"),
        ("h 'o''clock' a", "%I o'clock %p"),
        ("GGGG yyyy", None),
        ("QQQ", None),
    ],
)
def test_formats_of_java_are_strptimes(java, ours):
    assert strptime_of(java) == ours


def test_formats_go_both_ways():
    for form in ("%d/%m/%Y", "%d de %B %Y", "%H:%M:%S%.f", "o'clock %I"):
        java = java_of(form)
        assert java is not None
        assert strptime_of(java) == form
    assert java_of("%U") is None


# --- the text of conf/sources.yaml


def test_a_declaration_over_several_lines_becomes_one_line():
    text = EMPTY.replace("{type: integer}", "\n        type: integer\n        minimum: 0 # why")
    new = changed(text, {"zero": {"columns": {"id": {"type": "string"}, "b": {"type": "date"}}}})
    assert new.endswith("      id: {type: string} # why\n      b: {type: date}\n")
    assert new.startswith(EMPTY[:80])


def test_a_file_without_a_last_line_end_and_a_table_in_the_middle_are_extended():
    text = EMPTY + "  after:\n    source: mine\n    columns:\n      a: {type: date}"
    new = changed(text, {"zero": {"rows": {"minimum": 1}, "columns": {"b": {"type": "date"}}}})
    read = yaml.safe_load(new)["tables"]
    assert list(read) == ["zero", "after"]
    assert list(read["zero"]["columns"]) == ["id", "b"]
    assert read["zero"]["rows"] == {"minimum": 1}
    assert read["after"] == {"source": "mine", "columns": {"a": {"type": "date"}}}


def test_the_group_is_named_where_it_is_not_installed(club, monkeypatch):
    monkeypatch.setitem(sys.modules, "open_data_contract_standard.model", None)
    with pytest.raises(MlopsError, match="--group contracts"):
        exported(load_sources(), "x")
    with pytest.raises(MlopsError, match="--group contracts"):
        imported(contract_of(club))
