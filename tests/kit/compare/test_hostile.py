"""What people and attackers put into the comparison gets a right verdict or a clear sentence."""

import json
import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import yaml
from compare_scenarios import AUC, wide_scores
from mlops_kit.compare import stage as compare
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision import decide
from mlops_kit.compare.holdout import ledger
from mlops_kit.compare.holdout.holdout import read_holdout
from mlops_kit.compare.report.markdown import markdown
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import read_config
from mlops_kit.operate.experiments import abtest, plan, shadow

config_of = CompareConfig.model_validate

N = 600
RMSE = {"primary": {"metric": "rmse"}}
NDCG = {"primary": {"metric": "ndcg_at_5"}}


def _amounts(n: int = N) -> Any:
    random = np.random.default_rng(3)
    truth = random.normal(10, 3, n)
    noise = random.normal(0, 1, (2, n))
    return {
        "id": np.arange(n),
        "y_true": truth,
        "candidate": truth + noise[0],
        "baseline": truth + 3 * noise[1],
    }


def _lists(n: int = N) -> Any:
    random = np.random.default_rng(4)
    truth = [random.choice(40, 3, replace=False).tolist() for _ in range(n)]
    shown = [random.choice(40, 5).tolist() for _ in range(n)]
    good = [[*true[:2], *items[:3]] for true, items in zip(truth, shown, strict=True)]
    return {"id": np.arange(n), "y_true": truth, "candidate": good, "baseline": shown}


def _decision(table: Any, config: dict[str, Any], **changes: Any) -> Any:
    chosen = config_of({"case": "C"} | config | changes)
    return decide(read_holdout(pa.table(table), chosen), chosen, {})


def _sentence(table: Any, config: dict[str, Any], **changes: Any) -> str:
    with pytest.raises(MlopsError) as raised:
        _decision(table, config, **changes)
    assert raised.value.exit_code == 3
    return str(raised.value)


SCORES = wide_scores(0.05, 0.5, N)
AMOUNTS = _amounts()
LISTS = _lists()
TEXTS = np.array([f"{value:.2f}" for value in AMOUNTS["candidate"]])
LATENCIES = {"candidate_latency_ms": np.ones(N), "baseline_latency_ms": np.ones(N)}


@pytest.mark.parametrize(
    ("table", "config", "sentence"),
    [
        (AMOUNTS | {"candidate": TEXTS}, RMSE, "columns hold different types: candidate (string)"),
        (LISTS | {"candidate": np.arange(N)}, NDCG, "columns hold different types"),
        (LISTS | {"candidate": [[[1]]] * N}, NDCG, "columns hold different types"),
        (
            SCORES | LATENCIES | {"candidate_latency_ms": -np.ones(N)},
            AUC,
            "holds negative times",
        ),
        (
            SCORES | LATENCIES | {"candidate_latency_ms": np.full(N, "quick")},
            AUC,
            "columns hold different types",
        ),
        (SCORES | {"part": [[1]] * N}, AUC | {"slices": ["part"]}, 'Column "part" holds list'),
        (
            SCORES | {"y_true": pa.nulls(N, pa.int64())},
            AUC | {"data": {"labels": "censored"}},
            "there is nothing to judge by",
        ),
        (
            AMOUNTS | {"y_true": np.where(np.arange(N) < 7, np.nan, AMOUNTS["y_true"])},
            RMSE,
            'The predictions have no "y_true" in 7 rows',
        ),
        (
            SCORES | {"group": pa.array([None, *range(N - 1)])},
            AUC,
            'The predictions have no "group" in 1 row:',
        ),
        (
            SCORES | {"time": [f"{1 + day % 12}/{1 + day % 28}/2026" for day in range(N)]},
            AUC,
            "whose order nobody knows: write dates as 2026-01-31",
        ),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_sentence(
    table: Any, config: dict[str, Any], sentence: str
) -> None:
    assert sentence in _sentence(table, config)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "is not readable csv"),
        (b"\0\0\0", "is not readable csv"),
        (b"id,y_true,candidate,baseline\n", "is empty"),
        (b"id,y_true,candidate,candidate,baseline\n1,0,.2,.3,.4\n", 'two columns "candidate"'),
        (b"id,id,y_true,candidate,baseline\n1,1,0,.2,.3\n", 'two columns "id"'),
        (b"id;y_true;candidate;baseline\n1;0;.2;.3\n", 'no column "system"'),
        ("id,y_true,candidate,baseline\nñ,0,.2,.3\n".encode("latin1"), "is not readable csv"),
    ],
)
def test_a_damaged_csv_is_said_to_be_one(text: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(text)
    with pytest.raises(MlopsError) as raised:
        read_holdout(tmp_path / "table.csv", config_of({"case": "C"} | AUC))
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"inference": {"alpha": 0}}, '"inference.alpha": Input should be greater'),
        ({"inference": {"alpha": 1e-300}}, '"inference.alpha"'),
        ({"inference": {"design": "folds"}}, "inference: the design folds needs train_rows"),
        ({"data": {"classes": [0, 0]}}, "data: classes name a label twice."),
        ({"fairness": ["y_true"]}, 'yaml: slices and fairness cannot be of "y_true": drop it.'),
        (
            {"slices": ["y_true"], "primary": {"metric": "mae"}},
            'yaml: slices by "y_true" are those of classes: drop it here.',
        ),
        ({"fairness": ["system"]}, 'slices and fairness cannot be of "system"'),
        ({"primary": {"metric": "auc", "quantile": 0.3}}, "auc has no `quantile`: drop it."),
        (
            {"primary": {"metric": "utility", "payoff": [[1, 2], [3]]}},
            "payoff needs a row and a column for every class.",
        ),
        (
            {"primary": {"metric": "utility", "payoff": [[1, 2], [3, float("nan")]]}},
            '"primary.payoff.1.1"',
        ),
        ({"primary": {"metric": "acuracy"}}, 'unknown metric "acuracy"'),
        ({"incumbent": "candidate"}, "must be different systems."),
    ],
)
def test_an_absurd_configuration_is_refused_in_one_sentence(
    changes: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "compare.yaml"
    file.write_text(yaml.safe_dump({"case": "C"} | AUC | changes), encoding="utf-8")
    with pytest.raises(MlopsError) as raised:
        read_config(file, CompareConfig)
    assert sentence in str(raised.value)
    assert "Value error" not in str(raised.value)
    assert "{'case'" not in str(raised.value)


@pytest.mark.parametrize(
    ("table", "config"),
    [
        (SCORES | {"candidate": SCORES["y_true"].astype(float)}, AUC),
        (AMOUNTS | {"candidate": AMOUNTS["y_true"]}, RMSE),
        (LISTS | {"candidate": LISTS["y_true"]}, NDCG),
    ],
)
def test_a_candidate_that_repeats_the_answers_is_a_leak(table: Any, config: dict[str, Any]) -> None:
    result = _decision(table, config)
    assert result["primary"]["verdict"] == "pass"
    assert result["decision"] == "reject"
    assert "it has seen the answers" in result["reasons"][0]


def test_copies_of_rows_under_other_ids_are_no_evidence() -> None:
    honest = _amounts(80)
    honest["baseline"] = honest["y_true"] + 1.05 * (honest["candidate"] - honest["y_true"])[::-1]
    copied = {name: np.tile(values, 40) for name, values in honest.items()}
    copied["id"] = np.arange(40 * 80)
    assert _decision(honest, RMSE)["decision"] == "inconclusive"
    result = _decision(copied, RMSE)
    assert (result["primary"]["verdict"], result["decision"]) == ("pass", "inconclusive")
    assert "Of 3,200 rows only 80 differ" in " ".join(result["reasons"])
    few_values = {name: np.round(values) for name, values in copied.items() if name != "id"}
    coarse = few_values | {"id": copied["id"]}
    coarse["candidate"][0] += 1
    assert "Of 3,200 rows only 65 differ" in " ".join(_decision(coarse, RMSE)["reasons"])


def test_labels_that_are_right_by_merit_are_no_leak_and_somebody_has_to_say_so() -> None:
    table = SCORES | {"candidate": SCORES["y_true"]}
    config = {"primary": {"metric": "accuracy"}}
    assert _decision(table, config)["decision"] == "inconclusive"
    merit = {"perfect": {"reason": "a check digit decides", "until": "9999-12-31"}}
    assert _decision(table, config, acknowledged=merit)["decision"] == "promote"


def test_a_part_that_was_asked_for_and_cannot_be_judged_does_not_pass() -> None:
    table = SCORES | {"shop": pa.nulls(N), "rare": np.where(np.arange(N) < 9, "x", "y")}
    assert _decision(table, AUC, slices=["rare"])["decision"] == "promote"
    for changes, sentence in (
        ({"slices": {"columns": ["rare"], "min_rows": 10_000}}, "none of its parts is large"),
        ({"fairness": ["shop"]}, "fewer than two groups are large enough"),
        ({"fairness": ["rare"]}, "fewer than two groups are large enough"),
    ):
        result = _decision(table, AUC, **changes)
        assert result["decision"] == "inconclusive", changes
        assert sentence in " ".join(result["reasons"])


def test_one_latency_for_all_systems_and_a_clock_that_stands_still_measure_nothing() -> None:
    budget = {"ops": {"slowdown": 2}}
    still = dict.fromkeys(LATENCIES, np.zeros(N))
    half = LATENCIES | {"baseline_latency_ms": np.zeros(N)}
    for times in ({"latency_ms": np.ones(N)}, still, half):
        result = _decision(SCORES | times, AUC, **budget)
        assert result["decision"] == "inconclusive"
        assert "was not measured" in " ".join(result["reasons"])
    assert _decision(SCORES | LATENCIES, AUC, **budget)["decision"] == "promote"


def test_tiny_amounts_are_not_taken_for_equal() -> None:
    tiny = {name: values * 1e-20 if name != "id" else values for name, values in AMOUNTS.items()}
    assert _decision(tiny, RMSE)["decision"] == "promote"


def test_kinds_of_one_meaning_are_compared_as_what_they_mean(tmp_path: Path) -> None:
    floats = LISTS | {"candidate": [[float(item) for item in row] for row in LISTS["candidate"]]}
    assert _decision(floats, NDCG)["primary"] == _decision(LISTS, NDCG)["primary"]
    texts = {
        name: [[str(item) for item in row] for row in LISTS[name]]
        for name in ("candidate", "baseline")
    }
    assert _decision(LISTS | texts, NDCG)["primary"] == _decision(LISTS, NDCG)["primary"]
    rules = SCORES | {"baseline": SCORES["baseline"] > 0.5}
    assert _decision(rules, AUC)["decision"] == "promote"
    times = np.datetime64("2025-01-01", "ns") + np.arange(N).astype("timedelta64[ns]") * 86_400_001
    assert _decision(AMOUNTS | {"time": times}, RMSE)["primary"]["n_groups"] == N
    random = np.random.default_rng(1)
    chance = random.dirichlet(np.ones(3), (2, N))
    names = ("candidate", "baseline")
    several = {"id": np.arange(N), "y_true": random.integers(0, 3, N)}
    several |= {name: each.tolist() for name, each in zip(names, chance, strict=True)}
    written = several | {name: list(map(str, several[name])) for name in names}
    pyarrow.csv.write_csv(pa.table(written), tmp_path / "several.csv")
    config = config_of({"case": "C"} | AUC)
    from_csv = decide(read_holdout(tmp_path / "several.csv", config), config, {})
    assert from_csv["primary"] == _decision(several, AUC)["primary"]


def test_wording_points_the_way_the_figures_do() -> None:
    random = np.random.default_rng(9)
    other = AMOUNTS["baseline"] + random.normal(0, 0.2, N)
    near = _decision(
        AMOUNTS | {"candidate": AMOUNTS["baseline"], "baseline": other},
        {"primary": {"metric": "mae", "min_effect": 1}},
    )
    assert near["decision"] == "reject"
    assert near["primary"]["estimate"] < 0 < near["primary"]["upper"]
    assert re.search(r"mae is worse by \S+, and may be better by \S+ at most", near["reasons"][0])
    moved = 2 * AMOUNTS["y_true"] - AMOUNTS["baseline"]  # as far off, on the other side
    equal = _decision(AMOUNTS | {"candidate": moved}, {"primary": {"metric": "mae"}})
    assert "No change: the mae is the same" in equal["reasons"][0]


def test_nothing_is_in_force_for_a_new_functionality() -> None:
    table = AMOUNTS | {"candidate": AMOUNTS["baseline"] * 2}
    result = _decision(table, RMSE, case="A")
    assert "do not build on it" in result["reasons"][0]
    assert "in force" not in " ".join([*result["reasons"], result["next"]])
    assert "keep what is in force" in _decision(table, RMSE)["reasons"][0]


def test_trying_one_threshold_after_the_other_spends_alpha(tmp_path: Path) -> None:
    def use(**settings: Any) -> Any:
        metric = settings.pop("metric", {"metric": "accuracy"})
        config = config_of({"case": "C", "primary": metric} | settings)
        paired = read_holdout(pa.table(SCORES), config)
        look = ledger.look_at(tmp_path / "holdouts.json", paired, config)
        ledger.record(tmp_path / "holdouts.json", paired, config, look)
        return look.number

    payoffs = [{"metric": "utility", "payoff": [[1, -1], [-k, 2]]} for k in (1, 2)]
    assert use() == 1
    assert [use(data={"threshold": limit}) for limit in (0.3, 0.4, 0.3)] == [2, 3, 2]
    assert [use(metric=each) for each in (*payoffs, payoffs[0])] == [4, 5, 4]
    assert use() == 1


def _said_of(look: Any) -> str:
    return json.dumps(look, allow_nan=False)


def test_experiments_answer_nonsense_in_sentences_and_json(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    arm = np.where(random.random(400) < 0.5, "treatment", "control")
    units = pd.DataFrame({"unit": range(400), "arm": arm, "outcome": (arm == "treatment") * 1.0})
    units.to_csv(tmp_path / "ab.csv")
    planned = abtest.ABTest(units=400)
    code, look = abtest.abtest(tmp_path / "ab.csv", planned, tmp_path / "looks.json")
    assert code == 0
    assert '"z": null' in _said_of(look)
    units.assign(outcome=units["outcome"] * 1e200).to_csv(tmp_path / "huge.csv")
    with pytest.raises(MlopsError, match="infinite"):
        abtest.abtest(tmp_path / "huge.csv", planned, tmp_path / "other.json")
    with pytest.raises(ValueError, match="different names"):
        abtest.ABTest(units=400, unit="arm")
    with pytest.raises(ValueError, match="different names"):
        abtest.ABTest(units=400, control="x", treatment="x")
    log = pd.DataFrame({"id": range(25), "incumbent": 1, "candidate": 1, "y_true": np.nan})
    log.assign(incumbent_ms=1.0, candidate_ms=1.0).to_csv(tmp_path / "log.csv")
    budgets = shadow.Shadow(max_p95_ms=2, max_negative_flips=0.1)
    code, result = shadow.shadow(tmp_path / "log.csv", budgets)
    assert code == 2
    assert '"upper": null' in _said_of(result)
    wishes: list[dict[str, Any]] = [
        {"min_effect": 1e-300},
        {"alpha": 1e-300},
        {"spread": float("inf")},
    ]
    for wish in wishes:
        with pytest.raises(MlopsError, match="plan needs"):
            replace(plan.Wish(0.01), **wish)


def test_a_decision_made_up_by_hand_opens_no_gate(tmp_path: Path) -> None:
    good = _decision(SCORES, AUC)
    path = tmp_path / "decision.json"
    for changes, code in (
        ({}, 0),
        ({"incumbent": None}, 3),
        ({"incumbent": {"name": ""}}, 3),
        ({"holdout_sha256": ""}, 3),
        ({"primary": good["primary"] | {"verdict": "fail"}}, 3),
        ({"primary": good["primary"] | {"lower": float("nan")}}, 3),
    ):
        path.write_text(json.dumps(good | changes), encoding="utf-8")
        assert compare.check(path)[0] == code, changes
    path.write_text("[" * 100_000)
    assert compare.check(path)[0] == 3


def test_the_gate_says_when_the_best_candidate_is_not_the_model(tmp_path: Path) -> None:
    good = _decision(SCORES | {"other": SCORES["baseline"]}, AUC, candidate=["candidate", "other"])
    (tmp_path / "decision.json").write_text(json.dumps(good), encoding="utf-8")
    (tmp_path / "model.json").write_text('{"sha256": "another"}')
    code, sentence = compare.check(tmp_path / "decision.json", tmp_path / "model.json")
    assert code == 3
    assert 'The best candidate, "candidate", is not the model' in sentence


def test_reports_are_not_written_from_other_predictions_of_the_same_holdout(
    tmp_path: Path,
) -> None:
    rewrite = import_module("mlops_kit.compare.report.markdown").rewrite
    config = config_of({"case": "C"} | AUC)
    context = {"project": "p", "business_metric": "b"}
    pyarrow.parquet.write_table(pa.table(SCORES), tmp_path / "table.parquet")
    compare.run(tmp_path / "table.parquet", config, tmp_path, context, {})
    changed = SCORES | {"candidate": SCORES["candidate"][::-1]}
    pyarrow.parquet.write_table(pa.table(changed), tmp_path / "table.parquet")
    with pytest.raises(MlopsError, match="does not hold what decision"):
        rewrite(tmp_path / "table.parquet", config, tmp_path, context)


def test_a_holdout_whose_uses_are_not_counted_says_so_in_the_report() -> None:
    config = config_of({"case": "C", "inference": {"reuse": "free"}} | AUC)
    paired = read_holdout(pa.table(SCORES), config)
    text = markdown(decide(paired, config, {}), {"project": "p", "business_metric": "b"})
    assert "Earlier uses of this holdout are not counted" in text


def test_flips_that_may_exceed_their_budget_wait_for_more_rows() -> None:
    (seen,) = _decision(SCORES, AUC, flips={"budget": 0.9})["flips"]
    budget = (seen["estimate"] + seen["upper"]) / 2
    result = _decision(SCORES, AUC, flips={"budget": budget})
    assert result["decision"] == "inconclusive"
    assert "beyond the budget of" in " ".join(result["reasons"])
    assert result["needed"]["rows"] > N


def test_latencies_that_may_exceed_their_budget_wait_for_more_rounds() -> None:
    random = np.random.default_rng(2)
    times = {name: random.gamma(4, 0.25, N) for name in LATENCIES}
    judged = _decision(SCORES | times, AUC, ops={"p95_ms": 50, "slowdown": 9})["ops"]
    budgets = {name: (one["estimate"] + one["upper"]) / 2 for name, one in judged.items()}
    for name, budget in budgets.items():
        result = _decision(SCORES | times, AUC, ops={name: budget})
        assert result["decision"] == "inconclusive", name
        assert "lies within what chance can do" in " ".join(result["reasons"])
