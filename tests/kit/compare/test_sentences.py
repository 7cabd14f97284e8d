"""What the comparison says when a figure is missing, the risk is shared or the data cannot tell."""

import datetime
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import yaml
from compare_scenarios import AUC, wide_scores
from mlops_kit.compare import stage as compare
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision import decide
from mlops_kit.compare.holdout.holdout import read_holdout
from mlops_kit.compare.report.wording import footing
from mlops_kit.operate.experiments import plan as plans

config_of = CompareConfig.model_validate


def _decision(table: dict[str, Any], **changes: Any) -> Any:
    config = config_of({"case": "C"} | AUC | changes)
    return decide(read_holdout(pa.table(table), config), config, {})


@pytest.mark.parametrize(
    ("budget", "cure"),
    [
        ({"p95_ms": 10}, "give the table a column latency_ms"),
        ({"slowdown": 2}, "an incumbent that this project cannot run needs a column latency_ms"),
        ({"size_mb": 5}, "only `mlops run` in the project measures it"),
        ({"memory_mb": 5}, "only `mlops run` in the project measures it"),
    ],
)
def test_a_budget_without_a_figure_names_what_measures_it(
    budget: dict[str, float], cure: str
) -> None:
    result = _decision(wide_scores(), ops=budget)
    assert result["decision"] == "inconclusive"
    assert cure in " ".join(result["reasons"])


def test_rows_to_collect_are_told_in_days_too_and_what_happens_until_then() -> None:
    rows = 400
    first = datetime.date(2026, 1, 1)
    table = wide_scores(n=rows)
    table |= {"time": [first + datetime.timedelta(days=int(day)) for day in np.arange(rows) // 4]}
    result = _decision(table, primary={"metric": "auc", "min_effect": 0.1})
    assert result["decision"] == "inconclusive"
    assert "over 100 now); more rows of the same periods add little." in result["reasons"][0]
    needed = result["primary"]["rows_needed"]
    assert needed > rows
    assert (
        f"about {needed:,} rows in all ({-(-100 * needed // rows):,} days' worth)" in result["next"]
    )
    assert result["next"].endswith("Until then keep what is in force.")


def test_candidates_that_share_one_holdout_are_told_what_each_may_risk() -> None:
    table = wide_scores() | {"worse": wide_scores(0.4)["candidate"]}
    shared = _decision(table, candidate=["candidate", "worse"])
    assert "Use number 1 of this holdout, 2 candidates share it: of the risk of 0.05" in footing(
        shared
    )
    assert "may take 0.025." in footing(shared)
    assert "of the risk" not in footing(_decision(wide_scores()))


def test_a_table_outside_a_project_has_no_business_metric(tmp_path: Path) -> None:
    pyarrow.csv.write_csv(pa.table(wide_scores()), tmp_path / "own.csv")
    (tmp_path / "compare.yaml").write_text(yaml.safe_dump({"case": "C"} | AUC), encoding="utf-8")
    compare.run_table(tmp_path / "own.csv", tmp_path / "compare.yaml", tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "not named (a table outside a project)" in page


def test_commands_stand_as_code_and_percentages_on_one_line(tmp_path: Path) -> None:
    config = config_of({"case": "C", "ops": {"size_mb": 5}} | AUC)
    pyarrow.csv.write_csv(pa.table(wide_scores()), tmp_path / "own.csv")
    compare.run(tmp_path / "own.csv", config, tmp_path, compare.context_of(tmp_path), {})
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<code>mlops run</code>" in page
    assert "`mlops run`" not in page
    assert "95\N{NO-BREAK SPACE}% sure" in page


def test_the_plan_tells_risk_and_days_as_they_are(tmp_path: Path) -> None:
    rows = 400
    days = [datetime.datetime(2026, 1, 1) + datetime.timedelta(minutes=int(m)) for m in range(rows)]
    pyarrow.parquet.write_table(
        pa.table(wide_scores(n=rows) | {"time": days}), tmp_path / "pilot.parquet"
    )
    wish = plans.Wish(0.2, 0.025, 0.9)
    plans.plan(tmp_path / "pilot.parquet", config_of({"case": "C"} | AUC), wish, tmp_path, "own")
    text = (tmp_path / "plan.md").read_text(encoding="utf-8")
    assert "with a chance of 90 %" in text
    assert "with a chance of at most 2.5 %" in text
    assert re.search(r"about 1 day[: ]", text)
