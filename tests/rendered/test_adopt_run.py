"""Adopted repositories in a real environment: doctor runs, and so do their own tests."""

import tomllib
from pathlib import Path

import pytest
from adoption import REPORT, adopted, committed
from rendering import git
from running import Project
from shapes import Files, adder_test, build, build_shape

pytestmark = pytest.mark.xdist_group("adopted")  # one environment for all

PINNED: Files = {
    "pyproject.toml": "[project]\nname = 'pinned'\nversion = '1'\nrequires-python = '>=3.9'\n"
    "dependencies = ['pandas<2']\n\n[build-system]\nrequires = ['setuptools>=61']\n"
    "build-backend = 'setuptools.build_meta'\n",
    "pinned/__init__.py": "def add(left, right):\n    return left + right\n",
    "tests/test_sums.py": adder_test("pinned"),
}


def test_a_poetry_repository_runs_both_its_tests_and_the_templates_command(
    template: Path, tmp_path: Path
) -> None:
    folder = build_shape(tmp_path / "r", "poetry")
    lock = committed(folder)["poetry.lock"]
    adoption = adopted(folder, template, lock=True)
    assert adoption.notes == []
    assert committed(folder)["poetry.lock"] == lock
    names = {p["name"] for p in tomllib.loads((folder / "uv.lock").read_text())["package"]}
    assert {"pricing", "mlops-kit", "click", "polars"} <= names
    project = Project(folder)
    doctor = project.mlops("doctor")
    assert "problem" not in doctor.stdout
    tests = project.uv("pytest")
    assert "2 passed" in tests.stdout
    assert project.uv("python", "-c", "import pricing, click").returncode == 0
    assert git("status", "--porcelain", cwd=folder) == ""


def test_dependencies_that_cannot_live_together_get_an_environment_apart(
    template: Path, tmp_path: Path
) -> None:
    folder = build(tmp_path / "r", PINNED)
    before = committed(folder)
    adoption = adopted(folder, template, lock=True)
    assert committed(folder)["pyproject.toml"] == before["pyproject.toml"]
    report = (folder / REPORT).read_text(encoding="utf-8")
    (note,) = adoption.notes
    assert "no versions that fit both" in note
    assert note in report
    assert "pandas&lt;2" in report  # what uv says is below it
    assert adoption.run == "uv run --project src"
    project = Project(folder)
    checked = project.run("uv", "lock", "--check", "--project", "src")
    assert checked.returncode == 0
    doctor = project.run("uv", "run", "--project", "src", "mlops", "doctor")
    assert "src/uv.lock matches pyproject.toml" in doctor.stdout
    assert git("status", "--porcelain", cwd=folder) == ""
