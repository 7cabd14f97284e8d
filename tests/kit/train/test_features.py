"""The features stage: no feature may see the future, and splits do not depend on names."""

import shutil

import polars as pl
import pytest
from club import FEATURES, ROWS, replace, use_features
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import load_settings
from mlops_kit.data.ingest import ingest
from mlops_kit.train import features as dataset


@pytest.fixture
def tables(club, club_tables):
    """Tables in the open zone, as they are before the features stage."""
    shutil.copytree(club_tables, club / "data/open/tables")
    return club


def split_by_hash(club):
    """Draw the members that are held out, as the data stage does for this split alone."""
    replace(club / "params.yaml", "method: time", "method: hash")
    ingest(load_settings(), club / "data/open/tables", club / "quarantine")


def build(club):
    dataset.build_features(load_settings())
    return pl.read_parquet(club / "data/open/features.parquet")


def test_the_latest_days_are_held_out_and_the_gap_keeps_labels_apart(tables):
    rows = build(tables)
    parts = {part: rows.filter(split=part)["time"] for part in ("train", "gap", "holdout")}
    assert [str(parts[part].max()) for part in parts] == ["2025-01-19", "2025-01-25", "2025-01-30"]
    assert str(parts["holdout"].min()) == "2025-01-26"
    assert rows.filter(split="holdout").height / rows.height == pytest.approx(5 / 21)


@pytest.mark.parametrize(
    "leak",
    [
        FEATURES.replace("day < rows.time", "day <= rows.time"),
        FEATURES.replace("AND day < rows.time", ""),
        FEATURES.replace("AND day < rows.time", "AND day < rows.time + INTERVAL 1 DAY"),
    ],
)
def test_a_feature_that_looks_into_the_future_stops_the_run(tables, monkeypatch, leak):
    use_features(monkeypatch, leak)
    with pytest.raises(MlopsError, match=r'column "minutes_before" changes for .* into the future'):
        build(tables)
    assert not (tables / "data/open/features.parquet").exists()


def test_the_outcome_is_out_of_reach_of_the_features(tables, monkeypatch):
    use_features(
        monkeypatch, "SELECT id, time, y_true AS leak FROM rows JOIN target USING (id, time)"
    )
    with pytest.raises(MlopsError, match=r"SQL of features\(\) fails: .*target"):
        build(tables)


def test_a_feature_that_is_the_outcome_itself_is_refused_without_a_time_too(tables, monkeypatch):
    replace(tables / "params.yaml", "method: time", "method: hash")
    rows = "SELECT DISTINCT member_id AS id FROM visits"
    use_features(monkeypatch, "SELECT id, id % 7 AS copied FROM rows", rows)
    module = dataset._seeds()
    module.target = lambda params: (
        "SELECT DISTINCT member_id AS id, member_id % 7 AS y_true FROM visits"
    )
    with pytest.raises(MlopsError, match='column "copied" determines the outcome'):
        build(tables)


def test_a_table_that_lost_its_time_on_the_way_is_refused(tables):
    file = tables / "data/open/tables/visits.parquet"
    pl.read_parquet(file).rename({"day": "date"}).write_parquet(file)
    with pytest.raises(MlopsError, match='"visits" reaches the open zone without its time column'):
        build(tables)


def test_a_gap_shorter_than_the_horizon_is_refused(tables):
    replace(tables / "params.yaml", "features: {}", "features: {horizon_days: 8}")
    with pytest.raises(
        MlopsError, match=r"gap_days \(7\) is shorter than features.horizon_days \(8\)"
    ):
        build(tables)


def test_a_message_about_sql_shows_no_value_of_a_cell(tables, monkeypatch):
    use_features(
        monkeypatch,
        "SELECT id, time, CAST(family AS INTEGER) AS n FROM rows JOIN members ON id = member_id",
    )
    with pytest.raises(MlopsError, match=r"SQL of features\(\) fails") as error:
        build(tables)
    assert "family 0" not in str(error.value)


def test_a_hash_split_holds_out_whole_members(tables):
    split_by_hash(tables)
    rows = build(tables)
    held, kept = (set(rows.filter(split=part)["id"]) for part in ("holdout", "train"))
    assert held and kept and not held & kept


def test_renamed_ids_change_neither_the_split_nor_the_order_of_the_rows(tables):
    split_by_hash(tables)
    plain = build(tables)
    for name in ("members", "visits", "entities"):
        file = tables / f"data/open/tables/{name}.parquet"
        table = pl.read_parquet(file)
        renamed = pl.Series([f"name-{(7 * n) % 41}" for n in table["member_id"]])
        table.with_columns(member_id=renamed).write_parquet(file)
    after = build(tables)
    assert after.drop("id").equals(plain.drop("id"))


@pytest.mark.parametrize(
    ("features", "rows", "sentence"),
    [
        ("SELECT nothing FROM rows", ROWS, r"SQL of features\(\) fails: .*nothing"),
        (FEATURES, ROWS + " UNION ALL " + ROWS, r"rows\(\) gives .* more than once"),
        (FEATURES + " HAVING rows.id > 3", ROWS, r"features\(\) misses .* of the rows"),
        (FEATURES, ROWS + " AND day > DATE '2030-01-01'", "no row in common"),
        ("SELECT id, time FROM rows", ROWS, r"features\(\) gives no column besides"),
        (FEATURES, "SELECT member_id AS member FROM visits", r"rows\(\) must give a column id"),
    ],
)
def test_what_the_sql_does_wrong_is_one_sentence(tables, monkeypatch, features, rows, sentence):
    use_features(monkeypatch, features, rows)
    with pytest.raises(MlopsError, match=sentence):
        build(tables)


def test_rows_without_an_outcome_are_left_out_and_counted(tables, monkeypatch):
    more = ROWS + " UNION ALL SELECT member_id, DATE '2025-03-01' FROM members"
    use_features(monkeypatch, FEATURES, more)
    assert "(40 without outcome)" in dataset.build_features(load_settings())


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz"])
@pytest.mark.parametrize("leak", [False, True])
def test_times_with_and_without_a_zone_split_and_see_no_future(tables, monkeypatch, kind, leak):
    dtype = pl.Datetime("us", "UTC" if kind == "timestamptz" else None)
    replace(tables / "conf/sources.yaml", "day: {type: date}", f"day: {{type: {kind}}}")
    file = tables / "data/open/tables/visits.parquet"
    pl.read_parquet(file).with_columns(pl.col("day").cast(dtype)).write_parquet(file)
    rows = ROWS.replace("DATE '2025-01-10'", "TIMESTAMP '2025-01-10'")
    features = FEATURES.replace("day < rows.time", "day <= rows.time") if leak else FEATURES
    use_features(monkeypatch, features, rows)
    if leak:
        with pytest.raises(MlopsError, match="into the future"):
            build(tables)
        return
    made = build(tables)
    assert str(made.filter(split="holdout")["time"].min()).startswith("2025-01-26 00:00:00")
    assert made.schema["time"] == pl.Datetime("us"), "what follows knows one kind of time: in UTC"


def test_a_decimal_of_a_table_is_a_number_to_the_model(tables, monkeypatch):
    kind = "CAST(coalesce(sum(minutes), 0) AS DECIMAL(12, 2))"
    use_features(monkeypatch, FEATURES.replace("coalesce(sum(minutes), 0)", kind))
    made = build(tables)
    assert made.schema["minutes_before"] == pl.Float64


@pytest.mark.parametrize(
    ("sql", "line", "at"),
    [
        ("SELECT id,\n  moon AS x FROM rows", "LINE 2:   moon AS x FROM rows", "moon"),
        ("SELECT id AND 1 AS x\n  FROM rows WHERE AND", "LINE 2:   FROM rows WHERE AND", "AND"),
        ("SELECT halve(id) FROM rows", "LINE 1: SELECT halve(id) FROM rows", "halve"),
    ],
)
def test_sql_that_fails_shows_its_line_with_a_caret(tables, monkeypatch, sql, line, at):
    use_features(monkeypatch, features=sql)
    with pytest.raises(MlopsError) as failed:
        dataset.build_features(load_settings())
    shown, caret = str(failed.value).splitlines()[-2:]
    assert shown == line
    assert caret.index("^") == line.index(at)
