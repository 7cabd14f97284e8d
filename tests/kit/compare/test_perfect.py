"""A score that is nearly perfect is doubted until somebody says why the task is so easy."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from compare_scenarios import four_classes, wide_scores
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision import decide
from mlops_kit.compare.holdout import background
from mlops_kit.compare.holdout.holdout import read_holdout
from mlops_kit.compare.metrics import registry as metrics
from mlops_kit.train import evidence

config_of = CompareConfig.model_validate

N = 2000
Table = dict[str, Any]


def _judged(table: Table, metric: str, *telling: str, **changes: Any) -> Any:
    config = config_of({"case": "C", "primary": {"metric": metric}} | changes)
    known = background.Background(telling=telling)
    return decide(read_holdout(pa.table(table), config, known), config, {})


def _found(result: dict[str, Any]) -> dict[str, Any] | None:
    return next((e for e in result["safety"] if e["name"] == "perfect score"), None)


def _scores(candidate: Any) -> Table:
    random = np.random.default_rng(1)
    truth = (random.random(N) < 0.3).astype(np.int64)
    guess = np.clip(0.3 + 0.3 * truth + random.normal(0, 0.2, N), 0, 1)
    return {"id": np.arange(N), "y_true": truth, "candidate": candidate(truth), "baseline": guess}


def _amounts(candidate: Any) -> Table:
    random = np.random.default_rng(2)
    truth = random.lognormal(3, 1, N)
    guess = truth * (1 + 0.3 * random.normal(0, 1, N))
    return {"id": np.arange(N), "y_true": truth, "candidate": candidate(truth), "baseline": guess}


def _sure(truth: np.ndarray) -> np.ndarray:
    return np.where(truth == 1, 0.99, 0.01)


def _hardly_wrong(truth: np.ndarray) -> np.ndarray:
    return np.where(np.arange(N) == 5, 1 - truth, truth)


CASES = [
    ("auc", _scores(_sure), "AUC 1"),
    ("auc", _scores(lambda y: y + np.random.default_rng(3).normal(0, 0.1, N)), "AUC 1"),
    ("log_loss", _scores(_sure), "AUC 1"),
    ("brier", _scores(_sure), "AUC 1"),
    ("average_precision", _scores(_sure), "AUC 1"),
    ("accuracy", _scores(_hardly_wrong), "AUC 0.999"),
    ("f1", _scores(_sure), "AUC 1"),
    ("balanced_accuracy", _scores(lambda y: y), "AUC 1"),
    ("rmse", _amounts(lambda y: y + 1e-9), "root mean squared error 1e-09"),
    ("rmse", _amounts(lambda y: y * 1.001), "root mean squared error"),
    ("mae", _amounts(lambda y: np.where(np.arange(N) < 3, 0, y)), "mean absolute error"),
    ("pinball", _amounts(lambda y: y + 1e-9), "root mean squared error"),
]


@pytest.mark.parametrize(("metric", "table", "said"), CASES)
def test_a_nearly_perfect_candidate_is_inconclusive_and_told_where_to_look(
    metric: str, table: Table, said: str
) -> None:
    settings = {"quantile": 0.5} if metric == "pinball" else {}
    primary = {"primary": {"metric": metric} | settings}
    result = _judged(table, metric, **primary)
    found = _found(result)
    assert found is not None
    assert result["decision"] == "inconclusive"
    assert f'The candidate "candidate" is nearly perfect ({said}' in found["sentence"]
    assert "a status, a closing date, a refund" in found["sentence"]
    assert "acknowledged.perfect" in found["sentence"]
    vouched = {"perfect": {"reason": "a check digit decides", "until": "9999-12-31"}}
    lifted = _judged(table, metric, **primary, acknowledged=vouched)
    assert lifted["decision"] == "promote"
    assert "because a check digit decides" in " ".join(lifted["reasons"])


def test_the_features_that_tell_the_outcome_alone_are_named() -> None:
    one = _judged(_scores(_sure), "auc", "status")
    assert 'Look at the feature "status" first: alone it tells' in " ".join(one["reasons"])
    two = _judged(_scores(_sure), "auc", "status", "closed_at")
    assert 'Look at the features "status" and "closed_at" first' in " ".join(two["reasons"])


def test_a_perfect_incumbent_is_doubted_too() -> None:
    table = _scores(_sure)
    table["candidate"], table["baseline"] = table["baseline"], table["candidate"]
    result = _judged(table, "auc")
    found = _found(result)
    assert found is not None
    assert 'The incumbent "baseline" is nearly perfect' in found["sentence"]
    assert result["primary"]["verdict"] == "fail"
    assert result["decision"] == "inconclusive"
    table["candidate"] = _sure(table["y_true"]) + np.linspace(0, 1e-3, N)
    both = _found(_judged(table, "log_loss"))
    assert both is not None
    assert 'The candidate "candidate" and the incumbent "baseline" are' in both["sentence"]


def test_several_classes_lists_and_metrics_of_ones_own_are_judged_by_how_they_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    truth, guess = four_classes(1000)
    sure = np.full((1000, 4), 0.01) + 0.96 * np.eye(4)[truth.astype(int)]
    classes = {"id": np.arange(1000), "y_true": truth.astype(int)}
    classes |= {"candidate": sure.tolist(), "baseline": guess.tolist()}
    assert "accuracy 1" in " ".join(_judged(classes, "log_loss")["reasons"])
    random = np.random.default_rng(4)
    lists = [random.choice(40, random.integers(0, 4), replace=False).tolist() for _ in range(500)]
    table = {"id": np.arange(500), "y_true": lists, "candidate": [[*t, 41, 42] for t in lists]}
    table |= {"baseline": [random.choice(40, 5).tolist() for _ in lists]}
    for metric in ("ndcg_at_5", "recall_at_5", "hit_rate_at_5"):
        assert "NDCG at 5 " in " ".join(_judged(table, metric)["reasons"])
    monkeypatch.setattr(metrics, "METRICS", dict(metrics.METRICS))
    metrics.register(
        "within_two", lambda y, p: float(np.mean(np.abs(y - p) <= 2)), "higher", "prediction"
    )
    own = _judged(_amounts(lambda y: y + 1e-9), "within_two")
    assert "root mean squared error" in " ".join(own["reasons"])
    # All errors are within two, and yet it is no perfect forecast.
    rough = _judged(_amounts(lambda y: y + random.uniform(-2, 2, N)), "within_two")
    assert _found(rough) is None


@pytest.mark.parametrize(
    ("metric", "table"),
    [
        ("auc", wide_scores()),
        ("auc", _scores(lambda y: y + np.random.default_rng(5).normal(0, 0.38, N))),
        ("accuracy", _scores(lambda y: np.where(np.arange(N) % 100 == 0, 1 - y, y))),
        ("rmse", _amounts(lambda y: y * (1 + 0.05 * np.random.default_rng(6).normal(0, 1, N)))),
    ],
    ids=["ordinary", "AUC .97", "accuracy .99", "R² .997"],
)
def test_strong_models_that_are_sometimes_wrong_are_not_doubted(metric: str, table: Table) -> None:
    result = _judged(table, metric)
    assert _found(result) is None
    assert result["decision"] == "promote"


def test_always_no_is_not_perfect_where_hardly_anybody_says_yes() -> None:
    table = _scores(lambda y: np.zeros(N))
    rare = (np.arange(N) % 700 == 0).astype(np.int64)
    never = table | {"y_true": rare, "candidate": np.where(np.arange(N) == 3, 1, 0)}
    assert _found(_judged(never, "accuracy")) is None


def test_an_acknowledged_task_may_be_told_to_the_last_digit() -> None:
    table = _scores(lambda y: y.astype(float))
    assert _judged(table, "auc")["decision"] == "reject"
    vouched = {"reason": "A tree with pure leaves.", "until": date(9999, 12, 31)}
    assert _judged(table, "auc", acknowledged={"perfect": vouched})["decision"] == "promote"


def _told(rows: pd.DataFrame, names: list[str]) -> list[str]:
    return evidence.telling(rows.iloc[::2], rows.iloc[1::2], names)[0]


def test_features_that_determine_the_outcome_are_found_and_others_are_not() -> None:
    random = np.random.default_rng(7)
    truth = (random.random(N) < 0.3).astype(int)
    rows = pd.DataFrame(
        {
            "y_true": truth,
            "age": random.integers(18, 90, N),
            "word": np.where(truth == 1, "yes", "no"),
            "flag": truth == 1,
            "closed": np.where(truth == 1, random.random(N), np.nan),
            "name": [f"customer {n}" for n in range(N)],
            "strong": truth + random.normal(0, 0.4, N),
            "against": -truth + random.normal(0, 0.1, N),
            "nothing": np.nan,
            "items": [[1, 2]] * N,
        }
    )
    names = [str(name) for name in rows if name != "y_true"]
    assert _told(rows, names) == ["word", "flag", "closed"]
    assert _told(rows, ["age", "name", "strong", "against"]) == ["against"]
    amounts = rows.assign(y_true=random.lognormal(3, 1, N))
    amounts = amounts.assign(twice=2 * amounts["y_true"], near=amounts["y_true"] + truth * 5)
    assert _told(amounts, ["age", "name", "twice", "near"]) == ["twice"]
    assert _told(rows.assign(y_true=pd.Series([[1]] * N)), names) == []


def test_a_rare_outcome_told_by_chance_is_no_sign_and_one_class_told_by_a_flag_is() -> None:
    random = np.random.default_rng(11)
    rare = (np.arange(N) % (N // 4) == 7).astype(int)
    rows = pd.DataFrame({"y_true": rare, "lucky": rare + random.random(N) / 2})
    assert _told(rows, ["lucky"]) == []
    species = random.choice(3, N)
    rows = pd.DataFrame({"y_true": species, "milk": species == 1, "legs": 4 + 2 * (species > 1)})
    rows["colour"] = np.where((species == 2) & (random.random(N) < 0.7), "green", "brown")
    found = evidence.telling(
        rows.iloc[::2], rows.iloc[1::2], ["milk", "legs", "colour"], [0, 1, 2]
    )[0]
    assert found == ["milk", "legs"]


def test_a_gain_without_any_spread_is_never_promoted() -> None:
    random = np.random.default_rng(4)
    truth = (random.random(N) < 0.3).astype(np.int64)
    table = {
        "id": np.arange(N),
        "y_true": truth,
        "candidate": 0.6 + 0.3 * random.random(N),
        "baseline": np.zeros(N),
    }
    result = _judged(table, "recall")
    assert result["primary"]["lower"] == result["primary"]["upper"] == 1
    assert result["decision"] == "inconclusive"
    (found,) = [each for each in result["safety"] if each["name"] == "gain without spread"]
    assert "an interval of no width" in found["sentence"]
    assert result["reasons"][0] == found["sentence"]
    vouched = {"perfect": {"reason": "every row must be picked", "until": "2999-12-31"}}
    assert _judged(table, "recall", acknowledged=vouched)["decision"] == "promote"


def test_a_feature_that_tells_alone_is_doubted_though_the_model_makes_less_of_it() -> None:
    noise = np.random.default_rng(3).normal(0, 0.4, N)
    table = _scores(lambda truth: truth + noise)
    assert _judged(table, "auc")["decision"] == "promote"
    result = _judged(table, "auc", "closed")
    assert result["decision"] == "inconclusive"
    assert 'feature "closed" is hardly ever wrong' in result["reasons"][0]


def test_two_features_that_give_the_outcome_together_are_doubted() -> None:
    table = _scores(lambda truth: truth + np.random.default_rng(3).normal(0, 0.4, N))
    pair = {"features": ["sent", "promised"], "formula": "sent - promised"}
    known = background.background_of({"holdout": {"telling_pairs": [pair]}}, {})
    until = {"reason": "both are planned", "until": "2999-12-31"}
    for vouched, decision in ((False, "inconclusive"), (True, "promote")):
        more = {"acknowledged": {"perfect": until}} if vouched else {}
        config = config_of({"case": "C", "primary": {"metric": "auc"}} | more)
        result = decide(read_holdout(pa.table(table), config, known), config, {})
        assert result["decision"] == decision
        told = 'features "sent" and "promised" give the outcome together, as "sent - promised"'
        assert any(told in each for each in result["reasons"])
    perfect = _scores(lambda truth: 0.2 + 0.5 * truth)
    config = config_of({"case": "C", "primary": {"metric": "brier"}})
    result = decide(read_holdout(pa.table(perfect), config, known), config, {})
    told = 'Look at the features "sent" and "promised" first: together they tell the outcome'
    assert any(told in each for each in result["reasons"])


def test_a_feature_that_determines_the_outcome_rejects_unless_somebody_vouches() -> None:
    table = _scores(lambda truth: truth + np.random.default_rng(3).normal(0, 0.4, N))
    known = background.Background(determining=("bought",))
    for vouched, decision in ((False, "reject"), (True, "promote")):
        until = {"reason": "one measurement", "until": "2999-12-31"}
        more = {"acknowledged": {"determined": until}} if vouched else {}
        config = config_of({"case": "C", "primary": {"metric": "auc"}} | more)
        result = decide(read_holdout(pa.table(table), config, known), config, {})
        assert result["decision"] == decision
        assert any('"bought" determines the outcome' in each for each in result["reasons"])
