"""`mlops doctor`: each thing that can be wrong is found and says how to mend it."""

import sqlite3
import subprocess
from contextlib import closing
from types import SimpleNamespace

import pytest
from mlops_kit import doctor
from mlops_kit.core import lockfile
from mlops_kit.data import commands as data
from mlops_kit.operate.promote.registry import _forms, refused
from small_disk import only_readable

LOCK = """
version = 1
[[package]]
name = "six"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
"""


@pytest.fixture
def project(club, monkeypatch):
    """Return a project with a lock, in which no index is configured."""
    (club / "uv.lock").write_text(LOCK)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(club / "nothing"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(club.parent))
    for name in lockfile.INDEX_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return club


def only(findings):
    (finding,) = findings
    return finding


@pytest.mark.parametrize("others", [[], ["mlops-kit"], ["shop", "mlops-kit"]])
def test_two_distributions_with_a_command_mlops_are_refused(others, monkeypatch):
    scripts = [SimpleNamespace(dist=SimpleNamespace(name=name)) for name in others]
    monkeypatch.setattr(doctor, "entry_points", lambda **_: scripts)
    found = list(doctor._command())
    if len(others) < 2:
        assert found == []
        return
    assert only(found).status == "problem"
    assert "mlops-kit and shop each install a command mlops" in only(found).message
    assert "[project.scripts]" in only(found).mend


def test_an_index_that_differs_from_the_locks_is_named_with_the_command(project, monkeypatch):
    assert only(doctor._index()).status == "ok"
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://user:secret@127.0.0.1:8080/simple/")
    found = only(doctor._index())
    assert found.status == "problem"
    assert "http://127.0.0.1:8080/simple" in found.message
    assert "secret" not in found.message
    assert "UV_FROZEN=1" in found.mend


def test_an_index_of_uv_toml_or_pyproject_is_seen(project):
    (project / "pyproject.toml").write_text(
        '[[tool.uv.index]]\nurl = "https://a.example/simple"\ndefault = true\n'
    )
    assert "a.example" in only(doctor._index()).message
    (project / "uv.toml").write_text('index-url = "https://b.example/simple"\n')
    assert "b.example" in only(doctor._index()).message


def test_a_lock_that_uv_has_rewritten_is_told_with_both_indexes_and_both_ways(project):
    assert lockfile.rewritten() is None
    lock = (project / "uv.lock").read_text()
    (project / "uv.lock").write_text(lock.replace("pypi.org", "mirror.example"))
    found = only(doctor._index())
    assert found.status == "problem"
    assert "https://pypi.org/simple" in found.message
    assert "https://mirror.example/simple" in found.message
    assert "git checkout uv.lock" in found.mend


@pytest.mark.parametrize(
    ("answers", "status", "words"),
    [
        ("_src_path: .\n_commit: v1\n", "problem", "relative"),
        ("_src_path: https://example.org/t.git\n", "note", "without a version"),
        ("_src_path: gh:shop/template\n_commit: v1\n", "ok", "at v1"),
        (None, "problem", "missing"),
    ],
)
def test_the_answers_file_must_let_the_template_update(project, answers, status, words):
    if answers is not None:
        (project / ".copier-answers.yml").write_text(answers)
    found = only(doctor._template())
    assert (found.status, words in found.message) == (status, True)


def test_a_folder_without_git_is_a_problem(project, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    found = only(doctor._git())
    assert found.status == "problem"
    assert "git init" in found.mend


ANSWERS = "_src_path: gh:shop/template\n_commit: v1\n"


def kit_at(monkeypatch, owner):
    """Let the code that runs lie in a project."""
    code = owner / "tools/kit/mlops_kit"
    code.mkdir(parents=True)
    (code / "doctor.py").write_text("a\n")
    monkeypatch.setattr(doctor, "CODE", code)
    return code


def test_an_edit_of_managed_code_is_noted(project, monkeypatch):
    code = kit_at(monkeypatch, project)
    (project / ".copier-answers.yml").write_text(ANSWERS)
    commit(project)
    assert only(doctor._edited_template()).status == "ok"
    assert list(doctor._kit()) == []
    (code / "doctor.py").write_text("b\n")
    found = only(doctor._edited_template())
    assert (found.status, "tools/kit/mlops_kit/doctor.py" in found.message) == ("note", True)


def test_a_shared_kit_is_told_and_is_as_new_as_the_last_update_of_its_owner(club, monkeypatch):
    one, two = club / "packages/one", club / "packages/two"
    code = kit_at(monkeypatch, one)
    two.mkdir()
    (one / ".copier-answers.yml").write_text(ANSWERS)
    (two / ".copier-answers.yml").write_text(f"{ANSWERS}kit: ../one/tools/kit\n")
    commit(club)
    monkeypatch.chdir(two)
    found = only(doctor._kit())
    assert found.status == "ok"
    assert found.message.startswith("shared: it lies in ../one/tools/kit, and an update of ../one ")
    (one / ".copier-answers.yml").write_text(ANSWERS.replace("v1", "v2"))
    (code / "doctor.py").write_text("b\n")
    commit(club)
    assert only(doctor._edited_template()).status == "ok"
    (code / "doctor.py").write_text("c\n")
    found = only(doctor._edited_template())
    assert (found.status, "tools/kit/mlops_kit/doctor.py" in found.message) == ("note", True)


def test_the_environment_of_another_project_is_a_problem(club, monkeypatch):
    kit_at(monkeypatch, club / "other")
    (club / "mine/tools/kit").mkdir(parents=True)
    monkeypatch.chdir(club / "mine")
    found = only(doctor._kit())
    assert found.status == "problem"
    assert f"lies in {club}/other/tools/kit, this project's in tools/kit" in found.message
    assert "uv sync --frozen" in found.mend


def test_a_repository_that_left_the_template_is_no_problem(project):
    commit(project)
    assert only(doctor._template()).status == "note"


def commit(project):
    settings = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "Work")):
        subprocess.run(("git", *settings, *command), cwd=project, check=True)


def test_a_member_of_a_workspace_has_the_lock_above_it(club, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    (club / "pyproject.toml").write_text("[tool.uv.workspace]\nmembers = ['packages/*']\n")
    member = club / "packages" / "one"
    member.mkdir(parents=True)
    monkeypatch.chdir(member)
    assert [found.message for found in doctor._lock()] == ["uv.lock is missing"]
    (club / "uv.lock").write_text(LOCK)
    assert [found.message for found in doctor._lock()] == ["the uv program is not on the PATH"]


def test_a_missing_raw_file_is_a_problem_before_any_run(club):
    assert [one.status for one in data.examine()] == ["ok", "ok", "note"]
    (club / "raw" / "visits.csv").unlink()
    good, missing, unlisted = data.examine()
    assert (good.status, missing.status, unlisted.status) == ("ok", "problem", "note")
    assert "raw/visits.csv does not exist" in missing.message


def test_a_registry_that_this_mlflow_refuses_is_told_with_what_mends_it(club):
    uri = "sqlite:///mlflow.db"
    assert refused(uri) is None
    known, newest = _forms()
    assert newest in known and len(known) > 10
    for found, said in (
        (newest, None),
        ("0000", "a newer MLflow"),
        (min(known - {newest}), "an older MLflow"),
    ):
        with closing(sqlite3.connect("mlflow.db")) as file, file:
            file.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num TEXT)")
            file.execute("DELETE FROM alembic_version")
            file.execute("INSERT INTO alembic_version VALUES (?)", [found])
        why = refused(uri)
        assert why is None if said is None else why and said in why[0]
    (club / "mlflow.db").write_text("no database, but long enough to be read as one")
    assert "is no registry of MLflow" in (refused(uri) or [""])[0]


def test_a_folder_that_cannot_be_written_is_a_problem(project, monkeypatch):
    assert list(doctor._folder()) == []
    with only_readable(project):
        monkeypatch.chdir(project)
        found = only(doctor._folder())
        monkeypatch.chdir("/")
    assert found.status == "problem"
    assert found.message == f"nothing can be written here: {project}"
