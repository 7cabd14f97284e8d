"""Repositories that the tool of 0.3.0 adopted come across the move of the template's code."""

import os
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from adoption import committed, on_disk
from copier_mlops.updating.update import update
from lifecycle import RELEASES, memoised_versions, versioned_template
from rendering import ROOT, git
from running import first_and_repetitions
from shapes import FOLDER, SHAPES, build

VERSION = "0.3.0"
REPOSITORIES = {
    **{name: shape() for name, shape in SHAPES.items()},
    "apart": {
        "pyproject.toml": "[project]\nname = 'lib'\nversion = '1'\nrequires-python = '>=3.8'\n",
        ".python-version": "3.10\n",
        "lib/__init__.py": "",
        "tests/test_a.py": "X = 1\n",
    },
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the template with every release and the working tree as the next."""
    root = versioned_template(tmp_path_factory.mktemp("versions") / "template")
    with memoised_versions(root):
        yield root


@pytest.fixture(scope="module")
def released_tool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the tool as it was released."""
    folder = tmp_path_factory.mktemp("tool")
    archive = folder / "hooks.tar"
    git("archive", "--output", str(archive), RELEASES[VERSION], "hooks", cwd=ROOT)
    subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
    return folder / "hooks"


def lines(content: bytes) -> Counter[bytes]:
    """Count the lines of a file."""
    return Counter(content.splitlines())


@pytest.mark.parametrize("shape", first_and_repetitions(*REPOSITORIES, kept=3))
def test_an_adopted_repository_gets_the_kit_and_loses_only_what_the_tool_wrote(
    shape: str, template: Path, released_tool: Path, tmp_path: Path
) -> None:
    top = build(tmp_path / shape, REPOSITORIES[shape])
    folder = top / FOLDER.get(shape, "")
    at = f"{FOLDER[shape]}/" if shape in FOLDER else ""
    theirs = committed(top)
    command = ["adopt", str(folder), "--template", str(template), "--to", VERSION]
    subprocess.run(
        [sys.executable, "-m", "copier_mlops", *command, "--defaults", "--no-lock"],
        env={**os.environ, "PYTHONPATH": str(released_tool)},
        check=True,
        capture_output=True,
    )
    before = committed(top)
    # Where nobody had tests, pytest was told to run the template's.
    assert (f"{at}src/conftest.py" in before) == (shape != "notebooks_only")

    report, _ = update(folder, lock=False)

    assert report.merged.conflicts == {}
    after = on_disk(top)
    for name, content in theirs.items():
        kept = lines(content) & lines(before[name])
        assert kept <= lines(after[name]), name
    assert f"{at}src/conftest.py" not in after
    assert f"{at}tools/kit/mlops_kit/cli.py" in after
    old = {name for name in after if name.startswith(f"{at}src/") and "/mlops/" in name}
    assert {Path(name).name for name in old} <= {"__init__.py"}  # the old names
    root, member = (parsed(after, at + name) for name in ("pyproject.toml", "src/pyproject.toml"))
    for file in (root, member):
        assert "mlops" not in file.get("project", {}).get("scripts", {})
        assert "/mlops" not in str(file)  # tests and wheel of the old place
    command_of = member if shape == "apart" else root
    kit = command_of["tool"]["uv"]["sources"]["mlops-kit"]
    assert kit == {
        "path": "../tools/kit" if shape == "apart" else "tools/kit",
        "editable": True,
    }
    listed = command_of.get("dependency-groups", {}).get("mlops")
    listed = listed or command_of["tool"]["uv"]["dev-dependencies"]
    assert "mlops-kit" in listed
    assert not [item for item in listed if item.startswith("duckdb")]
    if shape == "poetry":
        # The list of uv follows the template's groups, so nothing about them is left to a person.
        assert [item for item in listed if item.startswith(("ruff", "pricing"))] == [
            "pricing",
            "ruff>=0.17,<1",
        ]
        assert "groups" not in report.merged.notes["pyproject.toml"]
    if shape == "apart":
        assert after["pyproject.toml"] == theirs["pyproject.toml"]
    else:
        assert (folder / "src" / root["tool"]["mlops"]["package"] / "features.py").is_file()


def parsed(files: dict[str, bytes], name: str) -> dict[str, Any]:
    """Return a TOML file, or nothing."""
    return tomllib.loads(files[name].decode()) if name in files else {}
