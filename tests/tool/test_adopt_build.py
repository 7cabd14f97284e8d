"""What uv can lock but no backend can build is left out of the environment, with the true cause."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from adoption import REPORT, adopted, committed
from copier_mlops.adopting.locking import build
from copier_mlops.uv import for_uv
from running import Project, first_and_repetitions
from shapes import ADDER, Files
from shapes import build as repository

pytestmark = pytest.mark.xdist_group("adopted")  # one environment for all

POETRY = (
    '[tool.poetry]\nname = "house-prices"\nversion = "0.1.0"\ndescription = ""\n'
    'authors = ["Ana <ana@example.org>"]\n\n[tool.poetry.dependencies]\npython = ">=3.11,<4"\n\n'
    '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
)


def project(requires: str, backend: str, more: str = "") -> str:
    """Return a pyproject.toml of a distribution called sums."""
    return (
        f'[project]\nname = "sums"\nversion = "1"\nrequires-python = ">=3.11"\n{more}\n'
        f'[build-system]\nrequires = ["{requires}"]\nbuild-backend = "{backend}"\n'
    )


SETUPTOOLS = project("setuptools>=61", "setuptools.build_meta")
HATCHLING = project("hatchling", "hatchling.build")
UV = project("uv_build>=0.9,<1", "uv_build")
FLIT = project("flit_core>=3.9,<4", "flit_core.buildapi", 'description = "Sums"\n')
POETRY_2 = project("poetry-core>=2,<3", "poetry.core.masonry.api")
NO_README = project("hatchling", "hatchling.build", 'readme = "README.md"\n')


def built(folder: Path, files: Files) -> subprocess.CompletedProcess[str]:
    """Lock the files as a project, then build it."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    uv = shutil.which("uv") or "uv"
    environment = for_uv({**os.environ, "COLUMNS": "40"})  # as in a narrow window
    subprocess.run([uv, "lock", "--quiet"], cwd=folder, env=environment, check=True)
    return build(uv, folder, environment, ">=3.11")


@pytest.mark.parametrize(
    ("pyproject", "good", "bad", "cause"),
    [
        (POETRY_2, "sums/__init__.py", "code/a.py", "No file/folder found for package sums"),
        (SETUPTOOLS, "sums/__init__.py", "a/__init__.py b/__init__.py", "Multiple top-level"),
        (HATCHLING, "sums/__init__.py", "code/a.py", "Unable to determine which files to ship"),
        (UV, "src/sums/__init__.py", "code/a.py", "Expected a Python module"),
        (FLIT, "sums/__init__.py", "code/a.py", "No file/folder found for module sums"),
        (NO_README, "sums/__init__.py README.md", "sums/__init__.py", "Readme file does not exist"),
    ],
)
def test_a_project_that_resolves_and_cannot_be_built_is_told_from_one_that_can(
    pyproject: str, good: str, bad: str, cause: str, tmp_path: Path
) -> None:
    whole = built(
        tmp_path / "good", {"pyproject.toml": pyproject, **dict.fromkeys(good.split(), ADDER)}
    )
    assert whole.returncode == 0, whole.stderr
    broken = built(
        tmp_path / "bad", {"pyproject.toml": pyproject, **dict.fromkeys(bad.split(), ADDER)}
    )
    assert broken.returncode != 0
    assert cause in broken.stderr


def test_a_project_that_is_no_distribution_needs_no_build(tmp_path: Path) -> None:
    text = '[project]\nname = "sums"\nversion = "1"\nrequires-python = ">=3.11"\n'
    assert built(tmp_path, {"pyproject.toml": text}).returncode == 0


@pytest.mark.parametrize(
    ("pyproject", "runs"),
    first_and_repetitions((POETRY, "uv run"), (HATCHLING, "uv run --project src")),
)
def test_the_command_runs_and_the_report_says_what_cannot_be_built(
    pyproject: str, runs: str, template: Path, tmp_path: Path
) -> None:
    folder = repository(tmp_path / "r", {"pyproject.toml": pyproject, "code/a.py": ADDER})
    before = committed(folder)
    adoption = adopted(folder, template, lock=True)
    assert not adoption.unlocked
    assert adoption.run == runs
    (note,) = adoption.notes
    assert "your project cannot be built as it stands" in note
    report = (folder / REPORT).read_text(encoding="utf-8")
    assert note in report
    cause = "No file/folder found" if pyproject == POETRY else "Unable to determine which files"
    assert cause in report
    assert committed(folder)["code/a.py"] == before["code/a.py"]
    if pyproject == POETRY:  # an environment apart has its own test
        doctor = Project(folder).mlops("doctor")
        assert "problem" not in doctor.stdout, doctor.stdout
