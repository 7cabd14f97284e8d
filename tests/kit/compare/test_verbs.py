"""Adapters of other systems: each answers rightly, and refuses bad input."""

import json
import operator
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.systems.adapters import (
    digest_of,
    predict_with,
    systems_to_predict,
    write_systems_record,
)
from mlops_kit.compare.systems.spec import SystemSpec
from mlops_kit.core.errors import MlopsError
from mlops_kit.train.model_file import save_model
from pydantic import TypeAdapter, ValidationError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

SYSTEM: TypeAdapter[Any] = TypeAdapter(SystemSpec)
DAYS = pd.to_datetime(["2024-12-01", "2025-01-01", "2025-02-01"])
TRAIN = pd.DataFrame(
    {
        "id": [7, 8, 7, 8, 9, 6],
        "time": DAYS.repeat(2),
        "y_true": [1.0, 0.0, 1.0, 1.0, 0.0, 1.0],
        "a": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
    }
)
ROWS = pd.DataFrame(
    {"id": [9, 7, 5], "time": pd.to_datetime(["2025-12-01"] * 3), "y_true": 1.0, "a": [3.0, 1, 2]}
)
ECHO = """
import json, sys
for line in sys.stdin:
    print(json.dumps({"score": json.loads(line)["a"] / 10}))
"""


def predicted(spec: dict[str, Any], task: str = "classification", train: Any = TRAIN) -> Any:
    return predict_with(SYSTEM.validate_python(spec), train, ROWS, task, {"seed": 3})


def rules(rows: pd.DataFrame) -> pd.Series:
    assert "y_true" not in rows.columns
    return rows["a"] / 10


def learned_rules(train: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    return np.full(len(rows), train["y_true"].sum())


def broken_rules(rows: pd.DataFrame) -> np.ndarray:
    return rows["gone"].to_numpy()


def program(text: str, **other: Any) -> dict[str, Any]:
    return {"kind": "command", "command": [sys.executable, "-c", text], **other}


def test_rules_are_called_with_what_they_ask_for() -> None:
    for name, expected in (("rules", [0.3, 0.1, 0.2]), ("learned_rules", [4.0] * 3)):
        spec = {"kind": "rules", "function": f"{__name__}.{name}"}
        assert predicted(spec).tolist() == pytest.approx(expected)
        assert len(digest_of(SYSTEM.validate_python(spec))) == 64


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("broken_rules", "fails: KeyError"),
        ("nothing", "there is no function"),
        ("TRAIN", "is not a function"),
    ],
)
def test_rules_that_do_not_work_are_one_sentence(function: str, sentence: str) -> None:
    with pytest.raises(MlopsError, match=sentence):
        predicted({"kind": "rules", "function": f"{__name__}.{function}"})


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_logged_decisions_are_joined_by_id_and_time_whatever_their_order(
    tmp_path: Path, ending: str
) -> None:
    log = ROWS[["id", "time"]].assign(decided=[0.9, 0.7, 0.5]).iloc[[2, 0, 1]]
    log = pd.concat([log, log.assign(time=DAYS[0], decided=0.0)])
    file = tmp_path / f"log.{ending}"
    log.to_csv(file, index=False) if ending == "csv" else log.to_parquet(file)
    spec = {"kind": "logged", "file": str(file), "column": "decided", "time": "time"}
    assert predicted(spec).tolist() == [0.9, 0.7, 0.5]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda log: log.iloc[:2], "misses 1 of 3"),
        (lambda log: pd.concat([log, log.iloc[:1]]), "holds 1 decisions about a row that has one"),
        (lambda log: log.assign(decided=[1, None, 1]), "has no decided for 1"),
        (lambda log: log.drop(columns="decided"), 'has no column "decided"'),
    ],
)
def test_logged_decisions_that_do_not_match_one_to_one_are_refused(
    tmp_path: Path, change: Any, sentence: str
) -> None:
    file = tmp_path / "log.csv"
    change(ROWS[["id"]].assign(decided=[0.9, 0.7, 0.5])).to_csv(file, index=False)
    with pytest.raises(MlopsError, match=sentence):
        predicted({"kind": "logged", "file": str(file), "column": "decided"})


def test_a_program_answers_in_json_lines() -> None:
    assert predicted(program(ECHO)).tolist() == [0.3, 0.1, 0.2]
    items = "import sys\nfor line in sys.stdin: print('[4, 2]')"
    assert predicted(program(items), "recommendation").tolist() == [[4, 2]] * 3


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (program("print(1)"), "wrote 1 line for 3 rows"),
        (program("print('1\\n2\\nthree')"), "line 3 of the command is 'three', neither JSON"),
        (program("print('1\\nNaN\\n3')"), "line 2 of the command is 'NaN', not a finite number"),
        (program("print('1\\n2\\n{\"value\": 3}')"), 'nor an object with "score"'),
        (program("import sys; sys.exit('no model here')"), "exited with 1: no model here"),
        (program("import time; time.sleep(60)", timeout=0.3), "did not finish within 0.3 s"),
        ({"kind": "command", "command": ["./no-such-program"]}, "does not start"),
    ],
)
def test_a_program_that_misbehaves_is_one_sentence(spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(MlopsError, match=sentence):
        predicted(spec)


def test_a_stored_estimator_predicts_from_the_columns_that_it_learned(tmp_path: Path) -> None:
    estimator = LogisticRegression().fit(TRAIN[["a"]], TRAIN["y_true"])
    save_model(estimator, tmp_path / "old.skops")
    spec = {"kind": "sklearn", "file": str(tmp_path / "old.skops")}
    wider = predict_with(
        SYSTEM.validate_python(spec), TRAIN, ROWS.assign(b=0), "classification", {}
    )
    assert wider.tolist() == estimator.predict_proba(ROWS[["a"]])[:, 1].tolist()
    with pytest.raises(MlopsError, match='was trained on the column "a"'):
        narrow = ROWS.rename(columns={"a": "b"})
        predict_with(SYSTEM.validate_python(spec), TRAIN, narrow, "classification", {})
    with pytest.raises(MlopsError, match="does not exist"):
        predicted({"kind": "sklearn", "file": "nowhere.skops"})


def test_a_pipeline_of_this_project_may_be_in_force(tmp_path: Path) -> None:
    """What the train stage stores and loads is compared with too: types of pandas, for one."""
    pipeline = make_pipeline(FunctionTransformer(pd.isna), DecisionTreeClassifier())
    missing = TRAIN[["a"]].where(TRAIN["y_true"] > 0)
    save_model(pipeline.fit(missing, TRAIN["y_true"]), tmp_path / "old.skops")
    spec = {"kind": "sklearn", "file": str(tmp_path / "old.skops")}
    rows = ROWS.assign(a=np.array([3.0, np.nan, 2.0]))
    found = predict_with(SYSTEM.validate_python(spec), TRAIN, rows, "classification", {})
    assert found.tolist() == [1.0, 0.0, 1.0]


def test_a_strangers_type_is_refused_until_it_is_named(tmp_path: Path) -> None:
    file = tmp_path / "old.skops"
    pipeline = make_pipeline(FunctionTransformer(operator.neg), LogisticRegression())
    skops.io.dump(pipeline.fit(TRAIN[["a"]], TRAIN["y_true"]), file)  # as somebody else stores it
    spec = {"kind": "sklearn", "name": "old", "file": str(file)}
    with pytest.raises(MlopsError, match=r"^old: .* asks for _operator\.neg, .*`trusted`"):
        predicted(spec)
    named = predicted(spec | {"trusted": ["_operator.neg"]})
    assert named.tolist() == pipeline.predict_proba(ROWS[["a"]])[:, 1].tolist()


def test_a_file_that_is_no_model_is_one_sentence_without_a_wrong_advice(tmp_path: Path) -> None:
    (tmp_path / "old.skops").write_text("no model")
    with pytest.raises(MlopsError, match="cannot be loaded: File is not a zip file") as told:
        predicted({"kind": "sklearn", "file": str(tmp_path / "old.skops")})
    assert "trusted" not in str(told.value)


@pytest.mark.parametrize(
    ("strategy", "task", "expected"),
    [
        ("majority", "classification", [1, 1, 1]),
        ("prior", "classification", [4 / 6] * 3),
        ("mean", "regression", [4 / 6] * 3),
        ("median", "regression", [1, 1, 1]),
        ("last_value", "regression", [0, 1, 4 / 6]),
    ],
)
def test_trivial_predictors_say_the_obvious(strategy: str, task: str, expected: list[Any]) -> None:
    spec = {"kind": "trivial", "strategy": strategy}
    assert predicted(spec, task).tolist() == pytest.approx(expected)


def test_seasonal_naive_repeats_the_same_season_and_else_the_last_value(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = {"kind": "trivial", "strategy": "seasonal_naive", "season": "12 months"}
    train = TRAIN.assign(y_true=[10.0, 20.0, 30.0, 40.0, 50.0, 60.0])
    # A year before: 7 had 10; 9 had nothing then, its last value is 50; 5 was never seen.
    assert predicted(spec, "regression", train).tolist() == [50, 10, 35]
    assert "2 of 3 rows have no outcome 12 months before" in capsys.readouterr().err


def test_last_value_never_looks_at_the_same_day_or_later() -> None:
    train = TRAIN.assign(time=pd.Timestamp("2025-12-01"))
    spec = {"kind": "trivial", "strategy": "last_value"}
    assert predicted(spec, "regression", train).tolist() == pytest.approx([4 / 6] * 3)


def test_popularity_ranks_and_random_repeats_itself() -> None:
    train = TRAIN.assign(y_true=pd.Series([[3, 1], [3], [2], [], [1, 3], [9]]))
    popular = {"kind": "trivial", "strategy": "popularity", "k": 3}
    assert predicted(popular, "recommendation", train).tolist() == [[3, 1, 2]] * 3
    drawn = {"kind": "trivial", "strategy": "random", "k": 2}
    one, same = (predicted(drawn, "recommendation", train) for _ in range(2))
    assert one.tolist() == same.tolist()
    with pytest.raises(MlopsError, match="does not suit a regression"):
        predicted(popular, "regression")


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "trivial", "strategy": "seasonal_naive"},
        {"kind": "trivial", "strategy": "mean", "season": "12 months"},
        {"kind": "trivial", "strategy": "seasonal_naive", "season": "a year"},
        {"kind": "command", "command": []},
        {"kind": "rules", "function": "rules"},
        {"kind": "oracle"},
        {"kind": "mlflow", "alias": "champion", "version": 3},
    ],
)
def test_a_system_that_is_described_wrongly_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SYSTEM.validate_python(spec)


def test_a_registry_without_the_alias_is_one_sentence(club: Path) -> None:
    (club / "conf/base.yaml").write_text(
        (club / "conf/base.yaml").read_text().replace("task: regression", "task: classification")
    )
    with pytest.raises(MlopsError, match="has no version with the alias champion; promote one"):
        predicted({"kind": "mlflow"})


def test_the_record_of_systems_changes_when_a_system_outside_does(tmp_path: Path) -> None:
    log, record = tmp_path / "log.csv", tmp_path / "systems.json"
    logged = {"kind": "logged", "name": "old", "file": str(log), "column": "decided"}
    config = CompareConfig.model_validate(
        {"case": "B", "primary": {"metric": "auc"}, "incumbent": logged}
    )
    assert list(systems_to_predict(config)) == ["old"]
    seen = []
    for content in ("id,decided\n1,1\n", "id,decided\n1,0\n"):
        log.write_text(content)
        write_systems_record(record, config)
        seen.append(json.loads(record.read_text())["old"])
    assert seen[0] != seen[1]
    usual = CompareConfig.model_validate({"case": "A", "primary": {"metric": "auc"}})
    write_systems_record(record, usual)
    assert json.loads(record.read_text()) == {}
