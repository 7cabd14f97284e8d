"""What `mlops predict` says about the holdout is what the comparison judged, to the digit."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace as changed_copy
from pathlib import Path

import polars as pl
import pytest
from mlops_kit.privacy.protect.keys import SAMPLE_KEY
from mlops_kit.privacy.protect.tokens import token
from running import Project, first_and_repetitions, new_project, replace
from stages import command, pipeline, registered

SMALL = "{kind: sample, customers: 600, products: 60, order_lines: 8000, seed: 7}"
ANSWER = {"classification": "score", "regression": "prediction", "recommendation": "items"}
Trained = Callable[[str], Project]

every_task = pytest.mark.parametrize(
    "task",
    [
        pytest.param(
            task,
            marks=[
                pytest.mark.xdist_group(f"predict_{task}"),
                *[pytest.mark.repetition] * (task == "classification"),
            ],
        )
        for task in ANSWER
    ],
)
regression = pytest.mark.xdist_group("predict_regression")


def write_inputs(project: Path) -> None:
    """Write the holdout's rows in another order, as tokens and as the ids behind them."""
    known = pl.read_parquet(project / "data/restricted/tables/entities.parquet")["customer_id"]
    raw = pl.DataFrame({"id": token(known, SAMPLE_KEY, "customer"), "customer_id": known})
    asked = pl.read_parquet(project / "data/open/predictions.parquet")
    rows = asked.filter(pl.col("system") == "candidate").select("id", "time")
    rows = rows.sample(fraction=1.0, shuffle=True, seed=1)
    rows.write_parquet(project / "open.parquet")
    rows.join(raw, on="id", maintain_order="left").drop("id").write_csv(project / "raw.csv")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Return a function that gives a project with a champion, and its holdout as raw.csv."""
    made: dict[str, Project] = {}

    def of(task: str) -> Project:
        if task not in made:
            project = new_project(tmp_path_factory.mktemp(task) / "shop", {"task": task})
            sources = project.path / "conf/sources.yaml"
            text = sources.read_text(encoding="utf-8")
            line = next(line for line in text.splitlines() if "kind: sample" in line)
            sources.write_text(
                text.replace(line, f"{line.split(':')[0]}: {SMALL}"), encoding="utf-8"
            )
            pipeline(project)
            registered(project)
            write_inputs(project.path)
            made[task] = project
        return made[task]

    return of


def judged(project: Project, answer: str) -> pl.DataFrame:
    table = pl.read_parquet(project.path / "data/open/predictions.parquet")
    candidate = table.filter(pl.col("system") == "candidate").select("id", "time", answer)
    return candidate.sort("id", "time")


@every_task
def test_the_holdout_gets_the_answers_that_were_judged(trained: Trained, task: str) -> None:
    project, answer = trained(task), ANSWER[task]
    done = command(project, "predict --input raw.csv --json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    found = pl.read_parquet(project.path / "data/open/scored/raw.parquet")
    wanted = judged(project, answer)
    # Sorted by token: the place of a row in the file of raw ids must not tell whose it is.
    assert found.equals(wanted)
    assert record["rows"] == record["input"]["rows"] == len(wanted)
    assert record["set_aside"] == {}
    assert not any("learned from" in note for note in record["notes"])
    card = json.loads((project.path / "models/model.json").read_text(encoding="utf-8"))
    assert record["model"] | {"sha256": card["sha256"], "alias": "champion"} == record["model"]
    assert {one["feature"] for one in record["skew"]} == set(card["features"])


@every_task
@pytest.mark.parametrize("zone", first_and_repetitions("Asia/Kathmandu", "America/St_Johns"))
def test_tokens_are_taken_as_they_are_under_any_zone_and_locale(
    trained: Trained, task: str, zone: str
) -> None:
    project = trained(task)
    elsewhere = changed_copy(project, extra={"TZ": zone, "LC_ALL": "de_DE.UTF-8"})
    command(elsewhere, "predict --input open.parquet").check_returncode()
    found = pl.read_parquet(project.path / "data/open/scored/open.parquet")
    assert found.equals(judged(project, ANSWER[task]))


@regression
def test_raw_ids_are_written_inside_the_restricted_zone_only(trained: Trained) -> None:
    project = trained("regression")
    asked = pl.read_csv(project.path / "raw.csv", try_parse_dates=True)
    place = "data/restricted/scored/raw.parquet"
    command(project, f"predict --input raw.csv --output {place}").check_returncode()
    inside = pl.read_parquet(project.path / place)
    # As they were given, in the order of the file.
    assert inside["id"].equals(asked["customer_id"].alias("id"))
    assert inside["time"].equals(asked["time"])
    outside = command(project, "predict --input raw.csv --output scores.csv")
    assert outside.returncode == 0, outside.stderr
    open_ones = pl.read_csv(project.path / "scores.csv")
    assert open_ones["id"].str.contains(r"^[0-9a-f]{8}-[0-9a-f]{32}$").all()
    assert sorted(open_ones["prediction"]) == sorted(inside["prediction"])
    refused = command(project, f"predict --input open.parquet --output {place}")
    assert refused.returncode == 3
    assert "is a token, and scores inside data/restricted have raw ids" in refused.stderr


@regression
def test_while_rows_are_scored_the_open_zone_never_holds_a_raw_id(trained: Trained) -> None:
    project = trained("regression")
    place = project.path / "data/open/scored"
    shutil.rmtree(place, ignore_errors=True)
    hook = project.path / "src/shop/model.py"
    kept = hook.read_text(encoding="utf-8")
    stop = "\nimport sys, os\nif 'predict' in sys.argv: os._exit(9)\n"
    hook.write_text(kept + stop, encoding="utf-8")
    features = project.path / "src/shop/features.py"
    text = features.read_text(encoding="utf-8")
    features.write_text(
        text.replace("def features(", "def others(")
        + "\n\nimport inspect\n\n\ndef features(params):\n"
        "    import os\n    if any('parts' in frame.filename for frame in inspect.stack()):\n"
        "        os._exit(9)\n    return others(params)\n",
        encoding="utf-8",
    )
    try:
        killed = command(project, "predict --input raw.csv")
        assert killed.returncode == 9
    finally:
        hook.write_text(kept, encoding="utf-8")
        features.write_text(text, encoding="utf-8")
    left = list(place.rglob("*.parquet"))
    assert left
    for file in left:
        assert "raw" not in pl.read_parquet_schema(file)
        for values in pl.read_parquet(file).select(pl.col(pl.String)):
            assert not values.is_in([str(one) for one in range(1, 700)]).any()
    command(project, "predict --input raw.csv").check_returncode()
    assert [file.name for file in sorted(place.iterdir())] == ["raw.parquet", "raw.predict.json"]


@regression
def test_what_no_registry_holds_is_refused_in_a_sentence(trained: Trained) -> None:
    project = trained("regression")
    for alias, said in {
        "nobody": "has no version with the alias nobody: use --model with one of challenger",
        "baseline": '"baseline" of conf/compare.yaml is of kind table and in no registry',
    }.items():
        done = command(project, f"predict --input raw.csv --model {alias}")
        assert done.returncode == 3
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
    nothing = changed_copy(project, extra={"MLOPS_TRACKING__URI": "sqlite:///nowhere.db"})
    done = command(nothing, "predict --input raw.csv")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "no model is registered" in done.stderr


@regression
def test_another_feature_than_the_model_learned_from_is_refused_by_name(trained: Trained) -> None:
    project = trained("regression")
    file = project.path / "src/shop/features.py"
    kept = file.read_text(encoding="utf-8")
    try:
        replace(file, "count(*) AS orders_total", "CAST(count(*) AS VARCHAR) AS orders_total")
        done = command(project, "predict --input raw.csv")
        assert done.returncode == 3
        assert 'column "orders_total" is of type VARCHAR' in done.stderr
        file.write_text(kept.replace("age <= 180", "age <= 170"), encoding="utf-8")
        done = command(project, "predict --input raw.csv")
        assert done.returncode == 0
        assert "another one than version" in done.stdout
    finally:
        file.write_text(kept, encoding="utf-8")
