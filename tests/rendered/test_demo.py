"""`mlops demo`: drift is seen, answered by a new model or by none, and the alarm clears."""

import json
from pathlib import Path

import pytest
from rendering import git
from running import new_project

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.repetition]
LOOKS = {"promoted": ["quiet", "alarm", "quiet"], "kept": ["quiet", "alarm", "quiet"]}


@pytest.mark.parametrize("ending", LOOKS)
def test_the_loop_comes_to_its_end_and_changes_nothing_of_the_project(
    tmp_path: Path, ending: str
) -> None:
    project = new_project(tmp_path / "shop")
    told = json.loads(project.mlops("demo", "--ending", ending, "--json").stdout)
    assert (told["ending"], told["expected"]) == (ending, True), told["steps"]
    looks = [step["said"] for step in told["steps"] if step["verb"] == "monitor"]
    assert all(f": {verdict}." in said for verdict, said in zip(LOOKS[ending], looks, strict=True))
    promoted = [step["said"] for step in told["steps"] if step["verb"] == "promote"]
    assert len(promoted) == (2 if ending == "promoted" else 1)
    page = project.path / told["page"]
    assert page.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert git("status", "--short", cwd=project.path) == ""
    said = project.mlops("demo", check=False)
    assert said.returncode == 3 and "is there already" in said.stderr
