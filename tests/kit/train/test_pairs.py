"""Two features that give the outcome together are named; strong and honest ones are not."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from mlops_kit.compare.holdout.background import background_of
from mlops_kit.train import evidence
from mlops_kit.train.checks import pairs
from mlops_kit.train.checks.suspects import suspects

N = 600
RANDOM = np.random.default_rng(5)
REVENUE = RANDOM.lognormal(5, 1, N).round(2)
COST = (REVENUE * RANDOM.uniform(0.5, 1.2, N)).round(2)
PIECES = RANDOM.integers(1, 9, N)
WEIGHT, HEIGHT = RANDOM.normal(75, 14, N).round(1), RANDOM.normal(1.72, 0.1, N).round(2)
PROMISED = RANDOM.integers(0, 700, N)
ARRIVED = PROMISED + RANDOM.integers(-10, 4, N)
SOON = PROMISED + RANDOM.integers(-2, 3, N)
ASKED = RANDOM.choice(list("ABCDE"), N)
GIVEN = np.where(RANDOM.random(N) < 0.7, ASKED, RANDOM.choice(list("ABCDE"), N))


def found(one: Any, other: Any, truth: Any, amounts: bool, in_time: bool = False) -> list[str]:
    """Look among noise, strong features and one with gaps."""
    follows = pd.Series(truth).rank(pct=True).to_numpy()
    columns = {
        "noise": RANDOM.normal(size=N),
        "one": one,
        "strong": follows + RANDOM.normal(0, 0.1, N),
        "gaps": np.where(RANDOM.random(N) < 0.3, np.nan, follows + RANDOM.normal(0, 0.3, N)),
        "word": pd.Series(RANDOM.choice(["x", "y"], N)).where(RANDOM.random(N) < 0.7),
        "other": other,
    }
    rows = pd.DataFrame(columns)
    told = pairs.telling_pairs(rows, list(columns), np.asarray(truth, float), amounts, in_time)
    assert all(pair.features == ("one", "other") for pair in told)
    return [pair.formula for pair in told]


@pytest.mark.parametrize(
    ("one", "other", "truth", "formula"),
    [
        (REVENUE, COST, REVENUE - COST, "one - other"),
        (COST, REVENUE, REVENUE - COST, "one - other"),  # told as a difference, either way round
        (REVENUE, COST, -REVENUE - COST, "one + other"),
        (REVENUE, COST, 1.21 * REVENUE + COST - 7, "1.21 one + 1 other"),
        (COST, PIECES, COST * PIECES, "one * other"),
        (REVENUE, COST, (REVENUE / COST - 1).round(4), "one / other"),
        (WEIGHT, HEIGHT, (WEIGHT / HEIGHT**2).round(1), "one^1 * other^-2"),
    ],
)
def test_an_amount_that_is_made_of_two_columns_is_named(
    one: Any, other: Any, truth: Any, formula: str
) -> None:
    assert found(one, other, truth, amounts=True) == [formula]
    gone = RANDOM.random(N) < 0.2
    assert found(np.where(gone, np.nan, one), other, truth, amounts=True) == [formula]
    noisy = truth + RANDOM.normal(0, 0.1 * np.std(truth), N)  # an R² of .99, by merit
    assert found(one, other, noisy, amounts=True) == []


@pytest.mark.parametrize(
    ("one", "other", "truth", "formula"),
    [
        (ARRIVED, PROMISED, ARRIVED > PROMISED, "one - other"),
        (SOON + 0.1, PROMISED + 0.7, SOON + 0.1 > PROMISED + 0.7, "one - other"),
        (WEIGHT, HEIGHT, np.digitize(WEIGHT / HEIGHT**2, [18.5, 25, 30]), "one / other^2"),
        (ASKED, GIVEN, ASKED != GIVEN, "one = other"),
        (PIECES, PIECES[::-1], PIECES[::-1] == PIECES, "one = other"),
    ],
)
def test_classes_that_are_a_comparison_of_two_columns_are_named(
    one: Any, other: Any, truth: Any, formula: str
) -> None:
    assert found(one, other, truth, amounts=False) == [formula]
    some = RANDOM.random(N) < 0.05  # rows that are otherwise than the comparison says
    wrong = np.where(some, RANDOM.permutation(truth), truth)
    assert found(one, other, wrong, amounts=False) == []


def test_classes_that_lie_apart_by_merit_are_not_doubted() -> None:
    for seed in range(10):
        random = np.random.default_rng(seed)
        apart = random.random(N) < 0.4
        one, other = 5 * apart + random.normal(size=N), random.normal(size=N) - 5 * apart
        assert pairs._are_parted((one - other)[:, None], apart.astype(float)).all()
        rows = pd.DataFrame({"one": one, "other": other})
        truth = apart.astype(float)
        names = ["one", "other"]
        assert not pairs.telling_pairs(rows, names, truth, amounts=False, in_time=False)


def test_a_quotient_that_leaves_many_rows_out_is_no_formula() -> None:
    late = (ARRIVED > PROMISED).astype(float)
    gone = RANDOM.random(N) < 0.3
    assert found(np.where(gone, 0, WEIGHT), np.where(gone, 0, HEIGHT),
                 np.where(gone, late, WEIGHT / HEIGHT**2 > 25), amounts=False) == []  # fmt: skip


def test_of_rows_in_time_two_days_before_may_tell_the_next_nearly() -> None:
    day = np.arange(N + 2) / 50
    series = np.sin(day) + np.random.default_rng(0).normal(0, 1e-4, N + 2)
    days = series[1:-1], series[:-2], series[2:]
    assert found(*days, amounts=True, in_time=True) == []
    assert found(*days, amounts=True) != []
    assert found(REVENUE, COST, REVENUE - COST, amounts=True, in_time=True) == ["one - other"]


def test_a_weak_feature_beside_one_that_is_nearly_right_is_not_doubted() -> None:
    random = np.random.default_rng(0)
    one, other = random.normal(size=N), random.normal(size=N)
    truth = one + 0.035 * other + random.normal(0, 0.02, N)
    # The first leaves some .0016 alone, both together .0004.
    assert found(one, other, truth, amounts=True) == []


def test_many_columns_are_looked_at_in_little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {f"c{at}": RANDOM.normal(size=N) for at in range(120)}
    columns |= {"one": REVENUE, "other": COST}
    looked: list[int] = []
    judge = pairs._formula
    monkeypatch.setattr(pairs, "_formula", lambda *given: (looked.append(1), judge(*given))[1])
    (pair,) = pairs.telling_pairs(
        pd.DataFrame(columns), list(columns), REVENUE - COST, amounts=True, in_time=False
    )
    assert (pair.features, len(looked)) == (("one", "other"), 1)


def test_what_is_found_is_noted_for_the_comparison_and_told_in_a_profile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evidence, "load_sources", lambda: None)
    monkeypatch.setattr(evidence, "what_was_checked", lambda *_: (False, "not checked"))
    late = (ARRIVED > PROMISED).astype(int)
    rows = pd.DataFrame(
        {"y_true": late, "x": late + RANDOM.normal(0, 1, N), "arrived": ARRIVED,
         "promised": PROMISED, "split": ["train", "train", "holdout"] * (N // 3)}
    )  # fmt: skip
    names = ["x", "arrived", "promised"]
    train, holdout = (rows[rows["split"] == part] for part in ("train", "holdout"))
    card = evidence.notes(train, holdout, names, np.zeros(len(holdout)), None)
    together = {"features": ("arrived", "promised"), "formula": "arrived - promised"}
    assert card["telling_pairs"] == [together]
    assert background_of({"holdout": card}, {}).together == (together,)
    said = suspects(pl.from_pandas(rows), names)
    assert set(said) == {"arrived", "promised"}
    assert "together with another column, as arrived - promised" in said["promised"]
