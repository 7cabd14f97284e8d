"""The questions: what is asked, what is stored, and what each validator says."""

import json
import keyword
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml
from copier import _main as copier_main
from rendering import PROFILES, ROOT, profile, questions, render, working_tree_copy

ASKED = [
    "project_name",
    "package_name",
    "functionality",
    "business_metric",
    "task",
    "stage",
    "data_sources",
    "hosting",
    "serving",
    "personal_data",
    "jurisdictions",
    "owner",
]
NOT_ASKED = [
    "description",
    "license",
    "docs_language",
    "ci",
    "kit",
    "infrastructure",
    "ai_governance",
]
COMPUTED = {"project_slug", "environments", "default_groups"}


def stored_answers(project: Path) -> dict[str, Any]:
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text(encoding="utf-8"))
    return {key: value for key, value in answers.items() if not key.startswith("_")}


def refusal(tmp_path: Path, **answers: Any) -> str:
    """Return what the template says to answers that it must refuse."""
    with pytest.raises(ValueError) as caught:
        render(tmp_path / "refused", answers)
    assert not (tmp_path / "refused").exists()
    return str(caught.value)


@pytest.fixture
def interview(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that answers every prompt with its default and says what was asked."""

    def run(**answers: Any) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []

        def accept_default(structures: list[dict[str, Any]], answers: dict[str, Any]) -> Any:
            # Copier passes computed values through here too, with a condition that is false.
            asked.extend(prompt for prompt in structures if prompt["when"](answers))
            return answers

        monkeypatch.setattr(copier_main, "unsafe_prompt", accept_default)
        copier.run_copy(str(working_tree_copy()), tmp_path / "asked", data=answers, quiet=True)
        return asked

    return run


def test_exactly_twelve_questions_are_asked_in_the_documented_order(interview) -> None:
    assert [prompt["name"] for prompt in interview()] == ASKED


def test_jurisdictions_are_not_asked_without_personal_data(interview) -> None:
    asked = [prompt["name"] for prompt in interview(personal_data="none")]
    assert "jurisdictions" not in asked


def test_every_prompt_offers_help_a_default_and_labels(interview) -> None:
    for prompt in interview():
        assert prompt["message"].strip().endswith(("?", ".")), prompt["name"]
        assert "_" not in prompt["message"], prompt["name"]
        if "choices" in prompt:
            labels = [choice.title for choice in prompt["choices"]]
            assert not any("_" in str(label) for label in labels), labels


def test_every_question_is_typed_defaulted_explained_and_validated() -> None:
    asked_or_given = {key: q for key, q in questions().items() if q.get("when") is not False}
    assert list(asked_or_given) == ASKED + NOT_ASKED
    for name, question in asked_or_given.items():
        assert {"type", "default", "help", "validator"} <= set(question), name
    computed = {key for key, q in questions().items() if q.get("when") is False}
    assert computed == COMPUTED


def test_the_files_of_questions_are_included_in_their_numbered_order() -> None:
    included = re.findall(r"!include (\S+)", (ROOT / "copier.yml").read_text(encoding="utf-8"))
    files = sorted((ROOT / "questions").glob("*.yml"))
    assert included == [f"questions/{path.name}" for path in files]


def test_defaults_are_all_recorded_and_computed_values_are_not(tmp_path: Path) -> None:
    assert set(stored_answers(render(tmp_path / "p"))) == set(ASKED + NOT_ASKED)


def test_infrastructure_follows_hosting_and_is_no_question_of_a_poc(tmp_path: Path) -> None:
    def stored(name: str, **answers: Any) -> list[str] | None:
        return stored_answers(render(tmp_path / name, answers)).get("infrastructure")

    assert stored("default") == ["image", "compose"]
    assert stored("cloud", hosting="gcp") == ["image", "kubernetes"]
    assert stored("none", infrastructure=[]) == []
    # Not stored, so that whoever graduates gets what production gets.
    assert stored("poc", stage="poc") is None
    assert stored("member", kit="../other/tools/kit") is None
    said = refusal(tmp_path, infrastructure=["podman"])
    assert "podman" in said or "Choose from image" in said


def test_answers_that_are_never_asked_are_recorded_when_given(tmp_path: Path) -> None:
    given = {"description": "Qué compra después", "license": "MIT", "docs_language": "es"}
    stored = stored_answers(render(tmp_path / "p", given))
    assert given.items() <= stored.items()


def test_an_answer_that_is_not_asked_is_not_recorded(tmp_path: Path) -> None:
    assert "jurisdictions" not in stored_answers(render(tmp_path / "p", {"personal_data": "none"}))


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_holds_only_answers_that_may_be_given(name: str, tmp_path: Path) -> None:
    answers = profile(name)
    assert set(answers) <= set(ASKED + NOT_ASKED)
    assert answers.items() <= stored_answers(render(tmp_path / "p", answers)).items()


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("Shop recommender", "shop_recommender"),
        ("Año nuevo: «Ñandú» & café", "ano_nuevo_nandu_cafe"),
        ("2024 forecast", "forecast"),
        ("Test", "test_project"),
        ("a" * 80, "a" * 40),
        ("x" * 39 + " y", "x" * 39),
        ("Scikit Learn", "scikit_learn_project"),
    ],
)
def test_the_package_name_is_proposed_from_the_name(
    name: str, package: str, tmp_path: Path
) -> None:
    assert stored_answers(render(tmp_path / "p", {"project_name": name}))["package_name"] == package


@pytest.mark.parametrize("name", ["你好", "Привет", "№ 42"])
def test_a_name_without_plain_letters_asks_for_a_package_name(name: str, tmp_path: Path) -> None:
    said = refusal(tmp_path, project_name=name)
    assert "Give the Python package a name in plain letters" in said
    project = render(tmp_path / "p", {"project_name": name, "package_name": "hola"})
    assert stored_answers(project)["project_name"] == name


@pytest.mark.parametrize("name", ["", "   ", "!?", "___"])
def test_a_project_needs_a_letter_or_digit(name: str, tmp_path: Path) -> None:
    assert "needs at least one letter or digit" in refusal(tmp_path, project_name=name)


@pytest.mark.parametrize("name", ["two\nlines", "a\ttab", "a\x1b[31m", "a\u2028b", "a\x7f"])
def test_a_project_name_is_one_printable_line(name: str, tmp_path: Path) -> None:
    assert "one line of ordinary characters" in refusal(tmp_path, project_name=name)


def test_a_project_name_has_at_most_80_characters(tmp_path: Path) -> None:
    assert "this one has 81" in refusal(tmp_path, project_name="n" * 81)


@pytest.mark.parametrize(
    "package", ["Shop", "_shop", "shop_", "a__b", "1shop", "sh-op", "sh op", "año", "shop\n", "a.b"]
)
def test_a_package_name_is_a_plain_identifier(package: str, tmp_path: Path) -> None:
    assert "lower-case letters a-z, digits" in refusal(tmp_path, package_name=package)


def test_a_package_name_has_at_most_40_characters(tmp_path: Path) -> None:
    assert "this one has 41" in refusal(tmp_path, package_name="p" * 41)


@pytest.mark.parametrize(
    "package",
    [
        *("class", "match", "json", "site", "test", "con", "nul"),
        *("mlops", "tests", "src", "data", "conf", "docs"),
        *("sklearn", "scikit_learn", "pandas", "polars", "duckdb", "mlflow", "dvc"),
    ],
)
def test_a_package_name_that_is_taken_is_refused(package: str, tmp_path: Path) -> None:
    assert f"The name {package} is already used" in refusal(tmp_path, package_name=package)


def reserved_names() -> set[str]:
    text = (ROOT / "questions" / "text.jinja").read_text(encoding="utf-8")
    body = re.search(r"macro reserved_names\(\) -%\}(.*?)\{%- endmacro", text, re.DOTALL)
    assert body
    return set(body[1].split())


def test_no_module_of_the_standard_library_and_no_keyword_can_be_the_package() -> None:
    plain = re.compile(r"[a-z](_?[a-z0-9])*")
    taken = {*sys.stdlib_module_names, *keyword.kwlist, *keyword.softkwlist}
    assert {name for name in taken if plain.fullmatch(name)} <= reserved_names()


def test_no_locked_distribution_can_be_the_package(tmp_path: Path) -> None:
    """A project with the name of one of its dependencies cannot be locked.

    When this fails after a dependency was added, add its name to questions/text.jinja.
    """
    lock = tomllib.loads((render(tmp_path / "p", {"package_name": "shop"}) / "uv.lock").read_text())
    names = {package["name"].replace("-", "_") for package in lock["package"]} - {"shop"}
    plain = re.compile(r"[a-z](_?[a-z0-9])*")
    assert {name for name in names if plain.fullmatch(name)} <= reserved_names()


@pytest.mark.parametrize(
    ("question", "answer", "sentence"),
    [
        ("business_metric", "  ", "which number the business wants to move"),
        ("business_metric", "a\x00b", "without control characters"),
        ("owner", "", "Name the team or person"),
        ("owner", "two\nlines", "one line of ordinary characters"),
        ("description", "bell \x07", "without control characters"),
        ("data_sources", [], "Choose at least one data source"),
        ("data_sources", ["sybase"], "'sybase' is not in"),
        ("jurisdictions", [], "Choose at least one set of rules"),
        ("jurisdictions", ["lgpd"], "'lgpd' is not in"),
        ("functionality", "old", "'old' is not in"),
        ("task", "clustering", "'clustering' is not in"),
        ("stage", "prod", "'prod' is not in"),
        ("hosting", "ibm", "'ibm' is not in"),
        ("serving", "never", "'never' is not in"),
        ("personal_data", "yes", "'yes' is not in"),
        ("license", "GPL", "'GPL' is not in"),
        ("docs_language", "fr", "'fr' is not in"),
        ("ci", "jenkins", "'jenkins' is not in"),
    ],
)
def test_a_wrong_answer_is_refused_with_a_sentence(
    question: str, answer: Any, sentence: str, tmp_path: Path
) -> None:
    said = refusal(tmp_path, **{question: answer})
    assert question in said
    assert sentence in said


@pytest.mark.parametrize(
    ("answers", "fragment"),
    [
        ({"data_sources": ["postgresql", "oracle", "db2"]}, "no server of Oracle, DB2 was run in"),
        ({"data_sources": ["cassandra"]}, "no server of Cassandra was run in"),
        (
            {"data_sources": ["alloydb", "mysql"], "docs_language": "es"},
            "no se ejecutó ningún servidor de AlloyDB",
        ),
    ],
)
def test_a_readme_says_of_which_database_no_server_was_run(
    answers: dict[str, Any], fragment: str, tmp_path: Path
) -> None:
    readme = (render(tmp_path / "p", answers) / "README.md").read_text(encoding="utf-8")
    assert fragment in readme and "docs/databases.md" in readme
    tested = {**answers, "data_sources": ["sample", "postgresql", "redis"]}
    readme = (render(tmp_path / "q", tested) / "README.md").read_text(encoding="utf-8")
    assert fragment not in readme and "docs/databases.md" in readme
    files = {**answers, "data_sources": ["files", "pdf"]}
    readme = (render(tmp_path / "r", files) / "README.md").read_text(encoding="utf-8")
    assert fragment not in readme and "docs/databases.md" not in readme


CHOICES = {
    name: list(question["choices"].values())
    for name, question in questions().items()
    if name in ("functionality", "task", "stage", "hosting", "serving", "personal_data")
}


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_readme_says_answers_in_words(language: str, tmp_path: Path) -> None:
    """What stands in the table is for a person: no value of a setting, whichever was chosen."""
    known = questions()
    every = [*CHOICES.items(), ("data_sources", None), ("jurisdictions", None)]
    raw = {value for name, _ in every for value in known[name]["choices"].values()}
    # In these languages they are words, or names that people use.
    words = {"bucket", "audio", "video"}
    if language == "en":
        words |= {"regression", "recommendation", "classification", "production", "files", "new"}
    for at in range(max(map(len, CHOICES.values()))):
        answers: dict[str, Any] = {n: values[at % len(values)] for n, values in CHOICES.items()}
        for name, _ in every[-2:]:
            answers[name] = list(known[name]["choices"].values())[at % 2 :: 2]
        answers |= {"docs_language": language}
        project = render(tmp_path / f"{at}", answers)
        readme = (project / "README.md").read_text(encoding="utf-8")
        charter = (project / "docs/charter.md").read_text(encoding="utf-8")
        table = re.findall(r"(?m)^\| [^|]+\? \| (.*) \|$", readme)
        scope = re.findall(r"(?m)^- \*\*(?:In|Incluye):\*\*.*$", charter)
        assert len(table) == 8 and len(scope) == 1
        said = re.sub(r"\[docs/\w+\.md\]\(docs/\w+\.md\)", "", "\n".join([*table, *scope]))
        assert set(re.findall(r"[a-z_0-9]+", said)) & (raw - words) == set()


def test_in_spanish_defaults_are_spanish_and_an_answer_stays(tmp_path: Path) -> None:
    def stored(name: str, **answers: Any) -> dict[str, Any]:
        project = render(tmp_path / name, {"docs_language": "es", **answers})
        return yaml.safe_load((project / ".copier-answers.yml").read_text(encoding="utf-8"))

    default = stored("default", project_name="Tienda", task="regression")
    assert default["description"] == (
        "Tienda: un modelo de regresión que se compara con lo que existe hoy"
    )
    assert default["owner"] == "Equipo de ciencia de datos"
    assert default["business_metric"] == "Ingresos por compras repetidas"
    typed = {"description": "A model of ours", "owner": "Ana", "business_metric": "Sales"}
    assert typed.items() <= stored("typed", **typed).items()
    english = stored("english", docs_language="en", project_name="Shop", task="regression")
    assert english["description"] == "Shop: a regression model compared with what exists today"


def test_a_project_holds_the_code_of_its_own_databases_and_nothing_of_others(
    tmp_path: Path,
) -> None:
    speak = ["postgresql", "mysql", "alloydb", "oracle", "db2"]
    every = render(tmp_path / "every", {"data_sources": ["sample", *speak]})
    none = render(tmp_path / "none")
    alone = render(tmp_path / "alone", {"data_sources": ["alloydb"]})
    kinds = Path("tools/kit/mlops_kit/data/sources/kinds")
    assert {one.stem for one in (every / kinds).glob("*.py")} == {"__init__", *speak}
    # AlloyDB's module builds upon PostgreSQL's.
    assert {one.stem for one in (alone / kinds).glob("*.py")} == {
        *("__init__", "alloydb", "postgresql")
    }
    assert [one.name for one in (none / kinds).iterdir()] == ["__init__.py"]
    drivers = re.compile(r"connectorx|pymysql|oracledb|ibm_db", re.IGNORECASE)
    named = {
        file.relative_to(none).as_posix()
        for file in none.rglob("*")
        if file.is_file() and drivers.search(file.read_text(encoding="utf-8", errors="replace"))
    }
    # Bounds and lock are the same for all answers.
    assert named == {"tools/kit/pyproject.toml", "uv.lock"}
    groups = [
        tomllib.loads((one / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]
        for one in (every, none, alone)
    ]
    assert [one["default-groups"][2:] for one in groups] == [
        ["postgresql", "mysql", "oracle", "db2"], [], ["postgresql"],
    ]  # fmt: skip


def test_a_project_holds_what_opens_its_own_files_and_nothing_of_others(tmp_path: Path) -> None:
    none = render(tmp_path / "none", {"data_sources": ["sample", "files", "postgresql"]})
    kit = Path("tools/kit/mlops_kit/data")
    assert not (none / kit / "media").exists() and not (none / "docs/media.md").exists()
    opens = re.compile(r"manifest\.parquet|spectrogram|data\.media|key_frames", re.IGNORECASE)
    named = [
        file.relative_to(none).as_posix()
        for file in none.rglob("*")
        if file.is_file() and opens.search(file.read_text(encoding="utf-8", errors="replace"))
    ]
    assert named == []
    for kinds, groups, shared in (
        (["images"], ["images"], False),
        (["pdf", "video"], ["pdf", "media"], True),
        (["audio", "video", "sample"], ["media"], True),
    ):
        project = render(tmp_path / "-".join(kinds), {"data_sources": kinds})
        modules = {one.stem for one in (project / kit / "sources/kinds").glob("*.py")}
        assert modules == {"__init__", *(one for one in kinds if one != "sample")}
        assert (project / kit / "media/recordings.py").exists() is shared
        assert "docs/media.md" in (project / "README.md").read_text(encoding="utf-8")
        declared = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
        assert declared["tool"]["uv"]["default-groups"] == ["dev", "mlops", *groups]


@pytest.mark.parametrize(
    ("hosting", "address", "group"),
    [
        ("on_premises", "../.dvc-remote-prod", None),
        ("aws", "s3://BUCKET-OF-PROD/dvc", "s3"),
        ("gcp", "gs://BUCKET-OF-PROD/dvc", "gs"),
        ("azure", "azure://CONTAINER-OF-PROD/dvc", "azure"),
    ],
)
def test_hosting_says_where_data_is_kept_and_what_reaches_it(
    hosting: str, address: str, group: str | None, tmp_path: Path
) -> None:
    project = render(tmp_path / "p", {"hosting": hosting})
    config = (project / ".dvc/config").read_text(encoding="utf-8")
    assert f"['remote \"prod\"']\n    url = {address}\n" in config
    # No default remote: a plain `dvc push` in prod would go to dev's.
    assert "remote = " not in config
    groups = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]
    assert groups["default-groups"] == ["dev", "mlops", *([group] if group else [])]
    lifecycles = [file.parent.name for file in project.glob("infra/*/lifecycle.json")]
    assert lifecycles == ([hosting] if group else [])


def test_answers_are_text_whatever_they_look_like(tmp_path: Path) -> None:
    stored = stored_answers(render(tmp_path / "p", {"project_name": "2024b", "owner": "null"}))
    assert json.dumps(stored["owner"]) == '"null"'
