"""A proof of concept that somebody has worked in goes to production: nothing is lost."""

import random
import re
from pathlib import Path

import pytest
from copier_mlops.git import repository_at
from copier_mlops.repository import snapshot
from copier_mlops.updating.update import undo, update
from killing import killed_update
from lifecycle import (
    NEXT,
    commit,
    memoised_versions,
    repository,
    state_of,
    tracked,
    versioned_template,
)
from rendering import SHOP, files_of, git, profile, render
from running import Project

COMMITS = 30
GIVEN = {"stage": "production"}
# What a team changes in a proof of concept: its own files, and some of the template's.
OWN = (
    "src/shop/features.py",
    "src/shop/model.py",
    "conf/compare.yaml",
    "conf/sources.yaml",
    "params.yaml",
    "docs/poc.md",
    "docs/charter.md",
    "README.md",
    "notebooks/start.ipynb",
    "tests/test_features.py",
)
MANAGED = (".gitignore", "dvc.yaml", ".github/workflows/ci.yml")
# Written before production brings files of these names: the team's, each whole.
EARLY = ("docs/runbook.md", "conf/prod.yaml", ".github/CODEOWNERS", "infra/Dockerfile")
# What a run leaves, of which git holds the first only.
MADE = ("data/holdouts.json", "mlflow-dev.db", "data/open/rows.parquet", "models/model.skops")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return versioned_template(tmp_path_factory.mktemp("graduation") / "template")


def worked_in(template: Path, folder: Path) -> tuple[Path, dict[str, set[str]]]:
    """Return a proof of concept with thirty commits, and the lines that people wrote by file."""
    project = repository(template, folder, NEXT, profile("poc"))
    written: dict[str, set[str]] = {}
    for number in range(COMMITS):
        names = [*OWN, *MANAGED, f"src/shop/own_{number}.py", f"docs/notes/{number}.md"]
        name = names[number % len(names)]
        path, line = project / name, f"# ours, number {number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text(encoding="utf-8") if path.is_file() else ""
        path.write_text(f"{before}{line}\n", encoding="utf-8", newline="")
        written.setdefault(name, set()).add(line)
        commit(project, f"Work {number}")
    return project, written


def test_nothing_is_lost_and_the_rest_is_rendered(template: Path, tmp_path: Path) -> None:
    project, written = worked_in(template, tmp_path / "poc")
    assert int(git("rev-list", "--count", "HEAD", cwd=project)) == COMMITS + 1
    before = tracked(project)
    report, _ = update(project, to=NEXT, given=GIVEN, lock=False)
    # Both added to the end of the workflow: marked, and both are there.
    assert set(report.merged.conflicts) == {".github/workflows/ci.yml"}
    after = tracked(project)
    for name, lines in written.items():
        assert lines <= set(after[name].decode().splitlines()), name
    seeded = {name for name in OWN if name in written}
    assert {name: after[name] for name in seeded} == {name: before[name] for name in seeded}
    fresh = files_of(render(tmp_path / "fresh", {**SHOP, **profile("poc"), **GIVEN}))
    assert set(after) == set(fresh) | set(before)
    assert {"docs/responsible-ai.md", "docs/runbook.md", "conf/prod.yaml"} <= set(after)


def test_files_that_production_brings_and_what_a_run_left_stay_the_team_s(
    template: Path, tmp_path: Path
) -> None:
    project = repository(template, tmp_path / "poc", NEXT, profile("poc"))
    for name in (*EARLY, *MADE):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(f"ours: {name}\n", encoding="utf-8")
    commit(project)
    ignored = git("ls-files", *MADE, cwd=project).splitlines()
    assert ignored == [MADE[0]]
    report, _ = update(project, to=NEXT, given=GIVEN, lock=False)
    assert report.merged.conflicts == {}
    for name in (*EARLY, *MADE):
        assert (project / name).read_text(encoding="utf-8") == f"ours: {name}\n", name


@pytest.mark.repetition
def test_the_tests_of_a_graduated_repository_are_green(template: Path, tmp_path: Path) -> None:
    """What it runs is real: its own locked environment, its pipeline on the sample, its tests."""
    path, written = worked_in(template, tmp_path / "poc")
    before = tracked(path)
    update(path, to=NEXT, given=GIVEN, lock=False)
    workflow = ".github/workflows/ci.yml"
    git("checkout", "--theirs", workflow, cwd=path)
    commit(path, "Graduate")
    project = Project(path)
    assert "model" in project.mlops("run").stdout
    said = project.uv("pytest", "-v").stdout
    passed = re.search(r"(\d+) passed", said)
    assert passed and int(passed[1]) > 20 and "failed" not in said
    assert "prod" in project.mlops("doctor", check=False).stdout
    # What the team wrote is what they find: the documents stand as they left them.
    for name in written:
        if name.startswith("docs/"):
            assert (path / name).read_bytes() == before[name], name


def test_the_page_of_the_proof_of_concept_stays_where_it_is(template: Path, tmp_path: Path) -> None:
    project = repository(template, tmp_path / "poc", NEXT, profile("poc"))
    page = (project / "docs/poc.md").read_bytes()
    update(project, to=NEXT, given=GIVEN, lock=False)
    assert (project / "docs/poc.md").read_bytes() == page


def test_a_killed_graduation_is_taken_back_exactly(template: Path, tmp_path: Path) -> None:
    project, _ = worked_in(template, tmp_path / "poc")
    before = state_of(project)
    with memoised_versions(template):
        last = killed_update(project, None, to=NEXT, given=GIVEN)
        undo(project)
        assert state_of(project) == before
        halfway = 0
        for moment in sorted(random.Random(3).sample(range(1, last), 4)):  # noqa: S311
            killed_update(project, moment, to=NEXT, given=GIVEN)
            if (waits := snapshot.current(repository_at(project))) is not None:
                halfway += waits.phase == snapshot.RUNNING
                undo(project)
            assert state_of(project) == before, f"killed at {moment} of {last}"
    assert halfway
