"""Each way in which a candidate can be wrong closes the gate, with the sentence that says why."""

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import yaml
from packaged import NAME, SOURCE, packaged

compare = packaged("mlops.compare")
config_of = packaged("mlops.compare.config").CompareConfig.model_validate
decide = packaged("mlops.compare.decision").decide
fairness = packaged("mlops.compare.fairness")
flips = packaged("mlops.compare.flips")
holdout = packaged("mlops.compare.holdout")
ledger = packaged("mlops.compare.ledger")
ops = packaged("mlops.compare.ops")
MlopsError = packaged("mlops.errors").MlopsError

N = 4000
AUC = {"primary": {"metric": "auc", "min_effect": 0.01}}


def _wide(candidate: float = 0.15, incumbent: float = 0.25, n: int = N) -> dict[str, Any]:
    """Scores of two systems with so much noise, on rows whose true chance is known."""
    random = np.random.default_rng(4)
    chance = random.beta(2, 3, n)
    noise = random.normal(0, 1, (2, n))
    return {
        "id": np.arange(n),
        "y_true": (random.random(n) < chance).astype(np.int64),
        "candidate": np.clip(chance + candidate * noise[0], 0, 1),
        "baseline": np.clip(chance + incumbent * noise[1], 0, 1),
        "segment": np.where(np.arange(n) % 5 == 0, "new", "known"),
        "gender": np.where(np.arange(n) % 2 == 0, "f", "m"),
    }


def _decision(table: Any, config: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    chosen = config_of({"case": "C"} | (config or AUC) | changes)
    measured = changes.pop("measured", None)
    return decide(holdout.read_holdout(pa.table(table), chosen), chosen, {}, measured)


def _said(result: dict[str, Any]) -> str:
    return " ".join(result["reasons"])


def test_a_better_candidate_is_promoted_and_told_how_sure() -> None:
    result = _decision(_wide())
    assert result["decision"] == "promote"
    assert "auc is better by" in _said(result)
    assert "95 % sure of" in _said(result)
    assert "shadow" in result["next"]


def test_a_worse_candidate_is_rejected() -> None:
    result = _decision(_wide(0.25, 0.15))
    assert result["decision"] == "reject"
    assert "auc is worse by" in _said(result)
    assert "keep what is in force" in _said(result)


def test_an_equal_candidate_is_not_promoted_and_told_how_many_rows_it_would_take() -> None:
    result = _decision(_wide(0.2, 0.2), {"primary": {"metric": "auc"}})
    assert result["decision"] == "inconclusive"
    assert result["primary"]["rows_needed"] > N
    assert "on both sides of no gain at all" in _said(result)


def test_identical_predictions_are_no_change_even_where_none_is_asked_for() -> None:
    table = _wide()
    table["candidate"] = table["baseline"]
    equal = {"test": "non_inferiority", "margin": 0.05, "benefit": "cost"}
    for primary in (AUC["primary"], {"metric": "auc"} | equal):
        result = _decision(table, {"primary": primary})
        assert result["decision"] == "reject"
        assert "No change" in _said(result)
        assert "Nothing to deploy" in result["next"]


def test_a_gain_smaller_than_the_useful_one_is_rejected() -> None:
    result = _decision(_wide(), {"primary": {"metric": "auc", "min_effect": 0.2}})
    assert result["decision"] == "reject"
    assert "less than the smallest useful gain of 0.2" in _said(result)


def test_a_candidate_that_harms_one_slice_is_rejected_and_the_slice_is_named() -> None:
    table = _wide(0.02)
    new = table["segment"] == "new"
    table["candidate"] = np.where(new, np.random.default_rng(1).random(N), table["candidate"])
    average = _decision(table)
    assert average["decision"] == "promote"
    result = _decision(table, slices={"columns": ["segment"], "margin": 0.01})
    assert result["decision"] == "reject"
    assert "segment = new: auc is worse by" in _said(result)
    assert [entry["verdict"] for entry in result["slices"]] == ["pass", "fail"]


def test_harmless_slices_do_not_block() -> None:
    table = _wide() | {"shop": np.arange(N) % 20}
    result = _decision(table, slices=["shop", "segment"])
    assert result["decision"] == "promote"
    assert len(result["slices"]) == 22


def test_a_slice_too_small_to_judge_is_said_to_be() -> None:
    table = _wide()
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
        ({"size_mb": 5}, ops.Measured(size_mb=9.0), "reject", "the model's file has 9 MB"),
        ({"memory_mb": 5}, ops.Measured(memory_mb=4.0), "promote", ""),
        (
            {"cost_per_thousand": 0.001, "machine_per_hour": 1.0},
            _times(20, 2),
            "reject",
            "a thousand predictions cost 0.00",
        ),
    ],
)
def test_a_candidate_over_a_budget_is_rejected_and_one_not_measured_does_not_pass(
    budgets: dict[str, float], measured: Any, verdict: str, sentence: str
) -> None:
    config = config_of({"case": "C", "ops": budgets} | AUC)
    paired = holdout.read_holdout(pa.table(_wide()), config)
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
    table = _wide() | {"candidate_latency_ms": np.full(N, 80.0), "baseline_latency_ms": [1.0] * N}
    result = _decision(table, ops={"p95_ms": 50})
    assert result["decision"] == "reject"
    assert "95 of 100 answers come within 80 ms" in _said(result)


def test_a_better_candidate_that_flips_too_many_users_is_rejected() -> None:
    table = _wide()
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
    table = _wide() | {"group": np.arange(N) // 8}
    of_rows = _decision(table, flips={"budget": 0.5})["flips"][0]
    of_users = _decision(table, flips={"budget": 0.9, "unit": "group"})["flips"][0]
    assert of_users["effective_n"] == N / 8
    assert of_rows["estimate"] < of_users["estimate"] < 8 * of_rows["estimate"]
    assert flips.share_bounds(0.0, 59, 0.05)[1] == pytest.approx(1 - 0.05 ** (1 / 59), rel=1e-12)


def test_a_guardrail_that_breaks_rejects_and_one_that_cannot_tell_waits() -> None:
    table = _wide()
    broken = table | {"candidate": table["candidate"] / 10}
    for metric in ("brier", "f1"):
        result = _decision(broken, guardrails=[{"metric": metric, "margin": 0.01}])
        assert result["decision"] == "reject"
        assert f"{metric} is worse by" in _said(result)
        assert "more than its margin of 0.01" in _said(result)
    small = {name: values[:600] for name, values in _wide(0.2, 0.6).items()}
    result = _decision(small, guardrails=[{"metric": "recall", "margin": 0}])
    assert result["primary"]["verdict"] == "pass"
    assert result["decision"] == "inconclusive"
    assert "recall may be worse by" in _said(result)
    assert result["needed"]["rows"] > 600


def test_non_inferiority_needs_a_benefit_and_promotes_what_is_not_worse() -> None:
    primary = {"metric": "auc", "test": "non_inferiority", "margin": 0.03, "benefit": "cost"}
    result = _decision(_wide(0.2, 0.2), {"primary": primary})
    assert result["decision"] == "promote"
    assert "within the margin of 0.03; what makes up for it is declared: cost" in _said(result)
    worse = _decision(_wide(0.5, 0.1), {"primary": primary})
    assert worse["decision"] == "reject"
    assert "more than the margin of 0.03" in _said(worse)
    with pytest.raises(ValueError, match="benefit"):
        config_of({"case": "C", "primary": {**primary, "benefit": None}})


def test_a_candidate_below_the_level_that_the_business_needs_is_rejected() -> None:
    primary = AUC["primary"] | {"business_threshold": 0.95}
    result = _decision(_wide(), {"primary": primary})
    assert result["decision"] == "reject"
    assert "worse than the level of 0.95 that the business needs" in _said(result)


def test_a_candidate_that_a_trivial_predictor_beats_is_rejected() -> None:
    table = _wide(0.25, 1.0) | {"naive": _wide()["candidate"]}
    result = _decision(table, trivial="naive")
    assert result["decision"] == "reject"
    assert 'worse than the trivial predictor "naive"' in _said(result)


def test_a_missing_incumbent_never_passes() -> None:
    table = _wide()
    del table["baseline"]
    with pytest.raises(MlopsError, match='incumbent "baseline" has no predictions') as raised:
        _decision(table)
    assert raised.value.exit_code == 3


def test_swapped_labels_are_bad_input_and_a_swapped_candidate_is_rejected() -> None:
    table = _wide()
    with pytest.raises(MlopsError, match=r"both rank positives last .* labels look swapped"):
        _decision(table | {"y_true": 1 - table["y_true"]})
    result = _decision(table | {"candidate": 1 - table["candidate"]})
    assert result["decision"] == "reject"
    assert "its label or score looks swapped" in result["reasons"][0]
    result = _decision(table | {"baseline": 1 - table["baseline"]})
    assert result["decision"] == "inconclusive"
    assert "beating it means nothing" in result["reasons"][0]


def test_repeated_ids_are_bad_input() -> None:
    table = _wide()
    table["id"][7] = 8
    with pytest.raises(MlopsError, match="repeat an id: each must stand once") as raised:
        _decision(table)
    assert raised.value.exit_code == 3


def test_constant_scores_are_rejected_with_what_to_check() -> None:
    result = _decision(_wide() | {"candidate": np.full(N, 0.4)})
    assert result["decision"] == "reject"
    assert "says 0.4 for every row" in result["reasons"][0]


def test_one_class_is_bad_input_and_a_rare_class_waits() -> None:
    table = _wide()
    with pytest.raises(MlopsError, match="a single class"):
        _decision(table | {"y_true": np.ones(N, np.int64)})
    kept = np.flatnonzero((table["y_true"] == 0) | (np.cumsum(table["y_true"]) < 16))
    rare = {name: values[kept] for name, values in table.items()}
    rare["candidate"] = np.clip(rare["y_true"] + 0.1 * rare["candidate"], 0, 1)
    rare["baseline"] = np.random.default_rng(2).random(kept.size)
    result = _decision(rare)
    assert result["primary"]["verdict"] == "pass"
    assert result["decision"] == "inconclusive"
    assert "only 15 rows, fewer than 20" in _said(result)


def test_fewer_than_thirty_groups_wait() -> None:
    result = _decision(_wide(0.02, 2.0) | {"group": np.arange(N) % 29})
    assert result["primary"]["verdict"] == "pass"
    assert result["decision"] == "inconclusive"
    assert "only 29 groups, fewer than 30" in _said(result)


@pytest.mark.parametrize(("rows", "decision"), [(150, "inconclusive"), (400, "promote")])
def test_a_metric_of_ones_own_is_not_trusted_on_few_rows(rows: int, decision: str) -> None:
    metrics = packaged("mlops.compare.metrics")
    table = _wide(0.01, 0.6, rows)
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
    table = _wide()
    table["candidate"] = table["baseline"] ** 2  # other scores, the same ranking
    guarded = {"primary": {"metric": "brier"}, "guardrails": [{"metric": "auc", "margin": 0.01}]}
    sentence = _decision(table, guarded)["guardrails"][0]["sentence"]
    assert sentence == "auc is no worse (95 % sure), within its margin of 0.01."


def test_labels_that_the_rules_censor_demand_an_ab_test() -> None:
    table = _wide()
    table["y_true"] = np.where(table["baseline"] > 0.3, table["y_true"].astype(float), np.nan)
    arrow = pa.table(table | {"y_true": pa.array(table["y_true"], from_pandas=True)})
    with pytest.raises(MlopsError, match=r"data\.labels: censored"):
        _decision(arrow)
    result = _decision(arrow, data={"labels": "censored"})
    assert result["primary"]["verdict"] == "pass"
    assert result["decision"] == "inconclusive"
    assert "run an A/B test" in _said(result)


def test_unknown_labels_are_bad_input() -> None:
    table = _wide()
    labels = {
        name: np.where(table[name] > 0.5, "yes", "no").astype(object)
        for name in ("candidate", "baseline")
    }
    accuracy = {"primary": {"metric": "accuracy"}, "data": {"classes": ["no", "yes"]}}
    spoken = table | labels | {"y_true": np.where(table["y_true"] == 1, "yes", "no")}
    assert _decision(spoken, accuracy)["decision"] in ("promote", "inconclusive")
    labels["candidate"][3] = "perhaps"
    with pytest.raises(MlopsError, match="unknown label, such as 'perhaps'"):
        _decision(spoken | labels, accuracy)


def test_a_growing_gap_between_groups_of_people_is_rejected() -> None:
    table = _wide()
    men = table["gender"] == "m"
    table["candidate"] = np.clip(table["candidate"] + np.where(men, 0.12, 0), 0, 1)
    assert _decision(table)["decision"] == "promote"
    result = _decision(table, fairness={"columns": ["gender"], "margin": 0.02})
    assert result["decision"] == "reject"
    assert "gender: the gap in share picked goes from" in _said(result)
    harmless = _decision(_wide(), fairness={"columns": ["gender"], "margin": 0.02})
    assert harmless["decision"] == "promote"


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
    assert ours.influence.sum() == pytest.approx(0, abs=1e-12)


def test_of_several_candidates_each_is_judged_by_holm_and_the_best_that_passes_is_told() -> None:
    table = _wide() | {"worse": _wide(0.4)["candidate"], "best": _wide(0.05)["candidate"]}
    result = _decision(table, candidate=["candidate", "worse", "best"])
    assert result["decision"] == "promote"
    assert result["candidate"]["name"] == "best"
    told = {entry["name"]: entry for entry in result["candidates"]}
    assert told["worse"]["decision"] == "reject"
    assert [told[name]["alpha"] for name in ("best", "candidate", "worse")] == pytest.approx(
        [0.05 / 3, 0.05 / 2, 0.05]
    )


def _lines(tmp_path: Path, table: Any, config: dict[str, Any], name: str) -> list[str]:
    """Decision.json of `mlops compare run --data` on a file, as lines."""
    data, out = tmp_path / name, tmp_path / "out" / name
    if name.endswith(".csv"):
        pyarrow.csv.write_csv(table, data)
    else:
        pyarrow.parquet.write_table(table, data)
    file = tmp_path / "compare.yaml"
    file.write_text(yaml.safe_dump({"case": "C"} | config), encoding="utf-8")
    result = compare.run_table(data, file, out)
    # The file's own digest stands for what made the predictions: it may differ.
    result["candidate"]["digest"] = result["incumbent"]["digest"] = None
    return json.dumps(result, indent=1).splitlines()


ALL_CHECKS = AUC | {
    "guardrails": [{"metric": "log_loss", "margin": 0.05}, {"metric": "f1", "margin": 0.05}],
    "slices": {"columns": ["segment"]},
    "fairness": {"columns": ["gender"]},
    "flips": {"budget": 0.3},
}


@pytest.mark.parametrize("rows", [N, 150])
def test_row_order_file_format_and_shape_change_no_digit(tmp_path: Path, rows: int) -> None:
    random = np.random.default_rng(5)
    days = np.datetime64("2025-01-01") + (np.arange(rows) % 9).astype("timedelta64[D]")
    columns = {name: values[:rows] for name, values in _wide().items()}
    wide = pa.table(columns | {"group": np.arange(rows) // 3, "time": days})
    expected = _lines(tmp_path, wide, ALL_CHECKS, "wide.parquet")
    shuffled = wide.take(random.permutation(rows))
    common = shuffled.drop_columns(["candidate", "baseline"])
    long = pa.concat_tables(
        common.append_column("score", shuffled[name]).append_column("system", [[name] * rows])
        for name in ("candidate", "baseline")
    ).take(random.permutation(2 * rows))
    assert _lines(tmp_path, wide, ALL_CHECKS, "wide.csv") == expected
    assert _lines(tmp_path, shuffled, ALL_CHECKS, "shuffled.parquet") == expected
    assert _lines(tmp_path, long, ALL_CHECKS, "long.parquet") == expected
    assert _lines(tmp_path, long, ALL_CHECKS, "long.csv") == expected


def test_lists_in_a_csv_are_read_as_those_in_parquet(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    truth = [random.choice(30, size, replace=False) for size in random.integers(0, 4, 400)]
    good = [[*t[:2], *random.choice(30, 5)] for t in truth]
    poor = [random.choice(30, 7) for _ in truth]
    lists = {"y_true": truth, "candidate": good, "baseline": poor}
    plain = {name: [[int(item) for item in row] for row in rows] for name, rows in lists.items()}
    text = {name: [" ".join(map(str, row)) for row in rows] for name, rows in plain.items()}
    config = {"primary": {"metric": "ndcg_at_5"}, "flips": {"budget": 0.4}}
    tables = [pa.table({"id": range(400)} | columns) for columns in (plain, text)]
    one = _lines(tmp_path, tables[0], config, "lists.parquet")
    assert _lines(tmp_path, tables[1], config, "lists.csv") == one
    assert '"decision": "promote"' in "".join(one)


def test_the_number_of_threads_changes_no_digit(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pa.table(_wide()), tmp_path / "table.parquet")
    config = yaml.safe_dump({"case": "C"} | ALL_CHECKS)
    (tmp_path / "compare.yaml").write_text(config, encoding="utf-8")
    (tmp_path / NAME).symlink_to(SOURCE, target_is_directory=True)
    script = (
        f"import sys; from pathlib import Path; from {NAME}.mlops.compare import run_table; "
        "run_table(Path('table.parquet'), Path('compare.yaml'), Path(sys.argv[1]))"
    )
    for threads in ("1", "4"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_NUM_THREADS", "OMP_THREAD_LIMIT")
        environment = dict.fromkeys(names, threads) | {"PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", script, threads]
        subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    one, four = (tmp_path / threads / "decision.json" for threads in ("1", "4"))
    assert one.read_bytes() == four.read_bytes()


def _use(tmp_path: Path, noise: float, reuse: str = "spend") -> dict[str, Any]:
    """Compare a candidate with so much noise on the one holdout, as a pipeline does."""
    pyarrow.parquet.write_table(pa.table(_wide(noise)), tmp_path / "table.parquet")
    config = {"case": "C", "inference": {"reuse": reuse}} | AUC
    (tmp_path / "compare.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return compare.run_table(tmp_path / "table.parquet", tmp_path / "compare.yaml", tmp_path)


def test_each_further_candidate_on_one_holdout_gets_less_alpha_and_a_rerun_none(
    tmp_path: Path,
) -> None:
    first = _use(tmp_path, 0.15)
    alphas = [_use(tmp_path, noise)["primary"]["alpha"] for noise in (0.1, 0.12, 0.14)]
    assert first["primary"]["alpha"] == pytest.approx(0.05 / 2)
    assert alphas == pytest.approx([0.05 / 6, 0.05 / 12, 0.05 / 20])
    before = (tmp_path / "holdouts.json").read_bytes()
    assert _use(tmp_path, 0.15) == first
    assert (tmp_path / "holdouts.json").read_bytes() == before
    assert sum(1 / (use * (use + 1)) for use in range(1, 10_000)) < 1


def test_a_run_killed_after_it_wrote_the_ledger_does_not_spend_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    expected = _use(tmp_path / _made(tmp_path, "whole"), 0.15)
    with monkeypatch.context() as patch:
        patch.setattr(compare, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            _use(tmp_path / _made(tmp_path, "killed"), 0.15)
    assert not (tmp_path / "killed/decision.json").exists()
    again = _use(tmp_path / "killed", 0.15)
    assert again["inference"] == expected["inference"]
    assert again["primary"] == expected["primary"]


def _made(folder: Path, name: str) -> str:
    (folder / name).mkdir()
    return name


def test_neither_bad_input_nor_no_change_spends_anything(tmp_path: Path) -> None:
    same = _wide() | {"candidate": _wide()["baseline"]}
    pyarrow.parquet.write_table(pa.table(same), tmp_path / "same.parquet")
    config = yaml.safe_dump({"case": "C"} | AUC)
    (tmp_path / "compare.yaml").write_text(config, encoding="utf-8")
    result = compare.run_table(tmp_path / "same.parquet", tmp_path / "compare.yaml", tmp_path)
    assert "No change" in _said(result)
    assert not (tmp_path / "holdouts.json").exists()
    assert _use(tmp_path, 0.15)["inference"]["look"] == 1


def test_a_holdout_may_be_used_only_once_and_a_damaged_ledger_stops(tmp_path: Path) -> None:
    assert _use(tmp_path, 0.15, "once")["decision"] == "promote"
    again = _use(tmp_path, 0.1, "once")
    assert again["decision"] == "inconclusive"
    assert "judge this one on new rows" in _said(again)
    assert compare.check(tmp_path / "decision.json")[0] == 2
    assert _use(tmp_path, 0.1, "free")["primary"]["alpha"] == 0.05
    (tmp_path / "holdouts.json").write_text("<<<<<<< HEAD")
    with pytest.raises(MlopsError, match="damaged"):
        _use(tmp_path, 0.15)
    assert not (tmp_path / "decision.json").exists()


@pytest.mark.parametrize("group", ["guardrails", "slices", "fairness", "flips", "safety"])
def test_the_gate_refuses_a_promotion_that_a_check_contradicts(group: str, tmp_path: Path) -> None:
    result = _decision(_wide(), ALL_CHECKS)
    path = tmp_path / "decision.json"
    path.write_text(json.dumps(result), encoding="utf-8")
    assert compare.check(path)[0] == 0
    result[group] = [*result[group], {"verdict": "fail"}]
    path.write_text(json.dumps(result), encoding="utf-8")
    assert compare.check(path) == (
        3,
        f"{path.as_posix()} contradicts itself: run `mlops run` again.",
    )
