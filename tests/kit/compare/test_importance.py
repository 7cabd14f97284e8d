"""What the model looks at: losses as brute force has them, intervals that hold, limits told."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.explain import importance as module
from mlops_kit.compare.explain.importance import importance
from own_table import OwnTable
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import roc_auc_score


def config(metric: str, **more: Any) -> CompareConfig:
    return CompareConfig.model_validate({"case": "A", "primary": {"metric": metric}} | more)


def rows(n: int = 2000, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    table = pd.DataFrame(random.normal(size=(n, 3)), columns=["much", "little", "noise"])
    table["y_true"] = 3 * table["much"] + 0.5 * table["little"] + random.normal(0, 1, n)
    return table.assign(id=np.arange(n)[::-1])


NAMES = ["noise", "little", "much"]


def test_losses_of_a_line_are_those_that_its_slopes_imply() -> None:
    table = rows(8000)
    model = LinearRegression().fit(table[NAMES], table["y_true"])
    found = importance(model, table, NAMES, "regression", config("mae"))
    assert [each["feature"] for each in found["weights"]] == ["much", "little", "noise"]
    much, little, noise = found["weights"]
    # Errors with x shuffled are normal with variance 1 + 2 slope^2.
    for each, slope in ((much, 3.0), (little, 0.5)):
        expected = np.sqrt(2 / np.pi) * (np.sqrt(1 + 2 * slope**2) - 1)
        assert each["lower"] < expected < each["upper"]
        assert each["estimate"] == pytest.approx(expected, rel=0.05)
    assert noise["lower"] < 0.002
    assert abs(noise["estimate"]) < 0.005


def test_it_is_said_of_each_compared_column_whether_the_model_uses_it() -> None:
    """One prediction that moves is use, also where the metric hardly sees it."""
    table = rows(600).assign(town=np.where(np.arange(600) % 2, "a", "b"))
    names = [*NAMES, "town"]

    class Line:
        def predict(self, features: pd.DataFrame) -> np.ndarray:
            return 3 * features["much"].to_numpy() + 1e-9 * features["noise"].to_numpy()

    slices = {"columns": ["town", "noise", "elsewhere"]}
    found = importance(Line(), table, names, "regression", config("mae", slices=slices))
    assert [each for each in found["sentences"] if each.startswith("Rows are compared by")] == [
        "Rows are compared by noise, and the model uses it.",
        "Rows are compared by town, which the model does not use: no prediction changes when its "
        "values are shuffled.",
    ]
    plain = importance(Line(), table, names, "regression", config("mae"))
    assert not any("compared by" in each for each in plain["sentences"])
    yes = table.assign(y_true=(table["y_true"] > 0).astype(int))
    people = config("auc", fairness={"columns": ["noise"], "measures": ["equalised_odds"]})
    model = LogisticRegression().fit(yes[NAMES], yes["y_true"])
    model.coef_[0, NAMES.index("noise")] = 0.0
    told = importance(model, yes, NAMES, "classification", people)["sentences"]
    (said,) = [each for each in told if "compared by" in each]
    assert said.startswith("Rows are compared by noise, which the model does not use")


def covered(seeds: range, n: int = 400) -> float:
    """Return how often the 90 % interval holds the true loss of a known line."""
    model = LinearRegression().fit(rows(200)[NAMES], rows(200)["y_true"])
    model.coef_, model.intercept_ = np.array([0.0, 0.5, 3.0]), 0.0
    expected = np.sqrt(2 / np.pi) * (np.sqrt(1 + 2 * 3.0**2) - 1)
    inside = 0
    for seed in seeds:
        found = importance(model, rows(n, seed), ["noise", "little", "much"], "regression",
                           config("mae", inference={"seed": seed}))  # fmt: skip
        first = found["weights"][0]
        inside += first["lower"] <= expected <= first["upper"]
    return inside / len(seeds)


def test_intervals_hold_the_true_loss_as_often_as_they_say() -> None:
    assert covered(range(100)) >= 0.84


@pytest.mark.repetition
def test_intervals_hold_the_true_loss_as_often_as_they_say_in_many_samples() -> None:
    assert 0.89 <= covered(range(1000, 3000)) <= 0.96


def test_one_shuffle_is_what_scikit_learn_says_about_the_same_shuffle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "FEWEST_REPEATS", 1)
    monkeypatch.setattr(module, "MOST_REPEATS", 1)
    table = rows()
    table["y_true"] = (table["y_true"] > 0).astype(int)
    model = LogisticRegression().fit(table[NAMES], table["y_true"])
    found = importance(model, table, NAMES, "classification", config("auc"))
    plain = roc_auc_score(table["y_true"], model.predict_proba(table[NAMES])[:, 1])
    for each in found["weights"]:
        place = NAMES.index(each["feature"])
        order = np.random.default_rng([7, place]).permutation(len(table))
        shuffled = table[NAMES].assign(
            **{each["feature"]: table[each["feature"]].to_numpy()[order]}
        )
        after = roc_auc_score(table["y_true"], model.predict_proba(shuffled)[:, 1])
        assert each["estimate"] == pytest.approx(plain - after, abs=1e-12)
    assert found["repeats"] == 1


def test_intervals_know_that_rows_of_a_group_are_alike() -> None:
    # Each customer stands forty times with the same values.
    one = rows(50)
    table = pd.concat([one] * 40, ignore_index=True)
    table = table.assign(group=table["id"], id=np.arange(len(table)))
    model = LinearRegression().fit(one[NAMES], one["y_true"])
    wide, narrow = (
        importance(model, each, NAMES, "regression", config("mae"))["weights"][0]
        for each in (table, table.drop(columns="group"))
    )
    assert wide["estimate"] == pytest.approx(narrow["estimate"])
    assert wide["upper"] - wide["lower"] > 3 * (narrow["upper"] - narrow["lower"])


@pytest.mark.parametrize("metric", ["log_loss", "auc", "accuracy", "f1"])
def test_several_classes_lose_what_brute_force_finds(metric: str) -> None:
    table = rows(900)
    names = ["low", "middle", "top"]
    table["y_true"] = np.array(names)[np.digitize(table["y_true"], [-2, 2])]
    model = LogisticRegression(max_iter=500).fit(table[NAMES], table["y_true"])
    # scikit-learn sorts classes by name; the configuration has another order.
    asked = config(metric, data={"classes": ["low", "middle", "top"][::-1]})
    found = importance(model, table, NAMES, "classification", asked)
    first = found["weights"][0]
    assert first["feature"] == "much"
    if metric == "accuracy":
        plain = (model.predict(table[NAMES]) == table["y_true"]).mean()
        random = np.random.default_rng([7, NAMES.index("much")])
        after = []
        for _ in range(found["repeats"]):
            shuffled = table["much"].to_numpy()[random.permutation(len(table))]
            given = model.predict(table[NAMES].assign(much=shuffled))
            after.append((given == table["y_true"]).mean())
        assert first["estimate"] == pytest.approx(plain - np.mean(after), abs=1e-12)
    assert first["lower"] > 0


@pytest.mark.parametrize("unit", ["row", "group"])
def test_groups_in_time_have_an_interval_too(unit: str) -> None:
    table = rows(1200)
    table["group"] = np.arange(1200) % 150
    days = pd.to_timedelta(np.arange(1200) // 30, unit="D")
    table["time"] = pd.Timestamp("2026-01-01") + days
    model = LinearRegression().fit(table[NAMES], table["y_true"])
    asked = config("mae", inference={"unit": unit})
    for each in importance(model, table, NAMES, "regression", asked)["weights"]:
        assert each["lower"] < each["estimate"] < each["upper"]


def test_features_that_go_together_are_named() -> None:
    table = rows().assign(twin=lambda each: each["much"] * 2 + 1)
    model = LinearRegression().fit(table[[*NAMES, "twin"]], table["y_true"])
    found = importance(model, table, [*NAMES, "twin"], "regression", config("mae"))
    (pair,) = found["alike"]
    assert sorted(pair["features"]) == ["much", "twin"]
    assert pair["correlation"] == pytest.approx(1)
    assert "less important than it is: " in " ".join(found["sentences"])
    assert "twin and much (rank correlation 1.00)." in " ".join(found["sentences"])


def test_many_rows_and_features_cost_no_more_and_it_is_told() -> None:
    table = rows(12_000)
    more = pd.DataFrame(np.random.default_rng(1).normal(size=(12_000, 60)))
    more.columns = [f"z{place}" for place in range(60)]
    table = pd.concat([table, more], axis=1)
    names = [*more.columns, *NAMES]
    asked = []

    class Counted(LinearRegression):
        def predict(self, X: Any) -> Any:  # noqa: N803
            asked.append(len(X))
            return super().predict(X)

    model = Counted().fit(table[names], table["y_true"])
    found = importance(model, table, names, "regression", config("rmse"))
    assert sum(asked) < 2 * module.MOST_PREDICTED
    assert (found["rows"], found["features"], len(found["weights"])) == (10_000, 63, 20)
    assert [each["feature"] for each in found["weights"][:2]] == ["much", "little"]
    said = " ".join(found["sentences"])
    assert "10,000 rows drawn from 12,000" in said
    assert "Shown are 20 of 63 features" in said
    assert found == importance(model, table, names, "regression", config("rmse"))


class Lost:
    """A model that does not answer."""

    def predict(self, rows: Any) -> Any:
        """Fail."""
        raise RuntimeError("no")


def test_what_cannot_be_shown_says_why_and_stops_nothing() -> None:
    for task, model, reason in (
        ("regression", Lost(), "predicting shuffled rows fails: RuntimeError: no"),
    ):
        found = importance(model, rows(100), NAMES, task, config("rmse"))
        assert "weights" not in found
        (sentence,) = found["sentences"]
        assert sentence.startswith("What the model looks at is not shown: ")
        assert reason in sentence


def test_a_project_tells_it_in_the_decision_and_both_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    x, kind = random.normal(size=600), random.integers(0, 3, 600)
    columns = {"id": np.arange(600), "x": x, "kind": [f"secret-{each}" for each in kind],
               "outcome": 2 * x + kind + random.normal(0, 0.5, 600)}  # fmt: skip
    table = OwnTable(pl.DataFrame(columns), task="regression")
    _, decision = table.decided(tmp_path, monkeypatch)
    assert [each["feature"] for each in decision["importance"]["weights"]] == ["x", "kind"]
    page = Path("reports/compare/report.html").read_text()
    text = Path("reports/compare/report.md").read_text()
    for report in (page, text):
        assert "What the model looks at" in report
        assert "not what causes the outcome" in report
        assert "secret-" not in report


def test_a_metric_with_a_scale_of_each_row_says_why_nothing_is_shown() -> None:
    table = rows(200)
    model = LinearRegression().fit(table[NAMES], table["y_true"])
    asked = config("mase", data={"season": "7 days"})
    found = importance(model, table, NAMES, "regression", asked)
    assert "weights" not in found and "mase needs a scale of each row" in found["sentences"][0]
