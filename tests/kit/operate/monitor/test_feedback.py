"""Outcomes: taken in once, joined by request or by id and time, and told when they differ."""

import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from mlops_kit.compare.config import CompareConfig
from mlops_kit.core.errors import MlopsError
from mlops_kit.operate.feedback.labels import load, take_in
from mlops_kit.operate.monitor.judging.performance import value_of
from mlops_kit.operate.monitor.labelled import labelled_rows, of_classes
from sklearn.metrics import roc_auc_score

SOURCES = """
entity: {table: t, column: who}
sources: {mine: {kind: files, folder: raw}}
tables: {t: {source: mine, path: t.csv, columns: {who: {type: string, unique: true}}}}
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/sources.yaml").write_text(SOURCES, encoding="utf-8")
    monkeypatch.setattr("mlops_kit.operate.feedback.labels.rooms", lambda: iter(()))
    return tmp_path


def given(text: str, name: str = "f.csv") -> Path:
    Path(name).write_text(text, encoding="utf-8")
    return Path(name)


def test_the_same_file_again_changes_nothing_and_late_rows_are_kept() -> None:
    first = take_in(given("who,time,outcome\na,2025-01-01,1\nb,2025-01-01,0\n"), "classification")
    again = take_in(given("who,time,outcome\na,2025-01-01,1\nb,2025-01-01,0\n"), "classification")
    late = take_in(given("who,time,outcome\na,2024-01-01,0\na,2025-01-01,1\n"), "classification")
    assert (first["new"], again["new"], again["known"]) == (2, 0, 2)
    assert (late["new"], late["known"], late["conflicting"]) == (1, 1, 0)
    assert len(load()) == 3


def test_another_outcome_is_told_and_the_first_word_stays() -> None:
    take_in(given("id,time,outcome\na,2025-01-01,1\n"), "classification")
    told = take_in(given("id,time,outcome\na,2025-01-01,0\n"), "classification")
    assert (told["new"], told["conflicting"]) == (0, 1)
    assert pl.read_csv(told["conflicts"])["outcome"].to_list() == [0]
    assert load()["outcome"].to_list() == ["1"]


def test_an_outcome_of_no_class_is_broken() -> None:
    told = take_in(given("request_id,outcome\na,1\nb,7\nc,yes\n"), "classification")
    assert (told["new"], told["broken"]) == (1, 2)
    text = "request_id,outcome\nd,red\ne,banana\n"
    told = take_in(given(text), "classification", ["red", "blue"])
    assert (told["new"], told["broken"]) == (1, 1)
    rows = pl.DataFrame({"outcome": ["red", "banana", "blue"]})
    kept, notes = of_classes(rows, "classification", ["red", "blue"])
    assert kept["outcome"].to_list() == ["red", "blue"]
    assert notes == ["1 outcome is of no class that the model knows: not judged"]


def test_answers_about_nobody_are_judged_by_their_requests() -> None:
    rng = np.random.default_rng(3)
    score = rng.random(400)
    Path("data/open/served").mkdir(parents=True)
    pl.DataFrame({
        "id": pl.Series([None] * 400, dtype=pl.String), "score": score,
        "request_id": [f"r{place}" for place in range(400)],
        "served_at": pl.Series([datetime.datetime(2025, 1, 3, 7)] * 400),
    }).write_parquet("data/open/served/p.parquet")  # fmt: skip
    came = (rng.random(400) < score).astype(int)
    lines = "".join(f"r{place},{one}\n" for place, one in enumerate(came))
    take_in(given("request_id,outcome\n" + lines), "classification")
    rows, notes = labelled_rows("classification", None, np.datetime64("2025-01-01"), [])
    compare = CompareConfig.model_validate({"case": "A", "primary": {"metric": "auc"}})
    value, low, high = value_of(rows, "classification", compare, 0.05) or (0, 0, 0)
    assert not notes
    assert value == pytest.approx(roc_auc_score(came, score), abs=1e-12)
    assert low < value < high


@pytest.mark.parametrize(
    ("metric", "task", "answer", "bound"),
    [("auc", "classification", "score", 1.0), ("mae", "regression", "prediction", 0.0)],
)
def test_an_interval_ends_where_the_metric_does(
    metric: str, task: str, answer: str, bound: float
) -> None:
    came = [0.0, 1.0] * 20
    near = [*came[:-1], 0.0]  # the last is not met
    rows = pl.DataFrame({"id": [f"u{place}" for place in range(40)], "outcome": map(str, came),
                         answer: near})  # fmt: skip
    compare = CompareConfig.model_validate({"case": "A", "primary": {"metric": metric}})
    value, low, high = value_of(rows, task, compare, 1e-4) or (0, 0, 0)
    assert low < value < high
    assert bound in (low, high)


def test_outcomes_that_belong_to_no_row_are_told() -> None:
    Path("data/open/served").mkdir(parents=True)
    pl.DataFrame({
        "id": ["a"], "score": [0.5], "request_id": ["r1"],
        "served_at": pl.Series([datetime.datetime(2025, 1, 3, 7)]),
    }).write_parquet("data/open/served/p.parquet")  # fmt: skip
    take_in(given("request_id,outcome\nR-1,1\n"), "classification")
    rows, notes = labelled_rows("classification", None, np.datetime64("2025-01-01"), [])
    assert not len(rows)
    assert "1 outcome was taken in, and none is of a row that is logged" in notes[0]


def test_within_one_file_too() -> None:
    told = take_in(given("id,time,outcome\na,2025-01-01,1\na,2025-01-01,0\n"), "classification")
    assert (told["new"], told["conflicting"]) == (1, 1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("who,time\na,2025-01-01\n", "no column outcome"),
        ("outcome\n1\n", "no column request_id, who or id"),
        ("who,outcome\n", "no usable row"),
    ],
)
def test_a_file_that_lacks_something_gets_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(MlopsError, match=sentence):
        take_in(given(text), "classification")


def test_rows_that_cannot_be_read_are_counted() -> None:
    text = "who,time,outcome\na,2025-01-01,1\nb,never,0\n,2025-01-01,0\nc,2025-01-01,x\n"
    told = take_in(given(text), "classification")
    assert (told["read"], told["new"], told["broken"]) == (4, 1, 3)


def test_scored_rows_find_their_outcome_by_request_or_by_id_and_time() -> None:
    place = Path("data/open/served")
    place.mkdir(parents=True)
    days = [datetime.datetime(2025, 1, 1 + n) for n in range(4)]
    pl.DataFrame(
        {
            "id": ["a", "b", "a", "c"],
            "time": days,
            "score": [0.1, 0.2, 0.3, 0.4],
            "request_id": ["r1", "r2", "r3", "r4"],
            "version": ["1", "1", "1", "2"],
        }
    ).write_parquet(place / "one.parquet")
    take_in(given("request_id,outcome\nr2,1\nr4,1\nr9,1\n"), "classification")
    take_in(given("who,time,outcome\na,2025-01-03,0\na,2025-02-01,1\n"), "classification")
    found, notes = labelled_rows("classification", "1", np.datetime64("2025-01-01"), [])
    assert not notes
    told = dict(zip(found["request_id"], found["outcome"], strict=True))
    assert told == {"r2": "1", "r3": "0"}


def write_served(**columns: list) -> None:
    place = Path("data/open/served")
    place.mkdir(parents=True)
    pl.DataFrame(columns).write_parquet(place / "one.parquet")


def test_an_outcome_of_a_request_about_several_rows_is_of_none_of_them_and_it_is_said() -> None:
    day = datetime.datetime(2025, 1, 1)
    write_served(
        id=["a", "b", "c"], time=[day] * 3, score=[0.1, 0.2, 0.3],
        request_id=["batch", "batch", "one"], row=[0, 1, 0],
    )  # fmt: skip
    take_in(given("request_id,outcome\nbatch,1\none,1\n"), "classification")
    found, notes = labelled_rows("classification", None, np.datetime64("2025-01-01"), [])
    assert found["id"].to_list() == ["c"]
    assert "1 request that asked about several rows" in notes[0]


def test_an_outcome_may_name_its_row_of_a_request_about_several() -> None:
    day = datetime.datetime(2025, 1, 1)
    write_served(
        id=["a", "b", "c"], time=[day] * 3, score=[0.1, 0.2, 0.3],
        request_id=["batch", "batch", "one"], row=[0, 1, 0],
    )  # fmt: skip
    text = "request_id,row,outcome\nbatch,1,1\nbatch,0,0\none,,1\nbatch,7,1\nbatch,-1,1\n"
    told = take_in(given(text), "classification")
    assert (told["new"], told["broken"], take_in(given(text), "classification")["new"]) == (4, 1, 0)
    found, notes = labelled_rows("classification", None, np.datetime64("2025-01-01"), [])
    assert dict(zip(found["id"], found["outcome"], strict=True)) == {"a": "0", "b": "1", "c": "1"}
    assert notes == []


def test_an_outcome_may_name_the_horizon_of_its_forecast() -> None:
    day = datetime.datetime(2025, 1, 1)
    write_served(id=["a"] * 3, time=[day] * 3, horizon=[1, 2, 3], prediction=[10.0, 20.0, 30.0])
    text = "who,time,horizon,outcome\na,2025-01-01,3,33\na,2025-01-01,1,11\na,2025-01-01,,5\n"
    take_in(given(text), "regression")
    found, notes = labelled_rows("regression", None, np.datetime64("2025-01-01"), [])
    assert dict(zip(found["horizon"], found["outcome"], strict=True)) == {1: "11.0", 3: "33.0"}
    assert "alone do not say of which forecast" in notes[0]
    Path("data/open/served/one.parquet").unlink()
    pl.DataFrame({"id": ["a"], "time": [day], "prediction": [1.0]}).write_parquet(
        "data/open/served/two.parquet"
    )
    found, notes = labelled_rows("regression", None, np.datetime64("2025-01-01"), [])
    assert found["outcome"].to_list() == ["5.0"]
    assert "2 outcomes with a horizon are left out" in notes[0]


def test_outcomes_that_an_earlier_release_took_in_are_read() -> None:
    Path("data/open/feedback").mkdir(parents=True)
    now = datetime.datetime(2025, 1, 1)
    pl.DataFrame(
        {"request": ["r"], "id": [None], "time": [None], "outcome": ["1"], "received": [now]},
        schema_overrides={"id": pl.String, "time": pl.Datetime("us")},
    ).write_parquet("data/open/feedback/old.parquet")
    told = take_in(given("request_id,outcome\nr,1\ns,0\n"), "classification")
    assert (told["known"], told["new"]) == (1, 1)


def test_each_forecast_is_judged_by_the_outcome_of_its_own_horizon() -> None:
    day, ahead = datetime.datetime(2025, 1, 1), [1, 2, 3]
    write_served(id=["a"] * 3, time=[day] * 3, horizon=ahead, prediction=[10.0, 20.0, 30.0])
    pl.DataFrame(
        {"id": ["a"] * 3, "time": [day] * 3, "horizon": ahead, "y_true": [11.0, 21.0, 31.0]}
    ).write_parquet("data/open/features.parquet")
    # Of which of the three it would be, nobody could say.
    take_in(given("who,time,outcome\na,2025-01-01,99\n"), "regression")
    found, notes = labelled_rows("regression", None, np.datetime64("2025-01-01"), [])
    told = dict(zip(found["prediction"], found["outcome"], strict=True))
    assert "do not say of which forecast" in notes[0]
    assert told == {10.0: "11.0", 20.0: "21.0", 30.0: "31.0"}
