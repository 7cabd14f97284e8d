"""What drifted is named, a team can leave, and a rendered workflow warns without ever failing."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from copier_mlops.errors import ToolError
from copier_mlops.updating.drift import drift, drift_text
from copier_mlops.updating.eject import eject
from copier_mlops.updating.eject import undo as undo_eject
from lifecycle import commit, state_of
from processes import run
from rendering import ROOT, git
from tiny_template import second_version, tiny_project, tiny_template

CLI = "src/shop/mlops/cli.py"
ANSWERS = ".copier-answers.yml"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return tiny_template(tmp_path / "template")


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    return tiny_project(template, tmp_path / "project")


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_an_untouched_repository_has_no_drift(project: Path) -> None:
    found = drift(project)
    assert not found.found
    assert (found.version, found.newer) == ("1.0.0", None)
    assert "No drift" in drift_text(found)


def test_the_teams_own_files_and_line_ends_of_a_checkout_are_no_drift(project: Path) -> None:
    rewrite(project / "README.md", "# Shop", "# Ours")
    (project / "extra.py").write_text("ours\n")
    (project / CLI).write_bytes((project / CLI).read_bytes().replace(b"\n", b"\r\n"))
    assert not drift(project).found


def test_edited_removed_moved_and_missing_files_are_told_apart(project: Path) -> None:
    rewrite(project / CLI, "line 3\n", "mine\n")
    (project / "src/shop/mlops/plain.py").unlink()
    (project / "tools").mkdir()
    git("mv", "src/shop/mlops/gate.py", "tools/gate.py", cwd=project)
    (project / "conf/base.yaml").unlink()
    found = drift(project)
    assert found.edited == [CLI]
    assert found.removed == ["src/shop/mlops/plain.py"]
    assert found.moved == {"src/shop/mlops/gate.py": "tools/gate.py"}
    assert found.seeds_missing == ["conf/base.yaml"]
    assert found.found


def test_a_missing_seed_alone_is_no_drift(project: Path) -> None:
    (project / "conf/base.yaml").unlink()
    assert not drift(project).found


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("task: a\n", "task: a\ncolour: red\n", "colour is no question"),
        ("task: a\n", "", "task is missing"),
        ("hosting: own\n", "hosting: own\nregion: us\n", "region follows from other answers"),
        ("task: a\n", "task: b\n", None),
    ],
)
def test_answers_edited_by_hand_are_named(
    project: Path, old: str, new: str, words: str | None
) -> None:
    rewrite(project / ANSWERS, old, new)
    commit(project)
    said = " ".join(drift(project).answers)
    assert (words or "") in said
    assert bool(said) == bool(words), "an answer that changes no managed file is no drift"


def test_an_answer_changed_by_hand_that_managed_files_contradict_is_named(project: Path) -> None:
    rewrite(project / ANSWERS, "privacy: 'yes'", "privacy: 'no'")
    commit(project)
    assert not drift(project).found, "nothing that is rendered is missing or different"
    rewrite(project / ANSWERS, "privacy: 'no'", "privacy: 'yes'")
    rewrite(project / ANSWERS, "package_name: shop", "package_name: store")
    commit(project)
    found = drift(project)
    assert found.removed or found.moved
    assert any("package_name was changed by hand" in said for said in found.answers)


def test_a_newer_version_is_named_and_is_no_drift(template: Path, project: Path) -> None:
    second_version(template)
    found = drift(project)
    assert (found.newer, found.found) == ("2.0.0", False)
    assert "Version 2.0.0 exists; this is 1.0.0" in drift_text(found)


def test_the_command_line_says_drift_by_its_exit_code(project: Path) -> None:
    command = [sys.executable, "-m", "copier_mlops", "drift", str(project), "--json"]
    assert run(command, project).returncode == 0
    (project / CLI).unlink()
    done = run(command, project)
    assert (done.returncode, json.loads(done.stdout)["removed"]) == (1, [CLI])


def test_a_team_can_leave_and_come_back_until_it_commits(template: Path, project: Path) -> None:
    (project / ".env").write_text("SECRET=1\n")
    before = state_of(project)
    shutil.rmtree(template)
    assert sorted(eject(project)) == [ANSWERS, "README.md"]
    assert not (project / ANSWERS).exists()
    note = (project / "README.md").read_text(encoding="utf-8")
    assert note.startswith("# Shop\n")
    assert "every file, also those in `src/shop/mlops/`, is the team's to change" in note
    staged = git("diff", "--cached", "--name-status", cwd=project).splitlines()
    assert staged == [f"D\t{ANSWERS}", "M\tREADME.md"]
    undo_eject(project)
    assert state_of(project) == before
    eject(project)
    commit(project)
    with pytest.raises(ToolError, match="was not rendered"):
        eject(project)


def test_leaving_with_uncommitted_work_is_refused(project: Path) -> None:
    rewrite(project / CLI, "line 3\n", "mine\n")
    with pytest.raises(ToolError, match="Uncommitted changes"):
        eject(project)


@pytest.fixture
def workflow(project: Path) -> Path:
    """Return the project with the rendered workflow in it."""
    target = project / ".github/workflows/template.yml"
    target.parent.mkdir(parents=True)
    shutil.copy(ROOT / "template/.github/workflows/template.yml", target)
    commit(project)
    return target


def warnings(project: Path, workflow: Path, tool: str, tmp_path: Path) -> tuple[str, str, str]:
    """Run the workflow's script as it stands, with a stand-in for uvx; return what it says."""
    steps = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]["drift"]["steps"]
    (script,) = (step["run"] for step in steps if "run" in step)
    programs = tmp_path / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "uvx").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nshift 3\n{tool}\n')
    (programs / "uvx").chmod(0o755)
    summary = tmp_path / "summary"
    summary.unlink(missing_ok=True)
    environ = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=project,
        env={**environ, "GITHUB_STEP_SUMMARY": str(summary)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert git("status", "--porcelain", cwd=project) == ""
    return done.stdout, summary.read_text(), (tmp_path / "asked").read_text()


REAL = f'exec {sys.executable} -m copier_mlops "$@"'


def test_the_workflow_warns_of_drift_and_of_a_newer_version(
    template: Path, project: Path, workflow: Path, tmp_path: Path
) -> None:
    said, _, asked = warnings(project, workflow, REAL, tmp_path)
    assert said == ""
    assert asked == f"--from git+file://{template}@v1.0.0 copier-mlops drift\n"
    second_version(template)
    rewrite(project / CLI, "line 3\n", "mine\n")
    commit(project)
    said, summary, _ = warnings(project, workflow, REAL, tmp_path)
    assert "::warning title=Template::Managed files differ" in said
    assert "::warning title=Template::Version 2.0.0 exists" in said
    assert f"edited    {CLI}" in summary


def test_the_workflow_never_fails_where_the_template_cannot_be_reached(
    project: Path, workflow: Path, tmp_path: Path
) -> None:
    said, _, _ = warnings(project, workflow, "exit 2", tmp_path)
    assert said.startswith("::notice title=Template::Could not be compared")


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("gh:shop/template", "git+https://github.com/shop/template"),
        ("https://host.example/t.git", "git+https://host.example/t.git"),
        ("git+https://host.example/t", "git+https://host.example/t"),
        ("https://user:secret@host.example/t.git", "git+https://host.example/t.git"),
    ],
)
def test_the_workflow_reads_every_kind_of_address(
    project: Path, workflow: Path, tmp_path: Path, source: str, address: str
) -> None:
    text = (project / ANSWERS).read_text(encoding="utf-8")
    text = re.sub(r"_src_path: .*", f"_src_path: {source}", text)
    (project / ANSWERS).write_text(text, encoding="utf-8")
    commit(project)
    _, _, asked = warnings(project, workflow, "exit 0", tmp_path)
    assert f"--from {address}@v1.0.0 " in asked


def test_the_workflow_signs_in_to_a_private_template_by_a_secret(
    project: Path, workflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (project / ANSWERS).read_text(encoding="utf-8")
    text = re.sub(r"_src_path: .*", "_src_path: https://host.example:81/t.git", text)
    (project / ANSWERS).write_text(text, encoding="utf-8")
    commit(project)
    monkeypatch.setenv("TEMPLATE_TOKEN", "of-nobody")
    read = "git config --get-urlmatch http.extraHeader https://host.example:81/t.git"
    said, summary, _ = warnings(project, workflow, read, tmp_path)
    coded = base64.b64encode(b"x-access-token:of-nobody").decode()
    assert summary == f"Authorization: Basic {coded}\n"
    assert said == f"::add-mask::{coded}\n"


def test_the_preset_of_renovate_keeps_its_schema() -> None:
    preset = ROOT / "renovate" / "template.json"
    command = ["check-jsonschema", "--builtin-schema", "vendor.renovate", preset]
    assert run(command, ROOT).returncode == 0
    rule, _ = json.loads(preset.read_text(encoding="utf-8"))["packageRules"]
    assert (rule["matchManagers"], rule["dependencyDashboardApproval"]) == (["copier"], True)
