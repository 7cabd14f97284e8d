"""Rows that were copied under other ids are told, and equal rows that are normal are not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from compare_scenarios import wide_scores
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision import decide
from mlops_kit.compare.holdout.holdout import read_holdout
from mlops_kit.train import evidence

config_of = CompareConfig.model_validate

AUC = {"metric": "auc"}
Table = dict[str, Any]


def _judged(table: Table, metric: str = "auc", **changes: Any) -> Any:
    config = config_of({"case": "C", "primary": {"metric": metric}} | changes)
    return decide(read_holdout(pa.table(table), config), config, {})


def _told(result: dict[str, Any]) -> bool:
    return any(each["name"] == "copied rows" for each in result["safety"])


def _copied(table: Table, times: np.ndarray) -> Table:
    rows = np.repeat(np.arange(times.size), times)
    taken = pa.table(table).take(rows).to_pydict()
    return taken | {"id": np.arange(rows.size)}


def _scores(random: np.random.Generator, n: int, noise: tuple[float, float] = (0.7, 0.7)) -> Table:
    signal = random.normal(0, 1, n)
    outcome = random.random(n) < 1 / (1 + np.exp(1.5 - 1.5 * signal))
    one, other = (signal + random.normal(0, each, n) for each in noise)
    truth = outcome.astype(np.int64)
    return {"id": np.arange(n), "y_true": truth, "candidate": one, "baseline": other}


def _amounts(random: np.random.Generator, n: int) -> Table:
    truth = random.lognormal(3, 1, n)
    one, other = (truth * (1 + 0.3 * random.normal(0, 1, n)) for _ in range(2))
    return {"id": np.arange(n), "y_true": truth, "candidate": one, "baseline": other}


def _lists(random: np.random.Generator, n: int) -> Table:
    truth = [random.choice(40, 3, replace=False).tolist() for _ in range(n)]
    one, other = (
        [[true[0], *random.choice(40, 5).tolist()][place:] for true in truth] for place in (0, 1)
    )
    return {"id": np.arange(n), "y_true": truth, "candidate": one, "baseline": other}


def _three_classes(random: np.random.Generator, n: int) -> Table:
    chance = random.dirichlet(np.ones(3), n)
    truth = (chance.cumsum(axis=1) < random.random((n, 1))).sum(axis=1)
    noisy = np.abs(chance + random.normal(0, 0.1, (2, n, 3)))
    one, other = (noisy / noisy.sum(axis=2, keepdims=True)).tolist()
    return {"id": np.arange(n), "y_true": truth, "candidate": one, "baseline": other}


@pytest.mark.parametrize(
    ("draw", "metric", "n"),
    [
        (_scores, "auc", 200),
        (_scores, "log_loss", 400),
        (_amounts, "rmse", 300),
        (_lists, "ndcg_at_5", 200),
        (_three_classes, "log_loss", 300),
    ],
)
@pytest.mark.parametrize(
    "times",
    [
        lambda random, n: random.integers(1, 6, n),
        lambda random, n: np.full(n, 3),
        lambda random, n: np.bincount(random.integers(0, n, n), minlength=n),
        lambda random, n: np.where(np.arange(n) < n // 5, 5, 1),
    ],
    ids=["1 to 5 times", "3 times", "drawn with replacement", "a fifth of the rows 5 times"],
)
def test_copies_are_told_and_nothing_is_promoted_until_they_have_one_group(
    draw: Callable[..., Table], metric: str, n: int, times: Callable[..., np.ndarray]
) -> None:
    random = np.random.default_rng(11)
    table = draw(random, n)
    if metric == "log_loss" and draw is _scores:
        table |= {name: 1 / (1 + np.exp(-table[name])) for name in ("candidate", "baseline")}
    often = times(random, n)
    copied = _copied(table, often)
    result = _judged(copied, metric)
    assert result["decision"] == "inconclusive"
    assert _told(result)
    different = int(np.sum(often > 0))
    sentence = next(s["sentence"] for s in result["safety"] if s["name"] == "copied rows")
    assert f"Of {often.sum():,} rows only {different:,} differ" in sentence
    assert "with the same outcome and predictions" in sentence
    grouped = copied | {"group": np.repeat(np.arange(n), often)}
    after = _judged(grouped, metric)
    assert not _told(after)
    # Copies in groups decide as the rows do that they were made of: the error is theirs.
    weights = often[often > 0] / often.sum()
    assert after["primary"]["n_groups"] == weights.size


def test_equal_models_on_copies_are_promoted_no_more() -> None:
    promoted = 0
    for seed in range(40):
        random = np.random.default_rng((3, seed))
        result = _judged(_copied(_scores(random, 400), random.integers(1, 6, 400)))
        promoted += result["decision"] == "promote"
        assert result["decision"] != "promote" or _told(result)
    assert promoted == 0


def test_times_do_not_hide_copies_whatever_the_design() -> None:
    random = np.random.default_rng(4)
    table = _scores(random, 600)
    table["time"] = np.datetime64("2025-01-01") + (np.arange(600) // 6).astype("timedelta64[D]")
    assert not _told(_judged(table))
    copied = _copied(table, random.integers(1, 6, 600))
    assert _told(_judged(copied))
    assert _told(_judged(copied, inference={"design": "iid"}))


def _levels(values: np.ndarray, n: int) -> np.ndarray:
    return np.searchsorted(np.quantile(values, np.linspace(0, 1, n + 1)[1:-1]), values) / n


def _few_levels(random: np.random.Generator, rule: int, tree: int, n: int = 2000) -> Table:
    table = _scores(random, n)
    levels = {"candidate": _levels(table["candidate"], tree)}
    return table | levels | {"baseline": _levels(table["baseline"], rule)}


def _yes_or_no(random: np.random.Generator, n_features: int, n: int = 4000) -> Table:
    features = random.random((n, n_features)) < random.uniform(0.1, 0.9, n_features)
    weights = random.normal(0, 0.7, n_features)
    one, other = (features @ (weights + random.normal(0, 0.1, n_features)) for _ in range(2))
    truth = (random.random(n) < 1 / (1 + np.exp(1 - features @ weights))).astype(np.int64)
    code = features @ (1 << np.arange(n_features))
    table = {"id": np.arange(n), "y_true": truth, "candidate": one, "baseline": other}
    return table | {"same_features": code}


def _rounded(random: np.random.Generator) -> Table:
    table = _scores(random, 4000)
    return table | {name: np.round(table[name], 1) for name in ("candidate", "baseline")}


def _pure_leaves(random: np.random.Generator) -> Table:
    """Draw two strong trees of many leaves: rows of one leaf nearly always agree."""
    signal, n = random.normal(0, 1, 4000), 4000
    truth = (random.random(n) < 1 / (1 + np.exp(-12 * signal))).astype(np.int64)
    one, other = (_levels(signal + random.normal(0, 0.05, n), 400) for _ in range(2))
    return {"id": np.arange(n), "y_true": truth, "candidate": one, "baseline": other}


def _months_of_customers(random: np.random.Generator) -> Table:
    scores = _copied(_scores(random, 500), np.full(500, 6))
    truth = (random.random(3000) < 0.3).astype(np.int64)
    return scores | {"y_true": truth, "group": np.repeat(np.arange(500), 6)}


@pytest.mark.parametrize(
    "draw",
    [
        lambda random: _few_levels(random, 5, 12),
        lambda random: _few_levels(random, 5, 12, 300),
        lambda random: _few_levels(random, 5, 200),
        lambda random: _few_levels(random, 60, 60),
        lambda random: _yes_or_no(random, 3),
        lambda random: _yes_or_no(random, 12),
        _rounded,
        _pure_leaves,
        _months_of_customers,
        lambda random: _scores(random, 2000),
    ],
    ids=[
        "five-level rule, small tree",
        "five-level rule, small tree, few rows",
        "five-level rule, tree of 200 leaves",
        "two trees of 60 leaves",
        "3 yes-or-no features",
        "12 yes-or-no features",
        "rounded scores",
        "pure leaves",
        "months of customers in groups",
        "all different",
    ],
)
def test_equal_rows_that_are_normal_are_decided_as_before(draw: Callable[..., Table]) -> None:
    for seed in range(5):
        assert not _told(_judged(draw(np.random.default_rng((5, seed)))))


def test_features_tell_copies_where_coarse_predictions_hide_them() -> None:
    random = np.random.default_rng(6)
    table = _few_levels(random, 5, 12, 800) | {"same_features": np.arange(800)}
    copied = _copied(table, random.integers(1, 6, 800))
    result = _judged(copied)
    assert _told(result)
    assert "same outcome and features" in " ".join(result["reasons"])
    assert "drop them" in " ".join(result["reasons"])
    assert result["next"].startswith("Do what the reasons say")


def test_rows_of_equal_features_and_time_share_a_code_whatever_the_features_hold() -> None:
    import pandas as pd

    rows = pd.DataFrame(
        {
            "number": [1.5, 1.5, 1.5, np.nan, np.nan, 1.5],
            "text": ["a", "a", "b", None, None, "a"],
            "list": [[1, 2], [1, 2], [1, 2], [], [], [2, 1]],
            "time": pd.to_datetime(["2025-01-01"] * 6),
        }
    )
    codes = evidence.same_features(rows, ["number", "text", "list"])
    assert codes[0] == codes[1]
    assert codes[3] == codes[4]
    assert len(set(codes)) == 4
    later = rows.assign(time=pd.to_datetime(["2025-01-01", "2025-01-02"] + ["2025-01-01"] * 4))
    assert len(set(evidence.same_features(later, ["number", "text", "list"]))) == 5


def test_a_sound_candidate_on_a_table_without_copies_is_still_promoted() -> None:
    assert _judged(wide_scores())["decision"] == "promote"
