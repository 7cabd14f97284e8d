"""What is inferred from a repository, and why."""

from pathlib import Path

import pytest
from copier_mlops.adopting.evidence import facts, infer
from copier_mlops.adopting.existing import Existing, read_existing
from copier_mlops.git import repository_at
from rendering import git
from shapes import Files, build, build_shape


def existing(top: Path, files: Files) -> Existing:
    """Return a repository with these files, as adopt reads it."""
    return read_existing(repository_at(build(top, files)))


ELSEWHERE = "['remote \"a\"']\n    url = s3://dvc\n    endpointurl = https://minio.example.org\n"
NAMED = {"pyproject.toml": "[project]\nname = 't-1'\ndescription = 'Add your description here'\n"}


@pytest.mark.parametrize(
    ("question", "answer", "files", "because"),
    [
        ("task", "regression", {"a.py": "m = XGBRegressor()\n"}, "a.py line 1"),
        ("task", "classification", {"a.py": "LogisticRegression()\n"}, "a.py line 1"),
        ("task", "recommendation", {"a.py": "import implicit\n"}, "a.py line 1"),
        ("task", "regression", {"a.py": "F.mse_loss(a, b)\n"}, "a.py line 1 (1 such"),
        ("task", "regression", {"a.ipynb": "from m import mean_absolute_error"}, "a.ipynb line 1"),
        ("task", "classification", {"a.py": "F.mse_loss\nf1_score\nBCELoss()\n"}, "2 such"),
        ("task", "classification", {"a.py": "IsotonicRegression()\n"}, "assumed"),
        ("task", "regression", {"a.py": "p = {'objective': 'reg:gamma'}\n"}, "a.py line 1"),
        ("task", "classification", {"a.py": "objective='binary:logistic'\n"}, "a.py line 1"),
        ("task", "regression", {"README.md": "T\n\nA regression model.\n"}, "README.md line 3"),
        ("task", "classification", {"README.md": "Classification of mail\n"}, "README.md line 1"),
        ("task", "classification", {"README.md": "Regression tests, and logs.\n"}, "assumed"),
        ("functionality", "existing_model", {"m/best.pkl": "x"}, "m/best.pkl"),
        ("functionality", "existing_model", {"a.py": "\nmodel.fit(x)\n"}, "a.py line 2"),
        ("functionality", "existing_rules", {"fraud_rules.py": "X = 1\n"}, "fraud_rules.py"),
        ("functionality", "new", {"a.py": "print('benefit(1)')\n"}, "nothing"),
        ("data_sources", ["sample", "mongodb"], {"a.py": "from pymongo import A\n"}, "a.py line 1"),
        (
            "data_sources",
            ["sample", "files", "postgresql"],
            {"requirements.txt": "psycopg2-binary==2.9\n", "d/x.csv": "a\n"},
            "requirements.txt line 1",
        ),
        ("data_sources", ["sample"], {".devcontainer/d.json": "{}", "conf/x.json": "{}"}, "sample"),
        ("data_sources", ["sample", "files"], {"data/raw/x.json": "{}"}, "data/raw/x.json"),
        ("data_sources", ["sample", "files"], {"data/raw.dvc": "outs: []\n"}, "data/raw.dvc"),
        ("data_sources", ["sample"], {"a.py": "import redistribute\nimport averse\n"}, "sample"),
        ("data_sources", ["sample", "dynamodb"], {"a.py": "c('dynamodb')\n"}, "a.py line 1"),
        ("data_sources", ["sample"], {"requirements.txt": "torchvision\ntorchaudio\n"}, "sample"),
        ("data_sources", ["sample", "images"], {"a.py": "import torchvision\n"}, "a.py line 1"),
        ("hosting", "aws", {".dvc/config": "['remote \"x\"']\n    url = s3://b/x\n"}, "s3://"),
        ("hosting", "on_premises", {".dvc/config": ELSEWHERE, "requirements.txt": "s3fs\n"}, ""),
        ("hosting", "aws", {".dvc/config": ELSEWHERE, "a.py": "import sagemaker\n"}, "a.py line 1"),
        ("hosting", "gcp", {"a.py": "from google.cloud.storage import X\n"}, "a.py line 1"),
        (
            "serving",
            "online",
            {"pyproject.toml": '[project]\nname="x"\ndependencies=[\n"fastapi"]\n'},
            "",
        ),
        ("stage", "poc", {"n.ipynb": "{}"}, "no tests"),
        ("stage", "production", {"Dockerfile": "FROM x\n"}, "Dockerfile"),
        ("stage", "production", {"docker/Dockerfile.api": "FROM x\n"}, "docker/Dockerfile.api"),
        ("stage", "production", {".travis.yml": "script: make\n"}, ".travis.yml"),
        ("stage", "production", {".circleci/config.yml": "jobs: {}\n"}, ".circleci/config.yml"),
        ("stage", "production", {"tests.py": "import unittest\n"}, "tests.py"),
        ("stage", "poc", {".github/workflows/a.yml": "- uses: x  # to make tea\n"}, "no workflow"),
        ("stage", "production", {".github/workflows/a.yml": "on: x\nrun: tox\n"}, "a.yml line 2"),
        ("owner", "@a/b", {"CODEOWNERS": "# x\n* @a/b @c\n"}, "CODEOWNERS"),
        ("owner", "Test", {"a.py": ""}, "1 of 1 commits"),
        ("license", "MIT", {"COPYING": "Permission is hereby granted, free of charge"}, "COPYING"),
        ("license", "MIT", {"setup.py": "setup(name='a', license='MIT')\n"}, "setup.py license"),
        ("license", "MIT", {"setup.py": "['License :: OSI Approved :: MIT License']\n"}, "line 1"),
        (
            "license",
            "Apache-2.0",
            {"pyproject.toml": "[project]\nname='a'\nlicense={text='Apache 2'}\n"},
            "[project] license",
        ),
        ("license", "proprietary", {"setup.cfg": "[metadata]\nlicense = GPL-3\n"}, "know GPL-3"),
        ("project_name", "Tea", {"README.md": "```sh\n# cd x\n```\n\n# Tea\n"}, "README.md line 5"),
        ("project_name", "Tea", {"README.md": "---\ntags: x\n---\n# Tea\n"}, "README.md line 4"),
        ("task", "recommendation", {"README.md": "A recommender.\n"}, "README.md line 1"),
        ("task", "classification", {"README.md": "Our recommendation: uv.\n"}, "assumed"),
        (
            "project_name",
            "t-1",
            {"README.md": "# Publications\n\n# B\n", **NAMED},
            "[project] name",
        ),
        ("project_name", "t-1", {"README.md": "Project Name\n====\n", **NAMED}, "[project] name"),
        ("project_name", "r", {"setup.py": "setup(name='src')\n"}, "the name of the folder"),
        ("project_name", "A B", {"README.md": "text\n\n# [A](x) **B** <b>\n"}, "README.md line 3"),
        ("project_name", "Überblick", {"README.rst": "Überblick\n=====\n"}, "README.rst line 1"),
        ("personal_data", "pii", {"a.py": ""}, "the safe side"),
    ],
)
def test_an_answer_is_inferred_with_its_place(
    question: str, answer: object, files: Files, because: str, tmp_path: Path
) -> None:
    found = infer(existing(tmp_path / "r", files))[question]
    assert found.answer == answer
    assert because in found.because


@pytest.mark.parametrize(
    ("files", "package"),
    [
        ({"r.py": "", "README.md": ""}, "r_ml"),
        ({"r_ml/__init__.py": ""}, "r_mlops"),
        ({"r_ml.py": "", "r_mlops.py": ""}, "r_mlopsx"),
        ({"setup.cfg": "[metadata]\nname = dice-ml\n", "dice_ml/a.py": ""}, "dice_mlops"),
        ({"setup.cfg": "[metadata]\nname = 3-pm25\n"}, "pm25_ml"),
        (
            {"setup.py": "from setuptools import setup\nsetup(name='My-Lib', version=v())\n"},
            "my_lib_ml",
        ),
        ({"setup.cfg": "[metadata]\nname = src\n"}, "r_ml"),
    ],
)
def test_the_package_never_shadows_what_is_there(
    files: Files, package: str, tmp_path: Path
) -> None:
    assert infer(existing(tmp_path / "r", files))["package_name"].answer == package


BUILT = "[build-system]\nrequires = ['hatchling']\nbuild-backend = 'hatchling.build'\n"


@pytest.mark.parametrize(
    ("extra", "pyproject", "package"),
    [
        ({}, f"[project]\nname = 'lib'\nversion = '1'\n{BUILT}", "lib"),
        ({"src/lib/features.py": ""}, f"[project]\nname = 'lib'\nversion = '1'\n{BUILT}", "lib_ml"),
        ({"src/lib/model/x.py": ""}, f"[project]\nname = 'lib'\nversion = '1'\n{BUILT}", "lib_ml"),
        ({"poetry.lock": ""}, f"[project]\nname = 'lib'\nversion = '1'\n{BUILT}", "lib_ml"),
        ({}, "[project]\nname = 'lib'\nversion = '1'\n", "lib_ml"),
        ({}, f"[project]\nname = 'lib'\ndynamic = ['scripts']\n{BUILT}", "lib_ml"),
    ],
)
def test_the_code_goes_into_a_package_of_src_only_where_the_command_can_be_installed(
    extra: Files, pyproject: str, package: str, tmp_path: Path
) -> None:
    files = {"src/lib/__init__.py": "", "pyproject.toml": pyproject, **extra}
    assert infer(existing(tmp_path / "r", files))["package_name"].answer == package


def test_setup_py_is_read_and_never_run(tmp_path: Path) -> None:
    bomb = "open('/tmp/adopted-by-accident', 'w')\nfrom setuptools import setup\n"
    found = existing(
        tmp_path / "r", {"setup.py": f"{bomb}setup(name='a', python_requires='>=3.8')\n"}
    )
    assert found.name == "a"
    assert found.requires_python == ">=3.8"
    assert not Path("/tmp/adopted-by-accident").exists()  # noqa: S108


def test_facts_are_shown_beside_the_answers(tmp_path: Path) -> None:
    folder = build_shape(tmp_path / "r", "own_workflows")
    known = facts(read_existing(repository_at(folder)))
    assert known["python"] == ">=3.11 (pyproject.toml [project] requires-python)"
    assert known["build"] == "hatchling.build"
    assert known["ci"] == ".github/workflows/ci.yml"
    assert known["tests"] == "1 test file"


def test_the_code_host_is_found_by_what_it_reads(tmp_path: Path) -> None:
    gitlab, github = (
        {".gitlab-ci.yml": "a: {script: b}\n"},
        {".github/workflows/a.yml": "name: a\n"},
    )
    assert infer(existing(tmp_path / "a", gitlab))["ci"].answer == "gitlab"
    assert infer(existing(tmp_path / "b", gitlab | github))["ci"].answer == "both"
    assert "ci" not in infer(existing(tmp_path / "c", github))


@pytest.mark.parametrize(
    ("files", "python"),
    [
        ({"pyproject.toml": "[tool.poetry.dependencies]\npython = '^3.9'\n"}, "^3.9 (pyproject"),
        ({"Pipfile": '[requires]\npython_version = "3.9"\n'}, "3.9 (Pipfile)"),
        ({"environment.yml": "dependencies:\n  - python=3.8\n"}, "=3.8 (environment.yml)"),
        ({"conda.yaml": "dependencies:\n- python-dateutil=2\n"}, "not declared"),
        ({".python-version": "3.12\n"}, "3.12 (.python-version)"),
        ({"setup.py": "setup(python_requires='>=3.8')\n", "Pipfile": ""}, ">=3.8 (setup.py"),
    ],
)
def test_the_python_version_is_found_where_any_tool_declares_it(
    files: Files, python: str, tmp_path: Path
) -> None:
    assert facts(existing(tmp_path / "r", files))["python"].startswith(python)


def test_manifests_are_found_by_their_usual_names_and_places(tmp_path: Path) -> None:
    files = {"src/requirements.txt": "redis\n", "conda.yaml": "- gql\n", "env/notes.txt": "neo4j\n"}
    found = existing(tmp_path / "r", {**files, "environment.lock.yml": "- py2neo\n"})
    assert facts(found)["dependencies"] == "conda.yaml, src/requirements.txt"
    assert infer(found)["data_sources"].answer == ["sample", "redis", "graphql"]


def test_a_folder_of_a_larger_repository_gets_its_name_and_the_workflows_that_run(
    tmp_path: Path,
) -> None:
    files = {
        "pricing/code/.github/workflows/a.yml": "name: a\n",
        "pricing/code/a.py": "\n",
        ".github/workflows/all.yml": "name: all\n",
    }
    found = read_existing(repository_at(build(tmp_path / "r", files) / "pricing" / "code"))
    assert facts(found)["ci"] == ".github/workflows/all.yml"
    answers = {question: evidence.answer for question, evidence in infer(found).items()}
    assert answers["package_name"] == "pricing_ml"
    assert answers["project_name"] == "pricing"
    assert infer(found)["project_name"].because == "the name of the folder above"
    assert answers["stage"] == "poc"


def test_only_the_commit_is_read(tmp_path: Path) -> None:
    found = existing(tmp_path / "r", {"a.py": "import redis\n"})
    folder = found.repo.folder
    (folder / "a.py").write_text("import neo4j\n", encoding="utf-8")
    (folder / "b.py").write_text("import neo4j\n", encoding="utf-8")
    assert infer(read_existing(found.repo))["data_sources"].answer == ["sample", "redis"]


def test_huge_and_binary_files_are_not_read(tmp_path: Path) -> None:
    top = build(tmp_path / "r", {"big.py": "import redis\n" + "#" * 1_000_001, "ok.py": "X = 1\n"})
    (top / "binary.py").write_bytes(b"import neo4j\n\xff\xfe\x00")
    (top / "link.py").symlink_to("/etc/passwd")
    git("add", "--all", cwd=top)
    git("commit", "--quiet", "--message", "More", cwd=top)
    found = read_existing(repository_at(top))
    assert [name for name in found.texts if name.endswith(".py")] == ["ok.py"]


def test_a_description_that_nobody_wrote_is_no_answer(tmp_path: Path) -> None:
    assert "description" not in infer(existing(tmp_path / "r", NAMED))
