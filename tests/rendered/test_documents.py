"""The documents of a project: filled from the answers, true about it, and the team's."""

import re
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from mlops_kit import cli
from mlops_kit.core.utc import today
from mlops_kit.govern import documents
from mlops_kit.govern.checking.check import check, named_commands
from mlops_kit.govern.checking.marks import placeholders
from mlops_kit.govern.commands import names_of
from mlops_kit.govern.facts.build import build
from mlops_kit.privacy.gate import check as gate
from mlops_kit.privacy.gate import report
from rendering import SHOP, files_of, render
from typer.main import get_command

FUNCTIONALITIES = ("new", "existing_rules", "existing_model")
STAGES = ("production", "poc")
PEOPLE = ("pii", "phi", "none")
LANGUAGES = ("en", "es")
TASKS = dict(zip(PEOPLE, ("classification", "recommendation", "regression"), strict=True))
SERVING = dict(zip(PEOPLE, ("batch", "both", "online"), strict=True))
HOSTING = dict(zip(PEOPLE, ("on_premises", "aws", "gcp"), strict=True))
HOSTS = dict(zip(PEOPLE, ("github", "both", "gitlab"), strict=True))
OWNERS = {
    "product owner", "solution architect", "data scientist", "data engineer", "software engineer",
    "DevOps engineer", "ML engineer", "privacy officer",
}  # fmt: skip
PRIVATE = re.compile(r"(?i)privacy|personal data|privacidad|datos personales")
FOLDERS = r"conf|docs|src|infra|tests|tools|\.github|\.gitlab"
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./-]*|[\w.]+\.(?:md|yaml|lock))`")
LATER = re.compile(
    r"reports/|data/|models/|dvc\.lock|docs/(facts|adr|incidents|privacy\.md)|\.secrets/"
    r"|conf/(abtest|shadow)\.yaml"
)
DEFAULT = {"charter", "responsible-ai", "risks", "architecture", "runbook"}
# What a document must say, by the answers under which it must.
SECTIONS: dict[str, list[tuple[dict[str, Any], str]]] = {
    "charter": [
        ({}, "## Problem"),
        ({}, "## Whom to ask, and what"),
        ({}, "## Success, and when to stop"),
        ({}, "| R7 ML engineer |"),
        ({"functionality": "new"}, "| Which performance can be guaranteed? |"),
        ({"functionality": "new"}, "| Can a proof of concept decide? |"),
        ({"functionality": "existing_rules"}, "| Why a model, when rules work? |"),
        ({"functionality": "existing_rules"}, "`uv run mlops retire baseline`"),
        ({"functionality": "existing_model"}, "| Why a new model? |"),
        ({"functionality": "existing_model"}, "`fixed_thresholds`"),
        ({"personal_data": "pii"}, "| who answers for personal data |"),
        ({"personal_data": "phi"}, "| who answers for personal data |"),
        ({"stage": "production"}, "| trial | shadow run"),
    ],
    "poc": [({}, "| Hypothesis |"), ({}, "## What will not be built"), ({}, "(facts/poc.md)")],
    "requirements": [
        *(({}, f"## {name}: ") for name in ("Reliable", "Scalable", "Maintainable", "Adaptable")),
        ({}, "**Drift is a failure.**"),
    ],
    "responsible-ai": [
        *(({}, f"## {name}\n") for name in ("Fairness", "Accountability", "Security")),
        ({"personal_data": "pii"}, "## Privacy\n"),
        ({"personal_data": "phi"}, "an employer or insurer"),
        ({"stage": "production"}, "Who approves a promotion to prod?"),
        ({}, "| what | who is harmed | likelihood |"),
        *(({}, f"| {n}.{m} |") for n, last in ((1, 7), (2, 9)) for m in range(1, last + 1)),
    ],
    "risks": [
        ({"functionality": "existing_rules"}, "not those that run in production"),
        ({"functionality": "existing_model"}, "has learned from the rows that it is judged on"),
        ({"personal_data": "phi"}, "Health data: an assessment"),
        ({"personal_data": "pii"}, "Personal data leaves the restricted zone"),
    ],
    "architecture": [
        ({}, "```mermaid"),
        *(({}, f"| C{n} |") for n in range(1, 10)),
        *(({}, f"| P{n} |") for n in range(1, 10)),
    ],
    "adr": [
        ({}, "## One metric decides"),
        ({"serving": "batch"}, "## Predictions in batches\n"),
        ({"serving": "both"}, "beside the batch"),
        ({"hosting": "on_premises"}, "money before the first result"),
        ({"hosting": "aws"}, "## It runs on AWS"),
        ({"functionality": "existing_rules"}, "is compared with the rules in force."),
        ({"stage": "poc"}, "## One environment"),
        ({"stage": "production"}, "## Three environments"),
        ({"personal_data": "pii"}, "## The data are about people"),
        ({"personal_data": "none"}, "## The data are not about people"),
    ],
    "runbook": [({"stage": "production"}, "## Drift"), ({"personal_data": "pii"}, "privacy erase")],
    "onboarding": [({}, "## Then, by role")],
    "data-card": [({}, "(facts/data-card.md)")],
    "model-card": [({}, "(facts/model-card.md)")],
    "costs": [({}, "`uv run mlops costs`")],
}


OF_HOSTS = ("github", "gitlab")
RENDERED = [name for name in documents.DOCUMENTS if name != "pretrained"]


@cache
def commands() -> set[str]:
    """Return the words of every command of `mlops`."""
    cli.add_rooms(cli.app)
    return names_of(get_command(cli.app))


def hosts_of(ci: str) -> set[str]:
    """Return the folders of the code hosts."""
    return {".github", ".gitlab"} if ci == "both" else {f".{ci}"}


def of(row: tuple[str, str, str, str], **more: Any) -> dict[str, Any]:
    functionality, stage, people, language = row
    return {
        **SHOP,
        "functionality": functionality,
        "stage": stage,
        "personal_data": people,
        "docs_language": language,
        "task": TASKS[people],
        "serving": SERVING[people],
        "hosting": HOSTING[people],
        "ci": HOSTS[people],
        "ai_governance": True,
        **more,
    }


ROWS = list(product(FUNCTIONALITIES, STAGES, PEOPLE, LANGUAGES))


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str, str], Path]:
    """Render every combination of what the documents depend on most, with all of them."""
    root = tmp_path_factory.mktemp("documents")
    return {row: render(root / "-".join(row), of(row)) for row in ROWS}


def texts(project: Path) -> dict[str, str]:
    """Return the documents of this room by their names."""
    return {
        name: (project / path).read_text(encoding="utf-8")
        for name, document in documents.DOCUMENTS.items()
        for path in document.files
        if path.parts[0] == "docs" and (project / path).is_file()
    }


def unmet(project: Path) -> list[tuple[str, str]]:
    """Return the paths that a document names, that are not there and that nothing says how to get.

    Files of people, of a run and of an incident are not there yet: LATER lists them.
    """
    return [
        (name, found)
        for name, text in texts(project).items()
        for line in text.splitlines()
        for found in PATH.findall(line)
        if not (LATER.match(found) or "mlops docs add " in line or (project / found).exists())
    ]


def test_the_command_writes_to_the_byte_what_rendering_writes(
    projects: dict[tuple[str, str, str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for row, project in projects.items():
        monkeypatch.chdir(project)
        given = documents.answers()
        for name in RENDERED:
            document = documents.DOCUMENTS[name]
            for path, page in document.files.items():
                if name not in OF_HOSTS or path.parts[0] in hosts_of(given["ci"]):
                    said = path.read_text(encoding="utf-8")
                    assert documents.render(page, given) == said, (row, path)
                else:
                    assert not path.exists()


def test_every_combination_has_the_sections_that_it_asks_for(
    projects: dict[tuple[str, str, str, str], Path],
) -> None:
    for row, project in projects.items():
        if row[3] != "en":
            continue
        given, found = of(row), texts(project)
        assert set(found) == set(SECTIONS)
        for name, sections in SECTIONS.items():
            for when, said in sections:
                if when.items() <= given.items():
                    assert said in found[name], (row, name, said)


def test_what_does_not_hold_for_the_answers_is_not_said(
    projects: dict[tuple[str, str, str, str], Path],
) -> None:
    for row, project in projects.items():
        functionality, stage, people, _ = row
        said = "\n".join(texts(project).values())
        if functionality != "existing_rules":
            assert "retire baseline" not in said
        if stage == "poc":
            assert "conf/prod.yaml" not in said and "--to prod" not in said, row
        else:
            assert "stage=production" not in said and "No environment but" not in said, row
        if people == "none":
            assert not PRIVATE.search(said), row


def test_nothing_is_asked_of_a_person_that_the_answers_say(
    projects: dict[tuple[str, str, str, str], Path],
) -> None:
    answered = re.compile(r"\{\{|\{%|\bNone\b|Undefined|\[\]")
    for row, project in projects.items():
        for name, text in texts(project).items():
            assert not answered.search(text), (row, name)
            if row[3] == "en":
                assert {mark.owner for mark in placeholders(text)} <= OWNERS, (row, name)
            assert SHOP["project_name"] in text.splitlines()[0] or "\n# " in text[:400]
            # Every mark has the one form that `mlops docs check` knows.
            assert text.count("[TO FILL") + text.count("[COMPLETAR") == len(placeholders(text))
            # All of them are there: nobody is told how to get one.
            assert name == "poc" or not re.search(r"docs add (?!pretrained)", text), (row, name)


def test_a_page_that_links_to_facts_says_before_how_they_are_made(
    projects: dict[tuple[str, str, str, str], Path],
) -> None:
    for row, project in projects.items():
        for name, text in texts(project).items():
            before, link, after = text.partition("](facts/")
            paragraph = after.partition("\n\n")[0]
            assert not link or "mlops docs build" in before + paragraph, (row, name)


def test_every_path_and_command_that_is_named_is_there(
    projects: dict[tuple[str, str, str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = commands()
    for row, project in projects.items():
        monkeypatch.chdir(project)
        assert unmet(project) == [], row
        for name, text in texts(project).items():
            for _, first, second in named_commands(text):
                group = any(one.startswith(f"{first} ") for one in known)
                assert (f"{first} {second}" if group and second else first) in known, (row, name)


def test_once_facts_are_built_only_places_to_fill_are_left(
    projects: dict[tuple[str, str, str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for row, project in projects.items():
        monkeypatch.chdir(project)
        before = files_of(project)
        written = build()
        after = files_of(project)
        changed = {name for name in after if after[name] != before.get(name)}
        assert changed == {path.as_posix() for path in written}, "only docs/facts is written"
        assert all(name.startswith("docs/facts/") for name in changed)
        left = check(commands(), today(), ["link", "review", "command", "facts"])
        assert left == [], (row, left)


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_the_gate_finds_nobody_in_documents_and_facts(
    spoken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a document is headed with may be read as the label of a person's name."""
    project = render(tmp_path / "p", of(("new", "production", "pii", spoken)))
    monkeypatch.chdir(project)
    build()
    outcome = gate.check([Path("docs")])
    assert [report.sentence(one) for one in outcome.findings] == []


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, DEFAULT),
        ({"stage": "poc"}, {"charter", "poc"}),
        ({"ai_governance": True}, set(SECTIONS)),
        ({"ai_governance": True, "personal_data": "none"}, set(SECTIONS)),
    ],
)
def test_answers_choose_the_documents_and_the_command_adds_the_rest(
    answers: dict[str, Any], expected: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = render(tmp_path / "p", {**SHOP, **answers})
    assert set(texts(project)) == expected
    assert unmet(project) == []
    assert (project / "conf/governance.yaml").is_file() is ("ai_governance" in answers)
    monkeypatch.chdir(project)
    for name in set(documents.DOCUMENTS) - expected:
        if not all(path.exists() for path in documents.DOCUMENTS[name].files):
            documents.add(name)
    build()
    assert check(commands(), today(), ["link", "review", "command", "facts"]) == []


GAPS = "fairness: {columns: [segment], measures: [equalised_odds], margin: 0.1}"
ONE_LINK_AWAY = {
    "en": {
        "responsible-ai.md#accountability": "anybody who may commit",
        "responsible-ai.md#fairness": GAPS,
        "runbook.md#drift": "opens one issue with the label `drift`",
    },
    "es": {
        "responsible-ai.md#rendición-de-cuentas": "cualquiera que pueda hacer un commit",
        "responsible-ai.md#equidad": GAPS,
        "runbook.md#drift": "abre un issue con la etiqueta `drift`",
    },
}


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_a_newcomer_s_three_questions_are_one_link_away_from_the_readme(
    spoken: str, tmp_path: Path
) -> None:
    """Who approves a promotion, how a group is compared, what happens when drift is seen."""
    project = render(tmp_path / "p", {**SHOP, "docs_language": spoken})
    readme = (project / "README.md").read_text(encoding="utf-8")
    for target, answer in ONE_LINK_AWAY[spoken].items():
        assert f"(docs/{target})" in readme
        name, _, anchor = target.partition("#")
        text = (project / "docs" / name).read_text(encoding="utf-8")
        named = rf'^## {anchor.replace("-", " ")}\n|<a id="{anchor}"></a>\n\n## [^\n]+\n'
        found = re.search(rf"(?ims)(?:{named})(.*?)(?=^## |\Z)", text)
        assert found and answer in found[1], target


PAGES_OF_SOURCES = {
    "databases.md": {
        "postgresql", "mysql", "oracle", "alloydb", "db2", "mongodb", "dynamodb", "neo4j", "redis",
        "cassandra", "graphql",
    },
    "buckets.md": {"bucket"},
    "media.md": {"images", "pdf", "audio", "video"},
}  # fmt: skip
SOURCES = {"sample", "files"}.union(*PAGES_OF_SOURCES.values())


@pytest.mark.parametrize("source", sorted(SOURCES))
@pytest.mark.parametrize("stage", STAGES)
def test_a_page_about_a_source_is_there_where_the_source_is(
    stage: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {**SHOP, "stage": stage, "data_sources": [source]}
    project = render(tmp_path / "p", given)
    pages = {name for name in PAGES_OF_SOURCES if (project / "docs" / name).is_file()}
    assert pages == {name for name, sources in PAGES_OF_SOURCES.items() if source in sources}
    readme = (project / "README.md").read_text(encoding="utf-8")
    assert {name for name in PAGES_OF_SOURCES if f"(docs/{name})" in readme} == pages
    monkeypatch.chdir(project)
    build()
    assert check(commands(), today(), ["link", "command"]) == []


@pytest.mark.parametrize("ci", ["github", "gitlab"])
@pytest.mark.parametrize("people", ["pii", "none"])
def test_who_reviews_approvals_and_the_environment_is_named_or_asked_for(
    people: str, ci: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded = {"/conf/prod.yaml", "/approvals/", "/conf/compare.yaml", f"/.{ci}/"}
    guarded |= {"/conf/privacy.yaml"} if people == "pii" else set()
    for at, owner in enumerate(("@shop/data @shop/ml", "data@example.org", "Data | science #1")):
        given = {**SHOP, "owner": owner, "personal_data": people, "ci": ci}
        project = render(tmp_path / str(at), given)
        text = (project / f".{ci}/CODEOWNERS").read_text(encoding="utf-8")
        assert all(f"\n{path} " in text.replace("\n# /", "\n/") for path in guarded)
        lines = dict(re.findall(r"(?m)^([^#\s]\S*) (.*)$", text))
        monkeypatch.chdir(project)
        asked = [one.file for one in check(commands(), today(), ["fill"])]
        if owner.startswith("@"):
            assert lines.keys() >= guarded | {"*"} and set(lines.values()) == {owner}
        else:
            # An address is personal data, which each further line would repeat.
            assert lines == ({"*": owner} if "@" in owner else {})
        assert (f".{ci}/CODEOWNERS" in asked) is ("@" not in owner)
        assert people == "pii" or not PRIVATE.search(text)
