"""All nine pipelines on the sample at its full size: a good model wins, and nothing else does."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace as changed_copy
from pathlib import Path
from typing import Any

import pytest
from running import Project, new_project, replace
from stages import command, pipeline

TASKS = ("classification", "regression", "recommendation")
FUNCTIONALITIES = ("new", "existing_rules", "existing_model")
CASES = dict(zip(FUNCTIONALITIES, "ABC", strict=True))
KEPT = ("classification", "existing_model")
Pipelines = Callable[[str, str], Project]

# One worker keeps all pipelines of a task, so that its tests share their runs.


def of_task(task: str, *more: str, repeated: bool = False) -> Any:
    marks = [pytest.mark.xdist_group(f"pipelines_{task}")]
    return pytest.param(task, *more, marks=marks + [pytest.mark.repetition] * repeated)


every_task = pytest.mark.parametrize("task", [of_task(task) for task in TASKS])
classification = pytest.mark.xdist_group("pipelines_classification")
regression = pytest.mark.xdist_group("pipelines_regression")

TINY = "customers: 150, products: 60, order_lines: 1800"
# A feature that is the outcome itself, as people leak it: through a join that forgot the date.
LEAKS = {
    "classification": (
        "count(*) / (max(age) + 90.0) AS order_rate,",
        """(SELECT count(*) FROM orders WHERE customer_id = id AND ordered_at >= time
            AND ordered_at < time + INTERVAL 30 DAY) AS order_rate,""",
    ),
    "regression": (
        "sum(amount) / (max(age) + 90.0) AS spend_rate,",
        """(SELECT 0.9 * coalesce(sum(quantity * unit_price), 0) FROM orders WHERE customer_id = id
            AND ordered_at >= time AND ordered_at < time + INTERVAL 30 DAY) AS spend_rate,""",
    ),
    "recommendation": (
        "JOIN orders ON customer_id = id AND ordered_at < time\n             AND ordered_at >=",
        "JOIN orders ON customer_id = id AND ordered_at < time + INTERVAL 30 DAY\n"
        "             AND ordered_at >=",
    ),
}
# The outcomes change hands among the rows, the same way on every machine.
SHUFFLE = '''

true_target = target


def target(params: dict) -> str:
    """Give every row the outcome of another one."""
    return f"""
        WITH outcome AS ({true_target(params)}),
        here AS (SELECT id, time, row_number() OVER (ORDER BY id, time) AS place FROM outcome),
        there AS (
            SELECT y_true, row_number() OVER (ORDER BY md5(concat(id, time))) AS place FROM outcome
        )
        SELECT id, time, y_true FROM here JOIN there USING (place)
    """
'''
FIXED_MODEL = '''"""A model that learns nothing."""

import pandas as pd
from sklearn.base import BaseEstimator

from .baseline import rules


class Fixed(BaseEstimator):
    """The rules in force, times a factor."""

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X: pd.DataFrame):
        return FACTOR * rules(X).to_numpy()


def build(params: dict) -> BaseEstimator:
    return Fixed()
'''

LOAD = """
import json, sys
from pathlib import Path
import mlflow, numpy as np, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
data = Path(sys.argv[2])
table = pd.read_parquet(data / "features.parquet")
judged = pd.read_parquet(data / "predictions.parquet")
judged = judged[judged["system"] == "candidate"]
column = next(name for name in ("score", "prediction", "items") if name in judged)
expected = np.array(judged[column].tolist(), float)
rows = table[table["split"] == "holdout"]
given = np.array(model.predict(rows).tolist(), float)
whole = [name for name, kind in rows.dtypes.items() if kind.kind == "i" and name != "y_true"]
some = rows.head(20).copy()
if column != "items":  # the sample's recommender needs each row's month
    for name in whole:
        some[name] = some[name].astype("float64")
        some.iloc[0, some.columns.get_loc(name)] = np.nan
lacking = np.array(model.predict(some).tolist(), float)
print(json.dumps({
    "rows": len(rows),
    "difference": float(np.abs(given - expected).max()),
    "others_difference": float(np.abs(lacking[1:] - expected[1:20]).max()),
    "ours": [name for name in sys.modules if "mlops" in name],
    "types": [spec["type"] for spec in model.metadata.signature.inputs.to_dict()],
}))
"""


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipelines]:
    """Return a function that gives the finished pipeline of a task and functionality.

    The new functionalities are run with `mlops run`, DVC and MLflow; the others by their stages.
    """
    folder = tmp_path_factory.mktemp("pipelines")
    done: dict[tuple[str, str], Project] = {}

    def finished(task: str, functionality: str) -> Project:
        key = (task, functionality)
        if key not in done:
            answers = {"task": task, "functionality": functionality}
            done[key] = new_project(folder / "-".join(key), answers)
            done[key].mlops("run") if functionality == "new" else pipeline(done[key])
        return done[key]

    yield finished
    shutil.rmtree(folder)


def decision_of(project: Project) -> dict[str, Any]:
    return json.loads((project.path / "reports/compare/decision.json").read_text("utf-8"))


@contextmanager
def changed(project: Project, **files: str) -> Iterator[None]:
    """Give files of the team other contents for a while (`model` is src/shop/model.py)."""
    places = {name: project.path / "src" / "shop" / f"{name}.py" for name in files}
    before = {name: place.read_text(encoding="utf-8") for name, place in places.items()}
    try:
        for name, text in files.items():
            places[name].write_text(text, encoding="utf-8", newline="\n")
        yield
    finally:
        for name, text in before.items():
            places[name].write_text(text, encoding="utf-8", newline="\n")


def team_file(project: Project, name: str) -> str:
    return (project.path / "src" / "shop" / f"{name}.py").read_text(encoding="utf-8")


def leaked(project: Project, task: str) -> str:
    """Return features.py with a feature that knows the outcome."""
    text, (honest, leak) = team_file(project, "features"), LEAKS[task]
    assert text.count(honest) == 1
    return text.replace(honest, leak)


def judge(project: Project, *stages: str) -> dict[str, Any]:
    """Run the named stages without DVC and MLflow, then compare; return the decision."""
    for stage in (*stages, "compare run"):
        done = command(project, stage)
        assert done.returncode == 0, f"{stage}: {done.stderr}"
    return decision_of(project)


@pytest.mark.parametrize(
    ("task", "functionality"),
    [
        of_task(task, each, repeated=each != "new" and (task, each) != KEPT)
        for task in TASKS
        for each in FUNCTIONALITIES
    ],
)
def test_every_pipeline_closes_half_of_the_possible_gain_and_is_promoted(
    task: str, functionality: str, pipelines: Pipelines, figure
) -> None:
    project = pipelines(task, functionality)
    decision = decision_of(project)
    primary, oracle = decision["primary"], decision["oracle"]
    sign = 1 if primary["direction"] == "higher" else -1
    incumbent, candidate = (decision[role]["value"] for role in ("incumbent", "candidate"))
    figure(
        f"{task:<15}{functionality:<15}{primary['metric']:<11}"
        f"{incumbent:9.4f} < {candidate:9.4f} <= {oracle['value']:9.4f}   "
        f"gain {primary['estimate']:8.4f} [{primary['lower']:.4f}, {primary['upper']:.4f}]   "
        f"{oracle['share_of_gap_closed']:.0%} of the gap"
    )
    assert sign * incumbent < sign * candidate <= sign * oracle["value"]
    assert oracle["share_of_gap_closed"] >= 0.5
    assert primary["lower"] > 0
    assert decision["decision"] == "promote"
    assert decision["case"] == CASES[functionality]
    gate = command(project, "compare check")
    assert gate.returncode == 0, gate.stdout


@every_task
def test_the_registered_model_gives_what_was_judged_where_the_project_is_not(
    task: str, pipelines: Pipelines, tmp_path: Path
) -> None:
    project = pipelines(task, "new").path
    (stored,) = project.glob("mlruns/*/models/*/artifacts")
    elsewhere = shutil.copytree(stored, tmp_path / "model")
    # The template's own environment has MLflow and scikit-learn, and neither `shop` nor its rooms.
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOAD, str(elsewhere), str(project / "data" / "open")],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MLFLOW"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["rows"] > 1_000
    assert told["difference"] <= 1e-12
    assert told["ours"] == []
    assert set(told["types"]) <= {"any", "double", "string", "array"}
    # With a missing value in each whole number, only that row changes.
    assert told["others_difference"] <= 1e-12
    files = {file.relative_to(elsewhere).as_posix() for file in elsewhere.rglob("*.*")}
    code = {name for name in files if name.startswith("code/")}
    own = {"code/shop/__init__.py", "code/shop/model.py"} if task == "recommendation" else set()
    assert {name for name in code if name.endswith(".py")} == own  # 142 files in 0.3.0
    assert not {"pyproject.toml", "uv.lock"} & files


@classification
def test_a_feature_that_looks_past_its_own_day_stops_the_run(pipelines: Pipelines) -> None:
    project = pipelines("classification", "new")
    before = decision_of(project)
    with changed(project, features=leaked(project, "classification")):
        done = project.mlops("run", check=False)
    assert done.returncode == 3
    assert 'column "order_rate" changes for' in done.stderr
    assert "it looks into the future" in done.stderr
    assert decision_of(project) == before


@every_task
def test_a_leak_that_no_date_betrays_shows_by_beating_the_oracle(
    task: str, pipelines: Pipelines, figure
) -> None:
    project = pipelines(task, "new")
    sources, compare = (project.path / f"conf/{name}.yaml" for name in ("sources", "compare"))
    before = {file: file.read_text(encoding="utf-8") for file in (sources, compare)}
    try:
        # Without a declared time the features stage cannot tell which orders are still to come.
        replace(sources, "    time: ordered_at", "    # no time")
        # And somebody has vouched for the feature that determines the outcome.
        vouched = 'determined: {reason: "a code", until: 2035-12-31}'
        replace(compare, "\nacknowledged: {", f"\nacknowledged: {{{vouched}, ")
        with changed(project, features=leaked(project, task)):
            decision = judge(project, "data features", "train")
            gate = command(project, "compare check")
    finally:
        for file, text in before.items():
            file.write_text(text, encoding="utf-8", newline="\n")
    figure(
        f"{task}, leaked: candidate {decision['candidate']['value']:.4f}, "
        f"oracle {decision['oracle']['value']:.4f}"
    )
    assert decision["oracle"]["exceeded"]
    assert "a leak is likely" in decision["reasons"][0]
    assert gate.returncode == 1
    assert "a leak is likely" in gate.stdout


@every_task
def test_shuffled_outcomes_are_rejected(task: str, pipelines: Pipelines, figure) -> None:
    project = pipelines(task, "new")
    with changed(project, features=team_file(project, "features") + SHUFFLE):
        decision = judge(project, "data features", "train")
        gate = command(project, "compare check")
    primary, reason = decision["primary"], decision["reasons"][0]
    figure(f"{task}, shuffled: gain {primary['estimate']:.4f}: {reason}")
    assert gate.returncode == 1, gate.stdout
    assert primary["upper"] < primary["min_effect"]
    # What the oracle predicts is no longer the outcome: nobody may be sent after a leak alone.
    assert "a leak is likely" not in reason


@pytest.mark.repetition
@regression
def test_an_identical_model_is_no_change(pipelines: Pipelines) -> None:
    project = pipelines("regression", "existing_rules")
    with changed(project, model=FIXED_MODEL.replace("FACTOR", "1.0")):
        decision = judge(project, "data features", "train")
        gate = command(project, "compare check")
    assert decision["reasons"][0].startswith("No change")
    assert decision["primary"]["estimate"] == 0
    assert gate.returncode == 1


@regression
def test_a_worse_model_is_rejected(pipelines: Pipelines) -> None:
    project = pipelines("regression", "existing_rules")
    with changed(project, model=FIXED_MODEL.replace("FACTOR", "2.0")):
        decision = judge(project, "data features", "train")
        gate = command(project, "compare check")
    assert decision["decision"] == "reject"
    assert decision["primary"]["upper"] < 0
    assert gate.returncode == 1
    assert "is worse by" in gate.stdout


@pytest.mark.repetition
@classification
def test_too_few_rows_are_inconclusive_and_say_how_many_would_do(tmp_path: Path) -> None:
    answers = {"task": "classification", "functionality": "existing_model"}
    project = new_project(tmp_path / "tiny", answers)
    sources = project.path / "conf/sources.yaml"
    replace(sources, "customers: 5000, products: 300, order_lines: 60000", TINY)
    # A pipeline that ends without a verdict has still done its work.
    assert "inconclusive" in project.mlops("run").stdout
    decision = decision_of(project)
    assert decision["primary"]["rows_needed"] > decision["primary"]["n_rows"]
    gate = command(project, "compare check")
    assert gate.returncode == 2
    assert "times the rows" in gate.stdout


@pytest.mark.repetition
@classification
def test_two_renders_and_two_ways_to_run_decide_the_same_to_the_digit(
    pipelines: Pipelines, tmp_path: Path
) -> None:
    # A pipeline that no other test changes.
    answers = {"task": "classification", "functionality": "existing_model"}
    first = pipelines(answers["task"], answers["functionality"])
    second = new_project(tmp_path / "again", answers)
    for words in (["run"], ["run", "--force"]):
        second.mlops(*words)
        assert _of_no_day(second) == _of_no_day(first), words


def _of_no_day(project: Project) -> str:
    """Return a decision without its day, as two runs may have midnight between them.

    Without digests of files too: a parquet file names the pyarrow that wrote it, and the stages
    that run in process have another one.
    """
    text = (project.path / "reports/compare/decision.json").read_text(encoding="utf-8")
    text, digests = re.subn(r'"(features|predictions)_sha256": "\w{64}"', r'"\1"', text)
    assert digests == 2
    text, said = re.subn(r"\(today is [0-9-]{10}\)", "(today)", text)
    text, kept = re.subn(r'"on": "[0-9-]{10}"', '"on": "today"', text)
    # Said among the reasons and beside its check, kept once.
    assert (said, kept) == (2, 1)
    return text


@every_task
@pytest.mark.repetition
def test_another_key_changes_no_figure(task: str, pipelines: Pipelines) -> None:
    project = pipelines(task, "existing_rules")
    opened = project.path / "data/open/tables/orders.parquet"
    other_key = changed_copy(project, extra={"MLOPS_PRIVACY_KEY": "another-key-" * 4})
    theirs = judge(other_key, "privacy protect", "data features", "train")
    their_tokens = opened.read_bytes()
    ours = judge(project, "privacy protect", "data features", "train")
    assert opened.read_bytes() != their_tokens
    assert theirs["holdout_sha256"] == ours["holdout_sha256"]
    assert theirs["decision"] == ours["decision"]
    for part in ("primary", "candidate", "incumbent", "oracle"):
        for name, value in ours[part].items():
            if isinstance(value, float):
                assert theirs[part][name] == pytest.approx(value, rel=1e-9), (part, name)
