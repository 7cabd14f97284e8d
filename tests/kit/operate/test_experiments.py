"""A/B tests, shadow logs and plans: each answers rightly, and refuses bad input."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlops_kit.compare.config import CompareConfig
from mlops_kit.core.errors import MlopsError
from mlops_kit.operate.experiments.abtest import ABTest, abtest, cuped, sample_ratio_p_value
from mlops_kit.operate.experiments.plan import Wish, plan
from mlops_kit.operate.experiments.sequential import boundaries
from mlops_kit.operate.experiments.shadow import Shadow, shadow

# A/B tests


def arms(n: int, effect: float, seed: int = 1, share: float = 0.5) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    before = random.normal(100, 30, n)
    treated = random.random(n) < share
    outcome = 0.8 * before + random.normal(0, 15, n) + effect * treated
    arm = np.where(treated, "treatment", "control")
    return pd.DataFrame({"unit": range(n), "arm": arm, "outcome": outcome, "before": before})


def looked(folder: Path, table: pd.DataFrame, **plan: Any) -> tuple[int, dict[str, Any]]:
    table.to_parquet(folder / "data.parquet")
    config = ABTest.model_validate({"units": 1000, "covariate": "before"} | plan)
    code, result = abtest(folder / "data.parquet", config, folder / "abtest.json")
    return code, result["looks"][-1]


def test_a_clear_effect_is_promoted_at_an_early_look_and_a_harmful_one_stops(
    tmp_path: Path,
) -> None:
    code, look = looked(tmp_path, arms(500, 10.0))
    assert (code, look["decision"], look["fraction"]) == (0, "promote", 0.5)
    assert look["lower"] > 0
    (tmp_path / "abtest.json").unlink()
    assert looked(tmp_path, arms(500, -10.0))[0] == 1
    (tmp_path / "abtest.json").unlink()
    assert looked(tmp_path, arms(500, -10.0), direction="lower")[0] == 0


def test_no_effect_goes_on_until_the_last_look_and_is_rejected_there(tmp_path: Path) -> None:
    table = arms(1000, 0.0, seed=4)
    codes = [looked(tmp_path, table.head(n))[0] for n in (250, 500, 750, 1000)]
    assert codes == [2, 2, 2, 1]
    kept = json.loads((tmp_path / "abtest.json").read_text())["looks"]
    assert [look["boundary"] for look in kept] == pytest.approx(
        boundaries([0.25, 0.5, 0.75, 1.0], 0.05)
    )


def test_a_look_that_was_not_planned_tells_nothing(tmp_path: Path) -> None:
    code, look = looked(tmp_path, arms(240, 10.0))
    assert code == 2
    assert look["next_look_at"] == 250
    assert "estimate" not in look
    assert not (tmp_path / "abtest.json").exists()


def test_looking_again_at_the_same_data_says_the_same(tmp_path: Path) -> None:
    first = looked(tmp_path, arms(300, 1.0))
    assert looked(tmp_path, arms(300, 1.0)) == first
    assert len(json.loads((tmp_path / "abtest.json").read_text())["looks"]) == 1


def test_a_plan_cannot_change_after_a_look(tmp_path: Path) -> None:
    looked(tmp_path, arms(300, 1.0))
    with pytest.raises(MlopsError, match=r"plan changed after a look \(alpha, units\)"):
        looked(tmp_path, arms(600, 1.0), units=600, alpha=0.2)


def test_a_covariate_from_before_the_test_takes_variance_out() -> None:
    table = arms(4000, 0.0)
    adjusted, reduction, filled = cuped(table["outcome"].to_numpy(), table["before"].to_numpy())
    # Of the variance 24**2 + 15**2, the covariate brings the first part.
    assert reduction == pytest.approx(24**2 / (24**2 + 15**2), abs=0.03)
    assert adjusted.mean() == pytest.approx(table["outcome"].mean())
    assert filled == 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t[(t["arm"] == "control") | (t["unit"] % 2 == 0)], "Sample ratio mismatch"),
        (lambda t: pd.concat([t, t.assign(arm="control")]), "were in both arms"),
        (lambda t: t.assign(arm="variant"), 'holds "variant"'),
        (lambda t: t.drop(columns="before"), 'no column "before"'),
        (lambda t: t.assign(outcome=None), 'have no "outcome"'),
        (lambda t: t.assign(outcome="much"), "must be numbers"),
    ],
)
def test_a_broken_experiment_is_refused(tmp_path: Path, change: Any, sentence: str) -> None:
    with pytest.raises(MlopsError, match=sentence) as raised:
        looked(tmp_path, change(arms(800, 5.0)))
    assert raised.value.exit_code == 3


def test_the_sample_ratio_follows_the_planned_allocation() -> None:
    # By hand: (480 - 500)**2 / 500 * 2 = 1.6 on one degree of freedom.
    assert sample_ratio_p_value(480, 520, 0.5) == pytest.approx(0.2059032107, abs=1e-9)
    assert sample_ratio_p_value(900, 100, 0.1) == 1.0
    assert sample_ratio_p_value(900, 100, 0.5) < 1e-100


# Shadow logs


def log(n: int = 1000, flips: int = 5) -> pd.DataFrame:
    random = np.random.default_rng(2)
    incumbent = random.random(n) < 0.3
    candidate = incumbent.copy()
    candidate[:flips] = ~candidate[:flips]
    fast = random.gamma(5, 2, n)
    table = pd.DataFrame({"id": range(n), "incumbent": incumbent, "candidate": candidate})
    return table.assign(y_true=incumbent, incumbent_ms=fast, candidate_ms=fast + 1)


def shadowed(folder: Path, table: pd.DataFrame, **budgets: Any) -> tuple[int, dict[str, Any]]:
    table.to_csv(folder / "log.csv", index=False)
    return shadow(folder / "log.csv", Shadow.model_validate(budgets))


def test_agreement_flips_and_paired_latency_are_counted(tmp_path: Path) -> None:
    code, result = shadowed(tmp_path, log())
    assert (code, result["agreement"]) == (0, 0.995)
    assert result["flips"] == {"n_known": 1000, "negative": 5, "positive": 0}
    paired = result["latency_ms"]["paired_difference"]
    assert (paired["p50"], paired["p95"]) == pytest.approx((1.0, 1.0))


@pytest.mark.parametrize(
    ("budgets", "code"),
    [
        ({"max_disagreement": 0.02}, 0),
        ({"max_disagreement": 0.006}, 2),
        ({"max_disagreement": 0.001}, 1),
        ({"max_negative_flips": 0.02, "max_slowdown_ms": 1.5}, 0),
        ({"max_slowdown_ms": 0.5}, 1),
        ({"max_p95_ms": 1000}, 0),
        ({"max_p95_ms": 1, "max_disagreement": 0.02}, 1),
    ],
)
def test_a_budget_is_kept_exceeded_or_open_beyond_chance(
    tmp_path: Path, budgets: dict[str, float], code: int
) -> None:
    assert shadowed(tmp_path, log(), **budgets)[0] == code


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t.drop(columns="candidate"), 'no column "candidate"'),
        (lambda t: pd.concat([t, t.head(3)]), "3 requests stand more than once"),
        (lambda t: t.head(10), "too few"),
        (lambda t: t.drop(columns="y_true"), "needs the truth"),
        (lambda t: t.assign(candidate_ms=-1.0), "negative"),
        (lambda t: t.assign(candidate=None), 'have no "candidate"'),
    ],
)
def test_a_log_that_is_not_paired_is_refused(tmp_path: Path, change: Any, sentence: str) -> None:
    with pytest.raises(MlopsError, match=sentence):
        shadowed(tmp_path, change(log()), max_negative_flips=0.1, max_p95_ms=100)


# Plans


def pilot(folder: Path, n: int = 2000) -> tuple[Path, CompareConfig]:
    random = np.random.default_rng(5)
    truth = random.integers(0, 2, n)
    # Of 100 rows both are wrong in 6, only the candidate in 4, only the incumbent in 4.
    place = np.arange(n) % 100
    right = {"candidate": place >= 10, "baseline": (place >= 14) | ((place >= 6) & (place < 10))}
    systems = {name: np.where(ok, truth, 1 - truth) * 0.8 + 0.1 for name, ok in right.items()}
    table = pd.DataFrame({"id": range(n), "y_true": truth} | systems)
    table.to_parquet(folder / "pilot.parquet")
    content = {"case": "C", "primary": {"metric": "accuracy"}}
    return folder / "pilot.parquet", CompareConfig.model_validate(content)


def test_a_plan_asks_for_the_rows_that_the_textbook_asks_for(tmp_path: Path) -> None:
    file, config = pilot(tmp_path)
    result = plan(file, config, Wish(0.02, looks=1, units_per_day=100), tmp_path, "Shop")
    # A paired difference of which 8 % of the rows are discordant, evenly: variance 0.08.
    z = 1.6448536269514722 + 0.8416212335729143
    assert result["offline"]["rows"] == pytest.approx(0.08 * (z / 0.02) ** 2, rel=0.005)
    # Independent arms, each a share of 90 %: variance 0.09 each, halves of the units.
    assert result["ab_test"]["units"] == pytest.approx(4 * 0.09 * (z / 0.02) ** 2, rel=0.005)
    assert result["ab_test"]["days"] % 7 == 0
    text = (tmp_path / "plan.md").read_text(encoding="utf-8")
    assert f"units: {result['ab_test']['units']}" in text
    assert json.loads((tmp_path / "plan.json").read_text()) == result


def test_looks_cost_a_few_more_units_and_a_smaller_gain_many(tmp_path: Path) -> None:
    file, config = pilot(tmp_path)
    one, four, fine = (
        plan(file, config, wish, tmp_path, "Shop")["ab_test"]["units"]
        for wish in (Wish(0.02, looks=1), Wish(0.02, looks=4), Wish(0.01, looks=1))
    )
    assert 1.0 < four / one < 1.05
    assert fine / one == pytest.approx(4, rel=0.01)


def test_a_plan_without_a_gain_to_look_for_is_refused(tmp_path: Path) -> None:
    file, config = pilot(tmp_path)
    with pytest.raises(MlopsError, match="--min-effect above 0"):
        plan(file, config, Wish(0.0), tmp_path, "Shop")
    same = pd.read_parquet(file)
    same.assign(baseline=same["candidate"]).to_parquet(file)
    with pytest.raises(MlopsError, match="predict the same"):
        plan(file, config, Wish(0.02), tmp_path, "Shop")
