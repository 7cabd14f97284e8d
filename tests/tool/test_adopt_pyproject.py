"""pyproject.toml is merged by its structure: comments stay, the repository's values win."""

import tomllib
from pathlib import Path

import pytest
import tomlkit
from adoption import adopted, committed
from copier_mlops.adopting.arrangements import Arrangement, arrangements, requirements_of
from copier_mlops.adopting.existing import read_existing
from copier_mlops.adopting.pyproject_merge import merge, split
from copier_mlops.errors import ToolError
from copier_mlops.git import repository_at
from hypothesis import given, settings
from hypothesis import strategies as st
from rendering import SHOP, render
from shapes import Files, build, build_shape

SETUPTOOLS = "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the template's pyproject.toml."""
    folder = render(tmp_path_factory.mktemp("rendered") / "p", SHOP)
    return (folder / "pyproject.toml").read_text(encoding="utf-8")


def ways(top: Path, files: Files, rendered: str, package: str = "shop") -> list[Arrangement]:
    """Return the arrangements for a repository with these files."""
    return arrangements(read_existing(repository_at(build(top, files))), rendered, package)


def parsed(way: Arrangement, name: str = "pyproject.toml") -> dict:
    """Return a file of an arrangement."""
    return tomllib.loads(way.files[name])


def test_tables_of_the_template_are_split_without_losing_a_line(rendered: str) -> None:
    sections = split(rendered)
    assert "".join(f"[{name}]\n{text}" for name, text in sections.items()) == rendered


def test_own_values_comments_and_order_stay(rendered: str) -> None:
    theirs = (
        "# first\n[tool.uv.sources]\na = { path = 'a' }  # keep\n\n[project]\nname = 'a'\n\n"
        "[tool.uv]\ndefault-groups = [\n  'x', # mine\n]\n\n[dependency-groups]\nx = ['typer<1']\n"
        "mlops = [\n  'duckdb<2',  # old\n]\ndev = [\n  'ruff<1',\n]\n\n"
        "[tool.pyrefly]\npython-version = '3.12'\n"
    )
    chosen = {
        k: v
        for k, v in split(rendered).items()
        if k.split(".")[0] not in ("project", "build-system")
    }
    text, differing = merge(theirs, chosen)
    for line in theirs.splitlines():
        assert line in text.splitlines()
    merged = tomllib.loads(text)
    assert merged["tool"]["uv"]["default-groups"] == ["x", "dev", "mlops"]
    assert merged["dependency-groups"]["mlops"] == ["duckdb<2", "mlops-kit"]
    assert merged["dependency-groups"]["dev"][0] == "ruff<1"
    assert len([r for r in merged["dependency-groups"]["dev"] if r.startswith("ruff")]) == 1
    assert merged["tool"]["pyrefly"]["python-version"] == "3.12"
    assert merged["tool"]["pyrefly"]["search-path"] == ["src"]
    assert any("ruff<1" in sentence for sentence in differing)
    assert any("tool.pyrefly.python-version" in sentence for sentence in differing)


KEYS = st.sampled_from(["project", "tool", "uv", "dev", "mlops", "dependency-groups", "a"])
VALUES = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.text(max_size=5), st.lists(st.text(max_size=4))),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_whatever_stands_there_keeps_its_value(theirs: dict) -> None:
    wanted = {"dependency-groups": "dev = ['ruff']\n", "tool.uv": "default-groups = ['dev']\n"}
    text = tomlkit.dumps(theirs)
    try:
        merged = tomllib.loads(merge(text, wanted)[0])
    except ToolError:
        return  # refused, nothing written

    def inside(old: object, new: object) -> bool:
        if isinstance(old, dict):
            return isinstance(new, dict) and all(inside(old[k], new.get(k)) for k in old)
        if isinstance(old, list):
            return isinstance(new, list) and new[: len(old)] == old
        return old == new

    assert inside(tomllib.loads(text), merged)


def test_a_repository_without_metadata_gets_the_templates_own(
    tmp_path: Path, rendered: str
) -> None:
    files = {
        "requirements.txt": "six>=1 # why\n-r more.txt\n\nattrs==1 --hash=x\n",
        "readme.rst": "x\n",
    }
    first, second, apart = ways(tmp_path / "r", files, rendered)
    assert (first.mode, second.mode, apart.mode) == ("whole", "whole", "apart")
    assert parsed(first)["project"]["dependencies"] == ["six>=1", "attrs==1"]
    assert "add by hand: `-r more.txt`." in first.note
    assert parsed(second)["project"]["dependencies"] == []
    assert "uv cannot lock requirements.txt together" in second.note
    assert parsed(first)["project"]["readme"] == "readme.rst"
    assert parsed(first)["tool"]["uv"]["sources"]["mlops-kit"]["path"] == "tools/kit"
    assert parsed(first)["tool"]["mlops"] == {"package": "shop"}


def test_requirements_of_every_kind_are_read_or_named(tmp_path: Path) -> None:
    text = "A>=1\na<2\n# c\n-e .\ngit+https://x/y\nb[x]>=1 ; python_version<'4'\n./local\n"
    top = build(tmp_path / "r", {"requirements.txt": text})
    found, skipped = requirements_of(read_existing(repository_at(top)))
    assert found == ["A>=1", "b[x]>=1 ; python_version<'4'"]
    assert skipped == ["-e .", "git+https://x/y", "./local"]


def test_an_older_python_is_kept_and_only_the_groups_ask_for_more(
    tmp_path: Path, rendered: str
) -> None:
    project = "[project]\nname = 'lib'\nversion = '1'\nrequires-python = '>=3.8'\n"
    files = {"pyproject.toml": f"{project}\n[dependency-groups]\ndev = ['pytest']\n{SETUPTOOLS}"}
    first, _ = ways(tmp_path / "r", files, rendered)
    merged = parsed(first)
    assert merged["project"]["requires-python"] == ">=3.8"
    assert merged["dependency-groups"]["dev"] == ["pytest"]
    asked = merged["tool"]["uv"]["dependency-groups"]
    assert asked["mlops"] == {"requires-python": ">=3.11"}
    assert "dev" not in asked
    kit = {"path": "tools/kit", "editable": True}
    assert merged["tool"]["uv"]["sources"] == {"mlops-kit": kit}
    assert [*first.files] == ["pyproject.toml"]


def test_a_python_that_is_too_old_is_named_and_gets_an_environment_apart(
    tmp_path: Path, rendered: str
) -> None:
    project = "[project]\nname = 'lib'\nversion = '1'\nrequires-python = '>=3.8,<3.11'\n"
    apart = ways(tmp_path / "r", {"pyproject.toml": project + SETUPTOOLS}, rendered)[-1]
    assert 'requires-python = ">=3.8,<3.11"` excludes Python 3.11' in apart.note
    assert "pyproject.toml" not in apart.files
    assert apart.runs == "uv run --project src"
    member = parsed(apart, "src/pyproject.toml")
    assert member["tool"]["uv"]["build-backend"]["module-root"] == ""
    assert "readme" not in member["project"]
    assert member["dependency-groups"] == tomllib.loads(rendered)["dependency-groups"]
    assert member["tool"]["uv"]["sources"]["mlops-kit"]["path"] == "../tools/kit"


@pytest.mark.parametrize(
    "files",
    [
        {".python-version": "3.10\n"},
        {"uv.lock": "version = 1\n"},
        {".github/workflows/ci.yml": "jobs: {a: {steps: [{run: uv run -p 3.9 pytest}]}}\n"},
    ],
)
def test_uv_still_runs_the_project_with_an_older_python(
    files: dict[str, str], tmp_path: Path, rendered: str
) -> None:
    project = "[project]\nname = 'lib'\nversion = '1'\nrequires-python = '>=3.9'\n"
    (apart,) = ways(tmp_path / "r", {"pyproject.toml": project + SETUPTOOLS, **files}, rendered)
    assert "older than 3.11" in apart.note
    assert "pyproject.toml" not in apart.files


def test_a_command_of_the_same_name_stays_theirs(tmp_path: Path, rendered: str) -> None:
    project = "[project]\nname = 'mlops'\nversion = '1'\n[project.scripts]\nmlops = 'mlops:main'\n"
    (apart,) = ways(tmp_path / "r", {"pyproject.toml": project + SETUPTOOLS}, rendered)
    assert "a command `mlops` too" in apart.note


def test_poetry_sees_nothing_that_it_would_lock(tmp_path: Path, rendered: str) -> None:
    first, without, _ = arrangements(
        read_existing(repository_at(build_shape(tmp_path / "r", "poetry"))), rendered, "shop"
    )
    merged = parsed(first)
    assert "dependency-groups" not in merged
    assert "project" not in merged
    assert merged["tool"]["uv"]["dev-dependencies"][0] == "pricing"
    assert merged["tool"]["uv"]["workspace"] == {"members": ["tools/kit"]}
    assert merged["tool"]["uv"]["sources"]["mlops-kit"] == {"workspace": True}
    assert "pricing" not in parsed(without)["tool"]["uv"]["dev-dependencies"]
    assert "`uv run` does not have it" in without.note
    groups = tomllib.loads(rendered)["dependency-groups"]
    assert set(groups["mlops"] + groups["dev"]) <= set(merged["tool"]["uv"]["dev-dependencies"])


def test_poetry_with_project_keeps_its_older_python(tmp_path: Path, rendered: str) -> None:
    project = "[project]\nname = 'lib'\nversion = '1'\nrequires-python = '>=3.10'\n"
    files = {"pyproject.toml": f"{project}[tool.poetry]\npackages = []\n{SETUPTOOLS}"}
    uv = parsed(ways(tmp_path / "r", files, rendered)[0])["tool"]["uv"]
    assert uv["environments"] == ["python_full_version >= '3.11'"]
    assert "mlops-kit" in uv["dev-dependencies"]


@pytest.mark.parametrize(
    ("files", "table", "expected"),
    [
        (
            {"lib/__init__.py": "", "conf.py": ""},
            ("setuptools", "packages", "find"),
            {"include": ["lib", "lib.*"]},
        ),
        ({"lib.py": ""}, ("setuptools",), {"py-modules": ["lib"]}),
    ],
)
def test_a_build_that_looks_for_packages_still_finds_its_own(
    files: Files, table: tuple[str, ...], expected: dict, tmp_path: Path, rendered: str
) -> None:
    """A new folder src/ would make setuptools look only there."""
    project = f"[project]\nname = 'lib'\nversion = '1'\n{SETUPTOOLS}"
    merged = parsed(ways(tmp_path / "r", {**files, "pyproject.toml": project}, rendered)[0])["tool"]
    for part in table:
        merged = merged[part]
    assert merged == expected


def test_src_that_is_itself_a_package_is_built_by_another_backend(
    tmp_path: Path, rendered: str
) -> None:
    first = ways(tmp_path / "r", {"src/__init__.py": "", "src/a.py": ""}, rendered)[0]
    assert parsed(first)["build-system"]["build-backend"] == "hatchling.build"
    assert parsed(first)["tool"]["hatch"]["build"]["targets"]["wheel"] == {"packages": ["src/shop"]}
    assert "build-backend" not in parsed(first)["tool"]["uv"]


def test_pytest_keeps_its_configuration(tmp_path: Path, rendered: str) -> None:
    for number, files in enumerate(
        (
            {"tests/test_a.py": ""},
            {"setup.cfg": "[tool:pytest]\n"},
            {"tox.ini": "[pytest]\n"},
            {"pytest.ini": "[pytest]\n"},
        )
    ):
        first = ways(tmp_path / str(number), files, rendered)[0]
        assert "pytest" not in parsed(first)["tool"]
    assert "pytest" in parsed(ways(tmp_path / "none", {"a.py": ""}, rendered)[0])["tool"]


def test_a_file_that_cannot_be_merged_gets_an_environment_apart(
    tmp_path: Path, rendered: str
) -> None:
    text = "project = { name = 'a', version = '1' }\ntool = { uv = { package = true } }\n"
    (apart,) = ways(tmp_path / "r", {"pyproject.toml": text}, rendered)
    assert apart.mode == "apart"
    assert "cannot be merged safely" in apart.note


def test_an_unusual_file_is_refused_and_not_guessed_at() -> None:
    with pytest.raises(ToolError, match="cannot be merged safely"):
        merge(
            "tool = { uv = { x = 1 } }\n",
            {"tool.uv.build-backend": "a = 1\n", "tool.other": "b = 1\n"},
        )


WORKSPACE = "[project]\nname='all'\nversion='1'\n\n[tool.uv.workspace]\nmembers = [{}]\n"


@pytest.mark.parametrize(
    ("members", "extra", "said"),
    [
        ("'src/*'", {"src/core/pyproject.toml": "[project]\n"}, "takes the template's src/all_ml/"),
        ("'src/core'", {"src/core/pyproject.toml": "[project]\n"}, None),
        ("'tools/*'", {"tools/own/pyproject.toml": "[project]\n"}, None),
        ("'./*'", {"core/pyproject.toml": "[project]\n"}, "`./*` takes the template's conf/"),
        ("'packages/*'", {"packages/core/pyproject.toml": "[project]\n"}, None),
        ("'*']\nexclude = ['[cdmnrt]*', 'src', 'build*'", {}, None),
    ],
)
def test_a_workspace_that_uv_could_not_read_any_more_is_refused(
    members: str, extra: Files, said: str | None, tmp_path: Path, template: Path
) -> None:
    folder = build(tmp_path / "r", {"pyproject.toml": WORKSPACE.format(members), **extra})
    if said is None:
        assert adopted(folder, template).branch
        return
    with pytest.raises(ToolError) as refused:
        adopted(folder, template)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ("'apps/*/*'", "`apps/*/*` takes the template's apps/a/conf/ for a member"),
        ("'apps/**'", "`apps/**` takes the template's apps/a/conf/"),
        ("'apps/*'", None),
    ],
)
def test_a_workspace_above_the_folder_is_looked_at_too(
    members: str, said: str | None, tmp_path: Path, template: Path
) -> None:
    own = {"apps/a/pyproject.toml": "[project]\nname = 'a'\nversion = '1'\n"}
    top = build(tmp_path / "r", {"pyproject.toml": WORKSPACE.format(members), **own})
    if said is None:
        assert adopted(top / "apps" / "a", template).branch
        return
    with pytest.raises(ToolError) as refused:
        adopted(top / "apps" / "a", template)
    assert said in str(refused.value)


def failing_uv(folder: Path, says: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a uv on the PATH that notes what it is asked, says this, and fails."""
    uv = folder / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(f'#!/bin/sh\necho "$@" > {folder}/asked\ncat >&2 <<"END"\n{says}\nEND\nexit 2\n')
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(uv.parent), prepend=":")
    return folder / "asked"


@pytest.mark.parametrize(
    ("requires", "pythons", "says"),
    [
        (">=3.8", ">=3.11,>=3.8", "error: No interpreter found"),
        (">=3.12,<3.13", ">=3.11,>=3.12,<3.13", "error: No interpreter found"),
        (">=3.14", ">=3.11,>=3.14", "error: No interpreter found"),
        ("~=3.14.0", ">=3.11,~=3.14.0", "Querying Python at `/shims/python3.14` failed"),
    ],
)
def test_uv_locks_with_a_python_that_both_sides_support(
    requires: str,
    pythons: str,
    says: str,
    tmp_path: Path,
    template: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = {"pyproject.toml": f"[project]\nname='a'\nversion='1'\nrequires-python='{requires}'\n"}
    folder = build(tmp_path / "r", files)
    assert read_existing(repository_at(folder)).pythons == pythons
    asked = failing_uv(tmp_path, says, monkeypatch)
    adoption = adopted(folder, template, lock=True)
    assert f"--python {pythons}" in asked.read_text()
    assert adoption.notes == [
        f"uv found no Python {pythons} on this machine: install one, run `uv lock`, commit uv.lock."
    ]


@pytest.mark.parametrize(
    ("name", "source"),
    [("My Lib", 'my-lib = { path = ".", editable = true }'), ("my-lib-", None)],
)
def test_a_distribution_is_installed_under_the_name_that_uv_accepts(
    name: str, source: str | None, tmp_path: Path, rendered: str
) -> None:
    setup = f"from setuptools import setup\nsetup(name='{name}', packages=['lib'])\n"
    first = ways(tmp_path / "r", {"setup.py": setup}, rendered)[0]
    tomllib.loads(first.files["pyproject.toml"])
    if source:
        assert source in first.files["pyproject.toml"]
        assert first.note == ""
    else:
        assert "my-lib" not in first.files["pyproject.toml"]
        assert "uv cannot read the name of your distribution" in first.note


@pytest.mark.parametrize(
    ("given", "package"), [({}, "lib_x_ml"), ({"package_name": "lib_x"}, "lib_x")]
)
def test_an_environment_apart_does_not_hold_the_package_of_theirs(
    given: dict, package: str, tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = f"[project]\nname = 'lib-x'\nversion = '1'\n\n{SETUPTOOLS}"
    files = {"pyproject.toml": project, "src/lib_x/__init__.py": "import absent\n"}
    folder = build(tmp_path / "r", files)
    failing_uv(tmp_path, "cause: these exclude each other", monkeypatch)
    adoption = adopted(folder, template, lock=True, data=given)
    assert adoption.answers["package_name"].answer == package
    written = committed(folder)
    member = tomllib.loads(written["src/pyproject.toml"].decode())
    assert member["tool"]["uv"]["build-backend"]["module-name"] == package
    assert "tools/kit/mlops_kit/cli.py" in written
    assert written["src/uv.lock"].count(b'editable = "../tools/kit"') >= 2
    assert b'editable = "tools/kit"' not in written["src/uv.lock"]
    locked = tomllib.loads(written["src/uv.lock"].decode())["package"]
    assert member["project"]["name"] in {
        entry["name"] for entry in locked if "dev-dependencies" in entry
    }
    assert f"package_name: {package}\n".encode() in written[".copier-answers.yml"]


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (
            "  cause: The build failed\n    [stderr]\n    Traceback (most recent call last):\n"
            "      File 'x', line 1\n    ValueError: no Cython",
            "The build failed [stderr] ValueError: no Cython",
        ),
        ("warning: a field is deprecated\nUsing CPython 3.11\nerror: no", "error: no"),
    ],
)
def test_what_uv_said_is_told_without_warnings_and_tracebacks(
    says: str, told: str, tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build(tmp_path / "r", {"pyproject.toml": f"[project]\nname = 'a'\n\n{SETUPTOOLS}"})
    failing_uv(tmp_path, says, monkeypatch)
    adopted(folder, template, lock=True)
    assert f"uv said: {told}\n" in committed(folder)["ADOPTION.md"].decode()


@pytest.mark.parametrize(
    "theirs",
    [
        '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.11"\n\n',
        '[tool.poetry]\nname = "a"\nversion = "1"\n\n[tool.poetry.dependencies]\n'
        'python = ">=3.11"\n\n',
    ],
)
def test_a_team_that_installs_all_groups_keeps_it_and_is_told(
    rendered: str, tmp_path: Path, theirs: str
) -> None:
    files = {"pyproject.toml": f'{theirs}[tool.uv]\ndefault-groups = "all"\n', "a/__init__.py": ""}
    *merged, _apart = ways(tmp_path / "r", files, rendered)
    assert merged
    for way in merged:
        assert parsed(way)["tool"]["uv"]["default-groups"] == "all"
        assert "poetry" in theirs or any("default-groups" in said for said in way.differing)
