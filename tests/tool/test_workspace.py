"""Projects of one uv workspace share one kit; projects that only share a repository do not."""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from adoption import REPORT, adopted, committed, unreported
from copier_mlops.adopting.report import BRANCH
from copier_mlops.errors import ToolError
from copier_mlops.rendering.new import create
from copier_mlops.rendering.workspace import kit_of_workspace, users_of_kit, workspace_of
from copier_mlops.updating.drift import drift
from copier_mlops.updating.update import update
from copier_mlops.uv import for_uv
from lifecycle import BEFORE_THE_KIT, NEXT, add_version, commit, render_at, versioned_template
from rendering import SHOP, git
from running import Project, first_and_repetitions
from shapes import ADDER, Files, adder_test, build
from tiny_template import PYPROJECT, second_version, tiny_project, tiny_template

pytestmark = pytest.mark.xdist_group("adopted")  # one environment for all

ONE, TWO = "packages/pricing", "packages/churn"
ROOT = '[tool.uv.workspace]\nmembers = ["packages/*"]  # each project\n'


def member(name: str) -> Files:
    """Return a member of a monorepo, with a build and a test of its own."""
    return {
        "pyproject.toml": f'[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.11"\n'
        'dependencies = ["click>=8"]\n\n[build-system]\nrequires = ["uv_build>=0.9,<1"]\n'
        'build-backend = "uv_build"\n',
        f"src/{name}/__init__.py": ADDER,
        "tests/test_sums.py": adder_test(name),
        "README.md": f"# {name}\n",
    }


def monorepo(top: Path, root: Files) -> Path:
    """Commit a repository with two projects."""
    members = {
        f"packages/{name}/{path}": text
        for name in ("pricing", "churn")
        for path, text in member(name).items()
    }
    return build(top, {"README.md": "# all\n", **root, **members})


def uv(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run uv as the owner does."""
    environment = for_uv(os.environ)
    return subprocess.run(
        ["uv", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def adopt_both(top: Path, template: Path) -> list[str]:
    """Adopt one project after the other, and return the lines that are lost and not reported."""
    lost = []
    for name in (ONE, TWO):
        before = committed(top)
        adoption = adopted(top / name, template, lock=True)
        assert not adoption.unlocked
        assert adoption.run == "uv run", adoption.notes
        report = (top / name / REPORT).read_text(encoding="utf-8")
        said = report.replace("- `", f"- `{name}/")
        lost += unreported(before, committed(top), said)
        git("switch", "--quiet", "-", cwd=top)
        git("merge", "--quiet", BRANCH, cwd=top)
        git("branch", "--quiet", "-D", BRANCH, cwd=top)
    return lost


def is_clean(project: Path) -> str:
    """Return what doctor says: no problem; and assert that the command runs this project's code."""
    here = Project(project, {"UV_PROJECT_ENVIRONMENT": str(project.parents[1] / ".venv")})
    doctor = here.mlops("doctor")
    assert "problem" not in doctor.stdout, doctor.stdout
    code = (
        "from mlops_kit.core import team; print(team.package(), team.module('features').__file__)"
    )
    package, file = here.uv("python", "-c", code).stdout.split()
    assert package == project.name
    assert Path(file).is_relative_to(project)
    assert f"{project.name}-1-py3-none-any.whl" in here.run("uv", "build", "--wheel").stderr
    assert here.uv("pytest", "tests").returncode == 0
    return doctor.stdout


def test_two_projects_of_one_workspace_share_the_kit_of_the_first(
    template: Path, tmp_path: Path
) -> None:
    top = monorepo(tmp_path / "all", {"pyproject.toml": ROOT})
    assert adopt_both(top, template) == []
    kits = [name for name in committed(top) if name.endswith("mlops_kit/cli.py")]
    assert kits == [f"{ONE}/tools/kit/mlops_kit/cli.py"]
    sources = tomllib.loads((top / TWO / "pyproject.toml").read_text())["tool"]["uv"]["sources"]
    assert sources["mlops-kit"] == {"path": "../pricing/tools/kit", "editable": True}
    assert "../pricing/tools/kit/mlops_kit" in (top / TWO / "dvc.yaml").read_text()
    assert not (top / TWO / "uv.lock").exists()
    assert uv(top, "lock", "--check").returncode == 0
    for name in (ONE, TWO):
        said = is_clean(top / name)
        assert ("shared: it lies in ../pricing/tools/kit" in said) == (name == TWO), said
        assert not any("kit" in missing for missing in drift(top / name).removed)
    assert users_of_kit(top / ONE) == [top / TWO]


def test_two_projects_of_one_repository_have_a_kit_each(template: Path, tmp_path: Path) -> None:
    top = monorepo(tmp_path / "all", {})
    assert adopt_both(top, template) == []
    for name in (ONE, TWO):
        assert (top / name / "tools/kit/mlops_kit/cli.py").is_file()
        assert uv(top / name, "lock", "--check").returncode == 0
        is_clean(top / name)
    assert kit_of_workspace(top / TWO) is None


def test_which_folders_are_members(tmp_path: Path) -> None:
    (tmp_path / "packages/one").mkdir(parents=True)
    root = tmp_path / "pyproject.toml"
    root.write_text(ROOT.replace("]", ']\nexclude = ["packages/old"]', 1))
    root.write_text('[tool.uv.workspace]\nmembers = ["packages/*"]\nexclude = ["packages/old"]\n')
    assert workspace_of(tmp_path / "packages/one") == tmp_path
    assert workspace_of(tmp_path) == tmp_path
    assert workspace_of(tmp_path / "packages/old") is None
    assert workspace_of(tmp_path / "packages/one/deeper") is None
    assert workspace_of(tmp_path / "elsewhere") is None


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the template with its releases, this version, and one after it."""
    root = versioned_template(tmp_path_factory.mktemp("versions") / "template")
    add_version(root, "90.0.0", {"template/new.txt": "new\n"})
    return root


def workspace(top: Path, versions: Path, version: str, *names: str) -> Path:
    """Commit a workspace with rendered members of a version."""
    top.mkdir()
    (top / "pyproject.toml").write_text(ROOT)
    for name in names:
        answers = {**SHOP, "project_name": name, "package_name": name}
        render_at(versions, top / "packages" / name, version, answers)
    git("init", "--quiet", cwd=top)
    commit(top)
    return top


@pytest.mark.repetition
def test_projects_that_were_updated_one_by_one_share_a_kit_too(
    versions: Path, tmp_path: Path
) -> None:
    """Up to 0.3 the code lay in each package, so two of a workspace had nothing to share."""
    top = workspace(tmp_path / "all", versions, BEFORE_THE_KIT[-1], "one", "two")
    one, two = top / "packages/one", top / "packages/two"
    update(one, to=NEXT, lock=False)
    commit(top)
    with pytest.raises(ToolError, match=f"is of version {NEXT}, not 90.0.0: first copier-mlops"):
        update(two, lock=False)
    report, _ = update(two, to=NEXT, lock=False)
    assert report.is_finished
    assert not (two / "tools").exists()
    assert 'path = "../one/tools/kit"' in (two / "pyproject.toml").read_text()
    commit(top)
    assert not drift(two).found
    report, _ = update(one, lock=False)
    assert f"{two} has this kit too" in report.merged.notes["tools/kit/"]
    commit(top)
    report, _ = update(two, lock=False)
    assert report.merged.added == ["new.txt"]
    assert report.merged.notes == {}
    assert not (two / "tools").exists()


def test_a_kit_without_a_room_that_is_needed_is_not_shared(versions: Path, tmp_path: Path) -> None:
    top = workspace(tmp_path / "all", versions, "90.0.0")
    answers = {**SHOP, "package_name": "one", "personal_data": "none"}
    render_at(versions, top / "packages/one", "90.0.0", answers)
    build(top, {f"packages/churn/{name}": text for name, text in member("churn").items()})
    with pytest.raises(ToolError, match=r"mlops_kit/\S+ is not there"):
        adopted(top / TWO, versions)
    adoption = adopted(top / TWO, versions, data={"personal_data": "none"})
    assert adoption.answers["kit"].because == "the kit of your uv workspace"


def test_a_new_project_in_a_workspace_says_whose_kit_it_has(
    versions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    top = workspace(tmp_path / "all", versions, NEXT)
    one, two = top / "packages/one", top / "packages/two"
    options = {"template": str(versions), "defaults": True, "data": SHOP}
    create(one, **options)
    assert "with a kit of its own, the first there: run uv lock" in capsys.readouterr().err
    project = create(two, **options)
    assert f"with ../one/tools/kit: run uv lock in {top}" in capsys.readouterr().err
    assert project.answers["kit"] == "../one/tools/kit"
    assert not (two / "tools").exists()
    assert not (two / "uv.lock").exists()
    create(tmp_path / "apart", **options)
    assert (tmp_path / "apart/tools/kit").is_dir()
    assert (tmp_path / "apart/uv.lock").is_file()
    shutil.rmtree(one / "tools/kit/mlops_kit/privacy")
    with pytest.raises(ToolError, match=r"mlops_kit/privacy/\S+ is not there"):
        create(top / "packages/three", **options)
    assert not (top / "packages/three").exists()
    with pytest.raises(ToolError, match=rf"is of version 90.0.0, not {NEXT}"):
        create(top / "packages/three", **options, vcs_ref=NEXT)
    assert not (top / "packages/three").exists()


@pytest.mark.parametrize(
    ("members", "taken"),
    first_and_repetitions(
        ('"packages/*", "packages/*/*"', "packages/one/conf"),
        ('"packages/*", "packages/*/tools/*"', "packages/one/tools/kit"),
        ('"packages/one", "packages/one/tools/kit"', "packages/one/tools/kit"),
    ),
)
def test_a_workspace_that_would_take_a_folder_of_the_new_project_is_refused(
    versions: Path, tmp_path: Path, members: str, taken: str
) -> None:
    top = workspace(tmp_path / "all", versions, NEXT)
    root = f"[tool.uv.workspace]\nmembers = [{members}]\n"
    (top / "pyproject.toml").write_text(root)
    options = {"template": str(versions), "defaults": True, "data": SHOP}
    with pytest.raises(ToolError, match=rf"the workspace {top}: its `members` would take {taken}/"):
        create(top / "packages/one", **options)
    assert not (top / "packages").exists()
    (top / "pyproject.toml").write_text(f'{root}exclude = ["packages/*/*", "packages/*/tools/*"]\n')
    create(top / "packages/one", **options)


def test_a_kit_that_a_workspace_takes_is_no_matter_to_a_project_outside(
    versions: Path, tmp_path: Path
) -> None:
    root = '[tool.uv.workspace]\nmembers = ["packages/*/tools/kit"]\n'
    top = monorepo(tmp_path / "all", {"pyproject.toml": root})
    create(top / "packages/one", template=str(versions), defaults=True, data=SHOP)
    adopted(top / TWO, versions)
    for project in (top / "packages/one", top / TWO):
        sources = tomllib.loads((project / "pyproject.toml").read_text())["tool"]["uv"]["sources"]
        assert sources["mlops-kit"]["path"] == "tools/kit"


def test_an_update_that_brings_a_kit_into_a_workspace_that_takes_it_is_refused(
    versions: Path, tmp_path: Path
) -> None:
    top = workspace(tmp_path / "all", versions, BEFORE_THE_KIT[-1], "one")
    root = '[tool.uv.workspace]\nmembers = ["packages/*", "packages/*/tools/*"]\n'
    (top / "pyproject.toml").write_text(root)
    commit(top)
    with pytest.raises(ToolError, match="its `members` would take packages/one/tools/kit/"):
        update(top / "packages/one", lock=False)
    (top / "pyproject.toml").write_text(f'{root}exclude = ["packages/*/tools/*"]\n')
    commit(top)
    assert update(top / "packages/one", lock=False)[0].merged.conflicts == {}


def kit_at(project: Path) -> None:
    """Write a project with a kit, as far as a workspace can see it."""
    (project / "tools/kit").mkdir(parents=True)
    (project / "tools/kit/pyproject.toml").write_text('[project]\nname = "mlops-kit"\n')
    (project / "pyproject.toml").write_text(
        '[project]\nname = "one"\n\n[tool.uv.sources]\nmlops-kit = { path = "tools/kit" }\n'
    )


@pytest.mark.parametrize("members", ['[".", "packages/*"]', '["./", "packages/*"]'])
def test_a_workspace_may_name_its_root_among_its_members(tmp_path: Path, members: str) -> None:
    kit_at(tmp_path / "packages/one")
    (tmp_path / "pyproject.toml").write_text(f"[tool.uv.workspace]\nmembers = {members}\n")
    kit = kit_of_workspace(tmp_path / "packages/two")
    assert kit is not None
    assert kit.owner == tmp_path / "packages/one"


def test_the_kit_of_a_folder_that_the_workspace_leaves_out_is_not_shared(tmp_path: Path) -> None:
    kit_at(tmp_path / "packages/old")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.uv.workspace]\nmembers = ["packages/*"]\nexclude = ["packages/old"]\n'
    )
    assert kit_of_workspace(tmp_path / "packages/two") is None


def test_a_project_that_left_its_workspace_is_told_how_it_gets_a_kit(
    versions: Path, tmp_path: Path
) -> None:
    top = workspace(tmp_path / "all", versions, NEXT, "one")
    answers = {**SHOP, "package_name": "two", "kit": "../one/tools/kit"}
    render_at(versions, top / "packages/two", NEXT, answers)
    away = tmp_path / "away"
    (top / "packages/two").rename(away)
    git("init", "--quiet", cwd=away)
    commit(away)
    with pytest.raises(ToolError, match=r"no kit in \S+: -d kit=tools/kit"):
        update(away, lock=False)
    report, _ = update(away, given={"kit": "tools/kit"}, lock=False)
    assert report.is_finished
    assert (away / "tools/kit/pyproject.toml").is_file()
    assert 'path = "tools/kit"' in (away / "pyproject.toml").read_text()


def test_an_update_of_a_member_says_that_the_lock_of_the_workspace_is_old(tmp_path: Path) -> None:
    template = tiny_template(tmp_path / "template")
    changed = PYPROJECT.replace("idna>=2", "idna>=3")
    second_version(template, **{"template/pyproject.toml.jinja": changed})
    top = tmp_path / "all"
    (top / "packages").mkdir(parents=True)
    (top / "pyproject.toml").write_text(ROOT)
    (top / "uv.lock").write_text("version = 1\n")
    report, _ = update(tiny_project(template, top / "packages/shop"))
    assert report.lock == f"run uv lock in {top}, whose lock this project is in"
    assert not report.is_finished
