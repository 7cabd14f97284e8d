"""Classes of an outcome: their order, who answers by which, and what is refused in a sentence."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.room import Room
from mlops_kit.train import classes as classes_module
from mlops_kit.train import model_file
from mlops_kit.train.classes import as_table, by_class, classes_of
from mlops_kit.train.predictions import long_table, predict
from mlops_kit.train.registered import Registered
from sklearn.tree import DecisionTreeClassifier

KINDS: Any = ["low", "mid", "high"]
TABLE = np.array([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]])


def outcome(*labels: Any) -> pd.DataFrame:
    return pd.DataFrame({"y_true": list(labels)})


def found(
    monkeypatch: pytest.MonkeyPatch, train: Any, holdout: Any, declared: Any = None
) -> list[Any] | None:
    """Ask for the classes where conf/compare.yaml names those of `declared`."""
    monkeypatch.setattr(classes_module, "rooms", lambda: [Room(), Room(classes=lambda: declared)])
    return classes_of("classification", outcome(*train), outcome(*holdout))


@pytest.mark.parametrize(
    ("train", "declared", "expected"),
    [
        ([1, 0, 1], None, None),
        ([1.0, 0.0], None, None),
        ([True, False], None, None),
        ([1, 0], (0, 1), None),
        ([2, 0, 1], None, [0, 1, 2]),
        ([9.0, 3.0, 5.0], None, [3, 5, 9]),
        (["mid", "low", "high"], None, ["high", "low", "mid"]),
        (["mid", "low", "high"], KINDS, KINDS),
        ([3, 1, 2], ("2", "3", "1"), [2, 3, 1]),
        (["1", "2", "10"], (10, 2, 1), ["10", "2", "1"]),
    ],
)
def test_classes_are_sorted_or_in_the_declared_order(
    monkeypatch: pytest.MonkeyPatch, train: Any, declared: Any, expected: Any
) -> None:
    assert found(monkeypatch, train, train, declared) == expected
    assert classes_of("regression", outcome(*train), outcome(*train)) is None


@pytest.mark.parametrize(
    ("train", "holdout", "declared", "sentence"),
    [
        ([1, 1], [1], None, 'gives "1" in every training row: a classification needs rows of two'),
        (["no", "yes"], ["no"], None, """two labels "no" and "yes": write 1 for the one whose"""),
        (["no", "yes"], ["no"], None, "such as CAST(... = 'yes' AS BIGINT) AS y_true."),
        (
            ["it's", "no"],
            ["no"],
            ("no", "it's"),
            "CAST(... = 'it''s' AS BIGINT) AS y_true, and drop",
        ),
        ([1, 2], [1], None, "such as CAST(... = 2 AS BIGINT) AS y_true."),
        ([1, 0], [1], ("no", "yes"), "data.classes names no and yes, and target() of features.py"),
        ([1, 0], [1], (1, 0), "gives 0 and 1, of which 1 is the event: drop data.classes."),
        (["no", "yes"], ["no", "may be"], None, 'the class "may be" occurs in 1 holdout rows'),
        ([0.5, 1.0, 2.0], [1.0], None, "labels of type float, such as 0.5"),
        ([0.0, 1.0, float("nan")], [1.0], None, "labels of type float, such as nan"),
        ([0, 1], [1, 2], None, 'the class "2" occurs in 1 holdout rows and in no training row'),
        (KINDS, ["low", "top", "top"], None, 'the class "top" occurs in 2 holdout rows'),
        (KINDS, KINDS, ("low", "mid"), 'data.classes does not name "high"'),
        (KINDS, KINDS, (*KINDS, "top"), 'No training row has the class "top" of data.classes'),
        ([0, 1], [0, 1], (0, 1, 2), 'No training row has the class "2" of data.classes'),
        (["a", "b", " "], ["a"], None, "an empty text as y_true"),
        (list(range(200)), [1], None, "gives 200 different labels"),
        ([pd.Timestamp("2026-01-01"), 1, 2], [1], None, "labels of type Timestamp"),
    ],
)
def test_labels_that_are_no_classes_are_one_sentence(
    monkeypatch: pytest.MonkeyPatch, train: Any, holdout: Any, declared: Any, sentence: str
) -> None:
    with pytest.raises(MlopsError) as raised:
        found(monkeypatch, train, holdout, declared)
    assert sentence in str(raised.value)


def test_probabilities_are_brought_into_the_order_of_the_classes() -> None:
    known = np.array(["high", "low", "mid"])
    assert by_class("it", TABLE, known, KINDS).tolist() == TABLE[:, [1, 2, 0]].tolist()
    assert by_class("it", TABLE, np.array([3.0, 1.0, 2.0]), [1, 2, 3]).tolist() == (
        TABLE[:, [1, 2, 0]].tolist()
    )
    single = by_class("it", TABLE.astype(np.float32), None, KINDS)
    assert single.dtype == np.float64
    assert np.abs(single.sum(axis=1) - 1).max() < 1e-15


@pytest.mark.parametrize(
    ("chances", "known", "sentence"),
    [
        (TABLE, ["low", "mid", "top"], 'does not know the class "high" and knows the class "top"'),
        (TABLE[:, :2], ["low", "mid"], 'does not know the class "high": train it'),
        (np.full((2, 4), 0.25), [*KINDS, "top"], 'knows the class "top", which the outcome has'),
        (TABLE[:, :2], None, "answers of shape (2, 2) for 3 classes"),
        (TABLE * 1.01, None, "are no probabilities"),
        (TABLE - [[0, 0, 0.3]] + [[0.3, 0, 0]], None, "are no probabilities"),
        (TABLE * np.nan, None, "are no probabilities"),
    ],
)
def test_an_estimator_of_other_classes_is_one_sentence(
    chances: Any, known: Any, sentence: str
) -> None:
    with pytest.raises(MlopsError) as raised:
        by_class("it", chances, known, KINDS)
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array(["high", "low"]), [[0, 0, 1], [1, 0, 0]]),
        (pd.Series(["high", "low"]), [[0, 0, 1], [1, 0, 0]]),
        (TABLE, TABLE),
        (pd.DataFrame(TABLE), TABLE),
        (pd.DataFrame(TABLE, columns=["mid", "high", "low"]), TABLE[:, [2, 0, 1]]),
        (pd.Series(["[0.1, 0.7, 0.2]", "[0.5, 0.25, 0.25]"]), TABLE),
        (pd.Series(TABLE.tolist()), TABLE),
    ],
)
def test_labels_and_tables_become_probabilities(values: Any, expected: Any) -> None:
    assert as_table("rules", values, KINDS).tolist() == np.asarray(expected).tolist()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.array(["low", "top"]), 'rules: "top" is none of the classes low, mid, high'),
        (np.array([1.0, 2.0]), "rules: one number with a point for each row, which may be a score"),
        (pd.Series([[0.5, 0.5], [1.0]]), "differ in length"),
        (pd.Series(["[0.5, 0.5", "[1.0]"]), "is no JSON list"),
        (pd.DataFrame(TABLE, columns=["low", "mid", "top"]), 'knows the class "top"'),
    ],
)
def test_answers_that_name_no_class_are_one_sentence(values: Any, sentence: str) -> None:
    with pytest.raises(MlopsError) as raised:
        as_table("rules", values, KINDS)
    assert sentence in str(raised.value)


def test_columns_that_are_numbers_are_read_by_name_or_not_at_all() -> None:
    chances = pd.DataFrame(TABLE)
    assert as_table("it", chances, [0, 1, 2]).tolist() == TABLE.tolist()
    assert as_table("it", chances, [3, 1, 2]).tolist() == TABLE.tolist()
    turned = chances[[2, 0, 1]]
    assert as_table("it", turned, [2, 0, 1]).tolist() == turned.to_numpy().tolist()
    with pytest.raises(MlopsError, match=r"columns 0, 1, 2 may be classes by their names, or by"):
        as_table("it", chances, [2, 0, 1])


def test_probabilities_of_single_precision_are_served_as_they_were_judged() -> None:
    chances = np.random.default_rng(4).dirichlet(np.ones(3), 50).astype(np.float32)
    model = SimpleNamespace(classes_=np.array(sorted(KINDS)), predict_proba=lambda rows: chances)
    registered, rows = Registered(), pd.DataFrame({"a": np.arange(50.0)})
    registered.estimator = model
    registered.config = {
        "task": "classification",
        "features": [["a", "float64"]],
        "classes": KINDS,
    }
    judged = predict(model, rows, "classification", KINDS)
    assert registered.predict(None, rows).tolist() == judged.tolist()
    assert np.abs(judged.sum(axis=1) - 1).max() < 1e-15


def test_what_is_registered_answers_as_what_was_judged(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    rows = pd.DataFrame({"a": random.normal(0, 1, 90)})
    labels = pd.Series(np.array(KINDS)[np.digitize(rows["a"], [-0.4, 0.4])])
    model = DecisionTreeClassifier(max_depth=2, random_state=0).fit(rows, labels)
    file = tmp_path / "model.skops"
    model_file.save_model(model, file)
    config = {
        "task": "classification",
        "features": [["a", "float64"]],
        "trusted_modules": model_file.trusted_modules(),
        "classes": KINDS,
    }
    registered = Registered()
    registered.load_context(SimpleNamespace(artifacts={"model": str(file)}, model_config=config))
    judged = predict(model, rows, "classification", KINDS)
    assert judged.shape == (90, 3)
    assert registered.predict(None, rows).tolist() == judged.tolist()
    assert np.mean(np.array(KINDS)[judged.argmax(axis=1)] == labels) > 0.8
    with pytest.raises(MlopsError, match="knows the class"):
        predict(model, rows, "classification")


def test_the_long_table_holds_a_list_for_several_classes_and_a_number_for_two() -> None:
    holdout = pd.DataFrame({"id": [1, 2], "y_true": ["low", "mid"]})
    several = long_table("classification", holdout, {"candidate": TABLE})
    assert str(several.schema.field("scores").type) == "list<item: double>"
    assert several["scores"].to_pylist() == TABLE.tolist()
    two = long_table("classification", holdout, {"candidate": TABLE[:, 0]})
    assert "scores" not in two.column_names
    assert two["score"].to_pylist() == [0.1, 0.5]
