"""The data stage: broken rows are set aside with a reason, and too many of them stop the run."""

import json
import subprocess
import sys

import polars as pl
import pytest
import typer
from club import replace
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import load_settings
from mlops_kit.data import commands
from mlops_kit.data.config import load_sources
from mlops_kit.data.ingest import ingest, input_record, write_input_record


def run_ingest(club):
    return ingest(load_settings(), club / "tables", club / "quarantine")


def test_good_tables_arrive_typed_and_nothing_is_set_aside(club):
    assert run_ingest(club).startswith("2 tables, 1,240 rows, 0 set aside")
    visits = pl.read_parquet(club / "tables/visits.parquet")
    assert visits.schema == {"member_id": pl.Int64, "day": pl.Date, "minutes": pl.Float64}


def test_a_broken_row_is_set_aside_with_its_reasons_and_the_others_pass(club):
    replace(club / "raw/members.csv", "3,family 1,23", "3,,230")
    replace(club / "raw/visits.csv", "\n5,2025-01-02,", "\n5,yesterday,")
    run_ingest(club)
    broken = pl.read_parquet(club / "quarantine/members.parquet")
    assert broken.to_dicts() == [
        {
            "member_id": "3",
            "family": None,
            "age": "230",
            "reason": "age breaks less_than_or_equal_to(120.0); family is empty",
        }
    ]
    assert pl.read_parquet(club / "tables/members.parquet").height == 39
    reasons = pl.read_parquet(club / "quarantine/visits.parquet")["reason"]
    assert reasons.to_list() == ["day is not of type date"]


def test_above_the_limit_the_run_stops_and_the_last_good_tables_stay(club):
    run_ingest(club)
    replace(club / "raw/visits.csv", ",2025-01-0", ",2025-13-0")
    with pytest.raises(MlopsError, match='360 of 1,200 rows of table "visits" break its contract'):
        run_ingest(club)
    assert pl.read_parquet(club / "tables/visits.parquet").height == 1_200
    assert pl.read_parquet(club / "quarantine/visits.parquet").height == 360


def test_a_fraction_is_no_integer_and_nan_is_no_number(club):
    replace(club / "raw/members.csv", "3,family 1,23", "3,family 1,23.5")
    replace(club / "raw/visits.csv", "\n5,2025-01-02,", "\n5,2025-01-02,nan")
    run_ingest(club)
    assert pl.read_parquet(club / "quarantine/members.parquet")["reason"][0] == (
        "age is not of type integer"
    )
    assert pl.read_parquet(club / "quarantine/visits.parquet")["reason"][0] == (
        "minutes is not of type number"
    )


def test_duplicates_of_a_unique_column_are_set_aside(club):
    replace(club / "raw/members.csv", "4,family 2,24", "3,family 2,24")
    run_ingest(club)
    reasons = pl.read_parquet(club / "quarantine/members.parquet")["reason"].to_list()
    assert reasons == ["member_id is not unique"] * 2


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("raw/members.csv", "member_id,family,age\n", 'Table "members" .* has no rows'),
        ("raw/members.csv", "member_id,age\n1,2\n", 'has no column "family"'),
        ("raw/members.csv", None, "raw/members.csv does not exist"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_sentence(club, file, content, sentence):
    (club / file).unlink()
    if content is not None:
        (club / file).write_text(content, encoding="utf-8")
    with pytest.raises(MlopsError, match=sentence):
        run_ingest(club)


def test_a_damaged_parquet_file_is_one_sentence(club):
    replace(club / "conf/sources.yaml", "path: visits.csv", "path: visits.parquet")
    (club / "raw/visits.parquet").write_bytes(b"PAR1 this is no parquet PAR1")
    with pytest.raises(MlopsError, match=r"raw/visits.parquet cannot be read as parquet"):
        run_ingest(club)


def test_json_lines_and_a_folder_of_files_are_tables_too(club):
    (club / "raw/visits.csv").unlink()
    folder = club / "raw/visits"
    folder.mkdir()
    for part in (1, 2):
        row = {"member_id": part, "day": f"2025-02-0{part}", "minutes": 1.5, "more": 1}
        (folder / f"{part}.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    replace(club / "conf/sources.yaml", "path: visits.csv", "path: visits")
    run_ingest(club)
    visits = pl.read_parquet(club / "tables/visits.parquet")
    assert visits.select("member_id", "minutes").rows() == [(1, 1.5), (2, 1.5)]


def held_out(club):
    return dict(pl.read_parquet(club / "tables/entities.parquet")["member_id", "held_out"].rows())


@pytest.mark.parametrize("method", ["time", "rolling_origin", "copies"])
def test_a_split_that_draws_no_entities_holds_none_of_them_out(club, method):
    replace(club / "params.yaml", "method: time", f"method: {method}")
    run_ingest(club)
    assert set(held_out(club).values()) == {False}


def test_a_split_by_hash_follows_the_value_and_not_the_order_of_the_rows(club):
    replace(club / "params.yaml", "method: time", "method: hash")
    run_ingest(club)
    before = held_out(club)
    lines = (club / "raw/members.csv").read_text(encoding="utf-8").splitlines()
    (club / "raw/members.csv").write_text("\n".join([lines[0], *lines[:0:-1], ""]))
    run_ingest(club)
    assert held_out(club) == before
    assert 0 < sum(before.values()) < 20


def test_a_group_is_held_out_as_a_whole_and_only_yes_or_no_is_passed_on(club):
    replace(
        club / "params.yaml",
        "method: time, holdout: 0.2",
        "method: group, column: family, holdout: 0.4",
    )
    run_ingest(club)
    entities = pl.read_parquet(club / "tables/entities.parquet").sort("member_id")
    assert entities.schema == {"member_id": pl.Int64, "held_out": pl.Boolean}
    parts = entities["held_out"].to_list()
    assert parts[0::2] == parts[1::2]
    assert 0 < sum(parts) < 40


def test_an_entity_of_many_rows_is_in_one_part_and_its_column_of_the_split_says_one_thing(club):
    replace(club / "conf/sources.yaml", "table: members", "table: visits")
    replace(
        club / "params.yaml",
        "method: time, holdout: 0.2",
        "method: group, column: minutes, holdout: 0.4",
    )
    with pytest.raises(MlopsError, match='"minutes" has several values for one "member_id"'):
        run_ingest(club)
    replace(club / "params.yaml", "column: minutes", "column: member_id")
    run_ingest(club)
    entities = pl.read_parquet(club / "tables/entities.parquet")
    visitors = pl.read_parquet(club / "tables/visits.parquet")["member_id"]
    assert entities["member_id"].to_list() == visitors.unique().sort().to_list()
    assert 0 < entities["held_out"].sum() < len(entities)


def test_a_csv_without_a_header_line_shows_nobodys_row(club):
    lines = (club / "raw/members.csv").read_text(encoding="utf-8").splitlines()
    (club / "raw/members.csv").write_text("\n".join(["7,Ana Ruiz,33", *lines[1:]]))
    with pytest.raises(MlopsError, match="give the file a header line") as error:
        run_ingest(club)
    assert "Ruiz" not in str(error.value)


@pytest.mark.parametrize("name", ["entities", "rows", "target", "features"])
def test_a_table_name_that_the_pipeline_uses_itself_is_refused(club, name):
    text = (club / "conf/sources.yaml").read_text(encoding="utf-8").replace("visits:", f"{name}:")
    (club / "conf/sources.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(MlopsError, match=f"a table may not be called {name}"):
        load_sources()


def test_a_changed_file_changes_the_input_record_and_an_equal_one_does_not(club):
    record = club / "data/inputs.json"
    write_input_record(record, load_sources(), load_settings())
    first = record.stat().st_mtime_ns
    write_input_record(record, load_sources(), load_settings())
    assert record.stat().st_mtime_ns == first
    before = input_record(load_sources())
    replace(club / "raw/members.csv", "family 1,", "family 9,")
    assert input_record(load_sources()) != before


def test_allowed_values_of_a_number_may_be_written_without_a_decimal_point(club):
    allowed = "age: {type: number, allowed: " + f"{list(range(20, 59))}" + "}"
    replace(club / "conf/sources.yaml", "age: {type: integer, minimum: 0, maximum: 120}", allowed)
    run_ingest(club)
    broken = pl.read_parquet(club / "quarantine/members.parquet")
    assert broken["age"].to_list() == ["59"]


def test_a_check_that_does_not_fit_its_type_is_named(club):
    replace(club / "conf/sources.yaml", "maximum: 120", 'pattern: "^[0-9]+$"')
    with pytest.raises(MlopsError, match=r"members\.columns\.age: .* not fit the type integer"):
        run_ingest(club)


def test_what_was_set_aside_and_what_is_missing_is_told_and_written_down(club):
    replace(club / "raw/visits.csv", "\n5,2025-01-02,", "\n5,2025-01-02,NA")
    replace(club / "raw/visits.csv", "\n6,2025-01-03,", "\n6,03/01/25,")
    said = run_ingest(club).splitlines()
    assert said[1:] == [
        "visits: 2 rows set aside: 1 day has two readings, day or month first: declare its format, "
        "%d/%m/%Y or %m/%d/%Y (%y for years of two digits), 1 minutes is not of type number"
    ]
    replace(club / "raw/visits.csv", "\n5,2025-01-02,NA", "\n5,2025-01-02,NA\n5,2025-01-02,")
    run_ingest(club)
    told = json.loads((club / "reports/data/reading.json").read_text(encoding="utf-8"))
    visits = told["tables"]["visits"]
    assert (visits["rows"], visits["set_aside"]) == (1_201, 2)
    assert visits["missing"] == {"minutes": {"NA": 1}}
    assert visits["reasons"]["minutes is empty"] == 1


def test_an_unread_file_of_a_folder_is_in_the_record_and_on_the_terminal(club):
    folder = club / "raw/visits"
    folder.mkdir()
    (club / "raw/visits.csv").rename(folder / "visits.csv")
    (folder / "visits.old").write_text("x")
    replace(club / "conf/sources.yaml", "path: visits.csv", "path: visits")
    assert "visits: not read: visits.old" in run_ingest(club)
    record = input_record(load_sources())["tables"]["visits"]
    assert record[1] == {"path": "raw/visits/visits.old", "read": False}


def test_no_folder_of_this_machine_is_committed(club):
    replace(club / "conf/sources.yaml", "folder: raw", f"folder: {club / 'raw'}")
    assert str(club) not in json.dumps(input_record(load_sources()))
    run_ingest(club)
    assert str(club) not in (club / "reports/data/reading.json").read_text(encoding="utf-8")
    visits = (club / "raw/visits.csv").as_posix()
    replace(club / "conf/sources.yaml", "path: visits.csv", f"path: {visits}")
    replace(club / "conf/sources.yaml", f"folder: {club / 'raw'}", "folder: elsewhere")
    replace(club / "conf/sources.yaml", "path: members.csv", "path: ../raw/members.csv")
    (club / "elsewhere").mkdir()
    assert str(club) not in json.dumps(input_record(load_sources()))


def test_nothing_is_written_into_a_folder_that_is_read(club):
    folder = club / "raw/visits"
    folder.mkdir()
    (club / "raw/visits.csv").rename(folder / "visits.csv")
    replace(club / "conf/sources.yaml", "path: visits.csv", "path: visits")
    with pytest.raises(MlopsError, match="put the raw files into a folder of their own"):
        ingest(load_settings(), club / "tables", folder / "quarantine")
    assert [one.name for one in folder.iterdir()] == ["visits.csv"]


def test_settings_of_older_releases_mean_what_they_meant(club):
    replace(club / "conf/sources.yaml", "day: {type: date}", "day: {type: datetime}")
    replace(club / "raw/visits.csv", "\n5,2025-01-02,", "\n5,2025-01-02T01:30:00+02:00,")
    run_ingest(club)
    visits = pl.read_parquet(club / "tables/visits.parquet")
    assert visits.schema["day"] == pl.Datetime("us")
    assert str(visits.filter(member_id=5)["day"].sort()[1]) == "2025-01-01 23:30:00"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("type: date", "type: day", "day is no type; use string, integer"),
        ("type: date", 'type: "decimal(2,9)"', "needs 38 digits at most"),
        ("type: number", 'type: number, format: "%d"', "format is for dates and times"),
        ("type: date", 'type: timestamptz, format: "%Y-%m-%d"', "needs %z"),
        ("path: visits.csv", "path: visits.csv\n    thousands: .", "declare another decimal"),
        ("path: visits.csv", "path: visits.csv\n    encoding: klingon", "no encoding that Python"),
        ("path: visits.csv", "path: visits.csv\n    header: [day]", "does not list the column"),
        ("type: date", 'type: date, format: "%H"', 'the format "%H" of column day'),
    ],
)
def test_what_is_declared_wrongly_is_one_sentence(club, old, new, sentence):
    replace(club / "conf/sources.yaml", old, new)
    with pytest.raises(MlopsError, match=sentence):
        run_ingest(club)


def test_the_test_of_sources_says_what_a_run_says_and_keeps_nothing(club, capsys):
    replace(club / "raw/members.csv", "4,family 2,24", "3,family 2,24")
    before = [one for one in sorted(club.rglob("*")) if one.is_file()]
    with pytest.raises(typer.Exit) as ended:
        commands.test()
    assert ended.value.exit_code == 1
    assert "members      38 good, 2 broken" in capsys.readouterr().out
    after = [one for one in sorted(club.rglob("*")) if one.is_file()]
    assert after == before
    assert "2 set aside" in run_ingest(club)


def test_a_key_that_two_sources_share_is_counted_and_told_where_the_tables_are_alike(club):
    """Three of the members came by the web too; how long they stay is another table, to join."""
    (club / "web").mkdir()
    (club / "web/people.csv").write_text("member_id,age\n1,20\n2,30\n3,40\n900,50\n")
    (club / "web/stays.csv").write_text("member_id,months\n1,2\n2,3\n")
    file = club / "conf/sources.yaml"
    text = file.read_text(encoding="utf-8")
    text = text.replace("\nsources:\n", "\nsources:\n  web: {kind: files, folder: web}\n", 1)
    key = "member_id: {type: integer, unique: true}"
    for name, more in (("people", "age"), ("stays", "months")):
        text += (
            f"\n  {name}:\n    source: web\n    path: {name}.csv\n    columns:\n      {key}\n"
            f"      {more}: {{type: integer}}\n"
        )
    file.write_text(text, encoding="utf-8")
    said = run_ingest(club)
    assert "members and people, which come from different sources, share 3 values of" in said
    assert "stays" not in said
    read = json.loads((club / "reports/data/reading.json").read_text())
    assert [(one["second"], one["values"]) for one in read["shared"]] == [
        ("people", 3),
        ("stays", 2),
    ]
    assert not list(club.rglob(".shared*"))
    (club / "web/people.csv").write_text("member_id,age\n900,50\n")
    assert "different sources, share" not in run_ingest(club)


@pytest.mark.parametrize(
    ("bound", "kept"),
    [("minimum: 0.1", [0.1, 0.2]), ("minimum: 0.05", [0.1, 0.2]), ("maximum: 0.15", [0.0, 0.1])],
)
def test_a_bound_of_a_decimal_is_compared_exactly(club, bound, kept):
    replace(club / "conf/sources.yaml", "minutes: {type: number, minimum: 0}",
            f"minutes: {{type: 'decimal(6,1)', {bound}}}")  # fmt: skip
    lines = [f"1,2025-01-0{day},0.{day}" for day in range(1, 3)]
    (club / "raw/visits.csv").write_text(
        "\n".join(["member_id,day,minutes", "1,2025-01-01,0.0", *lines, ""]), encoding="utf-8"
    )
    replace(club / "conf/base.yaml", "0.1}", "0.9}")
    run_ingest(club)
    found = pl.read_parquet(club / "tables/visits.parquet")["minutes"]
    assert [float(one) for one in found] == kept


ENTITIES_OF = """
import resource, sys
from pathlib import Path
from mlops_kit.data.config import load_sources
from mlops_kit.data.ingest import write_entities
write_entities(load_sources(), Path(sys.argv[1]), Path("entities.parquet"))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_the_memory_of_naming_the_entities_does_not_grow_with_them(club):
    peaks = []
    for rows in (200_000, 3_000_000):
        ids = pl.select(member_id=pl.int_range(rows) * 7919 % rows)
        ids.write_parquet(f"{rows}.parquet")
        done = subprocess.run(
            [sys.executable, "-c", ENTITIES_OF, f"{rows}.parquet"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        peaks.append(int(done.stdout))
        assert pl.scan_parquet("entities.parquet").select(pl.len()).collect().item() == rows
    assert peaks[1] - peaks[0] < 130, peaks
    assert not list(club.glob(".spilled*"))
