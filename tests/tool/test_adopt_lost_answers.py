"""A repository that came from the template and lost its answers file is recognised."""

from pathlib import Path

import pytest
import yaml
from adoption import adopted
from lifecycle import BEFORE_THE_KIT, NEXT, RELEASES, commit, repository, versioned_template
from rendering import git
from shapes import build

# A file of the template in a release of each house.
FILES = {
    BEFORE_THE_KIT[-1]: "src/shop/mlops/training.py",
    [*RELEASES][-1]: "tools/kit/mlops_kit/train/stage.py",
}


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the template with every release and the working tree as the next."""
    return versioned_template(tmp_path_factory.mktemp("releases") / "template")


@pytest.mark.parametrize("version", FILES)
def test_the_version_with_most_of_its_lines_becomes_the_base(
    version: str, releases: Path, tmp_path: Path
) -> None:
    answers = {"project_name": "Lost and found", "task": "regression", "personal_data": "none"}
    project = repository(releases, tmp_path / "p", version, answers)
    expected = yaml.safe_load((project / ".copier-answers.yml").read_text(encoding="utf-8"))
    (project / ".copier-answers.yml").unlink()
    managed = project / FILES[version]
    managed.write_text(managed.read_text(encoding="utf-8") + "OURS = 1\n", encoding="utf-8")
    (project / "src" / "shop" / "model.py").write_text("# ours\n", encoding="utf-8")
    commit(project)

    adoption = adopted(project, releases)

    assert adoption.version == f"v{version}"
    scores = dict(part.split() for part in adoption.notes[0].split("(")[1].strip(").").split(", "))
    assert float(scores[version]) > 0.97
    # Right after a release the next version is still the same, and the older one is taken.
    assert float(scores.pop(NEXT)) <= float(scores[version])
    assert all(float(scores[v]) < float(scores[version]) for v in scores if v != version)
    stored = yaml.safe_load((project / ".copier-answers.yml").read_text(encoding="utf-8"))
    for question in ("_commit", "project_name", "package_name", "task", "stage", "personal_data"):
        assert stored[question] == expected[question]
    changed = git("diff", "--name-only", "HEAD~2", cwd=project).splitlines()
    assert changed == [".copier-answers.yml", "ADOPTION.md"]
    assert adopted(project, releases).done_before


def test_code_that_only_shares_names_is_not_taken_for_a_child(
    releases: Path, tmp_path: Path
) -> None:
    files = {f"src/acme/mlops/{name}.py": "X = 1\n" for name in ("cli", "doctor", "__init__")}
    top = build(tmp_path / "p", files)
    adoption = adopted(top, releases)
    assert adoption.answers["package_name"].answer == "p_ml"
    assert (top / "src" / "acme" / "mlops" / "cli.py").read_text(encoding="utf-8") == "X = 1\n"
