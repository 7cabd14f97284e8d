"""docs/bring-your-own-data.md, followed to the letter: each block of it is written or run.

The tables are real where the document says so. Nothing here repeats the document, so that the two
cannot part: a block with a title is the file of that name, a block of `sh` is a command.
"""

import json
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pytest
import yaml
from documents import blocks, do
from running import Project, first_and_repetitions, new_project, replace
from stages import pipeline

pytestmark = pytest.mark.xdist_group("own-data")
RUN_IT = "\n## Now run it\n"
# What the team may change; everything else would be overwritten by the next update.
THEIRS = re.compile(r"conf/\w+\.yaml|params\.yaml|src/shop/(features|baseline)\.py|tests/.*\.py")
GENERATED = {"dvc.lock", "data/inputs.json", "data/systems.json", "data/holdouts.json"}


def document(project: Project) -> tuple[str, str]:
    """Return the six steps, and what comes after them."""
    text = (project.path / "docs" / "bring-your-own-data.md").read_text(encoding="utf-8")
    steps, rest = text.split(RUN_IT)
    return steps, rest


def follow(project: Project) -> Project:
    """Do the six steps of the document in their order."""
    for block in blocks(document(project)[0]):
        if block.file:
            assert THEIRS.fullmatch(block.file), f"{block.file} is not the team's to change"
        do(project, block)
    return project


def run_it(project: Project) -> str:
    """Run the commands that the document ends with; each must exit 0. Return what they print."""
    commands = [block.text for block in blocks(document(project)[1]) if block.language == "sh"]
    assert commands == ["uv run mlops run\nuv run pytest\n"]
    return project.run("bash", "-e", "-c", commands[0]).stdout


def decision(project: Project) -> dict[str, Any]:
    file = project.path / "reports" / "compare" / "decision.json"
    return json.loads(file.read_text(encoding="utf-8"))


def said(decided: dict[str, Any]) -> str:
    primary = decided["primary"]
    return (
        f"{decided['decision']}, {primary['metric']} {decided['candidate']['value']:.4f} against "
        f"{decided['incumbent']['value']:.4f}, better by {primary['estimate']:.4f} "
        f"[{primary['lower']:.4f}, {primary['upper']:.4f}], {primary['n_rows']} holdout rows"
    )


def changed(project: Project) -> set[str]:
    """Return the paths that git sees as new or changed."""
    listed = project.run("git", "status", "--porcelain", "--untracked-files=all").stdout
    return {line[3:] for line in listed.splitlines()}


def assert_green(project: Project, printed: str) -> None:
    """Check that its tests and its CI's checks pass, and that only the team's files changed."""
    assert re.search(r"^\d+ passed", printed, re.MULTILINE), printed
    project.uv("ruff", "check")
    project.uv("ruff", "format", "--check")
    project.uv("pyrefly", "check")
    touched = changed(project)
    assert touched >= GENERATED
    assert {path for path in touched - GENERATED if not THEIRS.fullmatch(path)} == set()


Make = Callable[..., Project]
Task = Literal["classification", "regression", "recommendation"]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Return a function that renders with some answers and follows the steps."""

    def make(task: Task, personal_data: str, functionality: str = "new") -> Project:
        answers = {"task": task, "personal_data": personal_data, "functionality": functionality}
        return follow(new_project(tmp_path_factory.mktemp("own") / "project", answers))

    return make


@pytest.fixture(scope="module")
def diabetes(followed: Make) -> Iterator[tuple[Project, str]]:
    """Follow the steps for diabetes without personal data; give the last commands' output too."""
    project = followed("regression", "none")
    yield project, run_it(project)


def test_diabetes_without_personal_data(
    diabetes: tuple[Project, str], figure: Callable[[str], None]
) -> None:
    project, printed = diabetes
    assert_green(project, printed)
    decided = decision(project)
    figure(f"diabetes (regression, 442 patients): {said(decided)}")
    assert "decision   promote" in printed
    assert decided["decision"] == "promote" and decided["case"] == "A"
    assert decided["primary"]["design"] == "iid"
    assert "oracle" not in decided
    # Published models err by 53 to 62; the mean of all patients errs by 77 on the whole table.
    assert 50 < decided["candidate"]["value"] < 65
    assert 72 < decided["incumbent"]["value"] < 88
    assert decided["primary"]["lower"] > decided["primary"]["min_effect"]
    features = pl.read_parquet(project.path / "data/open/features.parquet")
    assert features.height == 442
    assert 0.2 < features["split"].eq("holdout").mean() < 0.4  # type: ignore[operator]
    assert not (project.path / "conf" / "privacy.yaml").exists()


def test_breast_cancer_with_personal_data_needs_a_key_and_leaves_codes_only(
    followed: Make, figure: Callable[[str], None]
) -> None:
    project = followed("classification", "pii")
    key = project.path / ".secrets" / "privacy.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    kept = key.rename(key.with_name("aside"))
    refused = project.mlops("run", check=False)
    assert refused.returncode == 3
    assert "uv run mlops privacy key" in refused.stderr
    assert not (project.path / "data" / "open" / "tables").exists()
    kept.rename(key)

    assert_green(project, run_it(project))
    decided = decision(project)
    figure(f"breast cancer (classification, 569 biopsies): {said(decided)}")
    assert decided["decision"] == "promote"
    assert 0.98 < decided["candidate"]["value"] < 1
    assert decided["incumbent"]["value"] == 0.5
    assert decided["primary"]["lower"] > 0.45
    features = pl.read_parquet(project.path / "data/open/features.parquet")
    assert features.height == 569
    assert features["y_true"].sum() == 212  # malignant ones, as published
    assert features["id"].str.contains(r"^[0-9a-f]{8}-[0-9a-f]{32}$").all()
    assert features["id"].n_unique() == 569
    tracked = project.run("git", "ls-files", "--others", "--cached", "--exclude-standard").stdout
    assert "biopsies" not in tracked and "privacy.key" not in tracked


@pytest.mark.parametrize(
    ("task", "personal_data", "functionality", "case", "least"),
    first_and_repetitions(
        ("recommendation", "none", "new", "A", 0.1),
        ("classification", "none", "existing_rules", "B", 0.98),
        ("regression", "pii", "existing_model", "C", 0.0),
    ),
)
def test_the_other_tasks_and_functionalities_run_as_the_document_says(
    followed: Make,
    figure: Callable[[str], None],
    task: Task,
    personal_data: str,
    functionality: str,
    case: str,
    least: float,
) -> None:
    project = followed(task, personal_data, functionality)
    pipeline(project)
    # The document's own test, and the contracts on the team's files.
    contracts = "tools/kit/tests/test_seeds.py"
    project.uv("pytest", "tests", contracts)
    decided = decision(project)
    figure(f"{task}, {functionality}, personal data {personal_data}: {said(decided)}")
    assert decided["case"] == case
    assert decided["primary"]["estimate"] > 0
    assert decided["candidate"]["value"] > least
    project.uv("ruff", "check")
    project.uv("ruff", "format", "--check")


@pytest.mark.parametrize("form", ["jsonl", "parquet", "folder of csv"])
def test_the_form_of_the_file_changes_no_digit(diabetes: tuple[Project, str], form: str) -> None:
    project, _ = diabetes
    before = decision(project)
    raw = project.path / "data" / "raw"
    table = pl.read_csv(raw / "patients.csv")
    name = {"jsonl": "patients.jsonl", "parquet": "patients.parquet"}.get(form, "patients")
    if form == "jsonl":
        table.write_ndjson(raw / name)
    elif form == "parquet":
        table.write_parquet(raw / name)
    else:
        (raw / name).mkdir()
        table.head(200).write_csv(raw / name / "1.csv")
        table.slice(200).write_csv(raw / name / "2.csv")
    sources = project.path / "conf" / "sources.yaml"
    original = sources.read_text(encoding="utf-8")
    replace(sources, "path: patients.csv", f"path: {name}")
    try:
        pipeline(project)
        recorded = json.loads((project.path / "data/inputs.json").read_text(encoding="utf-8"))
        paths = [entry["path"] for entry in recorded["tables"]["patients"]]
        assert all(path.startswith(f"data/raw/{name}") for path in paths)
        assert len(paths) == (2 if form == "folder of csv" else 1)
        after = decision(project)
        (table,) = after["data"]["tables"].values()
        assert table["files"] == len(paths)
        # How many files hold the rows is all that may differ, and which pyarrow wrote a file.
        assert after | {key: before[key] for key in ("data", "made_of")} == before
    finally:
        sources.write_text(original, encoding="utf-8", newline="\n")


def test_a_split_by_groups_keeps_each_whole_and_words_need_no_configuration(
    diabetes: tuple[Project, str], figure: Callable[[str], None]
) -> None:
    project, _ = diabetes
    raw = project.path / "data" / "raw"
    table = pl.read_csv(raw / "patients.csv").with_columns(
        clinic=pl.col("patient_id") // 4,
        ward=pl.when(pl.col("sex") == 1).then(pl.lit("north")).otherwise(pl.lit("south")),
    )
    table.write_csv(raw / "patients.csv")
    contract = "      patient_id: {type: integer, unique: true}\n"
    more = "      clinic: {type: integer}\n      ward: {type: string}\n"
    replace(project.path / "conf" / "sources.yaml", contract, contract + more)
    (alternative,) = [
        block.text
        for block in blocks(document(project)[0])
        if block.language == "yaml" and block.text.startswith("split:")
    ]
    params = project.path / "params.yaml"
    chosen = yaml.safe_load(params.read_text(encoding="utf-8")) | yaml.safe_load(alternative)
    params.write_text(yaml.safe_dump(chosen), encoding="utf-8")
    features = project.path / "src" / "shop" / "features.py"
    replace(
        features,
        '"SELECT patient_id AS id FROM patients"',
        "'SELECT patient_id AS id, clinic AS \"group\" FROM patients'",
    )
    replace(features, "AS id, age, sex,", "AS id, age, ward,")

    pipeline(project)
    rows = pl.read_parquet(project.path / "data/open/features.parquet")
    assert rows["ward"].dtype == pl.String
    sides = rows.group_by("group").agg(pl.col("split").n_unique())
    assert sides.height == 111
    assert sides["split"].max() == 1
    primary = decision(project)["primary"]
    figure(f"diabetes by groups of four: {said(decision(project))}, {primary['n_groups']} groups")
    assert primary["design"] == "clustered"
    held_back = rows.filter(pl.col("split") == "holdout")
    assert primary["n_groups"] == held_back["group"].n_unique()
    assert primary["n_rows"] == held_back.height > primary["n_groups"]


@pytest.mark.repetition
def test_the_shop_left_behind_in_one_file_is_named_in_a_sentence(followed: Make) -> None:
    """Whoever forgets a step is told which file to look at."""
    project = followed("classification", "none")
    compare = project.path / "conf" / "compare.yaml"
    replace(compare, "incumbent: baseline\n", "incumbent: baseline\noracle: oracle\n")
    stopped = project.mlops("run", check=False)
    assert stopped.returncode == 3
    assert "oracle" in stopped.stderr and "conf/compare.yaml" in stopped.stderr
    assert "Traceback" not in stopped.stderr


def test_every_file_that_the_document_shows_is_parsed_and_titled(
    tmp_path: Path,
) -> None:
    """A misspelt title would make a block an example that no test runs."""
    project = new_project(tmp_path / "project")
    found = blocks("".join(document(project)))
    shown = [block.file for block in found if block.file]
    assert shown == [
        "conf/sources.yaml",
        "conf/privacy.yaml",
        "params.yaml",
        "src/shop/features.py",
        "tests/test_features.py",
        "conf/compare.yaml",
    ]
    text = "".join(document(project))
    assert text.count("```") == 2 * len(found)
    assert len(re.findall(r"^## [1-6]\. ", text, re.MULTILINE)) == 6
