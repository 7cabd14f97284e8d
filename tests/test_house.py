"""The rules of this house that a reader cannot see by rendering."""

import re
import shutil
import tomllib
from pathlib import Path

import house
import jinja2
import pytest
import yaml
from processes import run
from rendering import PROFILES, ROOT, SHOP, files_of, profile, render


def python_files(folder: str) -> list[Path]:
    """Return the Python files under a folder of this repository; at least one."""
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found
    return found


def holding(pattern: str, paths: list[Path]) -> list[str]:
    """Return the paths whose text holds a pattern."""
    opener = re.compile(pattern)
    return [str(path) for path in paths if opener.search(path.read_text(encoding="utf-8"))]


def test_seeds_hold_nothing_that_jinja_would_read() -> None:
    """They are included by a template: a doubled brace of an f-string would be swallowed."""
    assert holding(r"\{\{|\{%|\{#", python_files("seeds")) == []


def test_python_in_the_template_holds_no_jinja() -> None:
    assert holding(r"\{\{|\{%|\{#", python_files("template")) == []


def test_python_templates_are_one_include_and_at_most_an_import_line() -> None:
    for path in (ROOT / "template").rglob("*.py.jinja"):
        lines = path.read_text(encoding="utf-8").splitlines()
        jinja = [line for line in lines if "{{" in line or "{%" in line]
        allowed = re.compile(r"\{% include 'seeds/.*' %\}|from \{\{ package_name \}\} import .*")
        assert all(allowed.fullmatch(line) for line in jinja), path.name
        assert len(jinja) <= 2, path.name


def breaches_of(folder: Path, **modules: str) -> str:
    """Return what the plan of the rooms says about a package `kit` of these modules."""
    for name, text in modules.items():
        place = folder / "kit" / f"{name.replace('__', '/')}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return "\n".join(house.breaches("kit", folder))


@pytest.mark.parametrize(
    ("modules", "sentence"),
    [
        ({"a": "x = 1\n" * 301}, "kit.a has 301 lines"),
        ({f"m{n}": "" for n in range(13)}, "kit/ holds 13 modules"),
        ({"a": "from kit import b\n", "b": "import kit.a\n"}, "in a circle: kit.a -> kit.b"),
        ({"a": "def f():\n    from kit.b import c\n", "b": "c = 1\n"}, "kit.a:2 imports kit.b"),
    ],
)
def test_a_breach_of_the_plan_of_the_rooms_is_said(
    modules: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    assert sentence in breaches_of(tmp_path, **modules)


def test_what_the_plan_allows_is_no_breach(tmp_path: Path) -> None:
    kinds = {f"kinds__k{n}": "" for n in range(20)}
    light = {"a": "def f():\n    from kit.b import c\n", "b": "import polars\nc = 1\n"}
    assert breaches_of(tmp_path, **kinds, **light) == ""


def test_a_room_that_imports_one_above_it_is_found(tmp_path: Path) -> None:
    """The layers bite: a copy of the kit in which `core` looks into `compare`."""
    kit = tmp_path / "mlops_kit"
    shutil.copytree(ROOT / "template/tools/kit/mlops_kit", kit)
    with (kit / "core" / "files.py").open("a", encoding="utf-8") as file:
        file.write("import mlops_kit.compare.config\n")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    checker = ["lint-imports", "--no-cache", "--config", "pyproject.toml"]
    done = run(checker, tmp_path, {"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    assert "mlops_kit.core is not allowed to import mlops_kit.compare" in done.stdout


FILES_OUTSIDE_THE_KIT = {"team": 60, "poc": 40}


@pytest.mark.parametrize("name", FILES_OUTSIDE_THE_KIT)
def test_a_repository_has_few_files_beside_the_kit(name: str, tmp_path: Path) -> None:
    project = render(tmp_path / "p", {**SHOP, **profile(name)})
    beside = [file for file in files_of(project) if not file.startswith("tools/kit/")]
    assert len(beside) <= FILES_OUTSIDE_THE_KIT[name]
    own = [file for file in beside if file.startswith("src/")]
    assert sorted(Path(file).name for file in own) == sorted(
        ["__init__.py", "features.py", "model.py", "baseline.py"]
    )


def test_rendering_and_updating_need_no_trust() -> None:
    text = "\n" + (ROOT / "copier.yml").read_text(encoding="utf-8")
    for key in ("\n_tasks:", "\n_jinja_extensions:", "\n_migrations:"):
        assert key not in text


def test_what_is_left_out_can_be_said_where_an_update_meets_old_answers() -> None:
    """A new question in _exclude would otherwise break the update of every existing repository."""
    settings = yaml.safe_load((ROOT / "copier.yml").read_text(encoding="utf-8").split("\n---\n")[0])
    strict = jinja2.Environment(undefined=jinja2.StrictUndefined)  # noqa: S701 - names of files
    entries = [strict.from_string(entry) for entry in settings["_exclude"]]
    for answers in ({}, *({**SHOP, **profile(name)} for name in PROFILES)):
        for missing in ("", *answers):
            old = {key: value for key, value in answers.items() if key != missing}
            assert "".join(entry.render(old) for entry in entries), missing


def workflow_folders(tmp_path: Path) -> list[Path]:
    """Return this repository and every profile that has workflows."""
    projects = [render(tmp_path / name, {**SHOP, **profile(name)}) for name in PROFILES]
    return [ROOT, *(path for path in projects if (path / ".github" / "workflows").is_dir())]


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return this repository and the rendered ones."""
    return workflow_folders(tmp_path_factory.mktemp("workflows"))


def test_actions_are_pinned_by_commit_with_their_version_beside(repositories: list[Path]) -> None:
    pinned = re.compile(r"\s*(?:- )?uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    for repository in repositories:
        for path in (repository / ".github" / "workflows").glob("*.yml"):
            lines = [line for line in path.read_text().splitlines() if "uses:" in line]
            assert lines
            assert all(pinned.fullmatch(line) for line in lines), path


def test_the_same_action_has_the_same_pin_everywhere(repositories: list[Path]) -> None:
    pins: dict[str, set[str]] = {}
    for repository in repositories:
        for path in (repository / ".github" / "workflows").glob("*.yml"):
            for action, pin in re.findall(r"uses: ([\w./-]+)@([0-9a-f]+)", path.read_text()):
                pins.setdefault(action, set()).add(pin)
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


def test_workflows_start_without_permissions(repositories: list[Path]) -> None:
    for repository in repositories:
        for path in (repository / ".github" / "workflows").glob("*.yml"):
            assert yaml.safe_load(path.read_text())["permissions"] == {}, path


def test_workflows_pass_the_security_and_the_syntax_checkers(repositories: list[Path]) -> None:
    for repository in repositories:
        workflows = sorted((repository / ".github" / "workflows").glob("*.yml"))
        for command in (
            ["zizmor", "--offline", "--no-progress", "--persona", "regular", *workflows],
            ["actionlint", *workflows],
            ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows],
        ):
            done = run(command, repository)
            assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"


def test_a_workflow_that_leaks_a_title_into_a_shell_is_found(tmp_path: Path) -> None:
    """The checker bites: without this, a silent checker would look like clean workflows."""
    bad = tmp_path / ".github" / "workflows" / "bad.yml"
    bad.parent.mkdir(parents=True)
    good = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    bad.write_text(
        good.replace("run: make demo", "run: echo ${{ github.event.pull_request.title }}")
    )
    assert run(["zizmor", "--offline", "--no-progress", bad], tmp_path).returncode == 14


def test_every_release_has_a_commit_of_this_history_and_an_entry_in_the_changelog() -> None:
    releases = tomllib.loads((ROOT / "releases.toml").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert releases
    for version, commit in releases.items():
        assert re.fullmatch(r"[0-9a-f]{40}", commit)
        assert f"\n## {version}\n" in changelog
        if run(["git", "rev-parse", "--is-shallow-repository"], ROOT).stdout.strip() == "false":
            ancestor = run(["git", "merge-base", "--is-ancestor", commit, "HEAD"], ROOT)
            assert ancestor.returncode == 0, version


@pytest.mark.xdist_group("house")
def test_groups_of_tests_stay_together(request: pytest.FixtureRequest) -> None:
    """A group that the runner does not know of builds its slow fixtures on every worker."""
    if not hasattr(request.config, "workerinput"):
        pytest.skip("one process runs them all")
    assert request.node.nodeid.endswith("@house")
