"""The comparison decides rightly, and each bad case closes the gate."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import typer
from mlops_kit.compare import commands
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision import decide
from mlops_kit.compare.holdout.holdout import read_holdout
from mlops_kit.compare.metrics.registry import hits, metric_named
from mlops_kit.compare.report import markdown as report
from mlops_kit.compare.stage import check, run
from mlops_kit.core.errors import MlopsError
from pydantic import ValidationError

N = 600
CONTEXT = {"project": 'Ñandú <script>alert("1")</script> | $word', "business_metric": "sales & `x`"}


def _config(metric: str = "rmse", min_effect: float = 0.0, **other: Any) -> CompareConfig:
    primary = {"metric": metric, "min_effect": min_effect}
    return CompareConfig.model_validate({"case": "A", "primary": primary} | other)


def _table(truth: Any, column: str, systems: dict[str, Any], **columns: Any) -> pa.Table:
    columns = {"id": range(len(truth)), "y_true": truth} | columns
    return pa.concat_tables(
        pa.table(columns | {"system": [name] * len(truth), column: values})
        for name, values in systems.items()
    )


def _regression(noise: dict[str, float], n: int = N) -> pa.Table:
    random = np.random.default_rng(11)
    mean = random.normal(50, 10, n)
    truth = mean + random.normal(0, 5, n)
    systems = {name: mean + random.normal(0, sd, n) for name, sd in noise.items()}
    return _table(truth, "prediction", systems)


def _classification(n: int = N) -> pa.Table:
    random = np.random.default_rng(12)
    chance = random.uniform(0.05, 0.95, n)
    truth = (random.random(n) < chance).astype(np.int64)
    candidate = np.clip(chance + random.normal(0, 0.1, n), 0, 1)
    systems = {"candidate": candidate, "baseline": np.full(n, 0.5), "oracle": chance}
    time = np.datetime64("2025-01-01") + (np.arange(n) % 40).astype("timedelta64[D]")
    return _table(truth, "score", systems, time=time, group=np.arange(n) // 3)


def _recommendation() -> pa.Table:
    truth = [[row % 7, 8] if row % 4 else [] for row in range(N)]
    good = [[row % 7, 9, 8] if row % 3 else [9] for row in range(N)]
    return _table(truth, "items", {"candidate": good, "baseline": [[1, 2, 3]] * N})


def _decision(table: pa.Table, config: CompareConfig) -> Any:
    return decide(read_holdout(table, config), config, {"candidate": "abc"})


def _with(table: pa.Table, column: str, row: int, value: Any) -> pa.Table:
    values = table[column].to_pylist()
    values[row] = value
    return _set(table, column, values)


def _set(table: pa.Table, column: str, values: Any) -> pa.Table:
    return table.set_column(table.column_names.index(column), column, pa.array(values))


def test_a_better_candidate_is_promoted() -> None:
    result = _decision(_regression({"candidate": 2, "baseline": 6}), _config())
    assert result["decision"] == "promote"
    assert result["primary"]["lower"] > 0
    assert result["candidate"]["value"] < result["incumbent"]["value"]
    assert result["candidate"]["digest"] == "abc"


@pytest.mark.parametrize("case", "ABC")
def test_beside_a_champion_a_model_is_in_force_whatever_the_project_began_with(case: str) -> None:
    config = _config(case=case, incumbent={"kind": "mlflow"})
    assert config.case == "C"
    decision = _decision(_regression({"candidate": 1, "champion": 5}), config)
    assert "model in force" in report.markdown(decision, CONTEXT)
    assert _config(case=case, incumbent={"kind": "trivial", "strategy": "mean"}).case == case


def test_a_worse_candidate_is_never_promoted() -> None:
    result = _decision(_regression({"candidate": 6, "baseline": 2}), _config())
    assert result["decision"] == "reject"
    assert result["primary"]["upper"] < 0


@pytest.mark.parametrize(
    ("changes", "decision", "sentence"),
    [
        ({}, "promote", "auc is better by"),
        ({"flips": {"budget": 0.4}}, "promote", "The other check passes too (1 of 1)"),
        ({"flips": {"budget": 0.01}}, "reject", "would be served wrong, more than the budget"),
        ({"guardrails": [{"metric": "brier", "margin": 0.01}]}, "promote", "other check passes"),
        ({"ops": {"p95_ms": 10}}, "inconclusive", "was not measured"),
        ({"data": {"labels": "censored"}}, "inconclusive", "run an A/B test"),
        ({"slices": ["half"]}, "reject", "half = 1: auc is worse by"),
        ({"fairness": ["half"]}, "reject", "what is in force treats all alike"),
    ],
)
def test_every_check_must_pass_and_the_one_that_does_not_is_named(
    changes: dict[str, Any], decision: str, sentence: str
) -> None:
    table = _classification()
    half = np.tile(np.arange(N) % 2, 3)
    table = table.append_column("half", pa.array(half))
    if {"slices", "fairness"} & set(changes):
        # In one half the candidate is sure, and wrong.
        score = table["score"].to_numpy().copy()
        candidate = np.arange(3 * N) < N
        wrong = (half == 1) & candidate
        score[wrong] = 0.98 - 0.96 * table["y_true"].to_numpy()[wrong] * (
            np.arange(wrong.sum()) % 2
        )
        table = _set(table, "score", score)
    result = _decision(table, _config("auc", **changes))
    assert result["decision"] == decision
    assert sentence in " ".join(result["reasons"])


def test_a_wide_table_gives_the_same_decision_as_the_long_one(tmp_path: Path) -> None:
    table = _classification()
    columns = {name: table[name].slice(0, N) for name in ("id", "y_true", "time", "group")}
    for place, name in enumerate(("candidate", "baseline", "oracle")):
        columns[name] = table["score"].slice(place * N, N)
    wide, config = pa.table(columns), _config("log_loss", oracle="oracle")
    expected = _decision(table, config)
    assert _decision(wide, config) == expected
    pa.csv.write_csv(wide, tmp_path / "wide.csv")
    assert decide(read_holdout(tmp_path / "wide.csv", config), config, {"candidate": "abc"}) == (
        expected
    )


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longest; the test of the reports draws."""
    monkeypatch.setattr(report, "html_page", lambda *_: "")


@pytest.mark.usefixtures("no_pictures")
def test_another_candidate_on_the_same_holdout_gets_less_of_the_risk(tmp_path: Path) -> None:
    alphas = []
    for noise in (2.0, 3.0, 2.0):
        table = _regression({"candidate": noise, "baseline": 6})
        pq.write_table(table, tmp_path / "predictions.parquet")
        arguments = (tmp_path / "predictions.parquet", _config(), tmp_path, CONTEXT, {})
        result = run(*arguments, ledger=tmp_path / "holdouts.json")
        alphas.append(result["primary"]["alpha"])
    assert alphas == pytest.approx([0.05 / 2, 0.05 / 6, 0.05 / 2])


def test_a_gain_below_the_smallest_useful_one_is_rejected() -> None:
    table = _regression({"candidate": 2, "baseline": 6})
    gain = _decision(table, _config())["primary"]["upper"]
    assert _decision(table, _config(min_effect=2 * gain))["decision"] == "reject"


@pytest.mark.parametrize("change", [0.0, 1e-14])
def test_a_candidate_that_predicts_the_same_is_no_change(change: float) -> None:
    table = _regression({"baseline": 3})
    same = _set(table, "prediction", table["prediction"].to_numpy() * (1 + change))
    same = _set(same, "system", ["candidate"] * N)
    result = _decision(pa.concat_tables([table, same]), _config())
    assert result["decision"] == "reject"
    assert "No change" in result["reasons"][0]


def test_a_difference_within_chance_is_inconclusive_and_says_how_many_rows_would_do() -> None:
    result = _decision(_regression({"candidate": 5.0, "baseline": 5.2}), _config())
    assert result["decision"] == "inconclusive"
    assert result["primary"]["rows_needed"] > N


def test_a_candidate_that_beats_the_oracle_is_a_leak() -> None:
    table = _regression({"candidate": 1, "baseline": 6, "oracle": 4})
    result = _decision(table, _config(oracle="oracle"))
    assert result["decision"] == "reject"
    assert "leak" in result["reasons"][0]


def test_neither_row_order_nor_another_coding_of_ids_changes_a_digit() -> None:
    table, config = _classification(), _config("log_loss", oracle="oracle")
    random = np.random.default_rng(1)
    shuffled = table.take(random.permutation(table.num_rows))
    coded = shuffled
    for column in ("id", "group"):
        codes = random.permutation(N)
        values = shuffled[column].to_pylist()
        coded = _set(coded, column, [f"t{codes[value]:04d}" for value in values])
    expected = _decision(table, config)
    assert expected["primary"]["design"] == "two-way"
    assert _decision(shuffled, config) == expected
    assert _decision(coded, config) == expected


def test_changed_truth_changes_the_digest_of_the_holdout() -> None:
    one, other = _regression({"candidate": 2, "baseline": 6}), _recommendation()
    changed = _set(one, "y_true", one["y_true"].to_numpy() + 1)
    first = read_holdout(one, _config()).sha256
    assert first != read_holdout(changed, _config()).sha256
    assert len(read_holdout(other, _config("ndcg_at_10")).sha256) == len(first) == 64


def test_an_item_that_is_listed_twice_hits_once_and_an_empty_truth_counts_nothing() -> None:
    truth = pa.array([["a", "b"], [], ["c"]], pa.list_(pa.string()))
    items = pa.array([["b", "b", "a"], ["a"], []], pa.list_(pa.string()))
    hit, n_true = hits(truth, items, 3)
    assert hit.tolist() == [[True, False, True], [False] * 3, [False] * 3]
    assert n_true.tolist() == [2, 0, 1]
    assert metric_named("recall_at_3").function(truth, items).value == pytest.approx(1 / 3)


GOOD = _classification()
BAD_TABLES = {
    "empty": (GOOD.slice(0, 0), "empty"),
    "no incumbent": (GOOD.slice(0, N), 'incumbent "baseline" has no predictions'),
    "no oracle": (GOOD.slice(0, 2 * N), 'oracle "oracle" has no predictions'),
    "no score column": (GOOD.drop_columns(["score"]), 'no column "score"'),
    "row missing": (GOOD.slice(1), "do not cover the same rows"),
    "another row": (_with(GOOD, "id", 0, N + 7), 'one to one in "id"'),
    "another truth": (
        _with(GOOD, "y_true", 0, 1 - GOOD["y_true"][0].as_py()),
        'one to one in "y_true"',
    ),
    "row twice": (pa.concat_tables([GOOD, GOOD.slice(0, 1)]), "repeat"),
    "NaN": (_with(GOOD, "score", 0, float("nan")), "NaN or infinite"),
    "infinite": (_with(GOOD, "score", 0, float("inf")), "NaN or infinite"),
    "no value": (_with(GOOD, "score", 0, None), 'have no "score"'),
    "text": (_set(GOOD, "score", ["high"] * 3 * N), "must hold numbers"),
    "other label": (_set(GOOD, "y_true", [2, 0] * (3 * N // 2)), "other than 0"),
    "one class": (_set(GOOD, "y_true", [1] * 3 * N), "single class"),
    "one group": (_set(GOOD.drop_columns(["time"]), "group", [1] * 3 * N), "two groups"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_table_that_cannot_be_compared_is_refused_in_one_sentence(case: str) -> None:
    table, sentence = BAD_TABLES[case]
    with pytest.raises(MlopsError, match=sentence) as raised:
        _decision(table, _config("log_loss", oracle="oracle"))
    assert raised.value.exit_code == 3


def test_scores_that_are_no_probabilities_suit_only_ranking_metrics() -> None:
    doubled = _set(GOOD, "score", GOOD["score"].to_numpy() * 2)
    with pytest.raises(MlopsError, match="probabilities"):
        _decision(doubled, _config("accuracy"))
    assert _decision(doubled, _config("auc"))["decision"] == "promote"


def test_a_bad_table_leaves_no_earlier_decision_behind(tmp_path: Path) -> None:
    (tmp_path / "decision.json").write_text("{}")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 damaged")
    with pytest.raises(MlopsError, match="not readable parquet"):
        run(tmp_path / "bad.parquet", _config(), tmp_path, CONTEXT, {})
    code, sentence = check(tmp_path / "decision.json")
    assert code == 3
    assert "There is no" in sentence
    with pytest.raises(MlopsError, match="does not exist"):
        run(tmp_path / "none.parquet", _config(), tmp_path, CONTEXT, {})


@pytest.mark.parametrize(
    ("metric", "table"),
    [
        ("auc", _classification()),
        ("rmse", _regression({"candidate": 2, "baseline": 6})),
        ("ndcg_at_10", _recommendation()),
    ],
)
def test_the_reports_are_complete_and_ask_nothing_of_the_network(
    metric: str, table: pa.Table, tmp_path: Path
) -> None:
    pq.write_table(table, tmp_path / "predictions.parquet")
    result = run(tmp_path / "predictions.parquet", _config(metric), tmp_path, CONTEXT, {})
    assert json.loads((tmp_path / "decision.json").read_text(encoding="utf-8")) == result
    assert check(tmp_path / "decision.json")[0] == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert page.count("<svg") >= 3
    assert "<script" not in page + text.replace("\\<", "")
    for outward in (" src=", 'href="http', "url(http", "@import", "<link"):
        assert outward not in page
    assert text.startswith("## GO: ")
    assert "| gain | +" in text
    if metric == "ndcg_at_10":
        config = _config(metric)
        assert report.html_page(result, read_holdout(table, config), CONTEXT, config) == page


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"decision": "reject"}, 1),
        ({"decision": "inconclusive"}, 2),
        ({"decision": "maybe"}, 3),
        ({"schema": 2}, 3),
        ({"primary": {}}, 3),
        ({"primary": {"lower": -1.0, "min_effect": 0.0}}, 3),
        ({"primary": {"lower": None, "min_effect": 0.0}}, 3),
    ],
)
def test_the_gate_opens_only_for_a_sound_promotion(
    changes: dict[str, Any], code: int, tmp_path: Path
) -> None:
    good = _decision(_regression({"candidate": 2, "baseline": 6}), _config())
    path = tmp_path / "decision.json"
    path.write_text(json.dumps(good | changes), encoding="utf-8")
    assert check(path)[0] == code


@pytest.mark.parametrize("content", ["", "[]", "{", '"promote"', "null", '{"schema": 1}'])
def test_a_damaged_decision_never_passes(content: str, tmp_path: Path) -> None:
    (tmp_path / "decision.json").write_text(content)
    assert check(tmp_path / "decision.json")[0] == 3


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"primary": {"metric": "auc", "direction": "lower"}}, "better when higher"),
        ({"primary": {"metric": "acu"}}, "unknown metric"),
        ({"primary": {"metric": "ndcg_at_k"}}, "unknown metric"),
        ({"primary": {"metric": "auc", "min_effect": -0.1}}, "min_effect"),
        ({"primary": {"metric": "auc", "margin": 0.1}}, "non_inferiority"),
        ({"primary": {"metric": "auc", "test": "non_inferiority"}}, "needs a margin"),
        ({"guardrails": [{"metric": "rmse", "margin": 1}]}, "another column"),
        ({"ops": {"cost_per_thousand": 1}}, "machine_per_hour"),
        ({"rollout": {"steps": [5, 1, 100]}}, "growing percentages"),
        ({"flips": {"budget": 2}}, "budget"),
        ({"incumbent": "candidate"}, "different systems"),
        ({"inference": {"alpha": 0.7}}, "alpha"),
        ({"guardrail": []}, "guardrail"),
    ],
)
def test_a_configuration_that_could_mislead_is_refused(
    changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=sentence):
        CompareConfig.model_validate({"case": "A", "primary": {"metric": "auc"}} | changes)


@pytest.mark.usefixtures("no_pictures")
def test_the_gate_says_small_numbers_as_people_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = _decision(_regression({"candidate": 2, "baseline": 6}), _config(min_effect=2e-5))
    assert "more than the smallest useful gain of 2e-05" in result["reasons"][0]
    path = tmp_path / "decision.json"
    path.write_text(json.dumps(result), encoding="utf-8")
    with pytest.raises(typer.Exit) as ended:
        commands.check(path)
    assert ended.value.exit_code == 0
    assert "more than the smallest useful gain of 0.00002." in capsys.readouterr().out


def test_a_decision_about_another_model_opens_no_gate(tmp_path: Path) -> None:
    pq.write_table(GOOD, tmp_path / "good.parquet")
    digests: dict[str, str] = {"candidate": "a" * 64}
    decided = run(tmp_path / "good.parquet", _config("auc"), tmp_path, CONTEXT, digests)
    assert decided["decision"] == "promote"
    card = tmp_path / "model.json"
    for digest, code in (("a" * 64, 0), ("b" * 64, 3)):
        card.write_text(json.dumps({"sha256": digest}))
        assert check(tmp_path / "decision.json", card)[0] == code
