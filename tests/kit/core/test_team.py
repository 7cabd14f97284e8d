"""Which package is the team's, and that it can be imported where no build installs it."""

import subprocess
import sys
from pathlib import Path

import pytest
from mlops_kit.core import team
from mlops_kit.core.errors import MlopsError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an adopted project: the team's package lies in src/, and nothing installs it."""
    package = tmp_path / "src" / "ranking_ml"
    package.mkdir(parents=True)
    for name in ("__init__", "features", "model", "baseline"):
        (package / f"{name}.py").write_text(f"NAME = {name!r}\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text('[tool.mlops]\npackage = "ranking_ml"\n')
    monkeypatch.delenv(team.VARIABLE, raising=False)
    return tmp_path


def test_a_package_that_nothing_installs_is_found_in_the_project(project: Path) -> None:
    code = (
        "from mlops_kit.core import team; "
        "print(team.module('model').NAME, team.folder().name, team.package())"
    )
    for folder in (project, project / "src"):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.stdout == "model ranking_ml ranking_ml\n", done.stderr


def test_two_packages_that_could_be_meant_are_refused_until_one_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    (project / "conf").mkdir()
    (project / "conf" / "base.yaml").touch()
    (project / "pyproject.toml").unlink()
    other = project / "src" / "other"
    other.mkdir()
    for name in team.SEEDS:
        (other / name).touch()
    with pytest.raises(MlopsError, match="other and ranking_ml both hold"):
        team.package()
    monkeypatch.setenv(team.VARIABLE, "other")
    assert team.package() == "other"


def test_no_project_is_a_state_and_no_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(team.VARIABLE, raising=False)
    assert team.package() is None
    with pytest.raises(MlopsError, match="No project is here"):
        team.module("model")
