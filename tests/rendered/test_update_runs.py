"""Old seeds run with new managed code: after an update the pipeline and the tests are green."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from copier_mlops.updating.update import update
from lifecycle import ANSWER_SETS, NEXT, RELEASES, commit, repository, versioned_template
from running import Project

# The oldest in continuous integration; LIFECYCLE_ALL=1 runs every answer set from every release.
CASES: list[tuple[str, dict[str, Any]]] = [(next(iter(RELEASES)), {})]
if os.environ.get("LIFECYCLE_ALL"):
    CASES = [(version, answers) for version in RELEASES for answers in ANSWER_SETS.values()]

pytestmark = pytest.mark.xdist_group("update_runs")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return versioned_template(tmp_path_factory.mktemp("runs") / "template")


@pytest.mark.parametrize(("version", "answers"), CASES)
def test_the_pipeline_and_the_tests_are_green_after_an_update(
    version: str,
    answers: dict[str, Any],
    template: Path,
    tmp_path: Path,
    figure: Callable[[str], None],
) -> None:
    path = repository(template, tmp_path / "p", version, answers)
    report, _ = update(path)
    assert report.after == NEXT
    assert report.lock == ""
    commit(path)
    project = Project(path)
    checked = project.run(
        "env", "-u", "UV_FROZEN", "uv", "lock", "--check", "--offline", check=False
    )
    assert checked.returncode == 0, checked.stderr
    project.mlops("run")
    decision = json.loads((path / "reports/compare/decision.json").read_text(encoding="utf-8"))
    assert decision["decision"] in {"promote", "reject", "inconclusive"}
    passed = project.uv("pytest").stdout.strip().splitlines()[-1]
    figure(f"updated from {version}, {answers.get('task', 'classification')}: {passed}")
