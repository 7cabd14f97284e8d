"""Plain ``copier update``: managed files follow the template, the team's files stay the team's."""

from pathlib import Path

import copier
import pytest
from rendering import SHOP, files_of, git, render, tagged_template

NOTE = "# A later version of the template says this.\n"


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """Return a template with two versions; the second changes a managed and a seeded file."""
    template = tagged_template(tmp_path / "template", "v0.1.0")
    for name in ("dvc.yaml.jinja", "params.yaml.jinja"):
        path = template / "template" / name
        path.write_text(NOTE + path.read_text(encoding="utf-8"), encoding="utf-8")
    git("commit", "--all", "--quiet", "--message", "Say more", cwd=template)
    git("tag", "v0.2.0", cwd=template)
    return template


@pytest.fixture
def project(released: Path, tmp_path: Path) -> Path:
    """Return a repository rendered from the first version and committed."""
    path = tmp_path / "project"
    copier.run_copy(str(released), path, data=SHOP, defaults=True, quiet=True, vcs_ref="v0.1.0")
    git("init", "--quiet", cwd=path)
    commit(path)
    return path


def commit(path: Path) -> None:
    git("add", "--all", cwd=path)
    git("commit", "--quiet", "--message", "Work", cwd=path)


def update(path: Path) -> None:
    copier.run_update(path, defaults=True, overwrite=True, quiet=True)
    assert git("ls-files", "--unmerged", cwd=path) == "", "the update left conflicts"


def test_managed_files_follow_and_seeded_files_stay(project: Path) -> None:
    params = (project / "params.yaml").read_text(encoding="utf-8")
    update(project)
    assert (project / "dvc.yaml").read_text(encoding="utf-8").startswith(NOTE)
    assert (project / "params.yaml").read_text(encoding="utf-8") == params
    assert "v0.2.0" in (project / ".copier-answers.yml").read_text(encoding="utf-8")


def test_an_untouched_project_becomes_a_fresh_render_but_for_its_seeds(
    project: Path, released: Path, tmp_path: Path
) -> None:
    update(project)
    updated, fresh = files_of(project), files_of(render(tmp_path / "f", SHOP, template=released))
    different = {name for name in set(updated) | set(fresh) if updated.get(name) != fresh.get(name)}
    assert different == {"params.yaml"}


def test_the_teams_work_survives(project: Path) -> None:
    work = {
        "src/shop/model.py": "# ours\n",
        "src/shop/extra.py": "ANSWER = 42\n",
        "tests/test_ours.py": "def test_it():\n    assert True\n",
        "README.md": "# Ours\n",
    }
    for name, text in work.items():
        (project / name).write_text(text, encoding="utf-8")
    # A team adds its own dependency, where the template promises to leave it room.
    pyproject = (project / "pyproject.toml").read_text(encoding="utf-8")
    with_dependency = pyproject.replace("dependencies = []", 'dependencies = ["requests>=2"]', 1)
    assert with_dependency != pyproject
    (project / "pyproject.toml").write_text(with_dependency, encoding="utf-8")
    commit(project)
    update(project)
    assert {name: (project / name).read_text(encoding="utf-8") for name in work} == work
    assert "requests>=2" in (project / "pyproject.toml").read_text(encoding="utf-8")


def test_a_poc_graduates_by_changing_its_answer(released: Path, tmp_path: Path) -> None:
    path = tmp_path / "poc"
    answers = {**SHOP, "stage": "poc"}
    copier.run_copy(str(released), path, data=answers, defaults=True, quiet=True)
    git("init", "--quiet", cwd=path)
    commit(path)
    assert not (path / "conf" / "prod.yaml").exists()
    copier.run_update(path, data={"stage": "production"}, defaults=True, overwrite=True, quiet=True)
    fresh = files_of(render(tmp_path / "fresh", SHOP, template=released))
    assert set(files_of(path)) == set(fresh)
