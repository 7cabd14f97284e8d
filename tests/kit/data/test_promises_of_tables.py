"""What a table promises as a whole: rows, freshness, and values that stand in another table."""

import datetime
import json

import polars as pl
import pytest
import typer
from club import replace
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import load_settings
from mlops_kit.data import commands
from mlops_kit.data.config import load_sources
from mlops_kit.data.contracts import references
from mlops_kit.data.contracts.declared import seconds_of
from mlops_kit.data.contracts.kept import stale, stale_tables
from mlops_kit.data.ingest import ingest

MEMBER = "member_id: {type: integer}"
REFERS = "member_id: {type: integer, references: members.member_id}"
VISITS = "path: visits.csv\n"
EAST = datetime.timezone(datetime.timedelta(hours=2))


def run_ingest(club):
    return ingest(load_settings(), club / "data/open/tables", club / "quarantine")


def aside(club, table):
    return pl.read_parquet(club / f"quarantine/{table}.parquet")


def declared(club, old, new):
    replace(club / "conf/sources.yaml", old, new)


# --- values that stand in another table


@pytest.mark.parametrize("at_once", [1, 1_000_000])
def test_a_row_that_refers_to_nothing_is_set_aside_with_the_reason(club, monkeypatch, at_once):
    monkeypatch.setattr(references, "AT_ONCE", at_once)
    declared(club, MEMBER, REFERS)
    replace(club / "raw/members.csv", "\n39,family 19,59", "")
    assert "30 rows set aside: 30 member_id is not in members.member_id" in run_ingest(club)
    assert set(aside(club, "visits")["reason"]) == {"member_id is not in members.member_id"}
    kept = pl.read_parquet(club / "data/open/tables/visits.parquet")
    assert kept.height == 1_170
    assert 39 not in set(kept["member_id"])


def test_a_row_that_refers_to_one_set_aside_is_set_aside_too(club):
    declared(club, MEMBER, REFERS)
    replace(club / "raw/members.csv", "3,family 1,23", "3,family 1,230")
    run_ingest(club)
    assert set(aside(club, "visits")["member_id"]) == {"3"}


def test_tables_are_read_in_the_order_of_their_references_and_told_in_that_of_the_file(club):
    text = (club / "conf/sources.yaml").read_text(encoding="utf-8").replace(MEMBER, REFERS)
    head, members, visits = text.partition("  members:")[0], *text.split("  members:")[1].split(
        "  visits:"
    )  # fmt: skip
    turned = f"{head}  visits:{visits.rstrip()}\n  members:{members}"
    (club / "conf/sources.yaml").write_text(turned, encoding="utf-8")
    assert list(load_sources().tables) == ["visits", "members"]
    run_ingest(club)
    told = json.loads((club / "reports/data/reading.json").read_text(encoding="utf-8"))
    assert list(told["tables"]) == ["visits", "members"]
    assert told["tables"]["visits"]["set_aside"] == 0


def test_an_empty_reference_is_for_nullable_to_judge(club):
    declared(club, MEMBER, REFERS[:-1] + ", nullable: true}")
    replace(club / "raw/visits.csv", "\n5,2025-01-02,", "\n,2025-01-02,")
    run_ingest(club)
    assert aside(club, "visits").height == 0


def test_a_table_may_refer_to_itself(club):
    declared(
        club,
        "      age: {type: integer, minimum: 0, maximum: 120}",
        "      age: {type: integer, references: members.member_id}",
    )
    replace(club / "conf/base.yaml", "0.1", "1.0")
    run_ingest(club)
    # Ages are 20 to 59, members 0 to 39.
    assert sorted(aside(club, "members")["age"].cast(pl.Int64)) == list(range(40, 60))


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        ("references: nobody.id}", 'references is "nobody.id": write table.column'),
        ("references: members}", 'references is "members": write table.column'),
        ("references: members.family}", "members.family, which it refers to, is string"),
    ],
)
def test_a_reference_to_nothing_or_to_another_type_is_one_sentence(club, new, sentence):
    declared(club, MEMBER, f"{MEMBER[:-1]}, {new}")
    with pytest.raises(MlopsError, match=sentence):
        load_sources()


def test_references_that_go_round_are_one_sentence(club):
    declared(club, MEMBER, REFERS)
    declared(club, "{type: integer, unique: true}", "{type: integer, references: visits.member_id}")
    with pytest.raises(MlopsError, match="`references` go round in a circle"):
        load_sources()


# --- rows


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("{minimum: 1201}", 'Table "visits" has 1,200 rows, and .* promises at least 1,201'),
        ("{maximum: 1199}", 'Table "visits" has 1,200 rows, and .* promises at most 1,199'),
    ],
)
def test_another_number_of_rows_than_promised_stops_the_run(club, rows, sentence):
    run_ingest(club)
    declared(club, VISITS, f"{VISITS}    rows: {rows}\n")
    replace(club / "raw/visits.csv", "2025-01-01,", "2025-01-01,1")
    before = pl.read_parquet(club / "data/open/tables/visits.parquet")
    with pytest.raises(MlopsError, match=sentence):
        run_ingest(club)
    assert pl.read_parquet(club / "data/open/tables/visits.parquet").equals(before)


def test_the_promised_number_of_rows_counts_those_set_aside(club):
    declared(club, VISITS, f"{VISITS}    rows: {{minimum: 1200, maximum: 1200}}\n")
    replace(club / "raw/visits.csv", "\n5,2025-01-02,", "\n5,yesterday,")
    assert "1 row set aside" in run_ingest(club)


def test_a_minimum_above_the_maximum_is_one_sentence(club):
    declared(club, VISITS, f"{VISITS}    rows: {{minimum: 2, maximum: 1}}\n")
    with pytest.raises(MlopsError, match="the minimum is above the maximum"):
        load_sources()


# --- freshness


def test_an_old_table_is_told_and_stops_no_run(club):
    declared(club, VISITS, f"{VISITS}    fresh_within: 36h\n")
    said = run_ingest(club)
    assert 'visits: its newest "day" is' in said
    assert "days old, and conf/sources.yaml promises 36h" in said
    told = json.loads((club / "reports/data/reading.json").read_text(encoding="utf-8"))
    assert told["tables"]["visits"]["fresh"] is False
    assert "fresh" not in told["tables"]["members"]


def test_a_fresh_table_is_not_told_and_grows_old_without_being_read_again(club, monkeypatch):
    declared(club, VISITS, f"{VISITS}    fresh_within: 2 days\n")
    noon = datetime.datetime(2025, 1, 31, 12, tzinfo=datetime.UTC).timestamp()
    monkeypatch.setattr("mlops_kit.data.contracts.kept.time.time", lambda: noon)
    assert "newest" not in run_ingest(club)
    assert not list(stale_tables(load_sources()))
    monkeypatch.setattr("mlops_kit.data.contracts.kept.time.time", lambda: noon + 3 * 86_400)
    assert len(list(stale_tables(load_sources()))) == 1


def test_one_row_of_the_future_does_not_make_a_table_fresh(club, monkeypatch):
    declared(club, VISITS, f"{VISITS}    fresh_within: 2 days\n")
    noon = datetime.datetime(2025, 2, 20, 12, tzinfo=datetime.UTC).timestamp()
    monkeypatch.setattr("mlops_kit.data.contracts.kept.time.time", lambda: noon)
    replace(club / "raw/visits.csv", "\n5,2025-01-02,", "\n5,2031-01-02,")
    assert "ahead, so that nobody can say whether it is fresh" in run_ingest(club)


@pytest.mark.parametrize(
    ("newest", "hours_old"),
    [
        (datetime.date(2025, 1, 1), 24),  # a date lasts until its end
        (datetime.datetime(2025, 1, 2, 0, 0), 24),
        (datetime.datetime(2025, 1, 2, 0, 0, tzinfo=datetime.UTC), 24),
        (datetime.datetime(2025, 1, 2, 2, tzinfo=EAST), 24),
    ],
)
def test_the_age_of_dates_and_moments_is_counted_in_utc(club, newest, hours_old):
    declared(club, VISITS, f"{VISITS}    fresh_within: {hours_old}h\n")
    table = load_sources().tables["visits"]
    now = datetime.datetime(2025, 1, 3, tzinfo=datetime.UTC).timestamp()
    assert stale("visits", table, newest, now) is None
    assert stale("visits", table, newest, now + 1) is not None


def test_lengths_of_time_are_read_as_people_write_them():
    read = [seconds_of(one) for one in ("90m", "90 minutes", "36h", "1 hour", "2 days", "1w")]
    assert read == [5_400, 5_400, 129_600, 3_600, 172_800, 604_800]
    for wrong in ("2", "two days", "3 months", "-1h", ""):
        with pytest.raises(ValueError, match="no length of time"):
            seconds_of(wrong)


def test_freshness_without_a_time_is_one_sentence(club):
    declared(club, "path: members.csv\n", "path: members.csv\n    fresh_within: 1d\n")
    with pytest.raises(MlopsError, match="fresh_within needs `time`"):
        load_sources()


def test_the_test_of_sources_gives_a_negative_verdict_on_each(club, capsys):
    def verdict():
        with pytest.raises(typer.Exit) as ended:
            commands.test()
        return ended.value.exit_code, capsys.readouterr().out

    declared(club, MEMBER, REFERS)
    assert verdict()[0] == 0
    replace(club / "raw/members.csv", "\n39,family 19,59", "")
    code, said = verdict()
    assert code == 1
    assert "1,170 good, 30 broken" in said
    assert "is not in members.member_id" in said
    declared(club, REFERS, MEMBER)
    declared(club, VISITS, f"{VISITS}    rows: {{minimum: 5000}}\n")
    assert verdict() == (1, verdict()[1])
    assert "promises at least 5,000" in verdict()[1]
    declared(club, "    rows: {minimum: 5000}\n", "    fresh_within: 1d\n")
    assert verdict()[0] == 1
    assert not list(club.rglob("*.kept*"))
