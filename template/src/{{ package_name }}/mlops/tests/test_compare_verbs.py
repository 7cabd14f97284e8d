"""Adapters, planning, A/B tests and shadow logs: each answers rightly, and refuses bad input."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError
from sklearn.linear_model import LogisticRegression

from ..compare.abtest import ABTest, abtest, cuped, sample_ratio_p_value
from ..compare.adapters import digest_of, predict_with, systems_to_predict, write_systems_record
from ..compare.config import CompareConfig
from ..compare.plan import Wish, plan
from ..compare.sequential import boundaries
from ..compare.shadow import Shadow, shadow
from ..compare.systems import SystemSpec
from ..errors import MlopsError
from ..training import save_model

SYSTEM: TypeAdapter[Any] = TypeAdapter(SystemSpec)
DAYS = pd.to_datetime(["2024-12-01", "2025-01-01", "2025-02-01"])
TRAIN = pd.DataFrame(
    {
        "id": [7, 8, 7, 8, 9, 6],
        "time": DAYS.repeat(2),
        "y_true": [1.0, 0.0, 1.0, 1.0, 0.0, 1.0],
        "a": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
    }
)
ROWS = pd.DataFrame(
    {"id": [9, 7, 5], "time": pd.to_datetime(["2025-12-01"] * 3), "y_true": 1.0, "a": [3.0, 1, 2]}
)
ECHO = """
import json, sys
for line in sys.stdin:
    print(json.dumps({"score": json.loads(line)["a"] / 10}))
"""


def predicted(spec: dict[str, Any], task: str = "classification", train: Any = TRAIN) -> Any:
    return predict_with(SYSTEM.validate_python(spec), train, ROWS, task, {"seed": 3})


def rules(rows: pd.DataFrame) -> pd.Series:
    assert "y_true" not in rows.columns
    return rows["a"] / 10


def learned_rules(train: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    return np.full(len(rows), train["y_true"].sum())


def broken_rules(rows: pd.DataFrame) -> np.ndarray:
    return rows["gone"].to_numpy()


def program(text: str, **other: Any) -> dict[str, Any]:
    return {"kind": "command", "command": [sys.executable, "-c", text], **other}


def test_rules_are_called_with_what_they_ask_for() -> None:
    for name, expected in (("rules", [0.3, 0.1, 0.2]), ("learned_rules", [4.0] * 3)):
        spec = {"kind": "rules", "function": f"{__name__}.{name}"}
        assert predicted(spec).tolist() == pytest.approx(expected)
        assert len(digest_of(SYSTEM.validate_python(spec))) == 64


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("broken_rules", "fails: KeyError"),
        ("nothing", "there is no function"),
        ("TRAIN", "is not a function"),
    ],
)
def test_rules_that_do_not_work_are_one_sentence(function: str, sentence: str) -> None:
    with pytest.raises(MlopsError, match=sentence):
        predicted({"kind": "rules", "function": f"{__name__}.{function}"})


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_logged_decisions_are_joined_by_id_and_time_whatever_their_order(
    tmp_path: Path, ending: str
) -> None:
    log = ROWS[["id", "time"]].assign(decided=[0.9, 0.7, 0.5]).iloc[[2, 0, 1]]
    log = pd.concat([log, log.assign(time=DAYS[0], decided=0.0)])
    file = tmp_path / f"log.{ending}"
    log.to_csv(file, index=False) if ending == "csv" else log.to_parquet(file)
    spec = {"kind": "logged", "file": str(file), "column": "decided", "time": "time"}
    assert predicted(spec).tolist() == [0.9, 0.7, 0.5]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda log: log.iloc[:2], "misses 1 of 3"),
        (lambda log: pd.concat([log, log.iloc[:1]]), "holds 1 decisions about a row that has one"),
        (lambda log: log.assign(decided=[1, None, 1]), "has no decided for 1"),
        (lambda log: log.drop(columns="decided"), 'has no column "decided"'),
    ],
)
def test_logged_decisions_that_do_not_match_one_to_one_are_refused(
    tmp_path: Path, change: Any, sentence: str
) -> None:
    file = tmp_path / "log.csv"
    change(ROWS[["id"]].assign(decided=[0.9, 0.7, 0.5])).to_csv(file, index=False)
    with pytest.raises(MlopsError, match=sentence):
        predicted({"kind": "logged", "file": str(file), "column": "decided"})


def test_a_program_answers_in_json_lines() -> None:
    assert predicted(program(ECHO)).tolist() == [0.3, 0.1, 0.2]
    items = "import sys\nfor line in sys.stdin: print('[4, 2]')"
    assert predicted(program(items), "recommendation").tolist() == [[4, 2]] * 3


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (program("print(1)"), "wrote 1 lines for 3 rows"),
        (program("print('1\\n2\\nthree')"), "line 3 of the command is 'three', neither JSON"),
        (program("print('1\\nNaN\\n3')"), "line 2 of the command is 'NaN', not a finite number"),
        (program("print('1\\n2\\n{\"value\": 3}')"), 'nor an object with "score"'),
        (program("import sys; sys.exit('no model here')"), "exited with 1: no model here"),
        (program("import time; time.sleep(60)", timeout=0.3), "did not finish within 0.3 s"),
        ({"kind": "command", "command": ["./no-such-program"]}, "does not start"),
    ],
)
def test_a_program_that_misbehaves_is_one_sentence(spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(MlopsError, match=sentence):
        predicted(spec)


def test_a_stored_estimator_predicts_from_the_columns_that_it_learned(tmp_path: Path) -> None:
    estimator = LogisticRegression().fit(TRAIN[["a"]], TRAIN["y_true"])
    save_model(estimator, tmp_path / "old.skops")
    spec = {"kind": "sklearn", "file": str(tmp_path / "old.skops")}
    wider = predict_with(
        SYSTEM.validate_python(spec), TRAIN, ROWS.assign(b=0), "classification", {}
    )
    assert wider.tolist() == estimator.predict_proba(ROWS[["a"]])[:, 1].tolist()
    with pytest.raises(MlopsError, match='was trained on the column "a"'):
        narrow = ROWS.rename(columns={"a": "b"})
        predict_with(SYSTEM.validate_python(spec), TRAIN, narrow, "classification", {})
    with pytest.raises(MlopsError, match="does not exist"):
        predicted({"kind": "sklearn", "file": "nowhere.skops"})


@pytest.mark.parametrize(
    ("strategy", "task", "expected"),
    [
        ("majority", "classification", [1, 1, 1]),
        ("prior", "classification", [4 / 6] * 3),
        ("mean", "regression", [4 / 6] * 3),
        ("median", "regression", [1, 1, 1]),
        ("last_value", "regression", [0, 1, 4 / 6]),
    ],
)
def test_trivial_predictors_say_the_obvious(strategy: str, task: str, expected: list[Any]) -> None:
    spec = {"kind": "trivial", "strategy": strategy}
    assert predicted(spec, task).tolist() == pytest.approx(expected)


def test_seasonal_naive_repeats_the_same_season_and_else_the_last_value() -> None:
    spec = {"kind": "trivial", "strategy": "seasonal_naive", "season": "12 months"}
    train = TRAIN.assign(y_true=[10.0, 20.0, 30.0, 40.0, 50.0, 60.0])
    # A year before: 7 had 10; 9 had nothing then, its last value is 50; 5 was never seen.
    assert predicted(spec, "regression", train).tolist() == [50, 10, 35]


def test_last_value_never_looks_at_the_same_day_or_later() -> None:
    train = TRAIN.assign(time=pd.Timestamp("2025-12-01"))
    spec = {"kind": "trivial", "strategy": "last_value"}
    assert predicted(spec, "regression", train).tolist() == pytest.approx([4 / 6] * 3)


def test_popularity_ranks_and_random_repeats_itself() -> None:
    train = TRAIN.assign(y_true=pd.Series([[3, 1], [3], [2], [], [1, 3], [9]]))
    popular = {"kind": "trivial", "strategy": "popularity", "k": 3}
    assert predicted(popular, "recommendation", train).tolist() == [[3, 1, 2]] * 3
    drawn = {"kind": "trivial", "strategy": "random", "k": 2}
    one, same = (predicted(drawn, "recommendation", train) for _ in range(2))
    assert one.tolist() == same.tolist()
    with pytest.raises(MlopsError, match="does not suit a regression"):
        predicted(popular, "regression")


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "trivial", "strategy": "seasonal_naive"},
        {"kind": "trivial", "strategy": "mean", "season": "12 months"},
        {"kind": "trivial", "strategy": "seasonal_naive", "season": "a year"},
        {"kind": "command", "command": []},
        {"kind": "rules", "function": "rules"},
        {"kind": "oracle"},
        {"kind": "mlflow", "alias": "champion", "version": 3},
    ],
)
def test_a_system_that_is_described_wrongly_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SYSTEM.validate_python(spec)


def test_a_registry_without_the_alias_is_one_sentence(club: Path) -> None:
    (club / "conf/base.yaml").write_text(
        (club / "conf/base.yaml").read_text().replace("task: regression", "task: classification")
    )
    with pytest.raises(MlopsError, match="has no version with the alias champion; promote one"):
        predicted({"kind": "mlflow"})


def test_the_record_of_systems_changes_when_a_system_outside_does(tmp_path: Path) -> None:
    log, record = tmp_path / "log.csv", tmp_path / "systems.json"
    logged = {"kind": "logged", "name": "old", "file": str(log), "column": "decided"}
    config = CompareConfig.model_validate(
        {"case": "B", "primary": {"metric": "auc"}, "incumbent": logged}
    )
    assert list(systems_to_predict(config)) == ["old"]
    seen = []
    for content in ("id,decided\n1,1\n", "id,decided\n1,0\n"):
        log.write_text(content)
        write_systems_record(record, config)
        seen.append(json.loads(record.read_text())["old"])
    assert seen[0] != seen[1]
    usual = CompareConfig.model_validate({"case": "A", "primary": {"metric": "auc"}})
    write_systems_record(record, usual)
    assert json.loads(record.read_text()) == {}


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
