"""Plain ``copier update``: managed files follow the template, the team's files stay the team's."""

from itertools import product
from pathlib import Path
from typing import Any, Literal

import copier
import pytest
import yaml
from copier._main import Worker
from lifecycle import RELEASES, repository, versioned_template
from rendering import ROOT, SHOP, files_of, git, render, tagged_template, working_tree_copy
from running import first_and_repetitions

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


@pytest.fixture(scope="module")
def every_version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return versioned_template(tmp_path_factory.mktemp("versions") / "template")


def seeded_files(template: Path, project: Path) -> set[str]:
    """Return the rendered paths that Copier takes for the team's."""
    worker = Worker(src_path=str(template), dst_path=project, data=SHOP, defaults=True, quiet=True)
    with worker:
        worker._ask()
        names = set(files_of(project))
        return {name for name in names if worker.match_skip(Path(name))}


@pytest.mark.parametrize(
    ("whose", "conflict"),
    first_and_repetitions(*product(("managed", "seeded"), ("inline", "rej"))),
)
def test_whatever_rendered_file_was_deleted_plain_copier_updates_from_the_last_release(
    whose: str, conflict: Literal["inline", "rej"], every_version: Path, tmp_path: Path
) -> None:
    """Copier reads settings for a deleted file before it has answers, and Renovate runs Copier."""
    path = repository(every_version, tmp_path / "shop", [*RELEASES][-1], SHOP)
    names, seeded = set(files_of(path)), seeded_files(every_version, path)
    assert {"notebooks/start.ipynb", "src/shop/model.py"} <= seeded
    gone = (seeded if whose == "seeded" else names - seeded) - {".copier-answers.yml"}
    assert gone
    for name in gone:
        (path / name).unlink()
    commit(path)
    copier.run_update(path, defaults=True, overwrite=True, quiet=True, conflict=conflict)
    assert git("ls-files", "--unmerged", cwd=path) == ""
    assert not list(path.rglob("*.rej"))
    after = set(files_of(path))
    # Copier itself brings seeded files back, and leaves the deletion of managed ones alone.
    assert gone <= after if whose == "seeded" else not gone & after


def settings() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8").split("\n---\n")[0])


def texts_of(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for one in inner for text in texts_of(one)]


@pytest.mark.parametrize("name", [name for name in settings() if name != "_envops"])
def test_every_setting_can_be_read_before_there_are_answers(name: str, tmp_path: Path) -> None:
    template = str(working_tree_copy())
    for text in texts_of(settings()[name]):
        with Worker(src_path=template, dst_path=tmp_path, quiet=True) as worker:
            worker._render_string(text)
