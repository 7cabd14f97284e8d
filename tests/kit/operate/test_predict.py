"""Rows without an outcome are scored once each, as in training, or set aside with a reason."""

import datetime
import gzip
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import polars as pl
import pytest
from club import use_features
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import held
from mlops_kit.core.settings import load_settings
from mlops_kit.operate.predict import parts, predict, written
from mlops_kit.operate.predict.scorer import Scorer
from mlops_kit.train import features as dataset
from mlops_kit.train.checks import membership, skew
from small_disk import SmallDisk, only_readable, small_disk, told_of

NUMBER = {"missing": 0.0, "minimum": 0.0, "maximum": 500.0}
Score = Callable[..., dict[str, Any]]
DAY = datetime.date(2025, 1, 20)


class Halved:
    """A model that answers half of its only feature."""

    def predict(self, context: object, features: pd.DataFrame) -> Any:
        """Answer as a registered model does."""
        return features["minutes_before"].to_numpy() / 2


def learned(**changed: Any) -> dict[str, Any]:
    training: dict[str, Any] = {
        "keys": {"id": "BIGINT", "time": "DATE"},
        "types": {"minutes_before": "DOUBLE"},
        "features_sql": "",
        "seen": {"minutes_before": NUMBER},
    }
    return {
        "task": "regression",
        "features": [["minutes_before", "float64"]],
        "training": training | changed,
    }


@pytest.fixture
def score(club: Path, club_tables: Path, monkeypatch: pytest.MonkeyPatch) -> Score:
    """Return a function that writes rows to a csv, scores them, and gives the record."""
    shutil.copytree(club_tables, club / "data/open/tables")
    config = learned()

    def run(rows: "pl.DataFrame | str | Path", **options: Any) -> dict[str, Any]:
        known = config | options.pop("config", {})
        model = Scorer("dev.club", "3", "champion", "d3", known, options.pop("model", Halved()))
        monkeypatch.setattr(predict, "scorer", lambda settings, alias: model)
        given = rows if isinstance(rows, Path) else Path("x.csv")
        if isinstance(rows, str):
            given.write_text(rows, encoding="utf-8")
        elif isinstance(rows, pl.DataFrame):
            rows.write_csv(given)
        return predict.predict(load_settings(), given, **options)

    return run


def asked(*ids: object, day: object = DAY) -> pl.DataFrame:
    return pl.DataFrame({"member_id": ids, "time": [day] * len(ids)})


def scores(name: str = "data/open/scored/x.parquet") -> pl.DataFrame:
    return pl.read_parquet(name)


def expected(member: int, day: datetime.date = DAY) -> float:
    visits = pl.read_csv("raw/visits.csv", try_parse_dates=True)
    before = visits.filter((pl.col("member_id") == member) & (pl.col("day") < day))
    return float(before["minutes"].sum()) / 2


def refusal(score: Score, rows: "pl.DataFrame | str | Path", **options: Any) -> str:
    before = files()
    with pytest.raises(MlopsError) as error:
        score(rows, **options)
    assert error.value.exit_code == 3
    left = files() - before - {"x.csv"}
    assert not left
    return str(error.value)


def files() -> set[str]:
    return {path.as_posix() for path in Path().rglob("*") if path.is_file()}


def test_each_row_gets_the_score_of_its_features_in_the_order_of_the_input(score: Score) -> None:
    record = score(asked(31, 4, 17))
    found = scores()
    assert found.columns == ["id", "time", "prediction"]
    assert found["id"].to_list() == [31, 4, 17]
    assert found["time"].to_list() == [DAY] * 3
    assert found["prediction"].to_list() == [expected(31), expected(4), expected(17)]
    assert record["rows"] == record["input"]["rows"] == 3
    assert record["set_aside"] == {}
    assert json.loads(Path("data/open/scored/x.predict.json").read_text()) == {
        key: value for key, value in record.items() if key != "path"
    }
    assert sorted(path.name for path in Path("data/open/scored").iterdir()) == [
        "x.parquet",
        "x.predict.json",
    ]


def test_names_that_stand_twice_beside_those_of_a_row_are_no_reason_to_refuse(
    score: Score,
) -> None:
    score("member_id,note,note,,time\n31,a,b,c,2025-01-20\n")
    assert scores()["id"].to_list() == [31]


def test_a_folder_may_have_any_name(score: Score) -> None:
    """The bad case: a quote that ends the text of an SQL in the middle, and a glob's bracket."""
    place = Path('it\'s [1] "x"/scores.parquet')
    score(asked(31, 4), output=place)
    found = pl.read_parquet(place, glob=False)
    assert found["prediction"].to_list() == [expected(31), expected(4)]


def test_every_format_and_way_of_writing_gives_the_same_scores(
    score: Score, tmp_path: Path
) -> None:
    rows = asked(31, 4, 17)
    midnight = pl.col("time").cast(pl.Datetime("us"))
    zoned = midnight.dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Kathmandu")
    score(rows)
    wanted = scores()
    rows.write_parquet("x1.parquet")
    rows.with_columns(zoned.alias("time")).write_parquet("x2.parquet")
    rows.write_ndjson("x3.jsonl")
    Path("x4.csv").write_text(
        "time;id\n2025-01-20T05:45:00+05:45;31\n2025-01-20;4\n2025/01/20;17\n"
    )
    Path("x5.csv.gz").write_bytes(
        gzip.compress(b'id,time\n"31",2025-01-20\n4,2025-01-20\n17,2025-01-20\n')
    )
    Path("x6").mkdir()
    rows[:1].write_csv("x6/a.csv")
    rows[1:].select("time", "member_id").write_csv("x6/b.csv")
    for name in ("x1.parquet", "x2.parquet", "x3.jsonl", "x4.csv", "x5.csv.gz", "x6"):
        score(Path(name), output=Path("out.parquet"))
        assert scores("out.parquet").equals(wanted), name


def test_the_time_of_all_rows_may_be_given_and_is_never_guessed(score: Score) -> None:
    ids = pl.DataFrame({"id": [31, 4]})
    record = score(ids, as_of="2025-01-20")
    assert record["as_of"] == "2025-01-20T00:00:00"
    assert scores()["prediction"].to_list() == [expected(31), expected(4)]
    assert "--as-of 2026-01-31" in refusal(score, ids)
    assert "has a column time" in refusal(score, asked(31), as_of="2025-01-20")
    for text in ("20/01/25", "tomorrow", "2025-02-30", "0025-01-20", "2025-01-20 10:00"):
        assert "write it as 2026-01-31" in refusal(score, ids, as_of=text), text


def test_a_model_whose_rows_have_no_time_needs_none(
    score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_features(
        monkeypatch, "SELECT member_id AS id, age * 1.0::DOUBLE AS minutes_before FROM members"
    )
    timeless = learned(keys={"id": "BIGINT"})
    score(pl.DataFrame({"id": [3, 1]}), config=timeless)
    assert scores().to_dicts() == [{"id": 3, "prediction": 11.5}, {"id": 1, "prediction": 10.5}]
    said = refusal(score, pl.DataFrame({"id": [3]}), config=timeless, as_of="2025-01-20")
    assert "have no time" in said


BAD = """member_id,time
31,2025-01-20
,2025-01-20
NA,2025-01-20
x,2025-01-20
4711,2025-01-20
4,
4,03/02/24
4,2025-01-20 10:00
31,2025-01-20
17,2025-01-20
"""
REASONS = {
    "member_id is empty": [2, 3],
    "member_id is not of type integer": [4],
    "member_id is not in members": [5],
    "time is empty": [6],
    "time has a time of day, and the model learned from days": [8],
    "member_id is asked for before": [9],
}


def test_what_cannot_be_scored_is_set_aside_with_its_reason_and_place(score: Score) -> None:
    record = score(BAD, max_aside=0.9)
    listed = pl.read_csv("data/open/scored/x.aside.csv")
    assert listed["row"].to_list() == [2, 3, 4, 5, 6, 7, 8, 9]
    places = listed.group_by("reason").agg("row").sort("reason")
    found = {reason: sorted(rows) for reason, rows in places.iter_rows()}
    two_readings = next(reason for reason in found if "two readings" in reason)
    assert found.pop(two_readings) == [7]
    assert found == REASONS
    assert sum(record["set_aside"].values()) == 8
    assert record["rows"] == 2
    assert scores()["id"].to_list() == [31, 17]
    # No value of a row that was set aside is anywhere.
    assert "4711" not in Path("data/open/scored/x.aside.csv").read_text()
    score(asked(31))
    assert not Path("data/open/scored/x.aside.csv").exists()


def test_too_many_of_them_are_refused(score: Score) -> None:
    said = refusal(score, BAD)
    assert "8 of 10 rows of x.csv cannot be scored" in said
    assert "the limit is 10.0%" in said
    assert "--max-aside 0.8" in said
    assert "no rows" in refusal(score, "id,time\n")
    assert "2 of 2 rows" in refusal(score, asked(4711, 4712), max_aside=1.0)


def test_a_row_that_features_does_not_give_is_set_aside(
    score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_features(
        monkeypatch,
        "SELECT rows.id, rows.time, sum(minutes) AS minutes_before FROM rows JOIN visits "
        "ON member_id = id AND day < rows.time GROUP BY ALL",
    )
    early = asked(5, day=datetime.date(2025, 1, 1))
    record = score(pl.concat([asked(31, 4), early]), max_aside=0.5)
    assert record["set_aside"] == {written.WITHOUT: 1}
    assert scores()["id"].to_list() == [31, 4]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"types": {"minutes_before": "BIGINT"}}, '"minutes_before" is of type DOUBLE'),
        ({"types": {"minutes_before": "DOUBLE", "age": "BIGINT"}}, 'no column "age"'),
        ({"types": {}}, 'gives a column "minutes_before", which version 3'),
    ],
)
def test_other_features_than_the_model_learned_from_are_refused_by_name(
    score: Score, changed: dict[str, Any], said: str
) -> None:
    assert said in refusal(score, asked(31), config=learned(**changed))


@pytest.mark.parametrize(
    "sql", ["rank() OVER (ORDER BY sum(minutes))", "(SELECT count(*) FROM rows AS others)"]
)
def test_a_feature_that_depends_on_the_other_rows_is_refused(
    score: Score, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    features = (
        dataset._seeds().features({}).replace("coalesce(sum(minutes), 0)", f"CAST({sql} AS DOUBLE)")
    )
    use_features(monkeypatch, features)
    for ids in ([31], range(40)):
        assert '"minutes_before" changes' in refusal(score, asked(*ids))


def test_parts_give_what_the_whole_gives(score: Score, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = asked(*range(40))
    score(everybody)
    whole = Path("data/open/scored/x.parquet").read_bytes()
    record = json.loads(Path("data/open/scored/x.predict.json").read_text())
    monkeypatch.setattr(parts, "PART", 7)
    monkeypatch.setattr(parts, "CELLS", 1)
    in_parts = score(everybody)
    assert scores().equals(pl.read_parquet(whole))
    assert in_parts["skew"] == record["skew"]


def test_a_stopped_run_goes_on_where_it_was_and_nothing_is_scored_twice(
    score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = asked(*range(40))
    score(everybody)
    wanted = scores()
    shutil.rmtree("data/open/scored")
    monkeypatch.setattr(parts, "PART", 10)
    seen: list[int] = []

    class Stopped(Halved):
        def predict(self, context: object, features: pd.DataFrame) -> Any:
            if len(seen) == 2:
                raise KeyboardInterrupt
            seen.append(len(features))
            return super().predict(context, features)

    with pytest.raises(KeyboardInterrupt):
        score(everybody, model=Stopped())
    assert [path.name for path in Path("data/open/scored").iterdir()] == [".x.parquet.predict"]
    given = Path("x.csv")
    kept = given.stat()
    resumed: list[int] = []

    class Counting(Halved):
        def predict(self, context: object, features: pd.DataFrame) -> Any:
            resumed.append(len(features))
            return super().predict(context, features)

    score(given, model=Counting())
    assert given.stat().st_mtime_ns == kept.st_mtime_ns
    assert (seen, resumed) == ([10, 10], [10, 10])
    assert scores().equals(wanted)
    assert not Path("data/open/scored/.x.parquet.predict").exists()


def test_what_a_killed_run_left_is_not_used_for_other_rows(
    score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART", 2)

    class Stopped(Halved):
        def predict(self, context: object, features: pd.DataFrame) -> Any:
            if (
                features.isna().size
                and Path("data/open/scored/.x.parquet.predict/part000000.parquet").exists()
            ):
                raise KeyboardInterrupt
            return super().predict(context, features)

    with pytest.raises(KeyboardInterrupt):
        score(asked(1, 2, 3), model=Stopped())
    score(asked(31, 4, 17, 5))
    assert scores()["id"].to_list() == [31, 4, 17, 5]


def test_tables_that_change_while_rows_are_scored_are_noticed(score: Score) -> None:
    class Changing(Halved):
        def predict(self, context: object, features: pd.DataFrame) -> Any:
            later = time.time() + 5
            os.utime("data/open/tables/visits.parquet", (later, later))
            return super().predict(context, features)

    assert "changed while rows were scored" in refusal(score, asked(31), model=Changing())


def test_a_second_run_for_the_same_output_is_refused_in_one_sentence(score: Score) -> None:
    place = Path("data/open/scored/.x.parquet.predict")
    place.mkdir(parents=True)
    with held(place / "lock", "busy"), pytest.raises(MlopsError, match="Another `mlops predict`"):
        score(asked(31))
    assert place.is_dir()
    assert score(asked(31))["rows"] == 1


def test_a_full_disk_leaves_the_old_scores_and_nothing_else(
    score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    score(asked(31))
    before = Path("data/open/scored/x.parquet").read_bytes()

    def full(*given: object) -> None:
        raise OSError(28, "No space left on device", "x.parquet")

    for where in ("write_tables", "write_json"):
        with monkeypatch.context() as patch:
            patch.setattr(written, where, full)
            with pytest.raises(OSError, match="No space left"):
                score(asked(4, 17))
        assert Path("data/open/scored/x.parquet").read_bytes() == before
        assert len(list(Path("data/open/scored").iterdir())) == 2


def test_nothing_is_written_where_somebody_else_keeps_something(score: Score) -> None:
    rows = asked(31)
    Path("in").mkdir()
    rows.write_csv("in/x.csv")
    for place in ("data/open/tables/x.parquet", "data/open/predictions.parquet"):
        assert "belongs to the pipeline" in refusal(score, rows, output=Path(place))
    assert "is read" in refusal(score, rows, output=Path("x.csv"))
    assert "is read" in refusal(score, Path("in"), output=Path("in/y.csv"))
    assert "ends in none of" in refusal(score, rows, output=Path("y.xlsx"))
    assert "does not exist" in refusal(score, Path("nowhere.csv"))
    for file in Path("in").iterdir():
        assert file.name == "x.csv"


def test_columns_that_name_a_row_are_asked_for_by_name(score: Score) -> None:
    assert "neither a column member_id nor a column id" in refusal(
        score, "who,time\n1,2025-01-20\n"
    )
    assert "leave out the one" in refusal(score, "id,member_id,time\n1,1,2025-01-20\n")
    for twice in ("member_id", "time"):
        assert f'it has "{twice} (1 of 2)", "{twice} (2 of 2)": name the one' in refusal(
            score, f"member_id,{twice},time\n1,1,2025-01-20\n"
        )
    assert "which no table declares" in refusal(
        score, Path(raw_file("x.csv", "id,time\n\xe9,1\n".encode("latin-1")))
    )
    assert "which no table declares" in refusal(score, Path(raw_file("x.dat", b"id\n1\n")))


def test_the_entity_may_be_called_id(score: Score) -> None:
    sources = Path("conf/sources.yaml")
    text = sources.read_text().replace("column: member_id", "column: id")
    members = Path("data/open/tables/entities.parquet")
    pl.read_parquet(members).rename({"member_id": "id"}).write_parquet(members)
    sources.write_text(
        text.replace("member_id: {type: integer, unique", "id: {type: integer, unique")
    )
    score("id,time\n31,2025-01-20\n")
    assert scores()["id"].to_list() == [31]


def raw_file(name: str, content: bytes) -> str:
    Path(name).write_bytes(content)
    return name


def test_answers_that_are_no_numbers_are_refused(score: Score) -> None:
    class Lost(Halved):
        def predict(self, context: object, features: pd.DataFrame) -> Any:
            return super().predict(context, features) * float("nan")

    assert "1 answers that are no numbers" in refusal(score, asked(31), model=Lost())


def test_what_has_changed_since_training_is_said(score: Score) -> None:
    record = score(asked(31, day=datetime.date(2026, 3, 1)))
    sql, stale = record["notes"]
    assert "another one than version 3 learned from" in sql
    assert "1 row is of times up to 2026-03-01" in stale
    assert "2025-01-30 (visits)" in stale


def test_a_csv_holds_the_same_digits_and_lists_as_json(score: Score) -> None:
    class Items:
        def predict(self, context: object, features: pd.DataFrame) -> Any:
            return (features[["minutes_before"]].to_numpy() * [1, 2]).astype(int)

    score(asked(31), output=Path("out.csv"))
    assert float(Path("out.csv").read_text().splitlines()[1].split(",")[2]) == expected(31)
    score(asked(31), output=Path("out.csv"), model=Items(), config={"task": "recommendation"})
    found = pl.read_csv("out.csv").to_dicts()
    half = expected(31)
    assert found == [
        {"id": 31, "time": "2025-01-20", "items": f"[{int(half * 2)}, {int(half * 4)}]"}
    ]


def test_rows_outside_of_what_training_saw_are_counted_by_feature() -> None:
    train = pd.DataFrame(
        {"number": [1.0, 5.0, None], "word": ["a", "b", None], "list": [[1, 2], [3], []]}
    )
    known = skew.seen(train, ["number", "word", "list"])
    assert known["number"] == {"missing": 1 / 3, "minimum": 1.0, "maximum": 5.0}
    assert known["word"]["levels"] == ["a", "b"]
    assert known["list"]["levels"] == [1, 2, 3]
    rows = pd.DataFrame(
        {
            "number": [0.0, 1.0, 6.0, None],
            "word": ["a", "c", None, None],
            "list": [[1], [1, 9], [8, 9], []],
        }
    )
    counts = skew.outside(rows, known)
    assert counts == {"number": [1, 2], "word": [2, 1], "list": [0, 2]}
    told = skew.told(skew.skew(counts, 4, known))
    assert told == [
        "list: 50.00% of the rows hold what training never saw",
        "number: 50.00% of the rows outside 1 to 5",
        "word: 25.00% of the rows hold what training never saw",
        "word: 50.00% missing, 33.33% in training",
    ]


def test_names_of_rows_are_no_levels() -> None:
    many = pd.DataFrame({"name": [f"n{number}" for number in range(skew.MOST_LEVELS + 1)]})
    known = skew.seen(many, ["name"])
    assert known["name"]["different"] == skew.MOST_LEVELS + 1
    asked_for = pd.DataFrame({"name": ["n7", "new", None, "n1000"]})
    assert skew.outside(asked_for, known) == {"name": [1, 1]}
    (found,) = skew.skew(skew.outside(asked_for, known), 4, known)
    assert found["training"] == {"missing": 0.0, "different": skew.MOST_LEVELS + 1}
    assert skew.told([found])[0] == "name: 25.00% of the rows hold what training never saw"


def test_many_levels_are_known_again_without_being_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = [f"customer {n}" for n in range(20_000)]
    kept = membership.kept(levels)
    assert len(kept) == -(-20_000 * membership.BITS // 8 // 3) * 4
    assert membership.known(levels, kept).all()
    others = membership.known([f"stranger {n}" for n in range(50_000)], kept)
    assert others.mean() == pytest.approx(membership.MISTAKEN, abs=0.0015)
    lists = pd.DataFrame({"items": [[level, "common"] for level in levels[:3000]]})
    known = skew.seen(lists, ["items"])
    assert "among" in known["items"]
    asked_for = pd.DataFrame({"items": [["customer 5"], ["customer 6", "stranger"], []]})
    assert skew.outside(asked_for, known) == {"items": [0, 1]}
    monkeypatch.setattr(skew, "MOST_KEPT", 100)
    known = skew.seen(lists, ["items"])
    assert known["items"] == {"missing": 0.0, "different": 3001}
    assert skew.outside(asked_for, known) == {"items": [0, 0]}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Put the whole test on a small disk."""
    with small_disk(tmp_path, 16) as mounted:
        yield mounted


@pytest.mark.parametrize("keep", [0, 8192, 20_480])
def test_on_a_full_disk_the_scores_stay_as_they_were_and_come_when_there_is_room(
    disk: SmallDisk, score: Score, keep: int
) -> None:
    rows = asked(*range(40))
    score(rows[:3], output=Path("out.parquet"))
    before = Path("out.parquet").read_bytes()
    rows.write_csv("x.csv")
    disk.fill(keep)
    assert "The disk is full" in told_of(lambda: score(Path("x.csv"), output=Path("out.parquet")))
    assert Path("out.parquet").read_bytes() == before
    assert not [file for file in files() if file.endswith(".tmp") or ".predict/" in file]
    disk.clear()
    score(Path("x.csv"), output=Path("out.parquet"))
    found = scores("out.parquet")
    assert found["prediction"].to_list() == [expected(n) for n in range(40)]


def test_rows_in_a_folder_that_can_only_be_read_are_scored(score: Score, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    asked(31, 4).write_csv(given / "x.csv")
    with only_readable(given):
        score(given / "x.csv", output=Path("out.parquet"))
    assert scores("out.parquet")["prediction"].to_list() == [expected(31), expected(4)]


def test_where_scores_of_people_lie_outside_of_the_zones_is_noted_once(
    score: Score, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = Path("data/restricted/scored-elsewhere.txt")
    score(asked(31), output=Path("out.parquet"))
    assert not noted.exists(), "ids of nobody: nothing to erase"
    monkeypatch.setattr(predict, "rooms", lambda: [SimpleNamespace(open_ids=lambda sources: 1)])
    score(asked(31))
    assert not noted.exists(), "a zone: erase looks there itself"
    for _ in range(2):
        score(asked(31), output=Path("out.parquet"))
        score(asked(31), output=tmp_path / "more" / "b.csv")
    assert noted.read_text() == "".join(
        f"{place}\n" for place in sorted([tmp_path / "more/b.csv", Path("out.parquet").resolve()])
    )
