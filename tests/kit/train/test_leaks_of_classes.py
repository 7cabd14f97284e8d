"""A feature that gives several classes away is refused, doubted or listed; others are not."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn.datasets
from mlops_kit.core.errors import MlopsError
from mlops_kit.train.checks.alone import alone
from mlops_kit.train.checks.outcome import determining_features
from mlops_kit.train.evidence import telling
from own_table import OwnTable
from sklearn.metrics import roc_auc_score

Array = np.ndarray
LEAKS = ("words", "numbers", "several codes", "nearly")
HONEST = ("score", "apart", "category", "coarse")
VOUCHED = {"determined": {"reason": "a code of the office", "until": "2999-12-31"}}


def drawn(kind: str, seed: int) -> tuple[pl.DataFrame, list[Any]]:
    """Draw a text outcome of three to eight classes, noise `x`, and the feature `f` of a kind."""
    random = np.random.default_rng(seed)
    k, n = int(random.integers(3, 9)), int(random.integers(800, 4000))
    shares = np.maximum(random.dirichlet(np.full(k, 3.0)), 0.05)
    truth = random.choice(k, n, p=shares / shares.sum())
    codes = random.permutation(k)
    wrong = np.where(random.random(n) < 0.005, random.integers(0, k, n), truth)
    feature: dict[str, Any] = {
        "words": np.char.add("code ", codes.astype(str))[truth],
        "numbers": 7.0 * codes[truth],
        "several codes": [f"{codes[t]}/{c}" for t, c in zip(truth, random.integers(0, 2, n))],  # noqa: B905
        "nearly": np.char.add("code ", codes.astype(str))[wrong],
        "score": truth * random.uniform(1.8, 3.5) + random.normal(size=n),
        # One class is told without an error, as in botany; the others are not.
        "apart": np.where(truth == 0, random.uniform(0, 1, n), random.uniform(2, 4, n)),
        "category": np.where(
            (truth == 0) & (random.random(n) < 0.7), "free", random.choice(["a", "b", "c"], n)
        ),
        "coarse": np.round(truth * 2.5 + random.normal(size=n)),
    }
    names = np.array([f"kind {code}" for code in range(k)])
    rows = {"y_true": names[truth], "x": random.normal(size=n), "f": feature[kind]}
    split = np.where(random.random(n) < 0.3, "holdout", "train")
    return pl.DataFrame(rows | {"split": split}), random.permutation(names).tolist()


def told(kind: str, seed: int) -> tuple[list[str], list[str]]:
    rows, classes = drawn(kind, seed)
    train, holdout = (rows.filter(pl.col("split") == part) for part in ("train", "holdout"))
    names = ["x", "f"]
    alone, _ = telling(train.to_pandas(), holdout.to_pandas(), names, classes)
    return determining_features(rows, names), alone


@pytest.mark.parametrize("kind", LEAKS)
def test_a_text_outcome_in_another_spelling_determines_it(kind: str) -> None:
    found = [told(kind, seed) for seed in range(20)]
    assert [refused for refused, _ in found] == [["f"]] * 20
    if kind != "nearly":
        assert [alone for _, alone in found] == [["f"]] * 20


@pytest.mark.parametrize("kind", HONEST)
def test_an_honest_feature_of_classes_is_neither_refused_nor_doubted(kind: str) -> None:
    assert [told(kind, seed) for seed in range(20)] == [([], [])] * 20


@pytest.mark.parametrize("name", ["iris", "wine", "digits"])
def test_real_classes_are_not_refused(name: str) -> None:
    bunch: Any = getattr(sklearn.datasets, f"load_{name}")(as_frame=True)
    table = bunch.data.assign(y_true="kind " + bunch.target.astype(str))
    for seed in range(5):
        split = np.where(np.random.default_rng(seed).random(len(table)) < 0.3, "holdout", "train")
        rows = pl.from_pandas(table.assign(split=split))
        assert determining_features(rows, list(bunch.data.columns)) == []


def test_numbers_in_any_order_of_the_classes_tell_them() -> None:
    random = np.random.default_rng(2)
    truth = random.integers(0, 3, 900)
    apart = np.array([5.0, -1.0, 2.0])[truth] + random.uniform(-1, 1, 900)
    rows = pd.DataFrame({"y_true": truth, "apart": apart, "near": apart + random.normal(size=900)})
    parts = rows.iloc[:600], rows.iloc[600:]
    assert telling(*parts, ["apart", "near"], [0, 1, 2])[0] == ["apart"]
    # As amounts they would be no line, and nothing would be told.
    assert telling(*parts, ["apart"])[0] == []


def test_features_that_nearly_reach_a_model_of_classes_are_listed() -> None:
    random = np.random.default_rng(3)
    classes: Any = ["low", "mid", "high"]
    truth = random.choice(3, 3000, p=[0.6, 0.3, 0.1])
    strong = truth * 3 + random.normal(size=3000)
    weak = truth + 3 * random.normal(size=3000)
    rows = pd.DataFrame({"y_true": np.array(classes)[truth], "strong": strong, "weak": weak})
    train, holdout = rows.iloc[:2000], rows.iloc[2000:].reset_index(drop=True)
    chances = np.exp(-((strong[2000:, None] - 3 * np.arange(3)) ** 2) / 2) * [0.6, 0.3, 0.1]
    chances /= chances.sum(axis=1, keepdims=True)
    (found,) = alone(train, holdout, ["strong", "weak"], chances, classes)
    wanted = roc_auc_score(truth[2000:], chances, multi_class="ovr")
    assert (found["feature"], found["measure"]) == ("strong", "AUC")
    assert found["model"] == pytest.approx(wanted, rel=1e-12)
    assert 0.9 * wanted < found["value"] < wanted
    # The same in another order of the classes, and where the holdout lacks one of them.
    turned = alone(train, holdout, ["strong", "weak"], chances[:, ::-1], classes[::-1])
    assert turned == [pytest.approx(found)]
    some = truth[2000:] < 2
    part = alone(train, holdout[some], ["strong", "weak"], chances[some], classes)
    assert [each["feature"] for each in part] == ["strong"]


def own(kind: str, **more: Any) -> OwnTable:
    """Bring a drawn table in as a csv; the incumbent knows the shares of the classes only."""
    rows = drawn(kind, 1)[0].drop("split").rename({"y_true": "outcome"})
    rows = rows.select(pl.int_range(pl.len(), dtype=pl.Int64).alias("id"), pl.all())
    prior = {"kind": "trivial", "name": "shares", "strategy": "prior"}
    return OwnTable(rows, more={"incumbent": prior} | more)


def test_a_category_that_stands_for_the_class_stops_the_features_stage_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MlopsError, match='column "f" determines the outcome') as error:
        own("words").featured(tmp_path, monkeypatch)
    assert '"x"' not in str(error.value)


def test_classes_whose_feature_somebody_vouches_for_are_judged_and_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, decision = own("words", acknowledged=VOUCHED).decided(tmp_path, monkeypatch)
    assert decision["decision"] == "inconclusive"
    assert 'Look at the feature "f" first: alone it tells the outcome.' in decision["reasons"][0]
    assert decision["features"]["alone"][0]["feature"] == "f"


def test_an_honest_table_of_classes_is_promoted_with_its_strong_feature_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, decision = own("score").decided(tmp_path, monkeypatch)
    n_classes = own("score").rows["outcome"].n_unique()
    assert f"{n_classes} classes" in said[1]
    assert (decision["decision"], decision["safety"]) == ("promote", [])
    assert [each["feature"] for each in decision["features"]["alone"]] == ["f"]
    assert any('"f" nearly reaches the model' in each for each in decision["features"]["sentences"])
