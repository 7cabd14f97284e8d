"""Columns that are new, missing or of another type: what the source's `drift` decides."""

import json
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from club import replace
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import load_settings
from mlops_kit.data.config import Table, load_sources
from mlops_kit.data.contracts import drift
from mlops_kit.data.ingest import ingest

FORMATS = ("csv", "jsonl", "json", "xml", "parquet")


def run_ingest(club):
    return ingest(load_settings(), club / "tables", club / "quarantine")


def decided(club, decision, nullable=True):
    """Read visits from a folder of files, of which a source says `decision`."""
    replace(club / "conf/sources.yaml", "folder: raw}", f"folder: raw, drift: {decision}}}")
    replace(club / "conf/sources.yaml", "path: visits.csv", "path: visits")
    if nullable:
        replace(club / "conf/sources.yaml", "minimum: 0}", "minimum: 0, nullable: true}")
    replace(club / "conf/base.yaml", "0.1}", "1.0}")
    (club / "raw/visits").mkdir()


def written(club, name, rows, kind):
    file = club / f"raw/visits/{name}.{kind}"
    frame = pl.DataFrame(rows)
    if kind == "csv":
        frame.write_csv(file)
    elif kind == "jsonl":
        frame.write_ndjson(file)
    elif kind == "json":
        frame.write_json(file)
    elif kind == "parquet":
        days = [pl.col(one).str.to_date() for one in frame.columns if one == "day"]
        frame.with_columns(days).write_parquet(file)
    else:
        lines = "".join(
            "<v>" + "".join(f"<{key}>{one}</{key}>" for key, one in row.items()) + "</v>"
            for row in rows
        )
        file.write_text(f"<vs>{lines}</vs>", encoding="utf-8")


def visits(*days, **more):
    return [{"member_id": 1, "day": f"2025-02-0{day}", "minutes": 5.5, **more} for day in days]


def without(rows, column):
    return [{key: one for key, one in row.items() if key != column} for row in rows]


def records(club, kind):
    if kind == "xml":
        replace(club / "conf/sources.yaml", "path: visits\n", "path: visits\n    records: vs/v\n")


def told(club):
    read = json.loads((club / "reports/data/reading.json").read_text(encoding="utf-8"))
    return read["tables"]["visits"]


@pytest.mark.parametrize("kind", FORMATS)
def test_freeze_stops_at_a_new_and_at_a_missing_column_and_names_both(club, kind):
    decided(club, "freeze")
    records(club, kind)
    written(club, "a", visits(1), kind)
    run_ingest(club)
    before = pl.read_parquet(club / "tables/visits.parquet")
    written(club, "b", without(visits(2, desk="north"), "minutes"), kind)
    sentence = rf"visits of club has changed.*new columns: desk; b.{kind} lacks minutes"
    with pytest.raises(MlopsError, match=sentence):
        run_ingest(club)
    assert pl.read_parquet(club / "tables/visits.parquet").equals(before)


@pytest.mark.parametrize("kind", FORMATS)
def test_evolve_goes_along_and_tells(club, kind):
    decided(club, "evolve")
    records(club, kind)
    written(club, "a", visits(1), kind)
    written(club, "b", without(visits(2, desk="north"), "minutes"), kind)
    said = run_ingest(club)
    assert f"visits: its source has changed: new columns: desk, b.{kind} lacks minutes" in said
    kept = pl.read_parquet(club / "tables/visits.parquet").sort("day")
    assert kept["minutes"].to_list() == [5.5, None]
    assert kept.columns == ["member_id", "day", "minutes"]
    assert told(club)["drift"] == ["new columns: desk", f"b.{kind} lacks minutes"]


@pytest.mark.parametrize("kind", FORMATS)
def test_discard_sets_the_rows_aside_that_lack_a_column(club, kind):
    decided(club, "discard")
    records(club, kind)
    written(club, "a", visits(1, 3), kind)
    written(club, "b", without(visits(2, desk="north"), "minutes"), kind)
    assert "1 row set aside: 1 minutes is missing in its file" in run_ingest(club)
    aside = pl.read_parquet(club / "quarantine/visits.parquet")
    assert aside["reason"].to_list() == ["minutes is missing in its file"]
    assert pl.read_parquet(club / "tables/visits.parquet")["minutes"].to_list() == [5.5, 5.5]
    assert told(club)["drift"]


def test_a_missing_column_that_may_not_be_empty_is_set_aside_by_evolve_too(club):
    decided(club, "evolve", nullable=False)
    written(club, "a", visits(1), "csv")
    written(club, "b", without(visits(2), "minutes"), "csv")
    assert "1 minutes is empty" in run_ingest(club)


@pytest.mark.parametrize("values", [["5.5"], ["many"], [[5.5]], [True]])
def test_a_column_of_another_type_stops_where_it_is_frozen_and_is_told_where_it_evolves(
    club, values
):
    decided(club, "freeze")
    rows = [{**row, "minutes": values[0]} for row in visits(1)]
    written(club, "a", rows, "parquet")
    with pytest.raises(MlopsError, match=r"minutes is .*, declared number"):
        run_ingest(club)
    replace(club / "conf/sources.yaml", "drift: freeze", "drift: evolve")
    if values == ["5.5"]:
        assert "minutes is large_string, declared number" in run_ingest(club)
        assert pl.read_parquet(club / "tables/visits.parquet")["minutes"].to_list() == [5.5]


def test_what_is_named_as_left_out_is_no_new_column(club):
    decided(club, "freeze")
    written(club, "a", visits(1, desk="north"), "csv")
    with pytest.raises(MlopsError, match="new columns: desk"):
        run_ingest(club)
    replace(club / "conf/sources.yaml", "path: visits\n", "path: visits\n    left_out: [desk]\n")
    run_ingest(club)
    assert "drift" not in told(club)


def test_without_a_decision_all_is_as_before(club):
    replace(club / "conf/sources.yaml", "path: visits.csv", "path: visits")
    (club / "raw/visits").mkdir()
    written(club, "a", visits(1, desk="north"), "csv")
    run_ingest(club)
    assert "drift" not in told(club)
    written(club, "b", visits(2), "csv")
    with pytest.raises(MlopsError, match="has other columns than"):
        run_ingest(club)


def test_a_file_without_any_declared_column_is_one_sentence(club):
    decided(club, "evolve")
    written(club, "a", [{"x": 1, "y": 2}], "parquet")
    with pytest.raises(MlopsError, match="has none of the columns"):
        run_ingest(club)


def test_a_column_that_is_read_may_not_be_left_out(club):
    decided(club, "freeze")
    replace(club / "conf/sources.yaml", "path: visits\n", "path: visits\n    left_out: [day]\n")
    with pytest.raises(MlopsError, match='reads "day" and names it under left_out'):
        load_sources()


def database(decision, names) -> Any:
    """Return a stub of a source that names its columns; tests/servers asks real ones."""
    return SimpleNamespace(drift=decision, names=lambda table: list(names))


@pytest.mark.parametrize(
    ("there", "told", "kept"),
    [
        (("id", "a"), [], ["id", "a"]),
        (("id", "a", "new"), ["new columns: new"], ["id", "a"]),
        (("id", "known", "a"), [], ["id", "a"]),
        (("id",), ["it lacks a"], ["id"]),
    ],
)
def test_before_a_table_is_landed_its_source_decides(there, told, kept):
    columns = {"id": {"type": "integer"}, "a": {"type": "string", "nullable": True}}
    declared = {"source": "db", "path": "t", "columns": columns, "left_out": ["known"]}
    table = Table.model_validate(declared)

    def seen(decision):
        found, said = drift.at_source(database(decision, there), "t", table)
        return list(found.columns), said

    assert seen(None) == (["id", "a"], [])
    assert seen("evolve") == (kept, told)
    # What is only new is not read; what is gone is never gone without a word.
    assert seen("discard") == (kept, [one for one in told if "lacks" in one])
    if told:
        with pytest.raises(MlopsError, match=told[0]):
            seen("freeze")
    else:
        assert seen("freeze") == (kept, [])
