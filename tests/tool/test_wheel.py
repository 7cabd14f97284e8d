"""The tool as people get it: a wheel, installed outside the checkout, rendering a repository."""

from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from processes import run
from rendering import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the built wheel."""
    folder = tmp_path_factory.mktemp("dist")
    done = run(["uv", "build", "--wheel", "--quiet", "--out-dir", folder], ROOT)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_tool_and_nothing_else(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    modules = (ROOT / "hooks").rglob("*.py")
    assert {path.relative_to(ROOT / "hooks").as_posix() for path in modules} <= {*names}
    assert "copier_mlops/updating/old_names.py" in names
    roots = {name.split("/")[0] for name in names}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"copier_mlops"}


def test_the_installed_tool_renders_a_repository(
    wheel: Path, template: Path, tmp_path: Path
) -> None:
    """Dependencies come from the lock and uv's cache: no network is needed after a first run."""
    environment = {"UV_PROJECT_ENVIRONMENT": str(tmp_path / "venv")}
    sync = ["uv", "sync", "--quiet", "--frozen", "--no-default-groups", "--no-install-project"]
    done = run([*sync, "--project", ROOT], tmp_path, environment)
    assert done.returncode == 0, done.stderr
    python = tmp_path / "venv" / "bin" / "python"
    done = run(["uv", "pip", "install", "--quiet", "--no-deps", "-p", python, wheel], tmp_path)
    assert done.returncode == 0, done.stderr

    command = [python.parent / "copier-mlops", "new", "project", "--template", template]
    done = run([*command, "--profile", "poc", "--defaults"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "uv run mlops run" in done.stdout
    answers = yaml.safe_load((tmp_path / "project" / ".copier-answers.yml").read_text())
    assert (answers["stage"], answers["_commit"]) == ("poc", "v0.1.0")

    done = run([*command, "--defaults"], tmp_path)
    assert done.returncode == 3
    assert "is not an empty folder" in done.stderr
