"""Outcomes that were recorded before they were known promote nothing; a season is no alarm."""

import json
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import typer
import yaml
from mlops_kit.cli import add_rooms
from mlops_kit.compare.checks import maturity
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision import decide
from mlops_kit.compare.holdout import background
from mlops_kit.compare.holdout.holdout import read_holdout
from mlops_kit.compare.report.markdown import html_page, markdown
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import read_config
from typer.testing import CliRunner

config_of = CompareConfig.model_validate

# Rows in time are judged as independent: these tests are about outcomes, not about spells.
AUC = {"case": "C", "primary": {"metric": "auc"}, "inference": {"design": "iid"}}
START = np.datetime64("2025-01-01")
CONTEXT = {"project": "p", "business_metric": "b"}
Table = dict[str, Any]


def _table(seed: int = 1, n: int = 4000, days: int = 200, per: int = 1) -> Table:
    """Draw rows of so many days, the latest of which the candidate scores low without a reason."""
    random = np.random.default_rng(seed)
    signal = random.normal(0, 1, n)
    truth = (random.random(n) < 1 / (1 + np.exp(1 - 1.5 * signal))).astype(np.int64)
    one, other = (signal + random.normal(0, 0.7, n) for _ in range(2))
    one[4 * n // 5 :] -= 2
    day = np.sort(random.integers(0, days, n)) // per * per
    return {
        "id": np.arange(n),
        "y_true": truth,
        "candidate": one,
        "baseline": other,
        "time": START + day.astype("timedelta64[D]"),
    }


def _last(table: Table, share: float) -> np.ndarray:
    return np.arange(len(table["id"])) >= (1 - share) * len(table["id"])


def _immature(table: Table, share: float = 0.2) -> Table:
    return table | {"y_true": np.where(_last(table, share), 0, table["y_true"])}


def _judged(table: Table, config: dict[str, Any] = AUC, **known: Any) -> Any:
    chosen = config_of(config)
    holdout = read_holdout(pa.table(table), chosen, background.Background(**known))
    return decide(holdout, chosen, {})


def _found(result: dict[str, Any]) -> dict[str, Any] | None:
    return next((e for e in result["safety"] if e["name"] == "immature outcomes"), None)


def test_the_last_fifth_of_the_outcomes_recorded_as_zero_promotes_nothing() -> None:
    mature = _judged(_table())
    assert _found(mature) is None
    assert mature["decision"] == "reject"
    result = _judged(_immature(_table()))
    assert result["primary"]["verdict"] == "pass"
    assert result["decision"] == "inconclusive"
    found = _found(result)
    assert found is not None
    assert "Outcomes vanish towards the end" in found["sentence"]
    assert "From which day they can be judged is not known without the horizon" in found["sentence"]


@pytest.mark.parametrize("per", [1, 30])
@pytest.mark.parametrize("share", [0.12, 0.2, 0.33])
def test_vanishing_outcomes_are_told_with_the_day_from_which_they_can_be_judged(
    share: float, per: int
) -> None:
    table = _table(per=per)
    late = table["time"] >= table["time"][_last(table, share)][0]
    result = _judged(
        table | {"y_true": np.where(late, 0, table["y_true"])},
        horizon_days=30,
        known_until=date(2026, 6, 1),
    )
    found = _found(result)
    assert found is not None
    newest = table["time"].max().astype("datetime64[D]").astype(object)
    assert found["judge_from"] == str(np.datetime64(newest) + np.timedelta64(30, "D"))
    assert f"judged from {found['judge_from']} on" in found["sentence"]
    assert result["decision"] == "inconclusive"


def test_outcomes_that_vanish_in_amounts_lists_and_ones_are_told_too() -> None:
    table = _table()
    late = _last(table, 0.2)
    amounts = table | {"y_true": np.where(late, 0.0, np.abs(table["baseline"]) * 10)}
    assert _found(_judged(amounts, {"case": "C", "primary": {"metric": "mae"}}))
    survived = table | {"y_true": np.where(late, 1, table["y_true"])}
    assert _found(_judged(survived))
    lists = {
        "id": table["id"],
        "time": table["time"],
        "y_true": [[] if young else [int(i) % 7] for i, young in enumerate(late)],
        "candidate": [[int(i) % 5, int(i) % 3 + 5] for i in range(late.size)],
        "baseline": [[int(i) % 6] for i in range(late.size)],
    }
    assert _found(_judged(lists, {"case": "C", "primary": {"metric": "ndcg_at_2"}}))


def test_rows_younger_than_the_horizon_are_told_by_the_facts_that_are_known() -> None:
    table = _table()
    newest = date(2025, 7, 19)
    assert str(table["time"].max())[:10] == str(newest)
    known = {"horizon_days": 30, "source": "the newest row of table orders"}
    old = _judged(table, **known, known_until=date(2025, 8, 17))
    assert _found(old) is None
    assert "known until 2025-08-17 (the newest row of table orders)" in old["outcomes"]["sentence"]
    # One day less is a Sunday without an order: a twentieth of the horizon may be missing.
    assert _found(_judged(table, **known, known_until=date(2025, 8, 16))) is None
    young = _found(_judged(table, **known, known_until=newest))
    assert young is not None
    assert young["judge_from"] == "2025-08-18"
    rows = int(np.sum(table["time"] > np.datetime64("2025-06-21")))
    assert f"The outcomes of {rows} of 4,000 rows, those from 2025-06-22 on" in young["sentence"]


def test_outcomes_that_come_late_are_seen_when_only_the_horizon_is_known() -> None:
    table = _table()
    age = (table["time"].max() - table["time"]) / np.timedelta64(1, "D")
    came = np.random.default_rng(2).random(age.size) * 40 <= age
    late = table | {"y_true": table["y_true"] * came}
    found = _found(_judged(late, horizon_days=40))
    assert found is not None
    assert "--as-of DATE says that they were" in found["sentence"]
    assert _found(_judged(table, horizon_days=40)) is None
    today = np.datetime64(background.today(), "D")
    recent = table | {"time": table["time"] + (today - table["time"].max().astype("M8[D]"))}
    found = _found(_judged(recent, horizon_days=40))
    assert found is not None
    assert "the day before this run" in found["sentence"]


@pytest.mark.parametrize(
    "course",
    [
        np.ones_like,
        lambda x: 1 - x / 2,
        lambda x: np.where(x > 0.8, 0.4, 1.0),
        lambda x: 0.55 + 0.4 * np.cos(3 * np.pi * x),
    ],
    ids=["steady", "falls by half", "a dead last fifth of the year", "a season, lowest at the end"],
)
def test_a_season_is_no_false_alarm(course: Any) -> None:
    for seed in range(10):
        table = _table(seed, 6000)
        place = np.arange(6000) / 6000
        kept = np.random.default_rng((7, seed)).random(6000) < course(place)
        assert _found(_judged(table | {"y_true": table["y_true"] * kept})) is None


def test_runs_of_one_outcome_that_happened_before_are_no_false_alarm() -> None:
    table = _table()
    spells = (np.arange(4000) // 500) % 2
    regimes = table | {"y_true": np.where(spells == 1, 0, table["y_true"])}
    assert spells[-1] == 1
    assert _found(_judged(regimes)) is None


def test_what_is_not_known_of_the_age_is_said_in_every_place() -> None:
    result = _judged(_table())
    sentence = "Whether the outcomes are old enough is not known: --horizon DAYS"
    assert result["outcomes"]["sentence"].startswith(sentence)
    assert sentence in markdown(result, CONTEXT)
    holdout = read_holdout(pa.table(_table()), config_of(AUC))
    assert sentence in html_page(result, holdout, CONTEXT)
    no_dates = {name: values for name, values in _table().items() if name != "time"}
    assert "the rows have no dates" in _judged(no_dates, horizon_days=30)["outcomes"]["sentence"]
    noted = background.background_of({"systems": {}}, {})
    assert noted == background.Background(of_pipeline=True)
    old_card = read_holdout(pa.table(_table()), config_of(AUC), noted)
    assert "params.yaml has no features.horizon_days" in maturity.told(old_card)["sentence"]


def _acknowledged(until: str, **more: Any) -> Any:
    why = {"reason": "The shop was closed from June on.", "until": until}
    return AUC | {"acknowledged": {"immature": why}} | more


def test_an_acknowledgement_lifts_it_and_is_told_wherever_the_decision_is() -> None:
    table = _immature(_table())
    table["candidate"] = table["candidate"] + 0.3 * table["y_true"]
    assert _judged(table)["decision"] == "inconclusive"
    result = _judged(table, _acknowledged("9999-12-31"))
    assert result["decision"] == "promote"
    found = _found(result)
    assert found is not None
    assert found["verdict"] == "skipped"
    assert found["acknowledged"] == {
        "reason": "The shop was closed from June on.",
        "until": "9999-12-31",
        "on": str(background.today()),
    }
    sentence = "Acknowledged until 9999-12-31"
    assert any(sentence in reason for reason in result["reasons"])
    assert sentence in markdown(result, CONTEXT)
    holdout = read_holdout(pa.table(table), config_of(AUC))
    assert "because The shop was closed from June on" in html_page(result, holdout, CONTEXT)


def test_an_acknowledgement_counts_up_to_its_last_day(monkeypatch: pytest.MonkeyPatch) -> None:
    table = _immature(_table())
    table["candidate"] = table["candidate"] + 0.3 * table["y_true"]
    safety = import_module("mlops_kit.compare.checks.sanity")
    config = _acknowledged("2027-01-31")
    for day, decision in ((date(2027, 1, 31), "promote"), (date(2027, 2, 1), "inconclusive")):
        monkeypatch.setattr(safety, "today", lambda day=day: day)
        result = _judged(table, config)
        assert result["decision"] == decision
    assert "ended on 2027-01-31 (today is 2027-02-01)" in " ".join(result["reasons"])


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"imature": {"reason": "r", "until": "2027-01-31"}}, "imature"),
        ({"immature": {"until": "2027-01-31"}}, "acknowledged.immature.reason"),
        ({"immature": {"reason": " ", "until": "2027-01-31"}}, "needs a reason"),
        ({"immature": {"reason": "r"}}, "acknowledged.immature.until"),
        ({"immature": {"reason": "r", "until": "soon"}}, "acknowledged.immature.until"),
        ({"copies": {"reason": "r", "until": "2027-01-31"}}, "copies"),
    ],
)
def test_an_acknowledgement_without_name_reason_or_end_is_refused(
    given: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "compare.yaml"
    file.write_text(yaml.safe_dump(AUC | {"acknowledged": given}))
    with pytest.raises(MlopsError, match=sentence):
        read_config(file, import_module("mlops_kit.compare.config").CompareConfig)


def test_a_bare_reason_and_end_acknowledge_either_finding() -> None:
    bare = config_of(AUC | {"acknowledged": {"reason": "r", "until": "2027-01-31"}}).acknowledged
    assert bare.immature == bare.perfect
    assert bare.perfect
    assert bare.perfect.until == date(2027, 1, 31)


def test_a_bare_table_takes_the_horizon_and_the_day_of_reading_from_the_command(
    tmp_path: Path,
) -> None:
    pyarrow.parquet.write_table(pa.table(_table()), tmp_path / "table.parquet")
    (tmp_path / "compare.yaml").write_text(yaml.safe_dump(AUC), encoding="utf-8")
    app = typer.Typer()
    add_rooms(app)
    paths: list[Any] = ["--data", tmp_path / "table.parquet", "--config", tmp_path / "compare.yaml"]
    paths += ["--out", tmp_path / "out"]
    arguments = ["compare", "run", *map(str, paths), "--horizon", "30"]
    for day, immature in (("2025-07-31", True), ("2025-08-18", False)):
        told = CliRunner().invoke(app, [*arguments, "--as-of", day])
        assert told.exit_code == 0, told.output
        decision = json.loads((tmp_path / "out/decision.json").read_text(encoding="utf-8"))
        assert bool(_found(decision)) is immature
        assert ("judged from 2025-08-18 on" in told.output) is immature
    assert f"(read on {day})" in told.output
