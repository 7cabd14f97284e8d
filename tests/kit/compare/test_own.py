"""Folds of a cross-validation, and metrics of one's own: what a team adds to the comparison."""

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import sklearn.metrics
import yaml
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision import decide
from mlops_kit.compare.holdout.holdout import read_holdout
from mlops_kit.compare.report.wording import footing
from mlops_kit.core.errors import MlopsError
from rendering import KIT, ROOT
from scipy import stats

config_of = CompareConfig.model_validate

FOLDS, ROWS = 10, 400


def _crossed(seed: int = 2) -> Any:
    """Ten folds of 40 rows: each row is tested once, by a model of the other nine folds."""
    random = np.random.default_rng(seed)
    chance = random.beta(2, 3, ROWS)
    noise = random.normal(0, 1, (2, ROWS))
    return {
        "id": np.arange(ROWS),
        "fold": np.arange(ROWS) % FOLDS,
        "y_true": (random.random(ROWS) < chance).astype(np.int64),
        "candidate": np.clip(chance + 0.05 * noise[0], 0, 1),
        "baseline": np.clip(chance + 0.6 * noise[1], 0, 1),
    }


def _decision(table: Any, metric: str = "auc", **changes: Any) -> Any:
    inference = {"design": "folds", "train_rows": 360, "reuse": "free"}
    config = config_of(
        {"case": "C", "primary": {"metric": metric}, "inference": inference} | changes
    )
    holdout = read_holdout(pa.table(table), config)
    return decide(holdout, config, {})


def test_folds_are_judged_by_the_corrected_resampled_t_test() -> None:
    table = _crossed()
    values: dict[str, list[float]] = {}
    for name in ("candidate", "baseline"):
        values[name] = [
            float(sklearn.metrics.roc_auc_score(table["y_true"][rows], table[name][rows]))
            for rows in (table["fold"] == fold for fold in range(FOLDS))
        ]
    gains = np.subtract(values["candidate"], values["baseline"])
    error = np.sqrt(gains.var(ddof=1) * (1 / FOLDS + 40 / 360))
    primary = _decision(table)["primary"]
    assert primary["estimate"] == pytest.approx(gains.mean(), rel=1e-12)
    assert primary["standard_error"] == pytest.approx(error, rel=1e-12)
    lower = gains.mean() - stats.t.ppf(0.95, FOLDS - 1) * error
    assert primary["lower"] == pytest.approx(lower, rel=1e-9)
    p_value = stats.t.sf(gains.mean() / error, FOLDS - 1)
    assert primary["p_value"] == pytest.approx(p_value, rel=1e-9)
    assert (primary["method"], primary["n_groups"]) == ("corrected resampled t", FOLDS)
    result = _decision(table)
    assert result["decision"] == "promote"
    told = result["candidate"]["value"] - result["incumbent"]["value"]
    assert told == pytest.approx(primary["estimate"], rel=1e-12)


def test_every_check_minds_the_folds_and_no_row_order_changes_a_digit() -> None:
    table = _crossed()
    more = {
        "guardrails": [{"metric": "brier", "margin": 0.05}],
        "flips": {"budget": 0.4},
        "slices": ["part"],
        "fairness": ["part"],
    }
    table |= {"part": np.where(np.arange(ROWS) % 4 < 2, "x", "y")}
    result = _decision(table, **more)
    order = np.random.default_rng(1).permutation(ROWS)
    shuffled = {name: values[order] for name, values in table.items()}
    assert _decision(shuffled, **more) == result
    assert result["flips"][0]["effective_n"] <= ROWS
    assert footing(result).startswith("Paired on 400 rows in 10 folds (folds).")


def test_repeated_folds_may_test_a_row_again_but_never_all_the_same_rows() -> None:
    first, second = _crossed(), _crossed()
    second["fold"] = FOLDS + np.random.default_rng(3).permutation(ROWS) % FOLDS
    twice = {name: np.concatenate([first[name], second[name]]) for name in first}
    assert _decision(twice)["primary"]["n_groups"] == 2 * FOLDS
    again = {name: np.tile(values, 5) for name, values in first.items()}
    again["fold"] = np.repeat(np.arange(5), ROWS)
    with pytest.raises(MlopsError, match="Every fold judges the same rows"):
        _decision(again)
    with pytest.raises(MlopsError, match="holds a single one"):
        _decision(first | {"fold": np.zeros(ROWS, np.int64)})
    with pytest.raises(MlopsError, match='no column "fold"'):
        _decision({name: values for name, values in first.items() if name != "fold"})
    with pytest.raises(MlopsError, match="repeats an id and fold"):
        _decision(first | {"id": np.zeros(ROWS, np.int64)})


def test_folds_of_no_gain_are_promoted_at_most_as_often_as_alpha_says() -> None:
    """Over draws of rows and folds; at 5 % and 300 draws more than 9 % would be an accident."""
    promoted = 0
    for seed in range(300):
        table = _crossed(seed)
        random = np.random.default_rng((seed, 1))
        chance = 0.3 + 0.4 * table["y_true"]
        for name in ("candidate", "baseline"):
            table[name] = chance + random.normal(0, 0.3, ROWS)
        promoted += _decision(table)["primary"]["verdict"] == "pass"
    assert promoted / 300 <= 0.09


# The page that people follow: what stands there must be true.
PAGE = (ROOT / "template/docs/comparing-models.md").read_text(encoding="utf-8")
(OWN,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_every_configuration_of_the_page_is_valid(block: str) -> None:
    least = {"case": "C", "primary": {"metric": "auc"}}
    config_of(least | yaml.safe_load(block))
    for line in re.findall(r"#   (\{.*?\})", block):
        config_of(least | {"incumbent": yaml.safe_load(line)})


def test_the_page_names_every_metric_and_every_trivial_predictor() -> None:
    names = [
        *import_module("mlops_kit.compare.metrics.registry").METRICS,
        *import_module("mlops_kit.compare.systems.trivial").TASKS,
    ]
    assert [name for name in names if name.removesuffix("_at_k") not in PAGE] == []


def _claims(truth: Any, prediction: Any, factor: float) -> Any:
    """Give the mean prediction and `factor` times its influences."""
    estimate = import_module("mlops_kit.compare.metrics.estimate").mean_of(prediction)
    return estimate._replace(influence=factor * estimate.influence, rows=None)


BROKEN = (
    "from mlops_kit.compare.metrics.registry import register\n"
    "register('auc', None, 'higher', 'score')"
)
SCRIPT = (
    "import sys; from pathlib import Path; from mlops_kit.compare.stage import run_table; "
    "from mlops_kit.core.errors import MlopsError\n"
    "try: run_table(Path('table.parquet'), Path('compare.yaml'), Path('out'))\n"
    "except MlopsError as error: print(error)"
)


def test_a_metric_of_the_teams_own_is_found_in_its_metrics_module(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    random = np.random.default_rng(5)
    truth = random.normal(0, 25, 300)
    table = {"id": range(300), "y_true": truth}
    for name, noise in (("candidate", 5), ("baseline", 20)):
        table[name] = truth + random.normal(0, noise, 300)
    pyarrow.parquet.write_table(pa.table(table), tmp_path / "table.parquet")
    config = {"case": "C", "primary": {"metric": "within_ten", "min_effect": 0.1}}
    (tmp_path / "compare.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")

    environment = {**os.environ, "PYTHONPATH": str(KIT), "MLOPS_PACKAGE": "shop"}

    def said(own: str | None) -> str:
        if own is not None:
            (tmp_path / "shop" / "metrics.py").write_text(own, encoding="utf-8")
        command = [sys.executable, "-c", SCRIPT]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    assert 'unknown metric "within_ten"' in said(None)
    assert "metrics.py fails: ValueError: 'auc' is taken" in said(BROKEN)
    assert said(OWN) == ""
    result = json.loads((tmp_path / "out/decision.json").read_text(encoding="utf-8"))
    assert (result["decision"], result["primary"]["method"]) == ("promote", "BCa bootstrap")
    wrong = np.abs(truth - np.asarray(table["candidate"])) <= 10
    assert result["candidate"]["value"] == pytest.approx(wrong.mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda truth, prediction: 1 / 0, "Your metric own fails: ZeroDivisionError"),
        (lambda truth, prediction: float("nan"), "has no value on these rows"),
        (lambda truth, prediction: prediction, "Your metric own fails"),
        (lambda truth, prediction: np.random.default_rng().random(), "take the chance out of it"),
        (lambda truth, prediction: _claims(truth, prediction, 0.01), "claims a standard error of"),
        (lambda truth, prediction: _claims(truth, prediction[:5], 1), "one value per row"),
    ],
)
def test_a_metric_of_ones_own_that_fails_or_lies_is_named(function: Any, sentence: str) -> None:
    metrics = import_module("mlops_kit.compare.metrics.registry")
    try:
        metrics.register("own", function, "higher", "score")
        with pytest.raises(MlopsError, match=sentence):
            _decision(_crossed(), "own", inference={"reuse": "free"})
    finally:
        metrics.METRICS.pop("own", None)
