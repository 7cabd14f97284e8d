"""ADOPTION.md says what the owner must know, and nothing that is not so."""

import tomllib
from pathlib import Path

import pytest
from adoption import REPORT, adopted, committed, own_tests
from copier_mlops.adopting.builds import builds_what_it_finds, exclude_package, taken_at_top
from copier_mlops.adopting.existing import read_existing
from copier_mlops.adopting.pyproject_merge import merge
from copier_mlops.git import repository_at
from setuptools.discovery import PackageFinder, PEP420PackageFinder
from shapes import ADDER, Files, adder_test, build

SETUP = "from setuptools import find_packages, setup\n\nsetup(name='lib', {})\n"
SETUPTOOLS = "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n"
PROJECT = "[project]\nname = 'lib-x'\nversion = '1'\n\n"


def told(template: Path, folder: Path, files: Files) -> str:
    """Adopt a repository with these files and return the report."""
    adopted(build(folder, files), template)
    return (folder / REPORT).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("files", "finds"),
    [
        ({"setup.py": SETUP.format("packages=find_packages()"), "src/__init__.py": ""}, True),
        ({"setup.py": SETUP.format("packages=find_packages()"), "lib/__init__.py": ""}, False),
        ({"setup.py": SETUP.format("packages=['lib']"), "src/lib/__init__.py": ""}, False),
        (
            {
                "setup.py": "from setuptools import setup\nsetup()\n",
                "setup.cfg": "[metadata]\nname = lib\n[options]\npackages = find_namespace:\n",
                "src/lib/a.py": "",
            },
            True,
        ),
        (
            {
                "setup.py": "from setuptools import setup\nsetup()\n",
                "setup.cfg": "[metadata]\nname = lib\n[options]\npackages = lib\n",
                "src/lib/__init__.py": "",
            },
            False,
        ),
        ({"pyproject.toml": PROJECT + SETUPTOOLS, "src/lib/__init__.py": ""}, True),
        (
            {
                "pyproject.toml": PROJECT
                + SETUPTOOLS.replace("setuptools.build_meta", "hatchling.build"),
                "src/lib/__init__.py": "",
            },
            False,
        ),
    ],
)
def test_a_build_that_takes_every_package_it_finds_is_warned_of_the_templates(
    files: Files, finds: bool, template: Path, tmp_path: Path
) -> None:
    report = told(template, tmp_path / "r", files)
    assert ("takes the packages that it finds" in report) is finds


def test_manifests_from_which_nothing_is_taken_over_are_named(
    template: Path, tmp_path: Path
) -> None:
    files = {"environment.yml": "- pandas\n", "requirements.txt": "click\n", "Pipfile": ""}
    report = told(template, tmp_path / "r", {**files, "src/requirements.txt": "mlem\n"})
    assert "Nothing was taken over from environment.yml, src/requirements.txt," in report
    assert "Nothing was taken over" not in told(template, tmp_path / "s", {"a.py": "\n"})


@pytest.mark.parametrize(
    ("dependencies", "named"),
    [("dependencies = ['Pandas[all]>=2']", True), ("dependencies = ['pandas', 'lib.b']", False)],
)
def test_requirements_beside_a_project_are_named_if_it_does_not_ask_for_them(
    dependencies: str, named: bool, template: Path, tmp_path: Path
) -> None:
    files = {"pyproject.toml": PROJECT.strip() + f"\n{dependencies}\n\n" + SETUPTOOLS}
    report = told(template, tmp_path / "r", {**files, "requirements.txt": "pandas\nlib-b==1\n"})
    assert ("Nothing was taken over from requirements.txt" in report) is named


def test_tools_that_check_code_are_told_in_one_step_wherever_they_are_configured(
    template: Path, tmp_path: Path
) -> None:
    files = {".flake8": "[flake8]\n", "mypy.ini": "[mypy]\n", "Makefile": "lint:\n\tblack .\n"}
    files |= {"pyrightconfig.json": "{}", ".pre-commit-config.yaml": "repos: [] # bandit\n"}
    report = told(template, tmp_path / "r", {**files, "a.py": "\n"})
    assert "Let black, flake8, mypy, bandit and pyright leave `tools/kit/` out" in report
    assert "modules in `src/r_ml/` are yours: fit them to your rules." in report


def test_a_tool_whose_name_is_in_that_of_another_is_not_taken_for_it(
    template: Path, tmp_path: Path
) -> None:
    files = {"pyproject.toml": "[tool.basedpyright]\n", "Makefile": "t:\n\tbasedpyright src\n"}
    assert "Let basedpyright leave" in told(template, tmp_path / "r", files)


def test_merged_files_are_told_as_they_are(template: Path, tmp_path: Path) -> None:
    files = {"pyproject.toml": "[tool.black]\nline-length = 88\n", ".gitattributes": "*.x text\n"}
    report = told(template, tmp_path / "r", files)
    assert "`pyproject.toml`: your values win; new tables: [project], " in report
    assert "[tool.black]" not in report
    assert "`.gitattributes`: your rules come last and win" in report
    assert (tmp_path / "r" / ".gitattributes").read_text(encoding="utf-8").endswith("*.x text\n")


def test_the_guide_is_named_where_it_lies(template: Path, tmp_path: Path) -> None:
    report = told(template, tmp_path / "r", {"docs/conf.py": "\n", "a.py": "\n"})
    assert "own data (docs/bring-your-own-data.md.template)" in report


@pytest.mark.parametrize(
    "files",
    [
        {"tests/conftest.py": "import pytest\n"},
        {
            "tests/checks.py": adder_test("sums"),
            "pytest.ini": "[pytest]\npython_files = checks.py\n",
        },
        {"setup.cfg": "[tool:pytest]\ntestpaths = tests\n"},
    ],
)
def test_the_templates_examples_never_join_a_folder_of_their_tests(
    files: Files, template: Path, tmp_path: Path
) -> None:
    folder = build(tmp_path / "r", {**files, "src/sums.py": ADDER})
    before = own_tests(folder)[0]
    adopted(folder, template)
    assert "tests/test_features.py" not in committed(folder)
    assert own_tests(folder)[0] == before


@pytest.mark.parametrize(("options", "command"), [("addopts = --cov", "-o addopts= "), ("", "")])
def test_the_templates_tests_run_without_the_options_of_theirs(
    options: str, command: str, template: Path, tmp_path: Path
) -> None:
    report = told(template, tmp_path / "r", {"pytest.ini": f"[pytest]\n{options}\n", "a.py": ""})
    assert f"`uv run pytest {command}tools/kit/tests`" in report


def test_their_package_gets_the_teams_files_only_and_nothing_to_exclude(
    template: Path, tmp_path: Path
) -> None:
    files = {"pyproject.toml": PROJECT + SETUPTOOLS, "src/lib_x/__init__.py": ""}
    report = told(template, tmp_path / "r", files)
    inside = [name for name in committed(tmp_path / "r") if name.startswith("src/")]
    seeds = ("__init__", "baseline", "features", "model")
    assert inside == [f"src/lib_x/{name}.py" for name in seeds]
    assert "exclude it" not in report


FIND = "\n[tool.setuptools.packages.find]\nwhere = ['src']\n"


@pytest.mark.parametrize("own", ["", "exclude = [\n  'lib_ml',  # ours\n]\n"])
def test_a_build_with_a_table_of_what_it_finds_leaves_the_templates_package_out(
    own: str, template: Path, tmp_path: Path
) -> None:
    files = {"pyproject.toml": PROJECT + SETUPTOOLS + FIND + own, "src/other/__init__.py": ""}
    report = told(template, tmp_path / "r", files)
    written = (tmp_path / "r" / "pyproject.toml").read_text(encoding="utf-8")
    assert own.rstrip("]\n") in written
    found = tomllib.loads(written)["tool"]["setuptools"]["packages"]["find"]
    assert found["exclude"] == ["lib_ml"] * bool(own) + ["lib_x_ml", "lib_x_ml.*"]
    assert "leaves `lib_x_ml` and what else is the template's out" in report
    assert "takes the packages that it finds" not in report


@pytest.mark.parametrize(
    ("table", "tests", "taken"),
    [
        ("exclude = ['docs*']", "", ["src.lib_x_ml", "tools.kit", "tests"]),
        ("where = ['.']", "tests/test_a.py", ["src.lib_x_ml", "tools.kit"]),
        ("include = ['lib*']", "", []),
        ("namespaces = false", "", []),
        ("exclude = ['tools*', 'src*']", "tests/test_a.py", []),
    ],
)
def test_a_build_that_takes_every_folder_at_the_top_takes_none_of_the_templates(
    table: str, tests: str, taken: list[str], tmp_path: Path
) -> None:
    text = f"{PROJECT}{SETUPTOOLS}\n[tool.setuptools.packages.find]\n{table}\n"
    files = {"pyproject.toml": text, "lib/__init__.py": ""} | ({tests: ""} if tests else {})
    folder = build(tmp_path / "r", files)
    existing = read_existing(repository_at(folder))
    assert taken_at_top(existing, "lib_x_ml") == taken

    def found() -> set[str]:
        find = tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["setuptools"]
        options = {**find["packages"]["find"]}
        where = options.pop("where", ["."])[0]
        finder = PEP420PackageFinder if options.pop("namespaces", True) else PackageFinder
        return set(finder.find(where=str(folder / where), **options))

    before = found()
    for name in ("tools/kit/mlops_kit/cli.py", "src/lib_x_ml/model.py", "tests/test_features.py"):
        if not tests or not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
    sections = exclude_package(existing, "lib_x_ml")
    assert bool(sections) is bool(taken)
    (folder / "pyproject.toml").write_text(merge(text, sections)[0], encoding="utf-8")
    # A folder that only holds others brings no file.
    assert found() - before <= {"src", "tools"}


def test_a_build_that_finds_namespaces_at_the_top_is_warned(tmp_path: Path) -> None:
    setup = "from setuptools import *\nsetup(name='lib-x', packages=find_namespace_packages({}))\n"
    for arguments, taken in {"": True, "exclude=['docs']": True, "'src'": False}.items():
        folder = build(tmp_path / str(len(arguments)), {"setup.py": setup.format(arguments)})
        existing = read_existing(repository_at(folder))
        assert bool(taken_at_top(existing, "lib_x_ml")) is taken
        assert builds_what_it_finds(existing) is taken
