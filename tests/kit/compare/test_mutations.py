"""Each way in which a candidate can be wrong closes the gate, with the sentence that says why."""

import json
import tracemalloc
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from compare_scenarios import ALL_CHECKS, AUC, N, wide_scores
from mlops_kit.compare import stage as compare
from mlops_kit.compare.checks import fairness, flips
from mlops_kit.compare.checks import running_cost as ops
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision import decide
from mlops_kit.compare.holdout import holdout
from mlops_kit.core.errors import MlopsError

config_of = CompareConfig.model_validate


def _decision(table: Any, config: dict[str, Any] | None = None, **changes: Any) -> Any:
    chosen = config_of({"case": "C"} | (config or AUC) | changes)
    measured = changes.pop("measured", None)
    return decide(holdout.read_holdout(pa.table(table), chosen), chosen, {}, measured)


def _said(result: Any) -> str:
    return " ".join(result["reasons"])


def test_a_better_candidate_is_promoted_and_told_how_sure() -> None:
    result = _decision(wide_scores())
    assert result["decision"] == "promote"
    assert "auc is better by" in _said(result)
    assert "95 % sure of" in _said(result)
    assert "shadow" in result["next"]


def test_a_worse_candidate_is_rejected() -> None:
    result = _decision(wide_scores(0.25, 0.15))
    assert result["decision"] == "reject"
    assert "auc is worse by" in _said(result)
    assert "keep what is in force" in _said(result)


def test_an_equal_candidate_is_not_promoted_and_told_how_many_rows_it_would_take() -> None:
    result = _decision(wide_scores(0.2, 0.2), {"primary": {"metric": "auc"}})
    assert result["decision"] == "inconclusive"
    assert result["primary"]["rows_needed"] > N
    assert "on both sides of no gain at all" in _said(result)


def test_identical_predictions_are_no_change_even_where_none_is_asked_for() -> None:
    table = wide_scores()
    table["candidate"] = table["baseline"]
    equal = {"test": "non_inferiority", "margin": 0.05, "benefit": "cost"}
    for primary in (AUC["primary"], {"metric": "auc"} | equal):
        result = _decision(table, {"primary": primary})
        assert result["decision"] == "reject"
        assert "No change" in _said(result)
        assert "Nothing to deploy" in result["next"]


def test_a_gain_smaller_than_the_useful_one_is_rejected() -> None:
    result = _decision(wide_scores(), {"primary": {"metric": "auc", "min_effect": 0.2}})
    assert result["decision"] == "reject"
    assert "less than the smallest useful gain of 0.2" in _said(result)


def test_a_candidate_that_harms_one_slice_is_rejected_and_the_slice_is_named() -> None:
    table = wide_scores(0.02)
    new = table["segment"] == "new"
    table["candidate"] = np.where(new, np.random.default_rng(1).random(N), table["candidate"])
    average = _decision(table)
    assert average["decision"] == "promote"
    result = _decision(table, slices={"columns": ["segment"], "margin": 0.01})
    assert result["decision"] == "reject"
    assert "segment = new: auc is worse by" in _said(result)
    assert [entry["verdict"] for entry in result["slices"]] == ["pass", "fail"]


def test_harmless_slices_do_not_block() -> None:
    table = wide_scores() | {"shop": np.arange(N) % 20}
    result = _decision(table, slices=["shop", "segment"])
    assert result["decision"] == "promote"
    assert len(result["slices"]) == 22


def test_a_slice_too_small_to_judge_is_said_to_be() -> None:
    table = wide_scores()
    table["segment"] = np.where(np.arange(N) < 9, "tiny", table["segment"])
    result = _decision(table, slices=["segment"])
    assert result["decision"] == "promote"
    (tiny,) = [entry for entry in result["slices"] if entry["name"] == "segment = tiny"]
    assert (tiny["verdict"], tiny["n_rows"]) == ("skipped", 9)
    assert "too few rows (9)" in tiny["sentence"]


def _times(candidate: float, incumbent: float) -> Any:
    random = np.random.default_rng(9)
    noise = random.gamma(4, 0.25, (2, 400))
    return ops.Measured({"candidate": candidate * noise[0], "incumbent": incumbent * noise[1]})


@pytest.mark.parametrize(
    ("budgets", "measured", "verdict", "sentence"),
    [
        ({"p95_ms": 10}, _times(2, 2), "promote", ""),
        ({"p95_ms": 10}, _times(20, 2), "reject", "more than the budget of 10"),
        ({"slowdown": 3}, _times(20, 2), "reject", "times as long as the incumbent"),
        ({"p95_ms": 10}, None, "inconclusive", "was not measured"),
        ({"size_mb": 5}, ops.Measured(size_mb=9.0), "reject", "The model's file has 9 MB"),
        ({"memory_mb": 5}, ops.Measured(memory_mb=4.0), "promote", ""),
        (
            {"cost_per_thousand": 0.001, "machine_per_hour": 1.0},
            _times(20, 2),
            "reject",
            "A thousand predictions cost 0.00",
        ),
    ],
)
def test_a_candidate_over_a_budget_is_rejected_and_one_not_measured_does_not_pass(
    budgets: dict[str, float], measured: Any, verdict: str, sentence: str
) -> None:
    config = config_of({"case": "C", "ops": budgets} | AUC)
    paired = holdout.read_holdout(pa.table(wide_scores()), config)
    result = decide(paired, config, {}, measured)
    assert result["decision"] == verdict
    assert sentence in _said(result)


def test_a_long_log_of_latencies_is_judged_in_little_memory() -> None:
    random = np.random.default_rng(2)
    slow, quick = random.lognormal(1.2, 0.3, 200_000), random.lognormal(1, 0.3, 200_000)
    measured = ops.Measured({"candidate": slow, "incumbent": quick})
    budgets = {"slowdown": 1.1, "cost_per_thousand": 0.002, "machine_per_hour": 1.0}
    chosen = config_of({"case": "C", "ops": budgets} | AUC)
    tracemalloc.start()
    found = ops.ops_checks(measured, chosen, 0.05)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6
    assert found["slowdown"]["estimate"] == pytest.approx(np.exp(0.2), rel=0.03)
    assert found["slowdown"]["verdict"] == "fail"
    mean = np.exp(1.2 + 0.3**2 / 2) / 3.6e6 * 1000
    assert found["cost_per_thousand"]["lower"] < mean < found["cost_per_thousand"]["upper"]
    assert found["cost_per_thousand"]["verdict"] == "pass"


def test_latencies_in_the_table_are_judged_too() -> None:
    table = wide_scores() | {
        "candidate_latency_ms": np.full(N, 80.0),
        "baseline_latency_ms": [1.0] * N,
    }
    result = _decision(table, ops={"p95_ms": 50})
    assert result["decision"] == "reject"
    assert "95 of 100 answers come within 80 ms" in _said(result)


def test_a_better_candidate_that_flips_too_many_users_is_rejected() -> None:
    table = wide_scores()
    assert _decision(table, flips={"budget": 0.5})["decision"] == "promote"
    result = _decision(table, flips={"budget": 0.02})
    assert result["decision"] == "reject"
    assert "served right until now, would be served wrong, more than the budget" in _said(result)
    before = (table["baseline"] >= 0.5) == table["y_true"]
    after = (table["candidate"] >= 0.5) == table["y_true"]
    (entry,) = result["flips"]
    assert entry["count"] == int((before & ~after).sum())
    assert entry["estimate"] == pytest.approx((before & ~after).mean(), rel=1e-12)
    assert entry["lower"] < entry["estimate"] < entry["upper"]


def test_flips_of_users_count_users_and_few_groups_widen_the_bound() -> None:
    table = wide_scores() | {"group": np.arange(N) // 8}
    of_rows = _decision(table, flips={"budget": 0.5})["flips"][0]
    of_users = _decision(table, flips={"budget": 0.9, "unit": "group"})["flips"][0]
    assert of_users["effective_n"] == N / 8
    assert of_rows["estimate"] < of_users["estimate"] < 8 * of_rows["estimate"]
    assert flips.share_bounds(0.0, 59, 0.05)[1] == pytest.approx(1 - 0.05 ** (1 / 59), rel=1e-12)


def test_a_guardrail_that_breaks_rejects_and_one_that_cannot_tell_waits() -> None:
    table = wide_scores()
    broken = table | {"candidate": table["candidate"] / 10}
    for metric in ("brier", "f1"):
        result = _decision(broken, guardrails=[{"metric": metric, "margin": 0.01}])
        assert result["decision"] == "reject"
        assert f"{metric} is worse by" in _said(result)
        assert "more than its margin of 0.01" in _said(result)
    small = {name: values[:600] for name, values in wide_scores(0.2, 0.6).items()}
    result = _decision(small, guardrails=[{"metric": "recall", "margin": 0}])
    assert result["primary"]["verdict"] == "pass"
    assert result["decision"] == "inconclusive"
    assert "recall may be worse by" in _said(result)
    assert result["needed"]["rows"] > 600


def test_non_inferiority_needs_a_benefit_and_promotes_what_is_not_worse() -> None:
    primary = {"metric": "auc", "test": "non_inferiority", "margin": 0.03, "benefit": "cost"}
    result = _decision(wide_scores(0.2, 0.2), {"primary": primary})
    assert result["decision"] == "promote"
    assert "within the margin of 0.03; what makes up for it is declared: cost" in _said(result)
    worse = _decision(wide_scores(0.5, 0.1), {"primary": primary})
    assert worse["decision"] == "reject"
    assert "more than the margin of 0.03" in _said(worse)
    with pytest.raises(ValueError, match="benefit"):
        config_of({"case": "C", "primary": {**primary, "benefit": None}})


def test_a_candidate_below_the_level_that_the_business_needs_is_rejected() -> None:
    primary = AUC["primary"] | {"business_threshold": 0.95}
    result = _decision(wide_scores(), {"primary": primary})
    assert result["decision"] == "reject"
    assert "worse than the level of 0.95 that the business needs" in _said(result)


def test_a_candidate_that_a_trivial_predictor_beats_is_rejected() -> None:
    table = wide_scores(0.25, 1.0) | {"naive": wide_scores()["candidate"]}
    result = _decision(table, trivial="naive")
    assert result["decision"] == "reject"
    assert 'worse than the trivial predictor "naive"' in _said(result)


def test_a_missing_incumbent_never_passes() -> None:
    table = wide_scores()
    del table["baseline"]
    with pytest.raises(MlopsError, match='incumbent "baseline" has no predictions') as raised:
        _decision(table)
    assert raised.value.exit_code == 3


def test_swapped_labels_are_bad_input_and_a_swapped_candidate_is_rejected() -> None:
    table = wide_scores()
    with pytest.raises(MlopsError, match=r"both rank positives last .* labels look swapped"):
        _decision(table | {"y_true": 1 - table["y_true"]})
    result = _decision(table | {"candidate": 1 - table["candidate"]})
    assert result["decision"] == "reject"
    assert "its label or score looks swapped" in result["reasons"][0]
    result = _decision(table | {"baseline": 1 - table["baseline"]})
    assert result["decision"] == "inconclusive"
    assert "beating it means nothing" in result["reasons"][0]


def test_repeated_ids_are_bad_input() -> None:
    table = wide_scores()
    table["id"][7] = 8
    with pytest.raises(MlopsError, match=r"repeats an id in .*: each must stand once") as raised:
        _decision(table)
    assert raised.value.exit_code == 3


def test_constant_scores_are_rejected_with_what_to_check() -> None:
    result = _decision(wide_scores() | {"candidate": np.full(N, 0.4)})
    assert result["decision"] == "reject"
    assert "says 0.4 for every row" in result["reasons"][0]


def test_one_class_is_bad_input_and_a_rare_class_waits() -> None:
    table = wide_scores()
    with pytest.raises(MlopsError, match="a single class"):
        _decision(table | {"y_true": np.ones(N, np.int64)})
    kept = np.flatnonzero((table["y_true"] == 0) | (np.cumsum(table["y_true"]) < 16))
    rare = {name: values[kept] for name, values in table.items()}
    rare["candidate"] = np.clip(rare["y_true"] + 0.1 * rare["candidate"], 0, 1)
    rare["baseline"] = np.random.default_rng(2).random(kept.size)
    result = _decision(rare)
    assert result["primary"]["verdict"] == "pass"
    assert result["decision"] == "inconclusive"
    assert "only 15 of the holdout's rows, fewer than 20" in _said(result)


def test_fewer_than_thirty_groups_wait() -> None:
    result = _decision(wide_scores(0.02, 2.0) | {"group": np.arange(N) % 29})
    assert result["primary"]["verdict"] == "pass"
    assert result["decision"] == "inconclusive"
    assert "only 29 groups, fewer than 30" in _said(result)


@pytest.mark.parametrize(("rows", "decision"), [(150, "inconclusive"), (400, "promote")])
def test_a_metric_of_ones_own_is_not_trusted_on_few_rows(rows: int, decision: str) -> None:
    metrics = import_module("mlops_kit.compare.metrics.registry")
    table = wide_scores(0.01, 0.6, rows)
    own = {"primary": {"metric": "hits", "min_effect": 0.0}}
    try:
        metrics.register("hits", lambda t, p: ((p > 0.5) == t).mean(), "higher", "score")
        result = _decision(table, own)
    finally:
        metrics.METRICS.pop("hits", None)
    assert result["primary"]["verdict"] == "pass"
    assert result["decision"] == decision
    if decision == "inconclusive":
        assert "hits can only be resampled" in _said(result)
        assert "below 200" in _said(result)
    # The same share with its formula needs no such caution.
    formula = {"primary": {"metric": "accuracy", "min_effect": 0.0}, "data": {"threshold": 0.5}}
    assert _decision(table, formula)["decision"] == "promote"


def test_a_guardrail_without_any_change_says_so_in_words() -> None:
    table = wide_scores()
    table["candidate"] = table["baseline"] ** 2  # other scores, the same ranking
    guarded = {"primary": {"metric": "brier"}, "guardrails": [{"metric": "auc", "margin": 0.01}]}
    sentence = _decision(table, guarded)["guardrails"][0]["sentence"]
    assert sentence == "auc is no worse (95 % sure), within its margin of 0.01."


def test_labels_that_the_rules_censor_demand_an_ab_test() -> None:
    table = wide_scores()
    table["y_true"] = np.where(table["baseline"] > 0.3, table["y_true"].astype(float), np.nan)
    arrow = pa.table(table | {"y_true": pa.array(table["y_true"], from_pandas=True)})
    with pytest.raises(MlopsError, match=r"data\.labels: censored"):
        _decision(arrow)
    result = _decision(arrow, data={"labels": "censored"})
    assert result["primary"]["verdict"] == "pass"
    assert result["decision"] == "inconclusive"
    assert "run an A/B test" in _said(result)


def test_unknown_labels_are_bad_input() -> None:
    table = wide_scores()
    labels = {
        name: np.where(table[name] > 0.5, "yes", "no").astype(object)
        for name in ("candidate", "baseline")
    }
    accuracy = {"primary": {"metric": "accuracy"}, "data": {"classes": ["no", "yes"]}}
    spoken = table | labels | {"y_true": np.where(table["y_true"] == 1, "yes", "no")}
    assert _decision(spoken, accuracy)["decision"] in ("promote", "inconclusive")
    labels["candidate"][3] = "perhaps"
    with pytest.raises(MlopsError, match="unknown label in 1 row, such as 'perhaps'"):
        _decision(spoken | labels, accuracy)


def test_a_growing_gap_between_groups_of_people_is_rejected() -> None:
    table = wide_scores()
    men = table["gender"] == "m"
    table["candidate"] = np.clip(table["candidate"] + np.where(men, 0.12, 0), 0, 1)
    assert _decision(table)["decision"] == "promote"
    result = _decision(table, fairness={"columns": ["gender"], "margin": 0.02})
    assert result["decision"] == "reject"
    assert "; the gap in the share picked goes from" in _said(result)
    harmless = _decision(wide_scores(), fairness={"columns": ["gender"], "margin": 0.02})
    assert harmless["decision"] == "promote"


def test_beside_a_guess_the_whole_gap_is_the_candidate_s_and_the_margin_what_is_accepted() -> None:
    table = wide_scores()
    men = table["gender"] == "m"
    table["candidate"] = np.clip(table["candidate"] + np.where(men, 0.12, 0), 0, 1)
    table["baseline"] = np.full(men.size, 0.2)  # nobody is picked
    gap = {"columns": ["gender"], "measures": ["demographic_parity"]}
    result = _decision(table, fairness={**gap, "margin": 0.02})
    assert result["decision"] == "reject"
    (check,) = result["fairness"]
    whole = f"{100 * check['candidate']:.3g} points, is all the candidate's own"
    assert whole in check["sentence"] and " goes from " not in check["sentence"]
    outcomes = abs(table["y_true"][men].mean() - table["y_true"][~men].mean())
    differ = f"The outcomes of the groups differ by {100 * outcomes:.3g} points"
    assert differ in check["sentence"]
    accepted = _decision(table, fairness={**gap, "margin": check["candidate"] + 0.1})
    assert accepted["decision"] == "promote"


def test_gaps_are_those_of_fairlearn() -> None:
    fairlearn = pytest.importorskip("fairlearn.metrics")
    random = np.random.default_rng(3)
    truth, picked = (random.random((2, 900)) < 0.4).astype(np.int64)
    groups = random.integers(0, 4, 900)
    ours = fairness.demographic_parity(picked, groups)
    theirs = fairlearn.demographic_parity_difference(truth, picked, sensitive_features=groups)
    assert ours.value == pytest.approx(theirs, rel=1e-12)
    ours = fairness.equalised_odds(truth, picked, groups)
    theirs = fairlearn.equalized_odds_difference(truth, picked, sensitive_features=groups)
    assert ours.value == pytest.approx(theirs, rel=1e-12)
    assert ours.influence is not None
    assert ours.influence.sum() == pytest.approx(0, abs=1e-12)


def test_of_several_candidates_each_is_judged_by_holm_and_the_best_that_passes_is_told() -> None:
    table = wide_scores() | {
        "worse": wide_scores(0.4)["candidate"],
        "best": wide_scores(0.05)["candidate"],
    }
    result = _decision(table, candidate=["candidate", "worse", "best"])
    assert result["decision"] == "promote"
    assert result["candidate"]["name"] == "best"
    told = {entry["name"]: entry for entry in result["candidates"]}
    assert told["worse"]["decision"] == "reject"
    assert [told[name]["alpha"] for name in ("best", "candidate", "worse")] == pytest.approx(
        [0.05 / 3, 0.05 / 2, 0.05]
    )


@pytest.mark.parametrize("group", ["guardrails", "slices", "fairness", "flips", "safety"])
def test_the_gate_refuses_a_promotion_that_a_check_contradicts(group: str, tmp_path: Path) -> None:
    result = _decision(wide_scores(), ALL_CHECKS)
    path = tmp_path / "decision.json"
    path.write_text(json.dumps(result), encoding="utf-8")
    assert compare.check(path)[0] == 0
    result[group] = [*result[group], {"verdict": "fail"}]
    path.write_text(json.dumps(result), encoding="utf-8")
    assert compare.check(path) == (
        3,
        f"{path.as_posix()} contradicts itself: run `mlops run` again.",
    )
